//! The words of letters, in Chinese and in English. Pure.

use base::text::one_line;

use super::Letter;

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lang {
    /// zh-CN.
    Chinese,
    /// en-US.
    English,
}

impl Lang {
    /// The language of a locale; Chinese is the default.
    pub(super) fn of(locale: &str) -> Self {
        if locale.starts_with("en") { Self::English } else { Self::Chinese }
    }
    /// For `lang=`.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en-US",
        }
    }
}

/// The parts of a letter.
pub(super) struct Words {
    pub(super) subject: String,
    pub(super) greeting: String,
    pub(super) paragraphs: Vec<String>,
    pub(super) button: String,
    pub(super) closing: String,
}

/// What a letter says.
pub(super) fn words(letter: &Letter, lang: Lang, app: &str) -> Words {
    let app = one_line(app);
    match lang {
        Lang::Chinese => chinese(letter, &app),
        Lang::English => english(letter, &app),
    }
}

/// What users typed, on one line and without what a mail program would make a link of.
fn plain(text: &str) -> String {
    one_line(text).replace("://", ": //")
}

const NOT_YOU: &str = "If this was not you, change your password and tell your administrator.";
const NOT_ASKED: &str = "If you did not ask for this, ignore this letter: nothing happens.";

fn english(letter: &Letter, app: &str) -> Words {
    let hello = |name: &str| format!("Hello {},", plain(name));
    let (subject, greeting, paragraphs, button) = match letter {
        Letter::Invitation { organization, inviter, .. } => (
            format!("Invitation to {} on {app}", plain(organization)),
            "Hello,".to_owned(),
            vec![
                format!("{} invites you to join “{}” on {app}.", plain(inviter), plain(organization)),
                "If you do not know who that is, ignore this letter.".to_owned(),
            ],
            "Accept the invitation",
        ),
        Letter::PasswordReset { name, .. } => (
            format!("Choose a new password for {app}"),
            hello(name),
            vec![
                format!(
                    "With this link you can choose a new password for {app}. It works once and for one hour."
                ),
                "With the new password every session and every API key of your account ends.".to_owned(),
                NOT_ASKED.to_owned(),
            ],
            "Choose a new password",
        ),
        Letter::PasswordChanged { name, keys_ended } => (
            format!("Your {app} password was changed"),
            hello(name),
            vec![
                match keys_ended {
                    true => format!(
                        "The password of your {app} account has just been reset. Its sessions and API keys have ended: make new keys for programs that used them."
                    ),
                    false => format!("The password of your {app} account has just been changed."),
                },
                NOT_YOU.to_owned(),
            ],
            "",
        ),
        Letter::EmailChange { name, .. } => (
            format!("Confirm your e-mail address for {app}"),
            hello(name),
            vec![
                format!(
                    "Confirm with this link that this address is yours; {app} will use it from then on. It works once and for one hour."
                ),
                NOT_ASKED.to_owned(),
            ],
            "Confirm the address",
        ),
        Letter::EmailChangeAsked { name } => (
            format!("Your {app} e-mail address is to be changed"),
            hello(name),
            vec![
                format!(
                    "Another e-mail address was entered for your {app} account. It replaces this one as soon as the link sent there is followed, within one hour."
                ),
                "If this was not you, change your password at once: that makes the link worthless."
                    .to_owned(),
            ],
            "",
        ),
        Letter::EmailChanged { name } => (
            format!("Your {app} e-mail address was changed"),
            hello(name),
            vec![
                format!(
                    "Your {app} account has another e-mail address now, and this one does not sign in any more."
                ),
                NOT_YOU.to_owned(),
            ],
            "",
        ),
        Letter::Test { name } => (
            format!("Test letter from {app}"),
            hello(name),
            vec!["If you can read this, mail works.".to_owned()],
            "",
        ),
        Letter::Notice(notice) => (
            format!("{app}: {}", plain(&notice.en.subject)),
            "Hello,".to_owned(),
            notice.en.lines.iter().map(|line| plain(line)).collect(),
            "Open it",
        ),
    };
    Words { subject, greeting, paragraphs, button: button.to_owned(), closing: format!("— {app}") }
}

fn chinese(letter: &Letter, app: &str) -> Words {
    let hello = |name: &str| format!("{}，您好：", plain(name));
    let ask = "如果这不是您本人的操作，请立即修改密码并联系管理员。";
    let ignore = "如果您没有提出过这个请求，请忽略本邮件，不会发生任何变化。";
    let (subject, greeting, paragraphs, button) = match letter {
        Letter::Invitation { organization, inviter, .. } => (
            format!("邀请您加入 {app} 上的“{}”", plain(organization)),
            "您好：".to_owned(),
            vec![
                format!("{}邀请您加入 {app} 上的“{}”。", plain(inviter), plain(organization)),
                "如果您不认识邀请人，请忽略本邮件。".to_owned(),
            ],
            "接受邀请",
        ),
        Letter::PasswordReset { name, .. } => (
            format!("重设您的 {app} 密码"),
            hello(name),
            vec![
                format!("您可以通过下面的链接为 {app} 设置新密码。链接一小时内有效，只能使用一次。"),
                "设置新密码后，您账号的所有会话和 API 密钥都会失效。".to_owned(),
                ignore.to_owned(),
            ],
            "设置新密码",
        ),
        Letter::PasswordChanged { name, keys_ended } => (
            format!("您的 {app} 密码已修改"),
            hello(name),
            vec![
                match keys_ended {
                    true => format!(
                        "您的 {app} 账号密码刚刚被重设，所有会话和 API 密钥均已失效；如有程序使用这些密钥，请重新创建。"
                    ),
                    false => format!("您的 {app} 账号密码刚刚被修改。"),
                },
                ask.to_owned(),
            ],
            "",
        ),
        Letter::EmailChange { name, .. } => (
            format!("确认您的 {app} 邮箱地址"),
            hello(name),
            vec![
                format!(
                    "请通过下面的链接确认这个邮箱属于您，确认后 {app} 将使用它。链接一小时内有效，只能使用一次。"
                ),
                ignore.to_owned(),
            ],
            "确认邮箱",
        ),
        Letter::EmailChangeAsked { name } => (
            format!("您的 {app} 邮箱地址即将更换"),
            hello(name),
            vec![
                format!(
                    "有人为您的 {app} 账号填写了新的邮箱地址。一小时内打开发往新邮箱的链接后，本邮箱将被替换。"
                ),
                "如果这不是您本人的操作，请立即修改密码，该链接将随之失效。".to_owned(),
            ],
            "",
        ),
        Letter::EmailChanged { name } => (
            format!("您的 {app} 邮箱地址已更换"),
            hello(name),
            vec![format!("您的 {app} 账号已更换邮箱，本邮箱不能再用于登录。"), ask.to_owned()],
            "",
        ),
        Letter::Test { name } => (
            format!("{app} 测试邮件"),
            hello(name),
            vec!["如果您能读到这封信，说明邮件发送正常。".to_owned()],
            "",
        ),
        Letter::Notice(notice) => (
            format!("{app}：{}", plain(&notice.zh.subject)),
            "您好：".to_owned(),
            notice.zh.lines.iter().map(|line| plain(line)).collect(),
            "打开查看",
        ),
    };
    Words { subject, greeting, paragraphs, button: button.to_owned(), closing: format!("—— {app}") }
}

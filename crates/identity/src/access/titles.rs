//! The titles of permissions, put together from a resource's and an action's words.
//!
//! May import: `kernel`'s catalogue and registry.

use kernel::{App, access::Entry};

/// Actions: code, Chinese, English.
const ACTIONS: [(&str, &str, &str); 32] = [
    ("list", "列出", "List"),
    ("read", "查看", "Read"),
    ("create", "新建", "Create"),
    ("update", "修改", "Change"),
    ("delete", "删除", "Delete"),
    ("purge", "彻底删除", "Delete for good"),
    ("export", "导出", "Export"),
    ("import", "导入", "Import"),
    ("grant", "直接授权", "Grant permissions"),
    ("reset", "发送重置密码链接", "Send a reset link"),
    ("revoke", "撤销", "Revoke"),
    ("anonymize", "匿名化", "Anonymise"),
    ("retry", "重试", "Retry"),
    ("cancel", "取消", "Cancel"),
    ("run", "立即运行", "Run now"),
    ("pause", "暂停", "Pause"),
    ("resume", "恢复", "Resume"),
    ("enable", "启用", "Enable"),
    ("disable", "停用", "Disable"),
    ("test", "测试", "Test"),
    ("initialize", "初始化", "Initialise"),
    ("allocate", "领取", "Allocate"),
    ("operate", "隔离与放行", "Quarantine and release"),
    ("rotate", "轮换密钥", "Rotate the key"),
    ("check", "检查", "Check"),
    ("change", "授予与收回", "Give and take"),
    ("offboard", "办理离职", "Offboard"),
    ("verify", "核验", "Verify"),
    ("ping", "发送测试消息", "Send a ping"),
    ("replay", "重放", "Replay"),
    ("calls", "查看调用记录", "See its calls"),
    ("redeliver", "重新投递", "Deliver again"),
];

/// What is no resource of the engine: module, name, Chinese, English.
const OTHERS: [(&str, &str, &str, &str); 14] = [
    ("identity", "audit_seal", "审计封存", "Sealed audit trail"),
    ("identity", "invitation", "邀请", "Invitations"),
    ("identity", "session", "会话", "Sessions"),
    ("identity", "api_key", "API 密钥", "API keys"),
    ("identity", "organization", "组织", "Organisation"),
    ("jobs", "job_kind", "任务类型", "Job kinds"),
    ("ids", "database", "号段数据库", "Databases of ids"),
    ("ids", "table", "发现的表", "Discovered tables"),
    ("ids", "key", "号段", "Keys of ids"),
    ("ids", "generator", "编号规则", "Generators of ids"),
    ("members", "grant", "成员授权", "Grants to members"),
    ("members", "member", "成员", "Members and their access"),
    ("members", "client", "接入程序", "Programs"),
    ("members", "issuer", "登录来源", "Issuers"),
];

/// A permission's titles in Chinese and English.
pub(super) fn of(app: &App, entry: &Entry) -> (String, String) {
    let (noun_zh, noun_en) = noun(app, entry);
    let action = ACTIONS.iter().find(|(code, ..)| *code == entry.action);
    let (verb_zh, verb_en) = match action {
        Some((_, zh, en)) => ((*zh).to_owned(), (*en).to_owned()),
        None => (words(&entry.action), words(&entry.action)),
    };
    (format!("{noun_zh}：{verb_zh}"), format!("{noun_en}: {verb_en}"))
}

fn noun(app: &App, entry: &Entry) -> (String, String) {
    if let Some(resource) = app.registry().find(&entry.tuple_module()) {
        return (resource.meta().zh.to_owned(), resource.meta().en.to_owned());
    }
    match OTHERS.iter().find(|(module, name, ..)| *module == entry.module && *name == entry.name) {
        Some((.., zh, en)) => ((*zh).to_owned(), (*en).to_owned()),
        None => (words(&entry.name), words(&entry.name)),
    }
}

/// `send_reset` → `Send reset`.
fn words(code: &str) -> String {
    let text = code.replace('_', " ");
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

//! The kinds of letters, as plain text and as simple HTML. Pure.
//!
//! What users typed is kept on one line and escaped (ASVS 1.3.7, 1.3.11).

use base::text::one_line;
use kernel::port::Notice;

use super::text::{Lang, Words, words};

/// A letter.
pub enum Letter {
    /// Somebody is asked to join an organisation.
    Invitation {
        /// The organisation's name.
        organization: String,
        /// Who asks.
        inviter: String,
        /// Where to accept.
        link: String,
    },
    /// Somebody forgot a password.
    PasswordReset {
        /// To whom.
        name: String,
        /// Where to choose a new one.
        link: String,
    },
    /// A password was changed.
    PasswordChanged {
        /// To whom.
        name: String,
        /// Whether his API keys have ended with it.
        keys_ended: bool,
    },
    /// An address is to be proven.
    EmailChange {
        /// To whom.
        name: String,
        /// Where to prove it.
        link: String,
    },
    /// Another address is to be proven; goes to the one that is to be replaced.
    EmailChangeAsked {
        /// To whom.
        name: String,
    },
    /// The address was changed; goes to the one before.
    EmailChanged {
        /// To whom.
        name: String,
    },
    /// Mail works.
    Test {
        /// To whom.
        name: String,
    },
    /// What another module has to say.
    Notice(Notice),
}

/// A letter in words.
pub(super) struct Written {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

impl Letter {
    fn link(&self) -> Option<&str> {
        match self {
            Self::Invitation { link, .. }
            | Self::PasswordReset { link, .. }
            | Self::EmailChange { link, .. } => Some(link),
            Self::Notice(notice) => notice.link.as_deref(),
            Self::PasswordChanged { .. }
            | Self::EmailChangeAsked { .. }
            | Self::EmailChanged { .. }
            | Self::Test { .. } => None,
        }
    }

    /// The letter in the reader's language, in the name of `app`.
    pub(super) fn write(&self, locale: &str, app: &str) -> Written {
        let lang = Lang::of(locale);
        let Words { subject, greeting, paragraphs, button, closing } = words(self, lang, app);
        let link = self.link();
        let mut text = format!("{greeting}\n\n");
        let mut html = String::new();
        paragraph(&mut html, &greeting);
        for part in &paragraphs {
            text.push_str(part);
            text.push_str("\n\n");
            paragraph(&mut html, part);
        }
        if let Some(link) = link {
            text.push_str(&format!("{button}:\n{link}\n\n"));
            let link = escape(link);
            let button = escape(&button);
            html.push_str(&format!("<p><a href=\"{link}\">{button}</a></p>\n<p><small>{link}</small></p>\n"));
        }
        text.push_str(&closing);
        text.push('\n');
        paragraph(&mut html, &closing);
        let lang = lang.tag();
        let html = format!(
            "<!doctype html>\n<html lang=\"{lang}\">\n<head><meta charset=\"utf-8\"></head>\n<body>\n{html}</body>\n</html>\n"
        );
        Written { subject: one_line(&subject), text, html }
    }
}

fn paragraph(html: &mut String, text: &str) {
    html.push_str(&format!("<p>{}</p>\n", escape(text)));
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

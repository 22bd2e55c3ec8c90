//! From a [`Mail`] to an Internet message (RFC 5322, MIME). Pure but for the date and the message id.

use base::{Error, Result, text::one_line};
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};

use super::Mail;

/// Reads the sender of the configuration.
pub(super) fn sender(text: &str) -> Result<Mailbox> {
    let wrong = || Error::invalid("invalid_setting", "the sender is not an e-mail address");
    if text.chars().any(char::is_control) {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

/// The sender of letters that go nowhere.
pub(super) fn placeholder() -> Address {
    Address::new_dangerous("no-reply", "localhost")
}

/// One recipient, a subject on one line, plain text and perhaps HTML, marked as made by a
/// machine (RFC 3834), so that nobody's holiday notice answers.
pub(super) fn build(mail: &Mail, from: &Mailbox) -> Result<Message> {
    let id = format!("<{}@{}>", base::random::token(), from.email.domain());
    let builder = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, recipient(&mail.to)?))
        .subject(one_line(&mail.subject))
        .message_id(Some(id))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    let message = match &mail.html {
        Some(html) => builder.multipart(MultiPart::alternative_plain_html(mail.text.clone(), html.clone())),
        None => builder.header(ContentType::TEXT_PLAIN).body(mail.text.clone()),
    };
    message.map_err(Error::internal)
}

fn recipient(text: &str) -> Result<Address> {
    let wrong = || Error::field("to", "invalid_email", "this is not an e-mail address");
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '"')) {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

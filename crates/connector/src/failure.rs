//! What went wrong with a database, before it becomes the product's error.

use base::{Error, secret::ExposeSecret};

use crate::Target;

/// The longest sentence that is passed on, in characters.
const SENTENCE_MAX: usize = 400;

/// What a caller may do about it; the code of the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Refused, no answer in time, no such host, not ready yet.
    Unreachable,
    /// A wrong password, or a right that is missing.
    Denied,
    /// There is no such database.
    NoDatabase,
    /// Anything else.
    Failed,
}

/// Why a call on a database did not work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database or its driver said so.
    Said {
        /// The class.
        why: Why,
        /// The driver's sentence, as it came.
        sentence: String,
        /// Whether the connection cannot be used any longer.
        broken: bool,
    },
    /// This crate refuses by itself.
    Ours(Error),
}

impl Failure {
    /// A failure after which the connection goes on.
    pub fn said(why: Why, sentence: impl ToString) -> Self {
        Self::Said { why, sentence: sentence.to_string(), broken: false }
    }

    /// A failure that ends the connection.
    pub fn broken(why: Why, sentence: impl ToString) -> Self {
        Self::Said { why, sentence: sentence.to_string(), broken: true }
    }

    /// Nothing came back within a limit.
    pub fn silent(after: std::time::Duration) -> Self {
        let seconds = after.as_secs_f32();
        Self::broken(Why::Unreachable, format!("the server did not answer within {seconds:.0} s"))
    }

    /// The class, when the database said it.
    pub fn why(&self) -> Option<Why> {
        match self {
            Self::Said { why, .. } => Some(*why),
            Self::Ours(_) => None,
        }
    }

    /// Whether the next statement needs a new connection.
    pub fn is_broken(&self) -> bool {
        matches!(self, Self::Said { broken: true, .. })
    }

    /// The product's error: the sentence on one line, without the password.
    pub fn into_error(self, target: &Target) -> Error {
        let (why, sentence) = match self {
            Self::Ours(error) => return error,
            Self::Said { why, sentence, .. } => (why, sentence),
        };
        let (code, plain) = match why {
            Why::Unreachable => ("target_unreachable", "the server cannot be reached"),
            Why::Denied => ("target_denied", "the server refused the user, the password or a right"),
            Why::NoDatabase => ("target_no_database", "the server has no such database"),
            Why::Failed => ("target_failed", "the server answered with an error"),
        };
        let sentence = one_line(&sentence);
        // A server can say what it was sent. Blanking out would tell a short password by its gaps,
        // so such a sentence is not passed on at all.
        let password = target.password.expose_secret();
        let leaks = !password.is_empty() && sentence.contains(one_line(password).as_str());
        let detail = if leaks || sentence.is_empty() { plain.to_owned() } else { sentence };
        match why {
            Why::Unreachable | Why::Failed => Error::unavailable(code, detail),
            Why::Denied | Why::NoDatabase => Error::invalid(code, detail),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::broken(Why::Unreachable, error)
    }
}

fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(SENTENCE_MAX).collect()
}

#[cfg(test)]
mod tests {
    use base::Kind;

    use super::*;
    use crate::Product;

    fn target(password: &str) -> Target {
        Target::new(Product::Mysql, "db", "root", password.to_owned().into(), None).unwrap()
    }

    #[test]
    fn a_sentence_arrives_on_one_line_and_not_longer_than_needed() {
        let said = Failure::said(Why::Failed, format!("a\r\n b\u{7}\tc {}", "x".repeat(900)));
        let error = said.into_error(&target("secret"));
        assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "target_failed"));
        assert!(error.detail().starts_with("a b c x") && error.detail().chars().count() == SENTENCE_MAX);
    }

    #[test]
    fn a_sentence_with_the_password_is_not_passed_on() {
        for password in ["s3cret", "s3 cret", "r", "password\n"] {
            let said = Failure::broken(Why::Denied, format!("denied for 'root' with {password}, sorry"));
            let error = said.into_error(&target(password));
            assert_eq!(error.detail(), "the server refused the user, the password or a right");
            assert!(!format!("{error:?}").contains("sorry"));
        }
        let error = Failure::said(Why::Denied, "Access denied for user 'app'").into_error(&target("s3cret"));
        assert_eq!((error.code(), error.detail()), ("target_denied", "Access denied for user 'app'"));
        assert_eq!(error.kind(), Kind::Invalid);
    }

    #[test]
    fn an_empty_password_hides_nothing() {
        let error = Failure::said(Why::NoDatabase, "Unknown database 'x'").into_error(&target(""));
        assert_eq!((error.code(), error.detail()), ("target_no_database", "Unknown database 'x'"));
    }
}

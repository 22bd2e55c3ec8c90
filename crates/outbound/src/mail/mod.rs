//! Letters: through SMTP, into a folder while SMTP is not set up, or into memory for tests.
//!
//! A [`Mail`] has one recipient and no headers of its own, and what it has is kept on one
//! line, so nothing a user typed can add a header or a recipient (ASVS 1.3.11).
//! May import: lettre, tokio.

mod message;
mod smtp;

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use base::{Clock, Error, Result, Secret, SystemClock};
use lettre::message::Mailbox;
use tokio::io::AsyncWriteExt;

use self::smtp::Smtp;

/// A letter to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The address, without a display name.
    pub to: String,
    /// The subject; control characters are made harmless.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The body as HTML, if there is one. Its author escapes what users typed.
    pub html: Option<String>,
}

/// How the connection to the SMTP server is protected (`SMTP_TLS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Not at all: for a relay on this machine.
    None,
    /// STARTTLS, required (RFC 3207), usually on port 587.
    StartTls,
    /// TLS from the first byte (RFC 8314), usually on port 465.
    Tls,
    /// STARTTLS if it is offered; whoever sits in between can take the offer away.
    Opportunistic,
}

impl TlsMode {
    /// The port that goes with it.
    pub fn default_port(self) -> u16 {
        match self {
            Self::None | Self::Opportunistic => 25,
            Self::StartTls => 587,
            Self::Tls => 465,
        }
    }
}

impl FromStr for TlsMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "none" => Ok(Self::None),
            "starttls" => Ok(Self::StartTls),
            "tls" => Ok(Self::Tls),
            "opportunistic" => Ok(Self::Opportunistic),
            _ => {
                Err(Error::invalid("invalid_setting", "SMTP_TLS: one of none, starttls, tls, opportunistic"))
            }
        }
    }
}

/// The SMTP server.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// Host name; also the name that its certificate must have.
    pub host: String,
    /// Port; see [`TlsMode::default_port`].
    pub port: u16,
    /// User name, if the server wants one.
    pub username: Option<String>,
    /// Password, if the server wants one.
    pub password: Option<Secret>,
    /// Protection of the connection.
    pub tls: TlsMode,
    /// The sender: `no-reply@example.com` or `Tenon <no-reply@example.com>`.
    pub from: String,
}

/// Sends letters. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    way: Arc<Way>,
}

enum Way {
    Smtp(Box<Smtp>),
    Outbox { folder: PathBuf, from: Mailbox },
    Memory { sent: Mutex<Vec<Mail>>, from: Mailbox },
}

impl Mailer {
    /// Through an SMTP server. Checks the settings, does not connect.
    pub fn smtp(settings: &MailSettings) -> Result<Self> {
        Ok(Self::with(Way::Smtp(Box::new(Smtp::new(settings)?))))
    }

    /// Into `<data_dir>/outbox`, one `.eml` file a letter, readable by this user only.
    pub fn outbox(data_dir: &Path, from: &str) -> Result<Self> {
        Ok(Self::with(Way::Outbox { folder: data_dir.join("outbox"), from: message::sender(from)? }))
    }

    /// Into memory, for tests: see [`Mailer::sent`].
    pub fn memory() -> Self {
        let from = Mailbox::new(None, message::placeholder());
        Self::with(Way::Memory { sent: Mutex::default(), from })
    }

    fn with(way: Way) -> Self {
        Self { way: Arc::new(way) }
    }

    /// Whether letters leave the machine. If not, the console shows links to copy.
    pub fn is_smtp(&self) -> bool {
        matches!(*self.way, Way::Smtp(_))
    }

    /// Sends one letter. An address that is none is 422; a failure of the server or the way to
    /// it is 503 `mail_unavailable`, with `Retry-After` only if another try may help.
    pub async fn send(&self, mail: &Mail) -> Result<()> {
        match &*self.way {
            Way::Smtp(smtp) => smtp.send(message::build(mail, smtp.from())?).await,
            Way::Outbox { folder, from } => {
                let message = message::build(mail, from)?;
                write(folder, &message.formatted()).await.map_err(|error| {
                    let detail =
                        format!("the outbox {} cannot be written: {}", folder.display(), error.kind());
                    Error::unavailable("mail_unavailable", detail).with_source(error)
                })
            }
            Way::Memory { sent, from } => {
                message::build(mail, from)?;
                sent.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
                Ok(())
            }
        }
    }

    /// For `doctor`: connects, greets, protects the connection and signs in; sends nothing. For
    /// the outbox: makes the folder.
    pub async fn check(&self) -> Result<()> {
        match &*self.way {
            Way::Smtp(smtp) => smtp.check().await,
            Way::Outbox { folder, .. } => make_folder(folder).await.map_err(|error| {
                let detail = format!("the outbox {} cannot be made: {}", folder.display(), error.kind());
                Error::unavailable("mail_unavailable", detail).with_source(error)
            }),
            Way::Memory { .. } => Ok(()),
        }
    }

    /// What a [`Mailer::memory`] was given, oldest first; nothing for the others.
    pub fn sent(&self) -> Vec<Mail> {
        match &*self.way {
            Way::Memory { sent, .. } => sent.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            _ => Vec::new(),
        }
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self.way {
            Way::Smtp(_) => "Mailer(smtp)",
            Way::Outbox { .. } => "Mailer(outbox)",
            Way::Memory { .. } => "Mailer(memory)",
        })
    }
}

async fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = tokio::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(folder).await
}

/// Letters carry links that sign people in: nobody else on the machine may read them.
async fn write(folder: &Path, bytes: &[u8]) -> std::io::Result<()> {
    make_folder(folder).await?;
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let name = format!("{}.eml", base::id::new(SystemClock.now()));
    let mut file = options.open(folder.join(name)).await?;
    file.write_all(bytes).await?;
    file.sync_all().await
}

#[cfg(test)]
mod tests;

//! The way through an SMTP server (RFC 5321): one connection a letter.
//!
//! Connections are not kept: lettre gives one whose letter was cut off by our timeout back to
//! its pool, and the next letter would read the replies that were meant for the one before.

use std::{sync::OnceLock, time::Duration};

use base::{Error, Result, Secret, secret::ExposeSecret};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::Mailbox,
    transport::smtp::{
        AsyncSmtpTransportBuilder, Error as SmtpError, PoolConfig,
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};

use super::{MailSettings, TlsMode, message};

/// For connecting, which is all that lettre's own timeout bounds; a whole letter gets [`LETTER_TIMEOUT`].
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const LETTER_TIMEOUT: Duration = Duration::from_secs(30);
const RETRY_SECONDS: u32 = 60;

pub(super) struct Smtp {
    builder: AsyncSmtpTransportBuilder,
    /// Made at first use: it starts a task of its own and so needs the runtime.
    transport: OnceLock<AsyncSmtpTransport<Tokio1Executor>>,
    from: Mailbox,
    server: String,
    password: Option<Secret>,
}

impl Smtp {
    pub(super) fn new(settings: &MailSettings) -> Result<Self> {
        let tls = || {
            TlsParameters::new(settings.host.clone()).map_err(|error| {
                Error::invalid("invalid_setting", "SMTP_HOST is not a host name").with_source(error)
            })
        };
        let mode = match settings.tls {
            TlsMode::None => Tls::None,
            TlsMode::StartTls => Tls::Required(tls()?),
            TlsMode::Tls => Tls::Wrapper(tls()?),
            TlsMode::Opportunistic => Tls::Opportunistic(tls()?),
        };
        let pool = PoolConfig::new().min_idle(0).max_size(0);
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.host.clone())
            .port(settings.port)
            .tls(mode)
            .timeout(Some(CONNECT_TIMEOUT))
            .pool_config(pool);
        if let Some(username) = &settings.username {
            let password = settings.password.as_ref().map_or("", |password| password.expose_secret());
            builder = builder.credentials(Credentials::new(username.clone(), password.to_owned()));
            if matches!(settings.tls, TlsMode::None | TlsMode::Opportunistic) {
                tracing::warn!(host = %settings.host, "the SMTP password may travel in clear: set SMTP_TLS to starttls or tls");
            }
        }
        Ok(Self {
            builder,
            transport: OnceLock::new(),
            from: message::sender(&settings.from)?,
            server: format!("{}:{}", settings.host, settings.port),
            password: settings.password.clone(),
        })
    }

    pub(super) fn from(&self) -> &Mailbox {
        &self.from
    }

    pub(super) async fn send(&self, message: Message) -> Result<()> {
        let sending = tokio::time::timeout(LETTER_TIMEOUT, self.transport().send(message)).await;
        sending.map_err(|_| self.slow())?.map(|_| ()).map_err(|error| self.translate(&error))
    }

    pub(super) async fn check(&self) -> Result<()> {
        let check = tokio::time::timeout(LETTER_TIMEOUT, self.transport().test_connection()).await;
        match check.map_err(|_| self.slow())? {
            Ok(true) => Ok(()),
            Ok(false) => {
                Err(self.unavailable("does not answer after the greeting").retry_after(RETRY_SECONDS))
            }
            Err(error) => Err(self.translate(&error)),
        }
    }

    fn transport(&self) -> &AsyncSmtpTransport<Tokio1Executor> {
        self.transport.get_or_init(|| self.builder.clone().build())
    }

    fn slow(&self) -> Error {
        self.unavailable("takes too long").retry_after(RETRY_SECONDS)
    }

    fn unavailable(&self, what: &str) -> Error {
        Error::unavailable("mail_unavailable", format!("the mail server {} {what}", self.server))
    }

    /// The class and the reply code are shown; the server's own words go to the log, without
    /// the password should it have repeated it.
    fn translate(&self, error: &SmtpError) -> Error {
        let what = match error.status() {
            Some(code) if matches!(u16::from(code), 530 | 534 | 535 | 538) => {
                format!("refuses the user name and password (reply {code})")
            }
            Some(code) => format!("refuses the letter (reply {code})"),
            None if error.is_timeout() => "takes too long".to_owned(),
            None if error.is_tls() => "has no valid certificate for its name, or speaks no TLS".to_owned(),
            None if error.is_response() => "does not speak SMTP".to_owned(),
            None if error.is_client() => "offers no way to sign in, or no STARTTLS".to_owned(),
            None => "cannot be reached".to_owned(),
        };
        let mut cause = error.to_string();
        if let Some(password) = self.password.as_ref().map(|p| p.expose_secret()).filter(|p| !p.is_empty()) {
            cause = cause.replace(password, "[REDACTED]");
        }
        let answer = self.unavailable(&what).with_source(cause);
        if error.is_permanent() { answer } else { answer.retry_after(RETRY_SECONDS) }
    }
}

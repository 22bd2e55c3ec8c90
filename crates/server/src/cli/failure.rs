//! How a command fails: one line on standard error and an exit code with a meaning.

use std::{fmt, process::ExitCode};

use clap::{Parser, error::ErrorKind};

use super::{args::Cli, print};
use crate::config::Refused;

/// Exit codes other than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It failed, or a check found something.
    Failed = 1,
    /// Wrong use, or refused by configuration.
    Refused = 2,
    /// Migrations are pending.
    Pending = 3,
}

/// Why a command did not succeed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Which exit code.
    pub exit: Exit,
    /// One line that says what to do.
    pub message: String,
}

impl Failure {
    /// Exit code 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into() }
    }

    /// Exit code 2.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { exit: Exit::Refused, message: message.into() }
    }

    /// Exit code 3.
    pub fn pending(message: impl Into<String>) -> Self {
        Self { exit: Exit::Pending, message: message.into() }
    }

    /// Prints the line and gives the exit code.
    pub fn report(&self) -> ExitCode {
        eprintln!("tenon: {}", base::text::one_line(&self.message));
        ExitCode::from(self.exit as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::refused(refused.to_string())
    }
}

impl From<base::Error> for Failure {
    fn from(error: base::Error) -> Self {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            let text = cause.to_string();
            // Many errors tell their cause themselves.
            if !message.contains(&text) {
                message += &format!(": {text}");
            }
            source = cause.source();
        }
        Self::failed(message)
    }
}

impl Cli {
    /// Reads the process's arguments. `Err` holds the exit code when there is nothing left to
    /// do: help was printed, or one line said what is wrong with the arguments.
    pub fn from_process() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                print(&error.to_string());
                ExitCode::SUCCESS
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                Failure::refused("the command is not complete; `--help` shows what can follow").report()
            }
            _ => usage(&error.to_string()).report(),
        })
    }
}

/// Clap's answer is a paragraph; its first part and the tip make one line.
fn usage(text: &str) -> Failure {
    let mut lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let first = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let rest: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let joined = if first.ends_with(':') {
        format!("{first} {}", rest.join(" "))
    } else {
        std::iter::once(first.as_str()).chain(rest).collect::<Vec<_>>().join("; ")
    };
    Failure::refused(format!("{joined}; `--help` shows what is possible"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_arguments_make_one_line() {
        for words in [
            vec!["serve", "--prot", "1"],
            vec!["rls", "--test", "--enable"],
            vec!["createsuperuser"],
            vec!["fly"],
        ] {
            let error = Cli::try_parse_from(std::iter::once("tenon").chain(words)).expect_err("wrong");
            let failure = usage(&error.to_string());
            assert_eq!(failure.exit, Exit::Refused);
            assert!(!failure.message.contains('\n') && failure.message.len() > 30, "{failure}");
        }
        let error = Cli::try_parse_from(["tenon", "serve", "--prot", "1"]).expect_err("wrong");
        assert!(usage(&error.to_string()).message.contains("--port"), "{error}");
    }

    #[test]
    fn an_error_of_the_product_shows_its_causes() {
        let error =
            base::Error::unavailable("database_down", "the database does not answer").with_source("refused");
        assert_eq!(Failure::from(error).message, "the database does not answer: refused");
        let told = base::Error::unavailable("mail_down", "no mail: timed out").with_source("timed out");
        assert_eq!(Failure::from(told).message, "no mail: timed out", "a cause is told once");
    }
}

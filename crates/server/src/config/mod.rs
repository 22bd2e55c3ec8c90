//! Configuration: command line over environment over `.env.<env>` over defaults.
//!
//! [`table::SETTINGS`] lists every setting once; [`Settings`] holds each with its source, for
//! `tenon config`; [`Config`] is the typed result that the rest of the server is wired from.
//! Nothing else reads the environment.

mod derive;
mod dotenv;
mod generated;
mod layers;
mod model;
mod near;
mod policy;
mod show;
pub mod table;
#[cfg(test)]
mod tests;
mod typed;
mod value;

use std::{fmt, path::PathBuf};

pub use layers::{Effective, Inputs, Settings, Source};
pub use model::{
    Config, Cors, Database, DatabaseKind, DocsAccess, Http, Jwt, JwtAlgorithm, Log, LogFormat, Smtp, SmtpTls,
    Worker,
};
pub use value::PURPOSES;

/// Which rules apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum AppEnv {
    /// On a developer's machine: makes what is missing.
    Dev,
    /// In earnest: refuses what is unsafe.
    Prod,
}

impl fmt::Display for AppEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AppEnv::Dev => "dev",
            AppEnv::Prod => "prod",
        })
    }
}

/// The configuration does not allow a start; every reason at once, on one line.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// One sentence per problem.
    pub problems: Vec<String>,
    /// What may explain them, such as a misspelt name.
    pub hints: Vec<String>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [one] => f.write_str(one)?,
            many => {
                write!(f, "{} problems with the configuration:", many.len())?;
                many.iter().enumerate().try_for_each(|(at, problem)| {
                    let end = if at + 1 < many.len() { ";" } else { "" };
                    write!(f, " ({}) {problem}{end}", at + 1)
                })?;
            }
        }
        self.hints.iter().try_for_each(|hint| write!(f, "; note: {hint}"))
    }
}

impl std::error::Error for Refused {}

impl Config {
    /// Reads everything. In dev, missing secrets are made and kept under `DATA_DIR`.
    pub fn load(inputs: &Inputs) -> Result<Self, Refused> {
        Settings::load(inputs, Secrets::Make).typed()
    }

    /// As [`Config::load`], but writes nothing: missing secrets are replaced by random ones
    /// that end with this process. For commands that touch no data, such as `tenon openapi`.
    pub fn peek(inputs: &Inputs) -> Result<Self, Refused> {
        Settings::load(inputs, Secrets::Peek).typed()
    }

    /// Makes `DATA_DIR` if it is missing and proves that it can be written.
    pub fn ensure_data_dir(&self) -> Result<(), Refused> {
        generated::ensure_data_dir(&self.data_dir)
            .map_err(|problem| Refused { problems: vec![problem], hints: Vec::new() })
    }

    /// What is odd but allowed; worth a line each in the log.
    pub fn warnings(&self) -> &[String] {
        &self.settings.warnings
    }
}

/// Whether missing secrets may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Secrets {
    Make,
    Peek,
}

impl Settings {
    /// Everything as it would be at a start, writing nothing; never fails, problems are listed.
    pub fn inspect(inputs: &Inputs) -> Self {
        Self::load(inputs, Secrets::Peek)
    }

    fn load(inputs: &Inputs, mode: Secrets) -> Self {
        let mut settings = Self::gather(inputs);
        settings.derive();
        settings.judge();
        if !settings.is_prod() && settings.problems.is_empty() {
            settings.add_generated(mode);
        }
        settings
    }

    fn add_generated(&mut self, mode: Secrets) {
        if generated::NAMES.iter().all(|name| self.is_set(name)) {
            return;
        }
        let data_dir = PathBuf::from(self.text("DATA_DIR").unwrap_or_default());
        let found = match mode {
            Secrets::Make => generated::load_or_make(&data_dir).map(Some),
            Secrets::Peek => generated::peek(&data_dir),
        };
        match found {
            Ok(secrets) => {
                for (name, secret) in secrets.unwrap_or_default() {
                    self.fill(&name, secret, Source::Generated);
                }
                self.warnings.extend(generated::exposure(&data_dir));
            }
            Err(problem) => self.problems.push(problem),
        }
    }
}

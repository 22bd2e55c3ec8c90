//! Where values come from: command line, environment, `.env.<env>`, defaults, in this order.

use std::{collections::HashMap, fmt, path::PathBuf};

use super::{
    AppEnv, Refused, dotenv, near,
    table::{Preset, SETTINGS, Setting, find},
    value::Value,
};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// An option of the command.
    Cli,
    /// The environment.
    Environment,
    /// A line of `.env.<env>`.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The content of the file that `<NAME>_FILE` names.
    SecretFile(PathBuf),
    /// Nobody set it.
    Default,
    /// It follows from other settings.
    Derived,
    /// Made by Tenon and kept in `secrets.json`.
    Generated,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Cli => f.write_str("cli"),
            Source::Environment => f.write_str("environment"),
            Source::File { path, line } => write!(f, "{}:{line}", path.display()),
            Source::SecretFile(path) => write!(f, "file {}", path.display()),
            Source::Default => f.write_str("default"),
            Source::Derived => f.write_str("derived"),
            Source::Generated => f.write_str("generated"),
        }
    }
}

/// Everything that configuration is read from; a parameter, so that tests need no process.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// `--env`.
    pub env: Option<AppEnv>,
    /// Options that stand for settings, such as `("APP_PORT", "9000")`.
    pub cli: Vec<(&'static str, String)>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// The folder in which `.env.<env>` lies; empty for the current one.
    pub directory: PathBuf,
}

impl Inputs {
    /// The inputs of this process.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_process(env: Option<AppEnv>, cli: Vec<(&'static str, String)>) -> Self {
        let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
        let environment = std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect();
        Self { env, cli, environment, directory: PathBuf::new() }
    }
}

/// One setting with what it is.
#[derive(Clone)]
pub struct Effective {
    /// Which.
    pub setting: &'static Setting,
    /// What it is, as text.
    pub raw: Option<String>,
    /// What it is, read.
    pub value: Option<Value>,
    /// Who said so.
    pub source: Source,
}

impl fmt::Debug for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={} ({})", self.setting.name, self.shown(), self.source)
    }
}

/// All settings, with what is wrong and what is odd about them.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which environment they are for.
    pub env: AppEnv,
    /// One entry per [`SETTINGS`].
    pub entries: Vec<Effective>,
    /// Worth a line in the log.
    pub warnings: Vec<String>,
    /// Each of them refuses the start.
    pub problems: Vec<String>,
}

struct Layer {
    values: HashMap<String, (String, Source)>,
}

impl Layer {
    /// A value that is set; an empty one counts as not set.
    fn get(&self, name: &str) -> Option<&(String, Source)> {
        self.values.get(name).filter(|(value, _)| !value.is_empty())
    }

    /// The setting's own value or the content of its `_FILE`.
    fn resolve(&self, setting: &Setting) -> Option<Result<(String, Source), String>> {
        let direct = self.get(setting.name);
        let by_file = if setting.secret { self.get(&format!("{}_FILE", setting.name)) } else { None };
        match (direct, by_file) {
            (None, None) => None,
            (Some(found), None) => Some(Ok(found.clone())),
            (None, Some((path, source))) => Some(read_secret(setting, path, source)),
            (Some((_, source)), Some((_, other))) => Some(Err(format!(
                "{name} ({source}) and {name}_FILE ({other}) are both set; keep one of them",
                name = setting.name
            ))),
        }
    }
}

fn read_secret(setting: &Setting, path: &str, source: &Source) -> Result<(String, Source), String> {
    match std::fs::read_to_string(path) {
        Ok(mut text) => {
            if text.ends_with('\n') {
                text.pop();
                if text.ends_with('\r') {
                    text.pop();
                }
            }
            if text.is_empty() {
                return Err(format!("{}_FILE ({source}): the file {path} is empty", setting.name));
            }
            Ok((text, Source::SecretFile(PathBuf::from(path))))
        }
        Err(error) => {
            Err(format!("{}_FILE ({source}): the file {path} cannot be read: {error}", setting.name))
        }
    }
}

impl Settings {
    /// Reads every layer. What is wrong ends up in `problems`, so that all of it can be shown at once.
    pub fn gather(inputs: &Inputs) -> Self {
        let environment: HashMap<String, (String, Source)> =
            inputs.environment.iter().map(|(n, v)| (n.clone(), (v.clone(), Source::Environment))).collect();
        let cli = inputs.cli.iter().map(|(n, v)| ((*n).to_owned(), (v.clone(), Source::Cli))).collect();
        let (mut warnings, mut problems) = (Vec::new(), Vec::new());
        let (env, env_source) = choose_env(inputs, &environment, &mut problems);
        let path = inputs.directory.join(format!(".env.{env}"));
        let lines = dotenv::read(&path).unwrap_or_else(|errors| {
            problems.extend(errors);
            Vec::new()
        });
        let file: HashMap<String, (String, Source)> = lines
            .into_iter()
            .map(|a| (a.name, (a.value, Source::File { path: path.clone(), line: a.line })))
            .collect();
        if let Some((value, source)) = file.get("APP_ENV").filter(|(value, _)| *value != env.to_string()) {
            problems.push(format!(
                "{source} says APP_ENV={value}, but the file is read for {env} only; remove the line"
            ));
        }
        for values in [&environment, &file] {
            warnings.extend(near::warnings(values.iter().map(|(name, (_, source))| (name.as_str(), source))));
        }
        let layers = [Layer { values: cli }, Layer { values: environment }, Layer { values: file }];
        let mut settings = Self { env, entries: Vec::new(), warnings, problems };
        for setting in SETTINGS {
            let entry = settings.resolve(setting, &layers, &env_source);
            settings.entries.push(entry);
        }
        settings
    }

    fn resolve(&mut self, setting: &'static Setting, layers: &[Layer], env_source: &Source) -> Effective {
        let mut entry = Effective { setting, raw: None, value: None, source: Source::Default };
        let found = match setting.name {
            "APP_ENV" => Some(Ok((self.env.to_string(), env_source.clone()))),
            _ => layers.iter().find_map(|layer| layer.resolve(setting)),
        };
        let preset = match setting.preset {
            Preset::Fixed(value) => Some(value),
            Preset::PerEnv { dev, prod } => Some(if self.env == AppEnv::Dev { dev } else { prod }),
            Preset::None | Preset::Derived(_) | Preset::Generated => None,
        };
        let found = match found {
            Some(Ok(found)) => Some(found),
            Some(Err(problem)) => {
                self.problems.push(problem);
                None
            }
            None => preset.map(|value| (value.to_owned(), Source::Default)),
        };
        if let Some((raw, source)) = found {
            match setting.shape.parse(&raw) {
                Ok(value) => entry = Effective { setting, raw: Some(raw), value: Some(value), source },
                Err(detail) => self.problems.push(wrong(setting, &raw, &source, detail)),
            }
        }
        entry
    }

    /// Fills in what nobody set.
    pub fn fill(&mut self, name: &str, raw: String, source: Source) {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.setting.name == name) else { return };
        if entry.value.is_none() {
            match entry.setting.shape.parse(&raw) {
                Ok(value) => {
                    *entry = Effective { setting: entry.setting, raw: Some(raw), value: Some(value), source }
                }
                Err(detail) => self.problems.push(wrong(entry.setting, &raw, &source, detail)),
            }
        }
    }

    /// The entry of a setting.
    pub fn entry(&self, name: &str) -> Option<&Effective> {
        debug_assert!(find(name).is_some(), "{name} is not in the table");
        self.entries.iter().find(|entry| entry.setting.name == name)
    }

    /// Whether a start would be refused, and why.
    pub fn verdict(&self) -> Result<(), Refused> {
        if self.problems.is_empty() {
            return Ok(());
        }
        let hints = self.warnings.iter().filter(|warning| warning.contains(near::MEANT)).cloned().collect();
        Err(Refused { problems: self.problems.clone(), hints })
    }

    /// Whether somebody set it.
    pub fn is_set(&self, name: &str) -> bool {
        self.entry(name).is_some_and(|entry| entry.value.is_some() && entry.source != Source::Default)
    }
}

fn wrong(setting: &Setting, raw: &str, source: &Source, detail: Option<String>) -> String {
    let shown =
        if setting.secret { "****".to_owned() } else { base::text::one_line(raw).chars().take(80).collect() };
    let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
    format!("{}={shown} from {source} is not allowed{detail}; use {}", setting.name, setting.shape.allowed())
}

fn choose_env(
    inputs: &Inputs,
    environment: &HashMap<String, (String, Source)>,
    problems: &mut Vec<String>,
) -> (AppEnv, Source) {
    if let Some(env) = inputs.env {
        return (env, Source::Cli);
    }
    match environment.get("APP_ENV").map(|(value, _)| value.as_str()) {
        None | Some("") => (AppEnv::Dev, Source::Default),
        Some("dev") => (AppEnv::Dev, Source::Environment),
        Some("prod") => (AppEnv::Prod, Source::Environment),
        Some(other) => {
            let shown = base::text::one_line(other);
            problems.push(format!("APP_ENV={shown} from environment is not allowed; use dev or prod"));
            (AppEnv::Dev, Source::Environment)
        }
    }
}

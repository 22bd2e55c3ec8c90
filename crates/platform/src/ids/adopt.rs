//! Moving in: what a running KXY ID service keeps in Redis becomes databases and keys here. Nothing in that
//! Redis is changed, and running it again changes nothing but to raise what went on meanwhile.

use std::collections::HashMap;

use base::{Error, Id, Result, Secret};
use cbc::cipher::{BlockModeDecrypt, KeyIvInit, block_padding::Pkcs7};
use connector::{Integer, KeyOf, Product};
use idgen::{IdType, KeyName, NewKey, Settings, State};
use kernel::{
    App, Origin,
    audit::{self, Event, Who},
};
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde::Deserialize;
use serde_json::json;
use store::{Mode, Opening, Role, kv::foreign::Value};

use super::{database::rows, entity::database::Model, service::Ids};

/// How everything of that service is called in Redis.
pub const PREFIX: &str = "kxy:id:";

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// For which organisation.
    pub org: Id,
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
    /// Ids that each key leaves out above everything that is known, and at most a tenth of what is left: what
    /// the older service gives away between the reading and its end.
    pub margin: i64,
}

/// A configuration as it lies in Redis.
#[derive(Clone, Deserialize)]
struct Config {
    guid: String,
    system_code: String,
    db_type: String,
    db_address: String,
    db_user: String,
    db_password: String,
    db_name: Option<String>,
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportLine {
    /// database, key, table or other.
    pub kind: &'static str,
    /// Which.
    pub name: String,
    /// What was done, or would be.
    pub outcome: String,
    /// Somebody has to look.
    pub is_problem: bool,
}

fn line(kind: &'static str, name: impl Into<String>, outcome: impl Into<String>) -> ReportLine {
    ReportLine { kind, name: name.into(), outcome: outcome.into(), is_problem: false }
}
fn problem(kind: &'static str, name: impl Into<String>, outcome: impl Into<String>) -> ReportLine {
    ReportLine { is_problem: true, ..line(kind, name, outcome) }
}

/// The highest id of a table and what its column holds.
type Highest = HashMap<KeyName, (i128, Option<Integer>)>;

/// Takes over what was read from Redis ([`PREFIX`]).
///
/// Errors: those of the database; what was done by then stays, and the same call goes on.
pub async fn adopt(app: &App, found: &[(String, Value)], options: &Options) -> Result<Vec<ReportLine>> {
    let mut report = Vec::new();
    let (configs, rest) = configs(found, &mut report);
    let mut highest = Highest::new();
    let mut known: Vec<(String, String)> = Vec::new();
    for config in &configs {
        let row = database(app, config, options, &mut report).await?;
        known.push((row.system_key.clone(), row.database_key.clone()));
        read_tables(app, &row, &mut highest, &mut report).await?;
    }
    for (name, value) in rest {
        let rest = name.strip_prefix(PREFIX).unwrap_or(name);
        match (rest.split_once(':'), value) {
            (Some(("segment", parts)), Value::Text(text)) => {
                counter(app, parts, text, &known, &highest, options, &mut report).await?;
            }
            (Some(("discovered_tables", guid)), Value::Set(members)) => {
                let outcome = format!("{} found tables: the scanner finds them anew", members.len());
                report.push(line("other", guid, outcome));
            }
            (Some(("failure" | "lock", _)), _) => {}
            (Some(("system", "username")), Value::Text(user)) => {
                report.push(line("other", user, "its account is taken over by --with-administrator"));
            }
            (Some(("system", _)), _) => {}
            _ => report.push(problem("other", name, "not known, left alone")),
        }
    }
    Ok(report)
}

/// Name and password of the older service's administrator. It kept the password so that it can be read: DES
/// in CBC mode with the key as first block, padded as in PKCS #5, in hexadecimal digits.
///
/// Errors: 404 `administrator_missing`; 422 `validation_failed` (`key`) when the key is not the right one.
pub fn administrator(found: &[(String, Value)], key: &[u8]) -> Result<(String, Secret)> {
    let text = |name: &str| match found.iter().find(|(known, _)| known.strip_prefix(PREFIX) == Some(name)) {
        Some((_, Value::Text(text))) => Some(text.as_str()),
        _ => None,
    };
    let (Some(username), Some(sealed)) = (text("system:username"), text("system:password")) else {
        return Err(Error::not_found("administrator_missing", "that Redis has no administrator"));
    };
    let wrong = || Error::field("key", "invalid", "the password cannot be read with that DES key");
    let opening = cbc::Decryptor::<des::Des>::new_from_slices(key, key).map_err(|_| wrong())?;
    let sealed = unhex(sealed).ok_or_else(wrong)?;
    let plain = opening.decrypt_padded_vec::<Pkcs7>(&sealed).map_err(|_| wrong())?;
    let plain = String::from_utf8(plain).map_err(|_| wrong())?;
    Ok((username.to_owned(), plain.into()))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

/// The configurations, the oldest spelling of each name only, and everything else.
fn configs<'a>(
    found: &'a [(String, Value)],
    report: &mut Vec<ReportLine>,
) -> (Vec<Config>, Vec<(&'a str, &'a Value)>) {
    let (mut configs, mut rest): (Vec<Config>, Vec<(&str, &Value)>) = (Vec::new(), Vec::new());
    for (name, value) in found {
        let Some(guid) = name.strip_prefix(PREFIX).and_then(|name| name.strip_prefix("db_config:")) else {
            rest.push((name, value));
            continue;
        };
        let read = match value {
            Value::Text(text) => serde_json::from_str::<Config>(text).map_err(|cause| cause.to_string()),
            _ => Err("it is no text".to_owned()),
        };
        match read {
            Err(why) => report.push(problem("database", guid, format!("cannot be read: {why}"))),
            Ok(config) => {
                let same = |other: &&Config| {
                    rows::fold(&other.system_code) == rows::fold(&config.system_code)
                        && rows::fold(other.db_name.as_deref().unwrap_or_default())
                            == rows::fold(config.db_name.as_deref().unwrap_or_default())
                };
                match configs.iter().find(same) {
                    Some(first) => {
                        let outcome = format!("left out: {} has the same system code and name", first.guid);
                        report.push(problem("database", title(&config), outcome));
                    }
                    None => configs.push(config),
                }
            }
        }
    }
    (configs, rest)
}

fn title(config: &Config) -> String {
    match config.db_name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => format!("{}/{name}", config.system_code),
        None => config.system_code.clone(),
    }
}

/// Makes the row of a configuration, or finds it.
async fn database(
    app: &App,
    config: &Config,
    options: &Options,
    report: &mut Vec<ReportLine>,
) -> Result<Model> {
    let ids = Ids::of(app)?;
    let product = Product::parse(&config.db_type).ok_or_else(|| {
        Error::invalid("invalid_value", format!("{} is no kind of database", config.db_type))
    })?;
    let password: Secret = config.db_password.clone().into();
    let (now, database) = (app.now(), config.db_name.clone().filter(|name| !name.is_empty()));
    let row = Model {
        id: app.new_id(),
        org_id: options.org,
        system_key: rows::fold(&config.system_code),
        system_code: config.system_code.clone(),
        product: product.as_str().to_owned(),
        address: config.db_address.clone(),
        account: config.db_user.clone(),
        password_sealed: ids.seal(&password)?,
        database_key: rows::fold(database.as_deref().unwrap_or_default()),
        database_name: database,
        version: 1,
        created_at: now,
        updated_at: now,
        scanned_at: None,
        scan_error: None,
        scan_tables: 0,
        last_job_id: None,
    };
    let tx = app.store().begin(Mode::Write, Opening::new(Role::System, Some(options.org))).await?;
    let all = rows::all(&tx).await?;
    let there =
        all.into_iter().find(|one| one.system_key == row.system_key && one.database_key == row.database_key);
    let place = format!("{} at {}", row.product, row.address);
    match there {
        Some(there) => {
            tx.commit().await?;
            report.push(line("database", title(config), format!("{place}: is here already")));
            Ok(there)
        }
        None if options.dry_run => {
            tx.commit().await?;
            report.push(line("database", title(config), format!("{place}: would be added")));
            Ok(row)
        }
        None => {
            tx.insert(row.clone().into_active_model().reset_all()).await?;
            let event = Event::new("ids:database:create", "ids.database")
                .target(row.id, title(config))
                .change("address", json!(null), json!(row.address));
            audit::write(&tx, now, who(), &origin(), event).await?;
            tx.commit().await?;
            report.push(line("database", title(config), format!("{place}: added")));
            Ok(row)
        }
    }
}

fn who() -> Who {
    Who { kind: kernel::ActorKind::Cli, id: None, name: "tenon".to_owned() }
}
fn origin() -> Origin {
    Origin { user_agent: "command line".to_owned(), ..Origin::nowhere() }
}

/// Reads the highest ids of a database's tables.
async fn read_tables(
    app: &App,
    row: &Model,
    highest: &mut Highest,
    report: &mut Vec<ReportLine>,
) -> Result<()> {
    let ids = Ids::of(app)?;
    let reading = match rows::target(ids, row) {
        Ok(target) => ids.connector().read(&target).await,
        Err(error) => Err(error),
    };
    let databases = match reading {
        Ok(reading) => reading.databases,
        Err(error) => {
            let why = error.field_errors().first().map_or(error.detail(), |one| one.message.as_str());
            report.push(problem("database", row.system_code.as_str(), format!("cannot be asked: {why}")));
            return Ok(());
        }
    };
    for one in databases {
        match one {
            Err((name, error)) => {
                report.push(problem("database", name, format!("cannot be read: {}", error.detail())));
            }
            Ok(read) => {
                for table in read.tables {
                    let KeyOf::Column(column) = &table.found.key else { continue };
                    let names = [&row.system_key, &read.database, &table.found.table.name, &column.name];
                    let (Ok(name), Some(Ok(most))) =
                        (KeyName::of_column(names.map(String::as_str)), &table.highest)
                    else {
                        continue;
                    };
                    let known = highest.entry(name).or_insert((0, column.integer));
                    known.0 = known.0.max(most.unwrap_or(0));
                }
            }
        }
    }
    Ok(())
}

/// The name of a counter. Its parts may hold colons, which the older service did not tell from those
/// between them; then the configurations say where one ends.
fn name_of(text: &str, known: &[(String, String)]) -> Option<KeyName> {
    let parts: Vec<&str> = text.split(':').collect();
    if let [system, database, table, field] = parts.as_slice() {
        return KeyName::of_column([system, database, table, field]).ok();
    }
    let mut names: Vec<KeyName> = Vec::new();
    for (system, database) in known {
        let Some(rest) = text.strip_prefix(&format!("{system}:{database}:")) else { continue };
        if let [table, field] = rest.split(':').collect::<Vec<_>>().as_slice() {
            names.extend(KeyName::of_column([system, database, table, field]));
        }
    }
    names.dedup();
    if names.len() == 1 { names.pop() } else { None }
}

async fn counter(
    app: &App,
    text: &str,
    value: &str,
    known: &[(String, String)],
    highest: &Highest,
    options: &Options,
    report: &mut Vec<ReportLine>,
) -> Result<()> {
    let Some(name) = name_of(text, known) else {
        report.push(problem("key", text, format!("stands at {value}; its name has colons: make it by hand")));
        return Ok(());
    };
    let Ok(issued) = value.trim().parse::<i64>() else {
        report.push(problem("key", text, format!("holds {value:?}, which is no number: make it by hand")));
        return Ok(());
    };
    let (table, integer) = highest.get(&name).copied().unwrap_or((0, None));
    let id_type = integer.and_then(|integer| IdType::within(integer.max())).unwrap_or(IdType::I64);
    let in_use = i128::from(issued).max(table).max(0);
    let Some(in_use) = i64::try_from(in_use).ok().filter(|in_use| *in_use <= id_type.max()) else {
        let outcome =
            format!("stands at {value}, its table at {table}: above the limit of {}", id_type.max());
        report.push(problem("key", name.as_str(), outcome));
        return Ok(());
    };
    // Of a narrow column the margin takes a tenth of what is left at most.
    let to = in_use + options.margin.min((id_type.max() - in_use) / 10);
    let seen = match highest.contains_key(&name) {
        true => format!("counter {issued}, table {table}"),
        false => format!("counter {issued}, table not seen"),
    };
    let done = move_key(app, &name, to, id_type, options).await?;
    let entry = if done.0 { problem } else { line };
    report.push(entry("key", name.as_str(), format!("{seen} -> {}", done.1)));
    Ok(())
}

/// Makes the key above an id, or raises it: whether somebody has to look, and what was done.
async fn move_key(
    app: &App,
    name: &KeyName,
    to: i64,
    id_type: IdType,
    options: &Options,
) -> Result<(bool, String)> {
    let engine = Ids::of(app)?.engine();
    let there = match engine.key(options.org, name).await {
        Ok(key) => Some(key),
        Err(error) if error.code() == "key_unknown" => None,
        Err(error) => return Err(error),
    };
    Ok(match there {
        None if options.dry_run => (false, format!("{to}, would be made")),
        None => {
            let settings = Settings { id_type, ..Settings::default() };
            let new = NewKey { org: options.org, name: name.clone(), in_use: to, settings };
            engine.create(&new).await?;
            (false, format!("{to}, made"))
        }
        Some(key) if key.state == State::Quarantined => (true, "is in quarantine, left alone".to_owned()),
        Some(key) if key.ceiling >= to => (false, format!("{}, ahead already", key.ceiling)),
        Some(key) if to > key.max() => (true, format!("would pass its limit of {}", key.max())),
        Some(_) if options.dry_run => (false, format!("{to}, would be raised")),
        Some(key) => {
            if key.state == State::Retired {
                engine.take_up(options.org, name, to).await?;
            } else {
                engine.raise(options.org, name, to).await?;
            }
            (false, format!("{to}, raised"))
        }
    })
}

#[cfg(test)]
mod tests {
    use base::secret::ExposeSecret;

    use super::*;

    #[test]
    fn the_administrators_password_is_read_with_the_right_key_and_no_other() {
        // Recorded from the older service, whose key was `12345678`.
        let text = |name: &str, value: &str| (format!("{PREFIX}{name}"), Value::Text(value.to_owned()));
        let found = vec![
            text("system:username", "admin"),
            text("system:password", "1c1634f5609cb7b85b6ba4c8e58ed6a2"),
        ];
        let (name, password) = administrator(&found, b"12345678").unwrap();
        assert_eq!((name.as_str(), password.expose_secret()), ("admin", "admin@123"));
        for key in [b"12345679x".as_slice(), b"", b"abcdefgh"] {
            assert!(administrator(&found, key).is_err());
        }
        assert_eq!(administrator(&found[..1], b"12345678").unwrap_err().code(), "administrator_missing");
    }

    #[test]
    fn names_with_colons_are_told_apart_by_the_configurations() {
        let known = vec![("a:b".to_owned(), "c".to_owned()), ("shop".to_owned(), "main".to_owned())];
        let name = |text: &str| name_of(text, &known).map(|name| name.to_string());
        assert_eq!(name("shop:main:t:id").as_deref(), Some("shop:main:t:id"));
        assert_eq!(name("a:b:c:d:e").as_deref(), Some("a%3ab:c:d:e"));
        assert_eq!(name("x:y:z:d:e"), None);
        assert_eq!(name("only:three:parts"), None);
    }
}

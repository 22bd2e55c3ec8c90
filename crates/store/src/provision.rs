//! `tenon db init`: the database, its roles and grants, made from an administrator's URL.
//!
//! PostgreSQL has three roles without sign-in: `tenon_owner` owns the tables and is used by
//! migrations only, `tenon_app` is bound by the policies, `tenon_system` sees every
//! organisation through a policy of its own. The role that signs in (from `DATABASE_URL`) is a
//! member of the last two and owns nothing.

use base::{Error, Result, Secret, secret::ExposeSecret};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, Statement};

use crate::{Dialect, error};

/// What to make.
pub struct Plan {
    /// A URL whose user may create databases and roles.
    pub admin_url: String,
    /// The database.
    pub database: String,
    /// The user that the server signs in as.
    pub user: String,
    /// Its password; `None` leaves an existing one alone.
    pub password: Option<Secret>,
}

impl Plan {
    /// The plan for a `DATABASE_URL`, carried out through `admin_url`.
    pub fn of(database_url: &str, admin_url: &str) -> Result<Self> {
        let url = url::Url::parse(database_url)
            .map_err(|cause| Error::invalid("database_url", format!("DATABASE_URL is not a URL: {cause}")))?;
        let decode = percent_decode;
        Ok(Self {
            admin_url: admin_url.to_owned(),
            database: decode(url.path().trim_start_matches('/')),
            user: decode(url.username()),
            password: url.password().map(|password| Secret::from(decode(password))),
        })
    }

    /// Makes what is missing; repeating it is harmless. Returns one line per thing done.
    pub async fn apply(&self) -> Result<Vec<String>> {
        let dialect = Dialect::of(&self.admin_url)?;
        if self.database.is_empty() {
            return Err(Error::invalid("database_url", "the database URL names no database"));
        }
        match dialect {
            Dialect::Postgres => self.apply_postgres().await,
            Dialect::Mysql => self.apply_mysql().await,
            Dialect::Sqlite => Ok(vec!["SQLite needs no preparation".to_owned()]),
        }
    }

    async fn apply_postgres(&self) -> Result<Vec<String>> {
        let mut done = Vec::new();
        let admin = connect(&self.admin_url).await?;
        for role in ["tenon_owner", "tenon_app", "tenon_system"] {
            if create_role(&admin, role).await? {
                done.push(format!("created role {role}"));
            }
        }
        // Whoever runs this may migrate: it becomes a member of the owner role.
        run(&admin, "GRANT tenon_owner TO CURRENT_USER").await.or_else(already_superuser)?;
        if !self.user.is_empty() && !is_current_user(&admin, &self.user).await? {
            let user = quote(&self.user, '"');
            let exists = row_exists(&admin, "SELECT 1 FROM pg_roles WHERE rolname = $1", &self.user).await?;
            if !exists {
                run(&admin, &format!("CREATE ROLE {user} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE"))
                    .await?;
                done.push(format!("created user {}", self.user));
            }
            if let Some(password) = &self.password {
                let literal = quote(password.expose_secret(), '\'');
                run(&admin, &format!("ALTER ROLE {user} PASSWORD {literal}")).await?;
            }
            run(&admin, &format!("GRANT tenon_app, tenon_system TO {user}")).await?;
        }
        let exists =
            row_exists(&admin, "SELECT 1 FROM pg_database WHERE datname = $1", &self.database).await?;
        if !exists {
            let name = quote(&self.database, '"');
            run(
                &admin,
                &format!("CREATE DATABASE {name} OWNER tenon_owner ENCODING 'UTF8' TEMPLATE template0"),
            )
            .await?;
            done.push(format!("created database {}", self.database));
        }
        admin.close().await.map_err(error)?;
        let inside = connect(&with_database(&self.admin_url, &self.database)?).await?;
        run(&inside, "GRANT USAGE, CREATE ON SCHEMA public TO tenon_owner").await?;
        run(&inside, "GRANT USAGE ON SCHEMA public TO tenon_app, tenon_system").await?;
        done.push("roles and grants are in place".to_owned());
        inside.close().await.map_err(error)?;
        Ok(done)
    }

    async fn apply_mysql(&self) -> Result<Vec<String>> {
        let mut done = Vec::new();
        let admin = connect(&with_database(&self.admin_url, "")?).await?;
        let database = quote(&self.database, '`');
        run(
            &admin,
            &format!("CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"),
        )
        .await?;
        done.push(format!("database {} exists", self.database));
        let admin_user = url::Url::parse(&self.admin_url).map(|url| percent_decode(url.username()));
        if !self.user.is_empty() && admin_user.ok().as_deref() != Some(self.user.as_str()) {
            let user = format!("{}@'%'", quote(&self.user, '\''));
            let identified = match &self.password {
                Some(password) => {
                    // A backslash escapes in MySQL's literals.
                    let text = password.expose_secret().replace('\\', "\\\\");
                    format!(" IDENTIFIED BY {}", quote(&text, '\''))
                }
                None => String::new(),
            };
            run(&admin, &format!("CREATE USER IF NOT EXISTS {user}{identified}")).await?;
            run(&admin, &format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.* TO {user}")).await?;
            done.push(format!("user {} may read and write", self.user));
        }
        admin.close().await.map_err(error)?;
        Ok(done)
    }
}

/// Within a migration on PostgreSQL, acts as `tenon_owner`; says what is missing otherwise.
pub(crate) async fn become_owner(tx: &DatabaseTransaction) -> Result<()> {
    let sql =
        "SELECT COUNT(*) AS n FROM pg_roles WHERE rolname IN ('tenon_owner', 'tenon_app', 'tenon_system')";
    let row = tx.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.map_err(error)?;
    let found: i64 = row.map(|row| row.try_get("", "n")).transpose().map_err(error)?.unwrap_or_default();
    if found < 3 {
        return Err(Error::conflict(
            "roles_missing",
            "the roles tenon_owner, tenon_app and tenon_system do not all exist; run `tenon db init`",
        ));
    }
    tx.execute_unprepared("SET LOCAL ROLE tenon_owner").await.map(drop).map_err(|cause| {
        Error::forbidden(
            "not_the_owner",
            "this user may not migrate; set DATABASE_ADMIN_URL to one that may act as tenon_owner",
        )
        .with_source(cause)
    })
}

async fn create_role(admin: &DatabaseConnection, role: &str) -> Result<bool> {
    if row_exists(admin, "SELECT 1 FROM pg_roles WHERE rolname = $1", role).await? {
        return Ok(false);
    }
    match run(admin, &format!("CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS")).await {
        Ok(()) => Ok(true),
        // Two nodes at once: the other one was faster.
        Err(failure) if failure.code() == "conflict" || failure.code() == "internal" => {
            match row_exists(admin, "SELECT 1 FROM pg_roles WHERE rolname = $1", role).await? {
                true => Ok(false),
                false => Err(failure),
            }
        }
        Err(failure) => Err(failure),
    }
}

/// A superuser needs no membership, and some hosts refuse to grant it: that is no failure.
fn already_superuser(cause: Error) -> Result<()> {
    tracing::debug!(error = ?cause, "could not grant tenon_owner to the administrator");
    Ok(())
}

async fn connect(url: &str) -> Result<DatabaseConnection> {
    let mut options = sea_orm::ConnectOptions::new(url.replacen("mariadb:", "mysql:", 1));
    options.max_connections(1).sqlx_logging(false).connect_timeout(std::time::Duration::from_secs(10));
    Database::connect(options).await.map_err(error)
}

async fn run(connection: &DatabaseConnection, sql: &str) -> Result<()> {
    connection.execute_unprepared(sql).await.map(drop).map_err(error)
}

async fn row_exists(connection: &DatabaseConnection, sql: &str, value: &str) -> Result<bool> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [value.into()]);
    connection.query_one_raw(statement).await.map(|row| row.is_some()).map_err(error)
}

async fn is_current_user(connection: &DatabaseConnection, user: &str) -> Result<bool> {
    row_exists(connection, "SELECT 1 WHERE current_user = $1", user).await
}

/// The same server, another database.
pub fn with_database(url: &str, database: &str) -> Result<String> {
    let mut url = url::Url::parse(url)
        .map_err(|cause| Error::invalid("database_url", format!("the admin URL is not a URL: {cause}")))?;
    url.set_path(database);
    Ok(url.into())
}

/// An identifier or literal in the quotes given, with quotes inside doubled.
fn quote(text: &str, mark: char) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(mark);
    for c in text.chars() {
        if c == mark {
            out.push(c);
        }
        out.push(c);
    }
    out.push(mark);
    out
}

pub(crate) fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let decoded = match (first, tail) {
            (b'%', [high, low, ..]) => {
                std::str::from_utf8(&[*high, *low]).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok())
            }
            _ => None,
        };
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

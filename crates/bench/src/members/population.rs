//! Who is there, and what they hold: written into the tables by `load.sql`, as the product would have done.

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseBackend, DatabaseConnection, Statement};

/// How many there are.
#[derive(Clone, Copy, Debug)]
pub struct Population {
    /// Members beside the owner.
    pub members: u32,
    /// Grants of each of them.
    pub grants: u32,
}

/// Scopes over which grants are spread.
pub const SCOPES: u64 = 5_000;

impl Population {
    /// What the issuer calls each of them; the first is number 1.
    pub fn subs(&self) -> Vec<String> {
        (1..=self.members).map(sub).collect()
    }

    /// A grant of a member as members of a JSON object; `load.sql` counts the same way.
    pub fn grant(&self, member: u64, grant: u64) -> String {
        let scope = format!("s{}", (member * 7_919 + grant * 104_729) % SCOPES);
        let (kind, scope, module, action) = match grant {
            0 => ("site", "main".to_owned(), "portal".to_owned(), "read".to_owned()),
            _ => ("shop", scope, format!("module{}", grant / 4), format!("action{}", grant % 4)),
        };
        format!(r#""scope_type":"{kind}","scope_id":"{scope}","module":"{module}","action":"{action}""#)
    }

    /// The same as a query.
    pub fn query(&self, member: u64, grant: u64) -> String {
        self.grant(member, grant).replace("\":\"", "=").replace("\",\"", "&").replace('"', "")
    }

    /// Writes them into the database; how many bytes it has then.
    pub fn load(&self, url: &str) -> Result<u64, String> {
        let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
        runtime.block_on(async {
            let mut options = ConnectOptions::new(url);
            options.max_connections(1).sqlx_logging(false);
            let connection = Database::connect(options).await.map_err(|error| error.to_string())?;
            let size = self.write(&connection).await.map_err(|error| format!("loading: {error}"));
            connection.close().await.map_err(|error| error.to_string())?;
            size
        })
    }

    async fn write(&self, connection: &DatabaseConnection) -> Result<u64, sea_orm::DbErr> {
        let org = text(connection, "SELECT id::text AS found FROM organization").await?;
        let sql = include_str!("load.sql")
            .replace("$ORG", &org)
            .replace("$USERS", &self.members.to_string())
            .replace("$GRANTS", &self.grants.to_string())
            .replace("$SCOPES", &SCOPES.to_string());
        connection.execute_unprepared(&sql).await?;
        // As the database would do by itself after a while.
        connection.execute_unprepared("VACUUM ANALYZE").await?;
        connection.execute_unprepared("CHECKPOINT").await?;
        let size = text(connection, "SELECT pg_database_size(current_database())::text AS found").await?;
        Ok(size.parse().unwrap_or_default())
    }
}

async fn text(connection: &DatabaseConnection, sql: &str) -> Result<String, sea_orm::DbErr> {
    let statement = Statement::from_string(DatabaseBackend::Postgres, sql);
    let row = connection.query_one_raw(statement).await?;
    row.ok_or_else(|| sea_orm::DbErr::RecordNotFound(sql.to_owned()))?.try_get("", "found")
}

/// As long as Authentik's hashed ids, and without a meaning.
fn sub(number: u32) -> String {
    format!("{:0>64}", format!("member-{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_written_for_a_body_and_for_a_query() {
        let population = Population { members: 10, grants: 50 };
        let body = r#""scope_type":"shop","scope_id":"s2648","module":"module0","action":"action1""#;
        assert_eq!(population.grant(1, 1), body);
        let query = "scope_type=site&scope_id=main&module=portal&action=read";
        assert_eq!(population.query(7, 0), query);
    }
}

//! The database products that can be read.

/// A database product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Product {
    /// MySQL and MariaDB.
    Mysql,
    /// PostgreSQL.
    Postgres,
    /// Microsoft SQL Server.
    SqlServer,
    /// Oracle Database.
    Oracle,
}

impl Product {
    /// Every product.
    pub const ALL: [Self; 4] = [Self::Mysql, Self::Postgres, Self::SqlServer, Self::Oracle];

    /// The name on the wire (`db_type`): lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Postgres => "postgresql",
            Self::SqlServer => "sqlserver",
            Self::Oracle => "oracle",
        }
    }

    /// From the name on the wire; other spellings are nothing.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// The port of an address that names none.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Mysql => 3306,
            Self::Postgres => 5432,
            Self::SqlServer => 1433,
            Self::Oracle => 1521,
        }
    }
}

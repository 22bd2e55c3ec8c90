//! Table declarations: one text for three databases.
//!
//! A migration declares tables; this module writes the DDL of each dialect. A tenant's table
//! gets, without being asked: its organisation column, `UNIQUE (org_id, id)` as the target of
//! composite foreign keys, list indexes, and on PostgreSQL forced row-level security
//! with the policies and grants of `tenon_app` and `tenon_system`.

use std::fmt::Write;

use crate::Dialect;

/// What the application role may do with a table (PostgreSQL grants).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grants {
    Full,
    AppendOnly,
    /// The installation's own log: added to by all work, read by the system's role alone.
    PlatformLog,
}

/// Collects the statements of one migration.
pub struct Ddl {
    dialect: Dialect,
    statements: Vec<String>,
}

impl Ddl {
    /// An empty migration for a dialect.
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, statements: Vec::new() }
    }

    /// The dialect that is written.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The statements so far, in order.
    pub fn into_statements(self) -> Vec<String> {
        self.statements
    }

    /// Declares a table that belongs to no organisation.
    pub fn table(&mut self, name: &'static str) -> TableDdl<'_> {
        TableDdl {
            ddl: self,
            name,
            columns: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            partial: Vec::new(),
            tenant: false,
            trash: false,
            target: true,
            grants: Grants::Full,
        }
    }

    /// Declares a tenant's record table: id, organisation, version, stamps, trash, search key.
    pub fn records(&mut self, name: &'static str) -> TableDdl<'_> {
        self.tenant_rows(name).stamps()
    }

    /// Declares records whose id is that of a user: unique within an organisation, not beyond.
    pub fn memberships(&mut self, name: &'static str) -> TableDdl<'_> {
        let mut table = self.table(name).uuid("id").uuid("org_id").primary_key(&["org_id", "id"]);
        table.tenant = true;
        table.stamps()
    }

    /// Declares a tenant's plain rows (joins, logs): id and organisation only.
    pub fn tenant_rows(&mut self, name: &'static str) -> TableDdl<'_> {
        let mut table = self.table(name).id().uuid("org_id");
        table.tenant = true;
        table
    }

    /// Declares a log of the installation itself: work for any organisation may add rows, only the
    /// system's role reads them, and nobody changes or deletes one.
    pub fn platform_log(&mut self, name: &'static str) -> TableDdl<'_> {
        let mut table = self.table(name).id();
        table.grants = Grants::PlatformLog;
        table
    }

    /// Drops tables, in the order given.
    pub fn drop_tables(&mut self, names: &[&str]) {
        for name in names {
            self.statements.push(format!("DROP TABLE IF EXISTS {name}"));
        }
    }

    /// One statement of this dialect's own SQL.
    pub fn sql(&mut self, statement: impl Into<String>) {
        self.statements.push(statement.into());
    }
}

/// An index over some rows only.
struct Partial {
    name: &'static str,
    columns: &'static str,
    condition: &'static str,
    lead: &'static str,
    unique: bool,
}

/// A table under declaration; [`TableDdl::create`] ends it.
#[must_use]
pub struct TableDdl<'a> {
    ddl: &'a mut Ddl,
    name: &'static str,
    columns: Vec<String>,
    constraints: Vec<String>,
    indexes: Vec<(String, Vec<&'static str>)>,
    partial: Vec<Partial>,
    tenant: bool,
    trash: bool,
    target: bool,
    grants: Grants,
}

impl TableDdl<'_> {
    /// Version, stamps, trash and search key.
    fn stamps(mut self) -> Self {
        self.trash = true;
        self.integer("version")
            .timestamp("created_at")
            .timestamp("updated_at")
            .uuid_null("created_by")
            .uuid_null("updated_by")
            .timestamp_null("deleted_at")
            .boolean_null("alive")
            .text("search_key", 600)
            .index(&["created_at"])
    }

    fn column(mut self, name: &str, kind: &str, null: bool) -> Self {
        let not_null = if null { "" } else { " NOT NULL" };
        self.columns.push(format!("{name} {kind}{not_null}"));
        self
    }

    fn by_dialect(&self, sqlite: &'static str, postgres: &'static str, mysql: &'static str) -> &'static str {
        match self.ddl.dialect {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
            Dialect::Mysql => mysql,
        }
    }

    /// `id`: the UUID v7 primary key.
    pub fn id(mut self) -> Self {
        let kind = self.by_dialect("BLOB", "uuid", "BINARY(16)");
        self.columns.push(format!("id {kind} NOT NULL PRIMARY KEY"));
        self
    }
    /// A UUID.
    pub fn uuid(self, name: &'static str) -> Self {
        let kind = self.by_dialect("BLOB", "uuid", "BINARY(16)");
        self.column(name, kind, false)
    }
    /// A UUID or NULL.
    pub fn uuid_null(self, name: &'static str) -> Self {
        let kind = self.by_dialect("BLOB", "uuid", "BINARY(16)");
        self.column(name, kind, true)
    }
    fn text_kind(&self, length: u32) -> String {
        match self.ddl.dialect {
            // Text sorts and compares by code point everywhere (decision 4.6).
            Dialect::Postgres => format!("varchar({length}) COLLATE \"C\""),
            Dialect::Sqlite => "TEXT".to_owned(),
            Dialect::Mysql => format!("VARCHAR({length}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"),
        }
    }
    /// Text of at most `length` characters.
    pub fn text(self, name: &'static str, length: u32) -> Self {
        let kind = self.text_kind(length);
        self.column(name, &kind, false)
    }
    /// Text or NULL.
    pub fn text_null(self, name: &'static str, length: u32) -> Self {
        let kind = self.text_kind(length);
        self.column(name, &kind, true)
    }
    /// Text without a useful limit.
    pub fn long_text(self, name: &'static str) -> Self {
        let kind = self.by_dialect("TEXT", "text", "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
        self.column(name, kind, false)
    }
    /// A JSON document or NULL.
    pub fn json_null(self, name: &'static str) -> Self {
        let kind = self.by_dialect("TEXT", "jsonb", "JSON");
        self.column(name, kind, true)
    }
    /// 32-bit integer.
    pub fn integer(self, name: &'static str) -> Self {
        self.column(name, "INTEGER", false)
    }
    /// 64-bit integer.
    pub fn bigint(self, name: &'static str) -> Self {
        self.column(name, "BIGINT", false)
    }
    /// True or false.
    pub fn boolean(self, name: &'static str) -> Self {
        self.column(name, "BOOLEAN", false)
    }
    /// True, false or NULL.
    pub fn boolean_null(self, name: &'static str) -> Self {
        self.column(name, "BOOLEAN", true)
    }
    fn timestamp_kind(&self) -> &'static str {
        self.by_dialect("TEXT", "timestamptz", "DATETIME(6)")
    }
    /// An instant with microseconds.
    pub fn timestamp(self, name: &'static str) -> Self {
        let kind = self.timestamp_kind();
        self.column(name, kind, false)
    }
    /// An instant or NULL.
    pub fn timestamp_null(self, name: &'static str) -> Self {
        let kind = self.timestamp_kind();
        self.column(name, kind, true)
    }
    /// Makes these columns the primary key.
    pub fn primary_key(mut self, columns: &[&str]) -> Self {
        self.constraints.push(format!("PRIMARY KEY ({})", columns.join(", ")));
        self
    }

    /// At most one row with these values; in a tenant's table, per organisation, and among
    /// records, only those outside the trash (`alive` is NULL in the trash, and NULLs differ).
    pub fn unique(mut self, columns: &[&'static str]) -> Self {
        let mut all = Vec::new();
        if self.tenant {
            all.push("org_id");
        }
        all.extend_from_slice(columns);
        if self.trash {
            all.push("alive");
        }
        let name = bounded(format!("uq_{}_{}", self.name, columns.join("_")));
        self.constraints.push(format!("CONSTRAINT {name} UNIQUE ({})", all.join(", ")));
        self
    }

    /// At most one row with this value in all organisations: for what is looked up before one is known.
    pub fn unique_everywhere(mut self, column: &'static str) -> Self {
        let name = bounded(format!("uq_{}_{column}_everywhere", self.name));
        self.constraints.push(format!("CONSTRAINT {name} UNIQUE ({column})"));
        self
    }

    /// An index for lists sorted or filtered by these columns.
    pub fn index(mut self, columns: &[&'static str]) -> Self {
        let name = bounded(format!("ix_{}_{}", self.name, columns.join("_")));
        let mut all = Vec::new();
        if self.tenant {
            all.push("org_id");
        }
        all.extend_from_slice(columns);
        if !columns.contains(&"id") {
            all.push("id");
        }
        self.indexes.push((name, all));
        self
    }

    /// An index that does not begin with the organisation: for what is looked up before it is known.
    pub fn lookup(mut self, column: &'static str) -> Self {
        let name = format!("ix_{}_by_{column}", self.name);
        self.indexes.push((name, vec![column]));
        self
    }

    /// An index over the rows that meet `condition` (PostgreSQL, SQLite). MySQL knows no such index;
    /// there it covers all rows and begins with the column `lead`, which the condition is about.
    pub fn partial_index(
        mut self,
        name: &'static str,
        lead: &'static str,
        columns: &'static str,
        condition: &'static str,
    ) -> Self {
        self.partial.push(Partial { name, columns, condition, lead, unique: false });
        self
    }

    /// At most one row with these values among those in which none of them is NULL.
    pub fn partial_unique(
        mut self,
        name: &'static str,
        columns: &'static str,
        condition: &'static str,
    ) -> Self {
        self.partial.push(Partial { name, columns, condition, lead: "", unique: true });
        self
    }

    /// Rows of a busy tenant's table to which no other table refers: their primary key begins with
    /// the organisation, which spares the second unique index.
    pub fn keyed_by_org(mut self) -> Self {
        self.target = false;
        self.columns.retain(|column| !column.starts_with("id "));
        self.uuid("id").primary_key(&["org_id", "id"])
    }

    /// Bytes of a few hundred kilobytes at most.
    pub fn bytes(self, name: &'static str) -> Self {
        let kind = self.by_dialect("BLOB", "bytea", "MEDIUMBLOB");
        self.column(name, kind, false)
    }

    /// Text without a useful limit, or NULL.
    pub fn long_text_null(self, name: &'static str) -> Self {
        let kind = self.by_dialect("TEXT", "text", "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
        self.column(name, kind, true)
    }
    /// 32-bit integer or NULL.
    pub fn integer_null(self, name: &'static str) -> Self {
        self.column(name, "INTEGER", true)
    }
    /// 64-bit integer or NULL.
    pub fn bigint_null(self, name: &'static str) -> Self {
        self.column(name, "BIGINT", true)
    }

    /// A reference that the database checks. Between tenants' tables it is composite, so that a
    /// row can never point into another organisation.
    pub fn references(mut self, column: &'static str, target: &'static str) -> Self {
        let name = bounded(format!("fk_{}_{column}", self.name));
        let clause = if self.tenant {
            format!("CONSTRAINT {name} FOREIGN KEY (org_id, {column}) REFERENCES {target} (org_id, id)")
        } else {
            format!("CONSTRAINT {name} FOREIGN KEY ({column}) REFERENCES {target} (id)")
        };
        // Deferrable, so that `tenon rls --test` can write a row without its whole world.
        let tail = if self.ddl.dialect == Dialect::Postgres { " DEFERRABLE INITIALLY IMMEDIATE" } else { "" };
        self.constraints.push(clause + tail);
        self
    }

    /// The application may add and read rows, never change or delete them.
    pub fn append_only(mut self) -> Self {
        self.grants = Grants::AppendOnly;
        self
    }

    /// Writes the statements.
    pub fn create(mut self) {
        let dialect = self.ddl.dialect;
        if self.tenant && self.target {
            self.constraints.push(format!("CONSTRAINT uq_{}_org UNIQUE (org_id, id)", self.name));
        }
        let mut body = self.columns.join(", ");
        for constraint in &self.constraints {
            let _ = write!(body, ", {constraint}");
        }
        let name = self.name;
        if dialect == Dialect::Mysql {
            // DDL is not transactional here: each table with its indexes is one statement that
            // can be repeated after a crash.
            for (index, columns) in &self.indexes {
                let _ = write!(body, ", INDEX {index} ({})", columns.join(", "));
            }
            for index in &self.partial {
                let _ = match (index.unique, index.lead) {
                    (true, _) => write!(body, ", CONSTRAINT {} UNIQUE ({})", index.name, index.columns),
                    (false, "") => write!(body, ", INDEX {} ({})", index.name, index.columns),
                    (false, lead) => write!(body, ", INDEX {} ({lead}, {})", index.name, index.columns),
                };
            }
            let tail = "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
            self.ddl.sql(format!("CREATE TABLE IF NOT EXISTS {name} ({body}) {tail}"));
            return;
        }
        self.ddl.sql(format!("CREATE TABLE {name} ({body})"));
        // PostgreSQL takes a partial index for empty until the table has been analysed, whatever it holds by
        // then, and prefers it to every other; a whole one is estimated from the table's size.
        let partial = if self.trash && dialect == Dialect::Sqlite { " WHERE deleted_at IS NULL" } else { "" };
        for (index, columns) in &self.indexes {
            self.ddl.sql(format!("CREATE INDEX {index} ON {name} ({}){partial}", columns.join(", ")));
        }
        for Partial { name: index, columns, condition, unique, .. } in &self.partial {
            let kind = if *unique { "UNIQUE INDEX" } else { "INDEX" };
            self.ddl.sql(format!("CREATE {kind} {index} ON {name} ({columns}) WHERE {condition}"));
        }
        if dialect == Dialect::Postgres {
            for statement in protection(name, self.tenant, self.grants) {
                self.ddl.sql(statement);
            }
        }
    }
}

/// A name that every database can hold (PostgreSQL cuts at 63 bytes, MySQL refuses more than 64):
/// a long one keeps its beginning and gets a checksum (FNV-1a) of the whole.
fn bounded(name: String) -> String {
    if name.len() <= 63 {
        return name;
    }
    let fold = |sum: u32, byte: u8| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    format!("{}_{:08x}", &name[..54], name.bytes().fold(0x811c_9dc5, fold))
}

/// Grants, and for a tenant's table the policies of decision 2 (uuid compared with uuid, once per statement).
fn protection(name: &str, tenant: bool, grants: Grants) -> Vec<String> {
    const ALL: &str = "SELECT, INSERT, UPDATE, DELETE";
    let (app, system) = match grants {
        Grants::Full => (ALL, ALL),
        Grants::AppendOnly => ("SELECT, INSERT", ALL),
        Grants::PlatformLog => ("INSERT", "SELECT, INSERT"),
    };
    let mut out = vec![
        format!("GRANT {app} ON {name} TO tenon_app"),
        format!("GRANT {system} ON {name} TO tenon_system"),
    ];
    if grants == Grants::PlatformLog {
        // Grants can be widened by mistake; with a policy for INSERT alone the rows stay unread.
        out.extend([
            format!("ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"),
            format!("ALTER TABLE {name} FORCE ROW LEVEL SECURITY"),
            format!("CREATE POLICY app_appends ON {name} FOR INSERT TO tenon_app WITH CHECK (true)"),
            format!("CREATE POLICY system_access ON {name} TO tenon_system USING (true) WITH CHECK (true)"),
        ]);
    }
    if tenant {
        out.extend(policies(name));
    }
    out
}

/// The statements that put a table under row-level security.
pub fn policies(name: &str) -> Vec<String> {
    let own = "org_id = (SELECT NULLIF(current_setting('app.current_org', true), '')::uuid)";
    vec![
        format!("ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"),
        format!("ALTER TABLE {name} FORCE ROW LEVEL SECURITY"),
        format!("CREATE POLICY org_isolation ON {name} TO tenon_app USING ({own}) WITH CHECK ({own})"),
        format!("CREATE POLICY system_access ON {name} TO tenon_system USING (true) WITH CHECK (true)"),
    ]
}

//! Every command, its options and its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{audit::AuditCommand, idgen::IdgenCommand, jobs::JobsCommand, members::MembersCommand};
use crate::config::{AppEnv, Inputs};

/// The back end of a SaaS product in one file.
#[derive(Debug, Parser)]
#[command(name = "tenon", bin_name = "tenon", version, max_term_width = 110)]
#[command(
    after_help = "Without a command: `tenon serve --env dev`.\n\nExample:\n  tenon serve --port 9000\n  tenon config --env prod"
)]
pub struct Cli {
    /// Which rules and which `.env.<env>` file apply [default: APP_ENV, then dev].
    #[arg(long, global = true, value_enum)]
    pub env: Option<AppEnv>,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What Tenon can be asked to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Serve the API and the console.
    #[command(after_help = "Example:\n  tenon serve --env prod --host 0.0.0.0 --port 8000 --migrate")]
    Serve(ServeArgs),
    /// Work on jobs and fire schedules, without serving.
    #[command(
        after_help = "Example:\n  tenon worker --env prod\n  tenon worker --queues mail,default --concurrency 32"
    )]
    Worker(WorkerArgs),
    /// Look at jobs of every organisation, and have them done.
    #[command(subcommand, after_help = "Example:\n  tenon jobs list --state dead")]
    Jobs(JobsCommand),
    /// Ids: take over from an older service, check, find owners.
    #[command(subcommand, after_help = "Example:\n  tenon idgen check")]
    Idgen(IdgenCommand),
    /// Members: take over from an older service.
    #[command(
        subcommand,
        after_help = "Example:\n  tenon members adopt --from postgres://reader:secret@127.0.0.1:5432/member --dry-run"
    )]
    Members(MembersCommand),
    /// Bring the database's tables up to date, back, or show where they are.
    #[command(after_help = "Example:\n  tenon migrate status --env prod")]
    Migrate(MigrateArgs),
    /// Create a database, save it, bring it back.
    #[command(subcommand, after_help = "Example:\n  tenon db backup tenon-backup.db")]
    Db(DbCommand),
    /// Row-level security: show, prove, switch (PostgreSQL).
    #[command(after_help = "Example:\n  tenon rls --status\n  tenon rls --test --env prod")]
    Rls(RlsArgs),
    /// The audit trails: whether they are as they were written.
    #[command(subcommand, after_help = "Example:\n  tenon audit verify")]
    Audit(AuditCommand),
    /// Create a platform administrator; on a fresh installation also the first organisation.
    #[command(
        after_help = "Example:\n  echo \"$PASSWORD\" | tenon createsuperuser --username root --email root@example.com --password-stdin"
    )]
    Createsuperuser(CreateSuperuserArgs),
    /// Rescue for people who are locked out.
    #[command(subcommand, after_help = "Example:\n  tenon user unlock alice")]
    User(UserCommand),
    /// The keys that sign tokens and encrypt stored secrets.
    #[command(subcommand, after_help = "Example:\n  tenon keys rotate")]
    Keys(KeysCommand),
    /// Write the OpenAPI document; needs no database.
    #[command(after_help = "Example:\n  tenon openapi --file openapi.json")]
    Openapi(OpenapiArgs),
    /// Show every setting and where it comes from, secrets masked.
    #[command(after_help = "Example:\n  tenon config --env prod --json")]
    Config(ConfigArgs),
    /// Check the configuration against the real services and say what to do.
    #[command(after_help = "Example:\n  tenon doctor --env prod")]
    Doctor(DoctorArgs),
    /// Show the version.
    #[command(after_help = "Example:\n  tenon version")]
    Version,
}

/// Options of `serve`.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// Address to listen on [default: APP_HOST, then 127.0.0.1].
    #[arg(long)]
    pub host: Option<String>,
    /// Port to listen on; 0 lets the system choose [default: APP_PORT, then 8000].
    #[arg(long)]
    pub port: Option<u16>,
    /// Drop every table first (dev only).
    #[arg(long)]
    pub recreate_db: bool,
    /// Migrate before serving; in dev this happens anyway.
    #[arg(long)]
    pub migrate: bool,
    /// Leave jobs and schedules to other processes (`tenon worker`).
    #[arg(long)]
    pub no_worker: bool,
    /// Do not ask before destroying data.
    #[arg(long)]
    pub yes: bool,
}

/// Options of `worker`.
#[derive(Args, Clone, Debug, Default)]
pub struct WorkerArgs {
    /// Queues to serve, separated by commas, the most urgent first [default: WORKER_QUEUES, then all].
    #[arg(long)]
    pub queues: Option<String>,
    /// Jobs at once [default: WORKER_CONCURRENCY, then 16].
    #[arg(long)]
    pub concurrency: Option<u32>,
    /// Migrate before working; in dev this happens anyway.
    #[arg(long)]
    pub migrate: bool,
}

/// Options of `migrate`.
#[derive(Args, Clone, Debug)]
pub struct MigrateArgs {
    /// Which way.
    #[arg(value_enum, default_value = "up")]
    pub direction: MigrateDirection,
    /// How many steps `down` takes.
    #[arg(long, default_value_t = 1)]
    pub steps: u32,
    /// Do not ask before `down`.
    #[arg(long)]
    pub yes: bool,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which way to migrate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MigrateDirection {
    /// Apply what is missing.
    Up,
    /// Take the last steps back.
    Down,
    /// Show what is applied; exit code 3 when something is missing.
    Status,
}

/// Commands about whole databases.
#[derive(Clone, Debug, Subcommand)]
pub enum DbCommand {
    /// Create database, owner, roles and grants with DATABASE_ADMIN_URL (PostgreSQL, MySQL).
    #[command(
        after_help = "Example:\n  DATABASE_ADMIN_URL=postgres://postgres@localhost/postgres tenon db init"
    )]
    Init,
    /// Copy the embedded database into a file, also while serving.
    #[command(after_help = "Example:\n  tenon db backup tenon-backup.db")]
    Backup {
        /// The file to write; must not exist.
        file: PathBuf,
    },
    /// Replace the embedded database by a backup; not while serving.
    #[command(after_help = "Example:\n  tenon db restore tenon-backup.db --yes")]
    Restore {
        /// The file that `backup` wrote.
        file: PathBuf,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// Options of `rls`: one action, `--status` when none is given.
#[derive(Args, Clone, Debug)]
pub struct RlsArgs {
    /// Show every protected table and its policy.
    #[arg(long, group = "action")]
    pub status: bool,
    /// Check that the login role cannot escape the policies.
    #[arg(long, group = "action")]
    pub verify_user: bool,
    /// Prove isolation with rows of two organisations through the application's own role.
    #[arg(long, group = "action")]
    pub test: bool,
    /// Create and force the policies.
    #[arg(long, group = "action")]
    pub enable: bool,
    /// Drop the policies.
    #[arg(long, group = "action")]
    pub disable: bool,
    /// Do not ask before `--disable`.
    #[arg(long)]
    pub yes: bool,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// What `rls` shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RlsAction {
    /// `--status`
    Status,
    /// `--verify-user`
    VerifyUser,
    /// `--test`
    Test,
    /// `--enable`
    Enable,
    /// `--disable`
    Disable,
}

impl RlsArgs {
    /// The one action.
    pub fn action(&self) -> RlsAction {
        match (self.verify_user, self.test, self.enable, self.disable) {
            (true, ..) => RlsAction::VerifyUser,
            (_, true, ..) => RlsAction::Test,
            (_, _, true, _) => RlsAction::Enable,
            (.., true) => RlsAction::Disable,
            _ => RlsAction::Status,
        }
    }
}

/// Options of `createsuperuser`. The password comes from standard input, from
/// SUPERUSER_PASSWORD, or is made and printed once.
#[derive(Args, Clone, Debug)]
pub struct CreateSuperuserArgs {
    /// Name to sign in with.
    #[arg(long)]
    pub username: String,
    /// E-mail address.
    #[arg(long)]
    pub email: Option<String>,
    /// Read the password from the first line of standard input.
    #[arg(long)]
    pub password_stdin: bool,
}

/// Commands about people.
#[derive(Clone, Debug, Subcommand)]
pub enum UserCommand {
    /// List people with their state.
    #[command(after_help = "Example:\n  tenon user list --json")]
    List {
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// Lift a lock after wrong passwords.
    #[command(after_help = "Example:\n  tenon user unlock alice")]
    Unlock(UserNameArgs),
    /// Set a password and end every session and every API key.
    #[command(
        after_help = "Example:\n  tenon user reset-password alice\n  echo \"$PASSWORD\" | tenon user reset-password alice --password-stdin"
    )]
    ResetPassword {
        /// Name or e-mail address.
        username: String,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Forbid signing in and end every session.
    #[command(after_help = "Example:\n  tenon user disable alice")]
    Disable(UserNameArgs),
    /// Allow signing in again.
    #[command(after_help = "Example:\n  tenon user enable alice")]
    Enable(UserNameArgs),
    /// Make somebody an owner of an organisation, and a member if he is none.
    #[command(after_help = "Example:\n  tenon user make-owner alice --organization \"Example Ltd\"")]
    MakeOwner {
        /// Name or e-mail address.
        username: String,
        /// Name or id of the organisation.
        #[arg(long)]
        organization: String,
    },
}

/// Whom a command is about.
#[derive(Args, Clone, Debug)]
pub struct UserNameArgs {
    /// Name or e-mail address.
    pub username: String,
}

/// Commands about keys.
#[derive(Clone, Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a new signing key (the old one verifies until its tokens end) and re-encrypt stored secrets.
    #[command(after_help = "Example:\n  tenon keys rotate --env prod")]
    Rotate,
}

/// Options of `openapi`.
#[derive(Args, Clone, Debug)]
pub struct OpenapiArgs {
    /// The file to write; `-` is standard output.
    #[arg(long, short, default_value = "-")]
    pub file: PathBuf,
}

/// Options of `config`.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfigArgs {
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
    /// Print the reference of all settings in Markdown instead.
    #[arg(long, conflicts_with = "json")]
    pub reference: bool,
}

/// Options of `doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

impl Cli {
    /// The command, `serve` when none is given.
    pub fn command(&self) -> Command {
        self.command.clone().unwrap_or_else(|| Command::Serve(ServeArgs::default()))
    }

    /// What configuration is read from, the command's own options included.
    pub fn inputs(&self) -> Inputs {
        let mut options = Vec::new();
        match &self.command {
            Some(Command::Serve(serve)) => {
                options.extend(serve.host.clone().map(|host| ("APP_HOST", host)));
                options.extend(serve.port.map(|port| ("APP_PORT", port.to_string())));
            }
            Some(Command::Worker(worker)) => {
                options.extend(worker.queues.clone().map(|queues| ("WORKER_QUEUES", queues)));
                options.extend(worker.concurrency.map(|count| ("WORKER_CONCURRENCY", count.to_string())));
            }
            _ => {}
        }
        Inputs::from_process(self.env, options)
    }
}

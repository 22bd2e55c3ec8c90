//! The `tenon` binary: reads the command line and hands over to the command.

use std::process::ExitCode;

use server::{
    cli::{self, Cli, Command, Failure},
    command,
};

/// What one worker allocates another one frees, at every answer: the system's allocator makes them wait for
/// each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::from_process() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    run(&cli).map_or_else(|failure| failure.report(), |()| ExitCode::SUCCESS)
}

fn run(cli: &Cli) -> Result<(), Failure> {
    let inputs = cli.inputs();
    match cli.command() {
        Command::Serve(args) => command::serve::run(&inputs, &args),
        Command::Worker(args) => command::worker::run(&inputs, &args),
        Command::Jobs(command) => command::jobs::run(&inputs, &command),
        Command::Migrate(args) => command::migrate::run(&inputs, &args),
        Command::Db(command) => command::db::run(&inputs, &command),
        Command::Rls(args) => command::rls::run(&inputs, &args),
        Command::Audit(command) => command::audit::run(&inputs, &command),
        Command::Createsuperuser(args) => command::createsuperuser::run(&inputs, &args),
        Command::User(command) => command::user::run(&inputs, &command),
        Command::Idgen(command) => command::idgen::run(&inputs, &command),
        Command::Members(command) => command::members::run(&inputs, &command),
        Command::Keys(command) => command::keys::run(&inputs, &command),
        Command::Openapi(args) => command::openapi::run(&inputs, &args),
        Command::Config(args) => cli::config(&inputs, &args),
        Command::Doctor(args) => command::doctor::run(&inputs, &args),
        Command::Version => {
            cli::version();
            Ok(())
        }
    }
}

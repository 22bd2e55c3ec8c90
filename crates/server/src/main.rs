//! The `tenon` binary: reads the command line and hands over to the command.

use std::process::ExitCode;

use server::cli::{self, Cli, Command, Failure};

fn main() -> ExitCode {
    let cli = match Cli::from_process() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    run(&cli).map_or_else(|failure| failure.report(), |()| ExitCode::SUCCESS)
}

fn run(cli: &Cli) -> Result<(), Failure> {
    match cli.command() {
        Command::Config(args) => cli::config(&cli.inputs(), &args),
        Command::Version => {
            cli::version();
            Ok(())
        }
        _ => Err(Failure::failed("this build has no such command yet")),
    }
}

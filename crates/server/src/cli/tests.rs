//! Tests of the command line's definition.

use clap::{CommandFactory, Parser};

use super::*;
use crate::config::AppEnv;

#[test]
fn the_definition_holds_and_every_command_shows_an_example() {
    <Cli as CommandFactory>::command().debug_assert();
    fn visit(command: &clap::Command) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Example"), "{} has no example", command.get_name());
        command.get_subcommands().for_each(visit);
    }
    visit(&<Cli as CommandFactory>::command());
}

#[test]
fn commands_are_read() {
    let parse = |words: &[&str]| Cli::try_parse_from(std::iter::once("tenon").chain(words.iter().copied()));
    assert!(matches!(parse(&[]).expect("valid").command(), Command::Serve(_)));
    let serve = parse(&["serve", "--env", "prod", "--port", "9000", "--host", "::"]).expect("valid");
    assert_eq!(serve.env, Some(AppEnv::Prod));
    assert_eq!(serve.inputs().cli, [("APP_HOST", "::".to_owned()), ("APP_PORT", "9000".to_owned())]);
    let rls = |words: &[&str]| match parse(words).map(|cli| cli.command()) {
        Ok(Command::Rls(rls)) => Some(rls.action()),
        _ => None,
    };
    assert_eq!(rls(&["rls"]), Some(RlsAction::Status));
    assert_eq!(rls(&["rls", "--verify-user", "--json"]), Some(RlsAction::VerifyUser));
    assert_eq!(rls(&["rls", "--disable", "--yes"]), Some(RlsAction::Disable));
    assert_eq!(rls(&["rls", "--test", "--enable"]), None);
    let worker = parse(&["worker", "--queues", "mail,default", "--concurrency", "3"]).expect("valid");
    let options = [("WORKER_QUEUES", "mail,default".to_owned()), ("WORKER_CONCURRENCY", "3".to_owned())];
    assert_eq!(worker.inputs().cli, options);
    let listed = match parse(&["jobs", "list", "--state", "dead"]).expect("valid").command() {
        Command::Jobs(JobsCommand::List(list)) => (list.state, list.limit),
        other => panic!("{other:?}"),
    };
    assert_eq!(listed, (Some(::jobs::State::Dead), 50));
    assert!(parse(&["jobs", "list", "--state", "lost"]).is_err());
    assert!(parse(&["jobs", "retry"]).is_err() && parse(&["jobs", "show", "seven"]).is_err());
    assert!(parse(&["serve", "--port", "70000"]).is_err());
    assert!(parse(&["migrate", "sideways"]).is_err());
}

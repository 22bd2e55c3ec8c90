//! The project's own commands: `cargo xtask <command>`.

mod bench;
mod ci;
mod console;
mod layers;
mod openapi;
mod run;
mod shell;
mod sizes;
mod source;
mod tables;
mod test;
mod verdict;

use std::process::ExitCode;

const HELP: &str = "cargo xtask <command>

  run [--dev] [-- <options of tenon serve>]
                 build the console if it changed, then serve on http://127.0.0.1:8000;
                 --dev serves the console from Vite beside it
  test [--no-browser] [--rust-only]
                 everything: Rust on every configured database, console, browser
                 (TEST_POSTGRES_URL and TEST_MYSQL_URL add PostgreSQL and MySQL/MariaDB)
  ci             what must hold before a merge: format, layers, sizes, lints, documents, tests
  bench jobs [--database sqlite|postgres|mysql|all] [--jobs N] [--concurrency N] [--no-peer]
                 rates and start latency of the job engine in the release profile, beside
                 Celery with Redis: installed from PyPI into target/bench, and run on the
                 Redis database BENCH_REDIS_URL (redis://127.0.0.1:6379/13), which it empties
  openapi        write openapi.json and console/src/api/schema.d.ts anew
  check-layers   who may import what, and who may name which table
  check-sizes    lines per file, per function, of the Resource engine
  help           this text

Example: cargo xtask run --dev";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", [].as_slice()),
    };
    let done = match command {
        "run" => run::run(rest),
        "test" => test::test(rest),
        "ci" => ci::ci(rest),
        "bench" => bench::bench(rest),
        "openapi" => openapi::write(),
        "check-layers" => layers::check(),
        "check-sizes" => sizes::check(),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        other => Err(format!("there is no command `{other}`; see `cargo xtask help`")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

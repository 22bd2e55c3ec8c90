//! `cargo xtask test`: Rust on every configured database, the console, the browser.

use crate::{
    console,
    shell::{Done, cargo, run, step, variable},
};

/// A database that the suite can run on: its name for TEST_DATABASE, and the variable that
/// says where it is.
const DATABASES: [(&str, &str); 2] = [("postgres", "TEST_POSTGRES_URL"), ("mysql", "TEST_MYSQL_URL")];

/// What to leave out.
struct Options {
    browser: bool,
    console: bool,
}

impl Options {
    fn read(arguments: &[String]) -> Done<Self> {
        let mut options = Self { browser: true, console: true };
        for argument in arguments {
            match argument.as_str() {
                "--no-browser" => options.browser = false,
                "--rust-only" => (options.browser, options.console) = (false, false),
                other => {
                    return Err(format!(
                        "test does not know `{other}`; it takes --no-browser and --rust-only"
                    ));
                }
            }
        }
        Ok(options)
    }
}

/// Everything. What is missing on the machine is said first, not after ten minutes.
pub fn test(arguments: &[String]) -> Done {
    let mut options = Options::read(arguments)?;
    if !console::exists() {
        println!("console: there is none yet, so only Rust is tested");
        (options.browser, options.console) = (false, false);
    }
    if options.console {
        console::need_node()?;
    }
    if options.browser {
        console::need_chromium()?;
    }
    rust()?;
    if options.console {
        step("console packages", console::install)?;
        step("console checks", console::check)?;
    }
    if options.browser {
        step("console build", console::build)?;
        step("browser tests", || {
            run(cargo(&["build", "--bin", "tenon"]))?;
            console::browser()
        })?;
    }
    Ok(())
}

/// The Rust tests: everything on SQLite, and what speaks SQL on each further database.
fn rust() -> Done {
    step("Rust tests on sqlite", || on("sqlite", &["test", "--workspace"]))?;
    for (name, place) in DATABASES {
        if variable(place).is_some() {
            // `--workspace` keeps the features, and with them the build, of the first run.
            step(&format!("Rust tests on {name}"), || {
                on(name, &["test", "--workspace", "--test", "it", "--test", "engine"])
            })?;
        } else {
            println!("\n== Rust tests on {name}: left out, {place} is not set");
        }
    }
    Ok(())
}

fn on(database: &str, arguments: &[&str]) -> Done {
    let mut command = cargo(arguments);
    command.env("TEST_DATABASE", database);
    run(command)
}

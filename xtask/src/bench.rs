//! `cargo xtask bench`: the engines in the release profile, beside their peers.

use std::path::{Path, PathBuf};

use crate::shell::{Done, cargo, has, program, read, root, run, step, target_dir, write};

/// Measures `jobs`, `ids` or `members`; their peers in the same call, unless left out.
pub fn bench(arguments: &[String]) -> Done {
    let Some((what, rest)) = arguments.split_first() else {
        return Err("bench needs to know what; there are `jobs`, `ids` and `members`".to_owned());
    };
    if what == "ids" {
        return ids(rest);
    }
    if what == "members" {
        return members(rest);
    }
    if what != "jobs" {
        return Err(format!("bench does not know `{what}`; there are `jobs`, `ids` and `members`"));
    }
    let options = Options::read(rest)?;
    step("build", || run(cargo(&["build", "--release", "--package", "bench"])))?;
    let mut words = vec!["jobs".to_owned()];
    words.extend(options.rest);
    if options.peer {
        let figures = folder().join("celery.json");
        step("Celery with Redis", || celery(&figures))?;
        words.extend(["--peer".to_owned(), figures.to_string_lossy().into_owned()]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    step("jobs", || run(program(&target_dir().join("release/bench").to_string_lossy(), &words)))
}

struct Options {
    peer: bool,
    /// For the program itself, which checks them.
    rest: Vec<String>,
}

impl Options {
    fn read(arguments: &[String]) -> Done<Self> {
        let mut options = Self { peer: true, rest: Vec::new() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--peer" => options.peer = true,
                "--no-peer" => options.peer = false,
                "--database" | "--jobs" | "--concurrency" => {
                    let value = arguments.next().ok_or_else(|| format!("{argument} needs a value"))?;
                    options.rest.extend([argument.clone(), value.clone()]);
                }
                other => {
                    return Err(format!(
                        "bench jobs does not know `{other}`; it takes --database sqlite|postgres|mysql|all, \
                         --jobs, --concurrency, --peer and --no-peer"
                    ));
                }
            }
        }
        Ok(options)
    }
}

/// Where the peers live.
fn folder() -> PathBuf {
    target_dir().join("bench")
}

/// Measures `ids`: the product's release build, a bare handler, the seed's stack, Redis.
fn ids(arguments: &[String]) -> Done {
    let (mut peer, mut rest) = (true, Vec::new());
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--no-peer" => peer = false,
            "--database" | "--connections" | "--seconds" | "--redis" => {
                let value = arguments.next().ok_or_else(|| format!("{argument} needs a value"))?;
                rest.extend([argument.clone(), value.clone()]);
            }
            other => {
                return Err(format!(
                    "bench ids does not know `{other}`; it takes --database sqlite|postgres|mysql|all, \
                     --connections, --seconds, --redis URL and --no-peer"
                ));
            }
        }
    }
    step("build", || run(cargo(&["build", "--release", "--package", "bench", "--package", "server"])))?;
    let tenon = target_dir().join("release/tenon");
    let mut words = vec!["ids".to_owned(), "--tenon".to_owned(), tenon.to_string_lossy().into_owned()];
    if peer {
        let python = environment("ids", "requirements_ids.txt")?;
        let script = root().join("bench/peers/ids_seed.py");
        words.extend([
            "--python".to_owned(),
            python,
            "--script".to_owned(),
            script.to_string_lossy().into_owned(),
        ]);
        if !rest.iter().any(|word| word == "--redis") {
            words.extend(["--redis", "redis://127.0.0.1:6379/14"].map(str::to_owned));
        }
    }
    words.extend(rest);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    step("ids", || run(program(&target_dir().join("release/bench").to_string_lossy(), &words)))
}

/// Measures `members`: the product's release build beside a bare handler, on a database of full size.
fn members(arguments: &[String]) -> Done {
    let known = ["--members", "--grants", "--connections", "--rate", "--seconds"];
    let mut words = vec!["members", "--tenon"];
    let tenon = target_dir().join("release/tenon");
    let tenon = tenon.to_string_lossy();
    words.push(&tenon);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if !known.contains(&argument.as_str()) {
            let known = known.join(", ");
            return Err(format!("bench members does not know `{argument}`; it takes {known}"));
        }
        let value = arguments.next().ok_or_else(|| format!("{argument} needs a value"))?;
        words.extend([argument.as_str(), value.as_str()]);
    }
    step("build", || run(cargo(&["build", "--release", "--package", "bench", "--package", "server"])))?;
    step("members", || run(program(&target_dir().join("release/bench").to_string_lossy(), &words)))
}

/// Celery under its load.
fn celery(figures: &Path) -> Done {
    let python = environment("celery", "requirements.txt")?;
    let script = root().join("bench/peers/celery_jobs.py");
    run(program(&python, &["-B", &script.to_string_lossy(), "--out", &figures.to_string_lossy()]))
}

/// A peer's Python in an environment of its own below the target folder, made anew when its list of packages
/// changes.
fn environment(peer: &str, list: &str) -> Done<String> {
    if !has("python3", "--version") {
        return Err(
            "there is no python3 for the peer; install it, or leave the peer out with --no-peer".to_owned()
        );
    }
    let list = root().join("bench/peers").join(list);
    let wanted = read(&list)?;
    let environment = folder().join(peer);
    let python = environment.join("bin/python").to_string_lossy().into_owned();
    let installed = environment.join("installed.txt");
    if std::fs::read_to_string(&installed).ok().as_deref() != Some(wanted.as_str()) {
        println!("{peer}: the peer is installed from PyPI into {}", environment.display());
        run(program("python3", &["-m", "venv", "--clear", &environment.to_string_lossy()]))?;
        run(program(
            &python,
            &["-m", "pip", "install", "--quiet", "--requirement", &list.to_string_lossy()],
        ))?;
        write(&installed, &wanted)?;
    }
    Ok(python)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &[&str]) -> Done<Options> {
        Options::read(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_of_the_program_are_handed_on() -> Done {
        let read = options(&["--jobs", "5000", "--no-peer", "--database", "sqlite"])?;
        assert_eq!(read.rest, ["--jobs", "5000", "--database", "sqlite"]);
        assert!(!read.peer);
        Ok(())
    }

    #[test]
    fn members_refuses_what_it_does_not_know_before_anything_is_built() {
        for words in [&["--fast"][..], &["--members"], &["--rate", "5", "--database", "sqlite"]] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert!(
                members(&words).is_err_and(
                    |message| message.contains("bench members") || message.contains("needs a value")
                )
            );
        }
    }

    #[test]
    fn unknown_options_and_missing_values_are_refused() {
        assert!(options(&["--fast"]).is_err() && options(&["--jobs"]).is_err());
        assert!(options(&[]).is_ok_and(|read| read.peer));
    }
}

//! Running other programs, and saying how long a step took.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

/// The one line that says what went wrong.
pub type Done<T = ()> = Result<T, String>;

/// The workspace's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// A variable of the environment, when it is set and not empty.
#[expect(clippy::disallowed_methods, reason = "the project's own tool has no configuration of its own")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Where cargo puts what it builds.
pub fn target_dir() -> PathBuf {
    variable("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The binary that `cargo build --bin tenon` makes; scripts find it in `TENON_BIN`.
pub fn tenon_bin() -> PathBuf {
    target_dir().join("debug/tenon")
}

/// A program that starts in the workspace's folder, without what `cargo run` put into this
/// process's environment: build scripts that look there would run again.
#[expect(clippy::disallowed_methods, reason = "to hand on the environment without a part of it")]
pub fn program(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(root());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text == "CARGO_BIN_NAME" {
            command.env_remove(&name);
        }
    }
    command
}

/// Cargo, the one that started this.
pub fn cargo(arguments: &[&str]) -> Command {
    program(&variable("CARGO").unwrap_or_else(|| "cargo".to_owned()), arguments)
}

/// Runs to the end and shows the output.
pub fn run(mut command: Command) -> Done {
    let shown = show(&command);
    println!("$ {shown}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{shown}` failed ({status})")),
        Err(error) => Err(format!("`{shown}` cannot start: {error}")),
    }
}

/// Runs to the end and gives what it printed.
pub fn output(mut command: Command) -> Done<String> {
    let shown = show(&command);
    match command.stderr(Stdio::inherit()).output() {
        Ok(out) if out.status.success() => {
            String::from_utf8(out.stdout).map_err(|_| format!("`{shown}` printed no text"))
        }
        Ok(out) => Err(format!("`{shown}` failed ({})", out.status)),
        Err(error) => Err(format!("`{shown}` cannot start: {error}")),
    }
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let name = Path::new(&words[0]).file_name().map(|name| name.to_string_lossy().into_owned());
    std::iter::once(name.unwrap_or_default()).chain(words.into_iter().skip(1)).collect::<Vec<_>>().join(" ")
}

/// Whether a program answers.
pub fn has(name: &str, argument: &str) -> bool {
    let probe = Command::new(name).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}

/// Does a step and says how long it took.
pub fn step(name: &str, work: impl FnOnce() -> Done) -> Done {
    println!("\n== {name}");
    let begin = Instant::now();
    let done = work();
    let seconds = begin.elapsed().as_secs_f64();
    println!("-- {name}: {} in {seconds:.1} s", if done.is_ok() { "ok" } else { "FAILED" });
    done
}

/// Reads a file of the workspace.
pub fn read(path: &Path) -> Done<String> {
    std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

/// Writes a file, and its folder when that is missing.
pub fn write(path: &Path, text: &str) -> Done {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder
        .and_then(|()| std::fs::write(path, text))
        .map_err(|error| format!("{} cannot be written: {error}", path.display()))
}

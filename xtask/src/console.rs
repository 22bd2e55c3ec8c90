//! The console: built when its sources changed, checked, and driven in a browser.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

use crate::shell::{Done, has, output, program, read, root, run, target_dir, tenon_bin, write};

const NODE_MISSING: &str = "Node.js 20 or later is needed for the console: `apt-get install --yes nodejs npm`, or take it from \
     https://nodejs.org; the back end alone needs none: `cargo run`, `cargo test`";
/// The one line that installs what the browser tests need.
const CHROMIUM_MISSING: &str = "Chromium is needed for the browser tests: `apt-get install --yes chromium` \
     (or leave them out: `cargo xtask test --no-browser`)";
const NOT_SOURCES: &[&str] = &["node_modules", "dist", "test-results", "coverage", ".vite"];

/// The console's folder.
pub fn folder() -> PathBuf {
    root().join("console")
}

/// Whether there is a console to build.
pub fn exists() -> bool {
    folder().join("package.json").exists()
}

/// A program in the console's folder.
pub fn npm(arguments: &[&str]) -> Command {
    let mut command = program("npm", arguments);
    command.current_dir(folder());
    command
}

/// Stops with a clear message when Node.js is missing or too old.
pub fn need_node() -> Done {
    if !has("node", "--version") || !has("npm", "--version") {
        return Err(NODE_MISSING.to_owned());
    }
    let version = output(program("node", &["--version"]))?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    match major {
        Some(20..) => Ok(()),
        Some::<u32>(_) | None => Err(format!("Node.js {} is too old. {NODE_MISSING}", version.trim())),
    }
}

/// Stops with the line that installs Chromium when there is none.
pub fn need_chromium() -> Done {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    if names.iter().any(|name| has(name, "--version")) { Ok(()) } else { Err(CHROMIUM_MISSING.to_owned()) }
}

/// Installs packages when the lock file changed.
pub fn install() -> Done {
    let lock = hash(&[folder().join("package.json"), folder().join("package-lock.json")])?;
    if folder().join("node_modules").exists() && stamped("console-packages", &lock) {
        return Ok(());
    }
    run(npm(&["ci", "--no-audit", "--no-fund"]))?;
    stamp("console-packages", &lock)
}

/// Builds the console when a source changed since the last build.
pub fn build() -> Done {
    if !exists() {
        println!("console: there is none yet");
        return Ok(());
    }
    let sources = hash(&[folder()])?;
    if folder().join("dist/index.html").exists() && stamped("console-build", &sources) {
        println!("console: unchanged since the last build");
        return Ok(());
    }
    need_node()?;
    install()?;
    run(npm(&["run", "build"]))?;
    stamp("console-build", &sources)
}

/// Types, lints and unit tests of the console.
pub fn check() -> Done {
    for script in ["typecheck", "lint", "test"] {
        if has_script(script)? {
            run(npm(&["run", script]))?;
        } else {
            println!("console: package.json has no script `{script}`");
        }
    }
    Ok(())
}

/// The tests in a real browser.
pub fn browser() -> Done {
    if !has_script("e2e")? {
        println!("console: package.json has no script `e2e`");
        return Ok(());
    }
    let mut command = npm(&["run", "e2e"]);
    command.env("TENON_BIN", tenon_bin());
    run(command)
}

fn has_script(name: &str) -> Done<bool> {
    let text = read(&folder().join("package.json"))?;
    let package: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("console/package.json: {error}"))?;
    Ok(package.pointer(&format!("/scripts/{name}")).is_some())
}

fn stamped(name: &str, content: &str) -> bool {
    fs::read_to_string(stamp_path(name)).is_ok_and(|stamp| stamp == content)
}

fn stamp(name: &str, content: &str) -> Done {
    write(&stamp_path(name), content)
}

fn stamp_path(name: &str) -> PathBuf {
    target_dir().join("xtask").join(name)
}

/// A digest of the names and contents of files and folders.
fn hash(paths: &[PathBuf]) -> Done<String> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.hash(&mut hasher);
        fs::read(&file)
            .map_err(|error| format!("{} cannot be read: {error}", file.display()))?
            .hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Done {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    let Ok(entries) = fs::read_dir(path) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if !NOT_SOURCES.iter().any(|skipped| name == *skipped) {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}

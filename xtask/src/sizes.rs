//! `cargo xtask check-sizes`: small files, small functions, a small engine.

use crate::{
    shell::Done,
    source::{self, Source},
    verdict::Verdict,
};

/// No file is longer.
const FILE_LINES: usize = 500;
/// A longer function is worth a second look.
const FUNCTION_LINES: usize = 60;
/// The Resource engine as a whole.
const ENGINE: &str = "crates/kernel/src/resource/";
const ENGINE_LINES: usize = 2_500;
/// What the author of a resource has to learn.
const SPEC_METHODS: usize = 14;

/// The whole check.
pub fn check() -> Done {
    let files = source::all()?;
    let mut verdict = Verdict::default();
    report(&files);
    for file in &files {
        check_file(file, &mut verdict);
    }
    let engine: Vec<&Source> = files.iter().filter(|file| file.path.starts_with(ENGINE)).collect();
    let lines: usize = engine.iter().map(|file| file.production_lines()).sum();
    let methods: usize = engine.iter().map(|file| spec_methods(&file.code)).sum();
    println!("engine: {lines} of {ENGINE_LINES} lines, {methods} of {SPEC_METHODS} methods of Spec");
    if lines > ENGINE_LINES {
        verdict.error(format!("{ENGINE} has {lines} lines; {ENGINE_LINES} are the most"));
    }
    if methods > SPEC_METHODS {
        verdict.error(format!(
            "Spec has {methods} methods; {SPEC_METHODS} are the most, the rest are endpoints() actions"
        ));
    }
    verdict.end()
}

fn report(files: &[Source]) {
    println!(
        "{:10} {:>6} {:>7} {:>7} {:>6} {:>6} {:>6}",
        "crate", "files", "lines", "tests", "median", "p90", "max"
    );
    let mut names: Vec<&str> = files.iter().map(group).collect();
    names.dedup();
    for name in names {
        row(name, &files.iter().filter(|file| group(file) == name).collect::<Vec<_>>());
    }
    row("all", &files.iter().collect::<Vec<_>>());
}

fn group(file: &Source) -> &str {
    if file.path.starts_with("xtask/") { "xtask" } else { file.crate_name() }
}

fn row(name: &str, files: &[&Source]) {
    let mut lines: Vec<usize> = files.iter().map(|file| file.production_lines()).collect();
    lines.sort_unstable();
    let at = |percent: usize| {
        lines.get((lines.len().saturating_sub(1)) * percent / 100).copied().unwrap_or_default()
    };
    let all: usize = files.iter().map(|file| file.lines()).sum();
    let production: usize = lines.iter().sum();
    println!(
        "{name:10} {:>6} {production:>7} {:>7} {:>6} {:>6} {:>6}",
        files.len(),
        all - production,
        at(50),
        at(90),
        at(100)
    );
}

fn check_file(file: &Source, verdict: &mut Verdict) {
    if file.lines() > FILE_LINES {
        verdict.error(format!("{} has {} lines; {FILE_LINES} are the most", file.path, file.lines()));
    }
    if !file.text.trim_start().starts_with("//!") {
        verdict.error(format!("{} does not begin with `//!` and what it is for", file.path));
    }
    for (name, line, length) in functions(&file.code) {
        if length > FUNCTION_LINES {
            verdict.warn(format!("{}:{line}: the function {name} has {length} lines", file.path));
        }
    }
}

/// Name, first line and number of lines of each function with a body.
fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        if let Some(length) = block_lines(&lines[index..]) {
            found.push((name, index + 1, length));
        }
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let trimmed = line.trim_start();
    let at = if trimmed.starts_with("fn ") { 0 } else { trimmed.find(" fn ")? + 1 };
    let head = trimmed.get(..at)?;
    let modifiers = ["pub", "async", "const", "unsafe", "extern", "pub(crate)", "pub(super)", "pub(in"];
    if !head.split_whitespace().all(|word| modifiers.contains(&word) || word.ends_with(')')) {
        return None;
    }
    let name: String =
        trimmed.get(at + 3..)?.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// Lines up to the brace that closes the first one; nothing when a `;` outside of brackets
/// comes first.
fn block_lines(lines: &[&str]) -> Option<usize> {
    let (mut braces, mut brackets) = (0_usize, 0_usize);
    for (index, line) in lines.iter().enumerate() {
        for c in line.chars() {
            match c {
                '{' => braces += 1,
                '(' | '[' => brackets += 1,
                ')' | ']' => brackets = brackets.saturating_sub(1),
                ';' if braces == 0 && brackets == 0 => return None,
                '}' => {
                    braces = braces.saturating_sub(1);
                    if braces == 0 {
                        return Some(index + 1);
                    }
                }
                _ => {}
            }
        }
    }
    None
}

/// Public functions in the blocks `impl… Spec<…> {`.
fn spec_methods(code: &str) -> usize {
    let lines: Vec<&str> = code.lines().collect();
    let is_spec = |line: &str| {
        let subject = line.rsplit(" for ").next().unwrap_or(line);
        let words: Vec<&str> = subject.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        line.starts_with("impl") && !line.contains(" for ") && words.contains(&"Spec")
    };
    let mut count = 0;
    for (index, _) in lines.iter().enumerate().filter(|(_, line)| is_spec(line)) {
        let end = index + block_lines(&lines[index..]).unwrap_or(1);
        let public = |line: &&&str| line.trim_start().starts_with("pub fn ");
        count += lines[index..end].iter().filter(public).count();
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured() {
        let code = "pub async fn a(\n  b: [u8; 3],\n) -> u8 {\n  if x { 1 }\n}\ntrait T { }\n    fn c(&self);\nfn d() {}\nlet e = fn_f;\n";
        let found = functions(code);
        assert_eq!(found, [("a".to_owned(), 1, 5), ("d".to_owned(), 8, 1)]);
    }

    #[test]
    fn methods_of_spec_are_counted() {
        let code = "impl<R: Resource> Spec<R> {\n    pub fn a() {}\n    fn b() {}\n    pub fn c(\n    ) {}\n}\nimpl Default for Spec<R> {\n    pub fn x() {}\n}\nimpl Other {\n    pub fn y() {}\n}\n";
        assert_eq!(spec_methods(code), 2);
    }

    #[test]
    fn long_and_undescribed_files_are_errors() {
        let mut verdict = Verdict::default();
        check_file(&Source::new("crates/a/src/b.rs", "fn a() {}\n".repeat(FILE_LINES + 1)), &mut verdict);
        assert_eq!(verdict.errors().len(), 2);
    }
}

//! Rust files, and just enough of a reader to tell code from comments and texts.

use std::path::{Path, PathBuf};

use crate::shell::{Done, read, root};

/// One Rust file.
pub struct Source {
    /// Relative to the workspace, with `/`.
    pub path: String,
    /// As written.
    pub text: String,
    /// The same length in lines, with comments and the contents of texts blanked.
    pub code: String,
}

impl Source {
    /// Reads a text as the file of that name.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { path: path.into(), code: blank(&text), text }
    }

    /// Lines in all.
    pub fn lines(&self) -> usize {
        self.text.lines().count()
    }

    /// The number of lines before the file's own tests.
    pub fn production_lines(&self) -> usize {
        let tests = |line: &str| line == "#[cfg(test)]";
        self.text.lines().position(tests).unwrap_or_else(|| self.lines())
    }

    /// The crate's name in `crates/<name>/src/…`.
    pub fn crate_name(&self) -> &str {
        self.path.split('/').nth(1).unwrap_or_default()
    }
}

/// Every Rust file of the crates' `src` folders, in the order of their paths.
pub fn all() -> Done<Vec<Source>> {
    let mut paths = Vec::new();
    for folder in crates_folders()? {
        collect(&folder, &mut paths);
    }
    paths.sort();
    let base = root();
    paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&base).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            Ok(Source::new(name, read(&path)?))
        })
        .collect()
}

fn crates_folders() -> Done<Vec<PathBuf>> {
    let crates = root().join("crates");
    let entries = std::fs::read_dir(&crates).map_err(|error| format!("{}: {error}", crates.display()))?;
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path().join("src")).collect();
    folders.push(root().join("xtask/src"));
    Ok(folders)
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// Replaces comments and the contents of texts by spaces; line breaks stay.
fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match (chars[at], chars.get(at + 1)) {
            ('/', Some('/')) => find(&chars, at, |i| chars[i] == '\n'),
            ('/', Some('*')) => find(&chars, at + 2, |i| chars[i - 1] == '*' && chars[i] == '/') + 1,
            ('"', _) => end_of_text(&chars, at),
            ('r', Some('"' | '#')) if !word_before(&chars, at) => end_of_raw(&chars, at),
            ('\'', Some('\\')) => find(&chars, at + 3, |i| chars[i] == '\'') + 1,
            ('\'', Some(_)) if chars.get(at + 2) == Some(&'\'') => at + 3,
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            let end = end.min(chars.len());
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

fn find(chars: &[char], from: usize, hit: impl Fn(usize) -> bool) -> usize {
    (from..chars.len()).find(|i| hit(*i)).unwrap_or(chars.len())
}

fn word_before(chars: &[char], at: usize) -> bool {
    at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_') && chars[at - 1] != 'b'
}

fn end_of_text(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// `r"…"` or `r#"…"#`; `at` itself when it is a raw identifier.
fn end_of_raw(chars: &[char], at: usize) -> usize {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(at + 1 + hashes) != Some(&'"') {
        return at;
    }
    let closes = |i: usize| chars[i] == '"' && (1..=hashes).all(|n| chars.get(i + n) == Some(&'#'));
    find(chars, at + 2 + hashes, closes) + 1 + hashes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_texts_are_blanked_and_lines_kept() {
        let text = "use a; // axum\nlet x = \"sea_orm \\\" {\"; let y = r#\"std::env \"{\" \"#;\n/* {\n axum */ let c = '{'; fn f<'a>() {}\nlet e = '\\'';";
        let code = blank(text);
        assert_eq!(code.lines().count(), text.lines().count());
        for gone in ["axum", "sea_orm", "std::env"] {
            assert!(!code.contains(gone), "{code}");
        }
        assert_eq!(code.matches('{').count(), 1, "{code}");
        assert!(code.contains("fn f<'a>() {}"));
    }

    #[test]
    fn production_lines_end_at_the_tests() {
        let source = Source::new("crates/base/src/id.rs", "//! x\nfn a() {}\n#[cfg(test)]\nmod tests {\n}\n");
        assert_eq!((source.lines(), source.production_lines()), (5, 2));
        assert_eq!(source.crate_name(), "base");
    }
}

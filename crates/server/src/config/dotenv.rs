//! Reader of `.env.<env>` files: `NAME=value`, `export`, quotes and comments.

use std::path::Path;

/// One assignment of the file.
#[derive(Debug, PartialEq)]
pub struct Assignment {
    /// The name on the left.
    pub name: String,
    /// The value on the right, without its quotes.
    pub value: String,
    /// Where it stands, from 1.
    pub line: usize,
}

/// Reads a file; one that does not exist is empty.
pub fn read(path: &Path) -> Result<Vec<Assignment>, Vec<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text)
            .map_err(|errors| errors.into_iter().map(|e| format!("{}:{e}", path.display())).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(vec![format!("{}: cannot be read: {error}", path.display())]),
    }
}

/// Reads a text; every wrong line is reported as `line: what is wrong`. Values are never part
/// of a message, since they may be secret.
pub fn parse(text: &str) -> Result<Vec<Assignment>, Vec<String>> {
    let (mut found, mut errors) = (Vec::<Assignment>::new(), Vec::new());
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let number = index + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut more = || lines.next().map(|(_, next)| next);
        match assignment(line, &mut more) {
            Ok((name, value)) => match found.iter().find(|earlier| earlier.name == name) {
                Some(earlier) => {
                    errors.push(format!("{number}: {name} is set already in line {}", earlier.line))
                }
                None => found.push(Assignment { name, value, line: number }),
            },
            Err(error) => errors.push(format!("{number}: {error}")),
        }
    }
    if errors.is_empty() { Ok(found) } else { Err(errors) }
}

fn assignment<'a>(
    line: &'a str,
    more: &mut dyn FnMut() -> Option<&'a str>,
) -> Result<(String, String), &'static str> {
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let (name, rest) = line.split_once('=').ok_or("there is no `=`; write NAME=value")?;
    let name = name.trim_end();
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(valid) {
        return Err("the name before `=` may hold letters, digits and `_` only");
    }
    let rest = rest.trim_start();
    let value = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted(quote, rest.get(1..).unwrap_or_default(), more)?,
        _ => plain(rest),
    };
    Ok((name.to_owned(), value))
}

/// An unquoted value ends at a `#` that follows a space.
fn plain(rest: &str) -> String {
    let end = rest
        .char_indices()
        .find(|&(at, c)| c == '#' && (at == 0 || rest[..at].ends_with(char::is_whitespace)))
        .map_or(rest.len(), |(at, _)| at);
    rest[..end].trim_end().to_owned()
}

/// A quoted value may span lines; `\n \r \t \" \\ \$` are escapes between double quotes.
fn quoted<'a>(
    quote: char,
    first: &'a str,
    more: &mut dyn FnMut() -> Option<&'a str>,
) -> Result<String, &'static str> {
    let (mut value, mut rest) = (String::new(), first);
    loop {
        let mut chars = rest.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' if quote == '"' => value.push(match chars.next() {
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some('t') => '\t',
                    Some(kept @ ('"' | '\\' | '$')) => kept,
                    _ => return Err("a `\\` inside double quotes must be followed by n, r, t, \", $ or \\"),
                }),
                c if c == quote => {
                    let tail = chars.as_str().trim_start();
                    if tail.is_empty() || tail.starts_with('#') {
                        return Ok(value);
                    }
                    return Err("there is text behind the closing quote");
                }
                c => value.push(c),
            }
        }
        rest = more().ok_or("the closing quote is missing")?;
        value.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String, usize)> {
        parse(text).expect("valid").into_iter().map(|a| (a.name, a.value, a.line)).collect()
    }

    #[test]
    fn quotes_exports_and_comments() {
        let text =
            "# head\n\nA=1\nexport B = two words # note\nC='x # y \\n'\nD=\"a\\n\\\"b\\\"\" # z\nE=\nF=p#q\n";
        let expected = [
            ("A", "1", 3),
            ("B", "two words", 4),
            ("C", "x # y \\n", 5),
            ("D", "a\n\"b\"", 6),
            ("E", "", 7),
            ("F", "p#q", 8),
        ];
        let expected: Vec<_> =
            expected.iter().map(|(n, v, l)| ((*n).to_owned(), (*v).to_owned(), *l)).collect();
        assert_eq!(values(text), expected);
    }

    #[test]
    fn a_key_may_span_lines_and_numbering_goes_on() {
        let text = "\u{feff}KEY=\"-----BEGIN\nabc\n-----END\"\r\nNEXT=1\n";
        assert_eq!(
            values(text),
            vec![("KEY".into(), "-----BEGIN\nabc\n-----END".into(), 1), ("NEXT".into(), "1".into(), 4)]
        );
    }

    #[test]
    fn every_wrong_line_is_named_and_no_value_is_shown() {
        let errors = parse("APP_PORT 8000\n9X=hunter2\nA=1\nA=2\nB=\"hunter2").expect_err("wrong");
        assert_eq!(errors.len(), 4, "{errors:?}");
        assert!(errors[0].starts_with("1: there is no `=`"));
        assert!(errors[1].starts_with("2: the name"));
        assert_eq!(errors[2], "4: A is set already in line 3");
        assert!(errors[3].starts_with("5: the closing quote"));
        assert!(!errors.concat().contains("hunter2"));
    }
}

//! Text keys: how names and e-mail addresses are compared.

use unicode_normalization::UnicodeNormalization;

/// The key under which a name, an e-mail address or a search word is stored and looked
/// up: NFKC, lower case, white space collapsed. The same on every database, because it is
/// made here and not by a collation.
pub fn fold(text: &str) -> String {
    let lower: String = text.nfkc().flat_map(char::to_lowercase).collect();
    let mut out = String::with_capacity(lower.len());
    for word in lower.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The text with control characters (line breaks, escapes) made visible as U+FFFD, so that
/// it stays on one line of a log or of a mail header.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn folding_ignores_case_width_and_spacing() {
        assert_eq!(super::fold("  Ａlice \u{2003} SMITH "), "alice smith");
        assert_eq!(super::fold("ÉCOLE"), super::fold("e\u{301}cole"));
    }
}

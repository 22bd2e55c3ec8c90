//! PEM armour (RFC 7468): only the textual encoding, no ASN.1. May import: base64.

use base::{Error, Result, SecretBytes};
use base64::{Engine, engine::general_purpose::STANDARD};

/// `der` in PEM armour, 64 characters a line.
pub(super) fn encode(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for (index, c) in body.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            out.push('\n');
        }
        out.push(c);
    }
    out.push_str(&format!("\n-----END {label}-----\n"));
    out
}

/// The label and the bytes of the first block. Line breaks written as `\n`, as environment
/// files carry them, are understood.
pub(super) fn decode(text: &str) -> Result<(String, SecretBytes)> {
    let text = text.replace("\\n", "\n");
    let rest = text.split_once("-----BEGIN ").ok_or_else(invalid)?.1;
    let (label, rest) = rest.split_once("-----").ok_or_else(invalid)?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----")).ok_or_else(invalid)?;
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let der = STANDARD.decode(body).map_err(|_| invalid())?;
    Ok((label.to_owned(), der.into()))
}

fn invalid() -> Error {
    Error::invalid("invalid_key", "the text is not a PEM block")
}

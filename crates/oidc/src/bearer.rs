//! The token out of a request's `Authorization` headers (RFC 6750 section 2.1).

use base::{Error, Result};

use crate::token::refused;

/// The token of a request, given the values of all its `Authorization` headers.
///
/// Errors: 401 `missing_token` without a header, with another scheme or with nothing behind the scheme;
/// 401 `invalid_token` for more than one header, or a value that is not text.
pub fn bearer<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Result<&'a str> {
    let mut values = values.into_iter();
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(refused("more than one Authorization header"));
    }
    let value = std::str::from_utf8(value).map_err(|_| refused("the Authorization header is not text"))?;
    let (scheme, token) = value.trim().split_once(' ').unwrap_or((value, ""));
    let token = token.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(missing());
    }
    Ok(token)
}

#[track_caller]
pub(crate) fn missing() -> Error {
    Error::unauthenticated("missing_token", "an access token is needed: Authorization: Bearer …")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(values: &[&'a str]) -> Result<&'a str, String> {
        bearer(values.iter().map(|value| value.as_bytes())).map_err(|error| error.code().to_owned())
    }

    #[test]
    fn the_scheme_is_read_without_regard_to_case() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c "] {
            assert_eq!(read(&[value]).unwrap(), "a.b.c");
        }
    }

    #[test]
    fn no_token_is_missing_and_two_are_invalid() {
        for values in [&[][..], &["Bearer"], &["Bearer "], &["Basic YTpi"], &["a.b.c"], &[""]] {
            assert_eq!(read(values).unwrap_err(), "missing_token", "{values:?}");
        }
        assert_eq!(read(&["Bearer a.b.c", "Bearer a.b.c"]).unwrap_err(), "invalid_token");
        assert_eq!(bearer([b"Bearer \xff".as_slice()]).unwrap_err().code(), "invalid_token");
    }
}

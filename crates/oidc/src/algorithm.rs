//! The signature algorithms that can be accepted: those with a public key.

use std::str::FromStr;

use base::{Error, Result};

/// A signature algorithm (RFC 7518 section 3, RFC 8037). There is no HMAC and no `none`: whoever can check
/// such a token can also make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    RS256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    RS384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    RS512,
    /// RSA PSS with SHA-256.
    PS256,
    /// RSA PSS with SHA-384.
    PS384,
    /// RSA PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 9] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
    ];

    /// What an issuer may use unless its configuration says otherwise.
    pub const DEFAULT: [Self; 3] = [Self::RS256, Self::ES256, Self::ES384];

    /// The name in a token's header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
        }
    }

    /// Whether an RSA key can have it.
    pub(crate) fn is_rsa(self) -> bool {
        !matches!(self, Self::ES256 | Self::ES384 | Self::EdDSA)
    }

    pub(crate) fn library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::RS256 => jsonwebtoken::Algorithm::RS256,
            Self::RS384 => jsonwebtoken::Algorithm::RS384,
            Self::RS512 => jsonwebtoken::Algorithm::RS512,
            Self::PS256 => jsonwebtoken::Algorithm::PS256,
            Self::PS384 => jsonwebtoken::Algorithm::PS384,
            Self::PS512 => jsonwebtoken::Algorithm::PS512,
            Self::ES256 => jsonwebtoken::Algorithm::ES256,
            Self::ES384 => jsonwebtoken::Algorithm::ES384,
            Self::EdDSA => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    /// Errors: 422 `invalid_setting` for every other word, `none` and the HMAC family among them.
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
            Error::invalid("invalid_setting", format!("{text:?} is no signature algorithm with a public key"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_and_no_other_is() {
        for known in Algorithm::ALL {
            assert_eq!(known.as_str().parse::<Algorithm>().unwrap(), known);
        }
        for other in ["none", "HS256", "HS512", "ES512", "rs256", ""] {
            assert_eq!(other.parse::<Algorithm>().unwrap_err().code(), "invalid_setting", "{other}");
        }
    }
}

//! What the operator says about an issuer whose tokens are accepted.

use crate::Algorithm;

/// A trusted issuer, and which of its tokens count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The `iss` of its tokens, byte for byte: a slash at the end, or its absence, matters.
    pub issuer: String,
    /// Where its JWK set is. Without it the address comes from discovery. Taken as it is: whoever sets it
    /// answers for its host, and for `http` inside a network of one's own.
    pub jwks_url: Option<String>,
    /// The accepted audiences; a token must name one of them. Empty: any audience, or none, which lets in
    /// tokens that were issued for others.
    pub audiences: Vec<String>,
    /// The accepted algorithms.
    pub algorithms: Vec<Algorithm>,
    /// The accepted authorised parties (`azp`). Empty: any. Else a token without `azp` is refused too.
    pub azp: Vec<String>,
    /// Whether a token needs an `azp`. Authentik's access tokens have one, its ID tokens do not.
    pub require_azp: bool,
}

impl Issuer {
    /// An issuer found by discovery, with the usual algorithms, any audience and any authorised party.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            jwks_url: None,
            audiences: Vec::new(),
            algorithms: Algorithm::DEFAULT.to_vec(),
            azp: Vec::new(),
            require_azp: false,
        }
    }
}

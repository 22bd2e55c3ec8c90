//! Values that must not be printed. `Debug` shows `[REDACTED]`; memory is wiped on drop.

/// A secret text; read it with [`secrecy::ExposeSecret`].
pub type Secret = secrecy::SecretString;
/// Secret bytes.
pub type SecretBytes = secrecy::SecretSlice<u8>;

pub use secrecy::ExposeSecret;

/// Whether two secrets are the same, in time that depends on their lengths only.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    use subtle::ConstantTimeEq;
    a.ct_eq(b).into()
}

//! Values that must not be printed. `Debug` shows `[REDACTED]`; memory is wiped on drop.

/// A secret text; read it with [`secrecy::ExposeSecret`].
pub type Secret = secrecy::SecretString;
/// Secret bytes.
pub type SecretBytes = secrecy::SecretSlice<u8>;

pub use secrecy::ExposeSecret;

/// Seals what must not lie in the database in the open, or must not be made by whoever can write to it.
pub trait Vault: Send + Sync {
    /// Seals bytes for a purpose.
    fn seal(&self, plain: &[u8], purpose: &str) -> crate::Result<String>;
    /// Opens them again; an error for another purpose, another key, or a sealed text that was changed.
    fn open(&self, sealed: &str, purpose: &str) -> crate::Result<Vec<u8>>;
    /// Whether it was sealed under a key that is on its way out.
    fn is_stale(&self, sealed: &str) -> bool;
}

/// Whether two secrets are the same, in time that depends on their lengths only.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    use subtle::ConstantTimeEq;
    a.ct_eq(b).into()
}

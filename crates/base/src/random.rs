//! Randomness for secrets, from the operating system through aws-lc.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// `N` unpredictable bytes.
///
/// # Panics
/// When the operating system refuses randomness: nothing may go on without it.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    #[expect(clippy::expect_used, reason = "a machine without randomness must not issue a single token")]
    SystemRandom::new().fill(&mut out).expect("the operating system gives randomness");
    out
}

/// 256 unpredictable bits as 43 URL-safe characters.
pub fn token() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<32>())
}

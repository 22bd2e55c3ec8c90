//! Time: when it is, and how long something lasts. Both in seconds.

use std::{fmt, sync::Arc};

/// Seconds since 1970, for tests.
pub type Seconds = Arc<dyn Fn() -> f64 + Send + Sync>;

/// `now` is for timestamps of others; `steady` is for ages, which no change of the date touches.
#[derive(Clone, Default)]
pub struct Clock(pub(super) Option<Seconds>);

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "a client library: nobody else has a clock here")]
    pub(super) fn now(&self) -> f64 {
        let since = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        self.0.as_ref().map_or_else(|| since().unwrap_or_default().as_secs_f64(), |clock| clock())
    }

    pub(super) fn steady(&self) -> f64 {
        self.0.as_ref().map_or_else(steady, |clock| clock())
    }
}

/// Goes on while the machine sleeps, and nobody sets it.
#[cfg(target_os = "linux")]
fn steady() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

#[cfg(not(target_os = "linux"))]
fn steady() -> f64 {
    static BEGIN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    BEGIN.elapsed().as_secs_f64()
}

//! The kinds of jobs that ship.

mod alerts;
mod backup;
mod demo;
mod http_call;
mod prune;
mod seal;

use jobs::{Declared, Registry};
use kernel::App;

pub use alerts::CheckAlerts;
pub use backup::{Backup, DataDir};
pub use http_call::HttpCall;
pub use prune::Prune;
pub use seal::SealAudit;

/// Adds them; those for trying things out in development only.
pub fn register(registry: Registry<App>, dev: bool) -> Registry<App> {
    let registry = crate::transfer::register(
        crate::ids::register(registry)
            .with::<HttpCall>()
            .with::<Prune>()
            .with::<Backup>()
            .with::<CheckAlerts>()
            .with::<SealAudit>(),
    );
    if dev { demo::register(registry) } else { registry }
}

/// Those that recur.
pub fn declared() -> base::Result<Vec<Declared>> {
    let own = vec![
        Declared::every(600, "jobs.prune", &Prune {})?,
        Declared::every(60, "jobs.check_alerts", &CheckAlerts {})?,
        Declared::every(10, "audit.seal", &SealAudit {})?,
    ];
    Ok([own, crate::ids::declared()?].concat())
}

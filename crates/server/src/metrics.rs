//! Metrics for Prometheus. Every label has a bounded set of values: methods and outcomes are
//! fixed words, routes are templates, and beyond [`MAX_ROUTES`] of them the rest is `other`.

use std::collections::HashMap;
use std::sync::{
    Arc, OnceLock, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};
use std::time::Duration;

use kernel::{
    audit,
    port::{MemberCount, Meter},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
        info::Info,
    },
    registry::Registry,
};

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// More route templates than any build has; a guard, should a raw path ever be passed.
pub const MAX_ROUTES: usize = 2_000;

const OTHER: &str = "other";
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", OTHER];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status_class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ScopeLabels {
    scope: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    kind: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChangeLabels {
    op: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SlotLabels {
    slot: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolLabels {
    pool: &'static str,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    kind: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: String,
}

#[derive(Clone)]
struct JobTimes;

impl MetricConstructor<Histogram> for JobTimes {
    fn new_metric(&self) -> Histogram {
        Histogram::new([0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3_600.0])
    }
}

#[derive(Clone)]
struct Durations;

impl MetricConstructor<Histogram> for Durations {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BUCKETS)
    }
}

/// The series of one route and method, looked up without building labels.
struct MethodSeries {
    classes: [OnceLock<Counter>; CLASSES.len()],
    seconds: Histogram,
}

/// The series of one route.
type RouteSeries = [OnceLock<MethodSeries>; METHODS.len()];

type Refresh = Box<dyn Fn(&Metrics) + Send + Sync>;

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    routes: RwLock<HashMap<String, Arc<RouteSeries>>>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, Durations>,
    in_flight: Gauge,
    pool: Family<PoolLabels, Gauge>,
    sign_ins: Family<OutcomeLabels, Counter>,
    webhooks: Family<ResultLabels, Counter>,
    rate_limited: Family<ScopeLabels, Counter>,
    auth_failures: Family<FailureLabels, Counter>,
    permission_changes: Family<ChangeLabels, Counter>,
    snapshots_not_modified: Counter,
    internal_secrets: Family<SlotLabels, Counter>,
    jwks_refreshes: Family<ResultLabels, Counter>,
    jwks_age: Gauge<f64, AtomicU64>,
    audit_entries: Counter,
    jobs: Family<JobLabels, Counter>,
    job_waits: Family<KindLabels, Histogram, JobTimes>,
    job_runs: Family<KindLabels, Histogram, JobTimes>,
    job_depths: Family<StateLabels, Gauge>,
    jobs_dead: Gauge,
    oldest_ready: Gauge<f64, AtomicU64>,
    missed_ticks: Counter,
    id_keys: Family<StateLabels, Gauge>,
    id_lines_waiting: Gauge,
    started: Gauge<f64, AtomicU64>,
    refresh: OnceLock<Refresh>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            routes: RwLock::default(),
            requests: Family::default(),
            durations: Family::new_with_constructor(Durations),
            in_flight: Gauge::default(),
            pool: Family::default(),
            sign_ins: Family::default(),
            webhooks: Family::default(),
            rate_limited: Family::default(),
            auth_failures: Family::default(),
            permission_changes: Family::default(),
            snapshots_not_modified: Counter::default(),
            internal_secrets: Family::default(),
            jwks_refreshes: Family::default(),
            jwks_age: Gauge::default(),
            audit_entries: Counter::default(),
            jobs: Family::default(),
            job_waits: Family::new_with_constructor(JobTimes),
            job_runs: Family::new_with_constructor(JobTimes),
            job_depths: Family::default(),
            jobs_dead: Gauge::default(),
            oldest_ready: Gauge::default(),
            missed_ticks: Counter::default(),
            id_keys: Family::default(),
            id_lines_waiting: Gauge::default(),
            started: Gauge::default(),
            refresh: OnceLock::new(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("http_requests", "Answered requests", self.requests.clone());
        registry.register("http_request_duration_seconds", "Time to the answer", self.durations.clone());
        registry.register("http_requests_in_flight", "Requests being answered", self.in_flight.clone());
        registry.register("db_pool_connections", "Connections to the database", self.pool.clone());
        registry.register("sign_in", "Attempts to sign in", self.sign_ins.clone());
        registry.register("webhook_deliveries", "Tries to deliver a webhook", self.webhooks.clone());
        registry.register(
            "rate_limited",
            "Requests that were refused for their number",
            self.rate_limited.clone(),
        );
        registry.register(
            "auth_failures",
            "Calls to the authority on members that were refused for who made them",
            self.auth_failures.clone(),
        );
        registry.register(
            "permission_changes",
            "Grants to members that somebody wanted to change",
            self.permission_changes.clone(),
        );
        registry.register(
            "snapshot_not_modified",
            "Snapshots that the caller had already",
            self.snapshots_not_modified.clone(),
        );
        registry.register(
            "internal_secret_used",
            "Calls with the shared secret of sister systems",
            self.internal_secrets.clone(),
        );
        registry.register("jwks_refresh", "Fetches of issuers' keys", self.jwks_refreshes.clone());
        registry.register(
            "jwks_age_seconds",
            "Age of the oldest keys of an issuer that is believed",
            self.jwks_age.clone(),
        );
        registry.register("audit_entries", "Entries written to the audit log", self.audit_entries.clone());
        registry.register("job_attempts", "Attempts of jobs that ended", self.jobs.clone());
        registry.register("job_wait_seconds", "From due to started", self.job_waits.clone());
        registry.register("job_run_seconds", "From started to ended", self.job_runs.clone());
        registry.register("jobs", "Jobs of all organisations by state", self.job_depths.clone());
        registry.register("jobs_dead", "Jobs that nobody tries again by itself", self.jobs_dead.clone());
        registry.register(
            "jobs_oldest_ready_seconds",
            "For how long the oldest ready job has been due",
            self.oldest_ready.clone(),
        );
        registry.register(
            "schedule_missed_ticks",
            "Times at which a schedule should have fired and did not",
            self.missed_ticks.clone(),
        );
        registry.register(
            "id_keys_alarming",
            "Keys of ids that somebody should look at",
            self.id_keys.clone(),
        );
        registry.register(
            "id_journal_lines_waiting",
            "Lines of the journal of ids that are not written yet",
            self.id_lines_waiting.clone(),
        );
        registry.register("process_start_time_seconds", "When this process started", self.started.clone());
        registry.register("tenon_build", "What runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
    }

    /// Counts one answered request. `route` is the matched template, such as
    /// `/api/posts/{id}/`; `None` when nothing matched.
    pub fn observe(&self, method: &str, route: Option<&str>, status: u16, seconds: f64) {
        let method = METHODS.iter().position(|known| *known == method).unwrap_or(METHODS.len() - 1);
        let class = usize::from(status / 100).clamp(1, CLASSES.len()) - 1;
        let (name, series) = self.series(route.unwrap_or(OTHER));
        let series = series[method].get_or_init(|| MethodSeries {
            classes: std::array::from_fn(|_| OnceLock::new()),
            seconds: self
                .durations
                .get_or_create_owned(&RouteLabels { method: METHODS[method], route: name.to_owned() }),
        });
        let counter = series.classes[class].get_or_init(|| {
            let labels = RequestLabels {
                method: METHODS[method],
                route: name.to_owned(),
                status_class: CLASSES[class],
            };
            self.requests.get_or_create_owned(&labels)
        });
        counter.inc();
        series.seconds.observe(seconds);
    }

    fn series<'a>(&self, route: &'a str) -> (&'a str, Arc<RouteSeries>) {
        let known = self.routes.read().unwrap_or_else(PoisonError::into_inner).get(route).cloned();
        if let Some(series) = known {
            return (route, series);
        }
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let route = if routes.len() >= MAX_ROUTES && !routes.contains_key(route) { OTHER } else { route };
        let series = routes
            .entry(route.to_owned())
            .or_insert_with(|| Arc::new(std::array::from_fn(|_| OnceLock::new())));
        (route, series.clone())
    }

    /// Counts a request as being answered until the guard is dropped.
    pub fn in_flight(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Sets the connections of a pool, such as `writer`.
    pub fn set_pool(&self, pool: &'static str, in_use: u32, idle: u32) {
        for (state, count) in [("in_use", in_use), ("idle", idle)] {
            self.pool.get_or_create(&PoolLabels { pool, state }).set(i64::from(count));
        }
    }

    /// Counts a request that was refused for its number, by the scope of its limit.
    pub fn rate_limited(&self, scope: &'static str) {
        self.rate_limited.get_or_create(&ScopeLabels { scope }).inc();
    }

    /// Sets what is known of the keys of issuers.
    pub fn set_issuers(&self, keys: &members::IssuerKeys) {
        for (result, count) in [("ok", keys.fetched), ("failed", keys.failed)] {
            let counter = self.jwks_refreshes.get_or_create(&ResultLabels { result });
            counter.inner().fetch_max(count, Ordering::Relaxed);
        }
        self.jwks_age.set(keys.oldest.unwrap_or_default().as_secs_f64());
    }

    /// Sets the numbers of all jobs, as the database has just told them.
    pub fn set_jobs(&self, gauges: &jobs::Gauges) {
        for (state, count) in &gauges.depths {
            self.job_depths.get_or_create(&StateLabels { state: state.as_str() }).set(*count);
        }
        self.jobs_dead.set(gauges.depth(jobs::State::Dead));
        self.oldest_ready.set(gauges.oldest_ready.unwrap_or_default().as_secs_f64());
        // Schedules that are deleted take their counts with them; a counter never falls.
        let missed = u64::try_from(gauges.missed_ticks).unwrap_or_default();
        self.missed_ticks.inner().fetch_max(missed, Ordering::Relaxed);
    }

    /// Sets how many lines of the journal of ids this node has still to write.
    pub fn set_waiting_lines(&self, lines: usize) {
        self.id_lines_waiting.set(i64::try_from(lines).unwrap_or(i64::MAX));
    }

    /// Sets how many keys of ids need somebody.
    pub fn set_keys(&self, alarms: &[idgen::Status]) {
        let count = |state: idgen::State| alarms.iter().filter(|one| one.key.state == state).count();
        let counts = [
            ("quarantined", count(idgen::State::Quarantined)),
            ("exhausted", count(idgen::State::Exhausted)),
            ("low", count(idgen::State::Active)),
        ];
        for (state, count) in counts {
            self.id_keys.get_or_create(&StateLabels { state }).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Notes when the process started, in seconds since 1970.
    pub fn started_at(&self, seconds: f64) {
        self.started.set(seconds);
    }

    /// Sets what brings gauges up to date before each [`Metrics::render`]; the first one stays.
    pub fn on_render(&self, refresh: impl Fn(&Metrics) + Send + Sync + 'static) {
        let _ = self.refresh.set(Box::new(refresh));
    }

    /// The text that `/metrics` answers.
    pub fn render(&self) -> String {
        if let Some(refresh) = self.refresh.get() {
            refresh(self);
        }
        self.audit_entries.inner().store(audit::written(), Ordering::Relaxed);
        let mut out = String::new();
        match encode(&mut out, &self.registry) {
            Ok(()) => out,
            Err(error) => format!("# {error}\n# EOF\n"),
        }
    }
}

impl jobs::worker::Observer for Metrics {
    fn finished(&self, kind: &str, outcome: jobs::State, wait: Duration, run: Duration) {
        // Kinds are those that this build registers, so their number is bounded.
        let kind = kind.to_owned();
        self.jobs.get_or_create(&JobLabels { kind: kind.clone(), outcome: outcome.as_str() }).inc();
        self.job_waits.get_or_create(&KindLabels { kind: kind.clone() }).observe(wait.as_secs_f64());
        self.job_runs.get_or_create(&KindLabels { kind }).observe(run.as_secs_f64());
    }
}

impl Meter for Metrics {
    fn sign_in(&self, outcome: &'static str) {
        self.sign_ins.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    fn member(&self, count: MemberCount) {
        match count {
            MemberCount::AuthFailure { kind, reason } => {
                self.auth_failures.get_or_create(&FailureLabels { kind, reason }).inc();
            }
            MemberCount::RateLimited(scope) => self.rate_limited(scope),
            MemberCount::PermissionChange { op, result } => {
                self.permission_changes.get_or_create(&ChangeLabels { op, result }).inc();
            }
            MemberCount::SnapshotNotModified => {
                self.snapshots_not_modified.inc();
            }
            MemberCount::InternalSecret(slot) => {
                self.internal_secrets.get_or_create(&SlotLabels { slot }).inc();
            }
        }
    }

    fn webhook(&self, result: &'static str) {
        self.webhooks.get_or_create(&ResultLabels { result }).inc();
    }
}

/// One request that is being answered.
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests;

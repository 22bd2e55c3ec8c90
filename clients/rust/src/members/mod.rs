//! What members may do: snapshots that are remembered, follow the change feed, survive an outage for as long as
//! Tenon allows, and deny afterwards. `clients/python-members` behaves the same.

mod cache;
mod clock;
mod error;
mod feed;
mod http;
mod snapshot;
mod webhook;
mod wire;

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::hmac;
use tokio::sync::watch;

use self::{
    cache::{Cache, Flight, Landing, Standing, Step, Ticket},
    clock::Clock,
    http::Http,
    wire::Call,
};
pub use self::{
    clock::Seconds,
    error::{Error, Failure, Reason},
    snapshot::{Change, Event, Key, Permission, Snapshot},
};

/// What the client shows. Its `Debug` shows nothing of it.
#[derive(Clone)]
pub enum Credential {
    /// `INTERNAL_SHARED_SECRET` of the server.
    InternalSecret(String),
    /// The two keys of a program, where a server takes them on these routes.
    Program {
        /// `X-Client-Key`.
        client_key: String,
        /// `X-API-Key`.
        api_key: String,
    },
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InternalSecret(_) => "InternalSecret(…)",
            Self::Program { .. } => "Program(…)",
        })
    }
}

/// Is told each change, one after the other. It must not wait.
pub type OnChange = Arc<dyn Fn(&Change) + Send + Sync>;
/// Is told where the feed stands. It must not wait.
pub type OnCursor = Arc<dyn Fn(&str) + Send + Sync>;

/// Settings.
#[derive(Clone)]
pub struct Options {
    /// Members that are remembered; those that were asked for least lately leave. 10,000.
    pub max_subs: usize,
    /// For one answer. 5 s.
    pub timeout: Duration,
    /// How often the change feed is asked. 60 s.
    pub pull_every: Duration,
    /// For how many seconds (up to 25) the server may hold an answer of the feed back; then it is asked without
    /// pause. 0: it is not to.
    pub long_poll: u32,
    /// How often all that is remembered is compared. A day.
    pub reconcile_every: Duration,
    /// Whether a task follows the feed; without one, call [`Members::pull`] and [`Members::reconcile`] from a timer.
    pub background: bool,
    /// Where the feed stood when the program ended.
    pub cursor: Option<String>,
    /// Is told where the feed stands, after the changes before it were told.
    pub on_cursor: Option<OnCursor>,
    /// Is told each change; some may come twice.
    pub on_change: Option<OnChange>,
    /// Texts `whsec_…`, several while one replaces the other.
    pub webhook_secrets: Vec<String>,
    /// Time, for tests.
    pub clock: Option<Seconds>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_subs: 10_000,
            timeout: Duration::from_secs(5),
            pull_every: Duration::from_secs(60),
            long_poll: 0,
            reconcile_every: Duration::from_secs(86_400),
            background: true,
            cursor: None,
            on_cursor: None,
            on_change: None,
            webhook_secrets: Vec::new(),
            clock: None,
        }
    }
}

/// What members may do; any number of tasks may share it, and clones share what is remembered.
///
/// A snapshot is used until it expires, then asked for again; while Tenon cannot be asked it serves for as long as
/// Tenon allowed (`stale_if_error`), and afterwards the answer is no. A task that is dropped while it waits takes
/// nothing from the others. The task that follows the feed begins with the first use, and ends with [`Members::close`]
/// or with the last clone.
#[derive(Clone)]
pub struct Members {
    shared: Arc<Shared>,
    /// Ends the task when the last clone goes.
    _life: Arc<watch::Sender<()>>,
}

struct Shared {
    options: Options,
    keys: Vec<hmac::Key>,
    clock: Clock,
    cache: Cache,
    http: Http,
    feed: feed::State,
    is_closed: AtomicBool,
    closed: watch::Sender<bool>,
    life: Mutex<Option<watch::Receiver<()>>>,
}

impl Members {
    /// A client of the server at this address.
    ///
    /// Errors: `Invalid`.
    pub fn new(base_url: &str, credential: &Credential, options: Options) -> Result<Self, Error> {
        let invalid = |text: &str| Err(Error::Invalid(text.to_owned()));
        if options.max_subs < 1 {
            return invalid("max_subs is 1 or more");
        }
        if options.timeout.is_zero() || options.pull_every.is_zero() || options.reconcile_every.is_zero() {
            return invalid("timeout, pull_every and reconcile_every are more than 0");
        }
        if options.long_poll > wire::LONGEST_WAIT {
            return invalid("long_poll is from 0 to 25 seconds");
        }
        let clock = Clock(options.clock.clone());
        let keys =
            options.webhook_secrets.iter().map(|secret| webhook::key(secret)).collect::<Result<_, _>>()?;
        let (life, heard) = watch::channel(());
        let shared = Shared {
            keys,
            cache: Cache::new(options.max_subs, clock.clone()),
            http: Http::new(base_url, credential, options.timeout)?,
            feed: feed::State::new(&options, &clock),
            clock,
            options,
            is_closed: AtomicBool::new(false),
            closed: watch::Sender::new(false),
            life: Mutex::new(Some(heard)),
        };
        Ok(Self { shared: Arc::new(shared), _life: Arc::new(life) })
    }

    /// What a member may do.
    ///
    /// Errors: `UnknownMember`; `Unavailable` where Tenon cannot be asked and nothing at hand may still be used;
    /// `Invalid`, `Closed`.
    pub async fn snapshot(&self, sub: &str) -> Result<Snapshot, Error> {
        let standing = self.look(sub).await?;
        match (standing.held, standing.error) {
            (Some(held), _) => Ok(held.shown(self.shared.clock.steady(), standing.is_stale)),
            (None, _) if standing.is_absent => Err(Error::UnknownMember),
            (None, error) => {
                let failure = error.as_ref().and_then(Error::failure).cloned().unwrap_or_default();
                let message = match failure.message.as_str() {
                    "" | "Tenon cannot be asked" => "Tenon cannot be asked".to_owned(),
                    why => format!("Tenon cannot be asked: {why}"),
                };
                Err(Error::Unavailable(Failure { message, ..failure }))
            }
        }
    }

    /// Whether a member may do something. What cannot be known is no.
    ///
    /// Errors: `Invalid`, for names that nothing can have; `Closed`.
    pub async fn allowed(
        &self,
        sub: &str,
        scope_type: &str,
        scope_id: &str,
        module: &str,
        action: &str,
    ) -> Result<bool, Error> {
        let key = wire::key(scope_type, scope_id, module, action)?;
        let standing = self.look(sub).await?;
        Ok(key.is_some_and(|key| self.may(&standing, &key)))
    }

    /// As [`Members::allowed`]; an error that says why where the answer is no.
    ///
    /// Errors: `Denied`; `Invalid`, `Closed`.
    pub async fn require(
        &self,
        sub: &str,
        scope_type: &str,
        scope_id: &str,
        module: &str,
        action: &str,
    ) -> Result<(), Error> {
        let key = wire::key(scope_type, scope_id, module, action)?;
        let standing = self.look(sub).await?;
        if key.as_ref().is_some_and(|key| self.may(&standing, key)) {
            return Ok(());
        }
        let (reason, message) = match &standing.held {
            Some(held) if !held.snapshot.is_active => (Reason::Disabled, "the member is disabled".to_owned()),
            Some(_) => {
                (Reason::NotGranted, format!("{module} {action} in {scope_type} {scope_id} is not granted"))
            }
            None if standing.is_absent => (Reason::Unknown, "the member is not known".to_owned()),
            None => (Reason::Unavailable, "Tenon cannot be asked".to_owned()),
        };
        Err(Error::Denied { reason, message })
    }

    /// Asks Tenon itself, past what is remembered, for what must be exact.
    ///
    /// Errors: whatever keeps Tenon from being asked; `Invalid`.
    pub async fn check(
        &self,
        sub: &str,
        scope_type: &str,
        scope_id: &str,
        module: &str,
        action: &str,
    ) -> Result<bool, Error> {
        let key = wire::key(scope_type, scope_id, module, action)?;
        let can_be_sub = wire::can_be_sub(sub)?;
        let Some(key) = key.filter(|_| can_be_sub) else { return Ok(false) };
        wire::read_check(&self.shared.http.send(&Call::check(sub, &key)).await?)
    }

    /// Asks the change feed now, as the timer does. How many changes there were.
    ///
    /// Errors: what goes wrong.
    pub async fn pull(&self) -> Result<usize, Error> {
        self.shared.pull(0).await
    }

    /// Compares all that is remembered now, as the timer does.
    ///
    /// Errors: what goes wrong.
    pub async fn reconcile(&self) -> Result<(), Error> {
        self.shared.reconcile().await
    }

    /// Begins to follow the change feed, without waiting for the first use. Within a runtime of tokio.
    ///
    /// Errors: `Closed`.
    #[expect(clippy::disallowed_methods, reason = "the one task that follows the feed")]
    pub fn start(&self) -> Result<(), Error> {
        if self.shared.is_closed.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        let mut life = self.shared.life.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shared.options.background
            && let Some(life) = life.take()
        {
            tokio::spawn(feed::follow(Arc::downgrade(&self.shared), self.shared.closed.subscribe(), life));
        }
        Ok(())
    }

    /// Ends the task. What is asked for from now on is `Closed`.
    pub fn close(&self) {
        self.shared.is_closed.store(true, Ordering::Release);
        self.shared.closed.send_replace(true);
    }

    /// Where the change feed stands; `None` before the first answer.
    pub fn cursor(&self) -> Option<String> {
        self.shared.feed.cursor()
    }

    /// The next use asks Tenon first. While Tenon cannot be asked, what is at hand still serves its time.
    pub fn invalidate(&self, sub: &str) {
        self.shared.cache.mark(sub);
    }

    /// As [`Members::invalidate`], for everybody.
    pub fn invalidate_all(&self) {
        self.shared.cache.mark_all();
    }

    /// Checks a message's signature and age, and takes note of what it says. `header` gives a header by its name in
    /// lower case; hand in the body as it came. Messages may come twice and in any order.
    ///
    /// Errors: `BadWebhook`; `Invalid` where no secrets were handed in.
    pub fn apply_webhook<'h>(
        &self,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
    ) -> Result<Event, Error> {
        if self.shared.keys.is_empty() {
            return Err(Error::Invalid("webhook_secrets were not handed in".to_owned()));
        }
        let event = webhook::verify(&self.shared.keys, header, body, self.shared.clock.now())?;
        if event.kind != "ping" {
            let op = webhook::op(&event.kind);
            self.shared.cache.hear(op, event.sub.as_deref(), event.version, event.permission.as_ref());
        }
        Ok(event)
    }

    fn may(&self, standing: &Standing, key: &Key) -> bool {
        standing.held.as_ref().is_some_and(|held| held.allows(key, self.shared.clock.steady()))
    }

    async fn look(&self, sub: &str) -> Result<Standing, Error> {
        if self.shared.is_closed.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        if !wire::can_be_sub(sub)? {
            return Ok(Standing::absent());
        }
        self.start()?;
        let (mut led, mut joined) = (0, 0);
        while led < 2 && joined < 2 {
            match self.shared.cache.step(sub) {
                Step::Known(standing) => return Ok(standing),
                Step::Join(flight) => {
                    let standing = landed(flight).await;
                    joined += 1;
                    // The first may have been sent before this was called, the second was not.
                    if let Some(standing) = standing.filter(|_| joined == 2) {
                        return Ok(standing);
                    }
                }
                Step::Lead(ticket, landing) => {
                    led += 1;
                    let flight = landing.subscribe();
                    self.fetch(ticket, landing);
                    if let Some(standing) = landed(flight).await {
                        return Ok(standing);
                    }
                }
            }
        }
        Ok(self.shared.cache.standing(sub))
    }

    /// Asks beside the caller, who may go away while others wait.
    #[expect(clippy::disallowed_methods, reason = "one question beside the callers that wait for it")]
    fn fetch(&self, ticket: Ticket, landing: Landing) {
        let shared = self.shared.clone();
        tokio::spawn(async move {
            let standing = shared.ask(&ticket).await;
            shared.cache.land(&ticket.sub);
            landing.send_replace(Some(standing));
        });
    }
}

impl Shared {
    async fn ask(&self, ticket: &Ticket) -> Option<Standing> {
        let call = Call::snapshot(&ticket.sub, ticket.etag.as_deref());
        let answer = match self.http.send(&call).await {
            Ok(reply) => wire::read_snapshot(&ticket.sub, &reply),
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => self.cache.store(ticket, answer),
            Err(error) => {
                if matches!(error, Error::Unauthorized(_)) {
                    tracing::error!(%error, "Tenon refuses this service");
                } else {
                    tracing::warn!(%error, "a member's permissions could not be read");
                }
                self.cache.failed(ticket, &error);
                None
            }
        }
    }
}

/// What came of a question; `None` too when it was broken off.
async fn landed(mut flight: Flight) -> Option<Standing> {
    flight.wait_for(Option::is_some).await.ok().and_then(|landed| landed.clone().flatten())
}

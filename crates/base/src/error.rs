//! One error type for the whole product.
//!
//! A [`Kind`] decides what a caller may do about it (and, in `kernel`, the HTTP
//! status); a `code` is stable and is the console's translation key; `detail`
//! is an English sentence that is safe to show; `source` never leaves the
//! process except into the log.

use std::{borrow::Cow, error::Error as StdError, fmt, panic::Location};

/// What every fallible function of the product returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The class of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request could not be read at all (400).
    Malformed,
    /// Who is asking is unknown (401).
    Unauthenticated,
    /// Who is asking is known and may not (403).
    Forbidden,
    /// There is no such thing, or none that the caller may know of (404).
    NotFound,
    /// The path exists, the method does not (405).
    MethodNotAllowed,
    /// The request took too long to arrive (408).
    Timeout,
    /// The state does not allow it (409).
    Conflict,
    /// It was there and will not be again (410).
    Gone,
    /// An `If-Match` did not match (412).
    Precondition,
    /// More bytes than are accepted (413).
    TooLarge,
    /// A content type that is not understood (415).
    UnsupportedMedia,
    /// Understood, but the content is wrong (422).
    Invalid,
    /// Too many requests (429).
    TooMany,
    /// A bug, or something as bad as one (500).
    Internal,
    /// A dependency refused, or answered with what cannot be used (502).
    BadGateway,
    /// A dependency is down; the same request may succeed later (503).
    Unavailable,
    /// A dependency did not answer in time (504).
    GatewayTimeout,
}

/// What is wrong with one field of the input.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct FieldError {
    /// Dotted path: `items.0.email`.
    pub field: String,
    /// Stable code: `too_long`, `unknown_field`, …
    pub code: String,
    /// English sentence.
    pub message: String,
    /// Values for a translated message, such as `{"max": 64}`.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub params: serde_json::Value,
}

impl FieldError {
    /// A field error without parameters.
    pub fn new(field: impl Into<String>, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            code: code.into(),
            message: message.into(),
            params: serde_json::Value::Null,
        }
    }
}

/// A failure with everything that is needed to answer it and to log it.
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: Kind,
    code: Cow<'static, str>,
    detail: Cow<'static, str>,
    fields: Vec<FieldError>,
    retry_after: Option<u32>,
    retryable: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
    at: &'static Location<'static>,
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident),* $(,)?) => {
        $( $(#[$doc])* #[track_caller]
        pub fn $name(code: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
            Self::new(Kind::$kind, code, detail)
        } )*
    };
}

impl Error {
    /// An error of any kind.
    #[track_caller]
    pub fn new(kind: Kind, code: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                code: code.into(),
                detail: detail.into(),
                fields: Vec::new(),
                retry_after: None,
                retryable: false,
                source: None,
                at: Location::caller(),
            }),
        }
    }

    constructors! {
        /// 400.
        malformed => Malformed,
        /// 401.
        unauthenticated => Unauthenticated,
        /// 403.
        forbidden => Forbidden,
        /// 404 with a code of its own; [`Error::missing`] is the usual one.
        not_found => NotFound,
        /// 409.
        conflict => Conflict,
        /// 410.
        gone => Gone,
        /// 412.
        precondition => Precondition,
        /// 422.
        invalid => Invalid,
        /// 429.
        too_many => TooMany,
        /// 502.
        bad_gateway => BadGateway,
        /// 503.
        unavailable => Unavailable,
        /// 504.
        gateway_timeout => GatewayTimeout,
    }

    /// 404 `not_found`: the answer for what is absent and for what is another organisation's.
    #[track_caller]
    pub fn missing() -> Self {
        Self::new(Kind::NotFound, "not_found", "there is no such record")
    }

    /// 422 about exactly one field.
    #[track_caller]
    pub fn field(field: impl Into<String>, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldError::new(field, code, message)])
    }

    /// 422 `validation_failed` about several fields.
    #[track_caller]
    pub fn fields(fields: Vec<FieldError>) -> Self {
        let detail = match fields.as_slice() {
            [one] => format!("{}: {}", one.field, one.message),
            many => format!("{} fields are not valid", many.len()),
        };
        let mut error = Self::new(Kind::Invalid, "validation_failed", detail);
        error.inner.fields = fields;
        error
    }

    /// 500 `internal`; the source is for the log only.
    #[track_caller]
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Kind::Internal, "internal", "something went wrong on our side").with_source(source)
    }

    /// Attaches the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// Attaches field errors to an error of any kind.
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<FieldError>) -> Self {
        self.inner.fields = fields;
        self
    }

    /// Seconds after which the caller may try again (`Retry-After`).
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.inner.retry_after = Some(seconds);
        self
    }

    /// Marks a failure (deadlock, serialisation) that a fresh transaction may cure.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.inner.retryable = true;
        self
    }

    /// The class.
    pub fn kind(&self) -> Kind {
        self.inner.kind
    }
    /// The stable code.
    pub fn code(&self) -> &str {
        &self.inner.code
    }
    /// The sentence that is safe to show.
    pub fn detail(&self) -> &str {
        &self.inner.detail
    }
    /// Per-field problems, possibly none.
    pub fn field_errors(&self) -> &[FieldError] {
        &self.inner.fields
    }
    /// Seconds for `Retry-After`, when known.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.inner.retry_after
    }
    /// Whether a fresh transaction may succeed.
    pub fn is_retryable(&self) -> bool {
        self.inner.retryable
    }
    /// Where the error was made.
    pub fn location(&self) -> &'static Location<'static> {
        self.inner.at
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.detail)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.inner.kind)
            .field("code", &self.inner.code)
            .field("detail", &self.inner.detail)
            .field("fields", &self.inner.fields)
            .field("source", &self.inner.source)
            .field("at", &format_args!("{}", self.inner.at))
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source.as_deref().map(|s| s as &(dyn StdError + 'static))
    }
}

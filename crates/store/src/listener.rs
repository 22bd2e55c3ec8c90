//! Notices of the database: what another node says (PostgreSQL's LISTEN and NOTIFY).

use base::{Error, Result};
use sea_orm::sqlx::postgres::PgListener;

/// Hears the notices of one channel. Connects again by itself when its connection breaks.
pub struct Listener {
    inner: PgListener,
}

impl Listener {
    pub(crate) async fn open(url: &str, channel: &str) -> Result<Self> {
        let mut inner = PgListener::connect(url).await.map_err(unheard)?;
        inner.listen(channel).await.map_err(unheard)?;
        Ok(Self { inner })
    }

    /// The next notice's text. `None` says that the connection was made anew, so that notices may
    /// have been missed.
    pub async fn next(&mut self) -> Result<Option<String>> {
        let notice = self.inner.try_recv().await.map_err(unheard)?;
        Ok(notice.map(|notice| notice.payload().to_owned()))
    }
}

fn unheard(cause: sea_orm::sqlx::Error) -> Error {
    Error::unavailable("database_unavailable", "the database cannot be reached").with_source(cause)
}

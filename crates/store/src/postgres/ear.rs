//! Hearing what other servers commit.

use super::PgOptions;
use crate::dialect;
use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;
use std::time::{Duration, Instant};

/// Hears that other servers have committed. A hint: one that is lost is made up for by looking.
pub struct PgEar {
    options: PgOptions,
    client: Option<Client>,
    retry_at: Instant,
}

impl PgEar {
    pub(super) fn new(options: PgOptions) -> Self {
        Self { options, client: None, retry_at: Instant::now() }
    }

    /// Waits until something was committed elsewhere, or the time is over. Says whether something was heard. Without a
    /// connection it waits for the time and tries again by itself.
    pub fn wait(&mut self, most: Duration) -> bool {
        if self.client.is_none() && Instant::now() >= self.retry_at {
            let heard = self.options.connect().and_then(|mut client| {
                client.batch_execute(dialect::LISTEN)?;
                Ok(client)
            });
            match heard {
                // What came before is looked for at once.
                Ok(client) => {
                    self.client = Some(client);
                    return true;
                }
                Err(_) => self.retry_at = Instant::now() + Duration::from_secs(2),
            }
        }
        let Some(client) = &mut self.client else {
            std::thread::sleep(most);
            return false;
        };
        let heard = {
            let mut notes = client.notifications();
            let first = notes.timeout_iter(most).next();
            // All that lie there mean the same.
            let mut more = notes.iter();
            while let Ok(Some(_)) = more.next() {}
            first
        };
        if heard.is_err() {
            self.client = None;
        }
        matches!(heard, Ok(Some(_)))
    }
}

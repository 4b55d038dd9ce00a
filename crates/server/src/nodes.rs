//! Several servers on one database: says that this one runs, and hears what the others commit.
//!
//! A notification is a hint; looking twice a second is the truth. Knows no HTTP.

#![cfg(feature = "postgres")]

use crate::http::now_ms;
use crate::service::{ServiceError, reference, start};
use crate::state::App;
use blindspot_core::wire::v1::Hint;
use blindspot_store::{PgEar, StoreError, feed, nodes};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

/// How often it is looked without a notification.
const LOOK: Duration = Duration::from_millis(500);
/// How often this server says that it runs.
const STAY: Duration = Duration::from_secs(10);
/// Commits looked at in one go.
const AT_ONCE: i64 = 500;

/// Until it is told to stop.
pub(crate) fn run(app: &App, mut ear: PgEar, stopped: &Receiver<()>) {
    let mut at: Option<i64> = None;
    let mut stay_at = Instant::now() + STAY;
    while matches!(stopped.try_recv(), Err(TryRecvError::Empty)) {
        if let Err(error) = look(app, &mut at) {
            if app.telemetry.seldom.is_due("others", &error, Instant::now()) {
                tracing::warn!(%error, "what other servers committed is not seen");
            }
            std::thread::sleep(LOOK);
        }
        if Instant::now() >= stay_at {
            stay_at = Instant::now() + STAY;
            if let Err(error) = start::stay(app.house(), now_ms()) {
                tracing::warn!(%error, "this server could not say that it runs");
            }
        }
        ear.wait(LOOK);
    }
}

/// Looks for what was committed since, and tells those who wait here.
fn look(app: &App, at: &mut Option<i64>) -> Result<(), ServiceError> {
    let house = app.house();
    let Some(from) = *at else {
        // What came before this server began nobody here has waited for.
        *at = Some(house.store.read(|tx| nodes::last_told(tx, &house.city))?);
        return Ok(());
    };
    let mut from = from;
    loop {
        let (told, heads) = house.store.read(|tx| {
            let told = nodes::load_told(tx, &house.city, from, AT_ONCE)?;
            let gap = told.first().is_some_and(|first| first.n > from + 1);
            // Cut off for longer than is kept: all feeds may have moved.
            let heads = if gap { feed::all_heads(tx, &house.city)? } else { Vec::new() };
            Ok::<_, StoreError>((told, heads))
        })?;
        let Some(last) = told.last() else { return Ok(()) };
        from = last.n;
        let full = i64::try_from(told.len()).is_ok_and(|n| n == AT_ONCE);
        let moved = told.into_iter().flat_map(|told| told.moved).chain(heads);
        let hints: Vec<Hint> = moved.map(|(feed, seq)| Hint { feed, seq }).collect();
        if hints.iter().any(|hint| hint.feed.as_str().starts_with("ref")) {
            reference::load(house)?;
        }
        app.hints.tell_of_others(&hints);
        *at = Some(from);
        if !full {
            return Ok(());
        }
    }
}

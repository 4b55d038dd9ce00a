//! What the server does by itself: renditions one at a time, sweeps, overdue holds. One thread, so that a
//! large photo never competes with another for memory.

use crate::http::now_ms;
use crate::service::renditions::{self, Step};
use crate::service::{ServiceError, WriteJob, ingest, uploads};
use crate::state::App;
use blindspot_store::{devices, tokens};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Pause when there is nothing to do.
const PAUSE: Duration = Duration::from_secs(2);
/// Sweeps run this often, milliseconds.
const SWEEP_EVERY_MS: i64 = 10 * 60_000;
/// Used or expired enrolment codes are forgotten after this long, milliseconds (a day).
const CODE_KEEP_MS: i64 = 24 * 3_600_000;

/// The thread.
pub struct Jobs {
    stop: Sender<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Jobs {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the operating system gives none.
    pub fn spawn(app: Arc<App>) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("jobs".into()).spawn(move || run(&app, &stopped))?;
        Ok(Self { stop, thread: Mutex::new(Some(thread)) })
    }

    /// Ends the thread after what it is doing now.
    pub fn close(&self) {
        // A thread that has ended already takes no message.
        let _ = self.stop.send(());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|t| t.join().is_err()) {
            tracing::error!("the jobs thread ended in a panic");
        }
    }
}

fn run(app: &App, stopped: &Receiver<()>) {
    let mut swept_ms = 0;
    let mut pause = Duration::ZERO;
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(pause) {
        let now = now_ms();
        if now - swept_ms >= SWEEP_EVERY_MS {
            swept_ms = now;
            report("sweep", sweep(app, now));
        }
        let step = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            renditions::step(app.house(), app.depot(), now)
        }));
        pause = match step {
            Ok(Ok(Step::Idle)) => PAUSE,
            Ok(Ok(Step::Sound(_))) => Duration::ZERO,
            Ok(Ok(Step::Mismatch(photo))) => {
                tracing::warn!(%photo, "a working copy does not look like its original");
                let done = Box::new(|result| report("flagging a photo", result));
                report("flagging a photo", app.writer.submit(WriteJob::Mismatch { photo_id: photo, done }));
                Duration::ZERO
            }
            Ok(Err(error)) => {
                report("renditions", Err(error));
                PAUSE
            }
            // The try is counted: the third time this photo is left alone.
            Err(_) => {
                tracing::error!("making a rendition panicked");
                PAUSE
            }
        };
    }
}

fn sweep(app: &App, now: i64) -> Result<(), ServiceError> {
    uploads::sweep(app.house(), app.depot(), now)?;
    ingest::expire_holds(app.house(), now)?;
    let house = app.house();
    house.store.write(|tx| {
        devices::sweep_codes(tx, &house.city, now - CODE_KEEP_MS)?;
        tokens::sweep_sessions(tx, &house.city, now, now - crate::auth::sessions::IDLE_MS)?;
        Ok(())
    })
}

fn report(what: &str, result: Result<(), ServiceError>) {
    if let Err(error) = result {
        tracing::error!(%error, what, "a job failed");
    }
}

//! What the server does by itself: renditions one at a time, sweeps, overdue holds, on one thread, so that a
//! large photo never competes with another for memory; and, on another, watching whose rights change.

use crate::auth::{lockout, secret, sessions};
use crate::backup::schedule;
use crate::blob::Away;
use crate::config::ServeConfig;
use crate::http::health::low_space_mb;
use crate::http::now_ms;
use crate::service::renditions::{self, Step};
use crate::service::{
    ServiceError, WriteJob, clockwork, erasure, ingest, limits, notices, replays, stray, uploads,
};
use crate::state::App;
use blindspot_store::{accounts, browsers, devices, meta, tokens};
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Pause when there is nothing to do.
const PAUSE: Duration = Duration::from_secs(2);
/// Sweeps run this often, milliseconds.
const SWEEP_EVERY_MS: i64 = 10 * 60_000;
/// Photos that nobody counts on are looked for this often, milliseconds.
const STRAYS_EVERY_MS: i64 = 24 * 3_600_000;
/// Used or expired enrolment codes are forgotten after this long, milliseconds (a day).
const CODE_KEEP_MS: i64 = 24 * 3_600_000;

/// How often it is looked whether anybody is to be told of anything.
const NOTICES_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether anybody's rights have changed.
const STANDING_EVERY: Duration = Duration::from_secs(1);
/// How often phones are written down that were heard of, milliseconds.
const SEEN_EVERY_MS: i64 = 15_000;

/// The threads; one of them makes backups when there is a plan.
pub struct Jobs {
    stop: Vec<Sender<()>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Jobs {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the operating system gives none.
    pub fn spawn(app: Arc<App>, config: &ServeConfig) -> std::io::Result<Self> {
        let named = |name: &str| std::thread::Builder::new().name(name.into());
        let ((stop, stopped), (stop_watch, watch_stopped)) = (channel(), channel());
        let (housework, watching) = (app.clone(), app.clone());
        let mut stops = vec![stop, stop_watch];
        let mut threads = vec![named("jobs").spawn(move || run(&housework, &stopped))?];
        let (stop, told_to_stop) = channel();
        let telling = app.clone();
        stops.push(stop);
        threads.push(named("notices").spawn(move || tell(&telling, &told_to_stop))?);
        threads.push(named("standing").spawn(move || watch_standing(&watching, &watch_stopped))?);
        #[cfg(feature = "postgres")]
        if let Some(ear) = app.house().store.ear() {
            let (stop, stopped) = channel();
            let listening = app.clone();
            stops.push(stop);
            threads.push(named("nodes").spawn(move || crate::nodes::run(&listening, ear, &stopped))?);
        }
        if let Some(plan) = config.backup.clone() {
            let (stop, stopped) = channel();
            let data = config.data.clone();
            stops.push(stop);
            threads.push(named("backup").spawn(move || schedule::run(&app, &plan, &data, &stopped))?);
        }
        Ok(Self { stop: stops, threads: Mutex::new(threads) })
    }

    /// Ends the threads after what they are doing now.
    pub fn close(&self) {
        for stop in &self.stop {
            // A thread that has ended already takes no message.
            let _ = stop.send(());
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of jobs ended in a panic");
            }
        }
    }
}

/// Tells requests that last when somebody's rights have changed, here or by the command line. A thread of its own:
/// a large photo must not delay a revocation.
fn watch_standing(app: &App, stopped: &Receiver<()>) {
    let house = app.house();
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(STANDING_EVERY) {
        match house.store.read(|tx| meta::load_int(tx, &house.city, meta::STANDING)) {
            Ok(found) => {
                let found = found.unwrap_or(0);
                app.standing.send_if_modified(|known| std::mem::replace(known, found) != found);
            }
            Err(error) if app.telemetry.seldom.is_due("rights", &error, Instant::now()) => {
                tracing::error!(%error, "changes of rights are not seen");
            }
            Err(_) => {}
        }
    }
}

/// Reminders by the clock, and what waits to be sent. A thread of its own: a robot that does not answer must delay nothing
/// else.
fn tell(app: &App, stopped: &Receiver<()>) {
    let owner = uuid::Uuid::from_bytes(secret::random::<16>(app.house())).simple().to_string();
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(NOTICES_EVERY) {
        let house = app.house();
        let run = AssertUnwindSafe(|| {
            report(app, "reminders", notices::clocks::run_due(house, &owner, now_ms()).map(drop));
            report(app, "notices", notices::send::run_due(house, &app.outside, &owner, now_ms()).map(drop));
        });
        if std::panic::catch_unwind(run).is_err() {
            tracing::error!("sending notices panicked");
        }
    }
}

fn run(app: &App, stopped: &Receiver<()>) {
    // All photos are listed for it: not at each start.
    let (mut swept_ms, mut seen_ms, mut strays_ms) = (0, 0, now_ms() - STRAYS_EVERY_MS / 2);
    let mut pause = Duration::ZERO;
    let owner = uuid::Uuid::from_bytes(secret::random::<16>(app.house())).simple().to_string();
    let upgraded = replays::after_upgrade(app.house(), env!("CARGO_PKG_VERSION"), now_ms());
    report(app, "replays after an upgrade", upgraded.map(drop));
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(pause) {
        let now = now_ms();
        if now - swept_ms >= SWEEP_EVERY_MS {
            swept_ms = now;
            if let Some(free_mb) = low_space_mb(app) {
                tracing::warn!(free_mb, "little free space: photos are refused before ops are");
            }
            report(app, "sweep", sweep(app, now));
            report(app, "sweep of uploads", uploads::sweep(app.house(), app.depot(), now).map(drop));
            report(app, "sweep of parts", stray::sweep_parts(app.house(), app.depot()).map(drop));
            if now - strays_ms >= STRAYS_EVERY_MS {
                strays_ms = now;
                report(app, "sweep of photos", sweep_strays(app, now));
            }
        }
        if now - seen_ms >= SEEN_EVERY_MS {
            seen_ms = now;
            report(app, "phones heard of", app.seen.write(app.house(), false, now).map(drop));
        }
        report(app, "replays", replay(app, &owner, now));
        let submit = |job| app.writer.submit(job);
        report(app, "clockwork", clockwork::run_due(app.house(), &owner, &submit, now).map(drop));
        report(app, "erasures", erasure::settle(app.house()));
        report(app, "tokens used", app.house().used.flush(app.house()).map_err(ServiceError::from));
        let step =
            std::panic::catch_unwind(AssertUnwindSafe(|| renditions::step(app.house(), app.depot(), now)));
        pause = match step {
            Ok(Ok(Step::Idle)) => PAUSE,
            Ok(Ok(Step::Sound(_))) => Duration::ZERO,
            Ok(Ok(Step::Mismatch(photo))) => {
                tracing::warn!(%photo, "a working copy does not look like its original");
                let done = Box::new(|result: Result<(), ServiceError>| {
                    if let Err(error) = result {
                        tracing::error!(%error, "a photo is not flagged");
                    }
                });
                let job = WriteJob::Mismatch { photo_id: photo, done };
                report(app, "flagging a photo", app.writer.submit(job));
                Duration::ZERO
            }
            Ok(Err(error)) => {
                report(app, "renditions", Err(error));
                PAUSE
            }
            // The try is counted: the third time this photo is left alone.
            Err(_) => {
                tracing::error!("making a rendition panicked");
                PAUSE
            }
        };
    }
    report(app, "phones heard of", app.seen.write(app.house(), true, now_ms()).map(drop));
    report(app, "tokens used", app.house().used.flush(app.house()).map_err(ServiceError::from));
}

/// Ops in quarantine whose time has come. A panic outside the rules' own boundary leaves the lease to run out.
fn replay(app: &App, owner: &str, now: i64) -> Result<(), ServiceError> {
    let run = AssertUnwindSafe(|| replays::run_due(app.house(), owner, now).map(drop));
    std::panic::catch_unwind(run).unwrap_or_else(|_| {
        tracing::error!("deciding an op again panicked");
        Ok(())
    })
}

fn sweep(app: &App, now: i64) -> Result<(), ServiceError> {
    ingest::expire_holds(app.house(), now)?;
    let house = app.house();
    house.store.write(|tx| {
        devices::sweep_codes(tx, &house.city, now - CODE_KEEP_MS)?;
        accounts::sweep_failures(tx, &house.city, now - lockout::FORGET_MS)?;
        browsers::sweep(tx, &house.city, now - sessions::BROWSER_MS)?;
        limits::quota::sweep(tx, house, now)?;
        replays::sweep(tx, &house.city, now)?;
        notices::log::sweep(tx, &house.city, now)?;
        tokens::sweep_sessions(tx, &house.city, now, now - sessions::IDLE_MS)?;
        Ok(())
    })
}

fn sweep_strays(app: &App, now: i64) -> Result<(), ServiceError> {
    let removed = stray::sweep_blobs(app.house(), app.depot(), now)?;
    if removed > 0 {
        tracing::info!(removed, "photos that nobody counted on were removed");
    }
    Ok(())
}

fn report(app: &App, what: &'static str, result: Result<(), ServiceError>) {
    if let Err(ServiceError::Blob(error)) = &result
        && let Some(away) = Away::of(error)
    {
        // Said once by whoever found out; it is gone on with when the storage answers again.
        tracing::debug!(why = %away.why, what, "a job waits for the storage of photos");
        return;
    }
    if let Err(error) = result
        && app.telemetry.seldom.is_due(what, &error, Instant::now())
    {
        tracing::error!(%error, what, "a job failed");
    }
}

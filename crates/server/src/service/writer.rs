//! The writer: the one place through which changes reach the database, many jobs a durable commit.
//!
//! Two drivers: a thread that drains a bounded queue, and `ingest::step` called inline by a simulation.
//! Knows no rule; what a job means is `ingest`'s.

use super::{Credential, House, ServiceError, ingest};
use crate::telemetry::stats::WriterStats;
use blindspot_core::id::Sha256;
use blindspot_core::wire::v1::{DeskOp, PushReply, VerdictEntry};
use blindspot_core::{CaseId, PhotoId, error};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Called once with the result, after the commit is durable.
pub type Done<T> = Box<dyn FnOnce(Result<T, ServiceError>) + Send>;

/// A change that somebody asks for.
pub enum WriteJob {
    /// A phone's push.
    Push {
        /// Who pushes.
        credential: Credential,
        /// What, read already.
        push: ingest::ReadPush,
        /// Receipt, server time in milliseconds.
        received_ms: i64,
        /// Who waits for the answer.
        done: Done<PushReply>,
    },
    /// A desk action: the same op by another door.
    Desk {
        /// Who acts.
        credential: Credential,
        /// On which case.
        case_id: Option<CaseId>,
        /// What.
        op: DeskOp,
        /// Receipt, server time in milliseconds.
        received_ms: i64,
        /// Who waits for the answer.
        done: Done<VerdictEntry>,
    },
    /// The bytes of an upload were stored and verified: links and acknowledges them in one transaction.
    Arrived {
        /// Whose upload it is.
        credential: Credential,
        /// The photo.
        photo_id: PhotoId,
        /// Of the bytes.
        sha256: Sha256,
        /// The upload record.
        upload_id: [u8; 16],
        /// Server time in milliseconds.
        now_ms: i64,
        /// Who waits for the answer.
        done: Done<()>,
    },
    /// A working copy does not look like its original: flags the photo on its case.
    Mismatch {
        /// The photo.
        photo_id: PhotoId,
        /// Who waits for the answer.
        done: Done<()>,
    },
}

impl WriteJob {
    /// Ops that it brings; anything else counts as one.
    fn weight(&self) -> usize {
        if let WriteJob::Push { push, .. } = self { push.ops.len().max(1) } else { 1 }
    }

    /// Answers without doing it.
    pub(crate) fn refuse(self, error: ServiceError) {
        match self {
            WriteJob::Push { done, .. } => done(Err(error)),
            WriteJob::Desk { done, .. } => done(Err(error)),
            WriteJob::Arrived { done, .. } | WriteJob::Mismatch { done, .. } => done(Err(error)),
        }
    }
}

/// Most jobs of one commit.
const GROUP_MAX: usize = 256;
/// Most ops of one commit: enough that its fsync is a small part, few enough that phones are answered, and
/// send again, while the next group is decided.
const GROUP_OPS: usize = 600;
/// Most jobs that wait; more are answered `busy`.
const QUEUE_MAX: usize = 1_024;

/// The writer as a thread.
pub struct Writer {
    queue: Mutex<Option<SyncSender<WriteJob>>>,
    stats: Arc<WriterStats>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn spawn(house: Arc<House>) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE_MAX);
        let stats = house.stats.clone();
        let thread = std::thread::Builder::new().name("writer".into()).spawn(move || drain(&house, &jobs))?;
        Ok(Self { queue: Mutex::new(Some(queue)), stats, thread: Mutex::new(Some(thread)) })
    }

    /// Hands over a job; it runs on even when nobody waits for its answer any more.
    ///
    /// # Errors
    /// `busy` when the queue is full or the writer is closing; the job was not taken.
    pub fn submit(&self, job: WriteJob) -> Result<(), ServiceError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = &*queue else { return Err(ServiceError::refused(&error::BUSY)) };
        self.stats.queued.fetch_add(1, Relaxed);
        queue.try_send(job).map_err(|e| match e {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => {
                self.stats.queued.fetch_sub(1, Relaxed);
                ServiceError::refused(&error::BUSY)
            }
        })
    }

    /// Takes no more, finishes what waits, and joins the thread.
    pub fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the writer thread ended in a panic");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn drain(house: &House, jobs: &Receiver<WriteJob>) {
    let mut left_over: Option<WriteJob> = None;
    while let Some(first) = left_over.take().or_else(|| jobs.recv().ok()) {
        let mut ops = first.weight();
        let mut group = vec![first];
        while group.len() < GROUP_MAX
            && let Ok(job) = jobs.try_recv()
        {
            ops += job.weight();
            if ops > GROUP_OPS {
                left_over = Some(job);
                break;
            }
            group.push(job);
        }
        let taken = house.stats.take(group.len());
        // A panic outside the rules' own boundary loses its group's answers (nothing was acknowledged,
        // the transaction is rolled back) but not the writer.
        let run = std::panic::AssertUnwindSafe(|| ingest::step(house, group));
        if std::panic::catch_unwind(run).is_err() {
            tracing::error!("a write group panicked and was rolled back");
        }
        house.stats.committed(taken);
    }
}

//! Many phones at once, each with one request in flight: what the whole took, and each request.

use crate::Failed;
use crate::child::Usage;
use crate::report::{Line, quantile};
use crate::site::Fleet;
use crate::wire::{Answer, Connection, Prepared, Wire};
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

/// What a load came to.
pub(crate) struct Outcome {
    /// From the first request to the last byte of the last answer.
    pub(crate) seconds: f64,
    /// Of each request, sorted, milliseconds.
    pub(crate) latencies: Vec<f64>,
    /// Answers by phone, in order.
    pub(crate) answers: Vec<Vec<Answer>>,
    /// CPU that the server used, seconds.
    pub(crate) cpu_s: f64,
    /// CPU that the database used beside it, when it is a server, seconds.
    pub(crate) db_cpu_s: Option<f64>,
    /// After it.
    pub(crate) after: Usage,
    /// Both directions.
    pub(crate) bytes: u64,
}

impl Outcome {
    /// The figures every work has; `counted` is what its rate counts.
    pub(crate) fn line(&self, mut line: Line, counted: usize, limit: (f64, &'static str)) -> Line {
        line.p50_ms = Some(quantile(&self.latencies, 0.5));
        line.p99_ms = Some(quantile(&self.latencies, 0.99));
        line.server_cpu_s = self.cpu_s;
        line.server_cpu_ms_per_1000 = Some(self.cpu_s * 1e6 / counted.max(1) as f64);
        line.db_cpu_s = self.db_cpu_s;
        line.db_cpu_ms_per_1000 = self.db_cpu_s.map(|cpu| cpu * 1e6 / counted.max(1) as f64);
        line.peak_rss_mb = self.after.peak_mb;
        line.bytes_wire = self.bytes;
        (line.limit, line.limit_is) = limit;
        line
    }
}

/// A runtime for the generator: one thread, since the server needs the other core.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, future)
}

/// Lets each phone send its requests one after the other, all phones at once; servers take them in turns.
pub(crate) async fn run(fleet: &Fleet, phones: Vec<Vec<Prepared>>) -> Result<Outcome, Failed> {
    let wire = Arc::new(Wire::default());
    let mut connections = Vec::with_capacity(phones.len());
    for n in 0..phones.len() {
        connections.push(Connection::open(fleet.addr(n), wire.clone()).await?);
    }
    let before = fleet.usage()?;
    let start = Instant::now();
    let mut tasks = Vec::with_capacity(phones.len());
    for (mut connection, requests) in connections.into_iter().zip(phones) {
        tasks.push(tokio::task::spawn_local(async move {
            let mut latencies = Vec::with_capacity(requests.len());
            let mut answers = Vec::with_capacity(requests.len());
            for request in &requests {
                let sent = Instant::now();
                let answer = connection.send(request).await.map_err(|e| e.to_string())?;
                latencies.push(sent.elapsed().as_secs_f64() * 1000.0);
                answers.push(answer.good().map_err(|e| e.to_string())?);
            }
            Ok::<_, String>((latencies, answers))
        }));
    }
    let (mut latencies, mut answers) = (Vec::new(), Vec::new());
    for task in tasks {
        let (times, replies) = task.await??;
        latencies.extend(times);
        answers.push(replies);
    }
    let seconds = start.elapsed().as_secs_f64();
    let after = fleet.usage()?;
    latencies.sort_by(f64::total_cmp);
    let cpu_s = after.cpu_s - before.cpu_s;
    let db_cpu_s = after.db_cpu_s.zip(before.db_cpu_s).map(|(after, before)| after - before);
    Ok(Outcome { seconds, latencies, answers, cpu_s, db_cpu_s, after, bytes: wire.bytes() })
}

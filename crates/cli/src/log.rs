//! Where the server's log goes: text or JSON, the error stream or daily files that are swept when they are old.

use crate::config::Logs;
use crate::out::{Done, Tried as _};
use std::io::IsTerminal as _;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// Starts the log; lines are written as long as the guard lives.
pub(crate) fn start(logs: &Logs) -> Done<Option<WorkerGuard>> {
    let filter = EnvFilter::try_from_default_env()
        // What is tried again is said once, by us, when it does not help.
        .or_else(|_| EnvFilter::try_new(format!("object_store=warn,{}", logs.level)))
        .tried("log.level 看不懂", "log.level cannot be read")?;
    let (writer, guard) = match &logs.dir {
        None => (BoxMakeWriter::new(std::io::stderr), None),
        Some(dir) => {
            let files = RollingFileAppender::builder()
                .rotation(Rotation::DAILY)
                .filename_prefix("blindspot")
                .filename_suffix("log")
                .max_log_files(logs.keep_days)
                .build(dir)
                .tried("写不了日志文件夹", "cannot write the log folder")?;
            let (writer, guard) = tracing_appender::non_blocking(files);
            (BoxMakeWriter::new(writer), Some(guard))
        }
    };
    let ansi = logs.dir.is_none() && !logs.json && std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_writer(writer);
    // A second call in one process would fail, and there is none.
    let _ = if logs.json {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    } else {
        lines.try_init()
    };
    Ok(guard)
}

//! Serving: opens the data folder, listens, stops without losing anything.

use crate::config::ServeConfig;
use crate::http::now_ms;
use crate::jobs::Jobs;
use crate::router::router;
use crate::service::{ServiceError, setup};
use crate::state::{App, DataFolder, OpenError};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long open connections may take to end once the server stops.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// Why serving ended badly.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data folder cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The address cannot be listened on.
    #[error("listening on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// The operating system refuses.
    #[error("serving: {0}")]
    Io(#[from] io::Error),
    /// The database refuses.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// What a server says once it listens.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The one-time set-up link, while there is nobody yet.
    pub setup_link: Option<String>,
}

/// Serves until `shutdown` ends; then takes no more, answers what it has taken, and closes in order.
///
/// # Errors
/// See `ServeError`.
pub async fn serve(
    config: ServeConfig,
    ready: impl FnOnce(Ready),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let opening = config.clone();
    let folder = tokio::task::spawn_blocking(move || {
        let name = opening.city_name.as_deref().unwrap_or("净格");
        let city = opening.city.as_deref().map(|id| (id, name));
        DataFolder::open(&opening.data, city, now_ms())
    })
    .await
    .map_err(io::Error::other)??;
    let listener =
        TcpListener::bind(config.listen).await.map_err(|e| ServeError::Listen(config.listen, e))?;
    let addr = listener.local_addr()?;
    let app = Arc::new(App::new(folder, &config, format!("http://{addr}"))?);
    let jobs = Jobs::spawn(app.clone())?;
    let token = setup::open(app.house())?;
    let setup_link = token.map(|t| format!("{}/setup?token={t}", app.base_url));
    ready(Ready { addr, setup_link });
    run(&app, listener, shutdown).await?;
    let closing = app.clone();
    tokio::task::spawn_blocking(move || {
        jobs.close();
        closing.writer.close();
        closing.folder.close()
    })
    .await
    .map_err(io::Error::other)??;
    Ok(())
}

async fn run(
    app: &Arc<App>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let told = app.clone();
    let mut stopping = app.stopping.subscribe();
    let stop = async move {
        shutdown.await;
        // Long polls and event streams end themselves; the rest is short.
        told.stopping.send_replace(true);
    };
    let serving = axum::serve(listener, router(app.clone())).with_graceful_shutdown(stop);
    let patience = async move {
        let _ = stopping.wait_for(|s| *s).await;
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    tokio::select! {
        done = serving.into_future() => done,
        // What the writer has taken is finished all the same.
        () = patience => Ok(()),
    }
}

/// A server on a thread of its own, for tests, the demo and tools without a runtime.
pub struct Server;

/// A server that runs.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The one-time set-up link, while there is nobody yet.
    pub setup_link: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Server {
    /// Starts a server and waits until it listens.
    ///
    /// # Errors
    /// See `ServeError`.
    pub fn start_blocking(config: ServeConfig) -> Result<Running, ServeError> {
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = sync_channel(1);
        let thread = std::thread::Builder::new().name("server".into()).spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            let ready = move |ready| {
                // Whoever started us is waiting for exactly this.
                let _ = tell.send(ready);
            };
            let shutdown = async {
                let _ = stopped.await;
            };
            runtime.block_on(serve(config, ready, shutdown))
        })?;
        match told.recv() {
            Ok(Ready { addr, setup_link }) => {
                Ok(Running { addr, setup_link, stop: Some(stop), thread: Some(thread) })
            }
            Err(_) => match thread.join() {
                Ok(Err(error)) => Err(error),
                _ => Err(io::Error::other("the server ended before it listened").into()),
            },
        }
    }
}

impl Running {
    /// The server's address as clients write it.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Stops in order and waits for it.
    ///
    /// # Errors
    /// What serving ended with.
    pub fn stop(mut self) -> Result<(), ServeError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), ServeError> {
        drop(self.stop.take());
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(io::Error::other("the server thread panicked").into()),
            None => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(%error, "the server ended badly");
        }
    }
}

//! A server on a thread of its own, for tests, the demo and tools without a runtime.

use crate::config::ServeConfig;
use crate::server::{Ready, ServeError, serve};
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Starts servers; see the module text.
pub struct Server;

/// A server that runs.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// All it said.
    pub ready: Ready,
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
            Ok(ready) => Ok(Running {
                addr: ready.addr,
                setup_link: ready.setup_link.clone(),
                ready,
                stop: Some(stop),
                thread: Some(thread),
            }),
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
        self.ready.url.clone()
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

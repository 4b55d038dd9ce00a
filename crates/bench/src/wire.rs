//! One keep-alive connection over hyper, with its bytes counted. Every status is an answer.

use crate::Failed;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes of many connections, both directions.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    bytes: AtomicU64,
}

impl Wire {
    /// So far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
    fn count(&self, n: usize) {
        self.bytes.fetch_add(n as u64, Ordering::Relaxed);
    }
}

struct Counted {
    stream: TcpStream,
    wire: Arc<Wire>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.wire.count(buf.filled().len() - before);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Ok(n)) = &polled {
            self.wire.count(*n);
        }
        polled
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        if let Poll::Ready(Ok(n)) = &polled {
            self.wire.count(*n);
        }
        polled
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A request ready to be sent, again and again if need be: its body is shared, not copied.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An answer, read to its last byte.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// See the module text.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Opens one; its driver runs on the current runtime.
    pub(crate) async fn open(addr: SocketAddr, wire: Arc<Wire>) -> Result<Self, Failed> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        let (sender, driver) = handshake(TokioIo::new(Counted { stream, wire })).await?;
        tokio::spawn(async move {
            // The next request on it says so.
            let _ = driver.await;
        });
        Ok(Self { sender })
    }

    /// Sends and reads the whole answer.
    pub(crate) async fn send(&mut self, prepared: &Prepared) -> Result<Answer, Failed> {
        let mut request =
            Request::builder().method(prepared.method.clone()).uri(&prepared.path).header("host", "bench");
        if let Some(headers) = request.headers_mut() {
            headers.extend(prepared.headers.clone());
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::new(prepared.body.clone()))?).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}

impl Answer {
    /// The body when the status is 2xx, else what the server said.
    pub(crate) fn good(self) -> Result<Self, Failed> {
        if self.status.is_success() {
            return Ok(self);
        }
        Err(format!("{}: {}", self.status, String::from_utf8_lossy(&self.body)).into())
    }

    /// The body, unpacked.
    pub(crate) fn unpacked(&self) -> Result<Vec<u8>, Failed> {
        match self.headers.get("content-encoding").map(|v| v.as_bytes()) {
            None => Ok(self.body.to_vec()),
            Some(b"zstd") => Ok(zstd::decode_all(self.body.as_ref())?),
            Some(other) => Err(format!("an unasked encoding {}", String::from_utf8_lossy(other)).into()),
        }
    }
}

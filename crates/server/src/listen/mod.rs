//! Listening: accepts connections within bounds, speaks TLS when it has a certificate, serves HTTP/1.1 (and HTTP/2
//! over TLS), closes who stalls, and ends in order. Knows no route.

mod body;
pub mod outer;
mod pulse;
mod stream;

use crate::config::Connections;
use crate::telemetry::ConnectionCounts;
use crate::tls::Certificates;
use axum::Router;
use axum::http::{HeaderValue, Request, Response, header};
use body::{Answering, Asked, Turn};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::graceful::GracefulConnection;
use ipnet::IpNet;
use outer::{Outer, judge};
use pulse::Pulse;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use stream::Watched;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tower::Service as _;

/// A year, once a browser has seen a real certificate.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// The first byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;
/// Requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 64;
/// How long and how much is taken from a peer whose head was refused.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: u64 = 4 << 20;
/// Read and written at once; also the least hyper takes for a head.
const BUFFER_BYTES: usize = 256 * 1_024;

/// What all connections of a listener share.
pub(crate) struct Listening {
    /// Where requests go.
    pub(crate) router: Router,
    /// What a connection may take.
    pub(crate) bounds: Connections,
    /// Who may say how a request looked from outside.
    pub(crate) trusted: Vec<IpNet>,
    /// TLS, when there is any.
    pub(crate) certificates: Option<Arc<Certificates>>,
    /// Whom to tell how many there are.
    pub(crate) counts: Arc<ConnectionCounts>,
}

/// Serves until `stopping` turns true and every connection has ended.
pub(crate) async fn serve(listening: Listening, listener: TcpListener, stopping: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(listening.bounds.most.clamp(1, Semaphore::MAX_PERMITS)));
    let listening = Arc::new(listening);
    // Every connection holds a sender; when all are gone, so are the connections.
    let (alive, mut ended) = mpsc::channel::<()>(1);
    let mut stop = stopping.clone();
    loop {
        // Who finds no room waits in the kernel's queue, not in our memory.
        let taken = tokio::select! {
            taken = accept(&listener, &room) => taken,
            _ = stop.wait_for(|s| *s) => break,
        };
        let Some((stream, peer, permit)) = taken else { continue };
        let (listening, stopping, room) = (listening.clone(), stopping.clone(), room.clone());
        let held = alive.clone();
        tokio::spawn(async move {
            listening.counts.opened();
            connection(&listening, stream, peer.ip(), &room, stopping).await;
            listening.counts.closed();
            drop((held, permit));
        });
    }
    drop((listener, alive));
    let _ = ended.recv().await;
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = room.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, permit)),
        Err(error) if is_the_peers(&error) => None,
        Err(error) => {
            // Out of file handles, most likely: trying again at once would only spin.
            tracing::error!(%error, "accepting a connection");
            tokio::time::sleep(Duration::from_secs(1)).await;
            None
        }
    }
}

fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(
    listening: &Arc<Listening>,
    stream: TcpStream,
    peer: IpAddr,
    room: &Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
) {
    // Answers are written whole: waiting for more to send only adds latency.
    let _ = stream.set_nodelay(true);
    let Some(certificates) = &listening.certificates else {
        return http(listening, stream, false, peer, room, stopping).await;
    };
    let shaking = async {
        let mut first = [0; 1];
        if stream.peek(&mut first).await? == 1 && first[0] != TLS_HANDSHAKE {
            return speaks_plainly(stream).await.map(|()| None);
        }
        certificates.acceptor().accept(stream).await.map(Some)
    };
    match tokio::time::timeout(listening.bounds.header, shaking).await {
        Ok(Ok(Some(tls))) => {
            let two = tls.get_ref().1.alpn_protocol() == Some(b"h2");
            if two {
                http2(listening, tls, peer, room, stopping).await;
            } else {
                http(listening, tls, true, peer, room, stopping).await;
            }
        }
        Ok(Ok(None)) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => listening.counts.stalled(pulse::Stalled::Header.as_str()),
    }
}

/// Somebody typed http:// where https is spoken: says so in words a browser shows.
async fn speaks_plainly(mut stream: TcpStream) -> io::Result<()> {
    const WORDS: &str =
        "这里要用 https:// 打开，不是 http://\nOpen this address with https://, not http://\n";
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        WORDS.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(WORDS.as_bytes()).await?;
    stream.shutdown().await
}

async fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    listening: &Arc<Listening>,
    stream: S,
    tls: bool,
    peer: IpAddr,
    room: &Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
) {
    let pulse = Arc::new(Pulse::new());
    let io = TokioIo::new(Watched::new(stream, pulse.clone()));
    let answer = Answerer::new(listening, &pulse, tls, peer, room);
    let mut builder = http1::Builder::new();
    builder.header_read_timeout(None).max_buf_size(BUFFER_BYTES.max(listening.bounds.header_bytes));
    builder.max_header_size(listening.bounds.header_bytes).max_headers(100);
    let service = hyper::service::service_fn(move |r| answer.clone().answer(r));
    let mut served = builder.serve_connection(io, service);
    if drive(Pin::new(&mut served), &pulse, listening, stopping).await == Ended::Refused {
        linger(served.into_parts().io.into_inner()).await;
    }
}

/// Takes what a peer is still sending after a head that was refused: closing on it would reset the connection, and take
/// the answer away from who has not read it yet.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let taking = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES_MAX), &mut tokio::io::sink()).await
    };
    // Whoever is slower than this reads no answer anyway; one that is gone needs none.
    let _ = tokio::time::timeout(LINGER, taking).await;
}

async fn http2<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    listening: &Arc<Listening>,
    stream: S,
    peer: IpAddr,
    room: &Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
) {
    let pulse = Arc::new(Pulse::new());
    let io = TokioIo::new(Watched::new(stream, pulse.clone()));
    let answer = Answerer::new(listening, &pulse, true, peer, room);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.max_header_list_size(u32::try_from(listening.bounds.header_bytes).unwrap_or(u32::MAX));
    builder.max_concurrent_streams(STREAMS_MAX);
    let served = builder.serve_connection(io, hyper::service::service_fn(move |r| answer.clone().answer(r)));
    drive(pin!(served), &pulse, listening, stopping).await;
}

/// How a connection ended.
#[derive(PartialEq, Eq)]
enum Ended {
    /// In order, or by our patience.
    Over,
    /// The peer went away, or spoke no HTTP and was told so.
    Refused,
}

/// Runs a connection to its end, or to the end of our patience.
async fn drive<C>(
    mut connection: Pin<&mut C>,
    pulse: &Pulse,
    listening: &Listening,
    mut stopping: watch::Receiver<bool>,
) -> Ended
where
    C: GracefulConnection + Future<Output = Result<(), <C as GracefulConnection>::Error>>,
{
    let shortest = listening.bounds.header.min(listening.bounds.idle).min(listening.bounds.stall);
    let often = (shortest / 4).clamp(Duration::from_millis(20), Duration::from_secs(2));
    let mut look = tokio::time::interval(often);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told = false;
    loop {
        tokio::select! {
            biased;
            done = connection.as_mut() => {
                return if done.is_ok() { Ended::Over } else { Ended::Refused };
            }
            _ = look.tick() => {
                if let Some(why) = pulse.stalled(&listening.bounds) {
                    listening.counts.stalled(why.as_str());
                    return Ended::Over;
                }
            }
            _ = stopping.wait_for(|s| *s), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Answers the requests of one connection.
#[derive(Clone)]
struct Answerer {
    listening: Arc<Listening>,
    pulse: Arc<Pulse>,
    room: Arc<Semaphore>,
    peer: IpAddr,
    tls: bool,
}

impl Answerer {
    fn new(
        listening: &Arc<Listening>,
        pulse: &Arc<Pulse>,
        tls: bool,
        peer: IpAddr,
        room: &Arc<Semaphore>,
    ) -> Self {
        Self { listening: listening.clone(), pulse: pulse.clone(), room: room.clone(), peer, tls }
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Answering>, Infallible> {
        let turn = Turn::begin(self.pulse.clone());
        let (mut parts, body) = request.into_parts();
        // HTTP/2 names the host in the address.
        if let Some(host) = parts.uri.authority().and_then(|a| HeaderValue::from_str(a.as_str()).ok()) {
            parts.headers.entry(header::HOST).or_insert(host);
        }
        let outer = judge(&mut parts.headers, self.peer, self.tls, &self.listening.trusted);
        parts.extensions.insert(outer);
        let one = parts.version < axum::http::Version::HTTP_2;
        let request = Request::from_parts(parts, Asked::new(body, self.pulse.clone()));
        let Ok(response) = self.listening.router.clone().call(request).await;
        let mut response = response.map(|body| Answering::new(body, turn));
        self.finish(&mut response, outer, one);
        Ok(response)
    }

    fn finish(&self, response: &mut Response<Answering>, outer: Outer, one: bool) {
        let headers = response.headers_mut();
        if outer.https {
            secure_cookies(headers);
        }
        if self.listening.certificates.as_ref().is_some_and(|c| c.are_real()) {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
        }
        // Others wait for room: this connection is not kept for a request that may never come.
        if one && self.room.available_permits() == 0 {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// A cookie set over https never travels over http.
fn secure_cookies(headers: &mut axum::http::HeaderMap) {
    if let header::Entry::Occupied(mut cookies) = headers.entry(header::SET_COOKIE) {
        for cookie in cookies.iter_mut() {
            let said = cookie.to_str().unwrap_or_default();
            if let Ok(secure) = HeaderValue::from_str(&format!("{said}; Secure")) {
                *cookie = secure;
            }
        }
    }
}

//! Request bodies: content type, unpacking with limits that hold after it, JSON.

use crate::error::{Answer, Fault};
use crate::http::now_ms;
use crate::http::standing::Standing;
use crate::http::turns::Held;
use crate::state::App;
use axum::body::Body;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use blindspot_core::error::{
    BAD_ENCODING, BAD_JSON, BAD_REQUEST, BODY_TOO_LARGE, BUSY, UNSUPPORTED_MEDIA_TYPE,
};
use blindspot_core::id::Sha256;
use blindspot_core::limits::{BODY_BYTES_A_SECOND_MIN, SLOW_GRACE_MS};
use futures_util::{Stream, StreamExt as _};
use serde::de::DeserializeOwned;
use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::Instant;

/// A silent sender is given up after this long.
const SILENCE: Duration = Duration::from_secs(30);

/// Watches that a body keeps coming: no long silence, and after a while no trickle either.
pub(crate) struct Pace {
    began: Instant,
    bytes: u64,
}

/// The sender was too slow.
pub(crate) struct TooSlow;

impl Pace {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), bytes: 0 }
    }

    /// The next piece.
    pub(crate) async fn next<E>(
        &mut self,
        stream: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
    ) -> Result<Option<Result<Bytes, E>>, TooSlow> {
        let allowed_ms = SLOW_GRACE_MS + self.bytes.saturating_mul(1_000) / BODY_BYTES_A_SECOND_MIN;
        let end = (self.began + Duration::from_millis(allowed_ms)).min(Instant::now() + SILENCE);
        let piece = tokio::time::timeout_at(end, stream.next()).await.map_err(|_| TooSlow)?;
        if let Some(Ok(bytes)) = &piece {
            self.bytes += bytes.len() as u64;
        }
        Ok(piece)
    }
}

/// Pours a body into the thread that takes it in, piece by piece; the last is `None`, and missing when the body was cut
/// or came too slowly. Gives the refusal when the caller may no longer go on.
pub(crate) async fn pour(
    app: &Arc<App>,
    body: Body,
    standing: Standing,
    send: Sender<Option<Bytes>>,
) -> Option<Fault> {
    let mut stream = body.into_data_stream();
    let mut lost = std::pin::pin!(standing.lost(app.clone()));
    let mut pace = Pace::new();
    loop {
        let came = tokio::select! {
            came = pace.next(&mut stream) => came,
            fault = &mut lost => return Some(fault),
        };
        let piece = match came {
            Ok(Some(Ok(bytes))) => Some(bytes),
            Ok(None) => None,
            // Nobody is there to answer, but what came is kept.
            Ok(Some(Err(_))) | Err(TooSlow) => return None,
        };
        let last = piece.is_none();
        if send.send(piece).await.is_err() || last {
            return None;
        }
    }
}

/// Pieces on their way between the two threads.
pub(crate) const PIECES: usize = 4;

/// A body as a reader. One that was cut ends in `ConnectionAborted`, so that it is not taken for a file's own end.
pub(crate) struct Pieces {
    receive: Receiver<Option<Bytes>>,
    piece: Bytes,
    whole: bool,
    left: u64,
}

impl Pieces {
    /// Of a body that `pour` pours, of at most so many bytes.
    pub(crate) fn new(receive: Receiver<Option<Bytes>>, most: u64) -> Self {
        Self { receive, piece: Bytes::new(), whole: false, left: most }
    }
}

impl Read for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && !self.whole {
            match self.receive.blocking_recv() {
                Some(Some(piece)) => self.piece = piece,
                Some(None) => self.whole = true,
                None => return Err(ErrorKind::ConnectionAborted.into()),
            }
        }
        let n = buf.len().min(self.piece.len());
        buf[..n].copy_from_slice(&self.piece.split_to(n));
        let size = u64::try_from(n).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(size).ok_or(ErrorKind::FileTooLarge)?;
        Ok(n)
    }
}

/// A JSON body of at most `MAX` bytes, packed or unpacked, with its time of receipt.
pub struct Json<T, const MAX: usize> {
    /// What it says.
    pub value: T,
    /// When it was all here, server time in milliseconds.
    pub received_ms: i64,
    /// SHA-256 of the unpacked bytes, where the request says a key to be known by.
    pub hash: Option<Sha256>,
    /// Its share of the memory for bodies; kept until the work with it is done.
    pub held: Held,
}

impl<T: DeserializeOwned, const MAX: usize> FromRequest<Arc<App>> for Json<T, MAX> {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(Fault::of(&UNSUPPORTED_MEDIA_TYPE, Some("application/json".into())));
        }
        let keyed = parts.headers.contains_key(super::once::KEY);
        let mut held = Held::new(&app.bodies);
        let packed = collect(&parts.headers, body, MAX, &mut held).await?;
        let received_ms = now_ms();
        let before = packed.len();
        let bytes = unpack(&parts.headers, packed, MAX)?;
        held.grow(bytes.len().saturating_sub(before)).await?;
        Ok(Self { value: parse(&bytes)?, received_ms, hash: keyed.then(|| Sha256::of(&bytes)), held })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let text = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let kind = text.split(';').next().unwrap_or("").trim();
    kind.eq_ignore_ascii_case("application/json")
}

pub(crate) async fn collect(headers: &HeaderMap, body: Body, max: usize, held: &mut Held) -> Answer<Vec<u8>> {
    let too_large = || Fault::of(&BODY_TOO_LARGE, Some(format!("at most {max} bytes")));
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|n| n > max as u64) {
        return Err(too_large());
    }
    let mut all = Vec::with_capacity(usize::try_from(announced.unwrap_or(0)).unwrap_or(0));
    let mut stream = body.into_data_stream();
    let mut pace = Pace::new();
    loop {
        // Not the sender's fault, and no reason for a phone to send less at once: it comes again.
        let broken = |why: &str| Fault::of(&BUSY, Some(why.to_owned()));
        match pace.next(&mut stream).await.map_err(|TooSlow| broken("the body came too slowly"))? {
            None => return Ok(all),
            Some(Err(_)) => return Err(broken("the body was cut")),
            Some(Ok(piece)) if all.len() + piece.len() > max => return Err(too_large()),
            Some(Ok(piece)) => {
                held.grow(piece.len()).await?;
                all.extend_from_slice(&piece);
            }
        }
    }
}

fn unpack(headers: &HeaderMap, packed: Vec<u8>, max: usize) -> Answer<Vec<u8>> {
    let encoding = match headers.get(header::CONTENT_ENCODING) {
        None => return Ok(packed),
        Some(value) => value.to_str().unwrap_or("?").trim().to_ascii_lowercase(),
    };
    let bad = |_| Fault::of(&BAD_ENCODING, None);
    match encoding.as_str() {
        "" | "identity" => Ok(packed),
        "gzip" | "x-gzip" => limited(flate2::read::MultiGzDecoder::new(packed.as_slice()), max),
        "zstd" => {
            let mut decoder = zstd::stream::read::Decoder::new(packed.as_slice()).map_err(bad)?;
            // A frame may ask for a window of gigabytes; ours need no more than this.
            decoder.window_log_max(23).map_err(bad)?;
            limited(decoder, max)
        }
        other => Err(Fault::of(&BAD_ENCODING, Some(other.to_owned()))),
    }
}

fn limited(reader: impl Read, max: usize) -> Answer<Vec<u8>> {
    let mut out = vec![];
    let read = reader.take(max as u64 + 1).read_to_end(&mut out);
    read.map_err(|_| Fault::of(&BAD_ENCODING, None))?;
    if out.len() > max {
        return Err(Fault::of(&BODY_TOO_LARGE, Some(format!("at most {max} bytes unpacked"))));
    }
    Ok(out)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Answer<T> {
    let text = std::str::from_utf8(bytes).map_err(|e| Fault::of(&BAD_JSON, Some(e.to_string())))?;
    serde_json::from_str(text).map_err(|e| {
        let text = if e.is_data() { &BAD_REQUEST } else { &BAD_JSON };
        Fault::of(text, Some(e.to_string()))
    })
}

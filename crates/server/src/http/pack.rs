//! JSON answers packed in one go, where they are made. A few compressors are kept: making one for each answer
//! costs more than a small page does. Knows no route.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use std::io;
use std::sync::{Mutex, PoisonError};

/// Smaller answers are sent as they are.
const WORTH: usize = 512;
/// Rows repeat their field names: this level already takes nine tenths off them.
const LEVEL: i32 = 3;

/// Compressors kept, each about a megabyte.
const KEPT: usize = 4;

static COMPRESSORS: Mutex<Vec<zstd::bulk::Compressor<'static>>> = Mutex::new(Vec::new());

/// What the caller reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Left to the layer around all routes (gzip, or nothing).
    None,
    /// Zstandard.
    Zstd,
}

impl Packing {
    /// As `Accept-Encoding` says. A quality of nought is a refusal; other qualities are not weighed.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let all = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
        let asked = all.flat_map(|v| v.split(',')).any(|part| {
            let mut words = part.split(';').map(str::trim);
            let zstd = words.next().is_some_and(|w| w.eq_ignore_ascii_case("zstd"));
            let refused = words.any(|w| matches!(w.strip_prefix("q="), Some("0" | "0.0" | "0.00" | "0.000")));
            zstd && !refused
        });
        if asked { Self::Zstd } else { Self::None }
    }
}

/// A JSON answer, packed or not.
pub(crate) struct Packed {
    bytes: Vec<u8>,
    packed: bool,
}

impl Packed {
    /// Writes and packs a value.
    pub(crate) fn json<T: serde::Serialize>(value: &T, packing: Packing) -> serde_json::Result<Self> {
        let bytes = serde_json::to_vec(value)?;
        if packing == Packing::None || bytes.len() < WORTH {
            return Ok(Self { bytes, packed: false });
        }
        // What cannot be packed is sent as it is.
        match pack(&bytes) {
            Ok(small) => Ok(Self { bytes: small, packed: true }),
            Err(_) => Ok(Self { bytes, packed: false }),
        }
    }
}

fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let free = || COMPRESSORS.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = free().pop();
    let mut compressor = match kept {
        Some(compressor) => compressor,
        None => zstd::bulk::Compressor::new(LEVEL)?,
    };
    let small = compressor.compress(bytes);
    let mut free = free();
    if free.len() < KEPT {
        free.push(compressor);
    }
    small
}

impl IntoResponse for Packed {
    fn into_response(self) -> Response {
        let mut response = self.bytes.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if self.packed {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("zstd"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(text: &'static str) -> Packing {
        Packing::of(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(text))]))
    }

    #[test]
    fn only_who_reads_zstd_gets_it() {
        assert_eq!(accepts("gzip, zstd;q=0.8"), Packing::Zstd);
        assert_eq!(accepts("gzip, deflate, br"), Packing::None);
        assert_eq!(accepts("zstd;q=0, gzip"), Packing::None);
        assert_eq!(Packing::of(&HeaderMap::new()), Packing::None);
    }

    #[test]
    fn packed_bytes_come_back_and_small_ones_stay() {
        let value = vec!["卫生死角"; 400];
        let packed = Packed::json(&value, Packing::Zstd).expect("words");
        assert!(packed.packed && packed.bytes.len() < 200);
        let back = zstd::decode_all(packed.bytes.as_slice()).expect("zstd");
        assert_eq!(back, serde_json::to_vec(&value).expect("words"));
        assert!(!Packed::json(&"x", Packing::Zstd).expect("a word").packed);
        assert!(!Packed::json(&value, Packing::None).expect("words").packed);
    }
}

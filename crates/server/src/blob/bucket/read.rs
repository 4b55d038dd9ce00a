//! The bytes of an object as they come.

use super::{Asked, Bucket, WITHIN};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use std::io::{self, Read};
use std::sync::Arc;
use tokio_util::bytes::{Buf as _, Bytes};

/// See the module text. Holds one piece, and no turn: its reader may be slow.
pub(super) struct Reader {
    pub(super) bucket: Arc<Bucket>,
    pub(super) pieces: BoxStream<'static, Asked<Bytes>>,
    pub(super) piece: Bytes,
}

impl Read for Reader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && !buf.is_empty() {
            let next = self.pieces.next();
            match self.bucket.block(async { tokio::time::timeout(WITHIN, next).await })? {
                Ok(Some(Ok(piece))) => self.piece = piece,
                Ok(None) => return Ok(0),
                Ok(Some(Err(error))) => return Err(self.bucket.gate.failed(error.to_string())),
                Err(_) => return Err(self.bucket.gate.hangs("bytes stopped coming".to_owned())),
            }
        }
        let n = buf.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buf[..n]);
        Ok(n)
    }
}

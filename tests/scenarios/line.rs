//! One connection that a test holds in its hands: requests byte by byte, answers as they stand.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One connection, many requests.
pub(crate) struct Line(BufReader<TcpStream>);

impl Line {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        Self(BufReader::new(stream))
    }

    /// Sends a head; `more` are whole lines of it.
    pub(crate) fn begin(&mut self, method: &str, path: &str, more: &str) {
        self.rest(format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{more}\r\n").as_bytes());
    }

    /// Sends a body.
    pub(crate) fn rest(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).expect("taken");
    }

    /// Reads an answer to its end; gives its status.
    pub(crate) fn answer(&mut self, method: &str) -> u16 {
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("a line");
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().expect("a status");
            }
            if let Some(n) = line.strip_prefix("content-length: ") {
                length = n.parse().expect("a number");
            }
        }
        if method != "HEAD" {
            std::io::copy(&mut (&mut self.0).take(length), &mut std::io::sink()).expect("a body");
        }
        status
    }
}

//! Questions without a body to the store's own HTTP: whether it is up, and to make a bucket. Answers are read no
//! further than their status and, where one is told, an error in the first bytes.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(5);

/// The beginning of an answer.
fn ask(addr: SocketAddr, method: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&addr, WITHIN)?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.set_write_timeout(Some(WITHIN))?;
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {addr}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.take(4_096).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn is_good(answer: &str) -> bool {
    answer.split(' ').nth(1).is_some_and(|status| status.starts_with('2')) && !answer.contains("\"error\"")
}

/// Whether a GET is answered well.
pub(crate) fn is_ok(addr: SocketAddr, path: &str) -> bool {
    ask(addr, "GET", path).is_ok_and(|answer| is_good(&answer))
}

/// A request that must be answered well.
pub(crate) fn expect_ok(addr: SocketAddr, method: &str, path: &str) -> io::Result<()> {
    let answer = ask(addr, method, path)?;
    if is_good(&answer) { Ok(()) } else { Err(io::Error::other(format!("{method} {path}: {answer}"))) }
}

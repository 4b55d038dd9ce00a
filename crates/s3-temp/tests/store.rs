//! The store itself, as tests rely on it. Without the program this fails and says how to install it.

use blindspot_s3_temp::{BUCKET, TempS3};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Half a second is enough to see that nobody answers; a machine at work may take longer to answer.
const SHORT: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(20);

/// The status of an unsigned request, nothing when nobody answers in time.
fn status(addr: SocketAddr, path: &str, within: Duration) -> Option<u16> {
    let mut stream = TcpStream::connect_timeout(&addr, within).ok()?;
    stream.set_read_timeout(Some(within)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {addr}\r\n\r\n").ok()?;
    let mut answer = String::new();
    // Cut off is as good as an answer once the status is there.
    let _ = stream.take(1_024).read_to_string(&mut answer);
    answer.split(' ').nth(1)?.parse().ok()
}

#[test]
fn it_asks_for_a_key_stops_answers_and_comes_back() {
    let mut store = TempS3::start().expect("the store starts");
    let bucket = format!("/{BUCKET}/");
    assert_eq!(status(store.addr(), &bucket, LONG), Some(403), "nobody reads without a key");
    store.pause().expect("paused");
    assert_eq!(status(store.addr(), &bucket, SHORT), None);
    store.resume().expect("resumed");
    assert_eq!(status(store.addr(), &bucket, LONG), Some(403));
    store.kill();
    assert_eq!(status(store.addr(), &bucket, SHORT), None);
    store.resurrect().expect("it comes back where it was");
    assert_eq!(status(store.addr(), &bucket, LONG), Some(403));
    let pid = store.pid().expect("it runs");
    drop(store);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "nothing stays behind");
}

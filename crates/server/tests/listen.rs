//! The listener over raw sockets: who stalls is closed, heads are bounded, room is bounded, plain http stays at home.
#![allow(clippy::unwrap_used, missing_docs)]

use blindspot_server::config::{Connections, Tls};
use blindspot_server::server::ServeError;
use blindspot_server::{Running, ServeConfig, Server};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn start(bounds: Connections) -> (Running, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let config = ServeConfig { connections: bounds, ..ServeConfig::new(dir.path()) };
    (Server::start_blocking(config).expect("started"), dir)
}

fn short() -> Connections {
    let ms = Duration::from_millis;
    Connections { header: ms(300), idle: ms(300), stall: ms(300), ..Connections::default() }
}

fn dial(server: &Running) -> TcpStream {
    let stream = TcpStream::connect(server.addr).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    stream
}

/// One answer's head; its body too when it is short.
fn read_some(stream: &mut TcpStream) -> String {
    let mut buffer = [0; 4_096];
    let n = stream.read(&mut buffer).expect("read");
    String::from_utf8_lossy(&buffer[..n]).into_owned()
}

/// Waits for the other side to close; false when it has not after 20 s.
fn ends(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 4_096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(e) => return !matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    }
}

#[test]
fn who_stalls_is_closed_whether_in_head_body_or_between() {
    let (server, _dir) = start(short());
    let mut silent = dial(&server);
    let mut slow = dial(&server);
    slow.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nx-a: ").expect("written");
    let mut idle = dial(&server);
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").expect("written");
    assert!(read_some(&mut idle).starts_with("HTTP/1.1 200"));
    let mut body = dial(&server);
    body.write_all(b"POST /v1/sessions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{")
        .expect("written");
    for (name, stream) in
        [("silent", &mut silent), ("slow", &mut slow), ("idle", &mut idle), ("body", &mut body)]
    {
        assert!(ends(stream), "{name} was left open");
    }
    server.stop().expect("stopped");
}

#[test]
fn a_request_that_takes_long_is_left_alone() {
    let (server, _dir) = start(short());
    // Bytes keep coming, slower than a whole request may take and faster than a stall.
    let mut body = dial(&server);
    body.write_all(b"POST /v1/sessions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n")
        .expect("written");
    let began = Instant::now();
    for byte in b"{\"login\":1 }" {
        std::thread::sleep(Duration::from_millis(80));
        body.write_all(&[*byte]).expect("still open");
    }
    assert!(began.elapsed() > Duration::from_millis(900));
    assert!(read_some(&mut body).starts_with("HTTP/1.1 400"));
    server.stop().expect("stopped");
}

#[test]
fn a_head_over_the_limit_is_answered_431() {
    let (server, _dir) = start(Connections { header_bytes: 16 * 1_024, ..Connections::default() });
    for (bytes, status) in [(15 * 1_024, "200"), (17 * 1_024, "431"), (200 * 1_024, "431")] {
        let mut stream = dial(&server);
        let head = format!("GET /livez HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "a".repeat(bytes));
        let (first, rest) = head.as_bytes().split_at(bytes.min(40 * 1_024));
        stream.write_all(first).expect("written");
        if bytes > first.len() {
            // The answer is there already, and stays there for who is still writing.
            stream.peek(&mut [0]).expect("an answer");
            for piece in rest.chunks(8 * 1_024) {
                stream.write_all(piece).expect("the rest is taken");
                std::thread::sleep(Duration::from_millis(2));
            }
        } else {
            stream.write_all(rest).expect("written");
        }
        let said = read_some(&mut stream);
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{bytes}: {said}");
    }
    server.stop().expect("stopped");
}

#[test]
fn more_than_the_most_wait_until_one_ends() {
    let (server, _dir) = start(Connections { most: 2, ..Connections::default() });
    let ask = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    let (mut one, mut two, mut three) = (dial(&server), dial(&server), dial(&server));
    for stream in [&mut one, &mut two] {
        stream.write_all(b"GET /livez HTTP/1.1\r\n").expect("written");
    }
    std::thread::sleep(Duration::from_millis(200));
    three.write_all(ask).expect("written");
    three.set_read_timeout(Some(Duration::from_millis(400))).expect("set");
    assert!(three.read(&mut [0; 64]).is_err(), "there was room for a third");
    one.write_all(b"host: x\r\n\r\n").expect("written");
    let said = read_some(&mut one);
    assert!(said.starts_with("HTTP/1.1 200") && said.to_lowercase().contains("connection: close"), "{said}");
    three.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    assert!(read_some(&mut three).starts_with("HTTP/1.1 200"));
    drop((one, two, three));
    server.stop().expect("stopped");
}

#[test]
fn stopping_waits_for_nobody_who_idles() {
    let (server, _dir) = start(Connections::default());
    let mut idle = dial(&server);
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").expect("written");
    read_some(&mut idle);
    let began = Instant::now();
    server.stop().expect("stopped");
    assert!(began.elapsed() < Duration::from_secs(9), "an idle connection held up the stop");
    assert!(ends(&mut idle));
}

#[test]
fn plain_http_on_a_network_is_refused_before_anything_is_opened() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut config = ServeConfig::new(dir.path().join("data"));
    config.listen = "0.0.0.0:0".parse().expect("an address");
    match Server::start_blocking(config.clone()) {
        Err(error @ ServeError::Exposed(_)) => {
            let said = error.to_string();
            assert!(
                said.contains("--tls-cert") && said.contains("--trusted-proxy") && said.contains("明文"),
                "{said}"
            );
        }
        other => panic!("served: {:?}", other.map(|r| r.addr)),
    }
    assert!(!config.data.exists());
    config.trusted_proxies = vec!["10.0.0.2/32".parse().expect("a network")];
    Server::start_blocking(config).expect("behind a proxy").stop().expect("stopped");
}

#[test]
fn http_on_a_tls_port_is_told_so() {
    let dir = tempfile::tempdir().expect("a folder");
    let page = "127.0.0.1:0".parse().expect("an address");
    let config = ServeConfig { tls: Tls::Trial { page }, ..ServeConfig::new(dir.path()) };
    let server = Server::start_blocking(config).expect("started");
    assert!(server.base_url().starts_with("https://"));
    let mut stream = dial(&server);
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").expect("written");
    // Head and words may come apart; the server closes behind them.
    let mut said = String::new();
    std::io::Read::read_to_string(&mut stream, &mut said).expect("read to the end");
    assert!(said.starts_with("HTTP/1.1 400") && said.contains("https://"), "{said}");
    server.stop().expect("stopped");
}

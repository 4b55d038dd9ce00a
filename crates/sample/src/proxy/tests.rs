//! What the proxy promises.

use super::*;
use std::io::{Read as _, Write as _};

/// A server that answers each line with the same line in capitals and keeps what it heard.
fn echo() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let addr = socket.local_addr().expect("bound");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in socket.incoming().flatten() {
            let keep = Arc::clone(&keep);
            std::thread::spawn(move || {
                let mut reader = io::BufReader::new(stream.try_clone().expect("a clone"));
                let mut line = String::new();
                while io::BufRead::read_line(&mut reader, &mut line).is_ok_and(|n| n > 0)
                    && line.ends_with('\n')
                {
                    lock(&keep).push(line.trim().to_owned());
                    if (&stream).write_all(line.to_uppercase().as_bytes()).is_err() {
                        return;
                    }
                    line.clear();
                }
            });
        }
    });
    (addr, heard)
}

/// Says one line and returns all that comes until the other side ends or `wanted` bytes are there.
fn say(stream: &mut TcpStream, line: &str, wanted: usize) -> Vec<u8> {
    let mut got = Vec::new();
    let mut buffer = [0u8; 4096];
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    if stream.write_all(line.as_bytes()).is_err() {
        return got;
    }
    while got.len() < wanted {
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => got.extend(&buffer[..n]),
            _ => break,
        }
    }
    got
}

fn dial(proxy: &CuttingProxy) -> TcpStream {
    TcpStream::connect(proxy.addr()).expect("the proxy listens")
}

#[test]
fn without_faults_bytes_pass_both_ways_over_many_turns() {
    let (server, heard) = echo();
    let proxy = CuttingProxy::start(server, Faults::default()).expect("starts");
    let mut stream = dial(&proxy);
    for n in 0..20 {
        let line = format!("line {n} {}\n", "x".repeat(n * 997));
        assert_eq!(say(&mut stream, &line, line.len()), line.to_uppercase().as_bytes());
    }
    drop(stream);
    let counters = proxy.stop();
    assert_eq!((counters.connections, counters.turns, counters.cuts), (1, 20, 0));
    assert_eq!(counters.bytes_up, counters.bytes_down);
    assert_eq!(lock(&heard).len(), 20);
}

#[test]
fn a_lost_reply_means_that_the_server_heard() {
    let (server, heard) = echo();
    let faults = Faults { cut_before_reply: 1.0, ..Faults::default() };
    let proxy = CuttingProxy::start(server, faults).expect("starts");
    assert_eq!(say(&mut dial(&proxy), "hello\n", 6), b"");
    assert_eq!(*lock(&heard), ["hello"]);
    proxy.set_faults(Faults::default());
    assert_eq!(say(&mut dial(&proxy), "again\n", 6), b"AGAIN\n");
    assert_eq!(proxy.stop().lost_replies, 1);
}

#[test]
fn a_cut_comes_at_its_byte_in_the_request_and_in_the_reply() {
    let (server, heard) = echo();
    let at = |n: usize| Faults { cut_after_bytes: Some(n..n), ..Faults::default() };
    let proxy = CuttingProxy::start(server, at(4)).expect("starts");
    assert_eq!(say(&mut dial(&proxy), "hello\n", 6), b"");
    assert_eq!(lock(&heard).len(), 0, "the line never got its end");
    proxy.set_faults(at(9));
    assert_eq!(say(&mut dial(&proxy), "hello\n", 6), b"HEL");
    let counters = proxy.stop();
    assert_eq!((counters.cuts, counters.bytes_up, counters.bytes_down), (2, 10, 3));
}

#[test]
fn a_portal_answers_200_and_the_server_hears_nothing() {
    let (server, heard) = echo();
    let proxy = CuttingProxy::start(server, Faults { portal: 1.0, ..Faults::default() }).expect("starts");
    let got = String::from_utf8(say(&mut dial(&proxy), "GET / HTTP/1.1\r\n\r\n", usize::MAX)).expect("text");
    assert!(got.starts_with("HTTP/1.1 200 OK\r\n") && got.contains("text/html") && got.ends_with("</h1>"));
    assert_eq!((lock(&heard).len(), proxy.stop().portals), (0, 1));
}

#[test]
fn offline_refuses_and_back_online_serves() {
    let (server, _) = echo();
    let proxy = CuttingProxy::start(server, Faults::offline()).expect("starts");
    assert_eq!(say(&mut dial(&proxy), "hello\n", 6), b"");
    proxy.set_faults(Faults::default());
    let mut stream = dial(&proxy);
    assert_eq!(say(&mut stream, "hello\n", 6), b"HELLO\n");
    proxy.cut_all();
    assert_eq!(say(&mut stream, "hello\n", 6), b"");
    assert_eq!(proxy.stop().refused, 1);
}

#[test]
fn one_seed_spoils_the_same_turns() {
    let (server, _) = echo();
    let run = |seed: u64| {
        let faults = Faults { seed, refuse: 0.3, cut_before_reply: 0.3, ..Faults::default() };
        let proxy = CuttingProxy::start(server, faults).expect("starts");
        let got: Vec<bool> = (0..24).map(|_| say(&mut dial(&proxy), "hello\n", 6).len() == 6).collect();
        proxy.stop();
        got
    };
    let first = run(5);
    assert_eq!(first, run(5));
    assert_ne!(first, run(6));
    assert!(first.contains(&true) && first.contains(&false));
}

//! F24: captive portals and proxies that answer instead of the server, connections that hang and that crawl.

use super::child::Server;
use super::phone::{Ended, FaultPhone, agent};
use super::{Outcome, ground};
use blindspot_client::{ClientEvent, Unsent};
use blindspot_port_temp::Port;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How the thing in between behaves.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// Answers this, with a page or with JSON that looks like ours.
    Says(u16, &'static str),
    /// Takes the request and never answers.
    HalfOpen,
    /// Answers a byte at a time and never comes to an end.
    Crawls,
}

const PAGE: &str = "<!doctype html><h1>请先登录无线网络</h1>";
const LOOKS_LIKE_OURS: &str = r#"{"verdicts":[],"received_through":99,"epoch":1,"server_ms":1,"receipt":""}"#;
const ENROL_AGAIN: &str = r#"{"code":"enrol_again","status":401,"title":"x","title_en":"x"}"#;

const MANNERS: &[Manner] = &[
    Manner::Says(200, PAGE),
    Manner::Says(200, LOOKS_LIKE_OURS),
    Manner::Says(204, ""),
    Manner::Says(302, PAGE),
    Manner::Says(401, ENROL_AGAIN),
    Manner::Says(403, PAGE),
    Manner::Says(413, PAGE),
    Manner::Says(502, PAGE),
    Manner::HalfOpen,
    Manner::Crawls,
];

pub(super) fn run(outcome: &mut Outcome, count: u64) {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let code = ground::lay(&data, 1).remove(0);
    let listen = Port::take().expect("a port");
    let mut server = Server::start(&data, &listen);
    let real = format!("http://{listen}");
    let mut phone = FaultPhone::new(&real, outcome.seed);
    phone.enrol(&code);
    let manner = Arc::new(Mutex::new(MANNERS[0]));
    let stub = Stub::start(manner.clone());
    for n in 0..count {
        let now_is = MANNERS[(n as usize) % MANNERS.len()];
        *manner.lock().expect("whole") = now_is;
        phone.work(n);
        phone.document([b"%PDF-1.7\n", n.to_string().as_bytes(), &[b'x'; 3_000]].concat());
        between(outcome, &mut phone, &stub, now_is);
        phone.base.clone_from(&real);
        phone.agent = agent(Duration::from_secs(20));
        if !phone.converge(400) {
            outcome.blame(format!("{now_is:?}: does not get through afterwards"));
        }
        outcome.runs += 1;
    }
    server.kill();
    let held = ground::examine(&data);
    outcome.acknowledged = phone.acknowledged.len() as u64;
    outcome.lost = phone.done.difference(&held.ops).count() as u64;
    for (applied, rows) in held.applied.iter().zip(held.rows) {
        outcome.duplicated += rows.saturating_sub(*applied);
    }
}

/// The phone tries through the thing in between; nothing may change but its patience.
fn between(outcome: &mut Outcome, phone: &mut FaultPhone, stub: &Stub, manner: Manner) {
    let (before, identity) = (counts(phone), phone.replica.identity().expect("readable"));
    let now = phone.now();
    phone.replica.set_online(false, &now);
    phone.replica.set_online(true, &now);
    phone.base = format!("http://{}", stub.address);
    phone.agent = agent(Duration::from_millis(150));
    let mut asked = 0;
    for _ in 0..12 {
        match phone.step() {
            Ended::Idle => phone.ahead_ms += 20_000,
            _ => asked += 1,
        }
    }
    if asked == 0 {
        outcome.blame(format!("{manner:?}: nothing was asked"));
    }
    if counts(phone) != before {
        outcome.blame(format!("{manner:?}: counted as success: {before:?} became {:?}", counts(phone)));
    }
    let signed_out = std::iter::from_fn(|| phone.replica.poll_event()).any(|e| e == ClientEvent::SignInAgain);
    if signed_out || phone.replica.identity().expect("readable") != identity {
        outcome.blame(format!("{manner:?}: the credential was dropped"));
    }
}

fn counts(phone: &FaultPhone) -> Unsent {
    phone.replica.unsent().expect("counts")
}

/// Stands where the server should.
struct Stub {
    address: String,
    over: Arc<AtomicBool>,
}

impl Stub {
    fn start(manner: Arc<Mutex<Manner>>) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address").to_string();
        let over = Arc::new(AtomicBool::new(false));
        let stops = over.clone();
        std::thread::spawn(move || {
            for client in socket.incoming().map_while(Result::ok) {
                if stops.load(Ordering::SeqCst) {
                    return;
                }
                let manner = *manner.lock().expect("whole");
                std::thread::spawn(move || answer(client, manner));
            }
        });
        Self { address, over }
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the listener; when it is gone already nobody minds.
        let _ = TcpStream::connect(&self.address);
    }
}

fn answer(mut client: TcpStream, manner: Manner) {
    let _ = client.set_read_timeout(Some(Duration::from_millis(30)));
    let mut buffer = [0; 16 * 1024];
    // Whatever was asked; a portal does not read it either.
    while matches!(client.read(&mut buffer), Ok(n) if n > 0) {}
    let said = match manner {
        Manner::Says(status, body) => {
            let length = body.len();
            let kind = if body.starts_with('{') { "application/json" } else { "text/html" };
            format!(
                "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nlocation: /login\r\nconnection: close\r\n\r\n{body}"
            )
        }
        Manner::HalfOpen => return std::thread::sleep(Duration::from_millis(400)),
        Manner::Crawls => {
            let _ =
                client.write_all(b"HTTP/1.1 200 OK\r\nblindspot-protocol: 1\r\ncontent-length: 9000\r\n\r\n");
            for _ in 0..20 {
                std::thread::sleep(Duration::from_millis(20));
                let _ = client.write_all(b"{");
            }
            return;
        }
    };
    let _ = client.write_all(said.as_bytes());
}

//! One connection: two pumps and the turn they are in. Knows bytes, not what they mean.

use super::faults::{Faults, Tally};
use super::{STACK_BYTES, Shared, lock};
use crate::dice::Dice;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::Builder;
use std::time::Duration;

const BUFFER_BYTES: usize = 16 * 1024;
const PORTAL_PAGE: &str =
    "<!doctype html><title>Wi-Fi</title><h1>请先登录无线网络 / Please sign in to Wi-Fi</h1>";

const SLOW_DOWN: &str = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>later</Message></Error>";

/// A request and its reply. Begins when the client speaks after the server, or first.
struct Turn {
    number: u64,
    client_speaks: bool,
    drop_reply: bool,
    bytes_left: Option<usize>,
}

/// Both sockets of a connection and its turn.
pub(super) struct Link {
    client: TcpStream,
    server: TcpStream,
    number: u64,
    shared: Arc<Shared>,
    turn: Mutex<Turn>,
}

/// What is answered instead of the target.
enum Answer {
    Portal,
    Unavailable,
}

/// What a new turn starts with, besides its marks in [`Turn`].
struct Opening {
    answer: Option<Answer>,
    delay: Duration,
}

impl Link {
    pub(super) fn new(client: TcpStream, server: TcpStream, number: u64, shared: Arc<Shared>) -> Self {
        let turn = Turn { number: 0, client_speaks: false, drop_reply: false, bytes_left: None };
        Self { client, server, number, shared, turn: Mutex::new(turn) }
    }

    pub(super) fn close(&self) {
        // The other pump may have closed first; either way both ends are gone.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
        lock(&self.shared.open).remove(&self.number);
    }

    /// Notes that the client speaks; `Some` when a new turn begins with it.
    fn client_speaks(&self) -> Option<Opening> {
        let mut turn = lock(&self.turn);
        if turn.client_speaks {
            return None;
        }
        let faults = self.shared.faults();
        let number = turn.number + 1;
        let mut dice = Dice::new(faults.seed, (self.number << 20) + number);
        // Draw all of them always: one fault's share must not move another's draws.
        let (portal, lost, cut, at, wait) = (dice.unit(), dice.unit(), dice.unit(), dice.unit(), dice.unit());
        let unavailable = dice.unit();
        *turn = Turn {
            number,
            client_speaks: true,
            drop_reply: lost < faults.cut_before_reply,
            bytes_left: cut_point(&faults, cut, at),
        };
        Tally::add(&self.shared.tally.turns, 1);
        let ms = within(&faults.delay_ms, wait);
        let answer = (portal < faults.portal)
            .then_some(Answer::Portal)
            .or((unavailable < faults.unavailable).then_some(Answer::Unavailable));
        Some(Opening { answer, delay: Duration::from_millis(ms) })
    }

    /// Notes that the server speaks; `false` when its reply is to be lost.
    fn server_speaks(&self) -> bool {
        let mut turn = lock(&self.turn);
        turn.client_speaks = false;
        !turn.drop_reply
    }

    /// How many of `n` bytes may pass before the cut of this turn, and whether it comes now.
    fn allow(&self, n: usize) -> (usize, bool) {
        let mut turn = lock(&self.turn);
        let Some(left) = turn.bytes_left.as_mut() else { return (n, false) };
        let pass = n.min(*left);
        *left -= pass;
        (pass, pass < n || *left == 0)
    }
}

fn cut_point(faults: &Faults, cut: f64, at: f64) -> Option<usize> {
    let range = faults.cut_after_bytes.as_ref().filter(|_| cut < faults.cut)?;
    let wide = range.end.saturating_sub(range.start);
    // At least one byte passes: a cut before the first is what `refuse` is for.
    Some((range.start + (at * wide as f64) as usize).max(1))
}

fn within(range: &std::ops::Range<u64>, share: f64) -> u64 {
    range.start + (share * range.end.saturating_sub(range.start) as f64) as u64
}

/// Pumps both ways until one side ends or a fault cuts.
pub(super) fn run(link: &Arc<Link>) {
    let down = Arc::clone(link);
    let pump = Builder::new().name("proxy-down".into()).stack_size(STACK_BYTES).spawn(move || {
        pump_down(&down);
        down.close();
    });
    let Ok(pump) = pump else { return link.close() };
    if pump_up(link) {
        // The client has said all; the reply may still come.
        let _ = link.server.shutdown(Shutdown::Write);
        let _ = pump.join();
    }
    link.close();
}

/// Client to server. `true` when the client ended its half in peace.
fn pump_up(link: &Link) -> bool {
    let mut buffer = vec![0u8; BUFFER_BYTES];
    loop {
        let n = match (&link.client).read(&mut buffer) {
            Ok(0) => return true,
            Ok(n) => n,
            Err(_) => return false,
        };
        if let Some(opening) = link.client_speaks() {
            std::thread::sleep(opening.delay);
            if let Some(answer) = opening.answer {
                answer_instead(link, &answer);
                return false;
            }
        }
        let (pass, cut) = link.allow(n);
        if (&link.server).write_all(&buffer[..pass]).is_err() {
            return false;
        }
        Tally::add(&link.shared.tally.bytes_up, pass as u64);
        if cut {
            Tally::add(&link.shared.tally.cuts, 1);
            return false;
        }
    }
}

/// Server to client.
fn pump_down(link: &Link) {
    let mut buffer = vec![0u8; BUFFER_BYTES];
    loop {
        let n = match (&link.server).read(&mut buffer) {
            Ok(n) if n > 0 => n,
            _ => return,
        };
        if !link.server_speaks() {
            Tally::add(&link.shared.tally.lost_replies, 1);
            return;
        }
        let (pass, cut) = link.allow(n);
        if (&link.client).write_all(&buffer[..pass]).is_err() {
            return;
        }
        Tally::add(&link.shared.tally.bytes_down, pass as u64);
        if cut {
            Tally::add(&link.shared.tally.cuts, 1);
            return;
        }
    }
}

/// What a hotel's Wi-Fi or an object store that is overrun says to every request; reads on for a moment so that the
/// client gets to see it.
fn answer_instead(link: &Link, answer: &Answer) {
    let tally = &link.shared.tally;
    let (counter, status, kind, page) = match answer {
        Answer::Portal => (&tally.portals, "200 OK", "text/html; charset=utf-8", PORTAL_PAGE),
        Answer::Unavailable => (&tally.unavailable, "503 Slow Down", "application/xml", SLOW_DOWN),
    };
    Tally::add(counter, 1);
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        page.len()
    );
    let mut client = &link.client;
    if client.write_all(head.as_bytes()).and_then(|()| client.write_all(page.as_bytes())).is_err() {
        return;
    }
    let _ = client.shutdown(Shutdown::Write);
    let _ = client.set_read_timeout(Some(Duration::from_millis(200)));
    let mut rest = vec![0u8; BUFFER_BYTES];
    // Closing with unread bytes would reset the connection and take the page away from the client.
    while matches!(client.read(&mut rest), Ok(n) if n > 0) {}
}

//! The event loop: virtual time, and a network that loses, doubles, delays, reorders and lies.

use crate::dice::Dice;
use crate::phone::SimPhone;
use crate::server::SimServer;
use blindspot_client::{HttpRequest, HttpResponse};
use std::collections::BTreeMap;

/// What the network does, in per cent of requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// The request never arrives.
    pub lose_request: u64,
    /// The server acts, the answer never arrives.
    pub lose_reply: u64,
    /// The request arrives twice.
    pub double: u64,
    /// A portal answers 200 with a page of its own.
    pub portal: u64,
    /// Longest delay of a message, milliseconds.
    pub delay_ms: u64,
}

impl Faults {
    /// A network of a cellar with a portal at the door.
    #[must_use]
    pub fn bad(dice: &mut Dice) -> Self {
        Self {
            lose_request: dice.below(35),
            lose_reply: dice.below(35),
            double: dice.below(20),
            portal: dice.below(10),
            delay_ms: 20 + dice.below(20_000),
        }
    }
    /// A network as it should be.
    #[must_use]
    pub fn none() -> Self {
        Self { delay_ms: 100, ..Self::default() }
    }
}

/// After this long without an answer a phone gives a request up, milliseconds.
const TIMEOUT_MS: i64 = 30_000;

enum Event {
    Wake(usize),
    Arrive { phone: usize, life: u64, request: HttpRequest, answered: bool },
    Reply { phone: usize, life: u64, id: u64, response: HttpResponse },
    Timeout { phone: usize, life: u64, id: u64 },
}

/// See the module text.
pub struct Sim {
    /// Virtual time, milliseconds since 1970.
    pub now_ms: i64,
    /// The server.
    pub server: SimServer,
    /// The phones.
    pub phones: Vec<SimPhone>,
    /// Decisions.
    pub dice: Dice,
    /// The network now.
    pub faults: Faults,
    /// Tells every exchange on standard error, to read a failure by.
    pub trace: bool,
    /// Requests answered, for the report.
    pub answered: u64,
    queue: BTreeMap<(i64, u64), Event>,
    count: u64,
}

impl Sim {
    /// A server and no phones.
    #[must_use]
    pub fn new(seed: u64, dice: Dice, now_ms: i64) -> Self {
        let server = SimServer::new(seed, now_ms);
        Self {
            now_ms,
            server,
            phones: vec![],
            dice,
            faults: Faults::none(),
            trace: false,
            answered: 0,
            queue: BTreeMap::new(),
            count: 0,
        }
    }

    fn at(&mut self, ms: i64, event: Event) {
        self.count += 1;
        self.queue.insert((ms.max(self.now_ms), self.count), event);
    }

    /// Wakes a phone now: something was captured, or somebody looks at it.
    pub fn wake(&mut self, phone: usize) {
        self.at(self.now_ms, Event::Wake(phone));
    }

    /// Runs until a virtual time.
    pub fn run_until(&mut self, until_ms: i64) {
        while let Some(entry) = self.queue.first_entry() {
            let (at, _) = *entry.key();
            if at > until_ms {
                break;
            }
            let event = entry.remove();
            // After a sleep of months what was due in the meantime comes now.
            self.now_ms = self.now_ms.max(at);
            self.step(event);
        }
        self.now_ms = until_ms;
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Wake(phone) => self.pump(phone),
            Event::Arrive { phone, life, request, answered } => self.arrive(phone, life, &request, answered),
            Event::Reply { phone, life, id, response } => {
                if self.phones[phone].life == life {
                    self.answered += 1;
                    self.phones[phone].answer(id, &response, self.now_ms, &mut self.dice);
                    self.pump(phone);
                }
            }
            Event::Timeout { phone, life, id } => {
                if self.phones[phone].life == life {
                    self.phones[phone].fail(id, self.now_ms, &mut self.dice);
                    self.pump(phone);
                }
            }
        }
    }

    fn pump(&mut self, phone: usize) {
        let now = self.now_ms;
        let requests = self.phones[phone].requests(now, &mut self.dice);
        let life = self.phones[phone].life;
        for request in requests {
            self.send(phone, life, request);
        }
        if let Some(at) = self.phones[phone].wakes_at() {
            self.at(at.max(now + 1), Event::Wake(phone));
        }
    }

    fn delay(&mut self) -> i64 {
        1 + i64::try_from(self.dice.below(self.faults.delay_ms.max(1))).unwrap_or(0)
    }

    /// Every request ends in exactly one reply or timeout for the phone.
    fn send(&mut self, phone: usize, life: u64, request: HttpRequest) {
        let (now, id) = (self.now_ms, request.id);
        if self.dice.percent(self.faults.portal) {
            let at = now + self.delay();
            let headers = vec![("content-type".into(), "text/html".into())];
            let response = HttpResponse { status: 200, headers, body: b"<html>welcome</html>".to_vec() };
            return self.at(at, Event::Reply { phone, life, id, response });
        }
        if self.phones[phone].cut_off || self.dice.percent(self.faults.lose_request) {
            return self.at(now + TIMEOUT_MS, Event::Timeout { phone, life, id });
        }
        if self.dice.percent(self.faults.double) {
            let at = now + self.delay();
            self.at(at, Event::Arrive { phone, life, request: request.clone(), answered: false });
        }
        let at = now + self.delay();
        self.at(at, Event::Arrive { phone, life, request, answered: true });
    }

    fn arrive(&mut self, phone: usize, life: u64, request: &HttpRequest, answered: bool) {
        let response = self.server.handle(request, self.now_ms);
        if self.trace {
            let body = String::from_utf8_lossy(&response.body);
            let said: String = body.chars().take(if response.status < 300 { 0 } else { 300 }).collect();
            eprintln!(
                "{} phone {phone} {} {} -> {} {said}",
                self.now_ms, request.method, request.path, response.status
            );
        }
        if !answered {
            return;
        }
        let id = request.id;
        if self.dice.percent(self.faults.lose_reply) {
            return self.at(self.now_ms + TIMEOUT_MS, Event::Timeout { phone, life, id });
        }
        let at = self.now_ms + self.delay();
        self.at(at, Event::Reply { phone, life, id, response });
    }
}

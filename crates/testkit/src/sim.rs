//! The event loop: virtual time, and a network that loses, doubles, delays, reorders and lies.

use crate::dice::Dice;
use crate::phone::SimPhone;
use crate::server::SimServer;
use blindspot_client::{HttpRequest, HttpResponse};
use blindspot_store::Fault;
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
    /// The server's store fails somewhere in the request.
    pub store: u64,
    /// A push arrives with the token of another phone.
    pub mixed: u64,
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
            ..Self::default()
        }
    }
    /// That, with a server whose disk fails and a proxy that mixes people up.
    #[must_use]
    pub fn worse(dice: &mut Dice) -> Self {
        let (store, mixed) = (dice.below(12), dice.below(4));
        Self { store, mixed, ..Self::bad(dice) }
    }
    /// A network as it should be.
    #[must_use]
    pub fn none() -> Self {
        Self { delay_ms: 100, ..Self::default() }
    }
}

/// After this long without an answer a phone gives a request up, milliseconds.
const TIMEOUT_MS: i64 = 30_000;
/// After a call that failed the app is asked again.
const STUMBLED_MS: i64 = 5_000;
/// A phone that sends more requests than this in a run has lost its way.
const REQUESTS_MAX: u64 = 4_000;

enum Event {
    Wake(usize),
    /// A phone's own timer, by the time it was set to: one that was set anew since rings for nobody.
    Due(usize, i64),
    Arrive {
        phone: usize,
        life: u64,
        request: HttpRequest,
        answered: bool,
    },
    Reply {
        phone: usize,
        life: u64,
        id: u64,
        response: HttpResponse,
    },
    Timeout {
        phone: usize,
        life: u64,
        id: u64,
    },
}

impl Event {
    fn what(&self) -> String {
        match self {
            Event::Wake(phone) => format!("wake {phone}"),
            Event::Due(phone, _) => format!("due {phone}"),
            Event::Arrive { phone, request, .. } => format!("arrive {phone} {}", request.path),
            Event::Reply { phone, response, .. } => format!("reply {phone} {}", response.status),
            Event::Timeout { phone, .. } => format!("timeout {phone}"),
        }
    }
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
    /// Phones have one timer each. Older rules left every timer that was ever set running, and keep to it.
    pub one_timer: bool,
    /// Requests answered, for the report.
    pub answered: u64,
    /// Requests of each phone.
    pub sent: BTreeMap<usize, u64>,
    /// The last token seen of each phone.
    tokens: BTreeMap<usize, String>,
    /// What each phone's timer is set to.
    timers: BTreeMap<usize, i64>,
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
            one_timer: false,
            answered: 0,
            sent: BTreeMap::new(),
            tokens: BTreeMap::new(),
            timers: BTreeMap::new(),
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

    /// Wakes all apps on the phone of this one.
    pub fn wake_hardware(&mut self, phone: usize) {
        let hardware = self.phones[phone].hardware;
        for n in 0..self.phones.len() {
            if self.phones[n].hardware == hardware {
                self.wake(n);
            }
        }
    }

    /// Runs until a virtual time.
    pub fn run_until(&mut self, until_ms: i64) {
        while self.lost_its_way().is_none()
            && let Some(entry) = self.queue.first_entry()
        {
            let (at, _) = *entry.key();
            if at > until_ms {
                break;
            }
            let event = entry.remove();
            // After a sleep of months what was due in the meantime comes now.
            self.now_ms = self.now_ms.max(at);
            if self.trace {
                eprintln!(
                    "{} {}, {} bytes of decisions used",
                    self.now_ms,
                    event.what(),
                    self.dice.used().len()
                );
            }
            self.step(event);
        }
        self.now_ms = until_ms;
    }

    /// A phone that sends without end.
    #[must_use]
    pub fn lost_its_way(&self) -> Option<usize> {
        self.sent.iter().find(|(_, n)| **n > REQUESTS_MAX).map(|(phone, _)| *phone)
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Wake(phone) => self.pump(phone),
            Event::Due(phone, at) => {
                if self.timers.get(&phone) == Some(&at) {
                    self.timers.remove(&phone);
                    self.pump(phone);
                }
            }
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
        if self.trace {
            let wall = self.phones[phone].now(now).wall_ms;
            let paths: Vec<&str> = requests.iter().map(|r| r.path.as_str()).collect();
            let next = self.phones[phone].wakes_at();
            eprintln!("{now} phone {phone}, its clock {wall}, sends {paths:?}, next at {next:?}");
        }
        let life = self.phones[phone].life;
        for request in requests {
            *self.sent.entry(phone).or_default() += 1;
            self.send(phone, life, request);
        }
        if std::mem::take(&mut self.phones[phone].stumbled) {
            self.at(now + STUMBLED_MS, Event::Wake(phone));
        }
        let at = self.phones[phone].wakes_at().map(|at| at.max(now + 1));
        if self.one_timer {
            self.set_timer(phone, at);
        } else if let Some(at) = at {
            self.at(at, Event::Wake(phone));
        }
    }

    fn set_timer(&mut self, phone: usize, at: Option<i64>) {
        let Some(at) = at else {
            self.timers.remove(&phone);
            return;
        };
        if self.timers.insert(phone, at) != Some(at) {
            self.at(at, Event::Due(phone, at));
        }
    }

    fn delay(&mut self) -> i64 {
        1 + i64::try_from(self.dice.below(self.faults.delay_ms.max(1))).unwrap_or(0)
    }

    /// Every request ends in exactly one reply or timeout for the phone.
    fn send(&mut self, phone: usize, life: u64, mut request: HttpRequest) {
        let (now, id) = (self.now_ms, request.id);
        if let Some(body) = request.file.take().and_then(|name| self.phones[phone].file(&name)) {
            request.body = body;
        }
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
        self.mix_up(phone, request);
        let Some(response) = self.serve(request) else {
            if answered {
                self.at(self.now_ms + TIMEOUT_MS, Event::Timeout { phone, life, id: request.id });
            }
            return;
        };
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

    /// The server's answer; nothing when it died over the request.
    fn serve(&mut self, request: &HttpRequest) -> Option<HttpResponse> {
        if self.faults.store == 0 || !self.dice.percent(self.faults.store) {
            return Some(self.server.handle(request, self.now_ms));
        }
        let kinds = [Fault::Full, Fault::Busy, Fault::Io, Fault::Unsure, Fault::Dead];
        let fault = self.dice.pick(&kinds).copied().unwrap_or(Fault::Io);
        let at = 1 + self.dice.below(60);
        self.server.house().store.plan_fault(Some((fault, at)));
        let response = self.server.handle(request, self.now_ms);
        let struck = self.server.house().store.plan_fault(None);
        if struck && fault == Fault::Dead {
            self.server.crash(self.now_ms);
            return None;
        }
        Some(response)
    }

    /// A push of one phone comes under the credential of another as well: nothing of it may count as theirs.
    fn mix_up(&mut self, phone: usize, request: &HttpRequest) {
        let Some(token) = request.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("authorization"))
        else {
            return;
        };
        self.tokens.insert(phone, token.1.clone());
        if self.faults.mixed == 0 || request.path != "/v1/sync/push" || !self.dice.percent(self.faults.mixed)
        {
            return;
        }
        let others: Vec<String> =
            self.tokens.iter().filter(|(n, _)| **n != phone).map(|(_, token)| token.clone()).collect();
        let Some(other) = self.dice.pick(&others).cloned() else { return };
        let mut mixed = request.clone();
        for (name, value) in &mut mixed.headers {
            if name.eq_ignore_ascii_case("authorization") {
                value.clone_from(&other);
            }
        }
        let _ = self.server.handle(&mixed, self.now_ms);
    }
}

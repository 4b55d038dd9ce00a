//! The host of a replica: clocks, randomness, and a blocking pump that carries its requests.

use super::abort;
use super::people::{find, nobody};
use crate::clock::{OsRandom, boot_id, boot_ms, wall_ms};
use crate::http::Http;
use crate::out::{Done, Tried as _};
use blindspot_client::{
    ClientEvent, Courier, HttpRequest, HttpResponse, Now, Phone, PhonePerson, Replica, SealStep,
};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Longest a request may take in all, seconds.
const REQUEST_SECONDS: u64 = 40;

/// Which replica, and by which clock.
#[derive(Clone, Debug)]
pub(crate) struct At {
    /// The phone's folder.
    pub(crate) home: PathBuf,
    /// Whose replica, on a shared phone.
    pub(crate) person: Option<String>,
    /// How wrong the clock is, milliseconds.
    pub(crate) clock_offset_ms: i64,
}

/// The phone's clocks.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    offset_ms: i64,
    boot_id: Option<String>,
}

impl Clock {
    /// Clocks that are wrong by so much.
    pub(crate) fn new(offset_ms: i64) -> Self {
        Self { offset_ms, boot_id: boot_id() }
    }

    /// Now, as this phone believes.
    pub(crate) fn now(&self) -> Now {
        Now { wall_ms: wall_ms() + self.offset_ms, mono_ms: boot_ms(), boot_id: self.boot_id.clone() }
    }
}

/// Randomness as the replica takes it.
pub(crate) fn random() -> impl FnMut(&mut [u8]) {
    |buf: &mut [u8]| OsRandom::bytes(buf)
}

/// A replica with everything it asks of its host.
pub(crate) struct Host {
    /// The replica.
    pub(crate) replica: Replica,
    clock: Clock,
    http: Http,
    base: String,
}

impl Host {
    /// Puts them together.
    pub(crate) fn new(mut replica: Replica, clock: Clock) -> Done<Self> {
        if abort::is_asked() {
            replica.on_commit(abort::point).tried("打不开手机数据", "cannot open the phone's data")?;
        }
        let broken = ("读不了手机数据", "cannot read the phone's data");
        if let Some(recovered) = replica.recovered().tried(broken.0, broken.1)?.filter(|r| !r.told) {
            // Said once where a person reads it; `status` goes on saying it.
            let said = recovered.to_string();
            let (zh, en) = said.split_once(" / ").unwrap_or((&said, ""));
            eprintln!("注意 note: {zh}\n           {en}");
            replica.recovered_told().tried(broken.0, broken.1)?;
        }
        let identity = replica.identity().tried(broken.0, broken.1)?;
        let base = identity.map_or_else(String::new, |i| i.base);
        Ok(Self { replica, clock, http: Http::new(REQUEST_SECONDS), base })
    }

    /// Whose replica is meant: the named person's, else whoever has the phone, else the only one.
    pub(crate) fn chosen(at: &At) -> Done<PhonePerson> {
        let phone = Phone::open(&at.home).tried("打不开手机文件夹", "cannot open the phone's folder")?;
        let people = phone.people().tried("读不了手机数据", "cannot read the phone's data")?;
        let chosen = match &at.person {
            Some(wanted) => Some(find(&people, wanted)?),
            None if people.len() == 1 => people.first(),
            None => people.iter().find(|p| p.current),
        };
        let chosen = chosen.filter(|p| p.current || !p.has_pin());
        chosen.cloned().ok_or_else(|| nobody(&people))
    }

    /// Opens the replica that is meant. One with a PIN must have been handed over first.
    pub(crate) fn open(at: &At) -> Done<Self> {
        let broken = ("打不开手机数据", "cannot open the phone's data");
        let phone = Phone::open(&at.home).tried(broken.0, broken.1)?;
        let person = Self::chosen(at)?;
        let clock = Clock::new(at.clock_offset_ms);
        let opened = if person.current {
            phone.open_current()
        } else {
            phone.hand_over(&person.slot, "", &clock.now())
        };
        Self::new(opened.tried(broken.0, broken.1)?, clock)
    }

    /// Now, as this phone believes.
    pub(crate) fn now(&self) -> Now {
        self.clock.now()
    }

    /// Carries one request, if one is due; says whether.
    pub(crate) fn pump(&mut self) -> Done<bool> {
        let now = self.now();
        let request =
            self.replica.poll_request(&now, &mut random()).tried("手机数据出错", "the replica failed")?;
        let Some(request) = request else { return Ok(false) };
        abort::point();
        let id = request.id;
        let answer = carry(&self.http, &self.base, request);
        abort::point();
        match answer {
            Some(response) => {
                let now = self.now();
                self.replica.handle_response(id, &response, &now, &mut random())
            }
            None => {
                let now = self.now();
                self.replica.handle_failure(id, &now, &mut random())
            }
        }
        .tried("手机数据出错", "the replica failed")?;
        abort::point();
        Ok(true)
    }

    /// Seals one capture, if one waits; says whether there was one.
    pub(crate) fn seal(&mut self) -> Done<bool> {
        let now = self.now();
        let step = self.replica.seal_next(&now, &mut random()).tried("封存照片出错", "sealing failed")?;
        Ok(!matches!(step, SealStep::Nothing))
    }

    /// Everything the replica wants told.
    pub(crate) fn events(&mut self) -> Vec<ClientEvent> {
        std::iter::from_fn(|| self.replica.poll_event()).collect()
    }

    /// Pumps until `until` says so or the time is over; says whether it did.
    pub(crate) fn run(
        &mut self,
        limit: Duration,
        mut until: impl FnMut(&mut Self) -> Done<bool>,
    ) -> Done<bool> {
        let end = Instant::now() + limit;
        loop {
            let sealed = self.seal()?;
            let sent = self.pump()?;
            if until(self)? {
                return Ok(true);
            }
            if Instant::now() > end {
                return Ok(false);
            }
            if !sealed && !sent {
                std::thread::sleep(Duration::from_millis(15));
            }
        }
    }
}

/// One step of sending for somebody who does not have the phone now.
pub(crate) fn courier_step(courier: &mut Courier, host: &Host) -> Done {
    let broken = ("手机数据出错", "the replica failed");
    courier.seal_next(&host.now(), &mut random()).tried(broken.0, broken.1)?;
    let request = courier.poll_request(&host.now(), &mut random()).tried(broken.0, broken.1)?;
    let base = courier.base().tried(broken.0, broken.1)?;
    let (Some(request), Some(base)) = (request, base) else { return Ok(()) };
    let id = request.id;
    match carry(&host.http, &base, request) {
        Some(answer) => courier.handle_response(id, &answer, &host.now(), &mut random()),
        None => courier.handle_failure(id, &host.now(), &mut random()),
    }
    .tried(broken.0, broken.1)
}

/// Sends a request; nothing when no whole answer came.
pub(crate) fn carry(http: &Http, base: &str, request: HttpRequest) -> Option<HttpResponse> {
    let url = format!("{base}{}", request.path);
    if let Some(file) = &request.file {
        let file = std::fs::File::open(file).ok()?;
        let patient = Http::new(u64::from(request.timeout_s));
        let answer = patient.send_file(request.method, &url, &request.headers, file).ok()?;
        return Some(HttpResponse { status: answer.status, headers: answer.headers, body: answer.body });
    }
    let answer = http.send(request.method, &url, &request.headers, request.body).ok()?;
    Some(HttpResponse { status: answer.status, headers: answer.headers, body: answer.body })
}

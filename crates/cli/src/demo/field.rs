//! The day in the field: phones go out, lose signal, take photos, one dies, and all come back.

use super::child::Phone;
use super::desk::Desk;
use super::office::{CHECKED, FED_BACK, job_of};
use super::plan::REPORTS;
use super::setting::Setting;
use super::verdict::{expected, held, short};
use super::wire::{Digests, Job, Last, Order};
use crate::clock::wall_ms;
use crate::out::{Done, Failure};
use crate::progress::Bars;
use blindspot_core::PersonId;
use blindspot_core::case::CaseState;
use blindspot_sample::proxy::Faults;
use indicatif::ProgressBar;
use std::time::{Duration, Instant};

/// Which phone is killed, counted from 0.
const KILLED: usize = 1;
/// It is killed once it holds so many captures.
const KILLED_AFTER: u64 = 8;
/// How long the bad network is endured before it is repaired.
const BAD_NETWORK: Duration = Duration::from_secs(8);
const STEP_LIMIT: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(40);
const NUDGE_EVERY: Duration = Duration::from_secs(2);

/// Five phones out in the field.
pub(crate) struct Field {
    phones: Vec<Phone>,
    people: Vec<Vec<PersonId>>,
    bars: Vec<ProgressBar>,
    /// Captures that were saved before the kill and are not there after it.
    pub(crate) lost_in_kill: u64,
}

/// How digests compare.
pub(crate) struct Compared {
    /// Every phone's is the server's.
    pub(crate) equal: bool,
    /// Feeds compared.
    pub(crate) feeds: usize,
    /// Per phone, in short: the server's, the phone's.
    pub(crate) each: Vec<(String, String)>,
}

impl Field {
    /// Starts the phones; everybody enrols and reads the reference data while there is signal.
    pub(crate) fn send_out(setting: &Setting, bars: &Bars) -> Done<Self> {
        let mut phones = Vec::new();
        for (number, home) in (1u32..).zip(&setting.homes) {
            phones.push(Phone::start(number, home)?);
        }
        let per_phone = u64::from(REPORTS) / 5;
        let bars =
            (1..=phones.len()).map(|n| bars.bar(&format!("{n} 号手机 phone {n}"), per_phone)).collect();
        let mut field = Self { phones, people: setting.people_per_phone(), bars, lost_in_kill: 0 };
        field.until(STEP_LIMIT, "绑定手机", "enrolling the phones", |f| {
            f.phones.iter().all(|p| p.ready)
        })?;
        Ok(field)
    }

    /// No signal at all: a hundred reports; one phone dies and comes back; one worker is moved to another grid.
    pub(crate) fn capture_offline(&mut self, setting: &Setting, bars: &Bars) -> Done {
        setting.proxy.set_faults(Faults::offline());
        setting.proxy.cut_all();
        bars.line(&format!(
            "离线取证 offline: {} 份上报，各带照片 reports, each with photos",
            super::plan::REPORTS
        ));
        self.each(&Order::Capture)?;
        self.until(STEP_LIMIT, "离线取证", "capturing", |f| {
            f.phones[KILLED].progress.captured >= KILLED_AFTER
        })?;
        let saved = self.phones[KILLED].progress.captured;
        self.phones[KILLED].kill_and_restart()?;
        bars.line("  2 号手机被强行断电（SIGKILL），重新开机 · phone 2 was killed and starts again");
        self.until(STEP_LIMIT, "手机重启", "restarting a phone", |f| f.phones[KILLED].ready)?;
        self.lost_in_kill = saved.saturating_sub(self.phones[KILLED].progress.captured);
        self.phones[KILLED].order(&Order::Capture)?;
        setting.move_worker_1()?;
        bars.line(
            "  1 号网格员已调往别的网格，手机还不知道 · worker 1 was moved to another grid, unknowingly",
        );
        self.until(STEP_LIMIT, "离线取证", "capturing", |f| f.phones.iter().all(|p| p.captured))
    }

    /// Signal is back, and bad; later it is good. Ends when every phone holds what the server says.
    pub(crate) fn come_back(&mut self, setting: &Setting, bars: &Bars) -> Done {
        setting.proxy.set_faults(Faults::bad_network(setting.seed));
        bars.line("网络很差地恢复 back on a bad network: 丢包、断线、丢回复 loss, cuts, lost replies");
        self.each(&Order::Online)?;
        let bad_until = Instant::now() + BAD_NETWORK;
        self.wait(|f| Instant::now() > bad_until || f.phones.iter().all(|p| p.progress.is_empty_handed()))?;
        setting.proxy.set_faults(Faults::default());
        let spoiled = setting.proxy.counters();
        bars.line(&format!(
            "  网络恢复正常 healed · 拒绝 refused {} · 断线 cuts {} · 丢回复 lost replies {} · 门户 portals {}",
            spoiled.refused, spoiled.cuts, spoiled.lost_replies, spoiled.portals
        ));
        self.each(&Order::Nudge)?;
        self.settle(setting)
    }

    /// The handler, on the phone shared by two, gives feedback with after photos.
    pub(crate) fn feed_back(&mut self, setting: &Setting, dispatched: &[Job], bars: &Bars) -> Done {
        self.each(&Order::Nudge)?;
        self.settle(setting)?;
        let jobs: Vec<Job> = dispatched.iter().take(FED_BACK).cloned().collect();
        bars.line(&format!("处置反馈 feedback: {} 件，带整改后照片 with after photos", jobs.len()));
        self.work(4, Order::FeedBack { jobs }, setting)
    }

    /// Workers check on the spot; what passes is closed.
    pub(crate) fn check(&mut self, setting: &Setting, desk: &Desk, bars: &Bars) -> Done {
        let cases = desk.cases()?;
        let mut left = CHECKED;
        for phone in 0..self.phones.len() {
            let Some(grid) = setting.grid_of(phone) else { continue };
            let here = |c: &&blindspot_core::case::Case| {
                c.state == CaseState::FedBack && c.place.grid.as_ref() == Some(&grid)
            };
            let jobs: Vec<Job> = cases.iter().filter(here).filter_map(job_of).take(left).collect();
            if !jobs.is_empty() {
                left -= jobs.len();
                bars.line(&format!(
                    "核查结案 check: {} 号手机 phone {} · {} 件",
                    phone + 1,
                    phone + 1,
                    jobs.len()
                ));
                self.work(phone, Order::Verify { jobs }, setting)?;
            }
        }
        Ok(())
    }

    fn work(&mut self, phone: usize, order: Order, setting: &Setting) -> Done {
        let before = self.phones[phone].worked.len();
        self.phones[phone].order(&order)?;
        self.until(STEP_LIMIT, "现场处置", "working in the field", |f| {
            f.phones[phone].worked.len() > before
        })?;
        self.settle(setting)
    }

    /// Compares now. Phones say their digests each time they change.
    pub(crate) fn digests(&self, setting: &Setting) -> Done<Compared> {
        let mut compared = Compared { equal: true, feeds: 0, each: Vec::new() };
        for (phone, people) in self.phones.iter().zip(&self.people) {
            let theirs = expected(setting.store(), &setting.city_id, people, &setting.towns, wall_ms())?;
            let server: Vec<Digests> = people.iter().filter_map(|p| theirs.get(p).cloned()).collect();
            let own: Vec<Digests> = people.iter().map(|p| held(&phone.progress, *p)).collect();
            compared.equal &= server == own;
            compared.feeds += server.iter().map(Digests::len).sum::<usize>();
            compared.each.push((short(&server), short(&own)));
        }
        Ok(compared)
    }

    /// Ends the processes and takes their last words.
    pub(crate) fn quit(mut self) -> Done<Vec<Last>> {
        self.each(&Order::Quit)?;
        self.until(STEP_LIMIT, "收回手机", "calling the phones in", |f| {
            f.phones.iter().all(|p| p.last.is_some())
        })?;
        Ok(self.phones.iter_mut().filter_map(|p| p.last.take()).collect())
    }

    /// Waits until nothing is unsent and all digests agree; a difference that stays is for the last block to tell.
    pub(crate) fn settle(&mut self, setting: &Setting) -> Done {
        let (until, mut nudge) = (Instant::now() + STEP_LIMIT, Instant::now() + NUDGE_EVERY);
        loop {
            self.wait(|f| f.phones.iter().all(|p| p.progress.is_empty_handed()) || Instant::now() > nudge)?;
            let idle = self.phones.iter().all(|p| p.progress.is_empty_handed());
            if idle && self.digests(setting)?.equal {
                return Ok(());
            }
            if Instant::now() > until {
                return Ok(());
            }
            if Instant::now() > nudge {
                self.each(&Order::Nudge)?;
                nudge = Instant::now() + NUDGE_EVERY;
            }
            std::thread::sleep(LOOK_EVERY);
            self.hear()?;
        }
    }

    fn each(&mut self, order: &Order) -> Done {
        self.phones.iter_mut().try_for_each(|p| p.order(order))
    }

    fn hear(&mut self) -> Done {
        for (phone, bar) in self.phones.iter_mut().zip(&self.bars) {
            phone.listen()?;
            let p = &phone.progress;
            bar.set_position(p.captured);
            bar.set_message(format!(
                "已确认 acked {} · 待发 unsent {} · 照片 photos {}/{}",
                p.acknowledged,
                p.unsent_ops,
                p.photos_sent,
                p.photos_sent + p.photos_unsent
            ));
        }
        Ok(())
    }

    /// Waits without a limit of its own: `done` must come true in time.
    fn wait(&mut self, done: impl Fn(&Self) -> bool) -> Done {
        loop {
            self.hear()?;
            if done(self) {
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn until(&mut self, limit: Duration, zh: &str, en: &str, done: impl Fn(&Self) -> bool) -> Done {
        let end = Instant::now() + limit;
        self.wait(|f| done(f) || Instant::now() > end)?;
        if done(self) {
            return Ok(());
        }
        let seconds = limit.as_secs();
        Err(Failure::new(
            format!("{zh}：{seconds} 秒内没有完成"),
            format!("{en}: not done within {seconds} s"),
        ))
    }
}

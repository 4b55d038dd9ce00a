//! A phone of the demo: follows a plan, takes orders on stdin, says words on stdout. Hidden from people.

use super::acts::{category, enrol_with, fix};
use super::host::{At, Host, random};
use crate::demo::wire::{Digests, Job, Last, LastOfPerson, Order, Plan, Progress, Shot, Word, Worker, line};
use crate::out::{Done, Failure, Tried as _};
use blindspot_client::{OpState, Phone, RawPhoto, ReportDraft};
use blindspot_core::access::Role;
use blindspot_core::command::{Command, FeedBack, Origin, PhotoRole, Report, Verify};
use blindspot_core::geo::Point;
use blindspot_core::{CaseId, PersonId, PhotoId};
use blindspot_sample::scene::{ExifSpec, SceneSpec, jpeg, stamp};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// How often a phone in the foreground asks for news, milliseconds.
const PULL_EVERY_MS: i64 = 400;

/// Digests of each person's replica, with the time of the pull they are from.
type Kept = BTreeMap<PersonId, (Option<i64>, Digests)>;

struct Drill {
    plan: Plan,
    hosts: Vec<Host>,
    orders: Receiver<Order>,
    told: Progress,
    told_at: Instant,
    kept: Kept,
    photos: Vec<PathBuf>,
    online: bool,
}

/// Runs until told to quit.
pub(super) fn run(at: &At) -> Done {
    let outcome = Drill::start(at).and_then(|mut drill| drill.follow());
    if let Err(failure) = &outcome {
        say(&Word::Failed { why: failure.english().to_owned() });
    }
    outcome
}

fn say(word: &Word) {
    let mut out = std::io::stdout().lock();
    // When the demo is gone there is nobody to tell; stdin ends and with it the phone.
    let _ = out.write_all(line(word).as_bytes()).and_then(|()| out.flush());
}

impl Drill {
    fn start(at: &At) -> Done<Self> {
        let text =
            std::fs::read_to_string(at.home.join("plan.json")).tried("读不了计划", "cannot read the plan")?;
        let plan: Plan = serde_json::from_str(&text).tried("计划读不出来", "the plan cannot be read")?;
        let (tell, orders) = channel();
        std::thread::spawn(move || {
            for text in std::io::stdin().lock().lines().map_while(Result::ok) {
                if let Ok(order) = serde_json::from_str(&text)
                    && tell.send(order).is_err()
                {
                    return;
                }
            }
        });
        let photos = plan.photos.as_deref().map(jpegs_in).transpose()?.unwrap_or_default();
        let mut drill = Self {
            hosts: Vec::new(),
            orders,
            told: Progress::default(),
            told_at: Instant::now(),
            kept: Kept::new(),
            photos,
            online: true,
            plan,
        };
        drill.enrol(&at.home)?;
        // First what the phone holds, so that after a kill nobody takes new captures for old ones.
        drill.tell(true)?;
        say(&Word::Ready);
        Ok(drill)
    }

    /// Everybody of the plan who is not enrolled yet enrols and reads the reference data.
    fn enrol(&mut self, home: &Path) -> Done {
        for worker in &self.plan.people {
            let at = At {
                home: home.to_owned(),
                person: Some(worker.name.clone()),
                clock_offset_ms: self.plan.clock_offset_ms,
            };
            let known = Phone::open(home)
                .and_then(|phone| phone.people())
                .tried("读不了手机数据", "cannot read the phone's data")?
                .iter()
                .any(|p| p.name == worker.name);
            let mut host = if known {
                Host::open(&at)?
            } else {
                let label = format!("{} 号手机", self.plan.number);
                let mut host =
                    enrol_with(&at, &self.plan.server, &worker.code, Some(&self.plan.fingerprint), &label)?;
                first_sync(&mut host, &worker.name)?;
                host
            };
            host.replica.set_pull_pace(0, PULL_EVERY_MS);
            self.hosts.push(host);
        }
        Ok(())
    }

    fn follow(&mut self) -> Done {
        self.set_online(false)?;
        loop {
            match self.orders.try_recv() {
                Ok(Order::Capture) => self.capture()?,
                Ok(Order::Online) => self.set_online(true)?,
                Ok(Order::Nudge) => {
                    self.set_online(false)?;
                    self.set_online(true)?;
                }
                Ok(Order::FeedBack { jobs }) => self.work(&jobs, feed_back)?,
                Ok(Order::Verify { jobs }) => self.work(&jobs, verify)?,
                Ok(Order::Quit) => {
                    say(&Word::Last(self.last()?));
                    return Ok(());
                }
                Err(TryRecvError::Disconnected) => return Ok(()),
                Err(TryRecvError::Empty) => {}
            }
            let mut busy = false;
            for host in &mut self.hosts {
                busy |= host.seal()?;
                busy |= self.online && host.pump()?;
            }
            self.tell(false)?;
            if !busy {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }

    fn set_online(&mut self, online: bool) -> Done {
        self.online = online;
        for host in &mut self.hosts {
            let now = host.now();
            host.replica.set_online(online, &now);
        }
        Ok(())
    }

    /// Takes what is not taken yet: how many there are, the replicas know, also after a kill.
    fn capture(&mut self) -> Done {
        let workers: Vec<Worker> = self.plan.people.clone();
        for (i, worker) in workers.iter().enumerate() {
            let done = reports_of(&self.hosts[i])?;
            for shot in worker.shots.iter().skip(done) {
                let photos = self.shoot(shot)?;
                report(&mut self.hosts[i], shot, photos)?;
                self.hosts[i].seal()?;
                self.tell(false)?;
            }
            while self.hosts[i].seal()? {
                self.tell(false)?;
            }
        }
        self.tell(true)?;
        say(&Word::Captured);
        Ok(())
    }

    fn shoot(&self, shot: &Shot) -> Done<Vec<RawPhoto>> {
        (0..shot.photos)
            .map(|i| {
                let role = if i == 0 { PhotoRole::Before } else { PhotoRole::Close };
                self.photo(shot.scene, i, role, false, Some(shot))
            })
            .collect()
    }

    /// A picture of a scene: drawn, or a stamped copy of a real one.
    fn photo(
        &self,
        scene: u32,
        i: u32,
        role: PhotoRole,
        cleaned: bool,
        shot: Option<&Shot>,
    ) -> Done<RawPhoto> {
        let point = shot.map(|s| s.point);
        let bytes = if self.photos.is_empty() {
            draw(self.plan.seed, scene, i, cleaned, point)
        } else {
            // Scenes go round the phones: each phone's pictures come from one file, as from one camera.
            let file = &self.photos[(scene % 5) as usize % self.photos.len()];
            let number = u64::from(scene) * 10 + u64::from(i) + if cleaned { 5 } else { 0 };
            stamp(&std::fs::read(file).tried("读不了照片", "cannot read a photo")?, number)
        };
        let position = shot.map(|s| fix(s.point.lat, s.point.lon, Some(s.accuracy_m)));
        Ok(RawPhoto { bytes, role, origin: Some(Origin::InPage), position, ..RawPhoto::default() })
    }

    /// Does something to each case that this phone can see.
    fn work(&mut self, jobs: &[Job], act: fn(&mut Host, CaseId, RawPhoto) -> Done<bool>) -> Done {
        let mut done = 0;
        for job in jobs {
            for i in 0..self.hosts.len() {
                let photo = self.photo(job.scene, 2, PhotoRole::After, true, None)?;
                if act(&mut self.hosts[i], job.case_id, photo)? {
                    done += 1;
                    break;
                }
            }
        }
        for host in &mut self.hosts {
            while host.seal()? {}
        }
        self.tell(true)?;
        say(&Word::Worked { done });
        Ok(())
    }

    /// Tells progress when it has changed and the last word is old enough.
    fn tell(&mut self, at_once: bool) -> Done {
        if !at_once && self.told_at.elapsed() < TELL_EVERY {
            return Ok(());
        }
        self.told_at = Instant::now();
        let mut progress = Progress::default();
        for host in &self.hosts {
            add_progress(&mut progress, host, &mut self.kept)?;
        }
        if at_once || progress != self.told {
            say(&Word::Progress(progress.clone()));
            self.told = progress;
        }
        Ok(())
    }

    fn last(&mut self) -> Done<Last> {
        let mut people = Vec::new();
        for host in &mut self.hosts {
            let broken = ("读不了手机数据", "cannot read the phone's data");
            let identity = host.replica.identity().tried(broken.0, broken.1)?;
            let Some(identity) = identity else { continue };
            let outbox = host.replica.outbox().tried(broken.0, broken.1)?;
            let captures = host.replica.captures().tried(broken.0, broken.1)?;
            let uploads = host.replica.uploads().tried(broken.0, broken.1)?;
            let waiting = captures.iter().flat_map(|c| c.photos.iter().map(|p| p.photo_id));
            let mut ops: Vec<_> =
                outbox.iter().map(|e| (e.op_id, e.kind.clone(), e.state == OpState::Acknowledged)).collect();
            for c in captures.iter().filter(|c| !c.sealed) {
                ops.extend(c.op_id.map(|id| (id, c.kind.clone().unwrap_or_default(), false)));
            }
            people.push(LastOfPerson {
                person: identity.person_id,
                device: identity.device_id,
                ops,
                photos: uploads.iter().map(|u| u.photo_id).chain(waiting).collect(),
            });
        }
        Ok(Last { people, peak_kb: crate::me::peak_kb("self").unwrap_or(0) })
    }
}

fn jpegs_in(folder: &Path) -> Done<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).tried("读不了照片文件夹", "cannot read the photo folder")?;
    let is_jpeg = |p: &PathBuf| {
        p.extension().is_some_and(|e| e.eq_ignore_ascii_case("jpg") || e.eq_ignore_ascii_case("jpeg"))
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).filter(is_jpeg).collect();
    files.sort();
    if files.is_empty() {
        return Err(Failure::new("文件夹里没有 JPEG 照片", "there is no JPEG file in the photo folder"));
    }
    Ok(files)
}

fn draw(seed: u64, scene: u32, i: u32, cleaned: bool, point: Option<Point>) -> Vec<u8> {
    let mut spec = SceneSpec::nth(seed, scene);
    if i > 0 {
        // The second look at a scene, and the one after the fix, are ordinary small pictures.
        spec = spec.sized(1_280, 960);
    }
    if cleaned {
        spec = spec.after();
    }
    let minute = scene % 60;
    jpeg(&spec, &ExifSpec::phone(&format!("2026:04:12 08:{minute:02}:{:02}", i * 7), point))
}

fn first_sync(host: &mut Host, name: &str) -> Done {
    let mut caught_up = false;
    let done = host.run(Duration::from_secs(60), |host| {
        caught_up |= host.events().contains(&blindspot_client::ClientEvent::CaughtUp);
        Ok(caught_up)
    })?;
    if done {
        return Ok(());
    }
    Err(Failure::new(
        format!("{name} 的手机没有读到基础数据"),
        "the phone did not get the reference data within 60 s",
    ))
}

/// Reports captured so far, sealed or not.
fn reports_of(host: &Host) -> Done<usize> {
    let broken = ("读不了手机数据", "cannot read the phone's data");
    let sealed = host.replica.outbox().tried(broken.0, broken.1)?;
    let waiting = host.replica.captures().tried(broken.0, broken.1)?;
    let sealed = sealed.iter().filter(|e| e.kind == "report").map(|e| e.op_id);
    let waiting = waiting.iter().filter(|c| c.kind.as_deref() == Some("report")).filter_map(|c| c.op_id);
    Ok(sealed.chain(waiting).collect::<BTreeSet<_>>().len())
}

fn report(host: &mut Host, shot: &Shot, photos: Vec<RawPhoto>) -> Done {
    let report = Report {
        urgent_danger: shot.urgent,
        position: Some(fix(shot.point.lat, shot.point.lon, Some(shot.accuracy_m))),
        landmark: Some(shot.landmark()),
        category: Some(category(host, &shot.problem)?),
        ..Report::default()
    };
    let draft = ReportDraft { report, photos, ..ReportDraft::default() };
    let now = host.now();
    host.replica.capture_report(draft, &now, &mut random()).tried("没有存下", "a report was not saved")?;
    Ok(())
}

/// Whether the replica's person holds a role.
fn is(host: &Host, role: &Role) -> Done<bool> {
    let grants = host.replica.grants().tried("读不了权限", "cannot read the rights")?;
    Ok(grants.iter().any(|g| g.role == *role))
}

/// Feedback with an after photo, when this person's replica shows the case in hand.
fn feed_back(host: &mut Host, case_id: CaseId, photo: RawPhoto) -> Done<bool> {
    let view = host.replica.case(case_id).tried("读不了案件", "cannot read a case")?;
    if !is(host, &Role::UnitClerk)? || view.is_none_or(|v| v.file.case.lead.is_none()) {
        return Ok(false);
    }
    let command =
        Command::FeedBack(FeedBack { text: "已清运，恢复原状".to_owned(), ..FeedBack::default() });
    let now = host.now();
    host.replica
        .capture_op_with_photos(case_id, command, &[photo], &now, &mut random())
        .tried("没有存下", "a feedback was not saved")?;
    Ok(true)
}

/// A passed check of the feedback that stands.
fn verify(host: &mut Host, case_id: CaseId, photo: RawPhoto) -> Done<bool> {
    if !is(host, &Role::Collector)? {
        return Ok(false);
    }
    let view = host.replica.case(case_id).tried("读不了案件", "cannot read a case")?;
    let Some(feed_back) = view.and_then(|v| v.file.case.feed_back).map(|f| f.op_id) else { return Ok(false) };
    let text = "现场干净".to_owned();
    let command = Command::Verify(Verify { feed_back, passed: true, text, position: None, photos: vec![] });
    let photo = RawPhoto { role: PhotoRole::Verify, ..photo };
    let now = host.now();
    host.replica
        .capture_op_with_photos(case_id, command, &[photo], &now, &mut random())
        .tried("没有存下", "a check was not saved")?;
    Ok(true)
}

/// Adds a replica's numbers; its digests are worked out anew only after a pull.
fn add_progress(progress: &mut Progress, host: &Host, kept: &mut Kept) -> Done {
    let broken = ("读不了手机数据", "cannot read the phone's data");
    let status = host.replica.status().tried(broken.0, broken.1)?;
    let uploads = host.replica.uploads().tried(broken.0, broken.1)?;
    let photos: BTreeSet<PhotoId> = uploads.iter().map(|u| u.photo_id).collect();
    let unverified: BTreeSet<PhotoId> =
        uploads.iter().filter(|u| !u.verified && !u.lost).map(|u| u.photo_id).collect();
    progress.captured += reports_of(host)? as u64;
    progress.acknowledged += status.ops.saturating_sub(status.unsent.ops);
    progress.unsent_ops += status.unsent.ops;
    progress.unsealed += status.unsent.captures;
    progress.photos_sent += (photos.len() - unverified.len()) as u64;
    progress.photos_unsent += status.unsent.photos;
    let Some(person) = status.person_id else { return Ok(()) };
    let fresh = kept.get(&person).is_some_and(|(pulled, _)| *pulled == status.pulled_ms);
    if !fresh {
        let digests = host.replica.digests().tried(broken.0, broken.1)?;
        let digests = digests.into_iter().map(|(f, d)| (f, (d.count, d.sum_hex()))).collect();
        kept.insert(person, (status.pulled_ms, digests));
    }
    if let Some((_, digests)) = kept.get(&person) {
        progress.digests.insert(person, digests.clone());
    }
    Ok(())
}

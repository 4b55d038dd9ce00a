//! What a person does with the phone, one command each.

use super::attach::Files;
use super::host::{At, Clock, Host, carry, courier_step, random};
use crate::http::Http;
use crate::out::{Done, Failure, Tried as _, answer};
use crate::table;
use blindspot_client::{CaseFilter, ClientEvent, Courier, Phone, ReportDraft, ReportKind, Saved};
use blindspot_core::CaseId;
use blindspot_core::case::ERASED_TEXT;
use blindspot_core::command::{self, Category, Command, Fix};
use blindspot_core::division::GridId;
use blindspot_core::geo::Datum;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// 绑定 · enrol
#[derive(Debug, clap::Args)]
pub(super) struct Enrol {
    /// 服务器地址 · the server's address
    #[arg(long)]
    server: String,
    /// 一次性绑定码 · the one-time code
    #[arg(long, conflicts_with = "code_file", required_unless_present = "code_file")]
    code: Option<String>,
    /// 从文件读绑定码 · a file with the code
    #[arg(long)]
    code_file: Option<PathBuf>,
    /// 服务器指纹（二维码里的 fp） · fingerprint of the server's key, `fp` of the QR
    #[arg(long)]
    fp: Option<String>,
    /// 手机名称 · a name for the phone
    #[arg(long, default_value = "headless phone")]
    label: String,
}

/// Where something was seen.
#[derive(Debug, clap::Args)]
pub(super) struct Where {
    /// 纬度（WGS-84） · latitude
    #[arg(long, requires = "lon", allow_hyphen_values = true)]
    lat: Option<f64>,
    /// 经度 · longitude
    #[arg(long, requires = "lat", allow_hyphen_values = true)]
    lon: Option<f64>,
    /// 定位精度（米） · radius of the fix, metres
    #[arg(long)]
    accuracy: Option<f64>,
    /// 没有定位时选责任网格 · the duty grid, when there is no fix
    #[arg(long)]
    grid: Option<String>,
}

impl Where {
    fn fix(&self) -> Option<Fix> {
        Some(fix(self.lat?, self.lon?, self.accuracy))
    }

    fn grid(&self) -> Done<Option<GridId>> {
        self.grid.as_deref().map(GridId::parse).transpose().tried("网格编号不对", "the grid's id is wrong")
    }
}

/// A fix by the phone's own receiver.
pub(super) fn fix(lat: f64, lon: f64, accuracy_m: Option<f64>) -> Fix {
    let (provider, age_ms) = (Some("gps".to_owned()), Some(0));
    Fix { lat, lon, accuracy_m, datum: Datum::Wgs84, provider, age_ms, mock: None }
}

/// 上报 · report
#[derive(Debug, clap::Args)]
pub(super) struct Report {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    place: Where,
    /// 问题代码 · problem code of the catalogue: 3.03-a
    #[arg(long)]
    problem: Option<String>,
    /// 一句话 · a line of text
    #[arg(long)]
    text: Option<String>,
    /// 一句话说明地点 · one line that names the place
    #[arg(long)]
    landmark: Option<String>,
    /// 紧急·有危险 · urgent, dangerous
    #[arg(long)]
    urgent: bool,
    /// 已当场处理 · fixed on the spot
    #[arg(long)]
    self_fixed: bool,
}

/// 巡查正常 · look
#[derive(Debug, clap::Args)]
pub(super) struct Look {
    #[command(flatten)]
    place: Where,
}

/// 留言 · comment
#[derive(Debug, clap::Args)]
pub(super) struct Comment {
    /// 案件编号 · the case's id, see `list`
    case: CaseId,
    /// 内容 · the words
    text: String,
}

/// 同步 · sync
#[derive(Debug, clap::Args)]
pub(super) struct Sync {
    /// 同步多少秒 · for so many seconds
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 60)]
    seconds: u64,
    /// 全部发完并更新后就结束 · end as soon as all is sent and read; fails when the time is over before
    #[arg(long)]
    until_empty: bool,
}

/// Enrols a person on the phone: a new replica, or a new enrolment of the same person.
pub(super) fn enrol(at: &At, args: &Enrol, as_json: bool) -> Done {
    let code = match (&args.code, &args.code_file) {
        (Some(code), _) => code.trim().to_owned(),
        (None, Some(file)) => {
            std::fs::read_to_string(file).tried("读不了绑定码", "cannot read the code")?.trim().to_owned()
        }
        (None, None) => String::new(),
    };
    let host = enrol_with(at, &args.server, &code, args.fp.as_deref(), &args.label)?;
    let identity = host.replica.identity().tried("读不了手机数据", "cannot read the phone's data")?;
    answer(as_json, &identity, || {
        identity.as_ref().map_or_else(String::new, |i| {
            format!("已绑定 enrolled: {} · {} · {}", i.person_name, i.city_name, i.base)
        })
    })
}

/// Reports.
pub(super) fn report(at: &At, args: Report, as_json: bool) -> Done {
    args.files.check_room(at)?;
    let mut host = Host::open(at)?;
    let position = args.place.fix();
    let photos = args.files.read(position.as_ref())?;
    let category = args.problem.map(|problem| category(&host, &problem)).transpose()?;
    let said = command::Report {
        urgent_danger: args.urgent,
        position,
        grid: args.place.grid()?,
        landmark: args.landmark,
        category,
        description: args.text,
        ..command::Report::default()
    };
    let kind = if args.self_fixed { ReportKind::SelfFixed } else { ReportKind::Report };
    let now = host.now();
    let saved = host
        .replica
        .capture_report(ReportDraft { kind, report: said, photos }, &now, &mut random())
        .tried("没有存下", "not saved")?;
    while host.seal()? {}
    said_saved(as_json, &saved)
}

/// A category by its problem code, in the edition of the catalogue that this phone holds: `3.03-a` is a
/// problem of item `3.03`. Before the first sync the edition is not known and stays empty.
pub(super) fn category(host: &Host, problem: &str) -> Done<Category> {
    let held = host.replica.catalogue().tried("读不了目录", "cannot read the catalogue")?;
    let item = problem.split_once('-').map(|(item, _)| item.to_owned());
    let catalogue = held.map(|c| c.version.clone()).unwrap_or_default();
    Ok(Category { catalogue, item, problem: Some(problem.to_owned()) })
}

/// Looks.
pub(super) fn look(at: &At, args: Look, as_json: bool) -> Done {
    let mut host = Host::open(at)?;
    let look =
        command::Look { grid: args.place.grid()?, position: args.place.fix(), ..command::Look::default() };
    let now = host.now();
    let saved = host.replica.capture_look(look, &now, &mut random()).tried("没有存下", "not saved")?;
    said_saved(as_json, &saved)
}

/// Comments.
pub(super) fn comment(at: &At, args: Comment, as_json: bool) -> Done {
    let mut host = Host::open(at)?;
    let now = host.now();
    let words = Command::Comment(command::Comment { text: args.text });
    let saved =
        host.replica.capture_op(args.case, words, &now, &mut random()).tried("没有存下", "not saved")?;
    said_saved(as_json, &saved)
}

pub(super) fn said_saved(as_json: bool, saved: &Saved) -> Done {
    let value = json!({"capture_id": saved.capture_id, "case_id": saved.case_id, "op_id": saved.op_id,
        "photo_ids": saved.photo_ids, "local_tag": saved.local_tag});
    answer(as_json, &value, || {
        let tag = saved.local_tag.as_deref().unwrap_or("");
        format!("已存在手机上 saved on the phone {tag}\n有信号时运行 sync · run `sync` when there is signal")
    })
}

/// Lists cases.
pub(super) fn list(at: &At, as_json: bool) -> Done {
    let host = Host::open(at)?;
    let cases = host.replica.cases(CaseFilter::default()).tried("读不了案件", "cannot read the cases")?;
    let objects: Vec<_> = cases.iter().map(object).collect();
    answer(as_json, &objects, || {
        let row = |view: &blindspot_client::CaseView| {
            let case = &view.file.case;
            let words = |key: &str| case.fields.get(key).and_then(|v| v.as_str()).unwrap_or("").to_owned();
            vec![
                view.number.clone().unwrap_or_default(),
                case.state.zh().to_owned(),
                format!("{}/{}", case.media.n, case.media.m),
                words("landmark"),
                if case.erased.is_some() { ERASED_TEXT.0.to_owned() } else { words("description") },
                case.case_id.to_string(),
            ]
        };
        let rows: Vec<_> = cases.iter().map(row).collect();
        table::text(&["号 no", "状态 state", "照片", "地点 place", "说明 text", "编号 id"], &rows)
    })
}

/// A case as an object: the case row, its photos, and where own work on it stands.
fn object(view: &blindspot_client::CaseView) -> serde_json::Value {
    let photos: Vec<_> = view.file.photos.values().collect();
    json!({"number": view.number, "case": view.file.case, "photos": photos, "stage": view.stage,
        "pending": view.pending(), "own_ops": view.own_ops, "scope_lost": view.scope_lost})
}

/// Syncs.
pub(super) fn sync(at: &At, args: &Sync, as_json: bool) -> Done {
    let mut host = Host::open(at)?;
    host.replica.set_pull_pace(0, 2_000);
    let mut sign_in = false;
    let mut empty_since = None;
    let limit = Duration::from_secs(args.seconds);
    let mut others = others(at)?;
    let empty = host.run(limit, |host| {
        let mut waits = false;
        for courier in &mut others {
            courier_step(courier, host)?;
            let unsent = courier.unsent().tried("读不了手机数据", "cannot read the phone's data")?;
            waits |= !unsent.is_empty();
        }
        sign_in |= host.events().contains(&ClientEvent::SignInAgain);
        let status = host.replica.status().tried("读不了手机数据", "cannot read the phone's data")?;
        if status.signed_out {
            // A revoked phone goes on until it has handed in what it holds.
            return Ok(sign_in && (!status.handing_in || status.unsent.is_empty()));
        }
        waits |= host
            .replica
            .carried()
            .tried("读不了手机数据", "cannot read the phone's data")?
            .iter()
            .any(|c| c.waits());
        if !args.until_empty || waits || !status.unsent.is_empty() {
            empty_since = None;
            return Ok(false);
        }
        // All is sent: one more look at what the server made of it.
        let now = host.now();
        let since = *empty_since.get_or_insert_with(|| {
            host.replica.pull_now(&now);
            now.wall_ms
        });
        Ok(status.pulled_ms.is_some_and(|at| at > since))
    })?;
    said_status(&host, as_json)?;
    if sign_in && empty && host.replica.status().is_ok_and(|s| s.handing_in) {
        return Err(Failure::new(
            "这台手机已停用；没发出的内容已全部交出，等待人工处理",
            "this phone is revoked; all unsent work was handed in and waits for a person",
        ));
    }
    if sign_in {
        return Err(Failure::new(
            "需要重新绑定：向管理员要新的绑定码；没发出的内容都还在手机里，也可用 export 导出成文件",
            "enrol again with a new code; unsent work is kept on the phone, and `export` writes it into a file",
        ));
    }
    if args.until_empty && !empty {
        return Err(Failure::new(
            format!("{} 秒内没有发完；内容仍在手机里，请再运行 sync", args.seconds),
            format!("not all was sent within {} s; it stays on the phone, run `sync` again", args.seconds),
        ));
    }
    Ok(())
}

/// Those who share the phone and do not have it now, and have something to send.
fn others(at: &At) -> Done<Vec<Courier>> {
    let broken = ("读不了手机数据", "cannot read the phone's data");
    let phone = Phone::open(&at.home).tried(broken.0, broken.1)?;
    let mine = Host::chosen(at)?.slot;
    let mut all = Vec::new();
    for person in phone.people().tried(broken.0, broken.1)?.iter().filter(|p| p.slot != mine) {
        let courier = phone.open_to_sync(&person.slot).tried(broken.0, broken.1)?;
        if !courier.unsent().tried(broken.0, broken.1)?.is_empty() {
            all.push(courier);
        }
    }
    Ok(all)
}

/// Says how the phone stands.
pub(super) fn status(at: &At, as_json: bool) -> Done {
    let host = Host::open(at)?;
    said_status(&host, as_json)
}

fn said_status(host: &Host, as_json: bool) -> Done {
    let status = host.replica.status().tried("读不了手机数据", "cannot read the phone's data")?;
    answer(as_json, &status, || {
        let value = serde_json::to_value(&status).unwrap_or_default();
        value.as_object().into_iter().flatten().map(|(k, v)| format!("{k}: {v}\n")).collect()
    })
}

/// Enrols: makes the replica when the person has none on this phone yet. One that a PIN keeps shut is opened by
/// the enrolment, if it is its own person's, and then has no PIN until a new one is set.
pub(super) fn enrol_with(at: &At, server: &str, code: &str, fp: Option<&str>, label: &str) -> Done<Host> {
    std::fs::create_dir_all(&at.home).tried("建不了手机文件夹", "cannot make the phone's folder")?;
    let phone = Phone::open(&at.home).tried("打不开手机文件夹", "cannot open the phone's folder")?;
    let people = phone.people().tried("读不了手机数据", "cannot read the phone's data")?;
    let clock = Clock::new(at.clock_offset_ms);
    let known = match &at.person {
        Some(wanted) => people.iter().find(|p| p.name == *wanted || p.slot == *wanted),
        None => people.first().filter(|_| people.len() == 1),
    };
    let server = server.trim_end_matches('/');
    let not_begun = ("绑定没有开始", "enrolment did not start");
    let ask = |request| {
        carry(&Http::new(30), server, request).ok_or_else(|| {
            Failure::new(
                format!("{server} 没有回答；请检查地址和网络"),
                format!("no answer from {server}; check address and network"),
            )
        })
    };
    let replica = match known {
        Some(person) => {
            let opened = phone.open_to_enrol(&person.slot);
            let mut locked = opened.tried("打不开手机数据", "cannot open the phone's data")?;
            let request = locked
                .enrol_request(server, code, fp, label, &clock.now(), &mut random())
                .tried(not_begun.0, not_begun.1)?;
            locked.handle_enrol_response(&ask(request)?, &clock.now()).tried("没有绑定", "not enrolled")?;
            phone
                .unlock(&person.slot, locked, None, &mut random())
                .tried("打不开手机数据", "cannot open the phone's data")?
        }
        None => {
            let name = at.person.as_deref().unwrap_or("本机 this phone");
            let (_, mut replica) = phone
                .add(name, None, &mut random())
                .tried("建不了手机数据", "cannot make the phone's data")?;
            let request = replica
                .enrol_request(server, code, fp, label, &clock.now(), &mut random())
                .tried(not_begun.0, not_begun.1)?;
            replica.handle_enrol_response(&ask(request)?, &clock.now()).tried("没有绑定", "not enrolled")?;
            replica
        }
    };
    Host::new(replica, clock)
}

//! People on a shared phone: who they are, handing it over, PINs. A PIN comes by stdin, never as an argument.

use super::host::{At, Clock, random};
use crate::out::{Done, Failure, Tried as _, answer};
use crate::table;
use blindspot_client::{ClientError, Phone, PhonePerson};
use serde_json::json;
use std::io::BufRead as _;

/// 交接班 · hand the phone over
#[derive(Debug, clap::Args)]
pub(super) struct Handover {
    /// 交给谁：姓名或位置；不写就是放下手机 · to whom: name or slot; without it the phone is put down
    name: Option<String>,
}

/// 设置六位数字密码 · set a PIN of six digits
#[derive(Debug, clap::Args)]
pub(super) struct SetPin {
    /// 谁的 · whose: name or slot; whoever has the phone when left out
    name: Option<String>,
}

/// Lists the people of this phone.
pub(super) fn people(at: &At, as_json: bool) -> Done {
    let (phone, people) = open(at)?;
    let mut objects = Vec::new();
    for person in &people {
        let unsent = phone.open_to_sync(&person.slot).and_then(|c| c.unsent());
        let unsent = unsent.tried("读不了手机数据", "cannot read the phone's data")?;
        objects.push(json!({"slot": person.slot, "name": person.name, "pin": person.has_pin(),
            "locked": person.is_locked(), "current": person.current, "unsent": unsent}));
    }
    answer(as_json, &objects, || {
        let row = |o: &serde_json::Value| {
            let mark = |key: &str, word: &str| if o[key] == true { word.to_owned() } else { String::new() };
            let unsent = format!("{} + {} 照片", o["unsent"]["ops"], o["unsent"]["photos"]);
            let word = |key: &str| o[key].as_str().unwrap_or("").to_owned();
            vec![
                word("slot"),
                word("name"),
                mark("current", "正在用 has it"),
                mark("pin", "有 yes"),
                mark("locked", "已锁，须重新绑定 enrol again"),
                unsent,
            ]
        };
        let rows: Vec<_> = objects.iter().map(row).collect();
        table::text(&["位置 slot", "姓名 name", "", "密码 PIN", "", "未交 unsent"], &rows)
    })
}

/// Hands the phone over: the PIN is the first line of stdin.
pub(super) fn handover(at: &At, args: &Handover, as_json: bool) -> Done {
    let (phone, people) = open(at)?;
    let Some(name) = &args.name else {
        phone.put_down().tried("没有放下", "not put down")?;
        return answer(as_json, &json!({"current": null}), || "手机已放下 the phone is put down".to_owned());
    };
    let person = find(&people, name)?;
    let pin = if person.has_pin() { line()? } else { String::new() };
    let replica = phone.hand_over(&person.slot, &pin, &Clock::new(at.clock_offset_ms).now());
    replica.map_err(|e| refused(&e))?;
    answer(as_json, &json!({"current": person.name, "slot": person.slot}), || {
        format!("已交给 {} has the phone", person.name)
    })
}

/// Sets a PIN: the first line of stdin is the old one where there is one, the next the new one.
pub(super) fn pin(at: &At, args: &SetPin, as_json: bool) -> Done {
    let (phone, people) = open(at)?;
    let person = match args.name.as_ref().or(at.person.as_ref()) {
        Some(name) => find(&people, name)?,
        None => people.iter().find(|p| p.current).ok_or_else(|| nobody(&people))?,
    };
    let old = if person.has_pin() { line()? } else { String::new() };
    let new = line()?;
    let now = Clock::new(at.clock_offset_ms).now();
    phone.set_pin(&person.slot, &old, &new, &now, &mut random()).map_err(|e| refused(&e))?;
    answer(as_json, &json!({"name": person.name, "slot": person.slot}), || {
        format!("{} 的密码已设 PIN set", person.name)
    })
}

fn open(at: &At) -> Done<(Phone, Vec<PhonePerson>)> {
    let phone = Phone::open(&at.home).tried("打不开手机文件夹", "cannot open the phone's folder")?;
    let people = phone.people().tried("读不了手机数据", "cannot read the phone's data")?;
    Ok((phone, people))
}

pub(super) fn find<'p>(people: &'p [PhonePerson], name: &str) -> Done<&'p PhonePerson> {
    people.iter().find(|p| p.name == *name || p.slot == *name).ok_or_else(|| nobody(people))
}

pub(super) fn nobody(people: &[PhonePerson]) -> Failure {
    let all = people.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(" ");
    if all.is_empty() {
        return Failure::new(
            "手机尚未绑定；先运行 blindspot phone --home DIR enrol",
            "nobody is enrolled on this phone; run `blindspot phone --home DIR enrol` first",
        );
    }
    Failure::new(
        format!("先交接：blindspot phone --home DIR handover 姓名（{all}）"),
        format!("hand the phone over first: `blindspot phone --home DIR handover NAME` ({all})"),
    )
}

fn refused(error: &ClientError) -> Failure {
    match error {
        ClientError::PinSpent => Failure::new(
            "密码错了十次：请向管理员要新的绑定码，用 phone enrol --person 重新绑定；没交的内容不会丢，照常上传",
            "ten wrong PINs: enrol again with a new code (`phone enrol --person`); unsent work is kept and still sent",
        ),
        ClientError::WrongPin { wait_s: 0 } => Failure::new("密码不对，请再试", "wrong PIN; try again"),
        other => {
            let text = other.to_string();
            let (zh, en) = text.split_once(" / ").unwrap_or((&text, &text));
            Failure::new(zh, en)
        }
    }
}

fn line() -> Done<String> {
    let mut text = String::new();
    std::io::stdin().lock().read_line(&mut text).tried("读不到密码", "cannot read the PIN")?;
    Ok(text.trim().to_owned())
}

//! A letter as a page to print: A4, no script, nothing loaded from anywhere. What a case says stands on it as it is now and
//! as far as its reader may see it; number, addressee and cases are those of the day it was issued.

use super::{files, find, supervises};
use crate::blob::Depot;
use crate::service::sheets::pictures::{Picture, Shelf};
use crate::service::{Credential, House, ServiceError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blindspot_core::case::CaseFile;
use blindspot_core::command::FormName;
use blindspot_core::letter::LetterKind;
use blindspot_core::local::moment;
use blindspot_core::sheet::{Column, Lookup, Pictures, line_of};
use blindspot_store::letters::LetterRecord;
use std::fmt::Write as _;
use uuid::Uuid;

const STYLE: &str = include_str!("letter.css");
/// Few cases have room for larger pictures.
const FEW: usize = 6;

/// The page of a letter.
///
/// # Errors
/// `NOT_FOUND` for one that is not there or not the caller's to read; `SHEET_TOO_LARGE`; the storage's.
pub fn page(
    house: &House,
    depot: &Depot,
    who: Credential,
    letter: Uuid,
    now_ms: i64,
) -> Result<String, ServiceError> {
    let (found, cases) = find(house, who, letter, now_ms)?;
    let files = files(house, who, &cases, now_ms)?;
    let reference = house.reference();
    let lookup = Lookup {
        places: &reference.places,
        catalogue: reference.catalogue.as_ref(),
        names: None,
        phones: None,
    };
    let forms = if files.len() <= FEW {
        [FormName::Working, FormName::Thumbnail]
    } else {
        [FormName::Thumbnail, FormName::Working]
    };
    let mut shelf = Shelf::new(depot);
    let mut rows = String::new();
    for (n, file) in files.iter().enumerate() {
        match file {
            None => {
                let _ = write!(rows, "<tr><td>{}</td><td colspan=\"5\">已不归你管</td></tr>", n + 1);
            }
            Some(file) => rows.push_str(&row(&mut shelf, &forms, file, n + 1, lookup)?),
        }
    }
    // The name of whoever issued it is for the supervision desk, like all names.
    let issuer = if supervises(house, who, now_ms)? { issuer_of(house, &found)? } else { String::new() };
    Ok(whole(&house.city_name, &found, files.len(), &rows, &issuer))
}

fn issuer_of(house: &House, letter: &LetterRecord) -> Result<String, ServiceError> {
    let person =
        house.store.read(|tx| blindspot_store::accounts::load_person(tx, &house.city, letter.issued_by))?;
    Ok(person.map(|p| p.name).unwrap_or_default())
}

fn row(
    shelf: &mut Shelf<'_>,
    forms: &[FormName],
    file: &CaseFile,
    no: usize,
    lookup: Lookup<'_>,
) -> Result<String, ServiceError> {
    let line = line_of(file, no, lookup);
    let mut photos = String::new();
    for side in [Pictures::Before, Pictures::After] {
        for picture in shelf.of(file, &line, side, forms, 1)? {
            photos.push_str(&figure(&picture, side));
        }
    }
    let place = [line.text(Column::Town), line.text(Column::Committee), line.text(Column::Place)].concat();
    Ok(format!(
        "<tr><td>{no}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"photos\">{photos}</td></tr>\n",
        safe(line.text(Column::Short)),
        safe(&place),
        safe(
            &[line.text(Column::Item), line.text(Column::Description)].join("\n").trim().replace('\n', "；")
        ),
        safe(line.text(Column::Due)),
    ))
}

/// A picture, complete in the page; its watermark is drawn on it.
fn figure(picture: &Picture, side: Pictures) -> String {
    let side = if side == Pictures::Before { "整改前" } else { "整改后" };
    let bytes = STANDARD.encode(&picture.bytes);
    format!(
        "<figure><img alt=\"{side}\" src=\"data:image/jpeg;base64,{bytes}\"><figcaption>{side}</figcaption></figure>"
    )
}

fn whole(city: &str, letter: &LetterRecord, cases: usize, rows: &str, issuer: &str) -> String {
    let title = format!("{city}{}", letter.kind.zh());
    let due = letter.due_ms.map(moment);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"zh\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{} {}</title><style>{STYLE}</style></head><body>\n",
        safe(&title),
        safe(&letter.number)
    );
    if let Some((at, _, why)) = &letter.voided {
        let _ = writeln!(out, "<div class=\"void\">已作废　{}　{}</div>", moment(*at), safe(why));
    }
    let _ = writeln!(out, "<h1>{}</h1>\n<p class=\"number\">{}</p>", safe(&title), safe(&letter.number));
    let _ = writeln!(out, "<p class=\"to\">{}：</p>", safe(&letter.addressee));
    for line in opening(&letter.kind, cases, due.as_deref()) {
        let _ = writeln!(out, "<p>{}</p>", safe(&line));
    }
    for line in letter.words.lines().filter(|l| !l.trim().is_empty()) {
        let _ = writeln!(out, "<p>{}</p>", safe(line.trim()));
    }
    let _ = writeln!(
        out,
        "<table><thead><tr><th>序号</th><th>短号</th><th>位置</th><th>问题</th><th>时限</th><th>照片</th></tr></thead>\
         <tbody>\n{rows}</tbody></table>"
    );
    let copies: Vec<String> = serde_json::from_str(&letter.copies).unwrap_or_default();
    if !copies.is_empty() {
        let _ = writeln!(out, "<p class=\"copies\">抄送：{}</p>", safe(&copies.join("、")));
    }
    let day = moment(letter.issued_ms);
    let day = day.split(' ').next().unwrap_or("");
    let _ = writeln!(out, "<div class=\"end\"><div class=\"seal\">（盖章）<br>{}</div></div>", safe(day));
    if !issuer.is_empty() {
        let _ = writeln!(out, "<p class=\"copies\">经办：{}</p>", safe(issuer));
    }
    let refused = if letter.kind == LetterKind::Notice {
        "<td>□ 拒签，留置　见证人：</td>"
    } else {
        "<td></td>"
    };
    let _ = writeln!(
        out,
        "<div class=\"receipt\"><p class=\"to\"><b>签收回执</b>　{}　{}</p><table><tr><td>签收人：</td><td>签收时间：</td>\
         <td>联系电话：</td></tr><tr><td colspan=\"2\">整改情况：</td>{refused}</tr></table></div>\n</body></html>",
        safe(letter.kind.zh()),
        safe(&letter.number)
    );
    out
}

/// What the letter says above its list.
fn opening(kind: &LetterKind, cases: usize, due: Option<&str>) -> Vec<String> {
    let by = due.map_or_else(|| "按下表所列时限".to_owned(), |due| format!("于{due}前"));
    match kind {
        LetterKind::Supervise => vec![format!(
            "下列{cases}件问题列入督办。请{by}整改到位，并反馈整改前后照片；不能按期完成的，请说明原因和预计完成时间。"
        )],
        LetterKind::Notice => vec![
            format!("巡查发现你（单位）有下列{cases}处环境卫生问题。请{by}自行整改。"),
            "本告知单用于提醒和告知，不是行政处罚，也不具有强制执行力。有不同意见的，请向本单位说明。"
                .to_owned(),
        ],
        _ => vec![format!(
            "现将下列{cases}件问题交你单位办理。请{by}整改到位，并反馈整改前后照片。不属于本单位职责的，请及时申请退回。"
        )],
    }
}

fn safe(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

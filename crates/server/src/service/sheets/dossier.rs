//! The dossier 案卷 of one case: its facts, what happened to it, its photos. Names only for who may see them; what was
//! erased or hidden does not stand in it, nor who called a hotline.

use super::book::Book;
use super::gather::Gather;
use super::made::{Made, note};
use super::pictures::Shelf;
use crate::blob::Depot;
use crate::service::case_files::add_shown;
use crate::service::cases::{TimelineEntry, can_read_case, timeline};
use crate::service::page::{LIMIT_MAX, PageQuery};
use crate::service::{Credential, House, ServiceError};
use blindspot_core::CaseId;
use blindspot_core::access::policy;
use blindspot_core::case::{CaseFile, PhotoRow};
use blindspot_core::command::{FormName, PhotoRole};
use blindspot_core::error::NOT_FOUND;
use blindspot_core::local::moment;
use blindspot_core::sheet::{Column, Line, line_of, tidy};
use blindspot_core::verdict::Verdict;
use serde_json::{Value, json};
use std::path::Path;

/// What a dossier shows of a photo.
const FORMS: [FormName; 2] = [FormName::Working, FormName::Thumbnail];
/// Most ops that are told of.
const OPS_MAX: usize = 5_000;

/// Makes the dossier of a case.
///
/// # Errors
/// `NOT_FOUND` for one that is not there or not the reader's; `SHEET_TOO_LARGE`; the storage's.
pub fn dossier(
    house: &House,
    depot: &Depot,
    who: Credential,
    case: CaseId,
    scratch: &Path,
    now_ms: i64,
) -> Result<Made, ServiceError> {
    let mut file =
        can_read_case(house, who, case, now_ms)?.ok_or_else(|| ServiceError::refused(&NOT_FOUND))?;
    house.store.read(|tx| add_shown(tx, house, [&mut file]))?;
    let gather = Gather::open(house, who, now_ms)?;
    let line = line_of(&file, 1, gather.lookup());
    let title = format!("{}案卷 {}", house.city_name, line.text(Column::Short));
    let mut book = Book::new(scratch, &title)?;
    facts(&mut book, &title, &file, &line)?;
    let ops = story(&mut book, &title, (house, who, case, now_ms))?;
    let mut shelf = Shelf::new(depot);
    photos(&mut book, &title, (&file, &line), &mut shelf)?;
    let name = format!("{}.xlsx", title.replace(' ', "-"));
    let made = book.finish(name, ops)?;
    let detail = json!({"ops": ops, "photos": shelf.read});
    note(house, who, "export_dossier", &format!("case:{case}"), &detail, now_ms)?;
    Ok(made)
}

fn facts(book: &mut Book, title: &str, file: &CaseFile, line: &Line) -> Result<(), ServiceError> {
    let sheet = book.sheet("案件", title, &[("项目", 16.0), ("内容", 90.0)])?;
    let case = &file.case;
    let mut all = vec![
        ("案件编号".to_owned(), case.case_id.to_string()),
        ("状态".to_owned(), case.state.zh().to_owned()),
        ("收到时间".to_owned(), moment(case.received_ms)),
    ];
    for column in Column::ALL.into_iter().filter(|c| *c != Column::No) {
        all.push((column.title().to_owned(), line.text(column).to_owned()));
    }
    if case.urgent_danger {
        all.push(("紧急·有危险".to_owned(), "是".to_owned()));
    }
    if let Some(marked) = &case.supervised {
        all.push(("督办".to_owned(), moment(marked.at_ms)));
    }
    if let Some(hung) = &case.hung {
        let project = hung.project.clone().unwrap_or_default();
        all.push(("挂账".to_owned(), format!("{project} 至 {}", moment(hung.review_ms))));
    }
    for ruling in &case.rulings {
        let (from, to) = (&ruling.from, &ruling.to);
        let unit = |d: &Option<blindspot_core::id::DeptKey>| d.as_ref().map_or("", |d| d.as_str()).to_owned();
        let text = format!("{} {}：{} → {}", moment(ruling.at_ms), ruling.ruling, unit(from), unit(to));
        all.push(("裁定".to_owned(), text));
    }
    if let Some(point) = case.place.point {
        all.push(("经纬度(WGS-84)".to_owned(), format!("{:.6}, {:.6}", point.lon, point.lat)));
    }
    for conflict in file.conflicts.values().filter(|c| c.resolved.is_none()) {
        let text = format!("{}：{} ／ {}", conflict.field, plain(&conflict.kept), plain(&conflict.lost));
        all.push(("两处修改不一致".to_owned(), text));
    }
    for (what, text) in all.into_iter().filter(|(_, text)| !text.is_empty()) {
        book.line(sheet, &[what, tidy(&text)], &[])?;
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn story(
    book: &mut Book,
    title: &str,
    (house, who, case, now_ms): (&House, Credential, CaseId, i64),
) -> Result<usize, ServiceError> {
    let heads = [("时间", 17.0), ("办理", 14.0), ("结果", 18.0), ("经办人", 12.0), ("内容", 70.0)];
    let sheet = book.sheet("办理经过", title, &heads)?;
    let mut query = PageQuery { cursor: None, limit: Some(LIMIT_MAX) };
    let mut count = 0;
    loop {
        let page = timeline(house, who, case, &query, now_ms)?;
        for entry in &page.items {
            let kind = policy(&entry.kind).map_or(entry.kind.as_str(), |p| p.zh);
            let cells = [
                moment(entry.at_ms),
                kind.to_owned(),
                result_of(&entry.verdict),
                entry.author.clone().unwrap_or_default(),
                words_of(entry),
            ];
            book.line(sheet, &cells, &[])?;
            count += 1;
        }
        match page.next {
            Some(next) if count < OPS_MAX => query.cursor = Some(next),
            _ => return Ok(count),
        }
    }
}

fn result_of(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Applied => String::new(),
        Verdict::Noted { why } => why.text().0.to_owned(),
        Verdict::Merged { .. } => "两处修改不一致".to_owned(),
        other => other.word().to_owned(),
    }
}

/// What it said: words alone, never whose they were.
fn words_of(entry: &TimelineEntry) -> String {
    if let Some((zh, _)) = entry.instead {
        return zh.to_owned();
    }
    let Some(payload) = &entry.payload else { return String::new() };
    let Ok(said) = serde_json::from_str::<Value>(payload.get()) else { return String::new() };
    let mut out = vec![];
    for key in ["text", "description", "landmark", "note", "basis", "reason", "lead"] {
        out.extend(said.get(key).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned));
    }
    if let Some(changes) = said.get("changes").and_then(Value::as_object) {
        let change = |(field, c): (&String, &Value)| {
            format!(
                "{field}：{} → {}",
                plain(c.get("from").unwrap_or(&Value::Null)),
                plain(c.get("to").unwrap_or(&Value::Null))
            )
        };
        out.extend(changes.iter().map(change));
    }
    tidy(&out.join("\n"))
}

fn photos(
    book: &mut Book,
    title: &str,
    (file, line): (&CaseFile, &Line),
    shelf: &mut Shelf<'_>,
) -> Result<(), ServiceError> {
    let heads = [("类别", 12.0), ("拍摄时间", 17.0), ("照片", 40.0)];
    let sheet = book.sheet("照片", title, &heads)?;
    let mut rows: Vec<&PhotoRow> =
        file.photos.values().filter(|p| p.redacted.is_none() && p.erased.is_none()).collect();
    rows.sort_by_key(|p| (p.captured.at_ms, p.photo_id));
    for row in rows {
        let picture = shelf.read(row, line, &FORMS)?;
        let state = match (&picture, &row.lost) {
            (Some(_), _) => String::new(),
            (None, Some(_)) => "照片缺失".to_owned(),
            (None, None) => "照片未到或不能显示".to_owned(),
        };
        let cells = [role_zh(&row.role).to_owned(), moment(row.captured.at_ms), state];
        let all: Vec<_> = picture.into_iter().collect();
        book.line(sheet, &cells, &[(2, &all)])?;
    }
    Ok(())
}

/// What a photo shows, in Chinese.
pub(super) fn role_zh(role: &PhotoRole) -> &str {
    match role {
        PhotoRole::Before => "整改前",
        PhotoRole::After => "整改后",
        PhotoRole::Wide => "远景",
        PhotoRole::Close => "近景",
        PhotoRole::Verify => "核查",
        PhotoRole::Paper => "回执文件",
        PhotoRole::Other(word) => word,
    }
}

//! A worker's own month as a file, CSV or XLSX, made for himself alone.

use super::book::{Book, Head};
use super::cases_out::{Csv, Format};
use super::made::{Made, note};
use crate::service::{Credential, House, ServiceError, month};
use blindspot_core::error::BAD_REQUEST;
use blindspot_core::local::moment;
use blindspot_core::projection::month::{Month, MonthLine};
use serde_json::json;
use std::path::Path;

/// (title, width)
const COLUMNS: &[Head<'_>] = &[
    ("短号", 14.0),
    ("案件编号", 38.0),
    ("发现时间", 17.0),
    ("结果", 22.0),
    ("计入有效", 10.0),
    ("原因", 18.0),
    ("已并入", 14.0),
    ("问题描述", 40.0),
];

/// The caller's month as a file: a line a report, then the sums.
///
/// # Errors
/// `BAD_REQUEST` for another format or what is no month; the database's, the disk's.
pub fn month_file(
    house: &House,
    who: Credential,
    asked: Option<&str>,
    format: Format,
    scratch: &Path,
    now_ms: i64,
) -> Result<Made, ServiceError> {
    let told = month::own(house, who, asked, now_ms)?;
    let title = format!("我的月报-{}", told.month);
    let lines: Vec<Vec<String>> = told.lines.iter().map(line).chain(sums(&told)).collect();
    let made = match format {
        Format::Xlsx => {
            let mut book = Book::new(scratch, &title)?;
            let sheet = book.sheet(&told.month, &title, COLUMNS)?;
            for cells in &lines {
                book.line(sheet, cells, &[])?;
            }
            book.finish(format!("{title}.xlsx"), lines.len())?
        }
        Format::Csv => {
            let mut csv = Csv::new(scratch, COLUMNS.iter().map(|(title, _)| *title))?;
            for cells in &lines {
                csv.line(cells)?;
            }
            csv.finish(format!("{title}.csv"), lines.len())?
        }
        Format::Geojson => return Err(ServiceError::because(&BAD_REQUEST, "format: xlsx, csv")),
    };
    let detail = json!({"month": told.month, "rows": lines.len()});
    note(house, who, "export_own_month", "month", &detail, now_ms)?;
    Ok(made)
}

fn line(line: &MonthLine) -> Vec<String> {
    vec![
        line.short_no.clone().unwrap_or_default(),
        line.case_id.to_string(),
        moment(line.seen_ms),
        line.came.text().0.to_owned(),
        if line.came.is_valid() { "是" } else { "" }.to_owned(),
        line.reason.clone().unwrap_or_default(),
        line.merged_into.clone().unwrap_or_default(),
        line.description.clone().unwrap_or_default(),
    ]
}

fn sums(told: &Month) -> Vec<Vec<String>> {
    let sums = &told.sums;
    let mut all = vec![
        ("上报".to_owned(), sums.reported),
        ("有效".to_owned(), sums.valid),
        ("其中并案".to_owned(), sums.merged),
        ("未立案".to_owned(), sums.refused),
    ];
    all.extend(sums.refused_by.iter().map(|(reason, n)| (format!("未立案：{reason}"), *n)));
    all.extend([
        ("待定".to_owned(), sums.waiting),
        ("已撤回".to_owned(), sums.withdrawn),
        ("已作废".to_owned(), sums.voided),
        ("当场处理".to_owned(), sums.self_fixed),
        ("当场处理，抽查未通过".to_owned(), sums.spot_failed),
    ]);
    let row = |(what, n): (String, u32)| {
        let mut cells = vec![String::new(); COLUMNS.len()];
        cells[3] = what;
        cells[4] = n.to_string();
        cells
    };
    all.into_iter().map(row).collect()
}

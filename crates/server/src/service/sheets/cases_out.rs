//! The list of cases as a file: XLSX, CSV for a spreadsheet program, or GeoJSON for a map. No names of people in any.

use super::book::{Book, Head};
use super::gather::Gather;
use super::made::{Made, note, scratch_file};
use crate::service::cases::CaseQuery;
use crate::service::{Credential, House, ServiceError};
use blindspot_core::case::Case;
use blindspot_core::local::moment;
use blindspot_core::sheet::{Column, Line, guard, line_of, tidy};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// What kind of file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A workbook.
    #[default]
    Xlsx,
    /// Commas, UTF-8 with a mark at the beginning, as Excel wants it.
    Csv,
    /// A point a case, WGS-84.
    Geojson,
}

impl Format {
    /// Of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "xlsx" => Self::Xlsx,
            "csv" => Self::Csv,
            "geojson" => Self::Geojson,
            _ => return None,
        })
    }

    fn word(self) -> &'static str {
        match self {
            Self::Xlsx => "xlsx",
            Self::Csv => "csv",
            Self::Geojson => "geojson",
        }
    }
}

/// A list to make.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Of which cases.
    pub query: &'a CaseQuery,
    /// As what.
    pub format: Format,
    /// Where unfinished files lie.
    pub scratch: &'a Path,
    /// Told how many lines are done.
    pub progress: &'a dyn Fn(usize),
    /// Server time in milliseconds.
    pub now_ms: i64,
}

/// (title, word in GeoJSON, width)
const COLUMNS: &[(&str, &str, f64)] = &[
    ("短号", "short", 12.0),
    ("案件编号", "case_id", 38.0),
    ("状态", "state", 10.0),
    ("问题来源", "source", 10.0),
    ("发现时间", "found", 17.0),
    ("收到时间", "received", 17.0),
    ("镇街", "town", 12.0),
    ("社区(村)", "committee", 12.0),
    ("责任网格", "grid", 18.0),
    ("具体位置", "place", 24.0),
    ("问题描述", "description", 36.0),
    ("对应小项", "item", 20.0),
    ("严重程度", "severity", 10.0),
    ("紧急", "urgent", 6.0),
    ("责任单位", "unit", 16.0),
    ("派遣时间", "dispatched", 17.0),
    ("处置时限", "due", 17.0),
    ("超时", "overdue", 6.0),
    ("完成时间", "fed_back", 17.0),
    ("结案时间", "closed", 17.0),
    ("督办", "supervised", 6.0),
    ("退回次数", "returns", 9.0),
    ("照片", "photos", 8.0),
    ("未决冲突", "conflicts", 9.0),
    ("经度(WGS-84)", "lon", 13.0),
    ("纬度(WGS-84)", "lat", 13.0),
];

/// The texts of a case in the order of the columns.
fn texts(case: &Case, line: &Line, now_ms: i64) -> Vec<String> {
    let time = |ms: Option<i64>| ms.map(moment).unwrap_or_default();
    let yes = |is: bool| if is { "是" } else { "" }.to_owned();
    let field = |name: &str| case.fields.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    let some = |n: u32| if n == 0 { String::new() } else { n.to_string() };
    let point = case.place.point;
    vec![
        line.text(Column::Short).to_owned(),
        case.case_id.to_string(),
        case.state.zh().to_owned(),
        line.text(Column::Source).to_owned(),
        line.text(Column::Found).to_owned(),
        moment(case.received_ms),
        line.text(Column::Town).to_owned(),
        line.text(Column::Committee).to_owned(),
        case.place.grid.as_ref().map(ToString::to_string).unwrap_or_default(),
        line.text(Column::Place).to_owned(),
        line.text(Column::Description).to_owned(),
        line.text(Column::Item).to_owned(),
        field("severity"),
        yes(case.urgent_danger),
        line.text(Column::Unit).to_owned(),
        time(case.dispatched_ms),
        line.text(Column::Due).to_owned(),
        yes(case.state.is_open() && case.due.as_ref().is_some_and(|d| d.is_overdue(now_ms))),
        line.text(Column::Done).to_owned(),
        time(case.closing.as_ref().map(|c| c.at_ms)),
        yes(case.supervised.is_some()),
        some(case.returns),
        if case.media.m == 0 { String::new() } else { format!("{}/{}", case.media.n, case.media.m) },
        some(case.conflicts_open),
        point.map(|p| format!("{:.6}", p.lon)).unwrap_or_default(),
        point.map(|p| format!("{:.6}", p.lat)).unwrap_or_default(),
    ]
}

/// Makes the file of a list.
///
/// # Errors
/// `SHEET_TOO_LARGE`; the database's, the disk's.
pub fn cases(house: &House, who: Credential, asked: Asked<'_>) -> Result<Made, ServiceError> {
    let gather = Gather::open(house, who, asked.now_ms)?;
    let title = format!("{}案件列表", house.city_name);
    let name = format!("{title}-{}.{}", moment(asked.now_ms).replace([' ', ':'], "-"), asked.format.word());
    let mut out = match asked.format {
        Format::Xlsx => Out::book(asked.scratch, &title)?,
        Format::Csv => Out::csv(asked.scratch)?,
        Format::Geojson => Out::map(asked.scratch)?,
    };
    let mut rows = 0;
    gather.each(asked.query, false, &mut |file| {
        let line = line_of(file, rows + 1, gather.lookup());
        let texts: Vec<String> = texts(&file.case, &line, asked.now_ms).iter().map(|t| tidy(t)).collect();
        out.add(&file.case, &texts, rows)?;
        rows += 1;
        (asked.progress)(rows);
        Ok(())
    })?;
    let made = out.finish(name, rows)?;
    let detail = json!({"filter": asked.query, "format": asked.format.word(), "rows": rows});
    note(house, who, "export_cases", "cases", &detail, asked.now_ms)?;
    Ok(made)
}

/// The file in the making.
enum Out {
    Book(Box<Book>, usize),
    Csv(Csv),
    Map(BufWriter<File>),
}

impl Out {
    fn book(scratch: &Path, title: &str) -> Result<Self, ServiceError> {
        let mut book = Book::new(scratch, title)?;
        let heads: Vec<Head<'_>> = COLUMNS.iter().map(|(title, _, width)| (*title, *width)).collect();
        let sheet = book.sheet("案件", title, &heads)?;
        Ok(Self::Book(Box::new(book), sheet))
    }

    fn csv(scratch: &Path) -> Result<Self, ServiceError> {
        Csv::new(scratch, COLUMNS.iter().map(|(title, ..)| *title)).map(Self::Csv)
    }

    fn map(scratch: &Path) -> Result<Self, ServiceError> {
        let mut file = BufWriter::new(scratch_file(scratch)?);
        file.write_all(
            b"{\"type\":\"FeatureCollection\",\"datum\":\"WGS-84 (EPSG:4326), not GCJ-02\",\"features\":[",
        )?;
        Ok(Self::Map(file))
    }

    fn add(&mut self, case: &Case, texts: &[String], before: usize) -> Result<(), ServiceError> {
        match self {
            Self::Book(book, sheet) => book.line(*sheet, texts, &[]),
            Self::Csv(csv) => csv.line(texts),
            Self::Map(file) => {
                let words = COLUMNS
                    .iter()
                    .zip(texts)
                    .filter(|((_, word, _), t)| !t.is_empty() && !matches!(*word, "lon" | "lat"));
                let properties: serde_json::Map<String, Value> =
                    words.map(|((_, word, _), text)| ((*word).to_owned(), json!(text))).collect();
                let geometry =
                    case.place.point.map(|p| json!({"type": "Point", "coordinates": [p.lon, p.lat]}));
                let feature = json!({"type": "Feature", "id": case.case_id, "geometry": geometry, "properties": properties});
                file.write_all(if before == 0 { b"\n" } else { b",\n" })?;
                serde_json::to_writer(file, &feature)?;
                Ok(())
            }
        }
    }

    fn finish(self, name: String, rows: usize) -> Result<Made, ServiceError> {
        match self {
            Self::Book(book, _) => book.finish(name, rows),
            Self::Csv(csv) => csv.finish(name, rows),
            Self::Map(mut file) => {
                file.write_all(b"\n]}\n")?;
                Made::of(whole(file)?, "application/geo+json", name, rows)
            }
        }
    }
}

fn whole(file: BufWriter<File>) -> Result<File, ServiceError> {
    file.into_inner().map_err(|e| ServiceError::Blob(e.into_error()))
}

/// A table with commas in the making, as spreadsheet programs want it: each text guarded against formulas.
pub(super) struct Csv(Box<::csv::Writer<BufWriter<File>>>);

impl Csv {
    pub(super) fn new<'t>(
        scratch: &Path,
        titles: impl Iterator<Item = &'t str>,
    ) -> Result<Self, ServiceError> {
        let mut file = BufWriter::new(scratch_file(scratch)?);
        file.write_all("\u{feff}".as_bytes())?;
        let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(file);
        writer.write_record(titles).map_err(csv_failed)?;
        Ok(Self(Box::new(writer)))
    }

    pub(super) fn line(&mut self, texts: &[String]) -> Result<(), ServiceError> {
        self.0.write_record(texts.iter().map(|t| guard(t))).map_err(csv_failed)
    }

    pub(super) fn finish(self, name: String, rows: usize) -> Result<Made, ServiceError> {
        let file = self.0.into_inner();
        let file = file.map_err(|e| ServiceError::Blob(std::io::Error::other(e.to_string())))?;
        Made::of(whole(file)?, "text/csv; charset=utf-8", name, rows)
    }
}

fn csv_failed(error: ::csv::Error) -> ServiceError {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error.into(),
        other => ServiceError::Blob(std::io::Error::other(format!("{other:?}"))),
    }
}

//! Findings in: each line of a list becomes a report of the importing person, with its photos by the names of their
//! files. One bad line blocks none; the same line again changes nothing.

use super::file_photos::{Forms, PhotoFiles, forms_of, keep_forms};
use super::guard::unreadable;
use super::made::note;
use super::read::{Line, Sheet};
use super::send::{Op, Sending};
use crate::blob::Depot;
use crate::service::ServiceError;
use blindspot_core::command::{Command, Source};
use blindspot_core::geo::Datum;
use blindspot_core::id::Sha256;
use blindspot_core::limits::SHEET_TOLD_MAX;
use blindspot_core::sheet::{FINDING_FIELDS, FindingPlace, Mapping, RowProblem, map_header, read_finding};
use blindspot_core::verdict::Verdict;
use blindspot_core::{CaseId, OpId, PhotoId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Lines above the header that a title may take.
const ABOVE_MAX: usize = 10;

/// How a list is read.
#[derive(Clone, Debug)]
pub struct How {
    /// Where findings come from when a line does not say.
    pub source: Source,
    /// The datum of coordinates.
    pub datum: Datum,
    /// Titles of the file by field word, where they are not known ones.
    pub mapping: BTreeMap<String, String>,
    /// Say what would become of it, change nothing.
    pub dry_run: bool,
}

/// A line that was not taken.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LineProblem {
    /// Its number, as the program shows it.
    pub line: u32,
    /// Why, in Chinese.
    pub zh: String,
    /// Why, in English.
    pub en: String,
}

/// A line that was taken.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LineTaken {
    /// Its number.
    pub line: u32,
    /// The case.
    pub case_id: CaseId,
    /// It was here already.
    pub seen_before: bool,
    /// Photos that are on the case now.
    pub photos: usize,
}

/// What became of a list.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FindingsReport {
    /// Whether nothing was changed because that was asked.
    pub dry_run: bool,
    /// Lines with something in them.
    pub lines: usize,
    /// Lines that became reports now, or would.
    pub taken: usize,
    /// Lines that had been imported before.
    pub seen_before: usize,
    /// Lines that were not taken.
    pub rejected: usize,
    /// Photos that were added now, or would be.
    pub photos: usize,
    /// Those taken, at most 2,000.
    pub cases: Vec<LineTaken>,
    /// Those not taken, and photos that were not, at most 2,000.
    pub problems: Vec<LineProblem>,
}

impl FindingsReport {
    fn problem(&mut self, line: u32, why: RowProblem) {
        if self.problems.len() < SHEET_TOLD_MAX {
            self.problems.push(LineProblem { line, zh: why.zh, en: why.en });
        }
    }

    fn reject(&mut self, line: u32, why: RowProblem) {
        self.rejected += 1;
        self.problem(line, why);
    }
}

fn problem(zh: impl Into<String>, en: impl Into<String>) -> RowProblem {
    RowProblem { zh: zh.into(), en: en.into() }
}

/// A line as a report to send.
struct Finding {
    line: u32,
    op: Op,
    photos: Vec<String>,
}

/// Takes in the first sheet of a file that has a header.
///
/// # Errors
/// `SHEET_UNREADABLE` when no header is found, or it does not say what is what; `BUSY`; the storage's.
pub(super) fn take_sheets(
    to: Sending<'_>,
    depot: &Depot,
    sheets: &[Sheet],
    files: &mut dyn PhotoFiles,
    how: &How,
) -> Result<FindingsReport, ServiceError> {
    let (header, lines) = headed(sheets).ok_or_else(|| unreadable(&"没有找到表头 / no header was found"))?;
    let mapping =
        map_header(header, &how.mapping).map_err(|p| unreadable(&format!("{} / {}", p.zh, p.en)))?;
    let mut report = FindingsReport { dry_run: how.dry_run, ..FindingsReport::default() };
    let found = read_lines(to, lines, &mapping, (how.datum, &how.source), &mut report);
    let taken = send_reports(to, &found, &mut report)?;
    take_photos(to, depot, &found, taken, files, &mut report)?;
    if !how.dry_run {
        let detail = json!({"lines": report.lines, "taken": report.taken, "photos": report.photos,
            "source": how.source});
        note(to.house, to.who, "import_findings", "cases", &detail, to.now_ms)?;
    }
    Ok(report)
}

/// Takes in lines whose titles are known.
pub(super) fn take_lines(
    to: Sending<'_>,
    header: &[String],
    lines: &[Line],
    dry_run: bool,
) -> Result<FindingsReport, ServiceError> {
    let mapping =
        map_header(header, &BTreeMap::new()).map_err(|p| unreadable(&format!("{} / {}", p.zh, p.en)))?;
    let mut report = FindingsReport { dry_run, ..FindingsReport::default() };
    let found = read_lines(to, lines, &mapping, (Datum::Wgs84, &Source::SelfCheck), &mut report);
    send_reports(to, &found, &mut report)?;
    Ok(report)
}

/// The header: the line of the first sheet among its first ones that says most of what is known.
fn headed(sheets: &[Sheet]) -> Option<(&[String], &[Line])> {
    let known = |cells: &[String]| map_header(cells, &BTreeMap::new()).map_or(0, |m| m.len());
    let sheet = sheets.iter().find(|s| !s.lines.is_empty() && !s.name.starts_with('_'))?;
    let tops = sheet.lines.iter().take(ABOVE_MAX).enumerate();
    let (at, score) =
        tops.map(|(at, (_, cells))| (at, known(cells))).max_by_key(|(at, n)| (*n, usize::MAX - at))?;
    // Named otherwise altogether: the first line with more than a title in it.
    let many = |(_, cells): &Line| cells.iter().filter(|c| !c.trim().is_empty()).count() > 1;
    let at = if score == 0 { sheet.lines.iter().take(ABOVE_MAX).position(many)? } else { at };
    let (_, header) = &sheet.lines[at];
    Some((header, &sheet.lines[at + 1..]))
}

fn read_lines(
    to: Sending<'_>,
    lines: &[Line],
    mapping: &Mapping,
    (datum, source): (Datum, &Source),
    report: &mut FindingsReport,
) -> Vec<Finding> {
    let reference = to.house.reference();
    let with = FindingPlace {
        places: &reference.places,
        catalogue: reference.catalogue.as_ref(),
        datum,
        source,
        now_ms: to.now_ms,
    };
    let mut seen: BTreeMap<OpId, u32> = BTreeMap::new();
    let mut out = vec![];
    for (line, cells) in lines {
        report.lines += 1;
        let (finding, photos) = match read_finding(cells, mapping, with) {
            Ok(read) => read,
            Err(why) => {
                report.reject(*line, why);
                continue;
            }
        };
        let digest = digest_of(cells, mapping, source);
        let op_id = OpId::from_parts(0, ten(&digest, 0));
        if let Some(first) = seen.insert(op_id, *line) {
            report
                .reject(*line, problem(format!("和第 {first} 行一样"), format!("the same as line {first}")));
            continue;
        }
        let case = CaseId::from_parts(0, ten(&digest, 10));
        out.push(Finding { line: *line, op: Op { op_id, case, command: Command::Report(finding) }, photos });
    }
    out
}

/// What a line says, whatever columns stand beside: its number in the list is not part of it.
fn digest_of(cells: &[String], mapping: &Mapping, source: &Source) -> Sha256 {
    let mut text = format!("finding\n{source}");
    for (field, word, _) in FINDING_FIELDS.iter().filter(|(_, word, _)| *word != "no") {
        let cell = mapping.get(field).and_then(|at| cells.get(*at)).map_or("", String::as_str);
        text.push_str(&format!("\n{word}={}", blindspot_core::sheet::tidy(cell)));
    }
    Sha256::of(text.as_bytes())
}

fn ten(hash: &Sha256, from: usize) -> [u8; 10] {
    let mut out = [0; 10];
    out.copy_from_slice(&hash.0[from..from + 10]);
    out
}

/// Sends what is not here yet; gives the places of the findings whose case is there after it.
fn send_reports(
    to: Sending<'_>,
    found: &[Finding],
    report: &mut FindingsReport,
) -> Result<BTreeMap<usize, bool>, ServiceError> {
    let known = to.known(&found.iter().map(|f| f.op.op_id).collect())?;
    let mut there: BTreeMap<usize, bool> = BTreeMap::new();
    let mut fresh = vec![];
    for (n, finding) in found.iter().enumerate() {
        if known.contains(&finding.op.op_id) {
            report.seen_before += 1;
            there.insert(n, true);
        } else if report.dry_run {
            report.taken += 1;
            there.insert(n, false);
        } else {
            fresh.push((n, finding.op.clone()));
        }
    }
    let ops: Vec<Op> = fresh.iter().map(|(_, op)| op.clone()).collect();
    for ((n, _), answer) in fresh.iter().zip(to.send(&ops)?) {
        let line = found[*n].line;
        match answer.map(|entry| entry.verdict) {
            Ok(Verdict::Applied | Verdict::Merged { .. } | Verdict::Noted { .. }) => {
                report.taken += 1;
                there.insert(*n, false);
            }
            Ok(Verdict::Quarantined { cause, .. }) => {
                report.reject(
                    line,
                    problem(
                        format!("待人工处理（{}）", cause.text().0),
                        format!("waits for a person: {cause}"),
                    ),
                );
            }
            Ok(other) => report.reject(line, problem("没有采用", format!("not taken: {}", other.word()))),
            Err(error) => {
                tracing::warn!(%error, "a finding was not stored");
                report.reject(line, problem("没有存下，请再导入一次", "not stored: import the list again"));
            }
        }
    }
    Ok(there)
}

fn take_photos(
    to: Sending<'_>,
    depot: &Depot,
    found: &[Finding],
    there: BTreeMap<usize, bool>,
    files: &mut dyn PhotoFiles,
    report: &mut FindingsReport,
) -> Result<(), ServiceError> {
    for (n, seen_before) in there {
        let finding = &found[n];
        let (line, mut on_case) = (finding.line, 0);
        for name in &finding.photos {
            let Some(raw) = files.read(name)? else {
                let why = problem(format!("没有照片文件“{name}”"), format!("there is no photo file {name}"));
                report.problem(line, why);
                continue;
            };
            match take_photo(to, depot, finding.op.case, &raw, report.dry_run)? {
                Some(new) => {
                    on_case += 1;
                    report.photos += usize::from(new);
                }
                None => {
                    let why = problem(
                        format!("照片“{name}”读不了（要 JPEG、PNG、WebP 或 HEIC）"),
                        format!("{name} is no photo that can be read (JPEG, PNG, WebP or HEIC)"),
                    );
                    report.problem(line, why);
                }
            }
        }
        if report.cases.len() < SHEET_TOLD_MAX {
            let case_id = finding.op.case;
            report.cases.push(LineTaken { line, case_id, seen_before, photos: on_case });
        }
    }
    Ok(())
}

/// Puts a photo on a case; whether it is new, or nothing when it cannot be read.
fn take_photo(
    to: Sending<'_>,
    depot: &Depot,
    case: CaseId,
    raw: &[u8],
    dry_run: bool,
) -> Result<Option<bool>, ServiceError> {
    let digest = Sha256::of(format!("photo\n{case}\n{}", Sha256::of(raw)).as_bytes());
    let (op_id, photo_id) = (OpId::from_parts(0, ten(&digest, 0)), PhotoId::from_parts(0, ten(&digest, 10)));
    if !to.known(&BTreeSet::from([op_id]))?.is_empty() {
        return Ok(Some(false));
    }
    let Some(Forms { taken, files }) = forms_of(photo_id, raw) else { return Ok(None) };
    if dry_run {
        return Ok(Some(true));
    }
    keep_forms(to, depot, &taken, &files)?;
    let answers = to.send(&[Op { op_id, case, command: Command::Photo(taken) }])?;
    for answer in answers {
        answer?;
    }
    Ok(Some(true))
}

//! Tables as they come in: XLSX by its cells and not by the square it claims, CSV by its lines; both with bounds.

use super::guard::{check_workbook, unreadable};
use super::made::too_large;
use crate::service::ServiceError;
use blindspot_core::limits::{SHEET_CELLS_MAX, SHEET_ROWS_MAX, SHEET_XML_BYTES_MAX};
use calamine::{DataRef, Reader as _, Xlsx};
use std::io::{BufReader, Read, Seek, SeekFrom};

/// Columns further right are not looked at.
const COLUMNS: usize = 64;
/// Lines of a sheet: those of a list on two sheets, and its head.
const LINES_MAX: usize = 2 * SHEET_ROWS_MAX + 100;

/// A line: its number as people count, and its cells.
pub(super) type Line = (u32, Vec<String>);

/// A sheet with what stands on it; lines with nothing are left out.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) name: String,
    pub(super) lines: Vec<Line>,
}

/// Reads a workbook.
///
/// # Errors
/// `SHEET_UNREADABLE`, `SHEET_TOO_LARGE`.
pub(super) fn workbook<F: Read + Seek>(mut file: F) -> Result<Vec<Sheet>, ServiceError> {
    file.seek(SeekFrom::Start(0))?;
    check_workbook(&mut file)?;
    file.seek(SeekFrom::Start(0))?;
    let mut book = Xlsx::new(BufReader::new(file)).map_err(|e| unreadable(&e))?;
    let (mut sheets, mut left) = (vec![], Left::default());
    for name in book.sheet_names() {
        // What is no sheet of cells (a chart, say) holds nothing for us.
        let Ok(mut cells) = book.worksheet_cells_reader(&name) else { continue };
        let mut lines: Vec<Line> = vec![];
        while let Some(cell) = cells.next_cell().map_err(|e| unreadable(&e))? {
            let (row, column) = cell.get_position();
            let column = usize::try_from(column).unwrap_or(usize::MAX);
            let text = text_of(cell.get_value());
            if text.is_empty() || column >= COLUMNS {
                continue;
            }
            left.take(text.len())?;
            put(&mut lines, row + 1, column, text)?;
        }
        sheets.push(Sheet { name, lines });
    }
    Ok(sheets)
}

/// Reads CSV in UTF-8 or GB 18030, with commas, semicolons or tabs.
///
/// # Errors
/// `SHEET_UNREADABLE`, `SHEET_TOO_LARGE`.
pub(super) fn csv(name: &str, mut file: impl Read) -> Result<Sheet, ServiceError> {
    let mut bytes = vec![];
    file.by_ref().take(SHEET_XML_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SHEET_XML_BYTES_MAX {
        return Err(too_large(&format!("larger than {SHEET_XML_BYTES_MAX} bytes")));
    }
    // Excel in China writes CSV in GB 18030 unless told otherwise.
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let (text, _, broken) = encoding_rs::GB18030.decode(error.as_bytes());
            if broken {
                return Err(unreadable(&"编码不是 UTF-8 也不是 GB18030 / neither UTF-8 nor GB 18030"));
            }
            text.into_owned()
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let head = text.lines().next().unwrap_or("");
    let count = |c: char| head.matches(c).count();
    let delimiter = [',', ';', '\t'].into_iter().max_by_key(|c| count(*c)).unwrap_or(',');
    let delimiter = u8::try_from(delimiter).unwrap_or(b',');
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let (mut lines, mut left) = (vec![], Left::default());
    for record in reader.records() {
        let record = record.map_err(|e| unreadable(&e))?;
        let number = record.position().map_or(0, |at| at.line() + blank_lines(text, at.byte()));
        let cells: Vec<String> = record.iter().take(COLUMNS).map(str::to_owned).collect();
        for cell in cells.iter().filter(|c| !c.is_empty()) {
            left.take(cell.len())?;
        }
        if cells.iter().any(|c| !c.trim().is_empty()) {
            if lines.len() >= LINES_MAX {
                return Err(too_large(&format!("more than {LINES_MAX} lines")));
            }
            lines.push((u32::try_from(number).unwrap_or(u32::MAX), cells));
        }
    }
    Ok(Sheet { name: name.to_owned(), lines })
}

/// Empty lines at a place: the reader counts a line from where the one before ended.
fn blank_lines(text: &str, byte: u64) -> u64 {
    let rest = usize::try_from(byte).ok().and_then(|at| text.get(at..)).unwrap_or("");
    rest.bytes().take_while(|b| matches!(b, b'\n' | b'\r')).filter(|b| *b == b'\n').count() as u64
}

/// What may still come.
struct Left {
    cells: usize,
    bytes: u64,
}

impl Default for Left {
    fn default() -> Self {
        Self { cells: SHEET_CELLS_MAX, bytes: SHEET_XML_BYTES_MAX }
    }
}

impl Left {
    fn take(&mut self, bytes: usize) -> Result<(), ServiceError> {
        let over =
            || too_large(&format!("more than {SHEET_CELLS_MAX} cells, or {SHEET_XML_BYTES_MAX} bytes"));
        self.cells = self.cells.checked_sub(1).ok_or_else(over)?;
        self.bytes = self.bytes.checked_sub(bytes as u64).ok_or_else(over)?;
        Ok(())
    }
}

fn put(lines: &mut Vec<Line>, number: u32, column: usize, text: String) -> Result<(), ServiceError> {
    if lines.last().is_none_or(|(last, _)| *last != number) {
        if lines.len() >= LINES_MAX {
            return Err(too_large(&format!("more than {LINES_MAX} lines")));
        }
        lines.push((number, vec![]));
    }
    if let Some((_, cells)) = lines.last_mut() {
        if cells.len() <= column {
            cells.resize(column + 1, String::new());
        }
        cells[column] = text;
    }
    Ok(())
}

/// What a person sees in the cell.
fn text_of(value: &DataRef<'_>) -> String {
    match value {
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Int(n) => n.to_string(),
        DataRef::Float(n) if n.fract() == 0.0 && n.abs() < 1e15 => format!("{n:.0}"),
        DataRef::Float(n) => n.to_string(),
        DataRef::Bool(yes) => if *yes { "是" } else { "否" }.to_owned(),
        DataRef::DateTime(at) => {
            let (year, month, day, hour, minute, ..) = at.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
        }
        DataRef::Error(error) => error.to_string(),
        DataRef::Empty => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write as _};

    fn refusal<T>(result: Result<T, ServiceError>) -> &'static str {
        match result {
            Err(ServiceError::Refused(text, _)) => text.code,
            Err(other) => panic!("{other}"),
            Ok(_) => "passed",
        }
    }

    #[test]
    fn csv_is_read_with_its_line_numbers_however_it_is_cut() {
        let text = "\u{feff}甲;乙\n\n1;\"一\n二\"\n;;\n3;x\n";
        let sheet = csv("a.csv", text.as_bytes()).expect("read");
        let lines: Vec<_> = sheet.lines.iter().map(|(n, cells)| (*n, cells.join("|"))).collect();
        assert_eq!(lines, [(1, "甲|乙".into()), (3, "1|一\n二".into()), (6, "3|x".into())]);
        let (gbk, ..) = encoding_rs::GB18030.encode("问题描述,照片\n垃圾,1.jpg\n");
        assert_eq!(csv("b.csv", &gbk[..]).expect("read").lines[1].1, ["垃圾", "1.jpg"]);
        assert_eq!(refusal(csv("a", &b"\xff\xfe\x00"[..])), "sheet_unreadable");
    }

    #[test]
    fn what_is_no_workbook_and_what_unpacks_to_far_too_much_is_refused() {
        assert_eq!(refusal(workbook(Cursor::new(b"PK nothing".to_vec()))), "sheet_unreadable");
        assert_eq!(refusal(workbook(Cursor::new(vec![]))), "sheet_unreadable");
        let mut zip = zip::ZipWriter::new(Cursor::new(vec![]));
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file("xl/sharedStrings.xml", options).expect("begun");
        let zeros = vec![0; 1 << 20];
        for _ in 0..64 {
            zip.write_all(&zeros).expect("written");
        }
        let bomb = zip.finish().expect("finished").into_inner();
        assert!(bomb.len() < 1 << 20, "a small file");
        assert_eq!(refusal(workbook(Cursor::new(bomb))), "sheet_too_large");
    }
}

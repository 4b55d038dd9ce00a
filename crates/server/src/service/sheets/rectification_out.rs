//! 整改清单 out: a sheet with all, one a town, photos side by side; what it went out from travels along, unseen.

use super::base::{self, Blocks};
use super::book::{Book, Head, that_fit};
use super::gather::{Gather, is_finding};
use super::made::{Made, note, too_large};
use super::pictures::{Picture, Shelf};
use crate::blob::Depot;
use crate::service::cases::CaseQuery;
use crate::service::{Credential, House, ServiceError};
use blindspot_core::case::CaseFile;
use blindspot_core::command::FormName;
use blindspot_core::limits::SHEET_PICTURE_ROWS_MAX;
use blindspot_core::local::moment;
use blindspot_core::sheet::{Base, Column, Line, line_of};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// The sheet with all of them.
const ALL: &str = "汇总";
const UNPLACED: &str = "位置待定";
/// What a table shows of a photo.
const FORMS: [FormName; 2] = [FormName::Thumbnail, FormName::Working];

/// A list to make.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Of which cases.
    pub query: &'a CaseQuery,
    /// With photos.
    pub photos: bool,
    /// Where unfinished files lie.
    pub scratch: &'a Path,
    /// Told how many lines are done.
    pub progress: &'a dyn Fn(usize),
    /// Server time in milliseconds.
    pub now_ms: i64,
}

/// Makes a 整改清单 of a list of cases.
///
/// # Errors
/// `SHEET_TOO_LARGE`; the database's, the storage's.
pub fn rectification(
    house: &House,
    depot: &Depot,
    who: Credential,
    asked: Asked<'_>,
) -> Result<Made, ServiceError> {
    let now_ms = asked.now_ms;
    let gather = Gather::open(house, who, now_ms)?;
    let export: String = house.id_bytes().iter().map(|b| format!("{b:02x}")).collect();
    let title = format!("{}整改清单", house.city_name);
    let mut list = List {
        book: Book::new(asked.scratch, &title)?,
        towns: BTreeMap::new(),
        blocks: Blocks::new(house, export.clone(), now_ms),
        title,
        all: 0,
        rows: 0,
    };
    list.all = list.book.sheet(ALL, &list.title, &heads())?;
    let mut shelf = Shelf::new(depot);
    let all_states = asked.query.state.is_some();
    gather.each(asked.query, true, &mut |file| {
        if !all_states && !is_finding(&file.case.state) {
            return Ok(());
        }
        if asked.photos && list.rows >= SHEET_PICTURE_ROWS_MAX {
            return Err(too_large(&format!("with photos at most {SHEET_PICTURE_ROWS_MAX} cases")));
        }
        let line = line_of(file, list.rows + 1, gather.lookup());
        let pictures = if asked.photos { pictures_of(&mut shelf, file, &line)? } else { vec![] };
        list.add(file, &line, &pictures)?;
        (asked.progress)(list.rows);
        Ok(())
    })?;
    let hidden = list.blocks.finish()?;
    list.book.hidden(base::SHEET, &hidden)?;
    let rows = list.rows;
    let name = format!("{}-{}.xlsx", list.title, moment(now_ms).replace([' ', ':'], "-"));
    let made = list.book.finish(name, rows)?;
    let detail = json!({"export": export, "filter": asked.query, "rows": rows, "photos": shelf.read});
    note(house, who, "export_rectification", "cases", &detail, now_ms)?;
    Ok(made)
}

fn heads() -> Vec<Head<'static>> {
    Column::ALL.into_iter().map(|c| (c.title(), c.width())).collect()
}

/// The list in the making.
struct List<'h> {
    book: Book,
    towns: BTreeMap<String, usize>,
    blocks: Blocks<'h>,
    title: String,
    all: usize,
    rows: usize,
}

impl List<'_> {
    fn add(
        &mut self,
        file: &CaseFile,
        line: &Line,
        pictures: &[(u16, Vec<Picture>)],
    ) -> Result<(), ServiceError> {
        let (code, name) = &line.town;
        let town = match self.towns.get(code) {
            Some(sheet) => *sheet,
            None => {
                let name = if name.is_empty() { UNPLACED } else { name };
                let sheet = self.book.sheet(name, &format!("{}（{name}）", self.title), &heads())?;
                self.towns.insert(code.clone(), sheet);
                sheet
            }
        };
        let shown: Vec<(u16, &[Picture])> = pictures.iter().map(|(at, all)| (*at, all.as_slice())).collect();
        self.book.line(self.all, &line.cells, &shown)?;
        self.book.line(town, &line.cells, &shown)?;
        self.blocks.add(Base::of(file.id(), line))?;
        self.rows += 1;
        Ok(())
    }
}

/// The pictures of both sides, as many as stand side by side in their columns.
fn pictures_of(
    shelf: &mut Shelf<'_>,
    file: &CaseFile,
    line: &Line,
) -> Result<Vec<(u16, Vec<Picture>)>, ServiceError> {
    let mut out = vec![];
    for column in Column::ALL {
        let Some(side) = column.pictures() else { continue };
        let mut all = shelf.of(file, line, side, &FORMS, 2)?;
        all.truncate(that_fit(all.iter().map(|p| p.size), column.width()));
        out.push((u16::try_from(column.at()).unwrap_or(u16::MAX), all));
    }
    Ok(out)
}

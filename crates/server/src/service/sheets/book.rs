//! A workbook in the making: sheets whose lines are written as they come, so that memory does not grow with them; texts
//! that no program takes for a formula; pages that print as A4 landscape with the header on each.

use super::made::{Made, XLSX, scratch_file, unwritten};
use super::pictures::Picture;
use crate::service::ServiceError;
use blindspot_core::sheet::guard;
use rust_xlsxwriter::{DocProperties, Format, FormatAlign, FormatBorder, Image, Workbook, Worksheet};
use std::collections::BTreeSet;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// 4 cm in pixels of 96 to the inch.
const PICTURE_PX: f64 = 151.0;
/// Around and between pictures.
const GAP_PX: u32 = 4;
/// A line with pictures, pixels.
const LINE_PX: u32 = 151 + 2 * GAP_PX;
/// Longest name of a sheet that Excel takes.
const NAME_CHARS: usize = 31;
/// Large: all columns of a 整改清单 on one page across print at half their size.
const FONT_PT: f64 = 13.0;
/// A4.
const PAPER: u8 = 9;
/// Most characters of a cell.
const CELL_CHARS: usize = 32_767;

/// See the module text.
pub(super) struct Book {
    workbook: Workbook,
    head: Format,
    body: Format,
    next_row: Vec<u32>,
    names: BTreeSet<String>,
    scratch: PathBuf,
}

/// A column of a sheet: its title and its width in characters.
pub(super) type Head<'a> = (&'a str, f64);

impl Book {
    pub(super) fn new(scratch: &Path, title: &str) -> Result<Self, ServiceError> {
        let mut workbook = Workbook::new();
        workbook.set_tempdir(scratch).map_err(unwritten)?;
        workbook.set_properties(&DocProperties::new().set_title(title).set_author("净格"));
        let body = Format::new()
            .set_font_name("宋体")
            .set_font_size(FONT_PT)
            .set_text_wrap()
            .set_align(FormatAlign::VerticalCenter)
            .set_border(FormatBorder::Thin);
        let head = body.clone().set_bold().set_align(FormatAlign::Center);
        Ok(Self {
            workbook,
            head,
            body,
            next_row: vec![],
            names: BTreeSet::new(),
            scratch: scratch.to_owned(),
        })
    }

    /// Begins a sheet of which a title is printed above each page; gives its number.
    pub(super) fn sheet(
        &mut self,
        name: &str,
        printed: &str,
        columns: &[Head<'_>],
    ) -> Result<usize, ServiceError> {
        let name = self.free_name(name);
        let sheet = self.workbook.add_worksheet_with_constant_memory().map_err(unwritten)?;
        sheet.set_name(&name).map_err(unwritten)?;
        sheet.set_paper_size(PAPER).set_landscape().set_print_fit_to_pages(1, 0);
        sheet.set_margins(0.4, 0.4, 0.6, 0.5, 0.3, 0.3);
        // An ampersand is a command there.
        let printed = printed.replace('&', "&&");
        sheet.set_header(format!("&C&\"宋体,Bold\"&22{printed}"));
        sheet.set_footer("&C第 &P 页，共 &N 页");
        sheet.set_repeat_rows(0, 0).map_err(unwritten)?;
        sheet.set_freeze_panes(1, 0).map_err(unwritten)?;
        for (at, (_, width)) in (0_u16..).zip(columns) {
            sheet.set_column_width(at, *width).map_err(unwritten)?;
        }
        for (at, (title, _)) in (0_u16..).zip(columns) {
            sheet.write_string_with_format(0, at, *title, &self.head).map_err(unwritten)?;
        }
        self.next_row.push(1);
        Ok(self.next_row.len() - 1)
    }

    /// Excel takes no two sheets of one name, whatever the case, and some signs not at all.
    fn free_name(&mut self, wanted: &str) -> String {
        let allowed = |c: &char| !matches!(c, '[' | ']' | ':' | '*' | '?' | '/' | '\\' | '\'');
        let plain: String = wanted.chars().filter(allowed).take(NAME_CHARS - 4).collect();
        let plain = if plain.is_empty() { "表".to_owned() } else { plain };
        let mut name = plain.clone();
        let mut n = 2;
        while !self.names.insert(name.to_lowercase()) {
            name = format!("{plain}~{n}");
            n += 1;
        }
        name
    }

    fn at(&mut self, sheet: usize) -> Result<(&mut Worksheet, u32), ServiceError> {
        let row = self.next_row[sheet];
        self.next_row[sheet] += 1;
        Ok((self.workbook.worksheet_from_index(sheet).map_err(unwritten)?, row))
    }

    /// Writes a line, with pictures side by side in some of its columns.
    pub(super) fn line(
        &mut self,
        sheet: usize,
        cells: &[String],
        pictures: &[(u16, &[Picture])],
    ) -> Result<(), ServiceError> {
        let body = self.body.clone();
        let (sheet, row) = self.at(sheet)?;
        if pictures.iter().any(|(_, all)| !all.is_empty()) {
            sheet.set_row_height_pixels(row, LINE_PX).map_err(unwritten)?;
        }
        for (at, text) in (0_u16..).zip(cells) {
            let text: String = guard(text).chars().take(CELL_CHARS).collect();
            sheet.write_string_with_format(row, at, &text, &body).map_err(unwritten)?;
        }
        for (column, all) in pictures {
            let mut x = GAP_PX;
            for picture in *all {
                let image = Image::new_from_buffer(&picture.bytes).map_err(unwritten)?;
                let width = PICTURE_PX * image.width() / image.height().max(1.0);
                let image = image.set_scale_to_size(width, PICTURE_PX, false).set_alt_text(&picture.words);
                sheet.insert_image_with_offset(row, *column, &image, x, GAP_PX).map_err(unwritten)?;
                // Some hundred pixels.
                x += width.ceil() as u32 + GAP_PX;
            }
        }
        Ok(())
    }

    /// Adds a sheet that nobody sees.
    pub(super) fn hidden(&mut self, name: &str, rows: &[Vec<String>]) -> Result<(), ServiceError> {
        let sheet = self.workbook.add_worksheet_with_constant_memory().map_err(unwritten)?;
        sheet.set_name(name).map_err(unwritten)?;
        sheet.set_very_hidden(true);
        for (row, cells) in (0_u32..).zip(rows) {
            for (at, text) in (0_u16..).zip(cells) {
                sheet.write_string(row, at, text).map_err(unwritten)?;
            }
        }
        Ok(())
    }

    /// Writes the file.
    pub(super) fn finish(mut self, name: String, rows: usize) -> Result<Made, ServiceError> {
        let file = scratch_file(&self.scratch)?;
        self.workbook.save_to_writer(BufWriter::new(&file)).map_err(unwritten)?;
        Made::of(file, XLSX, name, rows)
    }
}

/// How many pictures of these widths stand side by side in a column.
pub(super) fn that_fit(sizes: impl IntoIterator<Item = (f64, f64)>, column_chars: f64) -> usize {
    let room = column_chars * 7.0 + 5.0;
    let mut x = f64::from(GAP_PX);
    let mut count = 0;
    for (width, height) in sizes {
        x += PICTURE_PX * width / height.max(1.0) + f64::from(GAP_PX);
        if x > room && count > 0 {
            break;
        }
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wide_picture_or_two_upright_ones_stand_in_a_column() {
        let (wide, upright) = ((320.0, 240.0), (240.0, 320.0));
        assert_eq!(that_fit([wide, wide], 35.0), 1);
        assert_eq!(that_fit([upright, upright, upright], 35.0), 2);
        assert_eq!(that_fit([(900.0, 100.0)], 35.0), 1, "one at least");
        assert_eq!(that_fit([], 35.0), 0);
    }

    #[test]
    fn names_of_sheets_are_made_to_fit() {
        let mut book = Book::new(&std::env::temp_dir(), "t").expect("a book");
        for name in ["稠江街道", "稠江街道", "a/b:[c]", "", &"长".repeat(60)] {
            book.sheet(name, "t", &[("甲", 5.0)]).expect("a sheet");
        }
        let names: Vec<String> = book.workbook.worksheets().iter().map(Worksheet::name).collect();
        assert_eq!(names[..4], ["稠江街道", "稠江街道~2", "abc", "表"]);
        assert_eq!(names[4].chars().count(), 27);
    }
}

//! What goes out comes back: changed cells land, conflicts are listed, the same file again changes nothing.

use super::rectification_in::{self, How};
use super::rectification_out::{self, Asked};
use super::report::RectificationReport;
use super::{Made, Sending, base, read};
use crate::blob::Depot;
use crate::service::cases::{CaseQuery, can_read_case, case_detail};
use crate::service::testing::{Phone, T0, case, grant, house, person, refusal};
use crate::service::{Credential, House, ServiceError, WriteJob, ingest};
use blindspot_core::access::Role;
use blindspot_core::case::CaseFile;
use rust_xlsxwriter::Workbook;
use serde_json::{Value, json};
use std::io::Cursor;

struct Town {
    house: House,
    depot: Depot,
    dir: tempfile::TempDir,
    worker: Phone,
    desk: Phone,
}

/// Three cases of one grid, filed, and a desk that may change them.
fn town() -> Town {
    let house = house();
    grant(&house, person(1), Role::Collector, "grid:330782003001-01");
    grant(&house, person(3), Role::Supervisor, "city");
    let mut worker = Phone::enrol(&house, person(1), 1);
    let desk = Phone::enrol(&house, person(3), 3);
    for n in 1..=3 {
        let op = worker.report(n, 1);
        worker.push(&house, T0 + i64::from(n), &[&op]);
        desk.desk(&house, T0 + 10, case(n), "file", &json!({"reason": "r"}));
    }
    let dir = tempfile::tempdir().unwrap();
    let depot = Depot::open(dir.path()).unwrap();
    Town { house, depot, dir, worker, desk }
}

impl Town {
    fn export(&self, who: Credential) -> Vec<u8> {
        let asked = Asked {
            query: &CaseQuery::default(),
            photos: true,
            scratch: self.dir.path(),
            progress: &|_| {},
            now_ms: T0 + 100,
        };
        let made = rectification_out::rectification(&self.house, &self.depot, who, asked).unwrap();
        bytes(made)
    }
    fn import(&self, who: Credential, file: Vec<u8>, how: How) -> Result<RectificationReport, ServiceError> {
        let submit = |job: WriteJob| {
            ingest::step(&self.house, vec![job]);
            Ok(())
        };
        let to = Sending { house: &self.house, who, submit: &submit, now_ms: T0 + 500 };
        rectification_in::rectification(to, Cursor::new(file), how)
    }
    fn file(&self, n: u32) -> CaseFile {
        can_read_case(&self.house, self.desk.credential, case(n), T0 + 600).unwrap().unwrap()
    }
    fn rows(&self) -> usize {
        let detail = |n| case_detail(&self.house, self.desk.credential, case(n), T0 + 600).unwrap();
        (1..=3).map(|n| detail(n).rows.len()).sum()
    }
}

fn bytes(mut made: Made) -> Vec<u8> {
    let mut all = vec![];
    std::io::copy(&mut made.file, &mut all).unwrap();
    assert_eq!(all.len() as u64, made.length);
    all
}

/// A workbook as another program would write it, after somebody changed it.
fn edited(file: &[u8], mut edit: impl FnMut(&str, &mut Vec<Vec<String>>)) -> Vec<u8> {
    let mut book = Workbook::new();
    for sheet in read::workbook(Cursor::new(file)).unwrap() {
        let mut lines: Vec<Vec<String>> = sheet.lines.into_iter().map(|(_, cells)| cells).collect();
        edit(&sheet.name, &mut lines);
        let out = book.add_worksheet();
        out.set_name(&sheet.name).unwrap();
        for (row, cells) in (0_u32..).zip(&lines) {
            for (at, text) in (0_u16..).zip(cells) {
                out.write_string(row, at, text).unwrap();
            }
        }
    }
    book.save_to_buffer().unwrap()
}

fn set(lines: &mut [Vec<String>], short: &str, title: &str, value: &str) {
    let at = lines[0].iter().position(|t| t == title).unwrap();
    let line = lines.iter_mut().find(|l| l.get(1).is_some_and(|s| s == short)).unwrap();
    line.resize(21, String::new());
    line[at] = value.to_owned();
}

fn result<'r>(report: &'r RectificationReport, column: &str) -> &'r str {
    let mut of = report.cells.iter().filter(|c| c.column == column);
    let first = of.next().unwrap_or_else(|| panic!("nothing is told of {column}: {report:?}"));
    &first.result
}

#[test]
fn an_unchanged_list_changes_nothing_and_a_changed_one_only_what_was_changed() {
    let t = town();
    let who = t.desk.credential;
    let file = t.export(who);
    let before = t.rows();
    let same = t.import(who, file.clone(), How::default()).unwrap();
    assert_eq!((same.lines, same.unchanged, same.cells.len()), (3, 3, 0), "{same:?}");
    let resaved = t.import(who, edited(&file, |_, _| {}), How::default()).unwrap();
    assert_eq!((resaved.lines, resaved.unchanged), (3, 3));
    assert_eq!(t.rows(), before);

    // Somebody at the desk changes the description of the first meanwhile.
    let change = json!({"changes": {"description": {"from": "占道经营", "to": "占道经营，已劝离"}}});
    t.desk.desk(&t.house, T0 + 200, case(1), "edit", &change);
    let changed = edited(&file, |sheet, lines| {
        if sheet == "稠江街道" {
            set(lines, "稠江 00001", "问题描述", "店外经营");
            set(lines, "稠江 00002", "具体位置", "菜场北门");
            set(lines, "稠江 00002", "整改进展", "已清理");
            set(lines, "稠江 00003", "责任单位", "别的单位");
            set(lines, "稠江 00003", "问题描述", "");
            let head = lines.remove(0);
            lines.reverse();
            lines.insert(0, head);
        }
    });
    let dry = t.import(who, changed.clone(), How { dry_run: true, new_rows: false }).unwrap();
    assert_eq!(result(&dry, "具体位置"), "planned");
    assert_eq!(dry.cells.iter().filter(|c| c.result == "conflict").count(), 1, "{dry:?}");
    assert_eq!(t.rows(), before, "a dry run changes nothing");

    let report = t.import(who, changed.clone(), How::default()).unwrap();
    assert_eq!(result(&report, "具体位置"), "applied");
    assert_eq!(result(&report, "整改进展"), "applied");
    assert_eq!(result(&report, "责任单位"), "read_only");
    let of: Vec<(&str, &str)> = report
        .cells
        .iter()
        .filter(|c| c.column == "问题描述")
        .map(|c| (c.short.as_str(), c.result.as_str()))
        .collect();
    assert!(of.contains(&("稠江 00001", "conflict")) && of.contains(&("稠江 00003", "emptied")), "{of:?}");
    assert_eq!(t.file(2).case.fields["landmark"], "菜场北门");
    assert_eq!(t.file(2).comments.values().next().unwrap().text.as_deref(), Some("整改进展：已清理"));
    let conflict = t.file(1).conflicts.into_values().next().unwrap();
    assert_eq!((conflict.kept, conflict.lost), (json!("店外经营"), json!("占道经营，已劝离")));

    let after = t.rows();
    let again = t.import(who, changed, How::default()).unwrap();
    let words: Vec<&str> = again.results.keys().map(String::as_str).collect();
    assert_eq!(words, ["already", "emptied", "read_only"], "{again:?}");
    assert_eq!(t.rows(), after);
    // The next list shows what was said.
    let next = read::workbook(Cursor::new(t.export(who))).unwrap();
    let line = next[0].lines.iter().find(|(_, l)| l[1] == "稠江 00002").unwrap();
    assert_eq!((line.1[6].as_str(), line.1[15].as_str()), ("菜场北门", "已清理"));
}

#[test]
fn new_lines_are_listed_or_become_reports_and_strange_files_are_refused() {
    let t = town();
    let who = t.desk.credential;
    let file = t.export(who);
    let added = edited(&file, |sheet, lines| {
        if sheet == "稠江街道" {
            let mut line = vec![String::new(); 21];
            line[4] = "稠江街道".into();
            line[7] = "新发现的垃圾".into();
            lines.push(line);
            let mut odd = vec![String::new(); 21];
            odd[1] = "稠江 09999".into();
            odd[7] = "不在这份表里".into();
            lines.push(odd);
        }
    });
    let report = t.import(who, added.clone(), How::default()).unwrap();
    assert_eq!(report.results["new_line"], 1);
    assert_eq!(result(&report, "短号"), "unknown_line");
    let how = How { new_rows: true, ..How::default() };
    let taken = t.import(who, added.clone(), how).unwrap().new_lines.unwrap();
    assert_eq!((taken.taken, taken.rejected), (1, 0), "{taken:?}");
    let again = t.import(who, added, how).unwrap().new_lines.unwrap();
    assert_eq!((again.taken, again.seen_before), (0, 1));

    let split = edited(&file, |sheet, lines| match sheet {
        "汇总" => set(lines, "稠江 00001", "备注", "甲"),
        "稠江街道" => set(lines, "稠江 00001", "备注", "乙"),
        _ => {}
    });
    assert_eq!(result(&t.import(who, split, How::default()).unwrap(), "备注"), "two_values");

    let without = edited(&file, |sheet, lines| {
        if sheet == base::SHEET {
            lines.clear();
        }
    });
    assert_eq!(refusal(t.import(who, without, How::default())), "sheet_base");
    let forged = edited(&file, |sheet, lines| {
        if sheet == base::SHEET {
            lines[0][0].insert(0, 'A');
        }
    });
    assert_eq!(refusal(t.import(who, forged, How::default())), "sheet_base");
    assert_eq!(refusal(t.import(who, b"not a table".to_vec(), How::default())), "sheet_unreadable");
}

#[test]
fn whoever_cannot_read_a_case_changes_nothing_of_it_and_names_are_for_supervision() {
    let t = town();
    let file = t.export(t.desk.credential);
    grant(&t.house, person(2), Role::Collector, "grid:330782003002-01");
    let stranger = Phone::enrol(&t.house, person(2), 2).credential;
    let changed = edited(&file, |sheet, lines| {
        if sheet == "汇总" {
            set(lines, "稠江 00001", "备注", "外人");
        }
    });
    let before = t.rows();
    let report = t.import(stranger, changed.clone(), How::default()).unwrap();
    assert_eq!(result(&report, "备注"), "not_there");
    assert_eq!(t.rows(), before);

    // After filing the worker's edit is a proposal, and is told of as one.
    let by_worker = edited(&file, |sheet, lines| {
        if sheet == "汇总" {
            set(lines, "稠江 00001", "问题描述", "工人改的");
        }
    });
    let report = t.import(t.worker.credential, by_worker, How::default()).unwrap();
    assert_eq!(result(&report, "问题描述"), "proposal");

    let back = json!({"text": "扫了", "photos": []});
    t.desk.desk(&t.house, T0 + 20, case(2), "dispatch", &json!({"lead": "sanitation"}));
    grant(&t.house, person(4), Role::UnitClerk, "city");
    let unit = Phone::enrol(&t.house, person(4), 4);
    grant(&t.house, person(3), Role::Dispatcher, "city");
    t.desk.desk(&t.house, T0 + 21, case(2), "dispatch", &json!({"lead": "sanitation"}));
    unit.desk(&t.house, T0 + 22, case(2), "accept", &Value::Object(Default::default()));
    unit.desk(&t.house, T0 + 23, case(2), "feed_back", &back);
    let keeper = |who: Credential| {
        let sheets = read::workbook(Cursor::new(t.export(who))).unwrap();
        let line = sheets[0].lines.iter().find(|(_, l)| l[1] == "稠江 00002").unwrap().1.clone();
        (line[11].clone(), line[13].clone())
    };
    assert_eq!(keeper(t.desk.credential), ("person 4".into(), "扫了".into()));
    assert_eq!(keeper(t.worker.credential), (String::new(), "扫了".into()));
}

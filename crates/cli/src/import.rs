//! `blindspot import`: reference data from files of a city, or the made-up city. Good records are taken, bad ones
//! are named by their place in the file.

use crate::args::OnFolder;
use crate::clock::wall_ms;
use crate::folder::Folder;
use crate::out::{Done, Failure, Tried as _, answer};
use crate::progress::Bars;
use crate::{hotline, roster};
use blindspot_core::division::import::{
    ImportProblem, Imported, cells_from_geojson, divisions_from_json, grids_from_json, sites_from_csv_rows,
};
use blindspot_core::geo::Datum;
use blindspot_server::service::House;
use blindspot_server::service::ServiceError;
use blindspot_server::service::calendars::CalendarsRequest;
use blindspot_server::service::reference::{self, ImportSummary};
use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// 导入 · import
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    on: OnFolder,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 区划 JSON · divisions
    Divisions {
        /// File.
        file: PathBuf,
    },
    /// 单元网格 GeoJSON，必须说明坐标系 · cells; the datum must be stated
    Cells {
        /// File.
        file: PathBuf,
        /// 坐标系 · datum of the coordinates
        #[arg(long)]
        datum: DatumName,
    },
    /// 责任网格 JSON · duty grids
    Grids {
        /// File.
        file: PathBuf,
    },
    /// 点位台账 CSV · sites
    Sites {
        /// File.
        file: PathBuf,
        /// 坐标系 · datum of the coordinates
        #[arg(long, default_value = "wgs84")]
        datum: DatumName,
    },
    /// 目录 JSON (inspection-catalogue/1) · catalogue
    Catalogue {
        /// File.
        file: PathBuf,
    },
    /// 权责清单与属地 JSON {"rules": [], "holders": []} · the owner matrix and the holders of areas
    Duty {
        /// File.
        file: PathBuf,
    },
    /// 工作日历 JSON {"calendars": []} · calendars of the city's own: hours, days off, make-up workdays
    Calendar {
        /// File.
        file: PathBuf,
    },
    /// 排班 CSV：登录名,开始,结束,网格(空格分开),代班 · the roster: login,from,to,grids,stands_in; times as 2026-11-29 06:00
    Roster {
        /// File.
        file: PathBuf,
    },
    /// 热线工单 CSV，以一位热线坐席的名义 · hotline tickets, in the name of a hotline clerk
    Hotline {
        /// File.
        file: PathBuf,
        /// 登录名 · whose work it is
        #[arg(long = "as", value_name = "LOGIN")]
        who: String,
        /// 列名对应，如 诉求内容=words，可多次 · a column of the file and the field it is
        #[arg(long, value_name = "COLUMN=FIELD")]
        map: Vec<String>,
    },
    /// 填好的整改清单 XLSX · a 整改清单 that went out from here, filled in
    Rectification(crate::import_lists::Rectification),
    /// 问题清单 XLSX/CSV，可带照片 · a list of findings, with photos
    Findings(crate::import_lists::Findings),
    /// 样例城市 · the made-up city
    Sample {
        /// 随机种子 · seed
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DatumName {
    /// GPS
    Wgs84,
    /// 国测局，高德、腾讯 · Chinese maps
    Gcj02,
    /// 百度 · Baidu
    Bd09,
}

impl DatumName {
    /// The datum.
    pub(crate) fn datum(self) -> Datum {
        match self {
            DatumName::Wgs84 => Datum::Wgs84,
            DatumName::Gcj02 => Datum::Gcj02,
            DatumName::Bd09 => Datum::Bd09,
        }
    }
}

/// What came of a file.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Outcome {
    pub(crate) written: usize,
    pub(crate) unchanged: usize,
    pub(crate) problems: Vec<ImportProblem>,
}

impl Outcome {
    fn add(&mut self, summary: ImportSummary) {
        self.written += summary.written;
        self.unchanged += summary.unchanged;
        self.problems.extend(summary.problems);
    }

    fn words(&self) -> String {
        let mut out = format!("写入 written {} · 未变 unchanged {}\n", self.written, self.unchanged);
        for p in &self.problems {
            let place = p.index.map_or_else(|| "文件 file".to_owned(), |i| format!("第 {i} 条 record {i}"));
            out.push_str(&format!("  未导入 left out · {place}: {} · {}\n", p.zh, p.en));
        }
        out
    }
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Done {
    match args.what {
        What::Rectification(what) => return crate::import_lists::rectification(&args.on, &what),
        What::Findings(what) => return crate::import_lists::findings(&args.on, &what),
        _ => {}
    }
    let folder = Folder::undisturbed(&args.on.data)?;
    act(&folder, args)?;
    folder.close()
}

fn act(house: &House, args: Args) -> Done {
    let bars = Bars::new(args.on.json);
    let now = wall_ms();
    let outcome = match args.what {
        What::Divisions { file } => {
            let read = divisions_from_json(&text_of(&file)?);
            take(house, read, &bars, "区划 divisions", |h, list| reference::import_divisions(h, list, now))
        }
        What::Duty { file } => {
            let duty = serde_json::from_str(&text_of(&file)?)
                .tried("文件读不懂", "the file cannot be understood")?;
            let mut outcome = Outcome::default();
            outcome.add(reference::import_duty(house, duty, now).tried("导入失败", "the import failed")?);
            Ok(outcome)
        }
        What::Calendar { file } => {
            let CalendarsRequest { calendars } = serde_json::from_str(&text_of(&file)?)
                .tried("文件读不懂", "the file cannot be understood")?;
            let mut outcome = Outcome::default();
            let done = reference::import_calendars(house, &calendars, now);
            outcome.add(done.tried("导入失败", "the import failed")?);
            Ok(outcome)
        }
        What::Hotline { file, who, map } => {
            let (header, rows) = table_of(&file)?;
            hotline::import(house, &who, &map, &header, &rows)
        }
        What::Roster { file } => {
            let (header, rows) = table_of(&file)?;
            roster::import(house, &header, &rows)
        }
        What::Cells { file, datum } => {
            let read = cells_from_geojson(&text_of(&file)?, datum.datum());
            take(house, read, &bars, "单元网格 cells", |h, list| reference::import_cells(h, list, now))
        }
        What::Grids { file } => {
            let read = grids_from_json(&text_of(&file)?);
            take(house, read, &bars, "责任网格 grids", |h, list| reference::import_grids(h, list, now))
        }
        What::Sites { file, datum } => {
            let (header, rows) = table_of(&file)?;
            let read = sites_from_csv_rows(&header, rows, datum.datum());
            take(house, read, &bars, "点位 sites", |h, list| reference::import_sites(h, list, now))
        }
        What::Catalogue { file } => catalogue(house, &text_of(&file)?, now),
        // Done before: they are of cases, and somebody's.
        What::Rectification(_) | What::Findings(_) => Ok(Outcome::default()),
        What::Sample { seed } => sample(house, &blindspot_sample::city(seed), &bars),
    }?;
    bars.clear();
    answer(args.on.json, &outcome, || outcome.words())?;
    let nothing = outcome.written + outcome.unchanged == 0 && !outcome.problems.is_empty();
    if nothing {
        Err(Failure::new("没有一条能导入，见上", "nothing could be taken; see above"))
    } else {
        Ok(())
    }
}

fn take<T>(
    house: &House,
    read: Imported<T>,
    bars: &Bars,
    name: &str,
    import: impl FnOnce(&House, Vec<T>) -> Result<ImportSummary, ServiceError>,
) -> Done<Outcome> {
    let bar = bars.bar(name, read.accepted.len() as u64);
    let mut outcome = Outcome { problems: read.problems, ..Outcome::default() };
    let n = read.accepted.len() as u64;
    if n > 0 {
        outcome.add(import(house, read.accepted).tried("导入失败", "the import failed")?);
    }
    bar.finish();
    Ok(outcome)
}

fn catalogue(house: &House, text: &str, now: i64) -> Done<Outcome> {
    let mut outcome = Outcome::default();
    match blindspot_core::catalogue::load(text) {
        Ok(_) => {
            outcome
                .add(reference::import_catalogue(house, text, now).tried("导入失败", "the import failed")?);
        }
        Err(problems) => outcome.problems.extend(problems.iter().map(|p| ImportProblem {
            index: None,
            zh: p.zh(),
            en: p.to_string(),
        })),
    }
    Ok(outcome)
}

/// Loads the whole made-up city. People are not part of it: they come by `user add` or the demo.
pub(crate) fn sample_into(house: &House, city: &blindspot_sample::City, bars: &Bars) -> Done<()> {
    sample(house, city, bars).map(drop)
}

fn sample(house: &House, city: &blindspot_sample::City, bars: &Bars) -> Done<Outcome> {
    let now = wall_ms();
    let total = city.divisions.len() + city.cells.len() + city.grids.len() + city.sites.len() + 1;
    let bar = bars.bar("样例城市 sample city", total as u64);
    let mut outcome = Outcome::default();
    let mut step = |result: Result<ImportSummary, ServiceError>, n: usize| -> Done {
        outcome.add(result.tried("导入失败", "the import failed")?);
        bar.inc(n as u64);
        Ok(())
    };
    step(reference::import_divisions(house, city.divisions.clone(), now), city.divisions.len())?;
    step(reference::import_cells(house, city.cells.clone(), now), city.cells.len())?;
    step(reference::import_grids(house, city.grids.clone(), now), city.grids.len())?;
    step(reference::import_sites(house, city.sites.clone(), now), city.sites.len())?;
    step(reference::import_catalogue(house, city.catalogue_json, now), 1)?;
    bar.finish();
    Ok(outcome)
}

fn text_of(file: &Path) -> Done<String> {
    std::fs::read_to_string(file).map_err(|e| {
        let shown = file.display();
        Failure::new(format!("读不了 {shown}：{e}"), format!("cannot read {shown}: {e} (UTF-8 is needed)"))
    })
}

fn table_of(file: &Path) -> Done<(Vec<String>, Vec<Vec<String>>)> {
    let text = text_of(file)?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let owned = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
    let header = owned(reader.headers().tried("表头读不出来", "the header cannot be read")?);
    let rows: Result<Vec<_>, _> = reader.records().map(|r| r.map(|r| owned(&r))).collect();
    Ok((header, rows.tried("表格读不出来", "the table cannot be read")?))
}

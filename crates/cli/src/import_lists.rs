//! `blindspot import rectification|findings`: lists that become ops of somebody, on a data folder that no server runs on
//! (beside one, the same is done over HTTP). A dry run goes beside a server, too.

use crate::args::OnFolder;
use crate::clock::wall_ms;
use crate::export::whose;
use crate::folder::Folder;
use crate::import::DatumName;
use crate::import_online;
use crate::out::{Done, Failure, Tried as _, answer};
use blindspot_core::sheet::source_word;
use blindspot_server::blob::Depot;
use blindspot_server::service::sheets::file_photos::{FolderFiles, PhotoFiles, ZipFiles};
use blindspot_server::service::sheets::findings_in::{FindingsReport, How};
use blindspot_server::service::sheets::report::RectificationReport;
use blindspot_server::service::sheets::{Sending, findings_file, rectification_in};
use blindspot_server::service::{House, Writer};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Words of `import rectification`.
#[derive(Debug, clap::Args)]
pub(crate) struct Rectification {
    /// 文件 · file
    #[arg(long)]
    file: PathBuf,
    /// 以谁的身份（登录名）· as whom: a login
    #[arg(long = "as", value_name = "NAME")]
    name: String,
    /// 只看会怎样，不改动 · say what would become of it, change nothing
    #[arg(long)]
    dry_run: bool,
    /// 没有短号的新行作为上报导入 · lines without a number become reports
    #[arg(long)]
    new_rows: bool,
}

/// Words of `import findings`.
#[derive(Debug, clap::Args)]
pub(crate) struct Findings {
    /// 文件：XLSX、CSV，或和照片一起的 ZIP · file: XLSX, CSV, or a ZIP of one with its photos
    #[arg(long)]
    file: PathBuf,
    /// 照片所在的文件夹或 ZIP · folder or ZIP with the photos
    #[arg(long)]
    photos: Option<PathBuf>,
    /// 没写来源的算什么 · source of lines that do not say
    #[arg(long, default_value = "covert_visit")]
    source: String,
    /// 坐标系 · datum of coordinates
    #[arg(long, default_value = "wgs84")]
    datum: DatumName,
    /// 哪一列是什么，如 description=情况，可重复 · which column is which: description=情况, again for more
    #[arg(long = "map", value_name = "FIELD=TITLE", value_parser = pair)]
    mapping: Vec<(String, String)>,
    /// 以谁的身份（登录名）· as whom: a login
    #[arg(long = "as", value_name = "NAME")]
    name: String,
    /// 只看会怎样，不改动 · say what would become of it, change nothing
    #[arg(long)]
    dry_run: bool,
    /// 交给正在运行的服务器，如 https://jg.example.cn；照片放在 ZIP 里 · hand it to a server that runs; photos go in the ZIP
    #[arg(long, value_name = "URL", requires = "password_file", conflicts_with = "photos")]
    server: Option<String>,
    /// 登录密码文件（第一行），配合 --server · a file whose first line is the password, with --server
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (field, title) = text.split_once('=').ok_or("FIELD=TITLE")?;
    Ok((field.to_owned(), title.to_owned()))
}

/// Runs `import rectification`.
pub(crate) fn rectification(on: &OnFolder, what: &Rectification) -> Done {
    let report = at_folder(on, what.dry_run, &what.name, |to, _| {
        let how = rectification_in::How { dry_run: what.dry_run, new_rows: what.new_rows };
        rectification_in::rectification(to, open(&what.file)?, how).tried("没有导入", "not imported")
    })?;
    answer(on.json, &report, || rectification_words(&report))
}

/// Runs `import findings`.
pub(crate) fn findings(on: &OnFolder, what: &Findings) -> Done {
    let unknown =
        || Failure::new("问题来源不认识", "that source is not known: covert_visit, leader, media ...");
    let how = How {
        source: source_word(&what.source).ok_or_else(unknown)?,
        datum: what.datum.datum(),
        mapping: what.mapping.iter().cloned().collect(),
        dry_run: what.dry_run,
    };
    if let (Some(base), Some(password)) = (&what.server, &what.password_file) {
        let report = online(base, password, what, &how)?;
        return answer(on.json, &report, || findings_words(&report));
    }
    let mut beside: Option<Box<dyn PhotoFiles>> = match &what.photos {
        None => None,
        Some(path) if path.is_dir() => Some(Box::new(FolderFiles(path.clone()))),
        Some(path) => {
            Some(Box::new(ZipFiles::open(open(path)?).tried("照片包打不开", "the photos cannot be opened")?))
        }
    };
    let report = at_folder(on, what.dry_run, &what.name, |to, depot| {
        let files = beside.as_deref_mut().map(|f| f as &mut dyn PhotoFiles);
        findings_file::findings(to, depot, open(&what.file)?, files, &how).tried("没有导入", "not imported")
    })?;
    answer(on.json, &report, || findings_words(&report))
}

/// Hands the list to a server that runs.
fn online(base: &str, password: &Path, what: &Findings, how: &How) -> Done<FindingsReport> {
    let mapping = serde_json::to_string(&how.mapping).tried("对应写不出", "the mapping cannot be written")?;
    let datum = match what.datum {
        DatumName::Wgs84 => "wgs84",
        DatumName::Gcj02 => "gcj02",
        DatumName::Bd09 => "bd09",
    };
    let query = [
        ("source", what.source.clone()),
        ("datum", datum.to_owned()),
        ("mapping", mapping),
        ("dry_run", what.dry_run.to_string()),
    ];
    let password = import_online::password_of(password)?;
    let to = import_online::Online { base, login: &what.name, password: &password };
    import_online::findings(&to, open(&what.file)?, &query)
}

fn at_folder<T>(
    on: &OnFolder,
    dry_run: bool,
    login: &str,
    work: impl FnOnce(Sending<'_>, &Depot) -> Done<T>,
) -> Done<T> {
    let folder = if dry_run { Folder::existing(&on.data)? } else { Folder::undisturbed(&on.data)? };
    let depot = Depot::open(&on.data).tried("照片库打不开", "the photos cannot be opened")?;
    let house: &House = &folder;
    // Many ops a commit, as on a server; beside one nothing is handed to it.
    let writer = Writer::spawn(folder.shared()).tried("没有线程可用", "no thread is to be had")?;
    let done = whose(house, login, |who| {
        let submit = |job| writer.submit(job);
        work(Sending { house, who, submit: &submit, now_ms: wall_ms() }, &depot)
    });
    writer.close();
    let closed = folder.close();
    done.and_then(|report| closed.map(|()| report))
}

fn open(path: &Path) -> Done<File> {
    File::open(path).map_err(|e| {
        let shown = path.display();
        Failure::new(format!("读不了 {shown}：{e}"), format!("cannot read {shown}: {e}"))
    })
}

fn rectification_words(report: &RectificationReport) -> String {
    let mut out = format!("{} 行 lines，未改 unchanged {}\n", report.lines, report.unchanged);
    for (result, n) in &report.results {
        out.push_str(&format!("  {result}: {n}\n"));
    }
    for cell in &report.cells {
        let (sheet, row, short, column) = (&cell.sheet, cell.row, &cell.short, &cell.column);
        out.push_str(&format!("{sheet} 第 {row} 行 {short} {column}：{} · {}\n", cell.zh, cell.en));
    }
    if let Some(found) = &report.new_lines {
        out.push_str(&findings_words(found));
    }
    out
}

fn findings_words(report: &FindingsReport) -> String {
    let FindingsReport { lines, taken, seen_before, rejected, photos, .. } = report;
    let mut out = format!(
        "{lines} 行 lines，导入 taken {taken}，已有 seen before {seen_before}，未导入 rejected {rejected}，照片 photos {photos}\n"
    );
    for p in &report.problems {
        out.push_str(&format!("  第 {} 行 line {}: {} · {}\n", p.line, p.line, p.zh, p.en));
    }
    out
}

//! `blindspot letters`: 文书, on the data folder, alone or beside a running server: the database itself gives the numbers.

use crate::args::OnFolder;
use crate::clock::wall_ms;
use crate::export::whose;
use crate::folder::Folder;
use crate::out::{Done, Failure, Tried as _, answer};
use crate::table;
use blindspot_core::letter::LetterKind;
use blindspot_core::local::{moment, moment_of};
use blindspot_core::{CaseId, PhotoId};
use blindspot_server::blob::Depot;
use blindspot_server::service::House;
use blindspot_server::service::letters::{self, LetterQuery, LetterView, NewLetters};
use clap::Subcommand;
use std::path::PathBuf;
use uuid::Uuid;

/// 文书：交办单、督办单、整改告知单 · letters
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    on: OnFolder,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 文号的字头，如 义创卫办 · what numbers begin with
    Prefix {
        /// 字头 · the words
        prefix: String,
    },
    /// 开具，一个单位一份 · issue, one a unit
    Issue {
        /// 以谁的身份（登录名）· as whom: a login
        #[arg(long = "as", value_name = "NAME")]
        name: String,
        #[command(flatten)]
        new: New,
    },
    /// 列出，含作废 · list, voided ones too
    List {
        /// 以谁的身份（登录名）· as whom: a login
        #[arg(long = "as", value_name = "NAME")]
        name: String,
        /// 种类 · kind
        #[arg(long)]
        kind: Option<String>,
        /// 年份 · year
        #[arg(long)]
        year: Option<i64>,
    },
    /// 打印页 HTML · the page to print
    Page {
        /// 以谁的身份（登录名）· as whom: a login
        #[arg(long = "as", value_name = "NAME")]
        name: String,
        /// 文书编号 · its id
        letter: Uuid,
        /// 写到哪个文件 · file to write
        #[arg(long)]
        out: PathBuf,
    },
    /// 作废，文号保留 · void; its number stays
    Void {
        /// 以谁的身份（登录名）· as whom: a login
        #[arg(long = "as", value_name = "NAME")]
        name: String,
        /// 文书编号 · its id
        letter: Uuid,
        /// 原因 · why
        #[arg(long)]
        reason: String,
    },
    /// 挂上签收回执照片 · attach the photographed receipt
    Receipt {
        /// 以谁的身份（登录名）· as whom: a login
        #[arg(long = "as", value_name = "NAME")]
        name: String,
        /// 文书编号 · its id
        letter: Uuid,
        /// 照片编号 · the photo's id
        #[arg(long)]
        photo: PhotoId,
    },
}

/// What is to be issued.
#[derive(Debug, clap::Args)]
struct New {
    /// 种类 · transfer, supervise, notice
    #[arg(long)]
    kind: String,
    /// 案件编号，可重复 · a case's id, again for more
    #[arg(long = "case", required = true)]
    cases: Vec<CaseId>,
    /// 告知单发给谁 · to whom a notice goes
    #[arg(long)]
    addressee: Option<String>,
    /// 抄送，可重复 · a copy to, again for more
    #[arg(long = "copy")]
    copies: Vec<String>,
    /// 整改时限，如 2026-12-01 18:00 · until when
    #[arg(long)]
    due: Option<String>,
    /// 正文里的话 · words of its own
    #[arg(long)]
    words: Option<String>,
}

impl New {
    fn letters(&self) -> Done<NewLetters> {
        let wrong = || Failure::new("时限写成 2026-12-01 18:00", "write the time as 2026-12-01 18:00");
        let due_ms = self.due.as_deref().map(|text| moment_of(text).ok_or_else(wrong)).transpose()?;
        Ok(NewLetters {
            kind: LetterKind::from_word(&self.kind),
            cases: self.cases.clone(),
            addressee: self.addressee.clone(),
            copies: self.copies.clone(),
            due_ms,
            words: self.words.clone(),
        })
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Done {
    Folder::working(&args.on.data, |house| act(house, args))
}

fn act(house: &House, args: &Args) -> Done {
    let (json, now) = (args.on.json, wall_ms());
    match &args.what {
        What::Prefix { prefix } => {
            letters::set_prefix(house, prefix).tried("没有改", "not changed")?;
            answer(json, prefix, || prefix.clone())
        }
        What::Issue { name, new } => {
            let new = new.letters()?;
            let issued = whose(house, name, |who| {
                letters::issue(house, who, &new, now).tried("没有开具", "not issued")
            })?;
            answer(json, &issued, || listing(&issued))
        }
        What::List { name, kind, year } => {
            let query =
                LetterQuery { kind: kind.clone(), year: *year, limit: Some(200), ..LetterQuery::default() };
            let all = every(house, name, query, now)?;
            answer(json, &all, || listing(&all))
        }
        What::Page { name, letter, out } => {
            let depot = Depot::open(&args.on.data).tried("照片库打不开", "the photos cannot be opened")?;
            let html = whose(house, name, |who| {
                letters::page(house, &depot, who, *letter, now).tried("没有生成", "not made")
            })?;
            std::fs::write(out, &html).tried("文件写不了", "the file cannot be written")?;
            let shown = out.display().to_string();
            answer(json, &shown, || shown.clone())
        }
        What::Void { name, letter, reason } => {
            let view = whose(house, name, |who| {
                letters::void(house, who, *letter, reason, now).tried("没有作废", "not voided")
            })?;
            answer(json, &view, || listing(std::slice::from_ref(&view)))
        }
        What::Receipt { name, letter, photo } => {
            let view = whose(house, name, |who| {
                letters::receipt(house, who, *letter, *photo, now).tried("没有挂上", "not attached")
            })?;
            answer(json, &view, || listing(std::slice::from_ref(&view)))
        }
    }
}

/// All that a list asks for, page by page.
fn every(house: &House, name: &str, mut query: LetterQuery, now: i64) -> Done<Vec<LetterView>> {
    whose(house, name, |who| {
        let mut all = vec![];
        loop {
            let page = letters::list(house, who, &query, now).tried("列不出", "cannot list")?;
            all.extend(page.items);
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return Ok(all),
            }
        }
    })
}

fn listing(all: &[LetterView]) -> String {
    let row = |l: &LetterView| {
        let state = match (&l.void_reason, l.receipt) {
            (Some(why), _) => format!("作废 voided：{why}"),
            (None, Some(_)) => "已签收 receipted".to_owned(),
            (None, None) => String::new(),
        };
        vec![l.letter_id.to_string(), l.number.clone(), l.addressee.clone(), moment(l.issued_ms), state]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    table::text(&["编号 id", "文号 number", "主送 to", "开具 issued", "状态 state"], &rows)
}

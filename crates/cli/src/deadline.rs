//! `blindspot clock explain`: why a case is due when it is, on the data folder, alone or beside a running server.

use crate::args::OnFolder;
use crate::clock::wall_ms;
use crate::folder::Folder;
use crate::out::{Done, Failure, Tried as _, answer};
use blindspot_core::CaseId;
use blindspot_core::case::Case;
use blindspot_core::row::RowKind;
use blindspot_store::cases::{CaseFilter, Scope, load_cases};
use blindspot_store::{StoreError, rows};
use clap::Subcommand;
use serde_json::json;

/// Cases that may share the digits of a spoken number, one a town.
const MOST: usize = 50;

/// 时限 · deadlines
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    on: OnFolder,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 说明一件案件的时限怎么算 · how a case's deadline is counted
    Explain {
        /// 短号的数字，或案件编号 · the digits of the spoken number, or the case's id
        #[arg(long)]
        case: String,
    },
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Done {
    let folder = Folder::existing(&args.on.data)?;
    let What::Explain { case } = &args.what;
    for case in find(&folder, case)? {
        let named = case.short_no.as_ref().map_or_else(|| case.case_id.to_string(), |n| n.text());
        let overdue = case.due.as_ref().map(|due| due.is_overdue(wall_ms()));
        let lines = case.due.as_ref().map_or_else(Vec::new, |due| due.explain());
        let told = json!({"case_id": case.case_id, "short_no": named, "state": case.state, "due": case.due,
            "overdue": overdue, "explained": lines});
        answer(args.on.json, &told, || {
            let over = if overdue == Some(true) { "，已超时 overdue" } else { "" };
            let none = "没有时限：还没派遣 no deadline: not dispatched yet".to_owned();
            let text = if lines.is_empty() { none } else { lines.join("\n") };
            format!("{named} {}{over}\n{text}", case.state.zh())
        })?;
    }
    folder.close()
}

fn find(folder: &Folder, text: &str) -> Done<Vec<Case>> {
    let city = &folder.city;
    let bodies = folder.store.read(|tx| {
        if let Ok(id) = text.parse::<CaseId>() {
            let row = rows::load_row(tx, city, &RowKind::Case, &id.to_string())?;
            return Ok::<_, StoreError>(row.into_iter().map(|row| row.body).collect::<Vec<_>>());
        }
        let Ok(n) = text.parse::<u32>() else { return Ok(vec![]) };
        let filter = CaseFilter { short_n: Some(n), ..CaseFilter::default() };
        Ok(load_cases(tx, city, &Scope::City, &filter, None, MOST)?
            .into_iter()
            .map(|line| line.body)
            .collect())
    });
    let bodies = bodies.tried("读不到案件", "cases cannot be read")?;
    if bodies.is_empty() {
        return Err(Failure::new(
            format!("没有案件 {text}：写短号的数字或案件编号"),
            format!("there is no case {text}: give the digits of its spoken number, or its id"),
        ));
    }
    let read = bodies.iter().map(|body| serde_json::from_str(body)).collect::<Result<_, _>>();
    read.tried("案件读不出来", "a case cannot be read")
}

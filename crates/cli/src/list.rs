//! `blindspot list cases|counters`: what a desk sees of the whole city, on the data folder, alone or beside a running server.

use crate::args::OnFolder;
use crate::case_args::CaseArgs;
use crate::clock::wall_ms;
use crate::folder::Folder;
use crate::out::{Done, Tried as _, answer};
use blindspot_core::case::Case;
use blindspot_server::service::case_counts::{CounterLine, counters_of_all};
use blindspot_server::service::cases::{CaseQuery, list_all_cases};
use clap::Subcommand;

/// 案件列表与计数 · lists and counters of cases
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    on: OnFolder,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 列出案件 · cases, newest first or most overdue first
    Cases(Box<Asked>),
    /// 在办案件的计数 · counters of what is open
    Counters,
}

#[derive(Debug, clap::Args)]
struct Asked {
    #[command(flatten)]
    of: CaseArgs,
    /// received 按收到先后（新的在前），due 按超时 · order
    #[arg(long)]
    sort: Option<String>,
    /// 最多几件 · at most
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// 上一页给出的位置 · where the page before ended
    #[arg(long)]
    cursor: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Done {
    let folder = Folder::existing(&args.on.data)?;
    match args.what {
        What::Cases(asked) => cases(&folder, args.on.json, *asked)?,
        What::Counters => {
            let told = counters_of_all(&folder, wall_ms()).tried("数不了案件", "cases cannot be counted")?;
            answer(args.on.json, &told, || {
                let states: Vec<String> = told.by_state.iter().map(|(s, n)| format!("  {s} {n}")).collect();
                let lines = |all: &[CounterLine]| -> String {
                    let line = |l: &CounterLine| {
                        format!(
                            "  {} {}，超时 overdue {}",
                            l.key.as_deref().unwrap_or("（无 none）"),
                            l.open,
                            l.overdue
                        )
                    };
                    all.iter().map(line).collect::<Vec<_>>().join("\n")
                };
                format!(
                    "在办 open {}，超时 overdue {}，将超时 soon {}，督办 supervised {}，挂账 hung {}，申请退回 returns {}\n{}\n\
                     牵头单位 by unit\n{}\n镇街 by town\n{}",
                    told.open,
                    told.overdue,
                    told.soon,
                    told.supervised,
                    told.hung,
                    told.returns_waiting,
                    states.join("\n"),
                    lines(&told.by_lead),
                    lines(&told.by_town)
                )
            })?;
        }
    }
    folder.close()
}

fn cases(folder: &Folder, json: bool, asked: Asked) -> Done {
    let Asked { of, sort, limit, cursor } = asked;
    let query = CaseQuery { sort, limit: Some(limit), cursor, ..of.query() };
    let page = list_all_cases(folder, &query, wall_ms()).tried("列不出案件", "cases cannot be listed")?;
    answer(json, &page, || {
        let line = |body: &str| {
            let Ok(case) = serde_json::from_str::<Case>(body) else { return String::new() };
            let named = case.short_no.as_ref().map_or_else(|| case.case_id.to_string(), |n| n.text());
            let lead = case.lead.as_ref().map_or("", |lead| lead.as_str());
            let said = case.fields.get("description").and_then(|v| v.as_str()).unwrap_or_default();
            format!("{named} {} {lead} {said}", case.state.zh())
        };
        let mut lines: Vec<String> = page.items.iter().map(|item| line(item.get())).collect();
        lines.extend(page.next.as_ref().map(|next| format!("还有 more: --cursor {next}")));
        lines.join("\n")
    })
}

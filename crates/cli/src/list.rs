//! `blindspot list`: cases, counters and places, what a desk sees of the whole city, on the data folder, alone or beside a running server.

use crate::args::OnFolder;
use crate::case_args::CaseArgs;
use crate::clock::wall_ms;
use crate::folder::Folder;
use crate::out::{Done, Tried as _, answer};
use blindspot_core::case::Case;
use blindspot_core::projection::clusters::Cluster;
use blindspot_server::service::case_counts::{CounterLine, counters_of_all};
use blindspot_server::service::cases::{CaseQuery, list_all_cases};
use blindspot_server::service::clusters::{ClusterQuery, list as clusters};
use blindspot_server::service::freshness::{FreshnessQuery, GridLooked, UnseenPlace, grids, unseen};
use blindspot_server::service::page::{LIMIT_MAX, PageQuery};
use blindspot_server::service::spot_checks::{Sampled, samples};
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
    /// 巡查新鲜度：各网格几天、几人看过 · duty grids by how many days and people they were looked at
    Freshness {
        /// 数多少天以来的 · looks of so many days back
        #[arg(long, default_value_t = 30)]
        days: u32,
    },
    /// 久未巡查的网格和点位 · duty grids and sites that nobody was at
    Unseen {
        /// 多少天没人看 · for so many days
        #[arg(long, default_value_t = 7)]
        days: u32,
    },
    /// 点位聚合：反复出现的地方 · places at which the same was found again
    Clusters {
        /// 收到多少天以来的案件 · of cases received in so many days back
        #[arg(long, default_value_t = 180)]
        days: u32,
        /// 镇街编码 · town
        #[arg(long)]
        town: Option<String>,
    },
    /// 自行处置抽查 · the sample of what was fixed on the spot
    SelfFixed {
        /// 哪一天，如 2026-11-29 · day; today when left out
        #[arg(long)]
        day: Option<String>,
    },
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
        of_places => places(&folder, args.on.json, of_places)?,
    }
    folder.close()
}

/// What is told of places; cases and counters are told above.
fn places(folder: &Folder, json: bool, what: What) -> Done {
    let now = wall_ms();
    match what {
        What::Freshness { days } => {
            let told = freshness(folder, days, now)?;
            answer(json, &told, || told.iter().map(grid_line).collect::<Vec<_>>().join("\n"))
        }
        What::Unseen { days } => {
            let told = unseen(folder, None, Some(days), now).tried("列不出来", "cannot be listed")?;
            answer(json, &told, || {
                let lines = told.grids.iter().chain(&told.sites).map(unseen_line).collect::<Vec<_>>();
                let (grids, sites) = (told.grids.len(), told.sites.len());
                format!(
                    "超过 {days} 天没人看 unseen：网格 grids {grids}/{}，点位 sites {sites}/{}\n{}",
                    told.of_grids,
                    told.of_sites,
                    lines.join("\n")
                )
            })
        }
        What::Clusters { days, town } => {
            let query = ClusterQuery { days: Some(days), town, ..ClusterQuery::default() };
            let told = clusters(folder, None, &query, now).tried("列不出来", "cannot be listed")?;
            answer(json, &told, || told.items.iter().map(cluster_line).collect::<Vec<_>>().join("\n"))
        }
        What::SelfFixed { day } => {
            let told = samples(folder, None, day.as_deref(), now).tried("列不出来", "cannot be listed")?;
            answer(json, &told, || {
                let line = |s: &Sampled| {
                    let found = s
                        .found
                        .as_ref()
                        .map_or("待查 waits", |f| if f.passed { "通过 passed" } else { "未通过 failed" });
                    format!("  {} {found}", s.short_no.clone().unwrap_or_else(|| s.case_id.to_string()))
                };
                let lines: Vec<String> = told.sampled.iter().map(line).collect();
                let of = told.self_fixed;
                format!(
                    "{}：当场处理 self-fixed {of}，抽查 sampled {}\n{}",
                    told.day,
                    lines.len(),
                    lines.join("\n")
                )
            })
        }
        What::Cases(_) | What::Counters => Ok(()),
    }
}

/// All pages of it.
fn freshness(folder: &Folder, days: u32, now: i64) -> Done<Vec<GridLooked>> {
    let query = FreshnessQuery { days: Some(days), ..FreshnessQuery::default() };
    let mut page = PageQuery { limit: Some(LIMIT_MAX), ..PageQuery::default() };
    let mut all = vec![];
    loop {
        let told = grids(folder, None, &query, &page, now).tried("列不出来", "cannot be listed")?;
        all.extend(told.items);
        match told.next {
            Some(next) => page.cursor = Some(next),
            None => return Ok(all),
        }
    }
}

fn since(days: Option<i64>) -> String {
    days.map_or_else(|| "没人看过 never".to_owned(), |n| format!("{n} 天前 days ago"))
}

fn grid_line(g: &GridLooked) -> String {
    let l = &g.looked;
    format!(
        "{} {}：{}，{} 次 looks，{} 天 days，{} 人 people",
        g.grid,
        g.name,
        since(g.unseen_days),
        l.looks,
        l.days,
        l.persons
    )
}

fn unseen_line(place: &UnseenPlace) -> String {
    format!("  {} {}：{}", place.id, place.name, since(place.unseen_days))
}

fn cluster_line(c: &Cluster) -> String {
    let place = c.site_id.clone().or_else(|| c.grid.as_ref().map(ToString::to_string)).unwrap_or_default();
    let stubborn = if c.stubborn { " 顽疾点位 stubborn" } else { "" };
    let (item, cases) = (c.item.as_deref().unwrap_or_default(), c.cases.len());
    format!("{place} {item}：{cases} 件 cases，在办 open {}，回潮 relapses {}{stubborn}", c.open, c.relapses)
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

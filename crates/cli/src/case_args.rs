//! Which cases a command is about: the filters of lists, as every command that lists or exports takes them.

use blindspot_server::service::cases::CaseQuery;

/// Which cases.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CaseArgs {
    /// 状态，可用逗号隔开几个 · state: filed, dispatched, closed ...; several with commas
    #[arg(long)]
    state: Option<String>,
    /// 镇街代码 · town code
    #[arg(long)]
    town: Option<String>,
    /// 责任网格 · duty grid
    #[arg(long)]
    grid: Option<String>,
    /// 牵头单位 · lead unit
    #[arg(long)]
    lead: Option<String>,
    /// 小项 · catalogue item
    #[arg(long)]
    item: Option<String>,
    /// 问题来源 · source: patrol, covert_visit ...
    #[arg(long)]
    source: Option<String>,
    /// 未结 · still open: true or false
    #[arg(long)]
    open: Option<bool>,
    /// yes 超时，soon 将超时，no 未超时 · overdue, within two hours, or neither
    #[arg(long)]
    overdue: Option<String>,
    /// 短号数字或文字 · digits of the spoken number, or words
    #[arg(long)]
    text: Option<String>,
    /// 只看督办 · supervised ones
    #[arg(long)]
    supervised: bool,
    /// 只看挂账 · hanging ones
    #[arg(long)]
    hung: bool,
    /// 只看申请过退回的 · those that a unit asked to return
    #[arg(long)]
    returned: bool,
    /// 只看回潮 · relapses
    #[arg(long)]
    relapse: bool,
}

impl CaseArgs {
    /// The question to the list.
    pub(crate) fn query(&self) -> CaseQuery {
        let only = |flag: bool| flag.then_some(true);
        let of = self.clone();
        CaseQuery {
            state: of.state,
            town: of.town,
            grid: of.grid,
            lead: of.lead,
            item: of.item,
            source: of.source,
            open: of.open,
            overdue: of.overdue,
            text: of.text,
            supervised: only(of.supervised),
            hung: only(of.hung),
            returned: only(of.returned),
            relapse: only(of.relapse),
            ..CaseQuery::default()
        }
    }
}

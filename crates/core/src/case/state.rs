//! The states of a case. The names of states that a later version moves through are reserved here.

crate::open_enum! {
    /// Where a case stands (domain 2.4, field.md U8).
    pub enum CaseState {
        /// 已上报
        Reported = "reported",
        /// 退回补充
        NeedMore = "need_more",
        /// 核实
        Checking = "checking",
        /// 撤回
        Withdrawn = "withdrawn",
        /// 不予立案
        Refused = "refused",
        /// 立案
        Filed = "filed",
        /// 派遣
        Dispatched = "dispatched",
        /// 签收
        Accepted = "accepted",
        /// 申请退回
        ReturnRequested = "return_requested",
        /// 处置
        InWork = "in_work",
        /// 处置反馈
        FedBack = "fed_back",
        /// 核查中
        Verifying = "verifying",
        /// 返工
        Rework = "rework",
        /// 挂账
        Hung = "hung",
        /// 结案
        Closed = "closed",
        /// 回潮观察
        Watch = "watch",
        /// 归档
        Archived = "archived",
        /// 作废
        Voided = "voided",
        /// 并案
        Merged = "merged",
    }
}

impl CaseState {
    /// Whether somebody still has to do something.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(
            self,
            CaseState::Withdrawn
                | CaseState::Refused
                | CaseState::Closed
                | CaseState::Watch
                | CaseState::Archived
                | CaseState::Voided
                | CaseState::Merged
        )
    }
    /// Whether the filing desk has not decided yet: field workers may still edit.
    #[must_use]
    pub fn before_filing(&self) -> bool {
        matches!(self, CaseState::Reported | CaseState::NeedMore | CaseState::Checking)
    }
    /// The Chinese word on screens.
    #[must_use]
    pub fn zh(&self) -> &str {
        match self {
            CaseState::Reported => "已上报",
            CaseState::NeedMore => "退回补充",
            CaseState::Checking => "核实",
            CaseState::Withdrawn => "已撤回",
            CaseState::Refused => "不予立案",
            CaseState::Filed => "已立案",
            CaseState::Dispatched => "已派遣",
            CaseState::Accepted => "已签收",
            CaseState::ReturnRequested => "申请退回",
            CaseState::InWork => "处置中",
            CaseState::FedBack => "已反馈",
            CaseState::Verifying => "核查中",
            CaseState::Rework => "返工",
            CaseState::Hung => "挂账",
            CaseState::Closed => "已结案",
            CaseState::Watch => "回潮观察",
            CaseState::Archived => "已归档",
            CaseState::Voided => "已作废",
            CaseState::Merged => "已并案",
            CaseState::Other(word) => word,
        }
    }
}

//! What each kind of op says: payloads, typed (protocol 3).
//!
//! Every field that a worker might not have is optional: nothing shot is refused for a missing field.
//! Must not know how a command is decided; that is `apply`.

mod clock;
mod desk;
mod drawing;
mod erase;
mod filing;
mod media;
mod relapse;
mod report;
mod returns;
mod work;

pub use clock::{Lapse, LapseKind, PauseClock, RequestExtension, RuleExtension};
pub use desk::{
    CaseKind, Comment, ConfirmVoid, Dispatch, FeedBack, MergeInto, Reason, ResolveConflict, Verify,
};
pub use drawing::{Draw, DrawnFrom, SpotCheck};
pub use erase::{ConfirmErase, Erase, EraseTarget};
pub use filing::{AskMore, Checked, Lack, Supplement};
pub use media::{FormName, FormRef, MediaKind, Origin, PhotoLost, PhotoRole, PhotoTaken, Redact, WaiveMedia};
pub use relapse::{AppealRelapse, Relapse, RuleAppeal};
pub use report::{Category, Edit, EnteredFor, FieldChange, Fix, Look, Relocate, Report, Source};
pub use returns::{RequestReturn, ReturnReason, Ruling, RulingKind};
pub use work::{HandOn, Hang};

use crate::limits::OP_SCHEMA;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Why a payload cannot be decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandProblem {
    /// A kind or schema from a later version.
    #[error("unknown kind {kind} schema {schema}")]
    UnknownKind {
        /// The kind.
        kind: String,
        /// The schema.
        schema: u32,
    },
    /// The payload does not fit its kind.
    #[error("payload of {kind}: {detail}")]
    Malformed {
        /// The kind.
        kind: String,
        /// What does not fit.
        detail: String,
    },
}

macro_rules! commands {
    ($($(#[$meta:meta])* $variant:ident($payload:ty) = $word:literal),+ $(,)?) => {
        /// What was done: one variant a kind.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Command { $($(#[$meta])* $variant($payload)),+ }
        impl Command {
            /// Every kind, as on the wire.
            pub const KINDS: &'static [&'static str] = &[$($word),+];
            /// The kind as on the wire.
            #[must_use]
            pub fn kind(&self) -> &'static str { match self { $(Command::$variant(_) => $word),+ } }
            /// Reads a payload by kind.
            ///
            /// # Errors
            /// `UnknownKind` for a later kind or schema, `Malformed` for a payload that does not fit.
            pub fn read(kind: &str, schema: u32, payload: &RawValue) -> Result<Self, CommandProblem> {
                if schema > OP_SCHEMA {
                    return Err(CommandProblem::UnknownKind { kind: kind.into(), schema });
                }
                let malformed = |e: serde_json::Error| CommandProblem::Malformed { kind: kind.into(), detail: e.to_string() };
                match kind {
                    $($word => serde_json::from_str::<$payload>(payload.get()).map(Command::$variant).map_err(malformed),)+
                    _ => Err(CommandProblem::UnknownKind { kind: kind.into(), schema }),
                }
            }
            /// The payload as JSON text.
            ///
            /// # Errors
            /// Only when serde cannot write a number, which no payload here holds.
            pub fn to_payload(&self) -> Result<Box<RawValue>, serde_json::Error> {
                match self { $(Command::$variant(p) => serde_json::value::to_raw_value(p)),+ }
            }
        }
    };
}

/// A payload with nothing in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

commands! {
    /// 上报
    Report(Report) = "report",
    /// 撤回, by the reporter before filing.
    Withdraw(Nothing) = "withdraw",
    /// 当场处理
    SelfFixed(Report) = "self_fixed",
    /// 巡查正常
    Look(Look) = "look",
    /// Fields changed.
    Edit(Edit) = "edit",
    /// Place corrected.
    Relocate(Relocate) = "relocate",
    /// A photo named.
    Photo(PhotoTaken) = "photo",
    /// A photo that will not come.
    PhotoLost(PhotoLost) = "photo_lost",
    /// Words.
    Comment(Comment) = "comment",
    /// Hide one photo or text.
    Redact(Redact) = "redact",
    /// 依法删除, first person.
    Erase(Erase) = "erase",
    /// 依法删除, second person.
    ConfirmErase(ConfirmErase) = "confirm_erase",
    /// 退回补充, to the reporter.
    AskMore(AskMore) = "ask_more",
    /// 补充, by the reporter.
    Supplement(Supplement) = "supplement",
    /// 核实: somebody looks first.
    Check(Reason) = "check",
    /// What was found there.
    Checked(Checked) = "checked",
    /// 立案
    File(Reason) = "file",
    /// 不予立案
    Refuse(Reason) = "refuse",
    /// 并案
    Merge(MergeInto) = "merge",
    /// 派遣
    Dispatch(Dispatch) = "dispatch",
    /// 签收
    Accept(Nothing) = "accept",
    /// 二级派遣
    HandOn(HandOn) = "hand_on",
    /// 收回, a clerk's undo.
    TakeBack(Reason) = "take_back",
    /// 挂账 or 缓办
    Hang(Hang) = "hang",
    /// Ends that.
    Unhang(Reason) = "unhang",
    /// 督办
    Supervise(Reason) = "supervise",
    /// 申请退回
    RequestReturn(RequestReturn) = "request_return",
    /// 裁定
    RuleReturn(Ruling) = "rule_return",
    /// 申请延期, or a promise 承诺件
    RequestExtension(RequestExtension) = "request_extension",
    /// 延期审批
    RuleExtension(RuleExtension) = "rule_extension",
    /// 全市暂停, as it touches one clock.
    PauseClock(PauseClock) = "pause_clock",
    /// 到时: a time has come.
    Lapse(Lapse) = "lapse",
    /// 抽签: who checks.
    Draw(Draw) = "draw",
    /// The drawn one has seen the task.
    Opened(Nothing) = "opened",
    /// 回潮认定
    Relapse(Relapse) = "relapse",
    /// 申诉
    AppealRelapse(AppealRelapse) = "appeal_relapse",
    /// The word on an appeal.
    RuleAppeal(RuleAppeal) = "rule_appeal",
    /// 自行处置抽查
    SpotCheck(SpotCheck) = "spot_check",
    /// 处置反馈
    FeedBack(FeedBack) = "feed_back",
    /// 核查
    Verify(Verify) = "verify",
    /// 结案 without a field check.
    Close(Reason) = "close",
    /// 作废, first person.
    Void(Reason) = "void",
    /// 作废, second person.
    ConfirmVoid(ConfirmVoid) = "confirm_void",
    /// Stop waiting for photos.
    WaiveMedia(WaiveMedia) = "waive_media",
    /// 两处修改不一致, decided.
    ResolveConflict(ResolveConflict) = "resolve_conflict",
}

//! Verdicts: what became of an op (protocol 5). Values, not errors.

use crate::case::Erased;
use crate::id::{CaseId, OpId};
use serde::{Deserialize, Serialize};

crate::open_enum! {
    /// Why an op is kept as a note, or does not move a case.
    pub enum Why {
        /// The case is in another state: the move no longer fits.
        StateMoved = "state_moved",
        /// The case is in another round.
        OtherRound = "other_round",
        /// The author has no power for this move now.
        NoPower = "no_power",
        /// The rights at capture cannot be dated for certain.
        RightsUnsure = "rights_unsure",
        /// After filing, a field worker's edit is a proposal.
        Proposal = "proposal",
        /// Both cases already are one, or would form a ring.
        SameCase = "same_case",
        /// Only the reporter may take a report back.
        NotYours = "not_yours",
        /// A look without position cannot count.
        LookWithoutPosition = "look_without_position",
        /// A look outside the duty grid it names.
        LookOutsideGrid = "look_outside_grid",
        /// The same person looked at this duty grid less than two hours before.
        LookTooSoon = "look_too_soon",
        /// The named thing is not part of this case.
        NoSuchTarget = "no_such_target",
        /// A second person must confirm, not the same one.
        SamePerson = "same_person",
        /// The evidence names a feedback that is not the one being judged.
        OtherFeedback = "other_feedback",
        /// The op was merged into work that was already there.
        AlreadyThere = "already_there",
        /// It is about words that were erased; those in it were not taken, and are erased as well.
        Erased = "erased",
        /// A reason must be given: a code, or what is lacking; words and a date for a ruling.
        ReasonNeeded = "reason_needed",
        /// The time in which it could be taken back is over.
        TooLate = "too_late",
        /// A ruling must name the unit that leads from now on.
        LeadNeeded = "lead_needed",
        /// From the third request to return on, the deputy head rules.
        DeputyNeeded = "deputy_needed",
        /// More time was not asked for, or the date is no later than the one there is.
        NoLaterDate = "no_later_date",
        /// The time that is said to have come has not, or another counts by now.
        NotDue = "not_due",
        /// Another person was drawn for this check.
        NotDrawn = "not_drawn",
        /// Whoever dispatched it does not check it at the desk.
        OwnDispatch = "own_dispatch",
        /// The other case was not closed by a check, or not in the time in which it is watched.
        NotWatched = "not_watched",
    }
}

impl Why {
    /// What the worker's screen says: Chinese, English.
    #[must_use]
    pub fn text(&self) -> (&'static str, &'static str) {
        match self {
            Why::StateMoved => {
                ("案件已进入别的环节，已记入案件备注", "The case has moved on; kept as a note")
            }
            Why::OtherRound => {
                ("案件已进入新一轮，已记入案件备注", "The case is in another round; kept as a note")
            }
            Why::NoPower => {
                ("现在没有这项权限，已记入案件备注", "You do not hold this right now; kept as a note")
            }
            Why::RightsUnsure => {
                ("拍摄时间不能确定，待主管确认", "Capture time uncertain; a supervisor confirms")
            }
            Why::Proposal => ("已立案，修改作为建议留存", "Already filed; kept as a proposal"),
            Why::SameCase => ("两件已是同一案件", "Both are one case already"),
            Why::NotYours => ("只有上报人能撤回或补充", "Only the reporter can withdraw or add"),
            Why::LookWithoutPosition => (
                "没有定位，不计入巡查：打开定位，有位置后再点一次",
                "No position, so the look does not count: turn on location and tap again",
            ),
            Why::LookOutsideGrid => (
                "位置不在这个网格内，不计入巡查：走进网格，或选你所在的网格",
                "Outside the duty grid, so the look does not count: walk into it, or choose the one you stand in",
            ),
            Why::LookTooSoon => (
                "两小时内已巡查过，只计一次，不用再点",
                "Looked within two hours; counted once, no need to tap again",
            ),
            Why::NoSuchTarget => ("所指的照片或文字不在这件案件里", "What it names is not part of this case"),
            Why::SamePerson => ("须由另一人确认", "Another person must confirm"),
            Why::OtherFeedback => {
                ("核查的不是最近一次处置反馈，已记入备注", "It judges another feedback; kept as a note")
            }
            Why::AlreadyThere => ("已有相同内容", "The same was there already"),
            Why::Erased => {
                ("原文已依法删除，其中的文字未采用", "The words were erased; those in it were not taken")
            }
            Why::ReasonNeeded => ("要写明原因", "A reason is needed"),
            Why::TooLate => ("已过收回时间", "It can no longer be taken back"),
            Why::LeadNeeded => ("要写明责任单位", "The unit that leads must be named"),
            Why::DeputyNeeded => {
                ("第三次申请退回起由中心副主任裁定", "From the third request on, the deputy head rules")
            }
            Why::NoLaterDate => {
                ("没有待批的延期，或日期不晚于现有时限", "No later date was asked for than the one there is")
            }
            Why::NotDue => ("时间未到，或已有变化", "Not due, or it has changed since"),
            Why::NotDrawn => ("抽签由他人核查，已记入备注", "Another person was drawn; kept as a note"),
            Why::OwnDispatch => ("派遣人不能自己图片核查", "Whoever dispatched it does not check it"),
            Why::NotWatched => ("原案件不在回潮观察期内", "The other case is not being watched for relapse"),
            Why::Other(_) => ("已记入案件备注", "Kept as a note"),
        }
    }
}

crate::open_enum! {
    /// Why an op waits for a person (待人工处理).
    pub enum Cause {
        /// A kind or schema this server does not know yet.
        UnknownKind = "unknown_kind",
        /// The bytes are not an op.
        Malformed = "malformed",
        /// The op is over 16 KB or a text too long.
        TooLarge = "too_large",
        /// Text with U+0000.
        NulText = "nul_text",
        /// The same id came with another body.
        OtherBody = "other_body",
        /// The credential is not the author's.
        AuthorMismatch = "author_mismatch",
        /// The device of the op is not known here.
        UnknownDevice = "unknown_device",
        /// The author never held a right for this.
        NoRights = "no_rights",
        /// What it needs did not arrive in 72 hours.
        MissingPredecessor = "missing_predecessor",
        /// The rules broke on it.
        Panic = "panic",
        /// The database refused it.
        Engine = "engine",
        /// It was being applied when the server stopped uncleanly.
        Trying = "trying",
        /// It came from a device that is revoked: a person looks at it first.
        RevokedDevice = "revoked_device",
    }
}

/// When an op in quarantine is decided again without a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Waiting makes it no better: a person decides.
    Never,
    /// What it waits for decides it by arriving.
    Arrival,
    /// A newer server may understand it.
    Upgrade,
    /// The world around it may change: after 5 minutes, an hour, a day, and after an upgrade.
    Time,
}

impl Cause {
    /// When it is decided again; the one table of this.
    #[must_use]
    pub fn again(&self) -> Again {
        match self {
            Cause::UnknownKind | Cause::Malformed | Cause::Other(_) => Again::Upgrade,
            // Rights may be given for a time gone by; what broke may have been the moment's.
            Cause::NoRights | Cause::Panic | Cause::Engine | Cause::Trying => Again::Time,
            Cause::MissingPredecessor => Again::Arrival,
            Cause::TooLarge
            | Cause::NulText
            | Cause::OtherBody
            | Cause::AuthorMismatch
            | Cause::UnknownDevice
            | Cause::RevokedDevice => Again::Never,
        }
    }
    /// Whether it is about whose work it is (归属待定).
    #[must_use]
    pub fn is_of_authorship(&self) -> bool {
        matches!(self, Cause::AuthorMismatch | Cause::UnknownDevice | Cause::RevokedDevice)
    }
    /// What the desk reads: Chinese, English.
    #[must_use]
    pub fn text(&self) -> (&'static str, &'static str) {
        match self {
            Cause::UnknownKind => ("服务器还不认识这种操作", "A kind that this server does not know yet"),
            Cause::Malformed => ("内容读不懂", "The bytes cannot be read as an op"),
            Cause::TooLarge => ("内容太长", "Too long"),
            Cause::NulText => ("文字里有 U+0000", "Text with U+0000"),
            Cause::OtherBody => ("同一编号已有别的内容", "Another body stands under its id"),
            Cause::AuthorMismatch => ("凭证不是作者的", "The credential is not the author's"),
            Cause::UnknownDevice => ("不认识这台手机", "The device is not known here"),
            Cause::NoRights => ("作者没有权限", "The author never held a right for it"),
            Cause::MissingPredecessor => ("前面的操作没有到", "What it needs did not arrive"),
            Cause::Panic => ("处理规则出错", "The rules broke on it"),
            Cause::Engine => ("数据库拒收", "The database refused it"),
            Cause::Trying => ("处理它时服务器意外停止", "The server stopped while applying it"),
            Cause::RevokedDevice => ("来自已停用的手机", "From a device that is revoked"),
            Cause::Other(_) => ("待人工处理", "Waits for a person"),
        }
    }
}

/// What became of an op, as the server sees it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Waits for ops that have not arrived.
    Held {
        /// The ops it waits for.
        missing: Vec<OpId>,
    },
    /// Waits for a person.
    Quarantined {
        /// Names the entry at the desk.
        ticket: String,
        /// Why.
        cause: Cause,
    },
    /// Took effect.
    Applied,
    /// Took effect; these fields lost against a value that was there (they stay as conflicts).
    Merged {
        /// Fields where another value lost.
        superseded: Vec<String>,
    },
    /// Kept on the case as a note, with its photos.
    Noted {
        /// Why it is only a note.
        why: Why,
    },
    /// An administrator's edit stands in its place.
    Replaced {
        /// The op that replaces it.
        by: OpId,
    },
    /// Set aside by a person.
    Dismissed {
        /// The reason given.
        why: String,
    },
    /// A verdict this version does not know.
    #[serde(other)]
    Unknown,
}

impl Verdict {
    /// Whether nothing more will happen to the op by itself.
    #[must_use]
    pub fn is_final(&self) -> bool {
        !matches!(self, Verdict::Held { .. } | Verdict::Quarantined { .. } | Verdict::Unknown)
    }
    /// The word on the wire.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Held { .. } => "held",
            Verdict::Quarantined { .. } => "quarantined",
            Verdict::Applied => "applied",
            Verdict::Merged { .. } => "merged",
            Verdict::Noted { .. } => "noted",
            Verdict::Replaced { .. } => "replaced",
            Verdict::Dismissed { .. } => "dismissed",
            Verdict::Unknown => "unknown",
        }
    }
}

/// The row of a verdict in its device's feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerdictRow {
    /// The op.
    pub op_id: OpId,
    /// Its number on the device.
    pub device_seq: u64,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The cases it landed on.
    #[serde(default)]
    pub cases: Vec<CaseId>,
    /// What it said was erased: whoever holds its bytes deletes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<Erased>,
}

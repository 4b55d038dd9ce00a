//! The hotline 热线 (field.md U19): tickets of the city's platform as cases, how often somebody has called, the reply on the
//! platform's clock, and the call back. Phones see place and words, never the caller: who called is a row of its own, read by
//! hotline clerks alone, and each reading is a row of the audit log.

use super::people::require;
use super::system::Submit;
use super::{Credential, House, ServiceError, system};
use blindspot_core::CaseId;
use blindspot_core::access::Role;
use blindspot_core::case::{Case, CaseState, ClosedBy};
use blindspot_core::command::{Category, Reason, Report, Source};
use blindspot_core::division::GridId;
use blindspot_core::error::{BAD_REQUEST, CONFLICT, NOT_FOUND};
use blindspot_core::id::Sha256;
use blindspot_core::limits::TEXT_CHARS_MAX;
use blindspot_core::row::RowKind;
use blindspot_core::wire::v1::DeskOp;
use blindspot_store::hotline::{self, Caller, Ticket};
use blindspot_store::{StoreError, Tx, audit, rows};
use serde::{Deserialize, Serialize};

const CLERKS: &[Role] = &[Role::HotlineClerk];
const READERS: &[Role] = &[Role::HotlineClerk, Role::FilingDesk, Role::Supervisor];
/// Most tickets of a page.
const PAGE: i64 = 200;

/// A ticket to enter.
#[derive(Clone, Debug, Default, Deserialize, Serialize, utoipa::ToSchema)]
pub struct NewTicket {
    /// The platform's number 工单号.
    pub ticket_no: String,
    /// Where, in words: it becomes the landmark.
    pub place: String,
    /// What, in words.
    pub words: String,
    /// The duty grid, where the clerk knows it.
    #[serde(default)]
    pub grid: Option<GridId>,
    /// The item of the catalogue.
    #[serde(default)]
    pub item: Option<String>,
    /// 保密
    #[serde(default)]
    pub confidential: bool,
    /// 紧急·有危险
    #[serde(default)]
    pub urgent_danger: bool,
    /// When the platform wants its reply, milliseconds since 1970.
    #[serde(default)]
    pub reply_due_ms: Option<i64>,
    /// Who called, as given.
    #[serde(default)]
    pub caller_name: String,
    /// The number called from.
    #[serde(default)]
    pub caller_phone: String,
}

/// A ticket as it is read.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct TicketView {
    /// 工单号
    pub ticket_no: String,
    /// The case that stands for it: that it was merged into, when it was.
    pub case_id: CaseId,
    /// That case's state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<CaseState>,
    /// Its spoken number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_no: Option<String>,
    /// Where.
    pub place: String,
    /// What.
    pub words: String,
    /// 保密
    pub confidential: bool,
    /// 第 n 次: how often this caller has called about this place.
    pub nth: i64,
    /// When the platform wants its reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_due_ms: Option<i64>,
    /// Whether it is late.
    pub late: bool,
    /// The reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// What a reply could say now, by how the case stands.
    pub reply_draft: String,
    /// What the caller said when called back: `satisfied`, `fair`, `unsatisfied`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub satisfied: Option<String>,
    /// Whether it was opened once more.
    pub reopened: bool,
    /// When it was entered.
    pub created_ms: i64,
}

/// Who called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CallerView {
    /// As given.
    pub name: String,
    /// The number called from.
    pub phone: String,
}

/// Enters a ticket: a case of source 热线, which somebody is to look at first.
///
/// # Errors
/// `NO_RIGHTS`; `BAD_REQUEST` for a ticket without number, place or words; `CONFLICT` for a number that is there; the database's.
pub fn take(
    house: &House,
    who: Credential,
    new: &NewTicket,
    submit: Submit<'_>,
    now_ms: i64,
) -> Result<TicketView, ServiceError> {
    require(house, who, CLERKS, now_ms)?;
    let [no, place, words] = [&new.ticket_no, &new.place, &new.words].map(|text| text.trim().to_owned());
    for (name, text) in [("ticket_no", &no), ("place", &place), ("words", &words)] {
        if text.is_empty() || text.chars().count() > TEXT_CHARS_MAX || text.contains('\0') {
            return Err(ServiceError::because(
                &BAD_REQUEST,
                format!("{name}: it is empty, too long or no text"),
            ));
        }
    }
    let digits: String = new.caller_phone.chars().filter(char::is_ascii_digit).collect();
    let key = house.keys.mac("hotline caller", digits.as_bytes());
    let case_id = CaseId::from_parts(now_ms, hash_of(house, &no, 1));
    let caller =
        Caller { name: new.caller_name.trim().to_owned(), phone: new.caller_phone.trim().to_owned() };
    let ticket = house.store.write(|tx| {
        // Nobody's number is nobody's: calls without one are not counted as one caller's.
        let before = if digits.is_empty() { 0 } else { hotline::calls_before(tx, &house.city, key, &place)? };
        let ticket = Ticket {
            ticket_no: no.clone(),
            case_id,
            place: place.clone(),
            words: words.clone(),
            confidential: new.confidential,
            nth: before + 1,
            reply_due_ms: new.reply_due_ms,
            reply: None,
            replied_ms: None,
            satisfied: None,
            called_ms: None,
            reopened: false,
            created_ms: now_ms,
        };
        if !hotline::append(tx, &house.city, &ticket, key, &caller)? {
            return Err(ServiceError::because(&CONFLICT, "ticket_no: this ticket is entered already"));
        }
        Ok(ticket)
    })?;
    open(house, who, &ticket, new, 1, submit, now_ms)?;
    house.store.read(|tx| Ok(view(tx, house, ticket, now_ms)?))
}

fn hash_of(house: &House, no: &str, time: u32) -> [u8; 10] {
    let hash = Sha256::of(format!("hotline {} {no} {time}", house.city).as_bytes());
    let mut out = [0; 10];
    out.copy_from_slice(&hash.0[..10]);
    out
}

/// The ops that open the case of a ticket: the report, and that somebody looks first 核实.
fn open(
    house: &House,
    who: Credential,
    ticket: &Ticket,
    new: &NewTicket,
    time: u32,
    submit: Submit<'_>,
    now_ms: i64,
) -> Result<(), ServiceError> {
    let report = Report {
        source: Source::Hotline,
        urgent_danger: new.urgent_danger,
        grid: new.grid.clone(),
        landmark: Some(ticket.place.clone()),
        tags: vec![format!("热线第{}次", ticket.nth)],
        category: new.item.clone().map(|item| Category { item: Some(item), ..Category::default() }),
        description: Some(ticket.words.clone()),
        ..Report::default()
    };
    let about = format!("{} {} {time}", house.city, ticket.ticket_no);
    let report: DeskOp = system::op("report", &format!("hotline {about}"), now_ms, &report)?;
    let look = Reason { reason: "hotline".into(), ..Reason::default() };
    let check: DeskOp = system::op("check", &format!("hotline {about}"), now_ms, &look)?;
    let case = ticket.case_id;
    system::act(who, vec![(case, report), (case, check)], submit, now_ms).map(drop)
}

/// Tickets, the newest first; before a place in the list.
///
/// # Errors
/// `NO_RIGHTS`; the database's.
pub fn list(
    house: &House,
    who: Credential,
    before: Option<(i64, String)>,
    now_ms: i64,
) -> Result<Vec<TicketView>, ServiceError> {
    require(house, who, READERS, now_ms)?;
    house.store.read(|tx| {
        let before = before.as_ref().map(|(at_ms, no)| (*at_ms, no.as_str()));
        let page = hotline::load_page(tx, &house.city, before, PAGE)?;
        page.into_iter().map(|ticket| Ok(view(tx, house, ticket, now_ms)?)).collect()
    })
}

/// The case that stands for a ticket now: merges are followed.
fn standing(tx: &Tx<'_>, house: &House, case: CaseId) -> Result<Option<Case>, StoreError> {
    let mut at = case;
    for _ in 0..32 {
        let row = rows::load_row(tx, &house.city, &RowKind::Case, &at.to_string())?;
        let Some(case) = row.map(|row| serde_json::from_str::<Case>(&row.body)).transpose()? else {
            return Ok(None);
        };
        match case.merged_into {
            Some(into) => at = into,
            None => return Ok(Some(case)),
        }
    }
    Ok(None)
}

fn view(tx: &Tx<'_>, house: &House, ticket: Ticket, now_ms: i64) -> Result<TicketView, StoreError> {
    let case = standing(tx, house, ticket.case_id)?;
    Ok(TicketView {
        case_id: case.as_ref().map_or(ticket.case_id, |c| c.case_id),
        short_no: case.as_ref().and_then(|c| c.short_no.as_ref()).map(|n| n.text()),
        reply_draft: draft(case.as_ref()),
        state: case.map(|c| c.state),
        late: ticket.reply.is_none() && ticket.reply_due_ms.is_some_and(|due| due < now_ms),
        ticket_no: ticket.ticket_no,
        place: ticket.place,
        words: ticket.words,
        confidential: ticket.confidential,
        nth: ticket.nth,
        reply_due_ms: ticket.reply_due_ms,
        reply: ticket.reply,
        satisfied: ticket.satisfied,
        reopened: ticket.reopened,
        created_ms: ticket.created_ms,
    })
}

/// A reply by how the case stands; a clerk reads it before it goes out.
fn draft(case: Option<&Case>) -> String {
    let Some(case) = case else { return "您反映的问题已收到，正在核实。".to_owned() };
    let no = case.short_no.as_ref().map(|n| format!("（{}）", n.text())).unwrap_or_default();
    let said = match &case.state {
        CaseState::Refused => "经现场核实，未发现所反映的问题。",
        CaseState::Closed | CaseState::Watch | CaseState::Archived => {
            match case.closing.as_ref().map(|c| &c.by) {
                Some(ClosedBy::Verify) => "已处置完毕，并经现场核查。感谢您的监督。",
                _ => "已处置完毕。感谢您的监督。",
            }
        }
        CaseState::Hung => "因施工或季节原因暂缓处置，到期将恢复处置并再次答复。",
        state if state.before_filing() => "已收到，正在核实。",
        _ => "已派有关单位处置，正在办理。",
    };
    format!("您反映的问题{no}{said}")
}

/// Who called. Each reading is on record.
///
/// # Errors
/// `NO_RIGHTS`; `NOT_FOUND`; the database's.
pub fn caller(house: &House, who: Credential, no: &str, now_ms: i64) -> Result<CallerView, ServiceError> {
    require(house, who, CLERKS, now_ms)?;
    house.store.write(|tx| {
        let found = hotline::load_caller(tx, &house.city, no)?;
        let Caller { name, phone } = found.ok_or_else(|| ServiceError::refused(&NOT_FOUND))?;
        let (actor, object) = (who.person.to_string(), format!("hotline:{no}"));
        audit::append(tx, &house.city, now_ms, &actor, "view_caller", &object, "ok", "{}")?;
        Ok(CallerView { name, phone })
    })
}

/// Forgets who called.
///
/// # Errors
/// `NO_RIGHTS`; `NOT_FOUND`; the database's.
pub fn forget_caller(house: &House, who: Credential, no: &str, now_ms: i64) -> Result<(), ServiceError> {
    require(house, who, &[Role::Supervisor, Role::Administrator], now_ms)?;
    house.store.write(|tx| {
        if !hotline::forget_caller(tx, &house.city, no)? {
            return Err(ServiceError::refused(&NOT_FOUND));
        }
        let (actor, object) = (who.person.to_string(), format!("hotline:{no}"));
        Ok(audit::append(tx, &house.city, now_ms, &actor, "forget_caller", &object, "ok", "{}")?)
    })
}

/// The reply 答复.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ReplyRequest {
    /// The words; the draft when nothing is said.
    #[serde(default)]
    pub text: Option<String>,
}

/// Writes the reply that the platform is given.
///
/// # Errors
/// `NO_RIGHTS`; `NOT_FOUND`; `BAD_REQUEST` for no words; the database's.
pub fn reply(
    house: &House,
    who: Credential,
    no: &str,
    request: &ReplyRequest,
    now_ms: i64,
) -> Result<TicketView, ServiceError> {
    require(house, who, CLERKS, now_ms)?;
    house.store.write(|tx| {
        let ticket = hotline::load(tx, &house.city, no)?.ok_or_else(|| ServiceError::refused(&NOT_FOUND))?;
        let text = match &request.text {
            Some(text) => text.trim().to_owned(),
            None => draft(standing(tx, house, ticket.case_id)?.as_ref()),
        };
        if text.is_empty() || text.chars().count() > TEXT_CHARS_MAX {
            return Err(ServiceError::because(&BAD_REQUEST, "text: it is empty or too long"));
        }
        hotline::save_reply(tx, &house.city, no, &text, now_ms)?;
        Ok(view(tx, house, Ticket { reply: Some(text), ..ticket }, now_ms)?)
    })
}

/// What the caller said 回访.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Satisfied {
    /// 满意
    Satisfied,
    /// 基本满意
    Fair,
    /// 不满意
    Unsatisfied,
}

/// A call back.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct CallBackRequest {
    /// What was said.
    pub satisfied: Satisfied,
}

/// Writes down a call back. Not satisfied, it is opened again, once: as a case of its own at the desk.
///
/// # Errors
/// `NO_RIGHTS`; `NOT_FOUND`; `CONFLICT` before there is a reply; the database's.
pub fn call_back(
    house: &House,
    who: Credential,
    no: &str,
    request: &CallBackRequest,
    submit: Submit<'_>,
    now_ms: i64,
) -> Result<TicketView, ServiceError> {
    require(house, who, CLERKS, now_ms)?;
    let word = match request.satisfied {
        Satisfied::Satisfied => "satisfied",
        Satisfied::Fair => "fair",
        Satisfied::Unsatisfied => "unsatisfied",
    };
    let (ticket, again) = house.store.write(|tx| {
        let mut ticket =
            hotline::load(tx, &house.city, no)?.ok_or_else(|| ServiceError::refused(&NOT_FOUND))?;
        if ticket.reply.is_none() {
            return Err(ServiceError::because(&CONFLICT, "reply first, then call back"));
        }
        let again = request.satisfied == Satisfied::Unsatisfied && !ticket.reopened;
        let old = again.then(|| standing(tx, house, ticket.case_id)).transpose()?.flatten();
        if again {
            ticket.case_id = CaseId::from_parts(now_ms, hash_of(house, no, 2));
        }
        ticket.reopened |= again;
        ticket.satisfied = Some(word.to_owned());
        hotline::save_called(tx, &house.city, no, word, now_ms, ticket.reopened, ticket.case_id)?;
        Ok((ticket, again.then_some(old)))
    })?;
    if let Some(old) = again {
        let new = NewTicket {
            grid: old.as_ref().and_then(|case| case.place.grid.clone()),
            item: old.as_ref().and_then(|case| case.item(house.reference().catalogue.as_ref())),
            ..NewTicket::default()
        };
        open(house, who, &ticket, &new, 2, submit, now_ms)?;
    }
    house.store.read(|tx| Ok(view(tx, house, ticket, now_ms)?))
}

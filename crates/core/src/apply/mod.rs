//! Deciding one op: pure, the same on server and phone (protocol 1).
//!
//! `apply` reads a `World` and gives an `Outcome`; it changes nothing itself. Knows no order between
//! ops: whoever calls it (the server's writer, the phone's replay) has put them in one.

mod clock;
mod erase;
mod evidence;
mod filing;
mod media;
mod moves;
mod place;
mod relapse;
mod report;
mod returns;
mod verify;
mod work;

pub use clock::next_lapse;
pub use verify::next_draw;

use crate::access::{
    Area, Class, EvidenceRights, Grant, Role, Standing, evidence_rights, has_power, has_role, policy,
};
use crate::case::CaseFile;
use crate::command::{Command, CommandProblem};
use crate::deadline::Due;
use crate::id::{CaseId, DeptKey};
use crate::op::SealedOp;
use crate::verdict::{Cause, Verdict, Why};
use crate::world::{Ctx, Outcome, World};

/// The cases an op names, to be loaded (with the roots they were merged into) before `apply`.
#[must_use]
pub fn touched(op: &SealedOp) -> Vec<CaseId> {
    let mut cases: Vec<CaseId> = op.env.case_id.into_iter().collect();
    if op.env.kind == "merge"
        && let Ok(Command::Merge(merge)) = op.command()
    {
        cases.push(merge.into);
    }
    if op.env.kind == "relapse"
        && let Ok(Command::Relapse(relapse)) = op.command()
    {
        cases.push(relapse.of);
    }
    cases
}

/// Decides an op.
///
/// Held when its case is not here yet; quarantined when it cannot be read or its author never held
/// the right. Everything else is final.
#[must_use]
pub fn apply(world: &World, op: &SealedOp, ctx: &Ctx<'_>) -> Outcome {
    let command = match op.command() {
        Ok(command) => command,
        Err(CommandProblem::UnknownKind { .. }) => return quarantined(op, Cause::UnknownKind),
        Err(CommandProblem::Malformed { .. }) => return quarantined(op, Cause::Malformed),
    };
    let rights = match policy(command.kind()).map(|p| p.class) {
        Some(Class::Evidence) => {
            evidence_rights(ctx.author.grants, &ctx.time, ctx.author.enrolled_ms, ctx.now_ms)
        }
        _ => EvidenceRights::Held,
    };
    if rights == EvidenceRights::Never {
        return quarantined(op, Cause::NoRights);
    }
    let step = Step { world, op, ctx, unsure: rights == EvidenceRights::Unsure };
    match command {
        Command::Look(look) => evidence::look(&step, &look),
        Command::Report(report) => report::report(&step, report, false),
        Command::SelfFixed(report) => report::report(&step, report, true),
        other => on_case(&step, other),
    }
}

/// Ops about a case that must already be here.
fn on_case(step: &Step<'_>, command: Command) -> Outcome {
    let Some(named) = step.op.env.case_id else { return quarantined(step.op, Cause::Malformed) };
    // A withdrawal is about the report itself, an erasure about a row where it stands; everything else follows
    // merges to the standing case.
    let stays = matches!(command, Command::Withdraw(_) | Command::Erase(_) | Command::ConfirmErase(_));
    let target = if stays { named } else { step.world.root_of(named) };
    let Some(file) = step.world.cases.get(&target) else { return held(step.op) };
    let file = (**file).clone();
    match command {
        Command::Edit(edit) => evidence::edit(step, file, &edit),
        Command::Relocate(to) => evidence::relocate(step, file, to),
        Command::Comment(comment) => evidence::comment(step, file, comment.text),
        Command::Photo(photo) => media::photo(step, file, photo),
        Command::PhotoLost(lost) => media::photo_lost(step, file, lost),
        Command::WaiveMedia(waive) => media::waive(step, file, &waive),
        Command::Redact(redact) => media::redact(step, file, redact),
        Command::Erase(erase) => erase::erase(step, file, erase),
        Command::ConfirmErase(confirm) => erase::confirm(step, file, &confirm),
        Command::Withdraw(_) => moves::withdraw(step, file),
        Command::AskMore(ask) => filing::ask_more(step, file, ask),
        Command::Supplement(more) => filing::supplement(step, file, more),
        Command::Check(reason) => filing::check(step, file, reason),
        Command::Checked(seen) => filing::checked(step, file, seen),
        Command::File(reason) => moves::file(step, file, reason),
        Command::Refuse(reason) => moves::refuse(step, file, reason),
        Command::Merge(into) => moves::merge(step, file, into.into),
        Command::Dispatch(dispatch) => moves::dispatch(step, file, dispatch),
        Command::Accept(_) => moves::accept(step, file),
        Command::HandOn(to) => work::hand_on(step, file, to),
        Command::TakeBack(reason) => work::take_back(step, file, reason),
        Command::Hang(hang) => work::hang(step, file, hang),
        Command::Unhang(reason) => work::unhang(step, file, reason),
        Command::Supervise(reason) => work::supervise(step, file, reason),
        Command::RequestReturn(ask) => returns::request(step, file, ask),
        Command::RuleReturn(ruling) => returns::rule(step, file, ruling),
        Command::FeedBack(back) => moves::feed_back(step, file, back),
        Command::RequestExtension(ask) => clock::request(step, file, ask),
        Command::RuleExtension(ruling) => clock::rule(step, file, ruling),
        Command::PauseClock(pause) => clock::pause(step, file, &pause),
        Command::Lapse(lapse) => clock::lapse(step, file, &lapse),
        Command::Draw(draw) => verify::draw(step, file, draw),
        Command::Opened(_) => verify::opened(step, file),
        Command::Relapse(relapse) => relapse::recognise(step, file, relapse),
        Command::AppealRelapse(appeal) => relapse::appeal(step, file, appeal),
        Command::RuleAppeal(ruling) => relapse::rule_appeal(step, file, ruling),
        Command::SpotCheck(check) => verify::spot_check(step, file, check),
        Command::Verify(verify) => verify::verify(step, file, verify),
        Command::Close(reason) => moves::close(step, file, reason),
        Command::Void(reason) => moves::void(step, file, reason),
        Command::ConfirmVoid(confirm) => moves::confirm_void(step, file, &confirm),
        Command::ResolveConflict(choice) => evidence::resolve(step, file, choice),
        Command::Report(_) | Command::SelfFixed(_) | Command::Look(_) => {
            quarantined(step.op, Cause::Malformed)
        }
    }
}

/// One decision under way.
struct Step<'a> {
    world: &'a World,
    op: &'a SealedOp,
    ctx: &'a Ctx<'a>,
    /// The author's rights at capture are not certain.
    unsure: bool,
}

impl Step<'_> {
    /// Where a case stands, as far as rights care.
    fn standing(file: &CaseFile) -> Standing<'_> {
        let case = &file.case;
        Standing {
            town: case.place.town.as_ref(),
            grid: case.place.grid.as_ref(),
            lead: case.lead.as_ref(),
            assists: &case.assists,
        }
    }

    /// The clock of a case that a unit gets now, by its item.
    fn clock(&self, file: &CaseFile) -> Due {
        let item = file.case.item(self.ctx.catalogue);
        let Ctx { calendars, catalogue, now_ms, .. } = self.ctx;
        Due::begin_in(calendars, *catalogue, item.as_deref(), file.case.urgent_danger, *now_ms)
    }

    /// Whether the author holds the power of a kind over this case now.
    fn power(&self, kind: &str, file: &CaseFile) -> bool {
        has_power(self.ctx.author.grants, kind, Self::standing(file), self.ctx.now_ms)
    }

    /// Whether the author holds a role over this case now.
    fn holds(&self, role: &Role, file: &CaseFile) -> bool {
        has_role(self.ctx.author.grants, role, Self::standing(file), self.ctx.now_ms)
    }

    /// Whether the author is a clerk of a unit now.
    fn clerk_of(&self, unit: &DeptKey) -> bool {
        let area = Area::Dept(unit.clone());
        let of_unit = |g: &Grant| g.role == Role::UnitClerk && g.area == area;
        self.ctx.author.grants.iter().any(|g| of_unit(g) && g.span.contains(self.ctx.now_ms))
    }

    /// The id the author named, when the case was merged since.
    fn named(&self, file: &CaseFile) -> Option<CaseId> {
        self.op.env.case_id.filter(|named| *named != file.id())
    }

    /// The case changed; the verdict is `applied`, or `noted{rights_unsure}` for uncertain evidence.
    fn done(&self, file: CaseFile) -> Outcome {
        let verdict = if self.unsure { Verdict::Noted { why: Why::RightsUnsure } } else { Verdict::Applied };
        self.with(file, verdict)
    }

    fn with(&self, mut file: CaseFile, verdict: Verdict) -> Outcome {
        let id = file.id();
        file.settle();
        let was = self.world.cases.get(&id);
        if was.is_some_and(|was| was.case.state != file.case.state) {
            file.case.since_ms = Some(self.ctx.now_ms);
        }
        let same = was.is_some_and(|was| **was == file);
        if !same {
            file.case.updated_ms = file.case.updated_ms.max(self.ctx.now_ms);
        }
        Outcome { cases: vec![id], changed: if same { vec![] } else { vec![file] }, ..Outcome::of(verdict) }
    }

    /// Nothing changes but the op stays on the case's record, with the reason.
    fn noted(&self, file: &CaseFile, why: Why) -> Outcome {
        Outcome { cases: vec![file.id()], ..Outcome::of(Verdict::Noted { why }) }
    }
}

fn quarantined(op: &SealedOp, cause: Cause) -> Outcome {
    let verdict = Verdict::Quarantined { ticket: op.env.op_id.to_string(), cause };
    Outcome::of(verdict)
}

/// The case is not here: its report has not arrived, or is itself held.
fn held(_op: &SealedOp) -> Outcome {
    Outcome::of(Verdict::Held { missing: vec![] })
}

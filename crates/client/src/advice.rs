//! What a phone can say of a case by itself, offline: cases near by that may be the same 并案建议 or come back 回潮, and rulings
//! on like cases before a unit asks to return one; and the owner's own month. From the mirror and own undecided work; decides nothing.

use crate::error::ClientError;
use crate::replica::Replica;
use crate::store::outbox;
use crate::view::CaseFilter;
use blindspot_core::CaseId;
use blindspot_core::case::{Case, CaseFile, Part};
use blindspot_core::duty::{Duty, OfCase, Precedent};
use blindspot_core::projection::month::{Month, month};
use blindspot_core::projection::near::{Near, near};
use blindspot_core::row::RowKind;
use blindspot_core::verdict::{Verdict, Why};
use std::collections::BTreeSet;

impl Replica {
    /// The owner's own month 我的月报, offline: what this phone reported, and what of his other phones the mirror tells for
    /// certain. What is not sent yet is in it as 待定. The server's word is `GET /v1/me/month`.
    ///
    /// # Errors
    /// `Db` or `Stored`; `NotEnrolled` before the phone is somebody's.
    pub fn own_month(&self, wanted: &str) -> Result<Month, ClientError> {
        let opens = |e: &outbox::OutboxEntry| {
            let there = matches!(&e.verdict, Some(Verdict::Noted { why }) if *why == Why::AlreadyThere);
            matches!(e.kind.as_str(), "report" | "self_fixed") && !there
        };
        let sent = outbox::list(&self.db)?.into_iter().filter(opens).filter_map(|e| e.case_id);
        let sent: BTreeSet<CaseId> = sent.collect();
        let me = self.enrolled()?.person_id;
        let views = self.cases(CaseFilter::default())?;
        // Into which others were merged has their reporters too: only what was sent from here is his for certain.
        let own = |file: &CaseFile| {
            let alone = file.case.merged_from.is_empty() && file.in_part(Part::Reporter).any(|p| p == me);
            sent.contains(&file.id()) || alone
        };
        Ok(month(wanted, views.iter().map(|view| &view.file).filter(|f| own(f)).map(|f| &f.case)))
    }

    /// Cases near this one that it may be the same as, or come back of; the likeliest first. Nothing of a case that is not
    /// here or has no point.
    ///
    /// # Errors
    /// `Db` or `Stored`.
    pub fn near(&self, case: CaseId) -> Result<Vec<Near>, ClientError> {
        let views = self.cases(CaseFilter::default())?;
        let Some(mine) = views.iter().find(|view| view.file.id() == case) else { return Ok(vec![]) };
        let others: Vec<&Case> = views.iter().map(|view| &view.file.case).collect();
        Ok(near(&mine.file.case, others, self.catalogue()?))
    }

    /// Rulings on cases like this one that hold at a time (milliseconds since 1970), the newest first.
    ///
    /// # Errors
    /// `Db` or `Stored`.
    pub fn precedents(&self, case: CaseId, at_ms: i64) -> Result<Vec<Precedent>, ClientError> {
        let Some(view) = self.case(case)? else { return Ok(vec![]) };
        let duty = Duty { precedents: self.all(&RowKind::Precedent)?, ..Duty::default() };
        let of_case = OfCase::read(&view.file.case, self.places()?, self.catalogue()?, at_ms);
        Ok(duty.precedents(&of_case.asked(at_ms)).into_iter().cloned().collect())
    }
}

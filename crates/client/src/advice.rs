//! What a phone can say of a case by itself, offline: cases near by that may be the same 并案建议 or come back 回潮, and rulings
//! on like cases before a unit asks to return one. From the mirror and own undecided work; decides nothing.

use crate::error::ClientError;
use crate::replica::Replica;
use crate::view::CaseFilter;
use blindspot_core::CaseId;
use blindspot_core::case::Case;
use blindspot_core::duty::{Duty, OfCase, Precedent};
use blindspot_core::projection::near::{Near, near};
use blindspot_core::row::RowKind;

impl Replica {
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

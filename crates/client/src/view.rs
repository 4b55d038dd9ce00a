//! Cases as a screen shows them: mirror plus own undecided ops, with what became of each.

use crate::error::ClientError;
use crate::replica::Replica;
use crate::store::outbox::{OpState, OutboxEntry};
use crate::store::{mirror, outbox, uploads};
use blindspot_core::CaseId;
use blindspot_core::case::CaseFile;
use blindspot_core::projection::worklist::{Stage, stage_of};
use std::collections::BTreeSet;

/// Which cases to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaseFilter {
    /// Only cases in which somebody still has to do something.
    pub open_only: bool,
    /// Only cases with own ops on this phone.
    pub mine_only: bool,
    /// At most so many, newest change first; nothing means all.
    pub limit: Option<usize>,
}

/// A case as shown.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseView {
    /// The case with its children.
    pub file: CaseFile,
    /// 短号 once there is one, else 临时号.
    pub number: Option<String>,
    /// Where own work on it stands; nothing when there is none on this phone.
    pub stage: Option<Stage>,
    /// Own ops that are not in the mirror yet, or were decided against, with their verdicts.
    pub own_ops: Vec<OutboxEntry>,
    /// 已不归你管: it left the scope and stays only for unsent work.
    pub scope_lost: bool,
}

impl CaseView {
    /// Own ops that are not finally decided.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.own_ops.iter().filter(|o| o.overlay).count()
    }
}

impl Replica {
    /// Cases, newest change first.
    ///
    /// # Errors
    /// `Db` or `Stored`.
    pub fn cases(&self, filter: CaseFilter) -> Result<Vec<CaseView>, ClientError> {
        let world = self.replayed()?;
        let mut ids: BTreeSet<CaseId> = mirror::case_ids(&self.db)?.into_iter().collect();
        ids.extend(world.cases.keys());
        let mut files = Vec::new();
        for id in ids {
            let mirrored = self.mirrored(id)?;
            let pinned = mirrored.as_ref().is_some_and(|(_, p)| *p);
            let file = world.cases.get(&id).map(|f| (**f).clone()).or(mirrored.map(|(f, _)| f));
            if let Some(file) = file
                && (!filter.open_only || file.case.state.is_open())
            {
                files.push((file, pinned));
            }
        }
        files.sort_by(|(a, _), (b, _)| {
            b.case.updated_ms.cmp(&a.case.updated_ms).then_with(|| b.id().cmp(&a.id()))
        });
        let mut views = Vec::new();
        for (file, pinned) in files {
            if filter.limit.is_some_and(|most| views.len() >= most) {
                break;
            }
            let view = self.shown(file, pinned)?;
            if !filter.mine_only || !view.own_ops.is_empty() {
                views.push(view);
            }
        }
        Ok(views)
    }

    /// One case.
    ///
    /// # Errors
    /// `Db` or `Stored`.
    pub fn case(&self, id: CaseId) -> Result<Option<CaseView>, ClientError> {
        let mut world = self.replayed()?;
        let mirrored = self.mirrored(id)?;
        let pinned = mirrored.as_ref().is_some_and(|(_, p)| *p);
        let file = world.cases.remove(&id).map(|f| *f).or(mirrored.map(|(f, _)| f));
        file.map(|f| self.shown(f, pinned)).transpose()
    }

    fn shown(&self, file: CaseFile, scope_lost: bool) -> Result<CaseView, ClientError> {
        let own_ops = outbox::of_case(&self.db, file.id())?;
        let number = file.case.short_no.as_ref().map(|n| n.text()).or_else(|| file.case.local_tag.clone());
        let stage = self.stage(&file, &own_ops)?;
        Ok(CaseView { file, number, stage, own_ops, scope_lost })
    }

    /// The least far of own ops decides; a photo on its way keeps a case from being verified.
    fn stage(&self, file: &CaseFile, own: &[OutboxEntry]) -> Result<Option<Stage>, ClientError> {
        if own.is_empty() {
            return Ok(None);
        }
        let waits_for = if own.iter().any(|o| o.state == OpState::Unsendable) {
            "tray"
        } else if self.online {
            "sending"
        } else {
            "network"
        };
        let photos = uploads::all_verified(&self.db, file.id())?;
        let unsent = own.iter().any(|o| o.state != OpState::Acknowledged);
        let open = own.iter().find(|o| o.verdict.as_ref().is_some_and(|v| !v.is_final()));
        let last = open.or(own.last()).and_then(|o| o.verdict.as_ref());
        Ok(Some(stage_of(if unsent { None } else { last }, photos, waits_for)))
    }
}

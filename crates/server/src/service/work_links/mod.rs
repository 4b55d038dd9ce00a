//! Work links 处置链接 (field.md U9): one case opened to whoever does the work, without an account. Made by the clerk of the unit
//! that leads, in whose name all is done that is done by it; revocable, and over three days after the deadline. Knows no HTTP.

pub mod page;
pub mod submit;
#[cfg(test)]
mod tests;

use crate::auth::secret;
use crate::service::{Credential, House, ServiceError, cases};
use blindspot_core::access::{Standing, has_power};
use blindspot_core::case::{Case, find_move};
use blindspot_core::error::{CONFLICT, NO_RIGHTS, NOT_FOUND};
use blindspot_core::id::LinkId;
use blindspot_core::{CaseId, DeviceId, PersonId};
use blindspot_store::devices::{DeviceRecord, DeviceState};
use blindspot_store::work_links::{self as store, WorkLink};
use blindspot_store::{Tx, accounts, audit, devices};
use serde::Serialize;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// How long after the deadline a link is good, milliseconds (3 days).
const AFTER_DUE_MS: i64 = 3 * 24 * 3_600_000;
/// Most links of a case that are good at the same time.
const LIVE_MAX: usize = 20;
/// What the key signs.
const PURPOSE: &str = "work link";
const MAC_BYTES: usize = 16;

/// A link as its unit sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = WorkLink)]
pub struct LinkView {
    /// Its id.
    pub link_id: LinkId,
    /// The round for which it is good.
    pub round: u32,
    /// Who made it: shown to the unit and the desks that read the case.
    pub issuer: String,
    /// Since when, milliseconds since 1970.
    pub created_ms: i64,
    /// Until when.
    pub expires_ms: i64,
    /// When somebody ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_ms: Option<i64>,
    /// How often its page was opened. By whom is not kept.
    pub opened: i64,
}

/// A link that was just made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct NewWorkLink {
    /// The link.
    #[serde(flatten)]
    pub link: LinkView,
    /// The address to hand on. Shown this once.
    pub url: String,
}

/// The secret end of a link's address.
#[must_use]
pub fn token_of(house: &House, link: LinkId) -> String {
    let mac = house.keys.mac(PURPOSE, link.as_bytes());
    secret::to_base64(&[link.as_bytes().as_slice(), &mac[..MAC_BYTES]].concat())
}

/// Whose address it is; nothing for one that this server did not make.
pub(super) fn link_of(house: &House, token: &str) -> Option<LinkId> {
    use subtle::ConstantTimeEq as _;
    let bytes = secret::from_base64(token).filter(|b| b.len() == 16 + MAC_BYTES)?;
    let (id, given) = bytes.split_first_chunk::<16>()?;
    let mac = house.keys.mac(PURPOSE, id);
    bool::from(mac[..MAC_BYTES].ct_eq(given)).then(|| LinkId::from_bytes(*id))
}

fn standing(case: &Case) -> Standing<'_> {
    Standing {
        town: case.place.town.as_ref(),
        grid: case.place.grid.as_ref(),
        lead: case.lead.as_ref(),
        assists: &case.assists,
    }
}

/// Whether somebody may feed back on a case now: who may not cannot hand it on either.
fn may_feed_back(
    tx: &Tx<'_>,
    house: &House,
    who: PersonId,
    case: &Case,
    now_ms: i64,
) -> Result<bool, ServiceError> {
    let grants = accounts::load_grants(tx, &house.city, who)?;
    Ok(has_power(&grants, "feed_back", standing(case), now_ms))
}

/// The case, when the caller reads it.
fn read_case(house: &House, who: Credential, case: CaseId, now_ms: i64) -> Result<Case, ServiceError> {
    let file = cases::can_read_case(house, who, case, now_ms)?;
    file.map(|f| f.case).ok_or_else(|| ServiceError::refused(&NOT_FOUND))
}

/// Makes a link.
///
/// # Errors
/// `NOT_FOUND`; `NO_RIGHTS` for who may not feed back on the case; `CONFLICT` for a case on which nobody may now, and for too
/// many links.
pub fn make(
    house: &House,
    who: Credential,
    case: CaseId,
    base_url: &str,
    now_ms: i64,
) -> Result<NewWorkLink, ServiceError> {
    let case = read_case(house, who, case, now_ms)?;
    let link_id = LinkId::from_parts(now_ms, house.id_bytes());
    let due_ms = case.due.as_ref().map_or(now_ms, |due| due.due_ms);
    let link = WorkLink {
        link_id,
        case_id: case.case_id,
        round: case.round,
        issuer: who.person,
        device_id: DeviceId::from_parts(now_ms, house.id_bytes()),
        created_ms: now_ms,
        expires_ms: due_ms.max(now_ms) + AFTER_DUE_MS,
        revoked_ms: None,
        opened: 0,
    };
    let name = house.store.write(|tx| {
        if !may_feed_back(tx, house, who.person, &case, now_ms)? {
            return Err(ServiceError::because(&NO_RIGHTS, "a clerk of the unit that leads makes work links"));
        }
        if find_move("feed_back", &case.state, case.round, None).is_err() {
            return Err(ServiceError::because(
                &CONFLICT,
                format!("nothing to be done in state {}", case.state),
            ));
        }
        let all = store::load_of_case(tx, &house.city, case.case_id)?;
        if all.iter().filter(|l| l.revoked_ms.is_none() && l.expires_ms > now_ms).count() >= LIVE_MAX {
            return Err(ServiceError::because(&CONFLICT, "too many links of this case: revoke some"));
        }
        devices::save_device(tx, &house.city, &device_of(&link))?;
        store::append(tx, &house.city, &link)?;
        note(tx, house, who, ("work_link_made", &link), now_ms)?;
        Ok(accounts::load_person(tx, &house.city, who.person)?.map(|p| p.name))
    })?;
    let url = format!("{}/w/{}", base_url.trim_end_matches('/'), token_of(house, link_id));
    Ok(NewWorkLink { link: view(link, name.unwrap_or_default()), url })
}

/// The device of a link's ops: like a desk session's, in the issuer's name.
fn device_of(link: &WorkLink) -> DeviceRecord {
    DeviceRecord {
        device_id: link.device_id,
        person_id: link.issuer,
        desk: true,
        key_alg: None,
        public_key: None,
        label: String::new(),
        app: "work_link".to_owned(),
        tag_prefix: 0,
        enrolled_ms: link.created_ms,
        state: DeviceState::Active,
        revoked_ms: None,
        last_seen_ms: None,
        received_through: 0,
    }
}

fn note(
    tx: &Tx<'_>,
    house: &House,
    who: Credential,
    (action, link): (&str, &WorkLink),
    now_ms: i64,
) -> Result<(), ServiceError> {
    let (object, detail) = (format!("case:{}", link.case_id), format!("{{\"link\":\"{}\"}}", link.link_id));
    Ok(audit::append(tx, &house.city, now_ms, &who.person.to_string(), action, &object, "ok", &detail)?)
}

fn view(link: WorkLink, issuer: String) -> LinkView {
    let WorkLink { link_id, round, created_ms, expires_ms, revoked_ms, opened, .. } = link;
    LinkView { link_id, round, issuer, created_ms, expires_ms, revoked_ms, opened }
}

/// The links of a case, for who may feed back on it.
///
/// # Errors
/// `NOT_FOUND`, `NO_RIGHTS`.
pub fn list(
    house: &House,
    who: Credential,
    case: CaseId,
    now_ms: i64,
) -> Result<Vec<LinkView>, ServiceError> {
    let case = read_case(house, who, case, now_ms)?;
    house.store.read(|tx| {
        if !may_feed_back(tx, house, who.person, &case, now_ms)? {
            return Err(ServiceError::refused(&NO_RIGHTS));
        }
        let mut names: BTreeMap<PersonId, String> = BTreeMap::new();
        let mut out = Vec::new();
        for link in store::load_of_case(tx, &house.city, case.case_id)? {
            if let Entry::Vacant(slot) = names.entry(link.issuer) {
                let person = accounts::load_person(tx, &house.city, link.issuer)?;
                slot.insert(person.map(|p| p.name).unwrap_or_default());
            }
            let name = names.get(&link.issuer).cloned().unwrap_or_default();
            out.push(view(link, name));
        }
        Ok(out)
    })
}

/// Ends a link. Again does no harm.
///
/// # Errors
/// `NOT_FOUND`, `NO_RIGHTS`.
pub fn revoke(
    house: &House,
    who: Credential,
    case: CaseId,
    link: LinkId,
    now_ms: i64,
) -> Result<(), ServiceError> {
    let case = read_case(house, who, case, now_ms)?;
    house.store.write(|tx| {
        if !may_feed_back(tx, house, who.person, &case, now_ms)? {
            return Err(ServiceError::refused(&NO_RIGHTS));
        }
        let found = store::load(tx, &house.city, link)?.filter(|l| l.case_id == case.case_id);
        let found = found.ok_or_else(|| ServiceError::refused(&NOT_FOUND))?;
        if store::revoke(tx, &house.city, case.case_id, link, now_ms)? {
            note(tx, house, who, ("work_link_revoked", &found), now_ms)?;
        }
        Ok(())
    })
}

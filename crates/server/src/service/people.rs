//! People and their grants: what an administrator does, by HTTP or by the command line. Every change is audited.
//! Knows no HTTP.

use crate::auth::secret;
use crate::auth::{password, sessions};
use crate::service::page::{Page, PageQuery, page_of};
use crate::service::{Credential, House, ServiceError};
use blindspot_core::access::{Area, Grant, Role};
use blindspot_core::division::Span;
use blindspot_core::error::{BAD_REQUEST, CONFLICT, NO_RIGHTS, NOT_FOUND, SIGN_IN};
use blindspot_core::feed::Feed;
use blindspot_core::wire::account::Me;
use blindspot_core::wire::v1::Hint;
use blindspot_core::{DeviceId, PersonId};
use blindspot_store::accounts::PersonRecord;
use blindspot_store::{StoreError, Tx, accounts, audit, meta, nodes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

pub use super::devices::{
    DeviceView, EnrolCode, create_enrol_code, fingerprint, list_devices, revoke_device,
};

/// Who does it, for the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody signed in.
    Person(PersonId),
    /// Whoever holds the data folder.
    Cli,
    /// The set-up link.
    Setup,
}

impl Actor {
    pub(super) fn text(self) -> String {
        match self {
            Actor::Person(person) => person.to_string(),
            Actor::Cli => "cli".to_owned(),
            Actor::Setup => "setup".to_owned(),
        }
    }
    pub(super) fn person(self) -> Option<PersonId> {
        match self {
            Actor::Person(person) => Some(person),
            Actor::Cli | Actor::Setup => None,
        }
    }
}

/// A person to add.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPerson {
    /// What the person types to sign in.
    pub login: String,
    /// The name as shown.
    pub name: String,
    /// For desks; phones need none.
    #[serde(default)]
    pub password: Option<String>,
}

/// A grant to give.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGrant {
    /// Which role.
    pub role: Role,
    /// Where.
    pub area: Area,
    /// From when, server time in milliseconds; now when left out.
    #[serde(default)]
    pub from_ms: Option<i64>,
    /// Until when.
    #[serde(default)]
    pub to_ms: Option<i64>,
}

/// A grant as listed.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct GrantView {
    /// Its id.
    pub grant_id: Uuid,
    /// The grant.
    #[serde(flatten)]
    pub grant: Grant,
}

/// A person as listed.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PersonView {
    /// The id.
    pub person_id: PersonId,
    /// What the person types to sign in.
    pub login: String,
    /// The name as shown.
    pub name: String,
    /// Whether the person may act.
    pub active: bool,
    /// All grants ever.
    pub grants: Vec<GrantView>,
}

pub(super) fn checked(text: &str, what: &str, chars_max: usize) -> Result<String, ServiceError> {
    let text = text.trim();
    let sound = !text.is_empty() && text.chars().count() <= chars_max && !text.chars().any(char::is_control);
    if sound { Ok(text.to_owned()) } else { Err(ServiceError::because(&BAD_REQUEST, what)) }
}

fn duplicate(error: StoreError) -> ServiceError {
    match error {
        StoreError::Duplicate(_) => ServiceError::because(&CONFLICT, "this login is taken"),
        other => other.into(),
    }
}

pub(super) fn note(
    tx: &Tx<'_>,
    house: &House,
    actor: Actor,
    (action, object, detail): (&str, &str, &str),
    now_ms: i64,
) -> Result<(), StoreError> {
    // Whoever holds a connection open is looked at again.
    meta::count_up(tx, &house.city, meta::STANDING)?;
    audit::append(tx, &house.city, now_ms, &actor.text(), action, object, "ok", detail)
}

/// Adds a person.
///
/// # Errors
/// `BAD_REQUEST` for an empty or endless text, `CONFLICT` for a login that is taken.
pub fn create_person(
    house: &House,
    actor: Actor,
    new: &NewPerson,
    now_ms: i64,
) -> Result<PersonView, ServiceError> {
    let record = PersonRecord {
        person_id: PersonId::from_parts(now_ms, house.id_bytes()),
        login: checked(&new.login, "login: 1 to 60 characters", 60)?,
        name: checked(&new.name, "name: 1 to 60 characters", 60)?,
        active: true,
        created_ms: now_ms,
    };
    let hash = match &new.password {
        Some(given) => Some(password::hash_new(&record.login, given, secret::random(house))?),
        None => None,
    };
    house.store.write(|tx| {
        accounts::save_person(tx, &house.city, &record).map_err(duplicate)?;
        if let Some(hash) = &hash {
            // An administrator who types it in knows it: it is for the first sign-in.
            let must_change = actor.person().is_some();
            accounts::save_password(tx, &house.city, record.person_id, hash, must_change)?;
        }
        note(tx, house, actor, ("person_created", &record.person_id.to_string(), "{}"), now_ms)?;
        Ok::<_, ServiceError>(())
    })?;
    Ok(view(record.clone(), vec![]))
}

fn view(person: PersonRecord, grants: Vec<accounts::GrantRecord>) -> PersonView {
    PersonView {
        person_id: person.person_id,
        login: person.login,
        name: person.name,
        active: person.active,
        grants: grants
            .into_iter()
            .map(|g| GrantView { grant_id: Uuid::from_bytes(g.grant_id), grant: g.grant })
            .collect(),
    }
}

pub(super) fn existing(tx: &Tx<'_>, house: &House, person: PersonId) -> Result<PersonRecord, ServiceError> {
    accounts::load_person(tx, &house.city, person)?.ok_or(ServiceError::Refused(&NOT_FOUND, None))
}

/// The person with a login, for the command line.
///
/// # Errors
/// `NOT_FOUND`.
pub fn find_person(house: &House, login: &str) -> Result<PersonId, ServiceError> {
    let found = house.store.read(|tx| accounts::load_person_by_login(tx, &house.city, login))?;
    found.map(|p| p.person_id).ok_or(ServiceError::Refused(&NOT_FOUND, None))
}

/// Lets a person act, or no longer. Nothing of theirs is touched.
///
/// # Errors
/// `NOT_FOUND`.
pub fn set_active(
    house: &House,
    actor: Actor,
    person: PersonId,
    active: bool,
    now_ms: i64,
) -> Result<(), ServiceError> {
    house.store.write(|tx| {
        let record = PersonRecord { active, ..existing(tx, house, person)? };
        accounts::save_person(tx, &house.city, &record)?;
        if !active {
            sessions::end_all(tx, house, person, None, now_ms)?;
        }
        let action = if active { "person_activated" } else { "person_deactivated" };
        Ok::<_, ServiceError>(note(tx, house, actor, (action, &person.to_string(), "{}"), now_ms)?)
    })?;
    scope_changed(house, person);
    Ok(())
}

/// Gives a grant.
///
/// # Errors
/// `NOT_FOUND`; `BAD_REQUEST` for an unknown role or area, or an end before the beginning.
pub fn grant(
    house: &House,
    actor: Actor,
    person: PersonId,
    new: &NewGrant,
    now_ms: i64,
) -> Result<GrantView, ServiceError> {
    let span = Span { from_ms: new.from_ms.unwrap_or(now_ms), to_ms: new.to_ms };
    if !new.role.is_given() || matches!(new.area, Area::Other(_)) {
        return Err(ServiceError::because(&BAD_REQUEST, "role or area is not known"));
    }
    if span.to_ms.is_some_and(|to| to <= span.from_ms) {
        return Err(ServiceError::because(&BAD_REQUEST, "to_ms is not after from_ms"));
    }
    let grant = Grant { role: new.role.clone(), area: new.area.clone(), span };
    let grant_id: [u8; 16] = *DeviceId::from_parts(now_ms, house.id_bytes()).as_bytes();
    let detail = serde_json::to_string(&grant)?;
    house.store.write(|tx| {
        existing(tx, house, person)?;
        accounts::save_grant(tx, &house.city, grant_id, person, &grant, actor.person())?;
        Ok::<_, ServiceError>(note(tx, house, actor, ("grant_given", &person.to_string(), &detail), now_ms)?)
    })?;
    scope_changed(house, person);
    Ok(GrantView { grant_id: Uuid::from_bytes(grant_id), grant })
}

/// Ends a grant; it stays on record.
///
/// # Errors
/// `NOT_FOUND`, also for a grant that has ended by then.
pub fn end_grant(
    house: &House,
    actor: Actor,
    grant_id: Uuid,
    at_ms: i64,
    now_ms: i64,
) -> Result<(), ServiceError> {
    let person = house.store.write(|tx| {
        let missing = || ServiceError::refused(&NOT_FOUND);
        let (person, _) = accounts::load_grant(tx, &house.city, *grant_id.as_bytes())?.ok_or_else(missing)?;
        if !accounts::end_grant(tx, &house.city, *grant_id.as_bytes(), at_ms)? {
            return Err(missing());
        }
        let detail = serde_json::json!({"grant_id": grant_id, "at_ms": at_ms}).to_string();
        note(tx, house, actor, ("grant_ended", &person.to_string(), &detail), now_ms)?;
        Ok(person)
    })?;
    scope_changed(house, person);
    Ok(())
}

/// Wakes the person's long polls: scope is data.
pub(super) fn scope_changed(house: &House, person: PersonId) {
    if house.store.is_shared() {
        let moved = BTreeMap::from([(Feed::user(person), 0)]);
        // Missed, it is found within seconds by the counter of changes of rights.
        if let Err(error) = house.store.write(|tx| nodes::tell(tx, &house.city, &moved)) {
            tracing::warn!(%error, "other servers are not told of a change of scope");
        }
    }
    house.tell(&[Hint { feed: Feed::user(person), seq: 0 }]);
}

/// Everybody.
///
/// # Errors
/// When the database fails.
pub fn list(house: &House) -> Result<Vec<PersonView>, ServiceError> {
    house.store.read(|tx| {
        let mut all = vec![];
        for person in accounts::load_persons(tx, &house.city)? {
            let grants = accounts::load_grant_records(tx, &house.city, person.person_id)?;
            all.push(view(person, grants));
        }
        Ok(all)
    })
}

/// A page of everybody, by login.
///
/// # Errors
/// `BAD_CURSOR`.
pub fn page(house: &House, query: &PageQuery) -> Result<Page<PersonView>, ServiceError> {
    house.store.read(|tx| {
        let all = accounts::load_persons(tx, &house.city)?;
        let Page { items, next } = page_of(house, "people", query, all, |p| p.login.clone())?;
        let mut shown = Vec::with_capacity(items.len());
        for person in items {
            let grants = accounts::load_grant_records(tx, &house.city, person.person_id)?;
            shown.push(view(person, grants));
        }
        Ok(Page { items: shown, next })
    })
}

/// One person.
///
/// # Errors
/// `NOT_FOUND`.
pub fn one(house: &House, person: PersonId) -> Result<PersonView, ServiceError> {
    house.store.read(|tx| {
        let record = existing(tx, house, person)?;
        let grants = accounts::load_grant_records(tx, &house.city, person)?;
        Ok(view(record, grants))
    })
}

/// Whether the person holds one of the roles now, anywhere.
///
/// # Errors
/// `NO_RIGHTS` when not.
pub fn require(
    house: &House,
    credential: Credential,
    roles: &[Role],
    now_ms: i64,
) -> Result<(), ServiceError> {
    let grants = house.store.read(|tx| accounts::load_grants(tx, &house.city, credential.person))?;
    let held = grants.iter().any(|g| g.span.contains(now_ms) && roles.contains(&g.role));
    if held { Ok(()) } else { Err(ServiceError::refused(&NO_RIGHTS)) }
}

/// As `require`, for what only administrators do.
///
/// # Errors
/// `NO_RIGHTS`.
pub fn require_administrator(
    house: &House,
    credential: Credential,
    now_ms: i64,
) -> Result<Actor, ServiceError> {
    require(house, credential, &[Role::Administrator], now_ms)?;
    Ok(Actor::Person(credential.person))
}

/// Who is signed in.
///
/// # Errors
/// `SIGN_IN` when the person is gone.
pub fn me(house: &House, credential: Credential, now_ms: i64) -> Result<Me, ServiceError> {
    let (person, grants, epoch) = house.store.read(|tx| {
        let person = accounts::load_person(tx, &house.city, credential.person)?;
        let grants = accounts::load_grants(tx, &house.city, credential.person)?;
        Ok::<_, ServiceError>((person, grants, super::epoch::in_force(tx, &house.city)?))
    })?;
    let person = person.ok_or(ServiceError::Refused(&SIGN_IN, None))?;
    Ok(Me {
        person_id: person.person_id,
        name: person.name,
        city_id: house.city.clone(),
        city_name: house.city_name.clone(),
        device_id: (!credential.desk).then_some(credential.device),
        grants,
        server_ms: now_ms,
        epoch,
    })
}

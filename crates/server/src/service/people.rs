//! People, their grants and phones, the set-up of a new installation: what an administrator does, by HTTP
//! or by the command line. Every change is audited. Knows no HTTP.

use crate::auth::secret;
use crate::auth::{enrol, password};
use crate::service::{Credential, House, ServiceError};
use blindspot_core::access::{Area, Grant, Role};
use blindspot_core::division::Span;
use blindspot_core::error::{BAD_REQUEST, CONFLICT, NO_RIGHTS, NOT_FOUND, SIGN_IN};
use blindspot_core::feed::Feed;
use blindspot_core::id::Sha256;
use blindspot_core::wire::account::Me;
use blindspot_core::wire::v1::Hint;
use blindspot_core::{DeviceId, PersonId};
use blindspot_store::accounts::PersonRecord;
use blindspot_store::audit::AuditRow;
use blindspot_store::devices::{DeviceRecord, DeviceState};
use blindspot_store::{StoreError, Tx, accounts, audit, devices, tokens};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

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
    fn text(self) -> String {
        match self {
            Actor::Person(person) => person.to_string(),
            Actor::Cli => "cli".to_owned(),
            Actor::Setup => "setup".to_owned(),
        }
    }
    fn person(self) -> Option<PersonId> {
        match self {
            Actor::Person(person) => Some(person),
            Actor::Cli | Actor::Setup => None,
        }
    }
}

/// A person to add.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
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

/// A phone as listed.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct DeviceView {
    /// The enrolment.
    pub device_id: DeviceId,
    /// Its person.
    pub person_id: PersonId,
    /// The phone's name.
    pub label: String,
    /// App and version.
    pub app: String,
    /// `active`, `cloned`, `revoked`.
    pub state: &'static str,
    /// When it was enrolled, milliseconds since 1970.
    pub enrolled_ms: i64,
    /// When it last refreshed its token.
    pub last_seen_ms: Option<i64>,
    /// All device_seq up to this are stored.
    pub received_through: u64,
}

/// A one-time code and what its QR says.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct EnrolCode {
    /// The code, for typing.
    pub code: String,
    /// When it ends, milliseconds since 1970.
    pub expires_ms: i64,
    /// The QR's text.
    pub qr: String,
}

/// A row of the audit log as shown.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct AuditView {
    /// Its number.
    pub n: i64,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// Who.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub object: String,
    /// How it ended.
    pub result: String,
    /// More, as JSON.
    pub detail: String,
}

fn checked(text: &str, what: &str, chars_max: usize) -> Result<String, ServiceError> {
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

fn note(
    tx: &Tx<'_>,
    house: &House,
    actor: Actor,
    (action, object, detail): (&str, &str, &str),
    now_ms: i64,
) -> Result<(), StoreError> {
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
        Some(given) => Some(password::hash(given, secret::random(house))?),
        None => None,
    };
    house.store.write(|tx| {
        accounts::save_person(tx, &house.city, &record).map_err(duplicate)?;
        if let Some(hash) = &hash {
            accounts::save_password_hash(tx, &house.city, record.person_id, hash)?;
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

fn existing(tx: &Tx<'_>, house: &House, person: PersonId) -> Result<PersonRecord, ServiceError> {
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

/// Sets a password and ends the person's sessions.
///
/// # Errors
/// `NOT_FOUND`, `BAD_REQUEST` for a password that is too short.
pub fn set_password(
    house: &House,
    actor: Actor,
    person: PersonId,
    given: &str,
    now_ms: i64,
) -> Result<(), ServiceError> {
    let hash = password::hash(given, secret::random(house))?;
    house.store.write(|tx| {
        let record = existing(tx, house, person)?;
        accounts::save_password_hash(tx, &house.city, person, &hash)?;
        accounts::clear_failures(tx, &house.city, &format!("login:{}", record.login))?;
        tokens::end_sessions_of(tx, &house.city, person)?;
        Ok(note(tx, house, actor, ("password_set", &person.to_string(), "{}"), now_ms)?)
    })
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
            tokens::end_sessions_of(tx, &house.city, person)?;
        }
        let action = if active { "person_activated" } else { "person_deactivated" };
        Ok(note(tx, house, actor, (action, &person.to_string(), "{}"), now_ms)?)
    })
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
    if matches!(new.role, Role::Other(_)) || matches!(new.area, Area::Other(_)) {
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
fn scope_changed(house: &House, person: PersonId) {
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

/// Makes an enrolment code for a person. `base_url` is where the phone will find this server.
///
/// # Errors
/// `NOT_FOUND`.
pub fn create_enrol_code(
    house: &House,
    actor: Actor,
    person: PersonId,
    base_url: &str,
    now_ms: i64,
) -> Result<EnrolCode, ServiceError> {
    let bytes = secret::random::<16>(house);
    let expires_ms = house.store.write(|tx| {
        existing(tx, house, person)?;
        let expires_ms = enrol::save_code(tx, house, bytes, person, now_ms)?;
        note(tx, house, actor, ("enrol_code_made", &person.to_string(), "{}"), now_ms)?;
        Ok::<_, ServiceError>(expires_ms)
    })?;
    let code = secret::to_code(&bytes);
    let qr = serde_json::json!({"v": 1, "server": base_url, "code": code, "fp": fingerprint(house)});
    Ok(EnrolCode { code, expires_ms, qr: qr.to_string() })
}

/// SHA-256 of the server's identity key, base64url: what a phone pins.
#[must_use]
pub fn fingerprint(house: &House) -> String {
    secret::to_base64(&Sha256::of(house.keys.identity_public().as_bytes()).0)
}

/// All phones.
///
/// # Errors
/// When the database fails.
pub fn list_devices(house: &House) -> Result<Vec<DeviceView>, ServiceError> {
    let all = house.store.read(|tx| devices::load_all_devices(tx, &house.city))?;
    Ok(all.into_iter().map(device_view).collect())
}

fn device_view(d: DeviceRecord) -> DeviceView {
    DeviceView {
        device_id: d.device_id,
        person_id: d.person_id,
        label: d.label,
        app: d.app,
        state: d.state.as_str(),
        enrolled_ms: d.enrolled_ms,
        last_seen_ms: d.last_seen_ms,
        received_through: d.received_through,
    }
}

/// Revokes a phone. Its unsent work stays on it and may be handed in.
///
/// # Errors
/// `NOT_FOUND`.
pub fn revoke_device(house: &House, actor: Actor, device: DeviceId, now_ms: i64) -> Result<(), ServiceError> {
    house.store.write(|tx| {
        let found = devices::load_device(tx, &house.city, device)?.filter(|d| !d.desk);
        if found.is_none() {
            return Err(ServiceError::refused(&NOT_FOUND));
        }
        devices::save_device_state(tx, &house.city, device, DeviceState::Revoked, Some(now_ms))?;
        tokens::revoke_families_of(tx, &house.city, device, now_ms)?;
        Ok(note(tx, house, actor, ("device_revoked", &device.to_string(), "{}"), now_ms)?)
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
    let (person, grants) = house.store.read(|tx| {
        let person = accounts::load_person(tx, &house.city, credential.person)?;
        Ok::<_, ServiceError>((person, accounts::load_grants(tx, &house.city, credential.person)?))
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
        epoch: house.epoch,
    })
}

/// The newest rows of the audit log before a number, for auditors and administrators.
///
/// # Errors
/// `NO_RIGHTS`.
pub fn audit_page(
    house: &House,
    credential: Credential,
    before: Option<i64>,
    limit: i64,
    now_ms: i64,
) -> Result<Vec<AuditView>, ServiceError> {
    require(house, credential, &[Role::Auditor, Role::Administrator], now_ms)?;
    let rows = house
        .store
        .read(|tx| audit::load_page(tx, &house.city, before.unwrap_or(i64::MAX), limit.clamp(1, 500)))?;
    let shown = |r: AuditRow| AuditView {
        n: r.n,
        at_ms: r.at_ms,
        actor: r.actor,
        action: r.action,
        object: r.object,
        result: r.result,
        detail: r.detail,
    };
    Ok(rows.into_iter().map(shown).collect())
}

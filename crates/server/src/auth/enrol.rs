//! Enrolment: a one-time code and a device key make a device with its first tokens (protocol 12).
//! Knows no HTTP.

use crate::auth::device_key::DeviceKey;
use crate::auth::gate::Gate;
use crate::auth::refresh;
use crate::auth::secret::{self, from_base64, to_base64};
use crate::service::limits::Key;
use crate::service::{House, ServiceError};
use blindspot_core::error::{BAD_CODE, BAD_KEY, BAD_REQUEST};
use blindspot_core::limits::ENROL_CODE_MS;
use blindspot_core::wire::account::{EnrolReply, EnrolRequest, enrol_proof_text, enrolled_text};
use blindspot_core::{DeviceId, PersonId};
use blindspot_store::devices::{DeviceRecord, DeviceState};
use blindspot_store::{Tx, accounts, audit, devices, tokens};

/// Longest label or app text, characters.
const LABEL_CHARS_MAX: usize = 80;
pub(crate) const PURPOSE: &str = "enrol code";

/// Makes a one-time code for a person inside a transaction; gives its end, milliseconds since 1970.
///
/// # Errors
/// When the database fails.
pub fn save_code(
    tx: &Tx<'_>,
    house: &House,
    code: [u8; 16],
    person: PersonId,
    now_ms: i64,
) -> Result<i64, ServiceError> {
    let expires_ms = now_ms + ENROL_CODE_MS;
    devices::save_code(tx, &house.city, secret::hash(PURPOSE, &code), person, now_ms, expires_ms)?;
    Ok(expires_ms)
}

impl Gate {
    /// Enrols a phone. The key's proof is checked before the code is used up, so that a phone with a
    /// faulty keystore does not cost its person the code.
    ///
    /// # Errors
    /// `BAD_KEY`, `BAD_PROOF`, `BAD_CODE` (wrong, used and expired look alike), `BAD_REQUEST`;
    /// `Later(TOO_MANY_REQUESTS)` instead of `BAD_CODE` after many wrong ones.
    pub fn enrol(
        &self,
        house: &House,
        request: &EnrolRequest,
        now_ms: i64,
    ) -> Result<EnrolReply, ServiceError> {
        let public = from_base64(&request.public_key)
            .ok_or_else(|| ServiceError::because(&BAD_KEY, "public_key is base64url without padding"))?;
        let key = DeviceKey::from_bytes(&request.key_alg, &public)?;
        key.check(&enrol_proof_text(&request.code, &request.public_key), &request.proof)?;
        let too_long = |text: &str| text.chars().count() > LABEL_CHARS_MAX || text.contains('\0');
        if too_long(&request.label) || too_long(&request.app) {
            return Err(ServiceError::because(&BAD_REQUEST, "label or app is too long"));
        }
        let wrong = || {
            let refusal = ServiceError::refused(&BAD_CODE);
            self.wrong(house, Key::All, refusal, now_ms)
        };
        let code = secret::from_code(&request.code).ok_or_else(wrong)?;
        // Looked up before anything is written: guesses must not keep the writer busy.
        let known =
            house.store.read(|tx| devices::has_code(tx, &house.city, secret::hash(PURPOSE, &code)))?;
        if !known {
            return Err(wrong());
        }
        let device_id = DeviceId::from_parts(now_ms, house.id_bytes());
        let fresh = refresh::Fresh::new(house, secret::random(house));
        let (device, person, grants) = house.store.write(|tx| {
            let hash = secret::hash(PURPOSE, &code);
            let person_id = if house.is_sandbox() {
                devices::load_code(tx, &house.city, hash)?
            } else {
                devices::use_code(tx, &house.city, hash, now_ms)?
            };
            let person_id = person_id.ok_or(ServiceError::Refused(&BAD_CODE, None))?;
            let person = accounts::load_person(tx, &house.city, person_id)?
                .filter(|p| p.active)
                .ok_or(ServiceError::Refused(&BAD_CODE, None))?;
            let device = DeviceRecord {
                device_id,
                person_id,
                desk: false,
                key_alg: Some(request.key_alg.as_str().to_owned()),
                public_key: Some(public.clone()),
                label: request.label.clone(),
                app: request.app.clone(),
                tag_prefix: devices::load_next_tag_prefix(tx, &house.city)?,
                enrolled_ms: now_ms,
                state: DeviceState::Active,
                revoked_ms: None,
                last_seen_ms: None,
                received_through: 0,
            };
            devices::save_device(tx, &house.city, &device)?;
            tokens::save_family(tx, &house.city, fresh.family, device_id, fresh.hash, now_ms)?;
            let (object, actor) = (device_id.to_string(), person_id.to_string());
            audit::append(tx, &house.city, now_ms, &actor, "device_enrolled", &object, "ok", "{}")?;
            let grants = accounts::load_grants(tx, &house.city, person_id)?;
            Ok::<_, ServiceError>((device, person, grants))
        })?;
        let tokens = refresh::tokens(self, house, &fresh, (device_id, person.person_id), 1, now_ms)?;
        let signed = house
            .keys
            .sign_identity(enrolled_text(device_id, person.person_id, &request.public_key).as_bytes());
        Ok(EnrolReply {
            device_id,
            person_id: person.person_id,
            person_name: person.name,
            city_id: house.city.clone(),
            city_name: house.city_name.clone(),
            tag_prefix: device.tag_prefix,
            server_ms: now_ms,
            tokens,
            identity_key: to_base64(house.keys.identity_public().as_bytes()),
            signature: to_base64(&signed),
            grants,
        })
    }
}

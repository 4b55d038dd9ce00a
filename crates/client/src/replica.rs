//! The replica: opening it, and what all its parts share.

use crate::error::ClientError;
use crate::event::ClientEvent;
use crate::host::{KeyStore, NetworkKind, Now, PhotoFiles};
use crate::identity::Identity;
use crate::overlay::Reference;
use crate::store::{meta, outbox, schema};
use crate::sync::Flight;
use blindspot_core::access::Grant;
use blindspot_core::clock::Captured;
use blindspot_core::limits::PUSH_OPS_AIM;
use blindspot_core::sync::{Lane, ReplyClass, SyncMachine};
use blindspot_photo::OriginalPolicy;
use rusqlite::Connection;
use std::cell::OnceCell;
use std::collections::{BTreeMap, VecDeque};

/// One person's replica on one device. See the crate's text.
pub struct Replica {
    pub(crate) db: Connection,
    pub(crate) files: Box<dyn PhotoFiles + Send>,
    pub(crate) keys: Box<dyn KeyStore + Send>,
    pub(crate) machine: SyncMachine,
    /// Requests that are out.
    pub(crate) flights: BTreeMap<u64, Flight>,
    pub(crate) last_request: u64,
    pub(crate) events: VecDeque<ClientEvent>,
    pub(crate) network: NetworkKind,
    pub(crate) online: bool,
    /// Most ops of the next push, after refusals.
    pub(crate) push_limit: usize,
    /// Answers 401 since the last good one.
    pub(crate) strikes: u32,
    pub(crate) policy: OriginalPolicy,
    /// Places and catalogue, built when first asked for.
    pub(crate) reference: OnceCell<Reference>,
    pub(crate) last_wall_ms: i64,
    /// The server's nonce for a token to hand in by, and when it came.
    pub(crate) hand_in_nonce: Option<(String, i64)>,
}

impl std::fmt::Debug for Replica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replica").field("machine", &self.machine).finish_non_exhaustive()
    }
}

impl Replica {
    /// Opens a replica on a database, photo folder and key store of its own.
    ///
    /// # Errors
    /// `DatabaseNewer` when a newer program wrote it; `Db` when it cannot be read.
    pub fn open(
        db: Connection,
        files: Box<dyn PhotoFiles + Send>,
        keys: Box<dyn KeyStore + Send>,
    ) -> Result<Self, ClientError> {
        schema::prepare(&db)?;
        let version = env!("CARGO_PKG_VERSION");
        if meta::get(&db, meta::APP)?.as_deref() != Some(version) {
            // What another version could not send may fit now.
            outbox::retry_unsendable(&db)?;
            meta::set(&db, meta::APP, version)?;
        }
        let mut machine = SyncMachine::new();
        if meta::get(&db, meta::SIGNED_OUT)?.is_some() {
            machine.handle_response(Lane::Auth, ReplyClass::EnrolAgain, false, 0, 0);
            machine.set_handing_in(meta::get(&db, meta::REVOKED)?.as_deref() == Some("1"));
        }
        let replica = Self {
            db,
            files,
            keys,
            machine,
            flights: BTreeMap::new(),
            last_request: 0,
            events: VecDeque::new(),
            network: NetworkKind::default(),
            online: true,
            push_limit: PUSH_OPS_AIM,
            strikes: 0,
            policy: OriginalPolicy::default(),
            reference: OnceCell::new(),
            last_wall_ms: i64::MIN,
            hand_in_nonce: None,
        };
        replica.remove_files()?;
        Ok(replica)
    }

    /// Who this replica is, once enrolled.
    ///
    /// # Errors
    /// `Db` or `Stored`.
    pub fn identity(&self) -> Result<Option<Identity>, ClientError> {
        meta::get_json(&self.db, meta::IDENTITY)
    }

    pub(crate) fn enrolled(&self) -> Result<Identity, ClientError> {
        self.identity()?.ok_or(ClientError::NotEnrolled)
    }

    /// The person's grants, as last heard.
    ///
    /// # Errors
    /// `Db` or `Stored`.
    pub fn grants(&self) -> Result<Vec<Grant>, ClientError> {
        Ok(meta::get_json(&self.db, meta::GRANTS)?.unwrap_or_default())
    }

    /// Calls a function right before each commit: what a host's trials need to end the program there.
    ///
    /// # Errors
    /// `Db` when the engine takes no such function.
    pub fn on_commit(&mut self, mut f: impl FnMut() + Send + 'static) -> Result<(), ClientError> {
        self.db.commit_hook(Some(move || {
            f();
            // `true` would turn the commit into a rollback.
            false
        }))?;
        Ok(())
    }

    /// How large originals are kept (a city's choice).
    pub fn set_original_policy(&mut self, policy: OriginalPolicy) {
        self.policy = policy;
    }

    /// Server minus phone, as last heard.
    pub(crate) fn offset_ms(&self) -> Result<Option<i64>, ClientError> {
        meta::get_i64(&self.db, meta::OFFSET)
    }

    /// The best guess of the server's clock.
    pub(crate) fn server_now(&self, now: &Now) -> Result<i64, ClientError> {
        Ok(now.wall_ms.saturating_add(self.offset_ms()?.unwrap_or(0)))
    }

    /// The clocks as an op carries them.
    pub(crate) fn captured(&self, now: &Now) -> Result<Captured, ClientError> {
        Ok(Captured {
            wall_ms: now.wall_ms,
            // One without the other dates nothing.
            mono_ms: now.boot_id.as_ref().and(now.mono_ms),
            boot_id: now.mono_ms.and(now.boot_id.clone()),
            offset_ms: self.offset_ms()?,
            gnss_ms: None,
            gnss_age_ms: None,
        })
    }
}

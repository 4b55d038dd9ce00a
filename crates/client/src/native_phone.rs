//! One phone, several people (U3): a folder with a replica for each, opened by name and PIN.
//!
//! Each person's work lies in a database of their own and leaves under their own credential. The PIN keeps
//! honest people apart on a shared phone; it does not protect the files from someone who takes the phone apart.

use crate::error::ClientError;
use crate::host::{Now, Random};
use crate::native::{open_native, problem, write_durable};
use crate::replica::Replica;
use blindspot_core::id::Sha256;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Most people on one phone.
const PEOPLE_MAX: usize = 6;
/// How often the PIN is hashed: about a tenth of a second on a cheap phone.
const ROUNDS: u32 = 100_000;
/// Wrong PINs in a row before waiting begins.
const FREE_TRIES: u32 = 5;
const LIST: &str = "people.json";

/// A person who shares this phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhonePerson {
    /// The folder of the replica: `p1` to `p6`.
    pub slot: String,
    /// The name to choose.
    pub name: String,
    /// Hex; nothing when no PIN was set.
    salt: Option<String>,
    /// Hex.
    pin: Option<String>,
    /// Wrong PINs in a row.
    #[serde(default)]
    wrong: u32,
    /// Before this, phone time, no PIN is looked at.
    #[serde(default)]
    wait_until_ms: i64,
}

/// A folder with the replicas of the people who share a phone.
#[derive(Clone, Debug)]
pub struct Phone {
    home: PathBuf,
}

fn stretched(salt: &str, pin: &str) -> String {
    let mut hash = Sha256::of(format!("{salt}\n{pin}").as_bytes());
    for _ in 0..ROUNDS {
        let mut text = [0; 64];
        text[..32].copy_from_slice(&hash.0);
        text[32..].copy_from_slice(&Sha256::of(salt.as_bytes()).0);
        hash = Sha256::of(&text);
    }
    hash.to_hex()
}

impl Phone {
    /// On a folder, made if need be.
    ///
    /// # Errors
    /// `Files`.
    pub fn open(home: impl Into<PathBuf>) -> Result<Self, ClientError> {
        let home = home.into();
        fs::create_dir_all(&home).map_err(|e| problem(&home.to_string_lossy(), &e))?;
        Ok(Self { home })
    }

    /// The people of this phone, in order of slot.
    ///
    /// # Errors
    /// `Files` or `Stored`.
    pub fn people(&self) -> Result<Vec<PhonePerson>, ClientError> {
        match fs::read(self.home.join(LIST)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(vec![]),
            Err(e) => Err(problem(LIST, &e).into()),
        }
    }

    fn save(&self, people: &[PhonePerson]) -> Result<(), ClientError> {
        let bytes = serde_json::to_vec_pretty(people)?;
        Ok(write_durable(&self.home, LIST, &bytes, true).map_err(|e| problem(LIST, &e))?)
    }

    /// Makes room for another person and opens the new, not yet enrolled replica.
    ///
    /// # Errors
    /// `PhoneFull` with six people; `Files`, `Db`.
    pub fn add(
        &self,
        name: &str,
        pin: Option<&str>,
        rnd: &mut dyn Random,
    ) -> Result<(PhonePerson, Replica), ClientError> {
        let mut people = self.people()?;
        if people.len() >= PEOPLE_MAX {
            return Err(ClientError::PhoneFull);
        }
        let free = (1..=PEOPLE_MAX).map(|n| format!("p{n}"));
        let slot =
            free.into_iter().find(|s| people.iter().all(|p| p.slot != *s)).ok_or(ClientError::PhoneFull)?;
        let replica = open_native(&self.folder(&slot))?;
        let mut salt = [0; 32];
        rnd.fill(&mut salt);
        let salt = Sha256(salt).to_hex();
        let person = PhonePerson {
            slot,
            name: name.to_owned(),
            pin: pin.map(|p| stretched(&salt, p)),
            salt: pin.map(|_| salt),
            wrong: 0,
            wait_until_ms: 0,
        };
        people.push(person.clone());
        people.sort_by(|a, b| a.slot.cmp(&b.slot));
        self.save(&people)?;
        Ok((person, replica))
    }

    /// Hands the phone over 交接班: opens a person's replica after their PIN, also without a network.
    ///
    /// # Errors
    /// `WrongPin`, also while the wait after too many tries lasts; `Files`, `Db`.
    pub fn hand_over(&self, slot: &str, pin: &str, now: &Now) -> Result<Replica, ClientError> {
        let mut people = self.people()?;
        let person = people.iter_mut().find(|p| p.slot == slot);
        let person = person.ok_or_else(|| ClientError::Stored(format!("nobody in {slot}")))?;
        let left_ms = person.wait_until_ms.saturating_sub(now.wall_ms);
        // A wait longer than an hour was counted on a clock that has since been put right.
        if (1..=3_600_000).contains(&left_ms) {
            return Err(ClientError::WrongPin { wait_s: (left_ms + 999) / 1_000 });
        }
        let right = match (&person.salt, &person.pin) {
            (Some(salt), Some(hash)) => stretched(salt, pin) == *hash,
            _ => true,
        };
        let mut wait_ms = 0;
        if right {
            (person.wrong, person.wait_until_ms) = (0, 0);
        } else {
            person.wrong = person.wrong.saturating_add(1);
            if person.wrong >= FREE_TRIES {
                wait_ms = 30_000_i64 << (person.wrong - FREE_TRIES).min(6);
                person.wait_until_ms = now.wall_ms.saturating_add(wait_ms.min(3_600_000));
            }
        }
        self.save(&people)?;
        if right {
            open_native(&self.folder(slot))
        } else {
            Err(ClientError::WrongPin { wait_s: wait_ms.min(3_600_000) / 1_000 })
        }
    }

    /// Opens a person's replica to send what waits in it, without showing anything: each one's work goes
    /// on leaving while another has the phone.
    ///
    /// # Errors
    /// `Files`, `Db`.
    pub fn open_to_sync(&self, slot: &str) -> Result<Replica, ClientError> {
        open_native(&self.folder(slot))
    }

    fn folder(&self, slot: &str) -> PathBuf {
        Path::new(&self.home).join(slot)
    }
}

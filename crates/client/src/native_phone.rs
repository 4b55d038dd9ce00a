//! One phone, several people (U3): a folder with a replica for each, opened by name and PIN, also offline.
//!
//! Each person's work lies in a database of their own and leaves under their own credential. The PIN keeps
//! honest people apart on a shared phone; it does not protect the files from someone who takes the phone apart.

use crate::error::ClientError;
use crate::host::{Now, Random};
use crate::native::{open_native, problem, write_durable};
use crate::native_pin::{Pin, Tries};
use crate::native_shared::{Courier, Locked};
use crate::replica::Replica;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Most people on one phone.
const PEOPLE_MAX: usize = 6;
const LIST: &str = "people.json";

/// A person who shares this phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhonePerson {
    /// The folder of the replica: `p1` to `p6`.
    pub slot: String,
    /// The name to choose.
    pub name: String,
    /// Nothing when no PIN was set.
    #[serde(default)]
    pin: Option<Pin>,
    /// Wrong PINs in a row.
    #[serde(default)]
    tries: Tries,
    /// Whether this person has the phone now.
    #[serde(default)]
    pub current: bool,
}

impl PhonePerson {
    /// Whether the replica opens by a PIN.
    #[must_use]
    pub fn has_pin(&self) -> bool {
        self.pin.is_some()
    }

    /// Whether only a new enrolment opens the replica, after ten wrong PINs. Its work is still sent.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.tries.are_spent()
    }
}

/// A folder with the replicas of the people who share a phone.
#[derive(Clone, Debug)]
pub struct Phone {
    home: PathBuf,
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

    /// Changes one person and writes the list, durably, before it returns.
    fn change<T>(&self, slot: &str, f: impl FnOnce(&mut PhonePerson) -> T) -> Result<T, ClientError> {
        let mut people = self.people()?;
        let person = people.iter_mut().find(|p| p.slot == slot);
        let done = f(person.ok_or_else(|| ClientError::Stored(format!("nobody in {slot}")))?);
        self.save(&people)?;
        Ok(done)
    }

    fn person(&self, slot: &str) -> Result<PhonePerson, ClientError> {
        let found = self.people()?.into_iter().find(|p| p.slot == slot);
        found.ok_or_else(|| ClientError::Stored(format!("nobody in {slot}")))
    }

    /// Makes room for another person and opens the new, not yet enrolled replica.
    ///
    /// # Errors
    /// `PhoneFull` with six people, `BadPin`; `Files`, `Db`.
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
        let pin = pin.map(|p| Pin::new(p, rnd)).transpose()?;
        let replica = open_native(&self.folder(&slot))?;
        let name = name.to_owned();
        let person = PhonePerson { slot, name, pin, tries: Tries::default(), current: true };
        people.iter_mut().for_each(|p| p.current = false);
        people.push(person.clone());
        people.sort_by(|a, b| a.slot.cmp(&b.slot));
        self.save(&people)?;
        Ok((person, replica))
    }

    /// Looks at a PIN. The try is counted durably before it is looked at: pulling the battery buys nothing.
    fn check_pin(&self, slot: &str, given: &str, now: &Now) -> Result<(), ClientError> {
        let person = self.person(slot)?;
        let Some(pin) = person.pin else { return Ok(()) };
        let begun = self.change(slot, |p| p.tries.begin(now))?;
        begun?;
        let right = pin.matches(given)?;
        self.change(slot, |p| p.tries.end(right, now))?
    }

    /// Hands the phone over 交接班: opens a person's replica after their PIN, also without a network.
    ///
    /// # Errors
    /// `WrongPin`, also while the wait after too many tries lasts; `PinSpent` after ten; `Files`, `Db`.
    pub fn hand_over(&self, slot: &str, pin: &str, now: &Now) -> Result<Replica, ClientError> {
        self.check_pin(slot, pin, now)?;
        let mut people = self.people()?;
        people.iter_mut().for_each(|p| p.current = p.slot == slot);
        self.save(&people)?;
        open_native(&self.folder(slot))
    }

    /// Opens the replica of whoever has the phone since the last hand-over.
    ///
    /// # Errors
    /// `NotHandedOver` when nobody has it; `Files`, `Db`.
    pub fn open_current(&self) -> Result<Replica, ClientError> {
        let current = self.people()?.into_iter().find(|p| p.current);
        open_native(&self.folder(&current.ok_or(ClientError::NotHandedOver)?.slot))
    }

    /// Puts the phone down: the next person, or the same one again, gives a PIN.
    ///
    /// # Errors
    /// `Files`.
    pub fn put_down(&self) -> Result<(), ClientError> {
        let mut people = self.people()?;
        people.iter_mut().for_each(|p| p.current = false);
        self.save(&people)
    }

    /// Sets a person's PIN; the old one is asked for where there is one.
    ///
    /// # Errors
    /// `WrongPin`, `PinSpent`, `BadPin`; `Files`.
    pub fn set_pin(
        &self,
        slot: &str,
        old: &str,
        new: &str,
        now: &Now,
        rnd: &mut dyn Random,
    ) -> Result<(), ClientError> {
        let pin = Pin::new(new, rnd)?;
        self.check_pin(slot, old, now)?;
        self.change(slot, |p| (p.pin, p.tries) = (Some(pin), Tries::default()))
    }

    /// Opens a person's replica to send what waits in it and nothing else: each one's work goes on leaving while
    /// another has the phone, and also when too many wrong PINs have locked it.
    ///
    /// # Errors
    /// `Files`, `Db`.
    pub fn open_to_sync(&self, slot: &str) -> Result<Courier, ClientError> {
        self.person(slot)?;
        Ok(Courier::new(open_native(&self.folder(slot))?))
    }

    /// Opens a person's replica for a new enrolment and nothing else: the way back after a forgotten PIN. What
    /// waits in it stays.
    ///
    /// # Errors
    /// `Files`, `Db`.
    pub fn open_to_enrol(&self, slot: &str) -> Result<Locked, ClientError> {
        self.person(slot)?;
        Ok(Locked::new(open_native(&self.folder(slot))?))
    }

    /// After the new enrolment: a new PIN, and the replica is open.
    ///
    /// # Errors
    /// `NotEnrolled` when the enrolment was not finished, `BadPin`; `Files`.
    pub fn unlock(
        &self,
        slot: &str,
        locked: Locked,
        pin: Option<&str>,
        rnd: &mut dyn Random,
    ) -> Result<Replica, ClientError> {
        let replica = locked.into_replica()?;
        let pin = pin.map(|p| Pin::new(p, rnd)).transpose()?;
        let mut people = self.people()?;
        for person in &mut people {
            person.current = person.slot == slot;
            if person.current {
                (person.pin, person.tries) = (pin.clone(), Tries::default());
            }
        }
        self.save(&people)?;
        Ok(replica)
    }

    fn folder(&self, slot: &str) -> PathBuf {
        Path::new(&self.home).join(slot)
    }
}

//! Files and keys in memory that outlive a crash of the app, with a fault to plan.

use blindspot_client::{FileProblem, KeyStore, PhotoFiles};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Photo files of one phone. A clone is the same storage.
#[derive(Clone, Default)]
pub struct MemFiles {
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl MemFiles {
    /// The same files in a storage of their own.
    pub(crate) fn copied(&self) -> Self {
        Self { files: Arc::new(Mutex::new(lock(&self.files).clone())) }
    }

    /// A file goes, or one of its bits changes.
    pub(crate) fn spoil(&self, name: &str, gone: bool) {
        let mut files = lock(&self.files);
        if gone {
            files.remove(name);
        } else if let Some(byte) = files.get_mut(name).and_then(|bytes| bytes.last_mut()) {
            *byte ^= 1;
        }
    }
}

impl PhotoFiles for MemFiles {
    fn write_durable(&self, name: &str, bytes: &[u8]) -> Result<(), FileProblem> {
        lock(&self.files).insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }
    fn read(&self, name: &str) -> Result<Vec<u8>, FileProblem> {
        lock(&self.files).get(name).cloned().ok_or_else(|| FileProblem::Missing(name.into()))
    }
    fn read_at(&self, name: &str, offset: u64, len: usize) -> Result<Vec<u8>, FileProblem> {
        let files = lock(&self.files);
        let bytes = files.get(name).ok_or_else(|| FileProblem::Missing(name.into()))?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes[from..bytes.len().min(from.saturating_add(len))].to_vec())
    }
    fn len(&self, name: &str) -> Result<Option<u64>, FileProblem> {
        Ok(lock(&self.files).get(name).map(|b| b.len() as u64))
    }
    fn remove(&self, name: &str) -> Result<(), FileProblem> {
        lock(&self.files).remove(name);
        Ok(())
    }
}

/// Keys of one phone. A clone is the same storage.
#[derive(Clone, Default)]
pub struct MemKeys {
    keys: Arc<Mutex<BTreeMap<String, [u8; 32]>>>,
}

impl MemKeys {
    /// The same keys in a storage of their own.
    pub(crate) fn copied(&self) -> Self {
        Self { keys: Arc::new(Mutex::new(lock(&self.keys).clone())) }
    }
}

impl KeyStore for MemKeys {
    fn load(&self, slot: &str) -> Result<Option<[u8; 32]>, FileProblem> {
        Ok(lock(&self.keys).get(slot).copied())
    }
    fn save(&self, slot: &str, secret: &[u8; 32]) -> Result<(), FileProblem> {
        lock(&self.keys).insert(slot.to_owned(), *secret);
        Ok(())
    }
}

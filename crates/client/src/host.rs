//! What a host hands in: time, randomness, files, keys, the state of its network. Knows no implementation.

/// The host's clocks at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Wall clock, milliseconds since 1970; may be wrong.
    pub wall_ms: i64,
    /// A clock that counts sleep, milliseconds since boot; nothing where there is none.
    pub mono_ms: Option<i64>,
    /// Which boot `mono_ms` belongs to.
    pub boot_id: Option<String>,
}

impl Now {
    /// A host with a wall clock only.
    #[must_use]
    pub fn wall(wall_ms: i64) -> Self {
        Self { wall_ms, mono_ms: None, boot_id: None }
    }
}

/// Random bytes fit for keys.
pub trait Random {
    /// Fills a buffer.
    fn fill(&mut self, buf: &mut [u8]);
}

impl<F: FnMut(&mut [u8])> Random for F {
    fn fill(&mut self, buf: &mut [u8]) {
        self(buf);
    }
}

/// The random part of an id.
pub(crate) fn ten(rnd: &mut dyn Random) -> [u8; 10] {
    let mut bytes = [0; 10];
    rnd.fill(&mut bytes);
    bytes
}

/// A random number, for jitter.
pub(crate) fn number(rnd: &mut dyn Random) -> u64 {
    let mut bytes = [0; 8];
    rnd.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// Why a file could not be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileProblem {
    /// No such file.
    #[error("文件不存在 / no such file: {0}")]
    Missing(String),
    /// No space left.
    #[error("手机空间不足 / no space left")]
    Full,
    /// Anything else.
    #[error("{0}")]
    Io(String),
}

/// Where a replica keeps photo bytes. Names are plain: letters, digits, hyphen, dot.
pub trait PhotoFiles {
    /// Writes, syncs, renames into place and syncs the folder: after it the bytes survive a power cut.
    ///
    /// # Errors
    /// `Full` or `Io`; then nothing stands under the name that was not there before.
    fn write_durable(&self, name: &str, bytes: &[u8]) -> Result<(), FileProblem>;
    /// As `write_durable`, for bytes that come piece by piece; gives how many.
    ///
    /// # Errors
    /// As there; `Io` when the source fails.
    fn write_stream(&self, name: &str, source: &mut dyn std::io::Read) -> Result<u64, FileProblem> {
        let mut bytes = vec![];
        source.read_to_end(&mut bytes).map_err(|e| FileProblem::Io(e.to_string()))?;
        self.write_durable(name, &bytes)?;
        Ok(bytes.len() as u64)
    }
    /// How the host's HTTP stack finds a file that it is to send as a body.
    fn locate(&self, name: &str) -> String {
        name.to_owned()
    }
    /// The whole file.
    ///
    /// # Errors
    /// `Missing` or `Io`.
    fn read(&self, name: &str) -> Result<Vec<u8>, FileProblem>;
    /// At most `len` bytes from `offset`.
    ///
    /// # Errors
    /// `Missing` or `Io`.
    fn read_at(&self, name: &str, offset: u64, len: usize) -> Result<Vec<u8>, FileProblem>;
    /// The file's length; nothing when there is none.
    ///
    /// # Errors
    /// `Io`.
    fn len(&self, name: &str) -> Result<Option<u64>, FileProblem>;
    /// Removes a file; fine when there is none.
    ///
    /// # Errors
    /// `Io`.
    fn remove(&self, name: &str) -> Result<(), FileProblem>;
    /// Bytes that can still be written; nothing where the host cannot tell.
    fn free_bytes(&self) -> Option<u64> {
        None
    }
}

/// Where a replica keeps its device keys, apart from the database.
pub trait KeyStore {
    /// The secret in a slot.
    ///
    /// # Errors
    /// `Io`.
    fn load(&self, slot: &str) -> Result<Option<[u8; 32]>, FileProblem>;
    /// Keeps a secret durably, readable by the app alone.
    ///
    /// # Errors
    /// `Full` or `Io`.
    fn save(&self, slot: &str, secret: &[u8; 32]) -> Result<(), FileProblem>;
}

/// What the phone's network is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkKind {
    /// Paid by volume: originals wait, at most 24 hours (U25).
    Metered,
    /// Wi-Fi and the like.
    #[default]
    Unmetered,
    /// None.
    Offline,
}

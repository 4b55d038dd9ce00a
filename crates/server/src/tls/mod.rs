//! TLS by rustls: the certificate in force, read from files, changed while running. Version 1.2 and newer, ring only.

pub mod addresses;
pub mod check;
pub mod trial;

use check::Checked;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::ServerConfig;
use tokio_rustls::rustls::sign::SingleCertAndKey;

/// Why a certificate cannot be used. Chinese / English.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or holds no such thing.
    #[error("{path}：读不出{zh}：{why} / {path}: cannot read {en}: {why}")]
    Read {
        /// Which file.
        path: String,
        /// What it should hold, in Chinese.
        zh: &'static str,
        /// The same in English.
        en: &'static str,
        /// What went wrong.
        why: String,
    },
    /// The key belongs to another certificate.
    #[error(
        "私钥 {key} 和证书 {cert} 不是一对，请核对两个文件 / the key {key} does not belong to the certificate {cert}: check both files"
    )]
    Mismatch {
        /// The certificate's file.
        cert: String,
        /// The key's file.
        key: String,
    },
    /// Its time is over, or has not come.
    #[error(
        "证书 {cert} 不在有效期内（{from} 至 {until}），请换新证书并核对系统时间 / the certificate {cert} is not valid now ({from} to {until}): renew it, and check the clock"
    )]
    NotNow {
        /// The certificate's file.
        cert: String,
        /// Its first moment.
        from: String,
        /// Its last moment.
        until: String,
    },
    /// Making or signing a trial certificate failed.
    #[error("试用证书做不出来：{0} / the trial certificate could not be made: {0}")]
    Trial(String),
    /// Rustls refuses.
    #[error("TLS：{0} / TLS: {0}")]
    Rustls(#[from] tokio_rustls::rustls::Error),
}

/// Where a certificate comes from.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The chain, PEM, own certificate first.
    pub cert: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// The certificate in force. See the module text.
pub struct Certificates {
    pair: Pair,
    real: bool,
    current: RwLock<Arc<ServerConfig>>,
    until_ms: AtomicI64,
}

impl Certificates {
    /// Reads and checks a certificate. `real` when browsers believe it without our help.
    ///
    /// # Errors
    /// See `TlsError`.
    pub fn open(pair: Pair, real: bool, now_ms: i64) -> Result<Self, TlsError> {
        let checked = check::read(&pair, now_ms)?;
        let until_ms = AtomicI64::new(checked.until_ms);
        Ok(Self { pair, real, current: RwLock::new(config(checked)?), until_ms })
    }

    /// Reads the files again. Whatever is wrong with the new ones, the old certificate stays in force.
    ///
    /// # Errors
    /// See `TlsError`.
    pub fn reload(&self, now_ms: i64) -> Result<(), TlsError> {
        let checked = check::read(&self.pair, now_ms)?;
        let until_ms = checked.until_ms;
        let config = config(checked)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        self.until_ms.store(until_ms, Ordering::Relaxed);
        Ok(())
    }

    /// For the next handshake.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Whether browsers believe it without our help.
    #[must_use]
    pub fn are_real(&self) -> bool {
        self.real
    }

    /// When it ends, milliseconds since 1970.
    #[must_use]
    pub fn until_ms(&self) -> i64 {
        self.until_ms.load(Ordering::Relaxed)
    }

    /// Whole days left.
    #[must_use]
    pub fn days_left(&self, now_ms: i64) -> i64 {
        (self.until_ms() - now_ms).div_euclid(86_400_000)
    }
}

fn config(checked: Checked) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(checked.certified)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A phone that comes back within hours skips the long handshake.
    config.ticketer = ring::Ticketer::new()?;
    Ok(Arc::new(config))
}

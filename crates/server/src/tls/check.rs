//! Reads a certificate and its key and says what is wrong with them: not PEM, not a pair, not valid now.

use super::{Pair, TlsError};
use std::path::Path;
use time::OffsetDateTime;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, InconsistentKeys};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

/// A certificate that may be used.
#[derive(Debug)]
pub struct Checked {
    /// Chain and key.
    pub certified: CertifiedKey,
    /// When it ends, milliseconds since 1970.
    pub until_ms: i64,
    /// Whether it signed itself: browsers refuse it, and with it service workers.
    pub self_signed: bool,
}

/// Reads and checks both files.
///
/// # Errors
/// See `TlsError`.
pub fn read(pair: &Pair, now_ms: i64) -> Result<Checked, TlsError> {
    let chain = chain(&pair.cert)?;
    let key = PrivateKeyDer::from_pem_file(&pair.key)
        .map_err(|e| unreadable(&pair.key, "私钥", "a private key", &e))?;
    let own =
        Certificate::from_der(&chain[0]).map_err(|e| unreadable(&pair.cert, "证书", "a certificate", &e))?;
    let own = own.tbs_certificate();
    let (from_ms, until_ms) = (ms(own.validity().not_before), ms(own.validity().not_after));
    let self_signed = own.issuer() == own.subject();
    if !(from_ms..until_ms).contains(&now_ms) {
        let (from, until) = (day(from_ms), day(until_ms));
        return Err(TlsError::NotNow { cert: shown(&pair.cert), from, until });
    }
    let certified = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|e| match e {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            TlsError::Mismatch { cert: shown(&pair.cert), key: shown(&pair.key) }
        }
        e => TlsError::Rustls(e),
    })?;
    Ok(Checked { certified, until_ms, self_signed })
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = |e: &dyn std::fmt::Display| unreadable(path, "证书", "a certificate", e);
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(|e| read(&e))?
        .collect::<Result<_, _>>()
        .map_err(|e| read(&e))?;
    if chain.is_empty() {
        return Err(read(&"里面没有 PEM 证书 no PEM certificate in it"));
    }
    Ok(chain)
}

fn unreadable(path: &Path, zh: &'static str, en: &'static str, why: &dyn std::fmt::Display) -> TlsError {
    TlsError::Read { path: shown(path), zh, en, why: why.to_string() }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn ms(time: x509_cert::time::Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_millis()).unwrap_or(i64::MAX)
}

fn day(ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp(ms / 1_000).map_or_else(|_| ms.to_string(), |t| t.date().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Certificates;
    use std::fs;

    const NOW: i64 = 1_800_000_000_000;
    const DAY: i64 = 86_400_000;

    /// A self-signed certificate valid for `days` from a day before `NOW`.
    fn write(dir: &Path, name: &str, days: i64) -> Pair {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(vec!["city.example".to_owned()]).expect("a name");
        let at = |ms: i64| OffsetDateTime::from_unix_timestamp(ms / 1_000).expect("a time");
        (params.not_before, params.not_after) = (at(NOW - DAY), at(NOW + (days - 1) * DAY));
        let cert = params.self_signed(&key).expect("signed");
        let pair = Pair { cert: dir.join(format!("{name}.pem")), key: dir.join(format!("{name}.key")) };
        fs::write(&pair.cert, cert.pem()).expect("write");
        fs::write(&pair.key, key.serialize_pem()).expect("write");
        pair
    }

    #[test]
    fn each_fault_is_named_in_both_languages() {
        let dir = tempfile::tempdir().expect("a folder");
        let (one, two) = (write(dir.path(), "one", 100), write(dir.path(), "two", 100));
        assert!(read(&one, NOW).expect("sound").self_signed);
        let mixed = Pair { cert: one.cert.clone(), key: two.key.clone() };
        assert!(matches!(read(&mixed, NOW), Err(TlsError::Mismatch { .. })));
        assert!(matches!(read(&one, NOW + 200 * DAY), Err(TlsError::NotNow { .. })));
        assert!(matches!(read(&one, NOW - 2 * DAY), Err(TlsError::NotNow { .. })));
        let swapped = Pair { cert: one.key.clone(), key: one.cert.clone() };
        let said = read(&swapped, NOW).expect_err("no certificate").to_string();
        assert!(said.contains("证书") && said.contains("a certificate"), "{said}");
        let absent = Pair { cert: dir.path().join("none"), key: one.key.clone() };
        assert!(matches!(read(&absent, NOW), Err(TlsError::Read { .. })));
    }

    #[test]
    fn a_bad_new_file_keeps_the_old_certificate() {
        let dir = tempfile::tempdir().expect("a folder");
        let (one, longer) = (write(dir.path(), "one", 100), write(dir.path(), "longer", 300));
        let certificates = Certificates::open(one.clone(), true, NOW).expect("sound");
        assert_eq!(certificates.days_left(NOW), 99);
        fs::write(&one.cert, "half a file").expect("write");
        assert!(certificates.reload(NOW).is_err());
        assert_eq!(certificates.days_left(NOW), 99);
        fs::copy(&longer.cert, &one.cert).expect("copy");
        assert!(certificates.reload(NOW).is_err(), "the key is still the old one's");
        fs::copy(&longer.key, &one.key).expect("copy");
        certificates.reload(NOW).expect("a pair again");
        assert_eq!(certificates.days_left(NOW), 299);
    }
}

//! TLS to the database. Where it is asked for it is whole: the chain and the name of the server are verified under each of
//! `require`, `verify-ca` and `verify-full`, so that `require` is stricter here than in libpq. `prefer` protects nobody
//! from somebody in between, and means what it means without TLS.

use crate::{Result, StoreError};
use percent_encoding::percent_decode_str;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// What an address says of TLS, apart from what the driver reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// `sslmode` of `require` and above.
    pub(super) tls: bool,
    /// `sslrootcert`: who signs the server's certificate, instead of whom the machine trusts.
    pub(super) roots: Option<String>,
}

/// Takes out of an address what the driver does not know, and `sslmode` with it: gives the rest, and what was asked for.
/// Both forms of address are read, `postgres://..?name=value&..` and `name=value ..`.
pub(super) fn take_out(url: &str) -> (String, Asked) {
    let (head, settings, between) = match url.split_once('?') {
        Some((head, query)) if url.contains("://") => (Some(head), query, '&'),
        _ if url.contains("://") => (Some(url), "", '&'),
        _ => (None, url, ' '),
    };
    let mut asked = Asked::default();
    let mut kept = vec![];
    // Blanks between settings, and within a quoted value, are kept as they are.
    for setting in settings.split(between) {
        match setting.split_once('=') {
            Some(("sslmode", "require" | "verify-ca" | "verify-full")) => asked.tls = true,
            Some(("sslmode", "allow" | "prefer")) => {}
            Some(("sslrootcert", path)) => {
                // Only an address with `://` escapes: `%2F` for `/` and the like.
                let plain = |_| percent_decode_str(path).decode_utf8_lossy().into_owned();
                asked.roots = Some(head.map_or_else(|| path.to_owned(), plain));
            }
            _ => kept.push(setting),
        }
    }
    let kept = kept.join(&between.to_string());
    let rest = match head {
        Some(head) if kept.is_empty() => head.to_owned(),
        Some(head) => format!("{head}?{kept}"),
        None => kept.trim().to_owned(),
    };
    (rest, asked)
}

fn refused(chinese: &str, english: &str, detail: impl std::fmt::Display) -> StoreError {
    StoreError::Version(format!("{chinese} / {english}: {detail}"))
}

/// How connections are made safe, when that is asked for.
///
/// # Errors
/// As `connector`; also for certificates to trust without TLS to trust them for.
pub(super) fn of(asked: &Asked) -> Result<Option<MakeRustlsConnect>> {
    match (asked.tls, asked.roots.as_deref()) {
        (true, roots) => connector(roots).map(Some),
        (false, None) => Ok(None),
        (false, Some(roots)) => Err(refused(
            "写了 sslrootcert，却没有 sslmode=require",
            "there is sslrootcert, but not sslmode=require",
            roots,
        )),
    }
}

/// How connections are made safe, trusting whom the machine trusts or who is in a file of certificates.
///
/// # Errors
/// `Version` when no certificate can be read.
fn connector(roots: Option<&str>) -> Result<MakeRustlsConnect> {
    let mut trusted = RootCertStore::empty();
    match roots {
        Some(path) => {
            let bad = |e: &dyn std::fmt::Display| {
                refused("读不了 sslrootcert 的证书", "the certificates of sslrootcert cannot be read", e)
            };
            for certificate in CertificateDer::pem_file_iter(Path::new(path)).map_err(|e| bad(&e))? {
                let certificate = certificate.map_err(|e| bad(&e))?;
                trusted.add(certificate).map_err(|e| bad(&e))?;
            }
        }
        None => {
            trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if trusted.is_empty() {
        return Err(refused(
            "没有可信任的证书，用 sslrootcert 指定",
            "there is no certificate to trust; name one with sslrootcert",
            roots.unwrap_or("-"),
        ));
    }
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
    let config = config.map_err(|e| refused("TLS 用不了", "TLS cannot be used", e))?;
    Ok(MakeRustlsConnect::new(config.with_root_certificates(trusted).with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_of_tls_is_taken_out_of_both_forms_of_address() {
        let tls = |roots: Option<&str>| Asked { tls: true, roots: roots.map(str::to_owned) };
        for (url, rest, asked) in [
            ("postgres://u:p@a:1,b:2/c", "postgres://u:p@a:1,b:2/c", Asked::default()),
            ("postgres://h/c?sslmode=require", "postgres://h/c", tls(None)),
            (
                "postgres://h/c?sslmode=verify-full&target_session_attrs=read-write&sslrootcert=%2Fetc%2Fca.pem",
                "postgres://h/c?target_session_attrs=read-write",
                tls(Some("/etc/ca.pem")),
            ),
            ("postgres://h/c?sslmode=prefer", "postgres://h/c", Asked::default()),
            ("host=h sslmode=verify-ca dbname=c", "host=h dbname=c", tls(None)),
            ("postgres://h/c?sslmode=disable", "postgres://h/c?sslmode=disable", Asked::default()),
            (
                "host=h options='-c a=b  -c d=e' sslrootcert=/etc/%41.pem sslmode=require",
                "host=h options='-c a=b  -c d=e'",
                tls(Some("/etc/%41.pem")),
            ),
        ] {
            assert_eq!(take_out(url), (rest.to_owned(), asked), "{url}");
        }
    }

    #[test]
    fn whom_to_trust_without_tls_is_a_mistake() {
        let asked = Asked { tls: false, roots: Some("/etc/ca.pem".into()) };
        let error = of(&asked).err().expect("refused").to_string();
        assert!(error.contains("sslmode=require"), "{error}");
        assert!(of(&Asked::default()).unwrap().is_none());
    }
}

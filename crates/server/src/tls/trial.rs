//! A private CA for a first try: made once in the data folder, able to sign only for private addresses and this
//! machine's names, and a server certificate that is signed anew when the addresses change.

use super::addresses::Names;
use super::{Pair, TlsError};
use ipnet::IpNet;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PublicKeyData as _, SanType,
};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use time::{Duration, OffsetDateTime};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

/// Addresses no outsider owns: what the CA may always sign for.
const PRIVATE: [&str; 8] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "fc00::/7",
    "::1/128",
];
const CA_DAYS: i64 = 3 * 365;
/// Phones refuse longer ones.
const CERT_DAYS: i64 = 397;
/// Signed anew when fewer are left.
const RENEW_DAYS: i64 = 30;

/// The trial certificate, ready to serve.
#[derive(Clone, Debug)]
pub struct Trial {
    /// For the listener.
    pub pair: Pair,
    /// The CA as phones install it.
    pub ca_der: Vec<u8>,
    /// Its SHA-256, as phones show it: `AB:CD:...`.
    pub fingerprint: String,
    /// Names and addresses that the CA does not cover: they need a new CA.
    pub left_out: Vec<String>,
}

/// What was signed last.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Issued {
    names: Vec<String>,
    until_s: i64,
}

/// What the CA may sign for beyond private addresses; fixed when it is made.
#[derive(Serialize, Deserialize)]
struct Allowed {
    names: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
}

/// Opens the CA in `data`, makes it when there is none, and signs for `names` unless that is done.
///
/// # Errors
/// `TlsError::Trial` when files or keys refuse.
pub fn open(data: &Path, names: &Names, now_ms: i64) -> Result<Trial, TlsError> {
    let folder = data.join("trial");
    let now = OffsetDateTime::from_unix_timestamp(now_ms.div_euclid(1_000)).map_err(failed)?;
    if !folder.join("ca.pem").is_file() {
        make_ca(&folder, names, now)?;
    }
    let ca_key =
        KeyPair::from_pem(&fs::read_to_string(folder.join("ca.key")).map_err(failed)?).map_err(failed)?;
    let ca_der = CertificateDer::from_pem_file(folder.join("ca.pem")).map_err(failed)?.to_vec();
    let allowed: Allowed =
        serde_json::from_slice(&fs::read(folder.join("allowed.json")).map_err(failed)?).map_err(failed)?;
    let (covered, left_out) = split(names, &allowed);
    let pair = Pair { cert: folder.join("server.pem"), key: folder.join("server.key") };
    let last =
        fs::read(folder.join("issued.json")).ok().and_then(|b| serde_json::from_slice::<Issued>(&b).ok());
    let renew = now + Duration::days(RENEW_DAYS);
    let fresh = |i: &Issued| i.names == covered && i.until_s > renew.unix_timestamp() && pair.cert.is_file();
    if !last.as_ref().is_some_and(fresh) {
        issue(&folder, &pair, ca_key, &ca_der, &covered, now)?;
    }
    Ok(Trial { pair, fingerprint: fingerprint(&ca_der), ca_der, left_out })
}

fn make_ca(folder: &Path, names: &Names, now: OffsetDateTime) -> Result<(), TlsError> {
    fs::create_dir_all(folder).map_err(failed)?;
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = ca_params(&key);
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(CA_DAYS);
    let private = private();
    let is_private = |ip: &IpAddr| private.iter().any(|n| n.contains(ip));
    let allowed = Allowed {
        names: names.names.clone(),
        addresses: names.addresses.iter().copied().filter(|ip| !is_private(ip)).collect(),
    };
    let single = |ip: &IpAddr| CidrSubnet::from_addr_prefix(*ip, if ip.is_ipv4() { 32 } else { 128 });
    let nets = private.iter().map(|n| CidrSubnet::from_addr_prefix(n.network(), n.prefix_len()));
    let addresses = nets.chain(allowed.addresses.iter().map(single)).map(GeneralSubtree::IpAddress);
    let permitted = addresses.chain(allowed.names.iter().cloned().map(GeneralSubtree::DnsName)).collect();
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: Vec::new() });
    let cert = params.self_signed(&key).map_err(failed)?;
    write(&folder.join("allowed.json"), &serde_json::to_vec(&allowed).map_err(failed)?)?;
    write(&folder.join("ca.key"), key.serialize_pem().as_bytes())?;
    // Last: with it the CA exists.
    write(&folder.join("ca.pem"), cert.pem().as_bytes())
}

/// All of the CA that a signature needs; derived from its key alone, so that it need not be parsed back.
fn ca_params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    let digest = sha2::Sha256::digest(key.subject_public_key_info());
    let mut name = DistinguishedName::new();
    let short = format!("{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2]);
    name.push(DnType::CommonName, format!("Blindspot trial CA {short}"));
    name.push(DnType::OrganizationName, "Blindspot trial, this machine only");
    params.distinguished_name = name;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn issue(
    folder: &Path,
    pair: &Pair,
    ca_key: KeyPair,
    ca_der: &[u8],
    covered: &[String],
    now: OffsetDateTime,
) -> Result<(), TlsError> {
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = CertificateParams::new(covered.to_vec()).map_err(failed)?;
    debug_assert!(
        params.subject_alt_names.iter().all(|n| matches!(n, SanType::DnsName(_) | SanType::IpAddress(_)))
    );
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Blindspot trial server");
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(CERT_DAYS);
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let until_s = params.not_after.unix_timestamp();
    let issuer = Issuer::new(ca_params(&ca_key), ca_key);
    let cert = params.signed_by(&key, &issuer).map_err(failed)?;
    let ca = pem(ca_der);
    write(&pair.key, key.serialize_pem().as_bytes())?;
    write(&pair.cert, format!("{}{ca}", cert.pem()).as_bytes())?;
    let issued = Issued { names: covered.to_vec(), until_s };
    write(&folder.join("issued.json"), &serde_json::to_vec(&issued).map_err(failed)?)
}

/// The CA as PEM, for systems that want text.
#[must_use]
pub fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|c| std::str::from_utf8(c).ok()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

fn private() -> Vec<IpNet> {
    PRIVATE.iter().filter_map(|n| n.parse().ok()).collect()
}

/// What the CA covers, and what not.
fn split(names: &Names, allowed: &Allowed) -> (Vec<String>, Vec<String>) {
    let private = private();
    let may = |ip: &IpAddr| private.iter().any(|n| n.contains(ip)) || allowed.addresses.contains(ip);
    let addresses = names.addresses.iter().map(|ip| (ip.to_string(), may(ip)));
    let hosts = names.names.iter().map(|n| (n.clone(), allowed.names.contains(n)));
    let (yes, no): (Vec<_>, Vec<_>) = addresses.chain(hosts).partition(|(_, ok)| *ok);
    let words = |list: Vec<(String, bool)>| list.into_iter().map(|(word, _)| word).collect();
    (words(yes), words(no))
}

fn fingerprint(der: &[u8]) -> String {
    let digest = sha2::Sha256::digest(der);
    digest.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":")
}

fn write(path: &PathBuf, bytes: &[u8]) -> Result<(), TlsError> {
    let fresh = path.with_extension("new");
    let mut options = fs::File::options();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&fresh, path).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> TlsError {
    TlsError::Trial(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio_rustls::rustls::client::WebPkiServerVerifier;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::{ServerName, UnixTime};
    use tokio_rustls::rustls::{RootCertStore, client::danger::ServerCertVerifier as _};

    const NOW: i64 = 1_800_000_000_000;

    fn names(addresses: &[&str], hosts: &[&str]) -> Names {
        Names {
            addresses: addresses.iter().map(|a| a.parse().expect("ip")).collect(),
            names: hosts.iter().map(|&h| h.to_owned()).collect(),
        }
    }

    /// Whether a client that trusts the CA believes the certificate under a name.
    fn believed(ca: &[u8], chain: &Path, name: &str) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(ca.to_vec().into()).expect("a root");
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .expect("a verifier");
        let end = CertificateDer::from_pem_file(chain).expect("a certificate");
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_millis(NOW as u64));
        verifier.verify_server_cert(&end, &[], &name, &[], now).is_ok()
    }

    #[test]
    fn the_ca_is_made_once_and_the_certificate_follows_the_addresses() {
        let dir = tempfile::tempdir().expect("a folder");
        let home = names(&["192.168.1.5", "203.0.113.9"], &["localhost", "desk.local"]);
        let first = open(dir.path(), &home, NOW).expect("made");
        assert!(first.left_out.is_empty());
        for name in ["192.168.1.5", "203.0.113.9", "desk.local"] {
            assert!(believed(&first.ca_der, &first.pair.cert, name), "{name}");
        }
        let cert = fs::read(&first.pair.cert).expect("read");
        open(dir.path(), &home, NOW).expect("again");
        assert_eq!(fs::read(&first.pair.cert).expect("read"), cert, "nothing changed");
        let moved = names(&["10.9.8.7", "198.51.100.4"], &["localhost"]);
        let second = open(dir.path(), &moved, NOW).expect("signed anew");
        assert_eq!(second.fingerprint, first.fingerprint);
        assert_eq!(second.left_out, ["198.51.100.4"], "public addresses are fixed with the CA");
        assert!(believed(&second.ca_der, &second.pair.cert, "10.9.8.7"));
        let later = NOW + 370 * 86_400_000;
        open(dir.path(), &moved, later).expect("renewed before it ends");
        assert!(super::super::check::read(&second.pair, later).is_ok());
    }

    #[test]
    fn a_stolen_ca_signs_for_nobody_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let made = open(dir.path(), &names(&["10.0.0.1"], &["localhost"]), NOW).expect("made");
        let key = KeyPair::from_pem(&fs::read_to_string(dir.path().join("trial/ca.key")).expect("read"))
            .expect("key");
        let now = OffsetDateTime::from_unix_timestamp(NOW / 1_000).expect("a time");
        let stolen = ["bank.example".to_owned(), "8.8.8.8".to_owned(), "10.0.0.2".to_owned()];
        for name in &stolen {
            let folder = dir.path().join(name);
            fs::create_dir(&folder).expect("a folder");
            let pair = Pair { cert: folder.join("c.pem"), key: folder.join("c.key") };
            let key = KeyPair::from_pem(&key.serialize_pem()).expect("key");
            issue(&folder, &pair, key, &made.ca_der, std::slice::from_ref(name), now).expect("signed");
            assert_eq!(believed(&made.ca_der, &pair.cert, name), name == "10.0.0.2", "{name}");
        }
    }
}

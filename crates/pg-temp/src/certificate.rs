//! Certificates of a private authority, for servers that offer TLS in a test.

use crate::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// A server's certificate and who signed it, all PEM.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The authority's own certificate.
    pub authority: String,
    /// The server's.
    pub certificate: String,
    /// The server's private key.
    pub key: String,
}

impl Signed {
    /// A new authority, and a certificate of its for a name or an address.
    ///
    /// # Errors
    /// `Certificate` when the name is none.
    pub fn for_name(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new([name.to_owned()])?.signed_by(&key, &authority)?;
        Ok(Self { authority: authority.pem(), certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

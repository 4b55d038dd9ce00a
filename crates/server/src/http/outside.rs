//! The way out: HTTP requests that this server makes by itself, to robots and gateways. TLS by the roots of the machine, no
//! redirects, bounded in time and size. Errors say nothing of the address: it holds keys.

use crate::service::notices::message::{Outgoing, Reply, Taken};
use crate::service::notices::send::{ANSWER_BYTES_MAX, Post, TIMEOUT};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use tokio_rustls::rustls::crypto::ring;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Error};

/// See the module text.
pub struct Outside {
    agent: Agent,
    /// For this machine: past whatever proxy leads out.
    near: Agent,
}

impl Default for Outside {
    fn default() -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .build();
        let config = || {
            Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .timeout_global(Some(TIMEOUT))
                .max_idle_connections(0)
                .user_agent(concat!("blindspot/", env!("CARGO_PKG_VERSION")))
                .tls_config(tls.clone())
        };
        Self { agent: config().build().new_agent(), near: config().proxy(None).build().new_agent() }
    }
}

fn is_near(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else { return false };
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip == Ipv4Addr::LOCALHOST || IpAddr::V4(ip).is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip == Ipv6Addr::LOCALHOST,
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

impl Post for Outside {
    fn post(&self, out: &Outgoing) -> Result<Reply, String> {
        let agent = if is_near(&out.url) { &self.near } else { &self.agent };
        let answer = if out.method == "GET" {
            let headers = out.headers.iter();
            headers.fold(agent.get(&out.url), |r, (n, v)| r.header(n, v)).call()
        } else {
            let headers = out.headers.iter();
            headers.fold(agent.post(&out.url), |r, (n, v)| r.header(n, v)).send(&out.body)
        };
        let mut answer = answer.map_err(|e| said(&e).to_owned())?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let taken = match status {
            200..300 => Taken::Yes,
            429 => Taken::TooMany,
            other => Taken::No(other),
        };
        Ok(Reply { taken, body: body.map_err(|e| said(&e).to_owned())? })
    }
}

/// What went wrong, without the address.
fn said(error: &Error) -> &'static str {
    match error {
        Error::Timeout(_) => "no answer in time",
        Error::HostNotFound => "the host is not known",
        Error::ConnectionFailed | Error::Io(_) => "no connection",
        Error::Tls(_) | Error::Rustls(_) => "no safe connection: check the certificate",
        Error::BodyExceedsLimit(_) => "the answer is too long",
        _ => "the request could not be made",
    }
}

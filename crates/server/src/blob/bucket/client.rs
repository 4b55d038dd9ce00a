//! The client of a bucket: addresses, keys, how long it waits and how often it tries. TLS is the one of the rest of the
//! server.

use crate::blob::place::{BucketPlace, Keys};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{BackoffConfig, Certificate, ClientOptions, RetryConfig};
use std::io;
use std::time::Duration;
use url::Url;

/// One request, with all its bytes in both directions: 8 MiB at most.
const REQUEST: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(3);
/// After this no request is begun again.
const RETRY_WITHIN: Duration = Duration::from_secs(5);
const RETRIES: usize = 2;
/// Connections that are kept open.
const IDLE: usize = 32;

/// A client at an address of the bucket; sends nothing yet.
pub(super) fn client(place: &BucketPlace, endpoint: Option<&Url>, keys: &Keys) -> io::Result<AmazonS3> {
    // Chosen once for the process; who came first chose the same.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let mut options = ClientOptions::new()
        .with_timeout(REQUEST)
        .with_connect_timeout(CONNECT)
        .with_pool_max_idle_per_host(IDLE)
        .with_allow_http(endpoint.is_some_and(|url| url.scheme() == "http"));
    if let Some(path) = &place.ca {
        let pem = std::fs::read(path).map_err(|e| io::Error::other(format!("{}: {e}", path.display())))?;
        for certificate in Certificate::from_pem_bundle(&pem).map_err(io::Error::other)? {
            options = options.with_root_certificate(certificate);
        }
    }
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(1),
        ..BackoffConfig::default()
    };
    let retry = RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY_WITHIN };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&place.bucket)
        .with_region(&place.region)
        .with_access_key_id(&keys.access)
        .with_secret_access_key(&keys.secret)
        .with_virtual_hosted_style_request(place.in_host)
        .with_retry(retry)
        .with_client_options(options);
    if let Some(url) = endpoint {
        builder =
            builder.with_endpoint(url.as_str().trim_end_matches('/')).with_allow_http(url.scheme() == "http");
    }
    builder.build().map_err(io::Error::other)
}

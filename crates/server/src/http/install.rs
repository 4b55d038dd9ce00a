//! The plain page of a trial: gives the CA away in the form each system takes, with steps and QR codes. Nothing else.

use axum::Router;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use std::sync::Arc;

const PAGE: &str = include_str!("../../assets/install.html");
const STYLE: &str = include_str!("../../assets/install.css");
const POLICY: &str =
    "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// What the page gives away.
#[derive(Clone, Debug)]
pub struct Install {
    /// The CA.
    pub ca_der: Vec<u8>,
    /// Its SHA-256, as phones show it.
    pub fingerprint: String,
    /// Where the server speaks https.
    pub https: String,
    /// Where this page is.
    pub page: String,
}

/// The page's routes.
#[expect(
    clippy::disallowed_methods,
    reason = "another port, for browsers alone: no part of the described interface"
)]
pub fn router(install: Install) -> Router {
    let html = page(&install);
    let profile = profile(&install);
    let pem = crate::tls::trial::pem(&install.ca_der);
    let der = Arc::new(install.ca_der);
    // What Android, iOS and Windows all take for a CA to install.
    let ca = move || {
        let der = der.clone();
        async move { file("application/x-x509-ca-cert", "ca.crt", der.to_vec()) }
    };
    Router::new()
        .route("/", get(move || std::future::ready(shown("text/html; charset=utf-8", html.clone()))))
        .route("/install.css", get(|| std::future::ready(shown("text/css; charset=utf-8", STYLE.to_owned()))))
        .route("/ca.crt", get(ca))
        .route(
            "/ca.pem",
            get(move || std::future::ready(file("application/x-pem-file", "ca.pem", pem.clone()))),
        )
        .route(
            "/ca.mobileconfig",
            get(move || {
                std::future::ready(file(
                    "application/x-apple-aspen-config",
                    "ca.mobileconfig",
                    profile.clone(),
                ))
            }),
        )
}

fn shown(kind: &'static str, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, body).into_response()
}

fn file(kind: &'static str, name: &'static str, body: impl IntoResponse) -> Response {
    let headers: [(HeaderName, String); 3] = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    let mut response = body.into_response();
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn page(install: &Install) -> String {
    PAGE.replace("{{fingerprint}}", &escaped(&install.fingerprint))
        .replace("{{https}}", &escaped(&install.https))
        .replace("{{qr_https}}", &code(&format!("{}/start", install.https)))
        .replace("{{qr_page}}", &code(&install.page))
}

/// A QR code as inline SVG; nothing for a text that fits in none.
fn code(text: &str) -> String {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else { return String::new() };
    let picture = code.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
    // The XML declaration has no place inside HTML.
    picture.split_once("?>").map_or(picture.clone(), |(_, svg)| svg.to_owned())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A configuration profile with the CA in it, for iPhones.
fn profile(install: &Install) -> String {
    let ca = base64::engine::general_purpose::STANDARD.encode(&install.ca_der);
    let id = |n: u8| {
        let hex: String = install.fingerprint.chars().filter(char::is_ascii_hexdigit).take(31).collect();
        let hex = format!("{hex}{n:x}");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    };
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
<key>PayloadType</key><string>Configuration</string><key>PayloadVersion</key><integer>1</integer>
<key>PayloadIdentifier</key><string>blindspot.trial.{one}</string><key>PayloadUUID</key><string>{one}</string>
<key>PayloadDisplayName</key><string>净格试用证书 Blindspot trial CA</string>
<key>PayloadContent</key><array><dict>
<key>PayloadType</key><string>com.apple.security.root</string><key>PayloadVersion</key><integer>1</integer>
<key>PayloadIdentifier</key><string>blindspot.trial.{two}</string><key>PayloadUUID</key><string>{two}</string>
<key>PayloadDisplayName</key><string>Blindspot trial CA</string>
<key>PayloadContent</key><data>{ca}</data>
</dict></array>
</dict></plist>
"#,
        one = id(1),
        two = id(2),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_all_it_promises_and_escapes_what_it_is_given() {
        let install = Install {
            ca_der: vec![1, 2, 3],
            fingerprint: "AB:CD".repeat(16),
            https: "https://10.0.0.1:8443/\"<".into(),
            page: "http://10.0.0.1:8444".into(),
        };
        let page = page(&install);
        assert!(!page.contains("{{"), "a placeholder is left");
        assert!(page.contains("&quot;&lt;") && !page.contains("\"<"));
        assert_eq!(page.matches("<svg").count(), 2);
        assert!(profile(&install).contains("<data>AQID</data>"));
    }
}

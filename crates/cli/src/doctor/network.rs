//! What phones will say of the address: https or not, whose certificate, for how long.

use super::{Finding, bad, good, note};
use crate::clock::wall_ms;
use blindspot_server::ServeConfig;
use blindspot_server::config::Tls;
use blindspot_server::tls::{Pair, check};

/// Fewer days left than this are worth a word.
const DAYS_SOON: i64 = 30;

/// All findings about the network.
pub(super) fn all(config: &ServeConfig) -> Vec<Finding> {
    let mut found = vec![match &config.tls {
        Tls::Plain if config.is_exposed() => bad(
            "http",
            format!(
                "{} 上是明文 http，服务器不会启动：给证书、用 --tls-trial，或写明前置代理",
                config.listen
            ),
            format!(
                "plain http on {}: the server will not start; give a certificate, use --tls-trial, or name the proxy in front",
                config.listen
            ),
        ),
        Tls::Plain if config.listen.ip().is_loopback() && config.trusted_proxies.is_empty() => note(
            "http",
            "只在本机用 http：手机连不上；手机的摄像头、定位、离线都要 https",
            "http on this machine alone: phones cannot reach it, and camera, position and offline work need https",
        ),
        Tls::Plain => note(
            "http",
            "明文 http，靠前置代理做 https；绕过代理来的请求会被拒绝",
            "plain http, the proxy in front makes it https; who comes past the proxy is refused",
        ),
        Tls::Trial { .. } => note(
            "https",
            "试用证书：每部手机要先到安装页装证书，不装就没有离线（浏览器拒绝 service worker）",
            "a trial certificate: each phone installs it from the page first; without it there is no offline work (browsers refuse service workers)",
        ),
        Tls::Files { cert, key } => certificate(&Pair { cert: cert.clone(), key: key.clone() }),
    }];
    match &config.base_url {
        Some(url) if url.starts_with("http://") && !is_local(url) => found.push(bad(
            "base_url",
            format!("绑定码里的地址 {url} 是 http：手机没有摄像头、定位和离线"),
            format!("enrolment codes name {url}: over http phones have no camera, position or offline work"),
        )),
        None if config.listen.ip().is_unspecified() => found.push(note(
            "base_url",
            "没有写 base_url：绑定码里会是本机的一个 IP 地址",
            "no base_url: enrolment codes will name one of this machine's addresses",
        )),
        _ => {}
    }
    found
}

fn is_local(url: &str) -> bool {
    url.starts_with("http://127.") || url.starts_with("http://localhost") || url.starts_with("http://[::1]")
}

fn certificate(pair: &Pair) -> Finding {
    let now = wall_ms();
    match check::read(pair, now) {
        Err(error) => {
            let said = error.to_string();
            let (zh, en) = said.split_once(" / ").unwrap_or((&said, &said));
            bad("certificate", zh, en)
        }
        Ok(checked) if checked.self_signed => bad(
            "certificate",
            "证书是自签名的：手机浏览器会警告，并且不给离线功能（service worker）；请用城市 CA 或公共 CA 签的，试用加 --tls-trial",
            "the certificate is self-signed: browsers warn, and refuse service workers, so nothing works offline; use one of the city's or a public CA, or --tls-trial for a first try",
        ),
        Ok(checked) => {
            let days = (checked.until_ms - now).div_euclid(86_400_000);
            let (zh, en) = (format!("证书还有 {days} 天"), format!("the certificate ends in {days} days"));
            if days < DAYS_SOON {
                note("certificate", zh + "，请尽快换", en + ": renew it soon")
            } else {
                good("certificate", zh, en)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Weight;
    use super::*;

    fn weights(change: impl FnOnce(&mut ServeConfig)) -> Vec<(&'static str, Weight)> {
        let mut config = ServeConfig::new("d");
        change(&mut config);
        all(&config).into_iter().map(|f| (f.what, f.weight)).collect()
    }

    #[test]
    fn each_way_of_serving_is_judged() {
        let anywhere = "0.0.0.0:8443".parse().expect("an address");
        assert_eq!(weights(|_| {}), [("http", Weight::Note)]);
        assert_eq!(weights(|c| c.listen = anywhere), [("http", Weight::Bad), ("base_url", Weight::Note)]);
        let missing = || Tls::Files { cert: "no/cert".into(), key: "no/key".into() };
        assert_eq!(weights(|c| c.tls = missing()), [("certificate", Weight::Bad)]);
        assert_eq!(
            weights(|c| {
                c.tls = Tls::Trial { page: anywhere };
                c.base_url = Some("http://10.0.0.1:8080".into());
            }),
            [("https", Weight::Note), ("base_url", Weight::Bad)]
        );
    }
}

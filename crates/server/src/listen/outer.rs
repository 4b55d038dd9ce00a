//! How a request looks from outside: the caller's address, the scheme, the host it asked for. What a proxy says of it
//! is believed only when that proxy is trusted; from anybody else the words are removed.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;
use std::net::IpAddr;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// In every request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outer {
    /// Who called, as far as it can be believed. For logs of abuse, never for rights: hundreds of phones share one.
    pub ip: IpAddr,
    /// Whether the caller spoke https.
    pub https: bool,
    /// Whether the words crossed a network in the open: plain http, from another machine, past the trusted proxies.
    pub exposed: bool,
}

/// Judges and cleans the headers of a request that came from `peer`, over TLS of ours or not.
pub(crate) fn judge(headers: &mut HeaderMap, peer: IpAddr, tls: bool, trusted: &[IpNet]) -> Outer {
    // An IPv4 caller of a socket for both comes as ::ffff:a.b.c.d.
    let peer = peer.to_canonical();
    let by_proxy = !trusted.is_empty() && trusted.iter().any(|n| n.contains(&peer));
    let exposed = !tls && !by_proxy && !peer.is_loopback();
    let mut outer = Outer { ip: peer, https: tls, exposed };
    if by_proxy {
        outer.ip = last_untrusted(headers, trusted).unwrap_or(peer);
        outer.https = match last_word(headers, &PROTO) {
            Some(word) => word.eq_ignore_ascii_case("https"),
            None => tls,
        };
        if let Some(host) = last_word(headers, &HOST)
            && let Ok(host) = HeaderValue::from_str(host)
        {
            headers.insert(header::HOST, host);
        }
    }
    for name in [FOR, PROTO, HOST, header::FORWARDED] {
        headers.remove(name);
    }
    outer
}

/// The nearest proxy writes last: what stands before it came from further away.
fn last_word<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let last = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next().map(str::trim).filter(|w| !w.is_empty())
}

/// The last address that is none of the proxies': before it anybody may have written anything.
fn last_untrusted(headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let mut nearest = None;
    for value in headers.get_all(&FOR).iter().rev() {
        for word in value.to_str().ok()?.rsplit(',') {
            let ip: IpAddr = word.trim().parse::<IpAddr>().ok()?.to_canonical();
            nearest = Some(ip);
            if !trusted.iter().any(|n| n.contains(&ip)) {
                return nearest;
            }
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    fn nets(words: &[&str]) -> Vec<IpNet> {
        words.iter().map(|w| w.parse().expect("a network")).collect()
    }

    const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn words_of_strangers_are_removed() {
        let mut given =
            headers(&[("host", "a"), ("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https")]);
        given.append("x-forwarded-host", HeaderValue::from_static("evil"));
        given.append("forwarded", HeaderValue::from_static("for=1.2.3.4"));
        for trusted in [nets(&[]), nets(&["192.168.0.0/16"])] {
            let mut map = given.clone();
            assert_eq!(
                judge(&mut map, PROXY, false, &trusted),
                Outer { ip: PROXY, https: false, exposed: true }
            );
            assert_eq!(map, headers(&[("host", "a")]));
        }
    }

    #[test]
    fn a_trusted_proxy_is_believed_up_to_the_first_stranger() {
        let mut map = headers(&[
            ("host", "inner:8080"),
            ("x-forwarded-for", "9.9.9.9, 1.2.3.4"),
            ("x-forwarded-for", "10.0.0.7"),
            ("x-forwarded-proto", "http, https"),
            ("x-forwarded-host", "city.example"),
        ]);
        let outer = judge(&mut map, "::ffff:10.0.0.2".parse().expect("ip"), false, &nets(&["10.0.0.0/8"]));
        assert_eq!(outer, Outer { ip: "1.2.3.4".parse().expect("ip"), https: true, exposed: false });
        assert_eq!(map, headers(&[("host", "city.example")]));
    }

    #[test]
    fn a_broken_chain_gives_the_proxy_itself() {
        let trusted = nets(&["10.0.0.0/8"]);
        let mut map = headers(&[("x-forwarded-for", "1.2.3.4, unknown")]);
        assert_eq!(judge(&mut map, PROXY, false, &trusted).ip, PROXY);
        let mut all_ours = headers(&[("x-forwarded-for", "10.1.1.1, 10.2.2.2")]);
        assert_eq!(
            judge(&mut all_ours, PROXY, false, &trusted).ip,
            "10.1.1.1".parse::<IpAddr>().expect("ip")
        );
    }
}

//! Under which addresses and names this machine is reached.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Addresses and names; sorted, so that two lists compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Addresses of interfaces.
    pub addresses: BTreeSet<IpAddr>,
    /// Names, lower case.
    pub names: BTreeSet<String>,
}

impl Names {
    /// Of this machine, as seen on `listen`; `base_url` may add one that only the city's DNS knows.
    #[must_use]
    pub fn of_machine(listen: IpAddr, base_url: Option<&str>) -> Self {
        let mut found = Self::default();
        found.names.insert("localhost".to_owned());
        if listen.is_unspecified() {
            let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
            // Link-local IPv6 needs a zone, which no certificate can name.
            let usable = |ip: &IpAddr| !matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local());
            found.addresses.extend(interfaces.iter().map(if_addrs::Interface::ip).filter(usable));
            if let Some(host) = host_name() {
                found.names.insert(format!("{host}.local"));
                found.names.insert(host);
            }
        } else {
            found.addresses.insert(listen);
        }
        found.addresses.insert(Ipv4Addr::LOCALHOST.into());
        if let Some(host) = base_url.and_then(host_of) {
            match host.parse() {
                Ok(ip) => drop(found.addresses.insert(ip)),
                Err(_) => drop(found.names.insert(host)),
            }
        }
        found
    }

    /// The address that a phone most likely reaches: private IPv4 first.
    #[must_use]
    pub fn likeliest(&self) -> IpAddr {
        let rank = |ip: &IpAddr| match ip {
            ip if ip.is_loopback() => 3,
            IpAddr::V4(v4) if v4.is_private() => 0,
            IpAddr::V4(_) => 1,
            IpAddr::V6(_) => 2,
        };
        self.addresses.iter().copied().min_by_key(rank).unwrap_or(Ipv4Addr::LOCALHOST.into())
    }
}

/// `scheme://address:port` for a listener, with an address that others can use.
#[must_use]
pub fn url(scheme: &str, listen: SocketAddr, names: &Names) -> String {
    let ip = if listen.ip().is_unspecified() { names.likeliest() } else { listen.ip() };
    format!("{scheme}://{}", SocketAddr::new(ip, listen.port()))
}

fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?.trim().to_ascii_lowercase();
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    (!name.is_empty() && name != "localhost" && name.chars().all(sound)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_or_all_of_the_machine() {
        let one = Names::of_machine("10.1.2.3".parse().expect("ip"), Some("https://City.example:8443/x"));
        let ips: Vec<String> = one.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(ips, ["10.1.2.3", "127.0.0.1"]);
        assert_eq!(one.names.iter().map(String::as_str).collect::<Vec<_>>(), ["city.example", "localhost"]);
        assert_eq!(one.likeliest().to_string(), "10.1.2.3");
        let all = Names::of_machine(Ipv4Addr::UNSPECIFIED.into(), None);
        assert!(all.addresses.contains(&IpAddr::from(Ipv4Addr::LOCALHOST)));
    }

    #[test]
    fn an_address_in_a_url_is_an_address() {
        let named = |url| Names::of_machine("10.0.0.1".parse().expect("ip"), Some(url)).addresses;
        assert!(named("https://[fd00::1]:8443").contains(&"fd00::1".parse::<IpAddr>().expect("ip")));
        assert!(named("https://192.168.1.2").contains(&"192.168.1.2".parse::<IpAddr>().expect("ip")));
    }
}

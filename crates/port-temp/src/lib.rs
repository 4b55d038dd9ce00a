//! Loopback ports for servers that cannot be told "any port": PostgreSQL, an object store, a server that is
//! killed and comes back at its address.
//!
//! Asking the system for a free port and giving it back is a race that a long test run loses: the system hands the
//! same port to the next outgoing connection. So ports come from below the range of outgoing connections (Linux
//! starts it at 32,768), and each is locked through a file for as long as its [`Port`] lives, so that no other
//! process that asks here is given it, also while the server on it is down. A process that dies lets go of its
//! locks.

use std::fmt::{Display, Formatter, Result as Written};
use std::fs::{File, create_dir_all};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Ports that are handed out: below those of outgoing connections, above most servers that people install.
const FIRST: u32 = 21_000;
const END: u32 = 32_768;
/// Where the search goes on in this process.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A loopback port of ours until it is dropped. Shown as an address: `127.0.0.1:21000`.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _held: File,
}

impl Port {
    /// A port that nobody listens on and that nobody else is given.
    ///
    /// # Errors
    /// When the folder of locks cannot be written, or no port of the range is free.
    pub fn take() -> io::Result<Self> {
        let folder = folder();
        create_dir_all(&folder)?;
        for _ in FIRST..END {
            if let Some(port) = Self::try_take(&folder, next())? {
                return Ok(port);
            }
        }
        Err(io::Error::new(ErrorKind::AddrInUse, format!("no port from {FIRST} to {END} is free")))
    }

    fn try_take(folder: &Path, number: u16) -> io::Result<Option<Self>> {
        let held =
            File::options().create(true).truncate(false).write(true).open(folder.join(number.to_string()))?;
        let free = held.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok();
        Ok(free.then_some(Self { number, _held: held }))
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}

impl Display for Port {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        write!(f, "{}:{}", Ipv4Addr::LOCALHOST, self.number)
    }
}

/// A folder a user: what one makes another cannot open.
fn folder() -> PathBuf {
    std::env::temp_dir().join(format!("blindspot-ports-{}", rustix::process::getuid().as_raw()))
}

/// Each process begins elsewhere, so that those that start together do not go through each other's ports.
fn next() -> u16 {
    let begin = std::process::id().wrapping_mul(97);
    let at = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % (END - FIRST);
    u16::try_from(FIRST + at).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::{END, FIRST, Port, folder};
    use std::collections::BTreeSet;
    use std::net::TcpListener;

    #[test]
    fn no_port_comes_twice_and_none_is_one_of_outgoing_connections() {
        let ports: Vec<Port> = (0..200).map(|_| Port::take().expect("a port")).collect();
        let numbers: BTreeSet<u16> = ports.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), ports.len());
        assert!(numbers.iter().all(|n| (FIRST..END).contains(&u32::from(*n))), "{numbers:?}");
    }

    #[test]
    fn a_port_is_held_while_nobody_listens_on_it_and_free_when_let_go() {
        let port = Port::take().expect("a port");
        assert!(Port::try_take(&folder(), port.number()).expect("looked").is_none());
        assert_eq!(port.to_string(), format!("127.0.0.1:{}", port.number()));
        // Somebody else may be quicker, a hundred times hardly.
        let comes_back = |_| {
            let number = Port::take().expect("a port").number();
            Port::try_take(&folder(), number).expect("looked").is_some()
        };
        assert!((0..100).any(comes_back));
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_not_handed_out() {
        let port = Port::take().expect("a port");
        let number = port.number();
        let _stranger = TcpListener::bind(("127.0.0.1", number)).expect("free");
        drop(port);
        assert!(Port::try_take(&folder(), number).expect("looked").is_none());
    }
}

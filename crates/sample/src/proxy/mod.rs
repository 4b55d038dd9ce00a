//! A proxy on loopback that spoils connections on purpose: cuts, lost replies, captive portals, delays.
//!
//! Stands between a phone and a server in demos and tests. Knows bytes and turns (a request and its reply), no
//! HTTP beyond one canned portal page. The same seed spoils the same turns of the same connections.

mod faults;
mod relay;

pub use faults::{Counters, Faults};

use crate::dice::Dice;
use faults::Tally;
use relay::{Link, run};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Connections at once; more are turned away.
const CONNECTIONS_MAX: usize = 64;
/// The pumps hold one buffer on the heap and call little.
const STACK_BYTES: usize = 128 * 1024;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// What the listener, the pumps and the owner share.
pub(crate) struct Shared {
    /// Connections go to each in turn.
    targets: Vec<SocketAddr>,
    faults: Mutex<Faults>,
    tally: Tally,
    stopping: AtomicBool,
    open: Mutex<BTreeMap<u64, (TcpStream, TcpStream)>>,
}

/// A panic elsewhere leaves plain data behind: carry on with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn faults(&self) -> Faults {
        lock(&self.faults).clone()
    }

    fn close_all(&self) {
        for (client, server) in lock(&self.open).values() {
            // Already closed by a pump is as good as closed by us.
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    }
}

/// A running proxy. Stops when dropped.
pub struct CuttingProxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

impl CuttingProxy {
    /// Listens on a free loopback port and forwards to `target`.
    ///
    /// # Errors
    /// When no port or thread can be had.
    pub fn start(target: SocketAddr, faults: Faults) -> io::Result<Self> {
        Self::start_among(vec![target], faults)
    }

    /// The same with several servers behind it: each connection goes to the next.
    ///
    /// # Errors
    /// As `start`; also without a target.
    pub fn start_among(targets: Vec<SocketAddr>, faults: Faults) -> io::Result<Self> {
        if targets.is_empty() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = socket.local_addr()?;
        let shared = Arc::new(Shared {
            targets,
            faults: Mutex::new(faults),
            tally: Tally::default(),
            stopping: AtomicBool::new(false),
            open: Mutex::default(),
        });
        let for_thread = Arc::clone(&shared);
        let listener = Builder::new()
            .name("proxy-listen".into())
            .stack_size(STACK_BYTES)
            .spawn(move || listen(&socket, &for_thread))?;
        Ok(Self { addr, shared, listener: Some(listener) })
    }

    /// Where phones connect.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Other faults from the next connection and the next turn of open ones on.
    pub fn set_faults(&self, faults: Faults) {
        *lock(&self.shared.faults) = faults;
    }

    /// Closes every open connection at once, as when a phone drives into a tunnel.
    pub fn cut_all(&self) {
        self.shared.close_all();
    }

    /// What has happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.tally.read()
    }

    /// Stops listening, closes every connection and waits for the threads.
    pub fn stop(mut self) -> Counters {
        self.halt();
        self.counters()
    }

    fn halt(&mut self) {
        let Some(listener) = self.listener.take() else { return };
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the blocking accept; if it fails, the listener is gone already.
        let _ = TcpStream::connect_timeout(&self.addr, CONNECT_WITHIN);
        let _ = listener.join();
        let until = Instant::now() + STOP_WITHIN;
        while !lock(&self.shared.open).is_empty() && Instant::now() < until {
            self.shared.close_all();
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        self.halt();
    }
}

fn listen(socket: &TcpListener, shared: &Arc<Shared>) {
    let mut number = 0u64;
    for client in socket.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(client) = client else { continue };
        number += 1;
        let faults = shared.faults();
        Tally::add(&shared.tally.connections, 1);
        // Turn 0 is the connection itself.
        if Dice::new(faults.seed, number << 20).chance(faults.refuse) {
            Tally::add(&shared.tally.refused, 1);
            continue;
        }
        if lock(&shared.open).len() >= CONNECTIONS_MAX {
            Tally::add(&shared.tally.turned_away, 1);
            continue;
        }
        open(client, number, shared);
    }
}

/// Connects onward and starts the two pumps; a failure closes the client's side, which is all it would see.
fn open(client: TcpStream, number: u64, shared: &Arc<Shared>) {
    let turn = usize::try_from(number).unwrap_or(0) % shared.targets.len();
    let Ok(server) = TcpStream::connect_timeout(&shared.targets[turn], CONNECT_WITHIN) else {
        Tally::add(&shared.tally.unreachable, 1);
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else { return };
    lock(&shared.open).insert(number, (client_too, server_too));
    let link = Arc::new(Link::new(client, server, number, Arc::clone(shared)));
    let for_thread = Arc::clone(&link);
    let started = Builder::new().name("proxy".into()).stack_size(STACK_BYTES).spawn(move || run(&for_thread));
    if started.is_err() {
        link.close();
    }
}

#[cfg(test)]
mod tests;

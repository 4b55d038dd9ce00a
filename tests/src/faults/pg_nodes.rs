//! Two servers on one PostgreSQL database, killed in turn under load while phones go on with the other; and the network
//! between a server and its database cut. Nothing acknowledged is lost, nothing is there twice.

use super::child::Server;
use super::pg_failover::{push_until, settle};
use super::phone::FaultPhone;
use super::{Outcome, pg_ground};
use blindspot_pg_temp::{Node, NodeOptions};
use blindspot_port_temp::Port;
use blindspot_testkit::dice::Dice;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const PHONES: usize = 8;

struct Ground {
    database: Node,
    url: String,
    dir: tempfile::TempDir,
    codes: Vec<String>,
}

fn lay() -> Ground {
    let database = Node::start(&NodeOptions { fsync: false, ..NodeOptions::default() }).expect("a server");
    let url = database.create_database("city").expect("a database");
    let dir = tempfile::tempdir().expect("a folder");
    let codes = pg_ground::lay(&dir.path().join("a"), &url, PHONES);
    Ground { database, url, dir, codes }
}

impl Ground {
    fn settle(&self, outcome: &mut Outcome, phones: &mut [FaultPhone]) {
        for (n, phone) in phones.iter_mut().enumerate() {
            if !phone.converge(2_000) {
                outcome.blame(format!("phone {n} does not get through: {:?}", phone.replica.unsent()));
            }
        }
        let held = pg_ground::examine(&mut self.database.client("city").expect("the database"));
        settle(outcome, phones, &held);
    }
}

pub(super) fn kill(outcome: &mut Outcome, count: u64) {
    let ground = lay();
    let first = ground.dir.path().join("a");
    let folders = [first.clone(), pg_ground::beside(&first, "b")];
    let listens = [Port::take().expect("a port"), Port::take().expect("a port")];
    let start = |n: usize| Server::start_by(&mut pg_ground::on(&ground.url), &folders[n], &listens[n]);
    let mut servers = [start(0), start(1)];
    let bases = listens.each_ref().map(|l| format!("http://{l}"));
    let mut phones: Vec<FaultPhone> =
        (0..PHONES).map(|n| FaultPhone::new(&bases[n % 2], outcome.seed * 100 + n as u64)).collect();
    phones.iter_mut().zip(&ground.codes).for_each(|(phone, code)| phone.enrol(code));
    let mut dice = Dice::from_seed(outcome.seed, 1 << 16);
    for run in 0..count {
        let dies = usize::try_from(run % 2).expect("0 or 1");
        let wait = Duration::from_micros(30_000 + dice.below(300_000));
        push_until(&mut phones, || {
            std::thread::sleep(wait);
            servers[dies].kill();
        });
        // The proxy in front sends everybody to the one that is left.
        phones.iter_mut().for_each(|phone| phone.base.clone_from(&bases[1 - dies]));
        push_until(&mut phones, || {
            std::thread::sleep(wait);
            servers[dies] = start(dies);
        });
        outcome.restarted(servers[dies].ready_ms);
        phones.iter_mut().enumerate().for_each(|(n, phone)| phone.base.clone_from(&bases[n % 2]));
        outcome.runs += 1;
    }
    ground.settle(outcome, &mut phones);
}

pub(super) fn cut(outcome: &mut Outcome, count: u64) {
    let ground = lay();
    let pipe = Pipe::open(ground.database.port());
    let through = ground.url.replace(&format!(":{}/", ground.database.port()), &format!(":{}/", pipe.port));
    let listen = Port::take().expect("a port");
    let base = format!("http://{listen}");
    let mut server = Server::start_by(&mut pg_ground::on(&through), &ground.dir.path().join("a"), &listen);
    let mut phones: Vec<FaultPhone> =
        (0..PHONES).map(|n| FaultPhone::new(&base, outcome.seed * 100 + n as u64)).collect();
    phones.iter_mut().zip(&ground.codes).for_each(|(phone, code)| phone.enrol(code));
    let mut dice = Dice::from_seed(outcome.seed, 1 << 16);
    for _ in 0..count {
        let wait = Duration::from_micros(30_000 + dice.below(300_000));
        push_until(&mut phones, || {
            std::thread::sleep(wait);
            pipe.cut();
            std::thread::sleep(Duration::from_millis(300));
            pipe.mend();
            std::thread::sleep(Duration::from_millis(300));
        });
        outcome.runs += 1;
        assert!(server.runs(), "the server stays up");
    }
    ground.settle(outcome, &mut phones);
}

/// A way to a port that can be cut and mended.
struct Pipe {
    port: u16,
    whole: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Pipe {
    fn open(to: u16) -> Self {
        let door = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = door.local_addr().expect("an address").port();
        let (whole, open) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
        let (lets_in, known) = (whole.clone(), open.clone());
        // Ends with the process, as the door has no other end.
        std::thread::spawn(move || {
            for near in door.incoming().flatten() {
                let far = lets_in.load(Ordering::SeqCst).then(|| TcpStream::connect(("127.0.0.1", to)).ok());
                let Some(far) = far.flatten() else { continue };
                let ways = [(near.try_clone(), far.try_clone()), (far.try_clone(), near.try_clone())];
                known.lock().unwrap_or_else(PoisonError::into_inner).extend([near, far]);
                for way in ways {
                    let (Ok(mut from), Ok(mut to)) = way else { continue };
                    std::thread::spawn(move || {
                        // A cut is the end of both ways.
                        let _ = io::copy(&mut from, &mut to);
                        let _ = to.shutdown(std::net::Shutdown::Both);
                    });
                }
            }
        });
        Self { port, whole, open }
    }

    fn cut(&self) {
        self.whole.store(false, Ordering::SeqCst);
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // One that has ended already is as good.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    fn mend(&self) {
        self.whole.store(true, Ordering::SeqCst);
    }
}

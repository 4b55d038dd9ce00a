//! Mishaps of the third set of rules: words that the server's engine refuses, photo files that go or change on the
//! phone, unsent work that others carry as a file, and devices that were revoked and hand in.

use crate::acts;
use crate::phone::PhoneRandom;
use crate::scenario::World;
use crate::server::SimServer;
use crate::sim::Sim;
use crate::standing;
use crate::trouble::any_phone;
use blindspot_core::command::{Command, Comment};
use blindspot_core::op::SealedOp;
use blindspot_core::verdict::Cause;
use blindspot_server::service::people::Actor;
use blindspot_server::service::quarantine_desk::{self, ReplayRequest};
use blindspot_store::{Stmt, quarantine};

/// What the engine refuses while it is broken.
pub(crate) const POISON: &str = "POISON";

const ENGINE: &str = "-- name: breaks
CREATE TRIGGER poison BEFORE INSERT ON rows WHEN instr(NEW.body, 'POISON') > 0 BEGIN SELECT RAISE(ABORT, 'refused'); END;
-- name: mended
DROP TRIGGER poison;
";
static BREAKS: Stmt = Stmt::new(ENGINE, "breaks");
static MENDED: Stmt = Stmt::new(ENGINE, "mended");

/// From now on the server's engine refuses some words.
pub(crate) fn break_engine(server: &SimServer) {
    server.house().store.write(|tx| tx.exec(&BREAKS, &[])).expect("a trigger");
}

/// A newer server: the engine takes them.
pub(crate) fn mend_engine(server: &SimServer) {
    server.house().store.write(|tx| tx.exec(&MENDED, &[])).expect("no trigger");
}

/// One mishap.
pub(crate) fn act(world: &mut World) {
    let choice = world.sim.dice.below(100);
    if world.sim.trace {
        eprintln!("{} mishap {choice}", world.sim.now_ms);
    }
    match choice {
        0..=39 => poison(world),
        40..=59 => lose_file(&mut world.sim),
        60..=84 => carry(&mut world.sim, true),
        _ => carry(&mut world.sim, false),
    }
}

/// Somebody writes what the engine refuses.
fn poison(world: &mut World) {
    let n = acts::who(world);
    let known = acts::seen(world, n);
    let sim = &mut world.sim;
    let Some(case) = sim.dice.pick(&known).map(|view| view.file.id()) else { return };
    let text = format!("{POISON} {}", sim.dice.below(1000));
    let now = sim.phones[n].now(sim.now_ms);
    let command = Command::Comment(Comment { text });
    let saved = sim.phones[n].app().capture_op(case, command, &now, &mut PhoneRandom(&mut sim.dice));
    acts::keep(world, n, saved);
}

/// The file of a photo that was not delivered yet goes from a phone, or changes there.
fn lose_file(sim: &mut Sim) {
    let n = any_phone(sim);
    let waiting = sim.phones[n].app().uploads();
    let Some(mut waiting) = sim.phones[n].survived(waiting, &mut sim.dice) else { return };
    waiting.retain(|u| !u.verified && !u.lost);
    // Names of files are ids: in an order that no clock has a part in.
    waiting.sort_by(|a, b| (&a.sha256, &a.form).cmp(&(&b.sha256, &b.form)));
    let Some(file) = sim.dice.pick(&waiting).map(|u| u.file.clone()) else { return };
    let gone = sim.dice.percent(60);
    sim.phones[n].spoil(&file, gone);
    sim.wake(n);
}

/// Unsent work of a phone becomes a file; another phone carries it, or somebody gives it to a desk at once, and again.
fn carry(sim: &mut Sim, by_phone: bool) {
    let [n, k] = [any_phone(sim), any_phone(sim)];
    let now = sim.phones[n].now(sim.now_ms);
    let mut file = vec![];
    if sim.phones[n].export(&mut file, &now).is_none() {
        return;
    }
    if by_phone && n != k {
        let now = sim.phones[k].now(sim.now_ms);
        let carried = sim.phones[k].app().carry(&*file, &now);
        sim.phones[k].survived(carried, &mut sim.dice);
        sim.wake(k);
        return;
    }
    for _ in 0..=sim.dice.below(2) {
        // A server that cannot says so; the phone has everything still.
        let _ = sim.server.hand_in(None, &file, sim.now_ms);
    }
}

/// Somebody at a desk stands up for what revoked devices handed in, and for what came by another's credential.
pub(crate) fn vouch(server: &SimServer, now_ms: i64) {
    let house = server.house();
    let kept = house.store.read(|tx| quarantine::load_quarantine(tx, &house.city, None, None, 1_000));
    let mut kept = kept.expect("quarantine is read");
    // In an order that no phone's clock has a say in.
    kept.sort_by_key(|k| {
        (k.at_ms, k.device_id, SealedOp::read(k.body.as_str()).ok().map(|op| op.env.device_seq))
    });
    for kept in kept {
        if matches!(kept.cause, Cause::RevokedDevice | Cause::AuthorMismatch) {
            let entry = (kept.op_id, kept.hash);
            let request = ReplayRequest { vouched: true };
            quarantine_desk::replay(house, Actor::Cli, entry, request, now_ms).expect("an entry is decided");
        }
    }
}

/// While the engine is still broken: whether all that had to stand still is what it refuses (P6). Gives nothing as
/// long as phones are still sending.
pub(crate) fn check_and_mend(world: &mut World) -> Option<Vec<String>> {
    if !standing::rests(&mut world.sim) {
        return None;
    }
    let wrong = standing::check_standing(&mut world.sim);
    mend_engine(&world.sim.server);
    Some(wrong)
}

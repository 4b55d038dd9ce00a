//! F10: uploads torn at every class of offset, doubled, overlapping, at a wrong offset, by two at once.

use super::child::Server;
use super::phone::{Ended, FaultPhone, agent, send, torn};
use super::{Outcome, ground};
use blindspot_client::HttpRequest;
use blindspot_core::id::Sha256;
use blindspot_core::limits::CHUNK_BYTES;
use blindspot_port_temp::Port;
use blindspot_testkit::dice::Dice;
use std::path::Path;
use std::time::Duration;

const PHONES: usize = 8;
/// Steps until one upload is through; far more than any needs.
const STEPS_MAX: usize = 400;

pub(super) fn run(outcome: &mut Outcome, count: u64) {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let codes = ground::lay(&data, PHONES);
    let listen = Port::take().expect("a port");
    let server = Server::start(&data, &listen);
    let base = format!("http://{listen}");
    let mut phones: Vec<FaultPhone> =
        (0..PHONES as u64).map(|n| FaultPhone::new(&base, outcome.seed * 100 + n)).collect();
    phones.iter_mut().zip(&codes).for_each(|(phone, code)| phone.enrol(code));
    let mut dice = Dice::from_seed(outcome.seed, 1 << 20);
    for n in 0..count {
        let phone = &mut phones[(n % PHONES as u64) as usize];
        one(outcome, phone, &data, &mut dice, n);
        outcome.runs += 1;
    }
    drop(server);
}

/// A document of a size of its own.
fn document(dice: &mut Dice, n: u64) -> Vec<u8> {
    let size = match dice.below(20) {
        0 => 12_000_000,
        1..4 => CHUNK_BYTES as u64 * (1 + dice.below(3)),
        _ => 50_000 + dice.below(1_500_000),
    };
    let mut bytes = format!("%PDF-1.7\n%{n}\n").into_bytes();
    let mut rest = vec![0; usize::try_from(size).expect("small") - bytes.len()];
    dice.fill(&mut rest);
    bytes.extend(rest);
    bytes
}

fn one(outcome: &mut Outcome, phone: &mut FaultPhone, data: &Path, dice: &mut Dice, n: u64) {
    let bytes = document(dice, n);
    let (size, sha) = (bytes.len(), Sha256::of(&bytes));
    phone.document(bytes);
    let before = phone.patched;
    // Somebody who sends the same chunk beside the phone may cost it one, as a cut does.
    let (mut cuts, mut beside, mut cuts_left) = (0_u64, 0_u64, 1 + dice.below(4));
    let mut done = false;
    for _ in 0..STEPS_MAX {
        if cuts_left > 0 && phone.cut_at.is_none() {
            let classes = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, size - 1, size];
            phone.cut_at = dice.pick(&classes).copied();
        }
        match phone.step() {
            Ended::Cut => (cuts, cuts_left) = (cuts + 1, cuts_left.saturating_sub(1)),
            Ended::Answered(429 | 503) => std::thread::sleep(Duration::from_millis(100)),
            Ended::Answered(_) => beside += u64::from(meddle(outcome, phone, dice)),
            Ended::Idle if phone.replica.unsent().expect("counts").is_empty() => {
                done = true;
                break;
            }
            Ended::Idle => phone.ahead_ms += 60_000,
        }
    }
    phone.cut_at = None;
    let when = format!("upload {n} of {size} bytes, {cuts} cuts");
    if !done {
        return outcome.blame(format!("{when}: does not get through"));
    }
    outcome.acknowledged += 1;
    let again = (phone.patched - before).saturating_sub(size as u64);
    if again > (cuts + beside) * CHUNK_BYTES as u64 {
        outcome.blame(format!("{when}: {again} bytes sent again, more than a chunk a cut"));
    }
    let hex = sha.to_hex();
    let stored = data.join("blobs").join(&hex[..2]).join(&hex[2..4]).join(&hex);
    if std::fs::read(stored).map(|b| Sha256::of(&b)).ok() != Some(sha) {
        outcome.lost += 1;
        outcome.blame(format!("{when}: the bytes are not there as they were"));
    }
}

/// Somebody between phone and server sends the last chunk again: whole, shifted, torn, or twice at once.
/// Says whether the phone's next chunk may meet one that is still on its way.
fn meddle(outcome: &mut Outcome, phone: &mut FaultPhone, dice: &mut Dice) -> bool {
    let Some(chunk) = phone.last_patch.take() else { return false };
    let (agent, base) = (agent(Duration::from_secs(20)), phone.base.clone());
    let status = |request: HttpRequest| send(&agent, &base, request).map(|a| a.status);
    let what = dice.below(6);
    match what {
        0 => refused(outcome, "the same chunk again", status(chunk)),
        1 => refused(outcome, "an overlapping chunk", status(shifted(chunk, 100))),
        2 => refused(outcome, "a chunk far ahead", status(shifted(chunk, -10_000_000))),
        // It says nothing, and what it leaves behind must not hurt.
        3 => _ = torn(&base, &chunk, chunk.body.len() / 2),
        4 => std::thread::scope(|s| {
            for _ in 0..2 {
                let (base, chunk) = (&base, &chunk);
                s.spawn(move || torn(base, chunk, chunk.body.len()));
            }
        }),
        _ => {}
    }
    matches!(what, 3 | 4)
}

/// The chunk as if it began so many bytes earlier.
fn shifted(mut chunk: HttpRequest, back: i64) -> HttpRequest {
    for (name, value) in &mut chunk.headers {
        if name == "upload-offset" {
            *value = value.parse::<i64>().unwrap_or(0).saturating_sub(back).max(0).to_string();
        }
    }
    chunk
}

/// 204 only from an upload that is over and says so again; else a refusal of its own.
fn refused(outcome: &mut Outcome, what: &str, status: Option<u16>) {
    if !matches!(status, Some(204 | 400 | 404 | 409 | 410 | 413 | 429 | 460)) {
        outcome.blame(format!("{what} is answered {status:?}"));
    }
}

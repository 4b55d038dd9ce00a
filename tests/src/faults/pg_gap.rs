//! F13: fifty writers on connections of their own commit to one feed after random delays, while a poller reads on
//! from the newest seq that it has seen. It must see every one.

use super::Outcome;
use blindspot_core::feed::Feed;
use blindspot_core::id::CityId;
use blindspot_core::mutant;
use blindspot_core::row::{RowImage, RowKey, RowKind, diff_rows};
use blindspot_pg_temp::{Node, NodeOptions};
use blindspot_store::feed::{self, RowWrite};
use blindspot_store::{PgOptions, Store};
use blindspot_testkit::dice::Dice;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const WRITERS: u64 = 50;
/// After the last commit a poller that sees nothing for so long has missed something.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn run(outcome: &mut Outcome, count: u64) {
    let server = Node::start(&NodeOptions { fsync: false, ..NodeOptions::default() }).expect("a server");
    let url = server.create_database("gap").expect("a database");
    let connect = || Store::connect(PgOptions::new(&url, None).expect("an address")).expect("a store");
    let reader = connect();
    let writers: Vec<Store> = (0..WRITERS).map(|_| connect()).collect();
    let city = CityId::from("yiwu");
    let mut dice = Dice::from_seed(outcome.seed, 1 << 18);
    for run in 0..count {
        let feed = Feed(format!("f:{run}"));
        let committed = AtomicBool::new(false);
        let (refused, seen) = std::thread::scope(|s| {
            let poller = s.spawn(|| poll(&reader, &city, &feed, &committed));
            let pushes: Vec<_> = writers
                .iter()
                .enumerate()
                .map(|(n, store)| {
                    let delay = Duration::from_micros(dice.below(3_000));
                    let (city, feed) = (&city, &feed);
                    s.spawn(move || write(store, city, feed, n, delay))
                })
                .collect();
            let refused =
                pushes.into_iter().filter_map(|p| p.join().expect("a writer").err()).collect::<Vec<_>>();
            committed.store(true, Ordering::SeqCst);
            (refused, poller.join().expect("the poller"))
        });
        outcome.runs += 1;
        outcome.acknowledged += WRITERS - refused.len() as u64;
        outcome.lost += WRITERS - seen.len() as u64;
        if let Some(first) = refused.first() {
            outcome.blame(format!("run {run}: {} writes were refused, the first: {first}", refused.len()));
        }
        let checks = reader.read(|tx| feed::recompute_digests(tx, &city)).expect("digests");
        for check in checks.iter().filter(|c| c.feed == feed && c.stored != c.recomputed) {
            outcome.blame(format!("run {run}: the digest of {} is not that of its rows", check.feed));
        }
    }
}

/// The same with seqs given to whoever asks: it must be found.
pub(super) fn out_of_turn(outcome: &mut Outcome, count: u64) {
    assert!(mutant::choose(Some("turn_not_taken")), "there is such a planted bug");
    run(outcome, count);
    mutant::choose(None);
}

fn write(store: &Store, city: &CityId, feed: &Feed, n: usize, delay: Duration) -> Result<(), String> {
    let key = RowKey::new(RowKind::Comment, format!("{feed}:{n}"));
    let image = RowImage { key: key.clone(), body: "{}".into(), feeds: BTreeSet::from([feed.clone()]) };
    let change = diff_rows(&[], &[image]).into_iter().next().expect("a change");
    let writes = [(key, RowWrite { change, case_id: None, fresh: true })].into();
    let done = store.write(|tx| {
        let moved = feed::save_changes(tx, city, 1, &writes)?;
        std::thread::sleep(delay);
        Ok::<_, blindspot_store::StoreError>(moved)
    });
    done.map(drop).map_err(|e| e.to_string())
}

/// Reads on until all is seen, or nothing more comes. Gives the rows seen.
fn poll(store: &Store, city: &CityId, feed: &Feed, committed: &AtomicBool) -> BTreeSet<String> {
    let (mut seen, mut at, mut last) = (BTreeSet::new(), 0, Instant::now());
    while seen.len() < usize::try_from(WRITERS).expect("small") {
        let over = committed.load(Ordering::SeqCst);
        let items = store.read(|tx| feed::load_items(tx, city, feed, at, 7)).expect("items");
        for item in &items {
            at = item.seq;
            seen.insert(item.key.id.clone());
            last = Instant::now();
        }
        if items.is_empty() && over && last.elapsed() > PATIENCE {
            break;
        }
    }
    seen
}

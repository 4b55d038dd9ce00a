//! Opening and closing the house: city, epoch, whether the last stop was clean, reference data.

use super::{House, Random, ServiceError, ingest, reference, refill};
use crate::auth::keys::Keys;
use blindspot_core::id::{CityId, Sha256};
use blindspot_store::accounts::CityRecord;
use blindspot_store::nodes::{self, Node};
use blindspot_store::{Store, StoreError, Tx, accounts, meta};

/// `1` while the program is down after a clean stop.
const CLEAN_STOP: &str = "clean_stop";
/// Counts starts of the program.
pub(crate) const RUN: &str = "run";
/// How many that are after an unclean stop (protocol 5).
const TRYING_AFTER_CRASH: i64 = 1_000;

/// Digest of the server's public identity: servers of one city have one key.
const IDENTITY: &str = "identity";
/// A server that was not heard of for so long has stopped, milliseconds.
pub(crate) const NODE_DEAD_MS: i64 = 60_000;

/// Opens the house on a database: makes the city and the first epoch when there is none. `node` is this server's name
/// where others share the database.
///
/// # Errors
/// The database's, or reference data in it that does not fit together; `Version` when others of the city have another
/// key.
pub fn open(
    store: Store,
    city: CityId,
    name: &str,
    seed: [u8; 32],
    random: Box<dyn Random>,
    now_ms: i64,
    node: Option<String>,
) -> Result<House, ServiceError> {
    let keys = Keys::from_seed(&seed);
    let (name, run) = store.write(|tx| {
        let record = match accounts::load_city(tx, &city)? {
            Some(record) => record,
            None => {
                let record = CityRecord { city: city.clone(), name: name.to_owned(), name_en: String::new() };
                accounts::save_city(tx, &record, now_ms)?;
                record
            }
        };
        if meta::load_int(tx, &city, meta::EPOCH)?.is_none() {
            meta::save(tx, &city, meta::EPOCH, &now_ms.div_euclid(1_000).to_string())?;
        }
        let run = meta::load_int(tx, &city, RUN)?.unwrap_or(0);
        let run = run + 1;
        meta::save(tx, &city, RUN, &run.to_string())?;
        match &node {
            None => {
                let clean = run == 1 || meta::load(tx, &city, CLEAN_STOP)?.as_deref() == Some("1");
                meta::save(tx, &city, CLEAN_STOP, "0")?;
                let left = if clean { 0 } else { TRYING_AFTER_CRASH };
                meta::save(tx, &city, meta::TRYING_LEFT, &left.to_string())?;
            }
            Some(node) => {
                one_key(tx, &city, &keys)?;
                join(tx, &city, &Node { node: node.clone(), run, alive_ms: now_ms })?;
            }
        }
        Ok::<_, ServiceError>((record.name, run))
    })?;
    let house = House::new(store, city, name, keys, random);
    house.set_run(run, node);
    reference::load(&house)?;
    refill::run(&house)?;
    // What an older version did not understand waits for exactly this moment.
    ingest::replay_understood(&house, now_ms)?;
    Ok(house)
}

/// What one server has signed the others must know as theirs.
fn one_key(tx: &Tx<'_>, city: &CityId, keys: &Keys) -> Result<(), StoreError> {
    let mine = Sha256::of(keys.identity_public().as_bytes()).to_hex();
    match meta::load(tx, city, IDENTITY)? {
        Some(theirs) if theirs != mine => Err(StoreError::Version(
            "这个数据库上的服务器用的是另一把密钥；请把它们的 secret.key 复制到本机数据文件夹 / the servers on this database have \
             another key: copy their secret.key into this data folder"
                .into(),
        )),
        Some(_) => Ok(()),
        None => meta::save(tx, city, IDENTITY, &mine),
    }
}

/// Takes a place among the servers. One that stopped without a word, this or another, may have been stopped by an op.
fn join(tx: &Tx<'_>, city: &CityId, me: &Node) -> Result<(), StoreError> {
    let mut crashed = false;
    for other in nodes::load_nodes(tx, city)? {
        let mine = other.node == me.node;
        if mine || other.alive_ms < me.alive_ms - NODE_DEAD_MS {
            crashed = true;
            nodes::end_node(tx, city, &other.node, other.run)?;
        }
    }
    if crashed {
        meta::save(tx, city, meta::TRYING_LEFT, &TRYING_AFTER_CRASH.to_string())?;
    }
    nodes::save_node(tx, city, me)
}

/// Says that this server still runs.
///
/// # Errors
/// The database's.
pub fn stay(house: &House, now_ms: i64) -> Result<(), ServiceError> {
    let Some(node) = house.node() else { return Ok(()) };
    let me = Node { node: node.to_owned(), run: house.run(), alive_ms: now_ms };
    house.store.write(|tx| nodes::save_node(tx, &house.city, &me)).map_err(ServiceError::Store)
}

/// Notes that the program stopped in order. Call after the writer is closed.
///
/// # Errors
/// The database's.
pub fn close(house: &House) -> Result<(), ServiceError> {
    let closed = house.store.write(|tx| match house.node() {
        None => meta::save(tx, &house.city, CLEAN_STOP, "1"),
        Some(node) => nodes::end_node(tx, &house.city, node, house.run()),
    });
    closed.map_err(ServiceError::Store)
}

//! Promises about servers that share a database.

use crate::nodes::{self, Node};
use crate::{Store, StoreError};
use blindspot_core::feed::Feed;
use blindspot_core::id::CityId;
use std::collections::BTreeMap;

pub(super) fn servers_that_run_are_known(store: &Store) {
    let (city, other) = (CityId::from("yiwu"), CityId::from("jinhua"));
    let node = |name: &str, run, alive_ms| Node { node: name.into(), run, alive_ms };
    store
        .write(|tx| {
            nodes::save_node(tx, &city, &node("b", 2, 5))?;
            nodes::save_node(tx, &city, &node("a", 1, 5))?;
            nodes::save_node(tx, &other, &node("c", 1, 5))?;
            nodes::save_node(tx, &city, &node("a", 3, 9))?;
            // An older start of a server takes nothing away from a newer one.
            nodes::end_node(tx, &city, "a", 1)?;
            nodes::end_node(tx, &city, "b", 2)
        })
        .unwrap();
    assert_eq!(store.read(|tx| nodes::load_nodes(tx, &city)).unwrap(), [node("a", 3, 9)]);
    let moved = BTreeMap::from([(Feed("town:1".into()), 7)]);
    for _ in 0..3 {
        store.write(|tx| nodes::tell(tx, &city, &moved)).unwrap();
    }
    let failed: Result<(), StoreError> = store.write(|tx| {
        nodes::tell(tx, &city, &moved)?;
        Err(StoreError::Busy)
    });
    assert!(failed.is_err());
    let told = store.read(|tx| nodes::load_told(tx, &city, 1, 10)).unwrap();
    let want: &[i64] = if store.is_shared() { &[2, 3] } else { &[] };
    assert_eq!(told.iter().map(|t| t.n).collect::<Vec<_>>(), want);
    assert!(told.iter().all(|t| t.moved == moved));
    assert!(store.read(|tx| nodes::load_told(tx, &other, 0, 10)).unwrap().is_empty());
}

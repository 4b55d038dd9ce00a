//! The same promises on PostgreSQL, and those that only it must keep: several servers, a connection that is cut.

use super::{keeps_every_promise, lists, statements, writes};
use crate::accounts::{self, CityRecord};
use crate::{PgOptions, PgStanding, Stmt, Store, StoreError, counters, dialect};
use blindspot_core::id::CityId;
use blindspot_pg_temp::{Node, NodeOptions};
use std::time::{Duration, Instant};

fn server() -> Node {
    Node::start(&NodeOptions { fsync: false, ..NodeOptions::default() }).unwrap()
}

fn connect(url: &str) -> Store {
    Store::connect(PgOptions::new(url, None).unwrap()).unwrap()
}

#[test]
fn postgres_keeps_every_promise() {
    let server = server();
    let mut n = 0;
    keeps_every_promise("postgres", || {
        n += 1;
        connect(&server.create_database(&format!("promise_{n}")).unwrap())
    });
}

#[test]
fn a_commit_survives_a_kill_of_the_server_and_connections_find_it_again() {
    let mut server = Node::start(&NodeOptions::default()).unwrap();
    let store = connect(&server.create_database("d").unwrap());
    writes::put(&store, "yiwu", 1).unwrap();
    assert_eq!(writes::count(&store, "yiwu"), 1);
    server.kill().unwrap();
    let down = writes::put(&store, "yiwu", 2);
    assert!(matches!(down, Err(StoreError::Io(_))), "{down:?}");
    assert!(!down.unwrap_err().is_refusal());
    server.run().unwrap();
    writes::put(&store, "yiwu", 3).unwrap();
    assert_eq!(writes::count(&store, "yiwu"), 2);
}

#[test]
fn a_database_tells_its_schema_before_and_after_the_first_start_and_is_left_as_it_is() {
    let server = server();
    let url = server.create_database("d").unwrap();
    let ask = || PgStanding::ask(&PgOptions::new(&url, None).unwrap()).unwrap().schema;
    assert_eq!((ask().held, ask().held), (0, 0), "asking makes nothing");
    drop(connect(&url));
    let schema = ask();
    assert_eq!((schema.held, schema.is_earlier(), schema.is_newer()), (schema.known, false, false));
    server.client("d").unwrap().execute(dialect::SCHEMA_RAN, &[&(schema.known + 1)]).unwrap();
    assert!(ask().is_newer());
}

#[test]
fn servers_that_count_together_lose_nothing() {
    let server = server();
    let url = server.create_database("d").unwrap();
    let city = CityId::from("yiwu");
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let store = connect(&url);
                for _ in 0..50 {
                    store
                        .write(|tx| {
                            let n = counters::load_counter(tx, &city, "n")? + 1;
                            counters::save_counter(tx, &city, "n", n)
                        })
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(connect(&url).read(|tx| counters::load_counter(tx, &city, "n")).unwrap(), 300);
}

#[test]
fn a_pool_that_is_used_up_refuses_in_time() {
    let server = server();
    let mut options = PgOptions::new(&server.create_database("d").unwrap(), None).unwrap();
    options.readers = 1;
    options.read_wait = Duration::from_millis(200);
    let store = Store::connect(options).unwrap();
    store
        .read(|_| {
            let began = Instant::now();
            let second: Result<(), StoreError> = store.read(|_| Ok(()));
            assert!(matches!(second, Err(StoreError::Busy)), "{second:?}");
            assert!(began.elapsed() < Duration::from_secs(2));
            Ok::<_, StoreError>(())
        })
        .unwrap();
    store.read(|_| Ok::<_, StoreError>(())).unwrap();
}

#[test]
fn who_listens_hears_of_a_commit_elsewhere_within_100_ms() {
    let server = server();
    let url = server.create_database("d").unwrap();
    let (here, there) = (connect(&url), connect(&url));
    let mut ear = here.ear().unwrap();
    assert!(ear.wait(Duration::from_secs(1)), "whoever begins to listen looks once");
    assert!(!ear.wait(Duration::from_millis(50)));
    let moved = std::collections::BTreeMap::from([(blindspot_core::feed::Feed("f".into()), 1)]);
    let began = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| there.write(|tx| crate::nodes::tell(tx, &CityId::from("yiwu"), &moved)).unwrap());
        assert!(ear.wait(Duration::from_secs(5)));
    });
    println!("heard after {} ms", began.elapsed().as_millis());
    assert!(began.elapsed() < Duration::from_millis(100));
}

#[test]
fn another_programs_database_and_a_newer_one_are_refused() {
    let server = server();
    let url = server.create_database("other").unwrap();
    server.client("other").unwrap().batch_execute("CREATE TABLE meta (x int)").unwrap();
    let refused = |url: &str| Store::connect(PgOptions::new(url, None).unwrap()).err().unwrap();
    assert!(matches!(refused(&url), StoreError::Version(_)));
    let url = server.create_database("newer").unwrap();
    drop(connect(&url));
    server.client("newer").unwrap().batch_execute("INSERT INTO blindspot_schema VALUES (99)").unwrap();
    assert!(refused(&url).to_string().contains("schema 99"));
}

/// Lists walk the index that was chosen for them also by a plan that is made for any values, and no table is read whole.
#[test]
fn a_list_walks_the_index_that_was_chosen_for_it() {
    let server = server();
    let url = server.create_database("d").unwrap();
    let store = connect(&url);
    lists::fill(&store, &CityId::from("yiwu"), 2_000);
    let mut client = server.client("d").unwrap();
    // As in a city: most cases are closed.
    client.batch_execute("UPDATE cases SET open = 0 WHERE abs(hashtext(case_id::text)) % 20 > 0").unwrap();
    client.batch_execute("REINDEX TABLE cases").unwrap();
    client.batch_execute("VACUUM ANALYZE").unwrap();
    client
        .batch_execute(
            "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
             SET plan_cache_mode = force_generic_plan",
        )
        .unwrap();
    let all = statements();
    let mut odd = Vec::new();
    for (name, index) in lists::WALKS {
        let (_, text, _) = all.iter().find(|(_, _, n)| n == name).expect(name);
        let stmt = Stmt::new(text, name);
        let written = stmt.written();
        let values = vec!["NULL"; client.prepare(written).expect(name).params().len()].join(", ");
        client.batch_execute(&format!("PREPARE {name} AS {written}")).expect(name);
        let explained = client.query(&format!("EXPLAIN EXECUTE {name}({values})"), &[]).expect(name);
        let plan: Vec<String> = explained.iter().map(|row| row.get(0)).collect();
        let walks = plan.iter().any(|s| s.contains("Index") && s.contains(index));
        if !walks || plan.iter().any(|s| s.contains("Seq Scan")) {
            odd.push(format!("{name}: {plan:#?}"));
        }
    }
    assert!(odd.is_empty(), "{}", odd.join("\n"));
}

/// A statement that can be batched is understood in that form, too.
#[test]
fn batches_of_every_statement_with_a_city_are_understood() {
    let server = server();
    let url = server.create_database("d").unwrap();
    drop(connect(&url));
    let mut client = server.client("d").unwrap();
    let mut seen = 0;
    for (_, text, name) in statements() {
        let stmt = Stmt::new(text, name);
        let written = stmt.written();
        let types: Vec<String> =
            client.prepare(written).expect(name).params().iter().map(|t| t.name().to_owned()).collect();
        // Those that are run in batches are by key: two values and more, no limit, no sum.
        let by_key = types.len() > 1 && written.contains("city_id = $1 AND") && !written.contains("LIMIT");
        if by_key && !written.contains("EXISTS") && !written.contains("UNION") {
            let batch = dialect::batch(written, &types, false).expect(name);
            assert!(client.prepare(&batch).is_ok(), "{name}: {batch}: {:?}", client.prepare(&batch).err());
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn a_house_is_moved_while_it_is_written_to_and_both_are_equal_in_the_end() {
    let server = server();
    let url = server.create_database("d").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let here = Store::open(&path, crate::Options::default()).unwrap();
    let city = CityId::from("yiwu");
    let settled = |store: &Store, id: &str, name: &str| {
        let record = CityRecord { city: CityId::from(id), name: name.into(), name_en: String::new() };
        store.write(|tx| accounts::save_city(tx, &record, 1)).unwrap();
    };
    settled(&here, "yiwu", "义乌");
    // Another city lives there already, with the same ids, and stays as it is.
    let there = connect(&url);
    settled(&there, "jinhua", "金华");
    (0..5).for_each(|n| writes::put(&there, "jinhua", n).unwrap());
    for n in 0..200 {
        writes::put(&here, "yiwu", n).unwrap();
    }
    here.write(|tx| crate::audit::append(tx, &city, 1, "system", "test", "x", "ok", "{}")).unwrap();
    let move_to = crate::move_house::Move::open(&path, PgOptions::new(&url, None).unwrap()).unwrap();
    assert!(move_to.is_ours().unwrap());
    let first = move_to.round(&mut |_, _| {}).unwrap();
    assert!(first.rows_copied > 200 && first.rows_removed == 0, "{first:?}");
    // Meanwhile the house lives on: rows come, change and go.
    writes::put(&here, "yiwu", 201).unwrap();
    here.write(|tx| {
        crate::meta::save(tx, &city, "a", "1")?;
        counters::save_counter(tx, &city, "n", 5)
    })
    .unwrap();
    assert!(move_to.compare().unwrap().iter().any(|t| !t.equal));
    let second = move_to.round(&mut |_, _| {}).unwrap();
    assert!((3..10).contains(&second.rows_copied), "{second:?}");
    here.write(|tx| crate::meta::remove(tx, &city, "a")).unwrap();
    let third = move_to.round(&mut |_, _| {}).unwrap();
    assert_eq!((third.rows_copied, third.rows_removed), (0, 1));
    let all = move_to.compare().unwrap();
    assert!(all.len() > 30 && all.iter().all(|t| t.equal && t.rows[0] == t.rows[1]), "{all:?}");
    assert_eq!((writes::count(&there, "yiwu"), writes::count(&there, "jinhua")), (201, 5));
    assert!(there.read(|tx| crate::audit::verify(tx, &city)).unwrap().ok);
    there.write(|tx| counters::save_counter(tx, &city, "n", 6)).unwrap();
    let spoiled = move_to.compare().unwrap();
    assert_eq!(
        spoiled.iter().filter(|t| !t.equal).map(|t| t.table.as_str()).collect::<Vec<_>>(),
        ["counters"]
    );
    let other = dir.path().join("other");
    settled(&Store::open(&other, crate::Options::default()).unwrap(), "jinhua", "another one");
    let wrong = crate::move_house::Move::open(&other, PgOptions::new(&url, None).unwrap()).unwrap();
    assert!(!wrong.is_ours().unwrap(), "a city of the same id, and not the same");
}

//! Real servers: started, killed, started again; a follower takes over without losing what was committed.
#![allow(clippy::unwrap_used)]

use blindspot_pg_temp::{Cluster, ClusterOptions, Node, NodeOptions};

fn quick() -> NodeOptions {
    NodeOptions { fsync: false, ..NodeOptions::default() }
}

#[test]
fn a_node_lives_through_a_kill_and_its_folder_goes_with_it() {
    let mut node = Node::start(&NodeOptions::default()).unwrap();
    let mut client = node.client("postgres").unwrap();
    client.batch_execute("CREATE TABLE t (n int8); INSERT INTO t VALUES (7)").unwrap();
    node.kill().unwrap();
    assert!(node.client("postgres").is_err());
    node.run().unwrap();
    let n: i64 = node.client("postgres").unwrap().query_one("SELECT n FROM t", &[]).unwrap().get(0);
    assert_eq!(n, 7);
    let (folder, port) = (node.folder().to_owned(), node.port());
    drop(node);
    assert!(!folder.exists());
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_follower_takes_over_with_all_that_was_committed() {
    let mut cluster = Cluster::start(&ClusterOptions { node: quick(), quorum: true }).unwrap();
    let url = cluster.primary().create_database("mine").unwrap();
    assert!(url.ends_with("/mine"));
    let mut client = cluster.primary().client("mine").unwrap();
    client.batch_execute("CREATE TABLE t (n int8)").unwrap();
    for n in 0..50_i64 {
        client.execute("INSERT INTO t VALUES ($1)", &[&n]).unwrap();
    }
    let dead = cluster.primary_index();
    cluster.kill_primary().unwrap();
    cluster.fail_over().unwrap();
    let mut client: postgres::Client =
        postgres::Client::connect(&cluster.url("mine"), postgres::NoTls).unwrap();
    let n: i64 = client.query_one("SELECT count(*) FROM t", &[]).unwrap().get(0);
    assert_eq!(n, 50);
    client.batch_execute("INSERT INTO t VALUES (50)").unwrap();
    cluster.rejoin(dead).unwrap();
    client.batch_execute("INSERT INTO t VALUES (51)").unwrap();
}

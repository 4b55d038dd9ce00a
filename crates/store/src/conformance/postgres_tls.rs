//! TLS to a real PostgreSQL server: used for every connection, and refused where somebody may stand in between.

use crate::{PgOptions, Result, Store};
use blindspot_pg_temp::{Node, NodeOptions, Signed};

fn server(tls: Option<Signed>) -> Node {
    Node::start(&NodeOptions { fsync: false, tls, ..NodeOptions::default() }).unwrap()
}

fn connect(url: &str, more: &str) -> Result<Store> {
    let between = if url.contains('?') { '&' } else { '?' };
    Store::connect(PgOptions::new(&format!("{url}{between}{more}"), None)?)
}

#[test]
fn every_connection_is_safe_when_the_address_asks_for_it() {
    let signed = Signed::for_name("127.0.0.1").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let roots = dir.path().join("ca.pem");
    std::fs::write(&roots, &signed.authority).unwrap();
    let server = server(Some(signed));
    let url = server.create_database("d").unwrap();
    let store = connect(&url, &format!("sslmode=verify-full&sslrootcert={}", roots.display())).unwrap();
    super::writes::put(&store, "yiwu", 1).unwrap();
    assert_eq!(super::writes::count(&store, "yiwu"), 1);
    let mut ear = store.ear().expect("on PostgreSQL");
    ear.wait(std::time::Duration::from_millis(10));
    let sessions = server
        .client("d")
        .unwrap()
        .query(
            "SELECT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'blindspot'",
            &[],
        )
        .unwrap();
    let safe: Vec<bool> = sessions.iter().map(|row| row.get(0)).collect();
    assert!(safe.len() >= 2 && safe.iter().all(|s| *s), "{safe:?}");
}

#[test]
fn a_server_that_is_not_who_it_should_be_is_refused() {
    let signed = Signed::for_name("elsewhere.example").unwrap();
    let stranger = Signed::for_name("127.0.0.1").unwrap().authority;
    let dir = tempfile::tempdir().unwrap();
    let [roots, strange] = ["ca.pem", "strange.pem"].map(|name| dir.path().join(name));
    std::fs::write(&roots, &signed.authority).unwrap();
    std::fs::write(&strange, stranger).unwrap();
    let safe = server(Some(signed));
    let url = safe.create_database("d").unwrap();
    for (more, word) in [
        (format!("sslmode=require&sslrootcert={}", roots.display()), "not valid for name"),
        (format!("sslmode=require&sslrootcert={}", strange.display()), "certificate"),
    ] {
        let error = connect(&url, &more).err().expect("refused").to_string();
        assert!(error.contains(word), "{more}: {error}");
    }
    // One that offers no TLS is not spoken to in the clear instead.
    let plain = server(None);
    let url = plain.create_database("d").unwrap();
    let error = connect(&url, &format!("sslmode=require&sslrootcert={}", roots.display())).err();
    assert!(error.expect("refused").to_string().contains("TLS"));
}

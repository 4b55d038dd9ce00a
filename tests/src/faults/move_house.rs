//! `blindspot migrate` from a live SQLite folder to PostgreSQL while phones push: cut off once in the middle and run again,
//! the server killed when it is asked to be stopped, started on the new database at the same address. Phones are told
//! nothing of it.

use super::child::Server;
use super::pg_failover::{push_until, settle};
use super::phone::FaultPhone;
use super::{Outcome, ground, pg_ground};
use blindspot_pg_temp::{Node, NodeOptions};
use blindspot_port_temp::Port;
use blindspot_testkit::dice::Dice;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PHONES: usize = 6;
/// Rows that a house has before it moves come from so many rounds of work of every phone.
const WORK: u64 = 20;

pub(super) fn run(outcome: &mut Outcome, count: u64) {
    let database = Node::start(&NodeOptions { fsync: false, ..NodeOptions::default() }).expect("a server");
    let mut dice = Dice::from_seed(outcome.seed, 1 << 16);
    for run in 0..count {
        let name = format!("city{run}");
        let url = database.create_database(&name).expect("a database");
        let dir = tempfile::tempdir().expect("a folder");
        let data = dir.path().join("数据 data");
        let codes = ground::lay(&data, PHONES);
        let listen = Port::take().expect("a port");
        let mut server = Server::start(&data, &listen);
        let base = format!("http://{listen}");
        let mut phones: Vec<FaultPhone> = (0..PHONES as u64)
            .map(|n| FaultPhone::new(&base, outcome.seed * 1_000 + run * 100 + n))
            .collect();
        for (phone, code) in phones.iter_mut().zip(&codes) {
            phone.enrol(code);
            (0..WORK).for_each(|n| _ = phone.work(n));
        }
        let cut = Duration::from_millis(dice.below(400));
        let mut told = Value::Null;
        push_until(&mut phones, || {
            let mut first = migrate(&data, &url);
            std::thread::sleep(cut);
            // In the middle of whatever it does.
            let _ = first.kill();
            let _ = first.wait();
            told = carry_over(&data, &url, &mut server);
            server = Server::start_by(&mut pg_ground::on(&url), &data, &listen);
        });
        outcome.runs += 1;
        if told["digests_equal"] != true || told["rows_copied"].as_u64().is_none_or(|n| n == 0) {
            outcome.blame(format!("run {run}: {told}"));
        }
        outcome.restarted(told["cutover_ms"].as_u64().unwrap_or(u64::MAX));
        for (n, phone) in phones.iter_mut().enumerate() {
            if !phone.converge(2_000) {
                outcome.blame(format!(
                    "run {run}: phone {n} does not get through: {:?}",
                    phone.replica.unsent()
                ));
            }
        }
        let held = pg_ground::examine(&mut database.client(&name).expect("the database"));
        let before = outcome.acknowledged;
        settle(outcome, &phones, &held);
        outcome.acknowledged += before;
    }
}

fn migrate(data: &Path, url: &str) -> Child {
    let mut command: Command = pg_ground::on(url);
    let to = command.get_envs().find(|(key, _)| *key == "BLINDSPOT_DATABASE").and_then(|(_, value)| value);
    let to = to.expect("an address").to_owned();
    command.env_remove("BLINDSPOT_DATABASE").arg("migrate").arg("--json").arg("--data").arg(data).arg("--to");
    command.arg(to).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it starts")
}

/// Runs it to its end; the server dies when it asks for that.
fn carry_over(data: &Path, url: &str, server: &mut Server) -> Value {
    let mut child = migrate(data, url);
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().expect("a pipe")).lines() {
        let line = line.expect("text");
        if line.contains("stop the server now") {
            server.kill();
        }
        said.push_str(&line);
        said.push('\n');
    }
    let out = child.wait_with_output().expect("it ends");
    let told = serde_json::from_slice(&out.stdout);
    told.unwrap_or_else(|_| Value::String(format!("{}: {said}", out.status)))
}

//! What the machine itself does, measured beside each work: rows into SQLite, fsynced files, SHA-256, an empty handler.

use crate::Failed;
use crate::load;
use crate::wire::{Connection, Prepared, Wire};
use hyper::body::Bytes;
use hyper::{HeaderMap, Method};
use rusqlite::Connection as Sqlite;
use sha2::{Digest as _, Sha256 as Sha2};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Rows a second into one table of one SQLite file, `batch` a durable commit: no index but the key, no rule, no HTTP.
pub(crate) fn sqlite_rows(root: &Path, batch: usize, total: usize, body: &str) -> Result<f64, Failed> {
    let dir = tempfile::tempdir_in(root)?;
    let mut db = Sqlite::open(dir.path().join("limit.db"))?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE t (id BLOB PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;",
    )?;
    let start = Instant::now();
    let mut n: u128 = 0;
    while n < total as u128 {
        let tx = db.transaction()?;
        {
            let mut insert = tx.prepare_cached("INSERT INTO t (id, body) VALUES (?1, ?2)")?;
            for _ in 0..batch {
                n += 1;
                insert.execute(rusqlite::params![n.to_be_bytes(), body])?;
            }
        }
        tx.commit()?;
    }
    Ok(n as f64 / start.elapsed().as_secs_f64())
}

/// Megabytes a second of whole files by some threads, each written, fsynced, renamed, its folder fsynced.
pub(crate) fn fsynced_files(root: &Path, threads: usize, files: usize, bytes: &[u8]) -> Result<f64, Failed> {
    let dir = tempfile::tempdir_in(root)?;
    let start = Instant::now();
    std::thread::scope(|scope| {
        let hands: Vec<_> = (0..threads)
            .map(|t| {
                let folder = dir.path();
                scope.spawn(move || {
                    for n in (t..files).step_by(threads) {
                        let part = folder.join(format!("{n}.part"));
                        let mut file = std::fs::File::create(&part)?;
                        file.write_all(bytes)?;
                        file.sync_all()?;
                        std::fs::rename(&part, folder.join(format!("{n}")))?;
                        std::fs::File::open(folder)?.sync_all()?;
                    }
                    Ok::<_, std::io::Error>(())
                })
            })
            .collect();
        hands
            .into_iter()
            .try_for_each(|h| h.join().map_err(|_| std::io::Error::other("a writer panicked"))?)
    })?;
    Ok((files * bytes.len()) as f64 / 1e6 / start.elapsed().as_secs_f64())
}

/// Megabytes a second of whole files sent over loopback by some threads to as many, which hash them, write them,
/// fsync, rename and answer a byte: what an upload costs a machine before there is any HTTP, token or database.
pub(crate) fn sent_hashed_stored(
    root: &Path,
    threads: usize,
    files: usize,
    bytes: &[u8],
) -> Result<f64, Failed> {
    let dir = tempfile::tempdir_in(root)?;
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let addr = listener.local_addr()?;
    let start = Instant::now();
    std::thread::scope(|scope| {
        let mut hands = Vec::new();
        for t in 0..threads {
            let mine = (t..files).step_by(threads);
            let names = mine.clone();
            hands.push(scope.spawn(move || {
                let mut stream = TcpStream::connect(addr)?;
                for _ in mine {
                    stream.write_all(bytes)?;
                    stream.read_exact(&mut [0])?;
                }
                Ok(())
            }));
            let (stream, folder) = (listener.accept()?.0, dir.path());
            hands.push(scope.spawn(move || store_each(stream, folder, names, bytes.len())));
        }
        hands
            .into_iter()
            .try_for_each(|h| h.join().map_err(|_| std::io::Error::other("a thread panicked"))?)
    })?;
    Ok((files * bytes.len()) as f64 / 1e6 / start.elapsed().as_secs_f64())
}

fn store_each(
    mut stream: TcpStream,
    folder: &Path,
    names: impl Iterator<Item = usize>,
    length: usize,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 256 * 1024];
    for n in names {
        let part = folder.join(format!("{n}.part"));
        let mut file = std::fs::File::create(&part)?;
        let (mut hash, mut left) = (Sha2::new(), length);
        while left > 0 {
            let most = left.min(buffer.len());
            let got = stream.read(&mut buffer[..most])?;
            if got == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            hash.update(&buffer[..got]);
            file.write_all(&buffer[..got])?;
            left -= got;
        }
        std::hint::black_box(hash.finalize());
        file.sync_all()?;
        std::fs::rename(&part, folder.join(format!("{n}")))?;
        std::fs::File::open(folder)?.sync_all()?;
        stream.write_all(&[1])?;
    }
    Ok(())
}

/// Megabytes a second of SHA-256 on one core.
pub(crate) fn sha256(bytes: &[u8]) -> f64 {
    let start = Instant::now();
    let mut rounds = 0_usize;
    while start.elapsed().as_secs_f64() < 0.3 {
        std::hint::black_box(blindspot_core::id::Sha256::of(std::hint::black_box(bytes)));
        rounds += 1;
    }
    (rounds * bytes.len()) as f64 / 1e6 / start.elapsed().as_secs_f64()
}

/// Requests a second that an axum handler without work answers to the same generator.
#[expect(clippy::disallowed_methods, reason = "no route of ours, and nothing to describe")]
pub(crate) fn empty_handler(connections: usize, requests: usize, body: Bytes) -> Result<f64, Failed> {
    let (tell, told) = std::sync::mpsc::channel::<SocketAddr>();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = std::thread::spawn(move || -> Result<(), std::io::Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
            // Whoever waits for it has given up otherwise.
            let _ = tell.send(listener.local_addr()?);
            let app =
                axum::Router::new().route("/", axum::routing::post(|_: axum::body::Bytes| async { "ok" }));
            let app = app.layer(axum::extract::DefaultBodyLimit::disable());
            axum::serve(listener, app)
                .with_graceful_shutdown(async {
                    let _ = stopped.await;
                })
                .await
        })
    });
    let addr = told.recv()?;
    let each = requests.div_ceil(connections);
    let prepared = Prepared { method: Method::POST, path: "/".into(), headers: HeaderMap::new(), body };
    let seconds = load::block_on(async {
        let wire = Arc::new(Wire::default());
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(Connection::open(addr, wire.clone()).await?);
        }
        let start = Instant::now();
        let tasks: Vec<_> = open
            .into_iter()
            .map(|mut connection| {
                let prepared = prepared.clone();
                tokio::task::spawn_local(async move {
                    for _ in 0..each {
                        connection.send(&prepared).await.map_err(|e| e.to_string())?;
                    }
                    Ok::<_, String>(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        Ok(start.elapsed().as_secs_f64())
    })?;
    // It ends by itself when nobody holds the other end.
    let _ = stop.send(());
    serving.join().map_err(|_| "the empty server panicked")??;
    Ok((each * connections) as f64 / seconds)
}

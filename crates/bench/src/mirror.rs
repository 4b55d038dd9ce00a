//! A real replica of the client crate, driven over HTTP: network, staging, checking digests, writing its mirror.

use crate::Failed;
use crate::ground::{Recruit, now_ms};
use crate::load;
use crate::site::Fleet;
use crate::wire::{Connection, Prepared};
use blindspot_client::{HttpResponse, Now, Replica};
use hyper::{HeaderMap, Method};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Seconds that its first sync takes, until its grid holds so many cases; its home is gone afterwards.
pub(crate) fn catch_up(fleet: &Fleet, under: &Path, recruit: &Recruit, most: usize) -> Result<f64, Failed> {
    let home = tempfile::tempdir_in(under)?;
    let addr = fleet.addr(0);
    let mut replica = blindspot_client::open_native(home.path())?;
    let mut random = |buf: &mut [u8]| {
        let _ = getrandom::fill(buf);
    };
    let now = || Now::wall(now_ms());
    load::block_on(async {
        let mut connection = Connection::open(addr, Arc::default()).await?;
        let base = format!("http://{}", addr);
        let request = replica.enrol_request(&base, &recruit.code, None, "bench", &now(), &mut random)?;
        let response = carry(&mut connection, request).await?;
        replica.handle_enrol_response(&response, &now())?;
        let start = Instant::now();
        while cases(&replica)? < most {
            if let Some(request) = replica.poll_request(&now(), &mut random)? {
                let id = request.id;
                let response = carry(&mut connection, request).await?;
                replica.handle_response(id, &response, &now(), &mut random)?;
            }
            if start.elapsed().as_secs() > 120 {
                return Err("the replica did not catch up".into());
            }
        }
        Ok(start.elapsed().as_secs_f64())
    })
}

fn cases(replica: &Replica) -> Result<usize, Failed> {
    let grids = replica.digests()?.into_iter().filter(|(feed, _)| feed.as_str().starts_with("grid:"));
    Ok(usize::try_from(grids.map(|(_, digest)| digest.count).sum::<u64>())?)
}

async fn carry(
    connection: &mut Connection,
    request: blindspot_client::HttpRequest,
) -> Result<HttpResponse, Failed> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        headers.insert(hyper::header::HeaderName::from_bytes(name.as_bytes())?, value.parse()?);
    }
    headers.insert("accept-encoding", "zstd".parse()?);
    let method = Method::from_bytes(request.method.as_bytes())?;
    let prepared = Prepared { method, path: request.path, headers, body: request.body.into() };
    let answer = connection.send(&prepared).await?;
    let text = |v: &hyper::header::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into_owned();
    Ok(HttpResponse {
        status: answer.status.as_u16(),
        headers: answer.headers.iter().map(|(n, v)| (n.to_string(), text(v))).collect(),
        body: answer.unpacked()?,
    })
}

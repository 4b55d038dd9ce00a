//! Photos in a bucket: whether it answers, keeps what it is given, and gives back the same.

use super::{Finding, bad, good, note};
use crate::clock::OsRandom;
use blindspot_core::id::Sha256;
use blindspot_server::ServeConfig;
use blindspot_server::blob::{Depot, Place};
use std::io::{self, Read as _};
use std::time::Instant;

/// Where photos lie: as the settings say, else as the folder notes.
fn place(config: &ServeConfig) -> io::Result<Place> {
    config.blobs.clone().map_or_else(|| Place::noted(&config.data), Ok)
}

/// All findings about photos in a bucket; none when they lie in the data folder.
pub(super) fn all(config: &ServeConfig) -> Vec<Finding> {
    match place(config) {
        Ok(place) if place.is_same(&Place::Disk) => vec![],
        Ok(place) => judge(&place),
        Err(e) => vec![bad(
            "photos",
            format!("读不了照片位置：{e}"),
            format!("where photos lie cannot be read: {e}"),
        )],
    }
}

fn judge(place: &Place) -> Vec<Finding> {
    let shown = place.as_text();
    if let Err(e) = place.check() {
        let said = e.to_string();
        let (zh, en) = crate::out::halves(&said);
        return vec![bad("photos", zh, en)];
    }
    match probe(place) {
        Ok(ms) => vec![good(
            "photos",
            format!("对象存储能写能读能删（{ms} 毫秒）：{shown}"),
            format!("the bucket takes, gives and removes ({ms} ms): {shown}"),
        )],
        Err(e) => vec![
            bad(
                "photos",
                format!("对象存储不能用：{shown}：{e}；请检查地址、桶、密钥、权限和两边的时钟"),
                format!(
                    "the bucket cannot be used: {shown}: {e}; check address, bucket, keys, rights and both clocks"
                ),
            ),
            note(
                "photos",
                "服务器照样能启动：数据照常，照片留在手机里等它恢复",
                "the server starts all the same: data goes on, photos wait on the phones",
            ),
        ],
    }
}

/// One object there and back; milliseconds. Nothing stays.
fn probe(place: &Place) -> io::Result<u128> {
    let folder = std::env::temp_dir().join(format!("blindspot-doctor-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let done = there_and_back(place, &folder);
    std::fs::remove_dir_all(&folder)?;
    done
}

fn there_and_back(place: &Place, folder: &std::path::Path) -> io::Result<u128> {
    let depot = Depot::open_at(folder, place)?;
    let mut bytes = [0; 64];
    OsRandom::bytes(&mut bytes);
    let (sha, part) = (Sha256::of(&bytes), folder.join("probe"));
    std::fs::write(&part, bytes)?;
    let began = Instant::now();
    depot.blobs.put(&sha, &part)?;
    let mut back = Vec::new();
    if let Some(mut reader) = depot.blobs.open(&sha)? {
        reader.read_to_end(&mut back)?;
    }
    depot.blobs.remove(&sha)?;
    if back != bytes {
        return Err(io::Error::other("它给回的不是存进去的 / it gave back other bytes than it was given"));
    }
    Ok(began.elapsed().as_millis())
}

/// Which hosts the server contacts by itself.
pub(super) fn outbound(config: &ServeConfig) -> Finding {
    match place(config) {
        Ok(place) if !place.is_same(&Place::Disk) => good(
            "outbound",
            format!("服务器只主动连接照片的对象存储：{}", place.as_text()),
            format!("hosts that the server contacts by itself: the storage of photos, {}", place.as_text()),
        ),
        _ => good("outbound", "服务器不会主动连接任何主机", "hosts that the server contacts by itself: none"),
    }
}

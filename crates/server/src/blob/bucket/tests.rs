//! Against a real store: what is promised of a disk holds, another server goes on, and a store that is away is said to be.

use crate::blob::{Away, Blobs, Depot, Found, Place, Shown};
use blindspot_core::id::{CityId, Sha256};
use blindspot_s3_temp::{ACCESS_KEY, SECRET_KEY, TempS3};
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Two lines, as `keys=` wants them.
fn place(dir: &Path, s3: &TempS3, more: &str) -> Place {
    let keys = dir.join("keys");
    fs::write(&keys, format!("{ACCESS_KEY}\n{SECRET_KEY}\n")).expect("written");
    Place::parse(&format!("{}&keys={}{more}", s3.url("yiwu", None), keys.display())).expect("a place")
}

fn depot(dir: &Path, name: &str, place: &Place) -> Depot {
    let data = dir.join(name);
    fs::create_dir_all(&data).expect("a folder");
    let depot = Depot::open_at(&data, place).expect("opened");
    depot.forget_copies(&data).expect("cleared");
    depot
}

/// So many bytes, none like another's.
fn bytes(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 + n / 251) as u8 ^ seed).collect()
}

fn put(depot: &Depot, dir: &Path, bytes: &[u8]) -> Sha256 {
    let (sha, part) = (Sha256::of(bytes), dir.join("finished"));
    fs::write(&part, bytes).expect("written");
    depot.blobs.put(&sha, &part).expect("put");
    assert!(!part.exists(), "it was taken over");
    sha
}

fn read(blobs: &dyn Blobs, sha: &Sha256) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    blobs.open(sha).expect("opened")?.read_to_end(&mut all).expect("read");
    Some(all)
}

fn listed(blobs: &dyn Blobs) -> Vec<Found> {
    let mut all = Vec::new();
    let collect = &mut |found| {
        all.push(found);
        Ok(())
    };
    blobs.each(collect).expect("listed");
    all
}

#[test]
fn photos_in_a_bucket_are_as_on_disk_and_an_address_leads_to_them() {
    let (dir, s3) = (tempfile::tempdir().expect("a folder"), TempS3::start().expect("a store"));
    let depot = depot(dir.path(), "a", &place(dir.path(), &s3, &format!("&public={}", s3.endpoint())));
    let (small, large) = (bytes(1, 1_000), bytes(2, 12 << 20));
    let (one, two) = (put(&depot, dir.path(), &small), put(&depot, dir.path(), &large));
    put(&depot, dir.path(), &small);
    assert_eq!(read(&*depot.blobs, &one).as_deref(), Some(&small[..]));
    assert!(read(&*depot.blobs, &two).is_some_and(|found| found == large), "in pieces");
    let mut all: Vec<_> = listed(&*depot.blobs).iter().map(|f| (f.sha256, f.bytes)).collect();
    all.sort_unstable();
    let mut wanted = [(one, 1_000), (two, 12 << 20)];
    wanted.sort_unstable();
    assert_eq!(all, wanted);
    let shown = Shown { media_type: "image/jpeg", disposition: "inline; filename=\"x\"" };
    let address = depot.blobs.signed(&one, shown).expect("signed").expect("there is a public address");
    let mut answer = ureq::get(&address).call().expect("it leads there");
    assert_eq!(answer.headers()["content-type"], "image/jpeg");
    assert_eq!(answer.headers()["content-disposition"], "inline; filename=\"x\"");
    assert_eq!(answer.body_mut().read_to_vec().expect("read"), small);
    let bare = address.split('?').next().expect("an address");
    assert!(ureq::get(bare).call().is_err(), "without its signature it leads nowhere");
    let mine = |city: &str| depot.blobs.is_of(&CityId::from(city)).expect("asked");
    assert!(mine("yiwu") && !mine("dongyang") && mine("yiwu"), "it is whose servers asked first");
    depot.blobs.remove(&one).expect("removed");
    depot.blobs.remove(&one).expect("removed again");
    assert_eq!((depot.blobs.len(&one).expect("asked"), read(&*depot.blobs, &one)), (None, None));
}

#[test]
fn an_upload_goes_on_at_another_server_and_nothing_told_is_lost() {
    let (dir, s3) = (tempfile::tempdir().expect("a folder"), TempS3::start().expect("a store"));
    let place = place(dir.path(), &s3, "");
    let (here, there) = (depot(dir.path(), "a", &place), depot(dir.path(), "b", &place));
    let (id, whole) = ([9; 16], bytes(3, 900_000));
    here.parts.begin(id);
    let mut first = here.parts.hold(id, 0).expect("held");
    first.append(&whole[..300_000]).expect("appended");
    assert_eq!(first.sync(false).expect("kept"), 300_000);
    // The other server had a shorter piece of the same bytes, which comes late.
    let mut late = there.parts.hold(id, 300_000).expect("held");
    assert_eq!(late.start(), 300_000, "what the first kept is known here");
    late.append(&whole[300_000..600_000]).expect("appended");
    assert_eq!(late.sync(false).expect("kept"), 600_000);
    let mut again = here.parts.hold(id, 300_000).expect("held");
    again.append(&whole[300_000..400_000]).expect("appended");
    again.sync(false).expect("kept");
    assert_eq!(here.parts.len(id).expect("asked"), 600_000, "an offset that was told does not go back");
    let wrong = here.parts.hold(id, 450_000).expect("held");
    assert_eq!(wrong.start(), 600_000, "whoever goes on elsewhere hears where it stands");
    drop(wrong);
    let mut last = here.parts.hold(id, 600_000).expect("held");
    last.append(&whole[600_000..]).expect("appended");
    last.undo().expect("undone");
    last.append(&whole[600_000..]).expect("appended");
    assert_eq!(last.sync(true).expect("whole"), 900_000);
    let (sha, head) = last.digest().expect("digest");
    assert_eq!((sha, &head[..]), (Sha256::of(&whole), &whole[..256]));
    let path = last.path().to_owned();
    drop(last);
    here.blobs.put(&sha, &path).expect("put");
    assert!(read(&*there.blobs, &sha).is_some_and(|found| found == whole));
    let mut held = Vec::new();
    let collect = &mut |id| {
        held.push(id);
        Ok(())
    };
    here.parts.each(collect).expect("listed");
    assert_eq!(held, [id]);
    here.parts.remove(id).expect("removed");
    let mut left = 0;
    there.parts.remove(id).expect("its copy too");
    there
        .parts
        .each(&mut |_| {
            left += 1;
            Ok(())
        })
        .expect("listed");
    assert_eq!(left, 0, "no piece stays");
}

#[test]
fn a_store_that_is_away_is_said_to_be_and_found_when_it_is_back() {
    let (dir, mut s3) = (tempfile::tempdir().expect("a folder"), TempS3::start().expect("a store"));
    let place = place(dir.path(), &s3, "");
    s3.kill();
    let depot = depot(dir.path(), "a", &place);
    let sha = Sha256::of(b"a photo");
    let part = dir.path().join("part");
    fs::write(&part, b"a photo").expect("written");
    for _ in 0..3 {
        let error = depot.blobs.put(&sha, &part).expect_err("nobody is there");
        assert!(Away::of(&error).is_some(), "{error}");
    }
    assert!(part.exists(), "after an error the file is whole");
    let began = Instant::now();
    for _ in 0..100 {
        let error = depot.blobs.len(&sha).expect_err("left alone");
        assert!(Away::of(&error).is_some_and(|away| away.again_s > 0), "{error}");
    }
    assert!(began.elapsed() < Duration::from_millis(500), "nobody waits for it: {:?}", began.elapsed());
    assert!(depot.blobs.is_away());
    s3.resurrect().expect("it comes back");
    let until = Instant::now() + Duration::from_secs(60);
    while depot.blobs.put(&sha, &part).is_err() {
        assert!(Instant::now() < until, "it is found again");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(depot.blobs.len(&sha).expect("asked"), Some(7));
    let nothing = Place::parse(&format!("{}&keys=/no/such/file", s3.url("x", None))).expect("a place");
    let keyless = Depot::open_at(dir.path(), &nothing).expect("commands that need no photo work");
    assert!(keyless.blobs.len(&sha).is_err_and(|e| Away::of(&e).is_some()));
}

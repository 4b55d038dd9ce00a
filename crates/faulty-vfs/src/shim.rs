//! The table of functions: the system's VFS with a few calls put in between.
//!
//! A file is the system's own structure; only its pointer to the methods is exchanged for a copy of them in which
//! reads, writes, truncations and syncs are ours. So every other method, locks and shared memory among them, runs
//! untouched on the very structure that it expects.

use crate::{Judged, judge, state};
use rusqlite::ffi;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, OnceLock, PoisonError};

/// The system's VFS and its methods, which live as long as the process.
#[derive(Clone, Copy)]
struct System(*mut ffi::sqlite3_vfs);
// SAFETY: SQLite's built-in VFS is a static that is never changed after start.
unsafe impl Send for System {}
// SAFETY: as above.
unsafe impl Sync for System {}

#[derive(Clone)]
struct Open {
    path: PathBuf,
    methods: &'static ffi::sqlite3_io_methods,
}

static SYSTEM: OnceLock<System> = OnceLock::new();
static ONCE: Once = Once::new();
/// Open files by the address of their structure.
static OPEN: Mutex<BTreeMap<usize, Open>> = Mutex::new(BTreeMap::new());

fn open_files() -> MutexGuard<'static, BTreeMap<usize, Open>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn of(file: *mut ffi::sqlite3_file) -> Option<Open> {
    open_files().get(&(file as usize)).cloned()
}

/// Makes the VFS known under [`crate::NAME`]; again does no harm.
///
/// # Panics
/// When SQLite has no VFS of the system.
pub fn register() {
    ONCE.call_once(|| {
        let name = CString::new(crate::NAME).expect("a plain name").into_raw();
        // SAFETY: the default VFS is a valid static; the copy and its name are leaked, as SQLite keeps the pointer.
        let done = unsafe {
            ffi::sqlite3_initialize();
            let system = ffi::sqlite3_vfs_find(std::ptr::null());
            assert!(!system.is_null(), "SQLite has a VFS of the system");
            let ours = ffi::sqlite3_vfs {
                zName: name,
                pNext: std::ptr::null_mut(),
                xOpen: Some(open),
                xDelete: Some(delete),
                ..*system
            };
            assert!(SYSTEM.set(System(system)).is_ok(), "set once");
            ffi::sqlite3_vfs_register(Box::into_raw(Box::new(ours)), 0)
        };
        assert_eq!(done, ffi::SQLITE_OK, "the VFS is registered");
    });
}

fn system() -> *mut ffi::sqlite3_vfs {
    SYSTEM.get().map_or(std::ptr::null_mut(), |s| s.0)
}

/// SAFETY: called by SQLite with a path that ends in NUL, or null.
unsafe fn path_of(name: *const c_char) -> Option<PathBuf> {
    if name.is_null() {
        return None;
    }
    // SAFETY: not null, and a C string by SQLite's word.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes();
    Some(Path::new(OsStr::from_bytes(bytes)).to_owned())
}

unsafe extern "C" fn open(
    _vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: `file` has room for the system's structure, since szOsFile is the system's; the rest is passed on.
    unsafe {
        (*file).pMethods = std::ptr::null();
        if judge() == Judged::Fails {
            return ffi::SQLITE_CANTOPEN;
        }
        let Some(open) = (*system()).xOpen else { return ffi::SQLITE_CANTOPEN };
        let done = open(system(), name, file, flags, out);
        if done != ffi::SQLITE_OK || (*file).pMethods.is_null() {
            return done;
        }
        // Files without a name are for sorting and the like: nothing of them outlives the process.
        let Some(path) = path_of(name) else { return done };
        let methods: &'static ffi::sqlite3_io_methods = &*(*file).pMethods;
        state(|s| s.disk.opened(&path));
        open_files().insert(file as usize, Open { path, methods });
        let ours = ffi::sqlite3_io_methods {
            xClose: Some(close),
            xRead: Some(read),
            xWrite: Some(write),
            xTruncate: Some(truncate),
            xSync: Some(sync),
            // Without them SQLite reads through xRead alone, so that every read is seen.
            xFetch: None,
            xUnfetch: None,
            iVersion: methods.iVersion.min(2),
            ..*methods
        };
        // A few hundred bytes an open file, in a test: leaked, so that no call can outlive its table.
        (*file).pMethods = Box::leak(Box::new(ours));
        done
    }
}

unsafe extern "C" fn delete(_vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync_dir: c_int) -> c_int {
    if judge() == Judged::Fails {
        return ffi::SQLITE_IOERR_DELETE;
    }
    // SAFETY: passed on as it came.
    unsafe {
        let Some(delete) = (*system()).xDelete else { return ffi::SQLITE_IOERR_DELETE };
        let done = delete(system(), name, sync_dir);
        if done == ffi::SQLITE_OK
            && let Some(path) = path_of(name)
        {
            state(|s| s.disk.deleted(&path));
        }
        done
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let Some(known) = open_files().remove(&(file as usize)) else { return ffi::SQLITE_OK };
    // SAFETY: the structure is the system's own and open. Closing also drops locks: never refused.
    unsafe { known.methods.xClose.map_or(ffi::SQLITE_OK, |close| close(file)) }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    if judge() == Judged::Fails {
        return ffi::SQLITE_IOERR_READ;
    }
    let Some(known) = of(file) else { return ffi::SQLITE_IOERR_READ };
    // SAFETY: passed on as it came.
    unsafe { known.methods.xRead.map_or(ffi::SQLITE_IOERR_READ, |read| read(file, into, amount, offset)) }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    if judge() == Judged::Fails {
        return ffi::SQLITE_IOERR_WRITE;
    }
    let Some(known) = of(file) else { return ffi::SQLITE_IOERR_WRITE };
    // SAFETY: SQLite hands `amount` bytes at `from`.
    unsafe {
        let done = known.methods.xWrite.map_or(ffi::SQLITE_IOERR_WRITE, |w| w(file, from, amount, offset));
        if done == ffi::SQLITE_OK {
            let len = usize::try_from(amount).unwrap_or(0);
            let bytes = std::slice::from_raw_parts(from.cast::<u8>(), len);
            state(|s| s.disk.written(&known.path, usize::try_from(offset).unwrap_or(0), bytes));
        }
        done
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    if judge() == Judged::Fails {
        return ffi::SQLITE_IOERR_TRUNCATE;
    }
    let Some(known) = of(file) else { return ffi::SQLITE_IOERR_TRUNCATE };
    // SAFETY: passed on as it came.
    let done = unsafe { known.methods.xTruncate.map_or(ffi::SQLITE_IOERR_TRUNCATE, |t| t(file, size)) };
    if done == ffi::SQLITE_OK {
        state(|s| s.disk.truncated(&known.path, usize::try_from(size).unwrap_or(0)));
    }
    done
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    if judge() == Judged::Fails {
        return ffi::SQLITE_IOERR_FSYNC;
    }
    let Some(known) = of(file) else { return ffi::SQLITE_IOERR_FSYNC };
    // The file itself need not wait for a disk: what a power cut keeps is decided here, not there.
    state(|s| {
        if !s.lies {
            s.disk.synced(&known.path);
        }
    });
    ffi::SQLITE_OK
}

#[cfg(test)]
mod tests {
    use crate::{Fate, Fault, NAME, Plan, register};
    use rusqlite::{Connection, OpenFlags};

    fn open(path: &std::path::Path) -> Connection {
        let db = Connection::open_with_flags_and_vfs(path, OpenFlags::default(), NAME).expect("opens");
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;").expect("set");
        db
    }

    /// Without this the shim could let everything pass, and every test on it with it.
    #[test]
    fn an_unsynced_commit_is_lost_and_a_synced_one_is_not() {
        register();
        for (synchronous, there) in [("OFF", 0), ("FULL", 1)] {
            let dir = tempfile::tempdir().expect("a folder");
            let path = dir.path().join("x.db");
            let plan = Plan::take();
            let db = open(&path);
            db.execute_batch("CREATE TABLE t (a); PRAGMA wal_checkpoint(TRUNCATE);").expect("made");
            db.execute_batch(&format!("PRAGMA synchronous = {synchronous}; INSERT INTO t VALUES (1);"))
                .expect("written");
            plan.arm(Fault::Power, 1);
            assert!(db.execute_batch("INSERT INTO t VALUES (2)").is_err(), "the machine is off");
            drop(db);
            assert!(plan.disarm());
            plan.come_back(Fate::Lost).expect("the machine is on");
            let db = open(&path);
            let rows: i64 = db.query_row("SELECT count(*) FROM t", [], |r| r.get(0)).expect("a count");
            assert_eq!(rows, there, "{synchronous}");
        }
    }

    #[test]
    fn the_nth_call_fails_and_no_other() {
        register();
        let dir = tempfile::tempdir().expect("a folder");
        let plan = Plan::take();
        let db = open(&dir.path().join("x.db"));
        db.execute_batch("CREATE TABLE t (a)").expect("made");
        plan.arm(Fault::None, 0);
        db.execute_batch("INSERT INTO t VALUES (0)").expect("written");
        assert!(plan.calls() > 1, "calls are seen");
        for n in 1..=plan.calls() {
            plan.arm(Fault::Error, n);
            let done = db.execute_batch("INSERT INTO t VALUES (1)");
            assert!(!plan.disarm() || done.is_err(), "call {n}");
            db.execute_batch("INSERT INTO t VALUES (2)").expect("it goes on");
        }
    }
}

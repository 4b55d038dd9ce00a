//! Preloaded into a real server by `faults/blob_cut.rs`, which compiles it: counts the calls by which bytes of photos come
//! to their names, and lets one of them fail or be the last. Knows the C library and no product.
//!
//! Which call: the first line of the file `BLINDSPOT_FAULT_ARM`, `ID MODE N`, read at each call; without the file nothing
//! is counted. `MODE`: `eio`, `enospc`; `kill` dies before the call, `after` behind it, a write half way.
#![allow(unsafe_code, clippy::missing_safety_doc, reason = "these are functions of the C library")]

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    fn __errno_location() -> *mut c_int;
    fn kill(pid: c_int, signal: c_int) -> c_int;
    fn getpid() -> c_int;
}

const NEXT: *mut c_void = -1_isize as *mut c_void;
static OURS: [AtomicBool; 4096] = [const { AtomicBool::new(false) }; 4096];
static COUNT: Mutex<(String, u64)> = Mutex::new((String::new(), 0));

/// The C library's own function.
macro_rules! real {
    ($name:literal, $type:ty) => {
        // SAFETY: the symbol is one of the C library's, of this very type.
        unsafe {
            std::mem::transmute::<*mut c_void, $type>(dlsym(NEXT, concat!($name, "\0").as_ptr().cast()))
        }
    };
}

enum What {
    Go,
    Fail(c_int),
    Die,
    DieBehind,
}

fn is_photo_path(path: *const c_char) -> bool {
    // SAFETY: a C string, as the caller's contract with the C library has it.
    let path = unsafe { CStr::from_ptr(path) }.to_bytes();
    let Some(under) = std::env::var_os("BLINDSPOT_FAULT_UNDER") else { return false };
    let Some(rest) = path.strip_prefix(under.as_bytes()) else { return false };
    rest.starts_with(b"/blobs") || rest.starts_with(b"/uploads")
}

fn is_ours(fd: c_int) -> bool {
    usize::try_from(fd).ok().and_then(|n| OURS.get(n)).is_some_and(|f| f.load(Ordering::SeqCst))
}

fn mark(fd: c_int, ours: bool) {
    if let Some(flag) = usize::try_from(fd).ok().and_then(|n| OURS.get(n)) {
        flag.store(ours, Ordering::SeqCst);
    }
}

/// Counts a call and says what becomes of it.
fn step(name: &str) -> What {
    let Some(arm) = std::env::var_os("BLINDSPOT_FAULT_ARM") else { return What::Go };
    let Ok(order) = std::fs::read_to_string(&arm) else { return What::Go };
    let mut words = order.split_whitespace();
    let (Some(id), Some(mode), Some(n)) = (words.next(), words.next(), words.next()) else { return What::Go };
    let mut count = COUNT.lock().unwrap_or_else(|e| e.into_inner());
    if count.0 != id {
        *count = (id.to_owned(), 0);
    }
    count.1 += 1;
    if n.parse() != Ok(count.1) {
        return What::Go;
    }
    let mut struck = arm.into_encoded_bytes();
    struck.extend(b".struck");
    let _ = std::fs::write(OsStr::from_bytes(&struck), name);
    match mode {
        "eio" => What::Fail(5),
        "enospc" => What::Fail(28),
        "kill" => What::Die,
        _ => What::DieBehind,
    }
}

fn die() -> ! {
    // SAFETY: a signal to this very process.
    unsafe { kill(getpid(), 9) };
    std::process::abort()
}

fn fail(errno: c_int) -> c_int {
    // SAFETY: this thread's own errno.
    unsafe { *__errno_location() = errno };
    -1
}

/// A call that gives an `int`, with a fault in front of it or behind.
fn judged(ours: bool, name: &str, call: impl FnOnce() -> c_int) -> c_int {
    if !ours {
        return call();
    }
    match step(name) {
        What::Go => call(),
        What::Fail(errno) => fail(errno),
        What::Die => die(),
        What::DieBehind => {
            call();
            die()
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    let open = real!("open64", unsafe extern "C" fn(*const c_char, c_int, c_int) -> c_int);
    let ours = is_photo_path(path);
    // SAFETY: passed on as it came.
    let fd = judged(ours, "open", || unsafe { open(path, flags, mode) });
    mark(fd, ours && fd >= 0);
    fd
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn close(fd: c_int) -> c_int {
    let close = real!("close", unsafe extern "C" fn(c_int) -> c_int);
    mark(fd, false);
    // SAFETY: passed on as it came.
    unsafe { close(fd) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, len: usize) -> isize {
    let write = real!("write", unsafe extern "C" fn(c_int, *const c_void, usize) -> isize);
    if !is_ours(fd) {
        // SAFETY: passed on as it came.
        return unsafe { write(fd, bytes, len) };
    }
    match step("write") {
        // SAFETY: passed on as it came.
        What::Go => unsafe { write(fd, bytes, len) },
        What::Fail(errno) => {
            // Half of it is there, as on a disk that fills up in the middle.
            // SAFETY: a part of what was handed in.
            unsafe { write(fd, bytes, len / 2) };
            fail(errno) as isize
        }
        What::Die => die(),
        What::DieBehind => {
            // SAFETY: a part of what was handed in.
            unsafe { write(fd, bytes, len / 2) };
            die()
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    let fsync = real!("fsync", unsafe extern "C" fn(c_int) -> c_int);
    // SAFETY: passed on as it came.
    judged(is_ours(fd), "fsync", || unsafe { fsync(fd) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(fd: c_int, len: i64) -> c_int {
    let truncate = real!("ftruncate64", unsafe extern "C" fn(c_int, i64) -> c_int);
    // SAFETY: passed on as it came.
    judged(is_ours(fd), "ftruncate", || unsafe { truncate(fd, len) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    let rename = real!("rename", unsafe extern "C" fn(*const c_char, *const c_char) -> c_int);
    // SAFETY: passed on as it came.
    judged(is_photo_path(to), "rename", || unsafe { rename(from, to) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdir(path: *const c_char, mode: u32) -> c_int {
    let mkdir = real!("mkdir", unsafe extern "C" fn(*const c_char, u32) -> c_int);
    // SAFETY: passed on as it came.
    judged(is_photo_path(path), "mkdir", || unsafe { mkdir(path, mode) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    let unlink = real!("unlink", unsafe extern "C" fn(*const c_char) -> c_int);
    // SAFETY: passed on as it came.
    judged(is_photo_path(path), "unlink", || unsafe { unlink(path) })
}

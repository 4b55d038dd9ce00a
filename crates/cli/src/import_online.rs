//! `blindspot import findings --server`: the same list, handed to a server that runs, by somebody who signs in there.

use crate::out::{Done, Failure, Tried as _};
use crate::session::Session;
use blindspot_server::service::sheets::findings_in::FindingsReport;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::fs::File;
use std::path::Path;

/// Longest a list with its photos may take, seconds.
const SECONDS: u64 = 1_800;

/// Who hands it to which server.
pub(crate) struct Online<'a> {
    /// The address of the server.
    pub(crate) base: &'a str,
    /// The login.
    pub(crate) login: &'a str,
    /// The password.
    pub(crate) password: &'a str,
}

/// Hands a list in, with the words of the request; signs out again whatever comes of it.
pub(crate) fn findings(to: &Online<'_>, file: File, query: &[(&str, String)]) -> Done<FindingsReport> {
    let session = Session::sign_in(to.base, to.login, to.password, SECONDS)?;
    let words: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        .collect();
    let taken = session.send_file("POST", &format!("/v1/imports/findings?{}", words.join("&")), file);
    if let Err(failure) = session.send("DELETE", "/v1/sessions", None) {
        eprintln!("注意 note: 没有退出登录 not signed out: {}", failure.english());
    }
    serde_json::from_slice(&taken?.body)
        .tried("服务器的回答读不懂", "the server's answer cannot be understood")
}

/// The password, the first line of a file; a password does not belong on a command line.
pub(crate) fn password_of(file: &Path) -> Done<String> {
    let text = std::fs::read_to_string(file).tried("读不到密码文件", "cannot read the password file")?;
    let line = text.lines().next().unwrap_or("").to_owned();
    if line.is_empty() {
        return Err(Failure::new("密码文件是空的", "the password file is empty"));
    }
    Ok(line)
}

//! What an answer means: only our own answers count (protocol 5).
//!
//! The one place in core that knows HTTP status codes.

/// What an answer means to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyClass {
    /// Done.
    Ok,
    /// Not from our server: a portal or proxy. A network failure, whatever it says.
    NotOurs,
    /// The access token has expired or is unknown: refresh.
    Unauthorised,
    /// The enrolment or its token family is over: sign in again on the same replica.
    EnrolAgain,
    /// Our own refusal of the content.
    Refused,
    /// Our own "too large": halve the batch.
    TooLarge,
    /// Gone or not there.
    Gone,
    /// tus: the offset differs; ask with HEAD.
    OffsetConflict,
    /// tus: the bytes do not match their digest.
    DigestMismatch,
    /// Try again later.
    Busy,
    /// The server has no space.
    NoSpace,
    /// The row schema is too old.
    UpgradeRequired,
    /// The server failed.
    ServerFault,
}

/// Codes after which this enrolment sends no more with its credential.
const ENDS: [&str; 5] = ["enrol_again", "device_revoked", "bad_proof", "hand_in_over", "hand_in_quota"];

/// Reads status, our header, and the problem code, if the body held one.
#[must_use]
pub fn classify(status: u16, ours: bool, code: Option<&str>) -> ReplyClass {
    if !ours && !crate::mutant::is("portal_counts") {
        return ReplyClass::NotOurs;
    }
    match status {
        200..=299 => ReplyClass::Ok,
        401 | 403 if code.is_some_and(|c| ENDS.contains(&c)) => ReplyClass::EnrolAgain,
        401 => ReplyClass::Unauthorised,
        404 | 410 => ReplyClass::Gone,
        409 => ReplyClass::OffsetConflict,
        413 => ReplyClass::TooLarge,
        426 => ReplyClass::UpgradeRequired,
        429 | 503 => ReplyClass::Busy,
        460 => ReplyClass::DigestMismatch,
        507 => ReplyClass::NoSpace,
        400..=499 => ReplyClass::Refused,
        _ => ReplyClass::ServerFault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portal_is_a_network_failure_whatever_it_answers() {
        for status in [200, 302, 401, 403, 413, 500] {
            assert_eq!(classify(status, false, Some("enrol_again")), ReplyClass::NotOurs);
        }
    }

    #[test]
    fn our_own_answers_count() {
        assert_eq!(classify(401, true, None), ReplyClass::Unauthorised);
        assert_eq!(classify(401, true, Some("enrol_again")), ReplyClass::EnrolAgain);
        assert_eq!(classify(413, true, None), ReplyClass::TooLarge);
        assert_eq!(classify(460, true, None), ReplyClass::DigestMismatch);
        assert_eq!(classify(422, true, None), ReplyClass::Refused);
        assert_eq!(classify(500, true, None), ReplyClass::ServerFault);
    }
}

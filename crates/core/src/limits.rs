//! Batch sizes, bounds and waits, in one place. Knows no rule.

/// Most bytes of one encoded op (protocol 3).
pub const OP_BYTES_MAX: usize = 16 * 1024;
/// Most ops of one push (protocol 5).
pub const PUSH_OPS_MAX: usize = 500;
/// Free bytes on a phone below which no photo is taken: the raw file, its forms and what the database writes about them
/// (trust F9).
pub const PHOTO_ROOM_BYTES: u64 = 64 << 20;
/// Most unpacked bytes of one push body (protocol 5).
pub const PUSH_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Ops a phone puts into one push when nothing went wrong.
pub const PUSH_OPS_AIM: usize = 200;
/// Bytes of op bodies a phone puts into one push; leaves room for framing and escapes.
pub const PUSH_BYTES_AIM: usize = 1024 * 1024;
/// Most rows of one pull page (protocol 5).
pub const PAGE_ROWS_MAX: usize = 2_000;
/// Most body bytes of one pull page before the server turns the page.
pub const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most feeds of one cursor (protocol 9).
pub const FEEDS_MAX: usize = 512;
/// Longest long poll, seconds.
pub const PULL_WAIT_S_MAX: u32 = 25;
/// How long an op waits for a missing predecessor, milliseconds (72 h).
pub const HELD_MS_MAX: i64 = 72 * 3_600_000;
/// When an op in quarantine is decided again by itself, milliseconds after it was put there (protocol 5).
pub const REPLAY_AFTER_MS: [i64; 3] = [5 * 60_000, 3_600_000, 24 * 3_600_000];
/// A GNSS fix older than this dates no capture, milliseconds.
pub const GNSS_AGE_MS_MAX: i64 = 10_000;
/// One person's looks in one duty grid within this time count once, milliseconds (U20).
pub const LOOK_GAP_MS: i64 = 2 * 3_600_000;
/// How long a clerk may take back what was a slip, milliseconds (U8).
pub const TAKE_BACK_MS: i64 = 10 * 60_000;
/// What has danger in it is settled within so many hours, day and night (U11: 2 to 4).
pub const URGENT_HOURS: u32 = 4;
/// A case of no item that is known is due at the close of so many working days.
pub const DEFAULT_WORKING_DAYS: u32 = 3;
/// A unit may ask to return a case for a quarter of its time, but at least and at most so long, milliseconds of its own shift
/// (field.md U11: 30 min; domain 6B: 4 h).
pub const RETURN_WINDOW_MS_MIN: i64 = 30 * 60_000;
/// See `RETURN_WINDOW_MS_MIN`.
pub const RETURN_WINDOW_MS_MAX: i64 = 4 * 3_600_000;
/// A unit's own promise 承诺件 reaches at most so many working days from the day it is given (a longer one is ruled on).
pub const PROMISE_WORKING_DAYS: u32 = 10;
/// After so many checks that failed the supervision centre watches over a case (domain 2.4).
pub const REWORKS_SUPERVISED: u32 = 3;
/// A drawn check that is not opened within this time is drawn again, milliseconds (field.md U13).
pub const DRAWN_OPEN_MS: i64 = 30 * 60_000;
/// What comes back before this long after its closing is rework and no relapse, milliseconds (domain 6A).
pub const RELAPSE_FROM_MS: i64 = 24 * 3_600_000;
/// Of what was fixed on the spot the desk looks at so many in a hundred (field.md U20).
pub const SELF_FIXED_SAMPLE_PERCENT: u8 = 5;
/// A place that nobody was at for so many days is long unseen, where nobody says otherwise (field.md U30: 超过7天没人看).
pub const LONG_UNSEEN_DAYS: u32 = 7;
/// How long a closed case of no known item is watched for relapse, days (domain 6A: 60 or 90).
pub const DEFAULT_WATCH_DAYS: u32 = 60;
/// How long a ruling that is a precedent routes like cases, milliseconds, when it names no end (a year).
pub const PRECEDENT_MS: i64 = 365 * 86_400_000;
/// From this request to return on, the deputy head rules: units that pass a case on and on are no longer the duty leader's to
/// settle (domain 2.4).
pub const ARBITRATION_FROM: u32 = 3;
/// Bytes of one upload request (tus PATCH) that a phone sends.
pub const CHUNK_BYTES: usize = 512 * 1024;
/// Largest photo or document, bytes (protocol 11).
pub const UPLOAD_BYTES_MAX: u64 = 15 * 1024 * 1024;
/// Most forms of photos that a phone asks about in one request after a new epoch (protocol 10).
pub const OFFERED_FORMS_MAX: usize = 500;
/// Largest voice note, bytes (U5).
pub const VOICE_BYTES_MAX: u64 = 1024 * 1024;
/// Longest voice note, milliseconds (U5).
pub const VOICE_MS_MAX: u32 = 60_000;
/// Bytes of photos that one device may begin to upload in a day, unless the city says otherwise.
pub const UPLOAD_QUOTA_BYTES: u64 = 4 << 30;
/// A sender that keeps below this many bytes a second, after `SLOW_GRACE_MS`, is given up.
pub const BODY_BYTES_A_SECOND_MIN: u64 = 1024;
/// How long a sender may be slow at first, milliseconds.
pub const SLOW_GRACE_MS: u64 = 30_000;
/// Unsent work older than this is marked in the list of phones, milliseconds (4 h).
pub const UNSENT_LATE_MS: i64 = 4 * 3_600_000;
/// First wait after a failure, milliseconds.
pub const BACKOFF_MS_MIN: i64 = 1_000;
/// Longest wait after failures, milliseconds.
pub const BACKOFF_MS_MAX: i64 = 300_000;
/// Days a phone keeps acknowledged ops (protocol 10).
pub const KEEP_ACKED_OP_DAYS: i64 = 180;
/// Days a phone keeps acknowledged photo bytes at least (protocol 10).
pub const KEEP_ACKED_BYTES_DAYS: i64 = 14;
/// Access token life, seconds (protocol 12).
pub const ACCESS_TOKEN_S: i64 = 15 * 60;
/// How long a revoked device may hand in its work by itself, milliseconds (30 days, protocol 12).
pub const HAND_IN_MS: i64 = 30 * 86_400_000;
/// Life of a token for that, seconds.
pub const HAND_IN_TOKEN_S: i64 = 10 * 60;
/// How long the server's nonce for such a token is good, milliseconds.
pub const HAND_IN_NONCE_MS: i64 = 5 * 60_000;
/// Most ops that a revoked device may hand in by itself: twice the largest backlog that is tried (F22).
pub const HAND_IN_OPS_MAX: i64 = 20_000;
/// Bytes of photos that a revoked device may begin to upload in a day.
pub const HAND_IN_QUOTA_BYTES: u64 = 1 << 30;
/// Largest exported file of unsent work, bytes.
pub const HAND_IN_FILE_BYTES_MAX: u64 = 4 << 30;
/// Largest manifest of one, bytes: 20,000 ops and 20,000 forms.
pub const HAND_IN_MANIFEST_BYTES_MAX: u64 = 8 << 20;
/// Enrolment code life, milliseconds (protocol 12).
pub const ENROL_CODE_MS: i64 = 10 * 60_000;
/// Original photos wait for Wi-Fi at most this long, milliseconds (U25).
pub const ORIGINAL_WAIT_MS: i64 = 24 * 3_600_000;
/// Longest text in a comment, description or reason, characters.
pub const TEXT_CHARS_MAX: usize = 4_000;
/// The op schema this code writes.
pub const OP_SCHEMA: u32 = 1;
/// The row schema this code reads and writes.
pub const ROW_SCHEMA: u32 = 1;
/// The value of the `Blindspot-Protocol` header.
pub const PROTOCOL: &str = "1";
/// The header that marks an answer as ours.
pub const PROTOCOL_HEADER: &str = "blindspot-protocol";
/// How long a desk's `Idempotency-Key` is remembered, milliseconds (24 h).
pub const REQUEST_KEY_MS: i64 = 24 * 3_600_000;
/// Most keys of one account in that time.
pub const REQUEST_KEYS_MAX: i64 = 2_000;
/// Longest key, characters.
pub const REQUEST_KEY_CHARS_MAX: usize = 128;
/// Most lines of a table that goes out, and of one that comes in.
pub const SHEET_ROWS_MAX: usize = 20_000;
/// Most lines of a table with pictures.
pub const SHEET_PICTURE_ROWS_MAX: usize = 2_000;
/// Most bytes of the pictures of a table.
pub const SHEET_PICTURE_BYTES_MAX: usize = 48 << 20;
/// Largest table, or archive of a table with photos, that comes in, bytes.
pub const SHEET_FILE_BYTES_MAX: u64 = 256 << 20;
/// Most unpacked bytes of a table, without its pictures.
pub const SHEET_XML_BYTES_MAX: u64 = 128 << 20;
/// A part of a table that unpacks to more than so many times its size is refused.
pub const SHEET_RATIO_MAX: u64 = 400;
/// Most cells of a table that comes in.
pub const SHEET_CELLS_MAX: usize = 1_000_000;
/// Most parts of an archive that comes in.
pub const SHEET_PARTS_MAX: usize = 20_000;
/// Most cells and lines that an import tells of one by one; the rest is counted.
pub const SHEET_TOLD_MAX: usize = 2_000;

//! What can go wrong in a replica. Expected outcomes (a verdict, a refusal, no network) are values, not errors.

use crate::host::FileProblem;
use blindspot_core::op::OpProblem;

/// Why a call could not be done. Unsent work is untouched by every one of them.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The database failed.
    #[error("本机数据库出错 / database: {0}")]
    Db(#[source] rusqlite::Error),
    /// The photo folder or key store failed.
    #[error("本机文件出错 / files: {0}")]
    Files(#[from] FileProblem),
    /// The database is not what was written: flipped bytes, missing pages. Opening it again reads out what is whole.
    #[error(
        "本机数据库损坏，重新打开即自动抢救 / the database is damaged, open it again to rescue what is whole: {0}"
    )]
    Damaged(String),
    /// A newer version of the program wrote this database.
    #[error(
        "数据由更新版本写入，请升级应用 / the database is version {found}, this program knows {known}: upgrade"
    )]
    DatabaseNewer {
        /// Version found.
        found: i64,
        /// Newest version known.
        known: i64,
    },
    /// Something stored here cannot be read back.
    #[error("本机数据无法读取 / stored data: {0}")]
    Stored(String),
    /// Nobody is enrolled on this replica.
    #[error("手机尚未绑定 / this replica is not enrolled")]
    NotEnrolled,
    /// What was said does not fit into an op.
    #[error("内容太长或含无效字符 / {0}")]
    Op(#[from] OpProblem),
    /// The enrolment is for somebody else than the person of this replica.
    #[error("绑定码属于另一个人 / the code is for another person than this replica's")]
    OtherPerson,
    /// The server's identity key is not the one in the QR, or changed since.
    #[error("服务器身份不符，未绑定 / the server's identity does not match; not enrolled")]
    OtherServer,
    /// An answer to an enrolment that was not asked for.
    #[error("没有进行中的绑定 / no enrolment is under way")]
    NoPendingEnrolment,
    /// The server refused, with its code and words.
    #[error("{title} / {title_en} ({code})")]
    Refused {
        /// The stable code.
        code: String,
        /// Chinese.
        title: String,
        /// English.
        title_en: String,
    },
    /// The answer is not from our server, or not what was asked for.
    #[error("回答不是本系统的，或无法读取 / not an answer of ours: {0}")]
    BadReply(String),
    /// A wrong PIN, or too many.
    #[error("密码不对，{wait_s} 秒后可再试 / wrong PIN; next try in {wait_s} s")]
    WrongPin {
        /// Seconds until the next try is looked at.
        wait_s: i64,
    },
    /// Ten wrong PINs: only a new enrolment opens the replica.
    #[error("密码错了十次，须重新绑定 / ten wrong PINs: enrol again")]
    PinSpent,
    /// Not a PIN.
    #[error("密码是六位数字，不能全相同 / a PIN is six digits, not all the same")]
    BadPin,
    /// Nobody has the phone.
    #[error("手机还没有交给谁 / the phone was handed to nobody")]
    NotHandedOver,
    /// A voice note or document that no server takes.
    #[error("{0}")]
    NotTaken(&'static str),
    /// No photo can be kept: asked before the shutter, so that nobody walks on without one.
    #[error(
        "手机空间只剩 {free_mb} MB，拍照至少要 {need_mb} MB；已拍的都还在。清理空间后再拍 / {free_mb} MB free, a photo needs \
         {need_mb} MB; what was taken is all kept. Make room, then take it"
    )]
    NoRoom {
        /// Free, millions of bytes.
        free_mb: u64,
        /// Needed, millions of bytes.
        need_mb: u64,
    },
    /// No more than six people share a phone.
    #[error("一台手机最多 6 人 / at most six people a phone")]
    PhoneFull,
}

impl ClientError {
    /// Whether it is the file that is damaged, and no lack of space, rights or patience.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_))
    }
}

impl From<rusqlite::Error> for ClientError {
    fn from(e: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match e.sqlite_error_code() {
            // Also met long after the opening, when a page is read for the first time.
            Some(DatabaseCorrupt | NotADatabase) => Self::Damaged(e.to_string()),
            _ => Self::Db(e),
        }
    }
}

impl From<serde_json::Error> for ClientError {
    fn from(e: serde_json::Error) -> Self {
        Self::Stored(e.to_string())
    }
}

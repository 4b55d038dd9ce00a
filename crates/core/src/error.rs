//! Problems: stable codes with Chinese and English text and what to do next (RFC 9457 shape).
//!
//! Knows no HTTP; the server adds the status. A code, once shipped, keeps its meaning for ever.

use serde::{Deserialize, Serialize};

/// A problem as it travels: the body of every refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `urn:blindspot:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The stable code.
    pub code: String,
    /// Chinese title.
    pub title: String,
    /// English title.
    pub title_en: String,
    /// What exactly was wrong, when there is more to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do next, Chinese.
    pub next: String,
    /// What to do next, English.
    pub next_en: String,
    /// The HTTP status that carried it.
    #[serde(default)]
    pub status: u16,
    /// Names this one answer in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// A row of the problem table: code, texts, what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemText {
    /// The stable code.
    pub code: &'static str,
    /// Chinese title.
    pub zh: &'static str,
    /// English title.
    pub en: &'static str,
    /// What to do next, Chinese.
    pub next_zh: &'static str,
    /// What to do next, English.
    pub next_en: &'static str,
}

macro_rules! problems {
    ($($name:ident = $code:literal, $zh:literal, $en:literal, $next_zh:literal, $next_en:literal;)+) => {
        $(#[doc = $en]
        pub const $name: ProblemText = ProblemText { code: $code, zh: $zh, en: $en, next_zh: $next_zh, next_en: $next_en };)+
        /// Every problem there is, for the generated page and the tests.
        pub const ALL: &[ProblemText] = &[$($name),+];
    };
}

problems! {
    BAD_REQUEST = "bad_request", "请求格式不对", "The request is malformed", "按 detail 修正后再发", "Correct what detail names and send again";
    BAD_JSON = "bad_json", "内容不是有效的 JSON", "The body is not valid JSON", "检查引号、逗号和编码（UTF-8）", "Check quotes, commas and the encoding (UTF-8)";
    BODY_TOO_LARGE = "body_too_large", "内容太大", "The body is too large", "分成几次发送", "Send it in smaller parts";
    TOO_MANY_OPS = "too_many_ops", "一次发送的操作太多", "Too many ops in one push", "每次最多 500 条", "Send at most 500 at a time";
    TOO_MANY_FORMS = "too_many_forms", "一次询问的照片太多", "Too many photos asked about at once", "每次最多 500 张", "Ask about at most 500 at a time";
    BAD_ENCODING = "bad_encoding", "压缩格式不认识或已损坏", "The content encoding is unknown or damaged", "用 gzip、zstd 或不压缩", "Use gzip, zstd or none";
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", "内容类型不对", "The content type is not the expected one", "按接口说明设置 Content-Type", "Set Content-Type as the interface asks";
    NOT_FOUND = "not_found", "没有这件案件，或不归你管", "There is no such thing, or it is not yours to see", "检查编号；如应归你管，请联系管理员", "Check the id; if it should be yours, ask an administrator";
    METHOD_NOT_ALLOWED = "method_not_allowed", "这个地址不支持该方法", "This address does not take that method", "查看 Allow 头", "See the Allow header";
    SIGN_IN = "sign_in", "请先登录", "Sign in first", "重新登录后再试", "Sign in and try again";
    WRONG_PASSWORD = "wrong_password", "账号或密码不对", "Wrong account or password", "检查后再试；忘记密码请联系管理员", "Check and try again; an administrator can reset it";
    LOCKED_OUT = "locked_out", "试错太多次，账号暂时锁定", "Too many wrong tries; the account is locked for a while", "稍后再试（见 Retry-After）", "Try again later (see Retry-After)";
    WEAK_PASSWORD = "weak_password", "密码不合要求", "The password will not do", "换一个：8 到 128 个字符，不能是登录名或常见密码", "Choose another: 8 to 128 characters, neither the login nor a common password";
    PASSWORD_CHANGE_REQUIRED = "password_change_required", "请先修改一次性密码", "Change the one-time password first", "用 POST /v1/me/password 设自己的密码，之后即可使用", "Set your own with POST /v1/me/password; then everything works";
    TOO_MANY_REQUESTS = "too_many_requests", "请求太频繁", "Too many requests", "按 Retry-After 等待后自动重试；内容不受影响", "Wait as Retry-After says and try again; nothing is lost";
    UPLOAD_QUOTA = "upload_quota", "这台手机今天上传的照片已达上限", "This phone has reached its upload quota for today", "照片留在手机里，明天自动续传；其他内容照常上传", "The photos wait on the phone and go on tomorrow; everything else is sent as usual";
    TOKEN_EXPIRED = "token_expired", "访问凭证已过期", "The access token has expired", "用刷新凭证换新的；待上传内容不受影响", "Refresh it; unsent work is untouched";
    TOKEN_INVALID = "token_invalid", "访问凭证无效", "The access token is not valid", "刷新凭证，或重新绑定手机；待上传内容不受影响", "Refresh, or enrol again; unsent work is untouched";
    ENROL_AGAIN = "enrol_again", "请重新绑定手机", "Enrol this phone again", "向管理员要新的绑定码；待上传内容会保留", "Ask an administrator for a new code; unsent work is kept";
    DEVICE_REVOKED = "device_revoked", "这台手机已停用", "This phone has been revoked", "请联系管理员；待上传内容仍保留在手机里", "Ask an administrator; unsent work stays on the phone";
    HAND_IN_OVER = "hand_in_over", "停用后的交件期限已过", "The time to hand in after a revocation is over", "把待上传内容导出成文件，交给管理员", "Export the unsent work as a file and give it to an administrator";
    HAND_IN_DAMAGED = "hand_in_damaged", "交件文件读不懂或签名不符", "The file of unsent work cannot be read, or its signature does not verify", "检查文件是否完整；在原手机上重新导出", "Check that the file is whole; export it again on its phone";
    HAND_IN_QUOTA = "hand_in_quota", "停用的手机交件已达上限", "A revoked phone may hand in no more", "把余下的待上传内容导出成文件，交给管理员", "Export the rest as a file and give it to an administrator";
    BAD_CODE = "bad_code", "绑定码不对、已用过或已过期", "The enrolment code is wrong, used or expired", "请管理员重新生成（10 分钟内有效）", "Ask for a new one (valid for 10 minutes)";
    BAD_KEY = "bad_key", "手机密钥格式不对", "The device key is malformed", "用 Ed25519（32 字节）或 P-256 公钥", "Send an Ed25519 (32 bytes) or P-256 public key";
    BAD_PROOF = "bad_proof", "手机签名核对不上", "The device's signature does not verify", "重新绑定手机；待上传内容会保留", "Enrol again; unsent work is kept";
    NO_RIGHTS = "no_rights", "没有这项权限", "You lack the right for this", "请联系管理员授权", "Ask an administrator for it";
    HTTPS_REQUIRED = "https_required", "这里只能用 https", "Only https is served here", "用 https 地址，或经过前置代理访问", "Use the https address, or come through the proxy in front";
    BAD_CURSOR = "bad_cursor", "同步位置无效", "The cursor is not valid", "不带 cursor 重新拉取，已在手机里的待上传内容不受影响", "Pull again without a cursor; unsent work is untouched";
    UPGRADE_REQUIRED = "upgrade_required", "应用版本太旧", "The app is too old", "升级应用；上传仍可继续", "Upgrade the app; pushing still works";
    UPLOAD_GONE = "upload_gone", "上传已过期", "The upload has expired", "重新创建上传", "Create the upload again";
    ERASED = "erased", "内容已依法删除，不能再上传", "This was erased as the law requires and is not taken again", "删除手机里的这份；其他内容照常上传", "Delete the phone's copy; everything else is sent as usual";
    OFFSET_CONFLICT = "offset_conflict", "上传位置不一致", "The upload offset differs", "用 HEAD 查询位置后续传", "Ask with HEAD and resume from there";
    DIGEST_MISMATCH = "digest_mismatch", "照片内容与登记的校验值不符", "The bytes do not match the stated digest", "核对手机里的文件后重新上传", "Check the file on the phone and upload again";
    CHECKSUM_MISMATCH = "checksum_mismatch", "这一段数据在传输中损坏", "This chunk was damaged on the way", "重发这一段", "Send the chunk again";
    UPLOAD_TOO_LARGE = "upload_too_large", "文件太大", "The file is too large", "照片和文档最大 15 MB，语音最大 1 MB", "Photos and documents are at most 15 MB, voice notes 1 MB";
    TUS_VERSION = "tus_version", "不支持的 tus 版本", "That tus version is not supported", "使用 Tus-Resumable: 1.0.0", "Use Tus-Resumable: 1.0.0";
    NO_SPACE = "no_space", "服务器空间不足", "The server is out of space", "稍后自动重试；内容仍在手机里", "It is retried later; the work stays on the phone";
    PHOTOS_AWAY = "photos_away", "照片库暂时连不上", "The storage of photos cannot be reached", "照片留在手机里，稍后自动重试；其他内容照常", "Photos stay on the phone and are retried later; everything else goes on";
    BUSY = "busy", "服务器忙", "The server is busy", "稍后自动重试", "It is retried later";
    SETUP_DONE = "setup_done", "初始设置已完成", "The set-up has been done", "请直接登录", "Sign in";
    SETUP_LINK_OLD = "setup_link_old", "这个初始设置链接不对，或已被更新的链接取代", "This set-up link is wrong, or a newer one has taken its place", "每次启动都给出新链接：用最后启动的那台服务器打印的链接", "Each start prints a new link: take that of the server started last";
    SHEET_UNREADABLE = "sheet_unreadable", "表格读不懂", "The table cannot be read", "用 XLSX（或 CSV、ZIP）另存后再试；detail 说明哪里不对", "Save it as XLSX (or CSV, ZIP) and try again; detail says what is wrong";
    SHEET_TOO_LARGE = "sheet_too_large", "表格太大", "The table is too large", "缩小筛选范围或分成几份", "Narrow the filter, or do it in several parts";
    SHEET_BASE = "sheet_base", "表里的底稿缺失或被改过，无法比较改动", "What the table was exported from is missing in it, or was changed", "重新导出，把改动抄过去再导入", "Export it again, copy the changes over and import that";
    CONFLICT = "conflict", "与现有数据冲突", "That conflicts with what is there", "刷新后再试", "Reload and try again";
    CHANGED_MEANWHILE = "changed_meanwhile", "内容已被别人改过", "Somebody has changed it meanwhile", "重新读取，看过再改", "Read it again, look, then change it";
    KEY_REUSED = "key_reused", "同一个 Idempotency-Key 用在了不同的请求上", "One Idempotency-Key came with two different requests", "每个新请求用新的 key", "Use a new key for each new request";
    INTERNAL = "internal", "服务器内部错误", "The server failed", "稍后再试；把 request_id 告诉管理员", "Try again later; give the request_id to an administrator";
}

impl ProblemText {
    /// The problem document with this text.
    #[must_use]
    pub fn to_problem(&self, status: u16, detail: Option<String>) -> Problem {
        Problem {
            kind: format!("urn:blindspot:problem:{}", self.code),
            code: self.code.to_owned(),
            title: self.zh.to_owned(),
            title_en: self.en.to_owned(),
            detail,
            next: self.next_zh.to_owned(),
            next_en: self.next_en.to_owned(),
            status,
            request_id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_unique_and_has_both_languages() {
        let codes: BTreeSet<_> = ALL.iter().map(|p| p.code).collect();
        assert_eq!(codes.len(), ALL.len());
        for p in ALL {
            assert!(p.zh.chars().any(|c| c as u32 > 0x2e80) && p.en.is_ascii(), "{}", p.code);
            assert!(!p.next_zh.is_empty() && !p.next_en.is_empty(), "{}", p.code);
        }
    }
}

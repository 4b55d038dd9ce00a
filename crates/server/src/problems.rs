//! Every problem code on one page: status, whether to try again, what an app does, which addresses answer it.
//! For `docs/generated/problems.md` and `/docs/problems`. Changes no code's meaning.

use crate::error::status_of;
use crate::openapi;
use blindspot_core::error::{ALL, ProblemText};
use std::fmt::Write as _;

/// What an app does about a refusal; each code has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Correct,
    Smaller,
    Refresh,
    Enrol,
    Export,
    SignIn,
    AskPerson,
    Forget,
    PullAnew,
    Upgrade,
    AskOffset,
    UploadAnew,
    CheckFile,
    DeleteCopy,
    SendAgain,
    Look,
    Wait,
}

impl Then {
    fn of(code: &str) -> Self {
        Self::named(code).unwrap_or(Then::Correct)
    }

    /// `None` for a code that nobody has thought about; a test finds it.
    fn named(code: &str) -> Option<Self> {
        Some(match code {
            "hand_in_damaged" | "bad_request" | "bad_json" | "bad_encoding" | "unsupported_media_type" => {
                Then::Correct
            }
            "sheet_unreadable" | "method_not_allowed" | "tus_version" | "bad_key" | "key_reused" => {
                Then::Correct
            }
            "body_too_large" | "sheet_too_large" | "too_many_ops" | "too_many_forms" => Then::Smaller,
            "token_expired" | "token_invalid" => Then::Refresh,
            "enrol_again" | "device_revoked" | "bad_proof" | "bad_code" => Then::Enrol,
            "hand_in_over" | "hand_in_quota" => Then::Export,
            "sign_in" | "wrong_password" => Then::SignIn,
            "no_rights" | "setup_done" | "setup_link_old" | "upload_too_large" | "https_required" => {
                Then::AskPerson
            }
            "weak_password" | "password_change_required" => Then::AskPerson,
            "not_found" => Then::Forget,
            "bad_cursor" => Then::PullAnew,
            "upgrade_required" => Then::Upgrade,
            "offset_conflict" => Then::AskOffset,
            "upload_gone" => Then::UploadAnew,
            "erased" => Then::DeleteCopy,
            "digest_mismatch" => Then::CheckFile,
            "checksum_mismatch" => Then::SendAgain,
            "conflict" | "sheet_base" | "changed_meanwhile" => Then::Look,
            "locked_out" | "too_many_requests" | "upload_quota" => Then::Wait,
            "no_space" | "photos_away" | "busy" | "internal" => Then::Wait,
            _ => return None,
        })
    }

    /// Whether the same request may be sent again.
    fn again(self) -> (&'static str, &'static str) {
        match self {
            Then::Wait => ("等待后", "after waiting"),
            Then::SendAgain => ("是", "yes"),
            Then::Refresh | Then::SignIn | Then::Enrol => ("换凭证后", "with a new credential"),
            Then::Smaller => ("分小后", "in smaller parts"),
            Then::AskOffset | Then::UploadAnew | Then::CheckFile | Then::PullAnew | Then::Look => {
                ("按左栏处理后", "after that")
            }
            Then::Correct
            | Then::AskPerson
            | Then::Export
            | Then::Forget
            | Then::Upgrade
            | Then::DeleteCopy => ("否", "no"),
        }
    }

    fn text(self) -> (&'static str, &'static str) {
        match self {
            Then::Correct => (
                "程序有错：记录 detail 和 request_id，不自动重发；内容留在手机里",
                "A fault of the app: log detail and request_id, do not repeat it by itself, keep the content",
            ),
            Then::Smaller => (
                "把这一批对半分开再发；单条仍太大就放进待处理，可导出",
                "Halve the batch; one op that is still too large goes to the tray and can be exported",
            ),
            Then::Refresh => (
                "POST /v1/token/refresh 换新凭证，再发原请求；队列不动",
                "POST /v1/token/refresh, then the same request; leave the outbox alone",
            ),
            Then::Enrol => (
                "停止发送，请人扫新的绑定码；队列和照片都留着",
                "Stop sending, ask for a new enrolment code; outbox and photos stay",
            ),
            Then::Export => (
                "停止发送，请人把待上传内容导出成文件；队列和照片都留着",
                "Stop sending and let the person export the unsent work as a file; outbox and photos stay",
            ),
            Then::SignIn => ("回到登录页", "Show the sign-in page"),
            Then::AskPerson => ("告诉使用者原因和该找谁", "Tell the person why, and whom to ask"),
            Then::Forget => (
                "当作不存在：不存在和不归你看是同一个回答",
                "Treat it as not there: what is not there and what is not yours answer alike",
            ),
            Then::PullAnew => ("不带 cursor 重新拉取", "Pull again without a cursor"),
            Then::Upgrade => (
                "提示升级；已有内容可看，上传照常",
                "Ask for an upgrade; what is here stays readable, pushing goes on",
            ),
            Then::AskOffset => {
                ("照片：HEAD 查询位置，从那里续传", "Photos: ask with HEAD and go on from there")
            }
            Then::UploadAnew => ("重新创建上传，从 0 开始", "Create the upload again, from 0"),
            Then::CheckFile => (
                "重新计算手机里文件的 SHA-256：一致就重新上传，不一致就发 photo_lost",
                "Hash the phone's file again: upload anew when it matches, send photo_lost when it does not",
            ),
            Then::DeleteCopy => (
                "照片：删除手机里的这份，标明“已删除（依法）”，不再上传",
                "Photos: delete the phone's copy, mark it as erased, do not offer it again",
            ),
            Then::SendAgain => ("重发这一段", "Send the chunk again"),
            Then::Look => ("重新读取最新状态，由人决定", "Read the latest state and let a person decide"),
            Then::Wait => (
                "按 Retry-After 等待（没有就从 2 秒起翻倍，最长 5 分钟，加随机），再发原请求",
                "Wait as Retry-After says (else from 2 s doubling to 5 min, with jitter), then the same request",
            ),
        }
    }
}

struct Line {
    text: &'static ProblemText,
    status: u16,
    then: Then,
    addresses: Vec<String>,
}

/// Addresses above which a list would say nothing.
const MANY: usize = 12;

fn lines() -> Vec<Line> {
    let routes = openapi::routes();
    ALL.iter()
        .map(|text| {
            let named = routes.iter().filter(|r| r.problems.iter().any(|p| p == text.code));
            let mut addresses: Vec<String> = named.map(|r| format!("{} {}", r.method, r.path)).collect();
            if addresses.len() > MANY {
                addresses = vec!["很多 many".to_owned()];
            }
            Line { text, status: status_of(text.code), then: Then::of(text.code), addresses }
        })
        .collect()
}

/// The page in Markdown, without its head.
#[must_use]
pub fn to_markdown() -> String {
    let mut out = String::from(
        "Every refusal is an RFC 9457 document of one of these codes. A code, once shipped, keeps its meaning; an app that\n\
         does not know a code goes by the status. `type` is `urn:blindspot:problem:<code>`.\n\n\
         | code | status | 中文 | English | 人怎么办 · what a person does | 应用怎么办 · what an app does | 再发 · again | addresses |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for line in lines() {
        let (p, status) = (line.text, line.status);
        let ((zh, en), (again_zh, again_en)) = (line.then.text(), line.then.again());
        let addresses: Vec<String> = line.addresses.iter().map(|a| format!("`{a}`")).collect();
        let _ = writeln!(
            out,
            "| `{}` | {status} | {} | {} | {}。{} | {zh}。{en} | {again_zh} · {again_en} | {} |",
            p.code,
            p.zh,
            p.en,
            p.next_zh,
            p.next_en,
            addresses.join(" "),
        );
    }
    out
}

/// The page as the server shows it.
#[must_use]
pub fn to_html() -> String {
    let mut out = String::from(
        "<!doctype html><html lang=\"zh\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>净格 问题代码 Problem codes</title><style>body{font:16px/1.6 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
         padding:0 1rem}section{border-top:1px solid #ccc;padding:.5rem 0}h2{margin:.2rem 0;font-size:1.1rem}code{background:#f3f3f3;\
         padding:0 .2em}p{margin:.2rem 0}.en{color:#555}</style><h1>问题代码 Problem codes</h1>\
         <p>Every refusal is an RFC 9457 document of one of these codes. A code keeps its meaning for ever.</p>",
    );
    for line in lines() {
        let p = line.text;
        let ((zh, en), (again_zh, again_en)) = (line.then.text(), line.then.again());
        let addresses: Vec<String> =
            line.addresses.iter().map(|a| format!("<code>{}</code>", escaped(a))).collect();
        let _ = write!(
            out,
            "<section id=\"{code}\"><h2><code>{code}</code> {status} · {title}</h2><p class=\"en\">{title_en}</p>\
             <p>人：{next}。<span class=\"en\">{next_en}.</span></p><p>应用：{zh}。<span class=\"en\">{en}.</span></p>\
             <p>再发 again: {again_zh} · {again_en}</p><p>{addresses}</p></section>",
            code = p.code,
            status = line.status,
            title = escaped(p.zh),
            title_en = escaped(p.en),
            next = escaped(p.next_zh),
            next_en = escaped(p.next_en),
            zh = escaped(zh),
            en = escaped(en),
            addresses = addresses.join(" "),
        );
    }
    out + "</html>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use blindspot_core::sync::reply::{ReplyClass, classify};

    #[test]
    fn what_the_page_tells_an_app_is_what_our_own_phone_does() {
        for text in ALL {
            let class = classify(status_of(text.code), true, Some(text.code));
            let then =
                Then::named(text.code).unwrap_or_else(|| panic!("{}: what does an app do?", text.code));
            let agreed = match then {
                Then::Wait => {
                    matches!(class, ReplyClass::Busy | ReplyClass::NoSpace | ReplyClass::ServerFault)
                }
                Then::Smaller => class == ReplyClass::TooLarge,
                Then::Refresh => class == ReplyClass::Unauthorised,
                Then::Upgrade => class == ReplyClass::UpgradeRequired,
                Then::AskOffset => class == ReplyClass::OffsetConflict,
                Then::UploadAnew | Then::Forget => class == ReplyClass::Gone,
                Then::CheckFile | Then::SendAgain => class == ReplyClass::DigestMismatch,
                Then::Enrol => matches!(class, ReplyClass::EnrolAgain | ReplyClass::Refused),
                Then::Export => class == ReplyClass::EnrolAgain,
                _ => !matches!(class, ReplyClass::Busy | ReplyClass::EnrolAgain | ReplyClass::ServerFault),
            };
            assert!(agreed, "{}: {then:?} against {class:?}", text.code);
        }
    }

    #[test]
    fn every_code_stands_on_both_pages_with_its_anchor() {
        let (markdown, html) = (to_markdown(), to_html());
        for text in ALL {
            assert!(markdown.contains(&format!("| `{}` |", text.code)), "{}", text.code);
            assert!(html.contains(&format!("<section id=\"{}\">", text.code)), "{}", text.code);
        }
    }
}

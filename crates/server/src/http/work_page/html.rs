//! The words and the look of a work link's page: Chinese first, a small line of English, nothing from elsewhere, no script.

use crate::service::work_links::page::{Shut, Task};
use crate::service::work_links::submit::{BadPhoto, WORDS_MAX};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blindspot_core::geo::{Datum, Point, from_wgs84};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::Digest as _;
use std::sync::OnceLock;
use url::Url;

const STYLE: &str = include_str!("work.css");

/// What the page may load: its own style and pictures. A hash names the style, so that no other can be slipped in.
pub(super) fn policy() -> String {
    static HASH: OnceLock<String> = OnceLock::new();
    let hash = HASH.get_or_init(|| STANDARD.encode(sha2::Sha256::digest(STYLE)));
    format!(
        "default-src 'none'; img-src 'self'; style-src 'sha256-{hash}'; form-action 'self'; frame-ancestors 'none'; \
         base-uri 'none'"
    )
}

fn page(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    }
}

/// Words, what to do, and both in English.
fn message(title: &str, next: &str, english: &str) -> Markup {
    page(
        title,
        &html! {
            h1 { (title) }
            p { (next) }
            p.en lang="en" { (english) }
        },
    )
}

/// The maps that people have, each in its own datum.
fn maps(point: Point, name: &str) -> Vec<(&'static str, String)> {
    let at = |datum| from_wgs84(point, datum);
    let (mars, baidu) = (at(Datum::Gcj02), at(Datum::Bd09));
    let link = |base: &str, pairs: &[(&str, &str)]| {
        Url::parse_with_params(base, pairs).map(String::from).unwrap_or_default()
    };
    let amap = format!("{:.6},{:.6}", mars.lon, mars.lat);
    let bd = format!("{:.6},{:.6}", baidu.lat, baidu.lon);
    let qq = format!("coord:{:.6},{:.6};title:{name};addr:{name}", mars.lat, mars.lon);
    vec![
        (
            "高德",
            link(
                "https://uri.amap.com/marker",
                &[("position", &amap), ("name", name), ("coordinate", "gaode"), ("callnative", "1")],
            ),
        ),
        (
            "百度",
            link(
                "https://api.map.baidu.com/marker",
                &[
                    ("location", &bd),
                    ("title", name),
                    ("content", name),
                    ("coord_type", "bd09ll"),
                    ("output", "html"),
                    ("src", "blindspot"),
                ],
            ),
        ),
        ("腾讯", link("https://apis.map.qq.com/uri/v1/marker", &[("marker", &qq), ("referer", "blindspot")])),
    ]
}

/// Work to be done.
pub(super) fn task(token: &str, task: &Task) -> Markup {
    let title = format!("{} {}", task.short_no, task.problem.as_deref().unwrap_or("待处置"));
    page(
        &title,
        &html! {
            h1 {
                span.no { (task.short_no) }
                @if task.urgent { span.urgent { "紧急·有危险" } }
            }
            @if let Some(problem) = &task.problem { p.what { (problem) } }
            @for photo in &task.photos {
                img src={ "/w/" (token) "/photos/" (photo) } alt="整改前 before";
            }
            dl {
                @if task.grid.is_some() || task.landmark.is_some() {
                    dt { "地点 " small lang="en" { "place" } }
                    dd { (task.grid.as_deref().unwrap_or("")) " " (task.landmark.as_deref().unwrap_or("")) }
                }
                @if let Some(due) = &task.due {
                    dt { "期限 " small lang="en" { "until" } }
                    dd.late[task.overdue] { (due) "前" @if task.overdue { "（已超时）" } }
                }
            }
            @if let Some(point) = task.point {
                p.maps {
                    "导航 "
                    @for (name, url) in maps(point, &task.short_no) {
                        a href=(url) rel="noreferrer noopener" { (name) }
                    }
                }
            }
            form method="post" action={ "/w/" (token) } enctype="multipart/form-data" {
                input type="hidden" name="form" value=(task.form);
                input type="hidden" name="what" value="done";
                h2 { "处理好了 " small lang="en" { "done" } }
                label {
                    "拍一张处理后的照片"
                    input type="file" name="photo" accept="image/*" capture="environment" required;
                }
                label { "说明（可不填）" input type="text" name="words" maxlength=(WORDS_MAX); }
                button type="submit" { "提交：处理好了" }
            }
            form.other method="post" action={ "/w/" (token) } enctype="multipart/form-data" {
                input type="hidden" name="form" value=(task.form);
                input type="hidden" name="what" value="not_ours";
                h2 { "不是我们管 " small lang="en" { "not ours" } }
                label { "该谁管、为什么（可不填）" input type="text" name="words" maxlength=(WORDS_MAX); }
                button.second type="submit" { "告诉派单的人：不是我们管" }
            }
            p.small {
                "这个链接只给做这件事的人用，请不要转到别的群。打开不记录是谁。"
                span.en lang="en" { " Take a photo after the work and send it. No account is needed; who opens this page is not recorded." }
            }
        },
    )
}

/// Fed back.
pub(super) fn done(short_no: &str) -> Markup {
    let title =
        if short_no.is_empty() { "已提交，谢谢".to_owned() } else { format!("{short_no} 已反馈") };
    message(
        &title,
        "照片已收到，等待核查。不用再交一次；没有通过会另外通知。",
        "Received. It will be verified; nothing more to do.",
    )
}

/// The clerk was told that it is not theirs.
pub(super) fn noted() -> Markup {
    message(
        "已告诉派单的人",
        "案件还在本单位，期限照算；请等单位答复。",
        "Your unit's clerk was told. The case stays with the unit and its deadline runs on.",
    )
}

/// What was said came after the case had moved.
pub(super) fn too_late() -> Markup {
    message(
        "这件案件刚刚变了，照片已作为备注留下",
        "可能已有人反馈，或已重新派遣。请问给你链接的人还要不要做。",
        "The case has moved meanwhile; your photo was kept as a note. Ask whoever gave you the link.",
    )
}

/// Why a photo was not taken.
pub(super) fn bad_photo(why: BadPhoto) -> Markup {
    let (title, next, english) = match why {
        BadPhoto::None => {
            ("还没有照片", "返回上一页，拍一张处理后的照片再提交。", "Go back, take a photo and send it.")
        }
        BadPhoto::NoPicture => (
            "这个文件不是能用的照片",
            "返回上一页重新拍一张；要 JPG、PNG 或 WebP，不要 HEIC 或截断的文件。",
            "This file is no photo that can be read. Go back and take another: JPEG, PNG or WebP.",
        ),
        BadPhoto::TooLarge => (
            "照片太大",
            "最大 15 MB。返回上一页重拍一张，或在相机里选小一些的尺寸。",
            "At most 15 MB. Go back and take a smaller one.",
        ),
    };
    message(title, next, english)
}

/// Busy, full, or too often.
pub(super) fn later() -> Markup {
    message(
        "现在太忙，请等一分钟再试",
        "照片还在手机里，返回上一页再提交一次即可。",
        "Busy. Wait a minute, go back and send again.",
    )
}

/// What should not happen.
pub(super) fn broken() -> Markup {
    message(
        "没有成功",
        "请返回上一页再试；还不行就把照片发给给你链接的人。",
        "It did not work. Go back and try again.",
    )
}

/// Why a link opens nothing, and what to do.
pub(super) fn shut(why: Shut) -> Markup {
    let (title, next, english) = match why {
        Shut::Unknown => (
            "没有这个链接",
            "请检查是否复制完整，或向单位要一个新的。",
            "No such link: check that it was copied whole.",
        ),
        Shut::Revoked => (
            "这个链接已作废",
            "单位收回了它。要继续做，请向单位要一个新的。",
            "Your unit has revoked this link; ask for a new one.",
        ),
        Shut::Expired => (
            "这个链接已过期",
            "期限过后三天失效。请向单位要一个新的。",
            "This link has expired; ask your unit for a new one.",
        ),
        Shut::OtherRound => (
            "案件已重新派遣",
            "这个链接是上一轮的。请向单位要新的链接。",
            "The case was dispatched anew; ask your unit for a new link.",
        ),
        Shut::NoLonger => (
            "这个链接不能用了",
            "发链接的人已不再负责。请向单位要一个新的。",
            "Whoever made this link no longer acts for the unit; ask for a new one.",
        ),
        Shut::Closed => ("案件已经了结", "不用再做，谢谢。", "The case is closed; nothing more to do."),
        Shut::Waits => (
            "案件暂停",
            "正在挂账或申请退回，先不要做。请问给你链接的人。",
            "The case waits; ask whoever gave you the link.",
        ),
    };
    message(title, next, english)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_map_gets_its_own_datum() {
        // 义乌: WGS-84; known shifts of some 500 m and 1.1 km.
        let point = Point { lat: 29.306, lon: 120.075 };
        let all = maps(point, "稠江 03127");
        let text = |n: usize| percent_free(&all[n].1);
        let (mars, bd) = (from_wgs84(point, Datum::Gcj02), from_wgs84(point, Datum::Bd09));
        assert!(text(0).contains(&format!("position={:.6},{:.6}", mars.lon, mars.lat)), "{}", text(0));
        assert!(
            text(1).contains(&format!("location={:.6},{:.6}", bd.lat, bd.lon)) && text(1).contains("bd09ll")
        );
        assert!(text(2).contains(&format!("coord:{:.6},{:.6}", mars.lat, mars.lon)));
        assert!((mars.lon - point.lon).abs() > 0.003 && (bd.lon - mars.lon).abs() > 0.003);
    }

    fn percent_free(url: &str) -> String {
        Url::parse(url).unwrap().query_pairs().map(|(k, v)| format!("{k}={v}&")).collect()
    }

    #[test]
    fn what_people_wrote_stays_words() {
        let odd = Task {
            short_no: "稠江 03127".into(),
            urgent: true,
            problem: Some("<script>alert(1)</script>".into()),
            grid: None,
            landmark: Some("\"><img src=x onerror=alert(1)>".into()),
            point: Some(Point { lat: 29.3, lon: 120.0 }),
            due: Some("12-01 16:00".into()),
            overdue: true,
            photos: vec![blindspot_core::PhotoId::from_parts(1, [1; 10])],
            form: blindspot_core::OpId::from_parts(1, [2; 10]),
        };
        let text = task("TOKEN", &odd).into_string();
        assert!(!text.contains("<script") && !text.contains("<img src=x"), "{text}");
        assert!(
            !text.contains("http://") && !text.contains("src=\"http"),
            "nothing from elsewhere is loaded"
        );
        assert!(policy().starts_with("default-src 'none'; img-src 'self'; style-src 'sha256-"));
    }
}

//! `report.html`: one page without any other file: map, before and after, the last block.
//!
//! Strings and pictures in, a page out; knows no server and no folder.

use blindspot_core::case::{Case, CaseState};
use blindspot_core::geo::Point;
use blindspot_sample::City;
use std::fmt::Write as _;

/// A case before and after, thumbnails as JPEG.
pub(crate) struct Pair {
    /// Spoken number or what stands in for it.
    pub(crate) title: String,
    /// The state's Chinese word.
    pub(crate) state: String,
    /// 整改前
    pub(crate) before: Vec<u8>,
    /// 整改后
    pub(crate) after: Vec<u8>,
}

const STYLE: &str = "body{font:15px/1.6 system-ui,'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif;margin:2rem auto;\
max-width:72rem;padding:0 1rem;color:#1d2a24;background:#fbfaf6}h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}\
pre{background:#fff;border:1px solid #ddd8c8;padding:1rem;overflow:auto;border-radius:6px}svg{width:100%;height:auto;max-height:34rem;background:#fff;\
border:1px solid #ddd8c8;border-radius:6px}.pairs{display:grid;grid-template-columns:repeat(auto-fill,minmax(20rem,1fr));gap:1rem}\
figure{margin:0;background:#fff;border:1px solid #ddd8c8;border-radius:6px;padding:.6rem}figure div{display:grid;\
grid-template-columns:1fr 1fr;gap:.4rem}img{width:100%;height:10rem;object-fit:cover;border-radius:3px}figcaption{font-size:.9rem}\
.key span{display:inline-block;margin-right:1.2rem}.key i{display:inline-block;width:.8rem;height:.8rem;border-radius:50%;\
margin-right:.3rem;vertical-align:-1px}small{color:#66705f}";

/// The whole page.
pub(crate) fn page(city: &City, cases: &[Case], pairs: &[Pair], block: &str) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"zh-CN\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>净格 Blindspot · 演示报告</title>\n<style>{STYLE}</style>\n<h1>净格 Blindspot · 演示报告 demo report</h1>\n\
         <p>样例城市，边界、人员、照片均为虚构。<small>A made-up city: borders, people and pictures are invented.</small></p>\n\
         <h2>结果 Outcome</h2>\n<pre>{}</pre>\n<h2>案件地图 Cases on the map</h2>\n",
        escape(block)
    );
    out.push_str(&legend(cases));
    out.push_str(&map(city, cases));
    let _ = write!(out, "<h2>整改前后 Before and after ({})</h2>\n<div class=\"pairs\">\n", pairs.len());
    for pair in pairs {
        let _ = writeln!(
            out,
            "<figure><div><img alt=\"整改前 before\" src=\"data:image/jpeg;base64,{}\"><img alt=\"整改后 after\" \
             src=\"data:image/jpeg;base64,{}\"></div><figcaption>{} · {}</figcaption></figure>",
            base64(&pair.before),
            base64(&pair.after),
            escape(&pair.title),
            escape(&pair.state)
        );
    }
    out.push_str("</div>\n</html>\n");
    out
}

fn colour(state: &CaseState) -> &'static str {
    match state {
        CaseState::Reported => "#c9a227",
        CaseState::Filed => "#d9722e",
        CaseState::Dispatched | CaseState::Accepted | CaseState::InWork => "#2e6fb7",
        CaseState::FedBack | CaseState::Verifying => "#7a4fb0",
        CaseState::Closed => "#3c8c4a",
        CaseState::Merged => "#9aa19a",
        _ => "#b3372f",
    }
}

fn legend(cases: &[Case]) -> String {
    let mut counts: Vec<(&CaseState, usize)> = Vec::new();
    for case in cases {
        match counts.iter_mut().find(|(s, _)| **s == case.state) {
            Some((_, n)) => *n += 1,
            None => counts.push((&case.state, 1)),
        }
    }
    counts.sort();
    let mut out = String::from("<p class=\"key\">");
    for (state, n) in counts {
        let _ = write!(
            out,
            "<span><i style=\"background:{}\"></i>{} {n}</span>",
            colour(state),
            escape(state.zh())
        );
    }
    out + "</p>\n"
}

/// Cells around the cases as thin squares, cases as dots; degrees are scaled to kilometres of this latitude.
fn map(city: &City, cases: &[Case]) -> String {
    let points: Vec<(Point, &Case)> = cases.iter().filter_map(|c| Some((c.place.point?, c))).collect();
    let Some((west, south, east, north)) = bounds(points.iter().map(|(p, _)| *p)) else {
        return "<p>没有带位置的案件 no case has a position</p>\n".to_owned();
    };
    let squeeze = ((south + north) / 2.0).to_radians().cos();
    let scale = 1_000.0 / ((east - west) * squeeze);
    let x = |lon: f64| (lon - west) * squeeze * scale;
    let y = |lat: f64| (north - lat) * scale;
    let height = y(south);
    let mut out = format!(
        "<svg viewBox=\"0 0 1000 {height:.0}\" role=\"img\" aria-label=\"案件地图 map of cases\">\n<g fill=\"none\" stroke=\"#e2ddcc\" stroke-width=\".6\">\n"
    );
    for cell in &city.cells {
        let inside =
            cell.ring.iter().any(|[lon, lat]| (west..=east).contains(lon) && (south..=north).contains(lat));
        if inside && cell.span.to_ms.is_none() {
            let corners: Vec<String> =
                cell.ring.iter().map(|[lon, lat]| format!("{:.1} {:.1}", x(*lon), y(*lat))).collect();
            let _ = writeln!(out, "<path d=\"M{}Z\"/>", corners.join("L"));
        }
    }
    out.push_str("</g>\n<g stroke=\"#fff\" stroke-width=\"1\">\n");
    for (point, case) in points {
        let name = case.short_no.as_ref().map_or_else(String::new, blindspot_core::case::ShortNo::text);
        let _ = writeln!(
            out,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\" fill=\"{}\"><title>{} {}</title></circle>",
            x(point.lon),
            y(point.lat),
            colour(&case.state),
            escape(&name),
            escape(case.state.zh())
        );
    }
    out + "</g>\n</svg>\n"
}

/// West, south, east, north around the points, with a margin of about 300 m.
fn bounds(points: impl Iterator<Item = Point>) -> Option<(f64, f64, f64, f64)> {
    const MARGIN: f64 = 0.003;
    points.fold(None, |b: Option<(f64, f64, f64, f64)>, p| {
        let (w, s, e, n) = b.unwrap_or((180.0, 90.0, -180.0, -90.0));
        Some((w.min(p.lon - MARGIN), s.min(p.lat - MARGIN), e.max(p.lon + MARGIN), n.max(p.lat + MARGIN)))
    })
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |w, b| w << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * at) & 63) as usize] as char;
            out.push(if at <= chunk.len() { letter } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_standard_one() {
        assert_eq!(base64(b""), "");
        assert_eq!(base64(b"f"), "Zg==");
        assert_eq!(base64(b"fo"), "Zm8=");
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
    }

    #[test]
    fn what_people_wrote_cannot_become_markup() {
        let city = blindspot_sample::city(1);
        let pair = Pair {
            title: "<script>x</script>".into(),
            state: "\"已结案\"".into(),
            before: vec![1],
            after: vec![2],
        };
        let page = page(&city, &[], &[pair], "a < b");
        assert!(!page.contains("<script>") && page.contains("&lt;script&gt;") && page.contains("a &lt; b"));
    }
}

//! A work link as whoever does the work has it: opened in WeChat, no account, no cookie, no script; real pictures.

use crate::house::{TestHouse, WORKER_ROLE};
use crate::photos::{create_of, patch, picture};
use crate::raw::{Answer, RawPhone, new_case_id, new_op_id, new_photo_id, send, send_json};
use blindspot_core::CaseId;
use blindspot_core::id::Sha256;
use serde_json::{Value, json};

const WECHAT: &str = "Mozilla/5.0 (Linux; Android 10; Redmi 9) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 \
                      Chrome/86.0.4240.99 XWEB/4317 Mobile Safari/537.36 MicroMessenger/8.0.30.2260(0x28001E3B) \
                      WeChat/arm64 Weixin NetType/4G Language/zh_CN ABI/arm64";

/// A city, a case in a unit's hands, and its page.
struct Town {
    house: TestHouse,
    worker: RawPhone,
    unit: RawPhone,
    desk: String,
}

fn open(url: &str) -> Answer {
    send("GET", url, &[("user-agent", WECHAT), ("accept", "text/html")], b"")
}

fn words(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{}", answer.status);
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("script"), "{policy}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("set-cookie"), None);
    String::from_utf8(answer.body.clone()).expect("UTF-8")
}

/// What stands in a field of the page's form.
fn form_id(page: &str) -> String {
    let at = page.split_once("name=\"form\" value=\"").expect("a form").1;
    at.split_once('"').expect("an end").0.to_owned()
}

fn submit(url: &str, form: &str, what: &str, words: &str, photo: Option<&[u8]>) -> Answer {
    let mut body = Vec::new();
    for (name, value) in [("form", form), ("what", what), ("words", words)] {
        body.extend(
            format!("--BOUND\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
        );
    }
    if let Some(photo) = photo {
        let head = "--BOUND\r\ncontent-disposition: form-data; name=\"photo\"; filename=\"IMG_0001.jpg\"\r\ncontent-type: image/jpeg\r\n\r\n";
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(photo);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--BOUND--\r\n");
    let headers = [("user-agent", WECHAT), ("content-type", "multipart/form-data; boundary=BOUND")];
    send("POST", url, &headers, &body)
}

impl Town {
    fn new() -> Self {
        let house = TestHouse::start_with_city();
        let worker = house.phone("张三", WORKER_ROLE, "city");
        let unit = house.phone("刘内勤", "unit_clerk", "dept:sanitation");
        let (id, desk) = house.desk("desk", "filing_desk");
        for role in ["dispatcher", "duty_leader"] {
            house
                .admin("POST", &format!("/v1/people/{id}/grants"), &json!({"role": role, "area": "city"}))
                .ok();
        }
        Self { house, worker, unit, desk }
    }
    fn act(&self, case: CaseId, kind: &str, payload: &Value) {
        let headers = [("cookie", self.desk.as_str()), ("origin", self.house.base.as_str())];
        let op = json!({"op_id": new_op_id(), "kind": kind, "payload": payload});
        let verdict =
            send_json("POST", &format!("{}/v1/cases/{case}/ops", self.house.base), &headers, &op).ok();
        assert_eq!(verdict["verdict"], "applied", "{kind}: {verdict}");
    }
    /// A case with a photo of the problem, in the unit's hands.
    fn dispatched(&mut self, number: u32) -> CaseId {
        let case = new_case_id();
        let (_, point) = self.house.two_grids()[0].clone();
        let said = json!({"position": {"lat": point.lat, "lon": point.lon, "accuracy_m": 5.0},
            "description": "李四店门口，李四不肯扫", "landmark": "菜场北门"});
        let report = self.worker.op("report", Some(case), &said);
        let (photo, bytes) = (new_photo_id(), picture(number));
        let form = json!({"sha256": Sha256::of(&bytes).to_hex(), "bytes": bytes.len()});
        let taken =
            self.worker.op("photo", Some(case), &json!({"photo_id": photo, "forms": {"working": form}}));
        self.worker.push(&[report, taken]);
        let at = create_of(&self.worker, photo, "working", &bytes);
        assert_eq!(patch(&self.worker, &at, 0, &bytes).status, 204);
        self.act(case, "file", &json!({}));
        self.act(case, "dispatch", &json!({"lead": "sanitation"}));
        case
    }
    fn link(&self, case: CaseId) -> (String, String) {
        let made = self.unit.post(&format!("/v1/cases/{case}/work-links"), &json!({})).ok();
        let url = made["url"].as_str().expect("an address");
        let path = url.split_once("/w/").expect("a page").1;
        (made["link_id"].as_str().expect("an id").to_owned(), format!("{}/w/{path}", self.house.base))
    }
    fn case(&self, case: CaseId) -> (Value, Vec<Value>) {
        let headers = [("cookie", self.desk.as_str())];
        let detail = send("GET", &format!("{}/v1/cases/{case}", self.house.base), &headers, b"").ok();
        let rows = detail["rows"].as_array().expect("rows").clone();
        let own = rows.iter().find(|r| r["kind"] == "case").expect("the case")["body"].clone();
        (own, rows)
    }
}

#[test]
fn shown_life_link() {
    let mut town = Town::new();
    let case = town.dispatched(1);
    let (link, url) = town.link(case);

    // The page: what the work needs, and nobody's name or words.
    let page = words(&open(&url));
    let (row, _) = town.case(case);
    let short = format!(
        "{} {:05}",
        row["short_no"]["town"].as_str().expect("a town"),
        row["short_no"]["n"].as_u64().expect("a number")
    );
    for wanted in [
        short.as_str(),
        "菜场北门",
        "高德",
        "百度",
        "腾讯",
        "处理好了",
        "不是我们管",
        "capture=\"environment\"",
    ] {
        assert!(page.contains(wanted), "no {wanted}: {page}");
    }
    for hidden in ["李四", "张三", "刘内勤", "<script", "http://", "src=\"http"] {
        assert!(!page.contains(hidden), "{hidden}: {page}");
    }
    let photo = page.split_once("<img src=\"").expect("a photo").1.split_once('"').expect("an end").0;
    let seen = send("GET", &format!("{}{photo}", town.house.base), &[("user-agent", WECHAT)], b"");
    assert_eq!(
        (seen.status, seen.header("content-type"), &seen.body),
        (200, Some("image/jpeg"), &picture(1))
    );

    // What will not do: no photo, no picture, a cut one, one that is too large.
    let form = form_id(&page);
    let whole = picture(2);
    for (bytes, status, said) in [
        (None, 422, "还没有照片"),
        (Some(&b"GIF89a not taken here"[..]), 422, "不是能用的照片"),
        (Some(&whole[..whole.len() / 3]), 422, "不是能用的照片"),
        (Some(&vec![0xff; 16 << 20][..]), 413, "照片太大"),
    ] {
        let answer = submit(&url, &form, "done", "", bytes);
        assert_eq!(answer.status, status, "{said}");
        assert!(words(&answer).contains(said), "{said}");
    }
    assert_eq!(town.case(case).0["state"], "dispatched", "nothing of it moved the case");

    // Not ours: a note for the clerk, twice sent is one; the case stays.
    for _ in 0..2 {
        let answer = submit(&url, &form, "not_ours", "是市场的", None);
        assert!(answer.status == 200 && words(&answer).contains("已告诉派单的人"));
    }
    let (row, rows) = town.case(case);
    let notes: Vec<&Value> = rows.iter().filter(|r| r["kind"] == "comment").collect();
    assert_eq!((&row["state"], notes.len()), (&json!("dispatched"), 1));
    assert_eq!(notes[0]["body"]["text"], "【处置链接】不是我们管：是市场的");

    said_twice_is_one_feedback(&town, case, (&link, &url), &form);

    // The unit sees how often, and nobody sees who.
    let list = town.unit.get(&format!("/v1/cases/{case}/work-links")).ok();
    assert_eq!((&list["items"][0]["opened"], &list["items"][0]["link_id"]), (&json!(2), &json!(link)));
    links_that_open_nothing(&mut town);
}

/// Done, and again: one feedback, whose photo is kept without where it was taken.
fn said_twice_is_one_feedback(town: &Town, case: CaseId, (link, url): (&str, &str), form: &str) {
    let whole = picture(2);
    // Done, and again with the same form: one feedback, one photo, all its bytes here, without where it was taken.
    for _ in 0..2 {
        let answer = submit(url, form, "done", "已清走", Some(&whole));
        let said = words(&answer);
        assert!(answer.status == 200 && said.contains("等待核查"), "{} {said}", answer.status);
    }
    let (row, rows) = town.case(case);
    let back = &row["feed_back"];
    assert_eq!(
        (&row["state"], &back["by_link"], &back["text"]),
        (&json!("fed_back"), &json!(link), &json!("已清走"))
    );
    let after: Vec<&Value> =
        rows.iter().filter(|r| r["kind"] == "photo" && r["body"]["role"] == "after").collect();
    assert_eq!((after.len(), back["photos"].as_array().map(Vec::len)), (1, Some(1)));
    assert_eq!((&after[0]["body"]["for_op"], &after[0]["body"]["position"]), (&back["op_id"], &Value::Null));
    assert_eq!(row["media"], json!({"n": 2, "m": 2, "k": 1}));
    let original = format!("/v1/photos/{}/original", after[0]["body"]["photo_id"].as_str().expect("an id"));
    let kept = send("GET", &format!("{}{original}", town.house.base), &[("cookie", &town.desk)], b"");
    assert!(kept.status == 200 && !kept.body.windows(4).any(|w| w == b"Exif"), "no trail in the picture");
    let timeline =
        send("GET", &format!("{}/v1/cases/{case}/timeline", town.house.base), &[("cookie", &town.desk)], b"");
    let kinds: Vec<Value> =
        timeline.ok()["items"].as_array().expect("ops").iter().map(|o| o["kind"].clone()).collect();
    assert_eq!(kinds.iter().filter(|k| **k == "feed_back").count(), 1, "{kinds:?}");
    assert!(words(&open(url)).contains("已反馈"));
    // Another photo now is too late for the move, and is kept.
    let late = submit(url, form, "done", "", Some(&picture(3)));
    assert!(late.status == 409 && words(&late).contains("已作为备注留下"), "{}", late.status);
}

/// Revoked, expired, of an earlier round, of a closed case, made up, of strangers, and too often.
fn links_that_open_nothing(town: &mut Town) {
    let case = town.dispatched(4);
    let (link, url) = town.link(case);
    let (expired, old) = town.link(case);
    let said = |url: &str, status: u16, text: &str| {
        let answer = open(url);
        let page = words(&answer);
        assert!(answer.status == status && page.contains(text), "{} {text}: {page}", answer.status);
        let form = submit(url, &new_op_id().to_string(), "done", "", Some(&picture(5)));
        // What was done while the case waits is honest work: kept as a note, it moves nothing.
        let told = words(&form);
        let kept = status == 409 && told.contains("已作为备注留下");
        assert!(form.status == status && (told.contains(text) || kept), "{} {text}: {told}", form.status);
    };
    assert_eq!(
        town.worker.post(&format!("/v1/cases/{case}/work-links"), &json!({})).status,
        403,
        "no clerk of the unit"
    );
    let gone = town.unit.send("DELETE", &format!("/v1/cases/{case}/work-links/{link}"), &[], b"");
    assert_eq!(gone.status, 204);
    said(&url, 410, "已作废");
    town.house.sql("UPDATE work_links SET expires_ms = created_ms WHERE revoked_ms IS NULL AND opened = 0");
    said(&old, 410, "已过期");
    let _ = expired;
    let made_up = format!("{}x", &url[..url.len() - 1]);
    said(&made_up, 404, "没有这个链接");

    // Dispatched anew, to another unit: the first unit's link is of an earlier round.
    let (_, url) = town.link(case);
    let ask = json!({"reason": "other_duty", "basis": "市场管理办法第八条", "owner": "market"});
    let op = town.unit.op("request_return", Some(case), &ask);
    assert_eq!(town.unit.push(&[op])["verdicts"][0]["verdict"], "applied");
    said(&url, 409, "案件暂停");
    town.act(case, "rule_return", &json!({"ruling": "uphold", "lead": "market", "text": "归市场"}));
    said(&url, 409, "已重新派遣");
    assert_eq!(town.case(case).0["state"], "dispatched", "nothing of it moved the case");

    let case = town.dispatched(6);
    let (_, url) = town.link(case);
    let op = town.unit.op("feed_back", Some(case), &json!({"text": "已清运"}));
    town.unit.push(&[op]);
    town.act(case, "close", &json!({"reason": "minor"}));
    said(&url, 410, "已经了结");

    // Somebody who holds the button down is told to wait; another link goes on.
    let case = town.dispatched(7);
    let ((_, url), (_, other)) = (town.link(case), town.link(case));
    let refused = (0..200).map(|_| open(&url)).find(|a| a.status == 429).expect("a limit");
    assert!(refused.header("retry-after").is_some() && words(&refused).contains("请等一分钟"));
    assert_eq!(open(&other).status, 200);
}

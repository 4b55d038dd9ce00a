//! Lists out and in with a real spreadsheet library on the other side (openpyxl): findings with photos become cases, a
//! 整改清单 goes out, is changed, reordered and brought back.

use crate::house::TestHouse;
use crate::photos::picture;
use crate::raw::{Answer, new_op_id, send, send_json};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs the script of the other side; gives what it prints.
pub(crate) fn openpyxl(words: &[&str], input: &str) -> String {
    let python = here("../target/ci-tools/openpyxl/bin/python");
    assert!(python.exists(), "openpyxl is not installed: run `cargo xtask setup` first");
    let mut child = Command::new(python)
        .arg(here("openpyxl/sheet.py"))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python runs");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("written");
    let done = child.wait_with_output().expect("ended");
    assert!(done.status.success(), "{words:?}");
    String::from_utf8(done.stdout).expect("text")
}

/// Somebody at a desk.
pub(crate) struct Desk<'h> {
    pub(crate) house: &'h TestHouse,
    pub(crate) cookie: String,
}

impl Desk<'_> {
    pub(crate) fn send(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
        let headers =
            [("cookie", self.cookie.as_str()), ("origin", self.house.base.as_str()), ("content-type", kind)];
        send(method, &format!("{}{path}", self.house.base), &headers, body)
    }
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", b"")
    }
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let headers = [("cookie", self.cookie.as_str()), ("origin", self.house.base.as_str())];
        send_json(method, &format!("{}{path}", self.house.base), &headers, body).ok()
    }
    pub(crate) fn act(&self, case: &str, kind: &str, payload: &Value) -> Value {
        let op = json!({"op_id": new_op_id(), "kind": kind, "payload": payload});
        self.ask("POST", &format!("/v1/cases/{case}/ops"), &op)
    }
}

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const TITLES: &str = "序号 短号 问题来源 发现时间 镇街 社区(村) 具体位置 问题描述 对应小项 整改前照片 责任单位 责任人 \
                      联系电话 整改措施 整改时限 整改进展 整改后照片 完成时间 核查人 是否销号 备注";

/// The results of the cells that were told of, as `短号 列 结果`, sorted.
fn told(report: &Value) -> Vec<String> {
    let cells = report["cells"].as_array().expect("cells").iter();
    let text = |v: &Value| v.as_str().unwrap_or("").to_owned();
    let mut all: Vec<String> = cells
        .map(|c| format!("{} {} {}", text(&c["short"]), text(&c["column"]), text(&c["result"])))
        .collect();
    all.sort();
    all
}

#[test]
#[expect(clippy::too_many_lines, reason = "one file on its way out, and back")]
fn shown_life_sheet() {
    let house = TestHouse::start_with_city();
    let desk = Desk { house: &house, cookie: house.desk("sup", "supervisor").1 };
    let dir = tempfile::tempdir().expect("a folder");
    let path = |name: &str| dir.path().join(name).display().to_string();
    let [(first, _), (second, _), (elsewhere, _)] = house.three_places();

    // The report of a covert visit: two photos, one that is missing, one line that cannot be read.
    for n in 1..=2 {
        std::fs::write(dir.path().join(format!("{n}.jpg")), picture(n)).expect("a photo");
    }
    let lines = json!([
        [1, "2026-11-20 09:30", null, first, "菜场北门", "暴露垃圾", "1.jpg、2.jpg"],
        [2, "2026-11-20", null, second, null, "'=HYPERLINK(\"http://x\")小广告", null],
        [3, "2026年11月21日", null, elsewhere, "后巷", "污水外溢", "3.jpg"],
        [4, "昨天", null, first, "桥下", "乱堆杂物", null]
    ]);
    openpyxl(&["findings", &path("found.zip"), &path("1.jpg"), &path("2.jpg")], &lines.to_string());
    let found = std::fs::read(path("found.zip")).expect("the archive");
    let import = |body: &[u8]| desk.send("POST", "/v1/imports/findings", "application/zip", body).ok();
    let report = import(&found);
    println!("findings: {report}");
    let counts =
        |r: &Value| ["taken", "seen_before", "rejected", "photos"].map(|k| r[k].as_u64().expect("a number"));
    assert_eq!(counts(&report), [3, 0, 1, 2]);
    let problems: Vec<u64> =
        report["problems"].as_array().expect("problems").iter().filter_map(|p| p["line"].as_u64()).collect();
    assert_eq!(problems, [6, 5], "the line that cannot be read, the photo that is not there");
    assert_eq!(counts(&import(&found)), [0, 3, 1, 0], "the same list again changes nothing");
    let cases: Vec<String> = report["cases"]
        .as_array()
        .expect("cases")
        .iter()
        .map(|c| c["case_id"].as_str().expect("an id").to_owned())
        .collect();
    for case in &cases {
        assert_eq!(desk.act(case, "file", &json!({"reason": "valid"}))["verdict"], "applied");
    }

    let export = || {
        let answer = desk.get("/v1/exports/rectification?photos=true");
        answer.ok();
        assert_eq!(answer.header("content-type"), Some(XLSX));
        answer.body
    };
    std::fs::write(path("out.xlsx"), export()).expect("a file");
    let sheets: Value = serde_json::from_str(&openpyxl(&["read", &path("out.xlsx")], "")).expect("sheets");
    let sheets = sheets.as_array().expect("sheets");
    assert_eq!(sheets.len(), 4, "all, two towns, and what they went out from");
    for sheet in &sheets[..3] {
        assert_eq!(sheet["header"], json!(TITLES.split_whitespace().collect::<Vec<_>>()));
        assert_eq!(
            (&sheet["orientation"], sheet["paper"].to_string().trim_matches('"'), &sheet["repeat"]),
            (&json!("landscape"), "9", &json!("$1:$1"))
        );
        assert_eq!(sheet["formulas"], 0, "nothing in it is a formula");
    }
    assert_eq!((&sheets[0]["name"], &sheets[3]["state"]), (&json!("汇总"), &json!("veryHidden")));
    assert_eq!(
        sheets[0]["pictures"].as_array().map(Vec::len),
        Some(1),
        "one wide picture fits beside the other column"
    );
    let rows: Vec<&Vec<Value>> =
        sheets[0]["rows"].as_array().expect("rows").iter().filter_map(Value::as_array).collect();
    let short = |words: &str| {
        let row = rows.iter().find(|r| r[7].as_str().is_some_and(|t| t.contains(words)));
        row.unwrap_or_else(|| panic!("{words}: {rows:?}"))[1].as_str().expect("a number").to_owned()
    };
    let (rubbish, posters, sewage) = (short("暴露垃圾"), short("小广告"), short("污水外溢"));
    let town = sheets[1]["name"].as_str().expect("a name");
    let town_of = |short: &str| {
        let holds = |s: &&Value| s["rows"].as_array().is_some_and(|r| r.iter().any(|r| r[1] == short));
        sheets[1..3].iter().find(holds).expect("a sheet")["name"].as_str().expect("a name").to_owned()
    };

    let bring = |name: &str| {
        let file = std::fs::read(path(name)).expect("a file");
        desk.send("POST", "/v1/imports/rectification", XLSX, &file).ok()
    };
    openpyxl(&["touch", &path("out.xlsx"), &path("same.xlsx")], "");
    for name in ["out.xlsx", "same.xlsx"] {
        let report = bring(name);
        assert_eq!((&report["lines"], &report["unchanged"]), (&json!(3), &json!(3)), "{name}: {report}");
        assert_eq!(report["cells"], json!([]));
    }

    // While the file is away, somebody at the desk changes one of the cells.
    let case_of = |words: &str| {
        let all = desk.ask("GET", "/v1/cases", &Value::Null);
        let found = all["items"]
            .as_array()
            .expect("cases")
            .iter()
            .find(|c| c["fields"]["description"].as_str().is_some_and(|t| t.contains(words)));
        found.map(|c| c["case_id"].as_str().expect("an id").to_owned()).expect("the case")
    };
    let (sewage_case, rubbish_case) = (case_of("污水外溢"), case_of("暴露垃圾"));
    let meanwhile = json!({"changes": {"description": {"from": "污水外溢", "to": "污水外溢，井盖松动"}}});
    desk.act(&sewage_case, "edit", &meanwhile);
    let changes = json!({
        "set": [
            [town_of(&rubbish), rubbish, "具体位置", "菜场北门东侧"],
            [town_of(&rubbish), rubbish, "整改措施", "每天清两次"],
            [town_of(&sewage), sewage, "问题描述", "污水外溢到路面"],
            ["汇总", posters, "备注", "@已约谈"],
            ["汇总", posters, "责任单位", "别的单位"],
        ],
        "reverse": town,
        "add": [["汇总", {"镇街": town_of(&rubbish), "具体位置": "公园", "问题描述": "座椅破损"}]]
    });
    openpyxl(&["edit", &path("out.xlsx"), &path("back.xlsx"), &changes.to_string()], "");
    let words =
        ["import", "rectification", "--file", &path("back.xlsx"), "--as", "sup", "--dry-run", "--json"];
    let dry = house.command(&words).output().expect("the command line");
    assert!(dry.status.success(), "{}", String::from_utf8_lossy(&dry.stderr));
    let dry: Value = serde_json::from_slice(&dry.stdout).expect("JSON");
    assert_eq!(dry["results"], json!({"planned": 3, "conflict": 1, "read_only": 1, "new_line": 1}), "{dry}");

    let report = bring("back.xlsx");
    println!("brought back: {}", serde_json::to_string_pretty(&report).expect("JSON"));
    let mut want = vec![
        format!("{rubbish} 具体位置 applied"),
        format!("{rubbish} 整改措施 applied"),
        format!("{sewage} 问题描述 conflict"),
        format!("{posters} 备注 applied"),
        format!("{posters} 责任单位 read_only"),
        " 问题描述 new_line".to_owned(),
    ];
    want.sort();
    assert_eq!(told(&report), want);
    let detail = |case: &str| desk.ask("GET", &format!("/v1/cases/{case}"), &Value::Null);
    let row = |detail: &Value, kind: &str| {
        let rows = detail["rows"].as_array().expect("rows").iter();
        rows.filter(|r| r["kind"] == kind).map(|r| r["body"].clone()).collect::<Vec<_>>()
    };
    let landed = detail(&rubbish_case);
    assert_eq!(row(&landed, "case")[0]["fields"]["landmark"], "菜场北门东侧");
    assert_eq!(row(&landed, "comment")[0]["text"], "整改措施：每天清两次");
    let conflict = &row(&detail(&sewage_case), "conflict")[0];
    assert_eq!(
        (&conflict["kept"], &conflict["lost"]),
        (&json!("污水外溢到路面"), &json!("污水外溢，井盖松动")),
        "both stand until a person chooses"
    );

    let before: Vec<Value> = cases.iter().map(|c| detail(c)).collect();
    let again = bring("back.xlsx");
    assert_eq!(again["results"], json!({"already": 4, "read_only": 1, "new_line": 1}), "{again}");
    let after: Vec<Value> = cases.iter().map(|c| detail(c)).collect();
    assert_eq!(before, after, "the same file again changes nothing");

    let log = house.admin("GET", "/v1/audit?limit=500", &Value::Null).ok();
    let of = |action: &str| {
        let rows = log["items"].as_array().expect("rows").iter().filter(|r| r["action"] == action);
        rows.count()
    };
    assert_eq!((of("export_rectification"), of("import_rectification"), of("import_findings")), (1, 4, 2));
}

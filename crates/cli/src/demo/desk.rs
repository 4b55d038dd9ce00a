//! A person at a desk: signs in over HTTP with a password, lists cases, gives ops. Knows the public interface only.

use crate::clock::{OsRandom, wall_ms};
use crate::out::{Done, Failure, Tried as _};
use crate::session::Session;
use blindspot_core::case::Case;
use blindspot_core::verdict::Verdict;
use blindspot_core::wire::v1::VerdictEntry;
use blindspot_core::{CaseId, OpId, PhotoId};
use serde_json::{Value, json};

/// See the module text.
pub(crate) struct Desk {
    session: Session,
}

impl Desk {
    /// Signs in.
    pub(crate) fn sign_in(base: &str, login: &str, password: &str) -> Done<Self> {
        Ok(Self { session: Session::sign_in(base, login, password, 30)? })
    }

    fn get(&self, path: &str) -> Done<Value> {
        let answer = self.session.send("GET", path, None)?;
        serde_json::from_slice(&answer.body).tried("回答不是 JSON", "the answer is not JSON")
    }

    /// Every case the desk may see, page by page.
    pub(crate) fn cases(&self) -> Done<Vec<Case>> {
        let mut cases = Vec::new();
        let mut path = "/v1/cases?limit=200".to_owned();
        loop {
            let page = self.get(&path)?;
            for item in page["items"].as_array().into_iter().flatten() {
                let body = item.get("case").unwrap_or(item);
                let case =
                    serde_json::from_value(body.clone()).tried("案件读不出来", "a case cannot be read")?;
                cases.push(case);
            }
            match page["next"].as_str() {
                Some(next) => path = format!("/v1/cases?limit=200&cursor={next}"),
                None => return Ok(cases),
            }
        }
    }

    /// One case with its rows.
    pub(crate) fn case(&self, id: CaseId) -> Done<Value> {
        self.get(&format!("/v1/cases/{id}"))
    }

    /// Does something to a case; anything but a taken effect is a failure.
    pub(crate) fn act(&self, case: &Case, kind: &str, payload: &Value) -> Done<OpId> {
        let mut random = [0u8; 10];
        OsRandom::bytes(&mut random);
        let op_id = OpId::from_parts(wall_ms(), random);
        let body = json!({"op_id": op_id, "kind": kind, "payload": payload,
            "expected_state": case.state, "round": case.round});
        let answer = self.session.send("POST", &format!("/v1/cases/{}/ops", case.case_id), Some(&body))?;
        let entry: VerdictEntry =
            serde_json::from_slice(&answer.body).tried("回答不是判定", "the answer is no verdict")?;
        match entry.verdict {
            Verdict::Applied | Verdict::Merged { .. } => Ok(op_id),
            other => Err(Failure::new(
                format!("{kind} 没有生效：{other:?}"),
                format!("{kind} took no effect: {other:?}"),
            )),
        }
    }

    /// The bytes of a photo's thumbnail.
    pub(crate) fn thumbnail(&self, photo: PhotoId) -> Done<Vec<u8>> {
        self.session.send("GET", &format!("/v1/photos/{photo}/thumbnail"), None).map(|a| a.body)
    }
}

//! Who may call which route: the one table. The extractor `http::caller::Caller` holds every call to it, the
//! description in `openapi` prints it, the tests walk it. A route without a row is closed to everybody.
//!
//! Says nothing of what a caller sees there: cases and photos are judged one by one, by the caller's scope.

use blindspot_core::access::Role;

/// What a caller must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nobody in particular; some of these take a proof of their own in the body.
    Anonymous,
    /// A phone with its token, or a desk with its session.
    SignedIn,
    /// Somebody who holds `Administrator` now.
    Administrator,
    /// Somebody who holds `Supervisor` or `Administrator` now.
    Supervisor,
    /// Somebody who holds `Auditor` or `Administrator` now.
    Auditor,
    /// Somebody who oversees units: leaders of both centres, inspectors, auditors, administrators.
    Overseer,
    /// Somebody who may see who was drawn for checks: `Supervisor`, `Auditor` or `Administrator`.
    Reviewer,
    /// A hotline clerk.
    Hotline,
    /// Whoever reads tickets: hotline clerks, the filing desk, the supervision centre.
    HotlineReader,
    /// The deputy head of the command centre.
    DeputyHead,
    /// Whoever looks at what was fixed on the spot: the filing desk, the supervision centre.
    FilingDesk,
    /// A leader linked to places 挂钩领导.
    LinkedLeader,
    /// Whoever may bring in a list of findings: desks and inspectors.
    Importer,
}

impl Needs {
    /// The word in the description and in `cargo xtask routes`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Needs::Anonymous => "anonymous",
            Needs::SignedIn => "signed_in",
            Needs::Administrator => "administrator",
            Needs::Supervisor => "supervisor",
            Needs::Auditor => "auditor",
            Needs::Overseer => "overseer",
            Needs::Reviewer => "reviewer",
            Needs::Hotline => "hotline",
            Needs::HotlineReader => "hotline_reader",
            Needs::DeputyHead => "deputy_head",
            Needs::FilingDesk => "filing_desk",
            Needs::LinkedLeader => "linked_leader",
            Needs::Importer => "importer",
        }
    }

    /// Roles of which one must be held; `None` when none is asked.
    #[must_use]
    pub fn roles(self) -> Option<&'static [Role]> {
        match self {
            Needs::Anonymous | Needs::SignedIn => None,
            Needs::Administrator => Some(&[Role::Administrator]),
            Needs::Supervisor => Some(&[Role::Supervisor, Role::Administrator]),
            Needs::Auditor => Some(&[Role::Auditor, Role::Administrator]),
            Needs::Overseer => Some(OVERSEERS),
            Needs::Reviewer => Some(&[Role::Supervisor, Role::Auditor, Role::Administrator]),
            Needs::Hotline => Some(&[Role::HotlineClerk]),
            Needs::HotlineReader => Some(&[Role::HotlineClerk, Role::FilingDesk, Role::Supervisor]),
            Needs::DeputyHead => Some(&[Role::DeputyHead]),
            Needs::FilingDesk => Some(&[Role::FilingDesk, Role::Supervisor]),
            Needs::LinkedLeader => Some(&[Role::LinkedLeader]),
            Needs::Importer => Some(IMPORTERS),
        }
    }
}

/// Who reads what ranks units and desks.
pub(crate) const OVERSEERS: &[Role] = &[
    Role::Supervisor,
    Role::DutyLeader,
    Role::DeputyHead,
    Role::Inspector,
    Role::Auditor,
    Role::Administrator,
];
/// Who may bring in a list of findings.
pub(crate) const IMPORTERS: &[Role] = &[
    Role::FilingDesk,
    Role::Supervisor,
    Role::Inspector,
    Role::HotlineClerk,
    Role::Dispatcher,
    Role::DutyLeader,
    Role::DeputyHead,
];

/// One row: method, path as the router writes it, who.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path, with `{name}` for what varies.
    pub path: &'static str,
    /// What a caller must be.
    pub needs: Needs,
}

const fn rule(method: &'static str, path: &'static str, needs: Needs) -> Rule {
    Rule { method, path, needs }
}

/// The table.
pub const RULES: &[Rule] = &[
    rule("GET", "/livez", Needs::Anonymous),
    rule("GET", "/readyz", Needs::Anonymous),
    rule("GET", "/version", Needs::Anonymous),
    rule("GET", "/metrics", Needs::Anonymous),
    rule("GET", "/openapi.json", Needs::Anonymous),
    rule("GET", "/docs", Needs::Anonymous),
    rule("GET", "/docs/", Needs::Anonymous),
    rule("GET", "/docs/{file}", Needs::Anonymous),
    rule("GET", "/docs/problems", Needs::Anonymous),
    rule("POST", "/v1/sandbox/reset", Needs::Anonymous),
    rule("GET", "/setup", Needs::Anonymous),
    rule("GET", "/start", Needs::Anonymous),
    rule("GET", "/start/{file}", Needs::Anonymous),
    rule("POST", "/v1/setup", Needs::Anonymous),
    rule("POST", "/v1/devices/enrol", Needs::Anonymous),
    rule("POST", "/v1/token/refresh", Needs::Anonymous),
    rule("POST", "/v1/token/hand-in/nonce", Needs::Anonymous),
    rule("POST", "/v1/token/hand-in", Needs::Anonymous),
    rule("POST", "/v1/sessions", Needs::Anonymous),
    rule("GET", "/v1/sessions", Needs::SignedIn),
    rule("DELETE", "/v1/sessions", Needs::SignedIn),
    rule("GET", "/v1/me", Needs::SignedIn),
    rule("POST", "/v1/me/password", Needs::SignedIn),
    rule("GET", "/v1/me/sessions", Needs::SignedIn),
    rule("DELETE", "/v1/me/sessions/{id}", Needs::SignedIn),
    rule("POST", "/v1/sync/push", Needs::SignedIn),
    rule("POST", "/v1/sync/pull", Needs::SignedIn),
    rule("POST", "/v1/sync/hand-in", Needs::SignedIn),
    rule("GET", "/v1/events", Needs::SignedIn),
    rule("OPTIONS", "/v1/photos", Needs::Anonymous),
    rule("POST", "/v1/photos", Needs::SignedIn),
    rule("OPTIONS", "/v1/photos/{id}", Needs::Anonymous),
    rule("HEAD", "/v1/photos/{id}", Needs::SignedIn),
    rule("PATCH", "/v1/photos/{id}", Needs::SignedIn),
    rule("DELETE", "/v1/photos/{id}", Needs::SignedIn),
    rule("GET", "/v1/photos/{id}/{form}", Needs::SignedIn),
    rule("POST", "/v1/photos/lacking", Needs::SignedIn),
    rule("GET", "/v1/after-restore", Needs::Supervisor),
    rule("GET", "/v1/cases", Needs::SignedIn),
    rule("GET", "/v1/cases/counters", Needs::SignedIn),
    rule("POST", "/v1/cases/take-next", Needs::SignedIn),
    rule("POST", "/v1/cases/bulk", Needs::SignedIn),
    rule("POST", "/v1/cases/{id}/lease", Needs::SignedIn),
    rule("DELETE", "/v1/cases/{id}/lease", Needs::SignedIn),
    rule("GET", "/v1/cases/{id}", Needs::SignedIn),
    rule("GET", "/v1/cases/{id}/timeline", Needs::SignedIn),
    rule("POST", "/v1/cases/{id}/ops", Needs::SignedIn),
    rule("GET", "/v1/cases/{id}/advice", Needs::SignedIn),
    rule("POST", "/v1/duty", Needs::Administrator),
    rule("GET", "/v1/calendars", Needs::SignedIn),
    rule("PUT", "/v1/calendars", Needs::Administrator),
    rule("GET", "/v1/duty/gaps", Needs::Overseer),
    rule("PUT", "/v1/roster", Needs::Supervisor),
    rule("GET", "/v1/roster", Needs::Supervisor),
    rule("GET", "/v1/draws/{day}", Needs::Reviewer),
    rule("POST", "/v1/pauses", Needs::DeputyHead),
    rule("GET", "/v1/pauses", Needs::SignedIn),
    rule("GET", "/v1/ledger", Needs::Overseer),
    rule("GET", "/v1/ledger/sum", Needs::Overseer),
    rule("GET", "/v1/hotline", Needs::HotlineReader),
    rule("POST", "/v1/hotline", Needs::Hotline),
    rule("GET", "/v1/hotline/{no}/caller", Needs::Hotline),
    rule("DELETE", "/v1/hotline/{no}/caller", Needs::Supervisor),
    rule("POST", "/v1/hotline/{no}/reply", Needs::Hotline),
    rule("POST", "/v1/hotline/{no}/call-back", Needs::Hotline),
    rule("GET", "/v1/cases/{id}/work-links", Needs::SignedIn),
    rule("POST", "/v1/cases/{id}/work-links", Needs::SignedIn),
    rule("DELETE", "/v1/cases/{id}/work-links/{link}", Needs::SignedIn),
    rule("GET", "/w/{token}", Needs::Anonymous),
    rule("POST", "/w/{token}", Needs::Anonymous),
    rule("GET", "/w/{token}/photos/{photo}", Needs::Anonymous),
    rule("GET", "/v1/exports/rectification", Needs::SignedIn),
    rule("GET", "/v1/exports/cases", Needs::SignedIn),
    rule("GET", "/v1/cases/{id}/dossier", Needs::SignedIn),
    rule("POST", "/v1/imports/rectification", Needs::SignedIn),
    rule("POST", "/v1/imports/findings", Needs::Importer),
    rule("POST", "/v1/letters", Needs::SignedIn),
    rule("GET", "/v1/letters", Needs::SignedIn),
    rule("GET", "/v1/letters/{id}", Needs::SignedIn),
    rule("GET", "/v1/letters/{id}/page", Needs::SignedIn),
    rule("POST", "/v1/letters/{id}/void", Needs::SignedIn),
    rule("POST", "/v1/letters/{id}/receipt", Needs::SignedIn),
    rule("GET", "/v1/looks", Needs::SignedIn),
    rule("GET", "/v1/freshness", Needs::SignedIn),
    rule("GET", "/v1/freshness/unseen", Needs::SignedIn),
    rule("GET", "/v1/self-fixed", Needs::FilingDesk),
    rule("GET", "/v1/clusters", Needs::SignedIn),
    rule("GET", "/v1/sites/{id}/history", Needs::SignedIn),
    rule("GET", "/v1/me/places", Needs::LinkedLeader),
    rule("GET", "/v1/me/month", Needs::SignedIn),
    rule("GET", "/v1/me/month/file", Needs::SignedIn),
    rule("GET", "/v1/reference/{kind}", Needs::SignedIn),
    rule("GET", "/v1/people", Needs::Administrator),
    rule("POST", "/v1/people", Needs::Administrator),
    rule("GET", "/v1/people/{id}", Needs::Administrator),
    rule("PATCH", "/v1/people/{id}", Needs::Administrator),
    rule("POST", "/v1/people/{id}/grants", Needs::Administrator),
    rule("POST", "/v1/people/{id}/enrol-codes", Needs::Administrator),
    rule("POST", "/v1/people/{id}/password-reset", Needs::Administrator),
    rule("GET", "/v1/people/{id}/sessions", Needs::Administrator),
    rule("DELETE", "/v1/people/{id}/sessions", Needs::Administrator),
    rule("DELETE", "/v1/people/{id}/sessions/{session}", Needs::Administrator),
    rule("DELETE", "/v1/grants/{id}", Needs::Administrator),
    rule("GET", "/v1/devices", Needs::Administrator),
    rule("POST", "/v1/devices/{id}/revoke", Needs::Administrator),
    rule("GET", "/v1/audit", Needs::Auditor),
    rule("GET", "/v1/notices", Needs::Administrator),
    rule("GET", "/v1/notices/channels", Needs::Administrator),
    rule("POST", "/v1/notices/channels", Needs::Administrator),
    rule("PATCH", "/v1/notices/channels/{id}", Needs::Administrator),
    rule("DELETE", "/v1/notices/channels/{id}", Needs::Administrator),
    rule("POST", "/v1/notices/channels/{id}/test", Needs::Administrator),
    rule("GET", "/v1/orphans", Needs::Administrator),
    rule("POST", "/v1/orphans/ops/{op_id}/{hash}", Needs::Administrator),
    rule("POST", "/v1/orphans/photos/{id}", Needs::Administrator),
    rule("GET", "/v1/quarantine", Needs::Administrator),
    rule("GET", "/v1/quarantine/{op_id}/{hash}", Needs::Administrator),
    rule("POST", "/v1/quarantine/{op_id}/{hash}/replay", Needs::Administrator),
    rule("POST", "/v1/quarantine/{op_id}/{hash}/edit", Needs::Administrator),
    rule("POST", "/v1/quarantine/{op_id}/{hash}/note", Needs::Administrator),
    rule("POST", "/v1/quarantine/{op_id}/{hash}/dismiss", Needs::Administrator),
];

/// What a route needs; HEAD of a route that only answers GET is its GET.
#[must_use]
pub fn needs(method: &str, path: &str) -> Option<Needs> {
    let find = |method: &str| RULES.iter().find(|r| r.method == method && r.path == path).map(|r| r.needs);
    find(method).or_else(|| if method == "HEAD" { find("GET") } else { None })
}

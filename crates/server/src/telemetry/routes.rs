//! Latency and answers by route. A route is found by what the policy table says of it, so that a request allocates
//! nothing and no caller can invent labels.

use crate::policy::RULES;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds of latency, seconds: from a cached read to a long poll.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: &'static str,
    route: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    method: &'static str,
    route: &'static str,
    class: &'static str,
}

struct One {
    method: &'static str,
    path: &'static str,
    seconds: Histogram,
    answers: [Counter; CLASSES.len()],
}

/// See the module text.
pub struct Routes {
    all: Vec<One>,
    /// Everything that is no route.
    other: One,
}

impl Routes {
    /// One of each for every row of the policy table.
    pub(super) fn new(registry: &mut Registry) -> Self {
        let seconds = Family::<Route, Histogram>::new_with_constructor(|| Histogram::new(SECONDS));
        let answers = Family::<Answer, Counter>::default();
        let one = |method, path| One {
            method,
            path,
            seconds: seconds.get_or_create(&Route { method, route: path }).clone(),
            answers: CLASSES
                .map(|class| answers.get_or_create(&Answer { method, route: path, class }).clone()),
        };
        let all = RULES.iter().map(|rule| one(rule.method, rule.path)).collect();
        let other = one("other", "other");
        registry.register(
            "http_request_seconds",
            "From the head of a request to the head of its answer",
            seconds,
        );
        registry.register("http_answers", "Answers by class of status", answers);
        Self { all, other }
    }

    /// Counts an answer.
    pub fn answered(&self, method: &str, path: Option<&str>, status: u16, seconds: f64) {
        let of = |path| self.all.iter().find(|one| one.path == path && one.method == method);
        let one = path.and_then(of).unwrap_or(&self.other);
        one.seconds.observe(seconds);
        let class = usize::from(status / 100).clamp(2, 5) - 2;
        one.answers[class].inc();
    }
}

//! What is told of a work: one line, as JSON or as words. Knows no work.

use serde::Serialize;
use serde_json::{Map, Value};

/// The figures of one work. `None` is left out.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Line {
    /// `w1`, `w1_20`, `w1_single`, `w2_full`, `w2_delta`, `w3`, `w4`, ...
    pub(crate) work: &'static str,
    /// `sqlite` or `postgres`.
    pub(crate) engine: &'static str,
    /// Median of the runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ops_per_s: Option<f64>,
    /// For one whole thing, to the last byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seconds: Option<f64>,
    /// Pulls a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pulls_per_s: Option<f64>,
    /// Photo bytes, megabytes (10^6) a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mb_per_s: Option<f64>,
    /// Median of a request, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50_ms: Option<f64>,
    /// Of a hundred requests, the slowest but one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p99_ms: Option<f64>,
    /// CPU seconds of the server, user and system.
    pub(crate) server_cpu_s: f64,
    /// The same for a thousand of what was counted, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server_cpu_ms_per_1000: Option<f64>,
    /// CPU seconds of a database that is a server: all its processes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) db_cpu_s: Option<f64>,
    /// The same for a thousand of what was counted, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) db_cpu_ms_per_1000: Option<f64>,
    /// Peak memory of the server, megabytes.
    pub(crate) peak_rss_mb: f64,
    /// Both directions, heads included.
    pub(crate) bytes_wire: u64,
    /// What the machine itself did in the same run, in the unit of the work's rate.
    pub(crate) limit: f64,
    /// What that limit is.
    pub(crate) limit_is: &'static str,
    /// Lowest and highest of the runs, and what else is worth telling.
    #[serde(flatten)]
    pub(crate) more: Map<String, Value>,
}

impl Line {
    /// One more figure.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }
}

/// Tells lines as they come.
pub(crate) struct Report {
    json: bool,
    told: usize,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, told: 0 }
    }

    pub(crate) fn tell(&mut self, line: &Line) {
        let value = serde_json::to_value(line).unwrap_or_default();
        self.tell_row(line.work, &value);
    }

    /// A line whose fields are its own.
    pub(crate) fn tell_row(&mut self, name: &str, value: &Value) {
        self.told += 1;
        let rounded = rounded(value.clone());
        if self.json {
            println!("{rounded}");
            return;
        }
        let Some(fields) = rounded.as_object() else { return };
        println!("{name}");
        for (name, value) in fields.iter().filter(|(name, _)| *name != "work") {
            println!("  {name:<26}{}", value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
    }

    pub(crate) fn end(&self) {
        if !self.json {
            println!("{} 项 works", self.told);
        }
    }
}

/// Three places are more than such a machine repeats.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(n) if n.is_f64() => {
            let x = n.as_f64().unwrap_or(0.0);
            let step = if x.abs() >= 1000.0 { 1.0 } else { 1000.0 };
            Value::from((x * step).round() / step)
        }
        Value::Object(map) => Value::Object(map.into_iter().map(|(k, v)| (k, rounded(v))).collect()),
        Value::Array(list) => Value::Array(list.into_iter().map(rounded).collect()),
        other => other,
    }
}

/// The value below which `share` of the sorted values lie, milliseconds.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    if sorted.is_empty() {
        return 0.0;
    }
    let at = (share * sorted.len() as f64).ceil() as usize;
    sorted[at.clamp(1, sorted.len()) - 1]
}

/// Lowest, median, highest.
pub(crate) fn spread(values: &mut [f64]) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (values.first().copied().unwrap_or(0.0), quantile(values, 0.5), values.last().copied().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let sorted: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(quantile(&sorted, 0.5), 100.0);
        assert_eq!(quantile(&sorted, 0.99), 198.0);
        assert_eq!(quantile(&[7.0], 0.99), 7.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
        assert_eq!(spread(&mut [3.0, 1.0, 2.0]), (1.0, 2.0, 3.0));
    }

    #[test]
    fn a_line_has_its_names_and_leaves_out_what_it_has_not() {
        let line = Line { work: "w1", ops_per_s: Some(20_000.4), ..Line::default() }.with("runs", 3);
        let value = rounded(serde_json::to_value(&line).expect("plain numbers"));
        assert_eq!(value["ops_per_s"], 20_000.0);
        assert_eq!(value["runs"], 3);
        assert!(value.get("seconds").is_none());
    }
}

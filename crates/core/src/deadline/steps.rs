//! What moves the end of a clock: a hang, more time, a rework, a pause of the city. Each leaves a step, so that a clock
//! explains itself.

use super::Due;
use crate::id::PauseId;
use serde::{Deserialize, Serialize};

crate::open_enum! {
    /// What moved the end.
    pub enum StepKind {
        /// Ran on after hanging.
        Resumed = "resumed",
        /// 延期
        Extended = "extended",
        /// 返工
        Again = "again",
        /// 全市暂停
        CityPause = "city_pause",
    }
}

impl StepKind {
    /// In words: Chinese, English.
    #[must_use]
    pub fn text(&self) -> (&str, &str) {
        match self {
            StepKind::Resumed => ("恢复处置", "resumed"),
            StepKind::Extended => ("延期", "extended"),
            StepKind::Again => ("返工", "rework"),
            StepKind::CityPause => ("全市暂停", "city-wide pause"),
            StepKind::Other(word) => (word, word),
        }
    }
}

/// One move of the end of a clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DueStep {
    /// What moved it.
    pub kind: StepKind,
    /// When, server time.
    pub at_ms: i64,
    /// When it would have ended.
    pub from_due_ms: i64,
    /// When it ends since.
    pub to_due_ms: i64,
    /// The pause of the city.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<PauseId>,
    /// When that pause ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_to_ms: Option<i64>,
    /// The reason of a pause, as the city gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Due {
    /// 挂账: stands still.
    pub fn pause(&mut self, now_ms: i64) {
        self.paused_ms = self.paused_ms.or(Some(now_ms));
    }

    /// Goes on with the time that was left. What was late when it stood still stays late.
    pub fn resume(&mut self, now_ms: i64) {
        let Some(paused_ms) = self.paused_ms.take() else { return };
        if paused_ms < self.due_ms {
            let hours = self.hours();
            let to = hours.after(now_ms, hours.between(paused_ms, self.due_ms));
            self.step(StepKind::Resumed, now_ms, to);
        }
    }

    /// 处置反馈: the unit has done its part.
    pub fn stop(&mut self, now_ms: i64) {
        self.stopped_ms = self.stopped_ms.or(Some(now_ms));
    }

    /// 返工: the unit gets the time it had left, or half of the whole, whichever is more.
    pub fn again(&mut self, now_ms: i64) {
        let hours = self.hours();
        let left = hours.between(self.stopped_ms.take().unwrap_or(now_ms), self.due_ms);
        let half = hours.between(self.from_ms, self.due_ms) / 2;
        let to = hours.after(now_ms, left.max(half));
        self.step(StepKind::Again, now_ms, to);
    }

    /// 延期: another date, later than the one there is.
    pub fn extend(&mut self, until_ms: i64, now_ms: i64) {
        if until_ms > self.due_ms {
            self.step(StepKind::Extended, now_ms, until_ms);
        }
    }

    /// 全市暂停 from one moment to another: what was left at its beginning is left at its end. Said again with another end,
    /// that counts. Says whether the clock was touched: one that stands still, has stopped or ended before is not.
    pub fn city_pause(&mut self, pause: PauseId, from_ms: i64, to_ms: i64, why: &str, now_ms: i64) -> bool {
        if self.paused_ms.is_some() || self.stopped_ms.is_some() || to_ms < from_ms {
            return false;
        }
        let before = self.steps.iter().rev().find(|s| s.pause == Some(pause)).and_then(|s| s.pause_to_ms);
        if before == Some(to_ms) {
            return false;
        }
        let counted_from = before.unwrap_or(from_ms).max(self.from_ms);
        if counted_from >= self.due_ms {
            return false;
        }
        let hours = self.hours();
        let left = hours.between(counted_from, self.due_ms);
        let to = hours.after(to_ms.max(self.from_ms), left);
        self.step(StepKind::CityPause, now_ms, to);
        if let Some(step) = self.steps.last_mut() {
            (step.pause, step.pause_to_ms, step.why) = (Some(pause), Some(to_ms), Some(why.to_owned()));
        }
        true
    }

    fn step(&mut self, kind: StepKind, at_ms: i64, to_due_ms: i64) {
        let from_due_ms = std::mem::replace(&mut self.due_ms, to_due_ms);
        self.steps.push(DueStep {
            kind,
            at_ms,
            from_due_ms,
            to_due_ms,
            pause: None,
            pause_to_ms: None,
            why: None,
        });
    }
}

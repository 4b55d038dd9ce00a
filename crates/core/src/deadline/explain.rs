//! A clock in words: rule, calendar, what was counted on which day, what moved its end. Decides nothing.

use super::Due;
use crate::local::{day_of, shown};

impl Due {
    /// The calendar in words: the built-in one, or the city's own by the name it had.
    fn calendar_words(&self) -> String {
        match &self.own {
            None => self.calendar.zh().to_owned(),
            Some(own) => {
                let name = if own.name.is_empty() { &own.id } else { &own.name };
                format!("{name}（本市日历 calendar of the city {}）", own.id)
            }
        }
    }

    /// The clock in words, Chinese and English in one line each.
    #[must_use]
    pub fn explain(&self) -> Vec<String> {
        let mut lines = vec![
            format!(
                "规则 rule {}：{} {}（{}），{}",
                self.rule,
                self.value,
                self.unit_zh(),
                self.unit,
                self.calendar_words()
            ),
            format!("起算 from {}", shown(self.from_ms)),
        ];
        lines.extend(self.return_until_ms.map(|ms| format!("退回期限 returns until {}", shown(ms))));
        // Before anything moved it the clock ended here: what is counted day by day is counted until then.
        let first_ms = self.steps.first().map_or(self.due_ms, |step| step.from_due_ms);
        let hours = self.hours();
        for (open, close) in (day_of(self.from_ms) - 1..=day_of(first_ms)).flat_map(|day| hours.open_on(day))
        {
            let (begin, end) = (open.max(self.from_ms), close.min(first_ms));
            if begin < end {
                let minutes = (end - begin) / 60_000;
                let (from, to) = (shown(begin), shown(end));
                lines.push(format!("  {from} 至 to {to}，{}:{:02}", minutes / 60, minutes % 60));
            }
        }
        for step in &self.steps {
            let (zh, en) = step.kind.text();
            let (at, from, to) = (shown(step.at_ms), shown(step.from_due_ms), shown(step.to_due_ms));
            let why = step.why.as_deref().map(|why| format!("（{why}）")).unwrap_or_default();
            lines.push(format!("{zh} {en} {at}{why}：{from} → {to}"));
        }
        lines.push(format!("到期 due {}", shown(self.due_ms)));
        lines.extend(self.paused_ms.map(|ms| format!("暂停 paused since {}", shown(ms))));
        lines.extend(self.stopped_ms.map(|ms| format!("反馈 fed back {}", shown(ms))));
        lines
    }
}

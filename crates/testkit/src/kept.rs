//! A run as a file: a line that names it, then its decisions. Made smaller while it still fails in the same way.

use crate::scenario::{Report, Run, Scenario, of_seed, play};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// The bytes of a file: `f1 175 2`, a line end, decisions.
#[must_use]
pub fn to_file(run: &Run) -> Vec<u8> {
    let mut file = format!("{} {} {}\n", run.scenario.word(), run.seed, run.rules).into_bytes();
    file.extend_from_slice(&run.bytes);
    file
}

/// Reads a file; nothing for one that is no run. Files from before the second rules name none.
#[must_use]
pub fn from_file(file: &[u8]) -> Option<Run> {
    let end = file.iter().position(|b| *b == b'\n')?;
    let mut words = std::str::from_utf8(&file[..end]).ok()?.split(' ');
    let (scenario, seed) = (Scenario::of_word(words.next()?)?, words.next()?.parse().ok()?);
    let rules = words.next().map_or(Some(1), |w| w.parse().ok())?;
    Some(Run { rules, bytes: file[end + 1..].to_vec(), ..of_seed(scenario, seed) })
}

/// Plays a run to its end, whatever that is.
///
/// # Errors
/// The words of a panic: it is something wrong too.
pub fn outcome_of(run: &Run) -> Result<Report, String> {
    catch_unwind(AssertUnwindSafe(|| play(run))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words");
        format!("panic: {text}")
    })
}

/// What went wrong first, without the ids in it: by this a smaller run is known to fail in the same way.
fn kind_of(run: &Run) -> Option<String> {
    let first = match outcome_of(run) {
        Ok(report) => report.wrong.into_iter().next()?,
        Err(panic) => panic,
    };
    let words: Vec<&str> = first.split_whitespace().take(8).collect();
    Some(words.into_iter().filter(|w| !w.chars().any(|c| c.is_ascii_digit()) || w.ends_with(':')).collect())
}

/// Cuts decisions off the end, then out of the middle, then makes them zero, as long as the run fails as before and
/// the time is not over.
#[must_use]
pub fn shrink(run: &Run, most: Duration) -> Run {
    let began = Instant::now();
    let mut best = run.clone();
    let Some(kind) = kind_of(&best) else { return best };
    let keep_if = |best: &mut Run, bytes: Vec<u8>| {
        let smaller = Run { bytes, ..best.clone() };
        let fails = began.elapsed() < most && kind_of(&smaller).as_ref() == Some(&kind);
        if fails {
            *best = smaller;
        }
        fails
    };
    let mut step = best.bytes.len() / 2;
    while step >= 8 {
        let len = best.bytes.len().saturating_sub(step);
        let cut = best.bytes[..len].to_vec();
        if !keep_if(&mut best, cut) {
            step /= 2;
        }
    }
    let mut size = best.bytes.len() / 4;
    while size >= 4 && began.elapsed() < most {
        let mut at = 0;
        while at < best.bytes.len() && began.elapsed() < most {
            let end = (at + size).min(best.bytes.len());
            let without = [&best.bytes[..at], &best.bytes[end..]].concat();
            if keep_if(&mut best, without) {
                continue;
            }
            let mut zeroed = best.bytes.clone();
            zeroed[at..end].fill(0);
            if zeroed != best.bytes {
                keep_if(&mut best, zeroed);
            }
            at = end;
        }
        size /= 2;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::RULES;

    #[test]
    fn a_file_gives_back_its_run_and_an_older_one_its_rules() {
        let run = Run { bytes: vec![1, b'\n', 3], ..of_seed(Scenario::F21, 7) };
        let back = from_file(&to_file(&run)).unwrap();
        assert_eq!((back.scenario, back.seed, back.rules, back.bytes), (Scenario::F21, 7, RULES, run.bytes));
        assert_eq!(from_file(b"f1 175\nxy").unwrap().rules, 1);
        assert!(from_file(b"nothing").is_none() && from_file(b"f9 1 2\n").is_none());
    }
}

//! How cities fall on the shards of a database that spreads tables by `city_id`: a simulation on made-up cities, and a
//! reading of the statements. Starts no database; must not know what any statement is for.

use crate::reach::{Reach, asked_by, judge};
use crate::tidy::files;
use serde_json::{Value, json};
use std::path::Path;

/// Cases that a city of middling size gathers in a year. An assumption; shares do not depend on it.
const CASES_MEDIAN: f64 = 40_000.0;
/// Spread of the natural logarithm of a city's cases. An assumption: two thirds of the cities are within a factor of e of
/// the middling one, and the largest of 300 is some 17 times as large.
const CASES_SIGMA: f64 = 1.0;
/// Largest cities that are given shards of their own in the second placement.
const ALONE: usize = 10;

/// SplitMix64 (Steele, Lea, Flood 2014): its step, and its mixing of a number.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The shard of a city: FNV-1a over its id, mixed, and the hash's range cut into equal parts. The database has a hash of
/// its own; what counts here is that a hash knows nothing of sizes.
fn shard_of(city: &str, shards: usize) -> usize {
    let fnv = |h: u64, b: u8| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
    let hash = mix(city.bytes().fold(0xcbf2_9ce4_8422_2325, fnv));
    usize::try_from((u128::from(hash) * shards as u128) >> 64).unwrap_or(0)
}

/// Cases a year of each city, log-normal (Box and Muller's method), the same for the same seed.
fn sizes(cities: usize, seed: u64) -> Vec<f64> {
    let mut state = mix(seed);
    let mut uniform = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        // 53 bits, never 0.
        ((mix(state) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    };
    let mut normal = || (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
    (0..cities).map(|_| (CASES_MEDIAN.ln() + CASES_SIGMA * normal()).exp().round().max(1.0)).collect()
}

/// Least, median, most.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread(f64, f64, f64);

fn spread(mut of: Vec<f64>) -> Spread {
    of.sort_unstable_by(f64::total_cmp);
    let at = |i: usize| of.get(i).copied().unwrap_or(0.0);
    Spread(
        at(0),
        (at(of.len().saturating_sub(1) / 2) + at(of.len() / 2)) / 2.0,
        at(of.len().saturating_sub(1)),
    )
}

/// What one placement comes to. Rows go with cases: each case has about as many rows in every city.
struct Placed {
    /// Cities on a shard that cities share.
    cities: Spread,
    /// Percent of all rows on a shard that cities share.
    rows: Spread,
    /// Percent of all rows on each city's own shard, largest first.
    alone: Vec<f64>,
}

/// Puts cities on shards by the hash of their ids; the `alone` largest get one each besides.
fn place(sizes: &[f64], shards: usize, alone: usize) -> Placed {
    let percent = |of: f64| 100.0 * of / sizes.iter().sum::<f64>();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|a, b| sizes[*b].total_cmp(&sizes[*a]));
    let (large, rest) = order.split_at(alone.min(order.len()));
    let (mut cities, mut rows) = (vec![0.0; shards], vec![0.0; shards]);
    for &city in rest {
        let shard = shard_of(&format!("city-{:03}", city + 1), shards);
        cities[shard] += 1.0;
        rows[shard] += percent(sizes[city]);
    }
    let alone = large.iter().map(|city| percent(sizes[*city])).collect();
    Placed { cities: spread(cities), rows: spread(rows), alone }
}

/// `cargo xtask shards [--cities N] [--shards M] [--seed S] [--json]`.
pub(crate) fn run(root: &Path, args: &[String]) -> bool {
    let number = |name: &str, default: u64| match args.iter().position(|a| a == name) {
        Some(at) => args.get(at + 1).and_then(|v| v.parse().ok()),
        None => Some(default),
    };
    let asked = (number("--cities", 300), number("--shards", 32), number("--seed", 1));
    let (Some(cities @ 1..=100_000), Some(shards @ 1..=10_000), Some(seed)) = asked else {
        eprintln!("--cities 1 to 100000, --shards 1 to 10000, --seed a number");
        return false;
    };
    let statements = match files::read(&root.join("crates/store"), &["sql"]) {
        Ok(found) => {
            judge(&found.into_iter().map(|(p, t)| (format!("crates/store/{p}"), t)).collect::<Vec<_>>())
        }
        Err(error) => {
            eprintln!("{error}");
            return false;
        }
    };
    let of = |reach| statements.iter().filter(move |s| s.2 == reach);
    let ok = of(Reach::City).count() > 0 && of(Reach::Phone).count() == 0;
    let (sizes, shards) = (sizes(cities as usize, seed), shards as usize);
    let placed = [0, ALONE].map(|alone| place(&sizes, shards, alone));
    if args.iter().any(|a| a == "--json") {
        let names = |reach| of(reach).map(|s| s.1.as_str()).collect::<Vec<_>>();
        let said = json!({"all": statements.len(), "one_city": of(Reach::City).count(), "reference": names(Reach::Reference),
            "at_start": names(Reach::Start), "phone": names(Reach::Phone)});
        let largest = placed[1].alone.first();
        println!(
            "{}",
            json!({"ok": ok, "cities": cities, "shards": shards, "seed": seed, "largest_city_percent": largest,
                "by_hash": as_json(&placed[0]), "largest_alone": as_json(&placed[1]), "statements": said})
        );
    } else {
        print!("{}", table(&sizes, shards, seed, &placed));
        println!("\n{} statements, {} of them held to one city", statements.len(), of(Reach::City).count());
        of(Reach::Reference).for_each(|(path, name, _)| println!("reference table: {name} ({path})"));
        of(Reach::Start)
            .for_each(|(path, name, _)| println!("all shards, asked by {}: {name} ({path})", asked_by(name)));
        of(Reach::Phone)
            .for_each(|(path, name, _)| println!("ALL SHARDS, ON A PHONE'S PATH: {name} ({path})"));
    }
    ok
}

fn as_json(placed: &Placed) -> Value {
    let three = |s: Spread| json!({"min": s.0, "median": s.1, "max": s.2});
    json!({"cities_per_shard": three(placed.cities), "rows_percent_per_shard": three(placed.rows), "alone_percent": placed.alone})
}

fn table(sizes: &[f64], shards: usize, seed: u64, placed: &[Placed; 2]) -> String {
    let whole = |s: Spread| format!("{:.0} / {:.1} / {:.0}", s.0, s.1, s.2);
    let percent = |s: Spread| format!("{:.2} / {:.2} / {:.2} %", s.0, s.1, s.2);
    let alone = &placed[1].alone;
    let cases = spread(sizes.to_vec());
    let (n, own) = (sizes.len(), alone.len());
    let (first, last) = (alone.first().copied().unwrap_or(0.0), alone.last().copied().unwrap_or(0.0));
    let mut out = format!(
        "{n} cities on {shards} shards, seed {seed}; cases a year, least / median / most: {}\n\n",
        format_args!("{:.0} / {:.0} / {:.0}", cases.0, cases.1, cases.2)
    );
    out += &format!("| | by hash alone | the {own} largest on shards of their own |\n|---|---|---|\n");
    let mut row = |what: &str, a: String, b: String| out += &format!("| {what} | {a} | {b} |\n");
    row("shards", shards.to_string(), format!("{shards} + {own}"));
    row("cities on a shared shard, least / median / most", whole(placed[0].cities), whole(placed[1].cities));
    row("rows on a shared shard, of all", percent(placed[0].rows), percent(placed[1].rows));
    row("rows of the largest city, of all", format!("{first:.2} %"), format!("{first:.2} %"));
    row("rows on a shard of its own, of all", "-".into(), format!("{last:.2} to {first:.2} %"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_skewed_cities() {
        assert_eq!(sizes(300, 7), sizes(300, 7));
        assert_ne!(sizes(300, 7), sizes(300, 8));
        let Spread(least, median, most) = spread(sizes(3_000, 1));
        assert!((36_000.0..44_000.0).contains(&median), "{median}");
        assert!(least < median / 8.0 && most > median * 8.0);
    }

    #[test]
    fn every_city_has_one_shard_and_every_row_is_counted() {
        let per: Vec<usize> = (1..=3_200).map(|n| shard_of(&format!("city-{n:03}"), 32)).collect();
        let on = |shard| per.iter().filter(|s| **s == shard).count();
        assert!((0..32).all(|shard| (60..=140).contains(&on(shard))));
        let placed = place(&[5.0, 1.0, 4.0], 1, 1);
        assert_eq!((placed.cities, placed.rows), (Spread(2.0, 2.0, 2.0), Spread(50.0, 50.0, 50.0)));
        assert_eq!(placed.alone, [50.0]);
        assert_eq!(spread(vec![4.0, 1.0, 2.0, 3.0]), Spread(1.0, 2.5, 4.0));
        assert!(place(&[1.0, 2.0], 4, 9).alone.len() == 2);
    }
}

//! Simulated series with known truth, and how well the detector does on them: what decides about its design.
//!
//! `make bench-detection` runs it. Arguments:
//!
//! - `--series N` in all, 4000 by default, and `--seed S`: seed 1 while working, another for figures that are published;
//! - `--only changes|anomalies|surprises|fleets|forecasts`, and `--fleet NAME` for the fleets whose names begin so;
//! - `--store FILE` keeps the scores of each series, `--against FILE` prints the differences from kept ones with their
//!   90 % intervals, series by series;
//! - `--print FILE` writes the series, their truth and what was found, a line of JSON each, for `benches/detection/peers.sh`;
//! - `setting=value` changes a constant of the detector.

mod anomalies;
mod changes;
mod compare;
mod draw;
mod fleets;
mod forecasts;
mod score;
mod surprises;

use compare::Scores;
use score::{Alerts, Watched};
use std::time::{Duration, Instant};
use tally_stats::detector::{Detector, Options, Settings};

/// Surprise at which alerts are compared as they are, and false alerts per 1000 rows at which they are compared too:
/// at an equal threshold one that speaks more often looks better.
const THRESHOLD: f64 = 3.0;
const BUDGET: f64 = 1.0;
/// Rows of each kind and length whose surprises are counted, for each series of a family.
const SURPRISE_ROWS: usize = 2000;
/// Rows between two measurements of the size of a state.
const WEIGHED: usize = 64;

/// Cost of all that was observed.
#[derive(Default)]
struct Cost {
    rows: usize,
    time: Duration,
    bytes: usize,
}

impl Cost {
    fn watch(&mut self, x: &[f64], at: Option<&[i64]>, s: &Settings) -> (Detector, Vec<f32>) {
        let mut detector = Detector::new(at.is_some(), Options::new(at.is_some()));
        let mut surprises = Vec::with_capacity(x.len());
        let start = Instant::now();
        for (i, &x) in x.iter().enumerate() {
            detector.observe(Some(x), at.map(|at| at[i]), s).expect("rows in order");
            surprises.push(detector.surprise().unwrap_or(0.0) as f32);
            if i % WEIGHED == 0 {
                self.bytes = self.bytes.max(detector.to_bytes().len());
            }
        }
        self.time += start.elapsed();
        self.rows += x.len();
        (detector, surprises)
    }
}

fn mean(x: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut n) = (0.0, 0);
    for x in x {
        sum += x;
        n += 1;
    }
    sum / f64::from(n.max(1))
}

fn median(mut x: Vec<usize>) -> usize {
    x.sort_unstable();
    x.get(x.len() / 2).copied().unwrap_or(0)
}

fn changes(
    series: usize,
    seed: u64,
    s: &Settings,
    cost: &mut Cost,
    scores: &mut Scores,
    printed: &mut String,
) {
    println!("{:18}{:>8}{:>8}{:>12}{:>8}", "changes", "cover", "F1", "false/1000", "recall");
    let mut means: Vec<[f64; 4]> = vec![];
    for family in &changes::FAMILIES {
        let mut rows: Vec<score::Changes> = vec![];
        for number in 0..series {
            let (x, truth) = family.draw(seed, number);
            let (detector, _) = cost.watch(&x, None, s);
            let found: Vec<usize> = detector.starts(s).into_iter().map(|row| row as usize).collect();
            let row = score::changes(&truth, &found, x.len());
            *printed += &format!(
                "{{\"x\":{x:?},\"truth\":{truth:?},\"found\":{found:?},\"cover\":{},\"f1\":{}}}\n",
                row.cover, row.f1
            );
            for (kind, value) in [("cover", row.cover), ("f1", row.f1), ("false", row.false_per_1000)] {
                scores.add(kind, family.name, number, value);
            }
            rows.push(row);
        }
        let recall = rows.iter().map(|r| r.hits).sum::<usize>() as f64
            / rows.iter().map(|r| r.changes).sum::<usize>().max(1) as f64;
        let row = [
            mean(rows.iter().map(|r| r.cover)),
            mean(rows.iter().map(|r| r.f1)),
            mean(rows.iter().map(|r| r.false_per_1000)),
            recall,
        ];
        println!("{:18}{:8.3}{:8.3}{:12.2}{:8.3}", family.name, row[0], row[1], row[2], row[3]);
        means.push(row);
    }
    let all = [0, 1, 2, 3].map(|i| mean(means.iter().map(|m| m[i])));
    println!("{:18}{:8.4}{:8.4}{:12.3}{:8.3}\n", "all", all[0], all[1], all[2], all[3]);
}

fn total(watched: &[Watched], threshold: f64, s: &Settings) -> Alerts {
    let mut all = Alerts::default();
    for w in watched {
        let one = w.score(threshold, s);
        all.worth += one.worth;
        all.found += one.found;
        all.windows += one.windows;
        all.wrong += one.wrong;
        all.clean += one.clean;
        all.delays.extend(one.delays);
    }
    all
}

/// The threshold at which clean rows are alerted as often as the budget allows.
fn threshold(families: &[Vec<Watched>], s: &Settings) -> f64 {
    let rate = |t: f64| {
        mean(families.iter().map(|watched| {
            let all = total(watched, t, s);
            1000.0 * all.wrong as f64 / all.clean.max(1) as f64
        }))
    };
    let (mut low, mut high) = (1.0, 12.0);
    for _ in 0..24 {
        let middle = (low + high) / 2.0;
        if rate(middle) > BUDGET {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

fn anomalies(
    series: usize,
    seed: u64,
    s: &Settings,
    cost: &mut Cost,
    scores: &mut Scores,
    printed: &mut String,
) {
    let mut families: Vec<Vec<Watched>> = vec![];
    for family in &anomalies::FAMILIES {
        let watch = |number| {
            let metric = family.draw(seed, number);
            let (_, surprises) = cost.watch(&metric.x, Some(&metric.at), s);
            let windows: Vec<[usize; 2]> = metric.windows.iter().map(|w| [w.0, w.1]).collect();
            *printed +=
                &format!("{{\"x\":{:?},\"windows\":{windows:?},\"surprises\":{surprises:?}}}\n", metric.x);
            Watched { surprises, windows: metric.windows, kinds: metric.kinds }
        };
        families.push((0..series).map(watch).collect());
    }
    let equal = threshold(&families, s);
    println!(
        "{:12}{:>8}{:>8}{:>12}{:>7}{:>14}{:>8}   clean rows per 1000 at 2, 3, 4; 90 % of series at 3",
        "anomalies",
        "worth",
        "recall",
        "false/1000",
        "delay",
        "worth at",
        format!("{equal:.2}")
    );
    let mut means: Vec<[f64; 9]> = vec![];
    for (family, watched) in anomalies::FAMILIES.iter().zip(&families) {
        let (all, even) = (total(watched, THRESHOLD, s), total(watched, equal, s));
        let most = 2.0 * all.windows.max(1) as f64;
        let each = most / watched.len() as f64;
        for (number, w) in watched.iter().enumerate() {
            scores.add("worth", family.name, number, 100.0 * w.score(THRESHOLD, s).worth / each);
            scores.add("worth at equal alerts", family.name, number, 100.0 * w.score(equal, s).worth / each);
        }
        let mut clean: Vec<Vec<f64>> =
            watched.iter().filter(|w| w.windows.is_empty()).map(|w| w.exceeding(&[2.0, 3.0, 4.0])).collect();
        clean.sort_by(|a, b| a[1].total_cmp(&b[1]));
        let high = clean.get(clean.len() * 9 / 10).map_or(0.0, |c| c[1]);
        let row = [
            100.0 * all.worth / most,
            all.found as f64 / all.windows.max(1) as f64,
            1000.0 * all.wrong as f64 / all.clean.max(1) as f64,
            median(all.delays) as f64,
            100.0 * even.worth / most,
            mean(clean.iter().map(|c| c[0])),
            mean(clean.iter().map(|c| c[1])),
            mean(clean.iter().map(|c| c[2])),
            high,
        ];
        line(family.name, &row);
        means.push(row);
    }
    let all = std::array::from_fn(|i| mean(means.iter().map(|m| m[i])));
    line("all", &all);
    println!();
    kinds(&families, equal, s);
}

/// Prints the worth of each kind of anomaly in each family, where families are alerted falsely equally often.
fn kinds(families: &[Vec<Watched>], equal: f64, s: &Settings) {
    println!("{:12}{}", "worth, %", anomalies::ANOMALIES.map(|kind| format!("{kind:>13}")).concat());
    let mut all = [[0.0; 2]; anomalies::ANOMALIES.len()];
    let told = |sums: &[[f64; 2]]| {
        sums.iter().map(|[worth, n]| format!("{:13.0}", 50.0 * worth / n.max(1.0))).collect::<String>()
    };
    for (family, watched) in anomalies::FAMILIES.iter().zip(families) {
        let mut sums = [[0.0; 2]; anomalies::ANOMALIES.len()];
        for w in watched {
            for (kind, worth) in w.kinds.iter().zip(w.score(equal, s).worths) {
                for sums in [&mut sums, &mut all] {
                    sums[*kind] = [sums[*kind][0] + worth, sums[*kind][1] + 1.0];
                }
            }
        }
        println!("{:12}{}", family.name, told(&sums));
    }
    println!("{:12}{}\n", "all", told(&all));
}

fn line(name: &str, r: &[f64; 9]) {
    println!(
        "{name:12}{:8.2}{:8.3}{:12.2}{:7.0}{:22.2}   {:6.1}{:6.2}{:6.2}{:8.2}",
        r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8]
    );
}

/// Counts surprises where nothing happens, in `rows` rows of each kind and length.
fn surprises(rows: usize, seed: u64, s: &Settings, cost: &mut Cost) {
    println!(
        "{:18}{:>7}{:>42}{:>18}",
        "surprises", "rows", "rows of 1000 at 2, 2.5, 3, 3.5, 4", "alerts at 3"
    );
    for length in surprises::LENGTHS {
        let mut all: Vec<[f64; 6]> = vec![];
        for kind in &surprises::KINDS {
            let watch = |number| {
                let (x, at) = kind.draw(seed, number, length);
                cost.watch(&x, Some(&at), s).1
            };
            let row = surprises::frequencies((0..rows / length).map(watch).collect(), s);
            frequency(kind.name, length, &row);
            all.push(row);
        }
        frequency("all", length, &std::array::from_fn(|i| mean(all.iter().map(|row| row[i]))));
        let most = |i: usize| all.iter().map(|row| row[i]).fold(0.0, f64::max);
        frequency("most", length, &std::array::from_fn(most));
    }
    println!();
}

fn frequency(name: &str, length: usize, row: &[f64; 6]) {
    println!(
        "{name:18}{length:7}{:10.2}{:8.2}{:8.2}{:8.2}{:8.2}{:18.2}",
        row[0], row[1], row[2], row[3], row[4], row[5]
    );
}

fn fleets(series: usize, seed: u64, named: &str, s: &Settings) {
    println!(
        "{:20}{:>10}{:>12}{:>8}{:>14}{:>8}",
        "fleets, % of series", "null told", "false of 10", "power", "false found", "found"
    );
    for family in fleets::FAMILIES.iter().filter(|family| family.name.starts_with(named)) {
        let r = family.run(seed, series, s);
        println!(
            "{:20}{:10.1}{:12.1}{:8.1}{:14.1}{:8.1}",
            family.name,
            100.0 * r.null,
            100.0 * r.false_share,
            100.0 * r.power,
            100.0 * r.false_found,
            100.0 * r.found
        );
    }
    println!();
}

fn forecasts(series: usize, seed: u64, s: &Settings, scores: &mut Scores) {
    println!("{:12}{:^27}{:^27}{:^27}", "forecasts", "one row ahead", "a quarter of a period", "a period");
    println!("{:12}{}", "", format!("{:>9}{:>9}{:>9}", "error", "not worse", "inside").repeat(3));
    let mut means: Vec<[f64; 9]> = vec![];
    for family in forecasts::families() {
        let all: Vec<_> =
            (0..series).map(|number| forecasts::errors(&forecasts::draw(family, seed, number), s)).collect();
        let mut row = [0.0; 9];
        for (i, ahead) in ["one", "quarter", "period"].into_iter().enumerate() {
            for (number, errors) in all.iter().enumerate() {
                scores.add(&format!("log error, {ahead}"), family, number, errors[i].relative.ln());
                scores.add(&format!("inside, {ahead}"), family, number, errors[i].inside);
            }
            row[3 * i] = mean(all.iter().map(|errors| errors[i].relative.ln())).exp();
            row[3 * i + 1] = mean(all.iter().map(|errors| f64::from(errors[i].relative <= 1.0)));
            row[3 * i + 2] = mean(all.iter().map(|errors| errors[i].inside));
        }
        told(family, &row);
        means.push(row);
    }
    told("all", &std::array::from_fn(|i| mean(means.iter().map(|m| m[i]))));
}

fn told(name: &str, row: &[f64; 9]) {
    let cells: String = row.iter().map(|x| format!("{x:9.3}")).collect();
    println!("{name:12}{cells}");
}

fn main() {
    let mut settings = Settings::DEFAULT;
    let (mut series, mut seed, mut only, mut fleet) = (4000, 1, None, String::new());
    let (mut store, mut against, mut print) = (None, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("a value");
        match argument.as_str() {
            "--series" => series = value().parse().expect("a number of series"),
            "--seed" => seed = value().parse().expect("a seed"),
            "--only" => only = Some(value()),
            "--fleet" => fleet = value(),
            "--store" => store = Some(value()),
            "--against" => against = Some(value()),
            "--print" => print = Some(value()),
            _ => {
                let (name, value) = argument.split_once('=').expect("setting=value");
                assert!(settings.set(name, value.parse().expect("a number")), "no setting {name}");
            }
        }
    }
    let wanted = |kind: &str| only.as_deref().is_none_or(|only| only == kind);
    let (mut cost, mut scores, mut printed) = (Cost::default(), Scores::default(), String::new());
    let each = (series / (changes::FAMILIES.len() + anomalies::FAMILIES.len())).max(1);
    if wanted("changes") {
        changes(each, seed, &settings, &mut cost, &mut scores, &mut printed);
    }
    if wanted("anomalies") {
        anomalies(each, seed, &settings, &mut cost, &mut scores, &mut printed);
    }
    if wanted("surprises") {
        surprises(SURPRISE_ROWS * each, seed, &settings, &mut cost);
    }
    if wanted("fleets") {
        fleets(2 * each, seed, &fleet, &settings);
    }
    if wanted("forecasts") {
        forecasts(each, seed, &settings, &mut scores);
    }
    if cost.rows > 0 {
        println!(
            "{:.2} µs a row, at most {} bytes",
            cost.time.as_secs_f64() * 1e6 / cost.rows as f64,
            cost.bytes
        );
    }
    if let Some(path) = against {
        scores.compare(&std::fs::read_to_string(path).expect("stored scores"));
    }
    if let Some(path) = print {
        std::fs::write(path, printed).expect("room for the series");
    }
    if let Some(path) = store {
        std::fs::write(path, scores.text()).expect("room for the scores");
    }
}

//! Fleets of series in which nothing happens, and the same with one step: what is reported, at a false discovery rate
//! of 5 %?

use crate::draw::{add, deviation, summed, Draw};
use crate::mean;
use tally_stats::detector::{Detector, Options, Settings};
use tally_stats::fleet::{changed_share, discoveries, probability, Null};

const ROWS: usize = 300;
const MANY_ROWS: usize = 3000;
const HOUR: i64 = 3_600_000_000;
const STEP: f64 = 1.5;
const NOMINAL: f64 = 0.05;
/// The evidence of a series all whose changes recur, which is none.
const NONE: f64 = f64::NEG_INFINITY;
/// Unchanged series for each changed one in a mixed fleet.
const UNCHANGED: usize = 9;

/// Makes the values; the argument is the factor of the rate of events of each row.
type Make = fn(&mut Draw, &[f64]) -> Vec<f64>;

pub struct Family {
    pub name: &'static str,
    make: Make,
    /// Whether a step changes the rate of events, and does not add to the values.
    events: bool,
    rows: usize,
}

const fn values(name: &'static str, make: Make) -> Family {
    Family { name, make, events: false, rows: ROWS }
}

const fn events(name: &'static str, make: Make) -> Family {
    Family { name, make, events: true, rows: ROWS }
}

const fn long(name: &'static str, make: Make) -> Family {
    Family { name, make, events: false, rows: MANY_ROWS }
}

pub const FAMILIES: [Family; 43] = [
    values("white", |d, r| d.white(r.len())),
    values("AR(1) 0.5", |d, r| d.correlated(0.5, r.len())),
    values("AR(1) 0.9", |d, r| d.correlated(0.9, r.len())),
    values("MA(5)", |d, r| moving(d, r.len())),
    values("AR(1) 0.7", |d, r| d.correlated(0.7, r.len())),
    values("AR(1) 0.97", |d, r| d.correlated(0.97, r.len())),
    values("AR(2)", |d, r| d.humped(r.len())),
    values("AR(1) 0.9 + white", |d, r| {
        let mut x = d.white(r.len());
        let drift = d.correlated(0.9, r.len());
        add(&mut x, &drift, 1.0);
        x
    }),
    values("t(3)", |d, r| d.student(3.0, r.len())),
    values("t(2.2)", |d, r| d.student(2.2, r.len())),
    values("Laplace", |d, r| d.laplace(r.len())),
    values("exponential", |d, r| d.exponential(r.len())),
    values("log-normal", |d, r| d.log_normal(r.len())),
    values("rounded", |d, r| d.white(r.len()).iter().map(|x| (x * 0.7).round()).collect()),
    values("yearly season", |d, r| seasonal(d, r.len(), 12.0, 2.0)),
    values("season of 7", |d, r| seasonal(d, r.len(), 7.0, 2.0)),
    values("daily sine", |d, r| seasonal(d, r.len(), 24.0, 3.0)),
    values("weekends", |d, r| {
        let mut x = d.white(r.len());
        x.iter_mut().enumerate().for_each(|(i, x)| *x += if i / 24 % 7 >= 5 { 3.0 } else { 0.0 });
        x
    }),
    values("weekends, any day", |d, r| {
        let first = d.whole(0, 168);
        let mut x = d.white(r.len());
        x.iter_mut().enumerate().for_each(|(i, x)| *x += if (first + i) / 24 % 7 >= 5 { 3.0 } else { 0.0 });
        x
    }),
    values("trend", |d, r| {
        let mut x = d.white(r.len());
        x.iter_mut().enumerate().for_each(|(i, x)| *x += 0.05 * i as f64);
        x
    }),
    values("walk", |d, r| {
        let steps = d.white(r.len());
        summed(steps)
    }),
    values("two states", |d, r| {
        let mut x = d.white(r.len());
        x.iter_mut().for_each(|x| *x += if d.chance(0.3) { 30.0 } else { 0.0 });
        x
    }),
    values("telegraph", |d, r| {
        let stay = [d.magnitude(8.0, 24.0), d.magnitude(8.0, 24.0)];
        let mut state = 0;
        let mut x = d.white(r.len());
        for x in &mut x {
            if d.chance(1.0 / stay[state]) {
                state = 1 - state;
            }
            *x += 10.0 * state as f64;
        }
        x
    }),
    events("Poisson 0.2", |d, r| poisson(d, r, 0.2)),
    events("Poisson 2", |d, r| poisson(d, r, 2.0)),
    events("Poisson 0.2 x 10", |d, r| scaled(poisson(d, r, 0.2), 10.0)),
    events("Poisson 0.2 / 60", |d, r| scaled(poisson(d, r, 0.2), 1.0 / 60.0)),
    events("Poisson 0.2 x -1", |d, r| scaled(poisson(d, r, 0.2), -1.0)),
    events("negative binomial", |d, r| {
        let rate = |d: &mut Draw, r: f64| d.gamma(0.5) * 9.0 * r;
        r.iter()
            .map(|&r| {
                let rate = rate(d, r);
                d.poisson(rate)
            })
            .collect()
    }),
    events("purchases", |d, r| sparse(d, r, 0.2, |d| d.normal().exp())),
    events("rare sizes", |d, r| sparse(d, r, 0.1, |d| 100.0 * d.gamma(2.0))),
    events("flags 0.1", |d, r| r.iter().map(|r| f64::from(d.chance(0.1 * r))).collect()),
    long("daily sine, long", |d, r| seasonal(d, r.len(), 24.0, 3.0)),
    long("season of 96, long", |d, r| seasonal(d, r.len(), 96.0, 3.0)),
    long("hours of a week, long", |d, r| seasonal(d, r.len(), 168.0, 3.0)),
    long("season of 288, long", |d, r| seasonal(d, r.len(), 288.0, 3.0)),
    long("white, long", |d, r| d.white(r.len())),
    long("AR(1) 0.5, long", |d, r| d.correlated(0.5, r.len())),
    long("AR(1) 0.9, long", |d, r| d.correlated(0.9, r.len())),
    long("MA(5), long", |d, r| moving(d, r.len())),
    long("t(3), long", |d, r| d.student(3.0, r.len())),
    long("exponential, long", |d, r| d.exponential(r.len())),
    long("log-normal, long", |d, r| d.log_normal(r.len())),
];

/// Means of six rows of white noise, of variance 1.
fn moving(d: &mut Draw, n: usize) -> Vec<f64> {
    d.white(n + 5).windows(6).map(|w| w.iter().sum::<f64>() / 6f64.sqrt()).collect()
}

fn seasonal(d: &mut Draw, n: usize, period: f64, size: f64) -> Vec<f64> {
    let mut x = d.white(n);
    let season = d.season(period, n);
    add(&mut x, &season, size);
    x
}

fn poisson(d: &mut Draw, rates: &[f64], mean: f64) -> Vec<f64> {
    rates.iter().map(|r| d.poisson(mean * r)).collect()
}

fn scaled(x: Vec<f64>, factor: f64) -> Vec<f64> {
    x.into_iter().map(|x| x * factor).collect()
}

/// Zeros, and at times a size.
fn sparse(d: &mut Draw, rates: &[f64], share: f64, size: fn(&mut Draw) -> f64) -> Vec<f64> {
    rates.iter().map(|r| if d.chance(share * r) { size(d) } else { 0.0 }).collect()
}

impl Family {
    /// A series, and the row of its step if it has one: of 1.5 standard deviations of the series, or to the fivefold
    /// rate.
    fn draw(&self, seed: u64, number: usize, changed: bool) -> (Vec<f64>, Option<usize>) {
        let mut d = Draw::new(seed, self.name, number);
        let start = d.whole(self.rows / 3, self.rows * 5 / 6);
        let mut rates = vec![1.0; self.rows];
        if changed && self.events {
            rates[start..].fill(5.0);
        }
        let mut x = (self.make)(&mut d, &rates);
        if changed && !self.events {
            let step = STEP * deviation(&x) * d.sign();
            x[start..].iter_mut().for_each(|x| *x += step);
        }
        if !self.events && self.name != "rounded" {
            d.place(&mut x);
        }
        (x, changed.then_some(start))
    }

    pub fn run(&self, seed: u64, series: usize, s: &Settings) -> Report {
        let mut told = vec![];
        for number in 0..series {
            let (x, start) = self.draw(seed, number, number % 2 == 1);
            let mut detector = Detector::new(true, Options::new(true));
            for (i, x) in x.into_iter().enumerate() {
                detector.observe(Some(x), Some(i as i64 * HOUR), s).expect("rows in order");
            }
            let found = detector.starts(s);
            let near = start.is_some_and(|c| found.iter().any(|f| f.abs_diff(c as u64) <= 10));
            told.push(Told {
                changed: start.is_some(),
                found: !found.is_empty(),
                near,
                evidence: evidence(&detector, &found, s),
            });
        }
        report(&told)
    }
}

/// The greatest evidence of a series, as the report over a fleet has it: that of one of its changes, if it has any.
fn evidence(detector: &Detector, found: &[u64], s: &Settings) -> f64 {
    let rhythm: Vec<u64> = detector.changes(s).iter().filter(|c| c.recurs.is_some()).map(|c| c.row).collect();
    let others = found.iter().filter(|row| !rhythm.contains(row));
    let changes = others.filter_map(|row| detector.evidence_at(*row, 1, s));
    changes.reduce(f64::max).unwrap_or_else(|| {
        if found.is_empty() {
            detector.evidence_since(1, s)
        } else {
            NONE
        }
    })
}

struct Told {
    changed: bool,
    found: bool,
    near: bool,
    evidence: f64,
}

/// Report of a fleet, all in shares.
pub struct Report {
    /// Unchanged series that were reported from a fleet in which nothing happened.
    pub null: f64,
    /// False ones in the reports of fleets of which every tenth series changed, and changed ones that were reported.
    pub false_share: f64,
    pub power: f64,
    /// Unchanged series with a change in their segmentation, and changed ones with the right one.
    pub false_found: f64,
    pub found: f64,
}

fn report(told: &[Told]) -> Report {
    let (changed, still): (Vec<&Told>, Vec<&Told>) = told.iter().partition(|t| t.changed);
    let listed = |evidence: &[f64]| {
        let null = Null::fit(evidence.to_vec(), || ());
        let believed: Vec<f64> = evidence.iter().map(|&b| null.believed(b)).collect();
        let share = changed_share(&believed, || ());
        let probabilities: Vec<f64> = believed.iter().map(|&b| probability(b, share)).collect();
        discoveries(&probabilities, NOMINAL).expect("memory").0
    };
    let quiet: Vec<f64> = still.iter().map(|t| t.evidence).collect();
    // Each changed series is in one of the fleets: the least evidence that one of them reports says little of the others.
    let fleets = changed.chunks((still.len() / UNCHANGED).max(1)).map(|some| {
        let list = listed(&quiet.iter().copied().chain(some.iter().map(|t| t.evidence)).collect::<Vec<_>>());
        let wrong = list.iter().filter(|i| **i < quiet.len()).count();
        (wrong as f64 / list.len().max(1) as f64, list.len() - wrong)
    });
    let (false_shares, reported): (Vec<f64>, Vec<usize>) = fleets.unzip();
    let share = |list: &[&Told], which: fn(&Told) -> bool| {
        list.iter().filter(|t| which(t)).count() as f64 / list.len().max(1) as f64
    };
    Report {
        null: listed(&quiet).len() as f64 / quiet.len().max(1) as f64,
        false_share: mean(false_shares.into_iter()),
        power: reported.iter().sum::<usize>() as f64 / changed.len().max(1) as f64,
        false_found: share(&still, |t| t.found),
        found: share(&changed, |t| t.near),
    }
}

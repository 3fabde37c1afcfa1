//! Forecasts of clean series, beside the last row and the row a period before.

use crate::anomalies;
use crate::draw::{add, summed, Draw};
use std::collections::HashMap;
use std::f64::consts::TAU;
use tally_stats::detector::{Detector, Options, Settings};

const DAY: i64 = 86_400_000_000;
/// Periods, and rows, that are not counted: the season has to be seen first.
const FIRST_PERIODS: i64 = 2;
const FIRST_ROWS: usize = 60;

/// A series with its period, both in units of time; rows without times are a unit apart.
pub struct Clean {
    x: Vec<f64>,
    at: Vec<i64>,
    step: i64,
    period: i64,
    timed: bool,
}

type Make = fn(&mut Draw) -> (Vec<f64>, i64);
type MakeDays = fn(&mut Draw, &[i64]) -> Vec<f64>;

const HOUR: i64 = DAY / 24;

/// Families of days: shifts that begin on the hour, a programme that a machine runs each day, and a curve whose shape
/// wanders from day to day.
const DAYS: [(&str, MakeDays); 3] = [("shifts", shifts), ("programme", programme), ("days", days)];

/// Families whose rows have no time. The other ones are those of [`anomalies`], without any.
const TIMELESS: [(&str, Make); 4] =
    [("walk", walk), ("trend", trend), ("months", months), ("weekdays", weekdays)];

/// Names of all families.
pub fn families() -> Vec<&'static str> {
    let timed = anomalies::FAMILIES.iter().map(|family| family.name);
    TIMELESS.iter().map(|family| family.0).chain(DAYS.iter().map(|family| family.0)).chain(timed).collect()
}

pub fn draw(name: &str, seed: u64, number: usize) -> Clean {
    let family = TIMELESS.iter().find(|family| family.0 == name);
    if let Some((name, make)) = family {
        let mut d = Draw::new(seed, name, number);
        let (mut x, period) = make(&mut d);
        d.place(&mut x);
        let at = (0..x.len() as i64).collect();
        return Clean { x, at, step: 1, period, timed: false };
    }
    if let Some((name, make)) = DAYS.iter().find(|family| family.0 == name) {
        let mut d = Draw::new(seed, name, number);
        let step = d.one_of(&[5, 10, 15, 30, 60]) * HOUR / 60;
        let rows = (d.between(8.0, 40.0) * DAY as f64 / step as f64) as i64;
        let start = d.whole(0, 24) as i64 * HOUR;
        let at: Vec<i64> = (0..rows.min(5000)).map(|row| start + row * step).collect();
        let mut x = make(&mut d, &at);
        d.place(&mut x);
        return Clean { x, at, step, period: DAY, timed: true };
    }
    let family = anomalies::FAMILIES.iter().find(|family| family.name == name).expect("a family");
    // Of the numbers of that module, every fourth is clean.
    let metric = family.draw(seed, 4 * number);
    let step = metric.at.windows(2).map(|w| w[1] - w[0]).min().unwrap_or(1);
    Clean { x: metric.x, at: metric.at, step, period: DAY, timed: true }
}

/// A day of a few levels that change on the hour.
fn shifts(d: &mut Draw, at: &[i64]) -> Vec<f64> {
    let rho = d.between(0.0, 0.8);
    let mut x = d.correlated(rho, at.len());
    let shifts = d.whole(2, 6);
    let begins: Vec<(i64, f64)> =
        (0..shifts).map(|_| (d.whole(0, 24) as i64, d.magnitude(2.0, 15.0) * d.sign())).collect();
    for (x, at) in x.iter_mut().zip(at) {
        let hour = at.rem_euclid(DAY) / HOUR;
        let shift = begins.iter().min_by_key(|(begin, _)| (hour - begin).rem_euclid(24));
        *x += shift.map_or(0.0, |(_, level)| *level);
    }
    x
}

/// Set points that change at the same minutes of each day, some of them for a few minutes only; some days are days off.
fn programme(d: &mut Draw, at: &[i64]) -> Vec<f64> {
    let (rho, size) = (d.between(0.0, 0.8), d.magnitude(5.0, 50.0));
    let mut x = d.correlated(rho, at.len());
    let points: Vec<(i64, i64, f64)> = (0..d.whole(1, 9))
        .map(|_| {
            let minutes = d.magnitude(5.0, 600.0) as i64;
            (d.whole(0, 1440) as i64, minutes, size * d.between(0.3, 1.0) * d.sign())
        })
        .collect();
    let off = if d.chance(0.3) { d.between(0.0, 0.1) } else { 0.0 };
    let days = at.last().map_or(0, |last| last / DAY) as usize + 1;
    let works: Vec<bool> = (0..days).map(|_| !d.chance(off)).collect();
    for (x, at) in x.iter_mut().zip(at) {
        let minute = at.rem_euclid(DAY) / (HOUR / 60);
        let on = points.iter().filter(|(begin, minutes, _)| (minute - begin).rem_euclid(1440) < *minutes);
        *x += if works[(at / DAY) as usize] { on.map(|point| point.2).sum() } else { 0.0 };
    }
    x
}

/// A curve of a few waves, each of which goes its own way from day to day.
fn days(d: &mut Draw, at: &[i64]) -> Vec<f64> {
    let (rho, size, speed) = (d.between(0.0, 0.7), d.magnitude(3.0, 20.0), d.magnitude(0.05, 0.5));
    let mut x = d.correlated(rho, at.len());
    let mut waves: Vec<[f64; 2]> = (1..5).map(|k| [0; 2].map(|_| d.normal() / f64::from(k))).collect();
    let mut day = 0;
    for (x, at) in x.iter_mut().zip(at) {
        if at / DAY != day {
            day = at / DAY;
            for (k, wave) in (1..5).zip(&mut waves) {
                wave.iter_mut().for_each(|part| *part += speed * d.normal() / f64::from(k));
            }
        }
        let phase = at.rem_euclid(DAY) as f64 / DAY as f64 * TAU;
        let parts = (1..5).zip(&waves).map(|(k, [sine, cosine])| {
            let angle = f64::from(k) * phase;
            sine * angle.sin() + cosine * angle.cos()
        });
        *x += size * parts.sum::<f64>();
    }
    x
}

fn walk(d: &mut Draw) -> (Vec<f64>, i64) {
    let n = d.whole(200, 2000);
    let (noise, steps) = (d.between(0.0, 2.0), d.white(n));
    let mut x = summed(steps);
    add(&mut x, &d.white(n), noise);
    (x, 24)
}

fn trend(d: &mut Draw) -> (Vec<f64>, i64) {
    let n = d.whole(200, 1000);
    let slope = d.magnitude(0.01, 1.0) * d.sign();
    let mut x = d.any_noise(n);
    x.iter_mut().enumerate().for_each(|(i, x)| *x += slope * i as f64);
    (x, 24)
}

/// A season of this period, beside a level that wanders, or noise, on a trend.
fn seasonal(d: &mut Draw, period: usize, n: usize) -> Vec<f64> {
    let (size, slope) = (d.magnitude(1.0, 8.0), d.between(-0.05, 0.05));
    let mut x = d.any_noise(n);
    if d.chance(0.5) {
        let (speed, steps) = (d.magnitude(0.1, 1.0), d.white(n));
        add(&mut x, &summed(steps), speed);
    }
    x.iter_mut().enumerate().for_each(|(i, x)| *x += slope * i as f64);
    let season: Vec<f64> = if d.chance(0.5) {
        d.season(period as f64, n)
    } else {
        let slots = d.white(period);
        slots.into_iter().cycle().take(n).collect()
    };
    add(&mut x, &season, size);
    x
}

fn months(d: &mut Draw) -> (Vec<f64>, i64) {
    let n = d.whole(120, 480);
    (seasonal(d, 12, n), 12)
}

fn weekdays(d: &mut Draw) -> (Vec<f64>, i64) {
    let n = d.whole(120, 1000);
    (seasonal(d, 7, n), 7)
}

/// Mean error of the forecast, relative to that of the better of the last row and the row a period before, and the share
/// of rows in the interval.
#[derive(Clone, Copy)]
pub struct Errors {
    pub relative: f64,
    pub inside: f64,
}

/// Errors one row ahead, a quarter of a period, and a whole one.
pub fn errors(clean: &Clean, s: &Settings) -> [Errors; 3] {
    let mut detector = Detector::new(clean.timed, Options::new(clean.timed));
    let rows = clean.period / clean.step;
    let ahead = [1, rows / 4, rows].map(|rows| rows.max(1));
    let value: HashMap<i64, f64> = clean.at.iter().copied().zip(clean.x.iter().copied()).collect();
    let mut sums = [[0.0; 5]; 3];
    for (row, (&x, &at)) in clean.x.iter().zip(&clean.at).enumerate() {
        detector.observe(Some(x), clean.timed.then_some(at), s).expect("rows in order");
        if row < FIRST_ROWS || at - clean.at[0] < FIRST_PERIODS * clean.period {
            continue;
        }
        for (sums, ahead) in sums.iter_mut().zip(ahead) {
            let then = at + ahead * clean.step;
            let (Some(actual), Some(before)) = (value.get(&then), value.get(&(then - clean.period))) else {
                continue;
            };
            let said = detector.forecast(ahead as f64, s).expect("a forecast");
            let inside = f64::from(said.low <= *actual && *actual <= said.high);
            let errors = [said.mean, x, *before].map(|said| (actual - said).abs());
            for (sum, x) in sums.iter_mut().zip([1.0, inside, errors[0], errors[1], errors[2]]) {
                *sum += x;
            }
        }
    }
    sums.map(|[n, inside, error, last, before]| Errors {
        relative: error / last.min(before).max(f64::MIN_POSITIVE),
        inside: inside / f64::max(n, 1.0),
    })
}

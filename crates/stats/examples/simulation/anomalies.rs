//! Metrics of some days, with anomalies in known windows. One series in four has none.

use crate::draw::{add, deviation, summed, Draw};
use std::f64::consts::TAU;

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 1440 * MINUTE;
/// The most rows of a series.
const MOST_ROWS: usize = 5000;
/// Least size of an anomaly, in standard deviations of the metric's noise.
const SEEN: f64 = 4.0;

/// Values and noise of a clean metric at these times.
type Make = fn(&mut Draw, &[i64]) -> (Vec<f64>, f64);

pub struct Family {
    pub name: &'static str,
    make: Make,
    placed: bool,
    /// Kinds of its anomalies.
    spoilt: std::ops::Range<usize>,
}

pub struct Metric {
    pub x: Vec<f64>,
    pub at: Vec<i64>,
    /// The first and the last row at which an alert of an anomaly is in time.
    pub windows: Vec<(usize, usize)>,
    /// The kind of each anomaly, as a number of [`ANOMALIES`].
    pub kinds: Vec<usize>,
}

/// Kinds of anomalies.
pub const ANOMALIES: [&str; 10] = [
    "spike",
    "dip",
    "shift",
    "outage",
    "flat line",
    "noise",
    "ramp",
    "another hour",
    "shift stays",
    "noise stays",
];
/// Kinds from here on last until the end: what is usual changes, and only the beginning is an anomaly.
const LASTING: usize = 8;

pub const FAMILIES: [Family; 11] = [
    Family { name: "flat", make: flat, placed: true, spoilt: 0..LASTING },
    Family { name: "flat heavy", make: flat_heavy, placed: true, spoilt: 0..LASTING },
    Family { name: "daily", make: daily, placed: true, spoilt: 0..LASTING },
    Family { name: "weekly", make: weekly, placed: true, spoilt: 0..LASTING },
    Family { name: "volume", make: volume, placed: false, spoilt: 0..LASTING },
    Family { name: "busy hours", make: busy_hours, placed: true, spoilt: 0..LASTING },
    Family { name: "jobs", make: jobs, placed: false, spoilt: 0..LASTING },
    Family { name: "wander", make: wander, placed: true, spoilt: 0..LASTING },
    Family { name: "usage", make: usage, placed: false, spoilt: 0..LASTING },
    Family { name: "pauses", make: pauses, placed: true, spoilt: 0..LASTING },
    Family { name: "moves", make: moves, placed: true, spoilt: LASTING..ANOMALIES.len() },
];

impl Family {
    pub fn draw(&self, seed: u64, number: usize) -> Metric {
        let mut d = Draw::new(seed, self.name, number);
        let at = times(&mut d);
        let (mut x, noise) = (self.make)(&mut d, &at);
        let spoilt = if number.is_multiple_of(4) {
            vec![]
        } else {
            spoil(&mut d, &mut x, &at, noise, self.spoilt.clone())
        };
        if self.placed {
            d.place(&mut x);
        }
        let kinds = spoilt.iter().map(|anomaly| anomaly.1).collect();
        Metric { x, at, windows: spoilt.into_iter().map(|anomaly| anomaly.0).collect(), kinds }
    }
}

fn times(d: &mut Draw) -> Vec<i64> {
    let step = d.one_of(&[1, 5, 5, 10, 15, 30, 60]) * MINUTE;
    let rows = ((d.between(8.0, 40.0) * DAY as f64 / step as f64) as usize).min(MOST_ROWS);
    let start = d.whole(0, 7 * 24) as i64 * 60 * MINUTE;
    let lost = if d.chance(0.3) { d.between(0.001, 0.05) } else { 0.0 };
    (0..rows as i64).map(|i| start + i * step).filter(|_| !d.chance(lost)).collect()
}

/// A day between 0 and 1: a smooth curve, or hours of work.
fn day(d: &mut Draw, at: &[i64]) -> Vec<f64> {
    let smooth = d.chance(0.5);
    let (phase, second, other) = (d.between(0.0, TAU), d.between(0.0, 0.6), d.between(0.0, TAU));
    let (open, hours) = (d.between(0.2, 0.5), d.between(0.2, 0.45));
    let edge = |t: f64| 1.0 / (1.0 + (-t * 40.0).exp());
    let shape = |hour: f64| {
        if smooth {
            0.5 + ((TAU * hour + phase).sin() + second * (2.0 * TAU * hour + other).sin())
                / (2.0 + 2.0 * second)
        } else {
            edge(hour - open) - edge(hour - open - hours)
        }
    };
    at.iter().map(|at| shape(at.rem_euclid(DAY) as f64 / DAY as f64)).collect()
}

/// A day, with weekends that are quieter.
fn week(d: &mut Draw, at: &[i64]) -> Vec<f64> {
    let quiet = d.between(0.1, 0.8);
    let mut y = day(d, at);
    for (y, at) in y.iter_mut().zip(at) {
        if at.div_euclid(DAY) % 7 >= 5 {
            *y *= quiet;
        }
    }
    y
}

fn rhythm(d: &mut Draw, at: &[i64]) -> Vec<f64> {
    if d.chance(0.4) {
        week(d, at)
    } else {
        day(d, at)
    }
}

fn flat(d: &mut Draw, at: &[i64]) -> (Vec<f64>, f64) {
    let rho = d.between(0.0, 0.95);
    (d.correlated(rho, at.len()), 1.0)
}

fn flat_heavy(d: &mut Draw, at: &[i64]) -> (Vec<f64>, f64) {
    let df = d.between(3.0, 10.0);
    let x = match d.whole(0, 3) {
        0 => d.student(df, at.len()),
        1 => d.laplace(at.len()),
        _ => (0..at.len()).map(|_| d.gamma(df / 2.0) / (df / 2.0).sqrt()).collect(),
    };
    (x, 1.5)
}

fn daily(d: &mut Draw, at: &[i64]) -> (Vec<f64>, f64) {
    let (size, rho) = (d.magnitude(2.0, 15.0), d.between(0.0, 0.8));
    let mut x = d.correlated(rho, at.len());
    add(&mut x, &day(d, at), size);
    (x, 1.0)
}

fn weekly(d: &mut Draw, at: &[i64]) -> (Vec<f64>, f64) {
    let (size, rho) = (d.magnitude(2.0, 15.0), d.between(0.0, 0.6));
    let mut x = d.correlated(rho, at.len());
    add(&mut x, &week(d, at), size);
    (x, 1.0)
}

fn volume(d: &mut Draw, at: &[i64]) -> (Vec<f64>, f64) {
    let (mean, least, shape) = (d.magnitude(3.0, 1000.0), d.between(0.02, 0.4), d.magnitude(3.0, 60.0));
    let day = rhythm(d, at);
    let x: Vec<f64> = day
        .iter()
        .map(|busy| {
            let burst = d.gamma(shape) / shape;
            d.poisson(mean * (least + busy) * burst)
        })
        .collect();
    (x, (mean + mean * mean / shape).sqrt())
}

fn busy_hours(d: &mut Draw, at: &[i64]) -> (Vec<f64>, f64) {
    let (rho, grows, size) = (d.between(0.0, 0.7), d.between(0.5, 4.0), d.between(0.0, 4.0));
    let busy = rhythm(d, at);
    let mut x = d.correlated(rho, at.len());
    for (x, busy) in x.iter_mut().zip(&busy) {
        *x *= 0.3 + grows * busy;
    }
    if d.chance(0.4) {
        x.iter_mut().for_each(|x| *x = (*x * 0.25).exp());
    }
    let noise = deviation(&x);
    add(&mut x, &busy, size * noise * d.sign());
    (x, noise)
}

fn jobs(d: &mut Draw, at: &[i64]) -> (Vec<f64>, f64) {
    let every = d.one_of(&[60, 120, 360, 720, 1440]) * MINUTE;
    let (first, size) = (d.whole(0, 1440) as i64 * MINUTE, d.magnitude(5.0, 30.0));
    let x = at.iter().map(|at| {
        let job = (at - first).rem_euclid(every) < 10 * MINUTE;
        d.normal().abs() * 0.5 + if job { size * d.gamma(20.0) / 20.0 } else { 0.0 }
    });
    (x.collect(), 1.0)
}

fn wander(d: &mut Draw, at: &[i64]) -> (Vec<f64>, f64) {
    let (speed, size) = (d.magnitude(0.02, 0.3), d.between(0.0, 4.0));
    let mut x = d.correlated(0.4, at.len());
    let steps = d.white(at.len());
    add(&mut x, &summed(steps), speed);
    add(&mut x, &day(d, at), size);
    if d.chance(0.4) {
        let unit = d.between(0.3, 1.5);
        x.iter_mut().for_each(|x| *x = (*x / unit).round() * unit);
    }
    (x, 1.0)
}

fn usage(d: &mut Draw, at: &[i64]) -> (Vec<f64>, f64) {
    let (idle, size) = (d.between(0.5, 4.0), d.between(0.0, 30.0));
    let mut x: Vec<f64> = at.iter().map(|_| idle * d.gamma(2.0)).collect();
    add(&mut x, &rhythm(d, at), size);
    let full = d.chance(0.3);
    x.iter_mut().for_each(|x| *x = if full { 100.0 - x.min(100.0) } else { x.min(100.0) });
    (x, idle * 2f64.sqrt())
}

/// Single rows stand out again and again, at regular times or at any.
fn pauses(d: &mut Draw, at: &[i64]) -> (Vec<f64>, f64) {
    let (every, regular, size) = (d.magnitude(40.0, 400.0), d.chance(0.5), d.magnitude(5.0, 30.0) * d.sign());
    let rho = d.between(0.0, 0.8);
    let mut x = d.correlated(rho, at.len());
    let rows = every as usize;
    for (i, x) in x.iter_mut().enumerate() {
        if if regular { i % rows == 0 } else { d.chance(1.0 / every) } {
            *x += size * d.gamma(20.0) / 20.0;
        }
    }
    (x, 1.0)
}

fn moves(d: &mut Draw, at: &[i64]) -> (Vec<f64>, f64) {
    let (size, rho) = (d.between(0.0, 8.0), d.between(0.0, 0.6));
    let mut x = d.correlated(rho, at.len());
    add(&mut x, &rhythm(d, at), size);
    (x, 1.0)
}

/// Makes up to three anomalies in the last four fifths; returns their windows, a tenth of the rows in all, and their kinds.
fn spoil(
    d: &mut Draw,
    x: &mut [f64],
    at: &[i64],
    noise: f64,
    kinds: std::ops::Range<usize>,
) -> Vec<((usize, usize), usize)> {
    let n = x.len();
    let wanted = d.whole(1, 4);
    let wide = n / 10 / wanted;
    let (whole, lowest) = (x.iter().all(|x| x.fract() == 0.0), x.iter().copied().fold(f64::MAX, f64::min));
    let half_day = at.iter().position(|t| t - at[0] >= DAY / 2).unwrap_or(n);
    let mut windows: Vec<((usize, usize), usize)> = vec![];
    for _ in 0..60 {
        if windows.len() == wanted {
            break;
        }
        let a = d.whole(n / 5, n - wide - 1);
        if windows.iter().any(|(w, _)| w.0.abs_diff(a) < 2 * wide) {
            continue;
        }
        let rows = ((d.between(0.02, 1.0) * wide as f64) as usize).clamp(3, wide.max(3));
        let size = d.magnitude(6.0, 25.0) * noise;
        let old = x[a..].to_vec();
        let few = a..a + d.whole(1, 4);
        let rest = a..a + rows.min(wide);
        let kind = d.whole(kinds.start, kinds.end);
        match kind {
            0 => x[few].iter_mut().for_each(|x| *x += size),
            1 => x[few].iter_mut().for_each(|x| *x -= size),
            2 => {
                let shift = size * d.sign();
                x[rest].iter_mut().for_each(|x| *x += shift);
            }
            3 => x[rest].fill(if lowest == 0.0 { 0.0 } else { lowest - 6.0 * noise }),
            4 => {
                let stuck = x[a];
                x[a..a + wide.min(rows.max(20))].fill(stuck);
            }
            5 => x[rest].iter_mut().for_each(|x| *x += d.normal() * size / 2.0),
            6 => {
                let length = rest.len() as f64;
                x[rest].iter_mut().enumerate().for_each(|(i, x)| *x += size * (i + 1) as f64 / length);
            }
            8 => {
                let shift = size * d.sign();
                x[a..].iter_mut().for_each(|x| *x += shift);
            }
            9 => x[a..].iter_mut().for_each(|x| *x += d.normal() * size / 2.0),
            _ if a >= half_day + rows => x.copy_within(a - half_day..a - half_day + rest.len(), a),
            _ => continue,
        }
        for x in &mut x[a..a + wide] {
            *x = if lowest >= 0.0 { x.max(0.0) } else { *x };
            *x = if whole { x.round() } else { *x };
        }
        let moved = |least: f64| x[a..].iter().zip(&old).position(|(x, old)| (x - old).abs() > least * noise);
        match (moved(SEEN), moved(1.0)) {
            (Some(_), Some(onset)) => windows.push(((a + onset, (a + onset + wide).min(n - 1)), kind)),
            _ => x[a..].copy_from_slice(&old),
        }
    }
    windows.sort_unstable();
    windows
}

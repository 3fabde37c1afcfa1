//! Series with changes at known rows.
//!
//! A change counts as one only if it is as large as [`SEEN`] standard errors under the model that made it: nobody who
//! knew the model would doubt it. Three series in ten have none.

use crate::draw::{add, summed, Draw};
use std::f64::consts::TAU;

/// Standard errors of the least change.
const SEEN: f64 = 6.0;

type Make = fn(&mut Draw, usize) -> Changing;

/// Values and the first rows of new segments.
pub type Changing = (Vec<f64>, Vec<usize>);

/// A family: its name, its lengths, what it makes, and whether unit and origin may be anything.
pub struct Family {
    pub name: &'static str,
    rows: (usize, usize),
    make: Make,
    placed: bool,
}

const fn family(name: &'static str, rows: (usize, usize), make: Make) -> Family {
    Family { name, rows, make, placed: true }
}

const fn fixed(name: &'static str, rows: (usize, usize), make: Make) -> Family {
    Family { name, rows, make, placed: false }
}

pub const FAMILIES: [Family; 23] = [
    family("level", (80, 1000), level),
    family("level correlated", (100, 1000), level_correlated),
    family("level heavy", (100, 1000), level_heavy),
    family("level skewed", (100, 1000), level_skewed),
    family("wrong rows", (100, 1000), wrong_rows),
    family("spread", (100, 1000), spread),
    family("slope", (60, 800), slope),
    family("short level", (15, 80), short_level),
    family("short slope", (20, 80), short_slope),
    family("curve", (60, 800), curve),
    family("smooth", (60, 800), smooth),
    family("walk", (100, 800), walk),
    family("volatility", (100, 800), volatility),
    family("counter", (100, 1000), counter),
    family("season", (60, 600), season),
    family("long season", (600, 4000), long_season),
    family("season growing", (60, 500), season_growing),
    family("proportional", (60, 600), proportional),
    fixed("counts", (100, 1000), counts),
    fixed("flags", (150, 1000), flags),
    fixed("percent", (80, 600), percent),
    family("digits", (80, 600), digits),
    family("regime", (80, 600), regime),
];

impl Family {
    pub fn draw(&self, seed: u64, number: usize) -> Changing {
        let mut d = Draw::new(seed, self.name, number);
        let rows = d.magnitude(self.rows.0 as f64, self.rows.1 as f64).round() as usize;
        let (mut x, cuts) = (self.make)(&mut d, rows);
        if self.placed {
            d.place(&mut x);
        }
        (x, cuts)
    }
}

/// Cuts, as many as `most`, none nearer than `least` rows to another or an end.
fn cuts(d: &mut Draw, n: usize, most: usize, least: usize) -> Vec<usize> {
    let wanted = if d.chance(0.3) { 0 } else { d.whole(1, most + 1) };
    let mut cuts: Vec<usize> = vec![];
    for _ in 0..60 {
        if cuts.len() == wanted || 2 * least >= n {
            break;
        }
        let cut = d.whole(least, n - least);
        if cuts.iter().all(|c| c.abs_diff(cut) >= least) {
            cuts.push(cut);
        }
    }
    cuts.sort_unstable();
    cuts
}

/// Adds to each segment what `next` returns for its number of rows and those of the one before; it starts at 0.
fn staircase(n: usize, cuts: &[usize], mut next: impl FnMut(usize, usize) -> f64) -> Vec<f64> {
    let mut y = vec![0.0; n];
    let mut level = 0.0;
    for (i, &cut) in cuts.iter().enumerate() {
        let before = cut - if i == 0 { 0 } else { cuts[i - 1] };
        let end = cuts.get(i + 1).copied().unwrap_or(n);
        level += next(before, end - cut);
        y[cut..end].fill(level);
    }
    y
}

/// Levels of `low` to `high` standard deviations apart; `worth` is what a row is worth of an independent one.
fn levels(d: &mut Draw, n: usize, cuts: &[usize], worth: f64, low: f64, high: f64) -> Vec<f64> {
    staircase(n, cuts, |before, after| {
        let error = ((1.0 / before as f64 + 1.0 / after as f64) / worth).sqrt();
        d.magnitude(low, high).max(SEEN * error) * d.sign()
    })
}

fn level(d: &mut Draw, n: usize) -> Changing {
    let cuts = cuts(d, n, 6, (n / 12).max(6));
    let mut x = levels(d, n, &cuts, 1.0, 1.5, 6.0);
    add(&mut x, &d.white(n), 1.0);
    (x, cuts)
}

fn level_correlated(d: &mut Draw, n: usize) -> Changing {
    let rho = d.between(0.2, 0.9);
    let cuts = cuts(d, n, 4, (n / 10).max(8));
    let mut x = levels(d, n, &cuts, (1.0 - rho) / (1.0 + rho), 1.5, 6.0);
    add(&mut x, &d.correlated(rho, n), 1.0);
    (x, cuts)
}

fn level_heavy(d: &mut Draw, n: usize) -> Changing {
    let cuts = cuts(d, n, 5, (n / 12).max(8));
    let mut x = levels(d, n, &cuts, 1.0, 1.5, 6.0);
    let df = d.between(2.2, 5.0);
    let noise = if d.chance(0.7) { d.student(df, n) } else { d.laplace(n) };
    add(&mut x, &noise, 1.0);
    (x, cuts)
}

fn level_skewed(d: &mut Draw, n: usize) -> Changing {
    let cuts = cuts(d, n, 5, (n / 12).max(8));
    let mut x = levels(d, n, &cuts, 1.0, 2.0, 6.0);
    let shape = d.between(0.7, 6.0);
    let noise: Vec<f64> = (0..n).map(|_| d.gamma(shape) / shape.sqrt()).collect();
    add(&mut x, &noise, d.sign());
    (x, cuts)
}

fn wrong_rows(d: &mut Draw, n: usize) -> Changing {
    let (mut x, cuts) = level(d, n);
    let share = d.between(0.003, 0.03);
    for x in &mut x {
        if d.chance(share) {
            *x += d.magnitude(6.0, 1000.0) * d.sign();
        }
    }
    (x, cuts)
}

fn spread(d: &mut Draw, n: usize) -> Changing {
    let cuts = cuts(d, n, 3, (n / 8).max(25));
    let log = staircase(n, &cuts, |_, _| d.magnitude(2.5, 6.0).ln() * d.sign());
    let x = d.white(n).iter().zip(log).map(|(x, log)| x * log.exp()).collect();
    (x, cuts)
}

/// A line that turns at each cut, with a jump or without.
fn broken(d: &mut Draw, n: usize, cuts: &[usize], rho: f64) -> Vec<f64> {
    let worth = (1.0 - rho) / (1.0 + rho);
    let first = d.normal() * 8.0 / n as f64;
    let turns = staircase(n, cuts, |before, after| {
        let error = (24.0 / worth).sqrt() / (before.min(after) as f64).powf(1.5);
        (d.magnitude(8.0, 60.0) / n as f64).max(SEEN * error) * d.sign()
    });
    let mut x = summed(turns.into_iter().map(|turn| first + turn).collect());
    for &cut in cuts {
        if d.chance(0.4) {
            let jump = d.between(3.0, 8.0) * d.sign();
            x[cut..].iter_mut().for_each(|x| *x += jump);
        }
    }
    add(&mut x, &d.correlated(rho, n), 1.0);
    x
}

fn slope(d: &mut Draw, n: usize) -> Changing {
    let cuts = cuts(d, n, 3, (n / 6).max(10));
    let rho = d.between(0.0, 0.6);
    (broken(d, n, &cuts, rho), cuts)
}

fn short_level(d: &mut Draw, n: usize) -> Changing {
    let rho = d.between(0.0, 0.6);
    let cuts = cuts(d, n, 2, (n / 5).max(5));
    let mut x = levels(d, n, &cuts, (1.0 - rho) / (1.0 + rho), 2.0, 8.0);
    add(&mut x, &d.correlated(rho, n), 1.0);
    (x, cuts)
}

fn short_slope(d: &mut Draw, n: usize) -> Changing {
    let cuts = cuts(d, n, 2, (n / 4).max(7));
    let rho = d.between(0.0, 0.5);
    let x = broken(d, n, &cuts, rho);
    let growth = d.magnitude(0.005, 0.05);
    (if d.chance(0.3) { x.into_iter().map(|x| (x * growth).exp()).collect() } else { x }, cuts)
}

fn curve(d: &mut Draw, n: usize) -> Changing {
    let size = d.magnitude(5.0, 60.0) * d.sign();
    let mut x = bow(d, n, size);
    add(&mut x, &d.white(n), 1.0);
    let cuts = cuts(d, n, 1, (n / 8).max(10));
    add(&mut x, &levels(d, n, &cuts, 1.0, 8.0, 15.0), 1.0);
    (x, cuts)
}

/// Curves of so little noise that each row goes the way of the last one. They have no changes.
fn smooth(d: &mut Draw, n: usize) -> Changing {
    let size = d.magnitude(60.0, 20_000.0) * d.sign();
    let mut x = bow(d, n, size);
    let noise = if d.chance(0.5) { d.any_noise(n) } else { summed(d.white(n)) };
    add(&mut x, &noise, 1.0);
    (x, vec![])
}

/// A curve: a logistic one, a parabola, a wave or an exponential one.
fn bow(d: &mut Draw, n: usize, size: f64) -> Vec<f64> {
    let kind = d.whole(0, 4);
    let (a, b) = (d.between(0.3, 0.7), d.between(0.5, 2.0));
    let shape = |t: f64| match kind {
        0 => 1.0 / (1.0 + (-(t - a) * 8.0 * b).exp()),
        1 => 2.0 * (t - a).powi(2),
        2 => 0.5 * (TAU * (b * t + a)).sin(),
        _ => (1.5 * b * t).exp() / 8.0,
    };
    (0..n).map(|i| size * shape(i as f64 / n as f64)).collect()
}

fn walk(d: &mut Draw, n: usize) -> Changing {
    let cuts = cuts(d, n, 2, (n / 8).max(10));
    let df = d.between(3.0, 12.0);
    let mut steps = d.student(df, n);
    for &cut in &cuts {
        steps[cut] = d.between(12.0, 25.0) * d.sign();
    }
    let mut x = summed(steps);
    let noise = d.between(0.0, 0.7);
    add(&mut x, &d.white(n), noise);
    (x, cuts)
}

/// A walk whose steps become larger at one row.
fn volatility(d: &mut Draw, n: usize) -> Changing {
    let cuts = cuts(d, n, 1, n / 5);
    let mut steps = d.white(n);
    for &cut in &cuts {
        let factor = d.magnitude(4.0, 10.0);
        steps[cut..].iter_mut().for_each(|x| *x *= factor);
    }
    (summed(steps), cuts)
}

/// A sum of what came in each row, of which more or less comes at each cut, or nothing for a while; it may begin again at 0.
fn counter(d: &mut Draw, n: usize) -> Changing {
    let cuts = cuts(d, n, 3, (n / 8).max(25));
    let shape = d.magnitude(1.0, 100.0);
    let stands = d.chance(0.3);
    let mut rate: f64 = 1.0;
    let shift = staircase(n, &cuts, |before, after| {
        let error = (1.0 / shape).sqrt() * (1.0 / before as f64 + 1.0 / after as f64).sqrt();
        let next = match rate {
            0.0 => d.magnitude(0.5, 2.0),
            _ if stands => 0.0,
            _ => rate * (d.sign() * d.between(0.4, 1.5).max((SEEN * error).ln_1p().min(3.0))).exp(),
        };
        let step = next - rate;
        rate = next;
        step
    });
    let mut x: Vec<f64> =
        summed(shift.into_iter().map(|shift| (1.0 + shift) * d.gamma(shape) / shape).collect());
    if d.chance(0.2) {
        for cut in &cuts {
            let so_far = x[*cut];
            x[*cut..].iter_mut().for_each(|x| *x -= so_far);
        }
    }
    (x, cuts)
}

fn season(d: &mut Draw, n: usize) -> Changing {
    let period = d.one_of(&[4, 7, 12, 24]);
    let cuts = if n > 5 * period { cuts(d, n, 3, (n / 8).max(2 * period)) } else { vec![] };
    let mut x = levels(d, n, &cuts, 1.0, 1.5, 10.0);
    let size = d.magnitude(0.5, 5.0);
    add(&mut x, &d.season(period as f64, n), size);
    add(&mut x, &d.any_noise(n), 1.0);
    (x, cuts)
}

/// Levels under a season of more rows than a day has hours: a curve, or hours in which there is more.
fn long_season(d: &mut Draw, n: usize) -> Changing {
    let period = d.magnitude(48.0, (n as f64 / 6.0).min(300.0)).round();
    let cuts = cuts(d, n, 3, (n / 8).max(period as usize));
    let mut x = levels(d, n, &cuts, 1.0, 1.5, 10.0);
    let size = d.magnitude(0.7, 7.0);
    if d.chance(0.7) {
        add(&mut x, &d.season(period, n), size);
    } else {
        let (first, hours) = (d.between(0.0, 1.0), d.between(0.25, 0.6));
        let busy = |i: usize| (i as f64 / period + first).fract() < hours;
        x.iter_mut().enumerate().filter(|(i, _)| busy(*i)).for_each(|(_, x)| *x += 2.0 * size);
    }
    add(&mut x, &d.any_noise(n), 1.0);
    (x, cuts)
}

fn season_growing(d: &mut Draw, n: usize) -> Changing {
    let (mut x, cuts) = season(d, n);
    let growth = d.normal() * 5.0 / n as f64;
    let scale = d.magnitude(0.02, 0.1);
    for (i, x) in x.iter_mut().enumerate() {
        *x = ((*x + growth * i as f64) * scale).exp();
    }
    (x, cuts)
}

fn proportional(d: &mut Draw, n: usize) -> Changing {
    let (x, cuts) = level(d, n);
    let scale = d.between(0.1, 0.4);
    (x.into_iter().map(|x| (x * scale).exp()).collect(), cuts)
}

fn counts(d: &mut Draw, n: usize) -> Changing {
    let cuts = cuts(d, n, 4, (n / 10).max(20));
    let first = d.magnitude(0.3, 50.0);
    let mut log = f64::ln(first);
    let shift = staircase(n, &cuts, |before, after| {
        let error = (2.0 / (before.min(after) as f64 * log.exp())).sqrt();
        let up = log < 0.0 || d.chance(0.5);
        let step = d.between(0.5, 2.0).max(SEEN * error).min(4.0) * if up { 1.0 } else { -1.0 };
        log += step;
        step
    });
    let bursts = d.chance(0.3).then(|| d.between(3.0, 10.0));
    let x = shift.into_iter().map(|shift| {
        let rate = first * shift.exp();
        let rate = bursts.map_or(rate, |shape| rate * d.gamma(shape) / shape);
        d.poisson(rate)
    });
    (x.collect(), cuts)
}

fn flags(d: &mut Draw, n: usize) -> Changing {
    let cuts = cuts(d, n, 3, (n / 8).max(40));
    let first = d.between(0.02, 0.3);
    let mut share = first;
    let shift = staircase(n, &cuts, |_, _| {
        let next = if share < 0.45 { share + d.between(0.35, 0.5) } else { d.between(0.01, share - 0.35) };
        let step = next - share;
        share = next;
        step
    });
    (shift.into_iter().map(|shift| f64::from(d.chance(first + shift))).collect(), cuts)
}

fn percent(d: &mut Draw, n: usize) -> Changing {
    let cuts = cuts(d, n, 4, (n / 10).max(8));
    let sd = d.between(1.0, 8.0);
    let mut at = d.between(10.0, 90.0);
    let first = at;
    // Turning back at the ends keeps every change visible.
    let shift = staircase(n, &cuts, |_, _| {
        let step = d.between(3.0, 6.0) * sd;
        let up = at + step < 97.0 && (at - step < 3.0 || d.chance(0.5));
        let step = if up { step } else { -step };
        at += step;
        step
    });
    (shift.into_iter().map(|shift| (first + shift + sd * d.normal()).clamp(0.0, 100.0)).collect(), cuts)
}

fn digits(d: &mut Draw, n: usize) -> Changing {
    let (x, cuts) = level(d, n);
    let unit = d.between(0.3, 2.0);
    (x.into_iter().map(|x| (x / unit).round() * unit).collect(), cuts)
}

/// A stay at another level, long enough to be one, that ends.
fn regime(d: &mut Draw, n: usize) -> Changing {
    let mut x = d.any_noise(n);
    let stay = d.whole(12, n / 4);
    let start = d.whole(20, n - stay - 15);
    let size = d.between(4.0, 10.0) * d.sign();
    x[start..start + stay].iter_mut().for_each(|x| *x += size);
    (x, vec![start, start + stay])
}

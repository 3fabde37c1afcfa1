//! Forecasts every row of series from the rows before it, for `benches/detection/forecast.py`.
//!
//! Argument: how many rows ahead, at most a day; 1 by default. Input: `name rows`, then a row per line, `value microseconds`. Output: for each series its name, the number of rows
//! that were forecast, the mean absolute errors of the detector, of the last row and of the row a day before it, and the
//! share of rows inside the 95 % interval.

use std::collections::{HashMap, VecDeque};
use std::io::{stdin, BufRead};
use tally_stats::detector::{Detector, Forecast, Options, Settings};

const DAY: i64 = 86_400_000_000;
/// The days that are not counted: the season has to be seen first.
const FIRST: i64 = 2 * DAY;

fn main() {
    let settings = Settings::DEFAULT;
    let ahead: usize = std::env::args().nth(1).map_or(1, |ahead| ahead.parse().expect("a number of rows"));
    let mut lines = stdin().lock().lines().map(|line| line.expect("text"));
    while let Some(head) = lines.next() {
        let (name, rows) = head.split_once(' ').expect("name and rows");
        let mut detector = Detector::new(true, Options::new(true));
        let (mut count, mut errors, mut inside) = (0u32, [0.0; 3], 0u32);
        let mut before: HashMap<i64, f64> = HashMap::new();
        let (mut said, mut first) = (VecDeque::new(), None);
        for _ in 0..rows.parse().expect("rows") {
            let line = lines.next().expect("a row");
            let (value, at) = line.split_once(' ').expect("value and time");
            let (x, at): (f64, i64) = (value.parse().expect("a value"), at.parse().expect("a time"));
            let yesterday = before.get(&(at - DAY));
            let seen = at - *first.get_or_insert(at) >= FIRST;
            let forecast = if said.len() == ahead { said.pop_front() } else { None };
            if let (true, Some((Some(forecast), last)), Some(yesterday)) = (seen, forecast, yesterday) {
                let forecast: Forecast = forecast;
                count += 1;
                for (error, said) in errors.iter_mut().zip([forecast.mean, last, *yesterday]) {
                    *error += (x - said).abs();
                }
                inside += u32::from(x >= forecast.low && x <= forecast.high);
            }
            detector.observe(Some(x), Some(at), &settings).expect("rows in order");
            before.insert(at, x);
            said.push_back((detector.forecast(ahead as f64, &settings), x));
        }
        let n = f64::from(count.max(1));
        println!(
            "{name} {count} {} {} {} {}",
            errors[0] / n,
            errors[1] / n,
            errors[2] / n,
            f64::from(inside) / n
        );
    }
}

//! Runs the detector over series and prints what it found, for `benches/detection/run.py`.
//!
//! Input: `name rows timed`, then a row per line, `value` or `value microseconds`; a value that is no number is
//! missing. Output: for each series a line of JSON. Arguments: `setting=value`.

use std::io::{stdin, BufRead};
use tally_stats::detector::{Detector, Options, Settings};

fn main() {
    let mut settings = Settings::DEFAULT;
    for argument in std::env::args().skip(1) {
        let (name, value) = argument.split_once('=').expect("setting=value");
        assert!(settings.set(name, value.parse().expect("a number")), "no setting {name}");
    }
    let mut lines = stdin().lock().lines().map(|line| line.expect("text"));
    while let Some(head) = lines.next() {
        let head: Vec<&str> = head.split(' ').collect();
        let timed = head[2] == "1";
        let mut detector = Detector::new(timed, Options::new(timed));
        let (mut live, mut delays, mut surprises, mut longest) = (vec![], vec![], vec![], 0);
        let rows: usize = head[1].parse().expect("rows");
        for i in 0..rows {
            let line = lines.next().expect("a row");
            let mut fields = line.split(' ');
            let value = fields.next().and_then(|x| x.parse().ok());
            let at = fields.next().map(|at| at.parse().expect("a time"));
            let before = detector.last_alert();
            detector.observe(value, at, &settings).expect("rows in order");
            if let Some((start, row)) = detector.last_alert().filter(|alert| Some(*alert) != before) {
                live.push(start);
                delays.push(row - start);
            }
            if timed {
                surprises.push(detector.alert(&settings));
            }
            if i % 16 == 0 {
                longest = longest.max(detector.to_bytes().len());
            }
        }
        println!(
            "{{\"name\":\"{}\",\"end\":{:?},\"live\":{live:?},\"delays\":{delays:?},\"bytes\":{longest},\"scores\":{surprises:?}}}",
            head[0],
            detector.starts(&settings)
        );
    }
}

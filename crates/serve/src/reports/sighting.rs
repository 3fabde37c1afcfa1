//! A change as a run sees it, and whether it has been told before.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Microseconds of a week.
const WEEK: i64 = 7 * 86_400 * 1_000_000;

/// A change as a run sees it. Times are microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    pub series: Option<String>,
    pub kind: String,
    pub at: i64,
    /// The time at which the detector was sure; it stays when the place of a change still moves.
    pub alerted: Option<i64>,
    pub ended: Option<i64>,
    pub difference: f64,
    pub low: f64,
    pub high: f64,
    /// Series that changed with it and are told with it.
    pub slices: Vec<String>,
}

/// A change that was found, with all that the database says of it.
#[derive(Debug, Clone)]
pub struct Found {
    pub sighting: Sighting,
    /// The row, as `to_jsonb` writes it.
    pub row: Value,
}

/// A change that has been told.
#[derive(Debug, Clone)]
pub struct Told {
    pub change: i64,
    pub sighting: Sighting,
}

/// Whether a change is news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    New,
    /// Told before, as this change.
    Known(i64),
    /// The end of this change, or its opposite a week later.
    Echo(i64),
}

impl Sighting {
    /// The uncertainty of its time, if it is known: the detector is sure after five rows or more, and the place of a
    /// change is known to within about as many.
    fn slack(&self) -> Option<i64> {
        self.alerted.map(|alerted| alerted.abs_diff(self.at) as i64).filter(|slack| *slack > 0)
    }

    fn is_of(&self, told: &Self) -> bool {
        self.series == told.series || self.series.as_ref().is_some_and(|series| told.slices.contains(series))
    }

    /// Whether both are of a kind; what is young may be taken for another slope or another level.
    fn is_like(&self, told: &Self) -> bool {
        (self.kind == "variance") == (told.kind == "variance")
    }

    /// The distance in time to the same change as it was told, if it may be the same.
    fn distance(&self, told: &Self, usual: i64) -> Option<i64> {
        if !self.is_of(told) || !self.is_like(told) || (self.difference > 0.0) != (told.difference > 0.0) {
            return None;
        }
        if self.alerted.is_some() && self.alerted == told.alerted {
            return Some(0);
        }
        let distance = self.at.abs_diff(told.at) as i64;
        (distance <= uncertainty(self, told, usual)).then_some(distance)
    }

    /// Whether this is how another ended, or its opposite a week later, as differences to the week before have it.
    fn echoes(&self, told: &Self, usual: i64) -> bool {
        if !self.is_of(told) || self.kind != "level" || told.kind != "level" {
            return false;
        }
        if (self.difference > 0.0) == (told.difference > 0.0) {
            return false;
        }
        let within = |at: i64| self.at.abs_diff(at) as i64 <= uncertainty(self, told, usual);
        let is_as_large = self.low <= -told.low && -told.high <= self.high;
        told.ended.is_some_and(within) || is_as_large && within(told.at.saturating_add(WEEK))
    }
}

fn uncertainty(one: &Sighting, other: &Sighting, usual: i64) -> i64 {
    one.slack().max(other.slack()).unwrap_or(usual)
}

/// Judges the changes of a run, each of which is at most one of those told, the nearest.
pub fn judge(found: &[Sighting], told: &[Told]) -> Vec<Verdict> {
    let all = found.iter().chain(told.iter().map(|told| &told.sighting));
    // Of a change that never was sure, the rows are about as far apart as elsewhere.
    let usual = all.filter_map(Sighting::slack).min().unwrap_or(0);
    let mut verdicts = vec![Verdict::New; found.len()];
    let mut pairs: Vec<(i64, usize, usize)> = Vec::new();
    for (i, sighting) in found.iter().enumerate() {
        let distances = told.iter().enumerate();
        pairs.extend(
            distances.filter_map(|(j, told)| Some((sighting.distance(&told.sighting, usual)?, i, j))),
        );
    }
    pairs.sort_unstable();
    let mut taken = vec![false; told.len()];
    for (_, i, j) in pairs {
        if verdicts[i] == Verdict::New && !taken[j] {
            verdicts[i] = Verdict::Known(told[j].change);
            taken[j] = true;
        }
    }
    for (verdict, sighting) in verdicts.iter_mut().zip(found) {
        if *verdict == Verdict::New {
            let echoed = told.iter().find(|told| sighting.echoes(&told.sighting, usual));
            *verdict = echoed.map_or(Verdict::New, |told| Verdict::Echo(told.change));
        }
    }
    verdicts
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn step(series: &str, hour: i64, difference: f64) -> Sighting {
        Sighting {
            series: Some(series.into()),
            kind: "level".into(),
            at: hour * HOUR,
            alerted: Some((hour + 5) * HOUR),
            ended: None,
            difference,
            low: difference - 1.0,
            high: difference + 1.0,
            slices: Vec::new(),
        }
    }

    fn told(sightings: &[Sighting]) -> Vec<Told> {
        let number =
            |(i, sighting): (usize, &Sighting)| Told { change: i as i64 + 1, sighting: sighting.clone() };
        sightings.iter().enumerate().map(number).collect()
    }

    #[test]
    fn a_change_that_moves_is_the_same() {
        let known = told(&[step("a", 100, 5.0)]);
        let judged = |found: Sighting| judge(&[found], &known)[0];
        assert_eq!(judged(step("a", 104, 6.0)), Verdict::Known(1));
        assert_eq!(judged(Sighting { at: 50 * HOUR, ..step("a", 100, 5.0) }), Verdict::Known(1), "one alert");
        assert_eq!(judged(Sighting { kind: "slope".into(), ..step("a", 102, 0.1) }), Verdict::Known(1));
        assert_eq!(judged(step("a", 106, 5.0)), Verdict::New, "too far");
        assert_eq!(judged(step("b", 100, 5.0)), Verdict::New, "another series");
        assert_eq!(judged(step("a", 101, -5.0)), Verdict::New, "the other way");
        assert_eq!(judged(Sighting { kind: "variance".into(), ..step("a", 100, 5.0) }), Verdict::New);
    }

    #[test]
    fn each_is_at_most_one_of_those_told() {
        let known = told(&[step("a", 100, 5.0)]);
        assert_eq!(
            judge(&[step("a", 103, 5.0), step("a", 101, 5.0)], &known),
            [Verdict::New, Verdict::Known(1)]
        );
        let known = told(&[step("a", 100, 5.0), step("a", 104, 5.0)]);
        assert_eq!(
            judge(&[step("a", 103, 5.0), step("a", 101, 5.0)], &known),
            [Verdict::Known(2), Verdict::Known(1)]
        );
    }

    #[test]
    fn without_an_alert_rows_are_as_far_apart_as_elsewhere() {
        let unsure = |hour| Sighting { alerted: None, ..step("a", hour, 5.0) };
        assert_eq!(judge(&[unsure(101)], &told(&[unsure(100)])), [Verdict::New], "nothing is known of rows");
        let known = told(&[unsure(100), step("b", 7, 1.0)]);
        assert_eq!(judge(&[unsure(101), unsure(120)], &known), [Verdict::Known(1), Verdict::New]);
    }

    #[test]
    fn ends_and_echoes_are_not_new() {
        let known = told(&[Sighting { ended: Some(150 * HOUR), ..step("a", 100, 5.0) }]);
        assert_eq!(judge(&[step("a", 151, -3.0)], &known), [Verdict::Echo(1)], "its end");
        let known = told(&[step("a", 100, 5.0)]);
        assert_eq!(judge(&[step("a", 268, -5.5)], &known), [Verdict::Echo(1)], "a week later");
        assert_eq!(judge(&[step("a", 268, -9.0)], &known), [Verdict::New], "not as large");
        assert_eq!(judge(&[step("a", 280, -5.0)], &known), [Verdict::New], "not a week later");
        assert_eq!(judge(&[step("a", 268, 5.0)], &known), [Verdict::New], "not the opposite");
    }

    #[test]
    fn what_was_told_as_a_slice_is_known() {
        let known = told(&[Sighting { slices: vec!["a/b".into()], ..step("a", 100, 5.0) }]);
        assert_eq!(judge(&[step("a/b", 101, 2.0)], &known), [Verdict::Known(1)]);
    }
}

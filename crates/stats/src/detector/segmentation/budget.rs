//! The number of segment starts that fit into a stored state together with its candidates.
//!
//! Tests derive all sizes from what the codec writes.

/// Bytes for candidates and starts: the size of a state less the most that all other parts take.
pub const ROOM: usize = 944;
/// Bytes of these that long row numbers in the other parts take.
pub const LONG_ROWS: usize = 24;
/// Bytes of a candidate.
const CANDIDATE: usize = 69;
/// Bytes of a start without its row number.
const START: usize = 37;
/// Further bytes of a start that was alerted, without the row number of the alert.
const ALERTED: usize = 8;
/// Bytes of a row number, and the number from which it takes more.
const ROW: usize = 5;
const LONG_ROW: usize = 9;
const LONG: u64 = 1 << 32;

/// Number of starts that fit alongside the candidates, if no row is after `row` and `alerted` of the starts were
/// alerted.
pub fn most_starts(row: u64, candidates: usize, alerted: usize) -> usize {
    let (number, room) = if row < LONG { (ROW, ROOM) } else { (LONG_ROW, ROOM - LONG_ROWS) };
    room.saturating_sub(CANDIDATE * candidates + (ALERTED + number) * alerted) / (START + number)
}

#[cfg(test)]
mod tests {
    use super::super::census::{Census, CensusReading};
    use super::super::paths::{Start, NONE};
    use super::super::segment::Segment;
    use super::super::{Candidate, Reading};
    use super::*;
    use crate::detector::alerts::Alerted;
    use crate::detector::codec::write;
    use crate::detector::numbers::{Brief, LogOdds};
    use serde::Serialize;

    fn size(part: &impl Serialize) -> usize {
        let mut bytes = Vec::new();
        write(part, &mut bytes);
        bytes.len()
    }

    fn start(row: u64, alerted: Option<Alerted>) -> Start {
        let error = Brief::default();
        let before = Reading {
            level: 0.0,
            slope: 0.0,
            level_error: error,
            slope_error: error,
            noise: error,
            weight: error,
            census: CensusReading::default(),
        };
        Start { row, at: i64::MIN, parent: NONE, before: Some(before), probability: LogOdds::NEVER, alerted }
    }

    #[test]
    fn sizes_are_those_that_the_codec_writes() {
        let (segment, census) = (Segment::default(), Census::default());
        let candidate = Candidate { start: 0, score: 0.0, weight: 0.0, segment, census };
        assert_eq!(size(&candidate), CANDIDATE);
        for (row, number) in [(LONG - 1, ROW), (LONG, LONG_ROW), (u64::MAX, LONG_ROW)] {
            assert_eq!(size(&row), number);
            assert_eq!(size(&start(row, None)), START + number);
            let alerted = start(row, Some(Alerted { row, at: i64::MIN }));
            assert_eq!(size(&alerted), START + number + ALERTED + number);
        }
    }
}

//! Widths that are easy to read, for chosen leaves and for steps of charts.

use super::position::{Position, DAY};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Widths from a second to half a day, in microseconds.
const CLOCK: [i64; 17] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
];

/// Returns the fixed widths for a kind of positions, the narrowest first.
pub fn readable_widths(position: Position) -> Vec<i64> {
    match position {
        Position::Bigint => decimal(19).collect(),
        Position::Date => decimal(4).collect(),
        // Fractions of a second, then of the clock, then whole days.
        Position::Timestamp | Position::Timestamptz => {
            decimal(6).chain(CLOCK).chain(decimal(4).map(|days| days * DAY)).collect()
        }
    }
}

/// Returns the buckets by which people group most, the narrowest first.
pub fn usual_buckets(position: Position) -> &'static [i64] {
    match position {
        Position::Bigint => &[],
        Position::Date => &[1],
        Position::Timestamp | Position::Timestamptz => &[MINUTE, HOUR, DAY],
    }
}

/// Returns 1, 2 and 5 times this many powers of ten.
pub fn decimal(powers: u32) -> impl Iterator<Item = i64> {
    (0..powers).flat_map(|power| [1, 2, 5].map(|number| number * 10_i64.pow(power)))
}

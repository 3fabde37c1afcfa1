//! Odds of two models.

use crate::detector::numbers::Short;

/// The bound on the odds of two models, so that the less probable one can recover; short numbers hold it exactly.
pub const MOST_ODDS: f64 = (1u64 << 56) as f64;

/// Odds within their bound.
pub fn odds(odds: f64) -> Short {
    Short::new(odds.clamp(1.0 / MOST_ODDS, MOST_ODDS))
}

/// Whether odds are within their bound.
pub fn possible_odds(odds: Short) -> bool {
    (1.0 / MOST_ODDS..=MOST_ODDS).contains(&odds.get())
}

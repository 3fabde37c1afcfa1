//! Odds of two models.

/// The bound on the odds of two models, so that the less probable one can recover.
pub const MOST_ODDS: f64 = 1e17;

/// Odds within their bound.
pub fn odds(odds: f64) -> f32 {
    odds.clamp(1.0 / MOST_ODDS, MOST_ODDS) as f32
}

/// Whether odds are within their bound.
pub fn possible_odds(odds: f32) -> bool {
    ((1.0 / MOST_ODDS) as f32..=MOST_ODDS as f32).contains(&odds)
}

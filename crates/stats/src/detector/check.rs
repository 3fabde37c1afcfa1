//! Checks of a state: conditions on its parts, when it is read and after every row.

/// The largest magnitude of a value in the detector's unit; actual values stay far below.
pub const MOST_VALUE: f64 = 1e30;
/// The largest sum of squares of values in the detector's unit.
pub const MOST_SQUARES: f64 = 1e80;
/// The largest number of rows that a double counts exactly.
pub const MOST_ROWS: f64 = (1u64 << 53) as f64;

/// The reason why no series leads to a state, as a clause that says what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Rows, times or starts of segments that do not fit together.
    Structure(&'static str),
    /// A number that is not finite, or out of its range.
    Number(&'static str),
}

/// The outcome of a check.
pub type Check = Result<(), Flaw>;

/// Checks how the parts of a state fit together.
#[inline]
pub fn structure(holds: bool, flaw: &'static str) -> Check {
    if holds {
        Ok(())
    } else {
        Err(Flaw::Structure(flaw))
    }
}

/// Checks a number.
#[inline]
pub fn number(holds: bool, flaw: &'static str) -> Check {
    if holds {
        Ok(())
    } else {
        Err(Flaw::Number(flaw))
    }
}

/// The gravest of several outcomes: a flaw of the structure outweighs one of the numbers.
pub fn gravest<const N: usize>(checks: [Check; N]) -> Check {
    let misfit = checks.iter().find(|check| matches!(check, Err(Flaw::Structure(_))));
    misfit.or_else(|| checks.iter().find(|check| check.is_err())).copied().unwrap_or(Ok(()))
}

/// Whether a number of either sign has at most this magnitude.
pub fn within(x: f64, most: f64) -> bool {
    (-most..=most).contains(&x)
}

/// Whether a number is between 0 and this.
pub fn up_to(x: f64, most: f64) -> bool {
    (0.0..=most).contains(&x)
}

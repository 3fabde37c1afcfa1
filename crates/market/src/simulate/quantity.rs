//! Parsers of numbers on the command line, which check their range.

/// Parses a finite number.
pub fn finite(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|x: &f64| x.is_finite()).ok_or_else(|| "expected a number".into())
}

/// Parses a number above zero.
pub fn positive(text: &str) -> Result<f64, String> {
    finite(text).ok().filter(|x| *x > 0.0).ok_or_else(|| "expected a number above zero".into())
}

/// Parses a number that is not negative.
pub fn not_negative(text: &str) -> Result<f64, String> {
    finite(text).ok().filter(|x| *x >= 0.0).ok_or_else(|| "expected a number that is not negative".into())
}

/// Parses a number between 0 and 1.
pub fn share(text: &str) -> Result<f64, String> {
    finite(text)
        .ok()
        .filter(|x| (0.0..=1.0).contains(x))
        .ok_or_else(|| "expected a share between 0 and 1".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outside_their_range_are_refused() {
        for (parse, good, bad) in [
            (finite as fn(&str) -> Result<f64, String>, "-1e3", ["inf", "NaN", "x"]),
            (positive, "0.5", ["0", "-1", "inf"]),
            (not_negative, "0", ["-0.1", "NaN", ""]),
            (share, "1", ["1.01", "-1", "half"]),
        ] {
            assert!(parse(good).is_ok());
            assert!(bad.iter().all(|text| parse(text).is_err()));
        }
    }
}

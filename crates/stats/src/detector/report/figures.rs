//! Numbers as people write them: as many digits as are known, and separated thousands.

/// Magnitudes from which, and below which, numbers are written with an exponent.
const HUGE: f64 = 1e15;
const TINY: f64 = 1e-6;
/// Errors below this share of a number are beyond double precision: the number never varied.
const RESOLUTION: f64 = 1e-13;
/// Significant digits of a number that never varied; the others are rounding errors.
const DIGITS: usize = 12;
/// Significant digits up to which a single value is written as it came.
const SHORT: usize = 6;

/// Whether numbers of this size have no noise.
pub fn constant(error: f64, size: f64) -> bool {
    error <= RESOLUTION * size
}

/// Formats a number to the digits that its error leaves significant.
pub fn figure(x: f64, error: f64) -> String {
    let size = if error > 0.0 { error } else { x.abs() / 100.0 };
    if !(x.abs() < HUGE && x.is_finite()) || (x != 0.0 && x.abs().max(error) < TINY) || size < 1e-12 {
        return format!("{x:.3e}");
    }
    let decimals = (1.0 - size.log10().floor()).clamp(0.0, 12.0) as usize;
    grouped(&format!("{x:.decimals$}"))
}

/// Formats a number with its standard error.
pub fn with_error(x: f64, error: f64) -> String {
    format!("{} ± {}", figure(x, error), figure(error, error))
}

/// Formats a number that has no noise.
pub fn exact(x: f64) -> String {
    let rounded = format!("{x:.0$e}", DIGITS - 1).parse().unwrap_or(x);
    plain(rounded)
}

/// Formats a single value: as it came, or to the digits that matter beside noise of this size.
pub fn value(x: f64, noise: f64) -> String {
    let digits = format!("{x:e}");
    let digits = digits.split('e').next().unwrap_or_default().chars().filter(char::is_ascii_digit).count();
    if digits <= SHORT {
        return plain(x);
    }
    let figure = figure(x, noise);
    if figure.contains('.') && !figure.contains('e') {
        return figure.trim_end_matches('0').trim_end_matches('.').to_string();
    }
    figure
}

/// Formats a number with all its digits.
fn plain(x: f64) -> String {
    match x.abs() {
        0.0 => "0".into(),
        size if (TINY..HUGE).contains(&size) => grouped(&x.to_string()),
        _ => format!("{x:e}"),
    }
}

/// Separates the thousands of a decimal number; a zero loses its sign.
fn grouped(number: &str) -> String {
    let digits = number.trim_start_matches('-');
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut grouped = String::new();
    if digits.len() < number.len() && digits.contains(|c: char| ('1'..='9').contains(&c)) {
        grouped.push('-');
    }
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_are_known() {
        assert_eq!(figure(1234567.891, 0.0123), "1,234,567.891");
        assert_eq!(figure(-0.001, 0.5), "0.00");
        assert_eq!(figure(8.8e-8, 0.62), "0.00");
        assert_eq!(figure(8.8e-8, 6e-9), "8.800e-8");
        assert_eq!(with_error(-28.94, 9.9), "-28.9 ± 9.9");
        assert_eq!(exact(42.000000000000014), "42");
        assert_eq!(exact(-1e18), "-1e18");
        assert_eq!(value(1.0, 0.4), "1");
        assert_eq!(value(-999999.0, 0.4), "-999,999");
        assert_eq!(value(0.000412345678, 0.4), "0");
        assert_eq!(value(3.3000000123, 0.4), "3.3");
        assert!(constant(1e-20, 42.0) && !constant(1e-9, 42.0));
    }
}

//! Certain sums against exact integers: either the very number, or none.

mod common;

use common::rng;
use num_bigint::BigInt;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tally_stats::tree::{pack, unpack};
use tally_stats::{split_decimal, split_integer, Decimal, Tally, Unit};

/// A number of units as a decimal with digits after the point.
fn text(units: &BigInt, digits: u32) -> String {
    let (sign, magnitude) = (if *units < BigInt::ZERO { "-" } else { "" }, units.magnitude().to_string());
    let digits = digits as usize;
    let padded = format!("{magnitude:0>width$}", width = digits + 1);
    let (whole, fraction) = padded.split_at(padded.len() - digits);
    format!("{sign}{whole}{}{fraction}", if digits > 0 { "." } else { "" })
}

/// The tally of some units, in random parts that are stored and merged again.
fn tally(r: &mut ChaCha8Rng, units: &[i128], unit: Unit) -> Tally {
    let mut parts = vec![Tally::EMPTY];
    for &x in units {
        let (hi, lo) = match unit {
            Unit::One => split_integer(x as i64),
            Unit::Digits(digits) => split_decimal(&text(&x.into(), digits)).unwrap(),
        };
        parts.last_mut().unwrap().observe_wide(hi, lo);
        if r.random_range(0..8) == 0 {
            parts.push(Tally::EMPTY);
        }
    }
    while parts.len() > 1 {
        let mut bytes = Vec::new();
        pack(&parts.swap_remove(r.random_range(0..parts.len())), &mut bytes);
        let part = unpack(&mut bytes.as_slice()).unwrap();
        let into = r.random_range(0..parts.len());
        parts[into].merge(&part);
    }
    parts[0]
}

/// Asserts that a decimal is the one of these units, and says whether it was certain.
fn check(found: Option<Decimal>, units: &BigInt, digits: u32, what: &str) -> bool {
    found.inspect(|found| assert_eq!(found.to_string(), text(units, digits), "{what}")).is_some()
}

#[test]
fn what_is_certain_is_right() {
    let mut r = rng(1);
    let (mut sums, mut dispersions, mut extremes) = (0, 0, 0);
    for _ in 0..4_000 {
        let integers = r.random_bool(0.5);
        let digits = if integers { 0 } else { r.random_range(0..15) };
        let unit = if integers { Unit::One } else { Unit::Digits(digits) };
        let bits = r.random_range(1..if integers { 64 } else { 100 });
        let most = if bits == 63 { i64::MAX.into() } else { (1_i128 << bits) - 1 };
        let offset = if r.random() { most / 2 } else { 0 };
        let spread = most >> r.random_range(0..bits);
        let units: Vec<i128> = (0..r.random_range(1..300))
            .map(|_| (offset + r.random_range(-spread..=spread)).clamp(-most, most))
            .collect();
        let what = format!("{} of {bits} bits with {digits} digits", units.len());
        let tally = tally(&mut r, &units, unit);

        let wide = || units.iter().map(|&x| BigInt::from(x));
        let (sum, squares): (BigInt, BigInt) = (wide().sum(), wide().map(|x| &x * &x).sum());
        let dispersion = squares * units.len() - &sum * &sum;
        let found = [
            check(tally.exact_sum(unit), &sum, digits, &what),
            check(tally.exact_dispersion(unit), &dispersion, 2 * digits, &what),
            check(tally.exact_min(unit), &wide().min().unwrap(), digits, &what),
            check(tally.exact_max(unit), &wide().max().unwrap(), digits, &what),
        ];
        sums += usize::from(found[0]);
        dispersions += usize::from(found[1]);
        extremes += usize::from(found[2] && found[3]);
        // What people have is certain: integers as such, prices to six digits and billions.
        let (usual, small) = if integers { (true, bits <= 50) } else { (bits <= 50, bits <= 40) };
        assert!(found[0] || !usual, "the sum of {what}");
        assert!(found[1] || !small, "the dispersion of {what}");
        assert!(found[2] && found[3] || bits > 49, "the extremes of {what}");
    }
    assert!([sums, dispersions, extremes].iter().all(|&n| 1_000 < n && n < 4_000), "{sums} {dispersions}");
}

#[test]
fn ends_of_what_is_certain() {
    let of = |values: &[i64]| {
        let mut tally = Tally::EMPTY;
        values.iter().map(|&x| split_integer(x)).for_each(|(hi, lo)| tally.observe_wide(hi, lo));
        tally
    };
    let big = 1_i64 << 53;
    assert_eq!(of(&[big - 1]).exact_min(Unit::One).and_then(|x| x.to_i64()), Some(big - 1));
    assert_eq!(of(&[1 - big]).exact_max(Unit::One).and_then(|x| x.to_i64()), Some(1 - big));
    // The double is that of its neighbour, too.
    assert_eq!(of(&[big + 1]).exact_max(Unit::One), None);
    let ends = of(&[i64::MIN, i64::MAX, i64::MAX]);
    assert_eq!(ends.exact_sum(Unit::One).and_then(|x| x.to_i64()), Some(i64::MAX - 1));
    assert_eq!(of(&[i64::MAX, 1]).exact_sum(Unit::One).and_then(|x| x.to_i64()), None);
    assert_eq!(of(&[i64::MAX, 1]).exact_sum(Unit::One).unwrap().to_string(), "9223372036854775808");

    let zeros = of(&[0, 0]);
    assert_eq!(zeros.exact_sum(Unit::Digits(2)).unwrap().to_string(), "0.00");
    assert_eq!(zeros.exact_dispersion(Unit::One).map(|x| x.is_positive()), Some(false));
    assert_eq!(Tally::EMPTY.exact_min(Unit::One), None);
    for special in [f64::NAN, f64::INFINITY] {
        let tally: Tally = [1.0, special].into_iter().collect();
        assert_eq!(tally.exact_sum(Unit::Digits(0)), None);
        assert_eq!(tally.exact_dispersion(Unit::Digits(0)), None);
        assert_eq!(tally.exact_max(Unit::Digits(0)), None);
    }
    // Integers beyond 64 bits, as numerics are.
    let mut wide = Tally::EMPTY;
    for text in ["99999999999999999999", "1", "-3"] {
        let (hi, lo) = split_decimal(text).unwrap();
        wide.observe_wide(hi, lo);
    }
    assert_eq!(wide.exact_sum(Unit::Digits(0)).unwrap().to_string(), "99999999999999999997");
    let dispersion = wide.exact_dispersion(Unit::Digits(0)).unwrap();
    assert_eq!(dispersion.to_string(), "20000000000000000000000000000000000000024");
    let huge: Tally = [1e300].into_iter().collect();
    assert_eq!(huge.exact_sum(Unit::Digits(0)), None);
}

/// Doubles values by merging until there are a thousand million million, and returns how often sum and dispersion were
/// certain.
fn doubled(units: &[i128], unit: Unit, digits: u32) -> (usize, usize) {
    let mut tally = tally(&mut rng(2), units, unit);
    let mut n = units.len();
    let mut sum: BigInt = units.iter().map(|&x| BigInt::from(x)).sum();
    let mut squares: BigInt = units.iter().map(|&x| BigInt::from(x) * x).sum();
    let (mut sums, mut dispersions) = (0, 0);
    for _ in 0..40 {
        let dispersion = &squares * n - &sum * &sum;
        sums += usize::from(check(tally.exact_sum(unit), &sum, digits, "sum"));
        dispersions +=
            usize::from(check(tally.exact_dispersion(unit), &dispersion, 2 * digits, "dispersion"));
        let again = tally;
        tally.merge(&again);
        (n, sum, squares) = (2 * n, sum * 2, squares * 2);
    }
    (sums, dispersions)
}

#[test]
fn many_values_are_certain_for_long() {
    let mut r = rng(4);
    let mut random = |most: i128| -> Vec<i128> { (0..1_000).map(|_| r.random_range(1..most)).collect() };
    // Prices of two digits: sums of five hundred million, dispersions of thirty million.
    let (sums, dispersions) = doubled(&random(10_000_000), Unit::Digits(2), 2);
    assert!(sums >= 19 && dispersions >= 15, "{sums} {dispersions}");
    let (sums, dispersions) = doubled(&random(i32::MAX.into()), Unit::One, 0);
    assert!(sums >= 28 && dispersions >= 20, "{sums} {dispersions}");
    // Sums of squares that three words cannot hold.
    let (sums, dispersions) = doubled(&random(i64::MAX.into()), Unit::One, 0);
    assert!(sums >= 20 && dispersions < 5, "{sums} {dispersions}");
}

#[test]
fn decimals_enter_to_a_hundred_bits() {
    let mut r = rng(3);
    for _ in 0..20_000 {
        let digits = r.random_range(0..=100);
        let bits = r.random_range(1..126);
        let units = r.random_range(1..i128::MAX >> bits);
        let (hi, lo) = split_decimal(&text(&units.into(), digits)).unwrap();
        // In units of 2^-1074 and of the last digit at once.
        let multiple = |x: f64| {
            let bits = x.abs().to_bits();
            let magnitude = BigInt::from(bits & ((1 << 52) - 1) | 1 << 52) << ((bits >> 52).max(1) - 1);
            match x {
                0.0 => BigInt::ZERO,
                _ if x < 0.0 => -magnitude,
                _ => magnitude,
            }
        };
        let exact: BigInt = BigInt::from(units) << 1074;
        let miss: BigInt = (multiple(hi) + multiple(lo)) * BigInt::from(10).pow(digits) - &exact;
        assert!(miss.magnitude() << 101 <= *exact.magnitude(), "{units} with {digits} digits");
    }
}

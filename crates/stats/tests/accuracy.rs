//! Every accessor is within one unit in the last place of exact rational arithmetic.

mod common;

use common::{data, merged, normal, rng, Exact};
use rand::seq::SliceRandom;
use rand::RngExt;
use tally_stats::Tally;

#[test]
fn of_any_doubles_in_any_order_and_split() {
    let mut rng = rng(1);
    for trial in 0..6_000 {
        let (what, mut values) = data(&mut rng, 3_000);
        let exact = Exact::of(&values);
        exact.assert_close(&values.iter().copied().collect(), &format!("trial {trial}, {what}"));
        values.shuffle(&mut rng);
        exact.assert_close(&merged(&mut rng, &values), &format!("trial {trial}, {what}, merged"));
    }
}

#[test]
fn of_integers_and_decimals_beyond_53_bits() {
    let mut rng = rng(2);
    for trial in 0..500 {
        let base: i64 = rng.random();
        let spread = 1i64 << rng.random_range(1..62);
        let wide: Vec<_> = (0..rng.random_range(1..300))
            .map(|_| {
                let x = i128::from(base / 2) + i128::from(rng.random_range(-spread..spread));
                let hi = x as f64;
                (hi, (x - hi as i128) as f64)
            })
            .collect();
        let mut tally = Tally::EMPTY;
        wide.iter().for_each(|&(hi, lo)| tally.observe_wide(hi, lo));
        Exact::of_wide(&wide).assert_close(&tally, &format!("trial {trial}, integers"));
    }
}

#[test]
fn of_a_million_rows() {
    let values = normal(&mut rng(3), 1_000_000, 1e9, 1e-3);
    Exact::of(&values).assert_close(&values.iter().copied().collect(), "a million rows");
}

#[test]
fn after_a_part_is_taken_away() {
    let mut rng = rng(4);
    for trial in 0..3_000 {
        let sd = 10f64.powi(rng.random_range(-50..50));
        let mean = sd * 10f64.powf(rng.random_range(-3.0..9.0));
        let (n_a, n_b) = (rng.random_range(1..300), rng.random_range(1..300));
        let a = normal(&mut rng, n_a, mean, sd);
        let wider = sd * 10f64.powf(rng.random_range(-3.0..6.0));
        let b = normal(&mut rng, n_b, mean, wider);
        let mut tally: Tally = if rng.random() {
            a.iter().chain(&b).copied().collect()
        } else {
            b.iter().chain(&a).copied().collect()
        };
        tally.unmerge(&b.iter().copied().collect()).unwrap();
        Exact::of(&a).assert_close(&tally, &format!("trial {trial}, the rest"));
    }
}

#[test]
fn sums_of_reals_are_rounded_once() {
    let ulp = f64::from(f32::EPSILON);
    // Halfway between two reals but for the last of three words: as doubles these are ties.
    for (rest, expected) in [(1e-30, 1.0 + ulp), (-1e-30, 1.0), (0.0, 1.0)] {
        let tally: Tally = [1.0, ulp / 2.0, rest].into_iter().collect();
        assert_eq!(tally.sum(), Some(1.0 + ulp / 2.0));
        assert_eq!(tally.sum_as_real().map(f64::from), Some(expected), "{rest}");
        let tally: Tally = [-1.0, -ulp / 2.0, -rest].into_iter().collect();
        assert_eq!(tally.sum_as_real().map(f64::from), Some(-expected), "{rest}");
    }
    let mut r = rng(9);
    for _ in 0..2_000 {
        let values: Vec<f64> =
            (0..r.random_range(1..50)).map(|_| f32::from_bits(r.random()).into()).collect();
        let tally: Tally = values.into_iter().filter(|x: &f64| x.is_finite()).collect();
        match (tally.sum(), tally.sum_as_real()) {
            // No real is between the sum and what it is rounded to.
            (Some(sum), Some(real)) if real.is_finite() => {
                let apart = |x: f32| (f64::from(x) - sum).abs();
                assert!(apart(real) <= apart(real.next_up()) && apart(real) <= apart(real.next_down()));
            }
            (Some(sum), Some(real)) => assert!(sum.abs() > f32::MAX.into() && (sum < 0.0) == (real < 0.0)),
            empty => assert_eq!(empty, (None, None)),
        }
    }
}

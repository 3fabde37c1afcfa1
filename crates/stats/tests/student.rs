//! Intervals and tests against values computed elsewhere (SciPy 1.15 and 40-digit mpmath).

use approx::assert_relative_eq;
use tally_stats::Tally;

/// Asserts nine digits.
fn assert_near(a: f64, b: f64) {
    assert_relative_eq!(a, b, epsilon = 0.0, max_relative = 1e-9);
}

/// n values with mean 0 and variance 1.
fn standard(n: i64) -> Tally {
    let m2 = (n - 1) as f64;
    Tally::from_moments(n, 0.0, m2, -(m2 / 2.0).sqrt(), (m2 / 2.0).sqrt()).unwrap()
}

#[test]
fn quantiles() {
    for (n, level, t) in QUANTILES {
        assert_near(standard(n).mean_interval(level).unwrap().high * (n as f64).sqrt(), t);
    }
}

const QUANTILES: [(i64, f64, f64); 10] = [
    (2, 0.95, 12.706204736174694),
    (3, 0.99, 9.92484320091829),
    (11, 0.95, 2.2281388519862744),
    (31, 0.5, 0.6827556933212926),
    (1_001, 0.999, 3.3002826484239125),
    (50_000, 0.95, 1.9600114320426523),
    (99_999, 0.99, 2.5758784708917397),
    (100_002, 0.99, 2.5758784694167076),
    (1_000_001, 0.95, 1.959966356814107),
    (10_000_000, 0.999999, 4.891641524157671),
];

#[test]
fn welch() {
    let before = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4];
    let after = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.5, 24.4];
    let test =
        before.into_iter().collect::<Tally>().welch_t_test(&after.into_iter().collect(), 0.95).unwrap();
    assert_near(test.t, 2.8529548701715215);
    assert_near(test.df, 27.88730398842012);
    assert_near(test.p_value, 0.008071938172194903);
    assert_near(test.low, 0.7986439248746979);
    assert_near(test.high, 4.868022741791966);
}

#[test]
fn p_values_far_out_and_of_many_degrees() {
    // Equal variances and sizes make df = 2 (n - 1), and the difference of means t sqrt(2 / n).
    for (df, t, p) in [
        (12, 30.0, 1.1773181907018936e-12),
        (998, 3.0, 0.002766844012033575),
        (90_000, 5.0, 5.743776960569213e-7),
        (200_000, 5.0, 5.737864916784295e-7),
    ] {
        let n = df / 2 + 1;
        let mut after = standard(n);
        let shift = t * (2.0 / n as f64).sqrt();
        after = Tally::from_moments(
            n,
            shift,
            after.m2().unwrap(),
            shift - after.max().unwrap(),
            shift + after.max().unwrap(),
        )
        .unwrap();
        let test = standard(n).welch_t_test(&after, 0.95).unwrap();
        assert_near(test.df, df as f64);
        assert_relative_eq!(test.p_value, p, epsilon = 0.0, max_relative = 1e-7);
    }
}

#[test]
fn too_few_values_no_error_and_nan() {
    let tally = |values: &[f64]| values.iter().copied().collect::<Tally>();
    assert_eq!(tally(&[1.0]).mean_interval(0.95), None);
    assert_eq!(tally(&[1.0]).welch_t_test(&tally(&[1.0, 2.0]), 0.95), None);
    let interval = tally(&[4.0, 4.0]).mean_interval(0.95).unwrap();
    assert_eq!((interval.low, interval.high), (4.0, 4.0));
    let test = tally(&[4.0, 4.0]).welch_t_test(&tally(&[5.0, 5.0, 5.0]), 0.95).unwrap();
    assert_eq!((test.t, test.p_value, test.low), (f64::INFINITY, 0.0, 1.0));
    let test = tally(&[4.0, 4.0]).welch_t_test(&tally(&[4.0, 4.0]), 0.95).unwrap();
    assert_eq!((test.t, test.p_value), (0.0, 1.0));
    let test = tally(&[4.0, f64::NAN]).welch_t_test(&tally(&[5.0, 6.0]), 0.95).unwrap();
    assert!(test.t.is_nan() && test.p_value.is_nan() && test.low.is_nan());
}

//! NULL, NaN, infinities, zeros, empty tallies, and what taking away leaves.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use tally_stats::{NotAPart, Tally, Unit};

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

fn tally(values: &[f64]) -> Tally {
    values.iter().copied().collect()
}

fn without(whole: &[f64], part: &[f64]) -> Result<Tally, NotAPart> {
    let mut rest = tally(whole);
    rest.unmerge(&tally(part)).map(|()| rest)
}

/// Option<f64> equality under which NaN equals NaN and the zeros differ.
fn same(a: Option<f64>, b: Option<f64>) -> bool {
    a.map(f64::to_bits) == b.map(f64::to_bits) || a.is_some_and(f64::is_nan) && b.is_some_and(f64::is_nan)
}

#[track_caller]
fn assert_reports(t: &Tally, avg: Option<f64>, var_samp: Option<f64>, min: Option<f64>, max: Option<f64>) {
    let got = (t.avg(), t.var_samp(), t.min(), t.max());
    assert!(same(got.0, avg) && same(got.1, var_samp) && same(got.2, min) && same(got.3, max), "{got:?}");
}

#[test]
fn as_the_built_in_aggregates() {
    assert_reports(&Tally::EMPTY, None, None, None, None);
    assert_eq!((Tally::EMPTY.num_vals(), Tally::EMPTY.sum(), Tally::EMPTY.var_pop()), (0, None, None));
    assert_reports(&tally(&[7.0]), Some(7.0), None, Some(7.0), Some(7.0));
    assert_eq!(tally(&[7.0]).var_pop(), Some(0.0));
    assert_reports(&tally(&[1.0, NAN]), Some(NAN), Some(NAN), Some(1.0), Some(NAN));
    assert_reports(&tally(&[NAN, NAN]), Some(NAN), Some(NAN), Some(NAN), Some(NAN));
    assert_reports(&tally(&[1.0, INF]), Some(INF), Some(NAN), Some(1.0), Some(INF));
    assert_reports(&tally(&[-INF, 1.0]), Some(-INF), Some(NAN), Some(-INF), Some(1.0));
    assert_reports(&tally(&[-INF, INF]), Some(NAN), Some(NAN), Some(-INF), Some(INF));
    assert!(tally(&[INF]).var_pop().is_some_and(f64::is_nan));
    assert_reports(&tally(&[0.0, -0.0]), Some(0.0), Some(0.0), Some(-0.0), Some(0.0));
    assert_reports(&tally(&[-0.0, 0.0]), Some(0.0), Some(0.0), Some(-0.0), Some(0.0));
}

#[test]
fn sums_and_variances_beyond_the_largest_double_are_infinite_and_their_roots_are_not() {
    let t = tally(&[1e308, 1e308, 1.5e308]);
    assert_eq!((t.sum(), t.avg(), t.var_samp()), (Some(INF), Some(1.1666666666666667e308), Some(INF)));
    assert_relative_eq!(t.stddev_samp().unwrap(), 2.886751345948129e307, epsilon = 0.0, max_relative = 1e-15);
}

#[test]
fn the_empty_tally_is_the_identity() {
    for values in [&[][..], &[1.0, 2.0], &[1e200], &[1e-200], &[NAN, INF]] {
        let (mut left, mut right) = (Tally::EMPTY, tally(values));
        left.merge(&tally(values));
        right.merge(&Tally::EMPTY);
        assert_eq!(left.to_bytes(), tally(values).to_bytes());
        assert_eq!(right.to_bytes(), tally(values).to_bytes());
    }
}

#[test]
fn bounds_stay_known_only_if_the_part_lay_strictly_inside() {
    let rest = without(&[1.0, 2.0, 3.0, 4.0], &[2.0, 3.0]).unwrap();
    assert_reports(&rest, Some(2.5), Some(4.5), Some(1.0), Some(4.0));
    let rest = without(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0]).unwrap();
    assert_reports(&rest, Some(3.5), Some(0.5), None, Some(4.0));
    let rest = without(&[1.0, 1.0], &[1.0]).unwrap();
    assert_reports(&rest, Some(1.0), None, None, None);
}

#[test]
fn a_lost_bound_is_known_again_when_merged_over() {
    let mut rest = without(&[1.0, 2.0, 9.0], &[1.0]).unwrap();
    rest.merge(&tally(&[1.5]));
    assert_eq!(rest.min(), None, "1.5 may or may not be the least");
    rest.merge(&tally(&[1.0]));
    assert_eq!(rest.min(), Some(1.0), "nothing left could be less than 1");
    let mut rest = without(&[1.0, 2.0, 9.0], &[9.0]).unwrap();
    rest.observe(10.0);
    assert_eq!(rest.max(), Some(10.0));
}

#[test]
fn taking_special_values_away_heals() {
    for special in [NAN, INF, -INF] {
        let rest = without(&[1.0, 2.0, special, 3.0], &[special]).unwrap();
        assert_eq!((rest.avg(), rest.var_samp()), (Some(2.0), Some(1.0)));
    }
    let rest = without(&[NAN, 5.0], &[5.0]).unwrap();
    assert!(rest.avg().is_some_and(f64::is_nan) && rest.num_vals() == 1);
    assert_eq!(without(&[NAN, 5.0], &[NAN, 5.0]), Ok(Tally::EMPTY));
}

#[test]
fn what_is_no_part_is_refused_and_changes_nothing() {
    assert_eq!(without(&[1.0], &[1.0, 1.0]), Err(NotAPart));
    assert_eq!(without(&[1.0, 2.0, 3.0], &[100.0]), Err(NotAPart));
    assert_eq!(without(&[1.0, 2.0, 3.0], &[NAN]), Err(NotAPart));
    assert_eq!(without(&[], &[1.0]), Err(NotAPart));
    assert_eq!(without(&[1.0, 2.0, 3.0], &[1.0, 1.0, 3.0]), Err(NotAPart));
    assert_eq!(without(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), Ok(Tally::EMPTY));
    assert_eq!(without(&[0.1, 0.2, 0.3], &[0.3, 0.2, 0.1]), Ok(Tally::EMPTY));
    let mut whole = tally(&[1.0, 2.0]);
    assert_eq!(whole.unmerge(&tally(&[50.0])), Err(NotAPart));
    assert_eq!(whole.to_bytes(), tally(&[1.0, 2.0]).to_bytes());
}

#[test]
fn from_moments() {
    let t = Tally::from_moments(3, 2.0, 2.0, 1.0, 3.0).unwrap();
    assert_eq!(t.to_bytes(), tally(&[1.0, 2.0, 3.0]).to_bytes());
    assert!(Tally::from_moments(0, 0.0, 0.0, 0.0, 0.0).is_err());
    assert!(Tally::from_moments(2, NAN, 0.0, 0.0, 0.0).is_err());
    let t = Tally::from_moments(1_000_000, 1e9 + 0.1, 250_000.0, 1e9 - 1.0, 1e9 + 1.0).unwrap();
    assert_eq!((t.avg(), t.m2()), (Some(1e9 + 0.1), Some(250_000.0)));
}

#[test]
fn a_mean_is_between_the_bounds_whatever_the_spread() {
    let text = "(10414574138294274,-3.623731872957458e136,Infinity,-1e-300,1e300) sum[-1e-16] squares[7.021095112822403e262 -1.0957550714140458e246] scale[2]";
    let tally: Tally = text.parse().unwrap();
    assert_eq!((tally.avg(), tally.min()), (Some(-1e-300), Some(-1e-300)));
}

#[test]
fn a_count_that_sticks_keeps_mean_and_variance() {
    let most = Tally::from_moments(i64::MAX, 1.0, i64::MAX as f64, 0.0, 2.0).unwrap();
    let mut merged = most;
    for _ in 0..100 {
        merged.merge(&most);
    }
    assert_eq!((merged.num_vals(), merged.avg()), (i64::MAX, Some(1.0)));
    assert_abs_diff_eq!(merged.var_pop().unwrap(), 1.0, epsilon = 1e-12);
    merged.merge(&Tally::from_moments(i64::MAX, 3.0, i64::MAX as f64, 2.0, 4.0).unwrap());
    // Half of them, since their number is not known.
    assert_abs_diff_eq!(merged.avg().unwrap(), 2.0, epsilon = 1e-12);
    assert_eq!(Tally::from_bytes(&merged.to_bytes()), Ok(merged));
    assert_eq!(merged.unmerge(&[1.0].into_iter().collect()), Err(NotAPart));
    // Of one value and of values that are all the same there is no variance.
    for n in [1, 1 << 53, i64::MAX - 1, i64::MAX] {
        assert_eq!(Tally::from_moments(n, 0.1, 0.0, 0.1, 0.1).unwrap().m2(), Some(0.0), "{n}");
    }
}

#[test]
fn no_finite_value_is_greater_than_the_magnitude() {
    for values in
        [vec![-3.0, 2.0], vec![1e300, f64::NAN], vec![-1e200, f64::INFINITY], vec![5.0, f64::NEG_INFINITY]]
    {
        let tally: Tally = values.iter().copied().collect();
        assert!(values.iter().all(|x| !x.is_finite() || x.abs() <= tally.magnitude()), "{values:?}");
        assert!(!tally.is_finite() || tally.magnitude() == 3.0);
    }
}

#[test]
fn many_values_that_are_the_same() {
    for x in [0.1, -0.0, 7.0, f64::NAN, f64::INFINITY, 1e300, 5e-324] {
        for count in [0, 1, 2, 3, 100, 1_001] {
            let one_by_one: Tally = std::iter::repeat_n(x, count as usize).collect();
            assert_eq!(Tally::of_many(x, 0.0, count), one_by_one, "{count} of {x}");
        }
    }
    let wide = Tally::of_many(9007199254740992.0, 1.0, 1 << 30);
    assert_eq!(wide.exact_sum(Unit::One).unwrap().to_string(), "9671406556917034471391232");
    assert_eq!(Tally::of_many(1.0, 0.0, i64::MAX).num_vals(), i64::MAX);
    assert_eq!(Tally::of_many(1.0, 0.0, -1), Tally::EMPTY);
}

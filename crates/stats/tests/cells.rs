//! Breakpoints and cells against counting on fingers.

mod common;

use common::rng;
use rand::RngExt;
use tally_stats::tree::{breakpoints, cells, merge, Limit};

/// Positions of a day, in microseconds.
const DAY: i64 = 86_400_000_000;

/// The positions where a function of positions changes, one after the other.
fn one_by_one(first: i64, last: i64, f: impl Fn(i64) -> i64) -> Vec<i64> {
    (first..=last).skip(1).filter(|&p| f(p - 1) != f(p)).collect()
}

#[test]
fn breakpoints_are_those_of_brute_force() {
    let mut r = rng(1);
    for _ in 0..5_000 {
        let length = r.random_range(0..300);
        let first = match r.random_range(0..4) {
            0 => i64::MIN,
            1 => i64::MAX - length,
            _ => r.random_range(-1_000..1_000),
        };
        let last = first + length;
        // Values of steps that are regular, irregular, or both by turns; they rise or fall.
        let (regular, chance) = (r.random_range(1..60), [0.0, 0.02, 0.5, 1.0][r.random_range(0..4)]);
        let sign = if r.random() { 1 } else { -1 };
        let mut value = 0;
        let values: Vec<i64> = (0..=length)
            .map(|i| {
                value += i64::from(i % regular == 0) + i64::from(r.random_bool(chance));
                sign * value
            })
            .collect();
        let f = |p: i64| values[(p - first) as usize];
        let expected = one_by_one(first, last, f);
        let most = r.random_range(0..2 * expected.len() + 2);
        let asked = |p| {
            assert!(first <= p && p <= last, "{p} is outside of {first}..={last}");
            f(p)
        };
        let found = breakpoints(first, last, Limit::of_room(most), asked);
        assert_eq!(found, (expected.len() <= most).then_some(expected), "{first}..={last}");
    }
}

#[test]
fn steps_that_are_as_wide_as_the_line() {
    for (first, last) in [(i64::MIN, i64::MAX), (i64::MIN, 0), (-1, i64::MAX), (5, 5), (5, 4)] {
        assert_eq!(breakpoints(first, last, Limit::of_room(0), |_| 7), Some(vec![]));
        for change in [first.saturating_add(1), 0, 1, last] {
            if first < change && change <= last {
                assert_eq!(breakpoints(first, last, Limit::of_room(1), |p| p >= change), Some(vec![change]));
                assert_eq!(breakpoints(first, last, Limit::of_room(0), |p| p >= change), None);
            }
        }
    }
    let halves = [i64::MIN + 1, -3, -2, 0, i64::MAX - 1, i64::MAX];
    let f = |p| halves.iter().filter(|&&change| p >= change).count();
    assert_eq!(breakpoints(i64::MIN, i64::MAX, Limit::of_room(9), f), Some(halves.to_vec()));
}

#[test]
fn far_too_many_steps_are_noticed_soon() {
    let mut asked = 0;
    let found = breakpoints(0, 1_000_000_000, Limit::of_room(100_000), |p| {
        asked += 1;
        p / 10
    });
    assert_eq!(found, None);
    assert!(asked < 1_000, "{asked} evaluations");
    // Twice as many as there is room for may still become less dense.
    let halved = |p| if p < 50_000 { p / 10 } else { 5_000 };
    assert_eq!(breakpoints(0, 100_000, Limit::of_room(5_000), halved).map(|found| found.len()), Some(5_000));
    // Those that are likely to be more than they are worth are not all looked for.
    asked = 0;
    let found = breakpoints(0, 1_000_000, Limit::of_worth(1_000_000, 60_000), |p| {
        asked += 1;
        p / 10
    });
    assert_eq!(found, None);
    assert!(asked < 10_000, "{asked} evaluations");
    // A few more than they are worth are found.
    let found = breakpoints(0, 1_000_000, Limit::of_worth(1_000_000, 99_000), |p| p / 10);
    assert_eq!(found.map(|found| found.len()), Some(100_000));
}

#[test]
fn steps_as_wide_as_before_take_two_evaluations() {
    let mut asked = 0;
    let minutes = breakpoints(0, DAY - 1, Limit::of_room(2_000), |p| {
        asked += 1;
        p.div_euclid(DAY / 1_440)
    });
    assert_eq!(minutes.map(|found| found.len()), Some(1_439));
    // For each: the guess, the position before it, and the value from which it goes on.
    assert!(asked < 1_440 * 2 + 100, "{asked} evaluations");

    // Months of a calendar, one hour shorter or longer where clocks change.
    let lengths: Vec<i64> = (0..40)
        .flat_map(|_| [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
        .enumerate()
        .map(|(i, days)| days * DAY + [0, 0, -1, 0, 0, 0, 0, 0, 0, 1, 0, 0][i % 12] * DAY / 24)
        .collect();
    let mut begins = lengths;
    (1..begins.len()).for_each(|i| begins[i] += begins[i - 1]);
    asked = 0;
    let found = breakpoints(0, begins[479], Limit::of_room(480), |p| {
        asked += 1;
        begins.partition_point(|&begin| begin <= p)
    });
    assert_eq!(found.as_ref(), Some(&begins));
    assert!(asked < 480 * 10, "{asked} evaluations");
}

#[test]
fn any_function_at_all_comes_to_an_end() {
    let mut r = rng(2);
    for _ in 0..2_000 {
        let values: Vec<u8> = (0..100).map(|_| r.random_range(0..3)).collect();
        let f = |p: i64| values[p as usize];
        for p in breakpoints(0, 99, Limit::of_room(1_000), f).unwrap() {
            assert_ne!(f(p - 1), f(p));
        }
        // Not even the same value twice for the same position.
        let found = breakpoints(0, 99, Limit::of_room(1_000), |_| r.random_range(0..3)).unwrap();
        assert!(found.is_sorted_by(|a, b| a < b));
    }
}

#[test]
fn cells_are_the_range_on_which_no_function_changes() {
    let mut r = rng(3);
    for _ in 0..5_000 {
        let first = [i64::MIN, i64::MAX - 50, r.random_range(-100..100)][r.random_range(0..3)];
        let last = first + r.random_range(0..=50);
        let lists: Vec<Vec<i64>> = (0..r.random_range(0..4))
            .map(|_| {
                let chance = r.random_range(0.0..0.5);
                (first..=last).skip(1).filter(|_| r.random_bool(chance)).collect()
            })
            .collect();
        let together = merge(lists.iter().map(Vec::as_slice));
        let mut next = i128::from(first);
        for (begin, end) in cells(first, last, &together) {
            assert_eq!(i128::from(begin), next);
            assert!(begin <= end);
            for list in &lists {
                assert!(!list.iter().any(|&p| begin < p && p <= end), "{list:?}");
            }
            next = i128::from(end) + 1;
        }
        assert_eq!(next, i128::from(last) + 1);
        assert_eq!(together.len() + 1, cells(first, last, &together).count());
    }
    assert_eq!(cells(5, 4, &[]).count(), 0);
}

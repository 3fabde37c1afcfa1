//! A sliding window reports what a tally of its values alone would, to the bit.

mod common;

use common::{bits, data, normal, rng, steps_apart, Exact};
use rand::RngExt;
use std::collections::VecDeque;
use tally_stats::{Extreme, Sliding, Tally};

/// Pushes and pops at random, and now and then compares with a tally of the same values.
#[test]
fn any_pushes_and_pops() {
    let mut rng = rng(40);
    let mut differing = 0;
    let mut compared = 0;
    for trial in 0..1_000 {
        let (what, values) = data(&mut rng, 1_000);
        let keep = rng.random_range(0..values.len() + 1);
        let mut window = VecDeque::new();
        let mut sliding = Sliding::<Tally>::default();
        for &x in &values {
            sliding.push(x).unwrap();
            window.push_back(x);
            while window.len() > keep || rng.random_range(0..100) == 0 {
                sliding.pop();
                window.pop_front();
            }
            if rng.random_range(0..50) == 0 {
                let fresh: Tally = window.iter().copied().collect();
                let summary = sliding.summary();
                assert!(steps_apart(&fresh, &summary) <= 1, "trial {trial}, {what}");
                differing += usize::from(bits(&fresh) != bits(&summary));
                compared += 1;
            }
        }
    }
    assert!(
        compared > 3_000 && differing * 10_000 <= compared,
        "{differing} of {compared} windows differ in a bit"
    );
}

#[test]
fn a_spike_leaves_no_trace() {
    let mut values = normal(&mut rng(41), 2_000, 100.0, 1.0);
    values[700] = 1e12;
    let mut sliding = Sliding::<Tally>::default();
    for (i, &x) in values.iter().enumerate() {
        sliding.push(x).unwrap();
        if i >= 100 {
            sliding.pop();
        }
        let window = &values[i.saturating_sub(99)..=i];
        Exact::of(window).assert_close(&sliding.summary(), &format!("window at {i}"));
        assert_eq!(sliding.summary().max(), window.iter().copied().reduce(f64::max));
    }
}

#[test]
fn an_empty_window_stays_empty() {
    let mut sliding = Sliding::<Tally>::default();
    sliding.pop();
    assert_eq!(sliding.summary(), Tally::EMPTY);
    for n in [1, 31, 32, 33, 64, 100] {
        (0..n).for_each(|x| sliding.push(f64::from(x)).unwrap());
        (0..n + 1).for_each(|_| sliding.pop());
        assert_eq!(sliding.summary().num_vals(), 0, "{n} values pushed and popped");
    }
}

#[test]
fn extremes_of_any_window() {
    let mut rng = rng(42);
    let mut window = VecDeque::new();
    let mut least = Extreme::default();
    let mut greatest = Extreme::default();
    for i in 0..100_000 {
        let x: i64 = rng.random_range(-20..20) + i / 100;
        least.push(x, i64::cmp).unwrap();
        greatest.push(x, |a, b| b.cmp(a)).unwrap();
        window.push_back(x);
        while window.len() > 50 || !window.is_empty() && rng.random_range(0..20) == 0 {
            window.pop_front();
            least.pop();
            greatest.pop();
        }
        assert_eq!((least.get(), greatest.get()), (window.iter().min(), window.iter().max()));
    }
}

#[test]
fn of_equal_values_the_newest_counts() {
    let mut least = Extreme::default();
    for x in [(1, 'a'), (1, 'b'), (2, 'c')] {
        least.push(x, |a, b| a.0.cmp(&b.0)).unwrap();
    }
    assert_eq!(least.get(), Some(&(1, 'b')));
    least.pop();
    assert_eq!(least.get(), Some(&(1, 'b')));
    least.pop();
    assert_eq!(least.get(), Some(&(2, 'c')));
}

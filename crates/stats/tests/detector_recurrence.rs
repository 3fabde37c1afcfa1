//! Changes that come again, at the same time of other days or between states, are no news and no evidence.

mod detectors;

use detectors::{fed, normal, rng, SETTINGS};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tally_stats::detector::{Change, Detector, Kind, Options, Recurrence};

const SECOND: i64 = 1_000_000;

/// The changes of a series of rows a quarter of an hour apart: by row, whether and how they recur.
fn recurring(values: impl IntoIterator<Item = f64>) -> Vec<(u64, Option<Recurrence>)> {
    let mut detector = Detector::new(true, Options::new(true));
    for (i, x) in values.into_iter().enumerate() {
        detector.observe(Some(x), Some(i as i64 * 900 * SECOND), &SETTINGS).unwrap();
    }
    let changes = detector.changes(&SETTINGS).into_iter();
    changes.filter(|c| c.kind == Kind::Level).map(|c| (c.row, c.recurs)).collect()
}

#[test]
fn changes_at_the_same_time_of_other_days_or_weeks_recur() {
    const DAY: Recurrence = Recurrence::Period(86400 * SECOND);
    const WEEK: Recurrence = Recurrence::Period(7 * 86400 * SECOND);
    let mut rng = rng(11);
    // Up at 9 and down at 17; on day 10 also up for good at 13.
    let office = recurring((0..96 * 12).map(|i| {
        let (day, quarter) = (i / 96, i % 96);
        let (on, up) = (day >= 4 && (36..68).contains(&quarter), i >= 96 * 10 + 52);
        normal(&mut rng) + if on { 30.0 } else { 0.0 } + if up { 12.0 } else { 0.0 }
    }));
    let at = |row: u64| office.iter().find(|(r, _)| r.abs_diff(row) <= 2).map(|c| c.1);
    assert_eq!([at(96 * 9 + 36), at(96 * 9 + 68)], [Some(Some(DAY)); 2], "{office:?}");
    assert_eq!(at(96 * 10 + 52), Some(None), "{office:?}");
    // So many changes a day that they are a season, which is learnt, and a spike of long ago.
    let busy = recurring((0..96 * 12).map(|i| {
        let level = match i % 96 {
            36..40 => 40.0,
            40..72 => 60.0,
            72..76 => 10.0,
            76..80 => 3.0,
            _ => 0.0,
        };
        level + normal(&mut rng) + if i == 200 { 500.0 } else { 0.0 }
    }));
    assert!(busy.len() <= 2, "{busy:?}");
    // Stairs are no rhythm, although they come at the same time of the day.
    let stairs = recurring((0..96 * 7).map(|i| normal(&mut rng) + 12.0 * f64::from(i / 96)));
    assert!(stairs.len() >= 5 && stairs.iter().all(|c| c.1.is_none()), "{stairs:?}");
    // Two weekends.
    let weeks = recurring((0..96 * 17).map(|i| normal(&mut rng) + if i / 96 % 7 >= 5 { 10.0 } else { 0.0 }));
    assert!(weeks.len() >= 4 && weeks.iter().all(|c| c.1 == Some(WEEK)), "{weeks:?}");
    // From a Monday to the second Saturday: the Monday that the first weekend ends with has not come again.
    let begun = recurring((0..96 * 13).map(|i| normal(&mut rng) + if i / 96 % 7 >= 5 { 10.0 } else { 0.0 }));
    assert!(begun.len() == 3 && begun.iter().all(|c| c.1 == Some(WEEK)), "{begun:?}");
    // The end of the first weekend would have come two rows after those in which it is not seen.
    let cut = recurring(
        (0..1350).map(|i| normal(&mut rng) + if (542..734).contains(&i) || i >= 1214 { 10.0 } else { 0.0 }),
    );
    assert!(cut.len() == 3 && cut.iter().all(|c| c.1 == Some(WEEK)), "{cut:?}");
    // The second weekend ends little by little.
    let sloping = |i: usize| if i < 1172 { 0.0 } else { 10.0 - (i - 1172) as f64 / 22.8 };
    let fading = recurring(
        (0..1400).map(|i| normal(&mut rng) + if (500..692).contains(&i) { 10.0 } else { sloping(i) }),
    );
    assert!(fading.len() == 3 && fading.iter().all(|c| c.1 == Some(WEEK)), "{fading:?}");
    // Up for three days from Saturday on, and for the next one.
    let late = recurring(
        (0..96 * 13).map(|i| normal(&mut rng) + if i / 96 % 7 >= 5 || i / 96 == 7 { 10.0 } else { 0.0 }),
    );
    assert!(late.len() == 3 && late[1].1.is_none(), "{late:?}");
    // An outage on two days.
    let outages = recurring(
        (0..96 * 9)
            .map(|i| normal(&mut rng) + if [3, 5].contains(&(i / 96)) && i % 96 < 30 { 20.0 } else { 0.0 }),
    );
    assert!(outages.len() >= 4 && outages.iter().all(|c| c.1.is_none()), "{outages:?}");
}

/// Evidence of the changes of a series of hourly rows that come at no other time, by row.
fn news(values: impl IntoIterator<Item = f64>) -> Vec<(u64, f64)> {
    let mut detector = Detector::new(true, Options::new(true));
    for (i, x) in values.into_iter().enumerate() {
        detector.observe(Some(x), Some(i as i64 * 3600 * SECOND), &SETTINGS).unwrap();
    }
    let changes =
        detector.changes(&SETTINGS).into_iter().filter(|c| c.kind == Kind::Level && c.recurs.is_none());
    changes.map(|c| (c.row, detector.evidence_at(c.row, 1, &SETTINGS).unwrap())).collect()
}

#[test]
fn two_days_are_no_news_as_long_as_they_may_be_a_weekend() {
    let mut rng = rng(17);
    let mut days = |away: std::ops::Range<usize>, rows: usize| {
        news((0..rows).map(|i| normal(&mut rng) + if away.contains(&i) { 5.0 } else { 0.0 }))
    };
    let evidence = |news: &[(u64, f64)]| news.iter().map(|change| change.1).fold(0.0, f64::max);
    let once = days(136..184, 300);
    assert!(once.len() == 2 && evidence(&once) <= 0.0, "{once:?}");
    // They did not come again, or are not two, or do not end.
    for (away, rows) in [(136..184, 400), (136..220, 300), (136..300, 300)] {
        let told = days(away.clone(), rows);
        assert!(evidence(&told) > 8.0, "{away:?} of {rows}: {told:?}");
    }
}

#[test]
fn weekends_are_no_news_on_whatever_day_they_begin() {
    let mut rng = rng(18);
    let told = (0..6 * 168).filter(|first| {
        let weekend = |i: usize| if (first + i) / 24 % 7 >= 5 { 3.0 } else { 0.0 };
        news((0..300).map(|i| normal(&mut rng) + weekend(i))).iter().any(|change| change.1 > 6.0)
    });
    let told = told.count();
    println!("{told} told");
    assert!(told <= 5, "{told} of 1008 are told");
}

#[test]
fn states_between_which_a_series_goes_recur() {
    let mut rng = rng(13);
    let mut between = |lengths: &[usize]| {
        let levels =
            lengths.iter().enumerate().flat_map(|(i, n)| vec![if i % 2 == 0 { 0.0 } else { 20.0 }; *n]);
        recurring(levels.collect::<Vec<f64>>().into_iter().map(|level| level + normal(&mut rng)))
    };
    let to_and_fro = between(&[60, 40, 75, 31, 52, 60, 90, 44, 33]);
    assert!(
        to_and_fro.len() == 8 && to_and_fro.iter().all(|c| c.1 == Some(Recurrence::States)),
        "{to_and_fro:?}"
    );
    // It stays where it went for a while before.
    let stuck = between(&[60, 40, 75, 31, 52, 60, 90, 600]);
    let (last, before) = stuck.split_last().unwrap();
    assert!(last.1.is_none() && before.iter().all(|c| c.1 == Some(Recurrence::States)), "{stuck:?}");
    // The third visit makes a habit, of the ways back too.
    let thrice = between(&[60, 40, 75, 31, 52, 45]);
    assert!(thrice.len() == 5 && thrice.iter().all(|c| c.1 == Some(Recurrence::States)), "{thrice:?}");
    // Two outages are news.
    let twice = between(&[60, 40, 75, 31, 52]);
    assert!(twice.len() == 4 && twice.iter().all(|c| c.1.is_none()), "{twice:?}");
}

#[test]
fn a_switch_between_blurred_states_recurs_and_a_new_level_does_not() {
    let mut rng = rng(23);
    // The levels between which it goes are never quite the same.
    let mut levels = |levels: &[f64]| {
        let rows: Vec<f64> = levels.iter().flat_map(|level| vec![*level; 40]).collect();
        recurring(rows.into_iter().map(|level| level + normal(&mut rng)))
    };
    let blurred = levels(&[0.0, 20.0, 6.0, 14.0, 2.0, 18.0, 9.0]);
    assert!(blurred.len() == 6 && blurred[4..].iter().all(|c| c.1.is_some()), "{blurred:?}");
    let new = levels(&[0.0, 20.0, 6.0, 14.0, 2.0, 18.0, 40.0]);
    assert!(new.len() == 6 && new[5].1.is_none(), "{new:?}");
}

#[test]
fn states_recur_of_which_neither_is_the_usual_one() {
    let mut rng = rng(26);
    let mut told = |stays: &[(usize, f64)]| {
        let levels = stays.iter().flat_map(|(rows, level)| vec![*level; *rows]).collect::<Vec<f64>>();
        let found = recurring(levels.into_iter().map(|level| level + normal(&mut rng)));
        found.into_iter().map(|change| change.1.is_some()).collect::<Vec<bool>>()
    };
    let visits = |between: usize| [(100, 0.0), (30, 20.0), (between, 0.0), (30, 20.0), (80, 0.0)];
    assert_eq!(told(&visits(40)), [true; 4]);
    assert_eq!(told(&visits(90)), [false; 4]);
}

#[test]
fn a_change_is_an_echo_only_where_all_echo() {
    const ROWS: i64 = 24 * 30;
    let mut rng = rng(24);
    let mut told = |steps: &[(i64, f64)]| {
        let mut detector = Detector::new(true, Options::new(true));
        for i in 0..ROWS {
            let level: f64 = steps.iter().filter(|s| s.0 <= i).map(|s| s.1).sum();
            detector.observe(Some(level + normal(&mut rng)), Some(i * 3600 * SECOND), &SETTINGS).unwrap();
        }
        let changes = detector.changes(&SETTINGS).into_iter().filter(|c| c.kind == Kind::Level);
        changes.map(|c| c.recurs == Some(Recurrence::Echo)).collect::<Vec<bool>>()
    };
    // Differences to the week before, of a step and of another that undoes it after ten days.
    let differences = [(100, 10.0), (268, -10.0), (340, -10.0), (508, 10.0)];
    assert_eq!(told(&differences), [false, true, false, true]);
    // A fall a week after a rise, in a series where a greater rise is not undone.
    assert_eq!(told(&[(100, 10.0), (200, 12.0), (268, -10.0)]), [false, false, false]);
}

/// The greatest evidence of a change in a series.
fn evidence(values: impl IntoIterator<Item = f64>) -> f64 {
    let detector = fed(values);
    let changes = detector.changes(&SETTINGS).into_iter();
    changes.filter_map(|c| detector.evidence_at(c.row, 0, &SETTINGS)).fold(f64::NEG_INFINITY, f64::max)
}

#[test]
fn noise_between_two_states_is_no_evidence_and_a_step_is() {
    let mut rng = rng(17);
    let skewed = |rng: &mut ChaCha8Rng| normal(rng).exp();
    let two = |rng: &mut ChaCha8Rng| normal(rng) + if rng.random_bool(0.3) { 30.0 } else { 0.0 };
    type Make = fn(&mut ChaCha8Rng) -> f64;
    for (name, rows, step, make) in
        [("log-normal", 3000, 3.2, skewed as Make), ("two states", 300, 21.0, two as Make)]
    {
        let mut still: Vec<f64> = (0..60).map(|_| evidence((0..rows).map(|_| make(&mut rng)))).collect();
        let mut changed: Vec<f64> = (0..20)
            .map(|_| evidence((0..rows).map(|i| make(&mut rng) + if i < rows / 2 { 0.0 } else { step })))
            .collect();
        still.sort_by(f64::total_cmp);
        changed.sort_by(f64::total_cmp);
        assert!(still[58] < 4.0 && changed[10] > 6.0, "{name}: {still:?} {changed:?}");
    }
}

#[test]
fn stays_in_one_of_two_states_are_no_evidence() {
    let mut rng = rng(23);
    for (size, series, most, most_spreads) in [(30.0, 300, 4, 2), (10.0, 1500, 10, 8)] {
        let (mut news, mut spreads) = (0, 0);
        for _ in 0..series {
            let stay: f64 = rng.random_range(8.0..20.0);
            let mut high = false;
            let detector = fed((0..300).map(|_| {
                high ^= rng.random_bool(1.0 / stay);
                normal(&mut rng) + if high { size } else { 0.0 }
            }));
            let changes = detector.changes(&SETTINGS).into_iter().filter(|c| c.recurs.is_none());
            let evidence = |c: &Change| detector.evidence_at(c.row, 0, &SETTINGS).unwrap_or(0.0);
            let told: Vec<Change> = changes.filter(|c| evidence(c) > 3.0).collect();
            news += u32::from(told.iter().any(|c| evidence(c) > 6.0));
            spreads += told.iter().filter(|c| c.kind == Kind::Variance).count();
        }
        assert!(news <= most && spreads <= most_spreads, "{news} and {spreads} of {series}");
    }
}

#[test]
fn a_last_stay_is_evidence_as_far_as_it_is_rare_and_a_new_level_is_not_one() {
    let mut rng = rng(29);
    let mut last = |rows: usize, level: f64| {
        let stays = [11, 14, 9, 12, 15, 10, 13].into_iter().chain([rows]).enumerate();
        let levels = stays.flat_map(|(i, rows)| {
            let level = if i == 7 { level } else { [0.0, 20.0][i % 2] };
            vec![level; rows]
        });
        let detector = fed(levels.collect::<Vec<f64>>().into_iter().map(|level| level + normal(&mut rng)));
        let change = detector.changes(&SETTINGS).into_iter().rfind(|c| c.row.abs_diff(84) < 3).unwrap();
        (change.recurs, detector.evidence_at(change.row, 0, &SETTINGS).unwrap())
    };
    assert_eq!(last(60, 20.0).0, Some(Recurrence::States));
    let (stays, new) = (last(1200, 20.0), last(1200, 40.0));
    // After stays of 14, 12 and 10 rows.
    let rarity = 3.0 * (1.0 + 1200f64 / 36.0).ln();
    assert!(stays.0.is_none() && (stays.1 - rarity).abs() < 0.5, "{stays:?} {rarity}");
    assert!(new.0.is_none() && new.1 > 2.0 * rarity, "{new:?}");
}

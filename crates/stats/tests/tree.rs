//! The power tree against counting on fingers.

mod common;

use common::{any_finite, bits, normal, rng};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use tally_stats::tree::{
    cover, height_for, last, least_multiple, pack, unpack, Block, Chosen, Contents, Extent, Leaves, Run,
};
use tally_stats::Tally;

/// A range of leaves: near zero, anywhere, or at the ends of the line.
fn range(r: &mut impl RngExt) -> (i64, i64) {
    let wide = 10_i64.pow(r.random_range(0..7));
    let first = match r.random_range(0..6) {
        0 => r.random_range(i64::MIN..i64::MAX - wide),
        1 => i64::MIN,
        2 => i64::MAX - r.random_range(0..wide),
        _ => r.random_range(-wide..wide),
    };
    (first, first.saturating_add(r.random_range(0..wide)))
}

#[test]
fn a_cover_is_the_range_and_short() {
    let mut r = rng(1);
    for _ in 0..20_000 {
        let (first, last) = range(&mut r);
        let height = r.random_range(1..12);
        let mut runs = cover(first, last, height);
        for level in 0..height {
            let of_level: Vec<Run> = runs.iter().copied().filter(|run| run.level == level).collect();
            assert!(of_level.len() <= 2, "{of_level:?}");
            if level + 1 < height {
                assert!(
                    of_level.iter().all(|run| run.first.div_euclid(10) == run.last.div_euclid(10)),
                    "{of_level:?}"
                );
            }
        }
        // Put in order they are the range without gap or overlap.
        runs.sort_by_key(|run| (run.first as i128) * 10_i128.pow(run.level));
        let mut next = first as i128;
        for run in &runs {
            let width = 10_i128.pow(run.level);
            assert_eq!(run.first as i128 * width, next, "{first}..={last} of height {height}: {runs:?}");
            next = (run.last as i128 + 1) * width;
        }
        assert_eq!(next, last as i128 + 1, "{first}..={last} of height {height}: {runs:?}");
    }
    assert_eq!(cover(5, 4, 3), []);
}

#[test]
fn leaves_of_two_widths_end_together_first_at_their_least_multiple() {
    let mut r = rng(20);
    for _ in 0..2_000 {
        let (a, b) = (r.random_range(1..500), r.random_range(1..500));
        let counted = (1..).map(|times| times * a).find(|width| width % b == 0);
        assert_eq!(Some(least_multiple(a, b)), counted, "{a} {b}");
        let factor = r.random_range(1..i64::MAX / (a * b));
        assert_eq!(least_multiple(a * factor, b * factor), least_multiple(a, b) * factor, "{a} {b} {factor}");
    }
    assert_eq!(least_multiple(i64::MAX, i64::MAX - 1), i64::MAX);
}

#[test]
fn leaves_inside_a_range_are_those_that_fit() {
    let mut r = rng(2);
    for _ in 0..20_000 {
        let leaves = Leaves { width: 10_i64.pow(r.random_range(0..4)) * r.random_range(1..10) };
        let (first, last) = range(&mut r);
        let (begin, end) = leaves.inside(first, last);
        for leaf in [leaves.of(first), leaves.of(first) + 1, leaves.of(last) - 1, leaves.of(last)] {
            let fits = leaves.first(leaf) >= first && leaves.last(leaf) <= last;
            if leaves.of(first) < leaf && leaf < leaves.of(last) {
                assert!(fits);
            }
            // Leaves that the ends of the line cut are not checked: no position is left outside of them.
            if leaves.first(leaf) > i64::MIN && leaves.last(leaf) < i64::MAX {
                assert_eq!(
                    fits,
                    begin <= leaf && leaf <= end,
                    "{leaf} of {first}..={last} by {}",
                    leaves.width
                );
            }
        }
        for position in [first, last] {
            let leaf = leaves.of(position);
            assert!(leaves.first(leaf) <= position && position <= leaves.last(leaf));
        }
    }
    assert_eq!(Leaves { width: 10 }.of(-1), -1);
    assert_eq!((height_for(1000, 9_999), height_for(1000, 10_001)), (1, 2));
}

#[test]
fn packed_tallies_come_back() {
    let mut r = rng(3);
    let mut many = 0;
    for round in 0..20_000 {
        let n = r.random_range(0..5).min(round);
        let mut values: Vec<f64> = match r.random_range(0..3) {
            0 => (0..n).map(|_| any_finite(&mut r)).collect(),
            1 => (0..n).map(|_| f64::from(r.random_range(-5..5))).collect(),
            _ => {
                normal(&mut r, n * 200, 19_000.0, 10.0).iter().map(|x| (x * 100.0).round() / 100.0).collect()
            }
        };
        if r.random_range(0..10) == 0 {
            values.push([f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0][r.random_range(0..4)]);
        }
        let tally: Tally = values.iter().copied().collect();
        let mut bytes = Vec::new();
        pack(&tally, &mut bytes);
        if values.len() > 100 {
            many = many.max(bytes.len());
        }
        let mut rest = bytes.as_slice();
        let back = unpack(&mut rest).unwrap();
        assert!(rest.is_empty());
        assert_eq!(bits(&tally), bits(&back), "{values:?}");
        // Not only what it reports, also what merging makes of it.
        let other: Tally = normal(&mut r, 10, 1.0, 1.0).into_iter().collect();
        let (mut a, mut b) = (tally, back);
        a.merge(&other);
        b.merge(&other);
        assert_eq!(bits(&a), bits(&b));
        for end in 0..bytes.len() {
            assert!(unpack(&mut &bytes[..end]).is_none(), "half a tally");
        }
    }
    assert!(many > 0 && many <= 68, "{many} bytes");
    assert!(unpack(&mut [7_u8].as_slice()).is_none());
}

/// Some rows near a position, with values or without.
fn any_contents(r: &mut ChaCha8Rng, values: usize, position: i64) -> Contents {
    let mut contents = Contents::empty(values);
    for _ in 0..r.random_range(0..3) {
        contents.extent.observe(position.saturating_add(r.random_range(-5..5)));
        for tally in &mut contents.tallies {
            if r.random_bool(0.7) {
                tally.observe(any_finite(r));
            }
        }
    }
    contents
}

fn assert_same(a: &Contents, extent: &Extent, tallies: &[Tally]) {
    assert_eq!(a.extent, *extent);
    for (a, b) in a.tallies.iter().zip(tallies) {
        assert_eq!(bits(a), bits(b));
    }
}

#[test]
fn contents_come_back() {
    let mut r = rng(6);
    let lengths = (0..63).map(|bits| r.random_range(0..1_i64 << bits)).collect::<Vec<_>>();
    for position in [-1, i64::MIN, i64::MAX, 820_454_400_000_000, i32::MIN.into()].into_iter().chain(lengths)
    {
        for values in [1, 1, 2, 8] {
            let contents = any_contents(&mut r, values, position);
            let bytes = contents.to_bytes();
            assert!(!Contents::is_of_first_format(&bytes));
            match Contents::from_bytes(values, &bytes) {
                Some(back) => assert_same(&contents, &back.extent, &back.tallies),
                None => assert_eq!(contents.extent.rows, 0),
            }
            assert!(Contents::from_bytes(values, &bytes[..bytes.len() - 1]).is_none());
        }
    }
}

#[test]
fn the_first_format_is_not_misread() {
    // A leaf of one value, and a node with it, as the first format had them.
    let one = [1, 0, 0, 0, 0, 0, 0, 0x1e, 0x40];
    assert!(Contents::is_of_first_format(&one) && Contents::from_bytes(1, &one).is_none());
    assert!(Contents::is_of_first_format(&[0]) && Contents::is_of_first_format(&[2, 4, 1]));
    assert!(Block::from_bytes(1, &[&[4, 0], one.as_slice()].concat()).is_none());
}

#[test]
fn blocks_come_back_and_add_up() {
    let mut r = rng(4);
    for _ in 0..2_000 {
        let values = r.random_range(1..4);
        let mut block = Block::empty(values);
        let first = r.random_range(-1000..1000) * 10;
        let mut all = Contents::empty(values);
        for node in first..first + 10 {
            let contents = any_contents(&mut r, values, node * 600_000_000);
            block.set(node, &contents);
            all.merge(&contents);
            let more = any_contents(&mut r, values, node * 600_000_000);
            block.add(node, &more);
            all.merge(&more);
        }
        let bytes = block.to_bytes();
        let back = Block::from_bytes(values, &bytes).unwrap();
        for node in first..first + 10 {
            assert_eq!(block.extent(node), back.extent(node));
            for (a, b) in block.child(node).iter().zip(back.child(node)) {
                assert_eq!(bits(a), bits(b));
            }
        }
        let total = back.total();
        assert_same(&total, &all.extent, &all.tallies);
        assert_eq!(back.is_empty(), all.extent.rows == 0);
        assert!(Block::from_bytes(values, &bytes[..bytes.len() - 1]).is_none());
        assert!(Block::from_bytes(values, &[bytes.as_slice(), &[0]].concat()).is_none());
    }
}

#[test]
fn chosen_values_of_blocks_are_visited() {
    let mut r = rng(6);
    for _ in 0..2_000 {
        let values = r.random_range(1..4);
        let mut block = Block::empty(values);
        for node in 0..10 {
            block.set(node, &any_contents(&mut r, values, node * 600_000_000));
        }
        let places: Vec<usize> = (0..values).filter(|_| r.random_bool(0.5)).collect();
        let chosen: Chosen = places.iter().copied().collect();
        let (first, last) = (r.random_range(0..10), r.random_range(0..10));
        let (mut scratch, mut sum) = (Contents::empty(values), Contents::empty(values));
        let (mut visited, mut all) = (Vec::new(), Contents::empty(values));
        Block::visit(&block.to_bytes(), first, last, chosen, &mut scratch, |child, contents| {
            visited.push(child);
            sum.merge_chosen(contents, chosen);
            assert_eq!(&contents.extent, block.extent(child as i64));
        })
        .unwrap();
        let with_rows = (first..=last).filter(|&child| block.extent(child as i64).rows > 0);
        assert_eq!(visited, with_rows.collect::<Vec<_>>());
        for &child in &visited {
            let tallies = block.child(child as i64).to_vec();
            all.merge(&Contents { extent: *block.extent(child as i64), tallies });
        }
        assert_eq!(sum.extent, all.extent);
        for place in 0..values {
            let expected = if places.contains(&place) { &all.tallies[place] } else { &Tally::EMPTY };
            assert_eq!(bits(&sum.tallies[place]), bits(expected));
        }
    }
}

#[test]
fn the_last_values_are_found_by_counts() {
    let mut r = rng(5);
    for _ in 0..2_000 {
        let spread = 10_i64.pow(r.random_range(1..6));
        let mut leaves: BTreeMap<i64, i64> = BTreeMap::new();
        for _ in 0..r.random_range(0..200) {
            *leaves.entry(r.random_range(-spread..spread)).or_default() += r.random_range(1..5);
        }
        let level = r.random_range(0..4);
        let width = 10_i64.pow(level);
        let mut tops: Vec<i64> = leaves.keys().map(|leaf| leaf.div_euclid(width)).collect();
        tops.reverse();
        tops.dedup();
        let total: i64 = leaves.values().sum();
        let need = r.random_range(1..total + 5);
        let mut asked = 0;
        let tally = |first, last| {
            asked += 1;
            let n: i64 = leaves.range(first..=last).map(|(_, n)| n).sum();
            (0..n).map(|_| 1.0).collect()
        };
        let cut = last(need, &tops, level, tally);
        assert!(asked <= tops.len() + 10 * level as usize);
        let Some(cut) = cut else {
            assert!(need > total, "{need} of {total}");
            continue;
        };
        let after: i64 = leaves.range(cut.leaf + 1..).map(|(_, n)| n).sum();
        assert_eq!(cut.after.num_vals(), after);
        assert_eq!(cut.need, need - after);
        assert!(1 <= cut.need && cut.need <= leaves[&cut.leaf]);
    }
}

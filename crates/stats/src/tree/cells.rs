//! Cells: ranges of positions on which step functions keep their values.
//!
//! A function of time that rises by steps, such as the hour in which a position lies, is only known by evaluating it. Its
//! steps are nearly always as wide as one that came before, which takes two evaluations to confirm.

/// Widths of steps that are remembered: a calendar has months of four lengths, and three more where clocks change.
const WIDTHS: usize = 8;

/// Changes whose density foretells that of the rest. After more of them it is more certain: the rest may be less dense by one and
/// `UNCERTAINTY`, divided by the square root of their number, times.
const ENOUGH: usize = 100;
const UNCERTAINTY: f64 = 10.0;

/// The number of changes that are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// The number itself.
    pub most: usize,
    /// The number that the first of them must not foretell, by what they are of the line.
    foretold: f64,
}

impl Limit {
    /// Room for `most` of them: a line that begins with too many may still become less dense.
    pub fn of_room(most: usize) -> Limit {
        Limit { most, foretold: 3.0 * most as f64 }
    }

    /// Room for `most` of them, of which `worth` are worth it: more of those are not looked for if they are foretold.
    pub fn of_worth(most: usize, worth: usize) -> Limit {
        Limit { foretold: Limit::of_room(most).foretold.min(worth as f64), most }
    }

    /// The limit for what is left of the line.
    pub fn after(self, found: usize) -> Limit {
        Limit::of_room(self.most.saturating_sub(found))
    }

    /// Whether more are foretold by those that were found in a part of the line.
    pub fn will_be_passed(self, found: usize, part: f64) -> bool {
        let certain = found as f64 / (1.0 + UNCERTAINTY / (found as f64).sqrt());
        found >= ENOUGH && certain > self.foretold * part
    }
}

/// Finds where a step function changes: the positions `p` in `first < p <= last` with `f(p - 1) != f(p)`, in order.
///
/// Within `first ..= last` the function never returns to a value that it has left. `None` if there are more
/// than the limit, or if the first ones say that there will be more. Two evaluations for a step as wide as an earlier one, fewer than 150 for any other.
pub fn breakpoints<V: PartialEq>(
    first: i64,
    last: i64,
    limit: Limit,
    mut f: impl FnMut(i64) -> V,
) -> Option<Vec<i64>> {
    let mut found = Vec::new();
    if first >= last {
        return Some(found);
    }
    let end = f(last);
    let mut value = f(first);
    let mut begin = first;
    let mut widths: Vec<i64> = Vec::with_capacity(WIDTHS + 1);
    let whole = last.abs_diff(first) as f64;
    while begin < last && value != end {
        if found.len() == limit.most
            || limit.will_be_passed(found.len(), begin.abs_diff(first) as f64 / whole)
        {
            return None;
        }
        let mut other = None;
        let next = next_change(begin, last, &widths, |p| {
            let found = f(p);
            let is_same = found == value;
            if !is_same {
                other = Some((p, found));
            }
            is_same
        });
        found.push(next);
        // No wider than a range that fits 64 bits is a step that can come again.
        if let Some(width) = next.checked_sub(begin) {
            widths.retain(|&known| known != width);
            widths.insert(0, width);
            widths.truncate(WIDTHS);
        }
        begin = next;
        value = match other {
            Some((p, found)) if p == next => found,
            _ => f(next),
        };
    }
    Some(found)
}

/// The first position after `begin` that is not the same as `begin`; `last` is not. `widths` are guesses of how far it is,
/// likely ones first.
fn next_change(begin: i64, last: i64, widths: &[i64], mut same: impl FnMut(i64) -> bool) -> i64 {
    let (mut inside, mut beyond) = (begin, last);
    for guess in widths.iter().filter_map(|&width| begin.checked_add(width)) {
        if inside < guess && guess < beyond {
            if same(guess) {
                inside = guess;
            } else if guess - 1 == inside || same(guess - 1) {
                return guess;
            } else {
                beyond = guess - 1;
            }
        }
    }
    // Outwards by doubled steps: a change is near, compared with the length of the line.
    let mut step = widths.iter().copied().max().unwrap_or(1);
    while let Some(guess) = inside.checked_add(step).filter(|&guess| guess < beyond) {
        if !same(guess) {
            beyond = guess;
            break;
        }
        inside = guess;
        step = step.saturating_mul(2);
    }
    // The next position after `inside` is `beyond` when they are one apart.
    while beyond.abs_diff(inside) > 1 {
        let middle = inside.midpoint(beyond);
        if same(middle) {
            inside = middle;
        } else {
            beyond = middle;
        }
    }
    beyond
}

/// Breakpoints of several functions as those of all of them together: in order, each once.
pub fn merge<'a>(lists: impl IntoIterator<Item = &'a [i64]>) -> Vec<i64> {
    let mut all: Vec<i64> = lists.into_iter().flatten().copied().collect();
    // Runs that are in order already are merged as such.
    all.sort();
    all.dedup();
    all
}

/// The cells, first and last position each, into which breakpoints in `first < p <= last` cut the range `first ..= last`.
pub fn cells(first: i64, last: i64, breakpoints: &[i64]) -> impl Iterator<Item = (i64, i64)> + '_ {
    let begins = std::iter::once(first).chain(breakpoints.iter().copied());
    let ends = breakpoints.iter().map(|&next| next - 1).chain([last]);
    begins.zip(ends).filter(move |_| first <= last)
}

//! The nodes that cover a range.

/// Children of a node.
pub const FANOUT: i64 = 10;

/// Neighbouring nodes of one level, leaves being level 0: `first ..= last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The level of the nodes.
    pub level: u32,
    /// The first of them.
    pub first: i64,
    /// The last of them.
    pub last: i64,
}

/// The fewest nodes that hold exactly the leaves `first ..= last`, in a tree whose blocks are of levels 1 to `height`.
///
/// At most two runs per level, each of the children of one block; only the nodes of the topmost level, `height - 1`,
/// may be those of several blocks. Nothing if `first > last`. O(height).
pub fn cover(first: i64, last: i64, height: u32) -> Vec<Run> {
    let mut runs = Vec::with_capacity(2 * height as usize);
    if first > last {
        return runs;
    }
    // Beside i64::MAX there is no room for the end of its block.
    let (mut first, mut last) = (i128::from(first), i128::from(last));
    let fanout = i128::from(FANOUT);
    let mut push = |level, first: i128, last: i128| {
        runs.push(Run { level, first: first as i64, last: last as i64 });
    };
    for level in 0..height {
        if level + 1 == height {
            push(level, first, last);
            break;
        }
        let (block, last_block) = (first.div_euclid(fanout), last.div_euclid(fanout));
        if first.rem_euclid(fanout) != 0 {
            let end = last.min(block * fanout + fanout - 1);
            push(level, first, end);
            first = end + 1;
        }
        if first <= last && last.rem_euclid(fanout) != fanout - 1 {
            let begin = last_block * fanout;
            push(level, begin, last);
            last = begin - 1;
        }
        if first > last {
            break;
        }
        (first, last) = (first.div_euclid(fanout), last.div_euclid(fanout));
    }
    runs
}

/// Number of levels of blocks that the topmost needs to be at least `span` positions wide.
pub fn height_for(width: i64, span: i64) -> u32 {
    let mut height = 1;
    let mut wide = i128::from(width) * i128::from(FANOUT);
    while wide < i128::from(span) {
        wide *= i128::from(FANOUT);
        height += 1;
    }
    height
}

/// The least width that holds whole leaves of two widths, both at least 1; `i64::MAX` if it is greater.
pub fn least_multiple(a: i64, b: i64) -> i64 {
    let (mut divisor, mut rest) = (a, b);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (a / divisor).saturating_mul(b)
}

/// The division of the line into leaves.
#[derive(Clone, Copy, Debug)]
pub struct Leaves {
    /// Positions in a leaf, at least 1.
    pub width: i64,
}

impl Leaves {
    /// The leaf of a position.
    #[inline]
    pub fn of(self, position: i64) -> i64 {
        position.div_euclid(self.width)
    }

    /// The first position of a leaf, as far as there are such positions.
    pub fn first(self, leaf: i64) -> i64 {
        leaf.saturating_mul(self.width)
    }

    /// The last position of a leaf, as far as there are such positions.
    pub fn last(self, leaf: i64) -> i64 {
        clamp((i128::from(leaf) + 1) * i128::from(self.width) - 1)
    }

    /// The leaves that lie in `first ..= last` with all that they hold; none if the first is after the last.
    pub fn inside(self, first: i64, last: i64) -> (i64, i64) {
        let (begin, end) = (self.of(first), self.of(last));
        let begin = if self.first(begin) < first { begin.saturating_add(1) } else { begin };
        // The leaf of the greatest position may be cut by the end of the line only.
        let end = if self.last(end) > last { end.saturating_sub(1) } else { end };
        (begin, end)
    }
}

fn clamp(position: i128) -> i64 {
    position.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

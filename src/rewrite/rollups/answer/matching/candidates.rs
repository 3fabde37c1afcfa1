//! The rows of a dimension that may match at a place, and those that do.

use super::buckets::Buckets;
use crate::pg::execution::scan_row::Expression;
use crate::pg::memory::heap;
use crate::rewrite::rollups::answer::joined::PreparedDimension;
use crate::rewrite::rollups::answer::place::{Place, Places};
use crate::rewrite::rollups::terms::join::JoinKind;

/// The rows that may match.
pub enum Candidates {
    All,
    Hashed(Buckets),
    /// The rows of each cell.
    ByCell(Vec<Vec<u32>>),
}

impl Candidates {
    /// Finds out how rows of a dimension are found.
    pub fn of(dimension: &PreparedDimension, number: usize, places: &Places) -> Candidates {
        if !dimension.hashed.is_empty() {
            return Candidates::Hashed(Buckets::of(&dimension.hashed, &places.joined, number, places.row));
        }
        let is_comparison = |clause: &Expression| {
            dimension.comparisons.iter().any(|comparison| comparison.node.is_same(clause.node))
        };
        let clauses = dimension.clauses.iter().map(|(clause, _)| *clause);
        let compared: Vec<Expression> = clauses.filter(is_comparison).collect();
        if compared.is_empty() {
            return Candidates::All;
        }
        Candidates::ByCell(by_cell(number, &compared, places))
    }

    /// Bytes in use.
    pub fn memory(&self) -> usize {
        match self {
            Candidates::All => 0,
            Candidates::Hashed(buckets) => buckets.memory(),
            Candidates::ByCell(cells) => cells.iter().map(|rows| rows.capacity() * size_of::<u32>()).sum(),
        }
    }

    /// Adds the rows of the dimension that match at a place, by the kind of the join.
    pub fn search(
        &self,
        dimension: &PreparedDimension,
        number: usize,
        places: &Places,
        place: Place,
        rows: &mut Vec<u32>,
    ) {
        places.set_own(place);
        let count = places.joined.num_rows(number) as u32;
        let all = 0..count;
        let first = rows.len();
        let mut add = |row: u32| {
            heap::check();
            places.joined.set_one(places.row, number, row as usize);
            if dimension.clauses.iter().all(|(clause, _)| clause.holds()) {
                heap::room(rows, 1);
                rows.push(row);
            }
            let is_enough = matches!(dimension.kind, JoinKind::Semi | JoinKind::Anti) && rows.len() > first;
            !is_enough
        };
        let _ = match self {
            Candidates::All => all.into_iter().all(add),
            Candidates::Hashed(buckets) => buckets.find(&dimension.hashed).iter().all(|&row| add(row)),
            Candidates::ByCell(cells) => cells[place.cell].iter().all(|&row| add(row)),
        };
        let nothing = count;
        match (dimension.kind, rows.len() > first) {
            (JoinKind::Inner | JoinKind::Gaps, _) | (JoinKind::Semi, false) | (JoinKind::Left, true) => {}
            (JoinKind::Semi, true) => rows[first] = nothing,
            (JoinKind::Anti, true) => rows.truncate(first),
            (JoinKind::Left | JoinKind::Anti, false) => {
                heap::room(rows, 1);
                rows.push(nothing);
            }
        }
    }
}

/// The rows of a dimension for which the comparisons hold in each cell.
fn by_cell(number: usize, compared: &[Expression], places: &Places) -> Vec<Vec<u32>> {
    let cells = places.cells.len();
    let mut all: Vec<Vec<u32>> = Vec::new();
    heap::room(&mut all, cells);
    all.resize(cells, Vec::new());
    let holds = |clause: &Expression, cell: usize| {
        places.set_own(Place { series: usize::MAX, cell, joined: 0 });
        clause.holds()
    };
    for row in 0..places.joined.num_rows(number) {
        heap::check();
        places.joined.set_one(places.row, number, row);
        // Each holds from a cell on, or up to one: cells are in order.
        let (mut from, mut to) = (0, cells);
        for comparison in compared {
            if from == to {
                break;
            }
            let (holds_first, holds_last) = (holds(comparison, from), holds(comparison, to - 1));
            match (holds_first, holds_last) {
                (true, true) => {}
                (false, false) => to = from,
                (true, false) => to = first(from, to, |cell| !holds(comparison, cell)),
                (false, true) => from = first(from, to, |cell| holds(comparison, cell)),
            }
        }
        for rows in &mut all[from..to] {
            heap::room(rows, 1);
            rows.push(row as u32);
        }
    }
    all
}

/// The first number of a range for which something is so, given that it is for all that follow, and for the last.
fn first(mut low: usize, mut high: usize, is_so: impl Fn(usize) -> bool) -> usize {
    while low < high {
        let middle = low + (high - low) / 2;
        if is_so(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

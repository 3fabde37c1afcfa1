//! Rows that are joined with those of the table, read once.

mod hashed;
mod rows;

use crate::pg::memory::region::Region;
pub use hashed::{hash_of_dimension, hash_of_table, HashedPair};

use super::columns::Columns;
use crate::pg::execution::input_plan::InputPlan;
use crate::pg::execution::scan_row::{Expression, ScanRow};
use crate::pg::memory::heap;
use crate::pg::values::value::Storage;
use crate::powertree::model::question::Range;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::join::JoinKind;
use crate::rewrite::rollups::terms::reason::Reason;
use crate::rewrite::rollups::terms::shape::Shape;
use rows::JoinedRows;
use std::cell::RefCell;
use std::collections::HashMap;
use tally_stats::tree::{breakpoints, Limit};

/// A dimension, prepared by the node.
pub struct PreparedDimension {
    pub kind: JoinKind,
    /// The plan that returns its rows.
    pub plan: RefCell<InputPlan>,
    pub columns: Vec<JoinedColumn>,
    /// The conditions of the join, and what they depend on.
    pub clauses: Vec<(Expression, Shape)>,
    /// The sides of those that say that something is equal.
    pub hashed: Vec<HashedPair>,
    /// Comparisons of the position with what a row has, at which time is cut.
    pub comparisons: Vec<Expression>,
}

/// A column of a dimension.
#[derive(Clone, Copy)]
pub struct JoinedColumn {
    /// The column of the plan that returns the rows, counted from 1.
    pub from: i16,
    /// The column of the scan, counted from 1.
    pub to: usize,
    pub storage: Storage,
}

/// The rows of all dimensions, and the combinations of them that were found, by their number.
pub struct Joined {
    dimensions: Vec<JoinedRows>,
    /// The row of each dimension, of each combination; unused while there is one dimension, whose rows have numbers already.
    combinations: Vec<u32>,
    numbers: HashMap<Vec<u32>, usize>,
}

impl Joined {
    /// Reads the rows, and keeps them in the memory context.
    pub fn read(dimensions: &[PreparedDimension], context: Region) -> Result<Joined, Reason> {
        let mut read = Vec::new();
        for dimension in dimensions {
            read.push(JoinedRows::read(dimension, context)?);
        }
        Ok(Joined { dimensions: read, combinations: Vec::new(), numbers: HashMap::new() })
    }

    /// The number of rows of a dimension.
    pub fn num_rows(&self, dimension: usize) -> usize {
        self.dimensions[dimension].count
    }

    /// Puts a combination into the row.
    pub fn set(&self, row: ScanRow, combination: usize) {
        match &self.dimensions[..] {
            [] => {}
            [one] => one.set(row, combination),
            all => {
                let rows = &self.combinations[combination * all.len()..][..all.len()];
                all.iter().zip(rows).for_each(|(one, &number)| one.set(row, number as usize));
            }
        }
    }

    /// Puts one row of a dimension into the row.
    pub fn set_one(&self, row: ScanRow, dimension: usize, number: usize) {
        self.dimensions[dimension].set(row, number);
    }

    /// The number of a combination, given the row of each dimension.
    pub fn number(&mut self, rows: &[u32]) -> usize {
        match rows {
            [] => 0,
            [one] => *one as usize,
            _ => {
                if let Some(&number) = self.numbers.get(rows) {
                    return number;
                }
                let number = self.numbers.len();
                heap::room(&mut self.combinations, rows.len());
                self.combinations.extend_from_slice(rows);
                heap::room(&mut self.numbers, 1);
                self.numbers.insert(rows.to_vec(), number);
                number
            }
        }
    }

    /// Bytes in use, apart from those in the memory context.
    pub fn memory(&self) -> usize {
        let each = self.dimensions.len() * size_of::<u32>();
        let rows: usize = self.dimensions.iter().map(JoinedRows::memory).sum();
        rows + self.combinations.capacity() * size_of::<u32>() + self.numbers.len() * (each + 64)
    }

    /// Cuts cells where a comparison with a row changes; there may be this many.
    pub fn cut(
        &self,
        dimensions: &[PreparedDimension],
        cells: Vec<Range>,
        limit: Limit,
        columns: &Columns,
        (tree, row): (&Tree, ScanRow),
    ) -> Result<Vec<Range>, Reason> {
        let (Some(first), Some(last)) = (cells.first(), cells.last()) else { return Ok(cells) };
        let bounds = Range { first: first.first, last: last.last };
        let mut cuts = Vec::new();
        for (place, dimension) in dimensions.iter().enumerate() {
            if dimension.comparisons.is_empty() {
                continue;
            }
            for number in 0..self.num_rows(place) {
                heap::check();
                self.set_one(row, place, number);
                for &comparison in &dimension.comparisons {
                    let steps = breakpoints(bounds.first, bounds.last, limit, |position| {
                        columns.set_position(row, tree, Some(position));
                        comparison.image()
                    });
                    let steps = steps.ok_or(Reason::ManyCells)?;
                    heap::room(&mut cuts, steps.len());
                    cuts.extend(steps);
                }
            }
        }
        cuts.sort_unstable();
        cuts.dedup();
        if cells.len() + cuts.len() > limit.most {
            return Err(Reason::ManyCells);
        }
        let mut cut = Vec::new();
        for cell in cells {
            let from = cuts.partition_point(|&at| at <= cell.first);
            let to = cuts.partition_point(|&at| at <= cell.last);
            heap::room(&mut cut, to - from + 1);
            let parts = tally_stats::tree::cells(cell.first, cell.last, &cuts[from..to]);
            cut.extend(parts.map(|(first, last)| Range { first, last }));
        }
        Ok(cut)
    }
}

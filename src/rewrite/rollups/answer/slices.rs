//! Cutting the line of positions into cells, within which nothing of the query changes with time.

use super::columns::Columns;
use super::zones;
use crate::pg::execution::scan_row::{Expression, ScanRow};
use crate::pg::memory::heap;
use crate::pg::nodes::tree::NodeRef;
use crate::pg::server::zone::TimeZone;
use crate::powertree::model::position::Position;
use crate::powertree::model::question::Range;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::reason::Reason;
use pgrx::pg_sys::{OpExpr, Var};
use tally_stats::tree::{breakpoints, Limit};

/// Years 1 to 9999, in days since 2000.
const YEARS: (i64, i64) = (-730_119, 2_921_939);
/// Days since 2000 whose seconds since 1970 have 31 bits: the years 1902 to 2037.
const NARROW_DAYS: (i64, i64) = (-35_793, 13_879);
const DAY: i64 = 86_400_000_000;
/// The integers up to which a double has all of them.
const EXACT: i64 = 1 << 53;

/// Everything of a query that changes with time.
pub struct Slices<'a> {
    pub tree: &'a Tree,
    pub row: ScanRow,
    pub columns: &'a Columns,
    pub comparisons: &'a [Expression],
    pub carriers: &'a [Expression],
    /// Conditions that only compare positions.
    pub ranges: &'a [Expression],
    pub zones: &'a [TimeZone],
    pub days: &'a [i32],
    /// Whether something fails where it has more than 31 bits.
    pub narrows: bool,
}

impl Slices<'_> {
    /// Cuts the positions from the first to the last into cells, of which there is a limit. Those that no row can
    /// fulfil are left out.
    pub fn cut(&self, bounds: Range, limit: Limit) -> Result<Vec<Range>, Reason> {
        self.check(bounds)?;
        let mut cells = vec![bounds];
        // Bare comparisons first: they need no time zones, and leave less to cut.
        let (bare, others): (Vec<Expression>, Vec<Expression>) =
            self.comparisons.iter().partition(|comparison| self.is_bare(comparison.node));
        for comparison in bare {
            self.cut_at_steps(&mut cells, comparison, limit)?;
        }
        let (bare, ranges): (Vec<Expression>, Vec<Expression>) =
            self.ranges.iter().partition(|range| self.is_bare(range.node));
        self.keep(&mut cells, &bare);
        self.cut_at_transitions(&mut cells)?;
        for comparison in others {
            self.cut_at_steps(&mut cells, comparison, limit)?;
        }
        self.keep(&mut cells, &ranges);
        for &carrier in self.carriers {
            self.cut_at_steps(&mut cells, carrier, limit)?;
        }
        Ok(cells)
    }

    /// Functions of positions that are far away, or infinite, may fail where no row is.
    fn check(&self, bounds: Range) -> Result<(), Reason> {
        let days = if self.narrows { NARROW_DAYS } else { YEARS };
        let (least, greatest) = match self.tree.position {
            Position::Timestamptz | Position::Timestamp => (days.0 * DAY, days.1 * DAY),
            Position::Date => days,
            Position::Bigint if self.narrows => (i32::MIN.into(), i32::MAX.into()),
            Position::Bigint => (-EXACT, EXACT),
        };
        if bounds.first < least || bounds.last > greatest {
            return Err(Reason::Far);
        }
        Ok(())
    }

    /// Whether a comparison is one of the position itself.
    fn is_bare(&self, node: NodeRef) -> bool {
        node.cast::<OpExpr>().is_some_and(|comparison| {
            let mut columns = comparison.list(|comparison| &comparison.args).all::<Var>();
            columns.any(|column| self.columns.is_position(column.varattno))
        })
    }

    fn cut_at_steps(&self, cells: &mut Vec<Range>, carrier: Expression, limit: Limit) -> Result<(), Reason> {
        let mut cut = Vec::new();
        let (whole, mut done) = (length(cells), 0.0);
        for &cell in cells.iter() {
            if limit.will_be_passed(cut.len(), done / whole) {
                return Err(Reason::ManyCells);
            }
            let room = if cells.len() == 1 { limit } else { limit.after(cut.len()) };
            let steps = breakpoints(cell.first, cell.last, room, |position| {
                self.columns.set_position(self.row, self.tree, Some(position));
                carrier.image()
            });
            add(&mut cut, cell, &steps.ok_or(Reason::ManyCells)?);
            done += length(&[cell]);
        }
        *cells = cut;
        Ok(())
    }

    fn cut_at_transitions(&self, cells: &mut Vec<Range>) -> Result<(), Reason> {
        let (Some(first), Some(last)) = (cells.first(), cells.last()) else { return Ok(()) };
        let cuts = zones::cuts(self.tree.position, first.first, last.last, self.zones, self.days)?;
        let mut cut = Vec::new();
        for &cell in cells.iter() {
            let from = cuts.partition_point(|&at| at <= cell.first);
            let to = cuts.partition_point(|&at| at <= cell.last);
            add(&mut cut, cell, &cuts[from..to]);
        }
        *cells = cut;
        Ok(())
    }

    /// Keeps the cells in which all conditions hold.
    fn keep(&self, cells: &mut Vec<Range>, conditions: &[Expression]) {
        cells.retain(|cell| {
            self.columns.set_position(self.row, self.tree, Some(cell.first));
            conditions.iter().all(|condition| condition.holds())
        });
    }
}

/// The length of cells together.
pub fn length(cells: &[Range]) -> f64 {
    cells.iter().map(|cell| cell.last.abs_diff(cell.first) as f64 + 1.0).sum()
}

/// Adds a cell, cut at these positions.
fn add(cells: &mut Vec<Range>, cell: Range, cuts: &[i64]) {
    heap::room(cells, cuts.len() + 1);
    let parts = tally_stats::tree::cells(cell.first, cell.last, cuts);
    cells.extend(parts.map(|(first, last)| Range { first, last }));
}

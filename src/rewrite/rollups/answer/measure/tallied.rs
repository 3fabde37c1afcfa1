//! Statistics of numbers, of which some are values of the tree and some are the same for all rows of a cell.

use super::super::place::{Known, Place, Places};
use super::{grow, GroupMeasure, Ingredients};
use crate::pg::scan_row::Expression;
use crate::pg::value::LentValue;
use crate::rewrite::rollups::question::operand::{Branch, Operand};
use crate::rewrite::rollups::terms::results::{self, numeric_scale, scale_of_column, Uncertified, Wanted};
use pgrx::pg_sys::{self, Datum};
use pgrx::AnyNumeric;
use tally_stats::tree::Contents;
use tally_stats::{split_decimal, split_integer, Tally};

/// The tally of each group, and the digits after the point of its numbers.
pub struct NumbersTallied {
    wanted: Wanted,
    choice: Option<(Expression, Known<usize>)>,
    branches: Vec<BranchState>,
    sums: Vec<Sum>,
}

/// A branch of the operand.
struct BranchState {
    /// The place of the value in the tree, and the digits that all of its numbers have.
    value: Option<(usize, u32)>,
    expression: Option<(Expression, Known<Option<SplitNumber>>)>,
}

/// A number in two doubles, and its digits after the point.
#[derive(Clone, Copy)]
struct SplitNumber {
    hi: f64,
    lo: f64,
    scale: u32,
}

#[derive(Clone, Copy)]
struct Sum {
    tally: Tally,
    scale: u32,
}

impl Sum {
    const EMPTY: Sum = Sum { tally: Tally::EMPTY, scale: 0 };

    fn merge(&mut self, tally: &Tally, scale: u32) {
        if tally.num_vals() > 0 {
            self.tally.merge(tally);
            self.scale = self.scale.max(scale);
        }
    }
}

impl NumbersTallied {
    pub fn new(wanted: Wanted, operand: &Operand, ingredients: &Ingredients) -> NumbersTallied {
        let argument =
            |place: Option<usize>| place.and_then(|place| ingredients.arguments.get(place)).copied();
        let part = |&Branch { value, expression }: &Branch| BranchState {
            value: value.and_then(|value| {
                let (column, _) = ingredients.tree.values.get(value)?;
                Some((value, scale_of_column(column.type_oid, column.typmod).unwrap_or_default()))
            }),
            expression: argument(expression).map(|(expression, shape)| (expression, Known::new(shape))),
        };
        NumbersTallied {
            wanted,
            choice: argument(operand.choice).map(|(choice, shape)| (choice, Known::new(shape))),
            branches: operand.branches.iter().map(part).collect(),
            sums: Vec::new(),
        }
    }
}

impl GroupMeasure for NumbersTallied {
    fn make_room(&mut self, group: usize) {
        grow(&mut self.sums, group, Sum::EMPTY);
    }

    fn add(&mut self, group: usize, places: &Places, place: Place, contents: &Contents) {
        let branch = self.choice.as_mut().map_or(0, |(choice, known)| {
            known.at(place, || {
                places.set(place);
                choice.word()
            })
        });
        let (BranchState { value, expression }, sum) = (&mut self.branches[branch], &mut self.sums[group]);
        let mut rest = contents.extent.rows;
        if let Some((value, scale)) = *value {
            let tally = &contents.tallies[value];
            sum.merge(tally, scale);
            rest -= tally.num_vals();
        }
        if let Some((expression, known)) = expression.as_mut().filter(|_| rest > 0) {
            let number = known.at(place, || {
                places.set(place);
                expression.read(read)
            });
            if let Some(SplitNumber { hi, lo, scale }) = number {
                sum.merge(&Tally::of_many(hi, lo, rest), scale);
            }
        }
    }

    fn result(&self, group: usize) -> Result<Option<Datum>, Uncertified> {
        let Sum { tally, scale } = self.sums[group];
        results::value(&self.wanted.with_scale(scale), 0, &tally)
    }

    fn clear(&mut self) {
        self.sums.clear();
    }

    fn memory(&self) -> usize {
        self.sums.len() * size_of::<Sum>()
    }
}

/// Reads a number of a type that a tally can be made of, or counts anything else as zero.
fn read(value: LentValue) -> SplitNumber {
    let datum = value.datum();
    let (hi, lo) = match value.type_oid() {
        pg_sys::INT2OID => split_integer((datum.value() as i16).into()),
        pg_sys::INT4OID => split_integer((datum.value() as i32).into()),
        pg_sys::INT8OID => split_integer(datum.value() as i64),
        pg_sys::FLOAT4OID => (f32::from_bits(datum.value() as u32).into(), 0.0),
        pg_sys::FLOAT8OID => (f64::from_bits(datum.value() as u64), 0.0),
        pg_sys::NUMERICOID => {
            let number = value.native::<AnyNumeric>();
            // One beyond the range of doubles is as uncertain as NaN.
            let (hi, lo) =
                number.and_then(|number| split_decimal(&number.to_string())).unwrap_or((f64::NAN, 0.0));
            return SplitNumber { hi, lo, scale: numeric_scale(datum) };
        }
        _ => (0.0, 0.0),
    };
    SplitNumber { hi, lo, scale: 0 }
}

//! The aggregates that a tally of their argument answers.

use crate::pg::tables::catalog::declared_argument;
use crate::rewrite::statistic::{is_tally, Statistic};
use pgrx::pg_sys::{self, Oid};
use tally_stats::Unit;

/// The type of an aggregate's argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentType {
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    /// Numbers of which each has this many digits after the point.
    Numeric {
        scale: u32,
    },
}

/// An aggregate whose result is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub statistic: Statistic,
    /// The type of the argument, where that of the result depends on it.
    pub argument: Option<ArgumentType>,
    /// The type of the column, in which the tally has its values.
    column: Option<ArgumentType>,
}

use ArgumentType::*;
use Statistic::*;

/// Built-in aggregates over bigint, integer, smallint, real, double precision and numeric, whose OIDs are the same in all
/// versions (pg_proc.dat).
const BUILT_IN: [(Statistic, [u32; 6]); 10] = [
    (Sum, [2107, 2108, 2109, 2110, 2111, 2114]),
    (Avg, [2100, 2101, 2102, 2104, 2105, 2103]),
    (VarPop, [2718, 2719, 2720, 2721, 2722, 2723]),
    (VarSamp, [2641, 2642, 2643, 2644, 2645, 2646]),
    (VarSamp, [2148, 2149, 2150, 2151, 2152, 2153]),
    (StddevPop, [2724, 2725, 2726, 2727, 2728, 2729]),
    (StddevSamp, [2712, 2713, 2714, 2715, 2716, 2717]),
    (StddevSamp, [2154, 2155, 2156, 2157, 2158, 2159]),
    (Min, [2131, 2132, 2133, 2135, 2136, 2146]),
    (Max, [2115, 2116, 2117, 2119, 2120, 2130]),
];
const TYPES: [Oid; 6] = [
    pg_sys::INT8OID,
    pg_sys::INT4OID,
    pg_sys::INT2OID,
    pg_sys::FLOAT4OID,
    pg_sys::FLOAT8OID,
    pg_sys::NUMERICOID,
];

/// `count(*)` and `count(x)`.
const COUNTS: [(Statistic, u32); 2] = [(Rows, 2803), (Count, 2147)];

/// Integers below it are doubles, and no others are rounded to such.
const EXACT: f64 = (1_u64 << 53) as f64;

/// The greatest scale of numerics: those of a column that is declared with it.
const MOST_DIGITS: i32 = 100;

impl Wanted {
    /// The aggregate with this function over a column of this type and modifier, or over a cast of the column to the
    /// argument's type, itself without a modifier. `column` is only asked where there is an argument. None: no tally of the
    /// column answers it.
    pub fn of(function: Oid, column: Option<(Oid, i32)>) -> Option<Wanted> {
        if let Some(&(statistic, _)) = COUNTS.iter().find(|(_, oid)| *oid == function.to_u32()) {
            // Of the rows that have the column, `count(*)` is the number of its values.
            let statistic = if column.is_some() { Count } else { statistic };
            return Some(Wanted { statistic, argument: None, column: None });
        }
        let (statistic, argument) = known(function)?;
        let (column, modifier) = column?;
        if statistic == Tally {
            // Of numerics of any scale there is a tally.
            ArgumentType::of(column, WITHOUT_FRACTION)?.cast_to(argument)?;
            return Some(Wanted { statistic, argument: None, column: ArgumentType::of(column, modifier) });
        }
        let column = ArgumentType::of(column, modifier)?;
        let rounded = || column.rounded_to(argument).filter(|_| matches!(statistic, Sum | Avg | Min | Max));
        let argument = column.cast_to(argument).or_else(rounded)?;
        Some(Wanted { statistic, argument: Some(argument), column: Some(column) })
    }

    /// The aggregate over expressions of this type, or over casts of them as for [`Wanted::of`]. Numerics are of any scale, which
    /// [`Wanted::with_scales`] tells when it is known.
    pub fn of_expression(function: Oid, type_oid: Oid) -> Option<Wanted> {
        Wanted::of(function, Some((type_oid, WITHOUT_FRACTION)))
    }

    /// Returns the aggregate over numerics that are multiples of the last of these digits after the point, and of which the longest is
    /// shown with as many or more.
    pub fn with_scales(self, scale: u32, shown: u32) -> Wanted {
        let scaled = |kind, scale| match kind {
            Some(Numeric { .. }) => Some(Numeric { scale }),
            other => other,
        };
        Wanted { argument: scaled(self.argument, shown), column: scaled(self.column, scale), ..self }
    }

    /// Whether the result has the same bytes as that of PostgreSQL's own aggregate, which sums of floating-point numbers
    /// need not have: those of a tally are correctly rounded.
    pub fn is_exact(&self) -> bool {
        match self.statistic {
            Min | Max => true,
            // The last digits of other tallies depend on the order of rows.
            Tally => matches!(self.column, Some(Int2 | Int4 | Int8)),
            _ => !matches!(self.argument, Some(Float4 | Float8)),
        }
    }

    /// Whether results follow from a tally of the values before they were rounded to those of the argument: decimals of one sign do not cancel
    /// one another out, so that what they lost is no more than their sum loses itself.
    pub(super) fn is_rounded_alike(&self, tally: &tally_stats::Tally) -> bool {
        let (Some(least), Some(greatest)) = (tally.min(), tally.max()) else { return false };
        match (self.column, self.argument) {
            (Some(Int8), Some(Float8)) => least > -EXACT && greatest < EXACT,
            (Some(Numeric { .. }), Some(Float8)) => {
                least >= 0.0 || greatest <= 0.0 || matches!(self.statistic, Min | Max)
            }
            _ => true,
        }
    }

    /// The unit of which the values of the column are multiples.
    pub(super) fn unit(&self) -> Unit {
        self.column.map_or(Unit::One, ArgumentType::unit)
    }
}

/// The extreme that a built-in aggregate over positions returns: over bigint, date, timestamp or timestamptz.
pub fn extreme_of_positions(function: Oid) -> Option<Statistic> {
    match function.to_u32() {
        2131 | 2138 | 2142 | 2143 => Some(Min),
        2115 | 2122 | 2126 | 2127 => Some(Max),
        _ => None,
    }
}

/// The digits after the point that all values of a column have, none where it is not numeric; None if they differ.
pub fn scale_of_column(column: Oid, modifier: i32) -> Option<u32> {
    match ArgumentType::of(column, modifier)? {
        Numeric { scale } => Some(scale),
        _ => Some(0),
    }
}

/// The statistic that a function returns, and the type of its argument.
fn known(function: Oid) -> Option<(Statistic, Oid)> {
    if function.to_u32() >= pg_sys::FirstNormalObjectId {
        return is_tally(function).then(|| (Tally, argument_of(function)));
    }
    BUILT_IN.iter().find_map(|(statistic, functions)| {
        let place = functions.iter().position(|oid| *oid == function.to_u32())?;
        Some((*statistic, TYPES[place]))
    })
}

/// The type of the only argument of a function.
fn argument_of(function: Oid) -> Oid {
    match (declared_argument(function, 0), declared_argument(function, 1)) {
        (Some(only), None) => only,
        _ => Oid::INVALID,
    }
}

impl ArgumentType {
    /// The unit of which all values are multiples.
    pub(super) fn unit(self) -> Unit {
        match self {
            Numeric { scale } => Unit::Digits(scale),
            _ => Unit::One,
        }
    }

    /// The type with this modifier; None for numerics of any scale.
    pub(super) fn of(column: Oid, modifier: i32) -> Option<ArgumentType> {
        Some(match column {
            pg_sys::INT2OID => Int2,
            pg_sys::INT4OID => Int4,
            pg_sys::INT8OID => Int8,
            pg_sys::FLOAT4OID => Float4,
            pg_sys::FLOAT8OID => Float8,
            pg_sys::NUMERICOID => Numeric { scale: scale_of(modifier)? },
            _ => return None,
        })
    }

    /// The type after a cast that may round.
    fn rounded_to(self, argument: Oid) -> Option<ArgumentType> {
        (matches!(self, Int8 | Numeric { .. }) && argument == pg_sys::FLOAT8OID).then_some(Float8)
    }

    /// The type with the same values after a cast; None if it can change them.
    fn cast_to(self, argument: Oid) -> Option<ArgumentType> {
        match (self, argument) {
            (Int2, pg_sys::INT2OID) => Some(Int2),
            (Int2 | Int4, pg_sys::INT4OID) => Some(Int4),
            (Int2 | Int4 | Int8, pg_sys::INT8OID) => Some(Int8),
            (Int2 | Int4 | Int8, pg_sys::NUMERICOID) => Some(Numeric { scale: 0 }),
            (Numeric { .. }, pg_sys::NUMERICOID) => Some(self),
            (Int2 | Float4, pg_sys::FLOAT4OID) => Some(Float4),
            (Int2 | Int4 | Float4 | Float8, pg_sys::FLOAT8OID) => Some(Float8),
            _ => None,
        }
    }
}

/// The modifier of numerics without a fraction, the least that there is.
const WITHOUT_FRACTION: i32 = pg_sys::VARHDRSZ as i32;

/// The digits after the point of numerics with this modifier, whose low eleven bits are the scale (make_numeric_typmod);
/// none where it is negative.
fn scale_of(modifier: i32) -> Option<u32> {
    const SIGN: i32 = 1024;
    let scale = ((modifier.checked_sub(WITHOUT_FRACTION)? & 0x7ff) ^ SIGN) - SIGN;
    (modifier >= WITHOUT_FRACTION && scale <= MOST_DIGITS).then_some(scale.max(0) as u32)
}

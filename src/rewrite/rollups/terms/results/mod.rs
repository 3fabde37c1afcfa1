//! The results that PostgreSQL's own aggregates return, from the tally of the same values.
//!
//! Counts, extremes and everything over integers and numerics of one scale are the same bytes, or are not answered: what a
//! tally does not hold to the last digit is [`Uncertified`], and the table must answer. Sums, means and variances of
//! floating-point numbers are correctly rounded, where PostgreSQL's own depend on the order of rows; so does the sign of a zero
//! that is an extreme.

mod aggregate;
mod numeric;
mod quotient;

use crate::datum::tally::allocate;
use crate::pg::values::value::Value;
use crate::rewrite::float;
use numeric::{deviation, mean, variance, NumericValue};
use pgrx::pg_sys::{Datum, Oid};
use tally_stats::{Decimal, Tally, Unit};

pub use crate::rewrite::statistic::Statistic;
pub use aggregate::{extreme_of_positions, scale_of_column, ArgumentType, Wanted};
pub use numeric::numeric_scale;
pub use quotient::{Divisor, QuotientDigits};

/// The reason why a tally does not say what PostgreSQL would return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncertified {
    /// An integer or numeric extreme of more digits than a double has, or one that is not known.
    Extreme,
    /// A sum, or a sum of squares, that is not certain to the last digit.
    Sum,
    /// NaN among numerics.
    Special,
    /// Arithmetic that may fail, or that is not of finite numbers.
    Arithmetic,
    /// Quotients that PostgreSQL rounds, or shows with more digits than are known.
    Quotient,
    /// Rows of which some, and not all, have one of two values that are computed with.
    Missing,
    /// Floating-point numbers of which PostgreSQL's own sums may be out of range, if only on their way.
    Range,
}

impl Uncertified {
    /// The reason in words, as EXPLAIN shows it.
    pub fn reason(self) -> &'static str {
        match self {
            Uncertified::Extreme => "an extreme of more digits than the tree keeps",
            Uncertified::Sum => "a sum of more digits than the tree keeps",
            Uncertified::Special => "NaN among numerics",
            Uncertified::Arithmetic => "arithmetic that may be out of range, or with NaN or infinity",
            Uncertified::Quotient => "quotients that are rounded, or of different lengths",
            Uncertified::Missing => "rows with one of two values and without the other",
            Uncertified::Range => "a sum that may be out of range",
        }
    }
}

/// The result over this many rows, whose values have the tally; None is NULL. What is passed by reference is allocated in
/// the current memory context.
pub fn value(wanted: &Wanted, rows: i64, tally: &Tally) -> Result<Option<Datum>, Uncertified> {
    let count = tally.num_vals();
    match (wanted.statistic, wanted.argument) {
        (Statistic::Rows, _) => Ok(Some(rows.into())),
        (Statistic::Count, _) => Ok(Some(count.into())),
        // What may be stored is canonical.
        (Statistic::Tally, _) => Ok(Some(Datum::from(allocate(tally.renormalized())))),
        (_, None) => Ok(None),
        _ if count == 0 => Ok(None),
        (statistic, Some(ArgumentType::Float4 | ArgumentType::Float8)) => floating(wanted, statistic, tally),
        (statistic, Some(argument)) => exact(statistic, argument, wanted.unit(), tally),
    }
}

/// The least and the greatest value of a column of this type and modifier; None if they are not known to the last digit, or not alone.
/// What is passed by reference is allocated in the current memory context.
pub fn extremes(type_oid: Oid, modifier: i32, tally: &Tally) -> Option<[Value; 2]> {
    let column = ArgumentType::of(type_oid, modifier).filter(|_| tally.is_finite())?;
    let unit = column.unit();
    let value = |rounded: Option<f64>, exact: Option<Decimal>| match column {
        ArgumentType::Float4 => rounded.map(|x| Value::from(x as f32)),
        ArgumentType::Float8 => rounded.map(Value::from),
        _ => exact.map(|decimal| Value::parse(type_oid, -1, &decimal.to_string())),
    };
    Some([value(tally.min(), tally.exact_min(unit))?, value(tally.max(), tally.exact_max(unit))?])
}

/// A result over floating-point numbers, of which there are some.
fn floating(wanted: &Wanted, statistic: Statistic, tally: &Tally) -> Result<Option<Datum>, Uncertified> {
    let is_real = wanted.argument == Some(ArgumentType::Float4);
    // Adding up, PostgreSQL squares n times a value.
    let limit = match statistic {
        Statistic::Min | Statistic::Max => f64::INFINITY,
        Statistic::Sum if is_real => f32::MAX.into(),
        Statistic::Sum => f64::MAX,
        _ => f64::MAX.sqrt(),
    };
    if tally.magnitude() * tally.num_vals() as f64 > limit / 4.0 {
        return Err(Uncertified::Range);
    }
    if !wanted.is_rounded_alike(tally) {
        return Err(Uncertified::Sum);
    }
    let double = |x: f64| Datum::from(x.to_bits());
    let real = |x: f32| Datum::from(u64::from(x.to_bits()));
    let extreme = |x: Option<f64>| {
        let x = x.ok_or(Uncertified::Extreme)?;
        Ok(Some(if is_real { real(x as f32) } else { double(x) }))
    };
    match statistic {
        Statistic::Min => extreme(tally.min()),
        Statistic::Max => extreme(tally.max()),
        Statistic::Sum if is_real => Ok(float::sum_of_reals(tally).map(real)),
        _ => Ok(float::built_in(tally, statistic).map(double)),
    }
}

/// A result over integers or numerics, of which there are some.
fn exact(
    statistic: Statistic,
    argument: ArgumentType,
    unit: Unit,
    tally: &Tally,
) -> Result<Option<Datum>, Uncertified> {
    if !tally.is_finite() {
        return Err(Uncertified::Special);
    }
    let n = tally.num_vals();
    let shown = match argument {
        ArgumentType::Numeric { scale } => scale,
        _ => 0,
    };
    let sum = || tally.exact_sum(unit).map(|sum| sum.with_digits(shown)).ok_or(Uncertified::Sum);
    let spread = |degrees: i64| {
        let dispersion = tally.exact_dispersion(unit).ok_or(Uncertified::Sum)?;
        Ok(variance(&dispersion, n, degrees))
    };
    let result = match statistic {
        Statistic::Min => of_type(argument, tally.exact_min(unit)).ok_or(Uncertified::Extreme)?,
        Statistic::Max => of_type(argument, tally.exact_max(unit)).ok_or(Uncertified::Extreme)?,
        Statistic::Sum => match argument {
            // A bigint, beyond which PostgreSQL's sum goes round.
            ArgumentType::Int2 | ArgumentType::Int4 => sum()?.to_i64().ok_or(Uncertified::Sum)?.into(),
            _ => NumericValue::of(&sum()?).into_datum(),
        },
        Statistic::Avg => mean(&sum()?, n).into_datum(),
        Statistic::VarSamp | Statistic::StddevSamp if n == 1 => return Ok(None),
        Statistic::VarSamp => spread(n - 1)?.into_datum(),
        Statistic::VarPop => spread(n)?.into_datum(),
        Statistic::StddevSamp => deviation(spread(n - 1)?).into_datum(),
        _ => deviation(spread(n)?).into_datum(),
    };
    Ok(Some(result))
}

/// A value of the argument's type.
fn of_type(argument: ArgumentType, value: Option<Decimal>) -> Option<Datum> {
    let value = value?;
    match argument {
        ArgumentType::Int2 => value.to_i64().map(|x| Datum::from(x as i16)),
        ArgumentType::Int4 => value.to_i64().map(|x| Datum::from(x as i32)),
        ArgumentType::Int8 => value.to_i64().map(Datum::from),
        _ => Some(NumericValue::of(&value).into_datum()),
    }
}

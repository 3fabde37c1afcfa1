//! The numbers that an operand is in the rows of a cell, as a tally.

use super::super::place::{Known, Place, Places};
use super::Ingredients;
use crate::pg::execution::scan_row::Expression;
use crate::pg::server::error::defect;
use crate::pg::values::value::LentValue;
use crate::rewrite::rollups::question::arithmetic::{Arithmetic, Operation};
use crate::rewrite::rollups::question::operand::Operand;
use crate::rewrite::rollups::terms::results::{
    numeric_scale, scale_of_column, Divisor, QuotientDigits, Uncertified,
};
use pgrx::pg_sys;
use pgrx::AnyNumeric;
use tally_stats::tree::Contents;
use tally_stats::{split_decimal, split_integer, Dd, Tally, Unit};

/// The numbers of some rows, without those of rows where it is NULL.
#[derive(Clone, Copy)]
pub struct OperandNumbers {
    pub tally: Tally,
    /// The digits after the point of which all of them are multiples.
    pub scale: u32,
    /// The digits after the point that PostgreSQL shows of the longest, which may be more.
    pub shown: u32,
}

impl OperandNumbers {
    pub const NONE: OperandNumbers = OperandNumbers { tally: Tally::EMPTY, scale: 0, shown: 0 };

    pub fn merge(&mut self, other: &OperandNumbers) {
        if other.tally.num_vals() > 0 {
            self.tally.merge(&other.tally);
            self.scale = self.scale.max(other.scale);
            self.shown = self.shown.max(other.shown);
        }
    }
}

/// A number in two doubles, and its digits after the point.
#[derive(Clone, Copy)]
pub struct SplitNumber {
    number: Dd,
    scale: u32,
    /// The number as a divisor, if it is a numeric by which quotients may be exact.
    divisor: Option<Divisor>,
}

/// An operand, ready to be evaluated.
pub enum ComputedOperand {
    Null,
    /// The place of the value in the tree, and the digits that all of its numbers have.
    Value(usize, u32),
    Expression(Expression, Known<Option<SplitNumber>>),
    Choice(Expression, Known<usize>, Vec<ComputedOperand>),
    Coalesced(Box<[ComputedOperand; 2]>),
    /// One where the value at this place is NULL, and one where it is not.
    Split(usize, Box<[ComputedOperand; 2]>),
    Negative(Arithmetic, Box<ComputedOperand>),
    Operation(Arithmetic, Box<[ComputedOperand; 2]>),
}

/// Integers up to here are doubles.
const EXACT: f64 = (1_u64 << 53) as f64;

impl ComputedOperand {
    pub fn new(operand: &Operand, ingredients: &Ingredients) -> ComputedOperand {
        let argument = |place: usize| ingredients.arguments[place];
        let number = |place: usize| {
            let (expression, shape) = argument(place);
            ComputedOperand::Expression(expression, Known::new(shape))
        };
        let part = |part: &Operand| ComputedOperand::new(part, ingredients);
        match operand {
            Operand::Null => ComputedOperand::Null,
            Operand::Value(value) => {
                let column = ingredients.tree.values.get(*value).map(|(column, _)| column);
                let scale = column.and_then(|column| scale_of_column(column.type_oid, column.typmod));
                ComputedOperand::Value(*value, scale.unwrap_or_default())
            }
            Operand::Expression(place) => number(*place),
            Operand::Choice(place, parts) => {
                let (choice, shape) = argument(*place);
                ComputedOperand::Choice(choice, Known::new(shape), parts.iter().map(part).collect())
            }
            Operand::Coalesced(first, instead) => {
                ComputedOperand::Coalesced(Box::new([part(first), number(*instead)]))
            }
            Operand::Split(value, parts) => ComputedOperand::Split(*value, Box::new(two(parts).map(part))),
            Operand::Computed(arithmetic, parts) => match &parts[..] {
                [only] => ComputedOperand::Negative(*arithmetic, Box::new(part(only))),
                parts => ComputedOperand::Operation(*arithmetic, Box::new(two(parts).map(part))),
            },
        }
    }

    /// The numbers in this many rows of a cell.
    pub fn numbers(
        &mut self,
        places: &Places,
        place: Place,
        contents: &Contents,
        rows: i64,
    ) -> Result<OperandNumbers, Uncertified> {
        match self {
            ComputedOperand::Null => Ok(OperandNumbers::NONE),
            ComputedOperand::Value(value, scale) => {
                Ok(OperandNumbers { tally: contents.tallies[*value], scale: *scale, shown: *scale })
            }
            ComputedOperand::Expression(..) => {
                Ok(self.number(places, place).map_or(OperandNumbers::NONE, |number| {
                    let SplitNumber { number, scale, .. } = number;
                    OperandNumbers { tally: Tally::of_many(number.hi, number.lo, rows), scale, shown: scale }
                }))
            }
            ComputedOperand::Choice(choice, known, parts) => {
                let branch = known.at(place, || {
                    places.set(place);
                    choice.word()
                });
                parts[branch].numbers(places, place, contents, rows)
            }
            ComputedOperand::Coalesced(parts) => {
                let mut found = OperandNumbers::NONE;
                found.merge(&parts[0].numbers(places, place, contents, rows)?);
                let rest = rows - found.tally.num_vals();
                if rest > 0 {
                    found.merge(&parts[1].numbers(places, place, contents, rest)?);
                }
                Ok(found)
            }
            ComputedOperand::Split(value, parts) => {
                let with = contents.tallies[*value].num_vals();
                let [absent, present] = &mut **parts;
                let mut found = OperandNumbers::NONE;
                for (part, rows) in [(absent, rows - with), (present, with)] {
                    if rows > 0 {
                        found.merge(&part.numbers(places, place, contents, rows)?);
                    }
                }
                Ok(found)
            }
            ComputedOperand::Negative(arithmetic, part) => {
                let numbers = part.numbers(places, place, contents, rows)?;
                let found = numbers.negative()?;
                within(arithmetic.width, [&numbers.tally, &found.tally])?;
                Ok(found)
            }
            ComputedOperand::Operation(arithmetic, parts) => {
                let arithmetic = *arithmetic;
                let [left, right] = &mut **parts;
                if let ComputedOperand::Expression(..) = right {
                    let number = right.number(places, place);
                    let numbers = left.numbers(places, place, contents, rows)?;
                    return number
                        .map_or(Ok(OperandNumbers::NONE), |number| with_number(arithmetic, numbers, number));
                }
                if let ComputedOperand::Expression(..) = left {
                    let number = left.number(places, place);
                    let numbers = right.numbers(places, place, contents, rows)?;
                    let numbers =
                        if arithmetic.operation == Operation::Minus { numbers.negative()? } else { numbers };
                    let operation = match arithmetic.operation {
                        Operation::Minus => Operation::Plus,
                        other => other,
                    };
                    let arithmetic = Arithmetic { operation, ..arithmetic };
                    return number
                        .map_or(Ok(OperandNumbers::NONE), |number| with_number(arithmetic, numbers, number));
                }
                let one = left.numbers(places, place, contents, rows)?;
                let other = right.numbers(places, place, contents, rows)?;
                of_pairs(arithmetic, one, other, rows)
            }
        }
    }

    /// The number that an expression is at a place.
    fn number(&mut self, places: &Places, place: Place) -> Option<SplitNumber> {
        let ComputedOperand::Expression(expression, known) = self else { return None };
        known.at(place, || {
            places.set(place);
            expression.read(read)
        })
    }
}

impl OperandNumbers {
    fn negative(self) -> Result<OperandNumbers, Uncertified> {
        let tally = self.tally.times(Dd::from_f64(-1.0)).ok_or(Uncertified::Arithmetic)?;
        Ok(OperandNumbers { tally, ..self })
    }
}

fn two(parts: &[Operand]) -> [&Operand; 2] {
    let [one, other] = parts else { defect("what has two parts has another number of them") };
    [one, other]
}

/// The results of an operation with numbers on its left, and one number on its right.
fn with_number(
    Arithmetic { operation, width, is_decimal }: Arithmetic,
    numbers: OperandNumbers,
    right: SplitNumber,
) -> Result<OperandNumbers, Uncertified> {
    let OperandNumbers { tally, scale, shown } = numbers;
    let SplitNumber { number, scale: other, .. } = right;
    let (found, scale, shown) = match operation {
        Operation::Times => (tally.times(number), scale + other, shown + other),
        Operation::Over if is_decimal => return quotients(numbers, right),
        Operation::Over => (tally.over(number), 0, 0),
        Operation::Minus => {
            (tally.plus(Dd { hi: -number.hi, lo: -number.lo }), scale.max(other), shown.max(other))
        }
        Operation::Plus | Operation::Negative => (tally.plus(number), scale.max(other), shown.max(other)),
    };
    let found = found.ok_or(Uncertified::Arithmetic)?;
    within(width, [&tally, &found])?;
    Ok(OperandNumbers { tally: found, scale, shown })
}

/// The exact quotients of integers by a numeric.
fn quotients(
    OperandNumbers { tally, shown, .. }: OperandNumbers,
    SplitNumber { number, divisor, .. }: SplitNumber,
) -> Result<OperandNumbers, Uncertified> {
    if tally.num_vals() == 0 {
        return Ok(OperandNumbers::NONE);
    }
    if number.hi == 0.0 || !tally.is_finite() {
        return Err(Uncertified::Arithmetic);
    }
    let divisor = divisor.filter(|_| shown == 0).ok_or(Uncertified::Quotient)?;
    let bounds = [tally.exact_min(Unit::One), tally.exact_max(Unit::One)];
    let [Some(least), Some(greatest)] = bounds.map(|bound| bound.and_then(|bound| bound.to_i64())) else {
        return Err(Uncertified::Extreme);
    };
    let QuotientDigits { needed, shown } = divisor.digits(least, greatest).ok_or(Uncertified::Quotient)?;
    let tally = tally.over(number).ok_or(Uncertified::Arithmetic)?;
    Ok(OperandNumbers { tally, scale: needed, shown })
}

/// The sums or differences of the two numbers that each of these rows has.
fn of_pairs(
    arithmetic: Arithmetic,
    one: OperandNumbers,
    other: OperandNumbers,
    rows: i64,
) -> Result<OperandNumbers, Uncertified> {
    let counts = [one.tally.num_vals(), other.tally.num_vals()];
    if counts.contains(&0) {
        return Ok(OperandNumbers::NONE);
    }
    if counts != [rows, rows] {
        return Err(Uncertified::Missing);
    }
    within(arithmetic.width, [&one.tally, &other.tally])?;
    let (scale, shown) = (one.scale.max(other.scale), one.shown.max(other.shown));
    let other = if arithmetic.operation == Operation::Minus { other.negative()? } else { other };
    let tally = one.tally.plus_each(&other.tally).ok_or(Uncertified::Arithmetic)?;
    within(arithmetic.width, [&tally])?;
    Ok(OperandNumbers { tally, scale, shown })
}

/// Checks that integers are of this many bytes, and known to the last digit.
fn within<const N: usize>(width: Option<u32>, tallies: [&Tally; N]) -> Result<(), Uncertified> {
    let Some(width) = width else { return Ok(()) };
    let limit = if width < 8 { 2f64.powi(8 * width as i32 - 1) } else { EXACT };
    let fits = |tally: &&Tally| {
        let (Some(min), Some(max)) = (tally.min(), tally.max()) else { return tally.num_vals() == 0 };
        min >= -limit && max < limit
    };
    if tallies.iter().all(fits) {
        Ok(())
    } else {
        Err(Uncertified::Arithmetic)
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
            let text = value.native::<AnyNumeric>().map(|number| number.to_string());
            // One beyond the range of doubles is as uncertain as NaN.
            let (hi, lo) = text.as_deref().and_then(split_decimal).unwrap_or((f64::NAN, 0.0));
            let divisor = text.as_deref().and_then(Divisor::of);
            return SplitNumber { number: Dd { hi, lo }, scale: numeric_scale(datum), divisor };
        }
        _ => (0.0, 0.0),
    };
    SplitNumber { number: Dd { hi, lo }, scale: 0, divisor: None }
}

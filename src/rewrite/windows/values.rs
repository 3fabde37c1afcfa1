//! Sliding windows over each kind of values, and their statistics.

use super::statistic::Statistic;
use crate::datum::number::split_numeric;
use crate::datum::sliding::{Merged, Wide};
use crate::datum::tally::tally_of;
use crate::pg::execution::copies::{Copies, Number};
use crate::pg::memory::heap::fallibly;
use crate::pg::server::error::defect;
use crate::pg::values::value::{FixedType, Value};
use crate::rewrite::float::{built_in, sum_of_reals};
use pgrx::pg_sys::{self, Datum, Oid};
use tally_stats::{split_integer, Extreme, Sliding, Summary, Tally};

/// The way in which an argument's values are read and kept.
#[derive(Clone, Copy, PartialEq)]
pub enum ValueKind {
    Double,
    Real,
    /// Integers for a tally, which keeps all bits of the sum.
    WideInteger,
    WideNumeric,
    /// Tallies, of this type.
    Stored(TallyType),
    /// Values for minimum and maximum that are stored as integers of this many bytes.
    Integer2,
    Integer4,
    Integer8,
    Numeric,
}

/// A type that is stored like a tally.
type TallyType = FixedType<{ size_of::<Tally>() }>;

/// Finds how values of a type are kept for a statistic; None if they are not supported, or only counted.
pub fn kind(statistic: Statistic, value: Oid) -> Option<ValueKind> {
    let is_tally = statistic == Statistic::Tally;
    Some(match value {
        _ if statistic == Statistic::Count => return None,
        pg_sys::FLOAT8OID => ValueKind::Double,
        pg_sys::FLOAT4OID => ValueKind::Real,
        pg_sys::INT8OID if is_tally => ValueKind::WideInteger,
        pg_sys::NUMERICOID if is_tally => ValueKind::WideNumeric,
        _ if is_tally => ValueKind::Stored(TallyType::of(value)?),
        pg_sys::INT2OID => ValueKind::Integer2,
        pg_sys::INT4OID | pg_sys::DATEOID => ValueKind::Integer4,
        pg_sys::INT8OID | pg_sys::TIMESTAMPOID | pg_sys::TIMESTAMPTZOID => ValueKind::Integer8,
        pg_sys::NUMERICOID => ValueKind::Numeric,
        _ => return None,
    })
}

impl ValueKind {
    /// Makes an empty window over values of this kind.
    pub fn values(self, copies: Copies) -> Box<dyn Values> {
        match self {
            ValueKind::Double => Box::new(Tallied::new(Doubles)),
            ValueKind::Real => Box::new(Tallied::new(Reals)),
            ValueKind::WideInteger => Box::new(Tallied::new(Bigints)),
            ValueKind::WideNumeric => Box::new(Tallied::new(Numerics)),
            ValueKind::Stored(tally) => Box::new(Tallied::new(Tallies(tally))),
            ValueKind::Integer2 => Box::new(Extremes::<i16>::new(copies)),
            ValueKind::Integer4 => Box::new(Extremes::<i32>::new(copies)),
            ValueKind::Integer8 => Box::new(Extremes::<i64>::new(copies)),
            ValueKind::Numeric => Box::new(Extremes::<Number>::new(copies)),
        }
    }
}

/// The values of the rows of the frame.
pub trait Values {
    /// Adds a value of this kind to the frame; one that is passed by reference is copied.
    fn enter(&mut self, value: Value);
    /// Removes the oldest value from the frame.
    fn leave(&mut self);
    /// Prepares to report.
    fn prepare_report(&mut self);
    /// Returns a statistic of the frame, as real if that is its type; valid until the frame changes or the memory
    /// context is reset. NULL is None.
    fn report(&mut self, statistic: Statistic, is_real: bool) -> Option<Datum>;
    /// Returns the bytes in use, apart from copies.
    fn memory(&self) -> usize;
}

/// A type whose values a tally summarises.
trait Tallyable {
    type Summary: Summary;
    /// Reads a value; None if it is of another type.
    fn read(&self, value: Value) -> Option<<Self::Summary as Summary>::Value>;
    /// Returns the value if it is a zero whose sign is reported.
    fn zero(_: <Self::Summary as Summary>::Value) -> Option<f64> {
        None
    }
    fn tally(summary: Self::Summary) -> Tally;
}

struct Doubles;
struct Reals;
struct Bigints;
struct Numerics;
struct Tallies(TallyType);

impl Tallyable for Doubles {
    type Summary = Tally;

    #[inline]
    fn read(&self, value: Value) -> Option<f64> {
        value.double()
    }

    fn zero(value: f64) -> Option<f64> {
        (value == 0.0).then_some(value)
    }

    fn tally(summary: Tally) -> Tally {
        summary
    }
}

impl Tallyable for Reals {
    type Summary = Tally;

    fn read(&self, value: Value) -> Option<f64> {
        value.real().map(f64::from)
    }

    fn zero(value: f64) -> Option<f64> {
        (value == 0.0).then_some(value)
    }

    fn tally(summary: Tally) -> Tally {
        summary
    }
}

impl Tallyable for Bigints {
    type Summary = Wide;

    fn read(&self, value: Value) -> Option<(f64, f64)> {
        value.bigint().map(split_integer)
    }

    fn tally(summary: Wide) -> Tally {
        summary.0
    }
}

impl Tallyable for Numerics {
    type Summary = Wide;

    fn read(&self, value: Value) -> Option<(f64, f64)> {
        value.numeric().map(split_numeric)
    }

    fn tally(summary: Wide) -> Tally {
        summary.0
    }
}

impl Tallyable for Tallies {
    type Summary = Merged;

    fn read(&self, value: Value) -> Option<Tally> {
        value.fixed(self.0).map(tally_of)
    }

    fn tally(summary: Merged) -> Tally {
        summary.0
    }
}

struct Tallied<T: Tallyable> {
    /// The type of the values.
    of: T,
    values: Sliding<T::Summary>,
    /// The tally of the frame, which a result of type tally points to.
    now: Box<Tally>,
    /// The newest zero, for its sign: a tally does not know the order of its values.
    zero: f64,
}

impl<T: Tallyable> Tallied<T> {
    fn new(of: T) -> Self {
        Tallied { of, values: Sliding::default(), now: Box::new(Tally::EMPTY), zero: 0.0 }
    }
}

impl<T: Tallyable> Values for Tallied<T> {
    fn enter(&mut self, value: Value) {
        let value =
            self.of.read(value).unwrap_or_else(|| defect("a value of another type than its window's"));
        if let Some(zero) = T::zero(value) {
            self.zero = zero;
        }
        fallibly(|| self.values.push(value));
    }

    fn leave(&mut self) {
        self.values.pop();
    }

    fn prepare_report(&mut self) {
        *self.now = T::tally(self.values.summary());
    }

    fn report(&mut self, statistic: Statistic, is_real: bool) -> Option<Datum> {
        let number = match statistic {
            Statistic::Tally => {
                // A result may be stored, so it is canonical.
                *self.now = self.now.renormalized();
                return Some(Datum::from(&raw mut *self.now));
            }
            Statistic::Sum if is_real => sum_of_reals(&self.now)?.into(),
            Statistic::Min => self.signed(self.now.min())?,
            Statistic::Max => self.signed(self.now.max())?,
            _ => built_in(&self.now, statistic)?,
        };
        // The minimum, maximum and sum of reals are reals.
        Some(match is_real {
            true => Datum::from(u64::from((number as f32).to_bits())),
            false => Datum::from(number.to_bits()),
        })
    }

    fn memory(&self) -> usize {
        self.values.memory()
    }
}

impl<T: Tallyable> Tallied<T> {
    /// Restores the sign of a zero: of equal values the built-in aggregates return the newest.
    fn signed(&self, extreme: Option<f64>) -> Option<f64> {
        extreme.map(|extreme| if extreme == 0.0 { self.zero } else { extreme })
    }
}

/// A type whose values have a minimum and a maximum.
trait Comparable: Ord + Sized {
    /// Copies a value twice, and raises an error if it is none of the type.
    fn twice(value: Value, copies: Copies) -> [Self; 2];
    fn datum(&self) -> Datum;
}

macro_rules! comparable_integers {
    ($($integer:ty),*) => { $(
        impl Comparable for $integer {
            fn twice(value: Value, _: Copies) -> [Self; 2] {
                [value.datum().value() as $integer; 2]
            }

            fn datum(&self) -> Datum {
                Datum::from(*self)
            }
        }
    )* };
}

comparable_integers!(i16, i32, i64);

impl Comparable for Number {
    fn twice(value: Value, copies: Copies) -> [Self; 2] {
        copies.numeric_twice(value)
    }

    fn datum(&self) -> Datum {
        Number::datum(self)
    }
}

struct Extremes<T> {
    copies: Copies,
    least: Extreme<T>,
    greatest: Extreme<T>,
}

impl<T: Comparable> Extremes<T> {
    fn new(copies: Copies) -> Self {
        Extremes { copies, least: Extreme::default(), greatest: Extreme::default() }
    }
}

impl<T: Comparable> Values for Extremes<T> {
    fn enter(&mut self, value: Value) {
        let [value, again] = T::twice(value, self.copies);
        fallibly(|| self.least.push(again, Ord::cmp));
        fallibly(|| self.greatest.push(value, |a, b| b.cmp(a)));
    }

    fn leave(&mut self) {
        self.least.pop();
        self.greatest.pop();
    }

    fn prepare_report(&mut self) {}

    fn report(&mut self, statistic: Statistic, _: bool) -> Option<Datum> {
        let extreme = if statistic == Statistic::Min { &self.least } else { &self.greatest };
        extreme.get().map(T::datum)
    }
    fn memory(&self) -> usize {
        self.least.memory() + self.greatest.memory()
    }
}

//! Means, variances and standard deviations of numerics, by PostgreSQL's own arithmetic, so that digits and display scales
//! are those of its aggregates.

use crate::pg::server::error::defect;
use pgrx::pg_sys::{self, Datum, FunctionCallInfo, Oid};
use pgrx::{direct_function_call_as_datum, IntoDatum};
use std::ffi::CString;
use tally_stats::Decimal;

/// A numeric of our own, freed when it is not used any more: there may be several on the way to each of many results.
pub struct NumericValue(Datum);

impl Drop for NumericValue {
    fn drop(&mut self) {
        // SAFETY: the functions called here allocate their results, which nobody else has.
        unsafe { pg_sys::pfree(self.0.cast_mut_ptr()) }
    }
}

impl NumericValue {
    /// The number as a result, in the memory context in which it was computed.
    pub fn into_datum(self) -> Datum {
        std::mem::ManuallyDrop::new(self).0
    }

    /// The number with all digits that the decimal has.
    pub fn of(decimal: &Decimal) -> NumericValue {
        let text = CString::new(decimal.to_string()).unwrap_or_else(|_| defect("digits are text"));
        let text = Some(Datum::from(text.as_ptr()));
        NumericValue(call(pg_sys::numeric_in, &[text, Oid::INVALID.into_datum(), (-1).into_datum()]))
    }

    fn of_integer(x: i64) -> NumericValue {
        NumericValue(call(pg_sys::int8_numeric, &[x.into_datum()]))
    }

    fn and(&self, function: Function, other: &NumericValue) -> NumericValue {
        NumericValue(call(function, &[Some(self.0), Some(other.0)]))
    }

    fn cut(&self, function: Function, digits: Datum) -> NumericValue {
        NumericValue(call(function, &[Some(self.0), Some(digits)]))
    }

    fn compare(&self, function: Function, other: &NumericValue) -> bool {
        call(function, &[Some(self.0), Some(other.0)]).value() != 0
    }

    /// Digits after the point, an integer.
    fn scale(&self) -> Datum {
        call(pg_sys::numeric_scale, &[Some(self.0)])
    }
}

/// The mean of `n` values.
pub fn mean(sum: &Decimal, n: i64) -> NumericValue {
    NumericValue::of(sum).and(pg_sys::numeric_div, &NumericValue::of_integer(n))
}

/// The variance n Σx² - (Σx)², over n times the degrees of freedom.
pub fn variance(dispersion: &Decimal, n: i64, degrees: i64) -> NumericValue {
    if !dispersion.is_positive() {
        return NumericValue::of_integer(0);
    }
    let denominator =
        NumericValue::of_integer(n).and(pg_sys::numeric_mul, &NumericValue::of_integer(degrees));
    NumericValue::of(dispersion).and(pg_sys::numeric_div, &denominator)
}

/// The square root of a variance, with as many digits after the point.
///
/// `sqrt(numeric)` has at least as many, and rounding it again goes wrong where it is rounded to the middle of two numbers.
pub fn deviation(variance: NumericValue) -> NumericValue {
    let root = NumericValue(call(pg_sys::numeric_sqrt, &[Some(variance.0)]));
    let digits = variance.scale();
    if root.scale() == digits {
        return root;
    }
    let (cut, rounded) = (root.cut(pg_sys::numeric_trunc, digits), root.cut(pg_sys::numeric_round, digits));
    // Half of the last digit is left exactly when as much is missing.
    let rest = root.and(pg_sys::numeric_sub, &cut);
    let missing = rounded.and(pg_sys::numeric_sub, &root);
    let is_above = || root.and(pg_sys::numeric_mul, &root).compare(pg_sys::numeric_gt, &variance);
    if rest.compare(pg_sys::numeric_eq, &missing) && is_above() {
        cut
    } else {
        rounded
    }
}

/// Digits after the point of a numeric, none of NaN and infinities.
pub fn numeric_scale(number: Datum) -> u32 {
    call_or_null(pg_sys::numeric_scale, &[Some(number)]).map_or(0, |scale| scale.value() as u32)
}

type Function = unsafe fn(FunctionCallInfo) -> Datum;

/// Calls one of PostgreSQL's functions, of which this result is not NULL.
fn call(function: Function, arguments: &[Option<Datum>]) -> Datum {
    call_or_null(function, arguments).unwrap_or_else(|| defect("a function of a number is a number"))
}

/// Calls one of PostgreSQL's functions.
fn call_or_null(function: Function, arguments: &[Option<Datum>]) -> Option<Datum> {
    // SAFETY: the callers of this module pass numerics and integers, as the function called takes them.
    unsafe { direct_function_call_as_datum(function, arguments) }
}

//! Means, variances and standard deviations of numerics, by PostgreSQL's own arithmetic, so that digits and display scales
//! are those of its aggregates.

use crate::pg::error::defect;
use pgrx::pg_sys::{self, Datum, FunctionCallInfo, Oid};
use pgrx::{direct_function_call_as_datum, IntoDatum};
use std::ffi::CString;
use tally_stats::Decimal;

/// The number with all digits that the decimal has.
pub fn numeric(decimal: &Decimal) -> Datum {
    let text = CString::new(decimal.to_string()).unwrap_or_else(|_| defect("digits are text"));
    call(pg_sys::numeric_in, &[text.as_c_str().into_datum(), Oid::INVALID.into_datum(), (-1).into_datum()])
}

/// The mean of `n` values.
pub fn mean(sum: &Decimal, n: i64) -> Datum {
    binary(pg_sys::numeric_div, numeric(sum), integer(n))
}

/// The variance n Σx² - (Σx)², over n times the degrees of freedom.
pub fn variance(dispersion: &Decimal, n: i64, degrees: i64) -> Datum {
    if !dispersion.is_positive() {
        return integer(0);
    }
    let denominator = binary(pg_sys::numeric_mul, integer(n), integer(degrees));
    binary(pg_sys::numeric_div, numeric(dispersion), denominator)
}

/// The square root of a variance, with as many digits after the point.
///
/// `sqrt(numeric)` has at least as many, and rounding it again goes wrong where it is rounded to the middle of two numbers.
pub fn deviation(variance: Datum) -> Datum {
    let root = call(pg_sys::numeric_sqrt, &[Some(variance)]);
    let digits = scale(variance);
    if scale(root) == digits {
        return root;
    }
    let square = binary(pg_sys::numeric_mul, root, root);
    let is_above = binary(pg_sys::numeric_gt, square, variance).value() != 0;
    let cut = binary(pg_sys::numeric_trunc, root, digits);
    let rounded = binary(pg_sys::numeric_round, root, digits);
    // Half of the last digit: what is left is that much exactly when it doubles to the step between the two.
    let rest = binary(pg_sys::numeric_sub, root, cut);
    let step = binary(pg_sys::numeric_sub, rounded, root);
    let is_middle = binary(pg_sys::numeric_eq, rest, step).value() != 0;
    if is_middle && is_above {
        cut
    } else {
        rounded
    }
}

/// Digits after the point of a numeric, none of NaN and infinities.
pub fn numeric_scale(number: Datum) -> u32 {
    // SAFETY: the caller has a numeric, whose scale is an integer or NULL.
    let scale = unsafe { direct_function_call_as_datum(pg_sys::numeric_scale, &[Some(number)]) };
    scale.map_or(0, |scale| scale.value() as u32)
}

fn integer(x: i64) -> Datum {
    call(pg_sys::int8_numeric, &[x.into_datum()])
}

/// Digits after the point, an integer.
fn scale(number: Datum) -> Datum {
    call(pg_sys::numeric_scale, &[Some(number)])
}

fn binary(function: Function, a: Datum, b: Datum) -> Datum {
    call(function, &[Some(a), Some(b)])
}

type Function = unsafe fn(FunctionCallInfo) -> Datum;

/// Calls one of PostgreSQL's functions, none of whose results is NULL.
fn call(function: Function, arguments: &[Option<Datum>]) -> Datum {
    // SAFETY: the callers of this module pass numerics and integers, as the function called takes them.
    let result = unsafe { direct_function_call_as_datum(function, arguments) };
    result.unwrap_or_else(|| defect("a function of a number is a number"))
}

//! Constants on which it depends whether a function is monotone.

use crate::pg::nodes::tree::NodeRef;
use crate::rewrite::rollups::terms::results::Divisor;
use pgrx::pg_sys::{self, FuncExpr, OpExpr};

/// Whether it is a constant interval with months.
pub fn has_months(node: NodeRef) -> bool {
    node.constant_interval().is_some_and(|interval| interval.month != 0)
}

/// The days of an interval that has no months, or those that its multiples may have; None if it may have months.
pub fn days_without_months(node: NodeRef) -> Option<Vec<i32>> {
    const MULTIPLES: std::ops::RangeInclusive<i32> = -7..=7;
    if let Some(interval) = node.constant_interval() {
        return (interval.month == 0).then(|| match interval.day {
            0 => Vec::new(),
            day => vec![day, -day],
        });
    }
    let (function, arguments) = match (node.cast::<OpExpr>(), node.cast::<FuncExpr>()) {
        (Some(call), _) => (call.opfuncid, call.list(|call| &call.args)),
        (_, Some(call)) => (call.funcid, call.list(|call| &call.args)),
        _ => return None,
    };
    let place = match function.to_u32() {
        1618 => 0,
        1624 => 1,
        _ => return None,
    };
    let days = days_without_months(arguments.iter().nth(place)?)?;
    Some(if days.is_empty() { days } else { MULTIPLES.collect() })
}

/// Whether quotients by it may be exact, as far as constants tell.
pub fn may_divide_exactly(node: NodeRef) -> bool {
    node.constant_text(pg_sys::NUMERICOID).is_none_or(|text| Divisor::of(&text).is_some())
}

/// Whether it is a constant that can be divided by.
pub fn is_a_number_but_zero(node: NodeRef) -> bool {
    let is_whole = |of| node.constant_word(of).is_some_and(|word| word != 0);
    let digits = || node.constant_text(pg_sys::NUMERICOID).unwrap_or_default();
    [pg_sys::INT2OID, pg_sys::INT4OID, pg_sys::INT8OID].into_iter().any(is_whole)
        || node.constant_word(pg_sys::FLOAT8OID).is_some_and(|word| f64::from_bits(word as u64).abs() > 0.0)
        || digits().bytes().any(|digit| (b'1'..=b'9').contains(&digit))
}

//! Constants on which it depends whether a function is monotone.

use crate::pg::expression::constant;
use crate::pg::list::items;
use crate::pg::name::text;
use pgrx::pg_sys::{self, FuncExpr, Node, NodeTag, Oid, OpExpr};

/// Whether it is a constant interval with months.
pub unsafe fn has_months(node: *mut Node) -> bool {
    // SAFETY: an interval is passed by reference.
    unsafe {
        let interval = constant(node).filter(|(type_oid, _)| *type_oid == pg_sys::INTERVALOID);
        interval.is_some_and(|(_, datum)| (*datum.cast_mut_ptr::<pg_sys::Interval>()).month != 0)
    }
}

/// The days of an interval that has no months, or those that its multiples may have; None if it may have months.
pub unsafe fn days_without_months(node: *mut Node) -> Option<Vec<i32>> {
    const MULTIPLES: std::ops::RangeInclusive<i32> = -7..=7;
    // SAFETY: an interval is passed by reference; the tag says which structure a node begins.
    unsafe {
        if let Some((pg_sys::INTERVALOID, datum)) = constant(node) {
            let interval = *datum.cast_mut_ptr::<pg_sys::Interval>();
            return (interval.month == 0).then(|| match interval.day {
                0 => Vec::new(),
                day => vec![day, -day],
            });
        }
        let (function, arguments) = match (*node).type_ {
            NodeTag::T_OpExpr => ((*node.cast::<OpExpr>()).opfuncid, (*node.cast::<OpExpr>()).args),
            NodeTag::T_FuncExpr => ((*node.cast::<FuncExpr>()).funcid, (*node.cast::<FuncExpr>()).args),
            _ => return None,
        };
        let place = match function.to_u32() {
            1618 => 0,
            1624 => 1,
            _ => return None,
        };
        let days = days_without_months(items::<Node>(arguments).nth(place)?)?;
        Some(if days.is_empty() { days } else { MULTIPLES.collect() })
    }
}

/// Whether it is a constant that can be divided by.
pub unsafe fn is_a_number_but_zero(node: *mut Node) -> bool {
    // SAFETY: the type says how to read the constant.
    unsafe {
        let Some((type_oid, datum)) = constant(node) else { return false };
        match type_oid {
            pg_sys::INT2OID | pg_sys::INT4OID | pg_sys::INT8OID => datum.value() != 0,
            pg_sys::FLOAT8OID => f64::from_bits(datum.value() as u64).abs() > 0.0,
            pg_sys::NUMERICOID => {
                let (mut output, mut varlena) = (Oid::INVALID, false);
                pg_sys::getTypeOutputInfo(type_oid, &mut output, &mut varlena);
                let digits = text(pg_sys::OidOutputFunctionCall(output, datum)).unwrap_or_default();
                digits.bytes().any(|digit| (b'1'..=b'9').contains(&digit))
            }
            _ => false,
        }
    }
}

//! Shapes of parts of dates and times.

use super::functions::{self, Field};
use super::shapes::{push, Shapes};
use crate::pg::expression::{appended, constant_text};
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use crate::rewrite::rollups::terms::shape::{Shape, Time};
use pgrx::pg_sys::{self, Node, Oid};
use std::ptr::null_mut;

impl Shapes<'_> {
    /// `extract(field FROM time)` and `date_part`.
    pub unsafe fn field(&mut self, node: *mut Node, arguments: &[*mut Node]) -> Understood<Shape> {
        // SAFETY: the caller passes the arguments of a call, which are expressions.
        unsafe {
            let name = constant_text(arguments[0]);
            let (is_stepped, after) = match self.shape(arguments[1])?.time {
                Time::Monotone { is_stepped, after } => (is_stepped, after),
                Time::Months if name.as_deref().is_some_and(functions::is_of_months) => {
                    return Ok(Shape::TIME)
                }
                _ => return self.any(node),
            };
            let field = name.as_deref().and_then(functions::field);
            let of = pg_sys::exprType(arguments[1]);
            if of == pg_sys::TIMESTAMPTZOID {
                self.in_session_zone = true;
            }
            match field {
                // The days and the hours of an interval grow together, unless it has months.
                Some(Field::Smooth) => Ok(Shape::of_time(Time::Monotone { is_stepped, after })),
                _ if of == pg_sys::INTERVALOID => Err(Reason::Unknown("a part of an interval".into())),
                Some(Field::Stepped) => Ok(Shape::of_time(Time::Monotone { is_stepped: true, after })),
                Some(Field::Within(unit)) => self.within(unit, arguments[1]),
                Some(Field::SmoothWithin(unit)) => {
                    self.within(unit, arguments[1])?;
                    Ok(Shape::of_time(Time::Monotone { is_stepped, after: true }))
                }
                Some(Field::Fixed) => Ok(Shape::TIME),
                None => Err(Reason::Unknown("a part of a date".into())),
            }
        }
    }

    /// `to_char(time, pattern)`.
    pub unsafe fn formatted(&mut self, node: *mut Node, arguments: &[*mut Node]) -> Understood<Shape> {
        // SAFETY: the caller passes the arguments of a call, which are expressions.
        unsafe {
            let Time::Monotone { .. } = self.shape(arguments[0])?.time else { return self.any(node) };
            match constant_text(arguments[1]).and_then(|pattern| functions::unit_of(&pattern)) {
                Some(unit) => self.within(unit, arguments[0]),
                None => Err(Reason::Unknown("to_char()".into())),
            }
        }
    }

    /// The time of day, which grows until the day ends.
    pub unsafe fn time_of_day(&mut self, node: *mut Node, time: *mut Node) -> Understood<Shape> {
        // SAFETY: the caller passes a call and its argument, which are expressions.
        unsafe {
            let Time::Monotone { is_stepped, .. } = self.shape(time)?.time else { return self.any(node) };
            self.within("day", time)?;
            Ok(Shape::of_time(Time::Monotone { is_stepped, after: true }))
        }
    }

    /// The shape of what is the same as long as `date_trunc` of this unit is.
    pub unsafe fn within(&mut self, unit: &str, time: *mut Node) -> Understood<Shape> {
        // SAFETY: the caller's expression; the new ones are in the memory of the planner.
        unsafe {
            let (mut time, mut of) = (time, pg_sys::exprType(time));
            if of == pg_sys::DATEOID {
                let arguments = appended(null_mut(), time);
                time = function_call(Oid::from(2024), pg_sys::TIMESTAMPOID, arguments);
                of = pg_sys::TIMESTAMPOID;
            }
            self.in_session_zone |= of == pg_sys::TIMESTAMPTZOID;
            let function = functions::date_trunc(of.to_u32())
                .ok_or_else(|| Reason::Unknown("a part of a time".into()))?;
            let unit = pg_sys::makeConst(
                pg_sys::TEXTOID,
                -1,
                pg_sys::DEFAULT_COLLATION_OID,
                -1,
                crate::pg::value::Value::from(unit).datum(),
                false,
                false,
            );
            let arguments = appended(appended(null_mut(), unit), time);
            push(&mut self.carriers, function_call(Oid::from(function), of, arguments));
            self.only_compares = false;
        }
        Ok(Shape::TIME)
    }

    /// A function of a time of which only the month is known to be the same.
    pub unsafe fn of_months(
        &self,
        function: u32,
        arguments: &[*mut Node],
        shapes: &[Shape],
    ) -> Understood<Shape> {
        // SAFETY: the caller passes the arguments of a call, which are expressions.
        let unit = arguments.first().and_then(|&unit| unsafe { constant_text(unit) });
        let time = match () {
            () if functions::truncates(function)
                && unit.is_some_and(|unit| functions::is_of_months(&unit)) =>
            {
                Time::Steps
            }
            () if functions::keeps_month(function) => Time::Months,
            () => return Err(Reason::Varying),
        };
        match !shapes.iter().all(|shape| shape.is_of_time_alone()) {
            true => Err(Reason::Varying),
            false => Ok(Shape::of_time(time)),
        }
    }
}

unsafe fn function_call(function: Oid, result: Oid, arguments: *mut pg_sys::List) -> *mut Node {
    let form = pg_sys::CoercionForm::COERCE_EXPLICIT_CALL;
    // SAFETY: PostgreSQL makes the node, in the current memory context.
    unsafe { pg_sys::makeFuncExpr(function, result, arguments, Oid::INVALID, Oid::INVALID, form).cast() }
}

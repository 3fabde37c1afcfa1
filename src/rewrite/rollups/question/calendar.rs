//! Shapes of parts of dates and times.

use super::functions::{self, Field};
use super::shapes::{push, Shapes};
use crate::pg::nodes::tree::NodeRef;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use crate::rewrite::rollups::terms::shape::{Shape, Time};
use pgrx::pg_sys::{self, Oid};

impl<'t> Shapes<'t> {
    /// `extract(field FROM time)` and `date_part`.
    pub fn field(&mut self, node: NodeRef<'t>, [field, time]: [NodeRef<'t>; 2]) -> Understood<Shape> {
        let name = field.constant_text(pg_sys::TEXTOID);
        let (is_stepped, after) = match self.shape(time)?.time {
            Time::Monotone { is_stepped, after } => (is_stepped, after),
            Time::Months if name.as_deref().is_some_and(functions::is_of_months) => return Ok(Shape::TIME),
            _ => return self.any(node),
        };
        let field = name.as_deref().and_then(functions::field);
        let of = time.type_oid();
        if of == pg_sys::TIMESTAMPTZOID {
            self.in_session_zone = true;
        }
        match field {
            // The days and the hours of an interval grow together, unless it has months.
            Some(Field::Smooth) => Ok(Shape::of_time(Time::Monotone { is_stepped, after })),
            _ if of == pg_sys::INTERVALOID => Err(Reason::Unknown("a part of an interval".into())),
            Some(Field::Stepped) => Ok(Shape::of_time(Time::Monotone { is_stepped: true, after })),
            Some(Field::Within(unit)) => self.within(unit, time),
            Some(Field::SmoothWithin(unit)) => {
                self.within(unit, time)?;
                Ok(Shape::of_time(Time::Monotone { is_stepped, after: true }))
            }
            Some(Field::Fixed) => Ok(Shape::TIME),
            None => Err(Reason::Unknown("a part of a date".into())),
        }
    }

    /// `to_char(time, pattern)`.
    pub fn formatted(&mut self, node: NodeRef<'t>, [time, pattern]: [NodeRef<'t>; 2]) -> Understood<Shape> {
        let Time::Monotone { .. } = self.shape(time)?.time else { return self.any(node) };
        let pattern = pattern.constant_text(pg_sys::TEXTOID);
        match pattern.and_then(|pattern| functions::unit_of(&pattern)) {
            Some(unit) => self.within(unit, time),
            None => Err(Reason::Unknown("to_char()".into())),
        }
    }

    /// The time of day, which grows until the day ends.
    pub fn time_of_day(&mut self, node: NodeRef<'t>, time: NodeRef<'t>) -> Understood<Shape> {
        let Time::Monotone { is_stepped, .. } = self.shape(time)?.time else { return self.any(node) };
        self.within("day", time)?;
        Ok(Shape::of_time(Time::Monotone { is_stepped, after: true }))
    }

    /// The shape of what is the same as long as `date_trunc` of this unit is.
    pub fn within(&mut self, unit: &str, time: NodeRef<'t>) -> Understood<Shape> {
        let (mut time, mut of) = (time, time.type_oid());
        if of == pg_sys::DATEOID {
            time = self.planner.call(Oid::from(2024), &[time]);
            of = pg_sys::TIMESTAMPOID;
        }
        self.in_session_zone |= of == pg_sys::TIMESTAMPTZOID;
        let function =
            functions::date_trunc(of.to_u32()).ok_or_else(|| Reason::Unknown("a part of a time".into()))?;
        let unit = self.planner.text(unit);
        push(&mut self.carriers, self.planner.call(Oid::from(function), &[unit, time]));
        self.only_compares = false;
        Ok(Shape::TIME)
    }

    /// A function of a time of which only the month is known to be the same.
    pub fn of_months(&self, function: u32, arguments: &[NodeRef], shapes: &[Shape]) -> Understood<Shape> {
        let unit = arguments.first().and_then(|unit| unit.constant_text(pg_sys::TEXTOID));
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

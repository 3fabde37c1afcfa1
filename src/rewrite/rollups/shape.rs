//! The shape of an expression: what it depends on, and where it may change with time.
//!
//! Everything that depends on time is traced back to carriers: expressions of the position alone that are monotone as long as
//! no time zone changes its offset. Between the steps of the carriers nothing changes.

use super::functions::{self, Field, Zone};
use super::reason::{Reason, Understood};
use crate::pg::expression::{appended, constant, constant_text, for_each_child, order_of, same};
use crate::pg::list::items;
use crate::pg::name::text;
use crate::powertree::model::position::Position;
use crate::powertree::model::tree::Tree;
use pgrx::pg_sys::{self, BoolExpr, FuncExpr, Node, NodeTag, Oid, OpExpr, Param, Var};
use std::ptr::null_mut;

/// The things that an expression depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Whether it depends on the series.
    pub series: bool,
    pub time: Time,
}

/// The way in which an expression depends on the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    Free,
    /// Changes in steps, at those of the carriers.
    Steps,
    /// Stays in one month for all positions of a month, and is of no use but for that month.
    Months,
    /// Monotone, in many steps or smoothly; `after` says that it is monotone between the steps of other carriers only.
    Monotone {
        is_stepped: bool,
        after: bool,
    },
}

impl Shape {
    pub const FREE: Shape = Shape { series: false, time: Time::Free };
    pub const SERIES: Shape = Shape { series: true, time: Time::Free };
    pub const TIME: Shape = Shape { series: false, time: Time::Steps };
    pub const BOTH: Shape = Shape { series: true, time: Time::Steps };

    /// The shape of what depends on both.
    fn and(self, other: Shape) -> Shape {
        let time = if self.time == Time::Free { other.time } else { self.time };
        Shape { series: self.series || other.series, time }
    }

    pub fn depends_on_time(self) -> bool {
        self.time != Time::Free
    }

    /// Returns the shape as a number in a plan.
    pub fn number(self) -> i32 {
        i32::from(self.series) + 2 * i32::from(self.depends_on_time())
    }

    pub fn from_number(number: i32) -> Shape {
        Shape { series: number & 1 != 0, time: if number & 2 != 0 { Time::Steps } else { Time::Free } }
    }
}

/// Findings about the expressions of a query.
pub struct Shapes<'t> {
    tree: &'t Tree,
    /// The number of the table in the query.
    pub relation: i32,
    /// Comparisons of the position with what does not depend on the row: each changes once.
    pub comparisons: Vec<*mut Node>,
    /// Carriers with many steps, in the order in which they are to be taken.
    pub carriers: Vec<*mut Node>,
    /// Names of time zones, and whether that of the session matters.
    pub zones: Vec<*mut Node>,
    pub in_session_zone: bool,
    /// Days by which positions are moved before a time zone is applied.
    pub days: Vec<i32>,
    /// Whether something fails where it has more than 31 bits.
    pub narrows: bool,
    /// Whether all that depends on time in the last condition is compared, and nothing else done with it.
    pub only_compares: bool,
}

impl<'t> Shapes<'t> {
    pub fn new(tree: &'t Tree, relation: i32) -> Shapes<'t> {
        Shapes {
            tree,
            relation,
            comparisons: Vec::new(),
            carriers: Vec::new(),
            zones: Vec::new(),
            in_session_zone: false,
            days: Vec::new(),
            narrows: false,
            only_compares: true,
        }
    }

    /// The shape of an expression that is evaluated once between two steps.
    ///
    /// # Safety
    /// An expression of the query.
    pub unsafe fn stepped(&mut self, node: *mut Node) -> Understood<Shape> {
        // SAFETY: the caller promises an expression of the query.
        let shape = unsafe { self.shape(node)? };
        match shape.time {
            Time::Monotone { is_stepped: true, .. } => {
                push(&mut self.carriers, node);
                self.only_compares = false;
                Ok(Shape { time: Time::Steps, ..shape })
            }
            Time::Monotone { .. } => Err(Reason::Continuous),
            Time::Months => Err(Reason::Varying),
            _ => Ok(shape),
        }
    }

    unsafe fn shape(&mut self, node: *mut Node) -> Understood<Shape> {
        // SAFETY: the tag says which structure a node begins; those below it are nodes too.
        unsafe {
            pg_sys::check_stack_depth();
            match (*node).type_ {
                NodeTag::T_Const | NodeTag::T_SQLValueFunction | NodeTag::T_CaseTestExpr => Ok(Shape::FREE),
                NodeTag::T_Param => parameter(node.cast()),
                NodeTag::T_Var => self.column(node.cast()),
                NodeTag::T_RelabelType => self.shape((*node.cast::<pg_sys::RelabelType>()).arg.cast()),
                NodeTag::T_FuncExpr => {
                    let call = node.cast::<FuncExpr>();
                    self.call(node, (*call).funcid, (*call).args)
                }
                NodeTag::T_OpExpr => {
                    let call = node.cast::<OpExpr>();
                    match self.comparison(call)? {
                        Some(shape) => Ok(shape),
                        None => self.call(node, (*call).opfuncid, (*call).args),
                    }
                }
                NodeTag::T_NullTest => {
                    let shape = self.shape((*node.cast::<pg_sys::NullTest>()).arg.cast())?;
                    // What is monotone is NULL at no position, or at all between two transitions.
                    let time = if shape.depends_on_time() { Time::Steps } else { Time::Free };
                    Ok(Shape { time, ..shape })
                }
                NodeTag::T_BoolExpr => self.all((*node.cast::<BoolExpr>()).args),
                NodeTag::T_List => self.all(node.cast()),
                NodeTag::T_SubPlan | NodeTag::T_AlternativeSubPlan | NodeTag::T_SubLink => {
                    Err(Reason::Subquery)
                }
                _ => self.any(node),
            }
        }
    }

    unsafe fn column(&mut self, column: *mut Var) -> Understood<Shape> {
        // SAFETY: the caller has seen the tag of a column.
        let (relation, number) = unsafe { ((*column).varno, (*column).varattno) };
        let is_ours = i64::from(relation) == i64::from(self.relation);
        if is_ours && number == self.tree.at.number {
            let is_stepped = matches!(self.tree.position, Position::Date | Position::Bigint);
            return Ok(Shape { series: false, time: Time::Monotone { is_stepped, after: false } });
        }
        if is_ours && self.tree.series.iter().any(|key| key.column.number == number) {
            return Ok(Shape { series: true, time: Time::Free });
        }
        Err(Reason::Column(column_name(self.tree.base, number)))
    }

    /// All members of a list, between two steps.
    unsafe fn all(&mut self, nodes: *mut pg_sys::List) -> Understood<Shape> {
        let mut all = Shape::FREE;
        // SAFETY: the caller's list of expressions.
        unsafe {
            for node in items::<Node>(nodes) {
                all = all.and(self.stepped(node)?);
            }
        }
        Ok(all)
    }

    /// Any other node: its children between two steps.
    unsafe fn any(&mut self, node: *mut Node) -> Understood<Shape> {
        let mut all = Ok(Shape::FREE);
        // SAFETY: the caller passes an expression of the query, whose children are expressions.
        unsafe {
            for_each_child(node, &mut |child| {
                if let Ok(before) = &all {
                    all = self.stepped(child).map(|shape| before.and(shape));
                }
            });
        }
        let shape = all?;
        if shape.depends_on_time() {
            self.only_compares = false;
        }
        Ok(shape)
    }

    /// A call of a function, by itself or by an operator.
    unsafe fn call(
        &mut self,
        node: *mut Node,
        function: Oid,
        arguments: *mut pg_sys::List,
    ) -> Understood<Shape> {
        // SAFETY: the caller passes a call and the list of its arguments.
        unsafe {
            let number = function.to_u32();
            let arguments: Vec<*mut Node> = items::<Node>(arguments).collect();
            if functions::takes_field(number) && arguments.len() == 2 {
                return self.field(node, &arguments);
            }
            if functions::formats_time(number) && arguments.len() == 2 {
                return self.formatted(node, &arguments);
            }
            let Some(rule) = functions::monotone(number) else { return self.any(node) };
            let mut shapes = Vec::new();
            for &argument in &arguments {
                shapes.push(self.shape(argument)?);
            }
            if shapes.iter().any(|shape| shape.time == Time::Months) {
                return of_months(number, &arguments, &shapes);
            }
            let moving: Vec<usize> = (0..shapes.len())
                .filter(|&place| matches!(shapes[place].time, Time::Monotone { .. }))
                .collect();
            match moving[..] {
                [] => {
                    let shape = shapes.into_iter().fold(Shape::FREE, Shape::and);
                    if shape.depends_on_time() {
                        self.only_compares = false;
                    }
                    Ok(shape)
                }
                [place] if rule.of.contains(&place) => self.monotone(rule, place, &arguments, &shapes),
                _ => self.any(node),
            }
        }
    }

    /// A function that is monotone in the argument at this place.
    unsafe fn monotone(
        &mut self,
        rule: functions::Monotone,
        place: usize,
        arguments: &[*mut Node],
        shapes: &[Shape],
    ) -> Understood<Shape> {
        let Time::Monotone { is_stepped, after } = shapes[place].time else { return Err(Reason::Continuous) };
        let mut after = after;
        for (other, shape) in shapes.iter().enumerate().filter(|(other, _)| *other != place) {
            if shape.series {
                return Err(Reason::Varying);
            }
            after |= shape.depends_on_time();
            // SAFETY: the caller passes the arguments of a call, which are expressions.
            unsafe {
                if rule.divides && !is_a_number_but_zero(arguments[other]) {
                    return Err(Reason::Varying);
                }
                if rule.interval == Some(other) && has_months(arguments[other]) {
                    self.within("month", arguments[place])?;
                    return Ok(Shape { series: false, time: Time::Months });
                }
                if rule.interval == Some(other) {
                    let days = days_without_months(arguments[other]).ok_or(Reason::Varying)?;
                    self.days.extend(days);
                }
            }
        }
        match rule.zone {
            Zone::None => {}
            Zone::Session => self.in_session_zone = true,
            Zone::Named(zone) if shapes[zone] == Shape::FREE => push(&mut self.zones, arguments[zone]),
            Zone::Named(_) => return Err(Reason::Varying),
        }
        self.narrows |= rule.narrows;
        let is_stepped = is_stepped || rule.is_stepped;
        Ok(Shape { series: false, time: Time::Monotone { is_stepped, after } })
    }

    /// `extract(field FROM time)` and `date_part`.
    unsafe fn field(&mut self, node: *mut Node, arguments: &[*mut Node]) -> Understood<Shape> {
        // SAFETY: the caller passes the arguments of a call, which are expressions.
        unsafe {
            let name = constant_text(arguments[0]);
            let (is_stepped, after) = match self.shape(arguments[1])?.time {
                Time::Monotone { is_stepped, after } => (is_stepped, after),
                Time::Months if name.as_deref().is_some_and(functions::is_of_months) => {
                    return Ok(Shape { series: false, time: Time::Steps })
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
                Some(Field::Smooth) => {
                    Ok(Shape { series: false, time: Time::Monotone { is_stepped, after } })
                }
                _ if of == pg_sys::INTERVALOID => Err(Reason::Unknown("a part of an interval".into())),
                Some(Field::Stepped) => {
                    Ok(Shape { series: false, time: Time::Monotone { is_stepped: true, after } })
                }
                Some(Field::Within(unit)) => self.within(unit, arguments[1]),
                Some(Field::SmoothWithin(unit)) => {
                    self.within(unit, arguments[1])?;
                    Ok(Shape { series: false, time: Time::Monotone { is_stepped, after: true } })
                }
                Some(Field::Fixed) => Ok(Shape { series: false, time: Time::Steps }),
                None => Err(Reason::Unknown("a part of a date".into())),
            }
        }
    }

    /// `to_char(time, pattern)`.
    unsafe fn formatted(&mut self, node: *mut Node, arguments: &[*mut Node]) -> Understood<Shape> {
        // SAFETY: the caller passes the arguments of a call, which are expressions.
        unsafe {
            let Time::Monotone { .. } = self.shape(arguments[0])?.time else { return self.any(node) };
            match constant_text(arguments[1]).and_then(|pattern| functions::unit_of(&pattern)) {
                Some(unit) => self.within(unit, arguments[0]),
                None => Err(Reason::Unknown("to_char()".into())),
            }
        }
    }

    /// The shape of what is the same as long as `date_trunc` of this unit is.
    unsafe fn within(&mut self, unit: &str, time: *mut Node) -> Understood<Shape> {
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
        Ok(Shape { series: false, time: Time::Steps })
    }

    /// A comparison of something monotone with what does not depend on the row; None if it is anything else.
    unsafe fn comparison(&mut self, call: *mut OpExpr) -> Understood<Option<Shape>> {
        // SAFETY: the caller's operator; the new ones are in the memory of the planner.
        unsafe {
            let arguments: Vec<*mut Node> = items::<Node>((*call).args).collect();
            let [left, right] = arguments[..] else { return Ok(None) };
            let Some(way) = Comparison::of(call, left) else { return Ok(None) };
            let (left_shape, right_shape) = (self.shape(left)?, self.shape(right)?);
            let after = match (left_shape.time, right_shape) {
                (Time::Monotone { after, .. }, Shape::FREE) => after,
                _ => match (left_shape, right_shape.time) {
                    (Shape::FREE, Time::Monotone { after, .. }) => after,
                    _ => return Ok(None),
                },
            };
            let mut carriers = vec![call.cast::<Node>()];
            if let Comparison::Equality(family) = way {
                let types = (pg_sys::exprType(left), pg_sys::exprType(right));
                carriers.clear();
                for strategy in [pg_sys::BTLessStrategyNumber, pg_sys::BTLessEqualStrategyNumber] {
                    let operator = pg_sys::get_opfamily_member(family, types.0, types.1, strategy as i16);
                    if operator == Oid::INVALID {
                        return Ok(None);
                    }
                    let clause = pg_sys::make_opclause(
                        operator,
                        pg_sys::BOOLOID,
                        false,
                        left.cast(),
                        right.cast(),
                        Oid::INVALID,
                        (*call).inputcollid,
                    );
                    pg_sys::set_opfuncid(clause.cast());
                    carriers.push(clause.cast());
                }
            }
            let list = if after { &mut self.carriers } else { &mut self.comparisons };
            carriers.into_iter().for_each(|carrier| push(list, carrier));
            if after {
                self.only_compares = false;
            }
            Ok(Some(Shape { series: false, time: Time::Steps }))
        }
    }
}

/// A comparison in the order of the type on the operator's left.
enum Comparison {
    Order,
    /// Equality or its opposite, in a family of operators.
    Equality(Oid),
}

impl Comparison {
    unsafe fn of(call: *mut OpExpr, left: *mut Node) -> Option<Comparison> {
        // SAFETY: PostgreSQL looks the operator up.
        unsafe {
            let family = order_of(pg_sys::exprType(left))?;
            let strategy = |operator| pg_sys::get_op_opfamily_strategy(operator, family) as u32;
            match strategy((*call).opno) {
                0 => {
                    let opposite = pg_sys::get_negator((*call).opno);
                    let is_opposite =
                        opposite != Oid::INVALID && strategy(opposite) == pg_sys::BTEqualStrategyNumber;
                    is_opposite.then_some(Comparison::Equality(family))
                }
                pg_sys::BTEqualStrategyNumber => Some(Comparison::Equality(family)),
                _ => Some(Comparison::Order),
            }
        }
    }
}

/// A parameter has one value for all rows, unless it is that of an assignment.
unsafe fn parameter(parameter: *mut Param) -> Understood<Shape> {
    use pg_sys::ParamKind::{PARAM_EXEC, PARAM_EXTERN};
    // SAFETY: the caller has seen the tag of a parameter.
    match unsafe { (*parameter).paramkind } {
        PARAM_EXEC | PARAM_EXTERN => Ok(Shape::FREE),
        _ => Err(Reason::Subquery),
    }
}

unsafe fn function_call(function: Oid, result: Oid, arguments: *mut pg_sys::List) -> *mut Node {
    let form = pg_sys::CoercionForm::COERCE_EXPLICIT_CALL;
    // SAFETY: PostgreSQL makes the node, in the current memory context.
    unsafe { pg_sys::makeFuncExpr(function, result, arguments, Oid::INVALID, Oid::INVALID, form).cast() }
}

/// A function of a time of which only the month is known to be the same.
unsafe fn of_months(function: u32, arguments: &[*mut Node], shapes: &[Shape]) -> Understood<Shape> {
    // SAFETY: the caller passes the arguments of a call, which are expressions.
    let unit = arguments.first().and_then(|&unit| unsafe { constant_text(unit) });
    let time = match () {
        () if functions::truncates(function) && unit.is_some_and(|unit| functions::is_of_months(&unit)) => {
            Time::Steps
        }
        () if functions::keeps_month(function) => Time::Months,
        () => return Err(Reason::Varying),
    };
    match shapes.iter().any(|shape| shape.series) {
        true => Err(Reason::Varying),
        false => Ok(Shape { series: false, time }),
    }
}

/// Whether it is a constant interval with months.
unsafe fn has_months(node: *mut Node) -> bool {
    // SAFETY: an interval is passed by reference.
    unsafe {
        let interval = constant(node).filter(|(type_oid, _)| *type_oid == pg_sys::INTERVALOID);
        interval.is_some_and(|(_, datum)| (*datum.cast_mut_ptr::<pg_sys::Interval>()).month != 0)
    }
}

/// The days of an interval that has no months, or those that its multiples may have; None if it may have months.
unsafe fn days_without_months(node: *mut Node) -> Option<Vec<i32>> {
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
unsafe fn is_a_number_but_zero(node: *mut Node) -> bool {
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

/// Adds an expression unless it is there.
fn push(list: &mut Vec<*mut Node>, node: *mut Node) {
    // SAFETY: all of them are expressions of the query, which the planner keeps.
    if !list.iter().any(|&other| unsafe { same(other, node) }) {
        list.push(node);
    }
}

/// The name of a column, for a reason.
pub fn column_name(table: Oid, number: i16) -> String {
    // SAFETY: PostgreSQL looks the name up.
    let name = unsafe { text(pg_sys::get_attname(table, number, true)) };
    name.unwrap_or_else(|| "of another table".to_owned())
}

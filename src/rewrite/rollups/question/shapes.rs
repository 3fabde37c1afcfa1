//! The shapes of the expressions of a query.
//!
//! Everything that depends on time is traced back to carriers: expressions of the position alone that are monotone as long as
//! no time zone changes its offset. Between the steps of the carriers nothing changes.

use super::constants::{days_without_months, has_months, is_a_number_but_zero};
use super::functions::{self, Zone};
use crate::pg::expression::{for_each_child, same};
use crate::pg::list::items;
use crate::pg::name::text;
use crate::powertree::model::position::Position;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use crate::rewrite::rollups::terms::shape::{Shape, Time};
use pgrx::pg_sys::{self, BoolExpr, FuncExpr, Node, NodeTag, Oid, OpExpr, Param, Var};

/// Findings about the expressions of a query.
pub struct Shapes<'t> {
    tree: &'t Tree,
    /// The number of the table in the query.
    pub relation: i32,
    /// The numbers of those that it is joined with, and the columns of them that matter.
    pub joined: Vec<i32>,
    pub joined_columns: Vec<*mut Node>,
    /// Whether joined rows are kept that match no row of the table.
    pub has_gaps: bool,
    /// Comparisons of the position with what the joined rows have: each changes once for each of them.
    pub row_comparisons: Vec<*mut Node>,
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
    pub fn new(tree: &'t Tree, relation: i32, joined: Vec<i32>, has_gaps: bool) -> Shapes<'t> {
        Shapes {
            tree,
            relation,
            joined,
            joined_columns: Vec::new(),
            has_gaps,
            row_comparisons: Vec::new(),
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

    pub unsafe fn shape(&mut self, node: *mut Node) -> Understood<Shape> {
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
                NodeTag::T_PlaceHolderVar if !self.joined.is_empty() => Err(Reason::Optional),
                NodeTag::T_SubPlan | NodeTag::T_AlternativeSubPlan | NodeTag::T_SubLink => {
                    Err(Reason::Subquery)
                }
                _ => self.any(node),
            }
        }
    }

    /// A column; those of joined rows are kept in mind.
    ///
    /// # Safety
    /// A column of the query.
    pub unsafe fn column(&mut self, column: *mut Var) -> Understood<Shape> {
        // SAFETY: the caller has seen the tag of a column.
        let (relation, number) = unsafe { ((*column).varno, (*column).varattno) };
        if self.joined.contains(&relation) {
            push(&mut self.joined_columns, column.cast());
            return Ok(Shape::JOINED);
        }
        let is_ours = i64::from(relation) == i64::from(self.relation);
        if is_ours && number == self.tree.at.number {
            let is_stepped = matches!(self.tree.position, Position::Date | Position::Bigint);
            return Ok(Shape::of_time(Time::Monotone { is_stepped, after: false }));
        }
        let mut series = self.tree.series.iter();
        if let Some(key) = series.find(|key| is_ours && key.column.number == number) {
            return match key.is_restored() {
                true => Ok(Shape::SERIES),
                false => Err(Reason::Padding(column_name(self.tree.base, number))),
            };
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
    pub unsafe fn any(&mut self, node: *mut Node) -> Understood<Shape> {
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
            if functions::takes_time_of_day(number) && arguments.len() == 1 {
                return self.time_of_day(node, arguments[0]);
            }
            let Some(rule) = functions::monotone(number) else { return self.any(node) };
            let mut shapes = Vec::new();
            for &argument in &arguments {
                shapes.push(self.shape(argument)?);
            }
            if shapes.iter().any(|shape| shape.time == Time::Months) {
                return self.of_months(number, &arguments, &shapes);
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
            if !shape.is_of_time_alone() {
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
                    return Ok(Shape::of_time(Time::Months));
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
        Ok(Shape::of_time(Time::Monotone { is_stepped, after }))
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

/// Adds an expression unless it is there.
pub fn push(list: &mut Vec<*mut Node>, node: *mut Node) {
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

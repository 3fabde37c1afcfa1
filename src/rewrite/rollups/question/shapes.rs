//! The shapes of the expressions of a query.
//!
//! Everything that depends on time is traced back to carriers: expressions of the position alone that are monotone as long as
//! no time zone changes its offset. Between the steps of the carriers nothing changes.

use super::constants::{days_without_months, has_months, is_a_number_but_zero};
use super::functions::{self, Zone};
use crate::pg::nodes::tree::{NodeList, NodeRef};
use crate::pg::planning::planner::Planner;
use crate::pg::server::lookup::{attname, check_depth};
use crate::powertree::model::position::Position;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use crate::rewrite::rollups::terms::shape::{Shape, Time};
use pgrx::pg_sys::{
    self, BoolExpr, FuncExpr, NodeTag, NullTest, Oid, OpExpr, Param, RelabelType, SubPlan, Var,
};

/// Findings about the expressions of a query.
pub struct Shapes<'t> {
    pub planner: Planner<'t>,
    tree: &'t Tree,
    /// The number of the table in the query.
    pub relation: i32,
    /// The numbers of those that it is joined with, and the columns of them that matter.
    pub joined: Vec<i32>,
    pub joined_columns: Vec<NodeRef<'t>>,
    /// Whether joined rows are kept that match no row of the table.
    pub has_gaps: bool,
    /// Comparisons of the position with what the joined rows have: each changes once for each of them.
    pub row_comparisons: Vec<NodeRef<'t>>,
    /// Comparisons of the position with what does not depend on the row: each changes once.
    pub comparisons: Vec<NodeRef<'t>>,
    /// Carriers with many steps, in the order in which they are to be taken.
    pub carriers: Vec<NodeRef<'t>>,
    /// Names of time zones, and whether that of the session matters.
    pub zones: Vec<NodeRef<'t>>,
    pub in_session_zone: bool,
    /// Days by which positions are moved before a time zone is applied.
    pub days: Vec<i32>,
    /// Whether something fails where it has more than 31 bits.
    pub narrows: bool,
    /// Whether all that depends on time in the last condition is compared, and nothing else done with it.
    pub only_compares: bool,
}

impl<'t> Shapes<'t> {
    pub fn new(
        planner: Planner<'t>,
        tree: &'t Tree,
        relation: i32,
        joined: Vec<i32>,
        has_gaps: bool,
    ) -> Shapes<'t> {
        Shapes {
            planner,
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

    /// The expression without placeholders, as far as these do not stand for the optional side of an outer join.
    pub fn plain(&self, node: NodeRef<'t>) -> NodeRef<'t> {
        if self.joined.is_empty() {
            self.planner.without_placeholders(node)
        } else {
            node
        }
    }

    /// The shape of an expression that is evaluated once between two steps.
    pub fn stepped(&mut self, node: NodeRef<'t>) -> Understood<Shape> {
        let shape = self.shape(node)?;
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

    pub fn shape(&mut self, node: NodeRef<'t>) -> Understood<Shape> {
        check_depth();
        if let Some(column) = node.cast::<Var>() {
            return self.column(column);
        }
        if let Some(label) = node.cast::<RelabelType>() {
            return self.below(label.node(|label| &label.arg));
        }
        if let Some(call) = node.cast::<FuncExpr>() {
            return self.call(node, call.funcid, call.list(|call| &call.args));
        }
        if let Some(call) = node.cast::<OpExpr>() {
            return match self.comparison(call)? {
                Some(shape) => Ok(shape),
                None => self.call(node, call.opfuncid, call.list(|call| &call.args)),
            };
        }
        if let Some(test) = node.cast::<NullTest>() {
            let shape = self.below(test.node(|test| &test.arg))?;
            // What is monotone is NULL at no position, or at all between two transitions.
            let time = if shape.depends_on_time() { Time::Steps } else { Time::Free };
            return Ok(Shape { time, ..shape });
        }
        if let Some(condition) = node.cast::<BoolExpr>() {
            return self.all(condition.list(|condition| &condition.args));
        }
        if let Some(known) = node.cast::<Param>() {
            return parameter(known);
        }
        if let Some(plan) = node.cast::<SubPlan>() {
            return self.subquery(plan);
        }
        match node.tag() {
            NodeTag::T_Const | NodeTag::T_SQLValueFunction | NodeTag::T_CaseTestExpr => Ok(Shape::FREE),
            NodeTag::T_List => self.all(NodeList::of(node)),
            NodeTag::T_PlaceHolderVar if !self.joined.is_empty() => Err(Reason::Optional),
            NodeTag::T_SubLink => Err(Reason::Subquery),
            _ => self.any(node),
        }
    }

    /// The shape of what another node is only a form of.
    fn below(&mut self, node: Option<NodeRef<'t>>) -> Understood<Shape> {
        node.map_or(Ok(Shape::FREE), |node| self.shape(node))
    }

    /// A column of the query; those of joined rows are kept in mind.
    pub fn column(&mut self, column: NodeRef<'t, Var>) -> Understood<Shape> {
        let (relation, number) = (column.varno, column.varattno);
        if self.joined.contains(&relation) {
            push(&mut self.joined_columns, column.untyped());
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
    pub fn all(&mut self, nodes: NodeList<'t>) -> Understood<Shape> {
        nodes.iter().try_fold(Shape::FREE, |all, node| Ok(all.and(self.stepped(node)?)))
    }

    /// Any other node: its children between two steps.
    pub fn any(&mut self, node: NodeRef<'t>) -> Understood<Shape> {
        let mut shape = Shape::FREE;
        node.try_children(|child| self.stepped(child).map(|below| shape = shape.and(below)))?;
        if shape.depends_on_time() {
            self.only_compares = false;
        }
        Ok(shape)
    }

    /// A call of a function, by itself or by an operator.
    fn call(&mut self, node: NodeRef<'t>, function: Oid, arguments: NodeList<'t>) -> Understood<Shape> {
        let number = function.to_u32();
        let arguments: Vec<NodeRef> = arguments.iter().collect();
        match arguments[..] {
            [one, other] if functions::takes_field(number) => return self.field(node, [one, other]),
            [one, other] if functions::formats_time(number) => return self.formatted(node, [one, other]),
            [time] if functions::takes_time_of_day(number) => return self.time_of_day(node, time),
            _ => {}
        }
        let Some(rule) = functions::monotone(number) else { return self.any(node) };
        let mut shapes = Vec::new();
        for &argument in &arguments {
            shapes.push(self.shape(argument)?);
        }
        if shapes.iter().any(|shape| shape.time == Time::Months) {
            return self.of_months(number, &arguments, &shapes);
        }
        let moving: Vec<usize> =
            (0..shapes.len()).filter(|&place| matches!(shapes[place].time, Time::Monotone { .. })).collect();
        match moving[..] {
            [] => {
                let shape = shapes.into_iter().fold(Shape::FREE, Shape::and);
                if shape.depends_on_time() {
                    self.only_compares = false;
                }
                Ok(shape)
            }
            [place] if rule.of.contains(&place) => match self.monotone(rule, place, &arguments, &shapes) {
                // Between steps of its own it needs no others.
                Err(Reason::Varying) if is_stepped(shapes[place].time) => self.any(node),
                shape => shape,
            },
            _ => self.any(node),
        }
    }

    /// A function that is monotone in the argument at this place.
    fn monotone(
        &mut self,
        rule: functions::Monotone,
        place: usize,
        arguments: &[NodeRef<'t>],
        shapes: &[Shape],
    ) -> Understood<Shape> {
        let Time::Monotone { is_stepped, after } = shapes[place].time else { return Err(Reason::Continuous) };
        let mut after = after;
        for (other, shape) in shapes.iter().enumerate().filter(|(other, _)| *other != place) {
            if !shape.is_of_time_alone() {
                return Err(Reason::Varying);
            }
            after |= shape.depends_on_time();
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

fn is_stepped(time: Time) -> bool {
    matches!(time, Time::Monotone { is_stepped: true, .. })
}

/// A parameter has one value for all rows, unless it is that of an assignment.
fn parameter(parameter: NodeRef<Param>) -> Understood<Shape> {
    use pg_sys::ParamKind::{PARAM_EXEC, PARAM_EXTERN};
    match parameter.paramkind {
        PARAM_EXEC | PARAM_EXTERN => Ok(Shape::FREE),
        _ => Err(Reason::Subquery),
    }
}

/// Adds an expression unless it is there.
pub fn push<'t>(list: &mut Vec<NodeRef<'t>>, node: NodeRef<'t>) {
    if !list.iter().any(|other| other.is_same(node)) {
        list.push(node);
    }
}

/// The name of a column, for a reason.
pub fn column_name(table: Oid, number: i16) -> String {
    attname(table, number).unwrap_or_else(|| "of another table".to_owned())
}

//! Arguments of aggregates that are more than a column: what depends on series and time alone, chooses by it, or computes with values.
//!
//! In a cell of a series `CASE WHEN symbol = 'BTC' THEN size ELSE 0 END` is either the column or a number, for all rows. The
//! choice is an expression of its own, which is evaluated once for the cell. `price * 1.19` has the multiple of the tally of
//! prices, and `revenue - cost` the difference of the sums.

use super::arithmetic::{Arithmetic, Operation};
use super::casts::bare;
use super::constants::may_divide_exactly;
use super::presence::{self, Presence};
use super::shapes::Shapes;
use crate::pg::nodes::tree::NodeRef;
use crate::pg::server::lookup::check_depth;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::pg_sys::{CaseExpr, CaseWhen, CoalesceExpr};

/// An argument, as far as all rows of a cell have it in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    Null,
    /// The value of the tree at this place.
    Value(usize),
    /// The expression at this place among the arguments, which is the same for all rows.
    Expression(usize),
    /// One of several, of which an expression says the number.
    Choice(usize, Vec<Operand>),
    /// An operand, and the expression where it is NULL.
    Coalesced(Box<Operand>, usize),
    /// One of two: where the value at this place is NULL, and where it is not.
    Split(usize, Vec<Operand>),
    /// An operation with one or two operands.
    Computed(Arithmetic, Vec<Operand>),
}

impl Operand {
    /// The place of the expression, if it is nothing else.
    pub fn expression(&self) -> Option<usize> {
        match self {
            Operand::Expression(place) => Some(*place),
            _ => None,
        }
    }

    /// The operands below it.
    pub fn parts(&self) -> &[Operand] {
        match self {
            Operand::Choice(_, parts) | Operand::Split(_, parts) | Operand::Computed(_, parts) => parts,
            Operand::Coalesced(part, _) => std::slice::from_ref(part),
            Operand::Null | Operand::Value(_) | Operand::Expression(_) => &[],
        }
    }

    /// Whether it, or one below it, is so.
    pub fn any(&self, is_so: &impl Fn(&Operand) -> bool) -> bool {
        is_so(self) || self.parts().iter().any(|part| part.any(is_so))
    }

    /// The places of its values in the tree.
    pub fn values(&self) -> Vec<usize> {
        let own = match self {
            Operand::Value(place) | Operand::Split(place, _) => Some(*place),
            _ => None,
        };
        own.into_iter().chain(self.parts().iter().flat_map(Operand::values)).collect()
    }

    /// Returns the operand as numbers in a plan.
    pub fn numbers(&self) -> Vec<i32> {
        let [kind, number] = match self {
            Operand::Null => [0, 0],
            Operand::Value(place) => [1, *place as i32],
            Operand::Expression(place) => [2, *place as i32],
            Operand::Choice(place, _) => [3, *place as i32],
            Operand::Coalesced(_, place) => [4, *place as i32],
            Operand::Computed(arithmetic, _) => [5, arithmetic.number()],
            Operand::Split(place, _) => [6, *place as i32],
        };
        let parts = self.parts();
        [kind, number, parts.len() as i32]
            .into_iter()
            .chain(parts.iter().flat_map(Operand::numbers))
            .collect()
    }

    /// Takes an operand from the front of the numbers in a plan; None if there is none.
    pub fn from_numbers(numbers: &mut dyn Iterator<Item = i32>) -> Option<Operand> {
        let (kind, number, count) = (numbers.next()?, numbers.next()?, numbers.next()?);
        let mut parts = (0..count).map(|_| Operand::from_numbers(numbers)).collect::<Option<Vec<_>>>()?;
        let place = number as usize;
        Some(match kind {
            1 => Operand::Value(place),
            2 => Operand::Expression(place),
            3 => Operand::Choice(place, parts),
            4 => Operand::Coalesced(Box::new(parts.pop()?), place),
            5 => Operand::Computed(Arithmetic::from_number(number), parts),
            6 => Operand::Split(place, parts),
            _ => Operand::Null,
        })
    }
}

/// The operands of a query and their expressions, each once.
#[derive(Default)]
pub struct Operands<'q> {
    pub all: Vec<Operand>,
    pub arguments: Vec<(NodeRef<'q>, Shape)>,
}

/// Finds the value of the tree that an expression is.
type FindValue<'f, 'q> = &'f dyn Fn(NodeRef<'q>) -> Option<usize>;

impl<'q> Operands<'q> {
    /// Understands an argument of an aggregate; `value` finds the value of the tree that a column is.
    pub fn add(
        &mut self,
        node: NodeRef<'q>,
        shapes: &mut Shapes<'q>,
        value: FindValue<'_, 'q>,
    ) -> Understood<usize> {
        let operand = self.operand(node, shapes, value)?;
        if let Some(known) = self.all.iter().position(|known| *known == operand) {
            return Ok(known);
        }
        self.all.push(operand);
        Ok(self.all.len() - 1)
    }

    fn operand(
        &mut self,
        node: NodeRef<'q>,
        shapes: &mut Shapes<'q>,
        value: FindValue<'_, 'q>,
    ) -> Understood<Operand> {
        check_depth();
        if node.is_null() {
            return Ok(Operand::Null);
        }
        let inner = bare(node);
        if let Some(value) = value(inner) {
            return Ok(Operand::Value(value));
        }
        if !has_value(inner, value) {
            return Ok(Operand::Expression(self.argument(node, shapes)?));
        }
        if let Some(case) = inner.cast::<CaseExpr>() {
            return self.case(case, shapes, value);
        }
        if let Some(coalesce) = inner.cast::<CoalesceExpr>() {
            return self.coalesced(coalesce, shapes, value);
        }
        if let Some((arithmetic, arguments)) = Arithmetic::of(inner) {
            let operands = arguments.iter().map(|argument| self.operand(argument, shapes, value));
            let operands = operands.collect::<Understood<Vec<_>>>()?;
            let is_number = |operand: &Operand| matches!(operand, Operand::Expression(_));
            let follows = match arithmetic.operation {
                Operation::Times => operands.iter().any(is_number),
                Operation::Over => {
                    operands.last().is_some_and(is_number) && arguments.iter().all(may_divide_exactly)
                }
                Operation::Plus | Operation::Minus | Operation::Negative => true,
            };
            if follows {
                return Ok(Operand::Computed(arithmetic, operands));
            }
        }
        Err(Reason::Continuous)
    }

    /// A CASE whose results have values of the tree in them.
    fn case(
        &mut self,
        case: NodeRef<'q, CaseExpr>,
        shapes: &mut Shapes<'q>,
        value: FindValue<'_, 'q>,
    ) -> Understood<Operand> {
        let results = case.list(|case| &case.args).all::<CaseWhen>();
        let results = results.map(|when| when.node(|when| &when.result));
        let results: Vec<Option<NodeRef>> = results.chain([case.node(|case| &case.defresult)]).collect();
        if let Some(split) = self.split(case, &results, shapes, value)? {
            return Ok(split);
        }
        let choice = self.argument(shapes.planner.numbered(case), shapes)?;
        let branches = results.into_iter().map(|node| match node {
            Some(node) => self.operand(node, shapes, value),
            None => Ok(Operand::Null),
        });
        Ok(Operand::Choice(choice, branches.collect::<Understood<_>>()?))
    }

    /// A CASE that asks nothing but whether a value is NULL, and has that value or what depends on series and time alone as its results;
    /// None if it is anything else.
    fn split(
        &mut self,
        case: NodeRef<'q, CaseExpr>,
        results: &[Option<NodeRef<'q>>],
        shapes: &mut Shapes<'q>,
        value: FindValue<'_, 'q>,
    ) -> Understood<Option<Operand>> {
        let when = case.list(|case| &case.args).only::<1>().and_then(|[when]| when.cast::<CaseWhen>());
        let condition = when.filter(|_| case.arg.is_null()).and_then(|when| when.node(|when| &when.expr));
        let wanted = condition.and_then(|condition| presence::wanted(condition, value));
        let (Some((wanted, _)), &[then, otherwise]) = (wanted, results) else { return Ok(None) };
        let (tested, absent, present) = match wanted {
            Presence::Absent(value) => (value, then, otherwise),
            Presence::Present(value) => (value, otherwise, then),
        };
        let mut part = |node: Option<NodeRef<'q>>| match node {
            Some(node) => self.operand(node, shapes, value),
            None => Ok(Operand::Null),
        };
        let (absent, present) = (part(absent)?, part(present)?);
        let is_simple = |part: &Operand| match part {
            Operand::Null | Operand::Expression(_) => true,
            Operand::Value(value) => *value == tested,
            _ => false,
        };
        if !is_simple(&absent) || !is_simple(&present) {
            return Err(Reason::Continuous);
        }
        let absent = if absent == Operand::Value(tested) { Operand::Null } else { absent };
        Ok(Some(Operand::Split(tested, vec![absent, present])))
    }

    /// An operand with a value of the tree in it, and what takes its place where it is NULL.
    fn coalesced(
        &mut self,
        coalesce: NodeRef<'q, CoalesceExpr>,
        shapes: &mut Shapes<'q>,
        value: FindValue<'_, 'q>,
    ) -> Understood<Operand> {
        match coalesce.list(|coalesce| &coalesce.args).iter().collect::<Vec<_>>()[..] {
            [first] => self.operand(first, shapes, value),
            [first, instead] if has_value(first, value) => {
                let first = self.operand(first, shapes, value)?;
                Ok(Operand::Coalesced(Box::new(first), self.argument(instead, shapes)?))
            }
            _ => Err(Reason::Continuous),
        }
    }

    /// The place of an expression of series and time.
    fn argument(&mut self, node: NodeRef<'q>, shapes: &mut Shapes<'q>) -> Understood<usize> {
        if let Some(known) = self.arguments.iter().position(|(known, _)| known.is_same(node)) {
            return Ok(known);
        }
        let shape = shapes.stepped(node)?;
        self.arguments.push((node, shape));
        Ok(self.arguments.len() - 1)
    }
}

/// Whether an expression has a value of the tree in it.
fn has_value<'q>(node: NodeRef<'q>, value: FindValue<'_, 'q>) -> bool {
    check_depth();
    value(node).is_some() || node.any_child(|child| has_value(child, value))
}

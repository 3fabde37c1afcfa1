//! Arguments of aggregates that are more than a column: what depends on series and time alone, or chooses by it.
//!
//! In a cell of a series `CASE WHEN symbol = 'BTC' THEN size ELSE 0 END` is either the column or a number, for all rows. The
//! choice is an expression of its own, which is evaluated once for the cell.

use super::casts::bare;
use super::shapes::Shapes;
use crate::pg::tree::NodeRef;
use crate::rewrite::rollups::terms::reason::Understood;
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::pg_sys::{CaseExpr, CaseWhen, CoalesceExpr};

/// An argument that is one of several, of which an expression says the number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operand {
    /// The place of the expression among the arguments; None if there is only one branch.
    pub choice: Option<usize>,
    pub branches: Vec<Branch>,
}

/// One of the things that an argument can be: a value of the tree, an expression, the expression where the value is NULL, or NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The place of the value in the tree.
    pub value: Option<usize>,
    /// The place of the expression among the arguments.
    pub expression: Option<usize>,
}

const NULL: Branch = Branch { value: None, expression: None };

impl Operand {
    /// Whether it is an expression of series and time alone.
    pub fn expression(&self) -> Option<usize> {
        match (self.choice, &self.branches[..]) {
            (None, [Branch { value: None, expression }]) => *expression,
            _ => None,
        }
    }

    /// Returns the operand as numbers in a plan.
    pub fn numbers(&self) -> Vec<i32> {
        let number = |place: Option<usize>| place.map_or(0, |place| place as i32 + 1);
        let branches =
            self.branches.iter().flat_map(|branch| [number(branch.value), number(branch.expression)]);
        [number(self.choice), self.branches.len() as i32].into_iter().chain(branches).collect()
    }

    /// Takes an operand from the front of the numbers in a plan; None if there is none.
    pub fn from_numbers(numbers: &mut impl Iterator<Item = i32>) -> Option<Operand> {
        let place = |number: i32| usize::try_from(number - 1).ok();
        let choice = place(numbers.next()?);
        let count = numbers.next()?;
        let branches = (0..count).map(|_| {
            let (value, expression) = (numbers.next()?, numbers.next()?);
            Some(Branch { value: place(value), expression: place(expression) })
        });
        Some(Operand { choice, branches: branches.collect::<Option<_>>()? })
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
        if let Some(case) = bare(node).cast::<CaseExpr>() {
            if let Some(operand) = self.cases(case, shapes, value)? {
                return Ok(operand);
            }
        }
        Ok(Operand { choice: None, branches: vec![self.branch(node, shapes, value)?] })
    }

    /// A CASE with a value of the tree in it; None if there is none.
    fn cases(
        &mut self,
        case: NodeRef<'q, CaseExpr>,
        shapes: &mut Shapes<'q>,
        value: FindValue<'_, 'q>,
    ) -> Understood<Option<Operand>> {
        let results = case.list(|case| &case.args).all::<CaseWhen>();
        let results = results.map(|when| when.node(|when| &when.result));
        let results: Vec<Option<NodeRef>> = results.chain([case.node(|case| &case.defresult)]).collect();
        if !results.iter().flatten().any(|&node| value_of(node, value).is_some()) {
            return Ok(None);
        }
        let choice = Some(self.argument(shapes.planner.numbered(case), shapes)?);
        let branches = results.into_iter().map(|node| match node {
            Some(node) => self.branch(node, shapes, value),
            None => Ok(NULL),
        });
        Ok(Some(Operand { choice, branches: branches.collect::<Understood<_>>()? }))
    }

    fn branch(
        &mut self,
        node: NodeRef<'q>,
        shapes: &mut Shapes<'q>,
        value: FindValue<'_, 'q>,
    ) -> Understood<Branch> {
        if node.is_null() {
            return Ok(NULL);
        }
        match value_of(node, value) {
            Some((value, None)) => Ok(Branch { value: Some(value), expression: None }),
            Some((value, Some(instead))) => {
                Ok(Branch { value: Some(value), expression: Some(self.argument(instead, shapes)?) })
            }
            None => Ok(Branch { value: None, expression: Some(self.argument(node, shapes)?) }),
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

/// The value of the tree that an expression is, and what takes the place of NULL in `coalesce(value, …)`.
fn value_of<'q>(node: NodeRef<'q>, value: FindValue<'_, 'q>) -> Option<(usize, Option<NodeRef<'q>>)> {
    let inner = bare(node);
    if let Some(value) = value(inner) {
        return Some((value, None));
    }
    let arguments = inner.cast::<CoalesceExpr>()?.list(|coalesce| &coalesce.args);
    match arguments.iter().collect::<Vec<_>>()[..] {
        [first] => Some((value(bare(first))?, None)),
        [first, instead] => Some((value(bare(first))?, Some(instead))),
        _ => None,
    }
}

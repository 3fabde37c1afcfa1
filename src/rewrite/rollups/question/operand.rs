//! Arguments of aggregates that are more than a column: what depends on series and time alone, or chooses by it.
//!
//! In a cell of a series `CASE WHEN symbol = 'BTC' THEN size ELSE 0 END` is either the column or a number, for all rows. The
//! choice is an expression of its own, which is evaluated once for the cell.

use super::casts::bare;
use super::shapes::Shapes;
use crate::pg::expression::{constant, same};
use crate::pg::list::items;
use crate::rewrite::rollups::terms::reason::Understood;
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::pg_sys::{self, CaseExpr, CaseWhen, CoalesceExpr, Datum, Node, NodeTag, Oid};

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
pub struct Operands {
    pub all: Vec<Operand>,
    pub arguments: Vec<(*mut Node, Shape)>,
}

impl Operands {
    /// Understands an argument of an aggregate; `value` finds the value of the tree that a column is.
    ///
    /// # Safety
    /// An expression of the query that the shapes are about.
    pub unsafe fn add(
        &mut self,
        node: *mut Node,
        shapes: &mut Shapes,
        value: &dyn Fn(*mut Node) -> Option<usize>,
    ) -> Understood<usize> {
        // SAFETY: the caller passes an expression of the query that the shapes are about.
        let operand = unsafe { self.operand(node, shapes, value)? };
        if let Some(known) = self.all.iter().position(|known| *known == operand) {
            return Ok(known);
        }
        self.all.push(operand);
        Ok(self.all.len() - 1)
    }

    unsafe fn operand(
        &mut self,
        node: *mut Node,
        shapes: &mut Shapes,
        value: &dyn Fn(*mut Node) -> Option<usize>,
    ) -> Understood<Operand> {
        // SAFETY: the caller's expression; the tag says which structure a node begins.
        unsafe {
            let inner = bare(node);
            if (*inner).type_ == NodeTag::T_CaseExpr {
                if let Some(operand) = self.cases(inner.cast(), shapes, value)? {
                    return Ok(operand);
                }
            }
            Ok(Operand { choice: None, branches: vec![self.branch(node, shapes, value)?] })
        }
    }

    /// A CASE with a value of the tree in it; None if there is none.
    unsafe fn cases(
        &mut self,
        case: *mut CaseExpr,
        shapes: &mut Shapes,
        value: &dyn Fn(*mut Node) -> Option<usize>,
    ) -> Understood<Option<Operand>> {
        // SAFETY: the caller's CASE; the copy is in the memory of the planner.
        unsafe {
            let results = items::<CaseWhen>((*case).args).map(|when| (*when).result.cast::<Node>());
            let results: Vec<*mut Node> = results.chain([(*case).defresult.cast::<Node>()]).collect();
            let has_value = |node: *mut Node| !node.is_null() && value_of(node, value).is_some();
            if !results.iter().any(|&node| has_value(node)) {
                return Ok(None);
            }
            let choice = pg_sys::copyObjectImpl(case.cast()).cast::<CaseExpr>();
            (*choice).casetype = pg_sys::INT4OID;
            (*choice).casecollid = Oid::INVALID;
            for (place, when) in items::<CaseWhen>((*choice).args).enumerate() {
                (*when).result = number(place as i32).cast();
            }
            (*choice).defresult = number(results.len() as i32 - 1).cast();
            let choice = Some(self.argument(choice.cast(), shapes)?);
            let mut branches = Vec::new();
            for node in results {
                branches.push(if node.is_null() { NULL } else { self.branch(node, shapes, value)? });
            }
            Ok(Some(Operand { choice, branches }))
        }
    }

    unsafe fn branch(
        &mut self,
        node: *mut Node,
        shapes: &mut Shapes,
        value: &dyn Fn(*mut Node) -> Option<usize>,
    ) -> Understood<Branch> {
        // SAFETY: the caller's expression; the tag says which structure a node begins.
        unsafe {
            if (*node).type_ == NodeTag::T_Const && constant(node).is_none() {
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
    }

    /// The place of an expression of series and time.
    unsafe fn argument(&mut self, node: *mut Node, shapes: &mut Shapes) -> Understood<usize> {
        // SAFETY: the caller's expression, like all that are known.
        unsafe {
            if let Some(known) = self.arguments.iter().position(|(known, _)| same(*known, node)) {
                return Ok(known);
            }
            let shape = shapes.stepped(node)?;
            self.arguments.push((node, shape));
            Ok(self.arguments.len() - 1)
        }
    }
}

/// The value of the tree that an expression is, and what takes the place of NULL in `coalesce(value, …)`.
unsafe fn value_of(
    node: *mut Node,
    value: &dyn Fn(*mut Node) -> Option<usize>,
) -> Option<(usize, Option<*mut Node>)> {
    // SAFETY: the caller's expression; the tag says which structure a node begins.
    unsafe {
        let inner = bare(node);
        if let Some(value) = value(inner) {
            return Some((value, None));
        }
        if (*inner).type_ != NodeTag::T_CoalesceExpr {
            return None;
        }
        let arguments: Vec<*mut Node> = items::<Node>((*inner.cast::<CoalesceExpr>()).args).collect();
        match arguments[..] {
            [first] => Some((value(bare(first))?, None)),
            [first, instead] => Some((value(bare(first))?, Some(instead))),
            _ => None,
        }
    }
}

/// An integer constant.
unsafe fn number(value: i32) -> *mut Node {
    // SAFETY: PostgreSQL makes the node, in the current memory context.
    unsafe { pg_sys::makeConst(pg_sys::INT4OID, -1, Oid::INVALID, 4, Datum::from(value), false, true).cast() }
}

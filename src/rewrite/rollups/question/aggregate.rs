//! Aggregates of a query, as far as a tally has their results.

use super::casts::bare;
use super::gathering::Gathering;
use super::operand::Operands;
use super::shapes::Shapes;
use crate::pg::expression::{appended, constant, generation_of, same};
use crate::pg::list::items;
use crate::pg::name::text;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use crate::rewrite::rollups::terms::results::{extreme_of_positions, Statistic, Wanted};
use crate::rewrite::rollups::terms::shape::Shape;
use crate::settings::{self, Answering};
use pgrx::pg_sys::{self, Aggref, Node, NodeTag, TargetEntry, Var};

/// An aggregate that is understood.
pub struct Aggregate {
    pub node: *mut Aggref,
    pub argument: Subject,
    /// The place of the condition among all; None without FILTER.
    pub filter: Option<usize>,
}

/// The thing that an aggregate is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Rows, whatever they hold.
    Rows,
    /// The positions of rows.
    Position,
    /// The value of the tree at this place.
    Value(usize),
    /// The operand at this place.
    Operand(usize),
}

impl Subject {
    /// Returns the argument as numbers in a plan.
    pub fn numbers(self) -> [i32; 2] {
        match self {
            Subject::Rows => [0, 0],
            Subject::Position => [1, 0],
            Subject::Value(place) => [2, place as i32],
            Subject::Operand(place) => [3, place as i32],
        }
    }

    pub fn from_numbers(kind: i32, place: i32) -> Subject {
        match kind {
            1 => Subject::Position,
            2 => Subject::Value(place as usize),
            3 => Subject::Operand(place as usize),
            _ => Subject::Rows,
        }
    }
}

/// The aggregates of a query, their arguments and conditions, each once.
#[derive(Default)]
pub struct Aggregates {
    pub all: Vec<Aggregate>,
    pub operands: Operands,
    pub filters: Vec<(*mut Node, Shape)>,
}

impl Aggregates {
    /// Adds an aggregate.
    ///
    /// # Safety
    /// An aggregate of the query that the shapes are about.
    pub unsafe fn add(
        &mut self,
        node: *mut Aggref,
        shapes: &mut Shapes,
        tree: &Tree,
        not_null: &[i16],
    ) -> Understood<()> {
        // SAFETY: the caller's aggregate, whose parts are expressions.
        unsafe {
            if self.all.iter().any(|known| same(known.node, node)) {
                return Ok(());
            }
            let not_ours = || Reason::Aggregate(aggregate_name(node));
            let is_plain = (*node).aggkind as u8 == b'n'
                && (*node).aggsplit == pg_sys::AggSplit::AGGSPLIT_SIMPLE
                && (*node).agglevelsup == 0
                && !(*node).aggvariadic
                && (*node).aggdirectargs.is_null()
                && (*node).aggorder.is_null();
            if !is_plain {
                return Err(not_ours());
            }
            let mut arguments =
                items::<TargetEntry>((*node).args).map(|target| (*target).expr.cast::<Node>());
            let argument = arguments.next();
            if arguments.next().is_some() {
                return Err(not_ours());
            }
            let argument = match argument {
                Some(argument) => self.argument(argument, node, shapes, tree, not_null)?,
                None => Subject::Rows,
            };
            if !self.is_exact(node, argument, tree).ok_or_else(not_ours)?
                && settings::answer_from_trees() == Answering::Exact
            {
                return Err(Reason::Inexact(aggregate_name(node)));
            }
            let filter = match (*node).aggfilter.cast::<Node>() {
                filter if filter.is_null() => None,
                filter => Some(self.filter(filter, shapes)?),
            };
            self.all.push(Aggregate { node, argument, filter });
            Ok(())
        }
    }

    unsafe fn argument(
        &mut self,
        node: *mut Node,
        aggregate: *mut Aggref,
        shapes: &mut Shapes,
        tree: &Tree,
        not_null: &[i16],
    ) -> Understood<Subject> {
        // SAFETY: the caller's expressions of the query.
        unsafe {
            let (relation, has_gaps) = (shapes.relation, shapes.has_gaps);
            let column = |node: *mut Node| {
                let is_ours = (*node).type_ == NodeTag::T_Var && (*node.cast::<Var>()).varno == relation;
                is_ours.then(|| (*node.cast::<Var>()).varattno)
            };
            let value = |node: *mut Node| {
                let number = column(node);
                tree.values.iter().position(|(known, _)| match number {
                    Some(number) => known.number == number,
                    // A stored column with the values of the expression is as good, unless there is no row.
                    None if has_gaps => false,
                    None => generation_of(tree.base, known.number, relation)
                        .is_some_and(|generation| same(generation, node)),
                })
            };
            if let Some(value) = value(bare(node)) {
                return Ok(Subject::Value(value));
            }
            let never_null = constant(node).is_some()
                || column(bare(node)).is_some_and(|column| not_null.contains(&column));
            if never_null && (*aggregate).aggfnoid.to_u32() == COUNT && (*aggregate).aggdistinct.is_null() {
                if has_gaps && constant(node).is_none() {
                    let is_there = is_there(bare(node).cast(), tree);
                    return self.operands.add(is_there, shapes, &value).map(Subject::Operand);
                }
                return Ok(Subject::Rows);
            }
            if column(node) == Some(tree.at.number) {
                return Ok(Subject::Position);
            }
            match self.operands.add(node, shapes, &value) {
                Ok(place) => Ok(Subject::Operand(place)),
                Err(Reason::Column(_) | Reason::Continuous) => {
                    Err(Reason::Argument(aggregate_name(aggregate)))
                }
                Err(reason) => Err(reason),
            }
        }
    }

    /// Whether the result has the same bytes as PostgreSQL's own; None if there is none to be had.
    unsafe fn is_exact(&self, aggregate: *mut Aggref, argument: Subject, tree: &Tree) -> Option<bool> {
        // SAFETY: the caller passes an aggregate of the query, which the planner keeps.
        unsafe {
            let function = (*aggregate).aggfnoid;
            let has_duplicates = (*aggregate).aggdistinct.is_null();
            match argument {
                Subject::Rows => Wanted::of(function, None).filter(|_| has_duplicates).map(|_| true),
                Subject::Position => extreme_of_positions(function).map(|_| true),
                Subject::Value(value) => {
                    let column = &tree.values.get(value)?.0;
                    let wanted = Wanted::of(function, Some((column.type_oid, column.typmod)))?;
                    let is_extreme = matches!(wanted.statistic, Statistic::Min | Statistic::Max);
                    (has_duplicates || is_extreme).then(|| wanted.is_exact())
                }
                Subject::Operand(place) => {
                    match Gathering::of(aggregate, self.operands.all.get(place)?, tree)? {
                        Gathering::Tallied(wanted) => Some(wanted.is_exact()),
                        Gathering::Extreme(_) | Gathering::Distinct(_) => Some(true),
                    }
                }
            }
        }
    }

    /// The place of a condition of an aggregate among all.
    ///
    /// # Safety
    /// A condition of the query that the shapes are about.
    pub unsafe fn filter(&mut self, filter: *mut Node, shapes: &mut Shapes) -> Understood<usize> {
        // SAFETY: the conditions are expressions of the query, which the planner keeps.
        unsafe {
            if let Some(known) = self.filters.iter().position(|(known, _)| same(*known, filter)) {
                return Ok(known);
            }
            let shape = shapes.stepped(filter)?;
            self.filters.push((filter, shape));
            Ok(self.filters.len() - 1)
        }
    }
}

/// `CASE WHEN at IS NOT NULL THEN true END`, given a column of the table: NULL where there is no row of it.
unsafe fn is_there(column: *mut Var, tree: &Tree) -> *mut Node {
    // SAFETY: the caller's column; the new nodes are in the memory of the planner.
    unsafe {
        let at = pg_sys::copyObjectImpl(column.cast()).cast::<Var>();
        let known = (tree.at.number, tree.at.type_oid, tree.at.typmod);
        ((*at).varattno, (*at).vartype, (*at).vartypmod) = known;
        (*at).varcollid = pg_sys::Oid::INVALID;
        let mut test = pgrx::PgBox::<pg_sys::NullTest>::alloc_node(NodeTag::T_NullTest);
        test.arg = at.cast();
        test.nulltesttype = pg_sys::NullTestType::IS_NOT_NULL;
        let mut when = pgrx::PgBox::<pg_sys::CaseWhen>::alloc_node(NodeTag::T_CaseWhen);
        when.expr = test.into_pg().cast();
        when.result = pg_sys::makeBoolConst(true, false).cast();
        let mut case = pgrx::PgBox::<pg_sys::CaseExpr>::alloc_node(NodeTag::T_CaseExpr);
        case.casetype = pg_sys::BOOLOID;
        case.args = appended(std::ptr::null_mut(), when.into_pg());
        case.defresult = pg_sys::makeBoolConst(false, true).cast();
        case.into_pg().cast()
    }
}

/// `count(x)`
const COUNT: u32 = 2147;

/// The name of an aggregate, for a reason.
unsafe fn aggregate_name(aggregate: *mut Aggref) -> String {
    // SAFETY: PostgreSQL looks the name up.
    let name = unsafe { text(pg_sys::get_func_name((*aggregate).aggfnoid)) };
    format!("{}()", name.unwrap_or_default())
}

//! Aggregates of a query, as far as a tally has their results.

use super::reason::{Reason, Understood};
use super::results::{Statistic, Wanted};
use super::shape::{Shape, Shapes};
use crate::pg::expression::{constant, same};
use crate::pg::list::items;
use crate::pg::name::text;
use crate::powertree::model::tree::Tree;
use crate::settings::{self, Answering};
use pgrx::pg_sys::{self, Aggref, FuncExpr, Node, NodeTag, RelabelType, TargetEntry, Var};

/// An aggregate that is understood.
pub struct Aggregate {
    pub node: *mut Aggref,
    /// The value of the tree that it is about, by its place; None for rows.
    pub value: Option<usize>,
    /// Its condition, by its place among all; None without FILTER.
    pub filter: Option<usize>,
}

/// The aggregates of a query and their conditions, each once.
#[derive(Default)]
pub struct Aggregates {
    pub all: Vec<Aggregate>,
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
            let value = match argument {
                Some(argument) => argument_value(argument, node, tree, not_null)?,
                None => None,
            };
            let column = value.map(|value| &tree.values[value].0);
            let wanted = Wanted::of((*node).aggfnoid, column.map(|column| (column.type_oid, column.typmod)));
            let wanted = wanted.ok_or_else(not_ours)?;
            if !wanted.is_exact() && settings::answer_from_trees() == Answering::Exact {
                return Err(Reason::Inexact(aggregate_name(node)));
            }
            let ignores_duplicates = matches!(wanted.statistic, Statistic::Min | Statistic::Max);
            if !(*node).aggdistinct.is_null() && !ignores_duplicates {
                return Err(not_ours());
            }
            let filter = match (*node).aggfilter.cast::<Node>() {
                filter if filter.is_null() => None,
                filter => Some(self.filter(filter, shapes)?),
            };
            self.all.push(Aggregate { node, value, filter });
            Ok(())
        }
    }

    unsafe fn filter(&mut self, filter: *mut Node, shapes: &mut Shapes) -> Understood<usize> {
        // SAFETY: the caller's conditions.
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

/// The value of the tree that an argument is; None if it is never NULL, so that counting it is counting rows.
unsafe fn argument_value(
    argument: *mut Node,
    aggregate: *mut Aggref,
    tree: &Tree,
    not_null: &[i16],
) -> Understood<Option<usize>> {
    // SAFETY: the caller's expression of the query.
    unsafe {
        if constant(argument).is_some() {
            return Ok(None);
        }
        let column = bare(argument);
        if (*column).type_ == NodeTag::T_Var {
            let number = (*column.cast::<Var>()).varattno;
            if let Some(value) = tree.values.iter().position(|(column, _)| column.number == number) {
                return Ok(Some(value));
            }
            if not_null.contains(&number) {
                return Ok(None);
            }
        }
        Err(Reason::Argument(aggregate_name(aggregate)))
    }
}

/// The column below casts that keep its value.
unsafe fn bare(argument: *mut Node) -> *mut Node {
    // Integers and real to wider types; not bigint to double precision, which may have fewer digits.
    const EXACT: [u32; 10] = [313, 754, 481, 236, 235, 316, 311, 1782, 1740, 1781];
    // SAFETY: the tag says which structure a node begins.
    unsafe {
        match (*argument).type_ {
            NodeTag::T_RelabelType => bare((*argument.cast::<RelabelType>()).arg.cast()),
            NodeTag::T_FuncExpr => {
                let call = argument.cast::<FuncExpr>();
                match items::<Node>((*call).args).next() {
                    Some(inner) if EXACT.contains(&(*call).funcid.to_u32()) => bare(inner),
                    _ => argument,
                }
            }
            _ => argument,
        }
    }
}

/// The name of an aggregate, for a reason.
unsafe fn aggregate_name(aggregate: *mut Aggref) -> String {
    // SAFETY: PostgreSQL looks the name up.
    let name = unsafe { text(pg_sys::get_func_name((*aggregate).aggfnoid)) };
    format!("{}()", name.unwrap_or_default())
}

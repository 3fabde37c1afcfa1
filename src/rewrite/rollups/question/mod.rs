//! Questions that grouped queries ask of power trees.

pub mod aggregate;
mod calendar;
pub mod casts;
mod comparison;
mod constants;
pub mod ends;
mod functions;
pub mod gathering;
pub mod joins;
pub mod lookup;
pub mod operand;
pub mod sets;
pub mod shapes;
pub mod source;

use crate::pg::column::never_null;
use crate::pg::expression::{columns_that_are_not_null, contains, equality_of, for_each_child, same};
use crate::pg::list::items;
use crate::powertree::model::key::KeyColumn;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use crate::rewrite::rollups::terms::shape::Shape;
use aggregate::Aggregates;
use ends::{EndExpression, Ordered};
use joins::{equality, raised, Equality, Joins};
use lookup::Lookup;
use pgrx::pg_sys::{
    self, List, Node, NodeTag, Oid, PlannerInfo, RelOptInfo, RestrictInfo, SortGroupClause, Var,
};
use sets::{below_grouping, GroupingSets};
use shapes::{column_name, Shapes};
use source::Source;
use std::rc::Rc;

/// A question that one tree can answer.
pub struct Question<'t> {
    pub tree: &'t Rc<Tree>,
    /// The number of the table in the query.
    pub relation: i32,
    /// The user whose query of the table it is; INVALID for the current one.
    pub user: Oid,
    pub shapes: Shapes<'t>,
    /// The other relations of the query, and what they are joined by.
    pub joins: Joins,
    pub joined_by: Vec<JoinedBy>,
    /// All conditions of the rows.
    pub conditions: Vec<Condition>,
    pub keys: Vec<Key>,
    pub sets: GroupingSets,
    /// The value that each column of the series is equal to, if they all are; an array has several values.
    pub lookups: Vec<Lookup>,
    pub aggregates: Aggregates,
    /// Values of rows at the ends of groups.
    pub ends: Vec<EndExpression>,
}

/// The grouping of a query.
pub struct Grouping {
    /// The clauses of GROUP BY or DISTINCT.
    pub clauses: *mut List,
    /// Expressions of the results.
    pub results: *mut List,
    /// Conditions that groups must fulfil.
    pub having: *mut List,
    /// The order in which the first row of each group is wanted by DISTINCT ON; None without it.
    pub first_of: Option<*mut List>,
}

/// A condition that all rows fulfil.
pub struct Condition {
    pub node: *mut Node,
    pub shape: Shape,
    /// Whether only positions are compared: then nothing can fail where there are no rows.
    pub is_range: bool,
}

/// A condition by which rows of a dimension are joined with those of the table.
pub struct JoinedBy {
    pub dimension: usize,
    pub node: *mut Node,
    pub shape: Shape,
    /// The two sides, if it says that they are equal.
    pub equality: Option<Equality>,
}

/// An expression by which rows are grouped.
pub struct Key {
    pub node: *mut Node,
    /// A copy with the mark of grouping sets, as results have it.
    pub shown: *mut Node,
    /// The number by which lists of the query refer to it.
    pub reference: u32,
    pub shape: Shape,
    /// Equality of its type, and the collation.
    pub equality: Oid,
    pub collation: Oid,
}

impl<'t> Question<'t> {
    /// Understands a grouped query.
    ///
    /// # Safety
    /// The query that is being planned, what is grouped in it, and how.
    pub unsafe fn of(
        tree: &'t Rc<Tree>,
        source: &Source,
        root: *mut PlannerInfo,
        input: *mut RelOptInfo,
        grouping: &Grouping,
    ) -> Understood<Question<'t>> {
        // SAFETY: the caller promises the query that is being planned, and what is grouped in it.
        unsafe {
            let joins = Joins::of(root, input, source.relation)?;
            let has_gaps = joins.has_gaps();
            let joined = joins.dimensions.iter().flat_map(|dimension| dimension.members.clone()).collect();
            let mut question = Question {
                tree,
                relation: source.relation,
                user: source.user,
                shapes: Shapes::new(tree, source.relation, joined, has_gaps),
                joins,
                joined_by: Vec::new(),
                conditions: Vec::new(),
                keys: Vec::new(),
                sets: GroupingSets::default(),
                lookups: Vec::new(),
                aggregates: Aggregates::default(),
                ends: Vec::new(),
            };
            let table = *(*root).simple_rel_array.add(source.relation as usize);
            let clauses: Vec<*mut Node> = items::<RestrictInfo>((*table).baserestrictinfo)
                .map(|info| (*info).clause.cast::<Node>())
                .map(|clause| {
                    question.joins.dimensions.iter().fold(clause, |clause, one| raised(clause, one))
                })
                .collect();
            let not_null = question.columns_never_null(&clauses)?;
            let clauses = clauses.into_iter().chain(question.joins.conditions.clone());
            clauses.collect::<Vec<_>>().into_iter().try_for_each(|clause| question.add_condition(clause))?;
            question.add_joins(root)?;
            question.add_keys(root, grouping.clauses)?;
            question.sets = GroupingSets::of(root, &question.keys)?;
            question.add_lookups();
            if let Some(order) = grouping.first_of {
                if !question.joins.dimensions.is_empty() {
                    return Err(Reason::EndsOfJoins);
                }
                let is_key = |node: *mut Node| question.keys.iter().any(|key| same(key.node, node));
                let targets = (*root).processed_tlist;
                question.ends = question.ordered().rows(order, targets, &is_key, grouping.results)?;
                return Ok(question);
            }
            let having = grouping.having.cast::<Node>();
            let shown: Vec<*mut Node> = items::<Node>(grouping.results).chain([having]).collect();
            for node in shown.into_iter().filter(|node| !node.is_null()) {
                question.add_aggregates(node, &not_null)?;
            }
            // Where a joined row has none of the table, it comes before or after all others.
            if has_gaps && !question.ends.is_empty() {
                return Err(Reason::EndsOfJoins);
            }
            Ok(question)
        }
    }

    /// Understands the conditions of joins.
    unsafe fn add_joins(&mut self, root: *mut PlannerInfo) -> Understood<()> {
        // SAFETY: the caller's query, whose conditions these are.
        unsafe {
            for (place, dimension) in self.joins.dimensions.iter().enumerate() {
                for &node in &dimension.clauses {
                    if pg_sys::contain_volatile_functions(node) {
                        return Err(Reason::Volatile);
                    }
                    let shape = self.shapes.stepped(node)?;
                    let equality = equality(root, node, self.relation, dimension);
                    self.joined_by.push(JoinedBy { dimension: place, node, shape, equality });
                }
            }
        }
        Ok(())
    }

    /// Whether the range depends on parameters, which are known when the query runs.
    pub fn is_open(&self) -> bool {
        // SAFETY: the comparisons are expressions of the query, which the planner keeps.
        self.shapes.comparisons.iter().any(|&comparison| unsafe { contains(comparison, NodeTag::T_Param) })
    }

    /// Returns the columns that no row of the answer has NULL in. Those of the tree must be, since the tree has no others.
    unsafe fn columns_never_null(&self, clauses: &[*mut Node]) -> Understood<Vec<i16>> {
        // SAFETY: the caller's conditions of the query.
        unsafe {
            let mut list = std::ptr::null_mut();
            let inner = self.joins.dimensions.iter().filter(|dimension| dimension.kind.needs_match());
            let joined = inner.flat_map(|dimension| &dimension.clauses);
            clauses.iter().chain(joined).for_each(|&clause| list = pg_sys::lappend(list, clause.cast()));
            let chosen = columns_that_are_not_null(list, self.relation);
            let mut not_null = never_null(self.tree.base);
            not_null.extend(chosen);
            let series = self.tree.series.iter().map(|key| key.column.number);
            match [self.tree.at.number].into_iter().chain(series).find(|number| !not_null.contains(number)) {
                Some(number) => Err(Reason::Nullable(column_name(self.tree.base, number))),
                None => Ok(not_null),
            }
        }
    }

    unsafe fn add_condition(&mut self, node: *mut Node) -> Understood<()> {
        // SAFETY: the caller passes a condition of the query that is being planned.
        unsafe {
            if pg_sys::contain_volatile_functions(node) {
                return Err(Reason::Volatile);
            }
            self.shapes.only_compares = true;
            let shape = self.shapes.stepped(node)?;
            let is_range = self.shapes.only_compares && shape.depends_on_time() && shape.is_of_time_alone();
            self.conditions.push(Condition { node, shape, is_range });
        }
        Ok(())
    }

    unsafe fn add_keys(&mut self, root: *mut PlannerInfo, clauses: *mut List) -> Understood<()> {
        // SAFETY: the caller's query, whose keys are among its targets.
        unsafe {
            for clause in items::<SortGroupClause>(clauses) {
                let shown = pg_sys::get_sortgroupclause_expr(clause, (*root).processed_tlist);
                let node = below_grouping(root, shown);
                if pg_sys::contain_volatile_functions(node) {
                    return Err(Reason::Volatile);
                }
                if !(*clause).hashable {
                    return Err(Reason::Key);
                }
                let shape = self.shapes.stepped(node)?;
                let (equality, collation) = ((*clause).eqop, pg_sys::exprCollation(node));
                let reference = (*clause).tleSortGroupRef;
                self.keys.push(Key { node, shown, reference, shape, equality, collation });
            }
        }
        Ok(())
    }

    /// Adds what the series is equal to, if each of its columns is equal to a value, or to one in the rows of one dimension.
    unsafe fn add_lookups(&mut self) {
        let of_series = self.conditions.iter().filter(|condition| condition.shape.is_of_series_alone());
        let conditions: Vec<*mut Node> = of_series.map(|condition| condition.node).collect();
        // SAFETY: the caller's conditions of the query.
        let value = |key: &KeyColumn| unsafe {
            conditions.iter().find_map(|&condition| Lookup::of(condition, key, self.relation))
        };
        let in_rows = |key: &KeyColumn, dimension| {
            let mut joined = self.joined_by.iter().filter(|one| one.dimension == dimension);
            joined.find_map(|one| {
                let equality = one.equality.as_ref()?;
                // SAFETY: the conditions are expressions of the query, which the planner keeps.
                unsafe { Lookup::in_rows(equality, one.node, key, self.relation, dimension) }
            })
        };
        let dimensions = self.joins.dimensions.iter().enumerate();
        let mut tries =
            dimensions.filter(|(_, one)| one.kind.needs_match()).map(|(place, _)| Some(place)).chain([None]);
        let lookups = tries.find_map(|dimension| {
            let series = self.tree.series.iter();
            series.map(|key| value(key).or_else(|| in_rows(key, dimension?))).collect()
        });
        self.lookups = lookups.unwrap_or_default();
    }

    /// Adds the aggregates below a node. What else it has of the row must be in keys.
    unsafe fn add_aggregates(&mut self, node: *mut Node, not_null: &[i16]) -> Understood<()> {
        // SAFETY: the caller's node; the tag says which structure it begins.
        unsafe {
            pg_sys::check_stack_depth();
            if self.keys.iter().any(|key| same(key.shown, node)) {
                return Ok(());
            }
            if let Some(aggregate) = ends::first_of(node) {
                return self.add_end(node, aggregate);
            }
            match (*node).type_ {
                NodeTag::T_Aggref => {
                    if pg_sys::contain_volatile_functions(node) {
                        return Err(Reason::Volatile);
                    }
                    return self.aggregates.add(node.cast(), &mut self.shapes, self.tree, not_null);
                }
                // It depends on the keys, or the query would not have been accepted, and makes no further groups.
                NodeTag::T_Var if self.shapes.joined.contains(&(*node.cast::<Var>()).varno) => {
                    let equality = equality_of(pg_sys::exprType(node)).ok_or(Reason::Key)?;
                    let shape = self.shapes.column(node.cast())?;
                    self.sets.all.iter_mut().for_each(|set| set.push(self.keys.len()));
                    let collation = pg_sys::exprCollation(node);
                    self.keys.push(Key { node, shown: node, reference: 0, shape, equality, collation });
                    return Ok(());
                }
                NodeTag::T_PlaceHolderVar if !self.shapes.joined.is_empty() => {
                    return Err(Reason::Optional);
                }
                NodeTag::T_Var => {
                    let number = (*node.cast::<Var>()).varattno;
                    return Err(Reason::Column(column_name(self.tree.base, number)));
                }
                NodeTag::T_GroupingFunc => {
                    self.sets.add(node.cast(), &self.keys);
                    return Ok(());
                }
                NodeTag::T_SubPlan | NodeTag::T_AlternativeSubPlan => return Err(Reason::Subquery),
                _ => {}
            }
            let mut done = Ok(());
            for_each_child(node, &mut |child| {
                if done.is_ok() {
                    done = self.add_aggregates(child, not_null);
                }
            });
            done
        }
    }

    /// Adds the first element of an array of a column.
    unsafe fn add_end(&mut self, node: *mut Node, aggregate: *mut pg_sys::Aggref) -> Understood<()> {
        // SAFETY: the caller's expression of the query, and the aggregate in it.
        unsafe {
            if self.ends.iter().any(|known| same(known.node, node)) {
                return Ok(());
            }
            if pg_sys::contain_volatile_functions(node) {
                return Err(Reason::Volatile);
            }
            let mut end = self.ordered().element(node, aggregate)?;
            let filter = (*aggregate).aggfilter.cast::<Node>();
            if !filter.is_null() {
                end.filter = Some(self.aggregates.filter(filter, &mut self.shapes)?);
            }
            self.ends.push(end);
            Ok(())
        }
    }

    fn ordered(&self) -> Ordered<'t> {
        Ordered { tree: self.tree, relation: self.relation }
    }
}

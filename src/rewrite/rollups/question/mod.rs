//! Questions that grouped queries ask of power trees.

pub mod aggregate;
pub mod arithmetic;
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
mod presence;
pub mod sets;
pub mod shapes;
pub mod source;
mod subquery;
pub mod value_conditions;

use crate::pg::nodes::tree::{NodeList, NodeRef};
use crate::pg::planning::expression::columns_that_are_not_null;
use crate::pg::planning::planner::{Planner, Relation, Restriction};
use crate::pg::server::lookup::check_depth;
use crate::pg::server::operator::equality_of;
use crate::pg::tables::column::never_null;
use crate::powertree::model::key::KeyColumn;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use crate::rewrite::rollups::terms::shape::Shape;
use aggregate::{Aggregate, Aggregates, Subject};
use ends::{EndExpression, Ordered};
use joins::{equality, Equality, Joins};
use lookup::Lookup;
use operand::Operand;
use pgrx::pg_sys::{Aggref, GroupingFunc, NodeTag, Oid, SortGroupClause, Var};
use sets::GroupingSets;
use shapes::{column_name, Shapes};
use source::Source;
use std::rc::Rc;
use value_conditions::{ConditionKind, ValueCondition};

/// A question that one tree can answer.
pub struct Question<'t> {
    pub tree: &'t Rc<Tree>,
    /// The number of the table in the query.
    pub relation: i32,
    /// The user whose query of the table it is; INVALID for the current one.
    pub user: Oid,
    pub shapes: Shapes<'t>,
    /// Conditions on values of the tree, and the only value that they and all aggregates are about.
    pub values: Vec<ValueCondition<'t>>,
    pub alone: Option<usize>,
    /// The other relations of the query, and what they are joined by.
    pub joins: Joins<'t>,
    pub joined_by: Vec<JoinedBy<'t>>,
    /// All conditions of the rows.
    pub conditions: Vec<Condition<'t>>,
    pub keys: Vec<Key<'t>>,
    pub sets: GroupingSets<'t>,
    /// The value that each column of the series is equal to, if they all are; an array has several values.
    pub lookups: Vec<Lookup<'t>>,
    pub aggregates: Aggregates<'t>,
    /// Values of rows at the ends of groups.
    pub ends: Vec<EndExpression<'t>>,
}

/// The grouping of a query.
pub struct Grouping<'q> {
    /// The clauses of GROUP BY or DISTINCT.
    pub clauses: NodeList<'q>,
    /// Expressions of the results.
    pub results: NodeList<'q>,
    /// Conditions that groups must fulfil.
    pub having: NodeList<'q>,
    /// The order in which the first row of each group is wanted by DISTINCT ON; None without it.
    pub first_of: Option<NodeList<'q>>,
}

/// A condition that all rows fulfil.
pub struct Condition<'q> {
    pub node: NodeRef<'q>,
    pub shape: Shape,
    /// Whether only positions are compared: then nothing can fail where there are no rows.
    pub is_range: bool,
}

/// A condition by which rows of a dimension are joined with those of the table.
pub struct JoinedBy<'q> {
    pub dimension: usize,
    pub node: NodeRef<'q>,
    pub shape: Shape,
    /// The two sides, if it says that they are equal.
    pub equality: Option<Equality<'q>>,
}

/// An expression by which rows are grouped.
pub struct Key<'q> {
    pub node: NodeRef<'q>,
    /// A copy with the mark of grouping sets, as results have it.
    pub shown: NodeRef<'q>,
    /// The number by which lists of the query refer to it.
    pub reference: u32,
    pub shape: Shape,
    /// Equality of its type, and the collation.
    pub equality: Oid,
    pub collation: Oid,
}

impl<'t> Question<'t> {
    /// Understands a query, given what is grouped in it, and how.
    pub fn of(
        tree: &'t Rc<Tree>,
        source: &Source,
        planner: Planner<'t>,
        input: Relation<'t>,
        grouping: &Grouping<'t>,
    ) -> Understood<Question<'t>> {
        let joins = Joins::of(planner, input, source.relation)?;
        let has_gaps = joins.has_gaps();
        let joined = joins.dimensions.iter().flat_map(|dimension| dimension.members.clone()).collect();
        let mut question = Question {
            tree,
            relation: source.relation,
            user: source.user,
            shapes: Shapes::new(planner, tree, source.relation, joined, has_gaps),
            values: Vec::new(),
            alone: None,
            joins,
            joined_by: Vec::new(),
            conditions: Vec::new(),
            keys: Vec::new(),
            sets: GroupingSets::default(),
            lookups: Vec::new(),
            aggregates: Aggregates::default(),
            ends: Vec::new(),
        };
        let table = planner.relation(source.relation);
        let clauses = table.into_iter().flat_map(Relation::conditions).filter_map(Restriction::clause);
        let clauses = clauses.map(|clause| question.shapes.plain(question.joins.raised(planner, clause)));
        let clauses: Vec<NodeRef> = clauses.collect();
        let not_null = question.columns_never_null(&clauses)?;
        let clauses = question.without_values(clauses)?;
        let clauses = clauses.into_iter().chain(question.joins.conditions.clone());
        clauses.collect::<Vec<_>>().into_iter().try_for_each(|clause| question.add_condition(clause))?;
        question.add_joins(planner)?;
        question.add_keys(planner, grouping.clauses)?;
        question.sets = GroupingSets::of(planner, &question.keys)?;
        question.add_lookups();
        if let Some(order) = grouping.first_of {
            if !question.joins.dimensions.is_empty() {
                return Err(Reason::EndsOfJoins);
            }
            let is_key = |node: NodeRef| question.keys.iter().any(|key| key.node.is_same(node));
            question.ends = question.ordered().rows(order, planner.targets(), &is_key, grouping.results)?;
        } else {
            for node in grouping.results.iter().chain(grouping.having.node()) {
                question.add_aggregates(node, &not_null)?;
            }
        }
        question.check_values(planner)?;
        // Where a joined row has none of the table, it comes before or after all others.
        if has_gaps && !question.ends.is_empty() {
            return Err(Reason::EndsOfJoins);
        }
        Ok(question)
    }

    /// Understands the conditions of joins.
    fn add_joins(&mut self, planner: Planner<'t>) -> Understood<()> {
        for (place, dimension) in self.joins.dimensions.iter().enumerate() {
            for &node in &dimension.clauses {
                if node.is_volatile() {
                    return Err(Reason::Volatile);
                }
                let shape = self.shapes.stepped(node)?;
                let equality = equality(planner, node, self.relation, dimension);
                self.joined_by.push(JoinedBy { dimension: place, node, shape, equality });
            }
        }
        Ok(())
    }

    /// Whether the range depends on parameters, which are known when the query runs.
    pub fn is_open(&self) -> bool {
        self.shapes.comparisons.iter().any(|comparison| comparison.contains(NodeTag::T_Param))
    }

    /// Returns the columns that no row of the answer has NULL in. Those of the tree must be, since the tree has no others.
    fn columns_never_null(&self, clauses: &[NodeRef]) -> Understood<Vec<i16>> {
        let inner = self.joins.dimensions.iter().filter(|dimension| dimension.kind.needs_match());
        let joined = inner.flat_map(|dimension| &dimension.clauses);
        let chosen = columns_that_are_not_null(clauses.iter().chain(joined).copied(), self.relation);
        let mut not_null = never_null(self.tree.base);
        not_null.extend(chosen);
        let series = self.tree.series.iter().map(|key| key.column.number);
        match [self.tree.at.number].into_iter().chain(series).find(|number| !not_null.contains(number)) {
            Some(number) => Err(Reason::Nullable(column_name(self.tree.base, number))),
            None => Ok(not_null),
        }
    }

    /// Takes note of conditions on values, and returns the other conditions of the table.
    fn without_values(&mut self, clauses: Vec<NodeRef<'t>>) -> Understood<Vec<NodeRef<'t>>> {
        let declared = never_null(self.tree.base);
        let mut rest = Vec::new();
        for clause in clauses {
            match ValueCondition::of(clause, &mut self.shapes, self.tree)? {
                None => rest.push(clause),
                Some(ValueCondition { value, kind: ConditionKind::Present, .. })
                    if declared.contains(&self.tree.values[value].0.number) => {}
                Some(condition) => self.values.push(condition),
            }
        }
        Ok(rest)
    }

    /// Checks that conditions on values are such as a tree may decide: either all is about one value, and the rows that have it are
    /// counted, or the conditions seem to hold for all rows.
    fn check_values(&mut self, planner: Planner) -> Understood<()> {
        /// A share of the rows that statistics take for all of them.
        const ALL: f64 = 0.999;
        let values: Vec<usize> = self.values.iter().map(|condition| condition.value).collect();
        self.alone = values.first().copied();
        self.alone =
            self.alone.filter(|&alone| values.iter().all(|&value| value == alone) && self.is_about(alone));
        let doubtful = self.values.iter().find(|condition| {
            let is_alone = self.alone.is_some();
            // Rows without the only value are left out all the same.
            let all = if is_alone { planner.share_of_values(condition.column, self.relation) } else { 1.0 };
            let is_counted = is_alone && condition.kind.is_counted();
            !is_counted && planner.selectivity(condition.node, self.relation) < ALL * all
        });
        let name = |value: usize| column_name(self.tree.base, self.tree.values[value].0.number);
        match doubtful {
            None => Ok(()),
            Some(ValueCondition { value, kind: ConditionKind::Present, .. }) => {
                Err(Reason::Present(name(*value)))
            }
            Some(ValueCondition { value, .. }) => Err(Reason::Partial(name(*value))),
        }
    }

    /// Whether everything follows from the tally of a value, and the number of rows.
    fn is_about(&self, value: usize) -> bool {
        let has_no_other = |operand: &Operand| operand.values().into_iter().all(|other| other == value);
        let follows = |aggregate: &Aggregate| match aggregate.argument {
            Subject::Rows => true,
            Subject::Position => false,
            Subject::Value(other) | Subject::Missing(other) => other == value,
            Subject::Operand(place) => self.aggregates.operands.all.get(place).is_some_and(has_no_other),
        };
        self.ends.is_empty() && self.aggregates.all.iter().all(follows)
    }

    fn add_condition(&mut self, node: NodeRef<'t>) -> Understood<()> {
        if node.is_volatile() {
            return Err(Reason::Volatile);
        }
        self.shapes.only_compares = true;
        let shape = self.shapes.stepped(node)?;
        let is_range = self.shapes.only_compares && shape.depends_on_time() && shape.is_of_time_alone();
        self.conditions.push(Condition { node, shape, is_range });
        Ok(())
    }

    fn add_keys(&mut self, planner: Planner<'t>, clauses: NodeList<'t>) -> Understood<()> {
        for clause in clauses.all::<SortGroupClause>() {
            let shown = planner.targets().sorted_by(clause).ok_or(Reason::Key)?;
            let node = self.shapes.plain(planner.below_grouping(shown));
            if node.is_volatile() {
                return Err(Reason::Volatile);
            }
            if !clause.hashable {
                return Err(Reason::Key);
            }
            let shape = self.shapes.stepped(node)?;
            let (equality, collation) = (clause.eqop, node.collation());
            let reference = clause.tleSortGroupRef;
            self.keys.push(Key { node, shown, reference, shape, equality, collation });
        }
        Ok(())
    }

    /// Adds what the series is equal to, if each of its columns is equal to a value, or to one in the rows of one dimension.
    fn add_lookups(&mut self) {
        let of_series = self.conditions.iter().filter(|condition| condition.shape.is_of_series_alone());
        let conditions: Vec<NodeRef> = of_series.map(|condition| condition.node).collect();
        let value = |key: &KeyColumn| {
            conditions.iter().find_map(|&condition| Lookup::of(condition, key, self.relation))
        };
        let in_rows = |key: &KeyColumn, dimension| {
            let mut joined = self.joined_by.iter().filter(|one| one.dimension == dimension);
            joined.find_map(|one| {
                Lookup::in_rows(one.equality.as_ref()?, one.node, key, self.relation, dimension)
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
    fn add_aggregates(&mut self, node: NodeRef<'t>, not_null: &[i16]) -> Understood<()> {
        check_depth();
        if self.keys.iter().any(|key| key.shown.is_same(node)) {
            return Ok(());
        }
        if let Some(aggregate) = ends::first_of(node) {
            return self.add_end(node, aggregate);
        }
        if let Some(aggregate) = node.cast::<Aggref>() {
            if node.is_volatile() {
                return Err(Reason::Volatile);
            }
            return self.aggregates.add(aggregate, &mut self.shapes, self.tree, not_null);
        }
        if let Some(column) = node.cast::<Var>() {
            return self.add_column(column);
        }
        if let Some(call) = node.cast::<GroupingFunc>() {
            self.sets.add(call, &self.keys);
            return Ok(());
        }
        match node.tag() {
            NodeTag::T_PlaceHolderVar if !self.shapes.joined.is_empty() => Err(Reason::Optional),
            _ => node.try_children(|child| self.add_aggregates(child, not_null)),
        }
    }

    /// Adds a column that is no key by itself, which only a joined row may have: it depends on the keys, or the query would not have
    /// been accepted, and makes no further groups.
    fn add_column(&mut self, column: NodeRef<'t, Var>) -> Understood<()> {
        if !self.shapes.joined.contains(&column.varno) {
            return Err(Reason::Column(column_name(self.tree.base, column.varattno)));
        }
        let node = column.untyped();
        let equality = equality_of(node.type_oid()).ok_or(Reason::Key)?;
        let shape = self.shapes.column(column)?;
        self.sets.all.iter_mut().for_each(|set| set.push(self.keys.len()));
        let collation = node.collation();
        self.keys.push(Key { node, shown: node, reference: 0, shape, equality, collation });
        Ok(())
    }

    /// Adds the first element of an array of a column.
    fn add_end(&mut self, node: NodeRef<'t>, aggregate: NodeRef<'t, Aggref>) -> Understood<()> {
        if self.ends.iter().any(|known| known.node.is_same(node)) {
            return Ok(());
        }
        if node.is_volatile() {
            return Err(Reason::Volatile);
        }
        let mut end = self.ordered().element(node, aggregate)?;
        let filter = aggregate.node(|aggregate| &aggregate.aggfilter);
        end.filter = filter.map(|filter| self.aggregates.filter(filter, &mut self.shapes)).transpose()?;
        self.ends.push(end);
        Ok(())
    }

    fn ordered(&self) -> Ordered<'t> {
        Ordered { tree: self.tree, relation: self.relation }
    }
}

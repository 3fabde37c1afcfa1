//! Conditions of joins, and which join each of them belongs to.

use super::{Dimension, Joins};
use crate::pg::nodes::tree::NodeRef;
use crate::pg::planning::planner::{Planner, Relation, Restriction};
use crate::pg::server::operator::is_hashed;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use pgrx::pg_sys::{BoolExpr, BoolExprType, Oid, OpExpr};

impl<'q> Joins<'q> {
    /// Adds the conditions that are more than a comparison of equals.
    pub fn add_clauses(&mut self, planner: Planner<'q>, table: i32) -> Understood<()> {
        let others = self.dimensions.iter().flat_map(|dimension| dimension.members.clone());
        let mut known: Vec<Restriction> = Vec::new();
        for relation in others.chain([table]).collect::<Vec<i32>>() {
            let conditions = planner.relation(relation).into_iter().flat_map(Relation::join_conditions);
            for condition in conditions {
                let required = condition.relids(|one| &one.required_relids);
                let is_within = self.dimensions.iter().any(|one| one.has_all(required));
                if !is_within && !known.iter().any(|one| one.pointer() == condition.pointer()) {
                    known.push(condition);
                    self.add_clause(planner, condition)?;
                }
            }
        }
        Ok(())
    }

    fn add_clause(&mut self, planner: Planner<'q>, condition: Restriction<'q>) -> Understood<()> {
        if condition.is_one_of_several() {
            let compared = planner.bases(condition.relids(|one| &one.clause_relids));
            let is_within = |one: &Dimension| compared.iter().all(|member| one.members.contains(member));
            return if self.dimensions.iter().any(is_within) { Ok(()) } else { Err(Reason::Nested) };
        }
        let Some(clause) = condition.clause() else { return Ok(()) };
        let compared = planner.bases(condition.relids(|one| &one.required_relids));
        let has_gaps = self.has_gaps();
        let mut touched = self
            .dimensions
            .iter_mut()
            .filter(|one| one.members.iter().any(|member| compared.contains(member)));
        let (first, second) = (touched.next(), touched.next());
        match (first, second.is_some()) {
            _ if condition.pseudoconstant => self.conditions.push(clause),
            (Some(dimension), false) if dimension.kind.is_inner() || !condition.is_pushed_down => {
                dimension.clauses.push(dimension.raised(planner, clause))
            }
            _ if !condition.is_pushed_down || has_gaps => return Err(Reason::Nested),
            _ => {
                let clause = self.raised(planner, clause);
                self.conditions.push(clause);
            }
        }
        Ok(())
    }

    /// Adds the comparisons of equals, of which the planner makes as many as a join needs.
    pub fn add_implied(&mut self, planner: Planner<'q>, table: i32) -> Understood<()> {
        let Some(table) = planner.relation(table) else { return Ok(()) };
        for dimension in &mut self.dimensions {
            let implied = planner.implied(table, dimension.relation).filter_map(Restriction::clause);
            let implied: Vec<NodeRef> = implied.map(|clause| dimension.raised(planner, clause)).collect();
            if !implied.is_empty() && !dimension.kind.is_inner() {
                return Err(Reason::Nested);
            }
            dimension.clauses.extend(implied);
        }
        Ok(())
    }

    /// The condition as it is seen above all joins.
    pub fn raised(&self, planner: Planner<'q>, clause: NodeRef<'q>) -> NodeRef<'q> {
        self.dimensions.iter().fold(clause, |clause, one| one.raised(planner, clause))
    }
}

impl<'q> Dimension<'q> {
    /// The condition as it is seen above the join: columns of the optional side may be NULL there, and are marked so from
    /// PostgreSQL 16 on. The plan has one column for each, below and above.
    fn raised(&self, planner: Planner<'q>, clause: NodeRef<'q>) -> NodeRef<'q> {
        self.special.map_or(clause, |join| planner.above_join(clause, join))
    }
}

/// A comparison of equals, one of the table and one of a dimension, which both can be hashed.
pub struct Equality<'q> {
    pub of_table: NodeRef<'q>,
    pub of_dimension: NodeRef<'q>,
    pub operator: Oid,
    pub collation: Oid,
    /// Whether the table is on the left of the operator.
    pub table_is_left: bool,
}

/// Finds what a condition of a join of the table with the dimension says is equal; None if it is another condition.
pub fn equality<'q>(
    planner: Planner<'q>,
    clause: NodeRef<'q>,
    table: i32,
    dimension: &Dimension,
) -> Option<Equality<'q>> {
    let call = clause.cast::<OpExpr>().or_else(|| negated(clause))?;
    let [left, right] = call.list(|call| &call.args).only()?;
    let is_of = |node, wanted: &[i32]| {
        let found = planner.bases_of(node);
        !found.is_empty() && found.iter().all(|one| wanted.contains(one))
    };
    let sides = |of_table, of_dimension| is_of(of_table, &[table]) && is_of(of_dimension, &dimension.members);
    let (of_table, of_dimension, table_is_left) = match () {
        () if sides(left, right) => (left, right, true),
        () if sides(right, left) => (right, left, false),
        () => return None,
    };
    is_hashed(call.opno, left.type_oid()).then_some(Equality {
        of_table,
        of_dimension,
        operator: call.opno,
        collation: call.inputcollid,
        table_is_left,
    })
}

/// The comparison in `NOT (… IS DISTINCT FROM …)`.
fn negated(node: NodeRef) -> Option<NodeRef<OpExpr>> {
    let negation = node.cast::<BoolExpr>().filter(|node| node.boolop == BoolExprType::NOT_EXPR)?;
    negation.list(|negation| &negation.args).iter().next()?.distinction()
}

//! Conditions of joins, and which join each of them belongs to.

use super::{bases, is_within, outer_join, Dimension, Joins};
use crate::pg::list::items;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use pgrx::pg_sys::{self, BoolExprType, DistinctExpr, Node, NodeTag, Oid, OpExpr, PlannerInfo, RestrictInfo};

impl Joins {
    /// Adds the conditions that are more than a comparison of equals.
    pub unsafe fn add_clauses(&mut self, root: *mut PlannerInfo, table: i32) -> Understood<()> {
        // SAFETY: the caller's query, whose relations and conditions the planner keeps.
        unsafe {
            let others = self.dimensions.iter().flat_map(|dimension| dimension.members.clone());
            let mut known: Vec<*mut RestrictInfo> = Vec::new();
            for relation in others.chain([table]).collect::<Vec<i32>>() {
                let relation = *(*root).simple_rel_array.add(relation as usize);
                for info in items::<RestrictInfo>((*relation).joininfo) {
                    let is_within = self.dimensions.iter().any(|one| is_within((*info).required_relids, one));
                    if !is_within && !known.contains(&info) {
                        known.push(info);
                        self.add_clause(root, info)?;
                    }
                }
            }
        }
        Ok(())
    }

    unsafe fn add_clause(&mut self, root: *mut PlannerInfo, info: *mut RestrictInfo) -> Understood<()> {
        // SAFETY: the caller's condition of the query.
        unsafe {
            if is_one_of_several(info) {
                let compared = bases(root, (*info).clause_relids);
                let is_within = |one: &Dimension| compared.iter().all(|member| one.members.contains(member));
                return if self.dimensions.iter().any(is_within) { Ok(()) } else { Err(Reason::Nested) };
            }
            let clause = (*info).clause.cast::<Node>();
            let compared = bases(root, (*info).required_relids);
            let has_gaps = self.has_gaps();
            let mut touched = self
                .dimensions
                .iter_mut()
                .filter(|one| one.members.iter().any(|member| compared.contains(member)));
            let (first, second) = (touched.next(), touched.next());
            match (first, second.is_some()) {
                _ if (*info).pseudoconstant => self.conditions.push(clause),
                (Some(dimension), false) if dimension.kind.is_inner() || !(*info).is_pushed_down => {
                    dimension.add(root, clause)
                }
                _ if !(*info).is_pushed_down || has_gaps => return Err(Reason::Nested),
                _ => {
                    let clause = self.dimensions.iter().fold(clause, |clause, one| raised(clause, one));
                    self.conditions.push(clause);
                }
            }
        }
        Ok(())
    }

    /// Adds the comparisons of equals, of which the planner makes as many as a join needs.
    pub unsafe fn add_implied(&mut self, root: *mut PlannerInfo, table: i32) -> Understood<()> {
        // SAFETY: the caller's query; the new conditions are in the memory of the planner.
        unsafe {
            let table = *(*root).simple_rel_array.add(table as usize);
            for dimension in &mut self.dimensions {
                let infos: Vec<*mut RestrictInfo> =
                    items::<RestrictInfo>(implied(root, table, dimension)).collect();
                if !infos.is_empty() && !dimension.kind.is_inner() {
                    return Err(Reason::Nested);
                }
                infos.into_iter().for_each(|info| dimension.add(root, (*info).clause.cast()));
            }
        }
        Ok(())
    }
}

impl Dimension {
    unsafe fn add(&mut self, _root: *mut PlannerInfo, clause: *mut Node) {
        // SAFETY: the caller's condition of the query.
        let clause = unsafe { raised(clause, self) };
        self.clauses.push(clause);
    }
}

/// Returns the condition as it is seen above the join: columns of the optional side may be NULL there, and are marked so from PostgreSQL 16
/// on. The plan has one column for each, below and above.
///
/// # Safety
/// A condition of the query.
pub unsafe fn raised(clause: *mut Node, dimension: &Dimension) -> *mut Node {
    // SAFETY: the caller's condition; the copy is in the memory of the planner.
    unsafe {
        let join = outer_join(dimension.special);
        if join == 0 {
            return clause;
        }
        #[cfg(feature = "pg15")]
        return clause;
        #[cfg(not(feature = "pg15"))]
        {
            let optional = (*dimension.special).syn_righthand;
            let joins = crate::pg::relids::set_of(&[join]);
            pg_sys::add_nulling_relids(clause, optional, joins)
        }
    }
}

/// Whether the condition is there in several forms, of which the order of joins decides.
unsafe fn is_one_of_several(_info: *mut RestrictInfo) -> bool {
    #[cfg(feature = "pg15")]
    return false;
    // SAFETY: the caller's condition of the query.
    #[cfg(not(feature = "pg15"))]
    unsafe {
        (*_info).has_clone || (*_info).is_clone
    }
}

/// Comparisons that follow from others: those of the table with the dimension.
unsafe fn implied(
    root: *mut PlannerInfo,
    table: *mut pg_sys::RelOptInfo,
    dimension: &Dimension,
) -> *mut pg_sys::List {
    // SAFETY: the caller's query and relations.
    unsafe {
        let both = pg_sys::bms_union((*table).relids, (*dimension.relation).relids);
        #[cfg(feature = "pg15")]
        return pg_sys::generate_join_implied_equalities(root, both, (*table).relids, dimension.relation);
        #[cfg(not(feature = "pg15"))]
        pg_sys::generate_join_implied_equalities(
            root,
            both,
            (*table).relids,
            dimension.relation,
            std::ptr::null_mut(),
        )
    }
}

/// A comparison of equals, one of the table and one of a dimension, which both can be hashed.
pub struct Equality {
    pub of_table: *mut Node,
    pub of_dimension: *mut Node,
    pub operator: Oid,
    pub collation: Oid,
    /// Whether the table is on the left of the operator.
    pub table_is_left: bool,
}

/// Finds what a condition says is equal; None if it is another condition.
///
/// # Safety
/// A condition of a join of the table with the dimension.
pub unsafe fn equality(
    root: *mut PlannerInfo,
    clause: *mut Node,
    table: i32,
    dimension: &Dimension,
) -> Option<Equality> {
    // SAFETY: the tag says which structure a node begins. `IS DISTINCT FROM` is an operator with another tag.
    unsafe {
        let call = match (*clause).type_ {
            NodeTag::T_OpExpr => clause.cast::<OpExpr>(),
            NodeTag::T_BoolExpr => negated(clause.cast())?.cast::<OpExpr>(),
            _ => return None,
        };
        let arguments: Vec<*mut Node> = items::<Node>((*call).args).collect();
        let [left, right] = arguments[..] else { return None };
        let is_of = |node, wanted: &[i32]| {
            let found = bases(root, pg_sys::pull_varnos(root, node));
            !found.is_empty() && found.iter().all(|one| wanted.contains(one))
        };
        let sides =
            |of_table, of_dimension| is_of(of_table, &[table]) && is_of(of_dimension, &dimension.members);
        let (of_table, of_dimension, table_is_left) = match () {
            () if sides(left, right) => (left, right, true),
            () if sides(right, left) => (right, left, false),
            () => return None,
        };
        let operator = (*call).opno;
        let (mut one, mut other) = (Oid::INVALID, Oid::INVALID);
        let is_hashed = pg_sys::op_hashjoinable(operator, pg_sys::exprType(left))
            && pg_sys::get_op_hash_functions(operator, &mut one, &mut other);
        is_hashed.then_some(Equality {
            of_table,
            of_dimension,
            operator,
            collation: (*call).inputcollid,
            table_is_left,
        })
    }
}

/// The comparison in `NOT (… IS DISTINCT FROM …)`.
unsafe fn negated(node: *mut pg_sys::BoolExpr) -> Option<*mut DistinctExpr> {
    // SAFETY: the caller has seen the tag of a logical operator.
    unsafe {
        let inner = items::<Node>((*node).args).next()?;
        let is_one = (*node).boolop == BoolExprType::NOT_EXPR && (*inner).type_ == NodeTag::T_DistinctExpr;
        is_one.then_some(inner.cast())
    }
}

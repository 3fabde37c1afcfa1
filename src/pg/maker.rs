//! New nodes for a query that is being planned, in the memory of its planner.

use super::catalog::signature;
use super::column::generated;
use super::error::defect;
use super::expression::appended;
use super::list::{collected, items};
use super::operator::types_of;
use super::planner::{Planner, SpecialJoin};
use super::tree::NodeRef;
use super::value::Value;
use pgrx::pg_sys::{self, CaseExpr, CaseWhen, CoercionForm, Datum, Node, NodeTag, NullTest, Oid, Var};
use pgrx::PgBox;
use std::ptr::null_mut;

impl<'q> Planner<'q> {
    /// Makes a node in the memory of the planner.
    ///
    /// # Safety
    /// The function returns a node that it makes, of nodes that live for `'q`.
    pub(super) unsafe fn made<T>(self, make: impl FnOnce() -> *mut T) -> NodeRef<'q> {
        // SAFETY: the memory lives as long as the query is planned, and so does what the caller makes in it.
        let node = self.in_memory(|| unsafe { NodeRef::new(make().cast::<Node>()) });
        node.unwrap_or_else(|| defect("a node was not made"))
    }

    /// A constant of type text.
    pub fn text(self, text: &str) -> NodeRef<'q> {
        let collation = pg_sys::DEFAULT_COLLATION_OID;
        // SAFETY: the text is copied into a value of variable length.
        unsafe {
            self.made(|| {
                let datum = Value::from(text).datum();
                pg_sys::makeConst(pg_sys::TEXTOID, -1, collation, -1, datum, false, false)
            })
        }
    }

    /// The call of a function with arguments of the types that it is declared with, and whose collation does not matter.
    pub fn call(self, function: Oid, arguments: &[NodeRef<'q>]) -> NodeRef<'q> {
        let (none, form) = (Oid::INVALID, CoercionForm::COERCE_EXPLICIT_CALL);
        let fits = |declared: &[Oid]| arguments.iter().map(|one| one.type_oid()).eq(declared.iter().copied());
        let Some((_, result)) = signature(function).filter(|(declared, _)| fits(declared)) else {
            defect("a call of a function with other arguments than declared");
        };
        // SAFETY: the arguments are those of the function, and live as long as the call of them.
        unsafe {
            self.made(|| {
                let arguments = collected(arguments.iter().copied());
                pg_sys::makeFuncExpr(function, result, arguments, none, none, form)
            })
        }
    }

    /// A condition by an operator with sides of the types that it is declared with.
    pub fn condition(self, operator: Oid, sides: [NodeRef<'q>; 2], collation: Oid) -> NodeRef<'q> {
        let (none, boolean) = (Oid::INVALID, pg_sys::BOOLOID);
        if types_of(operator) != (sides.map(|side| side.type_oid()), boolean) {
            defect("a condition by an operator on other sides than declared");
        }
        let [left, right] = sides.map(|side| side.pointer().cast());
        // SAFETY: the sides are those of the operator, and live as long as the condition; PostgreSQL finds the function.
        unsafe {
            self.made(|| {
                let made = pg_sys::make_opclause(operator, boolean, false, left, right, none, collation);
                pg_sys::set_opfuncid(made.cast());
                made
            })
        }
    }

    /// All conditions as one; None if there are none.
    pub fn conjunction(self, conditions: &[NodeRef<'q>]) -> Option<NodeRef<'q>> {
        match conditions {
            [] => None,
            [condition] => Some(*condition),
            // SAFETY: the conditions live as long as their conjunction.
            _ => Some(unsafe { self.made(|| pg_sys::make_andclause(collected(conditions.iter().copied()))) }),
        }
    }

    /// A copy of a CASE that returns the number of the branch, from 0, in place of its result.
    pub fn numbered(self, case: NodeRef<'q, CaseExpr>) -> NodeRef<'q> {
        // SAFETY: nobody else has the copy, whose branches are of this kind; integers are passed by value.
        unsafe {
            let number = |branch: i32| {
                let (datum, none) = (Datum::from(branch), Oid::INVALID);
                pg_sys::makeConst(pg_sys::INT4OID, -1, none, 4, datum, false, true).cast()
            };
            self.made(|| {
                let copy = pg_sys::copyObjectImpl(case.pointer().cast_const().cast()).cast::<CaseExpr>();
                let mut branches = 0;
                for when in items::<CaseWhen>((*copy).args) {
                    (*when).result = number(branches);
                    branches += 1;
                }
                (*copy).defresult = number(branches);
                (*copy).casetype = pg_sys::INT4OID;
                (*copy).casecollid = Oid::INVALID;
                copy
            })
        }
    }

    /// `CASE WHEN column IS NOT NULL THEN true END`, of the column of this number and type in the row that another is of: NULL
    /// where an outer join has no such row.
    pub fn presence(self, of: NodeRef<'q, Var>, number: i16, type_oid: Oid, typmod: i32) -> NodeRef<'q> {
        // SAFETY: nobody else has the copy and the new nodes.
        unsafe {
            self.made(|| {
                let column = pg_sys::copyObjectImpl(of.pointer().cast_const().cast()).cast::<Var>();
                ((*column).varattno, (*column).vartype, (*column).vartypmod) = (number, type_oid, typmod);
                (*column).varcollid = Oid::INVALID;
                let mut test = PgBox::<NullTest>::alloc_node(NodeTag::T_NullTest);
                test.arg = column.cast();
                test.nulltesttype = pg_sys::NullTestType::IS_NOT_NULL;
                let mut when = PgBox::<CaseWhen>::alloc_node(NodeTag::T_CaseWhen);
                when.expr = test.into_pg().cast();
                when.result = pg_sys::makeBoolConst(true, false).cast();
                let mut case = PgBox::<CaseExpr>::alloc_node(NodeTag::T_CaseExpr);
                case.casetype = pg_sys::BOOLOID;
                case.args = appended(null_mut(), when.into_pg());
                case.defresult = pg_sys::makeBoolConst(false, true).cast();
                case.into_pg()
            })
        }
    }

    /// The expression of which a stored column has the values, its columns being those of this relation of the query. None if
    /// it is not generated, or the table has partitions or children, which may have expressions of their own.
    pub fn generation_of(self, table: Oid, column: i16, relation: i32) -> Option<NodeRef<'q>> {
        const STORED: u8 = b's';
        if generated(table, column) != STORED {
            return None;
        }
        // SAFETY: the relation is held while it is looked at; the expression is a copy.
        unsafe {
            let held = pg_sys::RelationIdGetRelation(table);
            if held.is_null() {
                return None;
            }
            let (class, columns) = ((*held).rd_rel, (*(*held).rd_att).natts);
            let is_alone = (*class).relkind as u8 == pg_sys::RELKIND_RELATION && !(*class).relhassubclass;
            let found = (is_alone && i32::from(column) <= columns).then(|| {
                self.made(|| {
                    let node = pg_sys::build_column_default(held, column.into());
                    let node = pg_sys::eval_const_expressions(null_mut(), node);
                    pg_sys::ChangeVarNodes(node, 1, relation, 0);
                    node
                })
            });
            pg_sys::RelationClose(held);
            found
        }
    }

    /// The condition as it is seen above a join: columns of the optional side may be NULL there, and are marked so.
    #[cfg(not(feature = "pg15"))]
    pub fn above_join(self, condition: NodeRef<'q>, join: SpecialJoin<'q>) -> NodeRef<'q> {
        if join.number() == 0 {
            return condition;
        }
        // SAFETY: PostgreSQL returns a copy, and only reads the sets.
        unsafe {
            self.made(|| {
                let joins = super::relids::set_of(&[join.number()]);
                pg_sys::add_nulling_relids(condition.pointer(), join.syn_righthand, joins)
            })
        }
    }

    /// The condition as it is seen above a join: before PostgreSQL 16 the same as below.
    #[cfg(feature = "pg15")]
    pub fn above_join(self, condition: NodeRef<'q>, _join: SpecialJoin<'q>) -> NodeRef<'q> {
        condition
    }

    /// The expression of a result below the grouping, where nothing has made it NULL: without the mark of grouping sets.
    #[cfg(feature = "pg18")]
    pub fn below_grouping(self, expression: NodeRef<'q>) -> NodeRef<'q> {
        let grouping = self.grouping();
        if grouping == 0 {
            return expression;
        }
        // SAFETY: PostgreSQL returns a copy, and only reads the set.
        unsafe {
            self.made(|| {
                let mark = super::relids::set_of(&[grouping]);
                pg_sys::remove_nulling_relids(expression.pointer(), mark, std::ptr::null())
            })
        }
    }

    /// The expression of a result below the grouping: before PostgreSQL 18 the same as above.
    #[cfg(not(feature = "pg18"))]
    pub fn below_grouping(self, expression: NodeRef<'q>) -> NodeRef<'q> {
        expression
    }
}

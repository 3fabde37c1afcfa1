//! New nodes for a query that is being planned, in the memory of its planner.

use super::planner::{Planner, SpecialJoin};
use crate::pg::nodes::list::items;
use crate::pg::nodes::made::{Made, MadeList};
#[cfg(not(feature = "pg15"))]
use crate::pg::nodes::relids::{NewSet, Relids};
use crate::pg::nodes::tree::NodeRef;
use crate::pg::server::error::defect;
use crate::pg::server::lookup::caught;
use crate::pg::server::operator::types_of;
use crate::pg::tables::catalog::signature;
use crate::pg::tables::column::generated;
use crate::pg::tables::open_relation::OpenRelation;
use crate::pg::values::value::Value;
use pgrx::pg_sys::{self, CaseExpr, CaseWhen, CoercionForm, FuncExpr, NodeTag, NullTest, Oid, OpExpr, Var};
use pgrx::PgBox;
use std::ptr::null_mut;

// PostgreSQL defines these functions with these arguments, of which they make nodes, or copies.
unsafe extern "C-unwind" {
    safe fn makeFuncExpr<'t>(
        function: Oid,
        result: Oid,
        arguments: MadeList<'t>,
        collation: Oid,
        input_collation: Oid,
        form: CoercionForm::Type,
    ) -> Made<'t, FuncExpr>;
    safe fn make_opclause<'t>(
        operator: Oid,
        result: Oid,
        returns_set: bool,
        left: NodeRef<'t>,
        right: NodeRef<'t>,
        collation: Oid,
        input_collation: Oid,
    ) -> Made<'t, OpExpr>;
    safe fn set_opfuncid(operator: NodeRef<OpExpr>);
    safe fn make_andclause<'t>(conditions: MadeList<'t>) -> Made<'t>;
    #[cfg(not(feature = "pg15"))]
    safe fn add_nulling_relids<'t>(node: NodeRef<'t>, of: Relids, by: NewSet) -> Made<'t>;
    #[cfg(feature = "pg18")]
    safe fn remove_nulling_relids<'t>(node: NodeRef<'t>, by: Relids, except: Relids) -> Made<'t>;
}

impl<'q> Planner<'q> {
    /// A constant of type text.
    pub fn text(self, text: &str) -> NodeRef<'q> {
        self.made(|| Made::constant(Value::from(text), pg_sys::DEFAULT_COLLATION_OID))
    }

    /// The call of a function with arguments of the types that it is declared with, and whose collation does not matter.
    pub fn call(self, function: Oid, arguments: &[NodeRef<'q>]) -> NodeRef<'q> {
        let (none, form) = (Oid::INVALID, CoercionForm::COERCE_EXPLICIT_CALL);
        let fits = |declared: &[Oid]| arguments.iter().map(|one| one.type_oid()).eq(declared.iter().copied());
        let Some((_, result)) = signature(function).filter(|(declared, _)| fits(declared)) else {
            defect("a call of a function with other arguments than declared");
        };
        let made = self.made(|| {
            let arguments = MadeList::of(arguments.iter().copied());
            caught(|| makeFuncExpr(function, result, arguments, none, none, form))
        });
        made.untyped()
    }

    /// A condition by an operator with sides of the types that it is declared with.
    pub fn condition(self, operator: Oid, sides: [NodeRef<'q>; 2], collation: Oid) -> NodeRef<'q> {
        let (none, boolean) = (Oid::INVALID, pg_sys::BOOLOID);
        if types_of(operator) != (sides.map(|side| side.type_oid()), boolean) {
            defect("a condition by an operator on other sides than declared");
        }
        let [left, right] = sides;
        let made = self.made(|| {
            let made = caught(|| make_opclause(operator, boolean, false, left, right, none, collation));
            caught(|| set_opfuncid(made.node()));
            made
        });
        made.untyped()
    }

    /// All conditions as one; None if there are none.
    pub fn conjunction(self, conditions: &[NodeRef<'q>]) -> Option<NodeRef<'q>> {
        match conditions {
            [] => None,
            [condition] => Some(*condition),
            _ => Some(self.made(|| {
                let conditions = MadeList::of(conditions.iter().copied());
                caught(|| make_andclause(conditions))
            })),
        }
    }

    /// A copy of a CASE that returns the number of the branch, from 0, in place of its result.
    pub fn numbered(self, case: NodeRef<'q, CaseExpr>) -> NodeRef<'q> {
        let number = |branch: i32| Made::constant(Value::from(branch), Oid::INVALID).pointer().cast();
        let made = self.made(|| {
            // SAFETY: nobody else has the copy, whose branches are of this kind.
            unsafe {
                let copy = pg_sys::copyObjectImpl(case.pointer().cast_const().cast()).cast::<CaseExpr>();
                let mut branches = 0;
                for when in items::<CaseWhen>((*copy).args) {
                    (*when).result = number(branches);
                    branches += 1;
                }
                (*copy).defresult = number(branches);
                (*copy).casetype = pg_sys::INT4OID;
                (*copy).casecollid = Oid::INVALID;
                Made::new(copy)
            }
        });
        made.untyped()
    }

    /// `CASE WHEN column IS NOT NULL THEN true END`, of the column of this number and type in the row that another is of: NULL
    /// where an outer join has no such row.
    pub fn presence(self, of: NodeRef<'q, Var>, number: i16, type_oid: Oid, typmod: i32) -> NodeRef<'q> {
        let made = self.made(|| {
            // SAFETY: nobody else has the copy and the new nodes.
            unsafe {
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
                case.args = pg_sys::lappend(null_mut(), when.into_pg().cast());
                case.defresult = pg_sys::makeBoolConst(false, true).cast();
                Made::new(case.into_pg())
            }
        });
        made.untyped()
    }

    /// The expression of which a stored column has the values, its columns being those of this relation of the query. None if
    /// it is not generated, or the table has partitions or children, which may have expressions of their own.
    pub fn generation_of(self, table: Oid, column: i16, relation: i32) -> Option<NodeRef<'q>> {
        const STORED: u8 = b's';
        if generated(table, column) != STORED {
            return None;
        }
        let open = OpenRelation::known(table)?;
        // SAFETY: the relation is open while it is looked at; the expression is a copy.
        unsafe {
            let held = open.pointer();
            let (class, columns) = ((*held).rd_rel, (*(*held).rd_att).natts);
            let is_alone = (*class).relkind as u8 == pg_sys::RELKIND_RELATION && !(*class).relhassubclass;
            (is_alone && i32::from(column) <= columns).then(|| {
                self.made(|| {
                    let node = pg_sys::build_column_default(held, column.into());
                    let node = pg_sys::eval_const_expressions(null_mut(), node);
                    pg_sys::ChangeVarNodes(node, 1, relation, 0);
                    Made::new(node)
                })
            })
        }
    }

    /// The condition as it is seen above a join: columns of the optional side may be NULL there, and are marked so.
    #[cfg(not(feature = "pg15"))]
    pub fn above_join(self, condition: NodeRef<'q>, join: SpecialJoin<'q>) -> NodeRef<'q> {
        if join.number() == 0 {
            return condition;
        }
        self.made(|| {
            let (side, joins) = (join.relids(|join| &join.syn_righthand), NewSet::of(&[join.number()]));
            caught(|| add_nulling_relids(condition, side, joins))
        })
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
        self.made(|| {
            let (mark, nowhere) = (NewSet::of(&[grouping]), NewSet::of(&[]));
            caught(|| remove_nulling_relids(expression, mark.look(), nowhere.look()))
        })
    }

    /// The expression of a result below the grouping: before PostgreSQL 18 the same as above.
    #[cfg(not(feature = "pg18"))]
    pub fn below_grouping(self, expression: NodeRef<'q>) -> NodeRef<'q> {
        expression
    }
}

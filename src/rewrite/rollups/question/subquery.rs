//! Shapes of subqueries that have plans of their own: those that PostgreSQL runs for a row, and those in which it looks a row up.

use super::shapes::Shapes;
use crate::pg::nodes::tree::NodeRef;
use crate::pg::server::lookup::check_depth;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::pg_sys::{NodeTag, SubPlan};

impl<'t> Shapes<'t> {
    /// A subquery that depends on the row by its arguments, and by what its rows are compared with.
    pub fn subquery(&mut self, plan: NodeRef<'t, SubPlan>) -> Understood<Shape> {
        if self.planner.has_volatile_subplans() {
            return Err(Reason::Volatile);
        }
        let mut shape = self.all(plan.list(|plan| &plan.args))?;
        if let Some(test) = plan.node(|plan| &plan.testexpr) {
            shape = shape.and(self.compared(test)?);
        }
        if shape.depends_on_time() {
            self.only_compares = false;
        }
        Ok(shape)
    }

    /// A comparison with the rows of a subquery. The parameters that stand for these have values only while PostgreSQL evaluates the
    /// whole, so that what cuts time must be free of parameters.
    fn compared(&mut self, node: NodeRef<'t>) -> Understood<Shape> {
        check_depth();
        if !node.has_columns() {
            return Ok(Shape::FREE);
        }
        if !node.contains(NodeTag::T_Param) {
            return self.stepped(node);
        }
        let mut shape = Shape::FREE;
        node.try_children(|child| self.compared(child).map(|below| shape = shape.and(below)))?;
        Ok(shape)
    }
}

//! The input of a node as PostgreSQL initialises it: expressions, comparisons and slots, which live as long as the
//! query.

use super::definition::FrameDefinition;
use crate::pg::alike::Alike;
use crate::pg::executor::{CreateExprContext, ExecInitExpr};
use crate::pg::tree::NodeRef;
use pgrx::pg_sys::{ExprContext, Node, PlanState, WindowAgg};
use std::ptr::null_mut;

/// The input of a node.
#[derive(Clone, Copy)]
pub struct Input {
    /// The node itself.
    pub node: *mut PlanState,
    /// The node that returns the rows.
    pub rows: *mut PlanState,
    /// The context in which expressions are evaluated for each row that is read.
    pub context: *mut ExprContext,
    pub definition: FrameDefinition,
    /// Whether rows may enter the frame later than they are read.
    pub delayed: bool,
    /// The comparison by partition; None if all rows are in one.
    pub partition: Option<Alike>,
    /// The comparison by order; None if all rows are peers.
    pub peers: Option<Alike>,
}

impl Input {
    /// Initialises the expressions of a node.
    ///
    /// # Safety
    /// The node was made of the WindowAgg and is being initialised, after its input; the contract of `pg::plain`.
    pub unsafe fn of(node: *mut PlanState, window: NodeRef<'static, WindowAgg>) -> Input {
        // SAFETY: the plan holds the WindowAgg, whose expressions and columns refer to the node's input.
        unsafe {
            let expression = |offset: *mut Node| match offset.is_null() {
                true => null_mut(),
                false => ExecInitExpr(offset.cast(), node),
            };
            let definition = FrameDefinition {
                window,
                options: window.frameOptions as u32,
                start_offset: expression(window.startOffset),
                end_offset: expression(window.endOffset),
            };
            let delayed = definition.is_delayed();
            if delayed {
                // Arguments are evaluated on rows as the store returns them, not as the input does.
                (*node).outeropsset = true;
                (*node).outeropsfixed = false;
            }
            let WindowAgg { partNumCols, partColIdx, partOperators, partCollations, .. } = *window;
            let WindowAgg { ordNumCols, ordColIdx, ordOperators, ordCollations, .. } = *window;
            Input {
                node,
                rows: (*node).lefttree,
                context: CreateExprContext((*node).state),
                definition,
                delayed,
                partition: Alike::new(node, partNumCols, partColIdx, partOperators, partCollations),
                peers: Alike::new(node, ordNumCols, ordColIdx, ordOperators, ordCollations),
            }
        }
    }
}

//! Output of EXPLAIN for a node.

use super::list::items;
use super::name::c_string;
use super::tree::{Linked, NodeRef};
use pgrx::pg_sys::{
    self, CustomScan, CustomScanState, ExplainState, List, NodeTag, Plan, RelabelType, TargetEntry,
};
use pgrx::PgBox;
use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr::null;

/// A running EXPLAIN, as far as it is about one node.
#[derive(Clone, Copy)]
pub struct Explanation<'e> {
    state: *mut ExplainState,
    plan: *mut Plan,
    ancestors: *mut List,
    running: PhantomData<&'e ()>,
}

/// The context in which the expressions of a plan are shown.
#[derive(Clone, Copy)]
pub struct Shown<'e> {
    context: *mut List,
    is_prefixed: bool,
    running: PhantomData<&'e ()>,
}

impl<'e> Explanation<'e> {
    /// The EXPLAIN of a node.
    ///
    /// # Safety
    /// PostgreSQL asks the node to explain itself with these arguments, which live for `'e`.
    pub unsafe fn new(
        node: *mut CustomScanState,
        ancestors: *mut List,
        state: *mut ExplainState,
    ) -> Explanation<'e> {
        // SAFETY: the caller's node has a plan.
        let plan = unsafe { (*node).ss.ps.plan };
        Explanation { state, plan, ancestors, running: PhantomData }
    }

    /// Whether the query has run.
    pub fn is_analysed(self) -> bool {
        // SAFETY: whoever made this promises the state of an EXPLAIN that runs.
        unsafe { (*self.state).analyze }
    }

    /// Shows a text.
    pub fn text(self, label: &CStr, text: &str) {
        let text = c_string(text);
        // SAFETY: whoever made this promises the state of an EXPLAIN that runs; PostgreSQL copies the texts.
        unsafe { pg_sys::ExplainPropertyText(label.as_ptr(), text.as_ptr(), self.state) }
    }

    /// Shows a number.
    pub fn number(self, label: &CStr, unit: Option<&CStr>, number: i64) {
        let unit = unit.map_or(null(), CStr::as_ptr);
        // SAFETY: whoever made this promises the state of an EXPLAIN that runs; PostgreSQL copies the texts.
        unsafe { pg_sys::ExplainPropertyInteger(label.as_ptr(), unit, number, self.state) }
    }

    /// The context of the node's own plan, where columns are not shown with their tables.
    pub fn shown(self) -> Shown<'e> {
        // SAFETY: whoever made this promises the node's plan.
        unsafe { self.shown_as(self.plan, false) }
    }

    /// The context of the node's plan, whose own columns may be relabelled, which is not shown; columns are shown with their tables if
    /// `is_prefixed`.
    pub fn shown_unrelabelled(self, plan: NodeRef<CustomScan>, is_prefixed: bool) -> Shown<'e> {
        // SAFETY: the copy has the same parts as the node, but for the list of columns, which is a copy too; both are in the current
        // memory context.
        unsafe {
            let copy = PgBox::<CustomScan>::alloc().into_pg();
            copy.copy_from_nonoverlapping(plan.pointer(), 1);
            let columns = pg_sys::copyObjectImpl((*copy).custom_scan_tlist.cast()).cast::<List>();
            for column in items::<TargetEntry>(columns) {
                let expression = (*column).expr.cast::<RelabelType>();
                if !expression.is_null() && (*expression).xpr.type_ == NodeTag::T_RelabelType {
                    (*column).expr = (*expression).arg;
                }
            }
            (*copy).custom_scan_tlist = columns;
            self.shown_as(copy.cast(), is_prefixed)
        }
    }

    /// The context of a plan like the node's own.
    ///
    /// # Safety
    /// The plan lives for `'e`.
    unsafe fn shown_as(self, plan: *mut Plan, is_prefixed: bool) -> Shown<'e> {
        // SAFETY: whoever made this promises the state of EXPLAIN, and the caller a plan.
        let context =
            unsafe { pg_sys::set_deparse_context_plan((*self.state).deparse_cxt, plan, self.ancestors) };
        Shown { context, is_prefixed, running: PhantomData }
    }
}

impl Shown<'_> {
    /// An expression of the plan, as SQL; PostgreSQL raises an error for any other.
    pub fn text<T: Linked>(self, expression: NodeRef<T>) -> String {
        let node = expression.untyped().pointer();
        // SAFETY: the context is that of a running EXPLAIN; PostgreSQL returns a C string.
        unsafe {
            let text = pg_sys::deparse_expression(node, self.context, self.is_prefixed, false);
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    }
}

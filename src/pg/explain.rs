//! Output of EXPLAIN for a node.

use super::name::c_string;
use super::tree::{Linked, NodeRef};
use pgrx::pg_sys::{self, CustomScanState, ExplainState, List, Plan};
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

    /// The context of a plan instead of the node's own; columns are shown with their tables if `is_prefixed`.
    ///
    /// # Safety
    /// A plan like the node's own, which lives for `'e`.
    pub unsafe fn shown_as(self, plan: *mut Plan, is_prefixed: bool) -> Shown<'e> {
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

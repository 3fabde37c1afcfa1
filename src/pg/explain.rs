//! Output of EXPLAIN for a node.

use super::made::Made;
use super::name::c_string;
use super::replacing::replaced_within;
use super::tree::{Linked, NodeRef};
use pgrx::pg_sys::{
    self, CustomScan, CustomScanState, ExplainState, List, Node, Plan, RelabelType, TargetEntry, Var,
};
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

    /// The context of the node's plan. Columns are shown with their tables if `is_prefixed`.
    pub fn shown(self, is_prefixed: bool) -> Shown<'e> {
        // SAFETY: whoever made this promises the state of EXPLAIN and the node's plan.
        let context =
            unsafe { pg_sys::set_deparse_context_plan((*self.state).deparse_cxt, self.plan, self.ancestors) };
        Shown { context, is_prefixed, running: PhantomData }
    }
}

impl Shown<'_> {
    /// An expression of a scan, as SQL, in which those columns of the scan that are relabelled are shown without that.
    pub fn unrelabelled(self, expression: NodeRef, scan: NodeRef<CustomScan>) -> String {
        let columns = scan.list(|scan| &scan.custom_scan_tlist);
        let shown = replaced_within::<Var>(expression, &mut |column| {
            let place = usize::try_from(column.varattno).ok()?.checked_sub(1)?;
            let target = columns.iter().nth(place).filter(|_| column.varno == pg_sys::INDEX_VAR)?;
            let relabelled =
                target.cast::<TargetEntry>()?.node(|target| &target.expr)?.cast::<RelabelType>()?;
            relabelled.node(|relabelled| &relabelled.arg).map(Made::already)
        });
        self.deparsed(shown)
    }

    /// An expression of the plan, as SQL; PostgreSQL raises an error for any other.
    pub fn text<T: Linked>(self, expression: NodeRef<T>) -> String {
        self.deparsed(expression.untyped().pointer())
    }

    fn deparsed(self, node: *mut Node) -> String {
        // SAFETY: the context is that of a running EXPLAIN; PostgreSQL returns a C string.
        unsafe {
            let text = pg_sys::deparse_expression(node, self.context, self.is_prefixed, false);
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    }
}

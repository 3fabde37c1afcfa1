//! Output of EXPLAIN for a node.

use crate::pg::nodes::made::Made;
use crate::pg::nodes::replacing::replaced_within;
use crate::pg::nodes::tree::{Linked, NodeRef};
use crate::pg::server::ctext::{CText, MadeText};
use crate::pg::server::lookup::caught;
use crate::pg::server::name::c_string;
use pgrx::pg_sys::{self, CustomScan, ExplainState, List, Plan, RelabelType, TargetEntry, Var};
use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// A running EXPLAIN. A pointer that is not null, as C sees it.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Running<'e> {
    state: NonNull<ExplainState>,
    running: PhantomData<&'e ()>,
}

/// The names of tables in the output of EXPLAIN. A list, as C sees it.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Names<'e> {
    list: *mut List,
    running: PhantomData<&'e ()>,
}

// PostgreSQL defines these functions with these arguments. They copy texts, and raise errors for what is no expression of the plan
// to which the names belong.
unsafe extern "C-unwind" {
    safe fn ExplainPropertyText(label: CText, text: CText, state: Running);
    safe fn ExplainPropertyInteger(label: CText, unit: Option<CText>, number: i64, state: Running);
    safe fn set_deparse_context_plan<'e>(
        names: Names<'e>,
        plan: NodeRef<Plan>,
        ancestors: Names,
    ) -> Names<'e>;
    safe fn deparse_expression(node: NodeRef, names: Names, is_prefixed: bool, shows_casts: bool)
        -> MadeText;
}

/// A running EXPLAIN, as far as it is about one node.
#[derive(Clone, Copy)]
pub struct Explanation<'e> {
    state: Running<'e>,
    is_analysed: bool,
    names: Names<'e>,
    plan: NodeRef<'e, Plan>,
    ancestors: Names<'e>,
}

/// The context in which the expressions of a plan are shown.
#[derive(Clone, Copy)]
pub struct Shown<'e> {
    names: Names<'e>,
    is_prefixed: bool,
}

impl<'e> Explanation<'e> {
    /// The EXPLAIN of a node, of this plan.
    ///
    /// # Safety
    /// PostgreSQL asks the node to explain itself with these arguments, which live for `'e`.
    pub unsafe fn new(
        plan: NodeRef<'e, CustomScan>,
        ancestors: *mut List,
        state: *mut ExplainState,
    ) -> Explanation<'e> {
        let running = PhantomData;
        // SAFETY: the caller's state. A plan of ours begins with the structure of all.
        unsafe {
            Explanation {
                state: Running { state: NonNull::new_unchecked(state), running },
                is_analysed: (*state).analyze,
                names: Names { list: (*state).deparse_cxt, running },
                plan: plan.untyped().assumed(),
                ancestors: Names { list: ancestors, running },
            }
        }
    }

    /// Whether the query has run.
    pub fn is_analysed(self) -> bool {
        self.is_analysed
    }

    /// Shows a text.
    pub fn text(self, label: &CStr, text: &str) {
        let text = c_string(text);
        let (label, text) = (CText::from(label), CText::from(text.as_c_str()));
        caught(|| ExplainPropertyText(label, text, self.state));
    }

    /// Shows a number.
    pub fn number(self, label: &CStr, unit: Option<&CStr>, number: i64) {
        let (label, unit) = (CText::from(label), unit.map(CText::from));
        caught(|| ExplainPropertyInteger(label, unit, number, self.state));
    }

    /// The context of the node's plan. Columns are shown with their tables if `is_prefixed`.
    pub fn shown(self, is_prefixed: bool) -> Shown<'e> {
        let names = caught(|| set_deparse_context_plan(self.names, self.plan, self.ancestors));
        Shown { names, is_prefixed }
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
            let inner = relabelled.node(|relabelled| &relabelled.arg)?;
            // With another collation it is another key.
            match inner.collation() == relabelled.resultcollid {
                true => Some(Made::already(inner)),
                false => Some(Made::collated(inner, relabelled.resultcollid)),
            }
        });
        self.text(shown.node())
    }

    /// An expression of the plan, as SQL; PostgreSQL raises an error for any other.
    pub fn text<T: Linked>(self, expression: NodeRef<T>) -> String {
        let node = expression.untyped();
        caught(|| deparse_expression(node, self.names, self.is_prefixed, false)).text().unwrap_or_default()
    }
}

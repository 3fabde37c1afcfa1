//! The executor node: decides who answers, and hands out the groups.

pub mod cost;
mod dimensions;
mod explain;
mod joins;
mod lay_out;
mod layout;
mod lists;
mod ordinary;
pub mod path;
mod prepare;
mod range;

use crate::pg::execution::custom::{add_below, kept, plan_of, state, Calls, CustomNode};
use crate::pg::execution::executor::{evaluate, fill, holds, next_row, project, MemoryContextReset};
use crate::pg::execution::explain::Explanation;
use crate::pg::memory::region::Region;
use crate::pg::nodes::tree::NodeRef;
use crate::pg::server::plain::guarded;
use crate::rewrite::rollups::answer::prepared::Prepared;
use crate::rewrite::rollups::answer::Answer;
use crate::rewrite::rollups::terms::reason::Reason;
use layout::PlanLayout;
use pgrx::pg_sys::{self, CustomScan, CustomScanState, EState, Plan, PlanState, TupleTableSlot};
use prepare::prepare;
use std::ffi::CStr;
use std::ptr::null_mut;

/// The node's own state.
pub struct Rollup {
    prepared: Prepared,
    /// The tree's answer, or the reason why the table answers; None until that is decided.
    answer: Option<Result<Answer, Reason>>,
    /// The group to come.
    next: usize,
    /// The memory of the answer, which is reset when it is forgotten.
    memory: Region,
    /// The flags with which the node was initialised.
    flags: i32,
    /// The state of the ordinary plan; null until it is needed.
    ordinary: *mut PlanState,
}

impl CustomNode for Rollup {
    const NAME: &'static CStr = c"pg_tally power tree";
    const CALLS: Calls = Calls { begin, execute };

    fn explain(&mut self, plan: NodeRef<'static, CustomScan>, explanation: Explanation) {
        explain::question(plan, explanation);
        if explanation.is_analysed() {
            explain::answer(self.answer.as_ref(), explanation);
        }
    }

    /// Begins again with the first group, and forgets the answer if it would be another.
    fn restart(&mut self, is_changed: bool) {
        self.next = 0;
        if is_changed {
            self.end();
            self.empty();
        } else if let Some(Ok(answer)) = &self.answer {
            answer.rewind();
        }
    }

    /// Frees what the answer has on disk.
    fn end(&mut self) {
        self.answer.take().and_then(Result::ok).into_iter().for_each(Answer::end);
    }
}

// The functions from here to `impl Rollup` are plain frames by the contract of `pg::plain`.

/// Initialises the expressions, and for EXPLAIN the ordinary plan as well, which is otherwise left until it is needed.
unsafe extern "C-unwind" fn begin(node: *mut CustomScanState, estate: *mut EState, flags: i32) {
    // SAFETY: PostgreSQL passes what `create` made of a plan of ours, once, before anything else is asked of the node, which is not
    // used after the memory of its query has gone.
    unsafe {
        let count = guarded(|| PlanLayout::of(plan_of(node)).joined().count());
        for place in 0..count {
            let plan = guarded(|| PlanLayout::of(plan_of(node)).joined().nth(place));
            add_below(node, pointer(plan), flags);
        }
        guarded(|| {
            let query = Region::new((*estate).es_query_cxt);
            (*state(node)).own = kept(Rollup::of(prepare(node, query), query, flags), query);
        });
        // The output is our own slot or one of the ordinary plan's.
        let ps = &raw mut (*node).ss.ps;
        (*ps).resultopsset = true;
        (*ps).resultopsfixed = false;
        (*ps).resultops = &raw const pg_sys::TTSOpsVirtual;
        if flags & pg_sys::EXEC_FLAG_EXPLAIN_ONLY as i32 != 0 || (*estate).es_instrument != 0 {
            ordinary(node);
        }
    }
}

/// A plan for functions of PostgreSQL.
fn pointer(plan: Option<NodeRef>) -> *mut Plan {
    plan.map_or(null_mut(), |plan| plan.pointer().cast())
}

/// The state of the ordinary plan, initialised at the first call.
unsafe fn ordinary(node: *mut CustomScanState) -> *mut PlanState {
    // SAFETY: the caller's node has its own state since it was prepared.
    unsafe {
        let rollup = (*state::<Rollup>(node)).own;
        if (*rollup).ordinary.is_null() {
            let plan = guarded(|| PlanLayout::of(plan_of(node)).ordinary());
            (*rollup).ordinary = add_below(node, pointer(plan), (*rollup).flags);
        }
        (*rollup).ordinary
    }
}

/// Returns the next group.
unsafe extern "C-unwind" fn execute(node: *mut CustomScanState) -> *mut TupleTableSlot {
    // SAFETY: PostgreSQL passes what `begin` prepared, and nobody else uses it during the call.
    unsafe {
        let rollup = (*state::<Rollup>(node)).own;
        if (*rollup).answer.is_none() {
            guarded(|| (*rollup).decide());
        }
        if matches!((*rollup).answer, Some(Err(_))) {
            return next_row(ordinary(node)).unwrap_or(null_mut());
        }
        let ps = &raw mut (*node).ss.ps;
        let context = (*ps).ps_ExprContext;
        let memory = (*context).ecxt_per_tuple_memory;
        loop {
            MemoryContextReset(memory);
            if !guarded(|| (*rollup).show()) {
                return null_mut();
            }
            let scan = (*node).ss.ss_ScanTupleSlot;
            fill(scan);
            (*context).ecxt_scantuple = scan;
            if (*ps).qual.is_null() || holds(evaluate((*ps).qual, context, memory)) {
                return project(ps, scan);
            }
        }
    }
}

impl Rollup {
    /// The state of a node that has no answer yet, given its question and the memory of the query.
    fn of(prepared: Prepared, query: Region, flags: i32) -> Rollup {
        let memory = query.below(Rollup::NAME);
        Rollup { prepared, answer: None, next: 0, memory, flags, ordinary: null_mut() }
    }

    /// Decides who answers.
    fn decide(&mut self) {
        let answer = self.prepared.answer(self.memory);
        let is_refused = answer.is_err();
        self.answer = Some(answer);
        if is_refused {
            self.empty();
        }
    }

    /// Puts the next group into the row; false after the last.
    fn show(&mut self) -> bool {
        let Some(Ok(answer)) = &self.answer else { return false };
        let is_there = answer.show(&self.prepared, self.next);
        self.next += usize::from(is_there);
        is_there
    }

    /// Empties the memory of the answer, unless it is in use.
    fn empty(&mut self) {
        if !matches!(self.answer, Some(Ok(_))) {
            // SAFETY: only an answer refers to what is there.
            unsafe { self.memory.empty() }
        }
    }
}

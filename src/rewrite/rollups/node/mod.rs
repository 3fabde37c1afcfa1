//! The executor node: decides who answers, and hands out the groups.

mod cost;
mod dimensions;
mod explain;
mod joins;
pub mod path;
mod plan;

use crate::pg::custom::{own, set_own, Calls, CustomNode};
use crate::pg::executor::{fill, holds, next_row, project, reset, ExecEndNode, ExecInitNode, ExecReScan};
use crate::pg::explain::Explanation;
use crate::pg::function::require_execute;
use crate::pg::list::items;
use crate::pg::plain::guarded;
use crate::pg::tree::NodeRef;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::answer::ends::{EndValue, WantedEnds};
use crate::rewrite::rollups::answer::prepared::Prepared;
use crate::rewrite::rollups::answer::row::{Columns, Expression, PlaceRow};
use crate::rewrite::rollups::answer::sets::Sets;
use crate::rewrite::rollups::answer::wanting::Wanting;
use crate::rewrite::rollups::answer::Answer;
use crate::rewrite::rollups::terms::reason::Reason;
use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys::{
    self, CustomScan, CustomScanState, EState, MemoryContext, Oid, Plan, PlanState, TupleTableSlot,
};
use plan::{ExpressionList, PlanLayout};
use std::ffi::CStr;
use std::ptr::null_mut;
use std::rc::Rc;

/// The node's own state.
pub struct Rollup {
    prepared: Prepared,
    /// The tree's answer, or the reason why the table answers; None until that is decided.
    answer: Option<Result<Answer, Reason>>,
    /// The group to come.
    next: usize,
    /// The memory of the answer, which is reset when it is forgotten.
    memory: MemoryContext,
    /// The flags with which the node was initialised.
    flags: i32,
    /// The state of the ordinary plan; null until it is needed.
    ordinary: *mut PlanState,
}

impl CustomNode for Rollup {
    const NAME: &'static CStr = c"pg_tally power tree";
    const CALLS: Calls = Calls { begin: begin_scan, execute, end: end_scan, rescan };

    fn explain(&mut self, plan: NodeRef<'static, CustomScan>, explanation: Explanation) {
        explain::question(plan, explanation);
        if explanation.is_analysed() {
            explain::answer(self.answer.as_ref(), explanation);
        }
    }
}

// The functions from here to `impl Rollup` are plain frames by the contract of `pg::plain`.

/// Initialises the expressions, and for EXPLAIN the ordinary plan as well, which is otherwise left until it is needed.
unsafe extern "C-unwind" fn begin_scan(node: *mut CustomScanState, estate: *mut EState, flags: i32) {
    // SAFETY: PostgreSQL passes what `create` made, once, before anything else is asked of the node.
    unsafe {
        let count = guarded(|| PlanLayout::of((*node).ss.ps.plan.cast()).joined().count());
        for place in 0..count {
            let plan = guarded(|| PlanLayout::of((*node).ss.ps.plan.cast()).joined().nth(place));
            add_below(node, plan.unwrap_or(null_mut()), flags);
        }
        let rollup = guarded(|| prepare(node, (*estate).es_query_cxt, flags));
        set_own(node, rollup);
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

/// Prepares a question of the plan.
unsafe fn prepare(node: *mut CustomScanState, query: MemoryContext, flags: i32) -> *mut Rollup {
    // SAFETY: the caller's node, whose plan is one of ours.
    unsafe {
        let ps = &raw mut (*node).ss.ps;
        let layout = PlanLayout::of((*ps).plan.cast());
        let expressions = |which| layout.expressions(which).map(|node| Expression::of(node, ps));
        let conditions = || expressions(ExpressionList::Conditions).zip(layout.conditions());
        let columns = (*(*(*node).ss.ss_ScanTupleSlot).tts_tupleDescriptor).natts as usize;
        layout.aggregates().for_each(|(aggregate, ..)| require_execute((*aggregate).aggfnoid));
        let functions = layout.ends().into_iter().map(|(.., function)| function);
        functions.filter(|&function| function != Oid::INVALID).for_each(require_execute);
        let tree = Tree::usable(layout.tree());
        let operands = layout.operands();
        let aggregates: Option<Vec<Wanting>> = layout
            .aggregates()
            .map(|(aggregate, argument, filter)| {
                Wanting::of(
                    NodeRef::new(aggregate.cast())?.cast()?,
                    tree.as_deref()?,
                    &operands,
                    argument,
                    filter,
                )
            })
            .collect();
        let results = columns - layout.aggregates().count() + 1;
        let (sets, calls) = (layout.sets(), layout.calls());
        let num_keys = layout.keys().count();
        let sets = Sets { first: results - calls.len() - num_keys, num_keys, all: sets, calls };
        let prepared = Prepared {
            // Without its columns the tree is as good as gone.
            tree: if aggregates.is_some() { layout.tree() } else { 0 },
            user: layout.user(),
            row: PlaceRow::of(ps, (*node).ss.ss_ScanTupleSlot),
            columns: Rc::new(Columns::of(layout.columns())),
            dimensions: dimensions::prepare(layout, ps, items::<PlanState>((*node).custom_ps), query),
            conditions: conditions().filter_map(|(condition, shape)| Some((condition, shape?))).collect(),
            ranges: conditions()
                .filter(|(_, shape)| shape.is_none())
                .map(|(condition, _)| condition)
                .collect(),
            comparisons: expressions(ExpressionList::Comparisons).collect(),
            carriers: expressions(ExpressionList::Carriers).collect(),
            zones: expressions(ExpressionList::Zones).collect(),
            in_session_zone: layout.is_in_session_zone(),
            days: layout.days().collect(),
            is_open: layout.is_open(),
            narrows: layout.narrows(),
            lookups: expressions(ExpressionList::Lookups).zip(layout.lookups()).collect(),
            keys: expressions(ExpressionList::Keys)
                .zip(layout.keys())
                .map(|(key, (shape, equality, collation))| (key, shape, equality, collation))
                .collect(),
            sets,
            filters: expressions(ExpressionList::Filters).zip(layout.filters()).collect(),
            operands,
            arguments: expressions(ExpressionList::Arguments).zip(layout.arguments()).collect(),
            aggregates: aggregates.unwrap_or_default(),
            ends: WantedEnds {
                values: expressions(ExpressionList::Ends)
                    .zip(layout.ends())
                    .map(|(expression, (end, column, ties, _))| EndValue { end, expression, column, ties })
                    .collect(),
                columns: layout.end_columns(),
            },
            first_result: results,
        };
        let memory = pg_sys::AllocSetContextCreateInternal(
            query,
            Rollup::NAME.as_ptr(),
            pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
            pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
            pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
        );
        let ordinary = null_mut();
        let rollup = Rollup { prepared, answer: None, next: 0, memory, flags, ordinary };
        PgMemoryContexts::For(query).leak_and_drop_on_delete(rollup)
    }
}

/// The state of the ordinary plan, initialised at the first call.
unsafe fn ordinary(node: *mut CustomScanState) -> *mut PlanState {
    // SAFETY: the caller's node has its own state since it was prepared.
    unsafe {
        let rollup = own::<Rollup>(node);
        if (*rollup).ordinary.is_null() {
            let plan = guarded(|| PlanLayout::of((*node).ss.ps.plan.cast()).ordinary());
            (*rollup).ordinary = add_below(node, plan, (*rollup).flags);
        }
        (*rollup).ordinary
    }
}

/// Initialises a plan, and keeps its state among those below the node.
unsafe fn add_below(node: *mut CustomScanState, plan: *mut Plan, flags: i32) -> *mut PlanState {
    // SAFETY: the caller's node, and a plan below its own.
    unsafe {
        let estate = (*node).ss.ps.state;
        let before = pg_sys::CurrentMemoryContext;
        pg_sys::CurrentMemoryContext = (*estate).es_query_cxt;
        let state = ExecInitNode(plan, estate, flags);
        (*node).custom_ps = guarded(|| pg_sys::lappend((*node).custom_ps, state.cast()));
        pg_sys::CurrentMemoryContext = before;
        state
    }
}

/// The state at a place among those below the node; null after the last.
unsafe fn below(node: *mut CustomScanState, place: usize) -> *mut PlanState {
    // SAFETY: the caller's node, whose list has as many members as it says.
    unsafe {
        match (*node).custom_ps.as_ref() {
            Some(list) if place < list.length as usize => (*list.elements.add(place)).ptr_value.cast(),
            _ => null_mut(),
        }
    }
}

/// Returns the next group.
unsafe extern "C-unwind" fn execute(node: *mut CustomScanState) -> *mut TupleTableSlot {
    // SAFETY: PostgreSQL passes what `begin_scan` prepared, and nobody else uses it during the call.
    unsafe {
        let rollup = own::<Rollup>(node);
        let is_from_tree = guarded(|| (*rollup).decide());
        if !is_from_tree {
            return next_row(ordinary(node)).unwrap_or(null_mut());
        }
        let ps = &raw mut (*node).ss.ps;
        let context = (*ps).ps_ExprContext;
        loop {
            reset(context);
            if !guarded(|| (*rollup).show()) {
                return null_mut();
            }
            let scan = (*node).ss.ss_ScanTupleSlot;
            fill(scan);
            (*context).ecxt_scantuple = scan;
            if (*ps).qual.is_null() || holds((*ps).qual, context) {
                return project(ps, scan);
            }
        }
    }
}

/// Ends the plans below and the answer; what else the node holds is dropped with its memory context.
unsafe extern "C-unwind" fn end_scan(node: *mut CustomScanState) {
    // SAFETY: PostgreSQL passes what `begin_scan` prepared, and does not use it afterwards.
    unsafe {
        let rollup = own::<Rollup>(node);
        guarded(|| (*rollup).end());
        let mut place = 0;
        while !below(node, place).is_null() {
            ExecEndNode(below(node, place));
            place += 1;
        }
    }
}

/// Begins again with the first group; with another answer if a parameter has changed.
unsafe extern "C-unwind" fn rescan(node: *mut CustomScanState) {
    // SAFETY: PostgreSQL passes what `begin_scan` prepared, between two rows.
    unsafe {
        let rollup = own::<Rollup>(node);
        let changed = (*node).ss.ps.chgParam;
        guarded(|| (*rollup).restart(!changed.is_null()));
        let mut place = 0;
        while !below(node, place).is_null() {
            let state = below(node, place);
            if !changed.is_null() {
                guarded(|| pg_sys::UpdateChangedParamSet(state, changed));
            }
            if (*state).chgParam.is_null() {
                ExecReScan(state);
            }
            place += 1;
        }
    }
}

impl Rollup {
    /// Decides who answers, at the first call; returns whether it is the tree.
    fn decide(&mut self) -> bool {
        if self.answer.is_none() {
            let answer = self.prepared.answer(self.memory);
            if answer.is_err() {
                // SAFETY: nothing refers to what was gathered for the answer.
                unsafe { pg_sys::MemoryContextReset(self.memory) }
            }
            self.answer = Some(answer);
        }
        matches!(self.answer, Some(Ok(_)))
    }

    /// Puts the next group into the row; false after the last.
    fn show(&mut self) -> bool {
        let Some(Ok(answer)) = &self.answer else { return false };
        let is_there = answer.show(&self.prepared, self.next);
        self.next += usize::from(is_there);
        is_there
    }

    /// Begins again with the first group, and forgets the answer if it would be another.
    fn restart(&mut self, forget: bool) {
        self.next = 0;
        if forget {
            self.end();
            // SAFETY: what the answer had there is not used any more.
            unsafe { pg_sys::MemoryContextReset(self.memory) }
        } else if let Some(Ok(answer)) = &self.answer {
            answer.rewind();
        }
    }

    /// Frees what the answer has on disk.
    fn end(&mut self) {
        self.answer.take().and_then(Result::ok).into_iter().for_each(Answer::end);
    }
}

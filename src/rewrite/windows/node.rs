//! The executor node that takes the place of a WindowAgg: it reads each row once and computes the statistics of its
//! frame.

use super::argument::Argument;
use super::explain;
use super::frame::Frame;
use super::input::Input;
use super::rows::Rows;
use super::scan::{definition, functions};
use super::statistic::Statistic;
use crate::pg::copies::Copies;
use crate::pg::custom::{own, set_own, Calls, CustomNode};
use crate::pg::error::defect;
use crate::pg::executor::{
    aclcheck_error, clear, fill, in_memory_of, project, reset, ExecEndNode, ExecInitNode, ExecReScan,
};
use crate::pg::function::may_execute;
use crate::pg::plain::{guarded, plain};
use crate::pg::tree::NodeRef;
use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_guard;
use pgrx::pg_sys::{self, CustomScan, CustomScanState, Datum, EState, ExplainState, List, TupleTableSlot};
use std::ffi::CStr;

pub struct Window {
    rows: Rows,
    /// The frame; None until its offsets are evaluated.
    frame: Option<Frame>,
    results: Vec<ResultColumn>,
    /// The current row, counted within its partition.
    current: i64,
    /// The first row of the frame, which ends with the last row that has entered.
    left: i64,
}

/// A statistic of one of the arguments.
struct ResultColumn {
    statistic: Statistic,
    argument: usize,
    is_real: bool,
}

impl CustomNode for Window {
    const NAME: &'static CStr = c"pg_tally moving window";
    const CALLS: Calls = Calls { begin: begin_scan, execute, end: end_scan, rescan, explain };
}

// The functions from here to `explain` are plain frames, as `pg::plain` defines them.

/// Initialises the input and the state, as PostgreSQL's own nodes do.
unsafe extern "C-unwind" fn begin_scan(node: *mut CustomScanState, estate: *mut EState, flags: i32) {
    // SAFETY: PostgreSQL passes what `create` made, once, before any other call for the node.
    unsafe {
        let ps = &raw mut (*node).ss.ps;
        let (scan, definition) = guarded(|| {
            let planned = plan_of(node).and_then(|scan| Some((scan, definition(scan)?)));
            planned.unwrap_or_else(|| defect("a plan without its window"))
        });
        for (function, _) in plain(functions(scan)) {
            check_right(function.winfnoid);
        }
        (*ps).lefttree = ExecInitNode(scan.scan.plan.lefttree, estate, flags);
        let input = plain(Input::of(ps, definition));
        let window = guarded(|| Window::new(input, (*estate).es_query_cxt));
        set_own(node, window);
        for (function, statistic) in plain(functions(scan)) {
            let argument = match statistic {
                Statistic::Rows => 0,
                _ => (*window).rows.argument(function, statistic),
            };
            let is_real = function.wintype == pg_sys::FLOAT4OID;
            guarded(|| (*window).results.push(ResultColumn { statistic, argument, is_real }));
        }
    }
}

/// The plan of a node.
///
/// # Safety
/// A node that PostgreSQL has made of its plan, which outlives it.
unsafe fn plan_of(node: *mut CustomScanState) -> Option<NodeRef<'static, CustomScan>> {
    // SAFETY: the caller's node belongs to a plan that outlives it.
    unsafe { NodeRef::new((*node).ss.ps.plan.cast()) }?.cast()
}

/// Checks that the user may execute the function they called.
unsafe fn check_right(function: pg_sys::Oid) {
    // SAFETY: only `begin_scan` calls this, a plain frame; PostgreSQL looks the name up.
    unsafe {
        let (result, name) = guarded(|| {
            let result = may_execute(function);
            let is_right = result == pg_sys::AclResult::ACLCHECK_OK;
            (result, if is_right { std::ptr::null_mut() } else { pg_sys::get_func_name(function) })
        });
        if result != pg_sys::AclResult::ACLCHECK_OK {
            aclcheck_error(result, pg_sys::ObjectType::OBJECT_FUNCTION, name);
        }
        let hook = pg_sys::object_access_hook;
        if hook.is_some() {
            guarded(|| pg_sys::RunFunctionExecuteHook(function));
        }
    }
}

/// Returns the next row.
unsafe extern "C-unwind" fn execute(node: *mut CustomScanState) -> *mut TupleTableSlot {
    // SAFETY: PostgreSQL passes what `begin_scan` prepared, and nobody else uses it during the call.
    unsafe { (*own::<Window>(node)).next(node) }
}

/// Ends the input; what the window holds is dropped with its memory context.
unsafe extern "C-unwind" fn end_scan(node: *mut CustomScanState) {
    // SAFETY: PostgreSQL passes what `begin_scan` prepared, and does not use it afterwards.
    unsafe {
        (*own::<Window>(node)).restart();
        ExecEndNode((*node).ss.ps.lefttree);
    }
}

/// Begins again with the first row.
unsafe extern "C-unwind" fn rescan(node: *mut CustomScanState) {
    // SAFETY: PostgreSQL passes what `begin_scan` prepared, between two rows.
    unsafe {
        (*own::<Window>(node)).restart();
        let input = (*node).ss.ps.lefttree;
        if (*input).chgParam.is_null() {
            ExecReScan(input);
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn explain(node: *mut CustomScanState, ancestors: *mut List, es: *mut ExplainState) {
    // SAFETY: PostgreSQL passes what `begin_scan` prepared, and the state of EXPLAIN.
    unsafe {
        if let Some(definition) = plan_of(node).and_then(definition) {
            explain::frame(definition, (*node).ss.ps.plan, ancestors, es);
        }
        if (*es).analyze {
            explain::extent((*own::<Window>(node)).rows.extent(), es);
        }
    }
}

impl Window {
    /// A window without any rows, which is dropped with the context of its copies, below that of the query.
    ///
    /// # Safety
    /// The input belongs to a node that is being initialised, and the context to its query.
    unsafe fn new(input: Input, query: pg_sys::MemoryContext) -> *mut Window {
        // SAFETY: the caller's context belongs to the query; deleting it deletes the one below it.
        let copies = unsafe { Copies::new(query) };
        let rows = Rows::new(input, copies);
        let empty = Window { rows, frame: None, results: Vec::new(), current: 0, left: 0 };
        // Dropped before the copies, which it refers to, are freed.
        PgMemoryContexts::For(copies.context()).leak_and_drop_on_delete(empty)
    }

    /// Returns the next row of the output; a null pointer after the last.
    ///
    /// # Safety
    /// The window belongs to the node, which is running; the contract of `pg::plain`.
    unsafe fn next(&mut self, node: *mut CustomScanState) -> *mut TupleTableSlot {
        // SAFETY: slots and contexts belong to the node.
        unsafe {
            let ps = &raw mut (*node).ss.ps;
            let context = (*ps).ps_ExprContext;
            reset(context);
            if self.frame.is_none() {
                let frame = plain(Frame::new(self.rows.definition(), context));
                self.rows.begin_query(frame.looks_ahead());
                self.frame = Some(frame);
            }
            while self.current == self.rows.count() && !self.rows.read() {
                if self.rows.are_exhausted() {
                    return std::ptr::null_mut();
                }
                self.next_partition();
            }
            self.slide();
            let scan = (*node).ss.ss_ScanTupleSlot;
            in_memory_of(context, || self.report(scan));
            (*context).ecxt_scantuple = scan;
            (*context).ecxt_outertuple = self.rows.take_current_row();
            self.current += 1;
            project(ps, scan)
        }
    }

    /// Moves the frame to the current row's.
    ///
    /// # Safety
    /// The window belongs to a running node; the contract of `pg::plain`.
    unsafe fn slide(&mut self) {
        let (Some(frame), rows) = (&mut self.frame, &mut self.rows) else { return };
        // SAFETY: the caller promises a running node; the current row has been read.
        unsafe {
            let tail = frame.tail(self.current, rows).max(rows.entered());
            let head = frame.head(self.current, rows).clamp(self.left, tail);
            let leaving = head.min(rows.entered()) - self.left;
            guarded(|| {
                rows.leave(leaving);
                frame.forget(self.current, rows);
            });
            rows.enter_all(head, tail);
            self.left = head;
        }
    }

    /// Puts the statistics of the frame into the slot.
    ///
    /// # Safety
    /// The slot belongs to the node, and has a column for each result; the contract of `pg::plain`.
    unsafe fn report(&mut self, slot: *mut TupleTableSlot) {
        let frame_rows = self.rows.entered() - self.left;
        // SAFETY: the caller promises the node's own slot, with a column for each result.
        unsafe {
            clear(slot);
            guarded(|| {
                let arguments = self.rows.arguments();
                arguments.iter_mut().for_each(Argument::prepare_report);
                for (index, wanted) in self.results.iter().enumerate() {
                    let value = match wanted.statistic {
                        Statistic::Rows => Some(Datum::from(frame_rows)),
                        statistic => arguments[wanted.argument].report(statistic, wanted.is_real),
                    };
                    *(*slot).tts_isnull.add(index) = value.is_none();
                    *(*slot).tts_values.add(index) = value.unwrap_or(Datum::null());
                }
            });
            fill(slot);
        }
    }

    /// Begins the next partition.
    ///
    /// # Safety
    /// The rows before have been output; the contract of `pg::plain`.
    unsafe fn next_partition(&mut self) {
        // SAFETY: the caller promises that no row of the partition is in use.
        unsafe { self.rows.next_partition() };
        if let Some(frame) = &mut self.frame {
            frame.next_partition();
        }
        (self.current, self.left) = (0, 0);
    }

    /// Forgets everything that was read.
    ///
    /// # Safety
    /// The node will be read from its beginning, or not at all; the contract of `pg::plain`.
    unsafe fn restart(&mut self) {
        self.frame = None;
        // SAFETY: the caller promises what `Rows::restart` asks.
        unsafe { self.rows.restart() };
        (self.current, self.left) = (0, 0);
    }
}

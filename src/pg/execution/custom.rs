//! Nodes of our own: the tables of functions by which PostgreSQL calls them.

use super::executor::{in_memory, ExecEndNode, ExecInitNode, ExecReScan};
use super::explain::Explanation;
use crate::pg::memory::region::Region;
use crate::pg::nodes::list::items;
use crate::pg::nodes::tree::NodeRef;
use crate::pg::server::error::defect;
use crate::pg::server::lookup::caught;
use crate::pg::server::plain::guarded;
use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys::{
    self, CustomExecMethods, CustomPath, CustomPathMethods, CustomScan, CustomScanMethods, CustomScanState,
    EState, ExplainState, List, Node, NodeTag, ParamExecData, Plan, PlanState, PlannerInfo, RelOptInfo,
    SubPlanState, TupleTableSlot,
};
use std::ffi::CStr;

// PostgreSQL defines this function with this argument, which it keeps: the table lives as long as the library, which is never
// unloaded.
unsafe extern "C-unwind" {
    safe fn RegisterCustomScanMethods(methods: &'static CustomScanMethods);
}

/// A table of functions, which is static and never changes.
pub struct Methods<T>(T);

// SAFETY: the pointers in these tables refer to constants and to functions.
unsafe impl<T> Sync for Methods<T> {}

impl<T> Methods<T> {
    /// The table, for PostgreSQL.
    pub const fn table(&'static self) -> *const T {
        &self.0
    }
}

/// A node of our own.
pub trait CustomNode: Sized + 'static {
    const NAME: &'static CStr;
    const CALLS: Calls;
    /// The table of its plan.
    const PLAN: &'static Methods<CustomScanMethods> = &Methods(CustomScanMethods {
        CustomName: Self::NAME.as_ptr(),
        CreateCustomScanState: Some(create::<Self>),
    });
    /// The table of the node that runs. It can neither be marked and restored nor run in parallel workers.
    const RUN: &'static Methods<CustomExecMethods> = &Methods(CustomExecMethods {
        CustomName: Self::NAME.as_ptr(),
        BeginCustomScan: Some(Self::CALLS.begin),
        ExecCustomScan: Some(Self::CALLS.execute),
        EndCustomScan: Some(end::<Self>),
        ReScanCustomScan: Some(rescan::<Self>),
        MarkPosCustomScan: None,
        RestrPosCustomScan: None,
        EstimateDSMCustomScan: None,
        InitializeDSMCustomScan: None,
        ReInitializeDSMCustomScan: None,
        InitializeWorkerCustomScan: None,
        ShutdownCustomScan: None,
        ExplainCustomScan: Some(explain::<Self>),
    });

    /// Explains the node, which has begun and has this plan.
    fn explain(&mut self, plan: NodeRef<'static, CustomScan>, explanation: Explanation);

    /// Goes back before the first row, between two rows; of other parameters if they have changed.
    fn restart(&mut self, is_changed: bool);

    /// Frees what is not in memory of the query, before the plans below end; nothing is asked of the node afterwards.
    fn end(&mut self);
}

/// The functions of a node that runs. All of them are called by PostgreSQL alone, with a state that [`create`] made. They are plain
/// frames, as [`crate::pg::server::plain`] defines them.
pub struct Calls {
    /// Initialises the plans below the node, and sets its own part, which is [kept](kept).
    pub begin: unsafe extern "C-unwind" fn(*mut CustomScanState, *mut EState, i32),
    /// Returns the next row; a null pointer after the last.
    pub execute: unsafe extern "C-unwind" fn(*mut CustomScanState) -> *mut TupleTableSlot,
}

/// The state of a node: PostgreSQL's part, and the node's own, which is null until the node is begun.
#[repr(C)]
pub struct NodeState<T> {
    node: CustomScanState,
    pub own: *mut T,
}

/// Makes the state of a node that is about to begin.
unsafe extern "C-unwind" fn create<T: CustomNode>(_scan: *mut CustomScan) -> *mut Node {
    // SAFETY: a plain frame, which PostgreSQL calls in the context of the query; zeros are a state that is not begun.
    unsafe {
        let state = guarded(|| pg_sys::palloc0(size_of::<NodeState<T>>())).cast::<NodeState<T>>();
        (*state).node.ss.ps.type_ = NodeTag::T_CustomScanState;
        (*state).node.methods = T::RUN.table();
        state.cast()
    }
}

/// Has a node explain itself.
unsafe extern "C-unwind" fn explain<T: CustomNode>(
    node: *mut CustomScanState,
    ancestors: *mut List,
    running: *mut ExplainState,
) {
    // SAFETY: a plain frame, which PostgreSQL calls for a node that has begun, whose plan outlives it.
    unsafe {
        guarded(|| {
            if let Some(own) = (*state::<T>(node)).own.as_mut() {
                let plan = plan_of(node);
                own.explain(plan, Explanation::new(plan, ancestors, running));
            }
        });
    }
}

/// Ends a node and the plans below it; what else the node holds is dropped with its memory context.
unsafe extern "C-unwind" fn end<T: CustomNode>(node: *mut CustomScanState) {
    // SAFETY: a plain frame, which PostgreSQL calls for a node that has begun. The states below are initialised; neither they nor the
    // node are used afterwards.
    unsafe {
        guarded(|| (*(*state::<T>(node)).own).end());
        ExecEndNode((*node).ss.ps.lefttree);
        items((*node).custom_ps).for_each(|state| ExecEndNode(state));
    }
}

/// Has a node and the plans below it begin again, and tells those that PostgreSQL does not know which parameters have changed.
unsafe extern "C-unwind" fn rescan<T: CustomNode>(node: *mut CustomScanState) {
    // SAFETY: a plain frame, which PostgreSQL calls for a node that has begun, between two rows. The states below are initialised.
    unsafe {
        let (input, changed) = ((*node).ss.ps.lefttree, (*node).ss.ps.chgParam);
        guarded(|| (*(*state::<T>(node)).own).restart(!changed.is_null()));
        if !input.is_null() && (*input).chgParam.is_null() {
            ExecReScan(input);
        }
        items((*node).custom_ps).for_each(|state: *mut PlanState| {
            if !changed.is_null() {
                guarded(|| pg_sys::UpdateChangedParamSet(state, changed));
            }
            if (*state).chgParam.is_null() {
                ExecReScan(state);
            }
        });
    }
}

/// Initialises a plan, and keeps its state among those below the node.
///
/// Where the query runs already, subqueries whose results are parameters of the plan may have run for another part of the query, and would
/// run on from where they stopped: their plans begin again.
///
/// # Safety
/// A node that has begun, and a plan below its own; the contract of `pg::plain`.
pub unsafe fn add_below(node: *mut CustomScanState, plan: *mut Plan, flags: i32) -> *mut PlanState {
    // SAFETY: the caller's node and plan; the state lives as long as the query. The query has as many parameters as its plan says, and
    // where one is still to be computed, PostgreSQL keeps the state of a subquery, whose plan was initialised when the query began.
    unsafe {
        let estate = (*node).ss.ps.state;
        let types = (*(*estate).es_plannedstmt).paramExecTypes;
        let count = if types.is_null() { 0 } else { (*types).length as usize };
        let parameters = (*estate).es_param_exec_vals;
        let before = guarded(|| pg_sys::palloc(count * size_of::<ParamExecData>())).cast::<ParamExecData>();
        if count > 0 {
            before.copy_from_nonoverlapping(parameters, count);
        }
        let state = in_memory((*estate).es_query_cxt, || {
            let state = ExecInitNode(plan, estate, flags);
            (*node).custom_ps = guarded(|| pg_sys::lappend((*node).custom_ps, state.cast()));
            state
        });
        let runs = flags & pg_sys::EXEC_FLAG_EXPLAIN_ONLY as i32 == 0;
        for place in (0..count).filter(|_| runs) {
            let subquery = (*parameters.add(place)).execPlan.cast::<SubPlanState>();
            if !subquery.is_null() && (*before.add(place)).execPlan.is_null() {
                ExecReScan((*subquery).planstate);
            }
        }
        guarded(|| pg_sys::pfree(before.cast()));
        state
    }
}

/// The plan of a node.
///
/// # Safety
/// A node of our own, which PostgreSQL has made of its plan, which outlives it.
pub unsafe fn plan_of(node: *mut CustomScanState) -> NodeRef<'static, CustomScan> {
    // SAFETY: the caller's node belongs to a plan that outlives it.
    let plan = unsafe { NodeRef::new((*node).ss.ps.plan.cast()) };
    plan.and_then(NodeRef::cast).unwrap_or_else(|| defect("a node without its plan"))
}

/// The state of a node that is of this kind, which is for the caller to know.
pub fn state<T: CustomNode>(node: *mut CustomScanState) -> *mut NodeState<T> {
    node.cast()
}

/// The node's own part of its state, to be dropped with the memory of this region.
pub fn kept<T: CustomNode>(own: T, region: Region) -> *mut T {
    PgMemoryContexts::For(region.context()).leak_and_drop_on_delete(own)
}

/// Registers a node, so that serialised plans with it can be read back; once, when the library is loaded.
pub fn register<T: CustomNode>() {
    caught(|| RegisterCustomScanMethods(&T::PLAN.0));
}

/// The function that makes the plan of a path.
pub type PlanPath = unsafe extern "C-unwind" fn(
    *mut PlannerInfo,
    *mut RelOptInfo,
    *mut CustomPath,
    *mut List,
    *mut List,
    *mut List,
) -> *mut Plan;

/// The table of a path that the planner may choose.
pub const fn offered(name: &'static CStr, plan: PlanPath) -> Methods<CustomPathMethods> {
    Methods(CustomPathMethods {
        CustomName: name.as_ptr(),
        PlanCustomPath: Some(plan),
        ReparameterizeCustomPathByChild: None,
    })
}

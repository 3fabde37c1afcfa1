//! Nodes of our own: the tables of functions by which PostgreSQL calls them.

use super::explain::Explanation;
use crate::pg::nodes::tree::NodeRef;
use crate::pg::server::error::defect;
use crate::pg::server::lookup::caught;
use crate::pg::server::plain::guarded;
use pgrx::pg_sys::{
    self, CustomExecMethods, CustomPath, CustomPathMethods, CustomScan, CustomScanMethods, CustomScanState,
    EState, ExplainState, List, Node, NodeTag, Plan, PlannerInfo, RelOptInfo, TupleTableSlot,
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
        EndCustomScan: Some(Self::CALLS.end),
        ReScanCustomScan: Some(Self::CALLS.rescan),
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
}

/// The functions of a node that runs. All of them are called by PostgreSQL alone, with a state that [`create`] made.
pub struct Calls {
    pub begin: unsafe extern "C-unwind" fn(*mut CustomScanState, *mut EState, i32),
    pub execute: unsafe extern "C-unwind" fn(*mut CustomScanState) -> *mut TupleTableSlot,
    pub end: unsafe extern "C-unwind" fn(*mut CustomScanState),
    pub rescan: unsafe extern "C-unwind" fn(*mut CustomScanState),
}

/// The state of a node: PostgreSQL's part, and the node's own, which is null until the node is begun.
#[repr(C)]
struct NodeState<T> {
    node: CustomScanState,
    own: *mut T,
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
    state: *mut ExplainState,
) {
    // SAFETY: a plain frame, which PostgreSQL calls for a node that has begun, whose plan outlives it.
    unsafe {
        guarded(|| {
            if let Some(own) = own::<T>(node).as_mut() {
                let plan = plan_of(node);
                own.explain(plan, Explanation::new(plan, ancestors, state));
            }
        });
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

/// The node's own part of its state.
///
/// # Safety
/// A node of this kind.
pub unsafe fn own<T: CustomNode>(node: *mut CustomScanState) -> *mut T {
    // SAFETY: the caller's node is one that `create` made.
    unsafe { (*node.cast::<NodeState<T>>()).own }
}

/// Sets the node's own part of its state.
///
/// # Safety
/// A node of this kind; the part lives as long as the node.
pub unsafe fn set_own<T: CustomNode>(node: *mut CustomScanState, own: *mut T) {
    // SAFETY: the caller's node is one that `create` made.
    unsafe { (*node.cast::<NodeState<T>>()).own = own }
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

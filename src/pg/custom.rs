//! Nodes of our own: the tables of functions by which PostgreSQL calls them.

use pgrx::pg_sys::{
    self, CustomExecMethods, CustomPath, CustomPathMethods, CustomScan, CustomScanMethods, CustomScanState,
    EState, ExplainState, List, Node, Plan, PlannerInfo, RelOptInfo, TupleTableSlot,
};
use std::ffi::CStr;

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

/// The functions of a node that runs. All of them are called by PostgreSQL alone, with a state that the node's own `create` made.
pub struct Calls {
    pub begin: unsafe extern "C-unwind" fn(*mut CustomScanState, *mut EState, i32),
    pub execute: unsafe extern "C-unwind" fn(*mut CustomScanState) -> *mut TupleTableSlot,
    pub end: unsafe extern "C-unwind" fn(*mut CustomScanState),
    pub rescan: unsafe extern "C-unwind" fn(*mut CustomScanState),
    pub explain: unsafe extern "C-unwind" fn(*mut CustomScanState, *mut List, *mut ExplainState),
}

/// The table of a node that runs. It can neither be marked and restored nor run in parallel workers.
pub const fn running(name: &'static CStr, calls: Calls) -> Methods<CustomExecMethods> {
    Methods(CustomExecMethods {
        CustomName: name.as_ptr(),
        BeginCustomScan: Some(calls.begin),
        ExecCustomScan: Some(calls.execute),
        EndCustomScan: Some(calls.end),
        ReScanCustomScan: Some(calls.rescan),
        MarkPosCustomScan: None,
        RestrPosCustomScan: None,
        EstimateDSMCustomScan: None,
        InitializeDSMCustomScan: None,
        ReInitializeDSMCustomScan: None,
        InitializeWorkerCustomScan: None,
        ShutdownCustomScan: None,
        ExplainCustomScan: Some(calls.explain),
    })
}

/// The table of a node of a plan, given the function that makes its state.
pub const fn planned(
    name: &'static CStr,
    create: unsafe extern "C-unwind" fn(*mut CustomScan) -> *mut Node,
) -> Methods<CustomScanMethods> {
    Methods(CustomScanMethods { CustomName: name.as_ptr(), CreateCustomScanState: Some(create) })
}

impl Methods<CustomScanMethods> {
    /// Registers the node, so that serialised plans with it can be read back.
    pub fn register(&'static self) {
        // SAFETY: the table lives as long as the library, which is never unloaded.
        unsafe { pg_sys::RegisterCustomScanMethods(self.table()) }
    }
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

//! Background workers that a process starts, and of which it asks whether they still run.

use crate::pg::memory::region::Region;
use crate::pg::server::lookup::caught;
use pgrx::bgworkers::BackgroundWorkerBuilder;
use pgrx::pg_sys::{self, BackgroundWorker, BackgroundWorkerHandle, BgwHandleStatus};

/// A worker that this process has started. Its handle is in the memory of the process, and nobody else has it.
pub struct StartedWorker(&'static mut BackgroundWorkerHandle);

// PostgreSQL defines these functions with these arguments. The handle is made in the current memory context.
unsafe extern "C-unwind" {
    safe fn RegisterDynamicBackgroundWorker(
        worker: &mut BackgroundWorker,
        handle: &mut Option<&'static mut BackgroundWorkerHandle>,
    ) -> bool;
    safe fn GetBackgroundWorkerPid(
        handle: &BackgroundWorkerHandle,
        process: &mut i32,
    ) -> BgwHandleStatus::Type;
}

impl StartedWorker {
    /// Asks the postmaster to start a worker; None if there are `max_worker_processes` already.
    pub fn start(worker: &BackgroundWorkerBuilder) -> Option<StartedWorker> {
        let (mut worker, mut handle) = (BackgroundWorker::from(worker), None);
        Region::of_process().within(|| caught(|| RegisterDynamicBackgroundWorker(&mut worker, &mut handle)));
        handle.map(StartedWorker)
    }

    /// The worker, if it has not stopped.
    pub fn running(self) -> Option<StartedWorker> {
        let mut process = 0;
        if caught(|| GetBackgroundWorkerPid(self.0, &mut process)) != BgwHandleStatus::BGWH_STOPPED {
            return Some(self);
        }
        // SAFETY: the handle was allocated for this worker alone, and nobody uses it any more.
        unsafe { pg_sys::pfree((&raw mut *self.0).cast()) };
        None
    }
}

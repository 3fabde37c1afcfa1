//! Background workers that a process starts, and of which it asks whether they still run.

use super::lookup::caught;
use crate::pg::memory::region::Region;
use pgrx::bgworkers::BackgroundWorkerBuilder;
use pgrx::pg_sys::{BackgroundWorker, BackgroundWorkerHandle, BgwHandleStatus};

/// A worker that this process has started. Its handle is in the memory of the process, and nobody else has it.
pub struct StartedWorker(&'static mut BackgroundWorkerHandle);

// PostgreSQL defines these functions with these arguments. The handle is made in the current memory context, and freed by the
// last of them, which takes it.
unsafe extern "C-unwind" {
    safe fn RegisterDynamicBackgroundWorker(
        worker: &mut BackgroundWorker,
        handle: &mut Option<&'static mut BackgroundWorkerHandle>,
    ) -> bool;
    safe fn GetBackgroundWorkerPid(
        handle: &BackgroundWorkerHandle,
        process: &mut i32,
    ) -> BgwHandleStatus::Type;
    #[allow(clashing_extern_declarations, reason = "others free other things")]
    safe fn pfree(handle: &'static mut BackgroundWorkerHandle);
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
        caught(|| pfree(self.0));
        None
    }
}

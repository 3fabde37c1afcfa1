//! The threads on which requests run, so that code that waits for them may be called from anywhere.

use std::future::Future;
use std::sync::mpsc::{sync_channel, Receiver};
use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

/// Begins a request; its result comes from the channel.
pub fn begin<T: Send + 'static>(request: impl Future<Output = T> + Send + 'static) -> Receiver<T> {
    let (done, result) = sync_channel(1);
    runtime().spawn(async move {
        // Nobody waits any more when the reader is gone.
        let _ = done.send(request.await);
    });
    result
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let threads =
            Builder::new_multi_thread().worker_threads(2).thread_name("objects").enable_all().build();
        threads.expect("two threads can be started")
    })
}

/// Runs code that begins requests itself.
pub fn enter<T>(work: impl FnOnce() -> T) -> T {
    let _entered = runtime().enter();
    work()
}

/// Waits for a request.
pub fn wait<T: Send + 'static>(request: impl Future<Output = T> + Send + 'static) -> T {
    begin(request).recv().expect("a request ends with a result")
}

//! Runs a task for many items on several threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::thread;

use tally_postgres::Failure;

/// Does `work` for each index below `count` on this many threads, in order of the indexes; after a failure no new piece
/// is begun, and the first failure is returned.
pub fn parallel<T: Send>(
    threads: usize,
    count: usize,
    work: impl Fn(usize) -> Result<T, Failure> + Sync,
) -> Result<Vec<T>, Failure> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<T>>> = Mutex::new((0..count).map(|_| None).collect());
    let failed: Mutex<Option<Failure>> = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, count.max(1)) {
            scope.spawn(|| loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count || failed.lock().expect("no thread panics with it").is_some() {
                    return;
                }
                match work(index) {
                    Ok(result) => results.lock().expect("no thread panics with it")[index] = Some(result),
                    Err(failure) => {
                        failed.lock().expect("no thread panics with it").get_or_insert(failure);
                    }
                }
            });
        }
    });
    match failed.into_inner().expect("no thread panics with it") {
        Some(failure) => Err(failure),
        None => {
            let results = results.into_inner().expect("no thread panics with it");
            Ok(results.into_iter().map(|result| result.expect("all were done")).collect())
        }
    }
}

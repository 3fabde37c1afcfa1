//! The settings by which the planner reckons costs.

use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::Relaxed};

// PostgreSQL defines these variables, the first two as doubles; only the one thread of this process changes them.
unsafe extern "C-unwind" {
    safe static cpu_tuple_cost: AtomicU64;
    safe static seq_page_cost: AtomicU64;
    safe static effective_cache_size: AtomicI32;
}

/// A page that is in memory costs this much less than the planner takes for it, in its units: those are of disks.
const IN_MEMORY: f64 = 1.0;

/// Costs in the planner's units.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// A row.
    pub row: f64,
    page: f64,
    /// The pages that are taken to be in memory.
    cached: f64,
}

/// Returns the settings of the session.
pub fn costs() -> Costs {
    let [row, page] = [&cpu_tuple_cost, &seq_page_cost].map(|cost| f64::from_bits(cost.load(Relaxed)));
    let cached = effective_cache_size.load(Relaxed).into();
    Costs { row: row.max(f64::MIN_POSITIVE), page, cached }
}

impl Costs {
    /// Returns the part of the cost of these pages that is not to be paid, since they are in memory.
    pub fn saved(self, pages: f64) -> f64 {
        if pages < self.cached {
            pages * IN_MEMORY
        } else {
            0.0
        }
    }

    /// Returns the cost of reading these pages beside their rows.
    pub fn of_pages(self, pages: f64) -> f64 {
        (pages * self.page - self.saved(pages)).max(0.0)
    }
}

//! A NOTICE every second of a long compaction.

use pgrx::prelude::*;
use std::time::{Duration, Instant};

/// How many leaves were written, and when that was last said.
pub struct Progress {
    tree: String,
    leaves: usize,
    began: Instant,
    said: Instant,
}

impl Progress {
    pub fn new(tree: &str) -> Progress {
        let now = Instant::now();
        Progress { tree: tree.to_owned(), leaves: 0, began: now, said: now }
    }

    pub fn advance(&mut self, leaves: usize) {
        self.leaves += leaves;
        if self.said.elapsed() >= Duration::from_secs(1) {
            self.said = Instant::now();
            notice!(
                "power tree \"{}\": {} leaves written in {} s",
                self.tree,
                self.leaves,
                self.began.elapsed().as_secs()
            );
        }
    }
}

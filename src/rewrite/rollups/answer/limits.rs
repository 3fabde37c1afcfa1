//! Limits of what an answer may take.

use crate::pg::server::lookup::hash_memory;

/// The bytes that a hash table may have.
pub fn memory() -> usize {
    hash_memory()
}

//! Reading binary messages in receive functions.

use pgrx::{pg_sys, Internal};

/// Takes the rest of a message that PostgreSQL passes to a receive function.
pub fn remaining_bytes(message: &mut Internal) -> &[u8] {
    // SAFETY: only PostgreSQL can call a function with an `internal` argument, and it passes receive functions a
    // StringInfo, whose cursor stays within its length.
    unsafe {
        let Some(buffer) = message.get_mut::<pg_sys::StringInfoData>() else { return &[] };
        let start = buffer.cursor;
        buffer.cursor = buffer.len;
        std::slice::from_raw_parts(buffer.data.add(start as usize).cast(), (buffer.len - start) as usize)
    }
}

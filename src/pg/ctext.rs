//! C strings as arguments of functions that are declared to be safe.

use std::ffi::{c_char, CStr};
use std::marker::PhantomData;

/// A C string that functions of PostgreSQL read.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct CText<'s> {
    first: *const c_char,
    text: PhantomData<&'s CStr>,
}

impl<'s> From<&'s CStr> for CText<'s> {
    fn from(text: &'s CStr) -> CText<'s> {
        CText { first: text.as_ptr(), text: PhantomData }
    }
}

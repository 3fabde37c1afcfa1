//! C strings as arguments of functions that are declared to be safe.

use std::ffi::{c_char, CStr};
use std::marker::PhantomData;
use std::ptr::NonNull;

/// A C string that functions of PostgreSQL read. A pointer that is not null, as C sees it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct CText<'s> {
    first: NonNull<c_char>,
    text: PhantomData<&'s CStr>,
}

impl<'s> From<&'s CStr> for CText<'s> {
    fn from(text: &'s CStr) -> CText<'s> {
        CText { first: NonNull::from(text).cast(), text: PhantomData }
    }
}

//! Texts that are passed to librdkafka, or that it returns.

use std::ffi::{c_char, CStr};
use std::marker::PhantomData;
use std::ptr::NonNull;

/// A text that lives for `'t`: a C string, as C sees it. Only functions that are declared to return one make it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct NativeText<'t> {
    first: NonNull<c_char>,
    owner: PhantomData<&'t CStr>,
}

impl<'t> From<&'t CStr> for NativeText<'t> {
    fn from(text: &'t CStr) -> Self {
        Self { first: NonNull::from(text).cast(), owner: PhantomData }
    }
}

impl<'t> NativeText<'t> {
    pub fn get(self) -> &'t CStr {
        // SAFETY: librdkafka has returned a C string, or was to be passed one; it lives as long as what it belongs to.
        unsafe { CStr::from_ptr(self.first.as_ptr()) }
    }
}

//! C strings as arguments and results of functions that are declared to be safe.

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

/// A C string that a function of PostgreSQL has just made in the current memory context, or a null pointer. Only
/// declarations of such functions make one.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct MadeText(*const c_char);

impl MadeText {
    /// The text; None for a null pointer.
    pub fn text(self) -> Option<String> {
        // SAFETY: the function that has made the text declares that it is a C string, or null.
        (!self.0.is_null()).then(|| unsafe { CStr::from_ptr(self.0) }.to_string_lossy().into_owned())
    }
}

//! The border to Go: all `unsafe` towards it is here. Strings of JSON go in and
//! come out; nothing else crosses, and Go's memory never leaves this module.

use std::ffi::{CStr, CString, c_char};

mod bindings {
    #![allow(missing_docs, clippy::all, clippy::pedantic)]
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

/// Initialises rclone; waits until the Go runtime is up. Cheap when repeated.
pub fn start() {
    // SAFETY: PoofStart takes nothing and may be called any number of times.
    unsafe { bindings::PoofStart() }
}

/// The version of the linked rclone, e.g. `v1.76.0`.
pub fn version() -> String {
    // SAFETY: PoofVersion takes nothing and returns a string that is ours.
    unsafe { take(bindings::PoofVersion()) }
}

/// Runs the rc method and returns its envelope, a JSON object.
pub fn call(method: &str, input: &str) -> String {
    start();
    let (Ok(method), Ok(input)) = (CString::new(method), CString::new(input)) else {
        // JSON escapes control characters, so there is no NUL in it.
        return r#"{"failure":{"kind":"other","text":"a NUL in a call"}}"#.to_owned();
    };
    // SAFETY: both pointers are valid for the call, Go copies what it reads
    // (C.GoString) and does not write; the result is a string that is ours.
    unsafe { take(bindings::PoofCall(method.as_ptr().cast_mut(), input.as_ptr().cast_mut())) }
}

/// Copies a string that Go allocated and gives its memory back.
///
/// # Safety
/// `text` came from one of the functions above and was not freed.
unsafe fn take(text: *mut c_char) -> String {
    // SAFETY: C.CString ends with NUL; the caller owns the memory until PoofFree.
    unsafe {
        let copy = CStr::from_ptr(text).to_string_lossy().into_owned();
        bindings::PoofFree(text);
        copy
    }
}

//! The border to Go: all `unsafe` towards it is here. Strings of JSON go in and
//! come out; nothing else crosses, and Go's memory never leaves this module.

use std::ffi::{CStr, c_char};
use std::slice;

use zeroize::{Zeroize, Zeroizing};

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
    unsafe { take(bindings::PoofVersion()).to_string() }
}

/// Runs the rc method and returns its envelope, a JSON object. That may hold secrets: its
/// memory is overwritten here. What Go has of them is its own.
pub fn call(method: &CStr, input: &CStr) -> Zeroizing<String> {
    start();
    // SAFETY: both pointers are valid for the call, Go copies what it reads
    // (C.GoString) and does not write; the result is a string that is ours.
    unsafe { take(bindings::PoofCall(method.as_ptr().cast_mut(), input.as_ptr().cast_mut())) }
}

/// Copies a string that Go allocated, overwrites its memory and gives it back.
///
/// # Safety
/// `text` came from one of the functions above and was not freed.
unsafe fn take(text: *mut c_char) -> Zeroizing<String> {
    // SAFETY: C.CString ends with NUL; the caller owns the memory until PoofFree.
    unsafe {
        let length = CStr::from_ptr(text).count_bytes();
        let bytes = slice::from_raw_parts_mut(text.cast::<u8>(), length);
        let copy = Zeroizing::new(String::from_utf8_lossy(bytes).into_owned());
        bytes.zeroize();
        bindings::PoofFree(text);
        copy
    }
}

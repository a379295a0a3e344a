//! The border to Go: all `unsafe` towards it is here. Strings of JSON go in and
//! come out; nothing else crosses, and Go's memory never leaves this module.

use std::ffi::{CStr, c_char, c_int};
use std::{mem, ptr, slice};

use zeroize::{Zeroize, Zeroizing};

mod bindings {
    #![allow(missing_docs, clippy::all, clippy::pedantic)]
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

/// Initialises rclone; waits until the Go runtime is up. Cheap when repeated.
pub fn start() {
    move_handlers();
    // SAFETY: PoofStart takes nothing and may be called any number of times.
    unsafe { bindings::PoofStart() }
}

/// The version of the linked rclone, e.g. `v1.76.0`.
pub fn version() -> String {
    move_handlers();
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

/// Moves every handler of a signal to the stack that each thread of Rust and of Go has for
/// them. A thread that calls into Go is on the stack of a goroutine, which has a few KiB, and
/// a handler there writes over what lies below it (os/signal, "Non-Go programs that call Go
/// code"). The crates that set handlers know nothing of that, so it is done before each call.
fn move_handlers() {
    // Beyond these are signals for real time, which nobody handles here.
    for signal in 1..32 {
        move_handler(signal);
    }
}

fn move_handler(signal: c_int) {
    let Some(mut action) = action(signal) else { return };
    let is_handled = ![libc::SIG_DFL, libc::SIG_IGN].contains(&action.sa_sigaction);
    if is_handled && action.sa_flags & libc::SA_ONSTACK == 0 {
        action.sa_flags |= libc::SA_ONSTACK;
        // SAFETY: it is the handler that is set, and it is called in the same way.
        unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
    }
}

/// What is done at this signal; None if there is no such signal.
fn action(signal: c_int) -> Option<libc::sigaction> {
    // SAFETY: zeros are a valid sigaction; the call writes there and nowhere else.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        (libc::sigaction(signal, ptr::null(), &raw mut action) == 0).then_some(action)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::base::interrupt;

    // Hazard 67. The last of them is set by what asks questions, and stays. What was set before
    // Go has started Go moves itself.
    #[test]
    fn no_handler_runs_on_the_stack_of_a_goroutine() {
        start();
        interrupt::install().unwrap();
        let is_called = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(libc::SIGWINCH, Arc::clone(&is_called)).unwrap();
        call(c"rc/noop", c"{}");
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGWINCH] {
            let action = action(signal).unwrap();
            assert_ne!(action.sa_flags & libc::SA_ONSTACK, 0, "{signal}");
        }
        signal_hook::low_level::raise(libc::SIGWINCH).unwrap();
        assert!(is_called.load(Ordering::Relaxed));
        assert_eq!(action(libc::SIGTTOU).unwrap().sa_sigaction, libc::SIG_DFL);
    }
}

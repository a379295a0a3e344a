//! What is of this process stays in it. Its memory: a core dump on a disk would hold the
//! passwords of the remote. What it has inherited: no program that it runs has a use for it.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Runs before Go's runtime begins, in a thread of its own: what that opens for a moment would
/// take the place of a standard input that was closed, and be gone when it is read. What
/// poof opens next would then be read as what somebody typed.
#[used]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".init_array.00101"))]
static FILL_STANDARD: extern "C" fn() = fill_standard;

extern "C" fn fill_standard() {
    for number in 0..3 {
        // SAFETY: fcntl touches no memory, and open reads a string that ends with NUL. The
        // lowest number that is free is the one that was looked at.
        unsafe {
            if libc::fcntl(number, libc::F_GETFD) == -1 {
                libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
            }
        }
    }
}

/// Lets nobody dump this process, nor (on Linux) another process of the user look into it.
/// What fails here leaves poof as it was before.
pub fn undumpable() {
    let limit = getrlimit(Resource::Core);
    // What it runs may raise it again.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: limit.maximum });
    // A program that takes dumps through a pipe gets them whatever the limit is.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Lets no program that poof runs inherit what poof has: files that a script has opened for
/// itself, a lock of its, the other end of a pipe that somebody waits for. Whatever their
/// numbers are; poof's own are never inherited.
pub fn keep_descriptors() {
    const FIRST: i32 = 3;
    #[cfg(target_os = "linux")]
    // SAFETY: the call marks what is open, and touches no memory.
    if unsafe {
        let (first, last) = (FIRST.cast_unsigned(), libc::c_uint::MAX);
        libc::syscall(libc::SYS_close_range, first, last, libc::CLOSE_RANGE_CLOEXEC)
    } == 0
    {
        return;
    }
    // A kernel of before 5.11, or another system.
    let open = fs::read_dir("/dev/fd").into_iter().flatten().flatten();
    let open: Vec<i32> =
        open.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in open.into_iter().filter(|number| *number >= FIRST) {
        // SAFETY: fcntl refuses a number that is not open, and touches no memory.
        unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

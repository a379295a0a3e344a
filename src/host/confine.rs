//! What is in the memory of this process stays there: a core dump on a disk would hold the
//! passwords of the remote.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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

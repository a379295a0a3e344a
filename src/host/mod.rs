//! The machine poof runs on: where files lie, the lock, the clipboard,
//! what its file systems do.

pub mod clipboard;
pub mod disk;
pub mod erase;
pub mod in_use;
pub mod inline;
pub mod launch;
pub mod lock;
pub mod mounts;
pub mod owners;
pub mod paths;
pub mod program;
pub mod scratch;
pub mod traces;

//! The machine poof runs on: where files lie, the lock, the clipboard.

pub mod clipboard;
pub mod lock;
pub mod owners;
pub mod paths;

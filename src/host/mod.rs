//! The machine poof runs on: where files lie, the lock, the clipboard, the schedule, power
//! and network, what its file systems do, the programs of others.

pub mod access_list;
pub mod awake;
pub mod clipboard;
pub mod confine;
pub mod disk;
pub mod erase;
pub mod flags;
pub mod in_use;
pub mod inline;
pub mod itself;
pub mod keychain;
pub mod launch;
pub mod lock;
pub mod machine;
pub mod macos;
pub mod mounts;
pub mod network;
pub mod notify;
pub mod output;
pub mod owners;
pub mod paths;
pub mod pip_cache;
pub mod plain;
pub mod power;
pub mod program;
pub mod receipt;
pub mod resolve;
pub mod schedule;
pub mod scratch;
pub mod stat;
pub mod tool;
pub mod traces;
pub mod trust;
pub mod uninstall;
pub mod wheel;

//! What the tests stand on: a `MinIO`, a proxy that makes faults, a sandbox that
//! runs poof, and trees to back up.

pub mod command;
mod config;
mod guarded;
mod minio;
pub mod proxy;
mod sandbox;
mod tools;
mod tree;
mod unreachable;

pub use config::Config;
pub use guarded::Guarded;
pub use minio::minio;
pub use proxy::{Kind, Proxy, Verdict};
pub use sandbox::Sandbox;
#[allow(unused_imports)] // for the benchmarks
pub use tools::stock_rclone;
pub use tree::{Snapshot, assert_same_content, differences, grow};
pub use unreachable::{BlackHole, DeadEnd};

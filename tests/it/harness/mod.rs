//! What the tests stand on: a `MinIO`, a proxy that makes faults, a sandbox that
//! runs poof, and trees to back up.

mod backdoor;
pub mod command;
mod config;
#[cfg(target_os = "linux")] // D-Bus
pub mod desktop;
pub mod endings;
#[cfg(target_os = "linux")] // rsync with ACLs
mod exact;
mod folding;
pub mod forger;
pub mod guarded;
#[cfg(target_os = "linux")] // setfacl, mknod
pub mod hostile;
mod machines;
pub mod minio;
pub mod provider;
pub mod proxy;
mod sandbox;
mod serve;
pub mod servers;
mod skip;
#[cfg(target_os = "linux")] // tmux
mod terminal;
pub mod tls;
pub mod tools;
mod tree;
mod unreachable;

pub use backdoor::Backdoor;
pub use config::Config;
#[cfg(target_os = "linux")]
pub use exact::{assert_exact, copy_exactly};
pub use folding::Folding;
pub use guarded::Guarded;
pub use machines::{Files, Machines, Place, files};
pub use minio::minio;
pub use proxy::{Kind, Proxy, Verdict};
pub use sandbox::{Sandbox, is_bundled};
pub use serve::Unsigned;
pub use skip::{Lacks, skipped};
#[cfg(target_os = "linux")]
pub use terminal::Terminal;
#[allow(unused_imports)] // for the benchmarks
pub use tools::stock_rclone;
pub use tree::{Snapshot, assert_same_content, differences, grow};
pub use unreachable::{BlackHole, DeadEnd};

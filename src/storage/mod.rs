//! The remote side, behind typed calls. Two things keep objects: rclone in this process,
//! and, in tests, memory that fails where a test says so.

pub mod bandwidth;
pub mod configuration;
pub mod failure;
pub mod filter;
pub mod job;
pub mod login;
#[cfg(test)]
pub mod memory;
mod messages;
pub mod mirror;
mod objects;
mod rclone;
mod remedy;
pub mod remote;
mod spec;
pub mod store;

pub use rclone::{start, version};

use failure::Failure;

/// Tells a monitor how a run went.
///
/// # Errors
/// It does not answer, or refuses.
pub fn ping(url: String, body: String) -> Result<(), Failure> {
    rclone::job::probe(&rclone::requests::Ping { url, body }).map(|_| ())
}

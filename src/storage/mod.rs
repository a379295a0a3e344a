//! The remote side: rclone in this process, behind typed calls.

pub mod failure;
pub mod filter;
pub mod job;
pub mod rclone;
mod records;
mod remedy;
pub mod remote;
pub mod store;

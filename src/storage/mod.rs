//! The remote side: rclone in this process, behind typed calls.

pub mod failure;
pub mod filter;
pub mod job;
pub mod rclone;
mod records;
pub mod remote;
pub mod store;

//! The remote side: rclone in this process, behind typed calls.

pub mod failure;
pub mod job;
pub mod rclone;
pub mod remote;
pub mod store;

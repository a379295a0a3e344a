//! The way of a remote without a manifest, which the Python poof or rclone has
//! filled: rclone's own sync compares, sends exactly the planned paths, and is
//! looked at afterwards.

pub mod compare;
pub mod send;
mod transfer;

pub use transfer::Transfer;

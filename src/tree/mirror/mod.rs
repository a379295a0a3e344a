//! The way of a remote without a manifest, which the Python poof or rclone has
//! filled: rclone's own sync compares, sends exactly the planned paths, and is
//! looked at afterwards.

pub mod compare;
mod send;
mod transfer;
mod trim;

pub use transfer::Transfer;
pub use trim::ExcludedHere;

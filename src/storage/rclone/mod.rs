//! rclone itself. [`ffi`] is the only code that touches Go; [`call`] makes its
//! JSON into types; [`requests`] are the calls that poof makes; [`bucket`] makes of them
//! what a store of objects can do.

pub mod bucket;
pub mod call;
pub mod configuring;
mod exchange;
mod ffi;
pub mod job;
pub mod login;
pub mod requests;
mod settings;

pub use ffi::{start, version};

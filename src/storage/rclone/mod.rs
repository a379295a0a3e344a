//! rclone itself. [`ffi`] is the only code that touches Go; [`call`] makes its
//! JSON into types; [`requests`] are the calls that poof makes.

pub mod call;
pub mod configuring;
mod ffi;
pub mod requests;
mod settings;

pub use ffi::{start, version};

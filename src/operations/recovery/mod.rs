//! The way back to a machine without poof: the recovery kit, and `poof return`.

mod codes;
pub mod kit;
mod page;
pub mod phrase;
pub mod readiness;
pub mod rehearsing;
pub mod returning;
mod secrets;
pub mod source;

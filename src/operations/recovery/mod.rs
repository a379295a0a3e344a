//! The way back to a machine without poof: the recovery kit, and `poof return`.

pub mod kit;
pub mod phrase;
pub mod readiness;
pub mod returning;
mod secrets;

//! This side: what is in a local directory, reached from its root by handles.

pub(in crate::tree) mod appearance;
pub(in crate::tree) mod at_calls;
pub(in crate::tree) mod attributes;
pub mod excluded;
pub(in crate::tree) mod hashing;
pub(in crate::tree) mod moved;
pub mod root;
pub(in crate::tree) mod staging;
pub mod walk;

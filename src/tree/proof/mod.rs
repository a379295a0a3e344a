//! Proof: what the server itself shows of what it stores, against the hash of
//! exactly the bytes that were read here.

pub mod check;
mod proven;

pub use proven::{Evidence, Proof, Proven};

//! Proof: what the server itself shows of what it stores, against the hash of
//! exactly the bytes that were read here.

mod proven;
mod sent;

pub use proven::{Evidence, Proof, Proven};
pub use sent::{Verdict, judge, look};

//! The other side: what the remote holds of a tree, and poof's own records there.

pub mod bundles;
pub mod damaged;
pub mod identity;
pub mod known;
pub mod listing;
pub mod lock;
pub(in crate::tree) mod metadata_store;
pub(in crate::tree) mod object_metadata;
pub mod own_objects;
pub(in crate::tree) mod packed;
pub(in crate::tree) mod read_back;
pub(in crate::tree) mod sent;
pub(in crate::tree) mod unusual_names;

//! What a tree is made of, as values: entries, changes, plans, and where things are on the
//! remote.

pub mod bundle;
pub mod change;
pub(in crate::tree) mod empty_directories;
pub mod entry;
pub mod inventory;
mod items;
pub mod layout;
mod name_list;
pub mod path;
pub mod path_set;
pub mod plan;

//! A tree: a local directory and its name on the remote. What is there becomes
//! a [`plan`], which [`guard`] judges and [`backup`] or [`restore`] carries out;
//! or, where there is no manifest, [`mirror`].

mod attributes;
pub mod backup;
pub mod change;
pub mod check;
mod content;
mod emptied;
pub mod entry;
pub mod excluded;
pub mod guard;
pub mod identity;
pub mod inventory;
pub mod journal;
pub mod kept;
pub mod known;
pub mod listing;
pub mod lock;
pub mod manifest;
pub mod mirror;
mod moves;
pub mod objects;
pub mod ours;
pub mod outgoing;
pub mod plan;
pub mod proof;
mod read_back;
mod records;
pub mod restore;
mod retry;
mod rivals;
pub mod snapshot;
mod stored;
pub mod survey;
pub mod unsent;
pub mod walk;
pub mod wipe;

//! A tree: a local directory and its name on the remote. What is there becomes
//! a [`plan`], which [`guard`] judges and [`transfer`] carries out.

mod attributes;
pub mod change;
pub mod check;
pub mod compare;
mod content;
pub mod entry;
pub mod guard;
pub mod identity;
pub mod inventory;
pub mod journal;
pub mod listing;
pub mod manifest;
mod moves;
pub mod objects;
pub mod outgoing;
pub mod plan;
mod proof;
mod records;
pub mod restore;
mod retry;
mod send;
pub mod snapshot;
mod stored;
pub mod survey;
pub mod transfer;
pub mod upload;
pub mod walk;

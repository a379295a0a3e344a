//! A tree: a local directory and its name on the remote. What is there becomes
//! a [`plan`], which [`guard`] judges and [`transfer`] carries out.

pub mod compare;
mod content;
pub mod entry;
pub mod guard;
pub mod inventory;
pub mod journal;
pub mod manifest;
pub mod objects;
pub mod outgoing;
pub mod plan;
pub mod scan;
mod send;
pub mod snapshot;
pub mod survey;
pub mod transfer;

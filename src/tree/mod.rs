//! A tree: a local directory and its name on the remote. What is here ([`scan`]) and what
//! is there ([`remote`]), beside the last [`snapshot`], becomes a plan ([`model`]), which
//! [`guard`] judges and [`backup`] or [`restore`] carries out; [`proof`] says what may go,
//! and [`wipe`] takes it away. Where there is no [`manifest`], rclone itself compares
//! ([`mirror`]).

pub mod backup;
pub mod guard;
pub mod history;
pub mod journal;
pub mod manifest;
pub mod mirror;
pub mod model;
mod path_note;
pub mod proof;
pub mod remote;
pub mod restore;
mod retry;
pub mod scan;
pub mod snapshot;
pub mod unsent;
pub mod wipe;
pub mod withheld;

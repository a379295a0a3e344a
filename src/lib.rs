//! poof: make it safe in the cloud, prove that it is there, then make it vanish
//! here, and bring it back whole.
//!
//! A *tree* (local directory ↔ name on the remote) is walked and compared with the
//! *manifest* of its last snapshot and with the listing of the remote, which gives
//! a *plan*; *guards* judge the plan, rclone's backends, which are inside this
//! program, carry it out; what the server then shows is the *proof* without
//! which nothing enters the next manifest.
//!
//! ```text
//! walk ────┐             ┌─► transfer ─► proof ─► manifest ─► deletions
//! manifest ┼─► plan ─► guard
//! listing ─┘             └─► refuse (exit 7), nothing touched
//! ```
//!
//! `upload` is a backup whose every object is then proven once more; only what that
//! proves can be *wiped*, and a journal is on disk before the first file goes.
//!
//! `download` is the same way with the arrow turned: manifest and walk give the
//! steps, and what is fetched is compared with the manifest before it replaces
//! anything. Without a manifest rclone itself compares both sides.
//!
//! `commands` turn arguments into requests, `operations` do what is asked, in the safe
//! order, and tell *events*; `report` says them to people and, as lines of JSON, to
//! programs.
//!
//! The rooms, each of which knows only those to its right; in none of them do two files
//! or folders use each other:
//!
//! ```text
//! main, lib ─► entry ─► commands ─► cli, operations ─► report ─► config, tree, kit ─► storage, host ─► base
//! ```
//!
//! `go/` is the other half of `storage`: rclone and a little glue, compiled by
//! build.rs to a static library.

mod base;
mod cli;
mod commands;
mod config;
mod entry;
mod host;
mod kit;
mod operations;
mod report;
mod storage;
mod tree;

pub use entry::run;

//! The integration tests: the real program against real servers. Each test owns
//! its HOME and its bucket (`harness::Sandbox`), so that all run in parallel
//! and in any order.

// In a test a panic is the way to say what went wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backup;
mod bad_input;
mod build_script;
mod check;
#[cfg(target_os = "linux")] // an X server stands for the desktop
mod clipboard;
mod configure;
mod demo;
mod download;
mod drift;
mod dropin;
mod harness;
mod hazards;
mod ledger;
mod proof;
mod roundtrip;
mod rules;
mod secrets;
mod selftest;
mod story;
mod verify;

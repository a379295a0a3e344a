//! The integration tests: the real program against real servers. Each test owns
//! its HOME and its bucket (`harness::Sandbox`), so that all run in parallel
//! and in any order.

// In a test a panic is the way to say what went wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// Why a test was skipped, and what a long one measured.
#![allow(clippy::print_stderr)]
// Many tests are of Linux alone, and so is what only they use.
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports))]

mod adoption;
mod at_once;
mod backup;
mod bad_input;
mod bandwidth;
mod build_script;
#[cfg(target_os = "linux")] // an exact copy
mod bundles;
mod check;
#[cfg(target_os = "linux")] // an X server stands for the desktop
mod clipboard;
#[cfg(target_os = "linux")] // tmux
mod completions;
#[cfg(target_os = "linux")] // setfacl, mknod
mod confidential;
mod configure;
#[cfg(target_os = "linux")] // an exact copy
mod contents;
mod demo;
mod directories;
#[cfg(target_os = "linux")] // strace, unshare
mod disk_faults;
mod documents;
mod download;
mod drift;
mod dropin;
mod encrypted_conf;
mod farewell;
#[cfg(target_os = "linux")] // setfacl, mknod
mod fidelity;
#[cfg(target_os = "linux")] // script
mod filters;
#[cfg(target_os = "linux")] // a mount by FUSE
mod folded;
mod folding;
mod foreign;
mod forged;
#[cfg(target_os = "linux")] // setfacl, extended attributes
mod format;
mod guards;
mod harness;
mod hazard_page;
mod hazards;
#[cfg(target_os = "linux")] // an exact copy
mod history;
#[cfg(target_os = "linux")] // setfacl, mknod, script
mod homecoming;
mod hooks;
#[cfg(target_os = "linux")] // mknod
mod hostile_bucket;
#[cfg(target_os = "linux")] // what homecoming.rs has
mod hostile_past;
mod hostile_server;
#[cfg(target_os = "linux")] // an exact copy
mod immutable;
#[cfg(target_os = "linux")] // ldd, dpkg
#[cfg(target_os = "linux")] // procfs
mod inherited;
#[cfg(target_os = "linux")] // tmux
mod init;
mod install;
mod json;
#[cfg(target_os = "linux")] // an exact copy
mod kept_or_versions;
#[cfg(target_os = "linux")] // the Secret Service of a desktop
mod keychain;
mod kills;
mod ledger;
#[cfg(target_os = "linux")] // chattr
mod locked;
mod login;
mod machines;
#[cfg(target_os = "linux")] // GNU time
mod memory;
mod metrics;
#[cfg(target_os = "linux")] // setfattr, mkfifo
mod mirror;
mod model;
#[cfg(target_os = "linux")] // unshare, mount
mod mounted_over;
#[cfg(target_os = "linux")] // strace
mod moved_aside;
mod names_of_directories;
#[cfg(target_os = "linux")] // setpriv, renameat2
mod neighbour;
mod nested;
mod neuter;
mod neuter_after_a_wipe;
#[cfg(target_os = "linux")] // as homecoming
mod now;
#[cfg(target_os = "linux")] // loop devices, procfs
mod odd_disks;
#[cfg(target_os = "linux")] // setfacl, mknod
mod odd_servers;
#[cfg(target_os = "linux")] // tmux is the terminal, and of homecoming.rs
mod paper;
#[cfg(target_os = "linux")] // systemd, cron
mod profiles;
mod proof;
#[cfg(target_os = "linux")] // setpriv
mod providers;
mod purge_plain;
mod recipes;
#[cfg(target_os = "linux")] // setpriv
mod rehearse;
mod rekey;
mod rekey_abort;
mod requests;
#[cfg(target_os = "linux")] // loop devices
mod residue;
#[cfg(target_os = "linux")] // script
mod restored_config;
mod roundtrip;
mod rules;
mod running;
#[cfg(target_os = "linux")] // systemd, cron
mod schedule;
#[cfg(target_os = "linux")] // systemd, cron
mod schedule_runs;
mod scheduled;
mod scripts;
mod sealed;
mod secret_sources;
mod secrets;
mod selftest;
mod skips;
mod small_objects;
#[cfg(target_os = "linux")] // unshare, mount
mod space;
mod status;
mod story;
mod tamper;
mod tampering;
#[cfg(target_os = "linux")] // tmux
mod terminal;
#[cfg(target_os = "linux")] // where its programs write
mod traces;
#[cfg(target_os = "linux")] // setpriv
mod trusted;
mod unended;
#[cfg(target_os = "linux")] // mount namespaces
mod unplugged;
#[cfg(target_os = "linux")] // mounts, chattr
mod upload;
mod upload_faults;
#[cfg(target_os = "linux")] // strace
mod upload_kills;
mod upload_races;
mod verify;
mod weather;
#[cfg(target_os = "linux")] // systemd, cron
mod wheel;
#[cfg(target_os = "linux")] // setfacl, mknod
mod wipe_receipt;
mod words;
mod workflows;
#[cfg(target_os = "linux")] // tmux, mounts
mod wrong_inputs;

//! What each verb does, in its safe order. Operations know nothing of the command line.

pub mod backup;
mod brought;
pub mod caution;
pub mod check;
pub mod contents;
pub mod directories;
pub mod download;
pub mod encryption;
pub mod guessable;
mod hooks;
pub mod keeping;
pub mod keychain;
pub mod loading;
mod monitor;
pub mod offer;
mod outcome;
mod own_config;
mod own_files;
pub mod ownership;
pub mod permissions;
mod plain_side;
mod preflight;
pub mod probe;
pub mod programs;
pub mod purge_plain;
pub mod recovery;
mod removal;
pub mod repository;
mod run_history;
mod runner;
pub mod schedule;
pub mod secret_cache;
pub mod secrets;
pub mod section;
pub mod session;
pub mod set_up;
pub mod status;
#[cfg(test)]
mod tests;
pub mod unattended;
pub mod uninstall;
pub mod upload;
mod which;
mod wipe;

pub use outcome::Outcome;
pub use session::Session;

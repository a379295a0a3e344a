//! What every room may use and which uses no other: errors, output and logs, secrets,
//! files, the one interrupt.

pub mod command_line;
pub mod error;
pub mod files;
pub mod interrupt;
pub mod json;
pub mod log;
pub mod prompts;
pub mod random;
pub mod secret;
pub mod shown;
pub mod terminal;
pub mod typing;
pub mod units;
pub mod waiting;

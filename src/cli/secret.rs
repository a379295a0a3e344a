//! What `secret` takes.

#![allow(clippy::doc_markdown)] // these comments are the help that users see

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum Secret {
    /// Move a secret from rclone-poof.conf into the system's keychain, or ask for it
    Set(SecretSet),
}

#[derive(Args)]
pub struct SecretSet {
    /// Section and key of rclone-poof.conf, or `rclone-poof.conf` for the password of that file
    #[arg(value_name = "SECTION.KEY")]
    pub name: String,
    /// Take the secret from the first line of this file; -: standard input
    #[arg(long, value_name = "FILE")]
    pub value_file: Option<PathBuf>,
}

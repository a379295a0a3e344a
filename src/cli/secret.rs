//! What `secret` takes.

#![allow(clippy::doc_markdown)] // these comments are the help that users see

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum Secret {
    /// Put a secret into the system's keychain: the one that stands in rclone-poof.conf is
    /// moved, else it is asked for
    Set(SecretSet),
}

#[derive(Args)]
pub struct SecretSet {
    /// Section and key of rclone-poof.conf; rclone-poof.conf: the password of that file
    #[arg(value_name = "SECTION.KEY")]
    pub name: String,
    /// Take the secret from the first line of this file; -: standard input
    #[arg(long, value_name = "FILE")]
    pub value_file: Option<PathBuf>,
}

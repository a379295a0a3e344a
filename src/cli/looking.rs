//! The commands that look into snapshots, and bring back a part of one.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{Caution, Guard};

/// What every command takes that looks into one snapshot.
#[derive(Args, Default)]
pub struct Moment {
    /// The last snapshot from then: a date, a date and time, or an age such as 3d
    #[arg(long, value_name = "WHEN")]
    pub at: Option<String>,
    /// Do what this guard refuses, for this run only
    #[arg(long, value_name = "GUARD")]
    pub allow: Vec<Guard>,
}

#[derive(Args)]
pub struct Ls {
    /// NAME, NAME/PATH, or a path on disk; without one, all directories
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub path: Option<OsString>,
    /// Also print mode, size, and time
    #[arg(short)]
    pub long: bool,
    /// Also list what is in directories below
    #[arg(short = 'R', long)]
    pub recursive: bool,
    #[command(flatten)]
    pub moment: Moment,
}

#[derive(Args)]
pub struct Find {
    /// A piece of a name, or a pattern of rclone's filters such as "*.pdf"
    #[arg(value_name = "PATTERN", required = true)]
    pub patterns: Vec<String>,
    /// Only the directories with these names
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub only: Vec<String>,
    /// Also print mode, size, and time
    #[arg(short)]
    pub long: bool,
    #[command(flatten)]
    pub moment: Moment,
}

#[derive(Args)]
pub struct Get {
    /// NAME/PATH, or a path on disk
    #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub paths: Vec<OsString>,
    /// Restore to this directory instead, below the name of the tree
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// The last snapshot from then: a date, a date and time, or an age such as 3d
    #[arg(long, value_name = "WHEN")]
    pub at: Option<String>,
    #[command(flatten)]
    pub caution: Caution,
}

#[derive(Args)]
pub struct Diff {
    /// NAME, NAME/PATH, or a path on disk; without one, all directories
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub path: Option<OsString>,
    /// Compare two snapshots: that of --at with the one from then
    #[arg(long, value_name = "WHEN", requires = "at")]
    pub and: Option<String>,
    #[command(flatten)]
    pub moment: Moment,
}

#[derive(Args)]
pub struct History {
    /// NAME, NAME/PATH, or a path on disk; without one, all directories
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub path: Option<OsString>,
    /// Do what this guard refuses, for this run only
    #[arg(long, value_name = "GUARD")]
    pub allow: Vec<Guard>,
}

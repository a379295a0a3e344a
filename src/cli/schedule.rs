//! What the commands take that make and remove the schedule.

#![allow(clippy::doc_markdown)] // these comments are the help that users see

use clap::Args;

use crate::host::schedule::Interval;

#[derive(Args)]
pub struct Lconfig {
    /// How often, from 15m to 7d [default: as before, else 6h]
    #[arg(long, value_name = "INTERVAL")]
    pub every: Option<Interval>,
    /// Print what poof would write, and write nothing
    #[arg(long)]
    pub print: bool,
}

//! `poof completions SHELL`, and what its script asks.

mod candidates;

pub use candidates::{COMPLETE, complete};

use clap_complete::Shell;

use crate::base::error::{Error, Kind, Result};
use crate::cli::Completions;
use crate::operations::{Outcome, Session};
use crate::report::Event;

pub fn run(session: &Session, args: &Completions) -> Result<Outcome> {
    let script = match args.shell {
        Shell::Bash => include_str!("poof.bash"),
        Shell::Zsh => include_str!("poof.zsh"),
        Shell::Fish => include_str!("poof.fish"),
        other => {
            return Err(Error::new(Kind::Usage, format!("no completions for {other}"))
                .hint("There are some for bash, zsh and fish."));
        }
    };
    let (shell, script) = (args.shell.to_string(), script.to_owned());
    session.report.tell(&Event::Completions { shell, script });
    Ok(Outcome::default())
}

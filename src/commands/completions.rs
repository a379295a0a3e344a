//! `poof completions SHELL`

use clap_complete::Shell;

use crate::base::error::{Error, Kind, Result};
use crate::cli::{self, Completions};
use crate::operations::{Outcome, Session};
use crate::report::Event;

pub fn run(session: &Session, args: &Completions) -> Result<Outcome> {
    if !matches!(args.shell, Shell::Bash | Shell::Zsh | Shell::Fish) {
        return Err(Error::new(Kind::Usage, format!("no completions for {}", args.shell))
            .hint("There are some for bash, zsh and fish."));
    }
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::command(), "poof", &mut script);
    let script = String::from_utf8_lossy(&script);
    let (shell, script) = (args.shell.to_string(), script.into_owned());
    session.report.tell(&Event::Completions { shell, script });
    Ok(Outcome::default())
}

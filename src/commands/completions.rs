//! `poof completions SHELL`

use clap_complete::Shell;
use serde_json::json;

use crate::base::error::{Error, Kind, Result};
use crate::cli::{self, Completions};
use crate::operations::{Outcome, Session};

pub fn run(session: &Session, args: &Completions) -> Result<Outcome> {
    if !matches!(args.shell, Shell::Bash | Shell::Zsh | Shell::Fish) {
        return Err(Error::new(Kind::Usage, format!("no completions for {}", args.shell))
            .hint("There are some for bash, zsh and fish."));
    }
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::command(), "poof", &mut script);
    let script = String::from_utf8_lossy(&script);
    session.terminal.verbatim(script.trim_end());
    session.terminal.event(&json!({
        "type": "completions", "shell": args.shell.to_string(), "script": script,
    }));
    Ok(Outcome::default())
}

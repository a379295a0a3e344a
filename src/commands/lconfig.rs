//! `poof lconfig`: backups that run by themselves.

use std::path::PathBuf;

use serde_json::json;

use super::{Context, Outcome, offer, scheduling};
use crate::base::error::Result;
use crate::base::shown::path_of;
use crate::cli::Lconfig;
use crate::host::schedule::{Interval, Kind, Scheduler};

pub fn run(context: &Context, args: &Lconfig) -> Result<Outcome> {
    let terminal = &context.terminal;
    let scheduler = Scheduler::of_this_user(&context.layout, &context.state);
    let before = || scheduling::found(context)?.every;
    let every = args.every.or_else(before).unwrap_or(Interval::DEFAULT);
    let (kind, why) = scheduler.choose()?;
    if args.print {
        let text = joined(kind, &scheduler.preview(kind, &scheduling::schedule(context, every)?)?);
        terminal.verbatim(text.trim_end_matches('\n'));
        terminal.event(&json!({"type": "file", "content": text}));
        return Ok(outcome(kind, every));
    }
    let _lock = context.lock()?;
    install(context, kind, every)?;
    if let Some(why) = why {
        terminal.note(&format!("It is cron that runs it: {why}."));
    }
    Ok(outcome(kind, every))
}

/// Puts a schedule in force and shows it.
///
/// # Errors
/// It is not in force.
pub fn install(context: &Context, kind: Kind, every: Interval) -> Result<()> {
    let terminal = &context.terminal;
    scheduling::warn_if_unready(context);
    let schedule = scheduling::schedule(context, every)?;
    let written =
        Scheduler::of_this_user(&context.layout, &context.state).install(kind, &schedule)?;
    offer::give(context, &joined(kind, &written.files));
    for path in written.files.iter().filter_map(|(path, _)| path.as_ref()) {
        let (name, path) = (kind.to_string(), path.to_string_lossy());
        terminal.event(&json!({"type": "path", "name": name, "path": path}));
    }
    for note in &written.notes {
        terminal.note(note);
    }
    terminal.done(&format!("A backup runs every {every} ({kind}); `poof lpurge` ends that."));
    Ok(())
}

fn outcome(kind: Kind, every: Interval) -> Outcome {
    Outcome::default().with("kind", kind.to_string()).with("every", every.to_string())
}

/// Several files as `systemctl cat` shows them. One is shown as it is.
fn joined(kind: Kind, files: &[(Option<PathBuf>, String)]) -> String {
    if kind == Kind::Launchd {
        return files.iter().map(|(_, text)| text.as_str()).collect();
    }
    let head = |path: &Option<PathBuf>| match path {
        Some(path) => format!("# {}\n", path_of(path)),
        None => String::new(),
    };
    let texts: Vec<_> = files.iter().map(|(path, text)| head(path) + text).collect();
    texts.join("\n")
}

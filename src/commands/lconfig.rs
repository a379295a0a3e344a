//! `poof lconfig`: backups that run by themselves.

use serde_json::json;

use crate::base::error::Result;
use crate::cli::Lconfig;
use crate::host::schedule::{Interval, Kind, Scheduler};
use crate::operations::{Outcome, Session, schedule};

pub fn run(session: &Session, args: &Lconfig) -> Result<Outcome> {
    let terminal = &session.terminal;
    let scheduler = Scheduler::of_this_user(&session.layout, &session.state);
    let before = || schedule::found(session)?.every;
    let every = args.every.or_else(before).unwrap_or(Interval::DEFAULT);
    let (kind, why) = scheduler.choose()?;
    if args.print {
        let text =
            schedule::joined(kind, &scheduler.preview(kind, &schedule::schedule(session, every)?)?);
        terminal.verbatim(text.trim_end_matches('\n'));
        terminal.event(&json!({"type": "file", "content": text}));
        return Ok(outcome(kind, every));
    }
    let _lock = session.lock()?;
    schedule::install(session, kind, every)?;
    if let Some(why) = why {
        terminal.note(&format!("It is cron that runs it: {why}."));
    }
    Ok(outcome(kind, every))
}

fn outcome(kind: Kind, every: Interval) -> Outcome {
    Outcome::default().with("kind", kind.to_string()).with("every", every.to_string())
}

//! `poof lconfig`: backups that run by themselves.

use crate::base::error::Result;
use crate::cli::Lconfig;
use crate::host::schedule::{Interval, Kind, Scheduler};
use crate::operations::{Outcome, Session, schedule};
use crate::report::{Bytes, Event, Note};

pub fn run(session: &Session, args: &Lconfig) -> Result<Outcome> {
    let report = &*session.report;
    let scheduler = Scheduler::of_this_user(&session.layout, &session.state);
    let before = || schedule::found(session)?.every;
    let every = args.every.or_else(before).unwrap_or(Interval::DEFAULT);
    let (kind, why) = scheduler.choose()?;
    if args.print {
        let text =
            schedule::joined(kind, &scheduler.preview(kind, &schedule::schedule(session, every)?)?);
        report.tell(&Event::File {
            path: None,
            content: Bytes::content(text.as_bytes()),
            masked: false,
        });
        return Ok(outcome(kind, every));
    }
    let _lock = session.lock()?;
    schedule::install(session, kind, every, true)?;
    if let Some(why) = why {
        report.say(Note::CronRuns { why: why.clone() });
    }
    Ok(outcome(kind, every))
}

fn outcome(kind: Kind, every: Interval) -> Outcome {
    Outcome::default().with("kind", kind.to_string()).with("every", every.to_string())
}

//! `poof backup --scheduled`: a backup that the scheduler starts and nobody watches. It
//! asks nothing, waits for the network, lets another one be, keeps a log, and speaks up
//! when it goes wrong for too long.

mod alert;
mod log;
mod policy;
mod rehearsal;

use std::time::{Duration, Instant};

use super::backup::Request;
use super::outcome::Outcome;
use super::repository::attached;
use super::run_history::{History, note};
use super::session::Session;
use super::{backup, loading};
use crate::base::error::{Kind, Result};
use crate::base::interrupt;
use crate::base::json;
use crate::base::units::now;
use crate::config::{PoofConf, Schedule};
use crate::host::lock::{self, Lock};
use crate::host::network;
use crate::host::power::{self, Power};
use crate::report::event::Run;
use crate::report::{Event, Note};
use crate::storage::failure::FailureKind;
use crate::storage::remote::Remote;
use policy::{Conditions, Decision, Limits, Network, Reason, decide};

pub use alert::trouble;
pub use log::forget as forget_log;

/// A run does nothing if the last one was less than `every` ago. All that happens is told here, so that the log has it.
pub fn run(session: &Session, request: &Request, every: Option<Duration>) -> Outcome {
    let session = log::unwatched(session);
    attempt(&session, request, every).unwrap_or_else(|error| {
        session.report.error(&error);
        Outcome { kind: Some(error.kind()), ..Outcome::default() }
    })
}

fn attempt(session: &Session, request: &Request, every: Option<Duration>) -> Result<Outcome> {
    let alone = unless_busy(lock::of_schedule(&session.state))?;
    // What is wrong with it the run says.
    let conf = PoofConf::load(&session.files.poof).and_then(|conf| Schedule::of(&conf));
    let schedule = conf.unwrap_or_default();
    let mut history = remembered(session);
    let known = history.clone();
    history.every = every.map(|every| every.as_secs());
    let outcome = match decision(session, &schedule, &history, alone.is_none())? {
        // The history is the other's.
        Decision::Skip(Reason::Busy) => return Ok(skipped(session, &Reason::Busy)),
        Decision::Skip(reason) => {
            history.skipped = Some((now(), reason.to_string()));
            skipped(session, &reason)
        }
        // Silent: whoever is called every quarter of an hour would fill the log.
        Decision::NotDue(at) => Outcome::default().with("not_due_before", json::time(at)),
        // It was waited for.
        Decision::Run | Decision::WaitForNetwork(_) => {
            let Some(_lock) = unless_busy(session.lock())? else {
                return Ok(skipped(session, &Reason::Busy));
            };
            // Somebody may have made a backup by hand meanwhile.
            history = History { every: history.every, ..remembered(session) };
            if history.settle() && history.failures >= schedule.alert_after_failures {
                // This one may not live to say so.
                speak(session, &schedule, &mut history);
            }
            back_up(session, request, &schedule, &mut history)
        }
    };
    if outcome.kind != Some(Kind::Interrupted) {
        speak(session, &schedule, &mut history);
    }
    if history != known {
        note(session, &history);
    }
    Ok(outcome)
}

/// Speaks up if there is something to say, and remembers that it has.
fn speak(session: &Session, schedule: &Schedule, history: &mut History) {
    if let Some(say) = alert::due(history, schedule, now()) {
        history.alerted = matches!(say, alert::Say::Trouble(_)).then(now);
        alert::up(session, schedule, history, &say);
    }
}

/// A lock; none, if another poof holds it.
fn unless_busy(lock: Result<Lock>) -> Result<Option<Lock>> {
    match lock {
        Err(error) if error.kind() == Kind::Busy => Ok(None),
        other => other.map(Some),
    }
}

/// The run itself, for one that holds the lock.
fn back_up(
    session: &Session,
    request: &Request,
    schedule: &Schedule,
    history: &mut History,
) -> Outcome {
    let report = &*session.report;
    history.begin(now());
    note(session, history);
    report.say(Note::RunBegins);
    let start = Instant::now();
    let outcome = backup::back_up(session, request);
    let outcome = outcome.and_then(|outcome| rehearsal::after(session, outcome));
    let kind = match &outcome {
        Ok(outcome) => outcome.kind,
        Err(error) => Some(error.kind()),
    };
    let fields = match outcome {
        Ok(outcome) => outcome.fields,
        Err(error) => {
            report.error(&error);
            Outcome::default().fields
        }
    };
    history.end(kind, now());
    // In any case: what is on disk is of a run at work.
    note(session, history);
    let (code, word) = (history.exit_code, history.result.clone());
    report.say(Note::RunEnded { code, word, time: start.elapsed() });
    if kind != Some(Kind::Interrupted) {
        alert::ping(session, schedule, kind);
    }
    Outcome { kind, fields, ..Outcome::default() }
}

/// Finds out what the decision goes by; the network last, since that takes time.
fn decision(
    session: &Session,
    schedule: &Schedule,
    history: &History,
    busy: bool,
) -> Result<Decision> {
    let limits = Limits {
        battery: schedule.battery_min_percent,
        skip_metered: schedule.skip_metered,
        network_wait: schedule.network_wait,
    };
    let mut conditions = Conditions {
        now: now(),
        every: history.every,
        last: history.last(),
        busy,
        power: if limits.battery > 0 { power::now() } else { Power::Mains },
        metered: limits.skip_metered && network::is_metered(),
        network: Network::Up,
        limits,
    };
    let found = decide(&conditions);
    // A configuration that is wrong is for the run to tell.
    let remote = loading::in_force(session).ok().map(|ready| ready.remote().clone());
    let (Decision::Run, Some(remote)) = (&found, remote) else { return Ok(found) };
    if !remote.needs_network() {
        let is_there = attached::check(&session.state, &remote).is_ok();
        conditions.network = if is_there { Network::Up } else { Network::Unplugged };
        return Ok(decide(&conditions));
    }
    let remote = remote.decrypted();
    let start = Instant::now();
    for looks in 1.. {
        if answers(&remote) {
            break;
        }
        interrupt::check()?;
        let waited = start.elapsed();
        conditions.network = Network::Down { waited, looks, route: network::has_route() };
        match decide(&conditions) {
            Decision::WaitForNetwork(distance) => {
                if looks == 1 {
                    let (remote, most) = (remote.name(), limits.network_wait);
                    session.report.say(Note::WaitsForNetwork { remote, most });
                }
                interrupt::pause(distance)?;
            }
            other => return Ok(other),
        }
    }
    Ok(Decision::Run)
}

/// Whether somebody is there, be it one who refuses.
fn answers(remote: &Remote) -> bool {
    !matches!(remote.top(), Err(failure) if failure.kind == FailureKind::Unreachable)
}

/// A run that does nothing is a good one for whoever started it: silent, exit code 0.
fn skipped(session: &Session, reason: &Reason) -> Outcome {
    session.report.say(Note::RunSkipped { why: reason.to_string() });
    Outcome::default().with("skipped", reason.to_string())
}

fn remembered(session: &Session) -> History {
    let mut history = History::load(&session.state).unwrap_or_else(|error| {
        session.report.warn(error.message());
        None
    });
    let history = history.get_or_insert_default();
    if history.since == 0 || history.since > now() {
        history.since = now();
    }
    history.clone()
}

/// Forgets how the schedule got on: there is none any more.
///
/// # Errors
/// The disk fails.
pub fn forget(session: &Session) -> Result<()> {
    History::forget(&session.state)
}

/// What `status` tells of the runs.
pub fn tell(session: &Session) {
    let report = &*session.report;
    let Ok(Some(history)) = History::load(&session.state) else { return };
    let conf = PoofConf::load(&session.files.poof).and_then(|conf| Schedule::of(&conf));
    let next = history.every.and_then(|every| policy::due(history.last(), every, now()));
    let trouble = alert::trouble(&history, &conf.unwrap_or_default(), now());
    report.tell(&Event::ScheduledRun {
        begun: history.begun,
        ended: history.ended,
        exit_code: history.ended.map(|_| history.exit_code),
        failures: history.failures,
        proven: history.proven,
        next,
        more: Run {
            result: history.result,
            skipped: history.skipped.as_ref().map(|(at, _)| *at),
            is_scheduled: history.every.is_some(),
        },
        skipped: history.skipped.map(|(_, why)| why),
        trouble,
    });
}

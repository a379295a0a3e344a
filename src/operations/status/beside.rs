//! What `status` says of the profiles beside the usual configuration: where they go, when they
//! were backed up last, and what is wrong, as this machine knows it.

use crate::base::units::now;
use crate::config::{PoofConf, Schedule};
use crate::operations::profiles::{self, Configuration};
use crate::operations::run_history::History;
use crate::operations::session::Session;
use crate::operations::{last_backup, schedule, unattended};
use crate::report::Event;

/// Tells of each. Who asks for a profile hears of that one.
pub fn tell(session: &Session) {
    if session.id().is_some() {
        return;
    }
    for other in &profiles::others(session) {
        if let Some(name) = other.name() {
            session.report.tell(&profile(name, other));
        }
    }
}

fn profile(name: &str, other: &Configuration) -> Event {
    let Configuration { session, .. } = other;
    let found = schedule::found(session);
    let conf = PoofConf::load(&session.files.poof);
    let remote = conf.as_ref().ok().map(|conf| format!("{}:{}", conf.remote(), conf.bucket()));
    let history = History::load(&session.state).ok().flatten();
    let failures = history.as_ref().map_or(0, |history| history.failures);
    let proven = history.as_ref().and_then(|history| history.proven);
    let backed_up = proven.max(last_backup::of(&session.state));
    let trouble = match (conf, backed_up) {
        (Err(problem), _) => Some(problem.into_error().message().to_owned()),
        // A schedule that is new has a while for its first run.
        (_, None) if history.is_none() => {
            Some(format!("nothing is backed up yet (`{}`)", other.command("backup")))
        }
        (Ok(conf), _) => {
            let history = history.unwrap_or(History { since: now(), ..History::default() });
            let history = History { proven: backed_up, ..history };
            unattended::trouble(&history, &Schedule::of(&conf).unwrap_or_default(), now())
        }
    };
    let every = found.as_ref().and_then(|found| found.every);
    Event::Profile {
        profile: name.to_owned(),
        remote,
        backed_up,
        schedule: found.as_ref().map_or("none".to_owned(), |found| found.kind.to_string()),
        schedule_every: every.map(|every| every.to_string()),
        schedule_enabled: found.is_some_and(|found| found.enabled),
        failures,
        trouble,
        lconfig: other.command("lconfig"),
    }
}

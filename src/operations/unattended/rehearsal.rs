//! Whether what a scheduled run has backed up comes back: looked at now and then, without the
//! phrase of a kit.

use crate::base::error::{Kind, Result};
use crate::base::units::{date, now};
use crate::config::PoofConf;
use crate::config::rehearse::rehearse;
use crate::operations::loading;
use crate::operations::outcome::Outcome;
use crate::operations::rehearse::last::{self, Last};
use crate::operations::rehearse::{self, Request};
use crate::operations::session::Session;

/// One that failed is made again after this, in seconds: it brings everything back.
const AGAIN: u64 = 24 * 60 * 60;

/// After a backup, which ended in this way. One that failed counts as a failure of the run, also
/// in the runs until the next.
///
/// # Errors
/// An interrupt, or the state cannot be written.
pub fn after(session: &Session, mut outcome: Outcome) -> Result<Outcome> {
    let every = PoofConf::load(&session.files.poof).and_then(|conf| rehearse(&conf));
    // What is wrong with it the backup has said.
    let Ok(Some(every)) = every else { return Ok(outcome) };
    let Ok(ready) = loading::load_to_restore(session) else { return Ok(outcome) };
    let last = last::of(session, &ready);
    if outcome.kind.is_none() && is_due(last.as_ref(), every.as_secs(), now()) {
        match rehearse::bring(session, &Request::default()) {
            Ok(came) => came.kind.into_iter().for_each(|kind| outcome.worsen(kind)),
            Err(error) if error.kind() == Kind::Interrupted => return Err(error),
            // The next run looks again.
            Err(error) if error.kind() == Kind::Busy => session.report.warn(&error.to_string()),
            Err(error) => {
                session.report.error(&error);
                outcome.worsen(error.kind());
            }
        }
    } else if let Some(Last { tried, .. }) = last.filter(|last| last.exit_code != 0) {
        let when = date(tried);
        session.report.warn(&format!("not everything came back on {when}: `poof rehearse`"));
        outcome.worsen(Kind::Incomplete);
    }
    Ok(outcome)
}

/// From a time that is still to come nothing can be reckoned: the clock was set back.
fn is_due(last: Option<&Last>, every: u64, now: u64) -> bool {
    let Some(&Last { tried, exit_code, .. }) = last else { return true };
    let distance = if exit_code == 0 { every } else { AGAIN.min(every) };
    now.checked_sub(tried).is_none_or(|since| since >= distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_at_first_then_after_its_time_and_after_a_failure_the_next_day() {
        let month = 30 * AGAIN;
        let last = |tried, exit_code| Some(Last { tried, exit_code, ..Last::default() });
        for (last, now, due) in [
            (None, 0, true),
            (last(5, 0), 5, false),
            (last(5, 0), 4 + month, false),
            (last(5, 0), 5 + month, true),
            (last(5, 5), 4 + AGAIN, false),
            (last(5, 5), 5 + AGAIN, true),
            (last(5, 0), 4, true),
        ] {
            assert_eq!(is_due(last.as_ref(), month, now), due, "{last:?} at {now}");
        }
    }
}

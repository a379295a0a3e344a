//! For how long earlier states are kept, and how often a backup runs.

use crate::base::error::Result;
use crate::base::prompts::{one, text};
use crate::base::units::span;
use crate::host::schedule::Interval;
use crate::operations::set_up::Answers;

/// How often a backup is to run.
pub enum Every {
    Time(Interval),
    /// Not by itself.
    Never,
    /// As it is.
    Unsaid,
}

const KEEP: [(&str, Option<&str>); 5] = [
    ("30 days", Some("30d")),
    ("7 days", Some("7d")),
    ("90 days", Some("90d")),
    ("A year", Some("365d")),
    ("Not at all: only the newest state is on the remote", None),
];

const EVERY: [(&str, Option<&str>); 4] = [
    ("Every 6 hours", Some("6h")),
    ("Every hour", Some("1h")),
    ("Once a day", Some("1d")),
    ("Not by itself: I type `poof backup`", None),
];

/// Asks how long what is deleted or changed here stays on the remote.
pub fn keep(answers: &mut Answers, is_first: bool) -> Result<Option<()>> {
    let mut options: Vec<_> = KEEP.iter().map(|(text, _)| (*text).to_owned()).collect();
    options.push("Another time …".to_owned());
    let known = answers.keep.as_deref();
    let start = KEEP.iter().position(|(_, keep)| known.is_some() && *keep == known);
    // Enter alone leaves as it is what somebody has set up before.
    let usual = if is_first { 0 } else { KEEP.len() - 1 };
    let start = start.unwrap_or(if known.is_some() { KEEP.len() } else { usual });
    let question = "How long should what you delete or change stay on the remote?";
    let Some(chosen) = one(question, &options, start)? else { return Ok(None) };
    answers.keep = if let Some((_, keep)) = KEEP.get(chosen) {
        keep.map(str::to_owned)
    } else {
        let help = "In weeks, days, or hours: 8w, 30d, 12h";
        let typed = text("How long?", known.unwrap_or("60d"), help, |text| match span(text) {
            Some(time) if !time.is_zero() => Ok(()),
            _ => Err("Write it like 30d, 12h, or 8w.".to_owned()),
        })?;
        let Some(typed) = typed else { return Ok(None) };
        Some(typed)
    };
    Ok(Some(()))
}

/// Asks how often a backup runs, `known` being how often it does.
pub fn every(known: Option<Interval>) -> Result<Every> {
    let is_known = |every: &str| known.is_some() && every.parse().ok() == known;
    let place = EVERY.iter().position(|(_, every)| every.is_some_and(is_known));
    let mut options: Vec<_> = EVERY.iter().map(|(text, _)| (*text).to_owned()).collect();
    // One that `poof lconfig` has made, of another length.
    let own = known.filter(|_| place.is_none());
    options.extend(own.map(|every| format!("Every {every}, as now")));
    let start = place.unwrap_or(if own.is_some() { EVERY.len() } else { 0 });
    let chosen = one("How often should a backup run?", &options, start)?;
    let Some(chosen) = chosen else { return Ok(Every::Unsaid) };
    let every = match EVERY.get(chosen) {
        Some((_, every)) => every.and_then(|every| every.parse().ok()),
        None => own,
    };
    Ok(every.map_or(Every::Never, Every::Time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_a_time_that_poof_takes() {
        assert!(KEEP.iter().all(|(_, keep)| keep.is_none_or(|keep| span(keep).is_some())));
        let is_interval = |every: &str| every.parse::<Interval>().is_ok();
        assert!(EVERY.iter().all(|(_, every)| every.is_none_or(is_interval)));
    }
}

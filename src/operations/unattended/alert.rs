//! When a schedule that runs unseen speaks up, and how.

use std::ffi::OsString;
use std::time::Duration;

use crate::base::error::Kind;
use crate::base::units::date;
use crate::config::Schedule;
use crate::config::programs::Program;
use crate::host::launch::Launch;
use crate::host::notify;
use crate::operations::programs;
use crate::operations::run_history::{History, KILLED};
use crate::operations::session::Session;
use crate::report::{Note, Tone};
use crate::storage;

const DAY: u64 = 24 * 60 * 60;
/// For the command that somebody has put in.
const PATIENCE: Duration = Duration::from_mins(1);

/// What there is to say.
#[derive(Debug, PartialEq, Eq)]
pub enum Say {
    Trouble(String),
    Well(String),
}

/// Whether there is something to say at `now`: once when a trouble begins, and once when
/// it is over.
pub fn due(history: &History, schedule: &Schedule, now: u64) -> Option<Say> {
    let is_over = |since| history.failures == 0 && history.proven.is_some_and(|at| at >= since);
    match history.alerted {
        None => trouble(history, schedule, now).map(Say::Trouble),
        Some(since) if is_over(since) => {
            Some(Say::Well("backups are well again: all is proven to be on the remote".to_owned()))
        }
        Some(_) => None,
    }
}

/// What is wrong, if anything is.
pub fn trouble(history: &History, schedule: &Schedule, now: u64) -> Option<String> {
    let Schedule { alert_after_failures: most, alert_after_days: days, .. } = *schedule;
    let last = match history.proven {
        Some(at) => format!("the last proven snapshot is of {}", date(at)),
        None => "there is no proven snapshot yet".to_owned(),
    };
    if most > 0 && history.failures >= most {
        let History { failures, exit_code, result, .. } = history;
        let times = if *failures == 1 { "once" } else { &format!("{failures} times in a row") };
        let how = match &**result {
            KILLED => "it was killed, or the machine went off".to_owned(),
            word => format!("with exit code {exit_code} ({word})"),
        };
        return Some(format!("the backup failed {times}, {how}; {last}"));
    }
    // Two runs that are further apart are no trouble.
    let longest = (u64::from(days) * DAY).max(2 * history.every.unwrap_or(0));
    let since = history.proven.unwrap_or(history.since);
    (days > 0 && now.saturating_sub(since) >= longest).then(|| match &history.skipped {
        Some((_, why)) => format!("{last}; runs are skipped: {why}"),
        None => last,
    })
}

/// Says it in each way that there is. One that fails is noted, and fails nothing.
pub fn up(session: &Session, schedule: &Schedule, history: &History, say: &Say) {
    let report = &*session.report;
    let (event, text) = match say {
        Say::Trouble(text) => ("trouble", text),
        Say::Well(text) => ("well", text),
    };
    match say {
        Say::Trouble(text) => report.warn(text),
        Say::Well(text) => report.say(Note::Said(Tone::Done, text.clone())),
    }
    if schedule.notify {
        let title = if event == "well" { "poof" } else { "poof: backups need a look" };
        if !notify::show(title, text) {
            report.note("no desktop took the notification");
        }
    }
    let Some(argv) = &schedule.alert_command else { return };
    if let Err(problem) = programs::may_run(session, &[Program::alert(argv)]) {
        return report.warn(problem.into_error().message());
    }
    let value = |name: &str, value: &str| (name.to_owned(), OsString::from(value));
    let env = [
        value("POOF_EVENT", event),
        value("POOF_MESSAGE", text),
        value("POOF_FAILURES", &history.failures.to_string()),
        value("POOF_EXIT_CODE", &history.exit_code.to_string()),
        value("POOF_RESULT", &history.result),
    ];
    let dir = &session.layout.home;
    let launch = Launch { argv, env: &env, dir, limit: PATIENCE, interruptible: true };
    let name = argv.first().map_or("", String::as_str);
    let mut printed = |line: &str| {
        report.say(Note::Printed { program: name.to_owned(), line: line.to_owned() });
    };
    if let Err(trouble) = launch.run(&mut printed) {
        report.warn(&format!("the alert command, {name}, {trouble}"));
    }
}

/// Tells the monitor, if there is one, how a run went: after a failure `/fail` at the end
/// of the path, as healthchecks.io has it.
pub fn ping(session: &Session, schedule: &Schedule, kind: Option<Kind>) {
    let Some(url) = &schedule.ping_url else { return };
    let urls = [("ping_url", Some(url)), ("ping_fail_url", schedule.ping_fail_url.as_ref())];
    let urls = urls.into_iter().filter_map(|(key, url)| Some(Program::ping(key, url?.expose())));
    if let Err(problem) = programs::may_run(session, &urls.collect::<Vec<_>>()) {
        return session.report.warn(problem.into_error().message());
    }
    let address = match (kind, &schedule.ping_fail_url) {
        (None, _) => url.expose().to_owned(),
        (Some(_), Some(other)) => other.expose().to_owned(),
        (Some(_), None) => failing(url.expose()),
    };
    let (code, word) = (kind.map_or(0, Kind::exit_code), kind.map_or("done", Kind::word));
    let body = format!("exit code {code} ({word})");
    if let Err(failure) = storage::ping(address, body) {
        session.report.warn(&format!("the monitor was not told: {}", failure.text));
    }
}

fn failing(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (path, rest) = url.split_at(end);
    format!("{}/fail{rest}", path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000 * DAY;

    fn history(failures: u32, proven_days_ago: Option<u64>) -> History {
        let proven = proven_days_ago.map(|days| NOW - days * DAY);
        let result = if failures == 0 { "done" } else { "remote" }.to_owned();
        History { since: NOW - 100 * DAY, failures, proven, result, ..History::default() }
    }

    fn is_trouble(history: &History) -> bool {
        matches!(due(history, &Schedule::default(), NOW), Some(Say::Trouble(_)))
    }

    #[test]
    fn a_table_of_troubles() {
        let new = History { since: NOW - DAY, ..History::default() };
        for (what, history, wanted) in [
            ("all is well", history(0, Some(1)), false),
            ("it failed twice", history(2, Some(1)), false),
            ("it failed three times", history(3, Some(1)), true),
            ("nothing was proven for a week", history(0, Some(7)), true),
            ("nor for six days", history(0, Some(6)), false),
            ("nothing was ever proven", history(1, None), true),
            ("it is new", new, false),
            (
                "it is to run once a week",
                History { every: Some(7 * DAY), ..history(0, Some(8)) },
                false,
            ),
            (
                "it has not run for two of them",
                History { every: Some(7 * DAY), ..history(0, Some(14)) },
                true,
            ),
            (
                "the clock was set back",
                History { proven: Some(NOW + 90 * DAY), ..history(0, None) },
                false,
            ),
            (
                "it was told already",
                History { alerted: Some(NOW - DAY), ..history(9, Some(20)) },
                false,
            ),
        ] {
            assert_eq!(is_trouble(&history), wanted, "{what}");
        }
        let never =
            Schedule { alert_after_failures: 0, alert_after_days: 0, ..Schedule::default() };
        assert_eq!(due(&history(99, None), &never, NOW), None);
    }

    #[test]
    fn it_is_told_once_when_it_is_well_again() {
        let alerted = Some(NOW - DAY);
        let well = |failures, proven| {
            due(&History { proven, alerted, ..history(failures, None) }, &Schedule::default(), NOW)
        };
        assert!(matches!(well(0, Some(NOW)), Some(Say::Well(_))));
        assert_eq!(well(1, Some(NOW - 2 * DAY)), None);
        assert_eq!(well(0, Some(NOW - 2 * DAY)), None, "proven before the trouble");
    }

    #[test]
    fn the_words_say_what_somebody_wants_to_know() {
        let mut failed = history(3, Some(2));
        failed.exit_code = 4;
        let text = trouble(&failed, &Schedule::default(), NOW).unwrap();
        assert!(text.starts_with("the backup failed 3 times in a row, with exit code 4 (remote);"));
        let mut skipped = history(0, None);
        skipped.skipped = Some((NOW, "on battery, at 9 %".to_owned()));
        let text = trouble(&skipped, &Schedule::default(), NOW).unwrap();
        assert!(text.ends_with("no proven snapshot yet; runs are skipped: on battery, at 9 %"));
    }

    #[test]
    fn a_failure_has_an_address_of_its_own() {
        assert_eq!(failing("https://hc.example/id"), "https://hc.example/id/fail");
        assert_eq!(failing("https://hc.example/id/?x=/y"), "https://hc.example/id/fail?x=/y");
    }
}

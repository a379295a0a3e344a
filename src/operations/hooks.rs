//! Runs the hooks of poof.conf around a command.

use std::ffi::OsString;
use std::time::Duration;

use serde_json::Value;

use super::outcome::Outcome;
use super::programs;
use super::session::Session;
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::config::programs::Program;
use crate::config::{Hooks, Problem};
use crate::host::launch::{Launch, Trouble};
use crate::report::{Event, Note};

/// What is left to a hook that runs after an interrupt: whoever waits for poof to stop
/// does not wait for long.
const HURRY: Duration = Duration::from_secs(30);

/// Runs what is to run before `command`, then `run`, then what is to run after it: that
/// always, however it ended, once anything has run. Nothing around a dry run.
///
/// # Errors
/// A hook before it failed, and it did not run at all; else as `run`.
pub fn around(
    session: &Session,
    hooks: &Hooks,
    dry_run: bool,
    command: &str,
    run: impl FnOnce() -> Result<Outcome>,
) -> Result<Outcome> {
    if dry_run || hooks.is_empty() {
        return run();
    }
    let first = hooks.before.iter().map(|argv| Program::hook("before", argv));
    let last = hooks.after.iter().map(|argv| Program::hook("after", argv));
    let all: Vec<_> = first.chain(last).collect();
    programs::may_run(session, &all).map_err(Problem::into_error)?;
    // One that is set to nothing counts as not set.
    let profile = session.profile().map(|profile| profile.name().to_owned()).unwrap_or_default();
    let mut env: Vec<(String, OsString)> = vec![
        ("POOF_COMMAND".to_owned(), command.into()),
        // So that a poof in a hook is that of this configuration.
        ("POOF_PROFILE".to_owned(), profile.into()),
        ("POOF_CONFDIR".to_owned(), session.files.dir.clone().into()),
        ("POOF_POOFCONF".to_owned(), session.files.poof.clone().into()),
        ("POOF_RCLONECONF".to_owned(), session.files.rclone.clone().into()),
    ];
    let outcome = before(session, hooks, &env).and_then(|()| run());
    env.extend(told(&outcome));
    after(session, hooks, &env, outcome)
}

fn before(session: &Session, hooks: &Hooks, env: &[(String, OsString)]) -> Result<()> {
    for argv in &hooks.before {
        interrupt::check()?;
        let launch = Launch {
            argv,
            env,
            dir: &session.layout.home,
            limit: hooks.limit,
            interruptible: true,
        };
        if let Err(trouble) = one(session, "before", &launch) {
            let kind = kind_of(&trouble);
            if kind == Kind::Interrupted {
                return Err(Error::interrupted());
            }
            return Err(Error::new(kind, said("before", argv, &trouble))
                .hint("Nothing was done. Correct it, or take it out: `poof edit poof.conf`."));
        }
    }
    Ok(())
}

/// A hook that fails takes the success away, and nothing else: what a run says of itself
/// remains true.
fn after(
    session: &Session,
    hooks: &Hooks,
    env: &[(String, OsString)],
    mut outcome: Result<Outcome>,
) -> Result<Outcome> {
    for argv in &hooks.after {
        let limit = if interrupt::requested() { hooks.limit.min(HURRY) } else { hooks.limit };
        let dir = &session.layout.home;
        let launch = Launch { argv, env, dir, limit, interruptible: false };
        let Err(trouble) = one(session, "after", &launch) else { continue };
        let error = Error::new(kind_of(&trouble), said("after", argv, &trouble))
            .hint("The work itself ended as shown above.");
        session.report.error(&error);
        if let Ok(outcome) = &mut outcome {
            outcome.kind = outcome.kind.or(Some(error.kind()));
        }
    }
    outcome
}

fn one(session: &Session, when: &'static str, launch: &Launch) -> std::result::Result<(), Trouble> {
    let report = &*session.report;
    let name = name(launch.argv);
    report.say(Note::HookBegins { when, program: name.to_owned() });
    let outcome = launch.run(&mut |line| {
        report.say(Note::Printed { program: name.to_owned(), line: line.to_owned() });
    });
    report.tell(&Event::Hook {
        when: when.to_owned(),
        program: name.to_owned(),
        trouble: outcome.as_ref().err().map(ToString::to_string),
    });
    outcome
}

/// The program alone: arguments may hold a secret.
fn name(argv: &[String]) -> &str {
    argv.first().map_or("", String::as_str)
}

fn said(when: &str, argv: &[String], trouble: &Trouble) -> String {
    format!("the hook {when}, {}, {trouble}", name(argv))
}

/// A program that cannot be started is a configuration with the wrong one.
fn kind_of(trouble: &Trouble) -> Kind {
    match trouble {
        Trouble::NotStarted(_) => Kind::Config,
        Trouble::Failed(_) | Trouble::Hung(_) => Kind::Unexpected,
        Trouble::Interrupted => Kind::Interrupted,
    }
}

/// The result, for a hook that comes after it: `POOF_EXIT_CODE`, `POOF_RESULT`, and each
/// number of the summary.
fn told(outcome: &Result<Outcome>) -> Vec<(String, OsString)> {
    let kind = match outcome {
        Ok(outcome) => outcome.kind,
        Err(error) => Some(error.kind()),
    };
    let pair = |name: &str, value: String| (name.to_owned(), value.into());
    let mut told = vec![
        pair("POOF_EXIT_CODE", kind.map_or(0, Kind::exit_code).to_string()),
        pair("POOF_RESULT", kind.map_or("done", Kind::word).to_owned()),
    ];
    match outcome {
        Ok(outcome) => {
            let numbers = outcome.fields.iter().filter(|(_, value)| value.is_number());
            told.extend(numbers.map(|(key, value): (&String, &Value)| {
                pair(&format!("POOF_{}", key.to_uppercase()), value.to_string())
            }));
        }
        Err(error) => told.push(pair("POOF_MESSAGE", error.message().replace('\0', " "))),
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(told: &'a [(String, OsString)], name: &str) -> Option<&'a str> {
        told.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.to_str())
    }

    #[test]
    fn a_hook_is_told_the_result_and_the_numbers() {
        let told_of = told(&Ok(Outcome::default().with("files", 12).with("dry_run", true)));
        assert_eq!(value(&told_of, "POOF_EXIT_CODE"), Some("0"));
        assert_eq!(value(&told_of, "POOF_RESULT"), Some("done"));
        assert_eq!(value(&told_of, "POOF_FILES"), Some("12"));
        assert_eq!(value(&told_of, "POOF_DRY_RUN"), None);
        let told_of = told(&Err(Error::guard("it is empty")));
        assert_eq!(value(&told_of, "POOF_EXIT_CODE"), Some("7"));
        assert_eq!(value(&told_of, "POOF_RESULT"), Some("refused"));
        assert_eq!(value(&told_of, "POOF_MESSAGE"), Some("it is empty"));
    }
}

//! What a shell asks while somebody types: `poof __complete SHELL …`. Whatever fails prints
//! nothing.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Arg, Command};
use clap_complete::engine::{self, ArgValueCompleter, CompletionCandidate};

use crate::base::command_line::{quoted, typed};
use crate::cli;
use crate::operations::session::Given;
use crate::operations::{Session, completion};
use crate::report::Silent;

/// The argument with which the scripts call poof. It is no command: entry looks for it before
/// the command line is parsed.
pub const COMPLETE: &str = "__complete";

/// The lines for the shell, of the arguments behind [`COMPLETE`].
pub fn complete(arguments: impl Iterator<Item = OsString>) -> Vec<u8> {
    lines(arguments.collect()).unwrap_or_default()
}

fn lines(mut arguments: Vec<OsString>) -> Option<Vec<u8>> {
    let is_bash = arguments.first()? == "bash";
    arguments.remove(0);
    if !is_bash {
        let all = candidates(&arguments)?;
        return Some(all.iter().flat_map(with_help).collect());
    }
    let [line, breaks] = arguments.try_into().ok()?;
    let typed = typed(line.as_bytes(), breaks.as_bytes());
    let words: Vec<_> = typed.words.into_iter().map(OsString::from_vec).collect();
    let head = words.last()?.as_bytes()[..typed.head].to_vec();
    let rest = |candidate: &CompletionCandidate| {
        let rest = candidate.get_value().as_bytes().strip_prefix(&head[..])?;
        let mut line = quoted(rest, typed.quote)?;
        line.push(b'\n');
        Some(line)
    };
    Some(candidates(&words)?.iter().filter_map(rest).flatten().collect())
}

/// A line of a shell that shows what a word means.
fn with_help(candidate: &CompletionCandidate) -> Vec<u8> {
    let mut line = candidate.get_value().as_bytes().to_vec();
    if let Some(help) = candidate.get_help().map(ToString::to_string) {
        line.push(b'\t');
        line.extend(help.lines().next().unwrap_or_default().as_bytes());
    }
    line.push(b'\n');
    line
}

/// What may stand in the place of the last word.
fn candidates(words: &[OsString]) -> Option<Vec<CompletionCandidate>> {
    let (current, before) = words.split_last()?;
    let session = Arc::new(Session::new(given(before), Arc::new(Silent)).ok()?);
    let here = std::env::current_dir().ok();
    let index = before.len();
    let mut command = with_names(&session);
    let all = engine::complete(&mut command, words.to_vec(), index, here.as_deref()).ok()?;
    let mut all: Vec<_> =
        all.into_iter().filter(|one| completion::is_harmless(one.get_value())).collect();
    // Options are many: who wants one begins it.
    if current.is_empty() && all.iter().any(|one| !is_option(one)) {
        all.retain(|one| !is_option(one));
    }
    Some(all)
}

fn is_option(candidate: &CompletionCandidate) -> bool {
    candidate.get_value().as_bytes().starts_with(b"-")
}

/// Which configuration the words before name.
fn given(before: &[OsString]) -> Given {
    let command = cli::command().ignore_errors(true);
    let Ok(matches) = command.try_get_matches_from(before) else { return Given::default() };
    let path = |name| matches.try_get_one::<PathBuf>(name).ok().flatten().cloned();
    Given {
        profile: matches.try_get_one::<String>("profile").ok().flatten().cloned(),
        confdir: path("confdir"),
        poofconf: path("poofconf"),
        rcloneconf: path("rcloneconf"),
        bwlimit: None,
    }
}

/// The command line, which knows the names on this machine.
fn with_names(session: &Arc<Session>) -> Command {
    let trees = of(session, |session, _| completion::trees(session));
    let paths = of(session, |session, typed| completion::paths(session, typed.as_bytes()));
    let profiles = of(session, |session, _| completion::profiles(session));
    let settings = of(session, |session, _| completion::settings(session));
    let secrets = of(session, |session, _| completion::secrets(session));
    let types = of(session, |_, _| completion::types(false));
    let logins = of(session, |_, _| completion::types(true));
    let mut command = cli::command().mut_arg("profile", |arg| arg.add(profiles));
    for (name, argument) in
        [("ls", "path"), ("get", "paths"), ("diff", "path"), ("history", "path")]
    {
        command = with(command, name, argument, &paths);
    }
    for name in ["backup", "download", "check", "find", "traces"] {
        command = with(command, name, "only", &trees);
    }
    command = with(command, "remove", "what", &trees);
    command = with(command, "cconfig", "remote", &types);
    command = with(command, "cconfig", "settings", &settings);
    command = with(command, "login", "kind", &logins);
    command.mut_subcommand("secret", |secret| with(secret, "set", "name", &secrets))
}

fn with(command: Command, name: &str, argument: &str, completer: &ArgValueCompleter) -> Command {
    // Not `mut_arg`, which moves it behind the others.
    let add = |arg: Arg| if arg.get_id() == argument { arg.add(completer.clone()) } else { arg };
    command.mut_subcommand(name, |sub| sub.mut_args(add))
}

/// Completes with those of the names that begin as what is typed.
fn of(
    session: &Arc<Session>,
    names: impl Fn(&Session, &OsStr) -> Vec<Vec<u8>> + Send + Sync + 'static,
) -> ArgValueCompleter {
    let session = Arc::clone(session);
    ArgValueCompleter::new(move |typed: &OsStr| {
        let all = names(&session, typed).into_iter();
        let fitting = all.filter(|name| name.starts_with(typed.as_bytes()));
        fitting.map(|name| CompletionCandidate::new(OsString::from_vec(name))).collect()
    })
}

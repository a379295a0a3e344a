//! poof: make it safe in the cloud, prove that it is there, then make it vanish
//! here, and bring it back whole.
//!
//! A *tree* (local directory ↔ name on the remote) is walked and compared with the
//! *manifest* of its last snapshot and with the listing of the remote, which gives
//! a *plan*; *guards* judge the plan, rclone's backends, which are inside this
//! program, carry it out; what the server then shows is the *proof* without
//! which nothing enters the next manifest.
//!
//! ```text
//! walk ────┐             ┌─► transfer ─► proof ─► manifest ─► deletions
//! manifest ┼─► plan ─► guard
//! listing ─┘             └─► refuse (exit 7), nothing touched
//! ```
//!
//! `upload` is a backup whose every object is then proven once more; only what that
//! proves can be *wiped*, and a journal is on disk before the first file goes.
//!
//! `download` is the same way with the arrow turned: manifest and walk give the
//! steps, and what is fetched is compared with the manifest before it replaces
//! anything. Without a manifest rclone itself compares both sides.
//!
//! `commands` turn arguments into requests, `operations` do what is asked, in the safe
//! order, and tell *events*; `report` says them to people and, as lines of JSON, to
//! programs.
//!
//! The rooms, each of which knows only those to its right; in none of them do two files
//! or folders use each other:
//!
//! ```text
//! main ─► commands ─► cli, operations ─► report ─► config, tree, kit ─► storage, host ─► base
//! ```
//!
//! `go/` is the other half of `storage`: rclone and a little glue, compiled by
//! build.rs to a static library.

mod base;
mod cli;
mod commands;
mod config;
mod host;
mod kit;
mod operations;
mod report;
mod storage;
mod tree;

use std::env;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Map, Value};

use base::error::{Error, Kind, Result};
use base::interrupt;
use base::terminal::{Terminal, Voice, Volume};
use base::waiting;
use cli::{Cli, Color};
use host::clipboard;
use operations::session::Given;
use operations::{Outcome, Session};
use report::{Event, Report};

fn main() -> ExitCode {
    host::confine::undumpable();
    host::confine::keep_descriptors();
    if env::args_os().nth(1).is_some_and(|argument| argument == clipboard::HOLD) {
        return clipboard::hold();
    }
    settle_environment();
    // What is restored gets its permissions from nowhere yet: too narrow is
    // better than a secret that everybody can read.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let voice = voice(&cli);
    waiting::announce(move |waiting, is_shown| {
        Terminal::new(voice).tell(&Event::waiting(waiting, is_shown));
    });
    let given = Given {
        confdir: cli.confdir.clone(),
        poofconf: cli.poofconf.clone(),
        rcloneconf: cli.rcloneconf.clone(),
    };
    let terminal = Arc::new(Terminal::new(voice));
    let session = Session::new(given, Arc::clone(&terminal) as Arc<dyn Report>);
    let outcome = session.and_then(|session| {
        interrupt::install()?;
        commands::run(cli, &session)
    });
    finish(&terminal, outcome)
}

/// RCLONE_* must have no effect. Go removes it from the environment in a thread
/// of its own while this one starts; if there is any, wait until that is done,
/// so that nobody reads the environment while it changes.
fn settle_environment() {
    let is_rclone = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b"RCLONE_");
    if env::vars_os().any(|(name, _)| is_rclone(&name)) {
        storage::rclone::start();
    }
}

fn voice(cli: &Cli) -> Voice {
    let color = match cli.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let set = |name| env::var_os(name).filter(|value| !value.is_empty());
            io::stderr().is_terminal()
                && set("NO_COLOR").is_none()
                && set("TERM").is_none_or(|term| term != "dumb")
        }
    };
    let volume = match (cli.quiet, cli.verbose) {
        (true, _) => Volume::Quiet,
        (_, true) => Volume::Verbose,
        _ => Volume::Normal,
    };
    Voice { json: cli.json, volume, color }
}

/// Help goes to standard output, a wrong command line to standard error.
fn usage(error: &clap::Error) -> ExitCode {
    let json = env::args_os().any(|argument| argument == "--json");
    let terminal = Terminal::new(Voice { json, ..Voice::default() });
    if !error.use_stderr() && json {
        terminal.tell(&Event::Help { text: error.to_string() });
        return finish(&terminal, Ok(Outcome::default()));
    } else if !error.use_stderr() {
        return if error.print().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    // A closed standard error leaves nobody to tell.
    let _ = error.print();
    // Its own words quote arguments, which may be secrets.
    let what = error.kind().as_str().unwrap_or("the command line is not understood");
    let error = Error::new(Kind::Usage, what).hint("`poof --help` lists commands and options.");
    terminal.tell(&Event::error(&error));
    summary(&terminal, Map::new(), Kind::Usage.exit_code())
}

/// Tells what went wrong, closes the `--json` stream, and gives the exit code.
fn finish(terminal: &Terminal, outcome: Result<Outcome>) -> ExitCode {
    let (mut kind, fields) = match outcome {
        Ok(Outcome { kind, fields, .. }) => (kind, fields),
        Err(error) => (Some(tell(terminal, &error)), Map::new()),
    };
    if let Err(error) = terminal.check_stdout() {
        kind = kind.or(Some(tell(terminal, &error)));
    }
    summary(terminal, fields, kind.map_or(0, Kind::exit_code))
}

fn tell(terminal: &Terminal, error: &Error) -> Kind {
    Report::error(terminal, error);
    error.kind()
}

fn summary(terminal: &Terminal, fields: Map<String, Value>, exit_code: u8) -> ExitCode {
    terminal.tell(&Event::Summary { exit_code, fields });
    ExitCode::from(exit_code)
}

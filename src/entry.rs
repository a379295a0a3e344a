//! The process: its environment, its voice, its exit code.

use std::env;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::prompts;
use crate::base::terminal::{OutputOptions, Terminal, Volume};
use crate::base::waiting;
use crate::cli::{self, Cli, Color};
use crate::commands;
use crate::host::{clipboard, confine, memory};
use crate::operations::session::Given;
use crate::operations::{Outcome, Session, loading};
use crate::report::{Event, Report};
use crate::storage;

/// Runs the command line that this process was called with, and gives its exit code.
pub fn run() -> ExitCode {
    memory::give_back_what_is_large();
    confine::undumpable();
    confine::keep_descriptors();
    if env::args_os().nth(1).is_some_and(|argument| argument == clipboard::HOLD) {
        return clipboard::hold();
    }
    settle_environment();
    if env::args_os().nth(1).is_some_and(|argument| argument == commands::COMPLETE) {
        Terminal::new(OutputOptions::default()).raw(&commands::complete(env::args_os().skip(2)));
        return ExitCode::SUCCESS;
    }
    // What is restored gets its permissions from nowhere yet: too narrow is
    // better than a secret that everybody can read.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let voice = voice(&cli);
    prompts::colored(voice.color);
    let terminal = match Terminal::new(voice).copied_to(cli.log_file.as_deref()) {
        Ok(terminal) => Arc::new(terminal),
        Err(error) => return finish(&Terminal::new(voice), Err(error)),
    };
    let speaker = Arc::clone(&terminal);
    waiting::announce(move |waiting, is_shown| {
        speaker.tell(&Event::waiting(waiting, is_shown));
    });
    let given = Given {
        profile: cli.profile.clone(),
        confdir: cli.confdir.clone(),
        poofconf: cli.poofconf.clone(),
        rcloneconf: cli.rcloneconf.clone(),
        bwlimit: cli.bwlimit.clone(),
    };
    let session = Session::new(given, Arc::clone(&terminal) as Arc<dyn Report>);
    let outcome = session.and_then(|session| {
        interrupt::install()?;
        loading::shown_as_named(&session);
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
        storage::start();
    }
}

fn voice(cli: &Cli) -> OutputOptions {
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
        (_, 0) => Volume::Normal,
        (_, 1) => Volume::Verbose,
        _ => Volume::Rclone,
    };
    OutputOptions { json: cli.json, volume, color }
}

/// Help goes to standard output, a wrong command line to standard error.
fn usage(error: &clap::Error) -> ExitCode {
    let json = env::args_os().any(|argument| argument == "--json");
    let terminal = Terminal::new(OutputOptions { json, ..OutputOptions::default() });
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

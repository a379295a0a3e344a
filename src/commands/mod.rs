//! One file a verb: its arguments become a request, and an operation does the work.

mod add;
mod backup;
mod caution;
mod cconfig;
mod check;
mod completions;
mod config;
mod cryptoggle;
mod demo;
mod diff;
mod download;
mod econfig;
mod edit;
mod find;
mod get;
mod history;
mod init;
mod kit;
mod lconfig;
mod login;
mod lpurge;
mod ls;
mod man;
mod neuter;
mod now;
mod paths;
mod purge_plain;
mod rehearse;
mod rekey;
mod remove;
mod return_;
mod secret;
mod shown;
mod status;
mod traces;
mod upload;
mod verify;
mod version;

use crate::base::error::Result;
use crate::cli::{Cli, Command};
pub use completions::{COMPLETE, complete};

use crate::host::{awake, lock};
use crate::operations::{self, Outcome, Session, bandwidth, next, ownership, profiles};

/// Runs the command of `cli`.
pub fn run(cli: Cli, session: &Session) -> Result<Outcome> {
    if cli.version {
        return Ok(version::run(session));
    }
    if let Some(command) = &cli.command {
        is_there(session, command)?;
    }
    if cli.command.as_ref().is_none_or(Command::uses_files) {
        ownership::check(session)?;
    }
    bandwidth::check(session)?;
    lock::called(&cli.called);
    let _awake = cli.command.as_ref().is_some_and(Command::takes_long).then(awake::keep);
    let outcome = dispatch(cli.command, session);
    operations::login::tell_unsaved(session);
    outcome
}

fn dispatch(command: Option<Command>, session: &Session) -> Result<Outcome> {
    match command {
        None => next::run(session),
        Some(Command::Version) => Ok(version::run(session)),
        Some(Command::Backup(args)) => backup::run(session, &args),
        Some(Command::Upload(args)) => upload::run(session, &args),
        Some(Command::Now(args)) => now::run(session, &args),
        Some(Command::Download(args)) => download::run(session, &args),
        Some(Command::Check(args)) => check::run(session, &args),
        Some(Command::Rehearse(args)) => rehearse::run(session, &args),
        Some(Command::Ls(args)) => ls::run(session, &args),
        Some(Command::Find(args)) => find::run(session, &args),
        Some(Command::Get(args)) => get::run(session, &args),
        Some(Command::Diff(args)) => diff::run(session, &args),
        Some(Command::History(args)) => history::run(session, &args),
        Some(Command::Init(args)) => init::run(session, &args),
        Some(Command::Verify(args)) => verify::run(session, &args),
        Some(Command::Config(args)) => config::run(session, &args),
        Some(Command::Add(args)) => add::run(session, &args),
        Some(Command::Remove(args)) => remove::run(session, &args),
        Some(Command::Edit(args)) => edit::run(session, &args),
        Some(Command::Cconfig(args)) => cconfig::run(session, &args),
        Some(Command::Login(args)) => login::run(session, &args),
        Some(Command::Econfig) => econfig::run(session),
        Some(Command::Cryptoggle) => cryptoggle::run(session),
        Some(Command::Lconfig(args)) => lconfig::run(session, &args),
        Some(Command::Lpurge) => lpurge::run(session),
        Some(Command::Kit(args)) => kit::run(session, &args),
        Some(Command::Return(args)) => return_::run(session, &args),
        Some(Command::Secret(args)) => secret::run(session, &args),
        Some(Command::PurgePlain(args)) => purge_plain::run(session, &args),
        Some(Command::Rekey(args)) => rekey::run(session, &args),
        Some(Command::Status(_)) => status::run(session),
        Some(Command::Traces(args)) => traces::run(session, &args),
        Some(Command::Neuter(args)) => neuter::run(session, &args),
        Some(Command::Paths) => Ok(paths::run(session)),
        Some(Command::Demo) => demo::run(session),
        Some(Command::Completions(args)) => completions::run(session, &args),
        Some(Command::Man(args)) => man::run(session, &args),
    }
}

/// Whether the configuration that is meant is here, as far as a command needs one.
fn is_there(session: &Session, command: &Command) -> Result<()> {
    if command.makes_files() || !command.uses_files() {
        return Ok(());
    }
    profiles::is_there(session, command.removes_rests())?;
    if command.needs_files() { profiles::is_meant(session) } else { Ok(()) }
}

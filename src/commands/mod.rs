//! One file a verb. Commands load the configuration, call the domain and print;
//! nobody else prints results.

mod backup;
mod baggage;
mod brought;
mod carry;
mod cconfig;
mod check;
mod clear;
mod completions;
mod config;
mod context;
mod cryptoggle;
mod demo;
mod departure;
mod download;
mod econfig;
mod excluded;
mod farewell;
mod guessable;
mod held;
mod homecoming;
mod hooks;
mod kit;
mod last_known;
mod lconfig;
mod level;
mod locks;
mod lpurge;
mod man;
mod mirroring;
mod neuter;
mod offer;
mod own_config;
mod ownership;
mod paths;
mod phrase;
mod preview;
mod programs;
mod purge;
mod report;
mod scheduled;
mod scheduling;
mod secret;
mod secrets;
mod sending;
mod setup;
mod show;
mod stage;
mod status;
mod unpacking;
mod upload;
mod vault;
mod verify;
mod version;
mod watch;
mod wiping;

use crate::base::error::{Error, Kind, Result};
use crate::cli::{Cli, Command};
use crate::host::awake;

pub use context::Context;
pub use report::Outcome;

/// Runs the command of `cli`.
pub fn run(cli: Cli, context: &Context) -> Result<Outcome> {
    if cli.version {
        return Ok(version::run(context));
    }
    if cli.command.as_ref().is_some_and(Command::uses_files) {
        ownership::check(context)?;
    }
    let _awake = cli.command.as_ref().is_some_and(Command::takes_long).then(awake::keep);
    match cli.command {
        None => Err(Error::new(Kind::Usage, "no command was given")
            .hint("`poof --help` lists commands and options.")),
        Some(Command::Version) => Ok(version::run(context)),
        Some(Command::Backup(args)) => backup::run(context, &args),
        Some(Command::Upload(args)) => upload::run(context, &args),
        Some(Command::Download(args)) => download::run(context, &args),
        Some(Command::Check(args)) => check::run(context, &args),
        Some(Command::Verify(args)) => verify::run(context, &args),
        Some(Command::Config) => config::run(context),
        Some(Command::Cconfig(args)) => cconfig::run(context, &args),
        Some(Command::Econfig) => econfig::run(context),
        Some(Command::Cryptoggle) => cryptoggle::run(context),
        Some(Command::Lconfig(args)) => lconfig::run(context, &args),
        Some(Command::Lpurge) => lpurge::run(context),
        Some(Command::Kit(args)) => kit::run(context, &args),
        Some(Command::Return(args)) => homecoming::run(context, &args),
        Some(Command::Secret(args)) => secret::run(context, &args),
        Some(Command::PurgePlain(args)) => purge::run(context, &args),
        Some(Command::Status(args)) => status::run(context, &args),
        Some(Command::Neuter(args)) => neuter::run(context, &args),
        Some(Command::Paths) => Ok(paths::run(context)),
        Some(Command::Demo) => demo::run(context),
        Some(Command::Completions(args)) => completions::run(context, &args),
        Some(Command::Man) => man::run(context),
    }
}

//! The command line, as `clap` types and nothing else.

#![allow(clippy::struct_excessive_bools)] // each is a flag of its own
#![allow(clippy::doc_markdown)] // these comments are the help that users see

mod configuration;
#[cfg(test)]
mod documents;
mod foreign;
mod help;
mod leaving;
mod looking;
mod manual;
mod schedule;
mod secret;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::base::units::span;

pub use configuration::page as configuration_page;
pub use help::{command, parse};
pub use leaving::{Kit, Neuter, Return};
pub use looking::{Diff, Find, Get, History, Ls};
pub use manual::page;
pub use schedule::Lconfig;
pub use secret::{Secret, SecretSet};

/// Make it safe in the cloud, prove that it is there, bring it back whole.
#[derive(Parser)]
#[command(name = "poof", disable_version_flag = true)]
pub struct Cli {
    /// The configuration with this name, beside the usual one [env: POOF_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Directory of both configuration files [env: POOF_CONFDIR]
    #[arg(long, global = true, value_name = "DIR")]
    pub confdir: Option<PathBuf>,
    /// Path of poof.conf; a relative one is below that directory [env: POOF_POOFCONF]
    #[arg(long, global = true, value_name = "FILE")]
    pub poofconf: Option<PathBuf>,
    /// Path of rclone-poof.conf; a relative one is below that directory [env: POOF_RCLONECONF]
    #[arg(long, global = true, value_name = "FILE")]
    pub rcloneconf: Option<PathBuf>,
    /// Send and receive at most so many bytes a second: a rate, UP:DOWN, or a timetable
    #[arg(long, global = true, value_name = "RATE")]
    pub bwlimit: Option<String>,
    /// Also list what is sent and removed; given twice: also print the messages of rclone
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Also write what goes to standard error to this file, with times
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub log_file: Option<PathBuf>,
    /// Print only results, warnings, and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print one JSON object per line on standard output; the last one is a summary
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Print the version
    #[arg(short = 'V', long)]
    pub version: bool,
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The name of the command
    #[arg(skip)]
    pub called: String,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand)]
pub enum Command {
    /// Make the remote copy of every configured directory equal to it
    Backup(Backup),
    /// Back up, prove that every byte is there, and then wipe the local data
    Upload(Upload),
    /// Upload in a hurry: the most precious first, and the end comes in time
    Now(Now),
    /// Make every local directory equal to its snapshot
    Download(Download),
    /// List what a snapshot holds
    Ls(Ls),
    /// Find paths in the snapshots, by a piece of a name or a pattern
    Find(Find),
    /// Bring back files or directories from a snapshot, and nothing else
    Get(Get),
    /// Show what differs between here and a snapshot, or between two snapshots
    Diff(Diff),
    /// List the snapshots of a directory, or the versions of a path
    History(History),
    /// Set everything up, guided: what to back up, where, and how
    Init(Init),
    /// Check both configuration files and the credentials against the remote
    Verify(Verify),
    /// Check that poof can restore what is on the remote
    Check(Check),
    /// Have everything come back into a scratch directory, compare it, and remove it again
    Rehearse(Rehearse),
    /// Create poof.conf if it is missing; print it and put it on the clipboard
    Config(Config),
    /// Add a directory to poof.conf
    Add(Add),
    /// Take a directory out of poof.conf; its files and its snapshot stay
    Remove(Remove),
    /// Edit a configuration file; what poof would not take is not put in place
    Edit(Edit),
    /// Say where backups go: a cloud account, a server, or a disk; fills in rclone-poof.conf
    Cconfig(Cconfig),
    /// Log in to Google Drive, Dropbox, OneDrive, or another such cloud, in a browser
    Login(Login),
    /// Add an encrypted remote with random passwords
    Econfig,
    /// Switch between the plain and the encrypted remote
    Cryptoggle,
    /// Run backups automatically: by launchd on macOS, by a systemd user timer or cron on Linux
    Lconfig(Lconfig),
    /// Remove the schedule, its files, and its logs
    Lpurge,
    /// Keep secrets out of the configuration files
    #[command(subcommand)]
    Secret(Secret),
    /// Show the level that you declared, the level that holds, and every directory
    Status(Status),
    /// Find what else on this machine tells of your files: thumbnails, recent lists, copies
    Traces(Traces),
    /// Remove the plain copies that a switch to encryption left in the bucket
    PurgePlain(PurgePlain),
    /// Give the encrypted remote new passwords: poof sends everything again, then removes the old
    Rekey(Rekey),
    /// Write the recovery kit: everything that a bare machine needs, encrypted with a phrase
    Kit(Kit),
    /// Bring configuration and data back to a bare machine, with a kit
    Return(Return),
    /// Remove poof, its configuration, and everything that it noted
    Neuter(Neuter),
    /// Print where the files of poof are
    Paths,
    /// Print the version
    Version,
    /// Show the whole cycle in a scratch directory, and touch nothing else
    Demo,
    /// Print the completions for a shell
    Completions(Completions),
    /// Print a manual page
    #[command(hide = true)]
    Man(Man),
}

impl Command {
    /// Whether it reads or writes the files of the user's configuration.
    pub fn uses_files(&self) -> bool {
        use Command::{Completions, Demo, Man, Paths, Version};
        !matches!(self, Completions(_) | Demo | Man(_) | Paths | Version)
    }

    /// Whether it makes a configuration that is not there, or says so in its log.
    pub fn makes_files(&self) -> bool {
        use Command::{Add, Cconfig, Config, Init, Return};
        let is_scheduled = matches!(self, Command::Backup(Backup { scheduled: true, .. }));
        is_scheduled || matches!(self, Add(_) | Cconfig(_) | Config(_) | Init(_) | Return(_))
    }

    /// Whether it does nothing without a configuration.
    pub fn needs_files(&self) -> bool {
        !self.removes_rests() && !matches!(self, Command::Status(_) | Command::Lconfig(_))
    }

    /// Whether it removes what is left of a configuration, be its files gone.
    pub fn removes_rests(&self) -> bool {
        matches!(self, Command::Lpurge | Command::Neuter(_))
    }

    /// Whether it moves or reads so much that the machine should not fall asleep over it.
    pub fn takes_long(&self) -> bool {
        use Command::{Backup, Check, Download, Get, Now, Rehearse, Rekey, Return, Traces, Upload};
        let sends = matches!(self, Backup(_) | Now(_) | Rekey(_) | Upload(_));
        let reads = matches!(self, Check(_) | Rehearse(_) | Traces(_));
        sends || reads || matches!(self, Download(_) | Get(_) | Return(_))
    }
}

#[derive(Args, Default)]
pub struct Backup {
    #[command(flatten)]
    pub mirror: Mirror,
    /// Read and hash every file, even if nothing shows that it changed
    #[arg(long)]
    pub rehash: bool,
    /// As the schedule runs it: nobody watches
    #[arg(long, hide = true, conflicts_with_all = ["only", "dry_run", "allow"])]
    pub scheduled: bool,
    /// Do nothing if the last backup is more recent than that
    #[arg(long, hide = true, requires = "scheduled", value_name = "DURATION", value_parser = distance)]
    pub every: Option<Duration>,
}

#[derive(Args)]
#[command(mut_arg("dry_run", |arg| {
    arg.help("Print what poof would send and what it would wipe, and change nothing")
}))]
#[command(mut_arg("allow", |arg| arg.display_order(5)))]
pub struct Upload {
    #[command(flatten)]
    pub caution: Caution,
    /// On an encrypted remote, keep poof itself at the end
    #[arg(long, display_order = 2)]
    pub keep_poof: bool,
    /// What counts as proof
    #[arg(long, value_name = "BY", default_value = "server", display_order = 3)]
    pub proof: ProofBy,
    /// Also wipe what poof.conf excludes, which no snapshot holds
    #[arg(long, display_order = 4)]
    pub wipe_excluded: bool,
    /// What to overwrite after the wipe; without it, names where that takes less than a minute
    #[arg(long, value_name = "WHAT", display_order = 4)]
    pub scrub: Option<ScrubWhat>,
    /// Write a signed text to this new file that says what poof wiped, without any name
    #[arg(long, value_name = "FILE", display_order = 4)]
    pub receipt: Option<PathBuf>,
}

#[derive(Args)]
#[command(mut_arg("dry_run", |arg| {
    arg.help("Print what poof would send and what it would wipe, and change nothing")
}))]
#[command(mut_arg("yes", |arg| arg.hide(true)))]
#[command(mut_arg("allow", |arg| arg.display_order(5)))]
pub struct Now {
    /// How much time there is, such as 90s or 5m
    #[arg(long, value_name = "TIME", value_parser = haste, display_order = 0)]
    pub within: Duration,
    #[command(flatten)]
    pub caution: Caution,
    /// Wipe nothing here
    #[arg(long, display_order = 2)]
    pub keep: bool,
    /// On an encrypted remote, keep poof itself at the end
    #[arg(long, display_order = 3)]
    pub keep_poof: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScrubWhat {
    /// Nothing
    No,
    /// The journal of each file system, which holds names of files
    Names,
    /// The journal, and once everything that is free
    Free,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProofBy {
    /// The hash that the server computed of what it stores; if it has none, as readback
    Server,
    /// poof reads every object back and compares it
    Readback,
}

#[derive(Args)]
pub struct Download {
    #[command(flatten)]
    pub mirror: Mirror,
    /// Restore to this directory instead, each tree below its name
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// Keep local files that the snapshot does not hold
    #[arg(long)]
    pub keep_extra: bool,
    /// The last snapshot from then: a date, a date and time, or an age such as 3d
    #[arg(long, value_name = "WHEN")]
    pub at: Option<String>,
}

/// What every command takes that makes one side equal to the other.
#[derive(Args, Default)]
pub struct Mirror {
    /// Only the directories with these names
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub only: Vec<String>,
    #[command(flatten)]
    pub caution: Caution,
}

/// What every command takes that destroys something.
#[derive(Args, Clone, Default)]
pub struct Caution {
    /// Print the plan, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Answer every question with yes
    #[arg(short, long)]
    pub yes: bool,
    /// Do what this guard refuses, for this run only
    #[arg(long, value_name = "GUARD")]
    pub allow: Vec<Guard>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Guard {
    EmptySource,
    MassDeletion,
    MassChange,
    OtherRemote,
    OlderSnapshot,
    NewerSnapshot,
    NoKit,
    Foreign,
    NoManifest,
    Privileged,
}

#[derive(Args)]
pub struct Add {
    /// The directory
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Its name on the remote; without it, its own name
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Print what would be added, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Args)]
pub struct Edit {
    /// Which file
    #[arg(value_name = "FILE", default_value = "poof.conf")]
    pub file: EditFile,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum EditFile {
    #[value(name = "poof.conf")]
    Poof,
    #[value(name = "rclone-poof.conf")]
    Rclone,
}

#[derive(Args)]
#[command(mut_arg("dry_run", |arg| arg.help("Print what poof would remove, and change nothing")))]
pub struct Remove {
    /// The name on the remote, or the directory
    #[arg(value_name = "NAME|DIR", value_hint = ValueHint::DirPath)]
    pub what: String,
    /// Also delete its snapshot, and what is kept of earlier ones, from the remote
    #[arg(long)]
    pub purge: bool,
    #[command(flatten)]
    pub caution: Caution,
}

#[derive(Args)]
pub struct Status {}

#[derive(Args)]
pub struct Traces {
    /// Only of the directories with these names
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub only: Vec<String>,
    /// Remove what is yours and can go alone, after a question
    #[arg(long)]
    pub remove: bool,
    /// Also remove copies of the content
    #[arg(long, requires = "remove")]
    pub copies: bool,
    /// Print what poof would remove, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Answer every question with yes
    #[arg(short, long)]
    pub yes: bool,
}

#[derive(Args)]
#[command(mut_arg("dry_run", |arg| arg.help("Print what poof would remove, and change nothing")))]
pub struct PurgePlain {
    #[command(flatten)]
    pub caution: Caution,
}

#[derive(Args)]
#[command(mut_arg("dry_run", |arg| arg.help("Print what poof would send again, and change nothing")))]
pub struct Rekey {
    /// Also remove earlier snapshots: they are under the old passwords only
    #[arg(long)]
    pub purge_history: bool,
    /// Give up a change whose new passwords are not in use yet, and remove what was sent under them
    #[arg(long, conflicts_with = "purge_history")]
    pub abort: bool,
    #[command(flatten)]
    pub caution: Caution,
}

#[derive(Args)]
pub struct Check {
    /// Only the directories with these names
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub only: Vec<String>,
    /// Read every byte back and compare it with the manifest
    #[arg(long)]
    pub read_data: bool,
    /// Read back only a random share of the files, such as 5%
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub sample: Option<f64>,
    /// Do what this guard refuses, for this run only
    #[arg(long, value_name = "GUARD")]
    pub allow: Vec<Guard>,
}

#[derive(Args)]
pub struct Rehearse {
    /// Only the directories with these names
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub only: Vec<String>,
    /// Bring back only a random share of the files, such as 5%
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub sample: Option<f64>,
    /// Use the configuration of this recovery kit, as on a bare machine; -: standard input
    #[arg(long, value_name = "FILE")]
    pub kit: Option<PathBuf>,
    /// Take the phrase from the first line of this file; -: standard input
    #[arg(long, value_name = "FILE", requires = "kit")]
    pub phrase_file: Option<PathBuf>,
}

#[derive(Args)]
pub struct Init {
    /// The level that you want, from 1 to 4; 3 and 4 encrypt
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(1..=4))]
    pub level: Option<u8>,
}

#[derive(Args)]
pub struct Verify {
    /// Do not ask the remote
    #[arg(long)]
    pub offline: bool,
}

#[derive(Args)]
pub struct Config {
    /// Print secrets as well, also on a terminal
    #[arg(long)]
    pub show: bool,
}

#[derive(Args)]
pub struct Cconfig {
    /// The type of remote: s3, local (with PATH=/directory) or any type of rclone
    #[arg(long, value_name = "TYPE")]
    pub remote: Option<String>,
    /// Settings of the remote; KEY alone asks for the value, KEY=- reads it from standard input
    #[arg(value_name = "KEY=VALUE", value_parser = setting_or_key)]
    pub settings: Vec<(String, Option<String>)>,
    /// Print secrets as well, also on a terminal
    #[arg(long)]
    pub show: bool,
}

#[derive(Args)]
pub struct Login {
    /// The type of remote: drive, dropbox, onedrive, …; without it, that of rclone-poof.conf
    #[arg(value_name = "TYPE", value_parser = kind)]
    pub kind: Option<String>,
    /// Settings of the remote, such as `client_id`
    #[arg(value_name = "KEY=VALUE", value_parser = setting)]
    pub settings: Vec<(String, String)>,
    /// The browser is on another machine: you paste here the address at which it ends
    #[arg(long)]
    pub no_browser: bool,
    /// How long to wait for the browser
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = distance)]
    pub wait: Duration,
}

#[derive(Args)]
pub struct Completions {
    pub shell: clap_complete::Shell,
}

#[derive(Args)]
pub struct Man {
    /// Which page
    #[arg(default_value = "poof")]
    pub page: Page,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Page {
    Poof,
    #[value(name = configuration::TOPIC)]
    PoofConf,
}

fn distance(text: &str) -> Result<Duration, String> {
    span(text).filter(|time| !time.is_zero()).ok_or("expected a length of time like 6h".to_owned())
}

/// In less than the shortest nothing can be proven; who has more than the longest is in no hurry.
fn haste(text: &str) -> Result<Duration, String> {
    let range = Duration::from_secs(5)..=Duration::from_hours(24);
    let time = span(text).filter(|time| range.contains(time));
    time.ok_or("expected a length of time like 90s, from 5s to 24h".to_owned())
}

fn kind(text: &str) -> Result<String, String> {
    // It may hold a secret and is not repeated.
    if text.contains('=') {
        Err("the TYPE comes before KEY=VALUE".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim().parse();
    number.ok().filter(|n| (0.0..=100.0).contains(n)).ok_or("expected a share like 5%".to_owned())
}

/// A setting, or its key alone.
fn setting_or_key(text: &str) -> Result<(String, Option<String>), String> {
    if text.contains('=') {
        return setting(text).map(|(key, value)| (key, Some(value)));
    }
    // It is a setting if it has a value.
    setting(&format!("{text}=")).map(|(key, _)| (key, None))
}

fn setting(text: &str) -> Result<(String, String), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    match text.split_once('=') {
        Some(("type", _)) => Err("the type is given with --remote".to_owned()),
        Some((key, value))
            if !key.is_empty() && key.chars().all(plain) && !value.contains(['\n', '\r']) =>
        {
            Ok((key.to_owned(), value.trim().to_owned()))
        }
        // The text may hold a secret and is not repeated.
        _ => Err("expected KEY=VALUE on one line".to_owned()),
    }
}

//! How poof removes itself, and what it then finds of itself.

use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::json;

use super::{Context, Outcome, demo, secret, setup};
use crate::base::error::{Error, Kind, Result};
use crate::base::json;
use crate::config::trees::Directory;
use crate::host::clipboard;
use crate::host::erase::{self, Noise};
use crate::host::keychain;
use crate::host::program::{self, Installed};
use crate::host::schedule::{Found, Kind as Keeper, Scheduler};
use crate::host::traces::{Trace, of_timer, quoted, traces};

/// What goes, in this order.
struct Baggage {
    /// The schedule and its logs: they are overwritten.
    schedule: Vec<PathBuf>,
    /// Whether lines of a crontab go as well.
    crontab: bool,
    /// Hold secrets or names of files: overwritten.
    files: Vec<PathBuf>,
    /// Entries of the keychain that `secret set` made.
    keychain: Vec<String>,
    state: PathBuf,
    /// Directories of a demo that was killed.
    scratch: Vec<PathBuf>,
    /// Brought by the installation.
    installed: Vec<PathBuf>,
    program: Option<PathBuf>,
    cargo: Option<PathBuf>,
    /// Go if nothing else is in them, and those above that are empty then.
    directories: Vec<PathBuf>,
    /// Go if nothing else is in them, the deepest first.
    made: Vec<PathBuf>,
    /// Not for poof to remove.
    left: Vec<Trace>,
}

/// Names all that would go, once the directories in `going` are wiped.
pub fn preview(context: &Context, going: &[&Directory]) -> Result<()> {
    let baggage = Baggage::of(context)?;
    let installed = baggage.installed.iter().chain(&baggage.program);
    let own = baggage.files.iter().chain([&baggage.state]).chain(&baggage.scratch);
    for path in own.chain(&baggage.schedule).chain(installed) {
        context.terminal.result(&format!("x {}", path.display()));
        let event = json!({"type": "would_remove"});
        context.terminal.event(&json::at(path.as_os_str().as_bytes(), event));
    }
    if baggage.crontab {
        let what = "the lines of poof in the crontab";
        context.terminal.result(&format!("x {what}"));
        context.terminal.event(&json!({"type": "would_remove", "what": what}));
    }
    for entry in &baggage.keychain {
        context.terminal.result(&format!("x {entry:?} in the keychain"));
        context.terminal.event(&json!({"type": "would_forget", "entry": entry}));
    }
    let is_wiped = |dir: &Path| going.iter().any(|tree| dir.starts_with(setup::real(&tree.local)));
    tell(context, &left(context, &baggage, is_wiped));
    Ok(())
}

/// Removes poof. What is left is named, and is residue.
///
/// # Errors
/// The program does not know where it is, or the system has no random numbers.
pub fn depart(context: &Context, mut outcome: Outcome) -> Result<Outcome> {
    let terminal = &context.terminal;
    let baggage = Baggage::of(context)?;
    let noise = Noise::new().map_err(|e| Error::unexpected(format!("no random numbers: {e}")))?;
    clipboard::let_go(&context.layout.home);
    // Before anything that a run needs.
    let scheduler = Scheduler::of_this_user(&context.layout);
    let mut failed = Vec::new();
    match scheduler.remove() {
        Ok(removed) => removed.notes.iter().for_each(|note| terminal.warn(note)),
        Err(error) => failed
            .push(Trace { what: format!("the schedule: {error}"), command: scheduler.by_hand() }),
    }
    let mut note = |path: &Path, done: io::Result<()>| {
        if let Err(error) = done {
            let (what, path) = (format!("{}: {error}", path.display()), quoted(path));
            failed.push(Trace { what, command: format!("rm -rf {path}") });
        }
    };
    let mut by_hand = Vec::new();
    // As long as poof.conf knows them.
    for entry in &baggage.keychain {
        if let Err(unavailable) = keychain::remove(entry) {
            by_hand.push(Trace {
                what: format!("the entry {entry:?} of the keychain: {}", unavailable.what),
                command: keychain::removal(entry),
            });
        }
    }
    for path in &baggage.files {
        note(path, erase::file(path, &noise));
    }
    for path in in_state(context) {
        let is_dir = path.is_dir() && !path.is_symlink();
        let erase = if is_dir { erase::directory } else { erase::file };
        note(&path, erase(&path, &noise));
    }
    for path in &baggage.scratch {
        note(path, erase::directory(path, &noise));
    }
    for path in &baggage.installed {
        note(path, removed(path));
    }
    match (&baggage.program, &baggage.cargo) {
        (Some(program), Some(root)) if !program::cargo_uninstall(root) => by_hand.push(Trace {
            what: format!("{}, which cargo has installed", program.display()),
            command: format!("cargo uninstall --root {} poof", quoted(root)),
        }),
        (Some(program), None) => note(program, removed(program)),
        _ => {}
    }
    for directory in &baggage.directories {
        remove_empty(directory, &context.layout.home);
    }
    for directory in &baggage.made {
        let _ = fs::remove_dir(directory);
    }
    let mut found = left(context, &baggage, |_| false);
    found.extend(by_hand);
    found.extend(failed);
    tell(context, &found);
    if found.is_empty() {
        terminal.done("poof is gone.");
    } else {
        outcome.worsen(Kind::Residue);
    }
    if terminal.interactive() {
        terminal.note("Your shell may write this command to its history when it ends.");
    }
    Ok(outcome.with("neutered", true))
}

impl Baggage {
    fn of(context: &Context) -> Result<Self> {
        let Context { files, layout, state, .. } = context;
        let exe = program::current()
            .map_err(|error| Error::unexpected(format!("cannot find the program: {error}")))?;
        let scheduler = Scheduler::of_this_user(layout);
        let found = scheduler.found().unwrap_or_default();
        let is_of = |keeper| found.as_ref().is_some_and(|Found { kind, .. }| *kind == keeper);
        let mut baggage = Baggage {
            files: Vec::new(),
            schedule: scheduler.files(),
            crontab: is_of(Keeper::Cron),
            keychain: secret::entries(context),
            state: state.clone(),
            scratch: scratch(),
            installed: program::companions(&layout.home),
            program: None,
            cargo: None,
            directories: vec![files.dir.clone(), state.clone(), layout.state.clone()],
            made: Vec::new(),
            left: Vec::new(),
        };
        for path in [&files.poof, &files.rclone] {
            // A link's target is the file; the link goes as well.
            let real = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
            baggage.files.push(real.clone());
            if real != *path {
                baggage.files.push(path.clone());
            }
        }
        baggage.files.extend(unfinished(&files.dir));
        baggage.left.extend(is_of(Keeper::Systemd).then(of_timer));
        baggage.left.extend(secret::others(context));
        match program::installed(&exe) {
            Installed::Receipt { receipt, files } => {
                let (directories, files): (Vec<_>, Vec<_>) =
                    files.into_iter().partition(|path| path.to_string_lossy().ends_with('/'));
                baggage.made.extend(directories.into_iter().rev());
                baggage.installed.extend(files.into_iter().filter(|path| *path != exe));
                baggage.installed.push(receipt);
                baggage.program = Some(exe);
            }
            Installed::Cargo(root) => {
                baggage.cargo = Some(root);
                baggage.program = Some(exe);
            }
            Installed::Copy => baggage.program = Some(exe),
            Installed::Homebrew => baggage.left.push(Trace {
                what: format!("{}, which Homebrew has installed", exe.display()),
                command: "brew uninstall poof".to_owned(),
            }),
            Installed::Package(name) => baggage.left.push(Trace {
                what: format!("the package {name}, which has {}", exe.display()),
                command: format!("sudo dpkg --purge {name}"),
            }),
            Installed::Build(target) => baggage.left.push(Trace {
                what: format!("the program where it was built, {}", exe.display()),
                command: format!("rm -r {}", quoted(&target)),
            }),
        }
        let is_there = |path: &PathBuf| fs::symlink_metadata(path).is_ok();
        baggage.files.retain(is_there);
        baggage.installed.retain(is_there);
        Ok(baggage)
    }
}

/// What lies in the state directory, without the states of other configurations.
fn in_state(context: &Context) -> Vec<PathBuf> {
    let others = other_states(context);
    let entries = fs::read_dir(&context.state).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| !others.contains(path)).collect()
}

/// The states of other configurations (`--confdir`), which lie in that of the usual one.
fn other_states(context: &Context) -> Vec<PathBuf> {
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        name.len() == 16 && name.iter().all(u8::is_ascii_hexdigit) && *path != context.state
    };
    let entries = fs::read_dir(&context.layout.state).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(is_one).collect()
}

/// What demos of this user have left that were killed.
fn scratch() -> Vec<PathBuf> {
    let own = rustix::process::geteuid().as_raw();
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let is_own = fs::symlink_metadata(path).is_ok_and(|m| m.is_dir() && m.uid() == own);
        name.starts_with(demo::SCRATCH.as_bytes()) && is_own && !demo::is_at_work(name)
    };
    let entries = fs::read_dir(env::temp_dir()).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(is_one).collect()
}

/// What a write that was killed has left beside the configuration.
fn unfinished(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b".poof-"));
    ours.map(|entry| entry.path()).collect()
}

fn removed(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes a directory if it is empty, and those above that are empty then, but not
/// the home directory, nor anything above what is not in it.
fn remove_empty(directory: &Path, home: &Path) {
    for dir in directory.ancestors() {
        if dir == home || fs::remove_dir(dir).is_err() && dir.exists() || !dir.starts_with(home) {
            return;
        }
    }
}

/// What others have of poof, and what is not for it to remove.
fn left(context: &Context, baggage: &Baggage, is_wiped: impl Fn(&Path) -> bool) -> Vec<Trace> {
    let Context { layout, files, .. } = context;
    let mut left = baggage.left.clone();
    if !other_states(context).is_empty() {
        let (what, path) = (layout.state.display(), quoted(&layout.state));
        left.push(Trace {
            what: format!("in {what}: the state of another configuration (`--confdir`)"),
            command: format!("rm -r {path}"),
        });
    }
    let dirs = [&files.dir, &layout.config].map(PathBuf::as_path);
    let own = |dir: &&Path| dir.ends_with("poof") && !is_wiped(&setup::real(dir));
    let mut dirs: Vec<_> = dirs.into_iter().filter(own).collect();
    dirs.dedup();
    left.extend(dirs.into_iter().filter_map(|dir| in_config(dir, &baggage.files)));
    left.extend(traces(&layout.home));
    left
}

/// What somebody else has put into a directory of poof's configuration.
fn in_config(dir: &Path, own: &[PathBuf]) -> Option<Trace> {
    let entries = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    let names: Vec<_> = entries
        .filter(|path| !own.contains(path) && !own.contains(&setup::real(path)))
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    (!names.is_empty()).then(|| Trace {
        what: format!("in {}: {}", dir.display(), names.join(", ")),
        command: format!("rm -r {}", quoted(dir)),
    })
}

fn tell(context: &Context, found: &[Trace]) {
    for Trace { what, command } in found {
        context.terminal.warn(&format!("left: {what}; to remove it: {command}"));
        context.terminal.event(&json!({"type": "trace", "what": what, "command": command}));
    }
}

//! How poof removes itself, and what it then finds of itself.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::baggage::Baggage;
use super::{Context, Outcome, setup};
use crate::base::error::{Error, Kind, Result};
use crate::base::shown::{path_of, quoted};
use crate::base::{files, json};
use crate::config::trees::Directory;
use crate::host::clipboard;
use crate::host::erase::{self, Noise};
use crate::host::keychain;
use crate::host::schedule::Scheduler;
use crate::host::traces::{Trace, traces};

/// Names all that would go, once the directories in `going` are wiped.
pub fn preview(context: &Context, going: &[&Directory]) -> Result<()> {
    let baggage = Baggage::of(context)?;
    let installed = baggage.installed.iter().chain(&baggage.program);
    let own = baggage.files.iter().chain([&baggage.state]).chain(&baggage.scratch);
    for path in own.chain(&baggage.schedule).chain(installed) {
        context.terminal.result(&format!("x {}", path_of(path)));
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
    let scheduler = Scheduler::of_this_user(&context.layout, &context.state);
    let mut failed = Vec::new();
    match scheduler.remove() {
        Ok(removed) => removed.notes.iter().for_each(|note| terminal.warn(note)),
        Err(error) => failed
            .push(Trace { what: format!("the schedule: {error}"), command: scheduler.by_hand() }),
    }
    let mut note = |path: &Path, done: io::Result<()>| {
        if let Err(error) = done {
            let (what, path) = (format!("{}: {error}", path_of(path)), quoted(path));
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
        note(path, files::remove(path));
    }
    match (&baggage.program, &baggage.uninstall) {
        (Some(program), Some(uninstall)) if !uninstall.run(program) => by_hand.push(Trace {
            what: format!("{}, which {} has installed", path_of(program), uninstall.by),
            command: uninstall.command(),
        }),
        (Some(program), None) => note(program, files::remove(program)),
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
        let (what, path) = (path_of(&layout.state), quoted(&layout.state));
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
        what: format!("in {}: {}", path_of(dir), names.join(", ")),
        command: format!("rm -r {}", quoted(dir)),
    })
}

fn tell(context: &Context, found: &[Trace]) {
    for Trace { what, command } in found {
        context.terminal.warn(&format!("left: {what}; to remove it: {command}"));
        context.terminal.event(&json!({"type": "trace", "what": what, "command": command}));
    }
}

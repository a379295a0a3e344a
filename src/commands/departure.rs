//! How poof removes itself, and what it then finds of itself.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Context, Outcome};
use crate::base::error::{Error, Kind, Result};
use crate::host::clipboard;
use crate::host::erase::{self, Noise};
use crate::host::program::{self, Installed};
use crate::host::traces::{Trace, traces};

/// What goes, in this order.
struct Baggage {
    /// Hold secrets or names of files: overwritten.
    files: Vec<PathBuf>,
    state: PathBuf,
    /// Brought by the installation.
    installed: Vec<PathBuf>,
    /// Go if nothing else is in them, the deepest first.
    directories: Vec<PathBuf>,
    program: Option<PathBuf>,
    cargo: Option<PathBuf>,
    /// Not for poof to remove.
    left: Vec<Trace>,
}

/// Names all that would go.
pub fn preview(context: &Context) -> Result<()> {
    let baggage = Baggage::of(context)?;
    let installed = baggage.installed.iter().chain(&baggage.program);
    for path in baggage.files.iter().chain([&baggage.state]).chain(installed) {
        context.terminal.result(&format!("x {}", path.display()));
        context.terminal.event(&json!({
            "type": "plan", "action": "remove", "path": path.to_string_lossy(),
        }));
    }
    tell(context, &left(context, &baggage));
    Ok(())
}

/// Removes poof. What is left is named, and is residue.
///
/// # Errors
/// The program does not know where it is, or the system has no random numbers.
pub fn depart(context: &Context, mut outcome: Outcome) -> Result<Outcome> {
    let baggage = Baggage::of(context)?;
    let noise = Noise::new().map_err(|e| Error::unexpected(format!("no random numbers: {e}")))?;
    clipboard::let_go();
    let mut failed = Vec::new();
    let mut note = |path: &Path, done: std::io::Result<()>| {
        if let Err(error) = done {
            failed.push(Trace {
                what: format!("{}: {error}", path.display()),
                command: format!("rm -rf '{}'", path.display()),
            });
        }
    };
    for path in &baggage.files {
        note(path, erase::file(path, &noise));
    }
    note(&baggage.state, erase::directory(&baggage.state, &noise));
    for path in &baggage.installed {
        note(path, removed(path));
    }
    let by_cargo = baggage.cargo.as_deref().is_some_and(program::cargo_uninstall);
    if let Some(program) = baggage.program.as_deref().filter(|_| !by_cargo) {
        note(program, removed(program));
    }
    for directory in &baggage.directories {
        remove_empty(directory, &context.layout.home);
    }
    let mut found = left(context, &baggage);
    if let (Some(root), false) = (&baggage.cargo, by_cargo) {
        found.push(Trace {
            what: format!("cargo's record of it in {}", root.display()),
            command: format!("cargo install --list --root '{}'", root.display()),
        });
    }
    found.extend(failed);
    tell(context, &found);
    if found.is_empty() {
        context.terminal.done("poof is gone.");
    } else {
        outcome.worsen(Kind::Residue);
    }
    Ok(outcome.with("neutered", true))
}

impl Baggage {
    fn of(context: &Context) -> Result<Self> {
        let Context { files, layout, state, .. } = context;
        let exe = program::current()
            .map_err(|error| Error::unexpected(format!("cannot find the program: {error}")))?;
        let schedule = &layout.schedule.1;
        let mut baggage = Baggage {
            files: vec![schedule.clone(), schedule.with_extension("service")],
            state: state.clone(),
            installed: Vec::new(),
            directories: vec![files.dir.clone(), layout.state.clone()],
            program: None,
            cargo: None,
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
        baggage.directories.extend(schedule.parent().map(Path::to_path_buf));
        match program::installed(&exe) {
            Installed::Receipt { receipt, files } => {
                let (directories, files): (Vec<_>, Vec<_>) =
                    files.into_iter().partition(|path| path.to_string_lossy().ends_with('/'));
                baggage.directories.extend(directories.into_iter().rev());
                baggage.installed = files.into_iter().filter(|path| *path != exe).collect();
                baggage.installed.push(receipt);
                baggage.program = Some(exe);
            }
            Installed::Cargo(root) => {
                baggage.cargo = Some(root);
                baggage.program = Some(exe);
            }
            Installed::Copy => baggage.program = Some(exe),
            Installed::Package(name) => baggage.left.push(Trace {
                what: format!("the package {name}, which has {}", exe.display()),
                command: format!("sudo apt-get purge {name}"),
            }),
            Installed::Build(target) => baggage.left.push(Trace {
                what: format!("the program where it was built, {}", exe.display()),
                command: format!("rm -r '{}'", target.display()),
            }),
        }
        let home_of = |path: &PathBuf| path.parent().map(Path::to_path_buf);
        baggage.directories.extend(baggage.program.as_ref().and_then(home_of));
        baggage.files.retain(|path| fs::symlink_metadata(path).is_ok());
        Ok(baggage)
    }
}

/// What a write that was killed has left beside the configuration.
fn unfinished(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b".poof-"));
    ours.map(|entry| entry.path()).collect()
}

fn removed(path: &Path) -> std::io::Result<()> {
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
fn left(context: &Context, baggage: &Baggage) -> Vec<Trace> {
    baggage.left.iter().cloned().chain(traces(&context.layout.home)).collect()
}

fn tell(context: &Context, found: &[Trace]) {
    for Trace { what, command } in found {
        context.terminal.warn(&format!("left: {what}; to remove it: {command}"));
        context.terminal.event(&json!({"type": "trace", "what": what, "command": command}));
    }
}

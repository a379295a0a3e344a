//! What poof finds of itself on this machine.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::base::error::{Error, Result};
use crate::base::shown::{path_of, quoted};
use crate::host::pip_cache;
use crate::host::program::{self, Installed};
use crate::host::schedule::{Found, Kind as Keeper, Scheduler};
use crate::host::scratch;
use crate::host::traces::{Trace, of_timer};
use crate::host::uninstall::Uninstall;
use crate::host::wheel::Wheel;
use crate::operations::profiles::{self, Configuration};
use crate::operations::session::Session;
use crate::operations::{figures, keychain, own_files};

/// What goes, in this order.
pub struct Inventory {
    /// The schedule and its logs: they are overwritten.
    pub schedule: Vec<PathBuf>,
    /// Whether lines of a crontab go as well.
    pub crontab: bool,
    /// Hold secrets or names of files: overwritten.
    pub files: Vec<PathBuf>,
    /// Entries of the keychain that `secret set` made.
    pub keychain: Vec<String>,
    pub state: PathBuf,
    /// Directories of a demo that was killed.
    pub scratch: Vec<PathBuf>,
    /// Brought by the installation.
    pub installed: Vec<PathBuf>,
    pub program: Option<PathBuf>,
    /// What has installed the program, and removes it with its own notes of it.
    pub uninstall: Option<Uninstall>,
    /// Go if nothing else is in them, and those above that are empty then.
    pub directories: Vec<PathBuf>,
    /// Go if nothing else is in them, the deepest first.
    pub made: Vec<PathBuf>,
    /// Not for poof to remove.
    pub left: Vec<Trace>,
    /// Other configurations that are here: the program stays for them.
    pub others: Vec<Configuration>,
}

impl Inventory {
    /// All that is here of poof.
    ///
    /// # Errors
    /// The program does not know where it is.
    pub fn of(session: &Session) -> Result<Self> {
        let Session { files, layout, state, .. } = session;
        let exe = program::current()
            .map_err(|error| Error::unexpected(format!("cannot find the program: {error}")))?;
        let scheduler = Scheduler::of_this_user(layout, state);
        let found = scheduler.found().unwrap_or_default();
        let is_of = |keeper| found.as_ref().is_some_and(|Found { kind, .. }| *kind == keeper);
        let mut inventory = Inventory {
            files: Vec::new(),
            schedule: scheduler.files(),
            crontab: is_of(Keeper::Cron),
            keychain: keychain::entries(session),
            state: state.clone(),
            scratch: Vec::new(),
            installed: Vec::new(),
            program: None,
            uninstall: None,
            directories: vec![files.dir.clone(), state.clone(), layout.state.clone()],
            made: Vec::new(),
            left: Vec::new(),
            others: profiles::others(session),
        };
        let passwords = own_files::passwords(session);
        for path in [&files.poof, &files.rclone, &passwords] {
            // A link's target is the file; the link goes as well.
            let real = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
            inventory.files.push(real.clone());
            if real != *path {
                inventory.files.push(path.clone());
            }
        }
        inventory.files.extend(figures::written(session));
        inventory.files.extend(unfinished(&files.dir));
        inventory.left.extend(is_of(Keeper::Systemd).then(of_timer));
        inventory.left.extend(keychain::others(session));
        if inventory.others.is_empty() {
            inventory.left.extend(scheduler.others());
            inventory.scratch = scratch();
            inventory.installed = program::companions(&layout.home);
            inventory.add_program(exe, &layout.home);
        }
        let is_there = |path: &PathBuf| fs::symlink_metadata(path).is_ok();
        inventory.files.retain(is_there);
        inventory.installed.retain(is_there);
        Ok(inventory)
    }

    /// Adds the program and what its installation has brought.
    fn add_program(&mut self, exe: PathBuf, home: &Path) {
        match program::installed(&exe) {
            Installed::Receipt { receipt, files, others } => {
                let (directories, files): (Vec<_>, Vec<_>) =
                    files.into_iter().partition(|path| path.to_string_lossy().ends_with('/'));
                self.made.extend(directories.into_iter().rev());
                self.installed.extend(files.into_iter().filter(|path| *path != exe));
                self.left.extend(others.iter().map(|path| Trace {
                    what: format!(
                        "{}, which the receipt lists and no installation of poof makes",
                        path_of(path)
                    ),
                    command: format!("rm -i {}", quoted(path)),
                }));
                self.installed.push(receipt);
                self.program = Some(exe);
            }
            Installed::Doubtful { receipt, weak } => {
                self.left.push(Trace {
                    what: format!(
                        "what the receipt {} lists, for {} {}",
                        path_of(&receipt),
                        path_of(&weak.path),
                        weak.told()
                    ),
                    command: format!("less {}", quoted(&receipt)),
                });
                self.program = Some(exe);
            }
            Installed::Cargo(root) => {
                self.uninstall = Some(Uninstall::cargo(&root));
                self.program = Some(exe);
            }
            Installed::Wheel(Wheel { uninstall, weak: None }) => {
                self.installed.extend(pip_cache::of_poof(home));
                self.uninstall = Some(uninstall);
                self.program = Some(exe);
            }
            Installed::Wheel(Wheel { uninstall, weak: Some(weak) }) => self.left.push(Trace {
                what: format!(
                    "{}, which {} has installed, for {} {}",
                    path_of(&exe),
                    uninstall.by,
                    path_of(&weak.path),
                    weak.told()
                ),
                command: uninstall.command(),
            }),
            Installed::Copy => self.program = Some(exe),
            Installed::Homebrew => self.left.push(Trace {
                what: format!("{}, which Homebrew has installed", path_of(&exe)),
                command: "brew uninstall poof".to_owned(),
            }),
            Installed::Package(package) => self.left.push(Trace {
                what: format!("the package {}, which has {}", package.name, path_of(&exe)),
                command: package.removal(),
            }),
            Installed::Build(target) => self.left.push(Trace {
                what: format!("the program where it was built, {}", path_of(&exe)),
                command: format!("rm -r {}", quoted(&target)),
            }),
        }
    }
}

/// What demos of this user have left that were killed.
fn scratch() -> Vec<PathBuf> {
    let own = rustix::process::geteuid().as_raw();
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let is_own = fs::symlink_metadata(path).is_ok_and(|m| m.is_dir() && m.uid() == own);
        name.starts_with(scratch::DEMO.as_bytes()) && is_own && !scratch::is_at_work(name)
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

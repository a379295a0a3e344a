//! A restore that reaches the configuration in use. Whoever owns the bucket may have written
//! what comes: it is compared and shown, and its programs run once they are confirmed.

use std::fs;
use std::path::{Path, PathBuf};

use super::own_files;
use super::secrets::rclone_file;
use super::session::Session;
use super::{arrival, brought, loading, programs};
use crate::base::error::Result;
use crate::base::files::write_private;
use crate::base::interrupt;
use crate::base::shown::path_of;
use crate::config::programs::{Program, of_poof, of_rclone, settings};
use crate::config::{Files, PoofConf, Profile, RcloneConf, differences};
use crate::tree::snapshot::Snapshot;

/// Of the configuration in use what `snapshot` has no file of, below `root`: a restore leaves
/// it alone, for without it poof would be lost.
///
/// # Errors
/// The snapshot cannot be read.
pub fn not_in(session: &Session, root: &Path, snapshot: &Snapshot) -> Result<Vec<Vec<u8>>> {
    let mut held = own_files::configuration(session, root);
    if !held.is_empty() {
        for entry in snapshot.entries()? {
            interrupt::check()?;
            let entry = entry?;
            if entry.file().is_some() {
                held.retain(|path| *path != entry.path);
            }
        }
    }
    Ok(held)
}

/// What the kit of a user brings is the user's own, and counts as typed. Not so a program that
/// came beside it, in a directory, from a bucket that anybody may have written to.
///
/// # Errors
/// It cannot be noted.
pub fn came_with_a_kit(session: &Session) -> Result<()> {
    let named = named(session);
    let trees: Vec<_> = match loading::in_force(session) {
        Ok(ready) if !ready.remote().is_encrypted() => {
            ready.directories().iter().map(|directory| own_files::real(&directory.local)).collect()
        }
        _ => Vec::new(),
    };
    let is_brought = |program: &Program| {
        let mut paths = program.paths();
        paths.any(|path| trees.iter().any(|tree| own_files::real(path).starts_with(tree)))
    };
    let (brought, typed): (Vec<_>, Vec<_>) = named.into_iter().partition(is_brought);
    for program in &brought {
        session.report.warn(&format!(
            "{} runs a file that came from the bucket, which is not encrypted; poof does not run it \
             until you confirm it: `poof verify` on a terminal",
            program.place
        ));
    }
    programs::only(session, &typed, !brought.is_empty())
}

/// Both files are those of a kit of this user, also where a restore had brought them before.
///
/// # Errors
/// It cannot be noted.
pub fn is_of_a_kit(session: &Session) -> Result<()> {
    let settings = settings_in_use(session);
    brought::accept(&session.state, &settings.iter().collect::<Vec<_>>())?;
    programs::only(session, &named(session), false)
}

/// All that the configuration in use names, as far as it can be read.
fn named(session: &Session) -> Vec<Program> {
    let Ok(poof) = PoofConf::load(&session.files.poof) else { return Vec::new() };
    let mut all = of_poof(&poof);
    if let Ok(file) = rclone_file(session, Some(&poof)) {
        all.extend(of_rclone(&file.conf, &poof.secrets()));
    }
    all
}

/// The settings of the configuration in use, as far as it can be read.
fn settings_in_use(session: &Session) -> Vec<Program> {
    let Ok(poof) = PoofConf::load(&session.files.poof) else { return Vec::new() };
    let rclone = rclone_file(session, Some(&poof)).map(|file| file.conf).unwrap_or_default();
    settings(&poof, &rclone)
}

/// Both files in use as they were before a restore that reaches them.
pub struct Before {
    files: Vec<(PathBuf, Vec<u8>)>,
    sealed: bool,
    /// The profiles that were here; None: the restore brings none.
    profiles: Option<Vec<Profile>>,
}

/// What comes of a configuration that is not in use is not confirmed.
fn beware(files: &Files, state: &Path, sealed: bool) -> Result<()> {
    let poof = PoofConf::load(&files.poof).ok();
    let mut typed = poof.as_ref().map(of_poof).unwrap_or_default();
    let secrets = poof.as_ref().map(PoofConf::secrets).unwrap_or_default();
    let rclone = RcloneConf::load(&files.rclone).unwrap_or_default();
    typed.extend(of_rclone(&rclone, &secrets));
    programs::beware(state, &typed)?;
    match &poof {
        Some(poof) if !sealed => brought::beware(state, &settings(poof, &rclone)),
        _ => Ok(()),
    }
}

impl Before {
    /// Notes them, and that what comes is not confirmed. `spared`: the files in use are
    /// left alone. `sealed`: nobody without the passwords can have written what comes.
    ///
    /// # Errors
    /// It cannot be noted.
    pub fn note(session: &Session, roots: &[PathBuf], spared: bool, sealed: bool) -> Result<Self> {
        let reached = |path: &Path| {
            roots.iter().any(|root| own_files::real(path).starts_with(own_files::real(root)))
        };
        let usual = Files::resolve(&session.layout.config, None, None, None);
        let usual = (usual, session.layout.state.clone());
        let profiles = Profile::all(&session.layout).into_iter();
        let profiles = profiles.map(|one| (one.files(&session.layout), one.state(&session.layout)));
        // Those that a poof with other options uses, which the schedule may run.
        for (other, state) in [usual].into_iter().chain(profiles) {
            let is_reached = [&other.poof, &other.rclone].iter().any(|path| reached(path));
            if other != session.files && is_reached {
                beware(&other, &state, sealed)?;
            }
        }
        let Files { poof, rclone, .. } = &session.files;
        let mut files = Vec::new();
        if !spared && (reached(poof) || reached(rclone)) {
            programs::beware(&session.state, &named(session))?;
            if !sealed {
                brought::beware(&session.state, &settings_in_use(session))?;
            }
            let read = |path: &PathBuf| Some((path.clone(), fs::read(path).ok()?));
            files.extend([poof, rclone].into_iter().filter_map(read));
        }
        let dir = &session.layout.config;
        let is_near = |root: &PathBuf| {
            let (root, dir) = (own_files::real(root), own_files::real(dir));
            root.starts_with(&dir) || dir.starts_with(&root)
        };
        let profiles = roots.iter().any(is_near).then(|| Profile::all(&session.layout));
        if let Some(here) = &profiles {
            arrival::begins(session, here, sealed)?;
        }
        Ok(Before { files, sealed, profiles })
    }

    /// Nothing of a profile that has come with the restore is confirmed.
    fn beware_of_new(&self, session: &Session) -> Result<()> {
        let Some(known) = &self.profiles else { return Ok(()) };
        for profile in Profile::all(&session.layout) {
            if known.contains(&profile) || profile.files(&session.layout) == session.files {
                continue;
            }
            programs::came(&profile.state(&session.layout), self.sealed)?;
        }
        arrival::ended(session)
    }

    /// Shows what has changed. A person may take it back; `yes` keeps it.
    ///
    /// # Errors
    /// It cannot be taken back, or the user interrupts.
    pub fn compare(self, session: &Session, yes: bool) -> Result<()> {
        self.beware_of_new(session)?;
        let report = &*session.report;
        let reached = !self.files.is_empty() && !self.sealed;
        let settle = || {
            if reached { brought::settle(&session.state, &settings_in_use(session)) } else { Ok(0) }
        };
        let mut changed = Vec::new();
        for (path, old) in self.files {
            let new = fs::read(&path).unwrap_or_default();
            let keys = if path == session.files.poof {
                differences::of_poof(&old, &new)
            } else {
                differences::of_rclone(&old, &new)
            };
            if !keys.is_empty() {
                let keys = keys.join(", ");
                report.warn(&format!("the restore changed {}: {keys}", path_of(&path)));
                changed.push((path, old));
            }
        }
        if changed.is_empty() {
            return settle().map(|_| ());
        }
        if report.interactive()
            && !report.confirm("Keep the configuration that was restored?", yes)?
        {
            for (path, old) in changed {
                write_private(&path, &old)?;
            }
            report.note("The configuration is as it was before.");
            return settle().map(|_| ());
        }
        let named = named(session);
        let confirmed = programs::Confirmed::read(&session.state);
        let is_new = |program: &&_| !confirmed.has(program);
        let count = named.iter().filter(is_new).count() + settle()?;
        if count > 0 {
            report.warn(&format!(
                "it has {count} that can act in your name, or say what is sent where, and were not \
                 here before; poof uses none until you confirm it: `poof verify` on a terminal"
            ));
        }
        Ok(())
    }
}

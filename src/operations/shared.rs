//! Directories that several configurations of a user back up. What one of them has wiped, or
//! has not brought back whole, is no deletion for another.

use std::fs;
use std::path::{Path, PathBuf};

use super::last_backup;
use super::own_files::real;
use super::profiles::{self, Configuration};
use super::session::Session;
use crate::base::error::{Error, Kind, Result};
use crate::base::shown::path_of;
use crate::base::units::{date, files};
use crate::config::PoofConf;
use crate::config::trees::Directory;
use crate::host::lock::Lock;
use crate::report::Note;
use crate::tree::backup::Backup;
use crate::tree::guard::{self, Allowed};
use crate::tree::journal::Journal;
use crate::tree::model::layout::Names;
use crate::tree::model::path::Below;
use crate::tree::wipe::{Phase, Records};

/// A directory of another configuration that is within this one, or around it.
struct Shared {
    other: Configuration,
    /// Where its snapshots go.
    remote: String,
    local: PathBuf,
    name: String,
    /// Relative to this one; empty: it is the same, or around it.
    within: PathBuf,
}

/// Those of other configurations. One of which poof.conf cannot be read has none, and the
/// configurations themselves are never wiped together.
fn shared(session: &Session, directory: &Directory) -> Vec<Shared> {
    let (own, config) = (real(&directory.local), real(&session.layout.config));
    let mut all = Vec::new();
    for other in profiles::others(session) {
        let Ok(conf) = PoofConf::load(&other.session.files.poof) else { continue };
        let remote = format!("{}:{}", conf.remote(), conf.bucket());
        for (local, name) in conf.paths() {
            let local = real(Path::new(local));
            if local.starts_with(&config) || own.starts_with(&config) {
                continue;
            }
            let within = local.strip_prefix(&own).map(Path::to_path_buf).ok();
            let Some(within) = within.or_else(|| own.starts_with(&local).then(PathBuf::new)) else {
                continue;
            };
            let (other, remote) = (other.again(session), remote.clone());
            let name = name.trim_matches('/').to_owned();
            all.push(Shared { other, remote, local, name, within });
        }
    }
    all
}

/// Keeps other configurations off the directories that they share with this one, while these
/// are wiped or brought back.
///
/// # Errors
/// Another poof is at work on one of them.
pub fn lock(session: &Session, directories: &[&Directory]) -> Result<Vec<Lock>> {
    let mut locks = Vec::new();
    for other in profiles::others(session) {
        let shares = directories.iter().any(|directory| {
            shared(session, directory).iter().any(|shared| shared.other.is(&other))
        });
        if shares {
            locks.push(other.session.lock().map_err(|error| {
                match error.kind() {
                    Kind::Busy => Error::new(
                        Kind::Busy,
                        format!("poof is at work on {}, which shares a directory", other.told()),
                    )
                    .hint("Wait for it to finish; nothing was changed."),
                    _ => error,
                }
            })?);
        }
    }
    Ok(locks)
}

/// Says what other configurations hold of directories that are wiped.
pub fn tell(session: &Session, directories: &[&Directory]) {
    for directory in directories {
        for Shared { other, remote, name, local, .. } in shared(session, directory) {
            session.report.say(Note::AlsoHeld {
                path: local,
                told: other.told(),
                remote,
                backed_up: last_backup::of(&other.session.state),
                remove: other.command(&format!("remove {name}")),
            });
        }
    }
}

/// What another configuration has taken away of a directory, and not brought back.
struct Taken {
    shared: Shared,
    /// When it was wiped; None: its download did not end.
    wiped: Option<u64>,
}

/// What other configurations have done with a directory.
pub struct Elsewhere(Vec<Taken>);

impl Elsewhere {
    /// # Errors
    /// One of them is wiping it, or nobody can read what it has done.
    pub fn of(session: &Session, directory: &Directory) -> Result<Self> {
        let mut all = Vec::new();
        for shared in shared(session, directory) {
            let state = &shared.other.session.state;
            let record = Records::in_state(state).get(&shared.name)?;
            if record.as_ref().is_some_and(|record| record.phase == Phase::Wiping) {
                return Err(shared.is_being_wiped());
            }
            let unfinished = Journal::in_state(state).unfinished()?.contains_key(&shared.name);
            let wiped = record.map(|record| record.since);
            if wiped.is_some() || unfinished {
                all.push(Taken { shared, wiped });
            }
        }
        Ok(Elsewhere(all))
    }

    /// The refusal of a directory that is not here, or is empty, where it is known who has
    /// wiped it.
    pub fn explain(&self, error: Error, directory: &Directory) -> Error {
        let is_gone = fs::read_dir(&directory.local).is_ok_and(|mut all| all.next().is_none())
            || !directory.local.exists();
        let by = self.0.iter().find_map(|taken| Some((&taken.shared, taken.wiped?)));
        let (Some((shared, since)), true, Kind::Guard) = (by, is_gone, error.kind()) else {
            return error;
        };
        let (Shared { other, name, .. }, Directory { local, .. }) = (shared, directory);
        let what = format!(
            "{} wiped {} on {}; the snapshot of this configuration stays",
            other.told(),
            path_of(local),
            date(since)
        );
        Error::guard(what).hint(format!(
            "`{}` brings it back. `poof remove {}` takes it out of this configuration.",
            other.command(&format!("download --only {name}")),
            directory.name
        ))
    }

    /// Refuses to take for deleted what another configuration has taken away.
    ///
    /// # Errors
    /// The refusal.
    pub fn keeps(&self, backup: &Backup, allowed: Allowed) -> Result<()> {
        if allowed.mass_deletion || allowed.empty_source && backup.entries == 0 {
            return Ok(());
        }
        for Taken { shared, wiped } in &self.0 {
            let names = backup.plan.deleted().map(|item| Names::decoded(&item.path));
            let within = |path: &Path| path.starts_with(&shared.within);
            // A name that reads like none may be anywhere.
            let gone = names.filter(|name| name.as_ref().is_none_or(|path| within(path.as_path())));
            let gone = gone.count().saturating_sub(backup.plan.moved.len());
            if gone > 0 {
                return Err(shared.is_taken(*wiped, gone as u64));
            }
        }
        Ok(())
    }
}

impl Shared {
    fn is_being_wiped(&self) -> Error {
        let Shared { other, local, .. } = self;
        let what = format!(
            "{} has not completed its wipe of {}; the snapshot of this configuration stays",
            other.told(),
            path_of(local)
        );
        Error::guard(what).hint(format!(
            "`{}` completes it, `{}` brings everything back.",
            other.command("upload"),
            other.command("download")
        ))
    }

    fn is_taken(&self, wiped: Option<u64>, gone: u64) -> Error {
        let Shared { other, local, name, .. } = self;
        let (who, path, gone) = (other.told(), path_of(local), files(gone));
        let what = match wiped {
            Some(since) => format!("{who} wiped {path} on {}", date(since)),
            None => format!("{who} has not brought all of {path} back"),
        };
        let what = format!("{what}: a backup would delete {gone} from the snapshot");
        let hint =
            format!("`{}` brings it back.", other.command(&format!("download --only {name}")));
        guard::refuse(what, &hint, "mass-deletion")
    }
}

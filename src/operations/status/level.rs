//! The levels of the continuum: the one that is declared, the one that holds, and why
//! less holds.

use crate::base::error::Result;
use crate::base::files::readable_by_others;
use crate::base::shown::{path_of, quoted};
use crate::base::units::files;
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::operations::own_files;
use crate::operations::plain_side::PlainSide;
use crate::operations::removal::versions;
use crate::operations::repository::Repository;
use crate::operations::session::Session;
use crate::report::Event;
use crate::tree::guard::first;
use crate::tree::restore::apart::Apart;

/// A reason why less holds than is declared.
pub struct Doubt {
    pub what: String,
    /// Somebody else can read something.
    pub exposes: bool,
    /// Something that was to be wiped is here.
    pub residue: bool,
}

impl Doubt {
    /// Something is not saved, or is not known to be.
    pub fn unsaved(what: String) -> Self {
        Doubt { what, exposes: false, residue: false }
    }

    pub fn residue(what: String) -> Self {
        Doubt { what, exposes: false, residue: true }
    }

    pub fn event(&self) -> Event {
        let Doubt { what, exposes, residue } = self;
        Event::Doubt { what: what.clone(), exposes: *exposes, residue: *residue }
    }

    fn exposes(what: String) -> Self {
        Doubt { what, exposes: true, residue: false }
    }
}

/// Where the data of a directory is.
pub enum Place {
    Here,
    Wiped,
    /// poof's own configuration.
    Own,
}

/// What was found of all directories together.
#[derive(Default)]
pub struct Findings {
    pub directories: usize,
    pub wiped: usize,
    pub here: usize,
    /// Directories that no snapshot holds.
    pub never_saved: usize,
    /// Something is not saved, or nobody knows whether it is.
    pub unsaved: bool,
    /// Something that a snapshot holds is not here, though nothing was wiped.
    pub lacking: bool,
    /// What the snapshots hold: files and bytes.
    pub held: (u64, u64),
    pub doubts: Vec<Doubt>,
}

impl Findings {
    pub fn count(&mut self, place: &Place) {
        self.directories += 1;
        match place {
            Place::Here => self.here += 1,
            Place::Wiped => self.wiped += 1,
            Place::Own => {}
        }
    }

    /// A directory that no snapshot holds.
    pub fn never_saved(&mut self, name: &str) {
        self.never_saved += 1;
        self.unsaved(format!("{name}: never backed up (`poof backup`)"));
    }

    pub fn unsaved(&mut self, what: String) {
        self.unsaved = true;
        self.doubts.push(Doubt::unsaved(what));
    }

    /// A directory that is not wiped is not what its snapshot is.
    pub fn differs(&mut self, name: &str, apart: Apart) {
        for what in differences(name, apart) {
            self.doubts.push(Doubt::unsaved(what));
        }
        self.unsaved |= apart.is_unsaved();
        self.lacking |= apart.missing > 0;
    }

    /// Something is in a directory that was wiped, and in no snapshot.
    pub fn came_after(&mut self, name: &str, apart: Apart) {
        if apart.is_unsaved() {
            let wiped = Apart { missing: 0, ..apart };
            self.differs(name, wiped);
        }
    }

    /// Something that a wipe has left is in no snapshot.
    pub fn left(&mut self, name: &str, apart: Apart) {
        if apart.is_unsaved() {
            let unsent = not_backed_up(name, apart);
            self.unsaved(format!("{unsent} (`poof upload` sends them)"));
        }
    }

    /// No snapshot holds anything.
    pub fn nothing_is_saved(&self) -> bool {
        self.never_saved > 0 && self.never_saved == self.directories
    }

    pub fn declared(&self, encrypted: bool) -> u8 {
        level(encrypted, self.wiped > 0)
    }

    /// 0 unless the remote holds all that the snapshots of all directories name.
    pub fn actual(&self, encrypted: bool) -> u8 {
        if self.unsaved {
            return 0;
        }
        let plain = self.doubts.iter().any(|doubt| doubt.exposes);
        let residue = self.doubts.iter().any(|doubt| doubt.residue);
        level(encrypted && !plain, self.wiped > 0 && self.here == 0 && !residue)
    }

    /// Adds what others can read.
    ///
    /// # Errors
    /// The plain side of the bucket cannot be listed.
    pub fn in_clear(
        &mut self,
        session: &Session,
        repository: &Repository,
        ready: &Ready,
    ) -> Result<()> {
        let encrypted = ready.remote().is_encrypted();
        let plain = ready.counterpart().filter(|_| encrypted);
        let clear = plain.map(|plain| PlainSide::of(repository, plain)).transpose()?;
        // Whether the bucket keeps versions, until it is known that it does not.
        let mut keeps = true;
        for directory in ready.directories() {
            let Directory { name, .. } = directory;
            let own = !own_files::configurations(session, directory).is_empty();
            let keys = keys_of(session, directory);
            let Some(clear) = &clear else {
                if !encrypted && own {
                    let what = format!("{name} is in the bucket in clear{keys}");
                    self.doubts.push(Doubt::exposes(what));
                }
                continue;
            };
            // MinIO shows directories of which there are only versions.
            let top = repository.sight.there.as_ref();
            if top.is_some_and(|top| top.holds(first(name))) && clear.holds(name)? {
                self.doubts.push(Doubt::exposes(format!(
                    "a plain copy of {name} is in the bucket{keys} (`poof purge-plain`)"
                )));
            } else if keeps {
                let found = versions(clear.plain, name)?;
                keeps = found.kept;
                if found.count > 0 {
                    self.doubts.push(Doubt::exposes(format!(
                        "the bucket keeps versions of a plain copy of {name}{keys} (a rule of \
                         the bucket removes them, or a key that may: docs/ransom.md)"
                    )));
                }
            }
        }
        if let Some(clear) = clear {
            for tree in clear.others(repository, ready) {
                if clear.holds(&tree)? {
                    self.doubts.push(Doubt::exposes(format!(
                        "{tree} is in the bucket in clear, and is no directory in poof.conf \
                         (`poof purge-plain`)"
                    )));
                }
            }
        }
        for path in [&session.files.poof, &session.files.rclone] {
            if readable_by_others(path) {
                let (shown, path) = (path_of(path), quoted(path));
                self.doubts.push(Doubt::exposes(format!(
                    "others on this machine can read {shown} (chmod 600 {path})"
                )));
            }
        }
        Ok(())
    }
}

/// Whose keys are in a directory, after a comma.
fn keys_of(session: &Session, directory: &Directory) -> String {
    let own = !own_files::in_use(session, directory).is_empty();
    let own = own.then(|| "the configuration and its keys".to_owned());
    let others = own_files::others_in(session, &directory.local);
    let others = others.iter().map(|other| format!("the keys of {}", other.told()));
    let all: Vec<_> = own.into_iter().chain(others).collect();
    if all.is_empty() { String::new() } else { format!(", with {}", all.join(", and ")) }
}

/// What a directory and its last snapshot have that the other has not.
pub fn differences(name: &str, apart: Apart) -> Vec<String> {
    let mut all = Vec::new();
    if apart.is_unsaved() {
        let unsaved = not_backed_up(name, apart);
        all.push(format!("{unsaved} (`poof backup --dry-run` lists them)"));
    }
    if apart.missing > 0 {
        let missing = files(apart.missing);
        all.push(format!("{name}: in its snapshot, and not here: {missing} (`poof download`)"));
    }
    all
}

fn not_backed_up(name: &str, Apart { new, changed, unread, .. }: Apart) -> String {
    let unread = if unread == 0 { String::new() } else { format!(", {unread} cannot be read") };
    format!("{name}: not backed up: {new} new, {changed} changed{unread}")
}

fn level(encrypted: bool, wiped: bool) -> u8 {
    1 + u8::from(wiped) + 2 * u8::from(encrypted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_level_holds_while_anything_is_not_saved() {
        let mut findings = Findings::default();
        findings.count(&Place::Wiped);
        findings.count(&Place::Own);
        assert_eq!((findings.declared(true), findings.actual(true)), (4, 4));
        findings.never_saved("data");
        assert_eq!((findings.declared(true), findings.actual(true)), (4, 0));
        assert!(!findings.nothing_is_saved());
        findings.never_saved("config");
        assert!(findings.nothing_is_saved());
    }

    #[test]
    fn what_is_only_here_is_not_saved_and_what_is_only_there_is_lacking() {
        let mut findings = Findings::default();
        findings.differs("data", Apart { missing: 2, ..Apart::default() });
        assert_eq!((findings.actual(false), findings.lacking), (1, true));
        findings.came_after("data", Apart { missing: 2, ..Apart::default() });
        assert_eq!(findings.doubts.len(), 1);
        findings.came_after("data", Apart { changed: 1, missing: 2, ..Apart::default() });
        assert_eq!((findings.actual(false), findings.doubts.len()), (0, 2));
    }

    #[test]
    fn what_is_exposed_or_left_lowers_the_level() {
        let mut findings = Findings::default();
        findings.count(&Place::Wiped);
        findings.doubts.push(Doubt::residue("x".to_owned()));
        assert_eq!(findings.actual(true), 3);
        findings.doubts.push(Doubt::exposes("y".to_owned()));
        assert_eq!(findings.actual(true), 1);
        assert_eq!(Findings { here: 1, ..Findings::default() }.actual(false), 1);
    }
}

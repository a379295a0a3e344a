//! The directories on the way to every place. Each is the one that was found or made: who
//! renames another to its name does not have anything put into that.

use std::collections::HashMap;
use std::ffi::CString;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, fstat, statat};

use crate::base::files::is_absent;
use crate::host::itself::Itself;
use crate::host::spot::Spot;
use crate::host::stat::{Id, id};
use crate::host::trust::{Reach, is_closed};
use crate::tree::model::entry::{as_path, is_below};
use crate::tree::scan::at_calls::open_directory;
use crate::tree::scan::attributes::{Power, REPLACED};
use crate::tree::scan::root::Root;

pub struct Ways {
    root: Root,
    power: Power,
    state: Mutex<State>,
}

struct State {
    known: HashMap<Vec<u8>, Id>,
    /// Those that were entered.
    entered: HashMap<Vec<u8>, Spot>,
    /// Some that are open: what comes next is often beside what came last.
    open: HashMap<Vec<u8>, Arc<OwnedFd>>,
}

const TAKEN: &str = "this disk takes its name for that of the directory where files are collected";

/// So many are open at most.
const OPEN: usize = 64;

impl Ways {
    /// `found` are the directories below `root` that were looked at.
    pub fn new(root: &Root, found: HashMap<Vec<u8>, Id>, power: Power) -> Self {
        let state =
            Mutex::new(State { known: found, entered: HashMap::new(), open: HashMap::new() });
        Ways { root: root.clone(), power, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The directory of `path`, and its name in there.
    ///
    /// # Errors
    /// One on the way is missing, or is not the one that was found or made.
    pub fn parent(&self, path: &[u8]) -> io::Result<(Arc<OwnedFd>, CString)> {
        let at = path.iter().rposition(|byte| *byte == b'/');
        let name = CString::new(&path[at.map_or(0, |at| at + 1)..])?;
        Ok((self.directory(&path[..at.unwrap_or(0)])?, name))
    }

    fn directory(&self, path: &[u8]) -> io::Result<Arc<OwnedFd>> {
        let mut state = self.state();
        if state.open.is_empty() || state.open.len() > OPEN {
            state.open = HashMap::from([(Vec::new(), Arc::new(self.root.handle().try_clone()?))]);
        }
        // From the nearest that is open.
        let ends = (0..path.len()).filter(|&at| path[at] == b'/' || at == 0);
        let mut at = path.len();
        let mut before = ends.rev();
        let mut dir = loop {
            match state.open.get(&path[..at]) {
                Some(open) => break Arc::clone(open),
                None => at = before.next().unwrap_or(0),
            }
        };
        while at < path.len() {
            let start = if at == 0 { 0 } else { at + 1 };
            let len = path[start..].iter().position(|byte| *byte == b'/');
            at = len.map_or(path.len(), |len| start + len);
            let name = CString::new(&path[start..at])?;
            let known = state.known.get(&path[..at]).copied();
            dir = Arc::new(self.enter(&dir, &name, known)?);
            if known.is_none() {
                state.known.insert(path[..at].to_vec(), id(&fstat(&*dir)?));
            }
            if !state.entered.contains_key(&path[..at]) {
                state.entered.insert(path[..at].to_vec(), Spot::of(&dir)?);
            }
            // Of a very long way not every step.
            if at == path.len() || state.open.len() < OPEN {
                state.open.insert(path[..at].to_vec(), Arc::clone(&dir));
            }
        }
        Ok(dir)
    }

    fn enter(&self, dir: &OwnedFd, name: &CString, known: Option<Id>) -> io::Result<OwnedFd> {
        let opened = match open_directory(dir, name) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let here = Itself::at(dir, name)?;
                if !here.kind().is_dir() || !self.is_it(dir, known, here.id())? {
                    return Err(io::Error::other(REPLACED));
                }
                // For as long as the work takes: its attributes come last.
                here.chmod(0o700)?;
                open_directory(dir, name)?
            }
            other => other?,
        };
        if self.is_it(dir, known, id(&fstat(&opened)?))? {
            return Ok(opened);
        }
        Err(io::Error::other(REPLACED))
    }

    /// Whether an entry of a directory is the one that this restore has compared or made.
    ///
    /// What nobody has looked at is as good as any other to a user, who can change there
    /// what is the user's. Root could change what is anybody's. Where nobody else can put
    /// anything, its name says what it is: some disks give new numbers at any time.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn is_it(&self, dir: &OwnedFd, known: Option<Id>, found: Id) -> io::Result<bool> {
        let same = known.map_or(self.power == Power::Owner, |known| known == found);
        Ok(same || is_closed(dir, Reach::Add)?)
    }

    /// Takes note of a directory that is there now.
    ///
    /// # Errors
    /// It is none, or somebody's that has come there meanwhile, or where files
    /// are `collected`.
    pub fn met(
        &self,
        path: &[u8],
        (dir, name): (&OwnedFd, &CString),
        collected: &OwnedFd,
    ) -> io::Result<()> {
        let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if !rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        // In upper case, on a disk that does not tell it apart.
        if id(&stat) == id(&fstat(collected)?) {
            return Err(io::Error::other(TAKEN));
        }
        let mut state = self.state();
        // Two names of the snapshot may be one to this disk.
        let is_known = || state.known.values().any(|known| *known == id(&stat));
        if self.power == Power::Root && !is_known() && !is_closed(dir, Reach::Add)? {
            return Err(io::Error::other(REPLACED));
        }
        state.known.insert(path.to_vec(), id(&stat));
        Ok(())
    }

    pub fn made(&self, path: &[u8], id: Id) {
        self.state().known.insert(path.to_vec(), id);
    }

    /// Opens a directory itself, if it is the one that was found or made.
    ///
    /// # Errors
    /// It is not.
    pub fn itself(&self, path: &[u8]) -> io::Result<Itself> {
        if path.is_empty() {
            return Itself::of(self.root.handle().try_clone()?);
        }
        let known = self.state().known.get(path).copied();
        let (dir, name) = self.parent(path)?;
        let here = Itself::at(&*dir, &name)?;
        let is_it = self.is_it(&dir, known, here.id())?;
        if is_it { Ok(here) } else { Err(io::Error::other(REPLACED)) }
    }

    /// A directory goes, and another may come.
    pub fn forget(&self, path: &[u8]) {
        let mut state = self.state();
        state.known.remove(path);
        state.entered.remove(path);
        state.open.clear();
    }

    /// The directories that were entered and that nobody sees any more: another file system
    /// is at their place, or nothing is. That of the root is the empty path.
    pub fn covered(&self) -> Vec<Vec<u8>> {
        if !matches!(self.root.is_in_place(), Ok(true)) {
            return vec![Vec::new()];
        }
        let state = self.state();
        let is_covered =
            |(path, then): &(&Vec<u8>, &Spot)| match Spot::below(self.root.handle(), as_path(path))
            {
                Ok(now) => !now.is_beside(then),
                Err(error) => is_absent(&error),
            };
        let covered = state.entered.iter().filter(is_covered);
        let mut covered: Vec<_> = covered.map(|(path, _)| path.clone()).collect();
        covered.sort_unstable();
        // What is below one of them is not seen for the same reason.
        covered.dedup_by(|path, above| is_below(path, above));
        covered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    #[test]
    fn a_directory_that_was_renamed_to_the_name_of_another_is_not_entered() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        fs::create_dir_all(dir.path().join("secret/b")).unwrap();
        // Others can put something there.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let id = |path: &str| {
            let meta = fs::metadata(dir.path().join(path)).unwrap();
            (path.as_bytes().to_vec(), (meta.dev(), meta.ino()))
        };
        let found = HashMap::from([id("a"), id("a/b")]);
        let root = Root::open(dir.path()).unwrap();
        for power in [Power::Root, Power::Owner] {
            let ways = || Ways::new(&root, found.clone(), power);
            assert!(ways().parent(b"a/b/file").is_ok() && ways().itself(b"a/b").is_ok());
            // Nobody has looked at it.
            assert_eq!(ways().parent(b"secret/file").is_ok(), power == Power::Owner);
            fs::rename(dir.path().join("a"), dir.path().join("old")).unwrap();
            fs::rename(dir.path().join("secret"), dir.path().join("a")).unwrap();
            assert!(ways().parent(b"a/b/file").is_err() && ways().itself(b"a/b").is_err());
            fs::rename(dir.path().join("a"), dir.path().join("secret")).unwrap();
            // Where nobody else can, the name is enough.
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
            assert!(ways().parent(b"secret/file").is_ok());
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
            symlink("old", dir.path().join("a")).unwrap();
            assert!(ways().parent(b"a/b/file").is_err());
            fs::remove_file(dir.path().join("a")).unwrap();
            fs::rename(dir.path().join("old"), dir.path().join("a")).unwrap();
        }
    }
}

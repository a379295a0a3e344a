//! The root of a tree, by handle: opened once, and never looked up by its path again.
//! Whatever is read, compared, put or wiped below it is reached from here, and no link
//! is followed on the way. Whoever may rename a directory above cannot lead it elsewhere.

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, openat, statat, unlinkat};

use crate::base::error::{Error, Kind, Result};
use crate::base::files::is_absent;
use crate::base::shown::path_of;
use crate::host::resolve::{self, Resolved};
use crate::host::spot::Spot;
use crate::host::stat::id;

/// An open directory that is the root of a tree.
#[derive(Clone, Debug)]
pub struct Root(Arc<Resolved>);

/// The names in a directory lead nowhere but into it.
const BELOW: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

impl Root {
    /// Opens the directory at `path`.
    ///
    /// # Errors
    /// It is missing or none, cannot be read, or a link on the way is somebody else's.
    pub fn open(path: &Path) -> io::Result<Self> {
        resolve::existing(path).map(|resolved| Root(Arc::new(resolved)))
    }

    /// Makes the directory at `path`, and those above that are missing.
    ///
    /// # Errors
    /// As [`Root::open`], or it cannot be made.
    pub fn make(path: &Path) -> io::Result<Self> {
        resolve::made(path).map(|resolved| Root(Arc::new(resolved)))
    }

    /// Where it was, without any link: for messages, and to compare it with other paths.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    pub fn handle(&self) -> &OwnedFd {
        &self.0.dir
    }

    /// The directory that a path below is in, and its name there.
    ///
    /// # Errors
    /// One on the way is missing, or is no directory.
    pub fn parent(&self, path: &[u8]) -> io::Result<(OwnedFd, CString)> {
        let mut names: Vec<_> = path.split(|byte| *byte == b'/').collect();
        let last = names.pop().unwrap_or_default();
        let mut dir = self.handle().try_clone()?;
        for name in names {
            dir = openat(&dir, CString::new(name)?, BELOW | OFlags::DIRECTORY, Mode::empty())?;
        }
        Ok((dir, CString::new(last)?))
    }

    /// What is at a path below. A link is the link.
    ///
    /// # Errors
    /// Nothing is there.
    pub fn stat(&self, path: &[u8]) -> io::Result<Stat> {
        let (dir, name) = self.parent(path)?;
        Ok(statat(&dir, &name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Opens a regular file below, for reading.
    ///
    /// # Errors
    /// It is missing, no regular file, or cannot be read.
    pub fn file(&self, path: &[u8]) -> io::Result<File> {
        let (dir, name) = self.parent(path)?;
        let file = File::from(openat(&dir, &name, BELOW, Mode::empty())?);
        let kind = FileType::from_raw_mode(fstat(&file)?.st_mode);
        if kind.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    /// Whether its path still leads to it, and not to another directory: that of a file
    /// system which was mounted over it, or over one above.
    ///
    /// # Errors
    /// Nothing is at the path.
    pub fn is_in_place(&self) -> io::Result<bool> {
        match Spot::at(self.path()) {
            Err(error) if is_absent(&error) => Err(error),
            // Whoever may not look is not told.
            Err(_) => Ok(true),
            Ok(now) => Ok(now == Spot::of(self.handle())?),
        }
    }

    /// Removes the directory itself, if its name still is its own.
    ///
    /// # Errors
    /// It is not empty, or cannot be removed.
    pub fn remove(&self) -> io::Result<()> {
        let Some((above, name)) = &self.0.above else {
            return Err(io::ErrorKind::ResourceBusy.into());
        };
        let found = statat(above, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if id(&found) != id(&fstat(self.handle())?) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(unlinkat(above, name, AtFlags::REMOVEDIR)?)
    }
}

/// The roots of a run. Each is opened when it is first needed; what comes later works in
/// the same directory.
#[derive(Default)]
pub struct Roots(Mutex<HashMap<PathBuf, Root>>);

impl Roots {
    /// The tree at a path; None if nothing is there.
    ///
    /// # Errors
    /// It cannot be opened, it is no directory, or somebody else can have put a link on the way
    /// to it.
    pub fn get(&self, path: &Path) -> Result<Option<Root>> {
        // What is there may have come to the place of a directory, and nobody has saved it.
        let found = || statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW);
        let is_file = || found().is_ok_and(|f| !FileType::from_raw_mode(f.st_mode).is_symlink());
        match self.open(path) {
            Ok(root) => Ok(Some(root)),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory && is_file() => {
                let what = format!("{} is no directory", path_of(path));
                Err(Error::guard(what).hint("Move it elsewhere: no backup has it."))
            }
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Error::io("open", path, &error).with_kind(Kind::Incomplete)),
        }
    }

    /// # Errors
    /// As [`Root::open`].
    pub fn open(&self, path: &Path) -> io::Result<Root> {
        let mut roots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(root) = roots.get(path) {
            return Ok(root.clone());
        }
        let root = Root::open(path)?;
        roots.insert(path.to_path_buf(), root.clone());
        Ok(root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::{Read, Write};
    use std::os::unix::fs::symlink;

    #[test]
    fn what_takes_the_place_of_a_root_is_not_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, other) = (dir.path().join("tree"), dir.path().join("other"));
        for (dir, content) in [(&tree, "tree's"), (&other, "other's")] {
            fs::create_dir_all(dir.join("a")).unwrap();
            fs::write(dir.join("a/file"), content).unwrap();
        }
        let roots = Roots::default();
        let root = roots.open(&tree).unwrap();
        fs::rename(&tree, dir.path().join("moved")).unwrap();
        symlink("other", &tree).unwrap();
        for root in [root.clone(), roots.open(&tree).unwrap()] {
            let mut content = String::new();
            root.file(b"a/file").unwrap().read_to_string(&mut content).unwrap();
            assert_eq!(content, "tree's");
        }
        assert!(root.remove().is_err() && other.exists());
        fs::rename(dir.path().join("moved/a"), dir.path().join("moved/b")).unwrap();
        symlink(other.join("a"), dir.path().join("moved/a")).unwrap();
        assert!(root.file(b"a/file").is_err() && root.stat(b"a/file").is_err());
        assert!(root.stat(b"a").is_ok(), "the link itself");
    }

    #[test]
    fn a_root_is_made_and_removed_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        let root = Root::make(&path).unwrap();
        let (inside, name) = root.parent(b"file").unwrap();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let file = openat(&inside, &name, flags, Mode::RUSR | Mode::WUSR).unwrap();
        File::from(file).write_all(b"x").unwrap();
        assert_eq!(fs::read(path.join("file")).unwrap(), b"x");
        assert!(root.remove().is_err() && path.exists());
        fs::remove_file(path.join("file")).unwrap();
        root.remove().unwrap();
        assert!(!path.exists());
        assert!(Root::make(dir.path()).is_ok(), "one that is there");
    }
}

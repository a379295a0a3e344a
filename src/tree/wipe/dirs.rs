//! The directories of a tree, opened once each on the way through it.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, fchmod, fstat, statat, unlinkat};
use rustix::io::Errno;

use crate::host::disk::{open_here, unlock};
use crate::host::stat;
use crate::tree::model::entry::is_within;
use crate::tree::scan::root::Root;

/// Handles of the directories on the way to where the work is. No link is followed
/// and no mount crossed.
pub struct Dirs {
    root: Arc<OwnedFd>,
    /// Length of the path of each in `path`.
    way: Vec<(usize, Arc<OwnedFd>)>,
    path: Vec<u8>,
    /// Those that were opened.
    entered: HashSet<Vec<u8>>,
}

impl Dirs {
    /// # Errors
    /// There are too many handles.
    pub fn of(root: &Root) -> io::Result<Self> {
        let root = Arc::new(root.handle().try_clone()?);
        Ok(Dirs { root, way: Vec::new(), path: Vec::new(), entered: HashSet::new() })
    }

    pub fn root(&self) -> &OwnedFd {
        &self.root
    }

    /// Whether a directory was opened. What is mounted there came after that.
    pub fn has_entered(&self, dir: &[u8]) -> bool {
        self.entered.contains(dir)
    }

    /// The directory that `path` is in, and its name in there.
    ///
    /// # Errors
    /// The path of the directory that cannot be opened, and why.
    pub fn parent(&mut self, path: &[u8]) -> Result<(Arc<OwnedFd>, CString), (Vec<u8>, io::Error)> {
        let (dir, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(at) => (&path[..at], &path[at + 1..]),
            None => (&path[..0], path),
        };
        let name = CString::new(name).map_err(|error| (path.to_vec(), error.into()))?;
        while self.way.last().is_some_and(|(len, _)| !is_within(dir, &self.path[..*len])) {
            self.way.pop();
        }
        let mut at = self.way.last().map_or(0, |(len, _)| *len);
        self.path.truncate(at);
        while at < dir.len() {
            let start = if at == 0 { 0 } else { at + 1 };
            let len = dir[start..].iter().position(|byte| *byte == b'/');
            at = len.map_or(dir.len(), |len| start + len);
            let above = self.way.last().map_or(&self.root, |(_, handle)| handle);
            let opened = open_directory(above, &dir[start..at]);
            let handle = opened.map_err(|error| (dir[..at].to_vec(), error))?;
            self.path = dir[..at].to_vec();
            self.entered.insert(self.path.clone());
            self.way.push((at, Arc::new(handle)));
        }
        let handle = self.way.last().map_or(&self.root, |(_, handle)| handle);
        Ok((Arc::clone(handle), name))
    }
}

fn open_directory(above: &OwnedFd, name: &[u8]) -> io::Result<OwnedFd> {
    let name = CString::new(name)?;
    open_here(above, &name, OFlags::RDONLY | OFlags::DIRECTORY)
}

/// Removes `name` from `dir`, which is made writable if it has to be.
///
/// # Errors
/// It cannot be removed.
pub fn remove(dir: &OwnedFd, name: &CStr, flags: AtFlags) -> io::Result<()> {
    match unlinkat(dir, name, flags) {
        Err(Errno::ACCESS) => {
            let mode = stat::mode(stat::permissions(&fstat(dir)?));
            fchmod(dir, mode | Mode::RWXU)?;
        }
        // The flag may be on either.
        Err(Errno::PERM) => {
            let open = if flags.contains(AtFlags::REMOVEDIR) {
                open_here(dir, name, OFlags::RDONLY | OFlags::DIRECTORY)
            } else if is_file(dir, name) {
                open_here(dir, name, OFlags::RDONLY)
            } else {
                Err(io::ErrorKind::Unsupported.into())
            };
            // Whether it could: another thread may have been faster.
            let _ = open.and_then(|handle| unlock(&handle));
            let _ = unlock(dir);
        }
        other => return Ok(other?),
    }
    Ok(unlinkat(dir, name, flags)?)
}

fn is_file(dir: &OwnedFd, name: &CStr) -> bool {
    statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    use crate::host::flags;
    use rustix::fs::fstat;
    use std::fs;
    use std::sync::Barrier;
    use std::thread;

    #[test]
    fn the_way_is_found_from_anywhere_and_never_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b/c")).unwrap();
        fs::create_dir(dir.path().join("ab")).unwrap();
        std::os::unix::fs::symlink("a", dir.path().join("link")).unwrap();
        let mut dirs = Dirs::of(&Root::open(dir.path()).unwrap()).unwrap();
        let ino = |handle: &OwnedFd| fstat(handle).unwrap().st_ino;
        let of = |path: &str| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
        for (path, parent) in [
            ("a/b/c/x", "a/b/c"),
            ("a/b/x", "a/b"),
            ("x", ""),
            ("ab/x", "ab"),
            ("a/x", "a"),
            ("a/b/c/y", "a/b/c"),
        ] {
            let (handle, name) = dirs.parent(path.as_bytes()).unwrap();
            let expected = of(dir.path().join(parent).to_str().unwrap());
            assert_eq!(ino(&handle), expected, "{path}");
            assert!(path.ends_with(name.to_str().unwrap()));
        }
        let (path, _) = dirs.parent(b"link/b/x").unwrap_err();
        assert_eq!(path, b"link");
        assert!(dirs.parent(b"gone/x").is_err());
        assert!(dirs.parent(b"a/b/z").is_ok());
    }

    // Several find the same lock, and only one of them lifts it.
    #[test]
    fn a_lock_that_another_thread_has_lifted_keeps_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let handle = OwnedFd::from(File::open(dir.path()).unwrap());
        let names: Vec<_> = (0..8).map(|n| CString::new(n.to_string()).unwrap()).collect();
        for _ in 0..200 {
            for name in &names {
                fs::write(dir.path().join(name.to_str().unwrap()), "").unwrap();
            }
            if flags::set_open(&handle, &fstat(&handle).unwrap(), flags::HERE.read(b"append-only"))
                .is_err()
            {
                // Only root can lock, and not on every file system.
                return;
            }
            let start = Barrier::new(names.len());
            let work = |name: &CString| {
                start.wait();
                remove(&handle, name, AtFlags::empty())
            };
            let work = &work;
            let gone = thread::scope(|scope| {
                let threads = names.iter().map(|name| scope.spawn(move || work(name)));
                let threads: Vec<_> = threads.collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
            });
            assert!(gone.iter().all(Result::is_ok), "{gone:?}");
        }
    }
}

//! What is in a local directory, with all its attributes, one entry after the
//! other in the order of entries.

mod look;

use std::collections::{HashMap, VecDeque};
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};

use look::{names, of};

use super::attributes;
use super::excluded::{Excluded, is_excluded, is_marked};
use crate::tree::model::entry::{Entry, EntryKind, FileData, as_path, is_reserved};
use crate::tree::model::path_set::Kept;

pub use super::excluded::LeftOut;
use super::root::Root;
use crate::host::flags;
use crate::host::stat::{self, device_number};
use crate::host::{cloud, privacy};
use crate::storage::filter::Filter;

pub use crate::tree::model::entry::STAGE;
pub use look::{closed, local, time};

/// What a walk comes across.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // one at a time, on the stack
pub enum Found {
    Entry(Entry),
    LeftOut(LeftOut),
    Excluded(Excluded),
}

/// A walk; its first entry is the root itself, with an empty path. Directories
/// are opened from their parents' handles: no link is followed, however the tree
/// changes meanwhile. Only the way to the current entry is held in memory.
pub struct Walk {
    stack: Vec<Level>,
    path: Vec<u8>,
    /// Found already, and not yet told.
    next: VecDeque<Found>,
    root: PathBuf,
    links: HashMap<(u64, u64), u64>,
    filter: Filter,
    /// Also goes into what is excluded.
    deep: bool,
    /// Where it goes; None: everywhere.
    only: Option<Kept>,
}

/// A directory on the way.
struct Level {
    dir: OwnedFd,
    /// In reverse order.
    names: Vec<CString>,
    /// Length of the path of this directory.
    len: usize,
    /// All in it is excluded.
    excluded: bool,
}

impl Walk {
    /// Begins at `root`. What `filter` excludes is not entered.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn new(root: &Root, filter: &Filter) -> io::Result<Self> {
        let dir = root.handle().try_clone()?;
        let stat = fstat(&dir)?;
        let attributes::Found { xattrs, lacks } = attributes::of_handle(&dir)?;
        let entry = Entry {
            path: Vec::new(),
            kind: EntryKind::Directory,
            attributes: of(&stat, xattrs, flags::of(&dir, c".", &stat)),
            hard_link: None,
            stored: None,
            local: Some(local(&stat)),
        };
        let names = names(&dir, true)?;
        let excluded = is_marked(&dir, &names, filter);
        let mut walk = Walk {
            stack: Vec::new(),
            path: Vec::new(),
            next: VecDeque::from([Found::Entry(entry)]),
            root: root.path().to_path_buf(),
            links: HashMap::new(),
            filter: filter.clone(),
            deep: false,
            only: None,
        };
        let lacks = lacks.map(|why| walk.lacking(why));
        walk.next.extend(lacks);
        walk.push(dir, names, excluded);
        Ok(walk)
    }

    /// The same walk, which goes into what is excluded as well.
    #[must_use]
    pub fn deep(self) -> Self {
        Walk { deep: true, ..self }
    }

    /// The same walk, which goes to these paths and to what lies below them. It comes across
    /// the directories above them, too.
    #[must_use]
    pub fn only(self, paths: Kept) -> Self {
        Walk { only: Some(paths), ..self }
    }

    fn goes_to(&self, path: &[u8]) -> bool {
        self.only.as_ref().is_none_or(|only| only.holds(path) || only.is_below(path))
    }

    fn left_out(&self, why: &dyn ToString, loss: bool) -> LeftOut {
        LeftOut { path: self.path.clone(), why: why.to_string(), loss, partial: false }
    }

    fn lacking(&self, why: String) -> Found {
        Found::LeftOut(LeftOut { path: self.path.clone(), why, loss: true, partial: true })
    }

    fn unreadable(&self, error: impl Into<io::Error>) -> LeftOut {
        let error = error.into();
        match privacy::hint(&error, &self.root.join(as_path(&self.path))) {
            Some(hint) => self.left_out(&format!("{error}; {hint}"), true),
            None => self.left_out(&error, true),
        }
    }

    /// Puts a directory, whose path is in place, on the stack. Of what it holds in name
    /// only, the names come first: whoever asks for one of them knows then.
    fn push(&mut self, dir: OwnedFd, mut names: Vec<CString>, excluded: bool) {
        for name in cloud::take_stubs(&dir, &mut names) {
            let slash = if self.path.is_empty() { &b""[..] } else { b"/" };
            let path = [&self.path, slash, name.to_bytes()].concat();
            if !excluded && !is_excluded(&self.filter, &path, FileType::RegularFile) {
                let why = cloud::WHY.to_owned();
                let out = LeftOut { path, why, loss: true, partial: false };
                self.next.push_back(Found::LeftOut(out));
            }
        }
        self.stack.push(Level { dir, names, len: self.path.len(), excluded });
    }

    /// One entry of the directory on top of the stack. Its path is in place.
    fn visit(&mut self, name: &CStr) -> Option<Found> {
        let level = self.stack.last()?;
        let stat = match statat(&level.dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            // It went away since the directory was read.
            Err(rustix::io::Errno::NOENT) => return None,
            Err(error) => return Some(self.found(Err(self.unreadable(error)), level.excluded)),
        };
        let file_type = FileType::from_raw_mode(stat.st_mode);
        let excluded = level.excluded || is_excluded(&self.filter, &self.path, file_type);
        if is_reserved(name.to_bytes(), false) {
            let why = "poof gives such names to its own files, which hold secrets for a while";
            return Some(self.found(Err(self.left_out(&why, false)), excluded));
        }
        if cloud::is_elsewhere(&stat) {
            return Some(self.found(Err(self.left_out(&cloud::WHY, true)), excluded));
        }
        let what = self.look(name, &stat, excluded);
        match what {
            Ok(entry) if entry.is_directory() => Some(self.directory(name, entry, excluded)),
            what => Some(self.found(what, excluded)),
        }
    }

    /// What is at the path that is in place.
    fn found(&self, what: Result<Entry, LeftOut>, excluded: bool) -> Found {
        match what {
            what if excluded => {
                let inside = self.stack.last().is_some_and(|level| level.excluded && level.len > 0);
                Found::Excluded(Excluded { top: !inside, what })
            }
            Ok(entry) => Found::Entry(entry),
            Err(out) => Found::LeftOut(out),
        }
    }

    fn look(&mut self, name: &CStr, stat: &Stat, excluded: bool) -> Result<Entry, LeftOut> {
        let Some(level) = self.stack.last() else { return Err(self.left_out(&"", true)) };
        let file_type = FileType::from_raw_mode(stat.st_mode);
        let kind = match file_type {
            FileType::RegularFile => {
                let size = u64::try_from(stat.st_size).unwrap_or(0);
                let blocks = u64::try_from(stat.st_blocks).unwrap_or(0);
                EntryKind::File(FileData { size, content: None, sparse: blocks * 512 < size })
            }
            FileType::Directory => EntryKind::Directory,
            FileType::Symlink => match readlinkat(&level.dir, name, Vec::new()) {
                Ok(target) => EntryKind::Symlink { target: target.into_bytes() },
                Err(error) => return Err(self.unreadable(error)),
            },
            FileType::Fifo => EntryKind::Fifo,
            FileType::CharacterDevice => EntryKind::CharDevice(device_number(stat)),
            FileType::BlockDevice => EntryKind::BlockDevice(device_number(stat)),
            FileType::Socket => return Err(self.left_out(&"it is a socket", false)),
            FileType::Unknown => return Err(self.left_out(&"it is of no known type", true)),
        };
        let attributes::Found { xattrs, lacks } = match attributes::of_name(&level.dir, name, stat)
        {
            _ if excluded => attributes::Found { xattrs: Vec::new(), lacks: None },
            Ok(found) => found,
            Err(error) => return Err(self.unreadable(error)),
        };
        let flags = flags::of(&level.dir, name, stat);
        let lacks = lacks.map(|why| self.lacking(why));
        self.next.extend(lacks);
        let hard_link = (file_type != FileType::Directory && stat.st_nlink > 1).then(|| {
            let hash = blake3::hash(&self.path);
            let id = hash.as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
            if excluded {
                // Not the name by which the others go.
                return id;
            }
            *self.links.entry(stat::id(stat)).or_insert(id)
        });
        Ok(Entry {
            path: self.path.clone(),
            kind,
            attributes: of(stat, xattrs, flags),
            hard_link,
            stored: None,
            local: Some(local(stat)),
        })
    }

    /// Puts a directory on the stack, unless it is left out; if it cannot be read, that
    /// comes next.
    fn directory(&mut self, name: &CStr, entry: Entry, excluded: bool) -> Found {
        if excluded && !self.deep {
            return self.found(Ok(entry), excluded);
        }
        let Some(level) = self.stack.last() else { return self.found(Ok(entry), excluded) };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(&level.dir, name, flags, Mode::empty());
        match opened.map_err(io::Error::from).and_then(|dir| Ok((names(&dir, false)?, dir))) {
            Ok((names, dir)) => {
                let excluded = excluded || is_marked(&dir, &names, &self.filter);
                let found = self.found(Ok(entry), excluded);
                if self.deep || !excluded {
                    self.push(dir, names, excluded);
                }
                found
            }
            Err(error) => {
                let out = self.found(Err(self.unreadable(error)), excluded);
                self.next.push_back(out);
                self.found(Ok(entry), excluded)
            }
        }
    }
}

impl Iterator for Walk {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        if let Some(found) = self.next.pop_front() {
            return Some(found);
        }
        loop {
            let level = self.stack.last_mut()?;
            let Some(name) = level.names.pop() else {
                self.stack.pop();
                continue;
            };
            self.path.truncate(level.len);
            if !self.path.is_empty() {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(name.to_bytes());
            if self.goes_to(&self.path)
                && let Some(found) = self.visit(&name)
            {
                return Some(found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    fn entries(root: &Path) -> Vec<Entry> {
        let walk = Walk::new(&Root::open(root).unwrap(), &Filter::default()).unwrap();
        let entries = walk.filter_map(|found| match found {
            Found::Entry(entry) => Some(entry),
            Found::LeftOut(_) | Found::Excluded(_) => None,
        });
        entries.collect()
    }

    #[test]
    fn entries_come_in_order_with_what_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("a/deep")).unwrap();
        fs::create_dir(root.join(STAGE)).unwrap();
        fs::write(root.join("a/deep/x"), "content").unwrap();
        fs::write(root.join("a.b"), "").unwrap();
        symlink("nowhere", root.join("link")).unwrap();
        fs::hard_link(root.join("a/deep/x"), root.join("z")).unwrap();
        fs::File::create(root.join("holes")).unwrap().set_len(1 << 20).unwrap();
        let _socket = UnixListener::bind(root.join("socket")).unwrap();
        let all = entries(root);
        let paths: Vec<_> = all.iter().map(|e| String::from_utf8_lossy(&e.path)).collect();
        assert_eq!(paths, ["", "a", "a/deep", "a/deep/x", "a.b", "holes", "link", "z"]);
        assert_eq!(all[3].hard_link, all[7].hard_link);
        assert!(all[3].hard_link.is_some() && all[4].hard_link.is_none());
        assert!(all[5].file().unwrap().sparse && !all[3].file().unwrap().sparse);
        assert_eq!(all[6].kind, EntryKind::Symlink { target: b"nowhere".to_vec() });
        let mut walk = Walk::new(&Root::open(root).unwrap(), &Filter::default()).unwrap();
        let left_out = walk.find_map(|found| match found {
            Found::LeftOut(left_out) => Some(left_out),
            Found::Entry(_) | Found::Excluded(_) => None,
        });
        assert!(left_out.is_some_and(|left_out| !left_out.loss && left_out.path == b"socket"));
    }

    #[test]
    fn a_walk_to_some_paths_looks_at_nothing_beside_them() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("a/deep")).unwrap();
        fs::create_dir(root.join("b")).unwrap();
        for file in ["a/deep/x", "a/deep/y", "a/z", "b/x", "c"] {
            fs::write(root.join(file), "").unwrap();
        }
        let walk = |only: &[&[u8]]| {
            let walk = Walk::new(&Root::open(root).unwrap(), &Filter::default()).unwrap();
            let paths = walk.only(only.iter().copied().collect()).filter_map(|found| match found {
                Found::Entry(entry) => Some(String::from_utf8(entry.path).unwrap()),
                _ => None,
            });
            paths.collect::<Vec<_>>()
        };
        assert_eq!(walk(&[b"a/deep", b"c"]), ["", "a", "a/deep", "a/deep/x", "a/deep/y", "c"]);
        assert_eq!(walk(&[b"b/none"]), ["", "b"]);
        assert_eq!(walk(&[b""]).len(), 9);
    }

    #[test]
    fn a_path_may_be_longer_than_the_system_takes_in_one_piece() {
        let dir = tempfile::tempdir().unwrap();
        let name = "d".repeat(200);
        let mut handle = OwnedFd::from(File::open(dir.path()).unwrap());
        for _ in 0..30 {
            rustix::fs::mkdirat(&handle, &name, Mode::RWXU).unwrap();
            handle = openat(&handle, &name, OFlags::RDONLY, Mode::empty()).unwrap();
        }
        assert_eq!(entries(dir.path()).len(), 31);
    }
}

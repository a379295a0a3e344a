//! Puts entries into their places below a directory: atomically, through handles,
//! never through a link.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, chmodat, linkat, mkdirat, openat, statat, symlinkat, unlinkat,
};

use super::locked;
use super::names::{made_way, make_writable, open_directory, put, remove_any, writably};
use crate::host::macos::flags::make_way;
use crate::host::{disk, flags};
use crate::tree::attributes::{self, Holds, Power, Short};
use crate::tree::entry::{Entry, EntryKind};
use crate::tree::walk::STAGE;

/// A directory that entries are put into.
pub struct Place {
    root: OwnedFd,
    path: PathBuf,
    /// None where nothing is put into its place.
    stage: Option<OwnedFd>,
    power: Power,
    holds: Holds,
}

impl Place {
    /// Makes `root`, and an empty stage in it if something `comes`.
    ///
    /// # Errors
    /// They cannot be made or opened.
    pub fn open(root: &Path, power: Power, comes: bool) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let handle = OwnedFd::from(File::open(root)?);
        let path = root.to_path_buf();
        if !comes {
            return Ok(Place { root: handle, path, stage: None, power, holds: Holds::of(root) });
        }
        // From a directory that is append-only the stage could not be removed.
        if flags::HERE.lock(flags::now(&handle, c".")?) && make_way(&handle, c".")?.is_none() {
            return Err(io::Error::new(ErrorKind::PermissionDenied, locked::words(root)));
        }
        let stage = match make_stage(&handle, root) {
            // A directory that is read-only to its owner.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                make_writable(&handle)?;
                make_stage(&handle, root)
            }
            other => other,
        }?;
        let holds = Holds::of(root);
        Ok(Place { root: handle, path, stage: Some(stage), power, holds })
    }

    /// Where a file is collected before it is put into its place.
    pub fn staged(&self, id: u64) -> PathBuf {
        self.path.join(STAGE).join(id.to_string())
    }

    fn stage(&self) -> io::Result<&OwnedFd> {
        self.stage.as_ref().ok_or_else(|| ErrorKind::NotFound.into())
    }

    /// Makes a directory. One that is there stays.
    ///
    /// # Errors
    /// Something else is in the way, or it cannot be made.
    pub fn directory(&self, path: &[u8]) -> io::Result<()> {
        let (dir, name) = self.parent(path)?;
        match writably(&dir, || mkdirat(&dir, &name, Mode::RWXU)) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                open_directory(&dir, &name).map(|_| ())
            }
            other => other,
        }
    }

    /// Puts a staged file into its place, with its attributes. One that is `new`
    /// replaces nothing.
    ///
    /// # Errors
    /// It cannot; what was in its place is still there.
    pub fn file(&self, id: u64, entry: &Entry, new: bool) -> io::Result<Short> {
        let (stage, staged) = (self.stage()?, staged_name(id)?);
        let short = attributes::apply(stage, &staged, entry, self.power, self.holds)?;
        let (dir, name) = self.parent(&entry.path)?;
        let done = match writably(&dir, || put(stage, &staged, &dir, &name, new)) {
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                // Another file system is mounted there: it goes through a name of
                // its own in that very directory.
                let beside = CString::new(format!("{STAGE}-{id}"))?;
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW;
                let to = openat(&dir, &beside, flags | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR)?;
                let copied = io::copy(&mut File::open(self.staged(id))?, &mut File::from(to))
                    .and_then(|_| attributes::apply(&dir, &beside, entry, self.power, self.holds))
                    .and_then(|short| Ok(put(&dir, &beside, &dir, &name, new).map(|()| short)?));
                if copied.is_err() {
                    remove_any(&dir, &beside)?;
                }
                remove_any(stage, &staged)?;
                copied
            }
            other => other.map(|()| short),
        };
        done.and_then(|short| attributes::seal(&dir, &name, entry, short))
    }

    /// Makes what has no content: a link, a FIFO, a device.
    ///
    /// # Errors
    /// It cannot; what was in its place is still there.
    pub fn special(&self, id: u64, entry: &Entry, new: bool) -> io::Result<Short> {
        let (dir, name) = self.parent(&entry.path)?;
        let made = self.swapped_in(id, (&dir, &name), new, |stage, staged| {
            let node = |kind, device| disk::make_node(stage, staged, kind, device);
            match &entry.kind {
                EntryKind::Symlink { target } => {
                    symlinkat(CString::new(target.as_slice())?, stage, staged)?;
                }
                EntryKind::Fifo => node(FileType::Fifo, 0)?,
                EntryKind::CharDevice(number) => node(FileType::CharacterDevice, *number)?,
                EntryKind::BlockDevice(number) => node(FileType::BlockDevice, *number)?,
                EntryKind::File(_) | EntryKind::Directory => {
                    return Err(ErrorKind::InvalidInput.into());
                }
            }
            attributes::apply(stage, staged, entry, self.power, self.holds)
        });
        made.and_then(|short| attributes::seal(&dir, &name, entry, short))
    }

    /// Makes `path` another name of what is at `first`.
    ///
    /// # Errors
    /// It cannot; what was in its place is still there.
    pub fn hard_link(&self, id: u64, first: &[u8], path: &[u8], new: bool) -> io::Result<()> {
        let (dir, name) = self.parent(path)?;
        let (of, first) = self.parent(first)?;
        // What is locked gets no more names.
        let locked = flags::unlock(&of, &first)?;
        let made = self.swapped_in(id, (&dir, &name), new, |stage, staged| {
            Ok(linkat(&of, &first, stage, staged, AtFlags::empty())?)
        });
        if let Some(flags) = locked {
            flags::set(&of, &first, flags)?;
        }
        made
    }

    /// Makes something in the stage, or, where another file system is mounted,
    /// in its own directory, and renames it to its place.
    fn swapped_in<T>(
        &self,
        id: u64,
        (dir, name): (&OwnedFd, &CString),
        new: bool,
        make: impl Fn(&OwnedFd, &CString) -> io::Result<T>,
    ) -> io::Result<T> {
        let flags = AtFlags::empty();
        let stage = self.stage()?;
        let same = statat(dir, c".", flags)?.st_dev == statat(stage, c".", flags)?.st_dev;
        let (stage, staged) = if same {
            (stage, staged_name(id)?)
        } else {
            (dir, CString::new(format!("{STAGE}-{id}"))?)
        };
        remove_any(stage, &staged)?;
        let outcome = make(stage, &staged)?;
        if let Err(error) = writably(dir, || put(stage, &staged, dir, name, new)) {
            remove_any(stage, &staged)?;
            return Err(error);
        }
        // Renaming one name of a file onto another does nothing at all.
        remove_any(stage, &staged)?;
        Ok(outcome)
    }

    /// Sets the attributes of what is there.
    ///
    /// # Errors
    /// It cannot.
    pub fn attributes(&self, entry: &Entry) -> io::Result<Short> {
        let (dir, name) = if entry.path.is_empty() {
            (self.root.try_clone()?, c".".to_owned())
        } else {
            self.parent(&entry.path)?
        };
        attributes::apply(&dir, &name, entry, self.power, self.holds)
            .and_then(|short| attributes::seal(&dir, &name, entry, short))
    }

    /// Removes a file, or a directory that is empty.
    ///
    /// # Errors
    /// It cannot. What is not there is removed already.
    pub fn remove(&self, path: &[u8], directory: bool) -> io::Result<()> {
        let (dir, name) = match self.parent(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        let how = if directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        match writably(&dir, || unlinkat(&dir, &name, how)) {
            Err(error) if made_way(&error, &dir, &name) => Ok(unlinkat(&dir, &name, how)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Removes the stage with what is left in it, and gives the root its
    /// attributes. All is on disk when this returns.
    ///
    /// # Errors
    /// It cannot.
    pub fn close(self, root: Option<&Entry>) -> io::Result<Short> {
        if self.stage.is_some() {
            fs::remove_dir_all(self.path.join(STAGE))?;
        }
        let short = match root {
            Some(root) => self.attributes(root)?,
            None => Short::default(),
        };
        disk::sync(&self.root)?;
        Ok(short)
    }

    /// The handle of the directory of `path`, and its name in there.
    fn parent(&self, path: &[u8]) -> io::Result<(OwnedFd, CString)> {
        let mut names: Vec<_> = path.split(|byte| *byte == b'/').collect();
        let last = names.pop().unwrap_or_default();
        let mut dir = self.root.try_clone()?;
        for name in names {
            let name = CString::new(name)?;
            dir = match open_directory(&dir, &name) {
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    // For as long as the work takes: its attributes come last.
                    chmodat(&dir, &name, Mode::RWXU, AtFlags::empty())?;
                    open_directory(&dir, &name)?
                }
                other => other?,
            };
        }
        Ok((dir, CString::new(last)?))
    }
}

fn make_stage(root: &OwnedFd, path: &Path) -> io::Result<OwnedFd> {
    let name = CString::new(STAGE)?;
    // What a killed download has left there is of no use.
    match fs::remove_dir_all(path.join(STAGE)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => mkdirat(root, &name, Mode::RWXU)?,
    }
    open_directory(root, &name)
}

fn staged_name(id: u64) -> io::Result<CString> {
    Ok(CString::new(id.to_string())?)
}

//! Puts entries into their places below a directory: atomically, through handles,
//! never through a link.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Mode, fstat, linkat, mkdirat, symlinkat, unlinkat};

use super::locked;
use super::ways::Ways;
use crate::host::itself::Itself;
use crate::host::resolve::is_empty;
use crate::host::stat::Id;
use crate::host::{disk, flags};
use crate::tree::model::entry::{Entry, EntryKind};
use crate::tree::scan::at_calls::{made_way, put, remove_any, writably};
use crate::tree::scan::attributes::{self, Holds, Power, REPLACED, Short};
use crate::tree::scan::moved::DIRECTORY;
use crate::tree::scan::root::Root;
use crate::tree::scan::staging::{Stage, create};
use crate::tree::scan::walk::STAGE;

/// A directory that entries are put into.
pub struct Place {
    ways: Ways,
    /// None where nothing is put into its place.
    stage: Option<Stage>,
    power: Power,
    holds: Holds,
}

impl Place {
    /// Makes an empty stage in `root`, in which the directories were `found`, if something
    /// `comes`.
    ///
    /// # Errors
    /// It cannot be made or opened.
    pub fn open(
        root: &Root,
        found: HashMap<Vec<u8>, Id>,
        power: Power,
        comes: bool,
    ) -> io::Result<Self> {
        let (handle, holds) = (root.handle(), Holds::of(root.handle()));
        let mut stage = None;
        if comes {
            // From a directory that is append-only the stage could not be removed. On macOS
            // its lock is its owner's own.
            if flags::HERE.lock(flags::of_open(handle)?)
                && (!flags::ON_MACOS || flags::unlock_open(handle)?.is_none())
            {
                let why = locked::words(root.path());
                return Err(io::Error::new(ErrorKind::PermissionDenied, why));
            }
            stage = Some(Stage::make(handle)?);
        }
        Ok(Place { ways: Ways::new(root, found, power), stage, power, holds })
    }

    /// Where files are collected before they are put into their places.
    ///
    /// # Errors
    /// Nothing was to come.
    pub fn stage(&self) -> io::Result<&OwnedFd> {
        self.stage.as_ref().map(Stage::handle).ok_or_else(|| ErrorKind::NotFound.into())
    }

    /// Makes a directory. One that is there stays.
    ///
    /// # Errors
    /// Something else is in the way, or it cannot be made.
    pub fn directory(&self, path: &[u8]) -> io::Result<()> {
        let (dir, name) = self.ways.parent(path)?;
        let made = if self.power == Power::Root && self.is_beside(&dir)? {
            self.directory_by_stage(&dir, &name)
        } else {
            writably(&dir, || mkdirat(&*dir, &name, Mode::RWXU)).and_then(|()| {
                let made = crate::tree::scan::at_calls::open_directory(&dir, &name)?;
                // A desktop may be quick to put something into what is its user's.
                if self.power == Power::Owner || is_empty(&made)? {
                    Itself::of(made).map(|made| made.id())
                } else {
                    Err(io::Error::other(REPLACED))
                }
            })
        };
        match made {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.ways.met(path, (&dir, &name), self.stage()?)
            }
            made => made.map(|id| self.ways.made(path, id)),
        }
    }

    /// Makes it where nobody else can replace it, so that it is known which one it is.
    fn directory_by_stage(&self, dir: &OwnedFd, name: &CString) -> io::Result<Id> {
        let (stage, staged) = (self.stage()?, DIRECTORY.to_owned());
        mkdirat(stage, &staged, Mode::RWXU)?;
        let made = Itself::at(stage, &staged)?;
        if let Err(error) = writably(dir, || put(stage, &staged, dir, name, true)) {
            unlinkat(stage, &staged, AtFlags::REMOVEDIR)?;
            return Err(error);
        }
        made.id_now()
    }

    /// Whether a directory is on the file system of the stage.
    fn is_beside(&self, dir: &OwnedFd) -> io::Result<bool> {
        Ok(fstat(dir)?.st_dev == fstat(self.stage()?)?.st_dev)
    }

    /// Puts a staged file into its place, with its attributes. One that is `new`
    /// replaces nothing.
    ///
    /// # Errors
    /// It cannot; what was in its place is still there.
    pub fn file(&self, id: u64, entry: &Entry, new: bool) -> io::Result<Short> {
        let (stage, staged) = (self.stage()?, Stage::staged(id)?);
        let here = Itself::at(stage, &staged)?;
        let short = attributes::apply(&here, entry, self.power, self.holds)?;
        let (dir, name) = self.ways.parent(&entry.path)?;
        let (here, short) = match writably(&dir, || put(stage, &staged, &dir, &name, new)) {
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                let beside = CString::new(format!("{STAGE}-{id}"))?;
                let copied = self.copy(&staged, entry, (&dir, &name), &beside, new);
                if copied.is_err() {
                    remove_any(&dir, &beside)?;
                }
                remove_any(stage, &staged)?;
                copied?
            }
            other => other.map(|()| (here, short))?,
        };
        self.settled(&here, entry, short)
    }

    /// Another file system is mounted where it goes: there it comes through a name of its
    /// own in that very directory.
    fn copy(
        &self,
        staged: &CStr,
        entry: &Entry,
        (dir, name): (&OwnedFd, &CString),
        beside: &CString,
        new: bool,
    ) -> io::Result<(Itself, Short)> {
        remove_any(dir, beside)?;
        let mut to = File::from(create(dir, beside)?);
        let stage = self.stage.as_ref().ok_or(ErrorKind::NotFound)?;
        io::copy(&mut stage.open(staged)?, &mut to)?;
        let here = Itself::of(to.into())?;
        let short = attributes::apply(&here, entry, self.power, self.holds)?;
        put(dir, beside, dir, name, new)?;
        Ok((here, short))
    }

    /// Makes what has no content: a link, a FIFO, a device.
    ///
    /// # Errors
    /// It cannot; what was in its place is still there.
    pub fn special(&self, id: u64, entry: &Entry, new: bool) -> io::Result<Short> {
        let (dir, name) = self.ways.parent(&entry.path)?;
        let (here, short) = self.swapped_in(id, (&dir, &name), new, |stage, staged| {
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
            let here = Itself::at(stage, staged)?;
            let short = attributes::apply(&here, entry, self.power, self.holds)?;
            Ok((here, short))
        })?;
        self.settled(&here, entry, short)
    }

    /// Makes `path` another name of what is at `first`.
    ///
    /// # Errors
    /// It cannot; what was in its place is still there.
    pub fn hard_link(&self, id: u64, first: &[u8], path: &[u8], new: bool) -> io::Result<()> {
        let (dir, name) = self.ways.parent(path)?;
        let (of, first) = self.ways.parent(first)?;
        // What is locked gets no more names.
        let here = Itself::at(&*of, &first)?;
        let locked = here.unlock()?;
        let made = self.swapped_in(id, (&dir, &name), new, |stage, staged| {
            Ok(linkat(&*of, &first, stage, staged, AtFlags::empty())?)
        });
        if let Some(flags) = locked {
            here.set_flags(flags)?;
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
        let stage = self.stage()?;
        let (stage, staged) = if self.is_beside(dir)? {
            (stage, Stage::staged(id)?)
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

    /// Once it is in its place.
    fn settled(&self, here: &Itself, entry: &Entry, short: Short) -> io::Result<Short> {
        if self.holds != Holds::All {
            attributes::set_both_times(here, entry)?;
        }
        attributes::seal(here, entry, short, self.holds)
    }

    /// Sets the attributes of what is there, if it still is what was `found`.
    ///
    /// # Errors
    /// It is not, or it cannot.
    pub fn attributes(&self, entry: &Entry, found: Option<Id>) -> io::Result<Short> {
        let here = if entry.is_directory() {
            self.ways.itself(&entry.path)?
        } else {
            let (dir, name) = self.ways.parent(&entry.path)?;
            let here = Itself::at(&*dir, &name)?;
            if !self.ways.is_it(&dir, found, here.id())? {
                return Err(io::Error::other(REPLACED));
            }
            here
        };
        attributes::apply(&here, entry, self.power, self.holds)
            .and_then(|short| self.settled(&here, entry, short))
    }

    /// Removes a file, or a directory that is empty.
    ///
    /// # Errors
    /// It cannot. What is not there is removed already.
    pub fn remove(&self, path: &[u8], directory: bool) -> io::Result<()> {
        let (dir, name) = match self.ways.parent(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        let how = if directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        if directory {
            self.ways.forget(path);
        }
        match writably(&dir, || unlinkat(&*dir, &name, how)) {
            Err(error) if made_way(&error, &dir, &name) => Ok(unlinkat(&*dir, &name, how)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// The directories in which this has worked and that nobody sees any more.
    pub fn covered(&self) -> Vec<Vec<u8>> {
        self.ways.covered()
    }

    /// Removes the stage with what is left in it.
    pub(super) fn tidy(&mut self) -> io::Result<()> {
        self.stage.take().map_or(Ok(()), |stage| stage.remove(self.ways.root().handle()))
    }

    /// Removes the stage, and gives the root its
    /// attributes. All is on disk when this returns.
    ///
    /// # Errors
    /// It cannot.
    pub fn close(mut self, root: Option<&Entry>) -> io::Result<Short> {
        self.tidy()?;
        let Place { ways, power, holds, .. } = self;
        let mut short = Short::default();
        if let Some(root) = root {
            let here = ways.itself(&[])?;
            short = attributes::apply(&here, root, power, holds)?;
            short = attributes::seal(&here, root, short, holds)?;
        }
        disk::sync(ways.root().handle())?;
        Ok(short)
    }
}

//! One path of a tree: looked at once more, overwritten, removed.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, ErrorKind, Seek};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fchmod, fstat, readlinkat, statat};
use rustix::io::Errno;

use super::aside::Aside;
use super::consented::GivenUp;
use super::dirs::remove;
use super::stays::{REPLACED, Reason, Stays};
use crate::host::disk::{open_here, unlock};
use crate::host::erase::{FillPattern, overwrite};
use crate::host::in_use;
use crate::host::inline::is_inline;
use crate::host::stat::{device_number, id, mode, permissions};
use crate::tree::model::entry::{Entry, EntryKind, FileData, Local, Time};
use crate::tree::proof::Proven;
use crate::tree::scan::attributes;
use crate::tree::scan::hashing;
use crate::tree::scan::moved::Numbered;
use crate::tree::scan::walk::{local, time};

/// A name in a directory that is to go.
pub struct Path<'a> {
    pub dir: &'a OwnedFd,
    pub name: &'a CStr,
    /// An earlier run may have begun to overwrite it.
    pub begun: bool,
    /// That it got from us, when another of its names went.
    pub ctime: Option<Time>,
    /// Where it is moved to before it goes; None: nothing can be.
    pub aside: Option<&'a Aside>,
    /// Which entry it is, for a run after this one.
    pub entry: Option<Numbered>,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Gone {
    /// It was not there any more.
    Absent,
    /// Overwritten, if it had content, and removed. Whether the content was among the
    /// metadata of the file system.
    Wiped { inline: bool },
    /// Only the name went: the file has others. Where it is, since when.
    Unlinked { inode: (u64, u64), ctime: Time },
}

/// What a file becomes that its owner cannot write.
const OPENED: Mode = Mode::RUSR.union(Mode::WUSR);

const CHANGED: &str = "it has changed since it was proven";

impl Path<'_> {
    /// Wipes what is there, if it is what was proven.
    ///
    /// # Errors
    /// It stays, and why.
    pub fn wipe(&self, proven: &Proven, noise: &FillPattern) -> Result<Gone, Stays> {
        self.any(proven.entry(), noise)
    }

    /// The same for what nothing proves, and nobody wants to keep.
    ///
    /// # Errors
    /// It stays, and why.
    pub fn wipe_unproven(&self, given_up: &GivenUp, noise: &FillPattern) -> Result<Gone, Stays> {
        self.any(given_up.entry(), noise).map_err(|stays| match stays.reason {
            Reason::Emptied | Reason::Covered => stays,
            Reason::Unproven | Reason::Residue | Reason::Excluded => Stays::excluded(&stays.why),
        })
    }

    fn any(&self, entry: &Entry, noise: &FillPattern) -> Result<Gone, Stays> {
        match entry.file() {
            Some(data) => self.file(entry, data, noise),
            None => self.special(entry),
        }
    }

    fn file(&self, entry: &Entry, data: &FileData, noise: &FillPattern) -> Result<Gone, Stays> {
        let handle = match open_here(self.dir, self.name, OFlags::RDONLY) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Gone::Absent),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::LOOP) => {
                return Err(Stays::unproven(REPLACED));
            }
            other => other?,
        };
        let stat = fstat(&handle)?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Err(Stays::unproven(REPLACED));
        }
        if !self.is_that(&handle, &stat, entry, data, noise)? {
            return Err(Stays::unproven(CHANGED));
        }
        if in_use::is_written(&handle) {
            return Err(Stays::residue("another program has it open for writing"));
        }
        if stat.st_nlink > 1 {
            self.unlink(&stat)?;
            let now = fstat(&handle)?;
            let ctime = time(now.st_ctime, now.st_ctime_nsec);
            return Ok(Gone::Unlinked { inode: id(&stat), ctime });
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let (mut stat, mut inline) = (stat, false);
        if size > 0 {
            inline = is_inline(&handle, size);
            let Some(writable) = self.writable(&handle)? else {
                self.unlink(&stat)?;
                let why = "it is a program at work: removed, but its content is not overwritten";
                return Err(Stays::residue(why).taken());
            };
            // Between that look and this open somebody may have been here.
            let found = fstat(&writable)?;
            if id(&found) != id(&stat) {
                return Err(Stays::unproven(REPLACED));
            }
            let seen = |stat: &Stat| (stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
            if seen(&found) != seen(&stat) || found.st_nlink != stat.st_nlink {
                return Err(Stays::unproven(CHANGED));
            }
            overwrite(writable, size, noise).map_err(|error| Stays::from(error).taken())?;
            stat.st_size = 0;
        }
        self.unlink(&stat)?;
        Ok(Gone::Wiped { inline })
    }

    /// The file, open for writing; None if that is refused to all while it runs.
    fn writable(&self, handle: &OwnedFd) -> Result<Option<OwnedFd>, Stays> {
        let open = || open_here(self.dir, self.name, OFlags::RDWR);
        let opened = match open() {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::ACCESS) => {
                fchmod(handle, OPENED)?;
                open()
            }
            Err(error) if Errno::from_io_error(&error) == Some(Errno::PERM) => {
                unlock(handle).map_err(|_| error)?;
                open()
            }
            other => other,
        };
        match opened {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => Ok(None),
            other => Ok(Some(other?)),
        }
    }

    /// What is no file: a link, a FIFO, a device. There is nothing to overwrite.
    fn special(&self, entry: &Entry) -> Result<Gone, Stays> {
        let stat = match statat(self.dir, self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(Gone::Absent),
            other => other?,
        };
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => {
                let target = readlinkat(self.dir, self.name, Vec::new())?.into_bytes();
                Some(EntryKind::Symlink { target })
            }
            FileType::Fifo => Some(EntryKind::Fifo),
            FileType::CharacterDevice => Some(EntryKind::CharDevice(device_number(&stat))),
            FileType::BlockDevice => Some(EntryKind::BlockDevice(device_number(&stat))),
            _ => None,
        };
        let wanted = &entry.attributes;
        let mtime = time(stat.st_mtime, stat.st_mtime_nsec);
        let found = (permissions(&stat), stat.st_uid, stat.st_gid, mtime);
        if kind.as_ref() != Some(&entry.kind)
            || found != (wanted.mode, wanted.uid, wanted.gid, wanted.mtime)
        {
            return Err(Stays::unproven(REPLACED));
        }
        self.unlink(&stat)?;
        Ok(Gone::Wiped { inline: false })
    }

    /// Removes the name, if it still is that of the file.
    fn unlink(&self, stat: &Stat) -> Result<(), Stays> {
        let found = statat(self.dir, self.name, AtFlags::SYMLINK_NOFOLLOW)?;
        if id(&found) != id(stat) {
            return Err(Stays::unproven(REPLACED));
        }
        if let Some(aside) = self.aside
            && aside.remove(self.dir, self.name, stat, self.entry)?
        {
            return Ok(());
        }
        Ok(remove(self.dir, self.name, AtFlags::empty())?)
    }

    /// Whether an open file is the one that was proven.
    fn is_that(
        &self,
        handle: &OwnedFd,
        stat: &Stat,
        entry: &Entry,
        data: &FileData,
        noise: &FillPattern,
    ) -> Result<bool, Stays> {
        let Some(then) = entry.local else { return Ok(false) };
        let now = local(stat);
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        if (now.dev, now.ino) != (then.dev, then.ino) {
            return Ok(false);
        }
        // What an earlier run has cut, or overwritten at least in part.
        // Copies of a handle have one position.
        let file = || {
            let mut file = File::from(handle.try_clone()?);
            file.rewind()?;
            Ok::<_, io::Error>(file)
        };
        if self.begun && (size == 0 || size == data.size && noise.is_in(&file()?, size)?) {
            return Ok(true);
        }
        if size != data.size || time(stat.st_mtime, stat.st_mtime_nsec) != entry.attributes.mtime {
            return Ok(false);
        }
        if now.ctime == then.ctime || Some(now.ctime) == self.ctime {
            return Ok(true);
        }
        // Another name of it came or went, or somebody has set what it had already:
        // then its content and its attributes tell.
        let same = hashing::of(file()?)?;
        let mut seen = entry.attributes.clone();
        (seen.mode, seen.uid, seen.gid) = (permissions(stat), stat.st_uid, stat.st_gid);
        if self.begun && mode(seen.mode) == OPENED {
            // An earlier run made it writable and came no further.
            seen.mode = entry.attributes.mode;
        }
        // Its flags may be others by now: those that lock it had to go.
        let read = attributes::of_handle(handle)?.xattrs;
        seen.xattrs = attributes::with_unread(read, &entry.attributes);
        let again = fstat(handle)?;
        let still = local(&again) == Local { ctime: now.ctime, ..now };
        Ok(still && data.content == Some(same) && seen == entry.attributes)
    }
}

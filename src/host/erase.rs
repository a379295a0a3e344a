//! Overwrites files in place. What that achieves depends on the file system and on
//! what lies below it.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, SeekFrom, fstat, ftruncate, openat, seek, statat,
    unlinkat,
};
use rustix::io::Errno;

use super::in_use::is_open_elsewhere;
use super::itself::Itself;
use super::stat::permissions;
use crate::base::error::{Error, Result};
use crate::base::files::write_private;
use crate::base::{files, random};

/// Random bytes to write over others: neither compressed nor recognised as zeros
/// by what lies below.
pub struct FillPattern {
    key: [u8; 32],
    bytes: OnceLock<Box<[u8]>>,
}

impl FillPattern {
    /// # Errors
    /// The system has no random numbers.
    pub fn new() -> io::Result<Self> {
        let mut key = [0; 32];
        random::fill(&mut key)?;
        Ok(FillPattern::of(&key))
    }

    /// Always the same for a key, so that a later run recognises it.
    pub fn of(key: &[u8; 32]) -> Self {
        FillPattern { key: *key, bytes: OnceLock::new() }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get_or_init(|| {
            let mut bytes = vec![0; 1 << 20].into_boxed_slice();
            blake3::Hasher::new_keyed(&self.key).finalize_xof().fill(&mut bytes);
            bytes
        })
    }

    /// Whether some of the `size` bytes of a file were overwritten with this.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn is_in(&self, file: &File, size: u64) -> io::Result<bool> {
        /// What the system writes of a file at once, or not at all.
        const PAGE: usize = 4096;
        let (mut at, mut page) = (0, [0; PAGE]);
        while let Some((start, end)) = data(file, at, size)? {
            at = start;
            while at < end {
                let from = self.at(at);
                let len = PAGE.min(from.len()).min(usize::try_from(end - at).unwrap_or(PAGE));
                file.read_exact_at(&mut page[..len], at)?;
                // A few bytes can be equal by chance; of a small file there is no more.
                if (len == PAGE || size < PAGE as u64) && page[..len] == from[..len] {
                    return Ok(true);
                }
                at += len as u64;
            }
        }
        Ok(false)
    }

    /// What goes to this offset of a file.
    fn at(&self, offset: u64) -> &[u8] {
        let bytes = self.bytes();
        &bytes[usize::try_from(offset % bytes.len() as u64).unwrap_or(0)..]
    }
}

/// Writes once over the `size` bytes of a file, brings that to the disk, and cuts
/// the file to nothing. Holes stay holes.
///
/// # Errors
/// The file system refuses, or the disk fails.
pub fn overwrite(handle: OwnedFd, size: u64, noise: &FillPattern) -> io::Result<()> {
    let file = File::from(handle);
    let mut at = 0;
    while let Some((start, end)) = data(&file, at, size)? {
        at = start;
        while at < end {
            let from = noise.at(at);
            let len = from.len().min(usize::try_from(end - at).unwrap_or(usize::MAX));
            file.write_all_at(&from[..len], at)?;
            at += len as u64;
        }
    }
    files::flush_data(&file)?;
    Ok(ftruncate(&file, 0)?)
}

/// The next part of a file from `at` on that is no hole.
fn data(file: impl AsFd, at: u64, size: u64) -> io::Result<Option<(u64, u64)>> {
    if at >= size {
        return Ok(None);
    }
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    match seek(&file, SeekFrom::Data(at)) {
        Ok(start) => {
            let end = seek(&file, SeekFrom::Hole(start))?;
            return Ok((start < size).then_some((start, end.min(size))));
        }
        // Only a hole is left.
        Err(Errno::NXIO) => return Ok(None),
        // The file system does not tell.
        Err(Errno::INVAL | Errno::NOTSUP) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Some((at, size)))
}

/// Overwrites and removes a file of poof's own. One that is not there is removed
/// already; a link is only removed, and so is a file with another name, whose content
/// is somebody else's as well.
///
/// # Errors
/// It cannot be removed, or, which is said once it is removed, not be overwritten.
pub fn file(path: &Path, noise: &FillPattern) -> io::Result<()> {
    match beside(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.and_then(|(dir, name)| file_in(&dir, &name, noise)),
    }
}

/// The directory that holds a path, opened, and the name in it.
fn beside(path: &Path) -> io::Result<(OwnedFd, CString)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Ok((File::open(files::parent(path))?.into(), CString::new(name.as_bytes())?))
}

fn file_in(dir: &OwnedFd, name: &CStr, noise: &FillPattern) -> io::Result<()> {
    let stat = match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(()),
        other => other?,
    };
    let is_file = FileType::from_raw_mode(stat.st_mode).is_file();
    let overwritten = if !is_file || stat.st_size == 0 {
        Ok(())
    } else if stat.st_nlink == 1 {
        writable(dir, name).and_then(|(file, size)| overwrite(file, size, noise))
    } else {
        Err(io::Error::other("removed, but the file has another name and so its content"))
    };
    unlinkat(dir, name, AtFlags::empty())?;
    overwritten
}

/// Opens a file of poof's own, which its owner may have made read-only and nobody else
/// has another name for, and says how large it is. No link is followed.
fn writable(dir: &OwnedFd, name: &CStr) -> io::Result<(OwnedFd, u64)> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let open = || openat(dir, name, flags, Mode::empty());
    let handle = match open() {
        Err(Errno::ACCESS) => {
            let here = Itself::at(dir, name)?;
            if !here.kind().is_file() {
                return Err(Errno::ACCESS.into());
            }
            here.chmod(permissions(here.stat()) | 0o600)?;
            open()?
        }
        other => other?,
    };
    let stat = fstat(&handle)?;
    if !FileType::from_raw_mode(stat.st_mode).is_file() || stat.st_nlink != 1 {
        return Err(io::Error::other("it is not the file that it was"));
    }
    Ok((handle, u64::try_from(stat.st_size).unwrap_or(0)))
}

/// The same with a file that may not be there.
///
/// # Errors
/// As [`file`], or the system has no random numbers.
pub fn if_there(path: &Path) -> io::Result<()> {
    if path.exists() { file(path, &FillPattern::new()?) } else { Ok(()) }
}

/// Overwrites and removes everything in a directory of poof's own, and then the
/// directory. A link in it, or in its place, is removed and leads nowhere.
///
/// # Errors
/// The first of what cannot be removed; all that can is.
pub fn directory(dir: &Path, noise: &FillPattern) -> io::Result<()> {
    match beside(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.and_then(|(above, name)| all(&above, &name, Some(noise))),
    }
}

/// Removes what is at a name, with all that is in it if it is a directory, and with a
/// noise overwrites it before. What is not there is removed already. No link is followed.
///
/// # Errors
/// The first of what cannot be removed; all that can is.
pub fn all(above: &OwnedFd, name: &CStr, noise: Option<&FillPattern>) -> io::Result<()> {
    all_in(above, name, noise, 0)
}

/// What poof makes has a few levels. Nobody's nesting is to exhaust it.
const DEEPEST: u32 = 256;

fn all_in(above: &OwnedFd, name: &CStr, noise: Option<&FillPattern>, depth: u32) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || openat(above, name, flags, Mode::empty());
    let dir = match open() {
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ACCESS) => {
            opened_up(above, name)?;
            open()?
        }
        Err(Errno::NOTDIR | Errno::LOOP) => {
            return match noise {
                Some(noise) => match file_in(above, name, noise) {
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                        Itself::at(above, name)?.unlock()?;
                        file_in(above, name, noise)
                    }
                    other => other,
                },
                None => Ok(unlinkat(above, name, AtFlags::empty())?),
            };
        }
        other => other?,
    };
    if depth == DEEPEST {
        return Err(io::Error::other("it holds directories within directories without end"));
    }
    // What cannot be opened up may be empty.
    let _ = opened_up(above, name);
    let gone = each_in(&dir, noise, depth + 1);
    gone.and(unlinkat(above, name, AtFlags::REMOVEDIR).map_err(io::Error::from))
}

/// Lets the owner look into a directory and remove what is in it: one that was restored may
/// be locked, or closed to its owner as well.
fn opened_up(above: &OwnedFd, name: &CStr) -> io::Result<()> {
    let here = Itself::at(above, name)?;
    if !here.kind().is_dir() {
        return Err(Errno::ACCESS.into());
    }
    here.unlock()?;
    match permissions(here.stat()) {
        mode if mode & 0o700 == 0o700 => Ok(()),
        mode => Ok(here.chmod(mode | 0o700)?),
    }
}

fn each_in(dir: &OwnedFd, noise: Option<&FillPattern>, depth: u32) -> io::Result<()> {
    let mut gone = Ok(());
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            gone = gone.and(all_in(dir, entry.file_name(), noise, depth));
        }
    }
    gone
}

/// Removes everything in a directory, and not the directory.
///
/// # Errors
/// As [`all`].
pub fn within(dir: &OwnedFd) -> io::Result<()> {
    each_in(dir, None, 0)
}

/// Writes a small file of poof's own, for its owner alone, and overwrites the one in whose place
/// it comes.
///
/// # Errors
/// It cannot be written.
pub fn rewrite(path: &Path, bytes: &[u8]) -> Result<()> {
    let before = Replaced::at(path);
    write_private(path, bytes)?;
    let erased = FillPattern::new().map(|noise| before.erase(&noise));
    erased.map_err(|error| Error::io("wipe", path, &error))
}

/// A file of poof's own that is about to be replaced.
pub struct Replaced(Option<(OwnedFd, u64)>);

impl Replaced {
    pub fn at(path: &Path) -> Self {
        let open = || {
            let (dir, name) = beside(path).ok()?;
            let stat = statat(&dir, &name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            let is_own = FileType::from_raw_mode(stat.st_mode).is_file() && stat.st_nlink == 1;
            is_own.then(|| writable(&dir, &name).ok()).flatten()
        };
        Replaced(open())
    }

    /// What it has at last: who had it open a moment ago may still have written to it. None: it
    /// cannot be read, or has more than `most` bytes.
    pub fn last(&self, most: u64) -> Option<Vec<u8>> {
        /// So often, and for so long each time, whoever has it open is waited for.
        const ROUNDS: u32 = 20;
        const ROUND: Duration = Duration::from_millis(25);
        let (handle, _) = self.0.as_ref()?;
        let mut rounds = 0..ROUNDS;
        while is_open_elsewhere(handle) && rounds.next().is_some() {
            thread::sleep(ROUND);
        }
        let file = File::from(handle.try_clone().ok()?);
        let size = file.metadata().ok()?.len();
        let mut bytes = vec![0; usize::try_from(size).ok().filter(|_| size <= most)?];
        file.read_exact_at(&mut bytes, 0).ok()?;
        Some(bytes)
    }

    /// Overwrites what it was, now that something else has its name. A run that still
    /// reads it may go on.
    pub fn erase(self, noise: &FillPattern) {
        if let Some((handle, size)) = self.0
            && !is_open_elsewhere(&handle)
        {
            // The new one is there, which is what matters.
            let _ = overwrite(handle, size, noise);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, OpenOptions, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_content_goes_and_holes_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let open = || OpenOptions::new().read(true).write(true).open(&path).unwrap();
        fs::write(&path, vec![7; 3 << 20]).unwrap();
        open().set_len(1 << 30).unwrap();
        // Another handle sees what was written before the file is cut.
        let noise = FillPattern::new().unwrap();
        overwrite(open().into(), 1 << 30, &noise).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
        assert_ne!(noise.bytes()[..64], noise.bytes()[64..128]);
    }

    #[test]
    fn what_was_overwritten_in_part_is_recognised() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let noise = FillPattern::of(&[7; 32]);
        let is_in = |content: &[u8]| {
            fs::write(&path, content).unwrap();
            noise.is_in(&File::open(&path).unwrap(), content.len() as u64).unwrap()
        };
        let mut content = vec![1; (1 << 20) + 10_000];
        assert!(!is_in(&content));
        // Nor is a byte that is equal by chance.
        *content.last_mut().unwrap() = noise.at(content.len() as u64 - 1)[0];
        assert!(!is_in(&content));
        // What is in the middle of a page was not written by a wipe.
        content[100..5000].copy_from_slice(&noise.at(100)[..4900]);
        assert!(!is_in(&content));
        content[..4096].copy_from_slice(&noise.at(0)[..4096]);
        assert!(is_in(&content) && is_in(&content[..4096]));
        assert!(!is_in(b"short") && is_in(&noise.at(0)[..5]) && !is_in(b""));
        assert_ne!(FillPattern::of(&[8; 32]).bytes(), noise.bytes());
    }

    #[test]
    fn a_directory_goes_with_all_that_is_in_it_and_no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (own, other) = (dir.path().join("own"), dir.path().join("other"));
        fs::create_dir_all(own.join("deep")).unwrap();
        fs::write(&other, "kept").unwrap();
        fs::write(own.join("deep/file"), "gone").unwrap();
        std::os::unix::fs::symlink(&other, own.join("link")).unwrap();
        let noise = FillPattern::new().unwrap();
        directory(&own, &noise).unwrap();
        directory(&own, &noise).unwrap();
        assert!(!own.exists());
        std::os::unix::fs::symlink(dir.path(), &own).unwrap();
        directory(&own, &noise).unwrap();
        assert!(fs::symlink_metadata(&own).is_err(), "a link in the place of the directory");
        assert_eq!(fs::read_to_string(&other).unwrap(), "kept");
    }

    #[test]
    fn what_has_another_name_or_is_read_only_goes_as_it_should() {
        let dir = tempfile::tempdir().unwrap();
        let [own, other, closed] = ["own", "other", "closed"].map(|name| dir.path().join(name));
        fs::write(&own, "shared").unwrap();
        fs::hard_link(&own, &other).unwrap();
        fs::write(&closed, "x").unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o400)).unwrap();
        let noise = FillPattern::new().unwrap();
        assert!(file(&own, &noise).is_err());
        assert_eq!((own.exists(), fs::read_to_string(&other).unwrap()), (false, "shared".into()));
        file(&closed, &noise).unwrap();
        assert!(!closed.exists());
    }
}

//! Opens a directory by its path, one name after the other. A link on the way is
//! followed only if nobody but root and this user can have put it there: who owns a
//! directory on the way to a tree of root's must not send root elsewhere.

use std::collections::VecDeque;
use std::ffi::{CStr, CString, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, mkdirat, open, openat, readlinkat, statat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::trust::{self, Reach};
use crate::base::shown::path_of;

/// So many links are followed at most, as the system does.
const LINKS: usize = 40;

/// A directory that was opened.
#[derive(Debug)]
pub struct Resolved {
    pub dir: OwnedFd,
    /// The directory that it is in, and its name there. None for the top of all.
    pub above: Option<(OwnedFd, CString)>,
    /// Without any link, for people.
    pub path: PathBuf,
}

/// Opens a directory that is there.
///
/// # Errors
/// It is missing or none, or a link on the way is somebody else's.
pub fn existing(path: &Path) -> io::Result<Resolved> {
    walk(path, false)
}

/// Opens a directory, and makes it and those above as far as they are missing.
///
/// # Errors
/// As [`existing`]; or it came up at this moment.
pub fn made(path: &Path) -> io::Result<Resolved> {
    walk(path, true)
}

/// The first directory on the way to `path`, as far as it exists, and then below, in which
/// another user than root and this one could put something. None: nobody can.
///
/// # Errors
/// One of them cannot be read.
pub fn open_to_others(path: &Path) -> io::Result<Option<PathBuf>> {
    let mut way: Vec<_> = path.ancestors().collect();
    way.reverse();
    for dir in way {
        let reach = if dir == path { Reach::Add } else { Reach::Replace };
        match trust::is_closed_at(dir, reach) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
            Ok(false) => return Ok(Some(dir.to_owned())),
            Ok(true) => {}
        }
    }
    below(path)
}

fn below(dir: &Path) -> io::Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let path = entry.path();
            if !trust::is_closed_at(&path, Reach::Add)? {
                return Ok(Some(path));
            }
            if let Some(found) = below(&path)? {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

struct At {
    dir: OwnedFd,
    above: Option<(OwnedFd, CString)>,
    path: PathBuf,
}

impl At {
    fn top() -> io::Result<Self> {
        let dir = open(c"/", ENTER, Mode::empty())?;
        Ok(At { dir, above: None, path: PathBuf::from("/") })
    }

    fn enter(self, dir: OwnedFd, name: CString) -> Self {
        let mut path = self.path;
        if name.as_c_str() == c".." {
            path.pop();
            return At { dir, above: None, path };
        }
        path.push(OsString::from_vec(name.as_bytes().to_vec()));
        At { dir, above: Some((self.dir, name)), path }
    }
}

/// To go through a directory takes no right to read it.
#[cfg(not(target_os = "macos"))]
const ENTER: OFlags =
    OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
#[cfg(target_os = "macos")]
const ENTER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

const READ: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

fn walk(path: &Path, make: bool) -> io::Result<Resolved> {
    let mut ahead = VecDeque::new();
    lead(&mut ahead, &std::path::absolute(path)?);
    let (mut at, mut links) = (At::top()?, 0);
    while let Some(name) = ahead.pop_front() {
        let name = CString::new(name.into_vec())?;
        match openat(&at.dir, &name, ENTER, Mode::empty()) {
            Ok(dir) => at = at.enter(dir, name),
            Err(Errno::NOENT) if make => {
                let dir = make_one(&at.dir, &name, ahead.is_empty())?;
                at = at.enter(dir, name);
            }
            // A link, or no directory at all.
            Err(Errno::LOOP | Errno::NOTDIR | Errno::MLINK) => {
                let target = followed(&at, &name)?;
                links += 1;
                if links > LINKS {
                    return Err(Errno::LOOP.into());
                }
                if target.is_absolute() {
                    at = At::top()?;
                }
                lead(&mut ahead, &target);
            }
            Err(error) => return Err(error.into()),
        }
    }
    let dir = openat(&at.dir, c".", READ, Mode::empty())?;
    let At { above, path, .. } = at;
    Ok(Resolved { dir, above, path })
}

/// Puts the names of a path before all others.
fn lead(ahead: &mut VecDeque<OsString>, path: &Path) {
    for part in path.components().rev() {
        if matches!(part, Component::Normal(_) | Component::ParentDir) {
            ahead.push_front(part.as_os_str().to_owned());
        }
    }
}

/// Makes a directory, which is empty then, unless its user's desktop is quick; where others
/// follow it may be there already.
fn make_one(dir: &OwnedFd, name: &CStr, last: bool) -> io::Result<OwnedFd> {
    match mkdirat(dir, name, Mode::RWXU | Mode::RWXG | Mode::RWXO) {
        Err(Errno::EXIST) if !last => {}
        other => other?,
    }
    let made = openat(dir, name, ENTER, Mode::empty())?;
    if last && geteuid().is_root() && !is_empty(&made)? {
        return Err(Errno::EXIST.into());
    }
    Ok(made)
}

/// Whether a directory holds nothing.
///
/// # Errors
/// It cannot be read.
pub fn is_empty(dir: &OwnedFd) -> io::Result<bool> {
    // A handle to go through a directory does not read it.
    for entry in Dir::read_from(openat(dir, c".", READ, Mode::empty())?)? {
        if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Where a link leads, if it may be followed.
fn followed(At { dir, path, .. }: &At, name: &CStr) -> io::Result<PathBuf> {
    let link = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(link.st_mode) != FileType::Symlink {
        return Err(Errno::NOTDIR.into());
    }
    // Who could change it after this look could have made it, too.
    if trust::is_one_of_us(link.st_uid)? && trust::is_closed(dir, Reach::Replace)? {
        let target = readlinkat(dir, name, Vec::new())?;
        return Ok(PathBuf::from(OsString::from_vec(target.into_bytes())));
    }
    let shown = path.join(std::ffi::OsStr::from_bytes(name.to_bytes()));
    Err(io::Error::other(format!(
        "{} is a symbolic link that another user of this machine can have put there, and is not \
         followed; name the directory itself that it leads to",
        path_of(&shown)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use rustix::fs::fstat;

    #[test]
    fn a_directory_is_opened_through_links_of_its_own_user() {
        let dir = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir_all(top.join("a/b/c")).unwrap();
        symlink("a/b", top.join("relative")).unwrap();
        symlink(top.join("relative/c"), top.join("absolute")).unwrap();
        symlink("loop", top.join("loop")).unwrap();
        symlink("new/deep", top.join("dangling")).unwrap();
        fs::write(top.join("file"), "").unwrap();
        let ino = |resolved: &Resolved| fstat(&resolved.dir).unwrap().st_ino;
        let of = |path: &str| fs::metadata(top.join(path)).unwrap().ino();
        for (path, real) in [
            ("a/b/c", "a/b/c"),
            ("relative", "a/b"),
            ("absolute", "a/b/c"),
            ("relative/../b/./c", "a/b/c"),
        ] {
            let resolved = existing(&top.join(path)).unwrap();
            assert_eq!((ino(&resolved), resolved.path), (of(real), top.join(real)), "{path}");
        }
        let kind = |path: &str| existing(&top.join(path)).unwrap_err().kind();
        assert_eq!(kind("missing/x"), io::ErrorKind::NotFound);
        assert_eq!(kind("dangling"), io::ErrorKind::NotFound);
        assert_eq!(kind("file"), io::ErrorKind::NotADirectory);
        assert!(existing(&top.join("loop")).is_err());
        // What a wipe has taken comes again where the link leads.
        let resolved = made(&top.join("dangling")).unwrap();
        assert_eq!(resolved.path, top.join("new/deep"));
        assert_eq!(ino(&resolved), of("new/deep"));
        assert_eq!(ino(&made(&top.join("x/y")).unwrap()), of("x/y"));
        assert_eq!(existing(Path::new("/")).unwrap().path, Path::new("/"));
    }

    #[test]
    fn a_link_where_anybody_can_put_one_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("target")).unwrap();
        symlink("target", dir.path().join("link")).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = existing(&dir.path().join("link")).unwrap_err().to_string();
        assert!(error.contains("another user"), "{error}");
        assert!(made(&dir.path().join("link/new")).is_err());
        assert!(existing(&dir.path().join("target")).is_ok());
    }

    #[test]
    fn a_directory_that_is_open_to_others_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir_all(top.join("a/b/c")).unwrap();
        let set = |path: &str, mode| {
            fs::set_permissions(top.join(path), fs::Permissions::from_mode(mode)).unwrap();
        };
        let of = |path: &str| open_to_others(&top.join(path)).unwrap();
        for path in ["a", "a/b", "a/b/c"] {
            set(path, 0o755);
        }
        assert_eq!((of("a"), of("a/missing")), (None, None));
        // Its sticky bit keeps what is in it from others, and not others out.
        set("a/b/c", 0o1777);
        assert_eq!(of("a"), Some(top.join("a/b/c")));
        assert_eq!(of("a/b/c/missing"), None);
        set("a", 0o777);
        assert_eq!((of("a/b"), of("a/missing")), (Some(top.join("a")), Some(top.join("a"))));
    }
}

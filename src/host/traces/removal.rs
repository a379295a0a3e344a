//! Removes what tells of files: a file, or entries of a text, of which the rest stays as it is.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::{OFlags, XattrFlags};

use super::known::{Known, uri};
use super::search::{Find, LARGEST, Way, seen, stays};
use super::text::{Cut, without};
use crate::base::files::{flush, parent};
use crate::base::shown::name_of;
use crate::host::erase::{self, FillPattern, Replaced};
use crate::host::in_use::is_written;

const CHANGED: &str = "it changed meanwhile: run the command again";

/// Removes it, overwritten first.
///
/// # Errors
/// It is not what it was, or cannot be removed.
pub fn remove(find: &Find, known: &Known, noise: &FillPattern) -> io::Result<()> {
    if let Some(why) = find.stays {
        return Err(io::Error::other(why));
    }
    match &find.way {
        Way::Whole(paths) => paths.iter().try_for_each(|path| whole(path, noise)),
        Way::Trash { all: [data, info], sizes } => {
            whole(data, noise)?;
            whole(info, noise)?;
            let name = data.file_name().map(OsStrExt::as_bytes).unwrap_or_default();
            edit(sizes, |text| size_of(text, name), noise)
        }
        Way::Entries(entries) => edit(&find.path, |text| entries(known, text), noise),
        Way::Copy(path, then) if seen(&path.symlink_metadata()?) == *then => whole(path, noise),
        Way::Copy(..) => Err(io::Error::other(CHANGED)),
        Way::Command => Err(io::Error::other("only its command removes it")),
    }
}

/// The line in the list of sizes of a trash: size, time, and the name as a URI has it.
fn size_of(text: &[u8], name: &[u8]) -> Vec<Cut> {
    let name = uri(name, b"");
    let mut at = 0;
    let lines = text.split_inclusive(|byte| *byte == b'\n').map(|line| {
        at += line.len();
        (at - line.len()..at, line.trim_ascii_end())
    });
    let own = lines.filter(|(_, line)| line.splitn(3, |byte| *byte == b' ').nth(2) == Some(&name));
    own.map(|(range, _)| Cut { range, of: Vec::new() }).collect()
}

/// A file or a directory with all that is in it. One that is gone is removed.
fn whole(path: &Path, noise: &FillPattern) -> io::Result<()> {
    let meta = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("it belongs to somebody else"));
    }
    if meta.is_dir() { erase::directory(path, noise) } else { erase::file(path, noise) }
}

/// Begins the name of a new text that is not in its place yet.
const STAGED: &str = ".poof-private-text-";

/// Cuts entries out of a text. It has the old or the new content at any moment; the old one is
/// overwritten.
fn edit(path: &Path, cuts: impl Fn(&[u8]) -> Vec<Cut>, noise: &FillPattern) -> io::Result<()> {
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::other("it is not the file that it was"));
    }
    if let Some(why) = stays(&meta) {
        return Err(io::Error::other(why));
    }
    sweep(&parent(path), noise);
    let mut text = Vec::new();
    Read::by_ref(&mut file).take(LARGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::other("it is too large"));
    }
    let handle = OwnedFd::from(file);
    if is_written(&handle) {
        return Err(io::Error::other("a program has it open for writing: close that first"));
    }
    let found = cuts(&text);
    if found.is_empty() {
        return Ok(());
    }
    let staged = beside(path, &meta, &handle, &without(&text, &found))?;
    if seen(&path.symlink_metadata()?) != seen(&meta) {
        return Err(io::Error::other(CHANGED));
    }
    let old = Replaced::at(path);
    staged.persist(path).map_err(|error| error.error)?;
    // With it the old one would be in use.
    drop(handle);
    // A program that has opened it before may have written to it since.
    if let Some(last) = old.last(LARGEST).filter(|last| *last != text) {
        if let Some(more) = last.strip_prefix(&text[..]) {
            OpenOptions::new().append(true).open(path)?.write_all(more)?;
        } else {
            let now = File::open(path)?.into();
            let staged = beside(path, &meta, &now, &without(&last, &cuts(&last)))?;
            staged.persist(path).map_err(|error| error.error)?;
        }
    }
    flush(&File::open(path)?)?;
    flush(&File::open(parent(path))?)?;
    old.erase(noise);
    Ok(())
}

/// Removes what a run that was killed has left in a directory.
fn sweep(dir: &Path, noise: &FillPattern) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name().as_bytes().starts_with(STAGED.as_bytes())
            && entry.metadata().is_ok_and(|meta| meta.is_file() && stays(&meta).is_none())
        {
            // What cannot be removed stays, and the next run tries again.
            let _ = erase::file(&entry.path(), noise);
        }
    }
}

/// The new content, with the owner, the mode, and the attributes of the old one.
fn beside(
    path: &Path,
    meta: &fs::Metadata,
    old: &OwnedFd,
    text: &[u8],
) -> io::Result<tempfile::NamedTempFile> {
    let mut staged = tempfile::Builder::new().prefix(STAGED).tempfile_in(parent(path))?;
    staged.write_all(text)?;
    let file = staged.as_file();
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (meta.uid(), meta.gid()) {
        fchown(file, Some(meta.uid()), Some(meta.gid()))?;
    }
    file.set_permissions(fs::Permissions::from_mode(meta.mode() & 0o7777))?;
    carry_over(old, file)?;
    flush(file)?;
    Ok(staged)
}

/// Gives a file the extended attributes of another, access control lists among them. What the
/// system itself sets may differ.
fn carry_over(old: &OwnedFd, new: &File) -> io::Result<()> {
    let mut names = vec![0; 64 << 10];
    let Ok(size) = rustix::fs::flistxattr(old, &mut names) else { return Ok(()) };
    for name in names[..size].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let key = CString::new(name)?;
        let mut value = vec![0; 64 << 10];
        let Ok(size) = rustix::fs::fgetxattr(old, &key, &mut value) else { continue };
        let set = rustix::fs::fsetxattr(new, &key, &value[..size], XattrFlags::empty());
        let is_kept = name.starts_with(b"user.") || name.starts_with(b"system.posix_acl");
        if is_kept && set.is_err() {
            let name = name_of(name);
            return Err(io::Error::other(format!("its attribute {name} would be lost")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::places::{Holds, Kind};
    use super::super::text::shell;
    use super::*;
    use crate::host::traces::known::tests::knows;

    fn edited(path: &Path) -> io::Result<()> {
        let known = knows(&["a.txt"]);
        edit(path, |text| shell(&known, text), &FillPattern::new().unwrap())
    }

    #[test]
    fn a_text_keeps_the_rest_and_its_mode_and_its_old_blocks_are_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history");
        fs::write(&path, "ls\nvim ~/data/a.txt\n\u{e9}\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        // Whoever still reads the old one sees what became of it, if poof may overwrite it.
        edited(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "ls\n\u{e9}\n");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
        let inode = fs::metadata(&path).unwrap().ino();
        edited(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().ino(), inode, "nothing to cut, nothing written");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
        edited(&dir.path().join("none")).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")] // whose attributes these are
    fn a_text_keeps_its_attributes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history");
        fs::write(&path, "vim ~/data/a.txt\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
        // Somebody else may read it: user 1001 of setfacl(1).
        let none = u32::MAX;
        let entries =
            [(1_u16, 6_u16, none), (2, 4, 1001), (4, 4, none), (16, 6, none), (32, 0, none)];
        let entries = entries.iter().flat_map(|(tag, bits, id)| {
            [&tag.to_le_bytes()[..], &bits.to_le_bytes(), &id.to_le_bytes()].concat()
        });
        let list: Vec<u8> = 2_u32.to_le_bytes().into_iter().chain(entries).collect();
        let all = [("user.note", b"kept".to_vec()), ("system.posix_acl_access", list)];
        for (name, value) in &all {
            let set = rustix::fs::setxattr(&path, *name, value, XattrFlags::empty());
            // Not every file system of a machine that builds poof takes them.
            if set.is_err() {
                return;
            }
        }
        let mode = fs::metadata(&path).unwrap().mode();
        edited(&path).unwrap();
        assert_eq!((fs::read(&path).unwrap(), fs::metadata(&path).unwrap().mode()), (vec![], mode));
        for (name, value) in &all {
            let mut found = vec![0; 200];
            let size = rustix::fs::getxattr(&path, *name, &mut found).unwrap();
            assert_eq!(&found[..size], value, "{name}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")] // elsewhere nobody tells that a program writes
    fn what_a_program_adds_meanwhile_is_there_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history");
        let inode = || fs::metadata(&path).unwrap().ino();
        let text = "ls\nvim ~/data/a.txt\n";
        for (adds, rest) in [(true, "ls\ncd\n"), (false, "cd\n")] {
            fs::write(&path, text).unwrap();
            let before = inode();
            // As a shell that ends: it has opened the file before poof puts another in its place.
            std::thread::scope(|scope| {
                let cuts = |text: &[u8]| {
                    let size = if adds { text.len() as u64 } else { 0 };
                    let mut options = OpenOptions::new();
                    let mut file = options.append(adds).write(true).open(&path).unwrap();
                    scope.spawn(move || {
                        while inode() == before {
                            std::thread::yield_now();
                        }
                        file.set_len(size).unwrap();
                        file.write_all(b"cd\n").unwrap();
                    });
                    shell(&knows(&["a.txt"]), text)
                };
                edit(&path, cuts, &FillPattern::new().unwrap()).unwrap();
            });
            assert_eq!(fs::read_to_string(&path).unwrap(), rest);
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn what_a_killed_run_has_left_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history");
        fs::write(&path, "vim ~/data/a.txt\n").unwrap();
        let left = dir.path().join(format!("{STAGED}x"));
        fs::write(&left, "the rest").unwrap();
        edited(&path).unwrap();
        assert!(!left.exists());
    }

    #[test]
    fn a_copy_that_has_changed_since_it_was_compared_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("copy");
        fs::write(&path, "the same").unwrap();
        let then = seen(&fs::metadata(&path).unwrap());
        let find = Find {
            kind: Kind::Copy,
            what: "copy",
            holds: Holds::Content,
            path: path.clone(),
            of: Vec::new(),
            count: 1,
            way: Way::Copy(path.clone(), then),
            command: String::new(),
            stays: None,
            source: "",
        };
        let known = knows(&[]);
        let go = || remove(&find, &known, &FillPattern::new().unwrap());
        fs::write(&path, "another!").unwrap();
        assert!(go().is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "another!");
    }

    #[test]
    fn what_is_a_link_or_has_another_name_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let [path, link, other] = ["history", "link", "other"].map(|name| dir.path().join(name));
        fs::write(&path, "vim ~/data/a.txt\n").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(edited(&link).is_err());
        fs::hard_link(&path, &other).unwrap();
        assert!(edited(&path).is_err());
        assert_eq!(fs::read_to_string(&other).unwrap(), "vim ~/data/a.txt\n");
    }

    #[test]
    #[cfg(target_os = "linux")] // elsewhere nobody tells
    fn what_a_program_writes_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history");
        fs::write(&path, "vim ~/data/a.txt\n").unwrap();
        let writer = OpenOptions::new().append(true).open(&path).unwrap();
        assert!(edited(&path).is_err());
        drop(writer);
        edited(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn the_size_of_what_was_in_the_trash_goes_by_its_name() {
        let text = b"4096 1700000000 a%20b\n4096 1700000000 a%20b2\n1 2 x\n";
        assert_eq!(without(text, &size_of(text, b"a b")), b"4096 1700000000 a%20b2\n1 2 x\n");
    }
}

//! Removes what tells of files: a file, or entries of a text, of which the rest stays as it is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::OFlags;

use super::known::{Known, uri};
use super::search::{Find, LARGEST, Way, seen, stays};
use super::text::{Cut, without};
use crate::base::files::{SECRETS, flush, parent};
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
    let mut text = Vec::new();
    Read::by_ref(&mut file).take(LARGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::other("it is too large"));
    }
    let handle = OwnedFd::from(file);
    if is_written(&handle) {
        return Err(io::Error::other("a program has it open for writing: close that first"));
    }
    let cuts = cuts(&text);
    if cuts.is_empty() {
        return Ok(());
    }
    let staged = beside(path, &meta, &without(&text, &cuts))?;
    if seen(&path.symlink_metadata()?) != seen(&meta) {
        return Err(io::Error::other(CHANGED));
    }
    let old = Replaced::at(path);
    staged.persist(path).map_err(|error| error.error)?;
    flush(&File::open(parent(path))?)?;
    old.erase(noise);
    Ok(())
}

/// The new content, with the owner and the mode of the old one.
fn beside(path: &Path, meta: &fs::Metadata, text: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let mut staged = tempfile::Builder::new().prefix(SECRETS).tempfile_in(parent(path))?;
    staged.write_all(text)?;
    let file = staged.as_file();
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (meta.uid(), meta.gid()) {
        fchown(file, Some(meta.uid()), Some(meta.gid()))?;
    }
    file.set_permissions(fs::Permissions::from_mode(meta.mode() & 0o7777))?;
    flush(file)?;
    Ok(staged)
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

//! What the filters leave out of a tree, as rclone would.

use std::ffi::CString;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, statat};

use crate::storage::filter::Filter;
use crate::tree::model::entry::Entry;
use crate::tree::model::layout::Names;
use crate::tree::model::path::{Below, LocalPath, ObjectName};

/// Something that stays behind, or of which something does. A directory that cannot
/// be read is also there as an entry, and a file of which an attribute is too large.
#[derive(Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Relative to the root.
    pub path: Vec<u8>,
    pub why: String,
    /// Whether that is a loss: a socket holds nothing that could be kept.
    pub loss: bool,
    /// It is there as an entry, and only something of it stays behind.
    pub partial: bool,
}

/// Something that is left out. Its extended attributes are not read.
#[derive(Debug)]
pub struct Excluded {
    /// It is in no other that is excluded.
    pub top: bool,
    /// What it is; a socket, say, is not even an entry.
    pub what: Result<Entry, LeftOut>,
}

impl Excluded {
    pub fn path(&self) -> &[u8] {
        match &self.what {
            Ok(entry) => &entry.path,
            Err(out) => &out.path,
        }
    }

    pub fn is_directory(&self) -> bool {
        self.what.as_ref().is_ok_and(Entry::is_directory)
    }
}

/// How much is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Files and what else is no directory.
    pub files: u64,
    pub bytes: u64,
    /// There is something, and be it an empty directory.
    pub found: bool,
}

impl Extent {
    pub fn add(&mut self, excluded: &Excluded) {
        self.found = true;
        self.files += u64::from(!excluded.is_directory());
        let data = excluded.what.as_ref().ok().and_then(Entry::file);
        self.bytes = self.bytes.saturating_add(data.map_or(0, |data| data.size));
    }
}

/// Whether the patterns exclude what is at a path. A link is known to rclone by the
/// name of its object.
pub fn is_excluded(filter: &Filter, path: &[u8], file_type: FileType) -> bool {
    if filter.is_empty() {
        return false;
    }
    // Every name on a disk has one.
    let Ok(name) = Names::encoded(&LocalPath::new(path)) else { return false };
    match file_type {
        FileType::Directory => filter.excludes_directory(name.as_bytes()),
        FileType::Symlink => filter.excludes_file(&[name.as_bytes(), ObjectName::LINK].concat()),
        _ => filter.excludes_file(name.as_bytes()),
    }
}

/// Whether a directory, with its names in reverse order, holds a file that has it left
/// out. As to rclone, a link or a directory is none.
pub fn is_marked(dir: &OwnedFd, names: &[CString], filter: &Filter) -> bool {
    filter.markers().iter().any(|marker| {
        let found = names.binary_search_by(|name| marker.as_slice().cmp(name.to_bytes()));
        let stat = found.ok().map(|at| statat(dir, &names[at], AtFlags::SYMLINK_NOFOLLOW));
        let file_type = stat.and_then(Result::ok).map(|s| FileType::from_raw_mode(s.st_mode));
        file_type.is_some_and(|t| !matches!(t, FileType::Directory | FileType::Symlink))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::filter::listed_by_rclone;
    use crate::tree::scan::root::Root;
    use crate::tree::scan::walk::{Found, Walk};
    use serde_json::json;
    use std::collections::BTreeSet;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn rclone(root: &Path, exclude: &[String], if_present: &[String]) -> Option<BTreeSet<String>> {
        let fs = format!(":local,links=true,encoding=Raw:{}", root.to_string_lossy());
        let filter = json!({"ExcludeRule": exclude, "ExcludeFile": if_present});
        let listed = listed_by_rclone(fs, filter).ok()?;
        let shown = |(path, is_dir)| if is_dir { path + "/" } else { path };
        Some(listed.into_iter().map(shown).collect())
    }

    fn poof(root: &Path, exclude: &[String], if_present: &[String]) -> Option<BTreeSet<String>> {
        let filter = Filter::new(exclude, if_present).ok()?;
        let entries =
            Walk::new(&Root::open(root).unwrap(), &filter).unwrap().filter_map(
                |found| match found {
                    Found::Entry(entry) if !entry.path.is_empty() => Some(entry),
                    _ => None,
                },
            );
        let shown = entries.map(|entry| {
            let mut name = Names::object(&entry).unwrap().as_bytes().to_vec();
            if entry.is_directory() {
                name.push(b'/');
            }
            // As Go writes it into JSON.
            let chars = name.utf8_chunks().flat_map(|chunk| {
                chunk.valid().chars().chain(chunk.invalid().iter().map(|_| '\u{fffd}'))
            });
            chars.collect()
        });
        Some(shown.collect())
    }

    #[track_caller]
    fn same(root: &Path, exclude: &[&str], if_present: &[&str]) {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (exclude, if_present) = (owned(exclude), owned(if_present));
        let (theirs, ours) =
            (rclone(root, &exclude, &if_present), poof(root, &exclude, &if_present));
        if theirs != ours {
            let differ = |theirs: BTreeSet<String>, ours: BTreeSet<String>| {
                theirs.symmetric_difference(&ours).cloned().collect::<Vec<_>>()
            };
            let differ = theirs.zip(ours).map(|(theirs, ours)| differ(theirs, ours));
            panic!("{exclude:?} {if_present:?}: {differ:?}");
        }
    }

    /// What patterns and names are made of.
    const NAMES: [&str; 22] = [
        "a",
        "b",
        "ab",
        "A",
        "a.b",
        ".a",
        "a b",
        "[a]",
        "{a,b}",
        "a*",
        "a?b",
        "a\\b",
        "é",
        "É",
        "日本",
        "a\nb",
        "-",
        "!",
        "^",
        "a+b(c)|$",
        "]",
        "k\u{212a}",
    ];
    const PIECES: [&str; 59] = [
        "a",
        "b",
        "ab",
        "A",
        ".",
        "/",
        "/",
        "/",
        "*",
        "*",
        "**",
        "?",
        "[a]",
        "[ab]",
        "[a-c]",
        "[!a]",
        "[^a/]",
        "[a[b]]",
        "[[:alpha:]]",
        "[a&&b]",
        "[a--b]",
        "[a~~b]",
        "[\\]]",
        "[é-ü]",
        "[]",
        "{a,b}",
        "{a,{b,é}}",
        "{a*,?b}",
        "{,a}",
        "{a/b,b}",
        "\\*",
        "\\?",
        "\\[",
        "\\{",
        "\\\\",
        "\\d",
        "\\w",
        "\\pL",
        "\\b",
        "\\B",
        "\\z",
        "\\A",
        "\\Qa\\E",
        "\\x61",
        "\\141",
        "{{a|b}}",
        "{{[a-z]+}}",
        "{{(?i)a}}",
        "{{(?i)K+}}",
        "{{a{1,2}}}",
        "{{.}}",
        "{{\\S*}}",
        "{{(?m)^a$}}",
        "é",
        "日",
        "␊",
        "-",
        "!",
        "+(|)$^",
    ];

    fn tree(root: &Path) {
        let mut seed = 7_u32;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed as usize / 65_536 % below
        };
        for _ in 0..90 {
            let mut dir = root.to_path_buf();
            for _ in 0..next(3) {
                let deeper = dir.join(NAMES[next(NAMES.len())]);
                if fs::create_dir(&deeper).is_ok() || deeper.is_dir() && !deeper.is_symlink() {
                    dir = deeper;
                }
            }
            let name = dir.join(NAMES[next(NAMES.len())]);
            if fs::symlink_metadata(&name).is_err() {
                match next(8) {
                    0 => symlink("nowhere", &name).unwrap(),
                    _ => fs::write(&name, "").unwrap(),
                }
            }
        }
        // Bytes that are no UTF-8; as rclone shows them, they differ.
        for name in [&b"a\xff"[..], b"\xe6\x97b", b"ab\x80\x80"] {
            fs::write(root.join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
        }
        fs::create_dir_all(root.join("marked/deep")).unwrap();
        fs::create_dir_all(root.join("dir/TAG")).unwrap();
        fs::write(root.join("marked/TAG"), "").unwrap();
        fs::write(root.join("marked/deep/x"), "").unwrap();
        fs::create_dir(root.join("linked")).unwrap();
        symlink("../marked/TAG", root.join("linked/TAG")).unwrap();
    }

    // The syntaxes of Go's regular expressions and of those here are not the same.
    #[test]
    fn what_is_excluded_is_what_rclone_excludes() {
        as_rclone(1, 30);
    }

    /// Each comparison has rclone read its settings anew: thirty milliseconds.
    #[test]
    #[ignore = "takes ten seconds"]
    fn soak_what_is_excluded_is_what_rclone_excludes() {
        as_rclone(4, 100);
    }

    /// Each piece in so many forms, and so many patterns at random.
    fn as_rclone(forms: usize, patterns: usize) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        tree(root);
        assert!(poof(root, &[], &[]).unwrap().len() > 60);
        // Some are there more than once, to come up more often.
        let pieces: BTreeSet<_> = PIECES.into_iter().collect();
        for (index, piece) in pieces.into_iter().enumerate() {
            let all =
                [piece.to_owned(), format!("{piece}/"), format!("*{piece}*"), format!("**{piece}")];
            for pattern in all.iter().cycle().skip(index).take(forms) {
                same(root, &[pattern], &[]);
            }
        }
        let mut seed = 1_u32;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed as usize / 65_536 % below
        };
        for _ in 0..patterns {
            let mut pattern = || {
                let pieces: Vec<_> = (0..=next(4)).map(|_| PIECES[next(PIECES.len())]).collect();
                pieces.concat()
            };
            let patterns: Vec<String> = (0..3).map(|_| pattern()).collect();
            let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
            same(root, &patterns[..=next(3)], &[]);
        }
    }

    #[test]
    fn a_directory_with_a_marker_is_excluded_as_rclone_does() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        tree(root);
        fs::remove_dir_all(root.join("dir")).unwrap();
        for markers in [&["TAG"][..], &["x"], &["tag"], &["none", "TAG"]] {
            same(root, &[], markers);
            same(root, &["*.b", "/ab/"], markers);
        }
        fs::write(root.join("TAG"), "").unwrap();
        same(root, &[], &["TAG"]);
        assert_eq!(poof(root, &[], &["TAG".to_owned()]).unwrap().len(), 0);
    }

    // There rclone stops with an error.
    #[test]
    fn a_directory_is_no_marker() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("dir/TAG")).unwrap();
        assert_eq!(poof(dir.path(), &[], &["TAG".to_owned()]).unwrap().len(), 2);
    }
}

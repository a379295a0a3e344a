//! Stores of programs that nobody can take a single entry out of by hand: databases and indexes.
//! They are searched for the bytes of paths, or for what their format has in their place.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::known::{BEFORE, BEHIND, Known};
use crate::base::interrupt;
use crate::host::plain;

/// Of more paths than this a store is not said to have.
const MOST: usize = 10_000;

/// So much of a store is in memory at once.
const PART: usize = 8 << 20;

/// No store that is read as a whole is larger.
const LARGEST: u64 = 256 << 20;

/// How a store is searched. It gives full paths, each once.
pub type Search = fn(&Known, &Path) -> io::Result<BTreeSet<Vec<u8>>>;

/// Calls `look` with the parts of a file, each with what may be looked at in it: from where,
/// and until where something may begin.
fn parts(path: &Path, mut look: impl FnMut(&[u8], (usize, usize)) -> bool) -> io::Result<()> {
    let mut file = File::open(path)?;
    let (mut bytes, mut from) = (Vec::new(), 0);
    loop {
        if interrupt::requested() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let read = Read::by_ref(&mut file).take(PART as u64).read_to_end(&mut bytes)?;
        let until = if read == 0 { bytes.len() } else { bytes.len().saturating_sub(BEHIND) };
        if !look(&bytes, (from, until.max(from))) || read == 0 {
            return Ok(());
        }
        // Even, as what is aligned in the file is to be in the part.
        let gone = until.saturating_sub(BEFORE) & !1;
        from = until.max(from) - gone;
        bytes.drain(..gone);
    }
}

/// Any store that has paths or URIs as they are.
///
/// # Errors
/// It cannot be read.
pub fn bytes(known: &Known, path: &Path) -> io::Result<BTreeSet<Vec<u8>>> {
    let mut found = BTreeSet::new();
    let mut is_sqlite = None;
    parts(path, |bytes, range| {
        let is_sqlite = *is_sqlite.get_or_insert_with(|| {
            let wal = [0x37, 0x7f, 0x06];
            bytes.starts_with(b"SQLite format 3\0") || bytes.starts_with(&wal)
        });
        known.in_bytes(bytes, range, is_sqlite, &mut found);
        found.len() < MOST
    })?;
    Ok(found)
}

/// The metadata of `GVfs`: a tree of names (`metatree.c`), and a journal with paths. The name of
/// the file says where they begin.
///
/// # Errors
/// It cannot be read.
pub fn gvfs(known: &Known, path: &Path) -> io::Result<BTreeSet<Vec<u8>>> {
    let name = path.file_name().map(OsStrExt::as_bytes).unwrap_or_default();
    let top = match name.split(|byte| *byte == b'-' || *byte == b'.').next() {
        Some(b"home") => known.home(),
        Some(b"root") => b"",
        _ => return Ok(BTreeSet::new()),
    };
    let bytes = plain::read_file(path, LARGEST)?;
    let mut paths = Vec::new();
    if bytes.starts_with(b"\xda\x1ameta") {
        let root = number(&bytes, 16).unwrap_or(0);
        // No more entries than there is room for, wherever they point.
        let mut left = bytes.len() / 16;
        entries_of_tree(&bytes, root, top, &mut paths, (0, &mut left));
    } else if bytes.starts_with(b"\xda\x1ajour") {
        entries_of_journal(&bytes, top, &mut paths);
    }
    Ok(paths.iter().filter_map(|path| known.of_path(path)).collect())
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..)?.first_chunk()?;
    usize::try_from(u32::from_be_bytes(*four)).ok()
}

fn text(bytes: &[u8], at: usize) -> Option<&[u8]> {
    bytes.get(at..)?.split(|byte| *byte == 0).next()
}

/// An entry is a name, its children, its metadata, and a time; the root has `/` for a name.
fn entries_of_tree(
    bytes: &[u8],
    at: usize,
    above: &[u8],
    paths: &mut Vec<Vec<u8>>,
    (depth, left): (u32, &mut usize),
) {
    const DEEPEST: u32 = 256;
    let name = number(bytes, at).and_then(|name| text(bytes, name));
    let (Some(name), Some(children)) = (name, number(bytes, at + 4)) else { return };
    let Some(fewer) = left.checked_sub(1) else { return };
    *left = fewer;
    let path = match name {
        b"" | b"/" => above.to_vec(),
        name => [above, b"/", name].concat(),
    };
    // One without metadata of its own is there because of what is in it.
    if number(bytes, at + 8).is_some_and(|metadata| metadata != 0) && paths.len() < MOST {
        paths.push(path.clone());
    }
    let Some(count) = number(bytes, children).filter(|_| children != 0 && depth < DEEPEST) else {
        return;
    };
    for child in 0..count.min(bytes.len() / 16) {
        entries_of_tree(bytes, children + 4 + child * 16, &path, paths, (depth + 1, left));
    }
}

/// An entry has its length, a checksum, a time, a kind, and the path.
fn entries_of_journal(bytes: &[u8], top: &[u8], paths: &mut Vec<Vec<u8>>) {
    const HEAD: usize = 20;
    let mut at = HEAD;
    while let Some(length) = number(bytes, at).filter(|length| *length > 17) {
        if let Some(path) = text(bytes, at + 17) {
            paths.push([top, path].concat());
        }
        at += length;
    }
}

/// The index of Baloo: a database (LMDB) from the number of a file to that of its directory
/// and its name (idfilenamedb.cpp). What it has forgotten, and did not write over, counts.
///
/// # Errors
/// It cannot be read.
pub fn baloo(known: &Known, path: &Path) -> io::Result<BTreeSet<Vec<u8>>> {
    let mut names = HashMap::new();
    parts(path, |bytes, (from, until)| {
        let begin = from + from % 2;
        for at in (begin..until).step_by(2) {
            if let Some((id, above, name)) = node(bytes, at) {
                names.entry(id).or_insert_with(|| (above, name.to_vec()));
            }
        }
        true
    })?;
    let full = |id: &u64| {
        let mut all = Vec::new();
        let mut id = *id;
        while id != 0 && all.len() < 512 {
            let (above, name) = names.get(&id)?;
            all.push(&name[..]);
            id = *above;
        }
        Some(
            all.iter()
                .rev()
                .flat_map(|name| [&b"/"[..], *name])
                .flatten()
                .copied()
                .collect::<Vec<u8>>(),
        )
    };
    let paths = names.keys().filter_map(full);
    Ok(paths.filter_map(|path| known.of_path(&path)).take(MOST).collect())
}

/// A node of LMDB, if it can be one of these: the length of its data, no flags, a key of eight
/// bytes, and in the data another eight before the name.
fn node(bytes: &[u8], at: usize) -> Option<(u64, u64, &[u8])> {
    let [low, high, flags, key] = [0, 2, 4, 6].map(|n| {
        let two = bytes.get(at + n..).and_then(|rest| rest.first_chunk());
        two.map_or(u16::MAX, |two| u16::from_le_bytes(*two))
    });
    let size = usize::from(low);
    if high != 0 || flags != 0 || key != 8 || !(9..=8 + 255).contains(&size) {
        return None;
    }
    let eight = |at: usize| bytes.get(at..)?.first_chunk().map(|eight| u64::from_le_bytes(*eight));
    let name = bytes.get(at + 24..at + 16 + size)?;
    let is_name = !name.iter().any(|byte| *byte == b'/' || *byte == 0);
    Some((eight(at + 8)?, eight(at + 16)?, name)).filter(|(id, ..)| is_name && *id != 0)
}

#[cfg(test)]
mod tests {
    use super::super::known::tests::knows;
    use super::*;
    use std::fs;

    fn found(search: Search, name: &str, content: &[u8]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        fs::write(&path, content).unwrap();
        let found = search(&knows(&["a.txt", "dir/b"]), &path).unwrap();
        found.into_iter().map(|path| String::from_utf8(path).unwrap()).collect()
    }

    #[test]
    fn a_store_is_searched_across_its_parts() {
        let a = b"\0file:///home/joe/data/a.txt\0";
        for before in [0, PART - BEHIND - 40, PART - BEHIND - 3, PART - 12, PART + 5] {
            let content = [&vec![b'x'; before][..], a, &[0; 9]].concat();
            assert_eq!(found(bytes, "x.db", &content), ["/home/joe/data/a.txt"], "{before}");
        }
        assert_eq!(found(bytes, "x.db", b""), [""; 0]);
    }

    /// The metadata of `/data/a.txt` and, without any, of what is above.
    fn metatree() -> Vec<u8> {
        let mut bytes = b"\xda\x1ameta\x01\0".to_vec();
        let be = |numbers: &[u32]| -> Vec<u8> {
            numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
        };
        bytes.extend(be(&[0, 0, 32, 0, 0, 0]));
        // The root, its child, and that one's two.
        bytes.extend(be(&[120, 48, 0, 0]));
        bytes.extend(be(&[1, 122, 68, 0, 0]));
        bytes.extend(be(&[2, 127, 0, 104, 0, 133, 0, 104, 0]));
        bytes.extend(be(&[0, 0, 0, 0]));
        bytes.extend(b"/\0data\0a.txt\0other\0");
        bytes
    }

    #[test]
    fn the_metadata_of_gvfs_are_walked_from_where_they_begin() {
        let tree = metatree();
        assert_eq!(found(gvfs, "home", &tree), ["/home/joe/data/a.txt"]);
        assert_eq!(found(gvfs, "root", &tree), [""; 0]);
        let path = b"/home/joe/data/dir/b\0";
        let entry =
            [&u32::try_from(17 + path.len()).unwrap().to_be_bytes()[..], &[0; 13], path].concat();
        let journal = [&b"\xda\x1ajour\x01\0"[..], &[0; 12], &entry].concat();
        assert_eq!(found(gvfs, "root-12ab34cd.log", &journal), ["/home/joe/data/dir/b"]);
        for cut in 0..tree.len() {
            found(gvfs, "home", &tree[..cut]);
        }
    }

    #[test]
    fn the_names_of_baloo_make_paths() {
        let node = |id: u64, above: u64, name: &str| {
            let size = u16::try_from(8 + name.len()).unwrap();
            let mut bytes: Vec<u8> =
                [size, 0, 0, 8].iter().flat_map(|number| number.to_le_bytes()).collect();
            bytes.extend([id, above].iter().flat_map(|number| number.to_le_bytes()));
            bytes.extend(name.as_bytes());
            bytes.resize(bytes.len().next_multiple_of(2), 0);
            bytes
        };
        let all = [
            node(1, 0, "home"),
            node(2, 1, "joe"),
            node(3, 2, "data"),
            node(4, 3, "a.txt"),
            node(5, 2, "a.txt"),
            node(6, 7, "data"),
            node(8, 6, "a.txt"),
        ];
        let content = [&[0; 64][..], &all.concat()].concat();
        assert_eq!(found(baloo, "index", &content), ["/home/joe/data/a.txt"]);
    }
}

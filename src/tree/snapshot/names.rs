//! Names in the cached snapshot, for whoever is typing one: found without the remote, and
//! without reading all of it.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::INDEX;
use crate::tree::manifest::{Damaged, IndexBlocks};

/// Nobody reads more of them, and a shell takes a while for so many.
const MOST: usize = 10_000;

/// A name in a directory, and whether it is a directory itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Name {
    pub name: Vec<u8>,
    pub is_directory: bool,
}

/// The names in the directory `above` (`a/b/`, or nothing) that begin so, as the cache has them.
/// A shell takes what it is given for all there is, and completes as far as they agree. So they
/// are none if there are more of them than [`MOST`], if something cannot be read, or if the time
/// is over before all are found.
pub fn names(
    cache: &Path,
    above: &[u8],
    beginning: &[u8],
    is_over: impl FnMut() -> bool,
) -> Vec<Name> {
    all_names(cache, above, beginning, is_over).unwrap_or_default()
}

fn all_names(
    cache: &Path,
    above: &[u8],
    beginning: &[u8],
    is_over: impl FnMut() -> bool,
) -> Result<Vec<Name>, Damaged> {
    let unreadable = |error: io::Error| Damaged::Unreadable(error.to_string());
    let input = File::open(cache.join(INDEX)).map_err(unreadable)?;
    let mut index = IndexBlocks::new(BufReader::new(Limited { input, is_over }))?;
    let mut found = Vec::new();
    let start = [above, beginning].concat();
    // The root itself has no name.
    let mut next = if start.is_empty() { vec![1] } else { start.clone() };
    while let Some(entry) = index.not_before(&next)? {
        if !entry.path.starts_with(&start) {
            break;
        }
        let name = entry.path[above.len()..].split(|byte| *byte == b'/').next();
        let name = name.unwrap_or_default().to_vec();
        // What is in it comes directly behind a directory, and before this.
        next = [above, &name, &[1]].concat();
        let is_directory = entry.is_directory() || entry.path.len() > above.len() + name.len();
        if !name.is_empty() {
            found.push(Name { name, is_directory });
        }
        if found.len() > MOST {
            return Ok(Vec::new());
        }
    }
    Ok(found)
}

/// A file that cannot be read any more when its time is over.
struct Limited<F> {
    input: File,
    is_over: F,
}

impl<F: FnMut() -> bool> Read for Limited<F> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if (self.is_over)() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.input.read(bytes)
    }
}

impl<F> Seek for Limited<F> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.input.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::BufWriter;
    use std::time::{Duration, Instant};

    use fastrand::Rng;

    use super::*;
    use crate::tree::manifest::{IndexHeader, IndexWriter};
    use crate::tree::model::entry::{
        Attributes, Content, Entry, EntryKind, FileData, Local, Stored, StoredObject, Tag, Time,
        order,
    };

    fn later() -> bool {
        false
    }

    /// An entry with all that one on a remote with encryption has.
    fn file(rng: &mut Rng, path: Vec<u8>) -> Entry {
        let time =
            |rng: &mut Rng| Time { seconds: rng.i64(0..1 << 31), nanos: rng.u32(0..1 << 29) };
        let content = Some(Content(std::array::from_fn(|_| rng.u8(..))));
        let stored = StoredObject {
            odd: false,
            size: rng.u64(..) >> 40,
            md5: std::array::from_fn(|_| rng.u8(..)),
            tag: Tag::Md5,
            nonce: Some(std::array::from_fn(|_| rng.u8(..))),
        };
        Entry {
            path,
            kind: EntryKind::File(FileData { size: stored.size, content, sparse: false }),
            attributes: Attributes { mode: 0o644, mtime: time(rng), ..Attributes::default() },
            hard_link: None,
            stored: Some(Stored::Object(stored)),
            local: Some(Local { dev: 1, ino: rng.u64(..) >> 40, ctime: time(rng) }),
        }
    }

    fn directory(path: Vec<u8>) -> Entry {
        let (kind, attributes) = (EntryKind::Directory, Attributes::default());
        Entry { path, kind, attributes, hard_link: None, stored: None, local: None }
    }

    /// A cache with these entries, which are in order.
    fn cache_of(entries: impl Iterator<Item = Entry>) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let header = IndexHeader {
            tree: "t".to_owned(),
            generation: 1,
            head_id: [0; 32],
            tag: String::new(),
        };
        let file = BufWriter::new(File::create(dir.path().join(INDEX)).unwrap());
        let mut writer = IndexWriter::new(file, &header).unwrap();
        for entry in entries {
            writer.push(&entry).unwrap();
        }
        writer.finish().unwrap().into_inner().unwrap();
        dir
    }

    /// A cache with these directories.
    fn cached(mut paths: Vec<Vec<u8>>) -> tempfile::TempDir {
        paths.sort_by(|a, b| order(a, b));
        cache_of(paths.into_iter().map(directory))
    }

    /// A cache with as many directories at each level, and `files` in each of the last.
    fn branching(levels: &[usize], files: usize) -> tempfile::TempDir {
        fn fill(rng: &mut Rng, path: &str, levels: &[usize], files: usize, all: &mut Vec<Entry>) {
            all.push(directory(path.as_bytes().to_vec()));
            let below = |name: String| {
                if path.is_empty() { name } else { format!("{path}/{name}") }
            };
            let Some((count, levels)) = levels.split_first() else {
                let files = (0..files).map(|at| below(format!("file{at:05}")));
                all.extend(files.map(|path| file(rng, path.into_bytes())));
                return;
            };
            for at in 0..*count {
                fill(rng, &below(format!("dir{at:04}")), levels, files, all);
            }
        }
        let mut all = Vec::new();
        fill(&mut Rng::with_seed(7), "", levels, files, &mut all);
        cache_of(all.into_iter())
    }

    #[test]
    fn names_are_found_wherever_in_a_large_snapshot_they_are() {
        let mut paths = vec![Vec::new()];
        for dir in 0..40 {
            paths.push(format!("d{dir}").into_bytes());
            paths.extend((0..300).map(|file| format!("d{dir}/f{file}").into_bytes()));
        }
        paths.extend([&b"d7.x"[..], b"z\xff", b"a"].map(<[u8]>::to_vec));
        let cache = cached(paths.clone());
        for above in ["", "d0/", "d7/", "d39/", "d7/f1/", "none/"] {
            for beginning in ["", "d", "f29", "d7", "z", "~"] {
                let start = format!("{above}{beginning}").into_bytes();
                let expected: Vec<_> = paths
                    .iter()
                    .filter(|path| path.starts_with(&start) && path.len() > above.len())
                    .map(|path| path[above.len()..].to_vec())
                    .filter(|name| !name.contains(&b'/'))
                    .collect();
                let found = names(cache.path(), above.as_bytes(), beginning.as_bytes(), later);
                let mut found: Vec<_> = found.into_iter().map(|found| found.name).collect();
                found.sort();
                let mut expected = expected;
                expected.sort();
                assert_eq!(found, expected, "{above} {beginning}");
            }
        }
    }

    #[test]
    fn whenever_the_time_is_over_all_names_are_found_or_none() {
        let cache = branching(&[10], 2000);
        for (above, count) in [("", 10), ("dir0004/", 2000), ("dir0009/", 2000), ("none/", 0)] {
            let mut complete = false;
            for after in 0.. {
                let mut asked = 0;
                let found = names(cache.path(), above.as_bytes(), b"", || {
                    asked += 1;
                    asked > after
                });
                let is_over = asked > after;
                let expected = if is_over { 0 } else { count };
                assert_eq!(found.len(), expected, "{above:?}, over after {after} questions");
                if !is_over {
                    complete = true;
                    break;
                }
            }
            assert!(complete);
        }
    }

    #[test]
    fn more_names_than_anybody_reads_are_none() {
        let cache = branching(&[2], MOST + 1);
        assert_eq!(names(cache.path(), b"", b"", later).len(), 2);
        assert!(names(cache.path(), b"dir0000/", b"", later).is_empty());
        assert_eq!(names(cache.path(), b"dir0000/", b"file0000", later).len(), 10);
    }

    #[test]
    fn a_damaged_block_is_no_names() {
        let cache = branching(&[10], 2000);
        let index = cache.path().join(INDEX);
        let mut bytes = fs::read(&index).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        fs::write(&index, bytes).unwrap();
        let found: Vec<_> = (0..10)
            .map(|at| names(cache.path(), format!("dir{at:04}/").as_bytes(), b"", later).len())
            .collect();
        assert!(found.iter().all(|count| matches!(count, 0 | 2000)), "{found:?}");
        assert!(found.contains(&0), "{found:?}");
    }

    #[test]
    #[ignore = "makes a million entries: make soak"]
    fn soak_the_names_in_a_million_entries() {
        for levels in [&[10, 100][..], &[100, 10], &[10, 10, 10]] {
            let cache = branching(levels, 1000);
            let (mut first, mut last) = (Vec::new(), Vec::new());
            for depth in 0..=levels.len() {
                for above in [&mut first, &mut last] {
                    let mut shortest = Duration::MAX;
                    let path: String = above.concat();
                    for _ in 0..3 {
                        let start = Instant::now();
                        let found = names(cache.path(), path.as_bytes(), b"", later);
                        shortest = shortest.min(start.elapsed());
                        let expected = levels.get(depth).copied().unwrap_or(1000);
                        assert_eq!(found.len(), expected);
                    }
                    // A tenth of a second where it is compiled for use; more here, beside others.
                    assert!(shortest < Duration::from_secs(5), "{path:?}: {shortest:?}");
                }
                if let Some(count) = levels.get(depth) {
                    first.push("dir0000/".to_owned());
                    last.push(format!("dir{:04}/", count - 1));
                }
            }
        }
    }
}

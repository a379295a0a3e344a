//! Names in the cached snapshot, for whoever is typing one: found without the remote, and
//! without reading all of it.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Instant;

use super::INDEX;
use crate::tree::manifest::IndexBlocks;

/// Nobody reads more of them.
const MOST: usize = 1000;

/// A name in a directory, and whether it is a directory itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Name {
    pub name: Vec<u8>,
    pub is_directory: bool,
}

/// The names in the directory `above` (`a/b/`, or nothing) that begin so, as the cache has them: as
/// many as are found until then, and none where there is no such cache.
pub fn names(cache: &Path, above: &[u8], beginning: &[u8], until: Instant) -> Vec<Name> {
    let mut found = Vec::new();
    let Ok(file) = File::open(cache.join(INDEX)) else { return found };
    let Ok(mut index) = IndexBlocks::new(BufReader::new(file)) else { return found };
    let start = [above, beginning].concat();
    // The root itself has no name.
    let mut next = if start.is_empty() { vec![1] } else { start.clone() };
    while found.len() < MOST && Instant::now() < until {
        let Ok(Some(entry)) = index.not_before(&next) else { break };
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
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tree::manifest::{IndexHeader, IndexWriter};
    use crate::tree::model::entry::{Attributes, Entry, EntryKind, order};

    fn later() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    /// A cache with these directories.
    fn cached(mut paths: Vec<Vec<u8>>) -> tempfile::TempDir {
        paths.sort_by(|a, b| order(a, b));
        let dir = tempfile::tempdir().unwrap();
        let header = IndexHeader {
            tree: "t".to_owned(),
            generation: 1,
            head_id: [0; 32],
            tag: String::new(),
        };
        let file = File::create(dir.path().join(INDEX)).unwrap();
        let mut writer = IndexWriter::new(file, &header).unwrap();
        for path in paths {
            let (kind, attributes) = (EntryKind::Directory, Attributes::default());
            let (hard_link, stored, local) = (None, None, None);
            let entry = Entry { path, kind, attributes, hard_link, stored, local };
            writer.push(&entry).unwrap();
        }
        writer.finish().unwrap();
        dir
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
                let found = names(cache.path(), above.as_bytes(), beginning.as_bytes(), later());
                let mut found: Vec<_> = found.into_iter().map(|found| found.name).collect();
                found.sort();
                let mut expected = expected;
                expected.sort();
                assert_eq!(found, expected, "{above} {beginning}");
            }
        }
        assert!(names(cache.path(), b"", b"", Instant::now()).is_empty(), "its time is over");
    }
}

//! Trees to back up, and whether they came back.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use walkdir::WalkDir;

/// How many differences a failed comparison shows.
const SHOWN: usize = 20;

/// Makes `files` files with sizes from `sizes` (bytes) in nested directories
/// below `root`. The same seed makes the same tree.
pub fn grow(root: &Path, files: usize, sizes: RangeInclusive<u64>, seed: u64) {
    let mut rng = Rng::with_seed(seed);
    for number in 0..files {
        let mut dir = root.to_path_buf();
        for _ in 0..rng.u8(0..4) {
            dir.push(format!("dir-{}", rng.u8(0..4)));
        }
        fs::create_dir_all(&dir).unwrap();
        let size = rng.u64(sizes.clone());
        write_noise(&dir.join(format!("file-{number:05}")), size, &mut rng);
    }
}

fn write_noise(path: &PathBuf, size: u64, rng: &mut Rng) {
    let mut file = File::create(path).unwrap();
    let mut chunk = vec![0; 1 << 16];
    let mut left = usize::try_from(size).unwrap();
    while left > 0 {
        let part = left.min(chunk.len());
        rng.fill(&mut chunk[..part]);
        file.write_all(&chunk[..part]).unwrap();
        left -= part;
    }
}

/// What a tree holds: paths below its root as they are on disk, and what is there.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<Vec<u8>, Node>);

#[derive(Clone, PartialEq, Eq)]
enum Node {
    File {
        size: u64,
        hash: blake3::Hash,
    },
    Directory,
    Symlink {
        target: Vec<u8>,
    },
    /// A FIFO, a socket or a device.
    Special,
}

impl Snapshot {
    /// Reads everything below `root`. A root that does not exist holds nothing.
    pub fn of(root: &Path) -> Self {
        if !root.exists() {
            return Snapshot(BTreeMap::new());
        }
        let entries = WalkDir::new(root).min_depth(1).into_iter().map(|entry| {
            let entry = entry.unwrap();
            let path = entry.path().strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
            (path, Node::of(entry.path(), entry.file_type()))
        });
        Snapshot(entries.collect())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Node {
    fn of(path: &Path, kind: fs::FileType) -> Self {
        if kind.is_dir() {
            Node::Directory
        } else if kind.is_symlink() {
            Node::Symlink { target: fs::read_link(path).unwrap().as_os_str().as_bytes().to_vec() }
        } else if kind.is_file() {
            let mut hasher = blake3::Hasher::new();
            hasher.update_reader(File::open(path).unwrap()).unwrap();
            Node::File { size: hasher.count(), hash: hasher.finalize() }
        } else {
            Node::Special
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::File { size, hash } => write!(f, "file, {size} bytes, {}", &hash.to_hex()[..8]),
            Node::Directory => f.write_str("directory"),
            Node::Symlink { target } => write!(f, "link to {}", target.escape_ascii()),
            Node::Special => f.write_str("special file"),
        }
    }
}

/// A line for each path that is not the same in both.
pub fn differences(expected: &Snapshot, found: &Snapshot) -> Vec<String> {
    let mut paths: Vec<_> = expected.0.keys().chain(found.0.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    let line = |path: &Vec<u8>| {
        let name = path.escape_ascii();
        match (expected.0.get(path), found.0.get(path)) {
            (Some(node), None) => Some(format!("missing  {name} ({node})")),
            (None, Some(node)) => Some(format!("extra    {name} ({node})")),
            (Some(a), Some(b)) if a != b => Some(format!("changed  {name} ({a} became {b})")),
            _ => None,
        }
    };
    paths.into_iter().filter_map(line).collect()
}

/// Names, kinds, content and link targets; not the attributes.
#[track_caller]
pub fn assert_same_content(expected: &Snapshot, found: &Snapshot) {
    let lines = differences(expected, found);
    let shown = lines.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n");
    assert!(lines.is_empty(), "{} of {} paths differ:\n{shown}", lines.len(), expected.len());
}

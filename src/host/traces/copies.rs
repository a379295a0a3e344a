//! Other files in the home directory that have the content of a known one: first those of the
//! same size, then, of these, those with the same hash.

use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::places::{Holds, Kind};
use super::search::{Find, Scope, Way, exposed, seen, stays};
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::shown::quoted;

/// Why a copy stays that somebody else may have made one.
const CLAIMED: &str = "only a bucket that is not encrypted says that it is a copy";

/// A smaller file has the content of another by chance, in bytes.
const LEAST: u64 = 32;

/// Sizes of the known files, and then what has one of them elsewhere.
#[derive(Default)]
pub struct Sizes(HashSet<u64>);

impl Sizes {
    pub fn add(&mut self, size: u64) {
        if size >= LEAST {
            self.0.insert(size);
        }
    }

    pub fn has(&self, size: u64) -> bool {
        self.0.contains(&size)
    }

    /// Those that files elsewhere have as well.
    ///
    /// # Errors
    /// An interrupt.
    pub fn elsewhere(self, scope: &Scope) -> Result<Self> {
        let mut seen = HashSet::new();
        each(scope, |_, meta| {
            seen.extend(Some(meta.size()).filter(|size| self.has(*size)));
        })?;
        Ok(Sizes(seen))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Size, and half of the BLAKE3, of known files, and who says so: 32 MB for a million.
#[derive(Default)]
pub struct Contents(Vec<(u64, [u8; 16], Says)>);

/// Who says that a known file has a content. This machine comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Says {
    /// This machine, or whoever has the keys of the remote.
    One,
    /// Whoever can write to the bucket.
    Anybody,
}

impl Contents {
    pub fn add(&mut self, size: u64, hash: &[u8; 32], says: Says) {
        if size >= LEAST {
            self.0.push((size, half(hash), says));
        }
    }

    /// Who says that one has this content, if somebody does.
    fn says(&self, size: u64, hash: [u8; 16]) -> Option<Says> {
        let at = self.0.partition_point(|known| (known.0, known.1) < (size, hash));
        let (known, half, says) = self.0.get(at)?;
        ((*known, *half) == (size, hash)).then_some(*says)
    }

    /// The other files that have one of them.
    ///
    /// # Errors
    /// An interrupt.
    pub fn elsewhere(mut self, scope: &Scope) -> Result<Vec<Find>> {
        self.0.sort_unstable();
        self.0.dedup();
        let mut finds = Vec::new();
        each(scope, |path, meta| {
            let at = self.0.partition_point(|known| known.0 < meta.size());
            if self.0.get(at).is_none_or(|known| known.0 != meta.size()) {
                return;
            }
            let hash = File::open(path).and_then(hash);
            let says = hash.ok().and_then(|hash| self.says(meta.size(), half(&hash)));
            finds.extend(says.map(|says| find(path, meta, says)));
        })?;
        Ok(finds)
    }
}

fn half(hash: &[u8; 32]) -> [u8; 16] {
    hash.first_chunk().copied().unwrap_or_default()
}

fn find(path: &Path, meta: &Metadata, says: Says) -> Find {
    let claimed = (says == Says::Anybody).then_some(CLAIMED);
    Find {
        kind: Kind::Copy,
        what: "copy",
        holds: Holds::Content,
        path: path.to_path_buf(),
        of: Vec::new(),
        count: 1,
        way: Way::Copy(path.to_path_buf(), seen(meta)),
        command: format!("rm {}", quoted(path)),
        stays: stays(meta).or(claimed).or_else(|| exposed(path)),
        source: "the size and the hash of the content",
    }
}

/// The BLAKE3 of a file.
///
/// # Errors
/// It cannot be read.
pub fn hash(file: File) -> io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file)?;
    Ok(*hasher.finalize().as_bytes())
}

/// The files of the home directory that are not spared. No link is followed, and no other
/// file system entered.
fn each(scope: &Scope, mut see: impl FnMut(&Path, &Metadata)) -> Result<()> {
    let walk = WalkDir::new(scope.home).same_file_system(true).sort_by_file_name();
    let walk = walk.into_iter().filter_entry(|entry| !scope.is_spared(entry.path()));
    for entry in walk.flatten() {
        interrupt::check()?;
        if entry.file_type().is_file()
            && let Ok(meta) = entry.metadata()
            && meta.size() >= LEAST
        {
            see(entry.path(), &meta);
        }
    }
    Ok(())
}

/// Without those that something else tells of already, as what is in the trash.
pub fn but_for(copies: Vec<Find>, finds: &[Find]) -> Vec<Find> {
    let told: Vec<&PathBuf> =
        finds.iter().filter(|find| find.holds == Holds::Content).map(|find| &find.path).collect();
    copies.into_iter().filter(|copy| !told.iter().any(|path| copy.path.starts_with(path))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_says_counts_before_what_anybody_can_write() {
        let mut contents = Contents::default();
        let (own, both, claimed) = ([1; 32], [2; 32], [3; 32]);
        contents.add(100, &both, Says::Anybody);
        contents.add(100, &claimed, Says::Anybody);
        contents.add(100, &own, Says::One);
        contents.add(100, &both, Says::One);
        contents.0.sort_unstable();
        let says = |size, hash: &[u8; 32]| contents.says(size, half(hash));
        assert_eq!((says(100, &own), says(100, &both)), (Some(Says::One), Some(Says::One)));
        assert_eq!(says(100, &claimed), Some(Says::Anybody));
        assert_eq!((says(101, &own), says(100, &[4; 32])), (None, None));
    }
}

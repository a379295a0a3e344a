//! What this machine remembers of a wipe. It is on disk before the first file goes,
//! so that a run after a crash at any instant knows what had happened.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::ops::RangeInclusive;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::files::{self, create_private_dir, write_private};
use crate::base::shown::path_of;
use crate::base::units::date;
use crate::tree::snapshot::{Seen, UNNAMED};

/// How far the wipe of a tree has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Some of it is gone.
    Wiping,
    /// All of it is.
    Wiped,
}

/// A wipe, begun or done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub tree: String,
    /// Where its snapshot is, for people.
    pub remote: String,
    pub phase: Phase,
    /// The snapshot that was proven.
    pub generation: u64,
    /// BLAKE3 of its head.
    pub head: [u8; 32],
    /// That head says of which store it is. Records of before do not know.
    #[serde(default)]
    pub names_store: bool,
    /// Seconds since 1970.
    pub since: u64,
    /// What the snapshot holds; `bytes` in bytes.
    pub files: u64,
    pub bytes: u64,
    /// Which filter the snapshot was made with.
    #[serde(default)]
    pub filter: Option<String>,
}

impl Record {
    /// Why `found`, the newest on `remote`, is not the snapshot that was proven and none
    /// after it; None if it is.
    pub fn outdates(&self, remote: &str, found: Seen) -> Option<String> {
        if self.remote != remote {
            let since = date(self.since);
            return Some(format!("what was wiped on {since} is on {}", self.remote));
        }
        let known = (self.generation, self.head);
        if self.names_store && !found.names_store {
            return Some(UNNAMED.to_owned());
        }
        let found = (found.generation, found.head);
        let older = found.0 < known.0 || found.0 == known.0 && found.1 != known.1;
        older.then(|| format!("it has generation {}, and {} was proven", found.0, known.0))
    }

    /// The snapshot that was proven.
    pub fn seen(&self) -> Seen {
        let Record { generation, head, names_store, .. } = *self;
        Seen { generation, head, names_store }
    }

    /// Whether its snapshot is on the remote of this name. What the remote itself
    /// says names none.
    pub fn is_on(&self, remote: &str) -> bool {
        self.remote.is_empty() || self.remote == remote
    }
}

/// The wipes of one configuration, in its state directory.
#[derive(Clone, Debug)]
pub struct Records {
    dir: PathBuf,
}

/// Numbers of entries whose wipe was begun.
#[derive(Debug)]
pub struct Begun {
    ranges: Vec<RangeInclusive<u64>>,
    /// Makes what they are overwritten with, which tells what was from what others
    /// have written since.
    pub key: [u8; 32],
    file: File,
}

impl Records {
    pub fn in_state(state: &Path) -> Self {
        Records { dir: state.join("wiped") }
    }

    fn path(&self, tree: &str) -> PathBuf {
        self.dir.join(&blake3::hash(tree.as_bytes()).to_hex()[..16])
    }

    /// # Errors
    /// It cannot be read; what it says is then unknown.
    pub fn get(&self, tree: &str) -> Result<Option<Record>> {
        read(&self.path(tree))
    }

    /// Those of all trees, also of such that are not configured any more.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn all(&self) -> Result<Vec<Record>> {
        let fail = |error| Error::io("read the journals in", &self.dir, &error);
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(fail)?,
        };
        let mut all = Vec::new();
        for entry in entries {
            let path = entry.map_err(fail)?.path();
            // What was begun is beside it, and so is what a run that was killed has written.
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            if name.len() == 16 && name.iter().all(u8::is_ascii_hexdigit) {
                all.extend(read(&path)?);
            }
        }
        all.sort_by(|a: &Record, b| a.tree.cmp(&b.tree));
        Ok(all)
    }

    /// On disk when this returns.
    ///
    /// # Errors
    /// The disk fails.
    pub fn put(&self, record: &Record) -> Result<()> {
        let text = serde_json::to_vec(record).map_err(|e| Error::unexpected(e.to_string()))?;
        write_private(&self.path(&record.tree), &text)
    }

    /// Whether nothing that is here may be overwritten in part: what was begun is gone.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn is_settled(&self, tree: &str) -> Result<bool> {
        let path = self.path(tree).with_extension("begun");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.lines().all(|line| range(line).is_none())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
            Err(error) => Err(Error::io("read the journal", &path, &error)),
        }
    }

    /// All that was begun is gone.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn forget_begun(&self, tree: &str) -> Result<()> {
        removed(&self.path(tree).with_extension("begun"))
    }

    /// The tree is here again.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn forget(&self, tree: &str) -> Result<()> {
        self.forget_begun(tree)?;
        removed(&self.path(tree))
    }

    /// What was begun of a tree, and where more of it is noted.
    ///
    /// # Errors
    /// The journal cannot be read or written.
    pub fn begun(&self, tree: &str) -> Result<Begun> {
        create_private_dir(&self.dir)?;
        let path = self.path(tree).with_extension("begun");
        let fail = |error| Error::io("open the journal", &path, &error);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            other => other.map_err(fail)?,
        };
        let mut options = OpenOptions::new();
        let mut file = options.create(true).append(true).mode(0o600).open(&path).map_err(fail)?;
        let key = if let Some(key) = text.lines().find_map(key) {
            key
        } else {
            let mut key = [0; 32];
            getrandom::fill(&mut key)
                .map_err(|error| Error::unexpected(format!("no random numbers: {error}")))?;
            write!(file, "\nkey {};", HEXLOWER.encode(&key)).map_err(fail)?;
            key
        };
        files::flush(&file).and_then(|()| files::flush(&File::open(&self.dir)?)).map_err(fail)?;
        Ok(Begun { ranges: text.lines().filter_map(range).collect(), key, file })
    }
}

fn read(path: &Path) -> Result<Option<Record>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|_| {
            Error::unexpected(format!("the journal {} is damaged", path_of(path)))
                .hint("Remove it once `poof download` has brought the tree back.")
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read the journal", path, &error)),
    }
}

fn removed(path: &Path) -> Result<()> {
    files::remove(path).map_err(|error| Error::io("remove", path, &error))
}

/// A line that was cut by a crash was not followed by any wiping.
fn range(line: &str) -> Option<RangeInclusive<u64>> {
    let (first, last) = line.strip_suffix(';')?.split_once('-')?;
    Some(first.parse().ok()?..=last.parse().ok()?)
}

fn key(line: &str) -> Option<[u8; 32]> {
    let key = line.strip_prefix("key ")?.strip_suffix(';')?;
    HEXLOWER.decode(key.as_bytes()).ok()?.try_into().ok()
}

impl Begun {
    /// One in which nothing can be noted, for tests.
    #[cfg(test)]
    pub fn unwritable(path: &Path) -> Self {
        let file = File::create(path).and_then(|_| File::open(path)).unwrap();
        Begun { ranges: Vec::new(), key: [7; 32], file }
    }

    /// Whether no earlier run has begun with anything.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether the wipe of an entry was begun by an earlier run.
    pub fn has(&self, number: u64) -> bool {
        self.ranges.iter().any(|range| range.contains(&number))
    }

    /// Notes that the entries from `first` to `last` go now. On disk when this
    /// returns.
    ///
    /// # Errors
    /// The disk fails.
    pub fn begin(&mut self, first: u64, last: u64) -> Result<()> {
        // In front, lest it continue a line that was cut.
        write!(self.file, "\n{first}-{last};")
            .and_then(|()| files::flush_data(&self.file))
            .map_err(|error| Error::unexpected(format!("cannot write the journal: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_is_known_after_a_crash() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::in_state(dir.path());
        let mut begun = records.begun("a").unwrap();
        assert!(!begun.has(0));
        let key = begun.key;
        begun.begin(0, 3).unwrap();
        begun.begin(7, 9).unwrap();
        let path = records.path("a").with_extension("begun");
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("\n12-1");
        fs::write(&path, text).unwrap();
        let mut again = records.begun("a").unwrap();
        assert!(again.key == key && key != [0; 32]);
        again.begin(20, 20).unwrap();
        let again = records.begun("a").unwrap();
        let known: Vec<_> = (0..30).filter(|number| again.has(*number)).collect();
        assert_eq!(known, [0, 1, 2, 3, 7, 8, 9, 20]);
        assert!(!records.is_settled("a").unwrap());
        records.forget("a").unwrap();
        assert!(records.is_settled("a").unwrap());
        assert!(!records.begun("a").unwrap().has(0));
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_a_damaged_one_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::in_state(dir.path());
        let record = Record {
            tree: "a".to_owned(),
            remote: "r:b".to_owned(),
            phase: Phase::Wiping,
            generation: 3,
            head: [7; 32],
            names_store: true,
            since: 1,
            files: 2,
            bytes: 3,
            filter: Some("f".to_owned()),
        };
        records.put(&record).unwrap();
        assert_eq!(records.get("a").unwrap(), Some(record.clone()));
        assert_eq!(records.get("b").unwrap(), None);
        records.begun("a").unwrap();
        let other = Record { tree: "0".to_owned(), ..record.clone() };
        records.put(&other).unwrap();
        assert_eq!(records.all().unwrap(), [other, record]);
        records.forget("0").unwrap();
        fs::write(records.path("a"), "{").unwrap();
        assert!(records.get("a").is_err());
        records.forget("a").unwrap();
        assert_eq!(records.get("a").unwrap(), None);
    }
}

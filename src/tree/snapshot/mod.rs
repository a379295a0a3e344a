//! The snapshots of one tree: generations of its manifest on the remote, and the
//! last of them as it is cached on this machine.

mod adoption;
mod ahead;
mod clean;
mod early_shards;
mod fetch;
mod names;
mod packing;
mod part;
mod save;
mod since;
mod split_points;
mod standing;

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use ahead::ahead;
pub use clean::Keep;
pub use early_shards::Arrived;
pub use names::names;
pub use packing::Next;
pub use part::{Heads, ReadShards, Told};
pub use save::Facts;
pub use standing::{Newest, Standing};

use super::manifest::{Counts, Head, IndexHeader, IndexReader, IndexWriter, Key, Owners};
use super::model::bundle::Bundle;
use super::model::entry::Entry;
use super::model::inventory::Inventory;
use super::model::layout::Names;
use crate::base::error::{Error, Result};
use crate::base::files::{create_private_dir, write_private};
use crate::base::shown::{one_line, path_of};
use crate::host::erase::{FillPattern, Replaced, directory};
use crate::storage::store::Store;
use split_points::Marks;

/// The files of a snapshot in the cache.
const INDEX: &str = "index";
const HEAD: &str = "head";
const MARKS: &str = "marks";
pub const UPLOADS: &str = "uploads";
const FILES: [&str; 3] = [HEAD, MARKS, INDEX];
/// Where in the cache a snapshot is that was found on the remote.
const FOUND: &str = "found";
/// The BLAKE3 of the head that this machine has sent last, noted before it goes.
const SENT: &str = "sent";

/// Where the snapshots of a tree are.
pub struct Snapshots<'a> {
    pub store: &'a Store,
    pub names: Names,
    pub key: &'a Key,
    /// The records of this tree on the remote: `head/…`, `shard/…`.
    pub records: Inventory,
    /// Its bundles there.
    pub bundles: Inventory,
    /// The cache of this tree on this machine.
    pub cache: PathBuf,
}

/// A snapshot whose entries can be read on this machine.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Holds `head` and `index`.
    dir: PathBuf,
    head: Head,
    /// BLAKE3 of the head's bytes.
    head_id: [u8; 32],
    /// How a listing shows the head.
    tag: String,
}

/// Of a snapshot what a record of a wipe, or a kit, remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub generation: u64,
    /// BLAKE3 of its head.
    pub head: [u8; 32],
    /// The head says of which store it is.
    pub names_store: bool,
}

/// Why one whose head names no store follows none whose head does: who had a snapshot of
/// another store with the same passwords from before could else put it in its place.
pub const UNNAMED: &str = "it is of an older format, which does not say of which store it is";

impl Snapshots<'_> {
    /// Some of the objects that the last snapshot knows, in a cache, for its
    /// listing to begin at several places.
    pub fn marks(cache: &Path) -> Vec<Vec<u8>> {
        Marks::read(&fs::read(cache.join(MARKS)).unwrap_or_default())
    }

    /// Where this machine notes what goes up in parts. It goes with the cache, which
    /// names files as well.
    pub fn uploads(&self) -> PathBuf {
        self.cache.join(UPLOADS)
    }

    /// The last snapshot that this machine has taken, whatever the remote has.
    pub fn cached(&self) -> Option<Snapshot> {
        self.open(&self.cache)
    }

    /// Whether a snapshot is the last that this machine has taken.
    pub fn is_taken(&self, snapshot: &Snapshot) -> bool {
        self.cached().is_some_and(|taken| taken.id() == snapshot.id())
    }

    /// Whether the remote has any.
    pub fn exist(&self) -> bool {
        self.generations().next().is_some()
    }

    /// The number of the newest on the remote.
    pub fn newest_number(&self) -> Option<u64> {
        self.generations().max()
    }

    /// Whether this machine has seen the tree itself, and not only its manifest.
    pub fn is_met(&self) -> bool {
        let first = self.cached().and_then(|last| last.entries().ok()?.next()?.ok());
        first.is_some_and(|root| root.local.is_some())
    }

    /// The generations on the remote.
    fn generations(&self) -> impl Iterator<Item = u64> {
        let prefix = format!("{}/", Names::HEADS);
        self.records
            .names()
            .filter_map(move |name| Names::generation(name.strip_prefix(prefix.as_bytes())?))
    }

    /// What was found and is not needed any more names files as the cache does. What
    /// stays of it goes with the cache.
    fn forget_found(&self) {
        let found = self.cache.join(FOUND);
        if found.exists()
            && let Ok(noise) = FillPattern::new()
        {
            let _ = directory(&found, &noise);
        }
    }

    /// A record of this tree, from the top of the bucket.
    fn full(&self, name: &str) -> String {
        format!("{}/{name}", self.names.records())
    }

    /// The snapshot in a directory of the cache. One that cannot be read is none.
    fn open(&self, dir: &Path) -> Option<Snapshot> {
        let reader = IndexReader::new(BufReader::new(File::open(dir.join(INDEX)).ok()?)).ok()?;
        let IndexHeader { tree, generation, head_id, tag } = reader.header().clone();
        let bytes = fs::read(dir.join(HEAD)).ok()?;
        let head = Head::open(self.key, self.names.tree(), generation, &bytes).ok()?;
        let same = tree == self.names.tree() && *blake3::hash(&bytes).as_bytes() == head_id;
        same.then(|| Snapshot { dir: dir.to_path_buf(), head, head_id, tag })
    }

    /// Makes what was found the snapshot that this machine builds on: its directory was
    /// compared with all of it, or a person has said so.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn take(&self, found: Snapshot) -> Result<Snapshot> {
        if found.dir == self.cache {
            return Ok(found);
        }
        let before = FILES.map(|name| Replaced::at(&self.cache.join(name)));
        // The index goes last: it names the head.
        for name in FILES {
            let (from, to) = (found.dir.join(name), self.cache.join(name));
            fs::rename(&from, &to).map_err(|error| Error::io("rename", &from, &error))?;
        }
        erase(before);
        Ok(Snapshot { dir: self.cache.clone(), ..found })
    }

    /// Writes a snapshot into its directory of the cache: `entries`, and the bytes
    /// of its head.
    fn install(
        snapshot: &Snapshot,
        head: &[u8],
        entries: impl Iterator<Item = Result<Entry>>,
    ) -> Result<()> {
        let dir = &snapshot.dir;
        create_private_dir(dir)?;
        let before = FILES.map(|name| Replaced::at(&dir.join(name)));
        let path = dir.join("index.next");
        let fail = |error| Error::io("write", &path, &error);
        let file = File::create(&path).map_err(fail)?;
        let mut writer =
            IndexWriter::new(BufWriter::new(file), &snapshot.header()).map_err(fail)?;
        let mut marks = Marks::default();
        for entry in entries {
            let entry = entry?;
            marks.see(&entry)?;
            writer.push(&entry).map_err(fail)?;
        }
        write_private(&dir.join(MARKS), &marks.into_bytes())?;
        writer.finish().and_then(|mut file| file.flush()).map_err(fail)?;
        write_private(&dir.join(HEAD), head)?;
        fs::rename(&path, dir.join(INDEX)).map_err(fail)?;
        erase(before);
        Ok(())
    }
}

impl Snapshot {
    fn header(&self) -> IndexHeader {
        IndexHeader {
            tree: self.head.tree.clone(),
            generation: self.head.generation,
            head_id: self.head_id,
            tag: self.tag.clone(),
        }
    }

    /// The bytes of its head.
    fn head_bytes(&self) -> Result<Vec<u8>> {
        let path = self.dir.join(HEAD);
        fs::read(&path).map_err(|error| Error::io("read", &path, &error))
    }

    /// The names of those to whom its entries belong.
    pub fn owners(&self) -> &Owners {
        &self.head.owners
    }

    pub fn counts(&self) -> Counts {
        self.head.counts
    }

    /// The bundles that it tells of: those of its members, and others that are kept.
    pub fn bundles(&self) -> &[Bundle] {
        &self.head.bundles
    }

    /// The highest number that was given to a bundle.
    pub fn last_bundle(&self) -> u64 {
        self.head.last_bundle
    }

    /// Its number and the BLAKE3 of its head.
    pub fn id(&self) -> (u64, [u8; 32]) {
        (self.head.generation, self.head_id)
    }

    pub fn seen(&self) -> Seen {
        let (generation, head) = self.id();
        Seen { generation, head, names_store: self.head.store.is_some() }
    }

    pub fn generation(&self) -> u64 {
        self.head.generation
    }

    /// The number of the machine that made it, if it says so.
    pub fn machine(&self) -> Option<[u8; 16]> {
        self.head.machine
    }

    /// When it was made, in seconds since 1970, and on which machine: what that calls itself,
    /// on one line.
    pub fn made(&self) -> (u64, Cow<'_, str>) {
        (self.head.created, one_line(&self.head.host))
    }

    /// All entries, in order. Ends with an error where the cache is damaged.
    ///
    /// # Errors
    /// The cache cannot be opened.
    pub fn entries(&self) -> Result<impl Iterator<Item = Result<Entry>> + use<>> {
        let path = self.dir.join(INDEX);
        let file = File::open(&path).map_err(|error| Error::io("read", &path, &error))?;
        let damaged = move |why: &dyn std::fmt::Display| {
            Error::unexpected(format!("the cache {} is damaged: {why}", path_of(&path)))
                .hint("Remove that file; the next run fetches it again.")
        };
        let reader = IndexReader::new(BufReader::new(file)).map_err(|why| damaged(&why))?;
        Ok(ahead(reader, size).map(move |entry| entry.map_err(|why| damaged(&why))))
    }
}

/// About how many bytes an entry takes in memory, where that may be many.
fn size(entry: &Entry) -> usize {
    let xattrs = entry.attributes.xattrs.iter();
    xattrs
        .map(|(name, value)| name.len() + value.len())
        .fold(entry.path.len(), usize::saturating_add)
}

/// What the cache held names files, and is as sensitive as they are.
fn erase(before: [Replaced; 3]) {
    if let Ok(noise) = FillPattern::new() {
        for file in before {
            file.erase(&noise);
        }
    }
}

/// Size and tag of an object as the index keeps them.
fn shown((size, tag): (u64, String)) -> String {
    format!("{size} {tag}")
}

/// Whether that tells an object from another of its size.
fn has_hash(shown: &str) -> bool {
    !shown.ends_with(' ')
}

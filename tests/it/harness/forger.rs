//! Writes manifests that poof would not: the format is open, and whoever can write to a
//! bucket in clear can write one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

/// A head without its machine and its seal.
#[derive(Clone, Serialize, Deserialize)]
pub struct Head {
    tree: String,
    pub generation: u64,
    parent: Option<(u64, [u8; 32])>,
    pub created: u64,
    pub host: String,
    pub version: String,
    /// Entries, regular files, and bytes of these.
    pub counts: (u64, u64, u64),
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
    shards: Vec<([u8; 32], u32)>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Entry {
    pub path: Vec<u8>,
    pub kind: Kind,
    pub mode: u32,
    pub owners: (u32, u32),
    pub mtime: (i64, u32),
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub hard_link: Option<u64>,
    pub stored: Option<Stored>,
    local: Option<(u64, u64, (i64, u32))>,
}

#[derive(Clone, Serialize, Deserialize)]
pub enum Kind {
    File { size: u64, content: Option<[u8; 32]>, sparse: bool },
    Directory,
    Symlink(Vec<u8>),
    Fifo,
    CharDevice(u64),
    BlockDevice(u64),
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Stored {
    odd: bool,
    pub size: u64,
    md5: [u8; 16],
    tag: Tag,
    nonce: Option<[u8; 24]>,
}

#[derive(Clone, Serialize, Deserialize)]
enum Tag {
    Md5,
    Text(String),
    Time((i64, u32)),
}

/// When everything that is forged was made, in seconds since 1970.
pub const MADE: u64 = 1_700_000_000;

/// The last snapshot of the tree `data` in a bucket that is a directory.
pub struct Forger {
    bucket: PathBuf,
    pub head: Head,
    pub entries: Vec<Entry>,
    /// Which machine is said to have made it.
    pub machine: [u8; 16],
    /// That made the last one.
    pub own: [u8; 16],
}

fn seal(bytes: &[u8]) -> [u8; 32] {
    let key = blake3::derive_key("poof 2026-11-24 manifest seal", b"");
    *blake3::keyed_hash(&key, bytes).as_bytes()
}

impl Forger {
    #[track_caller]
    pub fn new(bucket: &Path) -> Self {
        let records = bucket.join(".poof/trees/data");
        let heads = fs::read_dir(records.join("head")).unwrap();
        let newest = heads.map(|head| head.unwrap().path()).max().unwrap();
        let bytes = fs::read(newest).unwrap();
        let body = bytes.strip_prefix(b"poof head\0\x02").unwrap();
        let (mut head, rest): (Head, _) = postcard::take_from_bytes(body).unwrap();
        let own = rest[..16].try_into().unwrap();
        head.parent = Some((head.generation, *blake3::hash(&bytes).as_bytes()));
        head.generation += 1;
        let mut entries = Vec::new();
        for (id, _) in &head.shards {
            let packed = fs::read(shard(&records, id)).unwrap();
            let raw = zstd::decode_all(&packed[..]).unwrap();
            let mut rest = &raw[..];
            while !rest.is_empty() {
                let (entry, after) = postcard::take_from_bytes(rest).unwrap();
                entries.push(entry);
                rest = after;
            }
        }
        Forger { bucket: bucket.to_owned(), head, entries, machine: [7; 16], own }
    }

    /// An entry without content, after all others.
    pub fn add(&mut self, path: &str, kind: Kind) -> &mut Entry {
        self.entries.push(Entry {
            path: path.into(),
            kind,
            mode: 0o644,
            owners: (0, 0),
            mtime: (MADE.cast_signed(), 0),
            xattrs: Vec::new(),
            hard_link: None,
            stored: None,
            local: None,
        });
        self.entries.last_mut().unwrap()
    }

    /// A file that is in order, with its object.
    pub fn file(&mut self, path: &str, content: &[u8]) -> &mut Entry {
        let object = self.bucket.join("data").join(path);
        fs::write(&object, content).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(MADE);
        fs::File::options().write(true).open(&object).unwrap().set_modified(time).unwrap();
        let (size, hash) = (content.len() as u64, *blake3::hash(content).as_bytes());
        let md5 = Md5::digest(content).into();
        let tag = Tag::Time((MADE.cast_signed(), 0));
        let entry = self.add(path, Kind::File { size, content: Some(hash), sparse: false });
        entry.stored = Some(Stored { odd: false, size, md5, tag, nonce: None });
        entry
    }

    /// Writes the snapshot, in shards of so many entries.
    pub fn write(mut self, entries: usize) {
        let records = self.bucket.join(".poof/trees/data");
        let size = |entry: &Entry| match entry.kind {
            Kind::File { size, .. } => Some(size),
            _ => None,
        };
        let files = self.entries.iter().filter_map(size);
        let bytes = files.clone().fold(0, u64::saturating_add);
        self.head.counts = (self.entries.len() as u64, files.count() as u64, bytes);
        self.head.shards.clear();
        for part in self.entries.chunks(entries) {
            let raw: Vec<u8> = part.iter().flat_map(|e| postcard::to_stdvec(e).unwrap()).collect();
            let packed = zstd::encode_all(&raw[..], 6).unwrap();
            let id = seal(&packed);
            fs::write(shard(&records, &id), packed).unwrap();
            self.head.shards.push((id, u32::try_from(part.len()).unwrap()));
        }
        self.put_head();
    }

    /// Writes the head alone.
    pub fn put_head(&self) {
        let mut bytes = b"poof head\0\x02".to_vec();
        bytes.extend(postcard::to_stdvec(&self.head).unwrap());
        bytes.extend(self.machine);
        bytes.extend(seal(&bytes));
        let name = format!(".poof/trees/data/head/{:010}", self.head.generation);
        fs::write(self.bucket.join(name), bytes).unwrap();
    }
}

fn shard(records: &Path, id: &[u8; 32]) -> PathBuf {
    records.join("shard").join(data_encoding::HEXLOWER.encode(&id[..16]))
}

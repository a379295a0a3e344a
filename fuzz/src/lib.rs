//! The parsers of poof, taken from its sources: what they read comes from disks
//! and servers, and may be anything. `scripts/fuzz.sh` runs the targets.

#![allow(dead_code, unused_imports, missing_docs)]

#[path = "../../src/base"]
pub mod base {
    pub mod error;
    pub mod files;
    pub mod secret;
    pub mod shown;
    pub mod units;
}

#[path = "../../src/config"]
pub mod config {
    pub mod ini;
    pub mod poof_conf;
    pub mod python_json;
    pub mod rclone_conf;
    pub mod secrets;
    pub mod status;
}

#[path = "../../src/host"]
pub mod host {
    pub mod receipt;
}

#[path = "../../src/kit/mod.rs"]
pub mod kit;

#[path = "../../src/tree"]
pub mod tree {
    pub mod manifest;
    pub mod model {
        pub mod bundle;
        pub mod entry;
    }
}

/// What an attacker without a key cannot make: the seal of bytes under the key of a
/// plain store. So the parser behind the seal is reached.
pub fn seal(bytes: &[u8]) -> [u8; 32] {
    let key = blake3::derive_key("poof 2026-11-24 manifest seal", b"");
    *blake3::keyed_hash(&key, bytes).as_bytes()
}

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use tree::model::bundle::Bundle;
use tree::model::entry::{
    Attributes, Content, Entry, EntryKind, FileData, Member, Stored, StoredObject, Tag, Time,
};

fn time(u: &mut Unstructured) -> Result<Time> {
    Ok(Time { seconds: u.arbitrary()?, nanos: u.arbitrary()? })
}

fn bytes(u: &mut Unstructured) -> Result<Vec<u8>> {
    let len = u.int_in_range(0..=40)?;
    Ok(u.bytes(len)?.to_vec())
}

/// A short text, which may be of anything.
pub fn text(u: &mut Unstructured) -> Result<String> {
    let parts =
        ["", "a", "\"", "\\", "\n", "\u{0}", "é", "/home/a", "[s]\n", "key = value\n", "{}"];
    let mut text = String::new();
    for _ in 0..u.int_in_range(0..=4)? {
        text.push_str(u.choose(&parts)?);
        text.push(u.arbitrary()?);
    }
    Ok(text)
}

/// An entry with all that an entry may have, and what none may have.
pub fn entry(u: &mut Unstructured) -> Result<Entry> {
    let parts = ["a", "b", "..", ".", "", "poof", "\0", "é"];
    let mut path = Vec::new();
    for index in 0..u.int_in_range(0..=4)? {
        if index > 0 {
            path.push(b'/');
        }
        path.extend_from_slice(u.choose(&parts)?.as_bytes());
        path.push(u.arbitrary()?);
    }
    let kind = match u.int_in_range(0..=6)? {
        0 => EntryKind::Directory,
        1 => EntryKind::Symlink { target: bytes(u)? },
        2 => EntryKind::Fifo,
        3 => EntryKind::CharDevice(u.arbitrary()?),
        4 => EntryKind::BlockDevice(u.arbitrary()?),
        _ => EntryKind::File(FileData {
            size: u.arbitrary()?,
            content: u.arbitrary::<Option<_>>()?.map(Content),
            sparse: u.arbitrary()?,
        }),
    };
    let mut xattrs = Vec::new();
    // Up to more of them than there may be.
    let many = u.ratio(1, 50)?;
    for _ in 0..u.int_in_range(0..=if many { 40_000 } else { 3 })? {
        xattrs.push(if many { (vec![b'n'], Vec::new()) } else { (bytes(u)?, bytes(u)?) });
    }
    let size = match &kind {
        EntryKind::File(data) if u.ratio(9, 10)? => data.size,
        _ => u.arbitrary()?,
    };
    let stored = if u.ratio(1, 4)? {
        Stored::Member(Member {
            bundle: u.arbitrary()?,
            offset: u.arbitrary()?,
            size,
            deflated: u.arbitrary()?,
        })
    } else {
        Stored::Object(StoredObject { size, ..object(u)? })
    };
    Ok(Entry {
        path,
        kind,
        attributes: Attributes {
            mode: u.arbitrary()?,
            uid: u.arbitrary()?,
            gid: u.arbitrary()?,
            mtime: time(u)?,
            xattrs,
        },
        hard_link: u.arbitrary()?,
        stored: u.arbitrary::<bool>()?.then_some(stored),
        local: None,
    })
}

fn object(u: &mut Unstructured) -> Result<StoredObject> {
    let tag = match u.int_in_range(0..=2)? {
        0 => Tag::Md5,
        1 => Tag::Text(u.arbitrary()?),
        _ => Tag::Time(time(u)?),
    };
    let (odd, size) = (u.arbitrary()?, u.arbitrary()?);
    Ok(StoredObject { odd, size, md5: u.arbitrary()?, tag, nonce: u.arbitrary()? })
}

/// Some bundles, in the order of their numbers as a rule.
pub fn bundles(u: &mut Unstructured) -> Result<Vec<Bundle>> {
    let mut bundles = Vec::new();
    for _ in 0..u.int_in_range(0..=5)? {
        let (number, until) = (u.arbitrary()?, u.arbitrary()?);
        bundles.push(Bundle { number, object: object(u)?, until });
    }
    if u.ratio(9, 10)? {
        bundles.sort_by_key(|bundle| bundle.number);
    }
    Ok(bundles)
}

/// The bytes of some entries, in whatever order, and now and then of more than a shard
/// has.
pub fn entries(u: &mut Unstructured) -> Result<Vec<u8>> {
    let mut raw = Vec::new();
    for _ in 0..u.int_in_range(0..=12)? {
        raw.extend(postcard::to_stdvec(&entry(u)?).unwrap_or_default());
    }
    if u.ratio(1, 20)? {
        // Beyond what a block may have, and not so much that this would be what takes memory.
        let most = (20 << 20) / raw.len().max(1) + 1;
        raw = raw.repeat(u.int_in_range(1..=5000)?.min(most));
    }
    if u.ratio(1, 4)? && !raw.is_empty() {
        let at = u.choose_index(raw.len())?;
        raw[at] ^= u.arbitrary::<u8>()?;
    }
    Ok(raw)
}

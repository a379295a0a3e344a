//! What an entry says of its object, and the record of sending it: one made from
//! the other.

use std::io;

use data_encoding::HEXLOWER;
use rustix::fs::FileType;

use crate::host::stat::permissions;
use crate::storage::store::{Bytes, Fetch, Fetched, Part, Sent};
use crate::tree::model::entry::{
    Content, Entry, EntryKind, Member, Stored, StoredObject, Tag, Time,
};
use crate::tree::model::inventory::md5;
use crate::tree::scan::root::Root;
use crate::tree::scan::walk::{local, time};

/// The record of an object that is a copy of that of `entry`.
pub fn as_sent(entry: &Entry) -> Option<Sent> {
    let (stored, content) = (entry.object()?, entry.file()?.content?);
    let tag = HEXLOWER.encode(&stored.md5);
    Some(Sent { tag, ..sent_as(stored, Some(&content)) })
}

/// The record of an object that was sent.
pub fn sent_as(stored: &StoredObject, content: Option<&Content>) -> Sent {
    let md5 = HEXLOWER.encode(&stored.md5);
    let (tag, time) = match &stored.tag {
        Tag::Md5 => (md5.clone(), (0, 0)),
        Tag::Text(text) => (text.clone(), (0, 0)),
        Tag::Time(time) => (String::new(), (time.seconds, time.nanos)),
    };
    Sent {
        content: content.map(|content| HEXLOWER.encode(&content.0)).unwrap_or_default(),
        size: stored.size,
        tag,
        time,
        md5,
        nonce: Bytes(stored.nonce.map(|nonce| nonce.to_vec()).unwrap_or_default()),
        ..Sent::default()
    }
}

/// The job that reads what the remote holds of an entry back from its `place`, to hash it.
pub fn fetch_of(place: Vec<u8>, id: u64, entry: &Entry) -> Option<Fetch> {
    let stored = entry.stored.as_ref()?;
    let remote = Bytes(place);
    let limit = entry.file().map(|data| data.size);
    let part = entry.member().map(part_of);
    Some(Fetch { id, remote, size: stored.size(), limit, part, ..Fetch::default() })
}

/// Sorts what is in bundles after all else, and by where it is.
pub fn in_bundle(entry: &Entry) -> Option<(u64, u64)> {
    entry.member().map(|member| (member.bundle, member.offset))
}

/// Where a content is in its bundle.
pub fn part_of(&Member { offset, size, deflated, .. }: &Member) -> Part {
    Part { offset, size, deflated }
}

/// Whether the bytes that were read are the content of an entry.
pub fn holds(entry: &Entry, read: &Fetched) -> bool {
    is_content(entry, &read.content) && entry.file().is_some_and(|data| data.size == read.size)
}

/// Whether this is the BLAKE3 of the content of an entry, in hexadecimal.
pub fn is_content(entry: &Entry, hash: &str) -> bool {
    let content = entry.file().and_then(|data| data.content);
    content.is_some_and(|content| HEXLOWER.encode(&content.0) == hash)
}

/// What the record of sending says of the object and of its content.
pub fn read(sent: &Sent, odd: bool) -> (StoredObject, Option<Content>) {
    let sum = md5(&sent.md5).unwrap_or_default();
    let tag = match sent.tag.as_str() {
        "" => Tag::Time(Time { seconds: sent.time.0, nanos: sent.time.1 }),
        tag if md5(tag) == Some(sum) => Tag::Md5,
        tag => Tag::Text(tag.to_owned()),
    };
    let nonce = <[u8; 24]>::try_from(sent.nonce.0.as_slice()).ok();
    (StoredObject { odd, size: sent.size, md5: sum, tag, nonce }, content(&sent.content))
}

/// A BLAKE3 in hexadecimal.
pub fn content(hash: &str) -> Option<Content> {
    let bytes = HEXLOWER.decode(hash.as_bytes()).ok()?;
    bytes.try_into().ok().map(Content)
}

/// Writes into the entry what is stored of it.
pub fn complete(entry: &mut Entry, stored: Stored, content: Option<Content>) {
    entry.stored = Some(stored);
    if let EntryKind::File(data) = &mut entry.kind {
        data.content = content;
    }
}

/// Takes a file that has changed as it is now.
///
/// # Errors
/// It is gone, or no file any more.
pub fn refresh(root: &Root, entry: &mut Entry) -> io::Result<()> {
    let stat = root.stat(&entry.path)?;
    let EntryKind::File(data) = &mut entry.kind else { return Ok(()) };
    if !FileType::from_raw_mode(stat.st_mode).is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    data.size = u64::try_from(stat.st_size).unwrap_or(0);
    entry.attributes.mode = permissions(&stat);
    (entry.attributes.uid, entry.attributes.gid) = (stat.st_uid, stat.st_gid);
    entry.attributes.mtime = time(stat.st_mtime, stat.st_mtime_nsec);
    entry.local = Some(local(&stat));
    Ok(())
}

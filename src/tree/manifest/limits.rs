//! What a hostile bucket could make a reader of a manifest hold.

use super::head::ShardRef;
use super::*;
use crate::tree::model::entry::{
    Attributes, Entry, EntryKind, FileData, LARGEST_MEMBER, MOST_ATTRIBUTES, Member, Stored,
    StoredObject, Tag,
};

/// A small entry, of which compression leaves next to nothing.
fn small(number: u32) -> Entry {
    let path = format!("{number:09}").into_bytes();
    Entry {
        path,
        kind: EntryKind::Directory,
        attributes: Attributes::default(),
        hard_link: None,
        stored: None,
        local: None,
    }
}

fn sealed(raw: &[u8]) -> (Vec<u8>, [u8; 32]) {
    let bytes = block::pack(raw, 6);
    let id = Key::plain().seal(&bytes);
    (bytes, id)
}

#[test]
fn a_shard_that_unpacks_to_more_than_poof_packs_is_refused() {
    let mut raw = Vec::new();
    for number in 0..=block::MOST {
        block::encode(&small(number), &mut raw);
    }
    let (bytes, id) = sealed(&raw);
    let refused = open_shard(&Key::plain(), &id, &bytes);
    assert_eq!(refused, Err(Damaged::Invalid("too many entries")));
    // What some kilobytes can unpack to.
    let (bytes, id) = sealed(&vec![0; 30 << 20]);
    assert!(bytes.len() < 10_000);
    let refused = open_shard(&Key::plain(), &id, &bytes);
    assert_eq!(refused, Err(Damaged::Invalid("it is too large")));
}

#[test]
fn an_entry_has_no_more_attributes_than_the_format_says() {
    let with = |count: usize| {
        let xattr = |n: usize| (format!("{n:05}").into_bytes(), Vec::new());
        let mut entry = small(0);
        entry.attributes.xattrs = (0..count).map(xattr).collect();
        let mut raw = Vec::new();
        block::encode(&entry, &mut raw);
        let (bytes, id) = sealed(&raw);
        open_shard(&Key::plain(), &id, &bytes)
    };
    assert_eq!(with(MOST_ATTRIBUTES).unwrap()[0].attributes.xattrs.len(), MOST_ATTRIBUTES);
    assert_eq!(with(MOST_ATTRIBUTES + 1), Err(Damaged::Cut));
}

// Of attributes without content 2,355 bytes took 500 MB.
#[test]
fn a_shard_that_goes_on_where_it_should_have_ended_is_refused() {
    let with = |entries: u32| {
        let mut raw = Vec::new();
        for number in 0..entries {
            let mut entry = small(number);
            entry.attributes.xattrs = vec![(b"n".to_vec(), Vec::new()); MOST_ATTRIBUTES];
            block::encode(&entry, &mut raw);
        }
        let (bytes, id) = sealed(&raw);
        assert!(bytes.len() < 10_000);
        open_shard(&Key::plain(), &id, &bytes).map(|entries| entries.len())
    };
    // 3 bytes each: the eleventh entry begins within the first MiB.
    assert_eq!(with(11), Ok(11));
    assert_eq!(with(12), Err(Damaged::Invalid("it goes on where it should have ended")));
}

#[test]
fn a_head_whose_shards_do_not_hold_what_it_counts_is_refused() {
    let key = Key::plain();
    let shard = |entries| ShardRef { id: [0; 32], entries };
    let open = |entries, shards: &[ShardRef]| {
        let head = Head {
            counts: Counts { entries, files: u64::MAX, bytes: u64::MAX },
            shards: shards.to_vec(),
            tree: "docs".to_owned(),
            generation: 7,
            parent: None,
            created: 0,
            host: String::new(),
            version: String::new(),
            owners: Owners::default(),
            machine: Some([9; 16]),
            store: None,
            bundles: Vec::new(),
            last_bundle: 0,
        };
        Head::open(&key, &head.tree.clone(), head.generation, &head.seal(&key)).map(|_| ())
    };
    assert_eq!(open(5, &[shard(2), shard(3)]), Ok(()));
    let refused = Err(Damaged::Invalid("its shards do not hold what it counts"));
    assert_eq!(open(6, &[shard(2), shard(3)]), refused);
    assert_eq!(open(0, &[shard(0)]), refused);
    assert_eq!(open(5000, &[shard(5000)]), refused);
}

#[test]
fn an_object_that_is_not_of_the_size_of_its_file_is_refused() {
    let open = |key: &Key, size: u64, stored: u64| {
        let mut entry = small(0);
        entry.kind = EntryKind::File(FileData { size, content: None, sparse: false });
        let (tag, nonce) = (Tag::Md5, None);
        let object = StoredObject { odd: false, size: stored, md5: [0; 16], tag, nonce };
        entry.stored = Some(Stored::Object(object));
        let mut raw = Vec::new();
        block::encode(&entry, &mut raw);
        let bytes = block::pack(&raw, 6);
        open_shard(key, &key.seal(&bytes), &bytes).map(|_| ())
    };
    let (plain, crypt) = (Key::plain(), Key::of_secrets(b"stretched", b"before"));
    let other = Err(Damaged::Invalid("an object whose size is not that of its file"));
    let no_size = Err(Damaged::Invalid("a size that cannot be"));
    for (size, stored, in_clear, encrypted) in [
        (5, 5, Ok(()), Ok(())),
        (0, 0, Ok(()), Ok(())),
        (0, 32, other.clone(), Ok(())),
        (5, 5 + 48, other.clone(), Ok(())),
        (5, 6, other.clone(), other.clone()),
        (5, 400 << 20, other.clone(), other.clone()),
        (1 << 60, 5, other.clone(), other.clone()),
        (1 << 60, 1 << 60, Ok(()), Ok(())),
        (5, u64::MAX, no_size.clone(), no_size.clone()),
        (1 << 63, 1 << 63, no_size.clone(), no_size.clone()),
    ] {
        assert_eq!(open(&plain, size, stored), in_clear, "{size} {stored}");
        assert_eq!(open(&crypt, size, stored), encrypted, "{size} {stored}");
    }
}

// A zip bomb is a few kilobytes that unpack to as many bytes as its manifest allows.
#[test]
fn a_member_of_a_bundle_is_a_small_file() {
    let open = |size: u64, stored: u64, deflated: bool| {
        let mut entry = small(0);
        entry.kind = EntryKind::File(FileData { size, content: None, sparse: false });
        let member = Member { bundle: 1, offset: 40, size: stored, deflated };
        entry.stored = Some(Stored::Member(member));
        let mut raw = Vec::new();
        block::encode(&entry, &mut raw);
        let bytes = block::pack(&raw, 6);
        open_shard(&Key::plain(), &Key::plain().seal(&bytes), &bytes).map(|_| ())
    };
    let other = Err(Damaged::Invalid("an object whose size is not that of its file"));
    assert_eq!(open(5, 5, false), Ok(()));
    assert_eq!(open(5, 6, false), other);
    assert_eq!(open(5000, 6, true), Ok(()));
    assert_eq!(open(LARGEST_MEMBER, 6, true), Ok(()));
    assert_eq!(open(LARGEST_MEMBER + 1, 6, true), other);
    assert_eq!(open(1 << 60, 1 << 60, false), other);
}

use fastrand::Rng;
use serde::Serialize;

use super::head::ShardRef;
use super::*;
use crate::tree::model::bundle::Bundle;
use crate::tree::model::entry::{
    Attributes, Content, Entry, EntryKind, FileData, Local, Member, Stored, StoredObject, Tag,
    Time, order,
};

fn bytes(rng: &mut Rng, most: usize) -> Vec<u8> {
    (0..rng.usize(0..=most)).map(|_| rng.u8(..)).collect()
}

fn time(rng: &mut Rng) -> Time {
    Time { seconds: rng.i64(-5_000_000_000..5_000_000_000), nanos: rng.u32(0..1_000_000_000) }
}

/// An entry of any kind, with all that it can have.
fn entry(rng: &mut Rng, path: Vec<u8>) -> Entry {
    let kind = match rng.u8(0..8) {
        0 => EntryKind::Directory,
        1 => EntryKind::Symlink { target: bytes(rng, 40) },
        2 => EntryKind::Fifo,
        3 => EntryKind::BlockDevice(rng.u64(..)),
        _ => EntryKind::File(FileData {
            size: rng.u64(..) >> rng.u8(4..64),
            content: rng.bool().then(|| Content(std::array::from_fn(|_| rng.u8(..)))),
            sparse: rng.bool(),
        }),
    };
    let kind = if path.is_empty() { EntryKind::Directory } else { kind };
    let size = match &kind {
        EntryKind::File(data) => data.size,
        _ => rng.u64(..) >> 4,
    };
    let tag = match rng.u8(0..3) {
        0 => Tag::Md5,
        1 => Tag::Text("d41d8cd98f00b204e9800998ecf8427e-33".to_owned()),
        _ => Tag::Time(time(rng)),
    };
    Entry {
        path,
        kind,
        attributes: Attributes {
            mode: rng.u32(0..=0o7777),
            uid: rng.u32(..),
            gid: rng.u32(..),
            mtime: time(rng),
            xattrs: (0..rng.usize(0..3))
                .map(|_| ([&b"x"[..], &bytes(rng, 20)].concat(), bytes(rng, 3000)))
                .collect(),
        },
        hard_link: rng.bool().then(|| rng.u64(..)),
        stored: rng.bool().then(|| {
            let odd = rng.bool();
            let md5 = std::array::from_fn(|_| rng.u8(..));
            let nonce = rng.bool().then(|| std::array::from_fn(|_| rng.u8(..)));
            Stored::Object(StoredObject { odd, size, md5, tag, nonce })
        }),
        local: rng.bool().then(|| Local { dev: rng.u64(..), ino: rng.u64(..), ctime: time(rng) }),
    }
}

pub(super) fn entries(seed: u64, count: usize) -> Vec<Entry> {
    let mut rng = Rng::with_seed(seed);
    let mut paths: Vec<Vec<u8>> = (1..count)
        .map(|number| {
            let mut path = format!("{}/{number}-", rng.u8(..)).into_bytes();
            path.extend((0..rng.usize(0..9)).map(|_| rng.u8(1..)).filter(|b| *b != b'/'));
            path
        })
        .collect();
    paths.push(Vec::new());
    paths.sort_by(|a, b| order(a, b));
    paths.into_iter().map(|path| entry(&mut rng, path)).collect()
}

pub(super) fn shards(entries: &[Entry]) -> Vec<Shard> {
    let key = Key::plain();
    let mut builder = ShardBuilder::new(&key);
    let mut shards: Vec<_> = entries.iter().filter_map(|entry| builder.push(entry)).collect();
    shards.extend(builder.finish());
    shards
}

fn header() -> IndexHeader {
    let (tree, tag) = ("docs".to_owned(), "12 abc".to_owned());
    IndexHeader { tree, generation: 7, head_id: [9; 32], tag }
}

fn index(entries: &[Entry]) -> Vec<u8> {
    let mut writer = IndexWriter::new(Vec::new(), &header()).unwrap();
    for entry in entries {
        writer.push(entry).unwrap();
    }
    writer.finish().unwrap()
}

// A reader takes no block beyond its bound: 64 MiB before it is compressed.
#[test]
fn entries_with_large_attributes_make_small_blocks() {
    let mut rng = Rng::with_seed(1);
    let xattrs = vec![(b"com.apple.ResourceFork".to_vec(), vec![7; 300_000])];
    let all: Vec<_> = (0..20)
        .map(|number| {
            let mut entry = entry(&mut rng, format!("{number:02}").into_bytes());
            entry.attributes.xattrs.clone_from(&xattrs);
            entry
        })
        .collect();
    let bytes = index(&all);
    let read: Result<Vec<_>, _> = IndexReader::new(&bytes[..]).unwrap().collect();
    assert_eq!(read.unwrap(), all);
    // Magic, header, and then each block with its size and hash before it.
    let size = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let (mut at, mut blocks) = ("poof index".len() + 2, 0);
    at += 4 + size(at);
    while size(at) > 0 {
        at += 4 + 32 + size(at);
        blocks += 1;
    }
    assert_eq!(blocks, 5, "four of them are more than 1 MiB");
}

pub(super) fn head(shards: Vec<ShardRef>) -> Head {
    Head {
        tree: "docs".to_owned(),
        generation: 7,
        parent: Some((6, [1; 32])),
        created: 1_800_000_000,
        host: "here".to_owned(),
        version: "0.1.0".to_owned(),
        counts: Counts {
            entries: shards.iter().map(|shard| u64::from(shard.entries)).sum(),
            files: 2,
            bytes: 1,
        },
        owners: Owners { users: [(0, "root".to_owned())].into(), ..Owners::default() },
        shards,
        machine: Some([9; 16]),
        store: None,
        bundles: Vec::new(),
        last_bundle: 0,
    }
}

fn bundle(number: u64, until: Option<u64>) -> Bundle {
    let (md5, nonce, tag) = ([3; 16], Some([4; 24]), Tag::Md5);
    let object = StoredObject { odd: false, size: 5, md5, tag, nonce };
    Bundle { number, object, until }
}

#[test]
fn a_head_with_bundles_is_of_a_version_of_its_own() {
    let (plain, crypt) = (Key::plain(), Key::of_secrets(b"stretched", b"before"));
    let bundles = vec![bundle(3, Some(6)), bundle(9, None)];
    for (key, version) in [(&plain, 4), (&crypt, 5)] {
        let (bundles, last_bundle) = (bundles.clone(), 12);
        let head = Head { bundles, last_bundle, store: key.store(), ..head(vec![]) };
        let bytes = head.seal(key);
        assert_eq!(bytes[10], version);
        assert_eq!(Head::open(key, "docs", 7, &bytes).as_ref(), Ok(&head));
        for (cut, why) in [(1, Damaged::WrongSeal), (40, Damaged::WrongSeal)] {
            let cut = &bytes[..bytes.len() - cut];
            assert_eq!(Head::open(key, "docs", 7, cut), Err(why));
        }
        let wrong = [vec![bundle(9, None), bundle(3, None)], vec![bundle(13, None)]];
        for bundles in wrong {
            let bytes = Head { bundles, ..head.clone() }.seal(key);
            let refused = Err(Damaged::Invalid("bundles that cannot be"));
            assert_eq!(Head::open(key, "docs", 7, &bytes), refused);
        }
    }
    // One that names no store is none of an encrypted remote, whoever has sealed it.
    let unnamed = Head { bundles, ..head(vec![]) }.seal(&crypt);
    assert_eq!(Head::open(&crypt, "docs", 7, &unnamed), Err(Damaged::WrongSeal));
}

// What earlier versions have written is read, and the other way round.
#[test]
fn what_is_stored_has_the_form_that_it_always_had() {
    #[derive(Serialize)]
    struct Before {
        odd: bool,
        size: u64,
        md5: [u8; 16],
        tag: Tag,
        nonce: Option<[u8; 24]>,
    }
    for odd in [false, true] {
        let (md5, tag, nonce) = ([7; 16], Tag::Text("x-2".to_owned()), Some([8; 24]));
        let before = Before { odd, size: 300, md5, tag: tag.clone(), nonce };
        let now = Stored::Object(StoredObject { odd, size: 300, md5, tag, nonce });
        let bytes = postcard::to_stdvec(&before).unwrap();
        assert_eq!(postcard::to_stdvec(&now).unwrap(), bytes);
        assert_eq!(postcard::from_bytes::<Stored>(&bytes).unwrap(), now);
    }
    let member = Stored::Member(Member { bundle: 2, offset: 300, size: 5, deflated: true });
    let bytes = postcard::to_stdvec(&member).unwrap();
    assert_eq!(bytes, [2, 2, 0xac, 2, 5, 1]);
    assert_eq!(postcard::from_bytes::<Stored>(&bytes).unwrap(), member);
}

#[test]
fn what_is_written_is_read() {
    let all = entries(1, 5000);
    let mut back = Vec::new();
    for shard in shards(&all) {
        back.extend(open_shard(&Key::plain(), &shard.id, &shard.bytes).unwrap());
    }
    let remote: Vec<_> = all.iter().cloned().map(|e| Entry { local: None, ..e }).collect();
    assert!(back == remote, "what leaves the machine has no local part");
    let bytes = index(&all);
    let reader = IndexReader::new(&bytes[..]).unwrap();
    assert_eq!(*reader.header(), header());
    assert!(reader.map(Result::unwrap).eq(all));
    let head = head(vec![ShardRef { id: [3; 32], entries: 5 }]);
    let sealed = head.seal(&Key::plain());
    assert_eq!(Head::open(&Key::plain(), "docs", 7, &sealed).unwrap(), head);
}

#[test]
fn a_head_of_version_1_names_no_machine_and_is_read() {
    let old = Head { machine: None, ..head(vec![]) };
    let sealed = old.seal(&Key::plain());
    assert!(sealed.starts_with(b"poof head\0\x01"));
    assert_eq!(Head::open(&Key::plain(), "docs", 7, &sealed).unwrap(), old);
    // A version that is not that of the rest.
    let mut other = sealed[..sealed.len() - 32].to_vec();
    other[10] = 2;
    other.extend(Key::plain().seal(&other));
    assert_eq!(Head::open(&Key::plain(), "docs", 7, &other), Err(Damaged::Cut));
}

#[test]
fn a_change_in_one_place_leaves_the_other_shards_as_they_were() {
    let all = entries(2, 20_000);
    // Once each: in a debug build these shards take a second.
    let before: Vec<_> = shards(&all).iter().map(|shard| shard.id).collect();
    assert!((20..80).contains(&before.len()), "{} shards", before.len());
    let at = Rng::with_seed(3).usize(1..all.len());
    let (mut changed, mut removed) = (all.clone(), all);
    changed[at].attributes.mode ^= 1;
    removed.remove(at);
    for other in [changed, removed] {
        let new = shards(&other).iter().filter(|shard| !before.contains(&shard.id)).count();
        assert!(new <= 2, "{new} new shards");
    }
}

#[test]
fn a_head_of_another_key_tree_or_generation_is_refused() {
    let key = Key::of_secrets(b"one", b"before");
    let sealed = Head { store: key.store(), ..head(vec![]) }.seal(&key);
    let open = |key: &Key, tree, number| Head::open(key, tree, number, &sealed).unwrap_err();
    assert_eq!(open(&Key::of_secrets(b"two", b"before"), "docs", 7), Damaged::WrongSeal);
    assert_eq!(open(&Key::plain(), "docs", 7), Damaged::WrongSeal);
    assert_eq!(open(&key, "docs", 8), Damaged::Misplaced);
    assert_eq!(open(&key, "other", 7), Damaged::Misplaced);
    let newer = [b"poof head\0\x06".as_slice(), &sealed[11..]].concat();
    let error = Head::open(&key, "docs", 7, &newer).unwrap_err();
    assert_eq!(error, Damaged::NewerFormat(6));
}

/// Changes `bytes` in one of the ways in which files and objects break.
fn mutate(rng: &mut Rng, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = rng.usize(0..bytes.len());
    match rng.u8(0..5) {
        0 => bytes[at] ^= 1 << rng.u8(0..8),
        1 => bytes.truncate(at),
        2 => bytes.insert(at, rng.u8(..)),
        3 => drop(bytes.remove(at)),
        _ => {
            let end = (at + rng.usize(1..64)).min(bytes.len());
            bytes[at..end].rotate_left(1);
        }
    }
    bytes
}

/// One round of the readers on broken input: none may accept or panic.
fn attack(rng: &mut Rng, original: &[Entry], index: &[u8], sealed: &[u8], shard: &Shard) {
    let broken = mutate(rng, sealed);
    assert!(broken == sealed || Head::open(&Key::plain(), "docs", 7, &broken).is_err());
    let broken = mutate(rng, &shard.bytes);
    assert!(broken == shard.bytes || open_shard(&Key::plain(), &shard.id, &broken).is_err());
    let broken = mutate(rng, index);
    if broken != index
        && let Ok(reader) = IndexReader::new(&broken[..])
    {
        let mut known = original.iter();
        let mut failed = false;
        for entry in reader {
            match entry {
                Ok(entry) => assert_eq!(Some(&entry), known.next()),
                Err(_) => failed = true,
            }
        }
        assert!(failed, "a broken index was accepted");
    }
    // Without the seals: whatever comes, no panic.
    let _ = block::unpack(&broken);
    let mut raw = Vec::new();
    for entry in original.iter().take(3) {
        block::encode(entry, &mut raw);
    }
    let _ = block::decode(&mutate(rng, &raw));
    let _ = block::decode(&bytes(rng, 300));
}

fn attack_for(seed: u64, mut more: impl FnMut() -> bool) -> u64 {
    let mut rng = Rng::with_seed(seed);
    let all = entries(seed, 40);
    let shard = shards(&all).remove(0);
    let sealed = head(vec![shard.reference()]).seal(&Key::plain());
    let index = index(&all);
    let mut rounds = 0;
    while more() {
        attack(&mut rng, &all, &index, &sealed, &shard);
        rounds += 1;
    }
    rounds
}

#[test]
fn broken_input_is_never_accepted_and_never_a_panic() {
    for seed in 0..5 {
        let mut left = 300;
        attack_for(seed, || {
            left -= 1;
            left > 0
        });
    }
}

/// For `make soak`: `POOF_SOAK_SECONDS` of it.
#[test]
#[ignore = "runs for minutes"]
fn soak_the_readers() {
    let seconds = std::env::var("POOF_SOAK_SECONDS").ok().and_then(|s| s.parse().ok());
    let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds.unwrap_or(60));
    let mut rounds = 0;
    for seed in 0.. {
        let mut left = 1000;
        rounds += attack_for(seed, || {
            left -= 1;
            left > 0 && std::time::Instant::now() < end
        });
        if std::time::Instant::now() >= end {
            break;
        }
    }
    assert!(rounds > 0);
}

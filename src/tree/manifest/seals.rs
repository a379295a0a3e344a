//! Which key seals what.

use super::tests::{entries, head, shards};
use super::*;

/// What poof has sealed with before a key was stretched, for the secret `before`.
fn sealed_before(head: &[u8], version: u8, secret: &[u8]) -> Vec<u8> {
    let mut bytes = head[..head.len() - 32].to_vec();
    bytes[10] = version;
    let key = blake3::derive_key("poof 2026-11-24 manifest seal", secret);
    let seal = blake3::keyed_hash(&key, &bytes);
    bytes.extend_from_slice(seal.as_bytes());
    bytes
}

/// A head as a backup makes it.
fn of(key: &Key) -> Head {
    Head { store: key.store(), ..head(vec![]) }
}

#[test]
fn a_head_opens_in_its_own_store_only_and_in_another_with_a_word() {
    let key = |id, any| Key::of_secrets(b"stretched", b"before").of_store(id, any);
    let own = key("one", false);
    let bytes = of(&own).seal(&own);
    let open = |key: &Key| Head::open(key, "docs", 7, &bytes).map(|head| head.store);
    assert_eq!(open(&own), Ok(own.store()));
    assert_eq!(open(&key("two", false)), Err(Damaged::OtherStore));
    assert_eq!(open(&key("two", true)), Ok(own.store()));
    // What names the store is sealed.
    let mut moved = bytes.clone();
    let at = moved.len() - 48;
    moved[at..at + 16].copy_from_slice(&key("two", false).store().unwrap());
    assert_eq!(Head::open(&key("two", false), "docs", 7, &moved), Err(Damaged::WrongSeal));
}

#[test]
fn no_seal_of_an_encrypted_remote_is_a_fast_way_to_try_passwords_at() {
    let key = Key::of_secrets(b"stretched", b"before");
    let new = of(&key).seal(&key);
    assert!(new.starts_with(b"poof head\0\x03"));
    // What is not stretched has no part in it, nor in a shard, nor in the fingerprint.
    let other = Key::of_secrets(b"stretched", b"other");
    assert!(Head::open(&other, "docs", 7, &new).is_ok());
    assert_eq!(key.fingerprint(), other.fingerprint());
    let shard = |key: &Key| {
        let mut builder = ShardBuilder::new(key);
        builder.push(&entries(1, 1)[0]);
        builder.finish().unwrap()
    };
    assert_eq!(shard(&key).id, shard(&other).id);
    // Without encryption there is nothing to guess, and every poof reads it.
    let plain = Key::plain().of_store("one", false);
    assert!(of(&plain).seal(&plain).starts_with(b"poof head\0\x02"));
}

#[test]
fn what_was_sealed_before_is_read_and_no_seal_passes_for_that_of_another_version() {
    let key = Key::of_secrets(b"stretched", b"before");
    let new = of(&key).seal(&key);
    // Without what names the store.
    let short = [&new[..new.len() - 48], &new[new.len() - 32..]].concat();
    let old = sealed_before(&short, 2, b"before");
    assert_eq!(Head::open(&key, "docs", 7, &old).unwrap(), head(vec![]));
    let first = Head { machine: None, ..head(vec![]) };
    assert_eq!(Head::open(&key, "docs", 7, &first.seal(&key)).unwrap(), first);
    for (version, secret) in [(3, &b"before"[..]), (2, b"stretched"), (2, b"guessed"), (2, b"")] {
        let forged = sealed_before(&new, version, secret);
        let opened = Head::open(&key, "docs", 7, &forged);
        assert_eq!(opened, Err(Damaged::WrongSeal), "{version} {secret:?}");
    }
    let forged = sealed_before(&new, 2, b"before");
    assert_eq!(Head::open(&key, "docs", 7, &forged), Err(Damaged::Cut));
    // A shard of before, whose bytes say no version.
    let bytes = shards(&entries(3, 10)).remove(0).bytes;
    let before = blake3::derive_key("poof 2026-11-24 manifest seal", b"before");
    let id = blake3::keyed_hash(&before, &bytes);
    assert!(open_shard(&key, id.as_bytes(), &bytes).is_ok());
    let other = Key::of_secrets(b"stretched", b"other");
    assert_eq!(open_shard(&other, id.as_bytes(), &bytes), Err(Damaged::WrongSeal));
}

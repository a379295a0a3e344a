//! Heads whose fields are of their types and say anything.
#![no_main]

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use poof_fuzz::tree::manifest::{Counts, Head, Key, Owners, ShardRef};

fn head(u: &mut Unstructured) -> Result<Head> {
    let mut owners = Owners::default();
    for _ in 0..u.int_in_range(0..=5)? {
        owners.users.insert(u.arbitrary()?, u.arbitrary()?);
        owners.groups.insert(u.arbitrary()?, u.arbitrary()?);
    }
    let mut shards = Vec::new();
    for _ in 0..u.int_in_range(0..=20)? {
        shards.push(ShardRef { id: u.arbitrary()?, entries: u.arbitrary()? });
    }
    let fits = u.arbitrary()?;
    let sum = shards.iter().map(|shard: &ShardRef| u64::from(shard.entries)).sum();
    let entries = if fits { sum } else { u.arbitrary()? };
    // Without a machine it is of version 1, which has none.
    let machine: Option<_> = u.arbitrary()?;
    let bundles = if machine.is_some() { poof_fuzz::bundles(u)? } else { Vec::new() };
    Ok(Head {
        tree: u.choose(&["t", "", "t/u"])?.to_string(),
        generation: u.int_in_range(0..=2)?,
        parent: u.arbitrary()?,
        created: u.arbitrary()?,
        host: u.arbitrary()?,
        version: u.arbitrary()?,
        counts: Counts { entries, files: u.arbitrary()?, bytes: u.arbitrary()? },
        owners,
        shards,
        machine,
        store: None,
        last_bundle: bundles.iter().map(|bundle| bundle.number).max().unwrap_or(0),
        bundles,
    })
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(head) = head(&mut Unstructured::new(data)) else { return };
    let key = Key::plain();
    let sealed = head.seal(&key);
    if let Ok(found) = Head::open(&key, "t", 1, &sealed) {
        assert_eq!(found, head);
        assert_eq!((found.tree.as_str(), found.generation), ("t", 1));
        assert!(found.shards.iter().all(|shard| (1..=4096).contains(&shard.entries)));
    }
    for at in (0..sealed.len()).step_by(7) {
        let mut other = sealed.clone();
        other[at] ^= 1;
        assert!(Head::open(&key, "t", 1, &other).is_err(), "a seal that does not fit");
    }
});

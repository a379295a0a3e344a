//! Shards of entries that are well formed, or nearly so.
#![no_main]

use libfuzzer_sys::arbitrary::Unstructured;
use poof_fuzz::tree::model::entry::{MOST_ATTRIBUTES, order};
use poof_fuzz::tree::manifest::{Key, open_shard};
use poof_fuzz::{entries, seal};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(raw) = entries(&mut Unstructured::new(data)) else { return };
    let packed = zstd::bulk::compress(&raw, 1).unwrap();
    let Ok(entries) = open_shard(&Key::plain(), &seal(&packed), &packed) else { return };
    assert!(entries.len() <= 4096);
    for pair in entries.windows(2) {
        assert!(order(&pair[0].path, &pair[1].path).is_lt(), "out of order");
    }
    for entry in &entries {
        assert!(entry.attributes.xattrs.len() <= MOST_ATTRIBUTES);
        assert!(
            entry.attributes.mode & !0o7777 == 0 && entry.attributes.mtime.nanos < 1_000_000_000
        );
        let up = |name: &[u8]| name == b".." || name == b"." || name.contains(&0);
        assert!(!entry.path.split(|byte| *byte == b'/').any(up), "{:?}", entry.path);
    }
});

//! A shard of a manifest under a seal that fits: compressed bytes, and the entries
//! behind them.
#![no_main]

use poof_fuzz::seal;
use poof_fuzz::tree::model::entry::order;
use poof_fuzz::tree::manifest::{Key, open_shard};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let key = Key::plain();
    assert!(open_shard(&key, &[0; 32], data).is_err(), "accepted without a seal");
    let _ = open_shard(&key, &seal(data), data);
    let packed = zstd::bulk::compress(data, 1).unwrap();
    if let Ok(entries) = open_shard(&key, &seal(&packed), &packed) {
        for pair in entries.windows(2) {
            assert!(order(&pair[0].path, &pair[1].path).is_lt(), "out of order");
        }
    }
});

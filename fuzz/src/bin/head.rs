//! The head of a manifest, with and without a seal that fits.
#![no_main]

use poof_fuzz::seal;
use poof_fuzz::tree::manifest::{Head, Key};

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let key = Key::plain();
    let _ = Head::open(&key, "t", 1, body);
    for version in [1, 2, 3] {
        let mut bytes = [&b"poof head\0"[..], &[version], body].concat();
        assert!(Head::open(&key, "t", 1, &bytes).is_err(), "accepted without a seal");
        let seal = seal(&bytes);
        bytes.extend_from_slice(&seal);
        if let Ok(head) = Head::open(&key, "t", 1, &bytes) {
            let again = head.seal(&key);
            assert_eq!(Head::open(&key, "t", 1, &again).as_ref(), Ok(&head));
        }
    }
});

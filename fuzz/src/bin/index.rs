//! The cached index, as it may lie on a disk.
#![no_main]

use poof_fuzz::tree::manifest::IndexReader;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for bytes in [data.to_vec(), [b"poof index\0\x01", data].concat()] {
        if let Ok(reader) = IndexReader::new(bytes.as_slice()) {
            let _ = reader.take_while(Result::is_ok).count();
        }
    }
});

//! Receipts that name what an installation makes, what it does not, and both at once.
#![no_main]

use std::path::{Component, Path};

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use poof_fuzz::host::receipt::Named;

const PREFIX: &str = "/nowhere/prefix";

fn receipt(u: &mut Unstructured) -> Result<String> {
    let parts = [
        "bin", "poof", "share", "doc", "man", "man1", "poof.1", "receipt", "LICENSE", "..", ".",
        "", "sh", "\0", "é", "\r",
    ];
    let mut receipt = String::new();
    for _ in 0..u.int_in_range(0..=12)? {
        receipt.push_str(u.choose(&[PREFIX, "", "/", "/etc", "/nowhere", "# "])?);
        for _ in 0..u.int_in_range(0..=5)? {
            receipt.push('/');
            receipt.push_str(u.choose(&parts)?);
        }
        receipt.push_str(u.choose(&["\n", "\r\n", "/\n", ""])?);
    }
    Ok(receipt)
}

fn check(text: &str) {
    let prefix = Path::new(PREFIX);
    let Named { files, others } = Named::of(text, prefix);
    assert!(files.len() + others.len() <= text.lines().count());
    for file in files {
        assert!(file.components().all(|part| part != Component::ParentDir), "{file:?}");
        // An empty directory above the prefix may have been made for it.
        let is_above = file.as_os_str().as_encoded_bytes().ends_with(b"/");
        assert!(file.starts_with(prefix) || is_above && prefix.starts_with(&file), "{file:?}");
        assert!(file != prefix.join("bin/sh"), "{file:?}");
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    check(&String::from_utf8_lossy(data));
    if let Ok(receipt) = receipt(&mut Unstructured::new(data)) {
        check(&receipt);
    }
});

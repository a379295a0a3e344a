//! The parsers of poof, taken from its sources: what they read comes from disks
//! and servers, and may be anything. `scripts/fuzz.sh` runs the targets.

#![allow(dead_code, unused_imports, missing_docs)]

#[path = "../../src/base"]
pub mod base {
    pub mod error;
    pub mod files;
}

#[path = "../../src/config"]
pub mod config {
    pub mod ini;
    pub mod poof_conf;
    pub mod python_json;
    pub mod rclone_conf;
    pub mod secrets;
    pub mod status;
}

#[path = "../../src/tree"]
pub mod tree {
    pub mod entry;
    pub mod manifest;
}

/// What an attacker without a key cannot make: the seal of bytes under the key of a
/// plain store. So the parser behind the seal is reached.
pub fn seal(bytes: &[u8]) -> [u8; 32] {
    let key = blake3::derive_key("poof 2026-11-24 manifest seal", b"");
    *blake3::keyed_hash(&key, bytes).as_bytes()
}

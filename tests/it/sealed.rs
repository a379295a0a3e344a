//! The seal of a snapshot: what an older poof has sealed is read, and what is older than
//! what a machine knows is not taken, whoever has sealed it.

use std::fs;

use sha2::{Digest, Sha256};

use crate::harness::command::Run;
use crate::harness::{Sandbox, Snapshot, assert_same_content};
use crate::story::backed_up;
use crate::unended::another;

const HEAD: &str = "poof-crypt:.poof/trees/data/head/";

/// The bytes of a head, through crypt.
pub(crate) fn head(sandbox: &Sandbox, generation: u32) -> Vec<u8> {
    let file = sandbox.home().join("head");
    let from = format!("{HEAD}{generation:010}");
    let args = ["copyto", "--ignore-times", &from, file.to_str().unwrap()];
    sandbox.rclone(args).run().expect_code(0);
    fs::read(file).unwrap()
}

pub(crate) fn put_head(sandbox: &Sandbox, generation: u32, bytes: &[u8]) {
    let file = sandbox.home().join("head");
    fs::write(&file, bytes).unwrap();
    let to = format!("{HEAD}{generation:010}");
    let args = ["copyto", "--ignore-times", file.to_str().unwrap(), &to];
    sandbox.rclone(args).run().expect_code(0);
}

/// RFC 2104.
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let pad = |with: u8| -> [u8; 64] { std::array::from_fn(|i| key.get(i).unwrap_or(&0) ^ with) };
    let inner = Sha256::digest([&pad(0x36), text].concat());
    Sha256::digest([&pad(0x5c)[..], &inner[..]].concat()).into()
}

/// What has sealed manifests of this remote before version 3: made of the passwords
/// themselves.
pub(crate) fn key_before(sandbox: &Sandbox) -> [u8; 32] {
    let conf = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let reveal = |key: &str| {
        let line = conf.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        let run = sandbox.rclone(["reveal", "--", line.unwrap()]).run().expect_code(0);
        let clear = run.stdout.trim_end();
        format!("{}:{clear}", clear.len())
    };
    let text = reveal("password") + &reveal("password2");
    // The key is of fewer than 64 bytes.
    let secret = hmac(b"poof: records of a crypt remote, 1", text.as_bytes());
    blake3::derive_key("poof 2026-11-24 manifest seal", &secret)
}

/// A head as version 1 or 2 has it: without its store, the first without its machine, and
/// with the seal of before.
pub(crate) fn sealed_as(version: u8, key: &[u8; 32], head: &[u8]) -> Vec<u8> {
    let without = if version == 1 { 16 + 48 } else { 48 };
    let mut bytes = head[..head.len() - without].to_vec();
    bytes[10] = version;
    let seal = blake3::keyed_hash(key, &bytes);
    bytes.extend_from_slice(seal.as_bytes());
    bytes
}

fn sealed_before(sandbox: &Sandbox, head: &[u8]) -> Vec<u8> {
    sealed_as(2, &key_before(sandbox), head)
}

fn download(machine: &Sandbox) -> Run {
    machine.poof(["download", "--only", "data", "--yes"]).run()
}

#[test]
fn what_an_older_poof_has_sealed_is_read_and_the_next_backup_seals_it_anew() {
    let (sandbox, _proxy) = backed_up(true, &[("file", "content")]);
    let new = head(&sandbox, 1);
    assert!(new.starts_with(b"poof head\0\x03"));
    let old = sealed_before(&sandbox, &new);
    put_head(&sandbox, 1, &old);
    let other = another(&sandbox, true);
    fs::copy(sandbox.rclone_conf(), other.rclone_conf()).unwrap();
    download(&other).expect_code(0);
    assert_same_content(&Snapshot::of(&sandbox.data()), &Snapshot::of(&other.data()));
    fs::write(other.data().join("more"), "later").unwrap();
    other.poof(["backup", "--only", "data"]).run().expect_code(0);
    assert!(head(&other, 2).starts_with(b"poof head\0\x03"));
    other.poof(["check"]).run().expect_code(0);
    // Whoever has it not from the passwords cannot say that it is of before.
    let mut forged = new.clone();
    forged[10] = 2;
    put_head(&sandbox, 2, &forged);
    let bare = another(&sandbox, true);
    fs::copy(sandbox.rclone_conf(), bare.rclone_conf()).unwrap();
    let before = Snapshot::of(&bare.data());
    download(&bare).expect_code(7).stderr_has("made with other passwords");
    assert_same_content(&before, &Snapshot::of(&bare.data()));
}

#[test]
fn an_old_seal_in_the_place_of_a_known_head_is_not_taken() {
    let (sandbox, _proxy) = backed_up(true, &[("file", "content")]);
    let first = sealed_before(&sandbox, &head(&sandbox, 1));
    fs::write(sandbox.data().join("file"), "changed").unwrap();
    sandbox.poof(["backup", "--only", "data"]).run().expect_code(0);
    let second = head(&sandbox, 2);
    let before = Snapshot::of(&sandbox.data());
    // The same, as an older poof would seal it; and the generation before it, in its place
    // and alone.
    put_head(&sandbox, 2, &sealed_before(&sandbox, &second));
    download(&sandbox).expect_code(7).stderr_has("--allow older-snapshot");
    put_head(&sandbox, 2, &first);
    download(&sandbox).expect_code(7);
    sandbox.rclone(["deletefile", &format!("{HEAD}0000000002")]).run().expect_code(0);
    put_head(&sandbox, 1, &first);
    download(&sandbox).expect_code(7).stderr_has("--allow older-snapshot");
    assert_same_content(&before, &Snapshot::of(&sandbox.data()));
    put_head(&sandbox, 2, &second);
    download(&sandbox).expect_code(0);
}

//! A real tree of several thousand files, there and back.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::harness::{Config, Kind, Sandbox, Snapshot, assert_same_content, minio};
use crate::story::proxied;

/// The sources of the Go toolchain, which the build of poof needs anyway.
fn go_sources() -> PathBuf {
    let go = std::env::var("GO").unwrap_or_else(|_| "go".to_owned());
    let out = Command::new(go).args(["env", "GOROOT"]).output().expect("go is not on PATH");
    PathBuf::from(String::from_utf8(out.stdout).unwrap().trim()).join("src")
}

#[test]
fn the_go_sources_come_back_byte_for_byte_plain_and_encrypted() {
    let sources = go_sources();
    let original = Snapshot::of(&sources);
    assert!(original.len() > 5_000, "{} entries in {}", original.len(), sources.display());
    for config in [Config::plain(minio().endpoint()), Config::encrypted(minio().endpoint())] {
        let sandbox = Sandbox::new();
        sandbox.write_config(&config.tree(&sources, "go"));
        let run =
            |args: &[&str]| sandbox.poof(args).timeout(Duration::from_mins(5)).run().expect_code(0);
        run(&["backup", "--only", "go"]);
        run(&["download", "--only", "go", "--to", "back"]);
        assert_same_content(&original, &Snapshot::of(&sandbox.home().join("back/go")));
        run(&["backup", "--only", "go"]).stderr_has("0 new, 0 changed, 0 removed");
    }
}

// From 64 MiB on an object is sent in parts, from 32 MiB on it is read in parts, of
// 16 MiB and several at a time.
#[test]
fn a_large_file_goes_and_comes_in_parts_and_is_whole() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = proxied(encrypted);
        let path = sandbox.data().join("large");
        let mut bytes = vec![0; 81_000_001];
        fastrand::Rng::with_seed(1).fill(&mut bytes);
        bytes[10_000_000..30_000_000].fill(0);
        std::fs::write(&path, &bytes).unwrap();
        sandbox.poof(["backup", "--only", "data"]).run().expect_code(0);
        assert!(proxy.count(Kind::Put) >= 5, "{}", proxy.count(Kind::Put));
        std::fs::remove_file(&path).unwrap();
        proxy.reset();
        sandbox.poof(["download", "--only", "data"]).run().expect_code(0);
        assert!(std::fs::read(&path).unwrap() == bytes);
        assert!(proxy.count(Kind::Get) >= 5, "{}", proxy.count(Kind::Get));
    }
}

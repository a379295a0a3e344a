//! A bucket that others filled becomes a snapshot without sending again what is
//! equal.

use std::fs;

use crate::harness::{
    Backdoor, Config, Kind, Proxy, Sandbox, Snapshot, assert_same_content, grow, minio,
};
use crate::story::told;

const FILES: usize = 60;

/// A sandbox behind a proxy, with files that nobody backed up yet.
fn person(encrypted: bool) -> (Sandbox, Proxy) {
    let (sandbox, proxy) = (Sandbox::new(), Proxy::start(minio().address()));
    let config = if encrypted { Config::encrypted } else { Config::plain };
    sandbox.write_config(&config(proxy.endpoint()));
    grow(&sandbox.data(), FILES, 0..=100_000, 5);
    for name in ["ünï 日本.txt", "#hash", "quote'\"", "empty"] {
        fs::write(sandbox.data().join(name), name.trim_matches('e')).unwrap();
    }
    (sandbox, proxy)
}

/// Stock rclone brings everything there, in parts from 5 MiB on.
fn by_rclone(sandbox: &Sandbox) {
    for (local, name) in [(sandbox.data(), "data"), (sandbox.confdir(), "config")] {
        let to = format!("{}{name}", told(sandbox));
        let parts = ["--s3-upload-cutoff=5M", "--s3-chunk-size=5M"];
        let sync = sandbox.rclone(["sync", "-l"]).args(parts);
        sync.args([local.to_str().unwrap(), &to]).run().expect_code(0);
    }
}

/// The first backup writes nothing but poof's own records, and afterwards all is
/// proven and comes back.
#[track_caller]
fn adopted(sandbox: &Sandbox, proxy: &Proxy) {
    let door = Backdoor::new(sandbox);
    let (records, bucket) = (door.key(".poof"), sandbox.bucket());
    proxy.reset();
    let run = sandbox.poof(["backup"]).run().expect_code(0);
    let is_content = |path: &str| {
        let key = path.trim_start_matches('/').strip_prefix(bucket).unwrap();
        let key = key.trim_start_matches('/');
        !key.is_empty() && key.split('/').next() != Some(records.as_str())
    };
    let sent: Vec<_> = proxy
        .log()
        .into_iter()
        .filter(|request| matches!(request.kind, Kind::Put | Kind::Post | Kind::Delete))
        .filter(|request| is_content(&request.path))
        .map(|request| format!("{} {}", request.method, request.path))
        .collect();
    assert!(sent.is_empty(), "{} in {run}", sent.join("\n"));
    run.stderr_has("data: 0 new, 0 changed, 0 removed");
    sandbox.poof(["check"]).run().expect_code(0);
    sandbox.poof(["check", "--read-data"]).run().expect_code(0);
    let original = Snapshot::of(&sandbox.data());
    fs::remove_dir_all(sandbox.data()).unwrap();
    sandbox.poof(["download"]).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
}

#[test]
fn what_stock_rclone_sent_is_adopted() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = person(encrypted);
        by_rclone(&sandbox);
        adopted(&sandbox, &proxy);
    }
}

#[test]
fn what_the_python_poof_sent_is_adopted() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = person(encrypted);
        sandbox.python_poof(["backup"]).run().expect_code(0);
        adopted(&sandbox, &proxy);
    }
}

// Hazard 6: the ETag of such an object is not the MD5 of its content.
#[test]
fn what_stock_rclone_sent_in_parts_is_adopted() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = person(encrypted);
        grow(&sandbox.data().join("large"), 6, 12 << 20..=12 << 20, 9);
        by_rclone(&sandbox);
        assert!(proxy.count(Kind::Post) >= 12, "six uploads begin and end");
        adopted(&sandbox, &proxy);
    }
}

#[test]
fn what_differs_in_a_bucket_of_others_is_sent_and_the_rest_is_not() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = person(encrypted);
        by_rclone(&sandbox);
        // The same size and time: only the content tells.
        let path = sandbox.data().join("#hash");
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "#hasH").unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        fs::write(sandbox.data().join("empty"), "no more").unwrap();
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 2 changed, 0 rem");
        sandbox.poof(["check", "--read-data"]).run().expect_code(0);
        adopted(&sandbox, &proxy);
    }
}

#[test]
fn without_a_manifest_a_download_brings_what_rclone_would_and_says_what_is_missing() {
    for encrypted in [false, true] {
        let (sandbox, _proxy) = person(encrypted);
        by_rclone(&sandbox);
        let original = Snapshot::of(&sandbox.data());
        fs::remove_dir_all(sandbox.data()).unwrap();
        let run = sandbox.poof(["download", "--only", "data"]).run().expect_code(0);
        run.stderr_has("manifest");
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    }
}

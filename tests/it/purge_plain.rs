//! `purge-plain` removes the copies in clear of what the encrypted side holds, with
//! poof's records of exactly these, and nothing else.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::harness::{Config, Sandbox, grow, minio};
use crate::story::plain;

/// The same sandbox with an encrypted remote, or with a plain one again.
fn switch(sandbox: &Sandbox, config: &Config, bucket: &str, paths: &Value) {
    for path in [sandbox.confdir().join("poof.conf"), sandbox.rclone_conf()] {
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }
    sandbox.write_config(config);
    sandbox.set("bucket", bucket.into());
    sandbox.set("paths", paths.clone());
    let conf = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    fs::write(sandbox.rclone_conf(), conf.replace(sandbox.bucket(), bucket)).unwrap();
}

fn paths(sandbox: &Sandbox, others: &[(&str, &str)]) -> Value {
    let mut paths = json!({
        sandbox.data().to_str().unwrap(): "data",
        sandbox.confdir().to_str().unwrap(): "config",
    });
    for (dir, name) in others {
        let dir = sandbox.home().join(dir);
        fs::create_dir_all(&dir).unwrap();
        paths[dir.to_str().unwrap()] = (*name).into();
    }
    paths
}

fn crypt() -> Config {
    Config::encrypted(minio().endpoint())
}

/// What lies in the bucket under readable names.
fn clear(sandbox: &Sandbox) -> Vec<String> {
    let run = sandbox.rclone(["lsf", "-R", "--files-only", &place(sandbox)]).run();
    let clear = ["data/", "config/", "old/", "other/", "conf-other/", ".poof/"];
    let names = run.stdout.lines().filter(|name| clear.iter().any(|dir| name.starts_with(dir)));
    names.map(str::to_owned).collect()
}

fn place(sandbox: &Sandbox) -> String {
    format!("poof-backup:{}/", sandbox.bucket())
}

#[test]
fn what_another_machine_keeps_in_clear_is_named_and_stays_whole() {
    let sandbox = plain(10);
    // A machine without encryption on the same bucket; a name that no disk holds is
    // not needed to have a record of its own.
    let other = plain(5);
    let dirs = json!({
        other.data().to_str().unwrap(): "other",
        other.confdir().to_str().unwrap(): "conf-other",
    });
    switch(&other, &Config::plain(minio().endpoint()), sandbox.bucket(), &dirs);
    fs::write(other.data().join("x.rclonelink"), "under a substitute name").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    other.poof(["backup"]).run().expect_code(0);
    switch(&sandbox, &crypt(), sandbox.bucket(), &paths(&sandbox, &[]));
    sandbox.poof(["backup", "--allow", "other-remote"]).run().expect_code(0);
    // A dry run says what the run would refuse, and where that is mended.
    let before = clear(&sandbox);
    let run = sandbox.poof(["purge-plain", "--dry-run"]).run().expect_code(6);
    run.stderr_has("the plain copy of other stays").stderr_has("on the machine that has it");
    assert_eq!(clear(&sandbox), before);
    let run = sandbox.poof(["purge-plain", "--yes"]).run().expect_code(6);
    run.stdout_has("/other: 5 files").stderr_has("the plain copy of other stays");
    let left = clear(&sandbox);
    assert!(!left.iter().any(|name| name.starts_with("data/") || name.contains("trees/data/")));
    assert!(left.iter().any(|name| name.starts_with(".poof/trees/other/odd/")), "{left:?}");
    other.poof(["check", "--read-data"]).run().expect_code(0);
    let run = sandbox.poof(["status"]).run().expect_code(0);
    run.stdout_has("other is in the bucket in clear").stdout_has("holds: 1");
    fs::remove_dir_all(other.data()).unwrap();
    other.poof(["download"]).run().expect_code(0);
    assert!(other.data().join("x.rclonelink").exists());
}

#[test]
fn the_clear_copy_of_a_tree_that_is_no_longer_in_poof_conf_is_found_and_goes() {
    let sandbox = plain(10);
    let with = paths(&sandbox, &[("old", "old")]);
    grow(&sandbox.home().join("old"), 4, 1..=100, 3);
    sandbox.set("paths", with.clone());
    sandbox.poof(["backup"]).run().expect_code(0);
    switch(&sandbox, &crypt(), sandbox.bucket(), &with);
    sandbox.poof(["backup", "--allow", "other-remote"]).run().expect_code(0);
    sandbox.set("paths", paths(&sandbox, &[]));
    let run = sandbox.poof(["status"]).run().expect_code(0);
    run.stdout_has("old is in the bucket in clear").stdout_has("holds: 1");
    let run = sandbox.poof(["purge-plain", "--yes"]).run().expect_code(0);
    run.stdout_has("/old: 4 files").stderr_has("The plain copies are gone.");
    assert_eq!(clear(&sandbox), [""; 0]);
    sandbox.poof(["status"]).run().expect_code(0).stdout_has("holds: yes");
}

#[test]
fn what_poof_did_not_put_into_a_plain_copy_stays() {
    let sandbox = plain(10);
    fs::write(sandbox.data().join("gone"), "gone later").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    let file = sandbox.home().join("scan");
    fs::write(&file, "exists nowhere else").unwrap();
    let to = format!("{}data/scan", place(&sandbox));
    sandbox.rclone(["copyto", file.to_str().unwrap(), &to]).run().expect_code(0);
    // Gone here since, and known to the manifest there.
    fs::remove_file(sandbox.data().join("gone")).unwrap();
    switch(&sandbox, &crypt(), sandbox.bucket(), &paths(&sandbox, &[]));
    sandbox.poof(["backup", "--allow", "other-remote"]).run().expect_code(0);
    sandbox.poof(["purge-plain", "--yes"]).run().expect_code(0).stderr_has("data/scan");
    assert_eq!(clear(&sandbox), ["data/scan"]);
    let run = sandbox.poof(["status"]).run().expect_code(0);
    run.stdout_has("a plain copy of data").stdout_has("holds: 1");
    sandbox.poof(["purge-plain", "--yes", "--allow", "foreign"]).run().expect_code(0);
    assert_eq!(clear(&sandbox), [""; 0]);
}

#[test]
fn a_plain_copy_that_another_machine_is_saving_stays() {
    let sandbox = plain(10);
    sandbox.poof(["backup"]).run().expect_code(0);
    switch(&sandbox, &crypt(), sandbox.bucket(), &paths(&sandbox, &[]));
    sandbox.poof(["backup", "--allow", "other-remote"]).run().expect_code(0);
    let lock = sandbox.home().join("lock");
    let record = json!({
        "format": 1, "machine": "00".repeat(16), "host": "other", "pid": 1, "since": 1,
        "trees": ["data"],
    });
    fs::write(&lock, record.to_string()).unwrap();
    let to = format!("{}.poof/locks/{}", place(&sandbox), "0".repeat(32));
    sandbox.rclone(["copyto", lock.to_str().unwrap(), &to]).run().expect_code(0);
    let before = clear(&sandbox);
    let run = sandbox.poof(["purge-plain", "--yes"]).run().expect_code(8);
    run.stderr_has("other is at work on data");
    assert_eq!(clear(&sandbox), before);
    sandbox.rclone(["deletefile", &to]).run().expect_code(0);
    sandbox.poof(["purge-plain", "--yes"]).run().expect_code(0);
    assert_eq!(clear(&sandbox), [""; 0]);
}

#[test]
fn what_a_bucket_keeps_of_what_is_gone_is_counted() {
    // What goes as a whole takes its versions along.
    for (versioned, scan) in [(true, true), (true, false), (false, true)] {
        let sandbox = plain(10);
        let bucket = place(&sandbox);
        sandbox.rclone(["mkdir", &bucket]).run().expect_code(0);
        if versioned {
            sandbox.rclone(["backend", "versioning", &bucket, "Enabled"]).run().expect_code(0);
        }
        sandbox.poof(["backup"]).run().expect_code(0);
        switch(&sandbox, &crypt(), sandbox.bucket(), &paths(&sandbox, &[]));
        sandbox.poof(["backup", "--allow", "other-remote"]).run().expect_code(0);
        let data = format!("{bucket}data");
        if scan {
            let file = sandbox.home().join("scan");
            fs::write(&file, "exists nowhere else").unwrap();
            let to = format!("{data}/scan");
            sandbox.rclone(["copyto", file.to_str().unwrap(), &to]).run().expect_code(0);
        }
        let run = sandbox.poof(["--json", "purge-plain", "--yes"]).run().expect_code(0);
        let lines = run.json_lines();
        let of_data = |line: &&Value| {
            line["type"] == "versions" && line["place"].as_str().unwrap().ends_with("/data")
        };
        let counted = lines.iter().find(of_data).map(|line| line["count"].clone());
        assert_eq!(counted, (versioned && scan).then(|| 10.into()), "{run}");
        if versioned && scan {
            let run = run.stderr_has("keeps versions: of ");
            // The command works as it is written.
            let hint = run.stderr.split("`rclone ").nth(1).unwrap().split('`').next().unwrap();
            let words: Vec<_> = hint.split(' ').map(|word| word.trim_matches('\'')).collect();
            sandbox.rclone(&words[2..]).run().expect_code(0);
        }
        let versions = sandbox.rclone(["lsf", "-R", "--s3-versions", &data]).run();
        assert_eq!(versions.stdout, if scan { "scan\n" } else { "" });
    }
}

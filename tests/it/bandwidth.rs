//! The limit of the bandwidth: every way that bytes go obeys it, and it changes while a run
//! lasts.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use crate::harness::command::Run;
use crate::harness::{Sandbox, grow};
use crate::story::{on_disk, proxied};

/// So many MiB in `count` files.
fn filled(sandbox: &Sandbox, count: u32, mib: u32) {
    let size = u64::from((mib << 20) / count);
    grow(&sandbox.data(), count as usize, size..=size, 7);
}

/// `mib` MiB have gone at `rate` MiB a second, and not faster. What may pass at once, after a
/// pause and through the buffers of the system, is three quarters of a second.
#[track_caller]
fn took_its_time(run: &Run, mib: f64, rate: f64) {
    let least = mib / rate - 0.75;
    assert!(run.elapsed.as_secs_f64() > least, "less than {least} s: {run}");
}

#[test]
fn whatever_goes_to_a_server_and_comes_from_it_obeys_the_limit() {
    for (encrypted, count) in [(false, 400), (true, 4)] {
        let (sandbox, _proxy) = proxied(encrypted);
        filled(&sandbox, count, 8);
        let with = |args: &[&str]| {
            let run = sandbox.poof(args).args(["--bwlimit", "4M"]).run().expect_code(0);
            took_its_time(&run, 8.0, 4.0);
        };
        with(&["backup"]);
        with(&["check", "--read-data"]);
        with(&["download", "--to", "beside", "--only", "data"]);
    }
}

#[test]
fn a_large_file_obeys_the_limit_in_its_parts() {
    let (sandbox, _proxy) = proxied(false);
    filled(&sandbox, 1, 70);
    let with = |args: &[&str]| {
        let run = sandbox.poof(args).args(["--bwlimit", "20M"]).run().expect_code(0);
        took_its_time(&run, 70.0, 20.0);
    };
    with(&["backup"]);
    with(&["download", "--to", "beside", "--only", "data"]);
}

#[test]
fn a_disk_obeys_the_limit_both_ways() {
    let (sandbox, bucket) = on_disk();
    filled(&sandbox, 8, 8);
    let with = |args: &[&str]| {
        let run = sandbox.poof(args).args(["--bwlimit", "4M"]).run().expect_code(0);
        took_its_time(&run, 8.0, 4.0);
    };
    with(&["backup"]);
    with(&["check", "--read-data"]);
    with(&["download", "--to", "beside", "--only", "data"]);
    // Without a manifest rclone does it.
    fs::remove_dir_all(bucket.join(".poof")).unwrap();
    fs::remove_dir_all(sandbox.state()).unwrap();
    with(&["download", "--to", "again", "--only", "data", "--allow", "no-manifest"]);
}

#[test]
fn one_way_is_limited_without_the_other() {
    let (sandbox, _) = on_disk();
    filled(&sandbox, 8, 8);
    sandbox.poof(["backup"]).run().expect_code(0);
    let get = ["download", "--to", "beside", "--only", "data", "--bwlimit"];
    let free = sandbox.poof(get).args(["1M:off"]).run().expect_code(0);
    assert!(free.elapsed < Duration::from_secs(6), "{free}");
    let other = ["download", "--to", "again", "--only", "data", "--bwlimit", "off:4M"];
    took_its_time(&sandbox.poof(other).run().expect_code(0), 8.0, 4.0);
}

#[test]
fn a_limit_in_poof_conf_is_changed_while_a_run_lasts() {
    let (sandbox, _proxy) = proxied(false);
    filled(&sandbox, 100, 16);
    sandbox.set("bwlimit", json!("256k")); // a minute
    let running = sandbox.poof(["backup"]).start();
    sleep(Duration::from_secs(3));
    sandbox.set("bwlimit", json!("off"));
    let run = running.finish().expect_code(0);
    let time = run.elapsed;
    assert!(time > Duration::from_secs(3) && time < Duration::from_secs(25), "{run}");
    run.stderr_has("bandwidth limit is now: none");
}

#[test]
fn a_limit_that_is_none_is_refused_with_an_example() {
    let (sandbox, _) = on_disk();
    let run = sandbox.poof(["backup", "--bwlimit", "fast"]).run().expect_code(2);
    run.stderr_has("--bwlimit").stderr_has("08:00,512k");
    sandbox.set("bwlimit", json!("25:00,1M"));
    let run = sandbox.poof(["backup"]).run().expect_code(3);
    run.stderr_has("\"bwlimit\"").stderr_has("08:00,512k");
}

#[test]
fn status_and_verify_say_the_limit_of_this_moment() {
    let (sandbox, _) = on_disk();
    grow(&sandbox.data(), 1, 1..=10, 1);
    sandbox.set("bwlimit", json!("Mon-00:00,3M"));
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox.poof(["status"]).run().expect_code(0).stdout_has("bandwidth limit: 3Mi");
    sandbox.poof(["verify"]).run().expect_code(0).stderr_has("bandwidth limit: 3Mi");
    let other = sandbox.poof(["status", "--bwlimit", "1M:off"]).run().expect_code(0);
    other.stdout_has("bandwidth limit: 1Mi:off");
}

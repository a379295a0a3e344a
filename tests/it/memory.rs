//! What a run takes of the memory, as the kernel counts it.

use std::fs;
use std::time::Duration;

use crate::harness::{Config, Sandbox, grow, minio};

/// Largest resident set of a backup in which nothing changed, in KiB, for a tree
/// of `files` small files.
fn unchanged(files: usize) -> u64 {
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::plain(minio().endpoint()));
    grow(&sandbox.data(), files, 0..=8, 1);
    let hours = Duration::from_hours(1);
    sandbox.poof(["backup", "--only", "data"]).timeout(hours).run().expect_code(0);
    let report = sandbox.home().join("peak");
    let poof = env!("CARGO_BIN_EXE_poof");
    let run = sandbox
        .program("/usr/bin/time")
        .args(["-f", "%M", "-o", report.to_str().unwrap(), poof, "backup", "--only", "data"])
        .timeout(hours)
        .run();
    run.expect_code(0).stderr_has("data: 0 new, 0 changed, 0 removed");
    fs::read_to_string(report).unwrap().trim().parse().unwrap()
}

#[test]
fn a_backup_of_twenty_thousand_files_stays_small() {
    let peak = unchanged(20_000);
    eprintln!("20,000 files, nothing changed: {} MiB", peak >> 10);
    assert!(peak <= 150_000, "{peak} KiB");
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_a_backup_of_two_hundred_thousand_files_stays_small() {
    let (few, many) = (unchanged(50_000), unchanged(200_000));
    let million = many + many.saturating_sub(few) * 800_000 / 150_000;
    eprintln!("50,000 files: {} MiB", few >> 10);
    eprintln!("200,000 files: {} MiB", many >> 10);
    eprintln!("1,000,000 files, projected: {} MiB", million >> 10);
    assert!(many <= 200_000, "{many} KiB");
}

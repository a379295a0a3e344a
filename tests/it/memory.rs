//! What a run takes of the memory, as the kernel counts it.

use std::fs;
use std::time::Duration;

use crate::harness::{Config, Sandbox, grow, minio};

/// Largest resident set, in KiB, of a first backup of `files` small files, and of
/// one after it in which nothing changed.
fn peaks(files: usize) -> (u64, u64) {
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::plain(minio().endpoint()));
    grow(&sandbox.data(), files, 0..=8, 1);
    let report = sandbox.home().join("peak");
    let poof = env!("CARGO_BIN_EXE_poof");
    let backup = |said: &str| -> u64 {
        let run = sandbox
            .program("/usr/bin/time")
            .args(["-f", "%M", "-o", report.to_str().unwrap(), poof, "backup", "--only", "data"])
            .timeout(Duration::from_hours(1))
            .run();
        run.expect_code(0).stderr_has(said);
        fs::read_to_string(&report).unwrap().trim().parse().unwrap()
    };
    (backup(&format!("data: {files} new")), backup("data: 0 new, 0 changed, 0 removed"))
}

fn tell(files: &str, (first, again): (u64, u64)) {
    eprintln!("{files} files: {} MiB, nothing changed: {} MiB", first >> 10, again >> 10);
}

#[test]
fn a_backup_of_twenty_thousand_files_stays_small() {
    let (first, again) = peaks(20_000);
    tell("20,000", (first, again));
    assert!(first <= 200_000, "{first} KiB");
    assert!(again <= 150_000, "{again} KiB");
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_a_backup_of_two_hundred_thousand_files_stays_small() {
    let (few, many) = (peaks(50_000), peaks(200_000));
    let million = |few: u64, many: u64| many + many.saturating_sub(few) * 800_000 / 150_000;
    tell("50,000", few);
    tell("200,000", many);
    tell("1,000,000 (projected)", (million(few.0, many.0), million(few.1, many.1)));
    assert!(many.0 <= 320_000, "{} KiB", many.0);
    assert!(many.1 <= 200_000, "{} KiB", many.1);
}

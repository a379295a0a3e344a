//! The ways in which rclone inside loses data or time that belong to no verb: the
//! environment, signals, the log, the one interrupt, the lock.

use std::fs;
use std::sync::mpsc;
use std::time::Duration;

use crate::harness::{Kind, Proxy, Sandbox, Verdict, grow};
use crate::story::{names_on, plain, proxied};

// Hazard 4. Each of these made an upload lose files.
#[test]
fn rclone_variables_in_the_environment_have_no_effect() {
    for (name, value) in [
        ("RCLONE_DRY_RUN", "true"),
        ("RCLONE_EXCLUDE", "*"),
        ("RCLONE_MAX_AGE", "1s"),
        ("RCLONE_MAX_SIZE", "1"),
        ("RCLONE_IMMUTABLE", "true"),
        ("RCLONE_CONFIG", "/nonexistent"),
        ("RCLONE_CONFIG_POOF_BACKUP_TYPE", "memory"),
        ("RCLONE_S3_ENDPOINT", "http://127.0.0.1:1"),
        ("RCLONE_CONFIG_POOF_BACKUP_ENDPOINT", "http://127.0.0.1:1"),
        ("RCLONE_LOG_LEVEL", "DEBUG"),
    ] {
        let sandbox = plain(3);
        let old = std::time::SystemTime::now() - Duration::from_hours(1);
        for name in walk(&sandbox) {
            fs::File::options().write(true).open(name).unwrap().set_modified(old).unwrap();
        }
        let run = sandbox.poof(["-v", "backup"]).env(name, value).run().expect_code(0);
        assert_eq!(names_on(&sandbox, "data").len(), 3, "{name}: {}", run.stderr);
        assert!(!run.stderr.contains("DEBUG"));
    }
}

fn walk(sandbox: &Sandbox) -> Vec<std::path::PathBuf> {
    let entries = walkdir::WalkDir::new(sandbox.data()).into_iter().flatten();
    entries.filter(|e| e.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

/// A sandbox whose requests of `kind` number `from` and later are never
/// answered, and a channel that tells when the first of them came.
fn stuck(kind: Kind, size: u64) -> (Sandbox, Proxy, mpsc::Receiver<()>) {
    let (sandbox, proxy) = proxied(false);
    grow(&sandbox.data(), 3, size..=size, 1);
    let (reached, is_reached) = mpsc::channel();
    proxy.set_rule(move |request| {
        if request.kind == kind && request.key().contains("data/") {
            let _ = reached.send(());
            Verdict::Hold
        } else {
            Verdict::Pass
        }
    });
    (sandbox, proxy, is_reached)
}

// Hazard 17: rclone's own handler would end the process with 143 (or 130 before
// poof can say anything) after the first multipart upload.
#[test]
fn an_interrupt_stops_the_work_once_and_says_so() {
    for (signal, kind, size) in [
        (libc::SIGINT, Kind::Put, 1_000),
        (libc::SIGTERM, Kind::Put, 1_000),
        // Over rclone's cutoff of 200 MiB a POST begins a multipart upload.
        (libc::SIGTERM, Kind::Put, 210 << 20),
    ] {
        let (sandbox, _proxy, is_reached) = stuck(kind, size);
        let running = sandbox.poof(["--json", "backup"]).start();
        is_reached.recv_timeout(Duration::from_secs(30)).unwrap();
        running.signal(signal);
        let run = running.finish().expect_code(130).stderr_has("interrupted");
        assert_eq!(run.json_lines().last().unwrap()["exit_code"], 130);
        assert!(run.elapsed < Duration::from_secs(30));
    }
}

#[test]
fn after_an_interrupt_the_next_run_completes() {
    let (sandbox, proxy, is_reached) = stuck(Kind::Put, 1_000);
    let running = sandbox.poof(["backup"]).start();
    is_reached.recv_timeout(Duration::from_secs(30)).unwrap();
    running.signal(libc::SIGINT);
    running.finish().expect_code(130);
    proxy.set_rule(|_| Verdict::Pass);
    sandbox.poof(["backup"]).run().expect_code(0);
    assert_eq!(names_on(&sandbox, "data").len(), 3);
}

// Hazard 17: rclone logs an error here; written by Go to a standard error that
// nobody reads any more, it would kill the process.
#[test]
fn a_broken_standard_error_does_not_end_the_work() {
    let (sandbox, proxy) = proxied(false);
    fs::write(sandbox.data().join("good"), "x").unwrap();
    fs::write(sandbox.data().join("refused"), "x").unwrap();
    proxy.set_rule(|request| {
        if request.kind == Kind::Put && request.key().ends_with("refused") {
            Verdict::Status(400, "InvalidRequest")
        } else {
            Verdict::Pass
        }
    });
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_poof"))
        .args(["-v", "backup"])
        .env("HOME", sandbox.home())
        .stderr(writer)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(5), "{status}");
    assert_eq!(names_on(&sandbox, "data"), ["good"]);
}

#[test]
fn a_closed_standard_output_is_an_error_and_the_work_is_done() {
    let sandbox = plain(2);
    let poof = env!("CARGO_BIN_EXE_poof");
    let line = format!("{poof} --json backup > /dev/full");
    let run = sandbox.program("sh").args(["-c", &line]).run().expect_code(1);
    run.stderr_has("cannot write to standard output");
    assert_eq!(names_on(&sandbox, "data").len(), 2);
    let line = format!("{poof} paths >&-");
    let run = sandbox.program("sh").args(["-c", &line]).run();
    assert!(run.code.is_some_and(|code| code <= 1) && !run.stderr.contains("panicked"), "{run}");
}

#[test]
fn two_at_once_on_one_configuration_are_kept_apart() {
    let (sandbox, _proxy, is_reached) = stuck(Kind::Put, 1_000);
    let first = sandbox.poof(["backup"]).start();
    is_reached.recv_timeout(Duration::from_secs(30)).unwrap();
    for args in [&["backup"][..], &["download", "--yes"], &["cryptoggle"], &["econfig"]] {
        sandbox.poof(args).run().expect_code(8).stderr_has("another poof is at work");
    }
    sandbox.poof(["paths"]).run().expect_code(0);
    first.signal(libc::SIGINT);
    first.finish().expect_code(130);
}

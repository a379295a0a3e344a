//! What a run says while it works: each file, with `-v`; a copy of it in a file; and who else
//! is at work.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::minio::SECRET_KEY;
use crate::harness::{Kind, Verdict, grow};
use crate::story::{grown, on_disk, proxied};

#[test]
fn what_is_sent_and_removed_is_listed_with_v() {
    let (sandbox, _) = on_disk();
    grow(&sandbox.data(), 2, 10..=10, 1);
    fs::write(sandbox.data().join("a\nb"), "12345").unwrap();
    let quiet = sandbox.poof(["backup"]).run().expect_code(0);
    assert!(!quiet.stderr.contains("sent data/"), "{quiet}");
    fs::write(sandbox.data().join("a\nb"), "123456").unwrap();
    let run = sandbox.poof(["backup", "-v"]).run().expect_code(0);
    let listed: Vec<_> = run.stderr.lines().filter(|l| l.starts_with("sent data/")).collect();
    assert_eq!(listed, ["sent data/a\\nb (6 B)"], "{run}");
    fs::remove_file(sandbox.data().join("a\nb")).unwrap();
    let run = sandbox.poof(["backup", "-v"]).run().expect_code(0);
    // As the remote has named it.
    run.stderr_has("removed data/a␊b\n");
    let run = sandbox.poof(["download", "--to", "beside", "-v"]).run().expect_code(0);
    run.stderr_has("restored data/");
}

#[test]
fn a_log_file_has_what_standard_error_has() {
    let (sandbox, proxy) = grown(true, 10);
    let log = sandbox.home().join("log");
    fs::write(&log, "before\n").unwrap();
    fs::set_permissions(&log, fs::Permissions::from_mode(0o644)).unwrap();
    // Something for rclone to talk about.
    proxy.set_rule(|r| {
        if r.kind == Kind::Put && r.number % 5 == 0 {
            Verdict::Status(503, "SlowDown")
        } else {
            Verdict::Pass
        }
    });
    let with = ["backup", "-vv", "--color", "always", "--log-file", "log"];
    let run = sandbox.poof(with).run().expect_code(0);
    let text = fs::read_to_string(&log).unwrap();
    let rest = text.strip_prefix("before\n").unwrap();
    assert!(run.stderr.contains('\x1b') && !rest.contains('\x1b'), "{run}\n{text}");
    assert!(rest.contains(" sent data/") && !text.contains(SECRET_KEY), "{text}");
    assert!(rest.lines().all(|line| line.starts_with("20") && line.contains('T')), "{text}");
    assert_eq!(rest.lines().count(), run.stderr.lines().count(), "{run}\n{text}");
    assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
    proxy.reset();
    let run = sandbox.poof(["backup", "--log-file", "nowhere/log"]).run().expect_code(2);
    run.stderr_has("nowhere/log");
    assert_eq!(proxy.total(), 0);
}

#[test]
fn who_is_at_work_is_named_with_its_process() {
    let (sandbox, proxy) = proxied(false);
    grow(&sandbox.data(), 3, 10..=10, 1);
    proxy.set_rule(|r| if r.kind == Kind::Put { Verdict::Hold } else { Verdict::Pass });
    let first = sandbox.poof(["backup"]).start();
    while proxy.count(Kind::Put) == 0 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let second = sandbox.poof(["backup"]).run().expect_code(8);
    let who = format!("`poof backup` with process id {}, since 20", first.id());
    second.stderr_has(&who);
    drop(first);
    proxy.set_rule(|_| Verdict::Pass);
    sandbox.poof(["backup"]).run();
}

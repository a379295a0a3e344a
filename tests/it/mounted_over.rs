//! A file system is mounted over a tree, or over a directory of it, while poof is at work
//! there. What poof has done is below the mount by then: it says so.

use std::fs;
use std::path::Path;
use std::process::Command as Process;
use std::sync::Once;
use std::thread::sleep;
use std::time::Duration;

use crate::harness::command::Run;
use crate::harness::proxy::Request;
use crate::harness::{Kind, Lacks, Proxy, Sandbox, Verdict, skipped};
use crate::story::proxied;

/// Mounts a file system over `$O`, with a file in it if `$F` names one.
const OVER: &str = "mount -t tmpfs t $O; if [ -n \"$F\" ]; then echo over >$O/$F; fi";

/// Runs `script` in a process that alone sees what it mounts. None if that is not allowed.
fn mounting(sandbox: &Sandbox, script: &str) -> Option<Run> {
    let may = Process::new("unshare").args(["-m", "mount", "-t", "tmpfs", "t", "/mnt"]).output();
    if !may.is_ok_and(|out| out.status.success()) {
        skipped(Lacks::Mount, "only root can mount");
        return None;
    }
    let script = format!("P={}; {script}", env!("CARGO_BIN_EXE_poof"));
    Some(sandbox.program("unshare").args(["-m", "sh", "-c", &script]).run())
}

/// The same with poof and `args`, where a file system is mounted over a directory when a
/// request comes that `is_now`.
fn mounted_over(
    (sandbox, proxy): (&Sandbox, &Proxy),
    (over, file): (&str, &str),
    args: &str,
    is_now: impl Fn(&Request) -> bool + Send + Sync + 'static,
) -> Option<Run> {
    let [go, done] = ["go", "done"].map(|name| sandbox.home().join(name));
    let once = Once::new();
    proxy.set_rule(move |request| {
        if is_now(request) {
            once.call_once(|| {
                fs::write(&go, "").unwrap();
                wait_for(&done);
            });
        }
        Verdict::Pass
    });
    let script = format!(
        "O=$HOME/{over} F={file}
         (while [ ! -e $HOME/go ]; do sleep 0.01; done; {OVER}; : >$HOME/done) &
         $P {args}; code=$?; wait; rm $HOME/go $HOME/done; exit $code"
    );
    let run = mounting(sandbox, &script);
    proxy.set_rule(|_| Verdict::Pass);
    run
}

fn wait_for(path: &Path) {
    for _ in 0..3_000 {
        if path.exists() {
            return;
        }
        sleep(Duration::from_millis(10));
    }
}

/// What is backed up, with two directories of some files.
fn saved() -> (Sandbox, Proxy) {
    let (sandbox, proxy) = proxied(false);
    for dir in ["a", "sub"] {
        let dir = sandbox.data().join(dir);
        fs::create_dir(&dir).unwrap();
        for number in 0..40 {
            fs::write(dir.join(format!("{number:02}")), format!("{number} {}", dir.display()))
                .unwrap();
        }
    }
    sandbox.poof(["backup"]).run().expect_code(0);
    (sandbox, proxy)
}

fn files(dir: &Path) -> usize {
    fs::read_dir(dir).map_or(0, Iterator::count)
}

const MARKER: &str = "/data/state";
const UPLOAD: &str = "upload --yes --keep-poof";

#[test]
fn a_download_over_which_something_is_mounted_is_not_complete() {
    for (over, file) in [("data", ""), ("data", "x"), ("data/sub", ""), ("data/sub", "x")] {
        let (sandbox, proxy) = saved();
        for dir in ["a", "sub"] {
            fs::remove_dir_all(sandbox.data().join(dir)).unwrap();
        }
        let sub = sandbox.data().join("sub");
        let is_now = move |request: &Request| {
            let last = request.kind == Kind::Get && request.path.contains("/data/sub/39");
            // A mount that is there before poof has entered the directory is a part of the tree.
            let entered = || files(&sub) > 0;
            last && (0..3_000).any(|_| {
                entered() || {
                    sleep(Duration::from_millis(10));
                    false
                }
            })
        };
        let args = "download --only data --yes --allow mass-deletion";
        let Some(run) = mounted_over((&sandbox, &proxy), (over, file), args, is_now) else {
            return;
        };
        let run = run.expect_code(5);
        assert!(run.stderr.lines().any(|line| line.contains(over)), "{over}: {run}");
        assert!(run.stderr.contains("mounted"), "{over}: {run}");
        // Without the mount all is well, or is with the next download.
        sandbox.poof(["download", "--only", "data", "--yes"]).run().expect_code(0);
        for dir in ["a", "sub"] {
            assert_eq!(files(&sandbox.data().join(dir)), 40, "{run}");
        }
    }
}

#[test]
fn a_tree_over_which_something_is_mounted_is_not_called_wiped() {
    for file in ["", "x"] {
        let (sandbox, proxy) = saved();
        let is_now =
            |request: &Request| request.kind == Kind::Put && request.path.ends_with(MARKER);
        let Some(run) = mounted_over((&sandbox, &proxy), ("data", file), UPLOAD, is_now) else {
            return;
        };
        let run = run.expect_code(5);
        let data = sandbox.data().display().to_string();
        let named = run.stderr.lines().any(|line| line.contains(&data) && line.contains("mounted"));
        assert!(named, "{run}");
        // The mount is gone with its process, and the wipe goes on.
        sandbox.poof(UPLOAD.split(' ')).run().expect_code(0);
        assert!(!sandbox.data().exists());
        sandbox.poof(["download"]).run().expect_code(0);
        assert_eq!(files(&sandbox.data().join("sub")), 40);
    }
}

#[test]
fn a_directory_over_which_something_is_mounted_is_not_called_empty() {
    for file in ["", "x"] {
        let (sandbox, _proxy) = saved();
        let slow = "-f -qq -o /dev/null --trace=ftruncate --inject=ftruncate:delay_enter=20000";
        let script = format!(
            "O=$HOME/data/sub F={file}
             (while [ $(ls $O | wc -l) -gt 30 ]; do sleep 0.01; done; {OVER}) &
             strace {slow} $P {UPLOAD}; code=$?; wait; exit $code"
        );
        let Some(run) = mounting(&sandbox, &script) else { return };
        let run = run.expect_code(5);
        let lines: Vec<_> = run.stderr.lines().filter(|line| line.contains("data/sub:")).collect();
        assert!(lines.len() == 1 && lines[0].contains("mounted"), "{lines:?}: {run}");
        assert!(!run.stderr.contains("it is empty"), "{run}");
        sandbox.poof(UPLOAD.split(' ')).run().expect_code(0);
        assert!(!sandbox.data().exists());
    }
}

//! A kill at any request of a backup or a download: nothing local is damaged,
//! the next run completes, and what had arrived is not sent again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use walkdir::WalkDir;

use crate::harness::{Kind, Proxy, Sandbox, Snapshot, Verdict, assert_same_content, grow};
use crate::story::proxied;

const FILES: usize = 80;
/// Uploads at a time, at most: the proxy has seen them, and the server need not have
/// answered.
const IN_FLIGHT: usize = 128;

/// Beginnings of a run that is to be killed: encrypted or not, and whether the
/// other side holds something already.
const SCENES: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

fn person(encrypted: bool, files: usize) -> (Sandbox, Proxy) {
    let (sandbox, proxy) = proxied(encrypted);
    grow(&sandbox.data(), files, 0..=30_000, 1);
    (sandbox, proxy)
}

/// Changes some of the files, removes some and adds some.
fn alter(data: &Path) {
    for (number, path) in files(data).into_iter().enumerate() {
        match number % 8 {
            0 => fs::remove_file(path).unwrap(),
            1 | 2 => fs::write(path, format!("changed {number}")).unwrap(),
            _ => {}
        }
    }
    grow(&data.join("added"), FILES / 4, 0..=30_000, 2);
}

fn files(data: &Path) -> Vec<PathBuf> {
    let entries = WalkDir::new(data).sort_by_file_name().into_iter().flatten();
    entries.filter(|e| e.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

fn contents(data: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let relative = |path: &PathBuf| path.strip_prefix(data).unwrap().to_owned();
    files(data).iter().map(|path| (relative(path), fs::read(path).unwrap())).collect()
}

/// `count` numbers from 1 to `total`, both among them.
fn spread(total: usize, count: usize) -> Vec<usize> {
    let mut points: Vec<_> = (0..count).map(|i| 1 + i * (total - 1) / (count - 1)).collect();
    points.dedup();
    points
}

/// Uploads of content of the tree; the proxy of a plain remote sees which.
fn uploads(proxy: &Proxy, before: usize) -> usize {
    let is_one = |r: &crate::harness::proxy::Request| {
        r.kind == Kind::Put && r.number < before && r.key().starts_with("data/")
    };
    proxy.log().iter().filter(|request| is_one(request)).count()
}

/// The scene of a backup.
fn to_back_up(encrypted: bool, again: bool) -> (Sandbox, Proxy) {
    let (sandbox, proxy) = person(encrypted, FILES);
    if again {
        sandbox.poof(["backup"]).run().expect_code(0);
        alter(&sandbox.data());
    }
    proxy.reset();
    (sandbox, proxy)
}

/// Kills backups at `points` requests of each scene.
fn backups_killed(points: usize) {
    for (encrypted, again) in SCENES {
        let (sandbox, proxy) = to_back_up(encrypted, again);
        sandbox.poof(["backup"]).run().expect_code(0);
        for k in spread(proxy.total(), points) {
            let (sandbox, proxy) = to_back_up(encrypted, again);
            let original = Snapshot::of(&sandbox.data());
            sandbox.poof(["backup"]).run_killed_at(k, &proxy);
            assert_same_content(&original, &Snapshot::of(&sandbox.data()));
            let run = sandbox.poof(["backup"]).run();
            assert_eq!(run.code, Some(0), "killed at {k}, {encrypted}, {again}: {run}");
            assert_same_content(&original, &Snapshot::of(&sandbox.data()));
            sandbox.poof(["download", "--to", "beside"]).run().expect_code(0);
            assert_same_content(&original, &Snapshot::of(&sandbox.home().join("beside/data")));
            sandbox.poof(["backup"]).run().expect_code(0).stderr_has("0 new, 0 changed, 0 removed");
        }
    }
}

/// The scene of a download, and what is saved.
fn to_download(encrypted: bool, again: bool) -> (Sandbox, Proxy, BTreeMap<PathBuf, Vec<u8>>) {
    let (sandbox, proxy) = person(encrypted, FILES);
    sandbox.poof(["backup"]).run().expect_code(0);
    let saved = contents(&sandbox.data());
    if again {
        alter(&sandbox.data());
    } else {
        fs::remove_dir_all(sandbox.data()).unwrap();
    }
    proxy.reset();
    (sandbox, proxy, saved)
}

const DOWNLOAD: [&str; 4] = ["download", "--yes", "--only", "data"];

/// Nothing in `data` is half or lost: each file that was there before is what it
/// was or what was saved, and may be gone only if it was not saved.
fn assert_undamaged(
    data: &Path,
    before: &BTreeMap<PathBuf, Vec<u8>>,
    saved: &BTreeMap<PathBuf, Vec<u8>>,
    at: &str,
) {
    let now = contents(data);
    for (path, old) in before {
        let shown = path.display();
        match now.get(path) {
            Some(bytes) => {
                assert!(bytes == old || Some(bytes) == saved.get(path), "{at}: {shown} is damaged");
            }
            None => assert!(!saved.contains_key(path), "{at}: {shown} is gone"),
        }
    }
    for (path, bytes) in saved {
        let whole = now.get(path).is_none_or(|now| now == bytes || before.contains_key(path));
        assert!(whole, "{at}: {} is half", path.display());
    }
}

fn completes(sandbox: &Sandbox, saved: &BTreeMap<PathBuf, Vec<u8>>, at: &str) {
    let run = sandbox.poof(DOWNLOAD).run();
    assert_eq!(run.code, Some(0), "{at}: {run}");
    let now = contents(&sandbox.data());
    assert!(now == *saved, "{at}: {} files instead of {}", now.len(), saved.len());
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed, 0 removed");
}

fn downloads_killed(points: usize) {
    for (encrypted, again) in SCENES {
        let (sandbox, proxy, _) = to_download(encrypted, again);
        sandbox.poof(DOWNLOAD).run().expect_code(0);
        for k in spread(proxy.total(), points) {
            let (sandbox, proxy, saved) = to_download(encrypted, again);
            let before = contents(&sandbox.data());
            sandbox.poof(DOWNLOAD).run_killed_at(k, &proxy);
            let at = format!("killed at {k}, encrypted {encrypted}, again {again}");
            assert_undamaged(&sandbox.data(), &before, &saved, &at);
            completes(&sandbox, &saved, &at);
        }
    }
}

#[test]
fn a_killed_backup_harms_nothing_and_the_next_one_completes() {
    backups_killed(3);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_a_killed_backup_harms_nothing_and_the_next_one_completes() {
    backups_killed(30);
}

#[test]
fn a_killed_download_harms_nothing_and_the_next_one_completes() {
    downloads_killed(3);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_a_killed_download_harms_nothing_and_the_next_one_completes() {
    downloads_killed(30);
}

// What is done after the last answer is done without a request to count.
#[test]
#[ignore = "takes minutes: make soak"]
fn soak_a_download_killed_after_its_last_request_harms_nothing() {
    for delay in (0..100).step_by(4) {
        let encrypted = delay % 8 == 0;
        let (sandbox, proxy, _) = to_download(encrypted, true);
        sandbox.poof(DOWNLOAD).run().expect_code(0);
        let last = proxy.total();
        let (sandbox, proxy, saved) = to_download(encrypted, true);
        let before = contents(&sandbox.data());
        let (reached, is_reached) = mpsc::channel();
        proxy.set_rule(move |request| {
            if request.number + 2 >= last {
                let _ = reached.send(());
            }
            Verdict::Pass
        });
        let running = sandbox.poof(DOWNLOAD).start();
        is_reached.recv_timeout(Duration::from_secs(30)).unwrap();
        // The delay is what is tested.
        std::thread::sleep(Duration::from_millis(delay));
        running.signal(libc::SIGKILL);
        running.finish();
        proxy.set_rule(|_| Verdict::Pass);
        let at = format!("killed {delay} ms after the last request");
        assert_undamaged(&sandbox.data(), &before, &saved, &at);
        completes(&sandbox, &saved, &at);
    }
}

#[test]
fn what_arrived_before_a_kill_is_not_sent_again() {
    const MANY: usize = 500;
    let (sandbox, proxy) = person(false, MANY);
    sandbox.poof(["backup", "--only", "data"]).run().expect_code(0);
    let total = proxy.total();
    assert_eq!(uploads(&proxy, usize::MAX), MANY);
    for k in [total / 2, total - 3] {
        let (sandbox, proxy) = person(false, MANY);
        sandbox.poof(["backup", "--only", "data"]).run_killed_at(k, &proxy);
        let arrived = uploads(&proxy, k);
        proxy.reset();
        sandbox.poof(["backup", "--only", "data"]).run().expect_code(0);
        let sent = uploads(&proxy, usize::MAX);
        assert!(
            sent <= MANY - arrived + IN_FLIGHT,
            "killed at {k}: {arrived} of {MANY} had arrived and {sent} were sent again"
        );
    }
}

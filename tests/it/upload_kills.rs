//! An upload that is killed at any step: every byte is here or on the remote, the
//! next upload completes it, and what comes back is what was there.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::harness::command::Run;
use crate::harness::{
    Proxy, Sandbox, Snapshot, assert_exact, assert_same_content, copy_exactly, grow,
};
use crate::story::proxied;

const UPLOAD: [&str; 3] = ["upload", "--yes", "--keep-poof"];

/// More than the largest object that is sent at once (64 MiB).
const LARGE: usize = (64 << 20) + 12_345;

/// Where an upload is killed.
#[derive(Clone, Debug)]
enum Point {
    /// Before its request of this number.
    Request(usize),
    /// Before the system call of this name that one of its threads makes the nth time.
    Call(&'static str, usize),
    /// Before it does something to this file, below the data.
    Touch(&'static str, PathBuf),
}

/// What an upload begins with.
#[derive(Clone, Copy, Debug)]
struct Scene {
    encrypted: bool,
    files: usize,
    /// One of them is sent in parts.
    large: bool,
    /// The remote holds it all already.
    known: bool,
}

impl Scene {
    fn set(self) -> (Sandbox, Proxy, PathBuf) {
        let (sandbox, proxy) = proxied(self.encrypted);
        let data = sandbox.data();
        grow(&data, self.files - 21, 1..=3_000, 5);
        grow(&data.join("empty"), 12, 0..=0, 6);
        for name in ["one", "two"] {
            fs::write(data.join(name), name.repeat(3_000)).unwrap();
            fs::hard_link(data.join(name), data.join(format!("{name}-again"))).unwrap();
            symlink(name, data.join(format!("{name}-link"))).unwrap();
            fs::create_dir_all(data.join("empty-dir").join(name)).unwrap();
        }
        fs::write(data.join("solo"), "solo".repeat(3_000)).unwrap();
        if self.large {
            fs::write(data.join("large"), vec![b'l'; LARGE]).unwrap();
        }
        let original = sandbox.home().join("original");
        copy_exactly(&data, &original);
        if self.known {
            sandbox.poof(["backup"]).run().expect_code(0);
        }
        proxy.reset();
        (sandbox, proxy, original)
    }

    /// The number of requests of the whole upload.
    fn requests(self) -> usize {
        let (sandbox, proxy, _) = self.set();
        sandbox.poof(UPLOAD).run().expect_code(0);
        proxy.total()
    }
}

fn killed(sandbox: &Sandbox, proxy: &Proxy, point: &Point) -> Run {
    let program = env!("CARGO_BIN_EXE_poof");
    let strace = |args: &[String]| {
        let args =
            ["-f", "-qq", "-o", "/dev/null"].iter().copied().chain(args.iter().map(String::as_str));
        sandbox.program("strace").args(args).args([program]).args(UPLOAD).run()
    };
    match point {
        Point::Request(k) => sandbox.poof(UPLOAD).run_killed_at(*k, proxy),
        Point::Call(call, k) => {
            strace(&[format!("--trace={call}"), format!("--inject={call}:signal=SIGKILL:when={k}")])
        }
        Point::Touch(call, path) => strace(&[
            format!("--trace={call}"),
            format!("--trace-path={}", sandbox.data().join(path).display()),
            format!("--inject={call}:signal=SIGKILL"),
        ]),
    }
}

fn contents(data: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = walkdir::WalkDir::new(data).into_iter().flatten();
    let files = files.filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| {
            let path = entry.path().strip_prefix(data).unwrap().to_owned();
            (path, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// What is not here as it was; all of it can be restored.
#[track_caller]
fn assert_nothing_lost(sandbox: &Sandbox, original: &Path, at: &str) -> usize {
    let (was, now) = (contents(original), contents(&sandbox.data()));
    let gone: Vec<_> = was.iter().filter(|(path, bytes)| now.get(*path) != Some(bytes)).collect();
    if gone.is_empty() {
        return 0;
    }
    let run = sandbox.poof(["download", "--to", "beside", "--only", "data"]).run();
    assert_eq!(run.code, Some(0), "{at}: {run}");
    let beside = contents(&sandbox.home().join("beside/data"));
    for (path, bytes) in &gone {
        assert!(beside.get(*path) == Some(bytes), "{at}: {} is lost", path.display());
    }
    gone.len()
}

/// Kills one upload. Returns whether it was killed, and what was gone by then.
fn kill(scene: Scene, point: &Point, even: bool) -> (bool, usize) {
    let (sandbox, proxy, original) = scene.set();
    let run = killed(&sandbox, &proxy, point);
    let at = format!("{scene:?} killed at {point:?}");
    if run.code.is_some() {
        assert_eq!(run.code, Some(0), "{at}: {run}");
        return (false, 0);
    }
    let gone = assert_nothing_lost(&sandbox, &original, &at);
    if even {
        // A schedule comes first: what is half gone is never mirrored.
        let run = sandbox.poof(["backup"]).run();
        assert!(matches!(run.code, Some(0 | 7)), "{at}: {run}");
        assert!(gone == 0 || run.code == Some(7) || !sandbox.data().exists(), "{at}: {run}");
        assert_nothing_lost(&sandbox, &original, &at);
    }
    let run = sandbox.poof(UPLOAD).run();
    assert_eq!(run.code, Some(0), "{at}: {run}");
    assert!(!sandbox.data().exists(), "{at}: {run}");
    let run = sandbox.poof(["download"]).run();
    assert_eq!(run.code, Some(0), "{at}: {run}");
    assert_exact(&original, &sandbox.data());
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed, 0 removed");
    (true, gone)
}

/// Kills at each of these points, two at a time.
fn kill_at(points: &[(Scene, Point)]) -> (usize, usize) {
    let next = AtomicUsize::new(0);
    let (kills, gone) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failed = AtomicUsize::new(0);
    let work = || {
        while let Some((scene, point)) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
            let even = kills.load(Ordering::Relaxed) % 2 == 0;
            // The others are still to be seen.
            let Ok((was_killed, some)) = catch_unwind(|| kill(*scene, point, even)) else {
                failed.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            kills.fetch_add(usize::from(was_killed), Ordering::Relaxed);
            gone.fetch_add(usize::from(some > 0), Ordering::Relaxed);
            if !was_killed {
                eprintln!("{scene:?}: {point:?} was never reached");
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            worker.join().unwrap();
        }
    });
    assert_eq!(failed.into_inner(), 0, "see above; {kills:?} went well");
    (kills.into_inner(), gone.into_inner())
}

const PLAIN: Scene = Scene { encrypted: false, files: 300, large: false, known: true };
const FRESH: Scene = Scene { known: false, ..PLAIN };
const PARTS: Scene = Scene { large: true, ..FRESH };

fn encrypted(scene: Scene) -> Scene {
    Scene { encrypted: true, ..scene }
}

#[test]
fn an_upload_killed_anywhere_loses_nothing_and_the_next_one_completes() {
    let few = Scene { files: 40, ..PLAIN };
    let requests = encrypted(few).requests();
    let (kills, gone) = kill_at(&[
        (Scene { known: false, ..few }, Point::Request(12)),
        (encrypted(few), Point::Request(requests)),
        (few, Point::Call("ftruncate", 2)),
        (encrypted(few), Point::Call("unlinkat", 3)),
        (few, Point::Touch("fdatasync", "solo".into())),
        (few, Point::Touch("pwrite64", "one-again".into())),
        (few, Point::Call("rename,renameat,renameat2", 2)),
    ]);
    assert_eq!(kills, 7);
    assert!(gone >= 3, "{gone}");
}

/// Neither the run that was killed nor the one that was interrupted has come to its end.
#[test]
fn what_a_killed_wipe_has_overwritten_is_never_sent() {
    let (sandbox, proxy, original) = Scene { files: 600, ..PLAIN }.set();
    assert_eq!(killed(&sandbox, &proxy, &Point::Call("ftruncate", 20)).code, None);
    let args = ["-f", "-qq", "-o", "/dev/null", "--trace=ftruncate"];
    let inject = "--inject=ftruncate:signal=SIGINT:when=1";
    let program = [inject, env!("CARGO_BIN_EXE_poof")];
    let run = sandbox.program("strace").args(args).args(program).args(UPLOAD).run();
    assert_eq!(run.code, Some(130), "{run}");
    // Something has come up as well, so that there is something to send.
    fs::write(sandbox.data().join("late"), "late").unwrap();
    sandbox.poof(UPLOAD).run().expect_code(6);
    sandbox.poof(UPLOAD).run().expect_code(0);
    sandbox.poof(["download"]).run().expect_code(0);
    fs::remove_file(sandbox.data().join("late")).unwrap();
    assert_same_content(&Snapshot::of(&original), &Snapshot::of(&sandbox.data()));
}

/// At least 200 points over the whole of it.
#[test]
#[ignore = "takes minutes: make soak"]
fn soak_an_upload_killed_anywhere_loses_nothing_and_the_next_one_completes() {
    let mut points = Vec::new();
    for crypt in [false, true] {
        let of = |scene: Scene| Scene { encrypted: crypt, ..scene };
        for (scene, all, last) in [(FRESH, 16, 0), (PLAIN, 6, 12), (PARTS, 10, 0)] {
            let total = of(scene).requests();
            let spread = (0..all).map(|i| 1 + i * (total - 1) / (all - 1));
            let end = (0..last).map(|i| total - i);
            points.extend(spread.chain(end).map(|k| (of(scene), Point::Request(k))));
        }
        for (call, count) in [
            ("pwrite64", 14),
            ("fdatasync", 14),
            ("ftruncate", 14),
            ("unlinkat", 44),
            ("rename,renameat,renameat2", 8),
            ("fsync", 8),
        ] {
            points.extend((0..count).step_by(2).map(|i| (of(PLAIN), Point::Call(call, i + 1))));
        }
        for call in ["pwrite64", "fdatasync", "ftruncate"] {
            for path in ["one-again", "solo", "large"] {
                points.push((of(PARTS), Point::Touch(call, path.into())));
            }
        }
    }
    let started = std::time::Instant::now();
    let (kills, gone) = kill_at(&points);
    eprintln!(
        "{kills} kills at {} points, {gone} with something gone, {:?}",
        points.len(),
        started.elapsed()
    );
    assert!(kills >= 200, "{kills} of {}", points.len());
}

#[test]
fn what_is_changed_after_a_kill_is_not_taken_for_what_was_wiped() {
    let (sandbox, proxy, _) = Scene { files: 40, ..PLAIN }.set();
    let victim = sandbox.data().join("solo");
    // All forty are begun together, and this one is whole when it ends.
    let run = killed(&sandbox, &proxy, &Point::Touch("pwrite64", "solo".into()));
    assert_eq!(run.code, None, "{run}");
    let before = fs::read(&victim).unwrap();
    assert_eq!(before, "solo".repeat(3_000).as_bytes());
    // In place, and of the same size.
    fs::write(&victim, "SOLO".repeat(3_000)).unwrap();
    let run = sandbox.poof(UPLOAD).run();
    assert_eq!(run.code, Some(6), "{run}");
    assert_eq!(fs::read(&victim).unwrap(), "SOLO".repeat(3_000).as_bytes());
    assert!(run.stderr.contains("data/solo"), "{run}");
    let left = Snapshot::of(&sandbox.data());
    sandbox.poof(["backup"]).run().expect_code(7);
    assert_same_content(&left, &Snapshot::of(&sandbox.data()));
}

//! Somebody changes the tree while it is uploaded: what was not proven stays, in
//! whatever moment it came.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;

use crate::harness::command::Run;
use crate::harness::proxy::Request;
use crate::harness::{Backdoor, Kind, Proxy, Sandbox, Verdict, grow};
use crate::story::{plain, proxied};

const UPLOAD: [&str; 3] = ["upload", "--yes", "--keep-poof"];

#[track_caller]
fn says(run: &Run, text: &str) {
    assert!(run.stderr.contains(text), "standard error lacks {text:?}: {run}");
}

fn contents(data: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = walkdir::WalkDir::new(data).into_iter().flatten();
    files
        .filter(|entry| entry.file_type().is_file())
        // What goes away meanwhile is not there.
        .filter_map(|entry| {
            let path = entry.path().strip_prefix(data).unwrap().to_owned();
            Some((path, fs::read(entry.path()).ok()?))
        })
        .collect()
}

/// The files that somebody changes.
const VICTIMS: [&str; 3] = ["modified", "appended", "replaced"];

/// Four things that happen to files of `part`; only the last two change a size.
fn disturb(part: &Path) {
    File::options()
        .write(true)
        .open(part.join("modified"))
        .unwrap()
        .write_all_at(b"MO", 0)
        .unwrap();
    fs::write(part.join("other"), "REPLACED").unwrap();
    fs::rename(part.join("other"), part.join("replaced")).unwrap();
    File::options().append(true).open(part.join("appended")).unwrap().write_all(b"+").unwrap();
    fs::write(part.join("created"), "created").unwrap();
}

fn disturbed(part: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let at = |name: &str| Path::new(part).join(name);
    BTreeMap::from([
        (at("modified"), b"MOdified".to_vec()),
        (at("replaced"), b"REPLACED".to_vec()),
        (at("appended"), b"appended+".to_vec()),
        (at("created"), b"created".to_vec()),
    ])
}

/// A tree whose parts `early` and `zlast` are the first and the last to be done.
fn grown(sandbox: &Sandbox, files: usize) {
    grow(&sandbox.data().join("middle"), files, 1..=3_000, 1);
    for part in ["early", "zlast"] {
        let part = sandbox.data().join(part);
        fs::create_dir(&part).unwrap();
        for name in VICTIMS {
            fs::write(part.join(name), name).unwrap();
        }
    }
}

/// What was there in the end is here or on the remote, and the code says which.
#[track_caller]
fn assert_kept(sandbox: &Sandbox, run: &Run, phase: &str) {
    assert!(matches!(run.code, Some(0 | 5 | 6)), "{phase}: {run}");
    let here = contents(&sandbox.data());
    assert!(run.code != Some(0) || here.is_empty(), "{phase}: {run}");
    sandbox.poof(["download", "--to", "beside", "--only", "data"]).run().expect_code(0);
    let there = contents(&sandbox.home().join("beside/data"));
    for (path, content) in disturbed("early").into_iter().chain(disturbed("zlast")) {
        let kept = here.get(&path) == Some(&content) || there.get(&path) == Some(&content);
        assert!(kept, "{phase}: {} is lost: {run}", path.display());
        let named = run.stderr.contains(&format!("data/{}", path.display()));
        assert!(
            named || there.get(&path) == Some(&content),
            "{phase}: {} is not named: {run}",
            path.display()
        );
    }
}

/// Disturbs the tree once, when a request comes that `is_now`.
fn race(
    encrypted: bool,
    phase: &str,
    is_now: impl Fn(&Request, usize) -> bool + Send + Sync + 'static,
) {
    let (sandbox, proxy) = proxied(encrypted);
    grown(&sandbox, 40);
    let (data, done) = (sandbox.data(), Once::new());
    let (puts, lists) = (AtomicUsize::new(0), AtomicUsize::new(0));
    proxy.set_rule(move |request| {
        let count = match request.kind {
            Kind::Put => puts.fetch_add(1, Ordering::Relaxed) + 1,
            Kind::List => lists.fetch_add(1, Ordering::Relaxed) + 1,
            _ => 0,
        };
        if is_now(request, count) {
            done.call_once(|| ["early", "zlast"].iter().for_each(|part| disturb(&data.join(part))));
        }
        Verdict::Pass
    });
    let run = sandbox.poof(UPLOAD).run();
    proxy.set_rule(|_| Verdict::Pass);
    assert!(sandbox.data().join("early/created").exists() || run.code == Some(0), "{phase}: {run}");
    assert_kept(&sandbox, &run, phase);
}

#[test]
fn what_changes_in_any_phase_is_never_lost() {
    for encrypted in [false, true] {
        let key = |path: &str| {
            let (sandbox, _proxy) = proxied(encrypted);
            Backdoor::new(&sandbox).key(path)
        };
        let (head, marker) =
            (key(".poof/trees/data/head/0000000001"), key(".poof/trees/data/state"));
        race(encrypted, "survey", |request, _| request.kind == Kind::List);
        race(encrypted, "sending begins", |request, n| request.kind == Kind::Put && n == 4);
        race(encrypted, "sending ends", |request, n| request.kind == Kind::Put && n == 46);
        let at = head.clone();
        race(encrypted, "manifest", move |request, _| {
            request.kind == Kind::Put && request.key() == at
        });
        race(encrypted, "proof", move |request, _| {
            request.kind == Kind::Get && request.key() == head
        });
        race(encrypted, "marker", move |request, _| {
            request.kind == Kind::Put && request.key() == marker
        });
    }
}

/// Runs an upload under strace, which makes it slow where `slow` says so, and does
/// something when a file of the middle is gone, or all of them: then the names in the
/// root itself go, which are those of directories.
fn while_it_wipes(sandbox: &Sandbox, slow: &str, all: bool, act: impl Fn()) -> Run {
    let call = slow.split(':').next().unwrap();
    let mut args = ["-f", "-qq", "-o", "/dev/null"].map(str::to_owned).to_vec();
    if all {
        args.extend(["-P".to_owned(), sandbox.data().display().to_string()]);
    }
    let more = [format!("--trace={call}"), format!("--inject={slow}")];
    let middle = sandbox.data().join("middle");
    let count = || contents(&middle).len();
    let before = count();
    let run = sandbox.program("strace").args(args).args(more).args([env!("CARGO_BIN_EXE_poof")]);
    let running = run.args(UPLOAD).start();
    for _ in 0..20_000 {
        let now = count();
        if now == 0 || now < before && !all {
            break;
        }
        sleep(Duration::from_millis(1));
    }
    act();
    running.finish()
}

#[test]
fn what_changes_during_the_wipe_stays() {
    let sandbox = plain(0);
    grown(&sandbox, 300);
    let last = sandbox.data().join("zlast");
    let run = while_it_wipes(&sandbox, "ftruncate:delay_enter=20000", false, || disturb(&last));
    assert_eq!(run.code, Some(6), "{run}");
    let here: BTreeMap<_, _> = contents(&sandbox.data());
    assert_eq!(here, disturbed("zlast"), "{run}");
    for name in VICTIMS.iter().chain(&["created"]) {
        says(&run, &format!("data/zlast/{name}: stays"));
    }
}

#[test]
fn what_comes_up_while_the_directories_go_stays_and_is_named() {
    let sandbox = plain(0);
    grown(&sandbox, 20);
    let late = sandbox.data().join("zlast/late");
    let parts = ["early", "zlast"].map(|part| sandbox.data().join(part));
    let run = while_it_wipes(&sandbox, "unlinkat:delay_enter=1500000:when=1", true, || {
        for _ in 0..20_000 {
            if parts.iter().all(|part| contents(part).is_empty()) {
                break;
            }
            sleep(Duration::from_millis(1));
        }
        // The tree has been looked through once more by then.
        sleep(Duration::from_millis(500));
        fs::write(&late, "late").unwrap();
    });
    assert_eq!(run.code, Some(6), "{run}");
    assert_eq!(fs::read_to_string(&late).unwrap(), "late");
    says(&run, "data/zlast");
}

/// An editor saves each file anew as soon as it is cut to nothing or gone, by a rename, while
/// `slow` calls give it the time to.
fn saved_while_it_is_wiped(slow: &str) -> usize {
    let sandbox = plain(0);
    let files: Vec<_> = (0..16).map(|n| sandbox.data().join(format!("file{n:02}"))).collect();
    for file in &files {
        fs::write(file, format!("before {}", file.display())).unwrap();
    }
    sandbox.poof(["backup"]).run().expect_code(0);
    let call = slow.split(':').next().unwrap();
    let args = ["-f", "-qq", "-o", "/dev/null", &format!("--trace={call}")].map(str::to_owned);
    let more = [format!("--inject={slow}"), env!("CARGO_BIN_EXE_poof").to_owned()];
    let mut running = sandbox.program("strace").args(args).args(more).args(UPLOAD).start();
    let (draft, mut saved) = (sandbox.home().join("draft"), Vec::new());
    while running.is_at_work() && saved.len() < files.len() {
        for file in &files {
            let goes = fs::symlink_metadata(file).map_or(true, |found| found.len() == 0);
            if goes && !saved.contains(file) {
                fs::write(&draft, format!("saved {}", file.display())).unwrap();
                // Its directory may be gone by now.
                if fs::rename(&draft, file).is_ok() {
                    saved.push(file.clone());
                }
            }
        }
    }
    let run = running.finish();
    let count = saved.len();
    for file in saved {
        let now = fs::read_to_string(&file);
        assert_eq!(now.ok(), Some(format!("saved {}", file.display())), "{run}");
    }
    // On a busy machine the editor may come too late for all of them.
    assert_eq!(run.code, Some(if count == 0 { 0 } else { 6 }), "{run}");
    assert!(!sandbox.data().join(".poof-restoring").exists(), "{run}");
    count
}

#[test]
fn what_an_editor_saves_at_the_moment_in_which_the_name_goes_stays() {
    assert!(saved_while_it_is_wiped("unlinkat:delay_enter=200000") > 0);
    assert!(saved_while_it_is_wiped("renameat,renameat2:delay_enter=200000") > 0);
}

#[test]
#[ignore = "two minutes"]
fn soak_two_hundred_races_with_an_editor_lose_nothing() {
    let mut saved = 0;
    for _ in 0..100 {
        saved += saved_while_it_is_wiped("unlinkat:delay_enter=3000");
        saved += saved_while_it_is_wiped("renameat,renameat2:delay_enter=3000");
    }
    assert!(saved > 200, "{saved}");
}

/// Does something once, when the marker `wiping` is on its way: everything is
/// proven, and nothing is wiped yet.
fn before_the_wipe(proxy: &Proxy, act: impl Fn() + Send + Sync + 'static) {
    let done = std::sync::Once::new();
    proxy.set_rule(move |request| {
        if request.kind == Kind::Put && request.path.ends_with("/state") {
            done.call_once(&act);
        }
        Verdict::Pass
    });
}

#[test]
fn what_changes_between_proof_and_wipe_stays() {
    let (sandbox, proxy) = proxied(false);
    grow(&sandbox.data(), 40, 1..=3_000, 1);
    let names = ["modified", "appended", "replaced", "touched", "became-link", "became-dir"];
    for name in names {
        fs::write(sandbox.data().join(name), name).unwrap();
    }
    fs::create_dir(sandbox.data().join("dir")).unwrap();
    fs::write(sandbox.data().join("dir/inside"), "inside").unwrap();
    let (data, home) = (sandbox.data(), sandbox.home());
    fs::write(home.join("passwd"), "precious").unwrap();
    before_the_wipe(&proxy, move || {
        let at = |name: &str| data.join(name);
        fs::write(at("modified"), "MODIFIED").unwrap();
        File::options().append(true).open(at("appended")).unwrap().write_all(b"+").unwrap();
        fs::write(at("other"), "replaced").unwrap();
        fs::rename(at("other"), at("replaced")).unwrap();
        fs::remove_file(at("became-link")).unwrap();
        symlink(home.join("passwd"), at("became-link")).unwrap();
        fs::remove_file(at("became-dir")).unwrap();
        fs::create_dir(at("became-dir")).unwrap();
        fs::write(at("became-dir/x"), "new").unwrap();
        fs::write(at("created"), "new").unwrap();
        // Its directory is a link to somewhere else now.
        fs::rename(at("dir"), home.join("elsewhere")).unwrap();
        symlink("../elsewhere", at("dir")).unwrap();
        // The same content and attributes under a newer ctime are the same file.
        let touched = File::options().write(true).open(at("touched")).unwrap();
        let mode = touched.metadata().unwrap().permissions();
        touched.set_permissions(Permissions::from_mode(0o600)).unwrap();
        touched.set_permissions(mode).unwrap();
    });
    let run = sandbox.poof(UPLOAD).run();
    assert_eq!(run.code, Some(6), "{run}");
    let at = |name: &str| sandbox.data().join(name);
    let text = |path: &Path| fs::read_to_string(path).unwrap();
    assert_eq!(text(&at("modified")), "MODIFIED");
    assert_eq!(text(&at("appended")), "appended+");
    assert_eq!(text(&at("replaced")), "replaced");
    assert_eq!(text(&sandbox.home().join("passwd")), "precious");
    assert_eq!(text(&sandbox.home().join("elsewhere/inside")), "inside");
    assert_eq!(text(&at("became-dir/x")), "new");
    assert_eq!(text(&at("created")), "new");
    assert!(!at("touched").exists());
    let left: Vec<_> =
        fs::read_dir(sandbox.data()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 7, "{left:?} {run}");
    for name in ["modified", "appended", "replaced", "became-link", "became-dir", "created", "dir"]
    {
        says(&run, &format!("data/{name}"));
    }
    proxy.set_rule(|_| Verdict::Pass);
    sandbox.poof(["backup"]).run().expect_code(7);
}

#[test]
fn an_interrupt_stops_between_two_files_and_says_what_is_gone() {
    let sandbox = plain(0);
    grown(&sandbox, 400);
    let count = || contents(&sandbox.data()).len();
    let before = count();
    let running = sandbox.poof(UPLOAD).start();
    for _ in 0..20_000 {
        if count() < before {
            break;
        }
        sleep(Duration::from_millis(1));
    }
    running.signal(libc::SIGINT);
    let run = running.finish().expect_code(130);
    let left = count();
    assert!(left > 0, "{run}");
    says(&run, &format!("{} files are wiped; here are still {left} files", before - left));
    // Each is gone or whole.
    sandbox.poof(["backup"]).run().expect_code(7);
    sandbox.poof(UPLOAD).run().expect_code(0);
    assert!(!sandbox.data().exists());
}

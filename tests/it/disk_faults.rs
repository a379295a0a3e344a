//! Signals, closed streams, full and failing disks while an upload sends and wipes:
//! nothing unproven is lost, the exit code tells, and the next run completes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::mpsc;
use std::time::Duration;

use walkdir::WalkDir;

use crate::harness::command::{Command, Run};
use crate::harness::{Kind, Lacks, Sandbox, Snapshot, Verdict, assert_same_content, grow, skipped};
use crate::story::{plain, proxied};

const UPLOAD: [&str; 2] = ["upload", "--yes"];
/// Files of which a wipe takes one batch at a time.
const BATCH: usize = 256;
/// What stops a command, each in its own way.
const SIGNALS: [libc::c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

fn count(dir: &Path) -> usize {
    let entries = WalkDir::new(dir).into_iter().filter_map(Result::ok);
    entries.filter(|entry| entry.file_type().is_file()).count()
}

/// `poof upload` under strace with `options`: the process that is started is poof.
fn traced(sandbox: &Sandbox, options: &[&str]) -> Command {
    let options = ["-D", "-f", "-qq", "-o", "/dev/null"].iter().chain(options);
    let poof = [env!("CARGO_BIN_EXE_poof")];
    sandbox.program("strace").args(options.chain(&poof).chain(&UPLOAD))
}

/// The journal of the wipe of `data`.
fn journal(sandbox: &Sandbox) -> PathBuf {
    let name = format!("{}.begun", &blake3::hash(b"data").to_hex()[..16]);
    sandbox.state().join("wiped").join(name)
}

/// Every file can be restored, the next upload completes what was begun, and then
/// everything comes back.
#[track_caller]
fn nothing_is_lost(sandbox: &Sandbox, original: &Snapshot) {
    sandbox.poof(["download", "--to", "beside"]).run().expect_code(0);
    let beside = sandbox.home().join("beside");
    assert_same_content(original, &Snapshot::of(&beside.join("data")));
    fs::remove_dir_all(beside).unwrap();
    sandbox.poof(UPLOAD).run().expect_code(0);
    assert!(!sandbox.data().exists());
    sandbox.poof(["download"]).run().expect_code(0);
    assert_same_content(original, &Snapshot::of(&sandbox.data()));
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed, 0 removed");
}

#[test]
fn a_signal_while_it_sends_leaves_everything_here() {
    for signal in SIGNALS {
        let (sandbox, proxy) = proxied(false);
        grow(&sandbox.data(), 60, 1..=3_000, 1);
        let original = Snapshot::of(&sandbox.data());
        let (reached, is_reached) = mpsc::channel();
        proxy.set_rule(move |request| {
            if request.kind == Kind::Put && request.number > 30 {
                let _ = reached.send(());
            }
            Verdict::Delay(Duration::from_millis(50))
        });
        let running = sandbox.poof(UPLOAD).start();
        is_reached.recv_timeout(Duration::from_secs(30)).unwrap();
        running.signal(signal);
        let run = running.finish().expect_code(130).stderr_has("nothing was wiped");
        assert!(run.elapsed < Duration::from_secs(20), "{run}");
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
        proxy.set_rule(|_| Verdict::Pass);
        sandbox.poof(UPLOAD).run().expect_code(0);
        sandbox.poof(["download"]).run().expect_code(0);
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    }
}

#[test]
fn a_signal_while_it_wipes_stops_between_two_files_and_says_what_is_gone() {
    for signal in SIGNALS {
        let sandbox = plain(300);
        let original = Snapshot::of(&sandbox.data());
        let total = count(&sandbox.data());
        let slow = ["-e", "inject=fdatasync:delay_enter=20000"];
        let running = traced(&sandbox, &slow).start();
        while count(&sandbox.data()) == total {
            std::thread::sleep(Duration::from_millis(5));
        }
        running.signal(signal);
        let run = running.finish().expect_code(130);
        let here = count(&sandbox.data());
        assert!(here > 0, "it came to its end: {run}");
        let gone = total - here;
        let gone = format!("interrupted: {gone} files are wiped; here are still {here} files");
        let run = run.stderr_has(&gone).stderr_has("`poof download` brings them back");
        assert!(whole(&sandbox.data(), &original), "{run}");
        sandbox.poof(["backup"]).run().expect_code(7).stderr_has("poof upload");
        nothing_is_lost(&sandbox, &original);
    }
}

/// Whether what is still there is what it was.
fn whole(data: &Path, original: &Snapshot) -> bool {
    let found = Snapshot::of(data);
    crate::harness::differences(original, &found).iter().all(|line| line.starts_with("missing"))
}

#[test]
fn nobody_listens_and_the_upload_comes_to_its_end() {
    let poof = env!("CARGO_BIN_EXE_poof");
    for (script, code) in [
        (format!("exec {poof} upload --yes >&- 2>&-"), 0),
        (format!("exec {poof} upload --yes --json >&-"), 0),
        (format!("exec {poof} upload --yes --verbose 2>/dev/full"), 0),
        // The summary that was asked for could not be given.
        (format!("exec {poof} upload --yes --json >/dev/full"), 1),
        (format!("({poof} upload --yes --json; echo $? >code) | head -c 0; exit $(cat code)"), 1),
        (format!("({poof} upload --yes 2>&1; echo $? >code) | head -c 0; exit $(cat code)"), 0),
    ] {
        let sandbox = plain(20);
        let original = Snapshot::of(&sandbox.data());
        sandbox.program("sh").args(["-c", &script]).run().expect_code(code);
        assert!(!sandbox.data().exists(), "{script}");
        sandbox.poof(["download"]).run().expect_code(0);
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    }
}

/// poof where `mounts`, a piece of shell, was run first. None if that is not allowed.
fn mounted(sandbox: &Sandbox, mounts: &str) -> Option<Run> {
    let may = Process::new("unshare").args(["-m", "mount", "-t", "tmpfs", "t", "/mnt"]).output();
    if !may.is_ok_and(|out| out.status.success()) {
        skipped(Lacks::Mount, "only root can mount");
        return None;
    }
    let poof = env!("CARGO_BIN_EXE_poof");
    let script = format!("set -e; cd /; {mounts}; set +e; {poof} upload --yes");
    Some(sandbox.program("unshare").args(["-m", "sh", "-c", &script]).run())
}

#[test]
fn nothing_is_wiped_where_the_state_has_no_room() {
    let sandbox = plain(300);
    let original = Snapshot::of(&sandbox.data());
    sandbox.poof(["backup"]).run().expect_code(0);
    // Room for what there is, and not for a page more.
    let mounts = "S=$HOME/.local/state/poof; mkdir $HOME/s; cp -a $S/. $HOME/s; \
                  mount -t tmpfs -o size=2m,mode=700 t $S; cp -a $HOME/s/. $S; \
                  dd if=/dev/zero of=$S/full bs=4k 2>/dev/null || true";
    let Some(run) = mounted(&sandbox, mounts) else { return };
    // It is this machine's disk: nothing is wrong with what is on the remote.
    let run =
        run.expect_code(1).stderr_has("No space left").stderr_has("wiped, see above; 0 files");
    assert!(whole(&sandbox.data(), &original) && count(&sandbox.data()) == 300, "{run}");
    nothing_is_lost(&sandbox, &original);
}

#[test]
fn a_tree_on_a_read_only_disk_is_sent_and_stays() {
    let sandbox = plain(20);
    let original = Snapshot::of(&sandbox.data());
    let mounts = "mount --bind $HOME/data $HOME/data; mount -o remount,ro,bind $HOME/data";
    let Some(run) = mounted(&sandbox, mounts) else { return };
    let run = run.expect_code(9).stderr_has("Read-only file system").stderr_has("data/");
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    assert!(!run.stderr.contains("All wiped"), "{run}");
    nothing_is_lost(&sandbox, &original);
}

#[test]
fn nothing_goes_after_a_journal_that_is_not_on_the_disk() {
    let sandbox = plain(300);
    let original = Snapshot::of(&sandbox.data());
    let path = journal(&sandbox);
    let dir = path.parent().unwrap();
    // The journal, full or failing, and the record that is written before it.
    for (path, fault) in [
        (path.as_path(), "inject=write:error=ENOSPC"),
        (&path, "inject=fdatasync:error=EIO"),
        (&path, "inject=openat:error=EROFS"),
        (dir, "inject=fsync:error=EIO"),
    ] {
        let run = traced(&sandbox, &["-P", path.to_str().unwrap(), "-e", fault]).run();
        let run = run.expect_code(1).stderr_has("cannot ");
        assert_eq!(count(&sandbox.data()), 300, "{fault}: {run}");
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    }
    // The second batch.
    let fault = ["-P", path.to_str().unwrap(), "-e", "inject=fdatasync:error=EIO:when=2"];
    let run = traced(&sandbox, &fault).run().expect_code(1);
    assert_eq!(count(&sandbox.data()), 300 - BATCH, "{run}");
    assert!(whole(&sandbox.data(), &original), "{run}");
    nothing_is_lost(&sandbox, &original);
}

#[test]
fn a_file_that_the_disk_cannot_overwrite_is_named_and_can_be_restored() {
    let sandbox = plain(20);
    fs::write(sandbox.data().join("victim"), "precious").unwrap();
    let original = Snapshot::of(&sandbox.data());
    let victim = sandbox.data().join("victim");
    for fault in [
        "inject=pwrite64:error=ENOSPC",
        "inject=pwrite64:error=EIO",
        "inject=fdatasync:error=EIO",
        "inject=ftruncate:error=EIO",
    ] {
        let run = traced(&sandbox, &["-P", victim.to_str().unwrap(), "-e", fault]).run();
        let run = run.expect_code(9).stderr_has("data/victim: residue: it cannot be wiped");
        assert_eq!(count(&sandbox.data()), 1, "{fault}: {run}");
        assert_eq!(fs::metadata(&victim).unwrap().len(), 8, "{fault}: {run}");
        nothing_is_lost(&sandbox, &original);
    }
}

#[test]
fn a_name_that_the_disk_does_not_remove_is_named() {
    let sandbox = plain(20);
    let original = Snapshot::of(&sandbox.data());
    // Of what is moved aside to be removed each thread's first.
    let aside = sandbox.data().join(".poof-restoring");
    let fault = ["-P", aside.to_str().unwrap(), "-e", "inject=unlinkat:error=EIO:when=1"];
    let run = traced(&sandbox, &fault).run().expect_code(9);
    assert!(run.stderr.contains("residue: it cannot be wiped: "), "{run}");
    // Under their own names.
    assert!(count(&sandbox.data()) > 0 && count(&aside) == 0, "{run}");
    nothing_is_lost(&sandbox, &original);
}

/// Lets each sync of an upload fail in turn, and all after it.
fn syncs_that_fail(points: impl Iterator<Item = usize>) {
    for k in points {
        let sandbox = plain(40);
        let original = Snapshot::of(&sandbox.data());
        let fault = format!("inject=fsync,fdatasync,syncfs:error=EIO:when={k}+");
        let run = traced(&sandbox, &["-e", &fault]).run();
        if run.code == Some(0) {
            // Fewer than that many are made by any thread.
            assert!(k > 1 && !sandbox.data().exists(), "{run}");
            continue;
        }
        assert!(matches!(run.code, Some(1 | 5 | 6 | 9)), "{k}: {run}");
        if count(&sandbox.data()) < 40 {
            sandbox.poof(["download", "--to", "beside"]).run().expect_code(0);
            let beside = sandbox.home().join("beside/data");
            assert_same_content(&original, &Snapshot::of(&beside));
        } else {
            assert!(whole(&sandbox.data(), &original) || run.stderr.contains("residue"), "{run}");
        }
        sandbox.poof(UPLOAD).run().expect_code(0);
        sandbox.poof(["download"]).run().expect_code(0);
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    }
}

#[test]
fn a_disk_that_begins_to_fail_loses_nothing() {
    syncs_that_fail([1, 4].into_iter());
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_a_disk_that_begins_to_fail_loses_nothing() {
    syncs_that_fail(1..=60);
}

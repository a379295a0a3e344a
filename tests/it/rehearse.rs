//! `rehearse`: everything comes back into a scratch directory, faults are found, and nothing of
//! it is left.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command as Process;

use serde_json::{Value, json};
use walkdir::WalkDir;

use crate::farewell::{kit, safe};
use crate::harness::command::Run;
use crate::harness::forger::Forger;
use crate::harness::{
    Backdoor, Config, DeadEnd, Kind, Lacks, Sandbox, Snapshot, Verdict, assert_same_content, minio,
    skipped,
};
use crate::story::{encrypted, grown, on_disk, plain};

/// Larger than a block of crypt.
const LARGE: usize = 200_000;

/// A machine with two snapshots, whose small files are objects, or in bundles.
fn saved(sealed: bool, bundle: bool) -> Sandbox {
    let sandbox = Sandbox::new();
    let endpoint = minio().endpoint();
    sandbox.write_config(&if sealed {
        Config::encrypted(endpoint)
    } else {
        Config::plain(endpoint)
    });
    sandbox.set("bundle", json!(bundle));
    let data = sandbox.data();
    fs::create_dir(data.join("dir")).unwrap();
    for name in ["gone", "first", "second", "twice", "dir/deep"] {
        fs::write(data.join(name), format!("the text of {name:8}")).unwrap();
    }
    let mut noise = vec![0; LARGE];
    fastrand::Rng::with_seed(7).fill(&mut noise);
    fs::write(data.join("large"), &noise).unwrap();
    std::os::unix::fs::symlink("gone", data.join("link")).unwrap();
    fs::hard_link(data.join("first"), data.join("other name")).unwrap();
    fs::set_permissions(data.join("second"), Permissions::from_mode(0o640)).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::write(data.join("twice"), "the text of another").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox
}

/// What is below the home directory but for the note of the rehearsal, and what the harness
/// puts there.
fn all_of(home: &Path) -> Vec<(String, u64)> {
    let is_own = |path: &str| {
        let mine = ["rehearsal.json", "backdoor", "machine", "/lock"];
        !mine.iter().any(|end| path.ends_with(end))
    };
    let entries = WalkDir::new(home).sort_by_file_name().into_iter().map(|entry| {
        let entry = entry.unwrap();
        let meta = entry.metadata().unwrap();
        let path = entry.path().strip_prefix(home).unwrap().to_string_lossy().into_owned();
        (path, if meta.is_file() { meta.len() } else { 0 })
    });
    entries.filter(|(path, _)| is_own(path)).collect()
}

/// A rehearsal that changes nothing here and leaves nothing.
#[track_caller]
fn rehearse(sandbox: &Sandbox, args: &[&str], code: i32) -> Run {
    let before = all_of(&sandbox.home());
    let run = sandbox.poof(["rehearse"]).args(args).run().expect_code(code);
    assert_eq!(before, all_of(&sandbox.home()), "{run}");
    run
}

#[test]
fn everything_comes_back_and_what_changed_here_since_is_no_fault() {
    for (sealed, bundle) in [(false, false), (true, false), (false, true), (true, true)] {
        let sandbox = saved(sealed, bundle);
        let door = Backdoor::new(&sandbox);
        let before = door.listing();
        let run = rehearse(&sandbox, &[], 0);
        run.stderr_has("All came back as it was: ").stderr_has("data: 8 files, ");
        let run = rehearse(&sandbox, &["--sample", "20%"], 0);
        // Of bundles whole ones come.
        run.stderr_has(if bundle { " came back" } else { "data: 2 files, " });
        fs::write(sandbox.data().join("gone"), "changed").unwrap();
        fs::set_permissions(sandbox.data().join("second"), Permissions::from_mode(0o600)).unwrap();
        fs::remove_file(sandbox.data().join("large")).unwrap();
        rehearse(&sandbox, &["--only", "data"], 0).stderr_has("4 changed here since");
        assert_eq!(before, door.listing(), "nothing is written to the remote");
    }
}

#[test]
fn what_was_wiped_here_comes_back_for_a_look_and_stays_wiped() {
    for sandbox in [plain(20), encrypted(20)] {
        kit(&sandbox);
        sandbox.poof(["upload", "--yes", "--keep-poof"]).run().expect_code(0);
        let run = rehearse(&sandbox, &["--only", "data"], 0);
        run.stderr_has("data: 20 files, ").stderr_has("none of it is here");
        assert!(!sandbox.data().exists());
        let door = Backdoor::new(&sandbox);
        let heads = door.names(".poof/trees/data/head");
        door.delete(&format!(".poof/trees/data/head/{}", heads.last().unwrap()));
        rehearse(&sandbox, &["--only", "data"], 5).stderr_has("data");
    }
}

/// What is done to an object.
enum Harm {
    Delete,
    Cut,
    Write(Vec<u8>),
}

/// Does harm to an object, rehearses, and makes it good again.
#[track_caller]
fn harmed(sandbox: &Sandbox, path: &str, harm: &Harm, told: &str) {
    let door = Backdoor::new(sandbox);
    let was = door.read(path);
    match harm {
        Harm::Delete => door.delete(path),
        // Between two blocks of crypt.
        Harm::Cut => door.write(path, &was[..was.len().min(32 + 16 + (64 << 10)) - 1]),
        Harm::Write(bytes) => door.write(path, bytes),
    }
    let run = rehearse(sandbox, &[], 5);
    assert!(format!("{}{}", run.stdout, run.stderr).contains(told), "{path}, {told}: {run}");
    run.stderr_has("Not all came back as it was");
    door.write(path, &was);
}

#[test]
fn each_fault_of_an_object_or_a_manifest_is_found_and_named() {
    for sealed in [false, true] {
        let sandbox = saved(sealed, false);
        let door = Backdoor::new(&sandbox);
        let first = door.read("data/first");
        let shards = ".poof/trees/data/shard";
        let shard = |name: String| format!("{shards}/{name}");
        let [newest, before] = door.heads("data");
        let older = door.read(&before);
        let junk = || Harm::Write(b"junk".to_vec());
        for (path, harm, told) in [
            ("data/gone", Harm::Delete, "data/gone"),
            ("data/dir/deep", Harm::Delete, "data/dir/deep"),
            ("data/second", Harm::Write(first), "data/second"),
            ("data/large", Harm::Cut, "data/large"),
            ("data/twice", junk(), "data/twice"),
            (&newest, Harm::Delete, "the remote has generation 1, and this machine has seen 2"),
            (&newest, junk(), "the last snapshot of"),
            (&newest, Harm::Write(older), "the last snapshot of"),
        ] {
            harmed(&sandbox, path, &harm, told);
        }
        // One of them is that of the newest snapshot.
        let known: Vec<_> = door.names(shards).into_iter().map(shard).collect();
        let kept: Vec<_> = known.iter().map(|path| door.read(path)).collect();
        for harm in [None, Some(&b"junk"[..])] {
            for path in &known {
                harm.map_or_else(|| door.delete(path), |junk| door.write(path, junk));
            }
            rehearse(&sandbox, &["--only", "data"], 5).stderr_has("the last snapshot of");
            for (path, bytes) in known.iter().zip(&kept) {
                door.write(path, bytes);
            }
        }
        rehearse(&sandbox, &[], 0);
    }
}

#[test]
fn each_fault_of_a_bundle_is_found_and_named() {
    for sealed in [false, true] {
        let sandbox = saved(sealed, true);
        let door = Backdoor::new(&sandbox);
        let bundles = ".poof/bundles/data";
        let names = door.names(bundles);
        let largest = names.iter().max_by_key(|name| door.read(&format!("{bundles}/{name}")).len());
        let path = format!("{bundles}/{}", largest.unwrap());
        let mut other = door.read(&path);
        let middle = other.len() / 3;
        other[middle..2 * middle].fill(7);
        for harm in [Harm::Delete, Harm::Cut, Harm::Write(other)] {
            harmed(&sandbox, &path, &harm, "data/");
        }
        rehearse(&sandbox, &[], 0);
    }
}

// Whoever can write to a bucket in clear can write a manifest.
#[test]
fn attributes_that_nobody_here_has_changed_and_that_come_back_otherwise_are_named() {
    for mode in [true, false] {
        let (sandbox, bucket) = on_disk();
        for name in ["fine", "forged"] {
            fs::write(sandbox.data().join(name), "12345").unwrap();
        }
        sandbox.poof(["backup"]).run().expect_code(0);
        let mut forger = Forger::new(&bucket);
        let entry = forger.entries.iter_mut().find(|entry| entry.path == b"forged").unwrap();
        if mode {
            entry.mode = 0o777;
        } else {
            entry.mtime.0 -= 1000;
        }
        forger.machine = forger.own;
        forger.write(100);
        let run = rehearse(&sandbox, &["--only", "data"], 5);
        assert!(run.stdout.starts_with("attributes data/forged: "), "{run}");
        assert_eq!(run.stdout.lines().count(), 1, "{run}");
        // What has changed here may be otherwise.
        fs::write(sandbox.data().join("forged"), "changed").unwrap();
        rehearse(&sandbox, &["--only", "data"], 0).stderr_has("1 changed here since");
    }
}

#[test]
fn a_kit_and_its_phrase_are_enough_and_a_wrong_one_is_refused() {
    let sandbox = encrypted(10);
    sandbox.poof(["backup"]).run().expect_code(0);
    let kit = kit(&sandbox);
    let (kit, phrase) = (kit.to_str().unwrap(), kit.with_file_name("phrase"));
    let phrase = phrase.to_str().unwrap();
    let args = ["--kit", kit, "--phrase-file", phrase];
    let run = rehearse(&sandbox, &args, 0);
    run.stderr_has("All came back as it was: ").stderr_has("data: 10 files, ");
    let wrong = safe(&sandbox).join("wrong");
    fs::write(&wrong, "another phrase\n").unwrap();
    let wrong = wrong.to_str().unwrap();
    rehearse(&sandbox, &["--kit", kit, "--phrase-file", wrong], 3).stderr_has("phrase");
    let other = encrypted(3);
    other.poof(["backup"]).run().expect_code(0);
    let of_other = crate::farewell::kit(&other);
    let of_other = of_other.to_str().unwrap();
    let run = rehearse(&sandbox, &["--kit", of_other, "--phrase-file", phrase], 7);
    run.stderr_has("the kit is of ");
    let half = fs::read(kit).unwrap();
    let cut = safe(&sandbox).join("cut");
    fs::write(&cut, &half[..half.len() / 2]).unwrap();
    let cut = cut.to_str().unwrap();
    rehearse(&sandbox, &["--kit", cut, "--phrase-file", phrase], 3);
    // A directory that came after the kit.
    fs::create_dir(sandbox.home().join("later")).unwrap();
    let later = sandbox.home().join("later");
    sandbox.poof(["add", later.to_str().unwrap()]).run().expect_code(0);
    let run = rehearse(&sandbox, &args, 5);
    run.stderr_has("the kit does not know the directory later");
}

#[test]
fn nobody_answers() {
    let sandbox = plain(3);
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox.write_config(&Config::plain(DeadEnd::new().endpoint()));
    rehearse(&sandbox, &[], 4);
}

#[test]
fn an_interrupt_leaves_nothing_and_what_a_kill_leaves_goes_with_the_next() {
    for (signal, code) in [(libc::SIGTERM, Some(130)), (libc::SIGKILL, None)] {
        let (sandbox, proxy) = grown(true, 40);
        sandbox.poof(["backup"]).run().expect_code(0);
        let before = all_of(&sandbox.home());
        let (reached, is_reached) = std::sync::mpsc::channel();
        let scratch = sandbox.state();
        proxy.set_rule(move |request| {
            let came = WalkDir::new(&scratch).into_iter().flatten();
            let came = came.filter(|e| e.path().to_string_lossy().contains("/data/data/"));
            if request.kind == Kind::Get && came.count() > 5 {
                let _ = reached.send(());
                return Verdict::Hold;
            }
            Verdict::Pass
        });
        let running = sandbox.poof(["rehearse"]).start();
        is_reached.recv_timeout(std::time::Duration::from_secs(40)).unwrap();
        running.signal(signal);
        let run = running.finish();
        assert_eq!(run.code, code, "{run}");
        proxy.set_rule(|_| Verdict::Pass);
        if code.is_some() {
            assert_eq!(before, all_of(&sandbox.home()), "{run}");
        } else {
            assert_ne!(before, all_of(&sandbox.home()), "{run}");
            sandbox.poof(["rehearse"]).run().expect_code(0);
            assert_eq!(before, all_of(&sandbox.home()));
        }
    }
}

// A directory that its owner may not write to cannot be emptied as it is.
#[test]
fn what_is_closed_to_its_owner_is_removed_as_well() {
    let sandbox = plain(3);
    let closed = sandbox.data().join("closed");
    fs::create_dir_all(closed.join("deep")).unwrap();
    fs::write(closed.join("deep/file"), "x").unwrap();
    fs::set_permissions(closed.join("deep/file"), Permissions::from_mode(0o400)).unwrap();
    for dir in [closed.join("deep"), closed.clone()] {
        fs::set_permissions(dir, Permissions::from_mode(0o500)).unwrap();
    }
    sandbox.poof_as_ordinary_user(["backup"]).run().expect_code(0);
    let before = (all_of(&sandbox.home()), Snapshot::of(&sandbox.data()));
    let run = sandbox.poof_as_ordinary_user(["rehearse"]).run().expect_code(0);
    assert_eq!(before.0, all_of(&sandbox.home()), "{run}");
    assert_same_content(&before.1, &Snapshot::of(&sandbox.data()));
}

#[test]
fn a_disk_without_room_for_it_is_named_before_anything_is_fetched() {
    let sandbox = plain(3);
    let may = Process::new("unshare").args(["-m", "mount", "-t", "tmpfs", "t", "/mnt"]).output();
    if !may.is_ok_and(|out| out.status.success()) {
        skipped(Lacks::Mount, "only root can mount");
        return;
    }
    fs::write(sandbox.data().join("large"), vec![7; 8 << 20]).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    let script = format!(
        "set -e; S={}; cp -a $S $HOME/kept; mount -t tmpfs -o size=4m,mode=700 t $S
         cp -a $HOME/kept/. $S; set +e; {} rehearse; code=$?; ls $S; exit $code",
        sandbox.state().display(),
        env!("CARGO_BIN_EXE_poof")
    );
    let run = sandbox.program("unshare").args(["-m", "sh", "-c", &script]).run().expect_code(5);
    let run = run.stderr_has(" are to come, and ").stderr_has("poof rehearse --sample 5%");
    assert!(!run.stdout.contains("scratch"), "{run}");
}

fn last(sandbox: &Sandbox) -> Value {
    let text = fs::read(sandbox.state().join("rehearsal.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn a_scheduled_run_rehearses_when_it_is_due_and_a_failure_counts_until_all_comes_back() {
    let sandbox = plain(5);
    sandbox.set("rehearse", json!("30d"));
    let scheduled = |code| sandbox.poof(["backup", "--scheduled"]).run().expect_code(code);
    scheduled(0);
    assert_eq!(last(&sandbox)["exit_code"], 0);
    let first = last(&sandbox)["whole"]["at"].clone();
    let path = sandbox.state().join("rehearsal.json");
    let set = |key: &str, value: Value| {
        let mut known = last(&sandbox);
        known[key] = value;
        fs::write(&path, known.to_string()).unwrap();
    };
    // It is not due: nothing is noted anew.
    set("tried", json!(first.as_u64().unwrap() - 29 * 86_400));
    let before = last(&sandbox);
    scheduled(0);
    assert_eq!(before, last(&sandbox));
    // It is.
    set("tried", json!(first.as_u64().unwrap() - 31 * 86_400));
    sandbox.poof(["status"]).run().expect_code(0).stdout_has("came back: ");
    scheduled(0);
    assert_ne!(before, last(&sandbox));
    set("exit_code", json!(5));
    scheduled(5);
    let history = fs::read_to_string(sandbox.state().join("schedule.json")).unwrap();
    assert!(history.contains("\"failures\": 1"), "{history}");
    let status = sandbox.poof(["status"]).run().expect_code(0);
    status.stdout_has("not everything came back on ");
    // Whoever looks, and finds all there, ends that.
    sandbox.poof(["rehearse"]).run().expect_code(0);
    scheduled(0);
    sandbox.set("rehearse", json!("often"));
    sandbox.poof(["verify", "--offline"]).run().expect_code(3);
}

#[test]
fn status_says_when_everything_came_back_and_an_upload_that_it_never_did() {
    let sandbox = encrypted(5);
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox.poof(["status"]).run().expect_code(0).stdout_has("came back: never (`poof rehearse`)");
    let args = ["upload", "--keep-poof", "--dry-run"];
    let proposal = "Nobody has seen yet that all comes back: `poof rehearse` shows it.";
    sandbox.poof(args).run().expect_code(0).stderr_has(proposal);
    // A part is not everything.
    for part in [["--only", "data"], ["--sample", "50%"]] {
        sandbox.poof(["rehearse"]).args(part).run().expect_code(0);
        sandbox.poof(["status"]).run().expect_code(0).stdout_has("came back: never");
    }
    sandbox.poof(["rehearse"]).run().expect_code(0);
    sandbox.poof(["status"]).run().expect_code(0).stdout_has("; to bring everything back would");
    let run = sandbox.poof(args).run().expect_code(0);
    assert!(!run.stderr.contains(proposal), "{run}");
    let lines = sandbox.poof(["--json", "status"]).run().expect_code(0).json_lines();
    let status = lines.iter().find(|line| line["type"] == "status").unwrap();
    assert!(status["rehearsed"].is_string() && status["home_seconds"].is_u64(), "{status}");
    assert!(status["rehearsal_failed"].is_null(), "{status}");
    // Of a directory that is new, and of another remote, nothing has come back.
    let more = sandbox.home().join("more");
    fs::create_dir(&more).unwrap();
    fs::write(more.join("file"), "x").unwrap();
    sandbox.poof(["add", more.to_str().unwrap()]).run().expect_code(0);
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox.poof(["status"]).run().expect_code(0).stdout_has("came back: never");
    sandbox.poof(["rehearse"]).run().expect_code(0);
    sandbox.poof(["status"]).run().expect_code(0).stdout_has("; to bring everything back would");
    sandbox.poof(["cryptoggle"]).run().expect_code(0);
    sandbox.poof(["backup", "--allow", "other-remote"]).run().expect_code(0);
    sandbox.poof(["status"]).run().expect_code(0).stdout_has("came back: never");
}

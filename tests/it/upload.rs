//! `poof upload`: what is wiped was proven a moment before, and comes back.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command as Process;
use std::time::Duration;

use crate::harness::command::Run;
use crate::harness::hostile::{Keeper, hostile};
use crate::harness::{
    Backdoor, Kind, Proxy, Snapshot, Verdict, assert_exact, assert_same_content, copy_exactly, grow,
};
use crate::story::{encrypted, plain, proxied};

/// Level 2 also where the remote is encrypted.
const UPLOAD: [&str; 3] = ["upload", "--yes", "--keep-poof"];
const BACK: [&str; 3] = ["download", "--yes", "--keep-extra"];

#[track_caller]
fn says(run: &Run, text: &str) {
    assert!(run.stderr.contains(text), "standard error lacks {text:?}: {run}");
}

/// Uploads and wipes a hostile tree, and brings it back.
fn there_and_back(encrypted: bool, keeper: Keeper) {
    let (sandbox, _proxy) = proxied(encrypted);
    hostile(&sandbox.data(), keeper);
    let poof = |args: &[&str]| match keeper {
        Keeper::Root => sandbox.poof(args),
        Keeper::User => sandbox.poof_as_ordinary_user(args),
    };
    if keeper == Keeper::User {
        poof(&["paths"]).run().expect_code(0);
    }
    let original = sandbox.home().join("original");
    copy_exactly(&sandbox.data(), &original);
    let run = poof(&UPLOAD).run();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(!sandbox.data().exists(), "{run}");
    let run = poof(&["download", "--yes"]).run();
    assert_eq!(run.code, Some(0), "{run}");
    assert_exact(&original, &sandbox.data());
    poof(&["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed, 0 removed");
}

#[test]
fn everything_goes_and_comes_back_exactly_plain() {
    if rustix::process::geteuid().is_root() {
        there_and_back(false, Keeper::Root);
    }
    there_and_back(false, Keeper::User);
}

#[test]
fn everything_goes_and_comes_back_exactly_encrypted() {
    if rustix::process::geteuid().is_root() {
        there_and_back(true, Keeper::Root);
    }
    there_and_back(true, Keeper::User);
}

#[test]
fn a_wiped_tree_is_no_reason_to_worry_until_something_comes_up_in_it() {
    let sandbox = plain(20);
    let original = Snapshot::of(&sandbox.data());
    sandbox.poof(UPLOAD).run().expect_code(0);
    assert!(!sandbox.data().exists());
    let door = Backdoor::new(&sandbox);
    let remote = door.listing();
    for again in [&["backup"][..], &UPLOAD, &["backup", "--dry-run"]] {
        sandbox.poof(again).run().expect_code(0).stderr_has("data: wiped on ");
        assert_eq!(door.listing(), remote, "{again:?}");
    }
    // A desktop makes its directories again.
    fs::create_dir_all(sandbox.data().join("Desktop/deep")).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: wiped on ");
    fs::write(sandbox.data().join("mine"), "new").unwrap();
    for again in [&["backup", "--yes"][..], &UPLOAD] {
        let run = sandbox.poof(again).run().expect_code(7);
        says(&run, "mass-deletion");
        assert_eq!(fs::read_to_string(sandbox.data().join("mine")).unwrap(), "new");
    }
    sandbox.poof(BACK).run().expect_code(0);
    assert_eq!(fs::read_to_string(sandbox.data().join("mine")).unwrap(), "new");
    fs::remove_file(sandbox.data().join("mine")).unwrap();
    fs::remove_dir_all(sandbox.data().join("Desktop")).unwrap();
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed");
    assert!(!door.names(".poof").iter().any(|name| name.ends_with("/state")));
}

#[test]
fn a_wiped_tree_can_be_replaced_with_a_word() {
    let sandbox = plain(20);
    sandbox.poof(UPLOAD).run().expect_code(0);
    fs::create_dir(sandbox.data()).unwrap();
    fs::write(sandbox.data().join("mine"), "new").unwrap();
    sandbox.poof(["backup", "--allow", "mass-deletion"]).run().expect_code(0);
    assert_eq!(Backdoor::new(&sandbox).names("data"), ["mine"]);
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed");
}

#[test]
fn a_machine_that_lost_its_memory_is_told_by_the_remote() {
    let sandbox = encrypted(20);
    let original = Snapshot::of(&sandbox.data());
    sandbox.poof(UPLOAD).run().expect_code(0);
    fs::remove_dir_all(sandbox.state()).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: wiped on ");
    sandbox.poof(["download"]).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed");
}

#[test]
fn a_dry_run_says_what_would_go_and_touches_nothing() {
    let sandbox = plain(20);
    let original = Snapshot::of(&sandbox.data());
    let run = sandbox.poof(["upload", "--dry-run"]).run().expect_code(0);
    run.stdout_has("x data: 20 files, ").stdout_has("would be wiped on ");
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    let run = sandbox.poof(["backup"]).run().expect_code(0);
    says(&run, "data: 20 new");
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
        symlink(home.join("elsewhere"), at("dir")).unwrap();
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
fn what_the_server_does_not_hold_stays_here() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = proxied(encrypted);
        grow(&sandbox.data(), 30, 1..=3_000, 1);
        fs::write(sandbox.data().join("victim"), "precious").unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        fs::write(sandbox.data().join("victim"), "more precious").unwrap();
        let key = Backdoor::new(&sandbox).key("data/victim");
        proxy.set_rule(move |request| match request.kind {
            Kind::Put if request.key() == key => Verdict::Swallow,
            _ => Verdict::Pass,
        });
        let run = sandbox.poof(UPLOAD).run();
        assert_eq!(run.code, Some(6), "{run}");
        says(&run, "data/victim");
        let victim = sandbox.data().join("victim");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "more precious");
        assert_eq!(walkdir::WalkDir::new(sandbox.data()).into_iter().count(), 2, "{run}");
    }
}

/// Harm that somebody does to the objects of two files once all are sent.
type Harm = fn(&Backdoor);

#[test]
fn damage_done_after_the_sending_is_seen_before_the_wipe() {
    let harms: [(&str, Harm); 5] = [
        ("deleted", |door| door.delete("data/a")),
        ("corrupted", |door| door.write("data/a", b"WRONG")),
        ("truncated", |door| door.write("data/a", b"")),
        ("swapped", |door| {
            let (a, b) = (door.read("data/a"), door.read("data/b"));
            door.write("data/a", &b);
            door.write("data/b", &a);
        }),
        ("large", |door| door.write("data/large", &vec![1; 9_000_000])),
    ];
    for encrypted in [false, true] {
        for (what, harm) in harms {
            let (sandbox, proxy) = proxied(encrypted);
            grow(&sandbox.data(), 10, 1..=3_000, 1);
            grow(&sandbox.data().join("large-dir"), 1, 9_000_000..=9_000_000, 4);
            fs::write(sandbox.data().join("a"), "right").unwrap();
            fs::write(sandbox.data().join("b"), "RIGHT").unwrap();
            fs::write(sandbox.data().join("large"), vec![7; 9_000_000]).unwrap();
            sandbox.poof(["backup"]).run().expect_code(0);
            // The new head is the last thing that is sent: its directory is then listed
            // once more.
            fs::write(sandbox.data().join("news"), "news").unwrap();
            let sandbox = std::sync::Arc::new(sandbox);
            let (inner, heads) = (sandbox.clone(), std::sync::atomic::AtomicUsize::new(0));
            let head = Backdoor::new(&sandbox).key(".poof/trees/data/head/0000000002");
            let harmed = std::sync::Once::new();
            proxy.set_rule(move |request| {
                if request.key() == head
                    && request.kind == Kind::Get
                    && heads.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0
                {
                    // Through another door: not seen here.
                    harmed.call_once(|| harm(&Backdoor::past(&inner)));
                }
                Verdict::Pass
            });
            let run = sandbox.poof(UPLOAD).run();
            assert_eq!(run.code, Some(6), "{what} {encrypted}: {run}");
            let text = |name: &str| fs::read(sandbox.data().join(name));
            let kept = match what {
                "large" => text("large").unwrap() == vec![7; 9_000_000],
                "swapped" => text("a").unwrap() == b"right" && text("b").unwrap() == b"RIGHT",
                _ => text("a").unwrap() == b"right",
            };
            assert!(kept, "{what} {encrypted}: {run}");
            assert!(!sandbox.data().join("news").exists(), "{what} {encrypted}: {run}");
        }
    }
}

#[test]
fn nothing_is_wiped_where_something_could_not_be_sent() {
    let (sandbox, proxy) = proxied(false);
    grow(&sandbox.data(), 30, 1..=3_000, 1);
    let original = Snapshot::of(&sandbox.data());
    proxy.set_rule(|request| match request.kind {
        Kind::Put if request.number > 20 => Verdict::Status(403, "AccessDenied"),
        _ => Verdict::Pass,
    });
    let run = sandbox.poof(UPLOAD).run();
    assert!(matches!(run.code, Some(4 | 5)), "{run}");
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    // The server goes away in the middle.
    proxy.reset();
    proxy.set_rule(|request| match request.number {
        ..=12 => Verdict::Pass,
        _ => Verdict::Status(503, "ServiceUnavailable"),
    });
    let run = sandbox.poof(UPLOAD).timeout(Duration::from_mins(3)).run();
    assert!(matches!(run.code, Some(4 | 5)), "{run}");
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    proxy.set_rule(|_| Verdict::Pass);
    sandbox.poof(UPLOAD).run().expect_code(0);
}

#[test]
fn what_cannot_be_read_keeps_everything_here() {
    let sandbox = plain(10);
    fs::write(sandbox.data().join("secret"), "x").unwrap();
    fs::set_permissions(sandbox.data().join("secret"), Permissions::from_mode(0o000)).unwrap();
    let before = sandbox.data().join("file-00001").exists();
    let run = sandbox.poof_as_ordinary_user(UPLOAD).run();
    assert_eq!(run.code, Some(5), "{run}");
    says(&run, "data/secret");
    says(&run, "Nothing was wiped");
    assert_eq!(sandbox.data().join("file-00001").exists(), before);
    assert_eq!(
        walkdir::WalkDir::new(sandbox.data())
            .into_iter()
            .flatten()
            .filter(|e| e.file_type().is_file())
            .count(),
        11
    );
}

#[test]
fn links_from_outside_sockets_and_what_is_read_only_are_handled() {
    let sandbox = plain(5);
    let data = sandbox.data();
    fs::write(data.join("shared"), "shared").unwrap();
    fs::hard_link(data.join("shared"), sandbox.home().join("outside")).unwrap();
    fs::write(data.join("twice"), "twice").unwrap();
    fs::hard_link(data.join("twice"), data.join("twice-again")).unwrap();
    let _socket = UnixListener::bind(data.join("socket")).unwrap();
    fs::create_dir(data.join("closed")).unwrap();
    fs::write(data.join("closed/read-only"), "x").unwrap();
    for (path, mode) in [("closed/read-only", 0o400), ("closed", 0o500)] {
        fs::set_permissions(data.join(path), Permissions::from_mode(mode)).unwrap();
    }
    let run = sandbox.poof_as_ordinary_user(UPLOAD).run();
    assert_eq!(run.code, Some(9), "{run}");
    says(&run, "data/shared: only this name is gone");
    assert!(!data.exists(), "{run}");
    assert_eq!(fs::read_to_string(sandbox.home().join("outside")).unwrap(), "shared");
    sandbox.poof_as_ordinary_user(BACK).run().expect_code(0);
    assert_eq!(fs::read_to_string(data.join("twice-again")).unwrap(), "twice");
}

#[test]
fn a_file_that_somebody_writes_to_stays_until_it_is_closed() {
    let sandbox = plain(5);
    fs::write(sandbox.data().join("log"), "line").unwrap();
    let log = File::options().append(true).open(sandbox.data().join("log")).unwrap();
    let run = sandbox.poof(UPLOAD).run();
    assert_eq!(run.code, Some(9), "{run}");
    says(&run, "data/log: residue: another program has it open for writing");
    assert_eq!(fs::read_to_string(sandbox.data().join("log")).unwrap(), "line");
    sandbox.poof(["backup"]).run().expect_code(7).stderr_has("poof upload");
    drop(log);
    sandbox.poof(UPLOAD).run().expect_code(0);
    assert!(!sandbox.data().exists());
    sandbox.poof(["download"]).run().expect_code(0);
    assert_eq!(fs::read_to_string(sandbox.data().join("log")).unwrap(), "line");
}

#[test]
fn an_immutable_file_goes_where_root_asks() {
    let sandbox = plain(5);
    let path = sandbox.data().join("locked");
    fs::write(&path, "x").unwrap();
    let locked = Process::new("chattr").arg("+i").arg(&path).status();
    if !locked.is_ok_and(|status| status.success()) {
        eprintln!("skipped: only root can lock, and not on every file system");
        return;
    }
    sandbox.poof(UPLOAD).run().expect_code(0);
    assert!(!sandbox.data().exists());
}

#[test]
fn mounts_inside_are_left_and_named() {
    let sandbox = plain(5);
    fs::create_dir_all(sandbox.home().join("elsewhere")).unwrap();
    fs::write(sandbox.home().join("elsewhere/precious"), "precious").unwrap();
    for dir in ["bound", "memory"] {
        fs::create_dir(sandbox.data().join(dir)).unwrap();
    }
    let may = Process::new("unshare").args(["-m", "mount", "-t", "tmpfs", "t", "/mnt"]).output();
    if !may.is_ok_and(|out| out.status.success()) {
        eprintln!("skipped: only root can mount");
        return;
    }
    let script = format!(
        "set -e; mount --bind $HOME/elsewhere $HOME/data/bound; mount -t tmpfs t $HOME/data/memory
         echo kept >$HOME/data/memory/file; set +e; {} upload --yes; code=$?
         cat $HOME/data/memory/file; exit $code",
        env!("CARGO_BIN_EXE_poof")
    );
    let run = sandbox.program("unshare").args(["-m", "sh", "-c", &script]).run().expect_code(9);
    says(&run, "data/bound: residue: a file system is mounted there");
    says(&run, "data/memory: residue: a file system is mounted there");
    assert!(run.stdout.contains("kept"), "{run}");
    let precious = sandbox.home().join("elsewhere/precious");
    assert_eq!(fs::read_to_string(precious).unwrap(), "precious");
    let left: Vec<_> =
        fs::read_dir(sandbox.data()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn proof_by_reading_back_notices_what_a_listing_cannot() {
    let sandbox = plain(10);
    sandbox.poof(["upload", "--yes", "--proof", "readback"]).run().expect_code(0);
    assert!(!sandbox.data().exists());
}

#[test]
fn the_cached_manifest_goes_with_the_tree() {
    let sandbox = plain(10);
    fs::write(sandbox.data().join("a-name-to-find"), "x").unwrap();
    sandbox.poof(UPLOAD).run().expect_code(0);
    let trees = fs::read_dir(sandbox.state().join("trees")).unwrap();
    // That of the configuration stays.
    assert_eq!(trees.count(), 1);
}

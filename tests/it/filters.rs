//! What poof.conf excludes: neither sent nor wiped, and never lost by a download.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Once;

use serde_json::{Value, json};
use walkdir::WalkDir;

use crate::farewell::kit;
use crate::harness::command::{Run, copy_program};
use crate::harness::{Backdoor, Config, Kind, Proxy, Sandbox, Verdict, minio};
use crate::neuter::on_a_terminal;
use crate::story::{names_on, on_disk, proxied, told};

const ENCRYPTED: [bool; 2] = [false, true];
const UPLOAD: [&str; 3] = ["upload", "--yes", "--keep-poof"];
const ALL: [&str; 4] = ["upload", "--yes", "--keep-poof", "--wipe-excluded"];

/// Puts the two lists into poof.conf.
fn exclude(sandbox: &Sandbox, exclude: &[&str], if_present: &[&str]) {
    let path = sandbox.confdir().join("poof.conf");
    let mut conf: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    conf["exclude"] = json!(exclude);
    conf["exclude_if_present"] = json!(if_present);
    fs::write(&path, serde_json::to_vec(&conf).unwrap()).unwrap();
}

/// Makes files in a directory, each with its own name as content.
fn make(dir: &Path, paths: &[&str]) {
    for path in paths {
        let file = dir.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, path).unwrap();
    }
}

/// The files below a directory; each must hold what it was made with.
#[track_caller]
fn here(dir: &Path) -> BTreeSet<String> {
    let all = WalkDir::new(dir).into_iter().flatten();
    let files = all.filter(|entry| entry.file_type().is_file()).map(|entry| {
        let path = entry.path().strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
        assert_eq!(fs::read_to_string(entry.path()).unwrap(), path, "its content");
        path
    });
    files.collect()
}

fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

const KEPT: [&str; 3] = ["doc", "src/main.rs", "src/deep/a.rs"];
const EXCLUDED: [&str; 5] =
    ["src/main.o", "target/debug/x", "target/y", "photos/CACHEDIR.TAG", "photos/thumb"];

/// A sandbox with files of which the filters exclude some.
fn filtered(encrypted: bool) -> (Sandbox, Proxy) {
    let (sandbox, proxy) = proxied(encrypted);
    make(&sandbox.data(), &KEPT);
    make(&sandbox.data(), &EXCLUDED);
    exclude(&sandbox, &["*.o", "/target/"], &["CACHEDIR.TAG"]);
    (sandbox, proxy)
}

#[test]
fn what_is_excluded_is_not_sent_and_a_dry_run_counts_it() {
    for encrypted in ENCRYPTED {
        let (sandbox, _proxy) = filtered(encrypted);
        let run = sandbox.poof(["--json", "backup", "--dry-run"]).run().expect_code(0);
        let lines = run.json_lines();
        let tree = lines.iter().find(|l| l["type"] == "tree" && l["tree"] == "data").unwrap();
        let bytes: usize = EXCLUDED.iter().map(|path| path.len()).sum();
        assert_eq!((&tree["excluded"], &tree["excluded_bytes"]), (&json!(5), &json!(bytes)));
        sandbox.poof(["backup", "--dry-run"]).run().stderr_has("; excluded: 5 files, ");
        sandbox.poof(["backup"]).run().expect_code(0);
        assert_eq!(names_on(&sandbox, "data").into_iter().collect::<BTreeSet<_>>(), set(&KEPT));
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed, 0 rem");
        sandbox.poof(["check", "--only", "data"]).run().expect_code(0).stderr_has("0 foreign");
    }
}

#[test]
fn what_becomes_excluded_leaves_the_snapshot_and_its_objects_go() {
    for encrypted in ENCRYPTED {
        let (sandbox, _proxy) = filtered(encrypted);
        exclude(&sandbox, &[], &[]);
        sandbox.poof(["backup"]).run().expect_code(0);
        assert_eq!(names_on(&sandbox, "data").len(), 8);
        exclude(&sandbox, &["*.o", "/target/"], &["CACHEDIR.TAG"]);
        let run = sandbox.poof(["backup", "--dry-run"]).run().expect_code(0);
        assert!(run.stdout.contains("- data/target/debug/x"), "{run}");
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has("5 removed, 3 unchanged");
        assert_eq!(names_on(&sandbox, "data").len(), 3);
        let all: Vec<_> = KEPT.iter().chain(&EXCLUDED).copied().collect();
        assert_eq!(here(&sandbox.data()), set(&all));
    }
}

// A mirror makes the directory equal to a snapshot that holds none of this.
#[test]
fn a_download_destroys_nothing_that_is_excluded_here() {
    for encrypted in ENCRYPTED {
        let (sandbox, _proxy) = filtered(encrypted);
        sandbox.poof(["backup"]).run().expect_code(0);
        // Below directories that go, at the place of others, and in those that stay.
        make(&sandbox.data(), &["extra/deep/b.o", "extra/gone", "src/deep/new.o", "target/new"]);
        fs::remove_file(sandbox.data().join("doc")).unwrap();
        let run = sandbox.poof(["download", "--yes"]).run().expect_code(0);
        let more = ["extra/deep/b.o", "src/deep/new.o", "target/new"];
        let all: Vec<_> = KEPT.iter().chain(&EXCLUDED).chain(&more).copied().collect();
        assert_eq!(here(&sandbox.data()), set(&all));
        run.stderr_has("data: excluded and left alone as it is here: 5");
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed, 0 rem");
    }
}

#[test]
fn what_is_excluded_here_is_in_the_way_of_nothing_silently() {
    let (sandbox, _proxy) = proxied(false);
    make(&sandbox.data(), &["a", "b/x", "c", "d"]);
    sandbox.poof(["backup"]).run().expect_code(0);
    // A directory that holds something excluded where a file is to be; something excluded
    // where a directory is to be, and the other way round.
    for name in ["a", "c", "d"] {
        fs::remove_file(sandbox.data().join(name)).unwrap();
    }
    fs::remove_dir_all(sandbox.data().join("b")).unwrap();
    make(&sandbox.data(), &["a/deep/keep.o", "b", "c/keep"]);
    exclude(&sandbox, &["*.o", "/b", "c/"], &[]);
    let run = sandbox.poof(["download", "--yes"]).run().expect_code(5);
    for name in ["a", "b", "b/x", "c"] {
        assert!(
            run.stderr.contains(&format!("data/{name}: what is to stay is in its way")),
            "{run}"
        );
    }
    assert_eq!(here(&sandbox.data()), set(&["a/deep/keep.o", "b", "c/keep", "d"]));
    // What is incomplete does not become the snapshot.
    sandbox.poof(["backup"]).run().expect_code(7);
}

// The snapshot may be all that there is of it.
#[test]
fn what_became_excluded_after_the_wipe_comes_back_and_is_not_replaced_where_it_is() {
    for encrypted in ENCRYPTED {
        let (sandbox, _proxy) = proxied(encrypted);
        make(&sandbox.data(), &KEPT);
        make(&sandbox.data(), &["a.o", "b.o", "target/x"]);
        sandbox.poof(UPLOAD).run().expect_code(0);
        assert!(!sandbox.data().exists());
        exclude(&sandbox, &["*.o", "/target/"], &[]);
        sandbox.poof(["download"]).run().expect_code(0);
        let all: Vec<_> = KEPT.iter().chain(&["a.o", "b.o", "target/x"]).copied().collect();
        assert_eq!(here(&sandbox.data()), set(&all));
        // A newer version of the one, and another gone.
        fs::write(sandbox.data().join("a.o"), "newer").unwrap();
        fs::remove_file(sandbox.data().join("b.o")).unwrap();
        fs::remove_file(sandbox.data().join("target/x")).unwrap();
        sandbox.poof(["download", "--yes"]).run().expect_code(0);
        assert_eq!(fs::read_to_string(sandbox.data().join("a.o")).unwrap(), "newer");
        assert!(sandbox.data().join("b.o").exists());
        assert!(!sandbox.data().join("target/x").exists(), "left alone as a whole");
    }
}

/// A wiped tree in which a program has made an excluded directory anew, after a download.
fn withheld(encrypted: bool) -> (Sandbox, Proxy) {
    let (sandbox, proxy) = proxied(encrypted);
    make(&sandbox.data(), &KEPT);
    make(&sandbox.data(), &["target/x", "target/deep/y"]);
    sandbox.poof(UPLOAD).run().expect_code(0);
    make(&sandbox.data(), &["target/cache"]);
    exclude(&sandbox, &["/target/"], &[]);
    let left_out = "not brought, because it is in an excluded directory that is here: 3";
    sandbox.poof(["download"]).run().expect_code(0).stderr_has(left_out);
    (sandbox, proxy)
}

#[test]
fn what_a_download_leaves_out_as_excluded_is_not_taken_for_deleted() {
    for encrypted in ENCRYPTED {
        let (sandbox, _proxy) = withheld(encrypted);
        let saved = |to: &str| {
            let to = sandbox.home().join(to);
            sandbox.poof(["download", "--to", to.to_str().unwrap()]).run().expect_code(0);
            here(&to.join("data"))
        };
        // While it is excluded, and afterwards.
        make(&sandbox.data(), &["new"]);
        sandbox.poof(["backup"]).run().expect_code(0);
        exclude(&sandbox, &[], &[]);
        make(&sandbox.data(), &["newer"]);
        sandbox.poof(["backup"]).run().expect_code(0);
        let all = ["new", "newer", "target/x", "target/deep/y", "target/cache"];
        let all: Vec<_> = KEPT.iter().chain(&all).copied().collect();
        assert_eq!(saved("one"), set(&all));
        sandbox.poof(["download"]).run().expect_code(0);
        assert_eq!(here(&sandbox.data()), set(&all));
        // What is deleted then is.
        fs::remove_file(sandbox.data().join("target/x")).unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        assert!(!saved("two").contains("target/x"));
    }
}

#[test]
fn what_a_download_leaves_out_as_excluded_is_replaced_by_nothing_unasked() {
    let (sandbox, _proxy) = withheld(false);
    exclude(&sandbox, &[], &[]);
    let other = sandbox.data().join("target/x");
    fs::write(&other, "of another machine").unwrap();
    // As if its disk were not mounted: what is left out does not make it full.
    let away = sandbox.home().join("away");
    fs::rename(sandbox.data(), &away).unwrap();
    fs::create_dir(sandbox.data()).unwrap();
    sandbox.poof(["backup"]).run().expect_code(7).stderr_has("--allow empty-source");
    fs::remove_dir(sandbox.data()).unwrap();
    fs::rename(&away, sandbox.data()).unwrap();
    let refused = "data/target/x was wiped, or begun to be, or left out by a download";
    for command in ["backup", "upload"] {
        sandbox.poof([command]).run().expect_code(7).stderr_has(refused);
    }
    fs::remove_dir_all(sandbox.data().join("target")).unwrap();
    fs::write(sandbox.data().join("target"), "a file").unwrap();
    sandbox.poof(["backup"]).run().expect_code(7).stderr_has("data/target was wiped, or");
    fs::remove_file(sandbox.data().join("target")).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox.poof(["download"]).run().expect_code(0);
    let all: Vec<_> = KEPT.iter().chain(&["target/x", "target/deep/y"]).copied().collect();
    assert_eq!(here(&sandbox.data()), set(&all));
}

#[test]
fn a_remote_without_a_manifest_obeys_the_filters_as_well() {
    for encrypted in ENCRYPTED {
        let (sandbox, _proxy) = filtered(encrypted);
        exclude(&sandbox, &[], &[]);
        let place = format!("{}data", told(&sandbox));
        sandbox.rclone(["mkdir", &format!("poof-backup:{}", sandbox.bucket())]).run();
        let data = sandbox.data().display().to_string();
        sandbox.rclone(["copy", &data, &place]).run().expect_code(0);
        exclude(&sandbox, &["*.o", "/target/"], &["CACHEDIR.TAG"]);
        fs::write(sandbox.data().join("src/main.o"), "newer").unwrap();
        fs::remove_file(sandbox.data().join("target/y")).unwrap();
        fs::remove_dir_all(sandbox.data().join("photos")).unwrap();
        make(&sandbox.data(), &["target/new", "extra/deep/b.o", "extra/gone"]);
        let run = sandbox.poof(["download", "--yes", "--only", "data"]).run().expect_code(0);
        run.stderr_has("excluded and left alone as it is here: 3");
        assert_eq!(fs::read_to_string(sandbox.data().join("src/main.o")).unwrap(), "newer");
        make(&sandbox.data(), &["src/main.o"]);
        let rest = ["src/main.o", "target/debug/x", "target/new", "extra/deep/b.o"];
        let back = ["photos/CACHEDIR.TAG", "photos/thumb"];
        let all: Vec<_> = KEPT.iter().chain(&rest).chain(&back).copied().collect();
        assert_eq!(here(&sandbox.data()), set(&all));
        // The first backup adopts what is there. What is excluded poof has not made.
        let all = names_on(&sandbox, "data");
        let run = sandbox.poof(["backup"]).run().expect_code(0);
        run.stderr_has("that poof did not make");
        assert_eq!(names_on(&sandbox, "data"), all);
        sandbox.poof(["backup", "--allow", "foreign"]).run().expect_code(0);
        assert_eq!(names_on(&sandbox, "data").into_iter().collect::<BTreeSet<_>>(), set(&KEPT));
    }
}

#[test]
fn an_upload_leaves_what_is_excluded_and_says_so() {
    for encrypted in ENCRYPTED {
        let (sandbox, _proxy) = filtered(encrypted);
        let run =
            sandbox.poof(["--json", "upload", "--dry-run", "--keep-poof"]).run().expect_code(0);
        let lines = run.json_lines();
        let of = |kind: &str| {
            lines.iter().find(|l| l["type"] == kind && l["tree"] == "data").unwrap().clone()
        };
        assert_eq!((&of("would_wipe")["files"], &of("excluded")["files"]), (&json!(3), &json!(5)));
        assert_eq!(of("excluded")["wiped"], json!(false));
        let run = sandbox.poof(UPLOAD).run().expect_code(0);
        let run = run.stderr_has("data: wiped 3 files");
        run.stderr_has("data: excluded, and still here: 5 files, 63 B: photos, src/main.o, target");
        assert_eq!(here(&sandbox.data()), set(&EXCLUDED));
        assert!(!sandbox.data().join("src/deep").exists());
        // It is wiped; what comes up in a cache changes nothing.
        make(&sandbox.data(), &["target/new", "z.o"]);
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: wiped on");
        let run = sandbox.poof(["status"]).run().expect_code(0);
        assert!(run.stdout.contains("data: excluded, and still here: 7 files"), "{run}");
        // Once it is excluded no more, it is nobody's.
        exclude(&sandbox, &["*.o"], &["CACHEDIR.TAG"]);
        sandbox.poof(["backup"]).run().expect_code(7).stderr_has("new files have come up");
        exclude(&sandbox, &["*.o", "/target/"], &["CACHEDIR.TAG"]);
        sandbox.poof(["download", "--yes"]).run().expect_code(0);
        let more = ["target/new", "z.o"];
        let all: Vec<_> = KEPT.iter().chain(&EXCLUDED).chain(&more).copied().collect();
        assert_eq!(here(&sandbox.data()), set(&all));
    }
}

#[test]
fn with_wipe_excluded_it_goes_at_once_or_later() {
    for encrypted in ENCRYPTED {
        for later in [false, true] {
            let (sandbox, _proxy) = filtered(encrypted);
            if later {
                sandbox.poof(UPLOAD).run().expect_code(0);
            }
            let run = sandbox.poof(["--json", "upload", "--dry-run", "--wipe-excluded"]).run();
            let lines = run.json_lines();
            let excluded = lines.iter().find(|line| line["type"] == "excluded").unwrap();
            assert_eq!(
                (&excluded["files"], &excluded["wiped"]),
                (&json!(5), &json!(true)),
                "{run}"
            );
            // Nobody has said yes, and nobody can be asked.
            let run = sandbox.poof(["upload", "--keep-poof", "--wipe-excluded"]).run();
            run.expect_code(7).stderr_has("5 files, 63 B, that are excluded would be wiped");
            let run = sandbox.poof(ALL).run().expect_code(0);
            let run = run.stderr_has("data: excluded, and wiped: 5 files, 63 B");
            assert!(!sandbox.data().exists(), "{run}");
            sandbox.poof(["download"]).run().expect_code(0);
            assert_eq!(here(&sandbox.data()), set(&KEPT));
        }
    }
}

#[test]
fn a_kill_while_it_goes_loses_nothing_else() {
    for (encrypted, call, path) in [
        (false, "pwrite64", "doc"),
        (true, "ftruncate", "src/main.o"),
        (false, "fdatasync", "target/debug/x"),
        (false, "pwrite64", "photos/CACHEDIR.TAG"),
        (true, "pwrite64", "photos/thumb"),
    ] {
        let (sandbox, _proxy) = filtered(encrypted);
        sandbox.poof(["backup"]).run().expect_code(0);
        let file = format!("--trace-path={}", sandbox.data().join(path).display());
        let (trace, inject) =
            (format!("--trace={call}"), format!("--inject={call}:signal=SIGKILL"));
        let strace = ["-f", "-qq", "-o", "/dev/null", &trace, &file, &inject];
        let poof = [env!("CARGO_BIN_EXE_poof")];
        let run = sandbox.program("strace").args(strace).args(poof).args(ALL).run();
        assert_eq!(run.code, None, "{path}: {run}");
        if path == "photos/CACHEDIR.TAG" {
            // Without it, nobody could tell that the rest was excluded.
            assert!(!sandbox.data().join("photos/thumb").exists(), "{run}");
        }
        sandbox.poof(["download", "--to", "beside", "--only", "data"]).run().expect_code(0);
        assert_eq!(here(&sandbox.home().join("beside/data")), set(&KEPT), "{path}: {run}");
        let again = sandbox.poof(ALL).run();
        assert!(again.code == Some(0) && !sandbox.data().exists(), "{path}: {run}{again}");
        sandbox.poof(["download"]).run().expect_code(0);
        assert_eq!(here(&sandbox.data()), set(&KEPT), "{path}");
    }
}

#[test]
fn a_file_with_an_excluded_name_keeps_its_content_until_that_goes() {
    let (sandbox, _proxy) = filtered(false);
    fs::hard_link(sandbox.data().join("doc"), sandbox.data().join("target/doc")).unwrap();
    let run = sandbox.poof(UPLOAD).run().expect_code(9);
    run.stderr_has(
        "data/doc: only this name is gone: the file has another outside of the tree, or",
    );
    assert_eq!(fs::read_to_string(sandbox.data().join("target/doc")).unwrap(), "doc");
    sandbox.poof(ALL).run().expect_code(0).stderr_has("data: excluded, and wiped: 6 files");
    assert!(!sandbox.data().exists());
}

#[test]
fn what_cannot_be_read_can_be_excluded() {
    let (sandbox, _proxy) = proxied(false);
    make(&sandbox.data(), &["doc", "closed/x"]);
    let closed = sandbox.data().join("closed");
    fs::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
    let backup = || sandbox.poof_as_ordinary_user(["backup"]).run();
    backup().expect_code(5).stderr_has("data/closed: not backed up");
    exclude(&sandbox, &["/closed/"], &[]);
    let run = backup().expect_code(0);
    assert!(!run.stderr.contains("closed"), "{run}");
}

#[test]
fn a_person_is_told_what_of_it_no_snapshot_holds() {
    let (sandbox, _proxy) = filtered(false);
    let line = format!("{} upload --wipe-excluded", env!("CARGO_BIN_EXE_poof"));
    let run = on_a_terminal(&sandbox, &line, "n\n");
    assert!(run.stdout.contains("and then 5 files, 63 B, that are excluded and that no"), "{run}");
    let line = format!("{} upload", env!("CARGO_BIN_EXE_poof"));
    let run = on_a_terminal(&sandbox, &line, "n\n");
    assert!(run.stdout.contains("; 5 files, 63 B, are excluded and stay. Go on?"), "{run}");
    assert_eq!(here(&sandbox.data()).len(), 8);
}

/// Does something once, after the survey and before anything is wiped.
fn while_it_runs(sandbox: &Sandbox, proxy: &Proxy, act: impl Fn() + Send + Sync + 'static) {
    let once = Once::new();
    let head = Backdoor::new(sandbox).key(".poof/trees/data/head/0000000001");
    proxy.set_rule(move |request| {
        if request.kind == Kind::Put && request.key() == head {
            once.call_once(&act);
        }
        Verdict::Pass
    });
}

#[test]
fn what_becomes_excluded_while_an_upload_runs_is_never_wiped_unproven() {
    let (sandbox, proxy) = filtered(false);
    let data = sandbox.data();
    while_it_runs(&sandbox, &proxy, move || {
        // A directory with what is proven, and with what has just come up, is marked; an
        // excluded file changes, and another comes up.
        make(&data, &["src/deep/precious", "src/deep/CACHEDIR.TAG", "target/new", "photos/new"]);
        fs::write(data.join("target/y"), "changed").unwrap();
    });
    let run = sandbox.poof(ALL).run().expect_code(9);
    for name in ["src/deep/precious", "src/deep/a.rs", "target/new", "target/y"] {
        let said = format!("data/{name}: residue: it has changed, or came up meanwhile");
        assert!(run.stderr.contains(&said), "{name}: {run}");
    }
    assert_eq!(fs::read_to_string(sandbox.data().join("target/y")).unwrap(), "changed");
    fs::remove_file(sandbox.data().join("target/y")).unwrap();
    let left = [
        "src/deep/precious",
        "src/deep/CACHEDIR.TAG",
        "src/deep/a.rs",
        "target/new",
        // It stays excluded.
        "photos/new",
        "photos/CACHEDIR.TAG",
    ];
    assert_eq!(here(&sandbox.data()), set(&left));
}

#[test]
fn filters_that_changed_since_the_backup_give_nothing_up() {
    for encrypted in ENCRYPTED {
        let (sandbox, proxy) = filtered(encrypted);
        // The wipe is begun, and does not end: something has come up.
        let data = sandbox.data();
        while_it_runs(&sandbox, &proxy, move || make(&data, &["precious"]));
        sandbox.poof(UPLOAD).run().expect_code(6).stderr_has("data/precious: stays");
        proxy.set_rule(|_| Verdict::Pass);
        exclude(&sandbox, &["*.o", "/target/", "/precious"], &["CACHEDIR.TAG"]);
        let run = sandbox.poof(ALL).run().expect_code(9);
        run.stderr_has("data: what is excluded stays: poof.conf excludes something else");
        let left: Vec<_> = EXCLUDED.iter().chain(&["precious"]).copied().collect();
        assert_eq!(here(&sandbox.data()), set(&left));
        // With those of the backup the rest goes, and what is precious stays.
        exclude(&sandbox, &["*.o", "/target/"], &["CACHEDIR.TAG"]);
        sandbox.poof(ALL).run().expect_code(7);
        assert!(sandbox.data().join("precious").exists());
    }
}

#[test]
fn nothing_excluded_goes_unless_all_else_is_proven() {
    let (sandbox, proxy) = filtered(false);
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::write(sandbox.data().join("doc"), "swallowed").unwrap();
    proxy.set_rule(|request| match request.kind {
        Kind::Put if request.key().ends_with("/doc") => Verdict::Swallow,
        _ => Verdict::Pass,
    });
    let run = sandbox.poof(ALL).run().expect_code(6);
    run.stderr_has("data: what is excluded stays: not everything else is proven and wiped");
    fs::remove_file(sandbox.data().join("doc")).unwrap();
    assert_eq!(here(&sandbox.data()), set(&EXCLUDED));
}

#[test]
fn at_level_4_poof_stays_with_what_is_excluded() {
    let (sandbox, _proxy) = filtered(true);
    kit(&sandbox);
    let program = sandbox.bin().join("mine");
    copy_program(Path::new(env!("CARGO_BIN_EXE_poof")), &program);
    let poof = |args: &[&str]| sandbox.program(program.to_str().unwrap()).args(args).run();
    let stays = |run: &Run| {
        assert!(run.stderr.contains("data: excluded, and still here: 5 files"), "{run}");
        assert!(run.stderr.contains("poof stays"), "{run}");
        assert!(program.exists() && sandbox.rclone_conf().exists(), "{run}");
    };
    // When it wipes the rest, and when that is wiped already.
    stays(&poof(&["upload", "--yes"]).expect_code(9));
    stays(&poof(&["upload", "--yes"]).expect_code(9));
    let run = poof(&["upload", "--yes", "--wipe-excluded"]).expect_code(0);
    assert!(!program.exists() && !sandbox.confdir().exists() && !sandbox.data().exists(), "{run}");
}

#[test]
fn at_level_4_the_configuration_stays_whole_with_what_is_excluded_in_it() {
    let (sandbox, _proxy) = proxied(true);
    make(&sandbox.data(), &KEPT);
    make(&sandbox.confdir(), &["mine", "mine.o"]);
    exclude(&sandbox, &["*.o"], &[]);
    kit(&sandbox);
    let run = sandbox.poof(["upload", "--yes"]).run().expect_code(9);
    run.stderr_has("config: excluded, and still here: 1 file, 6 B").stderr_has("poof stays");
    assert!(!sandbox.data().exists() && sandbox.confdir().join("mine").exists());
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("config: 0 new, 0 changed");
}

/// What poof would send of the data, under the names that rclone has for it.
fn sent(sandbox: &Sandbox) -> BTreeSet<String> {
    let run = sandbox.poof(["--json", "backup", "--dry-run"]).run();
    let items = run.json_lines();
    let items = items.iter().filter(|line| line["type"] == "plan" && line["tree"] == "data");
    let names = items.map(|line| line["path"].as_str().unwrap().replace('\n', "\u{240a}"));
    names.map(|name| if name == "src/link.o" { name + ".rclonelink" } else { name }).collect()
}

// src/tree/scan/excluded.rs compares with rclone's own code by the hundred.
#[test]
fn stock_rclone_leaves_out_the_same() {
    let (sandbox, bucket) = on_disk();
    let data = sandbox.data();
    make(&data, &KEPT);
    make(&data, &EXCLUDED);
    make(
        &data,
        &["a/b/c", "a/b.c", "A/B", "b/a/[x]", "b/{a,b}", "b/x*", "\u{e9}/\u{c9}.O", "t/.c/d"],
    );
    make(&data, &["deep/er/CACHEDIR.TAG", "deep/er/x", "deep/y", "t/new\nline.o"]);
    std::os::unix::fs::symlink("main.o", data.join("src/link.o")).unwrap();
    let mut seen = BTreeSet::new();
    for (patterns, markers) in [
        (&[][..], &[][..]),
        (&["*.o", "/target/"], &["CACHEDIR.TAG"]),
        (&["a/", "/b/**x*"], &["y", "none"]),
        (&["/a", "b", "*.{o,O,rs}", "t/.*/"], &[]),
        (&["**/b/*", "[!a-c]/*"], &[]),
        (&["\\[x\\]", "{a,b}/?.?", "x\\*", "{{(?i)a}}/B"], &[]),
        (&["{a/b,src}/**", "?"], &["x"]),
        (&["new*", "link.o.rclonelink"], &[]),
    ] {
        exclude(&sandbox, patterns, markers);
        let place = format!(":local,links=true,encoding=Raw:{}", data.display());
        let options = patterns.iter().flat_map(|pattern| ["--exclude", pattern]);
        let options = options.chain(markers.iter().flat_map(|m| ["--exclude-if-present", m]));
        let run = sandbox.rclone(["lsf", "-R", "--files-only", &place]).args(options).run();
        let theirs: BTreeSet<_> = run.expect_code(0).stdout.lines().map(str::to_owned).collect();
        let ours = sent(&sandbox);
        assert_eq!(theirs, ours, "{patterns:?} {markers:?}");
        assert!(seen.insert(ours), "{patterns:?} makes no difference");
    }
    assert!(!bucket.exists(), "these were dry runs");
}

#[test]
fn all_excluded_is_an_empty_source_and_many_are_a_mass_deletion() {
    let (sandbox, _proxy) = filtered(false);
    exclude(&sandbox, &[], &[]);
    sandbox.poof(["backup"]).run().expect_code(0);
    for (patterns, marker) in [(&["**"][..], ""), (&["/"], ""), (&["*"], ""), (&[], "doc")] {
        let markers: Vec<_> = Some(marker).filter(|m| !m.is_empty()).into_iter().collect();
        exclude(&sandbox, patterns, &markers);
        let run = sandbox.poof(["backup", "--yes"]).run().expect_code(7);
        run.stderr_has("poof.conf excludes all that is in").stderr_has("--allow empty-source");
        let run = sandbox.poof(UPLOAD).run();
        assert!(run.code == Some(7) && here(&sandbox.data()).len() == 8, "{run}");
    }
    exclude(&sandbox, &[], &[]);
    let many: Vec<_> = (0..101).map(|n| format!("cache/{n}")).collect();
    make(&sandbox.data(), &many.iter().map(String::as_str).collect::<Vec<_>>());
    sandbox.poof(["backup"]).run().expect_code(0);
    exclude(&sandbox, &["cache/"], &[]);
    sandbox.poof(["backup"]).run().expect_code(7).stderr_has("101 of 109 files");
    sandbox.poof(["backup", "--allow", "mass-deletion"]).run().expect_code(0);
    assert_eq!(names_on(&sandbox, "data").len(), 8);
}

#[test]
fn a_pattern_that_is_none_is_named_with_a_remedy() {
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::plain(minio().endpoint()));
    exclude(&sandbox, &["*.tmp", "node_modules[/"], &[]);
    for command in ["backup", "download", "upload", "verify", "status"] {
        let run = sandbox.poof([command]).run().expect_code(3);
        run.stderr_has("poof.conf \"exclude\": \"node_modules[/\" is not a pattern")
            .stderr_has("https://rclone.org/filtering/");
    }
    let run = sandbox.poof(["verify", "--offline"]).run().expect_code(3);
    run.stdout_has("configuration poof.conf \"exclude\"? - PoofStatus.INVALID_POOF_CONFIG");
    exclude(&sandbox, &[], &["a/b"]);
    sandbox.poof(["verify"]).run().expect_code(3).stderr_has("\"a/b\" is not the name of a file");
    exclude(&sandbox, &["/caché/", "{a,b}*.[oc]"], &["CACHEDIR.TAG", ".nobackup"]);
    sandbox.poof(["verify", "--offline"]).run().expect_code(0);
}

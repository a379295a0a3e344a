//! What is not poof's own is not touched: objects that it did not make are named in
//! every run, and kept until the user says otherwise.

use std::fs;

use serde_json::Value;

use crate::harness::command::Run;
use crate::harness::{Backdoor, Kind, Proxy, Sandbox, Verdict, grow};
use crate::story::{backed_up, encrypted, grown, names_on, on_disk, plain, told};

const SCAN: &str = "inbox/scan from the phone.pdf";

/// Puts an object into the directory of the tree, as another program would.
#[track_caller]
fn put(sandbox: &Sandbox, name: &str, text: &str) {
    put_at(sandbox, &format!("data/{name}"), text);
}

#[track_caller]
fn put_at(sandbox: &Sandbox, name: &str, text: &str) {
    let file = sandbox.home().join("other");
    fs::write(&file, text).unwrap();
    let object = format!("{}{name}", told(sandbox));
    let args = ["copyto", "--ignore-times", file.to_str().unwrap(), &object];
    sandbox.rclone(args).run().expect_code(0);
}

fn has(sandbox: &Sandbox, name: &str) -> bool {
    names_on(sandbox, "data").iter().any(|held| held == name)
}

/// The paths that a run called foreign.
fn called_foreign(run: &Run) -> Vec<String> {
    let is_one = |line: &&Value| {
        line["type"] == "foreign" || line["type"] == "finding" && line["what"] == "foreign"
    };
    let lines = run.json_lines();
    lines.iter().filter(is_one).map(|line| line["path"].as_str().unwrap().to_owned()).collect()
}

fn everywhere() -> [Sandbox; 3] {
    let disk = on_disk().0;
    grow(&disk.data(), 3, 0..=3_000, 7);
    [plain(3), encrypted(3), disk]
}

#[test]
fn an_object_that_poof_did_not_make_is_named_in_every_run_and_kept() {
    for sandbox in everywhere() {
        sandbox.poof(["backup"]).run().expect_code(0);
        put(&sandbox, SCAN, "exists nowhere else");
        for args in [
            &["backup", "--dry-run"][..],
            &["backup"],
            &["check"],
            &["check", "--read-data"],
            &["status"],
            &["upload", "--dry-run", "--keep-poof"],
        ] {
            let run = sandbox.poof(args).run().expect_code(0);
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(said.contains(&format!("data/{SCAN}")), "{run}");
            let run = sandbox.poof(["--json"]).args(args).run().expect_code(0);
            assert_eq!(called_foreign(&run), [SCAN], "{run}");
            assert!(has(&sandbox, SCAN), "{run}");
        }
        // Even where all else goes.
        sandbox.poof(["upload", "--yes", "--keep-poof"]).run().expect_code(0).stderr_has(SCAN);
        assert!(has(&sandbox, SCAN) && !sandbox.data().exists());
        sandbox.poof(["download"]).run().expect_code(0);
        assert!(has(&sandbox, SCAN));
    }
}

#[test]
fn an_object_that_poof_did_not_make_goes_on_the_word_of_the_user_alone() {
    for sandbox in everywhere() {
        sandbox.poof(["backup"]).run().expect_code(0);
        put(&sandbox, SCAN, "exists nowhere else");
        let others = ["mass-deletion", "mass-deletion", "other-remote", "older-snapshot"];
        let others = others.iter().flat_map(|word| ["--allow", word]);
        sandbox.poof(["backup", "--yes"]).args(others).run().expect_code(0);
        assert!(has(&sandbox, SCAN));
        let word = ["backup", "--allow", "foreign"];
        let run = sandbox.poof(word).args(["--dry-run"]).run().expect_code(0);
        assert!(run.stdout.contains(&format!("- data/{SCAN}")) && has(&sandbox, SCAN), "{run}");
        sandbox.poof(word).run().expect_code(0).stderr_has("1 removed");
        assert!(!has(&sandbox, SCAN));
        let run = sandbox.poof(["--json", "backup"]).run().expect_code(0);
        assert!(called_foreign(&run).is_empty(), "{run}");
    }
}

#[test]
fn what_is_deleted_or_renamed_here_is_not_foreign_there() {
    for sandbox in everywhere() {
        let data = sandbox.data();
        for name in ["gone", "was a file", "renamed"] {
            fs::write(data.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink("x", data.join("was a link")).unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        for name in ["gone", "was a file", "was a link"] {
            fs::remove_file(data.join(name)).unwrap();
        }
        fs::create_dir(data.join("was a file")).unwrap();
        fs::write(data.join("was a file/inside"), "x").unwrap();
        fs::write(data.join("was a link"), "a file now").unwrap();
        fs::rename(data.join("renamed"), data.join("name")).unwrap();
        let run = sandbox.poof(["--json", "backup"]).run().expect_code(0);
        assert!(called_foreign(&run).is_empty(), "{run}");
        let mut names = names_on(&sandbox, "data");
        names.retain(|name| !name.starts_with("file"));
        let left = |name: &str| names.iter().any(|held| held == name);
        assert!(!["gone", "renamed", "was a file", "was a link.rclonelink"].into_iter().any(left));
        assert!(["name", "was a file/inside", "was a link"].into_iter().all(left), "{names:?}");
        let run = sandbox.poof(["--json", "check"]).run().expect_code(0);
        assert!(called_foreign(&run).is_empty(), "{run}");
    }
}

/// What a killed run of twenty new files has brought there, whether it was the first
/// one or not; they are gone here then.
fn killed(encrypted: bool, first: bool) -> (Sandbox, Proxy, usize) {
    let (sandbox, proxy) =
        if first { grown(encrypted, 10) } else { backed_up(encrypted, &[("kept", "kept")]) };
    for k in (8..).step_by(4) {
        grow(&sandbox.data().join("new"), 20, 1..=3_000, 2);
        let run = sandbox.poof(["backup"]).run_killed_at(k, &proxy);
        assert!(run.code.is_none(), "no kill in the middle left anything: {run}");
        fs::remove_dir_all(sandbox.data().join("new")).unwrap();
        let left = names_on(&sandbox, "data").iter().filter(|n| n.starts_with("new/")).count();
        if left > 0 {
            return (sandbox, proxy, left);
        }
    }
    unreachable!()
}

#[test]
fn what_an_interrupted_run_has_left_is_removed_by_the_next_one_unasked() {
    for (encrypted, first) in [(false, false), (true, false), (false, true), (true, true)] {
        let (sandbox, _proxy, left) = killed(encrypted, first);
        put(&sandbox, SCAN, "exists nowhere else");
        if !first {
            let run = sandbox.poof(["--json", "check"]).run().expect_code(0);
            assert_eq!(called_foreign(&run), [SCAN], "{run}");
            let run = sandbox.poof(["check"]).run().expect_code(0);
            run.stderr_has("left by a run that did not end");
        }
        // A run that does nothing forgets nothing.
        sandbox.poof(["backup", "--dry-run"]).run().expect_code(0);
        let run = sandbox.poof(["--json", "backup"]).run().expect_code(0);
        assert_eq!(called_foreign(&run), [SCAN], "{left} left: {run}");
        let names = names_on(&sandbox, "data");
        assert!(!names.iter().any(|name| name.starts_with("new/")), "{names:?}");
        assert!(has(&sandbox, SCAN));
        sandbox.poof(["check"]).run().expect_code(0);
    }
}

#[test]
fn what_several_interrupted_runs_have_left_is_known_to_the_last() {
    let (sandbox, proxy, _) = killed(false, false);
    // Another that ends before it comes to remove what the first one left.
    grow(&sandbox.data().join("more"), 3, 1..=100, 3);
    sandbox.poof(["backup"]).run_killed_at(9, &proxy);
    fs::remove_dir_all(sandbox.data().join("more")).unwrap();
    let run = sandbox.poof(["--json", "backup"]).run().expect_code(0);
    assert!(called_foreign(&run).is_empty(), "{run}");
    assert_eq!(names_on(&sandbox, "data").len(), 11);
}

// Whoever has lost the note cannot know whose they are.
#[test]
fn without_its_state_what_an_interrupted_run_has_left_is_foreign_and_stays() {
    let (sandbox, _proxy, left) = killed(false, false);
    fs::remove_dir_all(sandbox.state()).unwrap();
    // The lock of the run that was killed is that of another machine now.
    sandbox.poof(["backup"]).run().expect_code(8).stderr_has("is at work on");
    let locks = format!("{}.poof/locks", told(&sandbox));
    sandbox.rclone(["purge", &locks]).run().expect_code(0);
    let run = sandbox.poof(["--json", "backup"]).run().expect_code(0);
    assert_eq!(called_foreign(&run).len(), left, "{run}");
}

#[test]
fn what_was_not_deleted_is_tried_again_and_called_neither_foreign_nor_unsent() {
    for encrypted in [false, true] {
        for verdict in [Verdict::Status(403, "AccessDenied"), Verdict::Swallow] {
            let (sandbox, proxy) = backed_up(encrypted, &[("gone", "gone")]);
            fs::remove_file(sandbox.data().join("gone")).unwrap();
            for name in ["one", "two"] {
                fs::write(sandbox.data().join(name), name).unwrap();
            }
            proxy.set_rule(move |request| {
                if request.kind == Kind::Delete { verdict.clone() } else { Verdict::Pass }
            });
            let run = sandbox.poof(["--json", "backup"]).run().expect_code(5);
            let run = run.stderr_has("data/gone: ").stderr_has("not deleted: 1 file; 2 new");
            assert!(!run.stderr.contains("not sent") && !run.stderr.contains("Not all"), "{run}");
            let lines = run.json_lines();
            let tree = |line: &&Value| line["type"] == "tree" && line["tree"] == "data";
            let tree = lines.iter().find(tree).unwrap();
            assert_eq!((&tree["add"], &tree["files"]), (&2.into(), &2.into()), "{run}");
            assert_eq!((&tree["delete"], &tree["failed"]), (&0.into(), &1.into()), "{run}");
            let summary = lines.last().unwrap();
            assert_eq!((&summary["files"], &summary["undeleted"]), (&2.into(), &1.into()), "{run}");
            proxy.set_rule(|_| Verdict::Pass);
            let run = sandbox.poof(["--json", "backup"]).run().expect_code(0);
            assert!(called_foreign(&run).is_empty() && !has(&sandbox, "gone"), "{run}");
        }
    }
}

#[test]
fn a_probe_of_a_name_that_stayed_is_poofs_own_and_goes_with_the_next_backup() {
    let (sandbox, proxy) = grown(false, 2);
    fs::write(sandbox.data().join("con\u{1}trol"), "x").unwrap();
    let probes = || {
        let all = format!("{}.poof/trees/data/odd", told(&sandbox));
        let listed = sandbox.rclone(["lsf", "-R", "--files-only", &all]).run();
        listed.stdout.lines().filter(|name| name.starts_with("probe/")).count()
    };
    // As a server does that shows a name otherwise and so no longer finds it.
    proxy.set_rule(|request| match request.kind {
        Kind::Delete if request.key().contains("/odd/probe/") => Verdict::Swallow,
        _ => Verdict::Pass,
    });
    sandbox.poof(["backup"]).run().expect_code(0);
    assert!(probes() > 0);
    proxy.set_rule(|_| Verdict::Pass);
    let run = sandbox.poof(["--json", "check"]).run().expect_code(0);
    assert!(called_foreign(&run).is_empty(), "{run}");
    sandbox.poof(["backup"]).run().expect_code(0);
    assert_eq!(probes(), 0);
}

#[test]
fn names_under_which_poof_sends_to_a_disk_are_its_own() {
    let (sandbox, bucket) = on_disk();
    fs::write(sandbox.data().join("file"), "x").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    let (own, other) = (".poof-0123456789abcdef.partial", "film.partial");
    for name in [own, other] {
        fs::write(bucket.join("data").join(name), "half").unwrap();
    }
    let run = sandbox.poof(["--json", "backup"]).run().expect_code(0);
    assert_eq!(called_foreign(&run), [other], "{run}");
    assert!(!bucket.join("data").join(own).exists() && bucket.join("data").join(other).exists());
}

#[test]
fn a_bucket_of_others_keeps_what_the_directory_lacks_when_it_becomes_a_snapshot() {
    for sandbox in everywhere() {
        let place = format!("{}data", told(&sandbox));
        for name in ["only there", "differs"] {
            fs::write(sandbox.data().join(name), "of the other machine").unwrap();
        }
        sandbox.rclone(["sync", sandbox.data().to_str().unwrap(), &place]).run().expect_code(0);
        fs::remove_file(sandbox.data().join("only there")).unwrap();
        fs::write(sandbox.data().join("differs"), "of this machine").unwrap();
        let run = sandbox.poof(["--json", "backup"]).run().expect_code(0);
        assert_eq!(called_foreign(&run), ["only there"], "{run}");
        let cat = |name: &str| sandbox.rclone(["cat", &format!("{place}/{name}")]).run().stdout;
        assert_eq!(cat("only there"), "of the other machine");
        assert_eq!(cat("differs"), "of this machine");
        // The other machine goes on without a manifest.
        put(&sandbox, "new there", "of the other machine");
        let run = sandbox.poof(["--json", "backup"]).run().expect_code(0);
        assert_eq!(called_foreign(&run), ["new there", "only there"], "{run}");
    }
}

// On S3 a name may be that of a file and of a directory, as long as the server is not a
// program on a disk.
#[test]
fn what_is_foreign_and_in_the_way_stays_and_so_does_the_file() {
    for sandbox in [on_disk().0, plain(0), encrypted(0)] {
        fs::write(sandbox.data().join("first"), "x").unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        put(&sandbox, "file/inside", "foreign");
        put(&sandbox, "dir", "foreign");
        fs::write(sandbox.data().join("file"), "a file here").unwrap();
        fs::create_dir(sandbox.data().join("dir")).unwrap();
        fs::write(sandbox.data().join("dir/inside"), "in a directory here").unwrap();
        for _ in 0..2 {
            let run = sandbox.poof(["--json", "backup"]).run().expect_code(0);
            assert_eq!(called_foreign(&run), ["dir", "file/inside"], "{run}");
        }
        sandbox.poof(["check", "--read-data"]).run().expect_code(0);
        let door = Backdoor::new(&sandbox);
        assert_eq!(door.names(".poof/trees/data/odd").len(), 2);
        fs::remove_dir_all(sandbox.data()).unwrap();
        sandbox.poof(["download"]).run().expect_code(0);
        let read = |name: &str| fs::read_to_string(sandbox.data().join(name)).unwrap();
        assert_eq!([read("file"), read("dir/inside")], ["a file here", "in a directory here"]);
        sandbox.poof(["backup", "--allow", "foreign"]).run().expect_code(0);
        assert!(!has(&sandbox, "file/inside"));
        sandbox.poof(["check"]).run().expect_code(0);
    }
}

#[test]
fn an_object_among_the_substitute_names_is_kept_unless_it_is_of_a_path_of_the_tree() {
    for sandbox in everywhere() {
        sandbox.poof(["backup"]).run().expect_code(0);
        let odd = ".poof/trees/data/odd/";
        let name = |path: &str| format!("{odd}{}", &blake3::hash(path.as_bytes()).to_hex()[..32]);
        let own = fs::read_dir(sandbox.data()).unwrap().next().unwrap().unwrap().file_name();
        let (own, foreign) = (name(own.to_str().unwrap()), name("of another tree"));
        for name in [&own, &foreign] {
            put_at(&sandbox, name, "x");
        }
        let run = sandbox.poof(["--json", "backup"]).run().expect_code(0);
        assert_eq!(called_foreign(&run), [foreign.as_str()], "{run}");
        assert_eq!(names_on(&sandbox, odd), [&foreign[odd.len()..]]);
        sandbox.poof(["backup", "--allow", "foreign"]).run().expect_code(0);
        assert!(names_on(&sandbox, odd).is_empty());
    }
}

#[test]
fn many_foreign_objects_are_counted_and_named_in_full_where_that_is_asked_for() {
    let (sandbox, bucket) = on_disk();
    fs::write(sandbox.data().join("file"), "x").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    grow(&bucket.join("data/foreign"), 30, 0..=10, 1);
    let lines = |text: &str| text.lines().filter(|line| line.contains("data/foreign/")).count();
    let run = sandbox.poof(["backup"]).run().expect_code(0);
    let run = run.stderr_has("30 objects that poof did not make").stderr_has("and 10 more");
    assert_eq!(lines(&run.stderr), 20, "{run}");
    let run = sandbox.poof(["-v", "backup"]).run().expect_code(0);
    assert_eq!(lines(&run.stderr), 30, "{run}");
    let run = sandbox.poof(["check"]).run().expect_code(0).stdout_has("and 10 more");
    assert_eq!(lines(&run.stdout), 20, "{run}");
    assert_eq!(called_foreign(&sandbox.poof(["--json", "check"]).run()).len(), 30);
}

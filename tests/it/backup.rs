//! `poof backup`: what reaches the remote, and what refuses to.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use crate::harness::{
    Config, Kind, Proxy, Sandbox, Snapshot, Verdict, assert_same_content, grow, minio,
};
use crate::story::{names_on, on_disk, plain, proxied, told};

#[test]
fn a_backup_is_one_object_a_file_that_stock_rclone_reads() {
    for config in [Config::plain(minio().endpoint()), Config::encrypted(minio().endpoint())] {
        let sandbox = Sandbox::new();
        sandbox.write_config(&config);
        grow(&sandbox.data(), 40, 0..=9_000, 3);
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has("40 new");
        let back = sandbox.home().join("back");
        let from = format!("{}data", told(&sandbox));
        sandbox.rclone(["sync", &from, back.to_str().unwrap()]).run().expect_code(0);
        crate::harness::assert_same_content(&Snapshot::of(&sandbox.data()), &Snapshot::of(&back));
    }
}

#[test]
fn a_second_backup_mirrors_what_changed_and_what_went() {
    let sandbox = plain(10);
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::write(sandbox.data().join("new"), "new").unwrap();
    let old = names_on(&sandbox, "data").remove(0);
    fs::remove_file(sandbox.data().join(&old)).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("1 new, 0 changed, 1 removed");
    let names = names_on(&sandbox, "data");
    assert!(names.contains(&"new".to_owned()) && !names.contains(&old));
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("0 new, 0 changed, 0 removed");
}

#[test]
fn a_dry_run_prints_the_plan_and_sends_nothing() {
    let (sandbox, proxy) = proxied(false);
    fs::write(sandbox.data().join("letter"), "12345").unwrap();
    let run = sandbox.poof(["--json", "backup", "--dry-run"]).run().expect_code(0);
    let lines = run.json_lines();
    assert!(lines.iter().any(|line| line["action"] == "add" && line["path"] == "letter"));
    assert_eq!(lines.last().unwrap()["type"], "summary");
    assert_eq!(proxy.count(Kind::Put), 0);
}

#[test]
fn only_named_directories_are_backed_up() {
    let sandbox = plain(3);
    sandbox.poof(["backup", "--only", "data"]).run().expect_code(0);
    assert_eq!(names_on(&sandbox, "config").len(), 0);
    let run = sandbox.poof(["backup", "--only", "nope"]).run().expect_code(2);
    run.stderr_has("no directory has the name \"nope\"");
}

// Hazard 2.
#[test]
fn an_empty_or_missing_directory_does_not_erase_its_snapshot() {
    let sandbox = plain(10);
    sandbox.poof(["backup"]).run().expect_code(0);
    let before = names_on(&sandbox, "data");
    fs::remove_dir_all(sandbox.data()).unwrap();
    sandbox.poof(["backup", "--yes"]).run().expect_code(7).stderr_has("is missing");
    fs::create_dir_all(sandbox.data().join("empty/still")).unwrap();
    let run = sandbox.poof(["backup", "--yes"]).run().expect_code(7);
    run.stderr_has("is empty").stderr_has("--allow empty-source");
    assert_eq!(names_on(&sandbox, "data"), before);
    sandbox.poof(["backup", "--allow", "empty-source"]).run().expect_code(0);
    assert_eq!(names_on(&sandbox, "data").len(), 0);
}

#[test]
fn a_mass_deletion_is_refused_whole() {
    let sandbox = plain(210);
    sandbox.poof(["backup"]).run().expect_code(0);
    for (i, name) in names_on(&sandbox, "data").iter().enumerate() {
        if i % 4 != 0 {
            fs::remove_file(sandbox.data().join(name)).unwrap();
        }
    }
    sandbox.poof(["backup"]).run().expect_code(7).stderr_has("--allow mass-deletion");
    assert_eq!(names_on(&sandbox, "data").len(), 210);
    sandbox.poof(["backup", "--allow", "mass-deletion"]).run().expect_code(0);
    assert_eq!(names_on(&sandbox, "data").len(), 53);
}

#[test]
fn a_toggled_remote_and_wrong_passwords_are_noticed_before_anything_is_sent() {
    let (sandbox, proxy) = (Sandbox::new(), Proxy::start(minio().address()));
    let (plain, encrypted) =
        (Config::plain(proxy.endpoint()).with_crypt(), Config::encrypted(proxy.endpoint()));
    sandbox.write_config(&encrypted);
    grow(&sandbox.data(), 5, 1..=100, 1);
    sandbox.poof(["backup"]).run().expect_code(0);

    let refused = |word: &str| {
        proxy.reset();
        sandbox.poof(["backup", "--yes"]).run().expect_code(7).stderr_has(word);
        assert_eq!(proxy.count(Kind::Put) + proxy.count(Kind::Delete), 0);
    };
    sandbox.write_config(&plain);
    refused("are encrypted");
    sandbox.write_config(&encrypted);
    let conf = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    // `rclone obscure 'another pass word'`
    let other = "P3JucdY7GPSrEMO5WX11rMZCqf7VxHuKLR3j9BJECAdh";
    let lines = conf.lines().map(|line| match line.split_once(" = ") {
        Some(("password", _)) => format!("password = {other}\n"),
        _ => format!("{line}\n"),
    });
    fs::write(sandbox.rclone_conf(), lines.collect::<String>()).unwrap();
    refused("cannot be decrypted");
}

#[test]
fn what_cannot_be_sent_is_named_and_the_rest_is_safe() {
    let sandbox = plain(3);
    let _socket = UnixListener::bind(sandbox.data().join("socket")).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data/socket: not backed up");
    let changing = sandbox.data().join("changing");
    fs::write(&changing, "x").unwrap();
    let proxy = Proxy::start(minio().address());
    sandbox.write_config(&Config::plain(proxy.endpoint()));
    proxy.set_rule(|request| {
        if request.kind == Kind::Put && request.path.ends_with("/changing") {
            Verdict::Status(400, "InvalidRequest")
        } else {
            Verdict::Pass
        }
    });
    sandbox.poof(["backup"]).run().expect_code(5).stderr_has("data/changing: ");
    assert_eq!(names_on(&sandbox, "data").len(), 3);
}

#[test]
fn one_failed_directory_does_not_stop_the_others() {
    let sandbox = Sandbox::new();
    let gone = sandbox.home().join("unmounted");
    sandbox.write_config(&Config::plain(minio().endpoint()).tree(&gone, "disk"));
    fs::write(sandbox.data().join("x"), "x").unwrap();
    let run = sandbox.poof(["backup"]).run().expect_code(7);
    run.stderr_has("unmounted is missing");
    assert_eq!(names_on(&sandbox, "data"), ["x"]);
}

// Hazard 15: librclone has no retries of its own.
#[test]
fn a_file_that_fails_once_is_sent_again() {
    let (sandbox, proxy) = proxied(false);
    grow(&sandbox.data(), 5, 1..=100, 1);
    fs::write(sandbox.data().join("unlucky"), "x").unwrap();
    let failed = std::sync::atomic::AtomicBool::new(false);
    proxy.set_rule(move |request| {
        // A status that rclone's own low-level retries take for final.
        let hit = request.kind == Kind::Put && request.key().ends_with("unlucky");
        if hit && !failed.swap(true, std::sync::atomic::Ordering::SeqCst) {
            Verdict::Status(400, "InvalidRequest")
        } else {
            Verdict::Pass
        }
    });
    sandbox.poof(["backup"]).run().expect_code(0);
    assert_eq!(names_on(&sandbox, "data").len(), 6);
}

// recipes: what `no_head` misses, the listing afterwards catches.
#[test]
fn an_object_that_was_acknowledged_and_not_stored_is_named() {
    let (sandbox, proxy) = proxied(false);
    fs::write(sandbox.data().join("kept"), "x").unwrap();
    fs::write(sandbox.data().join("lost"), "x").unwrap();
    proxy.set_rule(|request| {
        if request.kind == Kind::Put && request.key().ends_with("data/lost") {
            Verdict::Swallow
        } else {
            Verdict::Pass
        }
    });
    sandbox.poof(["backup"]).run().expect_code(5).stderr_has("data/lost: it did not arrive");
}

#[test]
fn a_first_backup_costs_one_put_a_file() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = proxied(encrypted);
        grow(&sandbox.data(), 300, 1..=2_000, 1);
        sandbox.poof(["backup"]).run().expect_code(0);
        // 300 and the two of the configuration; one makes the bucket, one marks
        // the store, and for each tree there are a head and a shard or two. One locks
        // the trees, and one tries whether the server knows conditions.
        let puts = proxy.count(Kind::Put);
        assert!((310..=314).contains(&puts), "{puts} objects");
        // The list of all locks, and the end of this one.
        assert!(proxy.total() <= puts + 26, "{} requests", proxy.total());
    }
}

#[test]
fn links_travel_as_links() {
    let sandbox = plain(1);
    symlink("nowhere", sandbox.data().join("dangling")).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    assert!(names_on(&sandbox, "data").contains(&"dangling.rclonelink".to_owned()));
}

// Whatever comes up between the plan and the end was judged by no guard.
#[test]
fn a_file_that_appears_meanwhile_waits_for_the_next_run() {
    let (sandbox, proxy) = proxied(false);
    fs::write(sandbox.data().join("first"), "x").unwrap();
    let late = sandbox.data().join("late");
    proxy.set_rule({
        let late = late.clone();
        move |request| {
            if request.kind == Kind::Put && request.key().ends_with("data/first") {
                fs::write(&late, "late").unwrap();
            }
            Verdict::Pass
        }
    });
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 1 new");
    assert_eq!(names_on(&sandbox, "data"), ["first"]);
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 1 new");
    assert_eq!(names_on(&sandbox, "data"), ["first", "late"]);
}

// Stock rclone would make a link of it: it must neither lie there nor be lost,
// also beside the link whose object has that very name.
#[test]
fn a_regular_file_with_the_suffix_of_a_link_comes_back_as_a_file() {
    let sandbox = plain(2);
    fs::write(sandbox.data().join("note.rclonelink"), "no link").unwrap();
    symlink("elsewhere", sandbox.data().join("note")).unwrap();
    let original = Snapshot::of(&sandbox.data());
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("1 file whose name");
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("0 new, 0 changed, 0 removed");
    fs::remove_dir_all(sandbox.data()).unwrap();
    sandbox.poof(["download"]).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
}

#[test]
fn what_cannot_be_read_is_named_and_not_taken_for_deleted() {
    let sandbox = plain(3);
    let locked = sandbox.data().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::write(locked.join("file"), "x").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::write(sandbox.data().join("new"), "x").unwrap();
    // Its names are no secret, but what is in it cannot be looked at; or not even those.
    for (mode, named) in [(0o444, "locked: not backed up"), (0o000, "locked: not backed up")] {
        fs::set_permissions(&locked, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        let run = sandbox.poof_as_ordinary_user(["backup"]).run().expect_code(5);
        run.stderr_has(named);
        let names = names_on(&sandbox, "data");
        assert!(names.contains(&"locked/file".to_owned()) && names.contains(&"new".to_owned()));
    }
    fs::set_permissions(&locked, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn a_removal_that_the_server_refuses_is_named() {
    let (sandbox, proxy) = proxied(false);
    grow(&sandbox.data(), 3, 1..=100, 1);
    fs::write(sandbox.data().join("stubborn"), "x").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::remove_file(sandbox.data().join("stubborn")).unwrap();
    for verdict in [Verdict::Status(400, "InvalidRequest"), Verdict::Swallow] {
        proxy.set_rule(move |request| match request.kind {
            Kind::Delete | Kind::Post => verdict.clone(),
            _ => Verdict::Pass,
        });
        let run = sandbox.poof(["backup"]).run();
        assert!(run.code.is_some_and(|code| code == 4 || code == 5), "{run}");
        run.stderr_has("data/stubborn: ");
    }
}

// The guards judged a plan in which these files were there.
#[test]
fn what_vanishes_after_the_plan_is_not_deleted_on_the_remote() {
    let (sandbox, proxy) = (Sandbox::new(), Proxy::start(minio().address()));
    let second = sandbox.home().join("second");
    sandbox.write_config(&Config::plain(proxy.endpoint()).tree(&second, "second"));
    fs::create_dir(&second).unwrap();
    for name in ["1", "2", "3"] {
        fs::write(second.join(name), name).unwrap();
    }
    fs::write(sandbox.data().join("first"), "x").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    for path in [second.join("1"), second.join("2"), sandbox.data().join("first")] {
        fs::write(path, "changed").unwrap();
    }
    fs::write(second.join("new"), "new").unwrap();
    proxy.set_rule({
        let second = second.clone();
        move |request| {
            if request.kind == Kind::Put && request.key().ends_with("data/first") {
                let _ = fs::remove_dir_all(&second);
                fs::create_dir(&second).unwrap();
            }
            Verdict::Pass
        }
    });
    let run = sandbox.poof(["backup"]).run().expect_code(5);
    run.stderr_has("second/1: ").stderr_has("second/new: ");
    assert_eq!(names_on(&sandbox, "second"), ["1", "2", "3"]);
}

// Hazard 51: a disk leaves a directory when the last object in it goes.
#[test]
fn a_file_comes_where_an_earlier_run_has_left_an_empty_directory() {
    for keep in ["0s", "30d"] {
        let (sandbox, bucket) = on_disk();
        sandbox.set("keep", keep.into());
        let dir = sandbox.data().join("dir");
        fs::write(sandbox.data().join("stays"), "stays").unwrap();
        fs::create_dir_all(dir.join("in")).unwrap();
        fs::write(dir.join("in/file"), "file").unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        fs::remove_dir_all(&dir).unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        fs::write(&dir, "a file now").unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        assert_eq!(fs::read(bucket.join("data/dir")).unwrap(), b"a file now", "{keep}");
    }
}

// Hazard 51: `x.rclonelink` is the object of a link `x`, and can be the name of a directory.
#[test]
fn a_link_comes_where_its_object_was_a_directory() {
    for keep in ["0s", "30d"] {
        let (sandbox, bucket) = on_disk();
        sandbox.set("keep", keep.into());
        let (dir, link) = (sandbox.data().join("x.rclonelink"), sandbox.data().join("x"));
        fs::write(sandbox.data().join("stays"), "stays").unwrap();
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("inside"), "inside").unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        fs::remove_dir_all(&dir).unwrap();
        symlink("stays", &link).unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        assert_eq!(fs::read(bucket.join("data/x.rclonelink")).unwrap(), b"stays", "{keep}");
        fs::remove_file(&link).unwrap();
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("inside"), "again").unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        let check = sandbox.poof(["check", "--only", "data"]).run().expect_code(0);
        assert!(!check.stdout.contains("foreign"), "{keep}: {check}");
    }
}

// Hazard 51: a disk has no room for both, and MinIO lists the link alone.
#[test]
fn a_link_and_a_directory_with_the_name_of_its_object_are_both_there() {
    for (encrypted, directory_first) in [(false, None), (false, Some(true)), (true, Some(false))] {
        let (sandbox, _proxy) = proxied(encrypted);
        sandbox.set("keep", "30d".into());
        a_link_beside_a_directory(&sandbox, directory_first);
    }
    for (encrypted, directory_first) in [(false, Some(false)), (true, None)] {
        let (sandbox, _) = on_disk();
        if encrypted {
            sandbox.poof(["econfig"]).run().expect_code(0);
            sandbox.poof(["cryptoggle"]).run().expect_code(0);
        }
        a_link_beside_a_directory(&sandbox, directory_first);
    }
}

/// One comes after the other, or both at once.
#[track_caller]
fn a_link_beside_a_directory(sandbox: &Sandbox, directory_first: Option<bool>) {
    let (dir, link) = (sandbox.data().join("x.rclonelink"), sandbox.data().join("x"));
    let back = sandbox.home().join("back");
    let comes_back = || {
        sandbox.poof(["download", "--only", "data", "--to", "back"]).run().expect_code(0);
        assert_same_content(&Snapshot::of(&sandbox.data()), &Snapshot::of(&back.join("data")));
        fs::remove_dir_all(&back).unwrap();
    };
    let is_whole = || {
        let run = sandbox.poof(["backup", "--only", "data"]).run().expect_code(0);
        let check = sandbox.poof(["check", "--only", "data"]).run().expect_code(0);
        assert!(!check.stdout.contains("foreign"), "{run} {check}");
        comes_back();
    };
    let make_directory = || {
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("inside"), "inside").unwrap();
    };
    fs::write(sandbox.data().join("stays"), "stays").unwrap();
    if directory_first == Some(true) {
        make_directory();
        is_whole();
    }
    symlink("stays", &link).unwrap();
    if directory_first == Some(false) {
        is_whole();
    }
    if directory_first != Some(true) {
        make_directory();
    }
    is_whole();
    let names = names_on(sandbox, "data");
    assert!(names.contains(&"x.rclonelink/inside".to_owned()), "{names:?}");
    let again = sandbox.poof(["backup", "--only", "data"]).run().expect_code(0);
    again.stderr_has("data: 0 new, 0 changed, 0 removed");
    fs::remove_file(&link).unwrap();
    symlink("elsewhere", &link).unwrap();
    is_whole();
    fs::remove_dir_all(&dir).unwrap();
    is_whole();
    fs::remove_file(&link).unwrap();
    make_directory();
    is_whole();
}

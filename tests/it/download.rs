//! `poof download`: what comes back, and what is not overwritten.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::Ordering;

use crate::harness::{
    Backdoor, Config, Kind, Sandbox, Snapshot, Verdict, assert_same_content, grow, minio,
};
use crate::story::{encrypted, plain, proxied};

#[test]
fn everything_comes_back_plain_and_encrypted() {
    for sandbox in [plain(60), encrypted(60)] {
        odd_names(&sandbox);
        let original = Snapshot::of(&sandbox.data());
        sandbox.poof(["backup"]).run().expect_code(0);
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has("0 new, 0 changed, 0 removed");
        fs::remove_dir_all(sandbox.data()).unwrap();
        sandbox.poof(["download"]).run().expect_code(0);
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    }
}

fn odd_names(sandbox: &Sandbox) {
    let names: [&[u8]; 12] = [
        b"new\nline",
        b" both ends ",
        b"#hash",
        b";semicolon",
        "␊".as_bytes(),
        "a‛b".as_bytes(),
        "‛␊".as_bytes(),
        "／full".as_bytes(),
        b"bad\xff utf8",
        "ünï 日本 ☂".as_bytes(),
        b"quote'\"`",
        b"back\\slash",
    ];
    for name in names {
        fs::write(sandbox.data().join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
    }
    fs::write(sandbox.data().join("empty"), "").unwrap();
    symlink("no such place", sandbox.data().join("dangling")).unwrap();
}

// Hazard 1.
#[test]
fn a_missing_snapshot_deletes_nothing() {
    for sandbox in [plain(10), encrypted(10)] {
        let original = Snapshot::of(&sandbox.data());
        for args in [&["download", "--yes"][..], &["download", "--yes", "--allow", "empty-source"]]
        {
            sandbox.poof(args).run().expect_code(7).stderr_has("does not exist");
            assert_same_content(&original, &Snapshot::of(&sandbox.data()));
        }
    }
}

// Hazard 1.
#[test]
fn a_wrong_password_or_a_toggled_remote_deletes_nothing() {
    let sandbox = encrypted(10);
    sandbox.poof(["backup"]).run().expect_code(0);
    let original = Snapshot::of(&sandbox.data());
    let conf = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let at = conf.find("password = ").unwrap();
    let end = at + conf[at..].find('\n').unwrap();
    // `rclone obscure 'another pass word'`
    let other = "password = P3JucdY7GPSrEMO5WX11rMZCqf7VxHuKLR3j9BJECAdh";
    fs::write(sandbox.rclone_conf(), conf.replace(&conf[at..end], other)).unwrap();
    let run = sandbox.poof(["download", "--yes"]).run().expect_code(7);
    run.stderr_has("cannot be decrypted");
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));

    sandbox.write_config(&Config::plain(minio().endpoint()).with_crypt());
    sandbox.poof(["download", "--yes"]).run().expect_code(7).stderr_has("are encrypted");
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
}

#[test]
fn local_files_that_the_snapshot_lacks_go_only_with_consent() {
    let sandbox = plain(5);
    sandbox.poof(["backup"]).run().expect_code(0);
    let original = Snapshot::of(&sandbox.data());
    let mine = sandbox.data().join("sub/mine");
    fs::create_dir_all(mine.parent().unwrap()).unwrap();
    fs::write(&mine, "mine").unwrap();
    sandbox.poof(["download"]).run().expect_code(7).stderr_has("1 file would be deleted");
    sandbox.poof(["download", "--dry-run"]).run().expect_code(0).stdout_has("- data/sub/mine");
    sandbox.poof(["download", "--keep-extra"]).run().expect_code(0);
    assert!(mine.exists());
    sandbox.poof(["download", "--yes"]).run().expect_code(0);
    assert!(!mine.parent().unwrap().exists(), "the directory goes with its last file");
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
}

#[test]
fn a_changed_local_file_is_replaced_only_with_consent() {
    let sandbox = plain(1);
    fs::write(sandbox.data().join("text"), "saved").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::write(sandbox.data().join("text"), "changed").unwrap();
    sandbox.poof(["download"]).run().expect_code(7).stderr_has("1 file replaced");
    assert_eq!(fs::read(sandbox.data().join("text")).unwrap(), b"changed");
    sandbox.poof(["download", "--yes"]).run().expect_code(0);
    assert_eq!(fs::read(sandbox.data().join("text")).unwrap(), b"saved");
}

#[test]
fn the_configuration_in_use_is_left_alone_unless_it_is_named() {
    let sandbox = plain(2);
    sandbox.poof(["backup"]).run().expect_code(0);
    let poof_conf = sandbox.confdir().join("poof.conf");
    let saved = fs::read(&poof_conf).unwrap();
    let edited = [&saved[..], b"\n"].concat();
    fs::write(&poof_conf, &edited).unwrap();
    sandbox.poof(["download", "--yes"]).run().expect_code(0).stderr_has("is left alone");
    assert_eq!(fs::read(&poof_conf).unwrap(), edited);
    sandbox.poof(["download", "--yes", "--only", "config"]).run().expect_code(0);
    assert_eq!(fs::read(&poof_conf).unwrap(), saved);
}

#[test]
fn a_restore_beside_the_original_touches_only_its_own_place() {
    let sandbox = plain(8);
    sandbox.poof(["backup"]).run().expect_code(0);
    let original = Snapshot::of(&sandbox.data());
    let beside = sandbox.home().join("beside");
    sandbox.poof(["download", "--to", "beside"]).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&beside.join("data")));
    assert!(beside.join("config/poof.conf").exists());
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
}

#[test]
fn a_file_in_the_place_of_a_directory_is_named_and_kept() {
    let sandbox = plain(2);
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::remove_dir_all(sandbox.data()).unwrap();
    fs::write(sandbox.data(), "in the way").unwrap();
    sandbox.poof(["download", "--yes"]).run().expect_code(7).stderr_has("is no directory");
    assert_eq!(fs::read(sandbox.data()).unwrap(), b"in the way");
}

#[test]
fn the_configuration_in_use_is_left_alone_inside_a_larger_tree_too() {
    let sandbox = plain(2);
    let path = sandbox.confdir().join("poof.conf");
    let outer = sandbox.confdir().parent().unwrap().to_owned();
    let conf = fs::read_to_string(&path).unwrap();
    let inner = format!("\"{}\"", sandbox.confdir().display());
    fs::write(&path, conf.replace(&inner, &format!("\"{}\"", outer.display()))).unwrap();
    fs::write(outer.join("other.conf"), "saved").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    let edited = [&fs::read(&path).unwrap()[..], b"\n"].concat();
    fs::write(&path, &edited).unwrap();
    fs::write(outer.join("other.conf"), "changed!").unwrap();
    sandbox.poof(["download", "--yes"]).run().expect_code(0).stderr_has("is left alone");
    assert_eq!(fs::read(&path).unwrap(), edited);
    assert_eq!(fs::read(outer.join("other.conf")).unwrap(), b"saved");
}

/// A tree in which a file and a directory have changed places.
fn swapped(root: &std::path::Path, to: bool) {
    let (file, dir) = if to { ("b", "a") } else { ("a", "b") };
    for name in ["a", "b"] {
        let path = root.join(name);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else if path.exists() {
            fs::remove_file(path).unwrap();
        }
    }
    fs::create_dir_all(root.join(dir).join("deep")).unwrap();
    fs::write(root.join(dir).join("deep/x"), "x").unwrap();
    fs::write(root.join(file), "file").unwrap();
}

#[test]
fn a_file_and_a_directory_can_change_places_on_both_sides() {
    let disk = plain(2);
    fs::remove_file(disk.rclone_conf()).unwrap();
    let dir = disk.home().join("disk");
    fs::create_dir(&dir).unwrap();
    let path = format!("PATH={}", dir.display());
    disk.poof(["cconfig", "--remote", "local", &path]).run().expect_code(0);
    for sandbox in [plain(2), encrypted(2), disk] {
        swapped(&sandbox.data(), false);
        sandbox.poof(["backup"]).run().expect_code(0);
        let original = Snapshot::of(&sandbox.data());
        swapped(&sandbox.data(), true);
        sandbox.poof(["download", "--yes"]).run().expect_code(0);
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
        swapped(&sandbox.data(), true);
        sandbox.poof(["backup"]).run().expect_code(0);
        let changed = Snapshot::of(&sandbox.data());
        fs::remove_dir_all(sandbox.data()).unwrap();
        sandbox.poof(["download"]).run().expect_code(0);
        assert_same_content(&changed, &Snapshot::of(&sandbox.data()));
    }
}

// Hazard 30: the half-restored tree must not be mirrored to the remote.
#[test]
fn a_killed_download_is_not_backed_up_and_the_next_one_completes_it() {
    let (sandbox, proxy) = proxied(false);
    grow(&sandbox.data(), 30, 1..=200_000, 1);
    sandbox.poof(["backup"]).run().expect_code(0);
    let original = Snapshot::of(&sandbox.data());
    fs::remove_dir_all(sandbox.data()).unwrap();
    fs::create_dir(sandbox.data()).unwrap();
    let get = std::sync::atomic::AtomicUsize::new(0);
    let (reached, is_reached) = std::sync::mpsc::channel();
    proxy.set_rule(move |request| {
        let count = get.fetch_add(usize::from(request.kind == Kind::Get), Ordering::SeqCst);
        if request.kind == Kind::Get && count >= 10 {
            let _ = reached.send(());
            return Verdict::Hold;
        }
        Verdict::Pass
    });
    let running = sandbox.poof(["download"]).start();
    is_reached.recv_timeout(std::time::Duration::from_secs(30)).unwrap();
    running.signal(libc::SIGKILL);
    running.finish();
    proxy.set_rule(|_| Verdict::Pass);
    // What a kill in the middle of a file leaves.
    fs::write(sandbox.data().join("half.0a1b2c3d.partial"), "hal").unwrap();
    let run = sandbox.poof(["backup", "--yes"]).run().expect_code(7);
    run.stderr_has("the download of data was not completed");
    fs::remove_file(sandbox.data().join("half.0a1b2c3d.partial")).unwrap();
    sandbox.poof(["download"]).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed, 0 removed");
}

// What is neither here nor there must not vanish from the snapshot without a word.
#[test]
fn what_the_remote_has_lost_and_is_not_here_either_keeps_a_backup_until_it_is_told() {
    for sandbox in [plain(2), encrypted(2)] {
        for name in ["lost", "kept", "fine"] {
            fs::write(sandbox.data().join(name), name).unwrap();
        }
        sandbox.poof(["backup"]).run().expect_code(0);
        let door = Backdoor::new(&sandbox);
        door.write("data/lost", b"harm");
        door.write("data/kept", b"harm");
        fs::remove_file(sandbox.data().join("lost")).unwrap();
        for name in ["kept", "fine"] {
            fs::write(sandbox.data().join(name), "mine").unwrap();
        }
        let run = sandbox.poof(["download", "--yes"]).run().expect_code(5);
        run.stderr_has("1 file that the remote has lost: left alone here");
        let run = sandbox.poof(["backup"]).run().expect_code(7);
        run.stderr_has("the last download of data could not bring back lost: a backup would erase")
            .stderr_has("`poof download` completes it, as soon as")
            .stderr_has("--allow mass-deletion");
        sandbox.poof(["download", "--yes"]).run().expect_code(5);
        sandbox.poof(["backup"]).run().expect_code(7);
        sandbox.poof(["backup", "--allow", "mass-deletion"]).run().expect_code(0);
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has("0 new, 0 changed, 0 removed");
        sandbox.poof(["check", "--read-data"]).run().expect_code(0);
    }
}

// A failure that may pass is no loss: the remote still has the newer content.
#[test]
fn what_could_not_be_fetched_for_the_moment_is_not_replaced_by_what_is_here() {
    let (sandbox, proxy) = proxied(false);
    let file = sandbox.data().join("file");
    fs::write(&file, "new").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::write(&file, "old").unwrap();
    proxy.set_rule(|request| match request.kind {
        Kind::Get if request.path.ends_with("/file") => Verdict::Status(403, "AccessDenied"),
        _ => Verdict::Pass,
    });
    sandbox.poof(["download", "--only", "data", "--yes"]).run().expect_code(4);
    proxy.set_rule(|_| Verdict::Pass);
    sandbox.poof(["backup"]).run().expect_code(7).stderr_has("could not bring back file");
    sandbox.poof(["download", "--yes"]).run().expect_code(0);
    assert_eq!(fs::read(&file).unwrap(), b"new");
    sandbox.poof(["backup"]).run().expect_code(0);
}

#[test]
fn another_name_of_a_file_that_was_refused_keeps_what_it_holds() {
    let sandbox = plain(1);
    let [first, second] = ["first", "second"].map(|name| sandbox.data().join(name));
    fs::write(&first, "shared").unwrap();
    fs::hard_link(&first, &second).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    Backdoor::new(&sandbox).write("data/first", b"harm");
    for path in [&first, &second] {
        fs::remove_file(path).unwrap();
        fs::write(path, path.file_name().unwrap().as_encoded_bytes()).unwrap();
    }
    let run = sandbox.poof(["download", "--yes"]).run().expect_code(5);
    run.stderr_has("data/second: it is another name of first, which could not be restored");
    assert_eq!(fs::read(&first).unwrap(), b"first");
    assert_eq!(fs::read(&second).unwrap(), b"second");
}

#[test]
fn twins_in_unicode_normal_form_are_two_files() {
    for sandbox in [plain(1), encrypted(1)] {
        for (name, text) in [("\u{e9}", "composed"), ("e\u{301}", "decomposed")] {
            fs::write(sandbox.data().join(name), text).unwrap();
            fs::create_dir(sandbox.data().join(format!("dir-{name}"))).unwrap();
            fs::write(sandbox.data().join(format!("dir-{name}/x")), text).unwrap();
        }
        let original = Snapshot::of(&sandbox.data());
        sandbox.poof(["backup"]).run().expect_code(0);
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has("0 new, 0 changed, 0 removed");
        fs::remove_dir_all(sandbox.data()).unwrap();
        sandbox.poof(["download"]).run().expect_code(0);
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    }
}

#[test]
fn nothing_is_written_through_a_link_that_stands_for_a_directory() {
    let sandbox = plain(1);
    for (dir, text) in [("sub", "AAAA"), ("other", "BBBB")] {
        fs::create_dir(sandbox.data().join(dir)).unwrap();
        fs::write(sandbox.data().join(dir).join("f"), text).unwrap();
    }
    let original = Snapshot::of(&sandbox.data());
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::remove_dir_all(sandbox.data().join("sub")).unwrap();
    symlink("other", sandbox.data().join("sub")).unwrap();
    let kept = sandbox.poof(["download", "--keep-extra", "--yes"]).run().expect_code(5);
    kept.stderr_has("data/sub/f: what is to stay is in its way");
    assert_eq!(fs::read(sandbox.data().join("other/f")).unwrap(), b"BBBB");
    sandbox.poof(["download", "--yes"]).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
}

#[test]
fn what_is_restored_is_as_private_as_it_was() {
    let sandbox = plain(2);
    fs::set_permissions(sandbox.data(), fs::Permissions::from_mode(0o751)).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::remove_dir_all(sandbox.data()).unwrap();
    sandbox.poof(["download"]).run().expect_code(0);
    sandbox.poof(["download", "--only", "config", "--to", "beside"]).run().expect_code(0);
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&sandbox.data()), 0o751);
    assert_eq!(mode(&sandbox.home().join("beside/config/rclone-poof.conf")), 0o600);
    assert_eq!(mode(&sandbox.home().join("beside")), 0o700);
}

#[test]
fn a_configuration_file_elsewhere_is_left_alone_too() {
    let sandbox = plain(1);
    let mine = sandbox.data().join("my.conf");
    fs::copy(sandbox.confdir().join("poof.conf"), &mine).unwrap();
    let with = |args: &[&str]| {
        let args = ["--poofconf", mine.to_str().unwrap()].into_iter().chain(args.iter().copied());
        sandbox.poof(args).run().expect_code(0)
    };
    with(&["backup"]);
    let edited = [&fs::read(&mine).unwrap()[..], b"\n"].concat();
    fs::write(&mine, &edited).unwrap();
    with(&["download", "--yes"]).stderr_has("is left alone");
    assert_eq!(fs::read(&mine).unwrap(), edited);
}

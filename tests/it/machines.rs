//! A bucket serves several machines: nobody's newer files are lost by a machine that has
//! not seen them, and who takes turns never hears of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::json;

use crate::harness::command::Run;
use crate::harness::{Kind, Machines, Place, Verdict, files};

const DOWNLOAD: [&str; 2] = ["download", "--yes"];
const UPLOAD: [&str; 3] = ["upload", "--yes", "--keep-poof"];

/// Where the bucket of a story is, and whether it is encrypted.
const DISK: (Place, bool) = (Place::Disk, false);
const ALL: [(Place, bool); 4] =
    [DISK, (Place::Disk, true), (Place::Minio, false), (Place::Minio, true)];

/// Files by name in the data of a machine.
fn write(data: &Path, names: impl IntoIterator<Item = String>, text: &str) {
    for name in names {
        fs::write(data.join(&name), format!("{name}, {text}")).unwrap();
    }
}

fn numbered(name: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{name}{number:02}"))
}

/// Two machines with the same twenty files.
fn in_step((place, encrypted): (Place, bool)) -> Machines {
    let machines = Machines::new(2, place, encrypted).named();
    write(&machines.all[0].data(), numbered("chapter", 20), "first version");
    machines.all[0].poof(["backup"]).run().expect_code(0);
    machines.all[1].poof(DOWNLOAD).run().expect_code(0);
    machines
}

/// The first of two machines then saves more, of which the second knows nothing, and the
/// second changes something of its own.
fn out_of_step(at: (Place, bool)) -> Machines {
    let machines = in_step(at);
    let [first, second] = &machines.all[..] else { unreachable!() };
    write(&first.data(), numbered("new", 30), "by the first");
    write(&first.data(), numbered("chapter", 1), "SECOND version");
    first.poof(["backup"]).run().expect_code(0);
    write(&second.data(), ["chapter02".to_owned()], "by the second");
    machines
}

/// Whether a run was refused as one of a stale machine is: who has saved, when, how much
/// differs, and what to type.
#[track_caller]
fn assert_stale(machines: &Machines, run: &Run, differs: &str) {
    assert_eq!(run.code, Some(7), "{run}");
    let host = machines.all[0].host().unwrap_or_default();
    let year = "data: ";
    for text in [year, host, "saved a snapshot on 20", differs] {
        assert!(run.stderr.contains(text), "standard error lacks {text:?}: {run}");
    }
    for text in
        ["`poof download --only data`", "Nothing of data was changed.", "`--allow newer-snapshot`"]
    {
        assert!(run.stderr.contains(text), "standard error lacks {text:?}: {run}");
    }
}

#[test]
fn what_another_machine_has_saved_is_no_fault_of_a_rehearsal() {
    for at in [DISK, (Place::Minio, true)] {
        let machines = out_of_step(at);
        let run = machines.all[1].poof(["rehearse", "--only", "data"]).run().expect_code(0);
        run.stderr_has("33 changed here since").stderr_has("alpha has saved it since");
    }
}

#[test]
fn a_stale_machine_is_refused_before_anything_changes() {
    for at in ALL {
        let machines = out_of_step(at);
        let second = &machines.all[1];
        let (there, here) = (machines.door().listing(), machines.files(1));
        // To look changes no later verdict, however often.
        second.poof(["status"]).run().expect_code(0);
        second.poof(["check"]).run().expect_code(0);
        second.poof(["download", "--dry-run"]).run().expect_code(0);
        for args in [
            &["backup", "--dry-run"][..],
            &["backup"],
            &["upload", "--dry-run", "--keep-poof"],
            &UPLOAD,
            &["backup", "--only", "data"],
        ] {
            let run = second.poof(args).run();
            assert_stale(&machines, &run, "30 of its entries are missing here, 2 differ");
            assert_eq!(machines.files(1), here, "{at:?}: {run}");
        }
        let now = machines.door().listing();
        let of = |listing: &str| {
            listing.lines().filter(|l| !l.contains("config")).map(str::to_owned).collect::<Vec<_>>()
        };
        // The second machine's own configuration was saved meanwhile.
        if !at.1 {
            assert_eq!(of(&now), of(&there), "{at:?}");
        }
        let (run, restored) = machines.restored();
        assert_eq!(restored, machines.files(0), "{at:?}: {run}");

        let own = second.data().join("chapter02");
        fs::rename(&own, second.home().join("chapter02")).unwrap();
        second.poof(DOWNLOAD).run().expect_code(0);
        assert_eq!(machines.files(1), machines.files(0));
        fs::rename(second.home().join("chapter02"), own).unwrap();
        second.poof(["backup"]).run().expect_code(0);
        machines.all[0].poof(["backup"]).run().expect_code(7);
        machines.all[0].poof(DOWNLOAD).run().expect_code(0);
        assert_eq!(machines.files(0), machines.files(1));
    }
}

#[test]
fn a_scheduled_run_of_a_stale_machine_is_refused_and_alerts() {
    let machines = out_of_step(DISK);
    let second = &machines.all[1];
    let alert = "echo \"$POOF_EVENT $POOF_EXIT_CODE\" >> \"$HOME/alerts\"";
    let schedule = json!({"alert_command": ["sh", "-c", alert], "alert_after_failures": 1});
    second.set("schedule", schedule);
    second.poof(["backup", "--scheduled"]).run().expect_code(7);
    assert_eq!(fs::read_to_string(second.home().join("alerts")).unwrap(), "trouble 7\n");
    let log = fs::read_to_string(second.state().join("log/backup.log")).unwrap();
    assert!(log.contains("that this machine has not seen"), "{log}");
    assert_eq!(machines.restored().1, machines.files(0));
    second.poof(DOWNLOAD).run().expect_code(0);
    second.poof(["backup", "--scheduled"]).run().expect_code(0);
}

#[test]
fn a_stale_machine_can_put_what_it_has_in_the_place_of_what_it_has_not_seen() {
    let machines = out_of_step(DISK);
    let [first, second] = &machines.all[..] else { unreachable!() };
    let allowed = ["--allow", "newer-snapshot"];
    let run = second.poof(["backup", "--dry-run"]).args(allowed).run().expect_code(0);
    let run = run.stderr_has("data: 0 new, 2 changed, 30 removed");
    assert!(run.stderr.contains("nothing was changed"), "{run}");
    second.poof(["backup"]).run().expect_code(7);
    second.poof(["backup"]).args(allowed).run().expect_code(0);
    assert_eq!(machines.restored().1, machines.files(1));
    second.poof(["backup"]).run().expect_code(0);
    first.poof(["backup"]).run().expect_code(7);
}

#[test]
fn a_machine_that_knows_nothing_replaces_no_snapshot() {
    for at in [DISK, (Place::Minio, true)] {
        let machines = Machines::new(2, at.0, at.1).named();
        let [old, new] = &machines.all[..] else { unreachable!() };
        write(&old.data(), numbered("precious", 100), "the only copy");
        old.poof(["backup"]).run().expect_code(0);
        let saved = machines.files(0);
        fs::remove_dir_all(old.data()).unwrap();
        // As a desktop makes it in a new home.
        fs::write(new.data().join(".directory"), "x").unwrap();
        for args in [&["backup", "--dry-run"][..], &["backup"], &UPLOAD] {
            let run = new.poof(args).run();
            assert_stale(&machines, &run, "100 of its entries are missing here");
        }
        assert_eq!(machines.restored().1, saved);
        new.poof(DOWNLOAD).run().expect_code(0);
        assert_eq!(machines.files(1), saved);
    }
}

#[test]
fn a_machine_that_lost_its_state_goes_on_as_if_nothing_had_happened() {
    for at in [DISK, (Place::Minio, true)] {
        let machines = in_step(at);
        for (round, machine) in [0, 0, 1, 0].into_iter().enumerate() {
            let sandbox = &machines.all[machine];
            sandbox.poof(DOWNLOAD).run().expect_code(0);
            fs::remove_dir_all(sandbox.state()).unwrap();
            // With something new in it as well.
            if round > 0 {
                write(&sandbox.data(), numbered(&format!("round{round}-"), 2), "new");
            }
            let new = if round > 0 { 2 } else { 0 };
            let run = sandbox.poof(["backup"]).run().expect_code(0);
            let run = run.stderr_has(&format!("data: {new} new, 0 changed, 0 removed"));
            assert!(!run.stderr.contains("snapshot"), "{run}");
            assert_eq!(machines.restored().1, machines.files(machine));
        }
        let last = &machines.all[0];
        fs::remove_dir_all(last.state()).unwrap();
        last.poof(UPLOAD).run().expect_code(0);
        assert!(!last.data().exists());
        // Nor does it know that it has wiped its directory.
        fs::remove_dir_all(last.state()).unwrap();
        last.poof(["backup"]).run().expect_code(0);
        last.poof(DOWNLOAD).run().expect_code(0);
        assert_eq!(machines.files(0), machines.restored().1);
    }
}

#[test]
fn two_machines_that_take_turns_never_hear_of_each_other() {
    for at in [DISK, (Place::Minio, true)] {
        let machines = Machines::new(2, at.0, at.1).named();
        for turn in 0..6 {
            let sandbox = &machines.all[turn % 2];
            if turn > 0 {
                sandbox.poof(DOWNLOAD).run().expect_code(0);
                assert_eq!(files(&sandbox.data()).len(), 2 * turn + 1);
                fs::remove_file(sandbox.data().join(format!("turn{}-00", turn - 1))).unwrap();
            }
            write(&sandbox.data(), numbered(&format!("turn{turn}-"), 3), "new");
            // A machine that keeps its files, and one that does not.
            let verb = if turn % 3 == 0 { &["backup"][..] } else { &UPLOAD };
            let before = files(&sandbox.data());
            let run = sandbox.poof(verb).run().expect_code(0);
            assert!(!run.stderr.contains("has not seen"), "{run}");
            assert_eq!(machines.restored().1, before, "{at:?}, turn {turn}");
        }
    }
}

#[test]
fn the_configuration_of_each_machine_has_a_place_of_its_own() {
    for at in [DISK, (Place::Minio, true)] {
        let machines = in_step(at);
        let [first, second] = &machines.all[..] else { unreachable!() };
        for round in 0..2 {
            // The second has downloaded last what the first saved, and is the first to
            // save now.
            for sandbox in [second, first] {
                let note = sandbox.confdir().join("note");
                fs::write(note, format!("{} {round}", sandbox.home().display())).unwrap();
                sandbox.poof(["backup"]).run().expect_code(0);
            }
        }
        let names = machines.door().names("");
        let own = |name: &&String| name.starts_with("config-") && name.ends_with("/note");
        let own: Vec<_> = names.iter().filter(own).collect();
        assert_eq!(own.len(), 1, "{names:?}");
        let text = |name: &str| {
            let run = first.rclone(["cat", &format!("{}{name}", crate::story::told(first))]).run();
            run.expect_code(0).stdout
        };
        assert_eq!(text("config/note"), format!("{} 1", first.home().display()));
        assert_eq!(text(own[0]), format!("{} 1", second.home().display()));
        // Each gets its own back.
        for sandbox in [first, second] {
            let note = sandbox.confdir().join("note");
            let before = fs::read(&note).unwrap();
            fs::remove_file(&note).unwrap();
            sandbox.poof(["download", "--yes", "--only", "config"]).run().expect_code(0);
            assert_eq!(fs::read(&note).unwrap(), before);
        }
    }
}

#[test]
fn what_another_machine_has_deleted_is_not_missed_by_the_one_that_has_wiped_it() {
    for at in [DISK, (Place::Minio, true)] {
        let machines = in_step(at);
        let [first, second] = &machines.all[..] else { unreachable!() };
        first.poof(UPLOAD).run().expect_code(0);
        fs::remove_file(second.data().join("chapter00")).unwrap();
        second.poof(["backup"]).run().expect_code(0);
        for verb in [&["backup"][..], &UPLOAD, &["status"]] {
            let run = first.poof(verb).run().expect_code(0);
            assert!(!format!("{run}").contains("not there"), "{run}");
        }
        first.poof(DOWNLOAD).run().expect_code(0);
        assert_eq!(machines.files(0), machines.files(1));
    }
}

#[test]
fn a_file_that_another_machine_has_put_in_the_place_of_a_directory_is_not_replaced() {
    let machines = in_step(DISK);
    let [first, second] = &machines.all[..] else { unreachable!() };
    fs::create_dir(second.data().join("part")).unwrap();
    write(&second.data(), ["part/file".to_owned()], "saved");
    second.poof(["backup"]).run().expect_code(0);
    first.poof(DOWNLOAD).run().expect_code(0);
    fs::remove_dir_all(first.data().join("part")).unwrap();
    write(&first.data(), ["part".to_owned()], "by the first");
    first.poof(["backup"]).run().expect_code(0);
    // All of the directory has gone but itself.
    fs::remove_file(second.data().join("part/file")).unwrap();
    assert_stale(&machines, &second.poof(["backup"]).run(), "1 of its entries are different here");
    second.poof(DOWNLOAD).run().expect_code(0);
    assert_eq!(machines.files(0), machines.files(1));
}

#[test]
fn what_could_not_be_sent_does_not_replace_what_another_machine_has_saved_there() {
    let machines = in_step(DISK);
    let [first, second] = &machines.all[..] else { unreachable!() };
    let chapter = first.data().join("chapter00");
    write(&first.data(), ["chapter00".to_owned()], "by the first");
    // It changes while it is read.
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                fs::write(&chapter, format!("{:?}", std::time::Instant::now())).unwrap();
            }
        });
        let run = first.poof(["backup"]).run();
        stop.store(true, Ordering::Relaxed);
        run.expect_code(5).stderr_has("chapter00");
    });
    second.poof(DOWNLOAD).run().expect_code(0);
    write(&second.data(), ["chapter00".to_owned()], "by the second");
    second.poof(["backup"]).run().expect_code(0);
    let own = fs::read(&chapter).unwrap();
    first.poof(["download"]).run().expect_code(7);
    first.poof(["backup"]).run().expect_code(7).stderr_has("saved a snapshot");
    assert_eq!(fs::read(&chapter).unwrap(), own);
    fs::rename(&chapter, first.data().join("own")).unwrap();
    first.poof(["download", "--yes", "--keep-extra"]).run().expect_code(0);
    assert_eq!(fs::read_to_string(&chapter).unwrap(), "chapter00, by the second");
    assert_eq!(fs::read(first.data().join("own")).unwrap(), own);
}

// Many machines have the same name.
#[test]
fn what_another_machine_of_the_same_name_has_noted_is_not_tidied_away() {
    let machines = Machines::new(2, Place::Disk, false);
    let [first, second] = &machines.all[..] else { unreachable!() };
    write(&first.data(), numbered("file", 5), "saved");
    first.poof(["backup"]).run().expect_code(0);
    second.poof(DOWNLOAD).run().expect_code(0);
    first.poof(UPLOAD).run().expect_code(0);
    let is_marked = || machines.door().names(".poof/trees/data").contains(&"state".to_owned());
    assert!(is_marked());
    second.poof(["backup"]).run().expect_code(0);
    second.poof(DOWNLOAD).run().expect_code(0);
    write(&second.data(), numbered("later", 1), "by the second");
    second.poof(["backup"]).run().expect_code(0);
    assert!(is_marked());
    first.poof(DOWNLOAD).run().expect_code(0);
    assert!(!is_marked());
    assert_eq!(machines.files(0), machines.files(1));
}

#[test]
fn a_run_that_was_killed_blocks_its_own_machine_never_and_others_for_a_while() {
    for encrypted in [false, true] {
        let machines = in_step((Place::Minio, encrypted));
        let [first, second] = &machines.all[..] else { unreachable!() };
        let proxy = machines.proxy.as_ref().unwrap();
        write(&first.data(), numbered("more", 10), "by the first");
        proxy.reset();
        first.poof(["backup"]).run().expect_code(0);
        let total = proxy.total();
        for share in 1..7 {
            write(&first.data(), numbered("more", 10), &format!("again {share}"));
            let run = first.poof(["backup"]).run_killed_at(total * share / 8, proxy);
            assert_eq!(run.code, None, "{run}");
            if share < 6 {
                first.poof(["backup"]).run().expect_code(0);
                second.poof(DOWNLOAD).run().expect_code(0);
            }
        }
        // The last had its lock, and has not saved.
        write(&second.data(), numbered("second", 1), "by the second");
        let run = second.poof(["backup"]).run();
        assert_eq!(run.code, Some(8), "{run}");
        let host = first.host().unwrap_or_default();
        assert!(run.stderr.contains(&format!("{host} is at work on ")), "{run}");
        assert!(run.stderr.contains("blocks others for 20 minutes at most"), "{run}");
        machines.time_passes();
        second.poof(["backup"]).run().expect_code(0);
        first.poof(["backup"]).run().expect_code(7);
    }
}

#[test]
fn a_run_that_was_killed_when_its_head_had_arrived_has_saved_for_its_machine() {
    let machines = in_step((Place::Minio, false));
    let (first, proxy) = (&machines.all[0], machines.proxy.as_ref().unwrap());
    write(&first.data(), numbered("more", 3), "by the first");
    let (reached, is_reached) = mpsc::channel();
    let stored = AtomicBool::new(false);
    proxy.set_rule(move |request| {
        if !request.path.contains("/.poof/trees/data/head/") {
            return Verdict::Pass;
        }
        if request.kind == Kind::Put {
            stored.store(true, Ordering::Relaxed);
        } else if request.kind == Kind::Get && stored.load(Ordering::Relaxed) {
            let _ = reached.send(());
            return Verdict::Hold;
        }
        Verdict::Pass
    });
    let running = first.poof(["backup"]).start();
    is_reached.recv_timeout(Duration::from_secs(30)).unwrap();
    running.signal(libc::SIGKILL);
    running.finish();
    proxy.set_rule(|_| Verdict::Pass);
    let killed = machines.files(0);
    assert_eq!(machines.restored().1, killed);
    // The user goes on as if nothing had happened.
    write(&first.data(), numbered("chapter", 2), "changed");
    write(&first.data(), numbered("later", 2), "new");
    fs::remove_file(first.data().join("more00")).unwrap();
    first.poof(["backup"]).run().expect_code(0);
    assert_eq!(machines.restored().1, machines.files(0));
}

#[test]
fn what_another_machine_saved_stays_where_this_one_excludes_it() {
    for at in [DISK, (Place::Minio, false)] {
        let machines = in_step(at);
        let [first, second] = &machines.all[..] else { unreachable!() };
        first.set("exclude", json!(["drafts/"]));
        fs::create_dir(first.data().join("drafts")).unwrap();
        write(&first.data().join("drafts"), ["own".to_owned()], "by the first");
        first.poof(["backup"]).run().expect_code(0);
        second.poof(DOWNLOAD).run().expect_code(0);
        fs::create_dir(second.data().join("drafts")).unwrap();
        write(&second.data().join("drafts"), ["novel".to_owned()], "precious");
        second.poof(UPLOAD).run().expect_code(0);
        first.poof(DOWNLOAD).run().expect_code(0);
        write(&first.data(), ["chapter03".to_owned()], "by the first");
        for args in [&["backup"][..], &UPLOAD] {
            first.poof(args).run().expect_code(0);
            second.poof(DOWNLOAD).run().expect_code(0);
            let novel = fs::read_to_string(second.data().join("drafts/novel")).unwrap();
            assert_eq!(novel, "novel, precious");
        }
        // What this machine has had itself leaves the snapshot, as ever.
        second.set("exclude", json!(["drafts/"]));
        second.poof(["backup"]).run().expect_code(0);
        assert!(!machines.restored().1.keys().any(|path| path.starts_with("drafts")));
    }
}

#[test]
fn a_machine_that_lost_its_state_does_not_undo_attributes_that_it_does_not_have() {
    let machines = in_step(DISK);
    let [first, second] = &machines.all[..] else { unreachable!() };
    let private = |mode| fs::Permissions::from_mode(mode);
    fs::set_permissions(second.data().join("chapter01"), private(0o640)).unwrap();
    second.poof(["backup"]).run().expect_code(0);
    fs::remove_dir_all(first.state()).unwrap();
    first.poof(["backup"]).run().expect_code(7).stderr_has("1 of its entries are different here");
    first.poof(DOWNLOAD).run().expect_code(0);
    first.poof(["backup"]).run().expect_code(0);
    // Another time on the same content is no reason: nothing is lost by it.
    fs::remove_dir_all(first.state()).unwrap();
    let file = fs::File::options().write(true).open(first.data().join("chapter02")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    first.poof(["backup"]).run().expect_code(0);
}

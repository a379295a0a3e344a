//! Who owns the bucket may delete, copy and exchange objects, and reads what is not
//! encrypted. Nothing of that may pass for a snapshot.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode};

use crate::farewell::kit;
use crate::harness::command::Run;
use crate::harness::{Backdoor, Lacks, Sandbox, Snapshot, assert_same_content, skipped};
use crate::homecoming::bare;
use crate::story::{grown, told};

/// A machine with the same configuration and nothing else.
fn bare_with_configuration(of: &Sandbox, encrypted: bool) -> Sandbox {
    let machine = crate::unended::another(of, encrypted);
    fs::copy(of.rclone_conf(), machine.rclone_conf()).unwrap();
    machine
}

fn returned(kit: &Path, more: &[&str]) -> (Sandbox, Run) {
    let machine = bare();
    let phrase = kit.with_file_name("phrase");
    let args = ["return", kit.to_str().unwrap(), "--phrase-file", phrase.to_str().unwrap()];
    let run = machine.poof(args.iter().chain(more)).run();
    (machine, run)
}

/// Two objects of the same size, which crypt cannot tell apart.
fn swap(door: &Backdoor, sandbox: &Sandbox) {
    let names = door.names("data");
    let (one, two) = (format!("data/{}", names[0]), format!("data/{}", names[1]));
    let (first, second) = (door.read(&one), door.read(&two));
    door.write(&one, &second);
    door.write(&two, &first);
    assert!(sandbox.rclone_conf().exists());
}

#[test]
fn deleted_heads_switch_no_proof_off() {
    for encrypted in [false, true] {
        let (sandbox, _proxy) = grown(encrypted, 6);
        sandbox.poof(["backup"]).run().expect_code(0);
        let kit = kit(&sandbox);
        sandbox.poof(["upload", "--yes", "--keep-poof"]).run().expect_code(0);
        let door = Backdoor::new(&sandbox);
        swap(&door, &sandbox);
        for head in door.names(".poof/trees/data/head") {
            door.delete(&format!(".poof/trees/data/head/{head}"));
        }
        let only = ["download", "--only", "data", "--yes"];
        // The machine that has wiped it.
        sandbox.poof(only).run().expect_code(7);
        assert!(!sandbox.data().exists());
        // One that has never seen the bucket.
        let other = bare_with_configuration(&sandbox, encrypted);
        let before = Snapshot::of(&other.data());
        let run = other.poof(only).run().expect_code(7);
        run.stderr_has("somebody has removed").stderr_has("--allow no-manifest");
        assert_same_content(&before, &Snapshot::of(&other.data()));
        // A kit knows what there has to be.
        let (machine, run) = returned(&kit, &["--yes"]);
        run.expect_code(7).stderr_has("the kit knows one of").stderr_has("older-snapshot");
        assert!(!machine.data().exists() && !machine.confdir().exists());
        let (machine, run) = returned(&kit, &["--yes", "--allow", "older-snapshot"]);
        run.expect_code(7).stderr_has("--allow no-manifest");
        assert!(!machine.data().exists());
    }
}

#[test]
fn a_bucket_without_any_record_is_not_taken_for_one_of_another_tool_by_who_has_a_kit() {
    for (encrypted, before_the_first) in [(false, true), (true, true), (true, false)] {
        let (sandbox, _proxy) = grown(encrypted, 6);
        let early = before_the_first.then(|| kit(&sandbox));
        sandbox.poof(["backup"]).run().expect_code(0);
        let kit = early.unwrap_or_else(|| kit(&sandbox));
        let records = format!("{}.poof", told(&sandbox));
        sandbox.rclone(["purge", &records]).run().expect_code(0);
        let (machine, run) = returned(&kit, &["--yes"]);
        let word = if before_the_first { "no-manifest" } else { "other-remote" };
        run.expect_code(7).stderr_has(&format!("--allow {word}"));
        assert!(!machine.data().exists());
    }
}

#[test]
fn a_kit_knows_the_last_snapshot_and_takes_none_before_it() {
    for encrypted in [false, true] {
        let (sandbox, _proxy) = grown(encrypted, 6);
        sandbox.poof(["backup"]).run().expect_code(0);
        fs::write(sandbox.data().join("late"), "saved later").unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        let kit = kit(&sandbox);
        let door = Backdoor::new(&sandbox);
        let [newest, older] = door.heads("data");
        let whole = door.read(&newest);
        for rolled_back in [true, false] {
            if rolled_back {
                door.delete(&newest);
            } else {
                door.write(&newest, &door.read(&older));
            }
            let (machine, run) = returned(&kit, &["--yes"]);
            run.expect_code(7).stderr_has("--allow older-snapshot");
            assert!(!machine.data().exists());
        }
        door.write(&newest, &whole);
        let (machine, run) = returned(&kit, &["--yes"]);
        run.expect_code(0);
        assert!(machine.data().join("late").exists());
        // What was saved after the kit is newer, and fine.
        fs::write(sandbox.data().join("later"), "saved after the kit").unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        let (machine, run) = returned(&kit, &["--yes"]);
        run.expect_code(0);
        assert!(machine.data().join("later").exists());
    }
}

#[test]
fn a_bucket_in_clear_gives_root_no_devices_and_no_setuid_programs_without_a_word() {
    if !rustix::process::geteuid().is_root() {
        skipped(Lacks::Root, "a user cannot be given them");
        return;
    }
    for encrypted in [false, true] {
        let (sandbox, _proxy) = grown(encrypted, 3);
        let program = sandbox.data().join("program");
        fs::write(&program, "#!").unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o4755)).unwrap();
        let device = sandbox.data().join("device");
        let (kind, mode) = (FileType::BlockDevice, Mode::from_raw_mode(0o600));
        rustix::fs::mknodat(CWD, &device, kind, mode, rustix::fs::makedev(7, 200)).unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        // What this machine has made itself it knows.
        fs::remove_file(&program).unwrap();
        let only = ["download", "--only", "data", "--yes"];
        sandbox.poof(only).run().expect_code(0);
        sandbox.poof(["upload", "--yes", "--keep-poof"]).run().expect_code(0);
        sandbox.poof(only).run().expect_code(0);
        assert_eq!(program.metadata().unwrap().mode() & 0o7777, 0o4755);

        let other = bare_with_configuration(&sandbox, encrypted);
        let before = Snapshot::of(&other.data());
        if encrypted {
            other.poof(only).run().expect_code(0);
        } else {
            let run = other.poof(only).run().expect_code(7).stderr_has("2 paths with special");
            run.stderr_has("device, program").stderr_has("--allow privileged");
            assert_same_content(&before, &Snapshot::of(&other.data()));
            // Nobody's word but this one.
            let words = ["--allow", "newer-snapshot", "--allow", "mass-deletion"];
            other.poof(only).args(words).run().expect_code(7);
            other.poof(only).args(["--allow", "privileged"]).run().expect_code(0);
        }
        assert_eq!(other.data().join("program").metadata().unwrap().mode() & 0o7777, 0o4755);
        assert!(other.data().join("device").metadata().unwrap().file_type().is_block_device());
    }
}

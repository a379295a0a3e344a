//! Trees of two machines on one bucket, one within the other by name: each would take
//! the other's objects for its own.

use std::fs;

use crate::harness::{Backdoor, Config, Sandbox, Snapshot, assert_same_content, grow, minio};

/// Two machines with one bucket, whose trees have these names.
fn two(encrypted: bool, names: [&str; 2]) -> [Sandbox; 2] {
    let machines = [Sandbox::new(), Sandbox::new()];
    let bucket = machines[0].bucket().to_owned();
    for (machine, name) in machines.iter().zip(names) {
        let new = if encrypted { Config::encrypted } else { Config::plain };
        machine.write_config(&new(minio().endpoint()));
        grow(&machine.data(), 12, 0..=100, name.len() as u64);
        machine.set("bucket", bucket.as_str().into());
        let (data, conf) = (machine.data(), machine.confdir());
        let conf_name = format!("conf-{}", name.replace('/', "-"));
        let paths = serde_json::json!({
            data.to_str().unwrap(): name, conf.to_str().unwrap(): conf_name,
        });
        machine.set("paths", paths);
    }
    fs::copy(machines[0].rclone_conf(), machines[1].rclone_conf()).unwrap();
    machines
}

#[test]
fn a_tree_within_or_around_that_of_another_machine_is_refused_before_anything_changes() {
    for encrypted in [false, true] {
        for names in [["photos", "photos/phone"], ["photos/phone", "photos"]] {
            let [first, second] = two(encrypted, names);
            first.poof(["backup"]).run().expect_code(0);
            let door = Backdoor::new(&first);
            let (there, here) = (door.listing(), Snapshot::of(&second.data()));
            for args in [
                &["backup"][..],
                &["backup", "--dry-run"],
                &["upload", "--yes", "--keep-poof"],
                &["upload", "--dry-run"],
                &["backup", "--allow", "foreign", "--allow", "mass-deletion", "--yes"],
            ] {
                let run = second.poof(args).run().expect_code(3);
                let run = run.stderr_has("photos/phone is within the tree photos");
                assert_eq!(door.listing(), there, "{run}");
            }
            assert_same_content(&here, &Snapshot::of(&second.data()));
            second.poof(["status"]).run().expect_code(0).stderr_has("is within the tree");
            first.poof(["backup"]).run().expect_code(0);
            first.poof(["check"]).run().expect_code(0);
            // The other directory of that machine is in nobody's way.
            let only = format!("conf-{}", names[1].replace('/', "-"));
            second.poof(["backup", "--only", &only]).run().expect_code(0);
        }
    }
}

#[test]
fn trees_side_by_side_share_a_bucket() {
    let [first, second] = two(false, ["photos", "photos2"]);
    for machine in [&first, &second, &first, &second] {
        machine.poof(["backup"]).run().expect_code(0);
    }
    first.poof(["check"]).run().expect_code(0);
    second.poof(["check"]).run().expect_code(0);
}

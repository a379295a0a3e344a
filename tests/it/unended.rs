//! A first backup that did not end is no snapshot, and what the last one could not
//! send stays where it is.

use std::fs;

use crate::harness::{
    Backdoor, Config, Kind, Sandbox, Snapshot, Verdict, assert_same_content, minio,
};
use crate::story::{backed_up, grown, names_on, told};

/// A machine with the same bucket and other files.
pub fn another(sandbox: &Sandbox, encrypted: bool) -> Sandbox {
    let other = Sandbox::new();
    let new = if encrypted { Config::encrypted } else { Config::plain };
    other.write_config(&new(minio().endpoint()));
    other.set("bucket", sandbox.bucket().into());
    let conf = fs::read_to_string(other.rclone_conf()).unwrap();
    fs::write(other.rclone_conf(), conf.replace(other.bucket(), sandbox.bucket())).unwrap();
    other
}

#[test]
fn a_first_backup_that_did_not_end_is_no_snapshot() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = grown(encrypted, 40);
        let half = (8..).step_by(6).find(|&k| {
            let run = sandbox.poof(["backup", "--only", "data"]).run_killed_at(k, &proxy);
            assert!(run.code.is_none(), "no kill in the middle left anything: {run}");
            !names_on(&sandbox, "data").is_empty()
        });
        assert!(half.is_some() && names_on(&sandbox, "data").len() < 40);
        let other = another(&sandbox, encrypted);
        fs::write(other.data().join("precious"), "only here").unwrap();
        let before = Snapshot::of(&other.data());
        for machine in [&other, &sandbox] {
            let here = Snapshot::of(&machine.data());
            let args = ["download", "--only", "data", "--yes"];
            let run = machine.poof(args).run().expect_code(7);
            run.stderr_has("did not end").stderr_has("`poof backup`").stderr_has("no-manifest");
            let others = ["--allow", "empty-source", "--allow", "mass-deletion"];
            machine.poof(args).args(others).run().expect_code(7);
            assert_same_content(&here, &Snapshot::of(&machine.data()));
        }
        assert_same_content(&before, &Snapshot::of(&other.data()));
        let word = ["download", "--only", "data", "--yes", "--allow", "no-manifest"];
        other.poof(word).run().expect_code(0).stderr_has("no manifest");
        assert!(!other.data().join("precious").exists());
        // What to type, as it says.
        sandbox.poof(["backup", "--only", "data"]).run().expect_code(0);
        other.poof(["download", "--only", "data", "--yes"]).run().expect_code(0);
        assert_same_content(&Snapshot::of(&sandbox.data()), &Snapshot::of(&other.data()));
    }
}

#[test]
fn what_was_wiped_is_not_brought_back_without_its_manifest_unless_the_user_says_so() {
    for encrypted in [false, true] {
        let (sandbox, _proxy) = backed_up(encrypted, &[("one", "1"), ("two", "2")]);
        sandbox.poof(["upload", "--yes", "--keep-poof"]).run().expect_code(0);
        let door = Backdoor::new(&sandbox);
        door.delete("data/two");
        let records = format!("{}.poof", told(&sandbox));
        sandbox.rclone(["purge", &records]).run().expect_code(0);
        let args = ["download", "--only", "data", "--yes", "--allow", "other-remote"];
        let run = sandbox.poof(args).run().expect_code(7);
        run.stderr_has("its manifest is gone").stderr_has("no-manifest");
        assert!(!sandbox.data().exists());
        sandbox.poof(args).args(["--allow", "no-manifest"]).run().expect_code(0);
        assert!(sandbox.data().join("one").exists() && !sandbox.data().join("two").exists());
    }
}

#[test]
fn a_download_leaves_alone_and_names_what_the_last_backup_could_not_send() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = backed_up(encrypted, &[("old", "as it was")]);
        let data = sandbox.data();
        let write = |name: &str, text: &str| fs::write(data.join(name), text).unwrap();
        fs::create_dir(data.join("dir")).unwrap();
        write("old", "as it is");
        write("dir/new", "only here");
        write("sent", "sent");
        let door = Backdoor::new(&sandbox);
        let keys = ["data/old", "data/dir/new"].map(|path| door.key(path));
        proxy.set_rule(move |request| match request.kind {
            Kind::Put if keys.iter().any(|key| request.key().ends_with(key)) => {
                Verdict::Status(403, "AccessDenied")
            }
            _ => Verdict::Pass,
        });
        let run = sandbox.poof(["backup"]).run().expect_code(5);
        run.stderr_has("data: not sent: 2 files; 1 new, 0 changed");
        write("later", "nobody has ever sent this");
        fs::remove_file(data.join("sent")).unwrap();
        for _ in 0..2 {
            let run = sandbox.poof(["download", "--only", "data", "--yes"]).run().expect_code(5);
            run.stderr_has("data/old: left alone").stderr_has("data/dir/new: left alone");
            let read = |name: &str| fs::read_to_string(data.join(name)).ok();
            assert_eq!(read("old").as_deref(), Some("as it is"));
            assert_eq!(read("dir/new").as_deref(), Some("only here"));
            assert_eq!((read("sent").as_deref(), read("later")), (Some("sent"), None));
        }
        // Beside it there is nothing to spare.
        let to = sandbox.home().join("beside");
        let args = ["download", "--only", "data", "--to", to.to_str().unwrap()];
        sandbox.poof(args).run().expect_code(0);
        assert_eq!(fs::read_to_string(to.join("data/old")).unwrap(), "as it was");
        proxy.set_rule(|_| Verdict::Pass);
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 1 new, 1 changed");
        // Now it is as any other.
        fs::remove_file(data.join("dir/new")).unwrap();
        write("old", "changed again");
        sandbox.poof(["download", "--only", "data", "--yes"]).run().expect_code(0);
        assert_eq!(fs::read_to_string(data.join("old")).unwrap(), "as it is");
        assert!(data.join("dir/new").exists());
    }
}

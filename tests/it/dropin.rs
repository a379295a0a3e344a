//! poof as the successor of the Python poof: each restores what the other backed
//! up, with the same two configuration files. The real thing: poof 1.6.0 from
//! PyPI and the rclone of the system.

use std::fs;

use crate::harness::{Config, Sandbox, Snapshot, assert_same_content, grow, minio};
use crate::story::{encrypted, plain, told};

fn configs() -> [Config; 2] {
    [Config::plain(minio().endpoint()), Config::encrypted(minio().endpoint())]
}

fn person(config: &Config) -> (Sandbox, Snapshot) {
    let sandbox = Sandbox::new();
    sandbox.write_config(config);
    grow(&sandbox.data(), 60, 0..=20_000, 5);
    for name in ["ünï 日本.txt", " both ends ", "#hash", "quote'\"", "empty"] {
        fs::write(sandbox.data().join(name), name.trim_matches('e')).unwrap();
    }
    let original = Snapshot::of(&sandbox.data());
    (sandbox, original)
}

#[test]
fn what_the_python_poof_backed_up_comes_back() {
    for config in configs() {
        let (sandbox, original) = person(&config);
        let run = sandbox.python_poof(["backup"]).run().expect_code(0);
        assert!(!run.stdout.contains("failed"), "{run}");
        let kept = fs::read(sandbox.rclone_conf()).unwrap();
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed");
        fs::remove_dir_all(sandbox.data()).unwrap();
        sandbox.poof(["download"]).run().expect_code(0);
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
        assert_eq!(fs::read(sandbox.rclone_conf()).unwrap(), kept);
    }
}

#[test]
fn what_poof_backed_up_comes_back_with_the_python_poof() {
    for config in configs() {
        let (sandbox, original) = person(&config);
        sandbox.poof(["backup"]).run().expect_code(0);
        fs::remove_dir_all(sandbox.data()).unwrap();
        let run = sandbox.python_poof(["download"]).run().expect_code(0);
        assert!(!run.stdout.contains("failed"), "{run}");
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
        let after = sandbox.python_poof(["verify"]).run().expect_code(0);
        after.stdout_has("configuration appears to be valid and has valid credentials");
    }
}

#[test]
fn a_configuration_of_the_python_poof_is_read_and_toggled_to_the_same_bytes() {
    let sandbox = Sandbox::new();
    sandbox.python_poof(["config"]).run().expect_code(0);
    sandbox.python_poof(["cconfig"]).run().expect_code(0);
    let poof_conf = sandbox.confdir().join("poof.conf");
    let made = fs::read_to_string(&poof_conf).unwrap();
    let scaffold = fs::read(sandbox.rclone_conf()).unwrap();
    assert_eq!(sandbox.poof(["config"]).run().expect_code(0).stdout, format!("{made}\n"));

    let crypt = "[poof-crypt]\ntype = crypt\nremote = poof-backup:b\npassword = x\npassword2 = y\n";
    fs::write(sandbox.rclone_conf(), [&scaffold[..], crypt.as_bytes()].concat()).unwrap();
    let text = made.replace("unittest", "ünï");
    fs::write(&poof_conf, &text).unwrap();
    sandbox.poof(["cryptoggle"]).run().expect_code(0);
    let ours = fs::read_to_string(&poof_conf).unwrap();
    fs::write(&poof_conf, &text).unwrap();
    sandbox.python_poof(["cryptoggle"]).run().expect_code(0);
    assert_eq!(ours, fs::read_to_string(&poof_conf).unwrap());

    // Each makes the same scaffold.
    let other = Sandbox::new();
    other.poof(["cconfig"]).run().expect_code(0);
    assert_eq!(fs::read(other.rclone_conf()).unwrap(), scaffold);
}

#[test]
fn without_a_manifest_what_could_not_be_planned_is_told_with_what_failed() {
    for sandbox in [plain(3), encrypted(3)] {
        fs::create_dir(sandbox.data().join("dir")).unwrap();
        for name in ["dir/held", "old", "new"] {
            fs::write(sandbox.data().join(name), name).unwrap();
        }
        let data = sandbox.data();
        sandbox.rclone(["mkdir", &told(&sandbox)]).run().expect_code(0);
        let place = format!("{}data", told(&sandbox));
        sandbox.rclone(["copy", data.to_str().unwrap(), &place]).run().expect_code(0);
        fs::remove_dir_all(data.join("dir")).unwrap();
        fs::remove_file(data.join("new")).unwrap();
        for name in ["dir", "old", "extra"] {
            fs::write(data.join(name), "mine").unwrap();
        }
        let args = ["download", "--only", "data", "--keep-extra", "--yes"];
        let run = sandbox.poof(args).run().expect_code(5);
        run.stderr_has("data/dir/held: what is to stay is in its way");
        let read = |name: &str| fs::read_to_string(data.join(name)).unwrap();
        assert_eq!(["dir", "new", "old", "extra"].map(read), ["mine", "new", "old", "mine"]);
        fs::remove_file(data.join("dir")).unwrap();
        sandbox.poof(["download", "--only", "data", "--yes"]).run().expect_code(0);
        assert!(data.join("dir/held").exists() && !data.join("extra").exists());
    }
}

//! A mirror, whatever the trees look like: what a plan for A makes of it is B, on
//! either side.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use fastrand::Rng;
use walkdir::WalkDir;

use crate::harness::hostile::{set_mtime, set_xattr};
use crate::harness::{Config, Sandbox, assert_exact, copy_exactly, minio};

/// Something at random happens to the tree.
fn alter(root: &Path, rng: &mut Rng) {
    let all: Vec<PathBuf> =
        WalkDir::new(root).into_iter().flatten().map(walkdir::DirEntry::into_path).collect();
    let any = all[rng.usize(..all.len())].clone();
    let parent = if any.is_dir() && !any.is_symlink() { any.clone() } else { root.to_owned() };
    let new = parent.join(format!("{}-{}", rng.alphabetic(), rng.u8(..20)));
    let below_root = any != root;
    match rng.u8(..12) {
        0..=2 => drop(fs::write(&new, rng.alphabetic().to_string().repeat(rng.usize(..5_000)))),
        3 => drop(fs::create_dir(&new)),
        4 => drop(symlink(format!("{}", rng.u8(..)), &new)),
        5 => drop(Process::new("mkfifo").arg(&new).stderr(std::process::Stdio::null()).status()),
        6 if any.is_file() => drop(fs::hard_link(&any, &new)),
        7 if below_root => drop(fs::rename(&any, root.join(format!("moved-{}", rng.u8(..))))),
        8 if below_root && any.is_dir() && !any.is_symlink() => drop(fs::remove_dir_all(&any)),
        8 if below_root => drop(fs::remove_file(&any)),
        9 if !any.is_symlink() => {
            let mode = 0o700 | rng.u32(..0o1000);
            fs::set_permissions(&any, Permissions::from_mode(mode)).unwrap();
        }
        10 => set_mtime(&any, rng.i64(-1_000_000_000..4_000_000_000), rng.i64(0..1_000_000_000)),
        11 if any.is_file() => set_xattr(&any, "user.random", &[rng.u8(..)]),
        _ => {}
    }
}

/// From one random tree to the next and back, by backups and by downloads.
fn mirrors(seed: u64, rounds: usize) {
    let mut rng = Rng::with_seed(seed);
    let sandbox = Sandbox::new();
    sandbox.write_config(&if seed.is_multiple_of(2) {
        Config::plain(minio().endpoint())
    } else {
        Config::encrypted(minio().endpoint())
    });
    let (data, kept) = (sandbox.data(), sandbox.home().join("kept"));
    for round in 0..rounds {
        for _ in 0..rng.usize(1..30) {
            alter(&data, &mut rng);
        }
        fs::write(data.join("always"), "something").unwrap();
        let allow = ["--allow", "mass-deletion"];
        sandbox.poof(["backup"]).args(allow).run().expect_code(0);
        copy_exactly(&data, &kept);
        for _ in 0..rng.usize(1..30) {
            alter(&data, &mut rng);
        }
        let args = ["download", "--only", "data", "--yes"];
        let run = sandbox.poof(args).args(allow).run().expect_code(0);
        eprintln!("seed {seed}, round {round}: {run}");
        assert_exact(&kept, &data);
        sandbox
            .poof(["backup"])
            .run()
            .expect_code(0)
            .stderr_has("data: 0 new, 0 changed, 0 removed");
        sandbox.poof(["check", "--read-data"]).run().expect_code(0);
    }
}

#[test]
fn random_trees_become_each_other() {
    for seed in 0..4 {
        mirrors(seed, 2);
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_many_random_trees_become_each_other() {
    for seed in 100..160 {
        mirrors(seed, 5);
    }
}

/// rclone plans with `new␊line`, which is not the path of the directory.
#[test]
fn the_configuration_in_use_is_left_alone_without_a_manifest_whatever_its_directory_is_called() {
    let (sandbox, bucket) = crate::story::on_disk();
    let own = sandbox.data().join("new\nline");
    fs::create_dir_all(&own).unwrap();
    for file in ["poof.conf", "rclone-poof.conf"] {
        fs::copy(sandbox.confdir().join(file), own.join(file)).unwrap();
    }
    for (from, name) in [(sandbox.data(), "data"), (sandbox.confdir(), "config")] {
        let to = bucket.join(name);
        fs::create_dir_all(&bucket).unwrap();
        assert!(Process::new("cp").arg("-r").args([&from, &to]).status().unwrap().success());
    }
    let conf = own.join("poof.conf");
    let edited = [&fs::read(&conf).unwrap()[..], b"\n"].concat();
    fs::write(&conf, &edited).unwrap();
    let args = ["--confdir".as_ref(), own.as_os_str(), "download".as_ref(), "--yes".as_ref()];
    let run = sandbox.poof(args).run().expect_code(0);
    run.stderr_has("no manifest on the remote").stderr_has("is left alone");
    assert_eq!(fs::read(&conf).unwrap(), edited);
}

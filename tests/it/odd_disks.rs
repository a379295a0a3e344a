//! Disks with rules of their own: file systems that do not say how large a file is, and
//! the external disks of other systems, whose drivers are programs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Config, Sandbox, Snapshot, assert_same_content, minio};
use crate::story::on_disk;

/// Adds a directory as a tree of a sandbox whose remote is a disk.
fn with_tree(sandbox: &Sandbox, dir: &Path, name: &str) {
    let conf = sandbox.confdir().join("poof.conf");
    let text = fs::read_to_string(&conf).unwrap();
    let data = format!("\"{}\":", sandbox.data().display());
    let more = format!("\"{}\": \"{name}\",\n    {data}", dir.display());
    fs::write(&conf, text.replace(&data, &more)).unwrap();
    fs::write(sandbox.data().join("file"), "an ordinary one").unwrap();
}

// Each file of procfs has 0 bytes, as it says.
#[test]
fn a_file_that_says_size_0_is_saved_as_it_reads() {
    let proc = Path::new("/proc/sys/net/ipv4/neigh/lo");
    let config = Config::encrypted(minio().endpoint()).tree(proc, "proc");
    for config in [None, Some(config)] {
        let sandbox = match config {
            None => {
                let (sandbox, _) = on_disk();
                with_tree(&sandbox, proc, "proc");
                sandbox
            }
            Some(config) => {
                let sandbox = Sandbox::new();
                sandbox.write_config(&config);
                fs::write(sandbox.data().join("file"), "an ordinary one").unwrap();
                sandbox
            }
        };
        let original = Snapshot::of(proc);
        sandbox.poof(["backup"]).run().expect_code(0);
        sandbox.poof(["check", "--read-data"]).run().expect_code(0);
        let again = sandbox.poof(["backup"]).run().expect_code(0);
        again.stderr_has("proc: 0 new, 0 changed, 0 removed");
        fs::remove_dir_all(sandbox.state()).unwrap();
        sandbox.poof(["download", "--only", "proc", "--to", "back"]).run().expect_code(0);
        assert_same_content(&original, &Snapshot::of(&sandbox.home().join("back/proc")));
        let kept = fs::read_to_string(sandbox.home().join("back/proc/gc_stale_time")).unwrap();
        assert!(kept.trim().parse::<u32>().is_ok(), "{kept:?}");
    }
}

#[test]
fn a_file_that_reads_otherwise_each_time_is_named_and_stays() {
    let random = Path::new("/proc/sys/kernel/random");
    let (sandbox, _) = on_disk();
    with_tree(&sandbox, random, "random");
    let run = sandbox.poof(["backup"]).run().expect_code(5);
    run.stderr_has("random/uuid").stderr_has("changed while it was read");
    let run = sandbox.poof(["check", "--only", "random"]).run();
    assert!(!run.stdout.contains("uuid"), "{run}");
}

/// A new file system on a loop device.
struct External {
    device: String,
    point: PathBuf,
}

impl External {
    /// None, which it says, where that is not for this user or machine.
    fn new(sandbox: &Sandbox, mkfs: &[&str], mount: &[&str]) -> Option<Self> {
        let [image, point] = ["image", "external"].map(|name| sandbox.home().join(name));
        fs::create_dir(&point).unwrap();
        fs::File::create(&image).unwrap().set_len(96 << 20).unwrap();
        let image = image.display().to_string();
        run(&[mkfs, &[image.as_str()]].concat())?;
        let device = run(&["losetup", "--find", "--show", &image])?;
        let external = External { device, point };
        external.attach(mount)?;
        Some(external)
    }

    fn attach(&self, mount: &[&str]) -> Option<()> {
        run(&[mount, &[self.device.as_str(), self.point.to_str().unwrap()]].concat()).map(|_| ())
    }

    fn detach(&self) {
        run(&["umount", self.point.to_str().unwrap()]);
    }
}

impl Drop for External {
    fn drop(&mut self) {
        self.detach();
        run(&["losetup", "--detach", &self.device]);
    }
}

fn run(line: &[&str]) -> Option<String> {
    let out = Command::new(line[0]).args(&line[1..]).output();
    match out {
        Ok(out) if out.status.success() => {
            Some(String::from_utf8(out.stdout).unwrap().trim().into())
        }
        other => {
            eprintln!("skipped: {line:?}: {other:?}");
            None
        }
    }
}

const EXFAT: (&[&str], &[&str]) = (&["mkfs.exfat"], &["mount.exfat-fuse"]);
const NTFS: (&[&str], &[&str]) = (&["mkfs.ntfs", "-F", "-Q"], &["ntfs-3g"]);

/// Names that exFAT does not have, and others.
const NAMES: [&str; 9] =
    ["a\"b", "c:d", "q?", "back\\slash", "sub/x|y", "d*r/in", "plain", "trailing.", "sub/ok"];

fn write(dir: &Path, names: &[&str]) {
    for name in names {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("content of {name}")).unwrap();
    }
}

/// Makes a directory on the external disk the remote.
fn remote_there(sandbox: &Sandbox, external: &External) {
    sandbox.write_config(&Config::plain("http://unused"));
    fs::remove_file(sandbox.rclone_conf()).unwrap();
    let path = format!("PATH={}", external.point.display());
    sandbox.poof(["cconfig", "--remote", "local", &path]).run().expect_code(0);
}

#[test]
fn an_external_disk_as_the_remote_holds_every_name() {
    for ((mkfs, mount), odd) in [(EXFAT, true), (NTFS, false)] {
        let sandbox = Sandbox::new();
        let Some(external) = External::new(&sandbox, mkfs, mount) else { continue };
        remote_there(&sandbox, &external);
        write(&sandbox.data(), &NAMES);
        symlink("plain", sandbox.data().join("link")).unwrap();
        let original = Snapshot::of(&sandbox.data());
        let run = sandbox.poof(["backup"]).run().expect_code(0);
        assert_eq!(run.stderr.contains("data: 6 files whose name the remote cannot hold"), odd);
        // What the disk itself says after it was away is no change either.
        external.detach();
        external.attach(mount).unwrap();
        let unchanged = "data: 0 new, 0 changed, 0 removed";
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has(unchanged);
        sandbox.poof(["check", "--read-data"]).run().expect_code(0);
        sandbox.poof(["upload", "--yes", "--keep-poof", "--allow", "no-kit"]).run().expect_code(0);
        fs::remove_dir_all(sandbox.state()).unwrap();
        sandbox.poof(["download", "--yes", "--only", "data"]).run().expect_code(0);
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    }
}

#[test]
fn an_external_disk_is_saved_wiped_and_brought_back() {
    for (mkfs, mount) in [EXFAT, NTFS] {
        let (sandbox, _) = on_disk();
        let Some(external) = External::new(&sandbox, mkfs, mount) else { continue };
        let there = external.point.join("tree");
        write(&there, &["plain", "sub/ok", "ünï"]);
        with_tree(&sandbox, &there, "there");
        let original = Snapshot::of(&there);
        sandbox.poof(["backup"]).run().expect_code(0);
        external.detach();
        external.attach(mount).unwrap();
        let unchanged = "there: 0 new, 0 changed, 0 removed, 3 unchanged";
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has(unchanged);
        let run = sandbox.poof(["upload", "--yes", "--keep-poof", "--allow", "no-kit"]).run();
        let run = run.expect_code(0).stderr_has("(fuseblk): overwritten in place");
        assert!(!there.exists() && !run.stderr.contains("a server"), "{run}");
        sandbox.poof(["download", "--yes"]).run().expect_code(0);
        assert_same_content(&original, &Snapshot::of(&there));
        sandbox.poof(["backup"]).run().expect_code(0);
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has(unchanged);
    }
}

#[test]
fn what_an_external_disk_cannot_hold_is_named_and_the_rest_is_restored() {
    let (sandbox, _) = on_disk();
    let Some(external) = External::new(&sandbox, EXFAT.0, EXFAT.1) else { return };
    write(&sandbox.data(), &NAMES);
    sandbox.poof(["backup"]).run().expect_code(0);
    let to = external.point.join("back");
    let run = sandbox.poof(["download", "--only", "data", "--to", to.to_str().unwrap()]).run();
    let mut run = run.expect_code(5);
    for name in &NAMES[..6] {
        run = run.stderr_has(&format!("data/{name}"));
    }
    for name in &NAMES[6..] {
        let content = fs::read_to_string(to.join("data").join(name)).unwrap();
        assert_eq!(content, format!("content of {name}"));
    }
}

// With `versions` a backup took old versions for files that are gone, and deleted them.
#[test]
fn a_section_that_shows_the_past_is_refused_by_what_changes_the_remote() {
    for (key, value) in
        [("versions", "true"), ("version_at", "2024-01-01"), ("override.versions", "1")]
    {
        let sandbox = Sandbox::new();
        let config = Config::plain(minio().endpoint()).with_crypt().option(key, value);
        sandbox.write_config(&config);
        fs::write(sandbox.data().join("file"), "x").unwrap();
        for args in [&["backup"][..], &["backup", "--dry-run"], &["upload", "--yes"]] {
            let run = sandbox.poof(args).run().expect_code(3);
            run.stderr_has(&format!("[poof-backup].{key}"));
        }
        assert!(sandbox.data().join("file").exists());
        sandbox.write_config(&Config::encrypted(minio().endpoint()).option(key, value));
        sandbox.poof(["purge-plain", "--yes"]).run().expect_code(3).stderr_has(key);
    }
}

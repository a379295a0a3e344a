//! Disks with rules of their own: file systems that do not say how large a file is, and
//! the external disks of other systems, whose drivers are programs.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use crate::harness::command::Run;
use crate::harness::guarded::Guarded;
use crate::harness::{Config, Lacks, Sandbox, Snapshot, assert_same_content, minio, skipped};
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

/// A new file system on a loop device, or in an image whose driver needs none.
struct External {
    device: String,
    point: PathBuf,
    driver: Driver,
    /// Where the driver is a program that has to end before the disk is whole.
    running: Option<Guarded>,
}

#[derive(Clone, Copy)]
struct Driver {
    mkfs: &'static [&'static str],
    mount: &'static [&'static str],
    /// The largest it can be asked for: sparse.
    size: u64,
    is_fat: bool,
}

impl External {
    /// None, which it says, where that is not for this user or machine.
    fn new(sandbox: &Sandbox, driver: Driver) -> Option<Self> {
        let [image, point] = ["image", "external"].map(|name| sandbox.home().join(name));
        fs::create_dir(&point).unwrap();
        fs::File::create(&image).unwrap().set_len(driver.size).unwrap();
        let image = image.display().to_string();
        run(&[driver.mkfs, &[image.as_str()]].concat())?;
        let device =
            if driver.is_fat { image } else { run(&["losetup", "--find", "--show", &image])? };
        let mut external = External { device, point, driver, running: None };
        external.attach()?;
        Some(external)
    }

    fn attach(&mut self) -> Option<()> {
        let place = [self.device.as_str(), self.point.to_str().unwrap()];
        if !self.driver.is_fat {
            return run(&[self.driver.mount, &place].concat()).map(|_| ());
        }
        let mount = self.driver.mount;
        let mut command = Command::new(mount[0]);
        command.args(&mount[1..]).args(place).env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
        let outside = fs::metadata(&self.point).unwrap().dev();
        // It goes with the driver.
        let dir = self.point.with_extension("driver");
        fs::create_dir_all(&dir).unwrap();
        let mut driver = Guarded::start(&dir, &command).unwrap();
        let start = Instant::now();
        while fs::metadata(&self.point).is_ok_and(|meta| meta.dev() == outside) {
            if driver.exited().unwrap().is_some() || start.elapsed() > Duration::from_secs(20) {
                skipped(Lacks::Mount, format!("{command:?}: {}", driver.log()));
                return None;
            }
            sleep(Duration::from_millis(10));
        }
        self.running = Some(driver);
        Some(())
    }

    fn detach(&mut self) {
        if self.driver.is_fat {
            run(&["fusermount", "-u", self.point.to_str().unwrap()]);
        } else {
            run(&["umount", self.point.to_str().unwrap()]);
        }
        let start = Instant::now();
        while let Some(driver) = &mut self.running {
            if driver.exited().unwrap().is_some() || start.elapsed() > Duration::from_secs(20) {
                self.running = None;
            }
            sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for External {
    fn drop(&mut self) {
        self.detach();
        if !self.driver.is_fat {
            run(&["losetup", "--detach", &self.device]);
        }
    }
}

fn run(line: &[&str]) -> Option<String> {
    let out = Command::new(line[0]).args(&line[1..]).output();
    match out {
        Ok(out) if out.status.success() => {
            Some(String::from_utf8(out.stdout).unwrap().trim().into())
        }
        other => {
            skipped(Lacks::Mount, format!("{line:?}: {other:?}"));
            None
        }
    }
}

const EXFAT: Driver =
    Driver { mkfs: &["mkfs.exfat"], mount: &["mount.exfat-fuse"], size: 96 << 20, is_fat: false };
const NTFS: Driver = Driver { mkfs: &["mkfs.ntfs", "-F", "-Q"], mount: &["ntfs-3g"], ..EXFAT };
/// The kernel's driver is not on every machine; fusefat is, and knows names of ASCII
/// only, files up to 2 GiB, and neither owners nor modes. FAT itself has two seconds.
const FAT: Driver = Driver {
    mkfs: &["mkfs.fat", "-F", "32"],
    mount: &["fusefat", "-f", "-s", "-o", "rw+,big_writes"],
    size: 96 << 20,
    is_fat: true,
};

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
    for (driver, odd) in [(EXFAT, true), (NTFS, false), (FAT, true)] {
        let sandbox = Sandbox::new();
        let Some(mut external) = External::new(&sandbox, driver) else { continue };
        remote_there(&sandbox, &external);
        write(&sandbox.data(), &NAMES);
        symlink("plain", sandbox.data().join("link")).unwrap();
        let original = Snapshot::of(&sandbox.data());
        let run = sandbox.poof(["backup"]).run().expect_code(0);
        assert_eq!(run.stderr.contains("data: 6 files whose name the remote cannot hold"), odd);
        // What the disk itself says after it was away is no change either.
        external.detach();
        external.attach().unwrap();
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
    for driver in [EXFAT, NTFS, FAT] {
        let (sandbox, _) = on_disk();
        let Some(mut external) = External::new(&sandbox, driver) else { continue };
        let there = external.point.join("tree");
        write(&there, &["plain", "sub/ok", if driver.is_fat { "two words" } else { "ünï" }]);
        with_tree(&sandbox, &there, "there");
        let original = Snapshot::of(&there);
        sandbox.poof(["backup"]).run().expect_code(0);
        external.detach();
        external.attach().unwrap();
        let unchanged = "there: 0 new, 0 changed, 0 removed, 3 unchanged";
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has(unchanged);
        let run = sandbox.poof(["upload", "--yes", "--keep-poof", "--allow", "no-kit"]).run();
        let run = run.expect_code(0).stderr_has(if driver.is_fat {
            "(fuse.fusefat): a server or another program holds it"
        } else {
            "(fuseblk): overwritten in place"
        });
        assert!(!there.exists() && (driver.is_fat || !run.stderr.contains("a server")), "{run}");
        sandbox.poof(["download", "--yes"]).run().expect_code(0);
        assert_same_content(&original, &Snapshot::of(&there));
        sandbox.poof(["backup"]).run().expect_code(0);
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has(unchanged);
    }
}

#[test]
fn what_an_external_disk_cannot_hold_is_named_and_the_rest_is_restored() {
    let (sandbox, _) = on_disk();
    let Some(external) = External::new(&sandbox, EXFAT) else { return };
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

/// Times of which FAT has two seconds, and NTFS 100 ns.
fn odd_times(dir: &Path, names: &[&str]) {
    for (name, seconds) in names.iter().zip(1_000_000_001..) {
        let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, 123_456_789);
        let file = fs::File::options().write(true).open(dir.join(name)).unwrap();
        file.set_modified(time).unwrap();
    }
}

#[test]
fn a_remote_of_two_seconds_takes_no_file_for_changed() {
    let sandbox = Sandbox::new();
    let Some(mut external) = External::new(&sandbox, FAT) else { return };
    remote_there(&sandbox, &external);
    let names = ["one", "two", "sub/three", "four"];
    write(&sandbox.data(), &names);
    odd_times(&sandbox.data(), &names);
    let original = Snapshot::of(&sandbox.data());
    sandbox.poof(["backup"]).run().expect_code(0);
    external.detach();
    external.attach().unwrap();
    let unchanged = "data: 0 new, 0 changed, 0 removed, 4 unchanged\n";
    for _ in 0..2 {
        let run = sandbox.poof(["backup"]).run().expect_code(0);
        run.stderr_has(unchanged).stderr_has("All sent: 0 files");
    }
    let run = sandbox.poof(["check"]).run().expect_code(0);
    run.stderr_has("data: 4 intact, 0 not, 0 foreign");
    fs::remove_dir_all(sandbox.state()).unwrap();
    let run = sandbox.poof(["backup"]).run().expect_code(0);
    run.stderr_has(unchanged).stderr_has("All sent: 0 files");
    fs::remove_dir_all(sandbox.data()).unwrap();
    fs::remove_dir_all(sandbox.state()).unwrap();
    sandbox.poof(["download", "--yes", "--only", "data"]).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
}

// A disk that has neither modes nor owners was refused as a whole (fusefat), or failed
// in each run (exfat-fuse, which is not told from NTFS and so is tried again).
#[test]
fn a_tree_that_moves_to_an_external_disk_is_restored_there_once() {
    for driver in [FAT, EXFAT, NTFS] {
        let (sandbox, _) = on_disk();
        let Some(mut external) = External::new(&sandbox, driver) else { continue };
        let nothing = "data: 0 new, 0 changed, 0 removed, 4 unchanged";
        let nothing = format!("{nothing}{}", if driver.is_fat { "\n" } else { "" });
        let names = ["one", "two", "sub/three", "four"];
        write(&sandbox.data(), &names);
        odd_times(&sandbox.data(), &names);
        for (name, mode) in names.iter().zip([0o600, 0o644, 0o755, 0o400]) {
            let path = sandbox.data().join(name);
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        sandbox.poof(["backup"]).run().expect_code(0);
        let there = external.point.join("moved");
        let conf = sandbox.confdir().join("poof.conf");
        let text = fs::read_to_string(&conf).unwrap();
        let [from, to] = [&sandbox.data(), &there].map(|dir| dir.display().to_string());
        fs::write(&conf, text.replace(&format!("{from}\""), &format!("{to}\""))).unwrap();
        let run = sandbox.poof(["download", "--yes", "--only", "data"]).run().expect_code(0);
        run.stderr_has("4 files");
        let run = sandbox.poof(["download", "--yes", "--only", "data"]).run().expect_code(0);
        run.stderr_has(&nothing);
        for name in &names {
            assert_eq!(fs::read_to_string(there.join(name)).unwrap(), format!("content of {name}"));
            let time = fs::metadata(there.join(name)).unwrap().mtime();
            let original = fs::metadata(sandbox.data().join(name)).unwrap().mtime();
            assert!((original - 2..=original).contains(&time), "{name}: {time} {original}");
        }
        external.detach();
        external.attach().unwrap();
        let run = sandbox.poof(["download", "--yes", "--only", "data"]).run().expect_code(0);
        run.stderr_has(&nothing);
        sandbox.poof(["backup"]).run().expect_code(0);
        let run = sandbox.poof(["backup"]).run().expect_code(0);
        run.stderr_has("data: 0 new, 0 changed, 0 removed, 4 unchanged\n");
    }
}

/// poof where no file can be larger than 4 MiB: EFBIG, as FAT says it at 4 GiB.
fn of_small_files(sandbox: &Sandbox, args: &[&str]) -> Run {
    let limited = ["--ignore-signal=XFSZ", "prlimit", "--fsize=4194304"];
    sandbox.program("env").args(limited).args([env!("CARGO_BIN_EXE_poof")]).args(args).run()
}

#[test]
fn a_file_that_is_too_large_for_the_disk_is_named_and_the_rest_goes_on() {
    let (sandbox, _) = on_disk();
    write(&sandbox.data(), &["one", "sub/two"]);
    let large = fs::File::create(sandbox.data().join("sub/large")).unwrap();
    large.set_len(5 << 20).unwrap();
    let original = Snapshot::of(&sandbox.data());
    for _ in 0..2 {
        let run = of_small_files(&sandbox, &["backup"]).expect_code(5);
        let run = run.stderr_has("data/sub/large").stderr_has("ile too large");
        assert!(!run.stderr.contains("data/one"), "{run}");
    }
    let upload = ["upload", "--yes", "--keep-poof", "--allow", "no-kit"];
    of_small_files(&sandbox, &upload).expect_code(5);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    of_small_files(&sandbox, &["check"]).expect_code(0);
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 1 new");
    fs::remove_dir_all(sandbox.data()).unwrap();
    let download = ["download", "--yes", "--only", "data"];
    let run = of_small_files(&sandbox, &download).expect_code(5);
    run.stderr_has("data/sub/large").stderr_has("ile too large");
    assert_eq!(fs::read_to_string(sandbox.data().join("sub/two")).unwrap(), "content of sub/two");
    assert!(!sandbox.data().join("sub/large").exists());
    sandbox.poof(download).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
}

// The limit of fusefat is 2 GiB, and what it says there is EPERM.
#[test]
#[ignore = "long: make soak"]
fn soak_a_file_that_is_too_large_for_fat_is_named_and_the_rest_is_saved() {
    let sandbox = Sandbox::new();
    let driver = Driver { size: 5 << 30, ..FAT };
    let Some(external) = External::new(&sandbox, driver) else { return };
    remote_there(&sandbox, &external);
    write(&sandbox.data(), &["one", "sub/two", "zz"]);
    let large = fs::File::create(sandbox.data().join("sub/large")).unwrap();
    large.set_len((4 << 30) + 1).unwrap();
    let run = sandbox.poof(["backup"]).timeout(Duration::from_mins(15)).run().expect_code(5);
    run.stderr_has("data/sub/large").stderr_has("not sent: 1 file;");
    sandbox.poof(["check"]).run().expect_code(0).stderr_has("data: 3 intact, 0 not, 0 foreign");
    fs::remove_dir_all(sandbox.state()).unwrap();
    fs::remove_dir_all(sandbox.data()).unwrap();
    sandbox.poof(["download", "--yes", "--only", "data"]).run().expect_code(0);
    assert_eq!(fs::read_to_string(sandbox.data().join("zz")).unwrap(), "content of zz");
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

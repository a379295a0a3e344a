//! The flags that a person sets on Linux (`chattr`): immutable, append-only, nodump. They
//! are kept and come back, and what locks a file is not lifted without a word.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use crate::harness::command::Run;
use crate::harness::{Config, Lacks, Sandbox, minio, skipped};

const UPLOAD: [&str; 3] = ["upload", "--yes", "--keep-poof"];

/// A sandbox in which files are locked. Nothing stays locked when it goes.
struct Locked {
    sandbox: Sandbox,
}

impl Drop for Locked {
    fn drop(&mut self) {
        unlock_all(&self.sandbox.home());
    }
}

fn unlock_all(path: &Path) {
    let mut chattr = Process::new("chattr");
    assert!(chattr.args(["-R", "-f", "-ia"]).arg(path).status().is_ok());
}

fn chattr(flags: &str, path: &Path) -> bool {
    Process::new("chattr").arg(flags).arg(path).output().is_ok_and(|out| out.status.success())
}

/// Which of i, a and d a file or directory has.
fn flags(path: &Path) -> String {
    let out = Process::new("lsattr").arg("-d").arg(path).output().unwrap();
    assert!(out.status.success(), "lsattr {}", path.display());
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let all = text.split(' ').next().unwrap().to_owned();
    all.chars().filter(|flag| "iad".contains(*flag)).collect()
}

/// Path, flags: `""` is the root, and what ends with a slash a directory.
const TREE: [(&str, &str); 9] = [
    ("", "d"),
    ("append", "a"),
    ("archive/", "i"),
    ("archive/inside", "i"),
    ("archive/other", ""),
    ("immutable", "i"),
    ("log/", "a"),
    ("log/today", "a"),
    ("nodump", "d"),
];

impl Locked {
    /// A tree of [`TREE`], with what `root` has besides. None if nothing can be locked
    /// here; says so.
    fn with(config: &Config, root: &str) -> Option<Self> {
        let sandbox = Sandbox::new();
        sandbox.write_config(config);
        let locked = Locked { sandbox };
        let data = locked.data();
        for (path, _) in TREE {
            match path.strip_suffix('/') {
                Some(dir) => fs::create_dir(data.join(dir)).unwrap(),
                None if path.is_empty() => {}
                None => fs::write(data.join(path), path).unwrap(),
            }
        }
        fs::hard_link(data.join("immutable"), data.join("second-name")).unwrap();
        // What is in a directory comes before it.
        for (path, flags) in TREE.iter().rev() {
            for flag in flags.chars() {
                if !chattr(&format!("+{flag}"), &data.join(path)) {
                    skipped(Lacks::Root, "only root can lock, and not on every file system");
                    return None;
                }
            }
        }
        assert!(root.is_empty() || chattr(root, &data));
        Some(locked)
    }

    fn data(&self) -> PathBuf {
        self.sandbox.data()
    }

    #[track_caller]
    fn poof(&self, args: &[&str], code: i32) -> Run {
        self.sandbox.poof(args).run().expect_code(code)
    }

    #[track_caller]
    fn assert_tree(at: &Path, root: &str) {
        for (path, expected) in TREE {
            let found = flags(&at.join(path));
            let expected = if path.is_empty() { root } else { expected };
            assert_eq!(found, expected, "of {path:?}");
        }
        let [one, two] = ["immutable", "second-name"].map(|n| fs::metadata(at.join(n)).unwrap());
        assert_eq!((one.ino(), one.nlink()), (two.ino(), 2), "one file of two names");
    }
}

fn configs() -> [Config; 2] {
    [Config::plain(minio().endpoint()), Config::encrypted(minio().endpoint())]
}

#[test]
fn flags_come_back_on_files_directories_and_the_root_after_an_upload() {
    for (config, (root, letters)) in configs().iter().zip([("+i", "id"), ("+a", "ad")]) {
        let Some(locked) = Locked::with(config, root) else { return };
        let run = locked.poof(&["upload", "--dry-run", "--keep-poof"], 0);
        let told = "! data: 8 paths are immutable or append-only: that would be lifted, and come \
                    back with a download: ., append, archive, archive/inside, immutable and 3 more";
        assert!(run.stdout.contains(told), "{run}");
        assert_eq!(flags(&locked.data().join("immutable")), "i", "a dry run lifts nothing");
        let run = locked.poof(&UPLOAD, 0);
        let told = "data: 8 paths were immutable or append-only: that was lifted, and comes back \
                    with a download: ., append, archive, archive/inside, immutable and 3 more";
        assert!(run.stderr.contains(told), "{run}");
        assert!(!locked.data().exists(), "{run}");
        locked.poof(&["download", "--yes"], 0);
        Locked::assert_tree(&locked.data(), letters);
        let run = locked.poof(&["download"], 0);
        assert!(!run.stderr.contains("other attributes"), "{run}");
        let run = locked.poof(&["backup"], 0);
        let run = run.stderr_has("data: 0 new, 0 changed, 0 removed");
        assert!(!run.stderr.contains("other attributes"), "{run}");
        locked.poof(&["download", "--only", "data", "--to", "beside"], 0);
        Locked::assert_tree(&locked.sandbox.home().join("beside/data"), letters);
    }
}

#[test]
fn a_flag_that_changed_alone_is_backed_up_and_sends_nothing() {
    for config in configs() {
        let Some(locked) = Locked::with(&config, "") else { return };
        locked.poof(&["backup"], 0);
        let data = locked.data();
        assert!(chattr("-i", &data.join("archive")) && chattr("+d", &data.join("archive/other")));
        let run = locked.poof(&["backup"], 0);
        run.stderr_has("data: 0 new, 0 changed, 0 removed").stderr_has("2 with other attributes");
        let run = locked.poof(&["backup"], 0);
        assert!(!run.stderr.contains("other attributes"), "{run}");
        locked.poof(&["download", "--only", "data", "--to", "beside"], 0);
        let beside = locked.sandbox.home().join("beside/data");
        assert_eq!(flags(&beside.join("archive")), "");
        assert_eq!(flags(&beside.join("archive/other")), "d");
    }
}

#[test]
fn a_download_sets_the_flags_of_what_is_unchanged_and_respects_a_lock_on_what_is_not() {
    let Some(locked) = Locked::with(&configs()[0], "") else { return };
    let data = locked.data();
    locked.poof(&["backup"], 0);
    for (flag, path) in [
        ("-i", "immutable"),
        ("-a", "log"),
        ("-i", "archive"),
        ("-d", ""),
        ("+d", "append"),
        ("+i", "nodump"),
    ] {
        // What is append-only has no other flags, but by force.
        let path = data.join(path);
        let was = flags(&path);
        assert!(chattr("-a", &path) && chattr(flag, &path));
        assert!(!was.contains('a') || flag == "-a" || chattr("+a", &path));
    }
    // Also in a root that is locked: nothing is put into it.
    assert!(chattr("+i", &data));
    let run = locked.poof(&["download", "--dry-run"], 0);
    assert!(run.stderr.contains("6 with other attributes"), "{run}");
    locked.poof(&["download", "--yes"], 0);
    Locked::assert_tree(&data, "d");
    locked.poof(&["download"], 0);
    // Another content under a lock.
    let path = data.join("immutable");
    assert!(chattr("-i", &path));
    fs::write(&path, "edited").unwrap();
    assert!(chattr("+i", &path));
    let run = locked.poof(&["download", "--yes"], 5);
    let hint = format!("`chattr -ia '{}'` lets it be changed", path.display());
    assert!(run.stderr.contains(&hint), "{run}");
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), &*flags(&path)), ("edited", "i"));
    // A directory in which something is to be changed, and the root.
    assert!(chattr("-i", &path));
    locked.poof(&["download", "--yes"], 0);
    let inside = data.join("archive/other");
    fs::write(&inside, "edited").unwrap();
    let run = locked.poof(&["download", "--yes"], 5);
    let archive = data.join("archive");
    assert!(run.stderr.contains(&format!("`chattr -ia '{}'`", archive.display())), "{run}");
    assert_eq!(flags(&archive), "i");
    assert!(chattr("+a", &data));
    let run = locked.poof(&["download", "--yes"], 5);
    assert!(run.stderr.contains(&format!("`chattr -ia '{}'`", data.display())), "{run}");
    assert!(!data.join(".poof-restoring").exists(), "nothing is left that could not go");
    assert!(chattr("-a", &data) && chattr("-i", &archive));
    locked.poof(&["download", "--yes"], 0);
    Locked::assert_tree(&data, "d");
}

// As with owners: a user may not, and nothing is wrong.
#[test]
fn a_user_who_cannot_lock_is_told_and_the_snapshot_keeps_the_flags() {
    for config in configs() {
        let Some(locked) = Locked::with(&config, "") else { return };
        let sandbox = &locked.sandbox;
        locked.poof(&["backup"], 0);
        let original = sandbox.home().join("original");
        unlock_all(&locked.data());
        fs::rename(locked.data(), &original).unwrap();
        // Each gives everything to the user anew, which is a change to the files.
        let [first, second, backup] = [&["download", "--yes"][..], &["download"], &["backup"]]
            .map(|args| sandbox.poof_as_ordinary_user(args));
        let run = first.run().expect_code(0);
        run.stderr_has("are not immutable or append-only here, as they were: only root can");
        assert_eq!(flags(&locked.data().join("nodump")), "d", "that is its owner's to set");
        assert_eq!(flags(&locked.data().join("immutable")), "");
        let run = second.run().expect_code(0);
        assert!(!run.stderr.contains("other attributes"), "{run}");
        assert!(!run.stderr.contains("immutable"), "told once: {run}");
        let run = backup.run().expect_code(0);
        run.stderr_has("data: 0 new, 0 changed, 0 removed");
        // Root gets them back.
        fs::rename(locked.data(), sandbox.home().join("of-the-user")).unwrap();
        let mut chown = Process::new("chown");
        // Also the directory above: the configuration has to be root's alone.
        let all = sandbox.home().parent().unwrap().to_path_buf();
        assert!(chown.args(["-R", "0:0"]).arg(all).status().unwrap().success());
        locked.poof(&["download", "--yes"], 0);
        Locked::assert_tree(&locked.data(), "d");
    }
}

#[test]
fn a_user_is_told_before_an_upload_what_only_root_can_lift() {
    let Some(locked) = Locked::with(&configs()[0], "") else { return };
    let data = locked.data();
    unlock_all(&data);
    let args = ["upload", "--dry-run", "--keep-poof"];
    let upload = locked.sandbox.poof_as_ordinary_user(args);
    assert!(chattr("+i", &data.join("immutable")) && chattr("+a", &data.join("log")));
    let run = upload.run().expect_code(0);
    let told = "! data: 3 paths are immutable or append-only: only root can lift that, and they \
                would stay: immutable, log, second-name";
    assert!(run.stdout.contains(told), "{run}");
}

/// Every file system that has flags keeps them.
#[test]
fn flags_come_back_on_every_file_system_that_has_them() {
    if !rustix::process::geteuid().is_root() {
        skipped(Lacks::Root, "only root can mount");
        return;
    }
    let known = fs::read_to_string("/proc/filesystems").unwrap();
    for (kind, make) in [
        ("ext4", "mkfs.ext4 -q"),
        ("xfs", "mkfs.xfs -q"),
        ("btrfs", "mkfs.btrfs -q"),
        ("tmpfs", ""),
    ] {
        let is_known = known.lines().any(|line| line.split_whitespace().last() == Some(kind));
        let program = make.split(' ').next().unwrap();
        let has = |p: &str| Process::new("which").arg(p).output().is_ok_and(|o| o.status.success());
        if !is_known || !(program.is_empty() || has(program)) {
            skipped(Lacks::FileSystem, format!("no {kind} here"));
            continue;
        }
        let sandbox = Sandbox::new();
        sandbox.write_config(&configs()[0]);
        let image = sandbox.home().with_file_name("disk.img");
        fs::File::create(&image).unwrap().set_len(320 << 20).unwrap();
        let mount = if program.is_empty() {
            "mount -t tmpfs t $HOME/data".to_owned()
        } else {
            format!("{make} {0}; mount -o loop {0} $HOME/data", image.display())
        };
        let script = format!(
            "{mount} || exit 77; cd $HOME/data; mkdir dir; echo x >dir/i; echo x >a; echo x >d
             chattr +i dir/i && chattr +i dir && chattr +a a && chattr +d d || exit 77
             {0} backup || exit 1; cd ..; chattr -R -ia data; rm -rf data/*
             {0} download --yes --allow mass-deletion 2>first || exit 2; {0} download || exit 3
             lsattr -d data/dir data/dir/i data/a data/d | sed 's/-//g'; {0} backup; code=$?
             chattr -R -ia data; umount data; exit $code",
            env!("CARGO_BIN_EXE_poof")
        );
        let run = sandbox.program("unshare").args(["-m", "sh", "-c", &script]).run();
        if run.code == Some(77) {
            skipped(Lacks::FileSystem, format!("{kind} cannot be mounted, or has no flags: {run}"));
            continue;
        }
        assert_eq!(run.code, Some(0), "{kind}: {run}");
        for (flag, path) in
            [("i", "data/dir"), ("i", "data/dir/i"), ("a", "data/a"), ("d", "data/d")]
        {
            let has = |line: &str| {
                line.split_once(' ').is_some_and(|(flags, at)| flags.contains(flag) && at == path)
            };
            assert!(run.stdout.lines().any(has), "{kind}: {path} lacks {flag}: {run}");
        }
        assert!(!run.stderr.contains("other attributes"), "{kind}: {run}");
    }
}

#[test]
fn a_rehearsal_of_what_is_locked_leaves_nothing() {
    for (config, root) in configs().iter().zip(["+i", "+a"]) {
        let Some(locked) = Locked::with(config, root) else { return };
        locked.poof(&["backup"], 0);
        locked.poof(&["rehearse"], 0);
        let left = fs::read_dir(locked.sandbox.state()).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().contains("scratch")), "{left:?}");
    }
}

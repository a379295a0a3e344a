//! A local disk that takes names for one that differ in upper and lower case, as those
//! of most Macs do: rclone's own mount can.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{Guarded, Lacks, Sandbox, skipped, stock_rclone};
use crate::story::on_disk;

/// Such a disk, gone at the end of the test. What is on it lies in `below`, where
/// names are told apart.
struct Disk {
    at: PathBuf,
    _server: Guarded,
}

impl Disk {
    /// None where nothing can be mounted.
    fn mount(sandbox: &Sandbox, below: &Path, at: &Path) -> Option<Self> {
        let dir = sandbox.home().with_file_name("server");
        for dir in [&dir, below, at] {
            fs::create_dir_all(dir).unwrap();
        }
        let device = fs::metadata(at).unwrap();
        let mut command = Command::new(stock_rclone());
        command
            .args(["mount", "--vfs-case-insensitive", "--vfs-cache-mode=writes", "--links"])
            .args(["--dir-cache-time=1h", "--attr-timeout=0s", "--config", ""])
            .args([below, at])
            .env("HOME", &dir);
        let mut server = Guarded::start(&dir, &command).unwrap();
        let start = Instant::now();
        let is_there = || std::os::unix::fs::MetadataExt::dev(&fs::metadata(at).unwrap());
        let before = std::os::unix::fs::MetadataExt::dev(&device);
        while is_there() == before {
            if server.exited().unwrap().is_some() || start.elapsed() > Duration::from_secs(20) {
                skipped(Lacks::Mount, format!("nothing can be mounted here: {}", server.log()));
                return None;
            }
            sleep(Duration::from_millis(20));
        }
        Some(Disk { at: at.to_path_buf(), _server: server })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}

/// What lies in a directory, by path.
fn files(dir: &Path) -> BTreeMap<String, String> {
    let entries = walkdir::WalkDir::new(dir).into_iter().flatten();
    let files = entries.filter(|entry| entry.file_type().is_file());
    let path = |path: &Path| path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
    files.map(|e| (path(e.path()), fs::read_to_string(e.path()).unwrap())).collect()
}

/// A snapshot of `names`, made where names are told apart.
fn snapshot(names: &[&str]) -> Sandbox {
    let (sandbox, _) = on_disk();
    for name in names {
        let path = sandbox.data().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("content of {name}")).unwrap();
    }
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox
}

#[test]
fn what_a_disk_has_under_another_spelling_is_not_deleted() {
    let sandbox = snapshot(&["Docs/Readme", "Docs/deep/x", "same"]);
    let to = sandbox.home().join("to");
    let below = sandbox.home().join("below");
    let Some(_disk) = Disk::mount(&sandbox, &below, &to) else { return };
    // It was there before, spelt otherwise.
    fs::create_dir_all(to.join("data/docs")).unwrap();
    fs::write(to.join("data/docs/README"), "content of Docs/Readme").unwrap();
    fs::write(to.join("data/docs/extra"), "not in the snapshot").unwrap();
    let args = ["download", "--yes", "--only", "data", "--to", to.to_str().unwrap()];
    let run = sandbox.poof(args).run().expect_code(0);
    let there = files(&to.join("data"));
    let folded = |path: &str| there.iter().find(|(p, _)| p.to_lowercase() == path.to_lowercase());
    for path in ["Docs/Readme", "Docs/deep/x", "same"] {
        let content = folded(path).map(|(_, content)| content.as_str());
        assert_eq!(content, Some(format!("content of {path}").as_str()), "{there:?} {run}");
    }
    assert!(folded("Docs/extra").is_none(), "{there:?} {run}");
    assert_eq!(there.len(), 3, "{there:?} {run}");
}

#[test]
fn of_two_entries_that_a_disk_takes_for_one_none_takes_the_place_of_the_other() {
    let sandbox = snapshot(&["README", "Readme", "other"]);
    let to = sandbox.home().join("to");
    let below = sandbox.home().join("below");
    let Some(_disk) = Disk::mount(&sandbox, &below, &to) else { return };
    let args = ["download", "--yes", "--only", "data", "--to", to.to_str().unwrap()];
    for _ in 0..2 {
        let run = sandbox.poof(args).run().expect_code(5);
        let there = files(&to.join("data"));
        assert_eq!(there.len(), 2, "{there:?} {run}");
        let (kept, lost) = match there.get("README") {
            Some(_) => ("README", "Readme"),
            None => ("Readme", "README"),
        };
        assert_eq!(there[kept], format!("content of {kept}"), "{run}");
        assert!(run.stderr.contains(&format!("data/{lost}: ")), "{run}");
        assert!(run.stderr.contains("takes its name for that of"), "{run}");
    }
    // Where names are told apart both are there.
    let apart = sandbox.home().join("apart");
    let args = ["download", "--only", "data", "--to", apart.to_str().unwrap()];
    sandbox.poof(args).run().expect_code(0);
    assert_eq!(files(&apart.join("data")).len(), 3);
}

//! A wipe moves each name aside, looks at it, and removes it. It is killed between two of
//! these steps: a new version that it has moved is back under its own name afterwards.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::harness::Sandbox;
use crate::story::{on_disk, plain};

const UPLOAD: [&str; 3] = ["upload", "--yes", "--keep-poof"];
const NEW: &str = "what an editor has saved meanwhile";

struct Killed {
    sandbox: Sandbox,
    /// Its name before.
    own: PathBuf,
    /// Its name in the stage.
    moved: PathBuf,
}

impl Killed {
    /// An upload that has moved a file aside, and is killed before it removes it.
    fn new() -> Self {
        let sandbox = plain(0);
        let own = sandbox.data().join("sub/doc");
        fs::create_dir(own.parent().unwrap()).unwrap();
        fs::write(&own, "as it was saved").unwrap();
        let stage = sandbox.data().join(".poof-restoring");
        let kill = ["-P", stage.to_str().unwrap(), "-e", "inject=unlinkat:signal=SIGKILL:when=1"];
        let strace = ["-D", "-f", "-qq", "-o", "/dev/null"].iter().chain(&kill);
        let poof = strace.chain(&[env!("CARGO_BIN_EXE_poof")]).chain(&UPLOAD);
        let run = sandbox.program("strace").args(poof).run();
        assert_eq!(run.code, None, "{run}");
        let moved: Vec<_> = fs::read_dir(stage).unwrap().map(|e| e.unwrap().path()).collect();
        assert!(moved.len() == 1 && !own.exists(), "{moved:?}: {run}");
        Killed { sandbox, own, moved: moved[0].clone() }
    }

    /// The same, if an editor had saved a new version before the move.
    fn with_a_new_version() -> Self {
        let killed = Killed::new();
        let saved = killed.sandbox.home().join("saved");
        fs::write(&saved, NEW).unwrap();
        fs::rename(saved, &killed.moved).unwrap();
        killed
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.sandbox.data().join(path)).unwrap_or_default()
    }

    fn stage(&self) -> PathBuf {
        self.sandbox.data().join(".poof-restoring")
    }
}

#[test]
fn what_was_proven_and_moved_goes_with_the_next_upload() {
    let killed = Killed::new();
    killed.sandbox.poof(UPLOAD).run().expect_code(0);
    assert!(!killed.sandbox.data().exists());
    killed.sandbox.poof(["download"]).run().expect_code(0);
    assert_eq!(killed.read("sub/doc"), "as it was saved");
}

#[test]
fn a_new_version_is_back_under_its_own_name_after_the_next_upload() {
    let killed = Killed::with_a_new_version();
    let run = killed.sandbox.poof(UPLOAD).run().expect_code(6);
    assert_eq!(run.stderr.matches("data/sub/doc: stays").count(), 1, "{run}");
    assert_eq!(killed.read("sub/doc"), NEW, "{run}");
    assert!(!killed.stage().exists(), "{run}");
    // Who wants the saved one has to say so.
    killed.sandbox.poof(["download"]).run().expect_code(7);
    assert_eq!(killed.read("sub/doc"), NEW);
    // It is what has come up since, and goes as such.
    killed.sandbox.poof(UPLOAD).run().expect_code(0).stderr_has("data: 0 new, 1 changed");
    assert!(!killed.sandbox.data().exists());
    killed.sandbox.poof(["download"]).run().expect_code(0);
    assert_eq!(killed.read("sub/doc"), NEW);
}

#[test]
fn a_file_that_was_written_to_once_more_is_back_as_well() {
    let killed = Killed::new();
    fs::write(&killed.moved, "by who has it open").unwrap();
    killed.sandbox.poof(UPLOAD).run().expect_code(6).stderr_has("data/sub/doc: stays");
    assert_eq!(killed.read("sub/doc"), "by who has it open");
}

#[test]
fn a_new_version_is_back_under_its_own_name_after_a_download() {
    let killed = Killed::with_a_new_version();
    let run = killed.sandbox.poof(["download", "--yes"]).run().expect_code(5);
    let run = run.stderr_has("data/sub/doc");
    assert_eq!(killed.read("sub/doc"), NEW, "{run}");
    assert!(!killed.stage().exists(), "{run}");
    // Now it is a file like any other.
    killed.sandbox.poof(["download"]).run().expect_code(7);
    killed.sandbox.poof(["download", "--yes"]).run().expect_code(0);
    assert_eq!(killed.read("sub/doc"), "as it was saved");
}

#[test]
fn what_comes_back_after_a_wipe_with_leftovers_is_no_new_version() {
    let (sandbox, _) = on_disk();
    let at = |name: &str| sandbox.data().join(name);
    for name in ["gone", "open"] {
        fs::write(at(name), name).unwrap();
    }
    let open = fs::File::options().append(true).open(at("open")).unwrap();
    sandbox.poof(UPLOAD).run().expect_code(9).stderr_has("data/open: ");
    drop(open);
    fs::write(at("gone"), "an application has made it anew").unwrap();
    sandbox.poof(UPLOAD).run().expect_code(6).stderr_has("data/gone: stays");
    for _ in 0..2 {
        sandbox.poof(UPLOAD).run().expect_code(7).stderr_has("something else is in its place");
    }
    fs::rename(at("gone"), at("anew")).unwrap();
    sandbox.poof(UPLOAD).run().expect_code(0);
    sandbox.poof(["download"]).run().expect_code(0);
    let read = |name: &str| fs::read_to_string(at(name)).unwrap();
    assert_eq!(["gone", "open"].map(read), ["gone", "open"]);
    assert!(read("anew").contains("made it anew"));
}

#[test]
fn where_nothing_that_was_left_is_here_its_disk_may_be_away() {
    let (sandbox, _) = on_disk();
    fs::write(sandbox.data().join("open"), "open").unwrap();
    let open = fs::File::options().append(true).open(sandbox.data().join("open")).unwrap();
    sandbox.poof(UPLOAD).run().expect_code(9).stderr_has("data/open: ");
    drop(open);
    // As if its disk were not mounted, and a program had written to the mount point.
    let away = sandbox.home().join("away");
    fs::rename(sandbox.data(), &away).unwrap();
    fs::create_dir(sandbox.data()).unwrap();
    fs::write(sandbox.data().join("log"), "log").unwrap();
    sandbox.poof(UPLOAD).run().expect_code(7).stderr_has("none of what a wipe has left in it");
    fs::remove_dir_all(sandbox.data()).unwrap();
    fs::rename(&away, sandbox.data()).unwrap();
    sandbox.poof(UPLOAD).run().expect_code(0);
}

#[test]
fn a_file_in_the_place_of_a_wiped_directory_is_named() {
    let (sandbox, _) = on_disk();
    fs::write(sandbox.data().join("doc"), "doc").unwrap();
    sandbox.poof(UPLOAD).run().expect_code(0);
    fs::write(sandbox.data(), "work that no snapshot has").unwrap();
    for command in [&["backup"][..], &UPLOAD, &["status"]] {
        let run = sandbox.poof(command).run().stderr_has("is no directory");
        assert_ne!(run.code, Some(0), "{run}");
    }
    assert!(sandbox.data().is_file());
}

#[test]
fn what_was_left_goes_with_another_time_or_with_content_that_only_reading_shows() {
    let time = SystemTime::UNIX_EPOCH + Duration::from_hours(1_000);
    for (before, text) in [(SystemTime::now(), "text"), (time, "TEXT")] {
        let (sandbox, _) = on_disk();
        let at = sandbox.data().join("open");
        fs::write(&at, "text").unwrap();
        let mut open = fs::File::options().write(true).open(&at).unwrap();
        open.set_modified(before).unwrap();
        sandbox.poof(UPLOAD).run().expect_code(9);
        open.write_all(text.as_bytes()).unwrap();
        open.set_modified(time).unwrap();
        drop(open);
        sandbox.poof(UPLOAD).run().expect_code(6);
        sandbox.poof(UPLOAD).run().expect_code(0);
        sandbox.poof(["download"]).run().expect_code(0);
        assert_eq!(fs::read_to_string(&at).unwrap(), text);
        assert_eq!(fs::metadata(&at).unwrap().modified().unwrap(), time);
    }
}

#[test]
fn where_its_own_name_is_taken_it_comes_beside_it() {
    for verb in [&UPLOAD[..], &["download", "--yes"]] {
        let killed = Killed::with_a_new_version();
        fs::write(&killed.own, "one more").unwrap();
        let run = killed.sandbox.poof(verb).run();
        assert!(matches!(run.code, Some(5..=7)), "{run}");
        if run.code == Some(7) {
            // It asks before it replaces what has come, whatever is in the stage.
            assert!(killed.moved.exists() && killed.read("sub/doc") == "one more", "{run}");
            continue;
        }
        assert!(run.stderr.contains("poof-kept-1"), "{run}");
        assert_eq!(killed.read("sub/poof-kept-1"), NEW, "{run}");
        assert!(!killed.stage().exists(), "{run}");
    }
}

//! A disk that is not attached. Where it was mounted an empty directory is left, and a backup
//! into that would fill the disk of the system.

use std::fs;
use std::process::Command as Process;

use crate::harness::{Lacks, skipped};
use crate::story::on_disk;

/// Runs each line of `$S`, and says how it ended. The disk is there for the first alone.
const SCRIPT: &str = "
mount -t tmpfs t $HOME/disk
$P backup; echo attached $?
umount $HOME/disk
$P backup; echo gone $?
$P backup --allow other-remote; echo allowed $?
$P status; echo status $?
$P download --dry-run; echo download $?
$P backup --scheduled; echo scheduled $?
ls -A $HOME/disk | wc -l
mount -t tmpfs t $HOME/disk
$P backup; echo another $?
";

// Hazard 53.
#[test]
fn a_disk_that_is_not_attached_is_no_changed_store_and_is_not_filled() {
    let may = Process::new("unshare").args(["-m", "mount", "-t", "tmpfs", "t", "/mnt"]).output();
    if !may.is_ok_and(|out| out.status.success()) {
        skipped(Lacks::Mount, "only root can mount");
        return;
    }
    let (sandbox, _) = on_disk();
    fs::write(sandbox.data().join("file"), "x").unwrap();
    let script = format!("P={}; {SCRIPT}", env!("CARGO_BIN_EXE_poof"));
    let run = sandbox.program("unshare").args(["-m", "sh", "-c", &script]).run();
    let run = run.expect_code(0);
    let said: Vec<_> = run.stdout.lines().map(str::to_owned).collect();
    let ends = |word: &str| {
        let line = said.iter().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{word}: {said:?}")).to_owned()
    };
    assert_eq!(ends("attached"), "0");
    for word in ["gone", "allowed", "status", "download"] {
        assert_eq!(ends(word), "4", "{word}");
    }
    // As on battery: it is done when the disk is back.
    assert_eq!(ends("scheduled"), "0");
    assert!(said.contains(&"0".to_owned()), "nothing is written to the empty directory: {said:?}");
    // One more that is mounted there is another store.
    assert_eq!(ends("another"), "7");
    let run = run.stderr_has("nothing is mounted there").stderr_has("Is the disk attached");
    let words = run.stderr.matches("--allow other-remote").count();
    assert_eq!(words, 1, "no word fills the disk of the system: {}", run.stderr);
}

//! From a kit alone it all comes back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::harness::{Backdoor, Sandbox, Snapshot, assert_same_content};
use crate::story::encrypted;

const PHRASE: &str = "correct horse battery staple";

/// A place for kits outside of the home directory.
fn safe(sandbox: &Sandbox) -> PathBuf {
    let safe = sandbox.home().parent().unwrap().join("safe");
    fs::create_dir_all(&safe).unwrap();
    fs::write(safe.join("phrase"), format!("{PHRASE}\n")).unwrap();
    safe
}

/// Writes a kit and returns where it is.
fn kit(sandbox: &Sandbox) -> PathBuf {
    let safe = safe(sandbox);
    let (kit, phrase) = (safe.join("kit.txt"), safe.join("phrase"));
    let args = ["kit", kit.to_str().unwrap(), "--phrase-file", phrase.to_str().unwrap()];
    sandbox.poof(args).run().expect_code(0);
    kit
}

#[test]
fn a_kit_that_does_not_open_says_why_and_leaves_the_machine_bare() {
    let sandbox = encrypted(5);
    sandbox.poof(["backup"]).run().expect_code(0);
    let kit = kit(&sandbox);
    let phrase = kit.with_file_name("phrase");
    let text = fs::read_to_string(&kit).unwrap();
    let [wrong, damaged, none] = ["wrong", "damaged", "none"].map(|name| kit.with_file_name(name));
    fs::write(&wrong, "wrong words\n").unwrap();
    fs::write(&damaged, &text[..text.len() / 2]).unwrap();
    let other = Sandbox::new();
    let returned = |kit: &Path, phrase: &Path| {
        let args = ["return", kit.to_str().unwrap(), "--phrase-file", phrase.to_str().unwrap()];
        other.poof(args).run()
    };
    for (kit, phrase, says) in [
        (&kit, &wrong, "does not open with this phrase"),
        (&damaged, &phrase, "cannot be opened"),
        (&phrase, &phrase, "does not begin as a kit does"),
        (&none, &phrase, "No such file"),
    ] {
        let run = returned(kit, phrase).expect_code(3);
        assert!(run.stderr.contains(says), "{says}: {run}");
        assert!(!other.rclone_conf().exists());
    }
    // The bucket is another store's now.
    Backdoor::new(&sandbox).empty();
    fs::remove_dir_all(sandbox.state()).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    let run = returned(&kit, &phrase).expect_code(7);
    assert!(run.stderr.contains("is not the store of this kit"), "{run}");
    assert!(!other.rclone_conf().exists() && !other.confdir().join("poof.conf").exists());
}

#[test]
fn paths_are_mapped_where_they_are_asked_to_be() {
    let sandbox = encrypted(5);
    let original = Snapshot::of(&sandbox.data());
    sandbox.poof(["backup"]).run().expect_code(0);
    let kit = kit(&sandbox);
    let phrase = kit.with_file_name("phrase");
    let other = Sandbox::new();
    let place = other.home().join("deep/place");
    let map = format!("{}={}", sandbox.data().display(), place.display());
    let args = ["return", kit.to_str().unwrap(), "--map", &map, "--phrase-file"];
    other.poof(args.iter().copied().chain([phrase.to_str().unwrap()])).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&place));
}

#[test]
fn no_secret_is_in_a_kit_in_clear_and_a_new_phrase_is_for_a_terminal_only() {
    let sandbox = encrypted(5);
    let kit = kit(&sandbox);
    let text = fs::read_to_string(&kit).unwrap();
    assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
    assert!(!text.contains(sandbox.bucket()));
    assert_eq!(fs::metadata(&kit).unwrap().permissions().mode() & 0o777, 0o600);
    sandbox.poof(["kit", "other.txt"]).run().expect_code(2).stderr_has("terminal only");
    assert!(!sandbox.home().join("other.txt").exists());
    fs::write(sandbox.home().join("letter"), "dear").unwrap();
    let phrase = kit.with_file_name("phrase");
    let args = ["kit", "letter", "--phrase-file", phrase.to_str().unwrap()];
    sandbox.poof(args).run().expect_code(7).stderr_has("is no kit");
    assert_eq!(fs::read_to_string(sandbox.home().join("letter")).unwrap(), "dear");
}

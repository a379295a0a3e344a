//! What a guard refuses, it refuses whole: exit code 7, the word that would let
//! it pass, and neither side has changed.

use std::fs;

use crate::harness::{Backdoor, Config, Sandbox, Snapshot, assert_same_content, grow, minio};

/// What went wrong, how it comes about after a backup, and what is refused then.
struct Case {
    what: &'static str,
    config: fn() -> Config,
    goes_wrong: fn(&Sandbox),
    refused: &'static [&'static [&'static str]],
    says: &'static str,
}

const BACKUP: &[&str] = &["backup", "--yes"];
const DOWNLOAD: &[&str] = &["download", "--yes"];
const BOTH: &[&[&str]] = &[BACKUP, DOWNLOAD];

fn plain() -> Config {
    Config::plain(minio().endpoint())
}

fn encrypted() -> Config {
    Config::encrypted(minio().endpoint())
}

/// Where names are readable whatever the password is.
fn names_in_clear() -> Config {
    encrypted().crypt_option("filename_encryption", "off")
}

/// A backup of `files` files; then it goes wrong, and is refused.
fn refused(files: usize, cases: &[Case]) {
    for Case { what, config, goes_wrong, refused, says } in cases {
        let sandbox = Sandbox::new();
        sandbox.write_config(&config());
        grow(&sandbox.data(), files, 0..=200, 1);
        sandbox.poof(["backup"]).run().expect_code(0);
        fs::write(sandbox.data().join("second"), "generation").unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        goes_wrong(&sandbox);
        let door = Backdoor::new(&sandbox);
        let (local, remote) = (Snapshot::of(&sandbox.data()), door.listing());
        for args in *refused {
            let run = sandbox.poof(*args).run();
            assert_eq!(run.code, Some(7), "{what}: {run}");
            assert!(run.stderr.contains(says), "{what}: no {says:?}: {run}");
            assert_same_content(&local, &Snapshot::of(&sandbox.data()));
            assert_eq!(door.listing(), remote, "{what}: {args:?}");
        }
    }
}

fn empty_data(sandbox: &Sandbox) {
    fs::remove_dir_all(sandbox.data()).unwrap();
    fs::create_dir(sandbox.data()).unwrap();
}

/// Every object of the bucket is another one's now: backed up from another
/// machine with the same passwords.
fn replace_bucket(sandbox: &Sandbox) {
    let other = Sandbox::new();
    fs::create_dir_all(other.confdir()).unwrap();
    let encrypted = sandbox.rclone(["listremotes"]).run().stdout.contains("poof-crypt");
    other.write_config(&if encrypted { self::encrypted() } else { plain() });
    grow(&other.data(), 12, 0..=200, 2);
    other.poof(["backup"]).run().expect_code(0);
    let door = Backdoor::new(sandbox);
    door.empty();
    let from = Backdoor::new(&other).raw("");
    sandbox.rclone(["copy", &from, &door.raw("")]).run().expect_code(0);
}

fn delete_newest_head(sandbox: &Sandbox) {
    let door = Backdoor::new(sandbox);
    let [newest, _] = door.heads("data");
    door.delete(&newest);
}

#[test]
fn a_source_that_is_empty_missing_or_nearly_gone_is_not_backed_up() {
    for config in [plain as fn() -> Config, encrypted] {
        refused(
            210,
            &[
                Case {
                    what: "empty source",
                    config,
                    goes_wrong: empty_data,
                    refused: &[BACKUP],
                    says: "--allow empty-source",
                },
                Case {
                    what: "missing source",
                    config,
                    goes_wrong: |sandbox| fs::remove_dir_all(sandbox.data()).unwrap(),
                    refused: &[BACKUP],
                    says: "is missing",
                },
                Case {
                    what: "a few left",
                    config,
                    goes_wrong: |sandbox| {
                        empty_data(sandbox);
                        fs::write(sandbox.data().join("left"), "x").unwrap();
                    },
                    refused: &[BACKUP],
                    says: "--allow mass-deletion",
                },
            ],
        );
    }
}

/// Adds letters and saves them; then the first 20 of 150 are noise.
fn encrypt_some(sandbox: &Sandbox) {
    let path = |number: usize| sandbox.data().join(format!("letter {number}.txt"));
    for number in 0..150 {
        fs::write(path(number), format!("Letter {number}, to whom it concerns.\n").repeat(30))
            .unwrap();
    }
    sandbox.poof(["backup"]).run().expect_code(0);
    let mut random = fastrand::Rng::with_seed(7);
    for number in 0..20 {
        let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(2_000).collect();
        fs::write(path(number), noise).unwrap();
    }
}

/// Whatever it puts there: as long as before, and of the same kind.
fn rewrite_most(sandbox: &Sandbox) {
    for entry in walkdir::WalkDir::new(sandbox.data()).into_iter().flatten() {
        if entry.file_type().is_file() {
            let content: Vec<u8> = fs::read(entry.path()).unwrap();
            fs::write(entry.path(), [&content[..], b"!"].concat()).unwrap();
        }
    }
}

// Hazard 50.
#[test]
fn files_that_look_encrypted_or_are_rewritten_replace_no_snapshot() {
    for config in [plain as fn() -> Config, encrypted] {
        refused(
            210,
            &[
                Case {
                    what: "encrypted",
                    config,
                    goes_wrong: encrypt_some,
                    refused: &[BACKUP, &["upload", "--yes", "--keep-poof"]],
                    says: "about 20 of 361 files of data were readable and look encrypted now, \
                           among them letter ",
                },
                Case {
                    what: "rewritten",
                    config,
                    goes_wrong: rewrite_most,
                    refused: &[BACKUP, &["upload", "--yes", "--keep-poof"]],
                    says: "211 of 211 files of data have other content than in the snapshot",
                },
            ],
        );
    }
}

#[test]
fn a_download_that_would_delete_most_of_a_directory_is_refused() {
    for config in [plain as fn() -> Config, encrypted] {
        refused(
            10,
            &[Case {
                what: "many new local files",
                config,
                goes_wrong: |sandbox| grow(&sandbox.data().join("new"), 150, 0..=200, 3),
                refused: &[DOWNLOAD],
                says: "--allow mass-deletion",
            }],
        );
    }
}

#[test]
fn another_remote_or_an_emptied_one_is_noticed() {
    for config in [plain as fn() -> Config, encrypted] {
        refused(
            10,
            &[
                Case {
                    what: "another bucket in its place",
                    config,
                    goes_wrong: replace_bucket,
                    refused: BOTH,
                    says: "--allow other-remote",
                },
                Case {
                    what: "an emptied bucket",
                    config,
                    goes_wrong: |sandbox| Backdoor::new(sandbox).empty(),
                    refused: &[BACKUP],
                    says: "--allow other-remote",
                },
                // There is nothing that any word could let pass.
                Case {
                    what: "nothing to download",
                    config,
                    goes_wrong: |sandbox| Backdoor::new(sandbox).empty(),
                    refused: &[DOWNLOAD],
                    says: "",
                },
                Case {
                    what: "its identity deleted",
                    config,
                    goes_wrong: |sandbox| Backdoor::new(sandbox).delete(".poof/identity"),
                    refused: &[BACKUP],
                    says: "--allow other-remote",
                },
            ],
        );
    }
}

#[test]
fn an_older_snapshot_than_the_last_seen_is_noticed() {
    for config in [plain as fn() -> Config, encrypted] {
        refused(
            10,
            &[Case {
                what: "the newest generation is gone",
                config,
                goes_wrong: delete_newest_head,
                refused: BOTH,
                says: "--allow older-snapshot",
            }],
        );
    }
}

#[test]
fn another_encryption_than_the_last_one_is_noticed() {
    refused(
        10,
        &[
            Case {
                what: "encryption switched on",
                config: || plain().with_crypt(),
                goes_wrong: |sandbox| sandbox.write_config(&encrypted()),
                refused: BOTH,
                says: "",
            },
            Case {
                what: "encryption switched off",
                config: encrypted,
                goes_wrong: |sandbox| sandbox.write_config(&plain().with_crypt()),
                refused: BOTH,
                says: "",
            },
            Case {
                what: "another password",
                config: encrypted,
                goes_wrong: |sandbox| sandbox.write_config(&encrypted().other_password()),
                refused: BOTH,
                says: "",
            },
            Case {
                what: "another password, names in clear",
                config: names_in_clear,
                goes_wrong: |sandbox| sandbox.write_config(&names_in_clear().other_password()),
                refused: BOTH,
                says: "",
            },
        ],
    );
}

// Without what it remembers poof still has the records on the remote.
#[test]
fn a_wrong_password_is_noticed_on_a_bare_machine_too() {
    refused(
        10,
        &[Case {
            what: "another password, names in clear, no state",
            config: names_in_clear,
            goes_wrong: |sandbox| {
                sandbox.write_config(&names_in_clear().other_password());
                fs::remove_dir_all(sandbox.state()).unwrap();
            },
            refused: BOTH,
            says: "",
        }],
    );
}

#[test]
fn what_a_guard_names_lets_it_pass_for_one_run() {
    for (goes_wrong, word) in [
        (empty_data as fn(&Sandbox), "empty-source"),
        (|sandbox| Backdoor::new(sandbox).empty(), "other-remote"),
        (replace_bucket, "other-remote"),
        (delete_newest_head, "older-snapshot"),
        (encrypt_some, "mass-change"),
    ] {
        for config in [plain as fn() -> Config, encrypted] {
            let sandbox = Sandbox::new();
            sandbox.write_config(&config());
            grow(&sandbox.data(), 10, 0..=200, 1);
            sandbox.poof(["backup"]).run().expect_code(0);
            fs::write(sandbox.data().join("second"), "generation").unwrap();
            sandbox.poof(["backup"]).run().expect_code(0);
            goes_wrong(&sandbox);
            sandbox.poof(["backup"]).run().expect_code(7);
            let mut allow = vec!["backup", "--allow", word];
            if std::ptr::fn_addr_eq(goes_wrong, replace_bucket as fn(&Sandbox)) {
                // What that bucket holds this machine has never seen.
                sandbox.poof(&allow).run().expect_code(7).stderr_has("newer-snapshot");
                allow.extend(["--allow", "newer-snapshot"]);
            }
            sandbox.poof(&allow).run().expect_code(0);
            sandbox.poof(["check"]).run().expect_code(0);
            if word != "empty-source" {
                sandbox.poof(["backup"]).run().expect_code(0);
                let original = Snapshot::of(&sandbox.data());
                sandbox.poof(["download", "--to", "beside"]).run().expect_code(0);
                let beside = sandbox.home().join("beside/data");
                assert_same_content(&original, &Snapshot::of(&beside));
            }
        }
    }
}

#[test]
fn a_guard_that_refuses_one_tree_says_which_and_what_was_done_to_the_others() {
    for config in [plain(), encrypted()] {
        let sandbox = Sandbox::new();
        let second = sandbox.home().join("second");
        fs::create_dir(&second).unwrap();
        sandbox.write_config(&config.tree(&second, "second"));
        fs::write(second.join("old"), "x").unwrap();
        grow(&sandbox.data(), 3, 0..=200, 1);
        sandbox.poof(["backup"]).run().expect_code(0);
        empty_data(&sandbox);
        fs::write(second.join("new"), "y").unwrap();
        let run = sandbox.poof(["backup"]).run().expect_code(7);
        assert!(!run.stderr.contains("Nothing was changed"), "{run}");
        let run = run.stderr_has("Nothing of data was changed.").stderr_has("second: 1 new");
        let run =
            run.stderr_has("Left out, see above: data. The run went on with: config, second.");
        run.stderr_has("; 1 file, 1 B in ");
        let door = Backdoor::new(&sandbox);
        assert_eq!((door.names("second").len(), door.names("data").len()), (2, 3));
    }
}

#[test]
fn a_directory_whose_name_says_more_than_a_name_is_told_on_one_line() {
    let sandbox = crate::story::plain(1);
    let name = "gone\nwarning: all is saved\r\u{1b}[2J\u{202e}";
    let path = sandbox.home().join(name);
    let paths = serde_json::json!({
        path.to_str().unwrap(): "gone", sandbox.confdir().to_str().unwrap(): "config",
    });
    sandbox.set("paths", paths);
    for args in [&["backup"][..], &["upload", "--yes"], &["verify"]] {
        let run = sandbox.poof(args).run();
        let text = format!("{}{}", run.stdout, run.stderr);
        assert!(text.contains("gone\\nwarning: all is saved\\r\\u{1b}[2J\\u{202e}"), "{run}");
        assert!(!text.lines().any(|line| line.starts_with("warning: all is saved")), "{run}");
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\r']), "{run}");
    }
}

/// Of 256 names one decrypts under a wrong password, by chance.
#[test]
fn a_name_that_a_wrong_password_decrypts_by_chance_is_no_reason_to_go_on() {
    const LETTERS: &[u8] = b"0123456789abcdefghijklmnopqrstuv";
    let sandbox = Sandbox::new();
    let disk = sandbox.home().join("disk");
    sandbox.write_config(&Config::encrypted("http://unused").on_disk(&disk));
    fs::write(sandbox.data().join("a"), "x").unwrap();
    let mut state = 7_u64;
    let mut letter = |step: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let number = usize::try_from(state >> 59).unwrap();
        char::from(LETTERS[number / step * step])
    };
    // Names as rclone encrypts short ones: 16 bytes in its base32, without a padding.
    for _ in 0..3_000 {
        let name: String = (0..26).map(|at| letter(if at < 25 { 1 } else { 4 })).collect();
        fs::create_dir_all(disk.join(sandbox.bucket()).join(name)).unwrap();
    }
    let run = sandbox.poof(["backup"]).run().expect_code(7);
    run.stderr_has("names in the bucket cannot be decrypted");
}

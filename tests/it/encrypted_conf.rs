//! A rclone-poof.conf that stock rclone has encrypted: read, changed and encrypted again,
//! and never in clear on the disk.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::farewell::safe;
use crate::harness::minio::SECRET_KEY;
use crate::harness::{Sandbox, Snapshot, assert_same_content};
use crate::neuter::on_a_terminal;
use crate::secret_sources::{declare, leaks, outside, strip};
use crate::story::{encrypted, plain};

const PASSWORD: &str = "öf the file, with spaces";
/// Of the crypt remote, obscured, as the harness has it.
const OBSCURED: &str = "aSRQD2rMmLUZjxfFXZcVtADq9Le2Gw7lzJTRuc30BdRSKtQ";

/// Stock rclone encrypts the file; returns a file with the password.
fn encrypt(sandbox: &Sandbox) -> PathBuf {
    let password = outside(sandbox, "password", &format!("{PASSWORD}\n"));
    let args = ["config", "encryption", "set"];
    sandbox
        .rclone(by_command(&password).iter().map(String::as_str).chain(args))
        .run()
        .expect_code(0);
    let text = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    assert!(text.contains("\nRCLONE_ENCRYPT_V0:\n") && !text.contains("type"), "{text}");
    password
}

fn by_command(password: &Path) -> [String; 2] {
    ["--password-command".to_owned(), format!("cat {}", password.display())]
}

/// What stock rclone reads in it.
fn shown(sandbox: &Sandbox, password: &Path) -> String {
    let args = by_command(password);
    let args = args.iter().map(String::as_str).chain(["config", "show"]);
    sandbox.rclone(args).run().expect_code(0).stdout
}

fn declare_password(sandbox: &Sandbox, password: &Path) {
    declare(sandbox, &json!({"rclone-poof.conf": {"command": ["cat", password]}}));
}

#[test]
fn every_command_works_with_it_and_it_stays_encrypted() {
    let sandbox = encrypted(6);
    let original = Snapshot::of(&sandbox.data());
    let password = encrypt(&sandbox);
    declare_password(&sandbox, &password);
    let secrets = [SECRET_KEY, OBSCURED, PASSWORD];
    let before = fs::read(sandbox.rclone_conf()).unwrap();
    for args in [
        &["verify"][..],
        &["verify", "--offline"],
        &["-v", "backup"],
        &["check"],
        &["status"],
        &["cryptoggle"],
        &["cryptoggle"],
        &["econfig"],
        &["purge-plain", "--dry-run"],
    ] {
        let run = sandbox.poof(args).run().expect_code(0);
        assert!(
            secrets.iter().all(|s| !run.stdout.contains(s) && !run.stderr.contains(s)),
            "{run}"
        );
        assert_eq!(leaks(&sandbox, &secrets), [] as [PathBuf; 0], "{run}");
    }
    fs::remove_dir_all(sandbox.data()).unwrap();
    sandbox.poof(["download"]).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    assert_eq!(fs::read(sandbox.rclone_conf()).unwrap(), before);
    // It is shown as it lies there.
    let run = sandbox.poof(["cconfig"]).run().expect_code(0);
    assert_eq!(run.stdout.as_bytes(), [before.trim_ascii_end(), b"\n"].concat());
}

#[test]
fn an_edit_encrypts_it_again_and_stock_rclone_opens_it() {
    let sandbox = plain(1);
    let password = encrypt(&sandbox);
    declare_password(&sandbox, &password);
    let before = fs::read(sandbox.rclone_conf()).unwrap();
    sandbox.poof(["cconfig", "region=eu-west-1"]).run().expect_code(0);
    assert_ne!(fs::read(sandbox.rclone_conf()).unwrap(), before);
    assert!(shown(&sandbox, &password).contains("region = eu-west-1"));
    sandbox.poof(["econfig"]).run().expect_code(0);
    let text = shown(&sandbox, &password);
    assert!(text.contains("[poof-crypt]") && text.contains("password2 = "), "{text}");
    assert_eq!(leaks(&sandbox, &[SECRET_KEY]), [] as [PathBuf; 0]);
    sandbox.poof(["cconfig", "region=us-east-1"]).run().expect_code(0);
    sandbox.poof(["verify"]).run().expect_code(0);
}

#[test]
fn a_wrong_password_and_none_are_told_apart() {
    let sandbox = plain(1);
    let password = encrypt(&sandbox);
    let text = fs::read(sandbox.rclone_conf()).unwrap();
    for command in
        [&["verify"][..], &["backup"], &["cryptoggle"], &["econfig"], &["cconfig", "a=b"]]
    {
        let run = sandbox.poof(command).run().expect_code(3);
        run.stderr_has("does not say where its password is").stderr_has("secret set");
    }
    let wrong = outside(&sandbox, "wrong", "hunter2\n");
    declare_password(&sandbox, &wrong);
    for command in
        [&["verify"][..], &["backup"], &["cryptoggle"], &["econfig"], &["cconfig", "a=b"]]
    {
        let run = sandbox.poof(command).run().expect_code(3);
        let run = run.stderr_has("does not open with this password");
        assert!(!run.stderr.contains("hunter2"), "{run}");
    }
    let run = sandbox.poof(["verify"]).run().expect_code(3);
    run.stdout_has("configuration rclone-poof.conf? - PoofStatus.INVALID_CLONING_CONFIG");
    assert_eq!(fs::read(sandbox.rclone_conf()).unwrap(), text);
    declare_password(&sandbox, &password);
    let half = [&text[..text.len() / 2], b"!"].concat();
    fs::write(sandbox.rclone_conf(), half).unwrap();
    sandbox.poof(["verify"]).run().expect_code(3).stderr_has("encrypted and damaged");
}

#[test]
#[cfg(target_os = "linux")] // script of util-linux
fn without_a_source_a_person_is_asked_once() {
    let sandbox = plain(2);
    encrypt(&sandbox);
    let line = format!("{} verify", env!("CARGO_BIN_EXE_poof"));
    let run = on_a_terminal(&sandbox, &line, &format!("{PASSWORD}\n")).expect_code(0);
    assert_eq!(run.stdout.matches("Password of rclone-poof.conf: ").count(), 1, "{run}");
    let run = on_a_terminal(&sandbox, &line, "hunter2\n").expect_code(3);
    assert!(run.stdout.contains("does not open with this password"), "{run}");
}

#[test]
fn a_kit_holds_its_password() {
    let sandbox = encrypted(3);
    let original = Snapshot::of(&sandbox.data());
    strip(&sandbox, &["secret_access_key"]);
    let password = encrypt(&sandbox);
    let key = outside(&sandbox, "key", SECRET_KEY);
    declare(
        &sandbox,
        &json!({
            "rclone-poof.conf": {"command": ["cat", password]},
            "poof-backup.secret_access_key": {"file": key},
        }),
    );
    sandbox.poof(["backup"]).run().expect_code(0);
    let kit = crate::farewell::kit(&sandbox);
    assert!(!fs::read_to_string(&kit).unwrap().contains(PASSWORD));
    let phrase = safe(&sandbox).join("phrase");
    let args = ["return", kit.to_str().unwrap(), "--phrase-file", phrase.to_str().unwrap()];
    // The source gives it here as well, and where it is gone.
    for gone in [false, true] {
        if gone {
            fs::remove_file(&password).unwrap();
            fs::remove_file(&key).unwrap();
        }
        let machine = Sandbox::new();
        fs::remove_dir(machine.data()).unwrap();
        let run = machine.poof(args).run().expect_code(0);
        assert_same_content(&original, &Snapshot::of(&machine.data()));
        assert_eq!(leaks(&machine, &[SECRET_KEY, OBSCURED, PASSWORD]), [] as [PathBuf; 0]);
        assert_eq!(run.stderr.contains("`age --decrypt KIT` shows it"), gone, "{run}");
        let code = if gone { 3 } else { 0 };
        machine.poof(["verify"]).run().expect_code(code);
        // A second time it finds what it has put there, though encrypted anew.
        machine.poof(args).run().expect_code(0);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn its_password_goes_into_the_keychain_if_it_opens_it() {
    use crate::harness::desktop::session;
    let sandbox = plain(1);
    let password = encrypt(&sandbox);
    let wrong = outside(&sandbox, "wrong", "hunter2\n");
    let set = |file: &Path| {
        let line = format!("poof secret set rclone-poof.conf --value-file '{}'", file.display());
        session(&sandbox, &line).run()
    };
    set(&wrong).expect_code(3).stderr_has("does not open with this password");
    set(&password).expect_code(0);
    // A key of the encrypted file can be moved as well.
    let line = "poof verify && poof secret set poof-backup.secret_access_key && poof verify";
    session(&sandbox, line).run().expect_code(0);
    let text = shown(&sandbox, &password);
    assert!(text.contains("access_key_id") && !text.contains("secret_access_key"), "{text}");
}

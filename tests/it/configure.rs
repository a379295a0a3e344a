//! `config`, `cconfig`, `econfig`, `cryptoggle`, `paths`: files made and edited.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

#[cfg(target_os = "linux")] // tmux
use crate::harness::Terminal;
use crate::harness::minio::SECRET_KEY;
use crate::harness::{Sandbox, minio};
use crate::story::plain;

#[test]
fn a_new_configuration_is_the_one_of_the_python_poof_and_private() {
    let sandbox = Sandbox::new();
    let run = sandbox.poof(["config"]).run().expect_code(0);
    let path = sandbox.confdir().join("poof.conf");
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(run.stdout, format!("{text}\n"));
    let conf: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(conf["remote"], "poof-backup");
    assert_eq!(conf["confFile"], path.to_str().unwrap());
    assert_eq!(conf["paths"][sandbox.confdir().to_str().unwrap()], "unittest");
    sandbox.poof(["cconfig"]).run().expect_code(0);
    for file in [&path, &sandbox.rclone_conf()] {
        assert_eq!(fs::metadata(file).unwrap().mode() & 0o777, 0o600);
    }
    assert_eq!(fs::metadata(sandbox.confdir()).unwrap().mode() & 0o777, 0o700);
    let again = sandbox.poof(["config"]).run().expect_code(0);
    assert_eq!(again.stdout, run.stdout, "an existing file is only shown");
}

#[test]
fn modes_hold_whatever_the_umask() {
    let sandbox = Sandbox::new();
    let poof = env!("CARGO_BIN_EXE_poof");
    for umask in ["000", "277"] {
        let dir = sandbox.home().join(umask);
        let line = format!("umask {umask}; {poof} --confdir {} config", dir.display());
        sandbox.program("sh").args(["-c", &line]).run().expect_code(0);
        assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(dir.join("poof.conf")).unwrap().mode() & 0o777, 0o600);
    }
}

#[test]
fn secrets_are_masked_unless_a_script_reads_the_file_or_they_are_asked_for() {
    let sandbox = plain(1);
    let poof = |args: &[&str]| sandbox.poof(args).run().expect_code(0);
    let secret = SECRET_KEY;
    // The way of the Python manual: `poof cconfig >file`.
    let text = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    assert_eq!(poof(&["cconfig"]).stdout, text);
    // What changes the file is in the logs of whoever sets machines up.
    for args in [&["cconfig", "region=eu-west-1"][..], &["--json", "cconfig"]] {
        let run = poof(args).stdout_has("secret_access_key = ****").stderr_has("cconfig --show");
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{run}");
    }
    assert!(poof(&["--json", "cconfig"]).stdout.contains("\"masked\":true"));
    for args in [&["--json", "cconfig", "--show"][..], &["cconfig", "region=eu-west-1", "--show"]] {
        let run = poof(args).stdout_has(secret);
        assert!(!run.stdout.contains("masked") && !run.stderr.contains("masked"), "{run}");
    }
}

#[test]
#[cfg(target_os = "linux")] // tmux
fn a_terminal_shows_no_secret_unless_it_is_asked_for() {
    let sandbox = plain(1);
    let poof_conf = sandbox.confdir().join("poof.conf");
    let text = fs::read_to_string(&poof_conf).unwrap();
    let url = "https://joe:hunter2@example.org/ping";
    let with = format!("\"schedule\": {{\"ping_url\": \"{url}\"}},\n  \"remote\"");
    fs::write(&poof_conf, text.replace("\"remote\"", &with)).unwrap();
    let (terminal, poof) = (Terminal::open(&sandbox, 120), env!("CARGO_BIN_EXE_poof"));
    for (command, secret, masked) in [
        ("cconfig", SECRET_KEY, "secret_access_key = ********"),
        ("config", "hunter2", "joe:********@example.org"),
    ] {
        terminal.enter(&format!("clear; {poof} {command}; echo masked {command}"));
        let hint = format!("Secrets are masked. `poof {command} --show`");
        terminal.until("it has ended", |rows| {
            rows.iter().any(|row| *row == format!("masked {command}"))
        });
        let shown = terminal.rows(&[]).join("\n");
        assert!(shown.contains(masked) && shown.contains(&hint), "{shown}");
        assert!(!shown.contains(secret), "{shown}");
        terminal.enter(&format!("clear; {poof} {command} --show; echo whole {command}"));
        terminal.until("it has ended", |rows| {
            rows.iter().any(|row| *row == format!("whole {command}"))
        });
        let shown = terminal.rows(&[]).join("\n");
        assert!(shown.contains(secret) && !shown.contains("Secrets are masked"), "{shown}");
    }
}

#[test]
fn comments_and_order_survive_every_edit() {
    let sandbox = plain(1);
    let text = format!(
        "# mine\n[poof-backup]\nregion=us-east-1\n; the key\naccess_key_id = k\ntype = s3\n\
         secret_access_key = s\nprovider = Minio\nendpoint = {}\n# the last line\n",
        minio().endpoint()
    );
    fs::write(sandbox.rclone_conf(), &text).unwrap();
    sandbox.poof(["cconfig", "region=eu-west-1"]).run().expect_code(0);
    let edited = text.replace("region=us-east-1", "region=eu-west-1");
    assert_eq!(fs::read_to_string(sandbox.rclone_conf()).unwrap(), edited);
    sandbox.poof(["econfig"]).run().expect_code(0);
    let after = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    assert!(after.starts_with(&edited), "{after}");
}

// Hazard 19: the file is replaced whole, never rewritten in place.
#[test]
fn an_edit_replaces_the_file_and_never_truncates_it() {
    let sandbox = plain(1);
    let held = fs::File::open(sandbox.rclone_conf()).unwrap();
    let before = (held.metadata().unwrap().ino(), held.metadata().unwrap().len());
    sandbox.poof(["econfig"]).run().expect_code(0);
    assert_eq!(held.metadata().unwrap().len(), before.1, "the old content was touched");
    assert_ne!(fs::metadata(sandbox.rclone_conf()).unwrap().ino(), before.0);
    let names: Vec<_> = fs::read_dir(sandbox.confdir()).unwrap().flatten().collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

// Hazard 20.
#[test]
fn econfig_makes_two_obscured_passwords_and_never_overwrites_them() {
    let sandbox = plain(3);
    let run = sandbox.poof(["econfig"]).run().expect_code(0);
    let text = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let value = |key: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
        line.split_once(" = ").unwrap().1.to_owned()
    };
    let reveal = |obscured: &str| {
        sandbox.rclone(["reveal", obscured]).run().expect_code(0).stdout.trim().to_owned()
    };
    let (one, two) = (reveal(&value("password")), reveal(&value("password2")));
    assert!(one != two && one.len() >= 40 && two.len() >= 40);
    assert!(!text.contains(&one) && !run.stderr.contains(&value("password")));
    assert_eq!(value("filename_encoding"), "base64", "S3 keeps the case of names");
    sandbox.poof(["econfig"]).run().expect_code(0).stderr_has("nothing was changed");
    assert_eq!(fs::read_to_string(sandbox.rclone_conf()).unwrap(), text);

    let run = sandbox.poof(["cryptoggle"]).run().expect_code(0).stderr_has("purge-plain");
    assert_eq!(
        run.stdout,
        "Toggle target from poof-backup to poof-crypt - PoofStatus.ENCRYPTION_ENABLED\n"
    );
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox.poof(["cryptoggle"]).run().expect_code(0).stdout_has("ENCRYPTION_DISABLED");
}

#[test]
fn passwords_given_to_cconfig_are_obscured() {
    let sandbox = Sandbox::new();
    let args =
        ["cconfig", "--remote", "sftp", "host=example.org", "user=joe", "pass=hunter2hunter2"];
    let run = sandbox.poof(args).run().expect_code(0);
    assert!(!run.stdout.contains("hunter2"));
    let text = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    assert!(text.contains("type = sftp") && !text.contains("hunter2"), "{text}");
    // An edit of another key leaves the obscured password as it is.
    sandbox.poof(["cconfig", "user=jane"]).run().expect_code(0);
    let after = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    assert_eq!(after, text.replace("user = joe", "user = jane"));
}

// Amazon makes no bucket whose location constraint is not its region.
#[test]
fn the_location_constraint_goes_with_the_region() {
    let sandbox = Sandbox::new();
    let constraint_after = |settings: &[&str]| {
        sandbox.poof(["cconfig"]).args(settings).run().expect_code(0);
        let text = fs::read_to_string(sandbox.rclone_conf()).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("location_constraint ="));
        line.unwrap_or_else(|| panic!("{text}")).trim().to_owned()
    };
    assert_eq!(constraint_after(&["region=eu-central-1"]), "eu-central-1");
    assert_eq!(constraint_after(&["region=us-east-1"]), "");
    assert_eq!(constraint_after(&["acl=private"]), "");
    assert_eq!(constraint_after(&["region=us-west-2"]), "us-west-2");
    // Who gives one means it, also later.
    assert_eq!(constraint_after(&["region=eu-west-1", "location_constraint=EU"]), "EU");
    assert_eq!(constraint_after(&["region=eu-west-2"]), "EU");
}

#[test]
fn a_type_that_rclone_does_not_have_is_named() {
    let sandbox = Sandbox::new();
    let run = sandbox.poof(["cconfig", "--remote", "drpbox", "a=b"]).run().expect_code(3);
    run.stderr_has("rclone has no remote type \"drpbox\"").stderr_has("Did you mean \"dropbox\"?");
}

#[test]
fn a_directory_can_be_the_remote() {
    let sandbox = plain(4);
    fs::remove_file(sandbox.rclone_conf()).unwrap();
    let disk = sandbox.home().join("disk");
    fs::create_dir(&disk).unwrap();
    let path = format!("PATH={}", disk.display());
    sandbox.poof(["cconfig", "--remote", "local", &path]).run().expect_code(0);
    sandbox.poof(["verify"]).run().expect_code(0);
    sandbox.poof(["backup"]).run().expect_code(0);
    assert!(disk.join(sandbox.bucket()).join("config/poof.conf").exists());
    fs::rename(&disk, sandbox.home().join("unplugged")).unwrap();
    for command in ["verify", "backup", "download"] {
        sandbox.poof([command]).run().expect_code(4).stderr_has("disk");
    }
    assert!(!disk.exists(), "nothing is written where the disk is not");
}

#[test]
fn the_type_of_an_existing_remote_is_not_changed() {
    let sandbox = plain(1);
    let before = fs::read(sandbox.rclone_conf()).unwrap();
    sandbox.poof(["cconfig", "--remote", "sftp"]).run().expect_code(3).stderr_has("of type s3");
    sandbox.poof(["cconfig", "no-value"]).run().expect_code(2);
    assert_eq!(fs::read(sandbox.rclone_conf()).unwrap(), before);
}

// The placeholder of a new file is nobody's.
#[test]
fn a_placeholder_is_replaced_by_any_type() {
    let sandbox = Sandbox::new();
    sandbox.poof(["cconfig"]).run().expect_code(0);
    let args = ["cconfig", "--remote", "sftp", "host=nas.local", "user=joe"];
    sandbox.poof(args).run().expect_code(0);
    let text = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    assert!(text.contains("type = sftp") && text.contains("host = nas.local"), "{text}");
    assert!(!text.contains("BOGUS") && !text.contains("region"), "{text}");
}

#[test]
fn values_come_from_standard_input_one_on_a_line() {
    let sandbox = Sandbox::new();
    let value = |key: &str| {
        let text = fs::read_to_string(sandbox.rclone_conf()).unwrap();
        let start = format!("{key} = ");
        text.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_default().to_owned()
    };
    let args = ["cconfig", "access_key_id=-", "region=eu-west-2", "secret_access_key=-"];
    sandbox.poof(args).stdin("AKIA1\r\nof = it \nmore\n").run().expect_code(0);
    assert_eq!(
        (value("access_key_id"), value("secret_access_key")),
        ("AKIA1".into(), "of = it".into())
    );
    assert_eq!(value("region"), "eu-west-2");
    sandbox.poof(["cconfig", "secret_access_key=-"]).stdin("no newline").run().expect_code(0);
    assert_eq!(value("secret_access_key"), "no newline");

    let before = fs::read(sandbox.rclone_conf()).unwrap();
    for (input, missing) in [("", "access_key_id"), ("\n\n", "access_key_id"), ("a\n", "region")] {
        let run = sandbox.poof(["cconfig", "access_key_id=-", "region=-"]).stdin(input).run();
        run.expect_code(2).stderr_has(&format!("the value of {missing} is empty"));
    }
    // Nobody can be asked.
    let run = sandbox.poof(["cconfig", "access_key_id", "region"]).run().expect_code(2);
    run.stderr_has("`poof cconfig access_key_id=- region=-`");
    // It may be a secret whose key was forgotten.
    let run = sandbox.poof(["cconfig", "secret_access_key", "HUNTER2"]).run().expect_code(2);
    let run = run.stderr_has("word 2 of the settings has no value");
    assert!(!run.stderr.contains("HUNTER2"), "{run}");
    assert_eq!(fs::read(sandbox.rclone_conf()).unwrap(), before);
}

#[test]
#[cfg(target_os = "linux")] // tmux
fn a_value_that_is_missing_is_asked_for_and_not_shown() {
    let sandbox = Sandbox::new();
    let terminal = Terminal::open(&sandbox, 100);
    let poof = env!("CARGO_BIN_EXE_poof");
    let asks = |key: &str| {
        let question = format!("{key} (not shown):");
        terminal.until(&question, |rows| rows.iter().any(|row| row.starts_with(&question)));
    };
    let ends = |code: u8| {
        let end = format!("code {code}");
        terminal.until(&end, |rows| rows.contains(&end))
    };
    terminal.enter(&format!(
        "clear; {poof} cconfig region=eu-west-2 access_key_id secret_access_key >/dev/null; echo code $?"
    ));
    asks("access_key_id");
    terminal.enter("AKIA-HUNTER2");
    asks("secret_access_key");
    terminal.enter("unseen-hunter3");
    let seen = ends(0).join("\n");
    assert!(!seen.contains("HUNTER2") && !seen.contains("hunter3"), "{seen}");
    let text = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    assert!(text.contains("access_key_id = AKIA-HUNTER2\n"), "{text}");
    assert!(text.contains("secret_access_key = unseen-hunter3\n"), "{text}");
    // Ctrl-C ends it at once, and the terminal shows again what is typed.
    terminal.enter(&format!("clear; {poof} cconfig session_token; echo code $?"));
    // Another key: what was asked before may be on the screen still.
    asks("session_token");
    terminal.tmux(&["send-keys", "C-c"]);
    ends(130);
    terminal.enter("clear; echo seen; cat >/dev/null");
    terminal.until("seen", |rows| rows == ["seen"]);
    terminal.enter("shown");
    terminal.until("shown", |rows| rows.iter().any(|row| row == "shown"));
    assert_eq!(fs::read_to_string(sandbox.rclone_conf()).unwrap(), text);
}

#[test]
fn cryptoggle_without_a_crypt_remote_says_so() {
    let sandbox = plain(1);
    let run = sandbox.poof(["cryptoggle"]).run().expect_code(3);
    run.stderr_has("No encrypted remote is available!").stderr_has("poof econfig");
}

#[test]
fn files_that_others_can_read_are_warned_about_with_the_fix() {
    let sandbox = plain(1);
    let path = sandbox.rclone_conf();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    sandbox.poof(["backup", "--dry-run"]).run().expect_code(0).stderr_has("chmod 600");
}

#[test]
fn a_look_at_poof_leaves_no_trace_in_the_home() {
    let sandbox = Sandbox::new();
    for args in [&["paths"][..], &["version"], &["verify"], &["--help"]] {
        sandbox.poof(args).run();
    }
    let names: Vec<_> = fs::read_dir(sandbox.home()).unwrap().flatten().collect();
    assert_eq!(names.len(), 1, "only the data: {names:?}");
}

#[test]
fn the_files_can_be_elsewhere() {
    let sandbox = Sandbox::new();
    let run = sandbox.poof(["--confdir", "/c", "--poofconf", "p.conf", "paths"]).run();
    let run = run.expect_code(0).stdout_has("poof.conf = /c/p.conf\n");
    run.stdout_has("rclone-poof.conf = /c/rclone-poof.conf\n").stdout_has("state = ");
    let from_env = sandbox.poof(["paths"]).env("POOF_CONFDIR", "/e").env("POOF_RCLONECONF", "/r");
    let run = from_env.run().expect_code(0).stdout_has("poof.conf = /e/poof.conf\n");
    run.stdout_has("rclone-poof.conf = /r\n");
    let run = sandbox.poof(["paths"]).env("POOF_CONFDIR", "").run().expect_code(0);
    let default = sandbox.confdir().join("poof.conf");
    run.stdout_has(&format!("poof.conf = {}\n", default.display()));
}

#[test]
fn version_and_completions_are_printed() {
    let sandbox = Sandbox::new();
    let expected = concat!("poof ", env!("CARGO_PKG_VERSION"), " (rclone v1.76.0 embedded)\n");
    for args in [&["version"][..], &["-V"], &["--version"]] {
        assert_eq!(sandbox.poof(args).run().expect_code(0).stdout, expected);
    }
    for shell in ["bash", "zsh", "fish"] {
        sandbox.poof(["completions", shell]).run().expect_code(0).stdout_has("poof __complete");
    }
    sandbox.poof(["completions", "elvish"]).run().expect_code(2);
}

#[test]
fn what_rclone_would_read_differently_is_not_written() {
    let sandbox = plain(1);
    let before = fs::read(sandbox.rclone_conf()).unwrap();
    for (setting, code) in [
        ("secret_access_key=a%(region)sb", 3),
        ("secret_access_key=a%(nope)s", 3),
        ("secret_access_key=`tick", 3),
        ("[x]=y", 2),
        ("#c=d", 2),
        ("a\nb=c", 2),
        ("type=local", 2),
    ] {
        let run = sandbox.poof(["cconfig", setting]).run();
        assert_eq!(run.code, Some(code), "{setting}: {run}");
        assert_eq!(fs::read(sandbox.rclone_conf()).unwrap(), before, "{setting}");
    }
    sandbox.poof(["cconfig", "secret_access_key=a=b/c+d \"e\""]).run().expect_code(0);
}

// It was written, and the next run was refused.
#[test]
fn a_setting_that_the_type_does_not_have_is_refused_before_anything_is_written() {
    let sandbox = Sandbox::new();
    let wrong = |args: &[&str], place: &str, hint: &str| {
        let before = fs::read(sandbox.rclone_conf()).ok();
        let run = sandbox.poof(["cconfig"]).args(args).run().expect_code(3);
        run.stderr_has(place).stderr_has(hint);
        assert_eq!(fs::read(sandbox.rclone_conf()).ok(), before);
    };
    wrong(&["regoin=eu-west-1"], "regoin", "Did you mean \"region\"?");
    wrong(&["--remote", "sftp", "hots=example.org"], "hots", "\"host\"");
    sandbox.poof(["cconfig"]).run().expect_code(0);
    wrong(&["region=eu-west-1", "acces_key_id=x"], "acces_key_id", "\"access_key_id\"");
    wrong(&["wallpaper=x"], "of type s3", "https://rclone.org/overview");
    sandbox.poof(["cconfig", "region=eu-west-1"]).run().expect_code(0);
}

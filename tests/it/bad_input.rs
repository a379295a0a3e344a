//! Bad input: an error with a hint, the right exit code, no panic, nothing lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::harness::{Config, Sandbox, Snapshot, assert_same_content, minio};
use crate::story::{names_on, on_disk, plain};

/// Every command that reads the configuration.
const READERS: [&str; 5] = ["verify", "backup", "download", "econfig", "cryptoggle"];

#[test]
fn a_broken_poof_conf_is_located() {
    let sandbox = plain(1);
    let path = sandbox.confdir().join("poof.conf");
    for (text, word) in [
        ("{\n  \"bucket\" \"b\"\n}", "line 2 column 12"),
        ("", "line 1 column 0"),
        ("[1, 2]", "not a JSON object"),
        ("{\"bucket\": 7, \"remote\": \"r\", \"paths\": {}}", "\"bucket\" must be a text"),
        ("{\"bucket\": \"b\", \"remote\": \"r\", \"paths\": []}", "\"paths\" must be an object"),
        ("{\"bucket\": \"b\", \"paths\": {}}", "the key is missing"),
        ("{\"bucket\": \"b\\ud800\", \"remote\": \"r\", \"paths\": {}}", "invalid JSON"),
        ("\u{0}\u{1}", "invalid JSON"),
    ] {
        fs::write(&path, text).unwrap();
        for command in READERS {
            let run = sandbox.poof([command]).run().expect_code(3);
            assert!(run.stderr.contains(word), "{text:?}: {run}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "it is not repaired by force");
    }
    fs::write(&path, "[".repeat(100_000)).unwrap();
    sandbox.poof(["verify"]).run().expect_code(3).stderr_has("recursion limit");
}

#[test]
fn a_broken_rclone_conf_is_located() {
    let sandbox = plain(1);
    for (text, word) in [
        (&b"[poof-backup]\nno delimiter here"[..], "line 2"),
        (b"type = s3\n", "line 1"),
        (b"[poof-backup\n", "line 1"),
        (b"[poof-backup]\n\xff\xfe = 1\n", "line 2 is not UTF-8"),
        (b"RCLONE_ENCRYPT_V0:\nabc", "encrypted"),
        (b"", "no section [poof-backup]"),
    ] {
        fs::write(sandbox.rclone_conf(), text).unwrap();
        for command in ["verify", "backup", "download"] {
            let run = sandbox.poof([command]).run().expect_code(3);
            assert!(run.stderr.contains(word), "{text:?}: {run}");
        }
        sandbox.poof(["cconfig", "x=y"]).run();
    }
}

/// Every command that sends.
const SENDERS: [&[&str]; 4] = [&["verify", "--offline"], &["backup"], &["upload"], &["check"]];

#[test]
fn a_misspelt_key_is_named_with_the_one_that_was_meant_and_nothing_is_sent() {
    let (sandbox, bucket) = on_disk();
    fs::write(sandbox.data().join("private.key"), "secret").unwrap();
    fs::write(sandbox.data().join("a"), "x").unwrap();
    sandbox.poof(["verify"]).run().expect_code(0);
    sandbox.set("excludes", json!(["*.key"]));
    sandbox.set("befor", json!(["false"]));
    sandbox.set("_note", json!("JSON has no comments"));
    for args in SENDERS {
        let run = sandbox.poof(args).run().expect_code(3);
        // All of them in one run.
        let run = run.stderr_has("\"excludes\": poof has no such key. Did you mean \"exclude\"?");
        run.stderr_has("\"befor\": poof has no such key. Did you mean \"before\"?");
    }
    assert!(!bucket.join("data").exists());
    // An edit keeps what it does not know.
    let path = sandbox.confdir().join("poof.conf");
    sandbox.poof(["econfig"]).run().expect_code(0);
    sandbox.poof(["cryptoggle"]).run().expect_code(0);
    assert!(fs::read_to_string(&path).unwrap().contains("\"excludes\""));
    sandbox.poof(["cryptoggle"]).run().expect_code(0);
    sandbox.set("exclude", json!(["*.key"]));
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("\"excludes\"", "\"_excludes\"").replace("\"befor\"", "\"_befor\"");
    fs::write(&path, &text).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    assert!(!bucket.join("data/private.key").exists());
    // Whoever comes back may have nothing to correct it with.
    fs::write(&path, text.replace("\"_befor\"", "\"befor\"")).unwrap();
    let run = sandbox.poof(["download", "--to", "beside"]).run().expect_code(0);
    run.stderr_has("\"befor\": poof has no such key");
}

#[test]
fn a_key_that_the_remote_does_not_have_is_named_with_its_line() {
    let (sandbox, _) = on_disk();
    let conf = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let of = |more: &str| {
        fs::write(sandbox.rclone_conf(), format!("{}\n{more}", conf.trim_end())).unwrap();
        sandbox.poof(["verify", "--offline"]).run()
    };
    let run = of("remot = /x\nregion = y\n").expect_code(3);
    let run =
        run.stderr_has("remot (line 4): rclone has no setting").stderr_has("mean \"remote\"?");
    run.stderr_has("region (line 5)");
    of("override.ca_certs = /x\n").expect_code(3).stderr_has("mean \"override.ca_cert\"?");
    of("description = NAS #2 ; in the cellar\noverride.ca_cert = /x\n").expect_code(0);
    // A section that nobody uses is nobody's business.
    of("[other]\ntype = s3\nenv_auth = true\nnonsense = 1\n").expect_code(0);
}

#[test]
fn files_of_other_systems_are_read_or_named_with_the_remedy() {
    let (sandbox, _) = on_disk();
    fs::write(sandbox.data().join("a"), "x").unwrap();
    let utf16 = |text: &str| -> Vec<u8> {
        "\u{feff}".chars().chain(text.chars()).flat_map(|c| (c as u16).to_le_bytes()).collect()
    };
    for path in [sandbox.confdir().join("poof.conf"), sandbox.rclone_conf()] {
        let good = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("\u{feff}{good}")).unwrap();
        sandbox.poof(["verify"]).run().expect_code(0);
        sandbox.poof(["backup"]).run().expect_code(0);
        fs::write(&path, utf16(&good)).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        for command in ["verify", "backup"] {
            let run = sandbox.poof([command]).run().expect_code(3).stderr_has("is UTF-16");
            run.stderr_has(&format!("iconv -f UTF-16 -t UTF-8 {name} "));
        }
        // The remedy, as it is typed.
        let remedy = format!("iconv -f UTF-16 -t UTF-8 {name} >new && mv new {name}");
        let shell = sandbox.program("sh").args(["-c", &remedy]);
        shell.current_dir(sandbox.confdir()).run().expect_code(0);
        sandbox.poof(["verify"]).run().expect_code(0);
        fs::write(&path, good).unwrap();
    }
}

#[test]
fn what_stands_twice_or_behind_a_value_or_in_half_a_quotation_is_located() {
    let (sandbox, _) = on_disk();
    fs::write(sandbox.data().join("a"), "x").unwrap();
    let path = sandbox.confdir().join("poof.conf");
    let good = fs::read_to_string(&path).unwrap();
    let twice = good.replacen('{', "{\"bucket\": \"other\", \"remote\": \"r\",", 1);
    fs::write(&path, twice).unwrap();
    for command in ["verify", "backup"] {
        let run = sandbox.poof([command]).run().expect_code(3);
        run.stderr_has("\"bucket\" stands there twice").stderr_has("\"remote\" stands there twice");
    }
    fs::write(&path, good).unwrap();
    let conf = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    fs::write(sandbox.rclone_conf(), conf.replace("alias", "alias ; my disk")).unwrap();
    let run = sandbox.poof(["backup"]).run().expect_code(3).stderr_has("(line 2): a comment");
    run.stderr_has("a line of its own");
    let torn = format!("{}\ndescription = `NAS\nnonsense\n", conf.trim_end());
    fs::write(sandbox.rclone_conf(), torn).unwrap();
    let run = sandbox.poof(["backup"]).run().expect_code(3);
    run.stderr_has("line 4: expected a second quotation mark").stderr_has("line 5: expected");
    // Two of them rclone takes off.
    let quoted = conf.replace("alias", "`alias`");
    fs::write(sandbox.rclone_conf(), quoted).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
}

#[test]
fn an_unknown_type_of_remote_is_an_error_of_the_configuration() {
    let sandbox = plain(1);
    fs::write(sandbox.rclone_conf(), "[poof-backup]\ntype = nonsense\n").unwrap();
    sandbox.poof(["verify"]).run().expect_code(3).stderr_has("nonsense");
    sandbox.poof(["backup"]).run().expect_code(3).stderr_has("nonsense");
    fs::remove_file(sandbox.rclone_conf()).unwrap();
    let args = ["cconfig", "--remote", "nonsense"];
    sandbox.poof(args).run().expect_code(3).stderr_has("no remote type \"nonsense\"");
    assert!(!sandbox.rclone_conf().exists());
}

#[test]
fn a_configuration_directory_that_cannot_be_written_is_named() {
    // Permissions do not stop root; a file in the way does.
    let sandbox = Sandbox::new();
    fs::write(sandbox.home().join("file"), "").unwrap();
    for command in ["config", "cconfig"] {
        let run = sandbox.poof(["--confdir", "file/conf", command]).run().expect_code(1);
        run.stderr_has("cannot create the directory").stderr_has("file/conf");
    }
    let run = sandbox.poof(["config"]).env("XDG_STATE_HOME", sandbox.home().join("file")).run();
    run.expect_code(1).stderr_has("cannot create the directory");
    let locked = sandbox.home().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).unwrap();
    let args = ["--confdir", "locked/conf", "config"];
    let run = sandbox.poof_as_ordinary_user(args).run().expect_code(1);
    run.stderr_has("Check owner and permissions");
}

#[test]
fn directories_in_the_place_of_files_are_named() {
    let sandbox = plain(1);
    for name in ["poof.conf", "rclone-poof.conf"] {
        let path = sandbox.confdir().join(name);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        sandbox.poof(["verify"]).run().expect_code(3).stderr_has(name);
        sandbox.poof(["config"]).run();
        sandbox.poof(["cconfig"]).run();
        assert!(path.is_dir());
        fs::remove_dir(&path).unwrap();
        sandbox.write_config(&Config::plain(minio().endpoint()));
    }
}

#[test]
fn no_home_is_survived() {
    let sandbox = Sandbox::new();
    for home in ["", "relative/home"] {
        let run = sandbox.poof(["paths"]).env("HOME", home).run();
        assert!(matches!(run.code, Some(0 | 3)) && !run.stderr.contains("panic"), "{run}");
        assert!(!run.stdout.contains("relative/home/"), "{run}");
    }
    let line = format!("unset HOME; exec {} paths", env!("CARGO_BIN_EXE_poof"));
    let run = sandbox.program("sh").args(["-c", &line]).run();
    assert!(matches!(run.code, Some(0 | 3)) && !run.stderr.contains("panic"), "{run}");
}

#[test]
fn a_name_too_long_for_the_encrypted_remote_comes_back_all_the_same() {
    let sandbox = plain(2);
    fs::remove_file(sandbox.rclone_conf()).unwrap();
    let disk = sandbox.home().join("disk");
    fs::create_dir(&disk).unwrap();
    let path = format!("PATH={}", disk.display());
    sandbox.poof(["cconfig", "--remote", "local", &path]).run().expect_code(0);
    sandbox.poof(["econfig"]).run().expect_code(0);
    sandbox.poof(["cryptoggle"]).run().expect_code(0);
    let long = "n".repeat(200);
    fs::write(sandbox.data().join(&long), "x").unwrap();
    comes_back(&sandbox);
}

/// A tree of two usual names and one that the remote cannot hold.
fn comes_back(sandbox: &Sandbox) {
    let original = Snapshot::of(&sandbox.data());
    let odd = "1 file whose name the remote cannot hold";
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has(odd);
    assert_eq!(names_on(sandbox, "data").len(), 2);
    let again = sandbox.poof(["backup"]).run().expect_code(0);
    again.stderr_has("data: 0 new, 0 changed, 0 removed, 3 unchanged").stderr_has(odd);
    fs::remove_dir_all(sandbox.data()).unwrap();
    sandbox.poof(["download"]).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
}

#[test]
fn a_long_path_that_s3_refuses_comes_back_all_the_same() {
    let sandbox = plain(2);
    let deep: std::path::PathBuf = std::iter::repeat_n("d".repeat(150), 8).collect();
    fs::create_dir_all(sandbox.data().join(&deep)).unwrap();
    fs::write(sandbox.data().join(&deep).join("file"), "x").unwrap();
    comes_back(&sandbox);
}

#[test]
fn wrong_usage_ends_with_two_and_json_stays_json() {
    let sandbox = Sandbox::new();
    for args in [&["nonsense"][..], &["backup", "--nope"], &["--allow"], &["-q", "-v", "paths"]] {
        sandbox.poof(args).run().expect_code(2);
    }
    let run = sandbox.poof(["--json", "nonsense"]).run().expect_code(2);
    assert_eq!(run.json_lines().last().unwrap()["exit_code"], 2);
    let run = sandbox.poof(["--json", "backup"]).run().expect_code(3);
    let lines = run.json_lines();
    assert_eq!(lines[0]["type"], "error");
    assert_eq!(lines.last().unwrap()["type"], "summary");
}

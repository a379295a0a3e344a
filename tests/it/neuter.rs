//! poof removes itself, however it came here: what was not there before is gone, and
//! what is not for it to remove is named with the command that would.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use walkdir::WalkDir;

use crate::farewell::{installed, kit, poof, safe};
use crate::harness::command::{Command, Run, copy_program};
use crate::harness::minio::{ACCESS_KEY, SECRET_KEY};
use crate::harness::{Config, Lacks, Sandbox, grow, minio, skipped};
use crate::story::{encrypted, plain};

/// Every path below a directory, on its file system.
pub fn paths(dir: &Path) -> BTreeSet<PathBuf> {
    let all = WalkDir::new(dir).same_file_system(true).into_iter();
    all.map(|entry| entry.unwrap().into_path()).collect()
}

fn create(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Where in names and contents below `dir` one of `words` still is.
fn places(dir: &Path, words: &[&str]) -> Vec<PathBuf> {
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        words.iter().any(|word| name.contains(word))
    };
    let mut found: Vec<_> = paths(dir).into_iter().filter(named).collect();
    let patterns = words.iter().flat_map(|word| ["-e", word]);
    let grep = Process::new("grep").args(["-rlaF"]).args(patterns).arg(dir).output().unwrap();
    found.extend(
        grep.stdout
            .split(|b| *b == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| PathBuf::from(OsStr::from_bytes(line))),
    );
    found
}

#[test]
fn after_level_4_everything_is_as_if_poof_had_never_been_here() {
    let sandbox = Sandbox::new();
    let home = sandbox.home();
    // What a user has: directories for programs, completions, temporary files, a history.
    let dirs = ["tmp", ".local/bin", ".local/share/bash-completion/completions", ".cache"];
    for dir in dirs {
        fs::create_dir_all(home.join(dir)).unwrap();
    }
    create(&home.join(".bash_history"), "ls\ncd spoof\n");
    fs::remove_dir(sandbox.data()).unwrap();
    let before = paths(&home);
    let program = installed(&sandbox);
    let run = |args: &[&str]| poof(&sandbox, &program, args).env("TMPDIR", home.join("tmp")).run();
    // All that poof ever writes, and what a user puts beside it.
    let completions = run(&["completions", "bash"]).expect_code(0).stdout;
    create(&home.join(".local/share/bash-completion/completions/poof"), &completions);
    create(&home.join("tmp/poof-demo-killed/home/letter"), "made up");
    sandbox.write_config(&Config::encrypted(minio().endpoint()));
    create(&sandbox.confdir().join("notes/passwords"), "where they are");
    grow(&sandbox.data(), 40, 0..=3_000, 7);
    sandbox.set("metrics", serde_json::json!(home.join("poof.prom")));
    run(&["config"]).expect_code(0);
    run(&["backup"]).expect_code(0);
    run(&["cconfig", "upload_concurrency=3"]).expect_code(0);
    create(&sandbox.confdir().join(".poof-of-a-killed-run"), SECRET_KEY);
    run(&["status"]).expect_code(0);
    kit(&sandbox);
    let conf = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let secrets = conf.lines().filter_map(|line| line.strip_prefix("password").map(str::trim));
    let secrets: Vec<_> = secrets.filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!(secrets.len(), 2);
    let mut words = vec![sandbox.bucket(), ACCESS_KEY, SECRET_KEY, "where they are"];
    words.extend(secrets);
    let looked = home.parent().unwrap();
    assert!(places(looked, &words).len() > 3, "a search that finds nothing proves nothing");

    let gone = run(&["upload", "--yes"]).expect_code(0).stderr_has("poof is gone.");
    let after = paths(&home);
    let extra: Vec<_> = after.difference(&before).collect();
    let lost: Vec<_> = before.difference(&after).collect();
    assert!(extra.is_empty() && lost.is_empty(), "left {extra:?}, lost {lost:?}: {gone}");
    assert_eq!(places(looked, &words), [] as [PathBuf; 0]);
    assert_eq!(fs::read_to_string(home.join(".bash_history")).unwrap(), "ls\ncd spoof\n");
}

/// `poof neuter` of somebody who wants no kit.
const NEUTER: [&str; 4] = ["neuter", "--yes", "--allow", "no-kit"];

#[track_caller]
fn removed(sandbox: &Sandbox, run: &Run) {
    assert!(!sandbox.confdir().exists() && !sandbox.state().exists(), "{run}");
    assert!(sandbox.data().exists(), "data is not for neuter: {run}");
}

#[test]
fn what_an_installation_brought_goes_and_nothing_beside_it() {
    let sandbox = plain(3);
    let prefix = sandbox.home().join("opt");
    for file in ["bin/other", "share/man/man1/other.1", "share/poof/mine"] {
        create(&prefix.join(file), "of somebody else");
    }
    let before = paths(&prefix);
    let program = prefix.join("bin/poof");
    copy_program(Path::new(env!("CARGO_BIN_EXE_poof")), &program);
    let made =
        ["share/man/man1/poof.1", "share/doc/poof/LICENSE", "share/zsh/site-functions/_poof"];
    for file in made {
        create(&prefix.join(file), "of poof");
    }
    let dirs = ["share/doc/", "share/doc/poof/", "share/zsh/", "share/zsh/site-functions/"];
    let lines = ["bin/poof"].iter().chain(&dirs).chain(&made);
    let lines: Vec<_> = lines.map(|line| format!("{}/{line}", prefix.display())).collect();
    create(&prefix.join("share/poof/receipt"), &lines.join("\n"));
    let run = poof(&sandbox, &program, &NEUTER).run().expect_code(0);
    removed(&sandbox, &run);
    assert_eq!(paths(&prefix), before, "{run}");
}

/// poof below a prefix, with a receipt that names `more` as well.
fn with_receipt(sandbox: &Sandbox, more: &[PathBuf]) -> (PathBuf, PathBuf) {
    let prefix = sandbox.home().join("opt");
    let program = prefix.join("bin/poof");
    create(&prefix.join("share/man/man1/poof.1"), "of poof");
    fs::create_dir_all(prefix.join("bin")).unwrap();
    copy_program(Path::new(env!("CARGO_BIN_EXE_poof")), &program);
    let mut lines = vec![program.clone(), prefix.join("share/man/man1/poof.1")];
    lines.extend_from_slice(more);
    let lines: Vec<_> = lines.iter().map(|line| line.display().to_string()).collect();
    let receipt = prefix.join("share/poof/receipt");
    create(&receipt, &lines.join("\n"));
    (program, receipt)
}

#[test]
fn what_a_receipt_names_and_no_installation_makes_stays_and_is_named() {
    let sandbox = plain(3);
    let precious = sandbox.home().join("precious");
    let inside = sandbox.home().join("opt/share/man/man1/other.1");
    let around = sandbox.home().join("opt/share/../../precious");
    let empty = sandbox.home().join("empty");
    for path in [&precious, &inside] {
        create(path, "of somebody else");
    }
    fs::create_dir(&empty).unwrap();
    let dir = PathBuf::from(format!("{}/", empty.display()));
    let more = [precious.clone(), inside.clone(), around, dir];
    let (program, receipt) = with_receipt(&sandbox, &more);
    let run = poof(&sandbox, &program, &NEUTER).run().expect_code(9);
    removed(&sandbox, &run);
    assert!(precious.exists() && inside.exists() && empty.exists(), "{run}");
    assert!(!program.exists() && !receipt.exists(), "{run}");
    for path in &more {
        assert!(run.stderr.contains(&format!("{}, which the receipt", path.display())), "{run}");
    }
}

#[test]
fn a_receipt_that_somebody_else_could_have_written_names_nothing() {
    let sandbox = plain(3);
    let (program, receipt) = with_receipt(&sandbox, &[]);
    fs::set_permissions(&receipt, fs::Permissions::from_mode(0o646)).unwrap();
    let run = poof(&sandbox, &program, &NEUTER).run().expect_code(9);
    removed(&sandbox, &run);
    // The program knows itself.
    assert!(!program.exists() && receipt.exists(), "{run}");
    assert!(sandbox.home().join("opt/share/man/man1/poof.1").exists(), "{run}");
    run.stderr_has("receipt can be written by others").stderr_has("less '");
}

/// What `cargo install` leaves, without a build.
fn by_cargo(sandbox: &Sandbox) -> (PathBuf, PathBuf) {
    let root = sandbox.home().join("cargo");
    let program = root.join("bin/poof");
    create(&root.join("bin/other"), "");
    copy_program(Path::new(env!("CARGO_BIN_EXE_poof")), &program);
    let names = ["other", "poof"].map(|name| format!("{name} 0.1.0 (path+file:///{name})"));
    let line = |index: usize, bin: &str| format!("\"{}\" = [\"{bin}\"]\n", names[index]);
    let records = format!("[v1]\n{}{}", line(0, "other"), line(1, "poof"));
    create(&root.join(".crates.toml"), &records);
    let install = |bin: &str| {
        serde_json::json!({
            "version_req": null, "bins": [bin], "features": [], "all_features": false,
            "no_default_features": false, "profile": "release", "target": "t", "rustc": "r",
        })
    };
    let installs = serde_json::json!({"installs": {
        &names[0]: install("other"), &names[1]: install("poof"),
    }});
    create(&root.join(".crates2.json"), &installs.to_string());
    (root, program)
}

#[test]
fn cargo_removes_what_it_has_installed() {
    let sandbox = plain(3);
    let (root, program) = by_cargo(&sandbox);
    let cargo = std::env::var("CARGO").expect("these tests run under cargo");
    std::os::unix::fs::symlink(cargo, sandbox.bin().join("cargo")).unwrap();
    let run = poof(&sandbox, &program, &NEUTER).run().expect_code(0);
    removed(&sandbox, &run);
    assert!(!program.exists() && root.join("bin/other").exists(), "{run}");
    assert_eq!(places(&root, &["poof"]), [] as [PathBuf; 0], "{run}");
}

#[test]
fn what_cargo_has_installed_is_named_where_it_is_not_here() {
    let sandbox = plain(3);
    let (root, program) = by_cargo(&sandbox);
    // Debian has its cargo in /usr/bin.
    let neuter = poof(&sandbox, &program, &NEUTER).env("PATH", sandbox.bin());
    let run = neuter.run().expect_code(9);
    removed(&sandbox, &run);
    // Without the program cargo would not forget it.
    assert!(program.exists(), "{run}");
    run.stderr_has(&format!("cargo uninstall --root '{}' poof", root.display()));
}

#[test]
fn a_package_is_named_with_the_command_that_removes_it() {
    if !rustix::process::geteuid().is_root() {
        skipped(Lacks::Root, "only root installs packages");
        return;
    }
    if Process::new("dpkg-deb").arg("--version").output().is_err() {
        skipped(Lacks::Tool, "dpkg is not there");
        return;
    }
    let sandbox = plain(3);
    let root = sandbox.home().parent().unwrap().to_path_buf();
    // Its records are in the sandbox, as are its files.
    let [admin, built, program] = ["admin", "built", "usr/bin/poof"].map(|name| root.join(name));
    for dir in ["info", "updates", "triggers"] {
        fs::create_dir_all(admin.join(dir)).unwrap();
    }
    for file in ["status", "available"] {
        fs::write(admin.join(file), "").unwrap();
    }
    create(
        &built.join("DEBIAN/control"),
        "Package: poof-backup\nVersion: 0.1.0\nArchitecture: all\nMaintainer: a <a@example.org>\n\
         Description: a package for a test\n",
    );
    let inside = built.join(program.strip_prefix("/").unwrap());
    fs::create_dir_all(inside.parent().unwrap()).unwrap();
    copy_program(Path::new(env!("CARGO_BIN_EXE_poof")), &inside);
    let file = root.join("poof.deb");
    let dpkg = |args: &[&OsStr]| {
        let mut command = Process::new(args[0]);
        command.args(&args[1..]).env("DPKG_ADMINDIR", &admin);
        let out = command.output().unwrap();
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    };
    let os = |text: &'static str| OsStr::new(text);
    dpkg(&[os("dpkg-deb"), os("-Znone"), os("--build"), built.as_ref(), file.as_ref()]);
    let log = os("--log=/dev/null");
    dpkg(&[os("dpkg"), log, os("--force-not-root"), os("-i"), file.as_ref()]);
    let neuter: Command = poof(&sandbox, &program, &NEUTER);
    let run = neuter.env("DPKG_ADMINDIR", &admin).run().expect_code(9);
    removed(&sandbox, &run);
    assert!(program.exists(), "{run}");
    run.stderr_has("sudo dpkg --purge poof-backup");
    dpkg(&[os("dpkg"), log, os("--purge"), os("poof-backup")]);
    assert!(!program.exists());
}

#[test]
fn where_it_was_built_the_program_stays_and_is_named() {
    let sandbox = plain(3);
    let run = sandbox.poof(NEUTER).run().expect_code(9);
    removed(&sandbox, &run);
    assert!(Path::new(env!("CARGO_BIN_EXE_poof")).exists());
    run.stderr_has("where it was built").stderr_has("rm -r '");
}

#[test]
fn what_others_have_noted_is_named_and_the_commands_remove_it() {
    let sandbox = plain(3);
    let program = installed(&sandbox);
    let (history, timer) = (".bash_history", ".config/systemd/user/poof.timer");
    create(&sandbox.home().join(history), "ls\npoof backup\nvim ~/.config/poof/poof.conf\n");
    create(&sandbox.home().join(timer), "[Timer]\n");
    create(&sandbox.confdir().join("mine"), "of the user");
    let args = ["--confdir", "other", "cconfig"];
    poof(&sandbox, &program, &args).run().expect_code(0);
    let dry = poof(&sandbox, &program, &["neuter", "--dry-run"]).run().expect_code(0);
    let dry = dry.stdout_has("rclone-poof.conf").stdout_has("poof.timer");
    let said = ["2 lines in ", "journalctl", "state of another configuration", "poof: mine"];
    for text in said {
        assert!(dry.stderr.contains(text), "{text}: {dry}");
    }
    assert!(program.exists() && sandbox.rclone_conf().exists());
    let run = poof(&sandbox, &program, &NEUTER).run().expect_code(9);
    for text in said {
        assert!(run.stderr.contains(text), "{text}: {run}");
    }
    assert!(!program.exists() && !sandbox.rclone_conf().exists(), "{run}");
    assert!(!sandbox.home().join(timer).exists(), "{run}");
    assert!(sandbox.confdir().join("mine").exists() && sandbox.home().join("other").exists());
    let commands = run.stderr.lines().filter_map(|line| line.split_once("to remove it: "));
    for (_, command) in commands.filter(|(_, command)| !command.starts_with("journalctl")) {
        sandbox.program("sh").args(["-c", command]).run().expect_code(0);
    }
    let left = fs::read_to_string(sandbox.home().join(history)).unwrap();
    assert_eq!(left, "ls\n");
    removed(&sandbox, &run);
}

#[test]
fn a_kit_that_would_go_with_the_rest_does_not_count() {
    let sandbox = encrypted(5);
    let program = installed(&sandbox);
    let phrase = safe(&sandbox).join("phrase");
    let phrase = phrase.to_str().unwrap();
    for place in ["data/kit.txt", ".config/poof/kit.txt"] {
        poof(&sandbox, &program, &["kit", place, "--phrase-file", phrase]).run().expect_code(0);
        let run = poof(&sandbox, &program, &["upload", "--yes"]).run().expect_code(7);
        assert!(run.stderr.contains("would go with what is beside it"), "{run}");
        assert!(sandbox.home().join(place).exists() && sandbox.rclone_conf().exists());
    }
    poof(&sandbox, &program, &["neuter", "--yes"]).run().expect_code(7);
    // Moved to a safe place, it does.
    let kit = sandbox.home().join(".config/poof/kit.txt");
    fs::rename(kit, safe(&sandbox).join("kit.txt")).unwrap();
    poof(&sandbox, &program, &["upload", "--yes"]).run().expect_code(0);
    assert_eq!(paths(&sandbox.home()).len(), 3, "home, .local and bin");
}

/// A command of poof on a terminal of its own where `typed` is typed.
pub fn on_a_terminal(sandbox: &Sandbox, line: &str, typed: &str) -> Run {
    let args = ["-qec", line, "/dev/null"];
    sandbox.program("script").args(args).stdin(typed).run()
}

#[test]
#[cfg(target_os = "linux")]
fn without_a_kit_it_asks_a_person_and_refuses_a_script() {
    let sandbox = plain(3);
    let program = installed(&sandbox);
    let run = poof(&sandbox, &program, &["neuter", "--yes"]).run().expect_code(7);
    run.stderr_has("--allow no-kit");
    let line = format!("{} neuter", program.display());
    // Nor does --yes answer for a guard.
    for (line, typed) in [(line.clone(), "n\n"), (format!("{line} --yes"), "n\n")] {
        let run = on_a_terminal(&sandbox, &line, typed).expect_code(7);
        assert!(run.stdout.contains("no recovery kit"), "{run}");
        assert!(program.exists() && sandbox.rclone_conf().exists());
    }
    let run = on_a_terminal(&sandbox, &line, "y\n").expect_code(0);
    assert!(!program.exists(), "{run}");
    removed(&sandbox, &run);
}

#[test]
fn a_demo_that_is_at_work_keeps_its_directory() {
    let sandbox = plain(1);
    let tmp = sandbox.home().join("tmp");
    let (at_work, killed) =
        (format!("poof-demo-{}-x", std::process::id()), "poof-demo-999999999-x");
    create(&tmp.join(&at_work).join("letter"), "made up");
    create(&tmp.join(killed).join("letter"), "made up");
    sandbox.poof(NEUTER).env("TMPDIR", &tmp).run().expect_code(9);
    assert!(tmp.join(at_work).join("letter").exists() && !tmp.join(killed).exists());
}

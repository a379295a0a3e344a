//! Several destinations of one user: each profile has a configuration, a state, a lock and a
//! schedule of its own, and none touches what is of another.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::farewell::{installed, poof, safe};
use crate::harness::command::Run;
use crate::harness::{Config, Proxy, Sandbox, Snapshot, assert_same_content, grow, minio};
use crate::homecoming::bare;
use crate::neuter::paths;
use crate::schedule::{calls, crontab, stand_in, unit, with_cron};

/// The profile beside the usual configuration, whose remote is a directory.
const DISK: &str = "disk";

fn dir(sandbox: &Sandbox, profile: &str) -> PathBuf {
    sandbox.confdir().join("profiles").join(profile)
}

fn state(sandbox: &Sandbox, profile: &str) -> PathBuf {
    sandbox.state().join(format!("profile-{profile}"))
}

/// A command of the profile.
fn on(sandbox: &Sandbox, profile: &str, args: &[&str]) -> Run {
    sandbox.poof([&["--profile", profile][..], args].concat()).run()
}

fn disk(sandbox: &Sandbox, args: &[&str]) -> Run {
    on(sandbox, DISK, args)
}

/// Makes a profile of this name with a remote on a disk of this name, which backs up `data`.
fn make(sandbox: &Sandbox, profile: &str) {
    let disk = sandbox.home().with_file_name(profile);
    fs::create_dir_all(&disk).unwrap();
    let place = format!("PATH={}", disk.display());
    on(sandbox, profile, &["cconfig", "--remote", "local", &place]).expect_code(0);
    let data = sandbox.data();
    on(sandbox, profile, &["add", data.to_str().unwrap(), "data"]).expect_code(0);
}

/// A bucket, and a disk beside it.
fn two(config: &Config) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write_config(config);
    grow(&sandbox.data(), 12, 1..=2_000, 7);
    make(&sandbox, DISK);
    sandbox
}

fn plain() -> Config {
    Config::plain(minio().endpoint())
}

/// The same with a snapshot of each.
fn saved(config: &Config) -> Sandbox {
    let sandbox = two(config);
    sandbox.poof(["backup"]).run().expect_code(0);
    disk(&sandbox, &["backup"]).expect_code(0);
    sandbox
}

const UPLOAD: [&str; 4] = ["upload", "--yes", "--keep-poof", "--allow=no-kit"];

/// What `status --json` says of profiles.
fn told(run: &Run) -> Vec<Value> {
    run.json_lines().into_iter().filter(|line| line["type"] == "profile").collect()
}

#[test]
fn a_disk_and_a_bucket_are_two_configurations_and_status_shows_both() {
    let sandbox = two(&plain());
    for file in ["poof.conf", "rclone-poof.conf"] {
        assert!(dir(&sandbox, DISK).join(file).is_file());
    }
    let run = sandbox.poof(["status"]).run().expect_code(0);
    let run = run.stdout_has("profile disk: poof-backup:").stdout_has("  last backup: none\n");
    let run = run.stdout_has("  schedule: none (`poof --profile disk lconfig`)\n");
    run.stdout_has("  trouble: nothing is backed up yet (`poof --profile disk backup`)\n");
    sandbox.poof(["backup"]).run().expect_code(0);
    disk(&sandbox, &["backup"]).expect_code(0).stderr_has("data: 12 new");
    let run = sandbox.poof(["status"]).run().expect_code(0).stdout_has(", 0 minutes ago\n");
    assert!(!run.stdout.contains("trouble"), "{run}");
    // Who asks for one hears of that one, which knows nothing of the other.
    let run = disk(&sandbox, &["status"]).expect_code(0).stdout_has("holds: yes\n");
    assert!(!run.stdout.contains("profile disk:"), "{run}");
    disk(&sandbox, &["backup"]).expect_code(0).stderr_has("data: 0 new, 0 changed, 0 removed");
    let lines = told(&sandbox.poof(["--json", "status"]).run().expect_code(0));
    assert_eq!((lines.len(), &lines[0]["profile"]), (1, &Value::from(DISK)));
    assert!(lines[0]["backed_up"].is_string() && lines[0]["schedule"] == "none", "{lines:?}");
    let shown = format!("profile disk = {}\n", dir(&sandbox, DISK).display());
    sandbox.poof(["paths"]).run().expect_code(0).stdout_has(&shown);
    let own = format!("poof.conf = {}/poof.conf\n", dir(&sandbox, DISK).display());
    disk(&sandbox, &["paths"]).expect_code(0).stdout_has(&own);
}

#[test]
fn a_profile_that_is_old_or_fails_is_seen_where_somebody_looks() {
    let sandbox = saved(&plain());
    let note = state(&sandbox, DISK).join("backup.json");
    fs::write(&note, r#"{"proven":1700000000}"#).unwrap();
    let run = sandbox.poof(["status"]).run().expect_code(0).stdout_has(" days ago\n");
    run.stdout_has("  trouble: the last proven snapshot is of 2023-11-1");
    // It runs by itself, and the disk is not there.
    let history = r#"{"since":1700000000,"begun":1700000000,"ended":1700000001,"failures":4,
        "exit_code":4,"result":"remote"}"#;
    fs::write(state(&sandbox, DISK).join("schedule.json"), history).unwrap();
    let run = sandbox.poof(["status"]).run().expect_code(0).stdout_has("  failed in a row: 4\n");
    run.stdout_has("  trouble: the backup failed 4 times in a row, with exit code 4 (remote)");
    // Whatever becomes of the usual one.
    fs::write(sandbox.confdir().join("poof.conf"), "{").unwrap();
    sandbox.poof(["status"]).run().expect_code(3).stdout_has("profile disk: ");
    // What cannot be read is told, too.
    fs::write(dir(&sandbox, DISK).join("poof.conf"), "{").unwrap();
    sandbox.poof(["status"]).run().expect_code(3).stdout_has("  trouble: poof.conf: ");
}

#[test]
fn a_name_that_nobody_has_made_is_a_mistake_and_makes_nothing() {
    let sandbox = saved(&plain());
    let before = paths(&sandbox.home());
    for args in [
        &["status"][..],
        &["backup"],
        &["upload", "--yes"],
        &["ls"],
        &["verify"],
        &["econfig"],
        &["kit"],
        &["lconfig"],
        &["lpurge"],
        &["neuter", "--yes", "--allow", "no-kit"],
    ] {
        let run = on(&sandbox, "dsik", args).expect_code(3);
        run.stderr_has("there is no profile dsik").stderr_has("There are: disk.");
    }
    for name in ["", ".", "..", "a/b", "-x", "a b", "é"] {
        let option = format!("--profile={name}");
        let run = sandbox.poof([&option, "status"]).run().expect_code(2);
        run.stderr_has("cannot be the name of a profile");
    }
    assert_eq!(paths(&sandbox.home()), before);
    // A scheduled run tells its log and whoever is to be alerted.
    on(&sandbox, "dsik", &["backup", "--scheduled"]).expect_code(3);
    assert!(state(&sandbox, "dsik").join("log/backup.log").is_file());
}

#[test]
fn one_configuration_is_named_in_one_way() {
    let sandbox = saved(&plain());
    let dir = dir(&sandbox, DISK);
    let path = dir.to_str().unwrap();
    for other in ["--confdir", "--poofconf", "--rcloneconf"] {
        let run = sandbox.poof(["--profile", DISK, other, path, "status"]).run().expect_code(2);
        run.stderr_has("are two configurations");
    }
    let state = format!("state = {}\n", state(&sandbox, DISK).display());
    let env = |name: &str, value: &str, args: &[&str]| sandbox.poof(args).env(name, value).run();
    env("POOF_PROFILE", DISK, &["paths"]).expect_code(0).stdout_has(&state);
    let usual = format!("state = {}\n", sandbox.state().display());
    env("POOF_PROFILE", "", &["paths"]).expect_code(0).stdout_has(&usual);
    // An option goes before a variable, also one of the other kind.
    env("POOF_CONFDIR", "/c", &["--profile", DISK, "paths"]).expect_code(0).stdout_has(&state);
    let usual_dir = sandbox.confdir();
    let args = ["--confdir", usual_dir.to_str().unwrap(), "paths"];
    env("POOF_PROFILE", DISK, &args).expect_code(0).stdout_has(&usual);
    // The same files are the same configuration, with one state and one lock.
    sandbox.poof(["--confdir", path, "paths"]).run().expect_code(0).stdout_has(&state);
    let both = |dir: &str| {
        sandbox.poof(["paths"]).env("POOF_PROFILE", DISK).env("POOF_CONFDIR", dir).run()
    };
    both(path).expect_code(0).stdout_has(&state);
    both("/c").expect_code(2).stderr_has("POOF_PROFILE and POOF_CONFDIR");
}

/// Every command that a text shows between backticks.
fn commands(text: &str) -> Vec<String> {
    let parts = text.split('`').skip(1).step_by(2);
    parts.filter(|part| part.starts_with("poof ")).map(str::to_owned).collect()
}

#[test]
fn a_command_that_is_shown_is_of_the_configuration_that_it_was_shown_for() {
    let sandbox = two(&plain());
    let run = disk(&sandbox, &["status"]).expect_code(0);
    let run = run.stdout_has("Nothing is backed up yet. Next: `poof --profile disk backup`");
    let run = disk(&sandbox, &["--json", "status"]).stdout_has(&run.stdout[..0]);
    assert!(run.stdout.contains("(`poof --profile disk backup`)"), "{run}");
    disk(&sandbox, &["backup"]).expect_code(0);
    let original = Snapshot::of(&sandbox.data());
    fs::remove_dir_all(sandbox.data()).unwrap();
    fs::create_dir(sandbox.data()).unwrap();
    let run = disk(&sandbox, &["backup"]).expect_code(7);
    assert_eq!(commands(&run.stderr), ["poof --profile disk download"], "{run}");
    disk(&sandbox, &[]).expect_code(0).stdout_has("Next: `poof --profile disk lconfig --every 6h`");
    let run = disk(&sandbox, &["--json"]).expect_code(0);
    let next = Value::from("poof --profile disk lconfig --every 6h");
    assert_eq!(run.json_lines().last().unwrap()["next"], next);
    // It is typed as it is shown, and it works.
    disk(&sandbox, &["download"]).expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    // The same of a configuration elsewhere, whose path has a blank.
    let other = sandbox.home().join("c d");
    let run = sandbox.poof(["--confdir", other.to_str().unwrap(), "status"]).run().expect_code(3);
    assert_eq!(commands(&run.stderr), [format!("poof --confdir '{}' config", other.display())]);
    let line = commands(&run.stderr)[0].replacen("poof", env!("CARGO_BIN_EXE_poof"), 1);
    sandbox.program("sh").args(["-c", &line]).run().expect_code(0);
    assert!(other.join("poof.conf").exists());
    let run = sandbox.poof(["--json", "--profile", "none", "status"]).run().expect_code(3);
    run.stdout_has("`poof --profile none init`");
}

/// The user's systemd, which knows each timer by itself.
fn with_systemd(sandbox: &Sandbox) {
    let script = format!(
        "on='{}'\nshift\nfor last; do :; done\ncase $1 in\nshow-environment) echo 'HOME={}';;\n\
         restart) : >\"$on.$last\";;\ndisable) rm -f \"$on.$last\";;\n\
         is-*) [ -e \"$on.$last\" ];;\nesac",
        sandbox.bin().join("on").display(),
        sandbox.home().display(),
    );
    stand_in(sandbox, "systemctl", &script);
    stand_in(sandbox, "loginctl", "echo yes");
    stand_in(sandbox, "crontab", "exit 1");
}

#[test]
fn two_timers_are_side_by_side_and_purged_apart() {
    let sandbox = saved(&plain());
    with_systemd(&sandbox);
    sandbox.poof(["lconfig", "--every", "6h"]).run().expect_code(0);
    let run = disk(&sandbox, &["lconfig", "--every", "1d"]).expect_code(0);
    run.stderr_has("`poof --profile disk lpurge` ends that");
    let [usual, other] = ["poof.timer", "poof-profile-disk.timer"].map(|name| unit(&sandbox, name));
    let service = fs::read_to_string(other.with_extension("service")).unwrap();
    assert!(service.contains(" --profile disk backup --scheduled --every 1d\n"), "{service}");
    assert!(!fs::read_to_string(usual.with_extension("service")).unwrap().contains("--profile"));
    let run = sandbox.poof(["status"]).run().expect_code(0).stdout_has("schedule: every 6h (");
    let run = run.stdout_has("  schedule: every 1d (systemd)\n");
    assert!(!run.stdout.contains("trouble"), "{run}");
    // What the timer calls.
    disk(&sandbox, &["backup", "--scheduled", "--every", "1d"]).expect_code(0);
    assert!(state(&sandbox, DISK).join("log/backup.log").is_file());
    assert!(!sandbox.state().join("log/backup.log").exists());
    sandbox.poof(["backup", "--scheduled", "--every", "6h"]).run().expect_code(0);

    calls(&sandbox);
    disk(&sandbox, &["lpurge"]).expect_code(0).stdout_has("poof-profile-disk.timer");
    let asked = calls(&sandbox).join("\n");
    assert!(asked.contains("disable --now poof-profile-disk.timer"), "{asked}");
    assert!(!asked.contains("disable --now poof.timer"), "{asked}");
    assert!(usual.exists() && !other.exists() && sandbox.state().join("log/backup.log").exists());
    let run = sandbox.poof(["status"]).run().expect_code(0).stdout_has("schedule: every 6h (");
    run.stdout_has("  schedule: none (`poof --profile disk lconfig`)\n");
    disk(&sandbox, &["lconfig", "--every", "1d"]).expect_code(0);
    sandbox.poof(["lpurge"]).run().expect_code(0);
    assert!(!usual.exists() && other.exists());
    // One that is switched off is seen.
    fs::remove_file(sandbox.bin().join("on.poof-profile-disk.timer")).unwrap();
    let run = sandbox.poof(["status"]).run().expect_code(0);
    run.stdout_has("every 1d (systemd), not in force (`poof --profile disk lconfig`)\n");
}

#[test]
fn two_blocks_of_a_crontab_are_side_by_side_and_purged_apart() {
    let sandbox = saved(&plain());
    with_cron(&sandbox);
    sandbox.poof(["lconfig", "--every", "6h"]).run().expect_code(0);
    let run = disk(&sandbox, &["lconfig", "--every", "1d"]).expect_code(0);
    run.stderr_has(" poof --profile disk lpurge` removes it");
    let tab = || fs::read_to_string(crontab(&sandbox)).unwrap_or_default();
    let (usual, other) =
        (" backup --scheduled --every 6h ", " --profile disk backup --scheduled --every 1d ");
    assert!(tab().contains(usual) && tab().contains(other), "{}", tab());
    disk(&sandbox, &["lpurge"]).expect_code(0);
    assert!(tab().contains(usual) && !tab().contains(other), "{}", tab());
    disk(&sandbox, &["lconfig", "--every", "1d"]).expect_code(0);
    sandbox.poof(["lpurge"]).run().expect_code(0);
    assert!(!tab().contains(usual) && tab().contains(other), "{}", tab());
}

/// All files of the state of a profile, with what they hold. The lock says who had it last,
/// and whoever wipes a directory that the profile shares has it meanwhile.
fn noted(sandbox: &Sandbox, profile: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let all = paths(&state(sandbox, profile)).into_iter().filter(|path| path.is_file());
    let all = all.filter(|path| !path.ends_with("lock"));
    all.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// A command as it was shown, without its first word.
fn typed(sandbox: &Sandbox, command: &str, more: &[&str]) -> Run {
    let words: Vec<_> = command.split(' ').skip(1).chain(more.iter().copied()).collect();
    sandbox.poof(words).run()
}

#[test]
fn a_wipe_by_one_is_no_deletion_for_the_other() {
    let sandbox = saved(&plain());
    let original = Snapshot::of(&sandbox.data());
    let held = disk(&sandbox, &["ls", "-R", "data"]).expect_code(0).stdout;
    let before = noted(&sandbox, DISK);
    let run = sandbox.poof(UPLOAD).run().expect_code(0);
    let path = sandbox.data().display().to_string();
    let run = run.stderr_has(&format!("the profile disk still holds {path} on poof-backup:"));
    run.stderr_has("`poof --profile disk remove data` takes the directory out");
    assert_eq!(noted(&sandbox, DISK), before);

    let says = format!("the usual configuration wiped {path} on ");
    let run = disk(&sandbox, &["backup"]).expect_code(7).stderr_has(&says);
    let back = format!("poof --confdir {} download --only data", sandbox.confdir().display());
    assert_eq!(commands(&run.stderr), [&back, "poof --profile disk remove data"], "{run}");
    disk(&sandbox, &["upload", "--yes"]).expect_code(7).stderr_has(&says);
    // An empty directory, and one in which something has come up, are no less wiped.
    fs::create_dir_all(sandbox.data()).unwrap();
    disk(&sandbox, &["backup"]).expect_code(7).stderr_has(&says);
    fs::write(sandbox.data().join("new"), "new").unwrap();
    let run = disk(&sandbox, &["backup"]).expect_code(7).stderr_has(&says);
    let run = run.stderr_has("a backup would delete 12 files").stderr_has("mass-deletion");
    assert_eq!(disk(&sandbox, &["ls", "-R", "data"]).stdout, held, "{run}");
    fs::remove_file(sandbox.data().join("new")).unwrap();
    typed(&sandbox, &back, &["--yes"]).expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    disk(&sandbox, &["backup"]).expect_code(0).stderr_has("data: 0 new, 0 changed, 0 removed");

    // The other way round, and back by the one that has not wiped it.
    disk(&sandbox, &UPLOAD).expect_code(0).stderr_has("the usual configuration still holds ");
    let run = sandbox.poof(["backup"]).run().expect_code(7);
    run.stderr_has("the profile disk wiped ").stderr_has("`poof remove data`");
    sandbox.poof(["download", "--yes"]).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed, 0 removed");
}

#[test]
fn what_one_has_not_wiped_or_brought_back_whole_is_no_deletion_for_the_other() {
    let sandbox = saved(&plain());
    let some = fs::read_dir(sandbox.data()).unwrap().next().unwrap().unwrap().path();
    fs::rename(&some, sandbox.home().join("aside")).unwrap();
    // As a download that was killed leaves it.
    let journal = state(&sandbox, DISK).join("restoring.json");
    fs::write(&journal, r#"{"data":[]}"#).unwrap();
    let run = sandbox.poof(["backup"]).run().expect_code(7);
    let run = run.stderr_has("the profile disk has not brought all of ");
    run.stderr_has("`poof --profile disk download --only data` brings it back.");
    fs::remove_file(journal).unwrap();
    fs::rename(sandbox.home().join("aside"), &some).unwrap();
    // As an upload that was killed leaves it.
    disk(&sandbox, &UPLOAD).expect_code(0);
    let wiped = state(&sandbox, DISK).join("wiped");
    let record = fs::read_dir(wiped).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replace(r#""phase":"wiped""#, r#""phase":"wiping""#)).unwrap();
    fs::create_dir(sandbox.data()).unwrap();
    fs::write(&some, "left").unwrap();
    for args in [&["backup"][..], &["backup", "--allow", "mass-deletion"], &UPLOAD] {
        let run = sandbox.poof(args).run().expect_code(7);
        run.stderr_has("the profile disk has not completed its wipe of ");
    }
}

#[test]
fn while_one_is_at_work_the_other_wipes_and_restores_nothing_that_they_share() {
    let sandbox = saved(&plain());
    let lock = fs::File::options().write(true).open(state(&sandbox, DISK).join("lock")).unwrap();
    lock.lock().unwrap();
    for args in [&UPLOAD[..], &["download", "--yes"]] {
        let run = sandbox.poof(args).run().expect_code(8);
        run.stderr_has("poof is at work on the profile disk, which shares a directory");
    }
    // A backup takes nothing away.
    sandbox.poof(["backup"]).run().expect_code(0);
    drop(lock);
    sandbox.poof(UPLOAD).run().expect_code(0);
}

#[test]
fn no_configuration_is_wiped_or_restored_by_another() {
    let sandbox = two(&plain());
    let above = sandbox.confdir().parent().unwrap().to_owned();
    fs::write(above.join("other"), "of another program").unwrap();
    disk(&sandbox, &["remove", "poof-config"]).expect_code(0);
    disk(&sandbox, &["add", above.to_str().unwrap(), "above"]).expect_code(0);
    make(&sandbox, "third");
    disk(&sandbox, &["backup"]).expect_code(0);
    let files = || {
        let dirs = [sandbox.confdir(), dir(&sandbox, DISK), dir(&sandbox, "third")];
        let names = ["poof.conf", "rclone-poof.conf"];
        let all = dirs.into_iter().flat_map(|dir| names.map(|name| dir.join(name)));
        all.map(|path| (path.clone(), fs::read(path).ok())).collect::<Vec<_>>()
    };
    sandbox.set("keep", Value::from("7d"));
    let before = files();
    assert!(before.iter().all(|(_, text)| text.is_some()));
    disk(&sandbox, &["download", "--yes"]).expect_code(0);
    assert_eq!(files(), before, "a download");
    disk(&sandbox, &UPLOAD).expect_code(0);
    assert_eq!(files(), before, "an upload");
    assert!(!above.join("other").exists() && !sandbox.data().exists());
    disk(&sandbox, &["download", "--yes"]).expect_code(0);
    assert_eq!(files(), before, "a download after it");
    assert!(above.join("other").exists());
    // Who asks for it gets what was there; what came since stays.
    make(&sandbox, "fourth");
    sandbox.set("keep", Value::from("8d"));
    disk(&sandbox, &["download", "--only", "above", "--yes"]).expect_code(0);
    assert_eq!(files(), before);
    assert!(dir(&sandbox, "fourth").join("poof.conf").exists());
}

#[test]
fn the_keys_of_a_profile_in_the_tree_of_another_are_told() {
    let sandbox = two(&plain());
    sandbox.poof(["backup"]).run().expect_code(0);
    let run = sandbox.poof(["status"]).run().expect_code(0);
    run.stdout_has(
        "config is in the bucket in clear, with the configuration and its keys, and the keys of \
         the profile disk",
    );
}

#[test]
fn a_profile_that_came_with_a_restore_is_not_trusted() {
    let sandbox = two(&plain());
    let conf = dir(&sandbox, DISK).join("poof.conf");
    let hook = sandbox.home().join("ran");
    let mut text: Value = serde_json::from_slice(&fs::read(&conf).unwrap()).unwrap();
    text["before"] = serde_json::json!([["touch", hook.to_str().unwrap()]]);
    fs::write(&conf, text.to_string()).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    let there = fs::read(&conf).unwrap();
    for is_known in [true, false] {
        if is_known {
            // It was here, without that.
            text["before"] = serde_json::json!([]);
            fs::write(&conf, text.to_string()).unwrap();
        } else {
            fs::remove_dir_all(dir(&sandbox, DISK)).unwrap();
            fs::remove_dir_all(state(&sandbox, DISK)).unwrap();
        }
        sandbox.poof(["download", "--only", "config", "--yes"]).run().expect_code(0);
        assert_eq!(fs::read(&conf).unwrap(), there);
        let run = disk(&sandbox, &["backup"]).expect_code(3);
        run.stderr_has("came with a restore, and you have not confirmed it");
        assert!(!hook.exists(), "{is_known}");
    }
}

#[test]
fn a_profile_that_came_with_a_restore_that_was_killed_is_not_trusted() {
    let proxy = Proxy::start(minio().address());
    let sandbox = two(&Config::plain(proxy.endpoint()));
    let conf = dir(&sandbox, DISK).join("poof.conf");
    let hook = sandbox.home().join("ran");
    let mut text: Value = serde_json::from_slice(&fs::read(&conf).unwrap()).unwrap();
    text["before"] = serde_json::json!([["touch", hook.to_str().unwrap()]]);
    fs::write(&conf, text.to_string()).unwrap();
    // Others come after it.
    grow(&sandbox.confdir().join("z"), 40, 2_000..=3_000, 7);
    sandbox.poof(["backup"]).run().expect_code(0);
    let mut arrived = 0;
    for k in 1.. {
        for path in [dir(&sandbox, DISK), state(&sandbox, DISK), sandbox.confdir().join("z")] {
            fs::remove_dir_all(path).unwrap_or_default();
        }
        let args = ["download", "--only", "config", "--yes"];
        let run = sandbox.poof(args).run_killed_at(k, &proxy);
        if conf.exists() {
            arrived += usize::from(run.code.is_none());
            let run = disk(&sandbox, &["backup"]);
            assert!(run.code == Some(3) && !hook.exists(), "killed at {k}: {run}");
        }
        // The next one that ends has noted everything.
        if run.code.is_some() {
            break;
        }
    }
    assert!(arrived > 3, "{arrived}");
    // One that a user makes afterwards is the user's own.
    make(&sandbox, "other");
    on(&sandbox, "other", &["backup"]).expect_code(0);
}

const NO_KIT: [&str; 4] = ["neuter", "--yes", "--allow", "no-kit"];

#[test]
fn a_profile_goes_alone_and_the_last_configuration_takes_poof_along() {
    let sandbox = saved(&plain());
    with_cron(&sandbox);
    let program = installed(&sandbox);
    let run = |args: &[&str]| poof(&sandbox, &program, args).run();
    let of_disk = |args: &[&str]| run(&[&["--profile", DISK][..], args].concat());
    let tab = || fs::read_to_string(crontab(&sandbox)).unwrap_or_default();
    run(&["lconfig", "--every", "6h"]).expect_code(0);
    of_disk(&["lconfig", "--every", "1d"]).expect_code(0);
    let usual = [sandbox.confdir().join("poof.conf"), sandbox.rclone_conf()];
    let dry = of_disk(&["neuter", "--dry-run"]).expect_code(0);
    let dry = dry.stderr_has("poof stays for the usual configuration");
    assert!(!dry.stdout.contains(program.to_str().unwrap()), "{dry}");
    let gone = of_disk(&NO_KIT).expect_code(0).stderr_has("This configuration is gone.");
    let gone =
        gone.stderr_has("poof stays for the usual configuration, which is here; `poof --conf");
    assert!(usual.iter().all(|path| path.exists()) && program.exists(), "{gone}");
    assert!(!sandbox.confdir().join("profiles").exists(), "{gone}");
    assert!(!state(&sandbox, DISK).exists() && sandbox.state().join("machine").exists());
    assert!(tab().contains(" --every 6h ") && !tab().contains("--profile"), "{}", tab());
    run(&["backup"]).expect_code(0);
    of_disk(&["backup"]).expect_code(3).stderr_has("there is no profile disk");

    // The usual one goes first: the schedule of the other still has its program.
    make(&sandbox, DISK);
    of_disk(&["backup"]).expect_code(0);
    of_disk(&["lconfig", "--every", "1d"]).expect_code(0);
    let left = "left: the profile disk, and poof for it; to remove it: poof --profile disk neuter";
    run(&["neuter", "--dry-run"]).expect_code(0).stderr_has(left);
    let gone = run(&NO_KIT).expect_code(9).stderr_has(left);
    assert!(usual.iter().all(|path| !path.exists()) && program.exists(), "{gone}");
    assert!(!sandbox.state().join("machine").exists(), "{gone}");
    assert!(!tab().contains(" --every 6h ") && tab().contains(" --profile disk "), "{}", tab());
    of_disk(&["backup"]).expect_code(0).stderr_has("data: 0 new, 0 changed, 0 removed");
    // It is the only one now.
    let all = run(&["status"]).expect_code(0).stdout_has("profile disk: ");
    all.stderr_has("There is no usual configuration.");
    run(&[]).expect_code(0).stdout_has("Next: `poof status`");
    let hint = run(&["backup"]).expect_code(3).stderr_has("there is no usual configuration");
    let shown = commands(&hint.stderr);
    assert_eq!(shown.last().unwrap(), "poof --profile disk status", "{hint}");

    of_disk(&NO_KIT).expect_code(0).stderr_has("poof is gone.");
    assert!(!program.exists() && !sandbox.confdir().exists() && !sandbox.state().exists());
    assert_eq!(tab(), "");
    assert!(sandbox.data().exists());
}

#[test]
fn a_schedule_without_its_configuration_is_told_by_who_removes_poof() {
    for with in [with_systemd as fn(&Sandbox), with_cron] {
        let sandbox = saved(&plain());
        with(&sandbox);
        let program = installed(&sandbox);
        disk(&sandbox, &["lconfig", "--every", "1d"]).expect_code(0);
        fs::remove_dir_all(dir(&sandbox, DISK)).unwrap();
        let run = poof(&sandbox, &program, &["neuter", "--dry-run"]).run().expect_code(0);
        let run = run.stderr_has("the schedule of another configuration");
        run.stderr_has("the state of another configuration");
        // What is left of the profile goes by its name.
        disk(&sandbox, &["lpurge"]).expect_code(0);
        disk(&sandbox, &NO_KIT).expect_code(0);
        assert!(!state(&sandbox, DISK).exists());
    }
}

#[test]
fn at_level_4_one_configuration_goes_and_what_is_of_others_stays_whole() {
    let sandbox = saved(&Config::encrypted(minio().endpoint()));
    let original = Snapshot::of(&sandbox.data());
    let program = installed(&sandbox);
    let safe = safe(&sandbox);
    let [kit, phrase] = ["kit.txt", "phrase"].map(|name| safe.join(name).display().to_string());
    let run = poof(&sandbox, &program, &["kit", &kit, "--phrase-file", &phrase]).run();
    run.expect_code(0).stderr_has("the profile disk (`poof --profile disk kit FILE`)");
    let conf = fs::read(dir(&sandbox, DISK).join("rclone-poof.conf")).unwrap();
    let before = noted(&sandbox, DISK);
    let run = poof(&sandbox, &program, &["upload", "--yes"]).run().expect_code(9);
    let run = run.stderr_has("left: the profile disk, and poof for it");
    assert!(!sandbox.data().exists() && !sandbox.rclone_conf().exists(), "{run}");
    assert!(program.exists() && noted(&sandbox, DISK) == before, "{run}");
    assert_eq!(fs::read(dir(&sandbox, DISK).join("rclone-poof.conf")).unwrap(), conf);
    disk(&sandbox, &["download", "--yes"]).expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
}

#[test]
fn a_kit_holds_one_profile_and_brings_it_back_as_that() {
    let sandbox = saved(&plain());
    with_cron(&sandbox);
    disk(&sandbox, &["lconfig", "--every", "1d"]).expect_code(0);
    let original = Snapshot::of(&sandbox.data());
    let safe = safe(&sandbox);
    let path = |name: &str| safe.join(name).display().to_string();
    let (phrase, own, usual) = (path("phrase"), path("disk.txt"), path("usual.txt"));
    let run = disk(&sandbox, &["kit", &own, "--phrase-file", &phrase]).expect_code(0);
    run.stderr_has("the usual configuration (`poof --confdir ");
    sandbox.poof(["kit", &usual, "--phrase-file", &phrase]).run().expect_code(0);

    let back = |machine: &Sandbox, args: &[&str]| {
        machine.poof([args, &["--phrase-file", &phrase]].concat()).run()
    };
    let machine = bare();
    with_cron(&machine);
    let run = back(&machine, &["return", &own]).expect_code(0);
    let run = run.stderr_has("the kit is of the profile disk");
    assert!(dir(&machine, DISK).join("poof.conf").exists(), "{run}");
    assert!(!machine.rclone_conf().exists(), "{run}");
    assert_same_content(&original, &Snapshot::of(&machine.data()));
    let tab = fs::read_to_string(crontab(&machine)).unwrap();
    assert!(tab.contains(" --profile disk backup --scheduled --every 1d "), "{tab}");
    disk(&machine, &["backup"]).expect_code(0).stderr_has("data: 0 new, 0 changed, 0 removed");
    // Then the other one, beside it.
    back(&machine, &["return", &usual]).expect_code(0);
    machine.poof(["status"]).run().expect_code(0).stdout_has("profile disk: ");

    // The other order. What came beside the usual one is confirmed by the kit of its own.
    let machine = bare();
    with_cron(&machine);
    back(&machine, &["return", &usual]).expect_code(0);
    back(&machine, &["return", &own]).expect_code(0);
    disk(&machine, &["backup"]).expect_code(0).stderr_has("data: 0 new, 0 changed, 0 removed");
    // And under another name.
    let machine = bare();
    with_cron(&machine);
    back(&machine, &["--profile", "old", "return", &own]).expect_code(0);
    on(&machine, "old", &["backup"]).expect_code(0);
    assert!(!dir(&machine, DISK).exists());
}

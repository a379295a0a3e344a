//! Backups that run by themselves: what `lconfig` writes and asks for, what `lpurge`
//! leaves, and who knows of it. Stand-ins on PATH note how they are called; what the
//! real ones make of it is in `schedule_runs`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::farewell::{installed, kit, poof};
use crate::harness::command::{Run, copy_program};
use crate::harness::{Sandbox, Snapshot, assert_same_content};
use crate::neuter::paths;
use crate::story::{encrypted, plain};

/// A program first on PATH that notes how it is called and then does `script`.
pub fn stand_in(sandbox: &Sandbox, name: &str, script: &str) {
    let text = sandbox.home().with_file_name("script");
    let note = format!("echo \"{name} $*\" >>'{}'", calls_file(sandbox).display());
    fs::write(&text, format!("#!/bin/sh\n{note}\n{script}\n")).unwrap();
    fs::set_permissions(&text, fs::Permissions::from_mode(0o755)).unwrap();
    copy_program(&text, &sandbox.bin().join(name));
}

fn calls_file(sandbox: &Sandbox) -> PathBuf {
    sandbox.bin().join("calls")
}

/// How the stand-ins were called since this was asked last.
pub fn calls(sandbox: &Sandbox) -> Vec<String> {
    let calls = fs::read_to_string(calls_file(sandbox)).unwrap_or_default();
    let _ = fs::remove_file(calls_file(sandbox));
    calls.lines().map(str::to_owned).collect()
}

/// A machine with the user's systemd at work, which knows the timer once it is enabled.
pub fn with_systemd(sandbox: &Sandbox) {
    let script = format!(
        "on='{}'\nshift\ncase $1 in\nshow-environment) echo 'HOME={}';;\n\
         restart) : >\"$on\";;\ndisable) rm -f \"$on\";;\nis-*) [ -e \"$on\" ];;\nesac",
        sandbox.bin().join("on").display(),
        sandbox.home().display(),
    );
    stand_in(sandbox, "systemctl", &script);
    stand_in(sandbox, "loginctl", "echo no");
    with_crontab(sandbox);
}

/// One where there is only cron, with a crontab that is a file.
pub fn with_cron(sandbox: &Sandbox) {
    stand_in(sandbox, "systemctl", "echo 'Failed to connect to bus: No medium found' >&2; exit 1");
    with_crontab(sandbox);
}

fn with_crontab(sandbox: &Sandbox) {
    let script = format!(
        "tab='{}'\ncase $1 in\n-l) [ -e \"$tab\" ] || {{ echo 'no crontab for joe' >&2; exit 1; }}\n\
         cat \"$tab\";;\n-) cat >\"$tab\";;\n-r) rm \"$tab\";;\nesac",
        crontab(sandbox).display()
    );
    stand_in(sandbox, "crontab", &script);
}

pub fn crontab(sandbox: &Sandbox) -> PathBuf {
    sandbox.bin().join("tab")
}

pub fn unit(sandbox: &Sandbox, name: &str) -> PathBuf {
    sandbox.home().join(".config/systemd/user").join(name)
}

/// All paths below the home directory but what poof notes for itself.
fn here(sandbox: &Sandbox) -> BTreeSet<PathBuf> {
    let all = paths(&sandbox.home());
    all.into_iter().filter(|path| !path.starts_with(sandbox.home().join(".local"))).collect()
}

#[test]
fn a_timer_is_made_shown_changed_and_removed_again() {
    let sandbox = plain(1);
    with_systemd(&sandbox);
    let before = here(&sandbox);
    let run = sandbox.poof(["lconfig"]).run().expect_code(0);
    let made = ["daemon-reload", "enable poof.timer", "restart poof.timer"];
    let made = made.map(|words| format!("systemctl --user {words}"));
    assert!(calls(&sandbox).windows(3).any(|calls| calls == made), "{run}");
    for name in ["poof.service", "poof.timer"] {
        let text = fs::read_to_string(unit(&sandbox, name)).unwrap();
        assert!(run.stdout.contains(&text), "{name}: {run}");
    }
    let run = run.stdout_has("OnCalendar=*-*-* *:00:00").stderr_has("every 6h (systemd)");
    run.stderr_has("loginctl enable-linger").stderr_has("clipboard");

    // Who does not say how often means as before.
    sandbox.poof(["lconfig", "--every", "30m"]).run().expect_code(0);
    sandbox.poof(["lconfig"]).run().expect_code(0).stderr_has("every 30m (systemd)");
    let timer = fs::read_to_string(unit(&sandbox, "poof.timer")).unwrap();
    assert!(timer.contains("OnCalendar=*-*-* *:00,30:00"), "{timer}");

    let stamp = sandbox.home().join(".local/share/systemd/timers/stamp-poof.timer");
    fs::create_dir_all(stamp.parent().unwrap()).unwrap();
    fs::write(&stamp, "").unwrap();
    let log = sandbox.state().join("log/backup.log");
    fs::create_dir_all(log.parent().unwrap()).unwrap();
    fs::write(&log, "names of files").unwrap();
    fs::write(log.with_file_name("backup.log.1"), "more").unwrap();
    let history = sandbox.state().join("schedule.json");
    fs::write(&history, "{}").unwrap();
    calls(&sandbox);
    let run = sandbox.poof(["lpurge"]).run().expect_code(0).stdout_has("poof.timer");
    assert!(calls(&sandbox).contains(&"systemctl --user disable --now poof.timer".to_owned()));
    assert_eq!(here(&sandbox), before, "{run}");
    assert!(!log.parent().unwrap().exists() && !stamp.exists(), "{run}");
    assert!(!history.exists(), "`status` would speak of a next run");
    let state = paths(&sandbox.home());
    let run = sandbox.poof(["lpurge"]).run().expect_code(0).stderr_has("There is no schedule");
    assert_eq!((run.stdout.as_str(), paths(&sandbox.home())), ("", state));
}

#[test]
fn systemd_accepts_the_units_whatever_the_paths_are() {
    let sandbox = plain(1);
    with_systemd(&sandbox);
    let odd = sandbox.home().join("a b%h$HOME'\"\\x");
    fs::create_dir(&odd).unwrap();
    copy_program(Path::new(env!("CARGO_BIN_EXE_poof")), &odd.join("poof"));
    let program = odd.join("poof");
    for every in ["15m", "90m", "6h", "7h", "25m", "1d", "7d"] {
        let args = ["--confdir", odd.to_str().unwrap(), "lconfig", "--every", every];
        poof(&sandbox, &program, &args).run().expect_code(0);
        let units = unit(&sandbox, "poof.timer").with_file_name("");
        let units = fs::read_dir(units).unwrap().map(|entry| entry.unwrap().path());
        let timer = units.filter(|path| path.extension().is_some_and(|e| e == "timer"));
        let timer = timer.max().unwrap();
        let service = timer.with_extension("service");
        let files = [timer.to_str().unwrap(), service.to_str().unwrap()];
        let verify = sandbox.program("systemd-analyze").args(["--user", "verify"]).args(files);
        let run = verify.env("XDG_RUNTIME_DIR", sandbox.home()).run().expect_code(0);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{every}");
        let text = fs::read_to_string(&timer).unwrap();
        let events: Vec<_> = text.lines().filter_map(|l| l.strip_prefix("OnCalendar=")).collect();
        let calendar = sandbox.program("systemd-analyze").args(["calendar"]).args(&events);
        let run = calendar.run().expect_code(0);
        assert_eq!(run.stdout.matches("Next elapse").count(), events.len(), "{run}");
    }
}

#[test]
fn where_there_is_no_systemd_the_crontab_gets_a_block_and_keeps_the_rest() {
    let sandbox = plain(1);
    with_cron(&sandbox);
    let own = "MAILTO=joe\n# mine\r\n@daily x";
    fs::write(crontab(&sandbox), own).unwrap();
    let run = sandbox.poof(["lconfig", "--every", "1d"]).run().expect_code(0);
    let text = fs::read_to_string(crontab(&sandbox)).unwrap();
    assert!(text.starts_with(&format!("{own}\n# BEGIN poof ")), "{text}");
    assert!(text.contains(" backup --scheduled --every 1d >/dev/null 2>&1\n# END poof "), "{text}");
    let run = run.stderr_has("every 1d (cron)").stderr_has("Failed to connect to bus");
    // The home directory of a sandbox is not that of the user.
    let remedy = format!("`HOME='{}' poof lpurge` removes it", sandbox.home().display());
    let run = run.stderr_has("in the crontab of ").stderr_has(&remedy);
    assert!(text.ends_with(&run.stdout), "{run}");
    sandbox.poof(["lconfig"]).run().expect_code(0);
    assert_eq!(fs::read_to_string(crontab(&sandbox)).unwrap(), text);
    let run = sandbox.poof(["verify", "--offline"]).run().expect_code(0);
    run.stdout_has("schedule enabled? - PoofStatus.LAUNCHD_ENABLED");
    sandbox.poof(["lpurge"]).run().expect_code(0).stdout_has("in the crontab");
    assert_eq!(fs::read_to_string(crontab(&sandbox)).unwrap(), format!("{own}\n"));
    // Of a crontab that was made for it, nothing stays.
    fs::remove_file(crontab(&sandbox)).unwrap();
    sandbox.poof(["lconfig"]).run().expect_code(0);
    sandbox.poof(["lpurge"]).run().expect_code(0);
    assert!(!crontab(&sandbox).exists());
}

#[test]
fn from_one_kind_to_the_other_only_the_new_one_is_left() {
    let sandbox = plain(1);
    with_cron(&sandbox);
    sandbox.poof(["lconfig", "--every", "2h"]).run().expect_code(0);
    with_systemd(&sandbox);
    sandbox.poof(["lconfig"]).run().expect_code(0).stderr_has("every 2h (systemd)");
    assert!(!crontab(&sandbox).exists() && unit(&sandbox, "poof.timer").exists());
    with_cron(&sandbox);
    let run = sandbox.poof(["lconfig"]).run().expect_code(0).stderr_has("every 2h (cron)");
    let run = run.stderr_has("ends when you log in next");
    assert!(
        crontab(&sandbox).exists() && !sandbox.home().join(".config/systemd").exists(),
        "{run}"
    );
}

#[test]
fn what_keeps_it_from_being_made_is_said_with_the_remedy() {
    let sandbox = plain(1);
    with_cron(&sandbox);
    for every in ["14m", "8d", "6", "often"] {
        let run = sandbox.poof(["lconfig", "--every", every]).run().expect_code(2);
        run.stderr_has("15m to 7d");
    }
    let before = here(&sandbox);
    let own = "@daily x\n";
    fs::write(crontab(&sandbox), own).unwrap();
    let untouched = |run: &Run| {
        assert_eq!(here(&sandbox), before, "{run}");
        assert_eq!(fs::read_to_string(crontab(&sandbox)).unwrap(), own, "{run}");
    };
    // A crontab that cannot be read must not be replaced.
    stand_in(&sandbox, "crontab", "echo 'You (joe) are not allowed to use crontab' >&2; exit 1");
    let run = sandbox.poof(["lconfig"]).run().expect_code(1);
    untouched(&run);
    run.stderr_has("not allowed to use crontab").stderr_has("was left as it is");
    // Neither systemd nor cron.
    fs::remove_file(sandbox.bin().join("crontab")).unwrap();
    fs::remove_file(sandbox.bin().join("systemctl")).unwrap();
    let run = sandbox.poof(["lconfig"]).env("PATH", sandbox.bin()).run().expect_code(1);
    untouched(&run);
    run.stderr_has("there is no systemctl, and no crontab").stderr_has("apt install cron");
    // systemd that does not take it.
    with_systemd(&sandbox);
    let script = format!(
        "shift\ncase $1 in show-environment) echo 'HOME={}';;\n\
         enable) echo 'Failed to enable unit: Refused' >&2; exit 1;;\nis-*) exit 1;; esac",
        sandbox.home().display()
    );
    stand_in(&sandbox, "systemctl", &script);
    let run = sandbox.poof(["lconfig"]).run().expect_code(1);
    untouched(&run);
    run.stderr_has("Failed to enable unit: Refused").stderr_has("Nothing is scheduled");
    // One that was there stays in force.
    with_systemd(&sandbox);
    sandbox.poof(["lconfig", "--every", "2h"]).run().expect_code(0);
    let timer = fs::read_to_string(unit(&sandbox, "poof.timer")).unwrap();
    stand_in(&sandbox, "systemctl", &script);
    let run = sandbox.poof(["lconfig", "--every", "3h"]).run().expect_code(1);
    run.stderr_has("The schedule is as it was");
    assert_eq!(fs::read_to_string(unit(&sandbox, "poof.timer")).unwrap(), timer);
}

#[test]
fn a_unit_directory_that_is_not_writable_is_named() {
    let sandbox = plain(1);
    with_systemd(&sandbox);
    let dir = sandbox.home().join(".config/systemd/user");
    fs::create_dir_all(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o555)).unwrap();
    let run = sandbox.poof_as_ordinary_user(["lconfig"]).run().expect_code(1);
    run.stderr_has("cannot write ").stderr_has("poof.service").stderr_has("Check owner and");
}

#[test]
fn print_writes_nothing() {
    let sandbox = Sandbox::new();
    with_systemd(&sandbox);
    let before = paths(&sandbox.home());
    let run = sandbox.poof(["lconfig", "--print", "--every", "12h"]).run().expect_code(0);
    let run = run.stdout_has("OnCalendar=").stdout_has(" backup --scheduled --every 12h\n");
    assert_eq!(paths(&sandbox.home()), before, "{run}");
    let calls = calls(&sandbox);
    assert!(calls.iter().all(|call| call == "systemctl --user show-environment"), "{calls:?}");
    with_cron(&sandbox);
    let run = sandbox.poof(["lconfig", "--print", "--json"]).run().expect_code(0);
    assert!(run.json_lines()[0]["content"].as_str().unwrap().contains("--every 6h"), "{run}");
    assert_eq!(paths(&sandbox.home()), before, "{run}");
}

#[test]
fn verify_status_and_paths_know_it() {
    let sandbox = plain(1);
    with_systemd(&sandbox);
    let line = |state: &str| format!("schedule enabled? - PoofStatus.LAUNCHD_{state}");
    let verify = || sandbox.poof(["verify", "--offline"]).run().expect_code(0);
    assert_eq!(verify().stdout.lines().nth(4), Some(line("DISABLED").as_str()));
    sandbox.poof(["status"]).run().expect_code(0).stdout_has("schedule: none\n");
    sandbox.poof(["lconfig", "--every", "90m"]).run().expect_code(0);
    assert_eq!(verify().stdout.lines().nth(4), Some(line("ENABLED").as_str()));
    sandbox.poof(["status"]).run().expect_code(0).stdout_has("schedule: every 90m (systemd)\n");
    let run = sandbox.poof(["status", "--json"]).run().expect_code(0);
    let lines = run.json_lines();
    let status = lines.iter().find(|line| line["type"] == "status").unwrap();
    assert_eq!(
        (&status["schedule"], &status["schedule_every"]),
        (&"systemd".into(), &"90m".into())
    );
    // Somebody has switched it off.
    fs::remove_file(sandbox.bin().join("on")).unwrap();
    assert_eq!(verify().stdout.lines().nth(4), Some(line("DISABLED").as_str()));
    sandbox.poof(["status"]).run().expect_code(0).stdout_has("not in force: `poof lconfig`");
    let run = sandbox.poof(["paths"]).run().expect_code(0);
    for name in ["poof.timer", "poof.service"] {
        let text = format!("{name} = {}\n", unit(&sandbox, name).display());
        assert!(run.stdout.contains(&text), "{run}");
    }
}

#[test]
fn the_configuration_of_the_command_line_is_that_of_the_schedule() {
    let sandbox = Sandbox::new();
    with_cron(&sandbox);
    let (dir, state) = (sandbox.home().join("c d"), sandbox.home().join("state"));
    let run = sandbox
        .poof(["--rcloneconf", "mine.conf", "lconfig", "--print"])
        .env("POOF_CONFDIR", &dir)
        .env("XDG_STATE_HOME", &state)
        .run()
        .expect_code(0);
    let options = format!(" --confdir '{0}' --rcloneconf '{0}/mine.conf' backup", dir.display());
    let home =
        format!(" env HOME={} XDG_STATE_HOME={} /", sandbox.home().display(), state.display());
    run.stdout_has(&options).stdout_has(&home);
}

// Two configurations of one user, each with a schedule: neither sees that of the other.
#[test]
fn each_configuration_has_a_schedule_of_its_own() {
    for with in [with_systemd as fn(&Sandbox), with_cron] {
        let sandbox = plain(1);
        with(&sandbox);
        let other = sandbox.home().join("other");
        let files = ["poof.conf", "rclone-poof.conf"];
        fs::create_dir(&other).unwrap();
        for name in files {
            fs::copy(sandbox.confdir().join(name), other.join(name)).unwrap();
        }
        let other = ["--confdir", other.to_str().unwrap()];
        let usual = |args: &[&str]| sandbox.poof(args).run().expect_code(0);
        let second = |args: &[&str]| sandbox.poof([&other[..], args].concat()).run().expect_code(0);
        let line = "schedule enabled? - PoofStatus.LAUNCHD_";
        let enabled = |run: &Run| run.stdout.contains(&format!("{line}ENABLED"));

        second(&["lconfig", "--every", "2h"]);
        assert!(enabled(&second(&["verify", "--offline"])));
        assert!(!enabled(&usual(&["verify", "--offline"])));
        usual(&["status"]).stdout_has("schedule: none\n");
        usual(&["lpurge"]).stderr_has("There is no schedule");
        second(&["status"]).stdout_has("schedule: every 2h (");

        usual(&["lconfig", "--every", "1d"]);
        second(&["status"]).stdout_has("schedule: every 2h (");
        usual(&["status"]).stdout_has("schedule: every 1d (");
        let log = sandbox.state().join("log/backup.log");
        fs::create_dir_all(log.parent().unwrap()).unwrap();
        fs::write(&log, "names of files").unwrap();
        let gone = second(&["lpurge"]);
        assert!(log.exists() && !gone.stdout.contains("log/backup.log"), "{gone}");
        second(&["status"]).stdout_has("schedule: none\n");
        usual(&["status"]).stdout_has("schedule: every 1d (");

        // Who removes poof hears of what would call it.
        second(&["lconfig", "--every", "2h"]);
        let run = usual(&["neuter", "--dry-run"]);
        run.stderr_has("the schedule of another configuration");
    }
}

#[test]
fn neuter_names_the_lines_of_a_crontab_that_somebody_wrote_for_poof() {
    let sandbox = plain(1);
    let program = installed(&sandbox);
    with_cron(&sandbox);
    let own = "# poof, each day\n@daily poof backup\n@daily spoof\n";
    fs::write(crontab(&sandbox), own).unwrap();
    poof(&sandbox, &program, &["lconfig"]).run().expect_code(0);
    let args = ["neuter", "--yes", "--allow", "no-kit"];
    let run = poof(&sandbox, &program, &args).run().expect_code(9);
    let run = run.stderr_has("left: 1 line in the crontab that somebody wrote for poof");
    assert_eq!(fs::read_to_string(crontab(&sandbox)).unwrap(), own, "{run}");
}

#[test]
fn neuter_takes_the_schedule_of_either_kind_with_it() {
    for with in [with_systemd as fn(&Sandbox), with_cron] {
        let sandbox = plain(1);
        let program = installed(&sandbox);
        with(&sandbox);
        poof(&sandbox, &program, &["lconfig"]).run().expect_code(0);
        let is_cron = crontab(&sandbox).exists();
        let dry = poof(&sandbox, &program, &["neuter", "--dry-run"]).run().expect_code(0);
        dry.stdout_has(if is_cron { "x the lines of poof in the crontab" } else { "poof.timer" });
        calls(&sandbox);
        let code = if is_cron { 0 } else { 9 };
        let args = ["neuter", "--yes", "--allow", "no-kit"];
        let run = poof(&sandbox, &program, &args).run().expect_code(code);
        if !is_cron {
            assert!(run.stderr.contains("journalctl"), "{run}");
            let calls = calls(&sandbox);
            assert!(calls.contains(&"systemctl --user disable --now poof.timer".to_owned()));
        }
        assert!(!crontab(&sandbox).exists() && !sandbox.home().join(".config").exists(), "{run}");
        assert!(!program.exists(), "{run}");
    }
}

#[test]
fn return_brings_the_schedule_of_the_kit_back() {
    let sandbox = encrypted(3);
    with_systemd(&sandbox);
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox.poof(["lconfig", "--every", "3h"]).run().expect_code(0);
    let kit = kit(&sandbox);
    let phrase = kit.with_file_name("phrase");
    let args = ["return", kit.to_str().unwrap(), "--phrase-file", phrase.to_str().unwrap()];
    let bare = || {
        let machine = Sandbox::new();
        fs::remove_dir(machine.data()).unwrap();
        machine
    };
    // Another scheduler is as good.
    let machine = bare();
    with_cron(&machine);
    let run = machine.poof(args).run().expect_code(0).stderr_has("every 3h (cron)");
    assert!(fs::read_to_string(crontab(&machine)).unwrap().contains("--every 3h "), "{run}");
    assert_same_content(&Snapshot::of(&sandbox.data()), &Snapshot::of(&machine.data()));
    // Where there is none, all else is back.
    let machine = bare();
    let run = machine.poof(args).env("PATH", machine.bin()).run().expect_code(5);
    let run = run.stderr_has("everything is back but the schedule");
    assert_same_content(&Snapshot::of(&sandbox.data()), &Snapshot::of(&machine.data()));
    run.stderr_has("`poof lconfig --every 3h` tries again");
}

//! `poof backup --scheduled`: what the scheduler starts and nobody watches.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
#[cfg(target_os = "linux")]
use std::process::Command as Process;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::harness::command::{Run, copy_program};
use crate::harness::minio::SECRET_KEY;
use crate::harness::{Config, DeadEnd, Lacks, Sandbox, minio, skipped};
use crate::story::{names_on, on_disk, proxied};

const SCHEDULED: [&str; 2] = ["backup", "--scheduled"];
const EVERY: [&str; 4] = ["backup", "--scheduled", "--every", "6h"];

fn sandbox() -> (Sandbox, PathBuf) {
    let (sandbox, bucket) = on_disk();
    fs::write(sandbox.data().join("file"), "content").unwrap();
    (sandbox, bucket)
}

fn log(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.state().join("log/backup.log")).unwrap_or_default()
}

fn history(sandbox: &Sandbox) -> Value {
    let text = fs::read(sandbox.state().join("schedule.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// Changes what is remembered, as if it had been so.
fn remember(sandbox: &Sandbox, key: &str, value: Value) {
    let mut history = history(sandbox);
    history[key] = value;
    fs::write(sandbox.state().join("schedule.json"), history.to_string()).unwrap();
}

fn ago(hours: u64) -> Value {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    json!(since - hours * 3600)
}

/// Whether the run says nothing at all.
#[track_caller]
fn assert_silent(run: &Run) {
    assert!(run.stdout.is_empty() && run.stderr.is_empty(), "{run}");
}

/// A shell script that takes the place of a program. Copied by another process: one that
/// is being written cannot be started.
fn stand_in(sandbox: &Sandbox, name: &str, script: &str) {
    let path = sandbox.home().join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    copy_program(&path, &sandbox.bin().join(name));
    fs::remove_file(path).unwrap();
}

#[test]
fn a_scheduled_run_is_silent_and_its_log_says_all() {
    let (sandbox, bucket) = sandbox();
    let run = sandbox.poof(SCHEDULED).run().expect_code(0);
    assert_silent(&run);
    assert!(bucket.join("data/file").exists());
    let text = log(&sandbox);
    for words in
        ["backup begins (poof ", "data: 1 new", "backup ended: exit code 0 (done) after 0:0"]
    {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    let time = jiff_like(text.lines().next().unwrap());
    assert!(time, "{text}");
    for path in ["log/backup.log", "schedule.json"] {
        let mode = fs::metadata(sandbox.state().join(path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path}");
    }
    let run = sandbox.poof(["--json", "backup", "--scheduled"]).run().expect_code(0);
    assert_eq!(run.json_lines().last().unwrap()["type"], "summary");
}

/// `2026-11-24T17:20:05+01:00 …`
fn jiff_like(line: &str) -> bool {
    let stamp = line.split(' ').next().unwrap();
    stamp.len() == 25 && stamp.as_bytes()[10] == b'T' && stamp.as_bytes()[22] == b':'
}

#[test]
fn with_a_distance_it_runs_when_it_is_due_and_catches_up_once() {
    let (sandbox, bucket) = sandbox();
    sandbox.poof(EVERY).run().expect_code(0);
    let first = log(&sandbox);
    fs::write(sandbox.data().join("later"), "x").unwrap();
    assert_silent(&sandbox.poof(EVERY).run().expect_code(0));
    assert!(!bucket.join("data/later").exists());
    assert_eq!(log(&sandbox), first, "who is called often would fill the log");
    // Two days without power.
    remember(&sandbox, "begun", ago(48));
    sandbox.poof(EVERY).run().expect_code(0);
    assert!(bucket.join("data/later").exists());
    assert_silent(&sandbox.poof(EVERY).run().expect_code(0));
    assert_eq!(log(&sandbox).matches("backup begins").count(), 2);
    // Who makes one by hand has made one.
    remember(&sandbox, "begun", ago(48));
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox.poof(EVERY).run().expect_code(0);
    assert_eq!(log(&sandbox).matches("backup begins").count(), 2);
}

#[test]
fn beside_another_poof_it_is_silent_and_well() {
    let (sandbox, bucket) = sandbox();
    fs::create_dir_all(sandbox.state()).unwrap();
    for name in ["lock", "schedule.lock"] {
        let other = File::create(sandbox.state().join(name)).unwrap();
        other.lock().unwrap();
        assert_silent(&sandbox.poof(EVERY).run().expect_code(0));
        assert!(log(&sandbox).lines().last().unwrap().contains("not run: another poof is at work"));
        assert!(!bucket.exists());
    }
    sandbox.poof(EVERY).run().expect_code(0);
    assert!(bucket.exists());
}

#[test]
fn a_schedule_lets_no_guard_pass_and_asks_nothing() {
    let (sandbox, bucket) = sandbox();
    for extra in [&["--allow", "mass-deletion"][..], &["--dry-run"], &["--only", "data"]] {
        sandbox.poof([&SCHEDULED[..], extra].concat()).run().expect_code(2);
    }
    sandbox.poof(["backup", "--every", "6h"]).run().expect_code(2);
    sandbox.poof(["backup", "--scheduled", "--every", "often"]).run().expect_code(2);
    sandbox.poof(SCHEDULED).run().expect_code(0);
    fs::remove_file(sandbox.data().join("file")).unwrap();
    sandbox.poof([&SCHEDULED[..], &["--yes"]].concat()).run().expect_code(7);
    assert!(bucket.join("data/file").exists());
    let text = log(&sandbox);
    assert!(text.contains("is empty") && text.contains("exit code 7 (refused)"), "{text}");
}

/// Notes each alert as a line: the event and how many have failed.
const ALERT: &str = "echo \"$POOF_EVENT $POOF_FAILURES $POOF_EXIT_CODE\" >> \"$HOME/alerts\"";

#[test]
fn it_speaks_up_once_when_it_fails_too_often_and_once_when_it_is_well_again() {
    let (sandbox, _proxy) = proxied(false);
    fs::write(sandbox.data().join("file"), "content").unwrap();
    stand_in(&sandbox, "notify-send", "echo \"$@\" >> \"$HOME/desktop\"");
    let alert = json!(["sh", "-c", ALERT]);
    sandbox.set("schedule", json!({"alert_command": alert, "alert_after_failures": 2}));
    let right = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let alerts = || fs::read_to_string(sandbox.home().join("alerts")).unwrap_or_default();
    let told = || fs::read_to_string(sandbox.home().join("desktop")).unwrap_or_default();
    for _ in 0..2 {
        fs::write(sandbox.rclone_conf(), right.replace(SECRET_KEY, "another")).unwrap();
        fs::write(sandbox.home().join("alerts"), "").unwrap();
        fs::write(sandbox.home().join("desktop"), "").unwrap();
        sandbox.poof(SCHEDULED).run().expect_code(4).stderr_has("refused");
        assert_eq!(alerts(), "");
        for _ in 0..3 {
            sandbox.poof(SCHEDULED).run().expect_code(4);
        }
        assert_eq!(alerts(), "trouble 2 4\n");
        // The schedule is asked for most when the remote is gone.
        let status = sandbox.poof(["status"]).run().expect_code(4);
        status.stdout_has("trouble: the backup failed 4 times in a row, with exit code 4");
        fs::write(sandbox.rclone_conf(), &right).unwrap();
        for _ in 0..2 {
            sandbox.poof(SCHEDULED).run().expect_code(0);
        }
        assert_eq!(alerts(), "trouble 2 4\nwell 0 0\n");
        assert_eq!(told().lines().count(), 2, "{}", told());
        assert!(told().contains("the backup failed 2 times in a row, with exit code 4 (remote)"));
        assert!(told().contains("well again"));
    }
}

// Hazard 50.
#[test]
fn a_scheduled_run_keeps_the_snapshot_of_files_that_were_encrypted_and_alerts() {
    let (sandbox, bucket) = sandbox();
    let alert = json!(["sh", "-c", ALERT]);
    sandbox.set("schedule", json!({"alert_command": alert, "alert_after_failures": 1}));
    let letter = |number: usize| format!("Dear reader, this is letter {number}.\n").repeat(40);
    let path = |number: usize| sandbox.data().join(format!("letter {number}.txt"));
    for number in 0..60 {
        fs::write(path(number), letter(number)).unwrap();
    }
    sandbox.poof(SCHEDULED).run().expect_code(0);
    let mut random = fastrand::Rng::with_seed(1);
    for number in 0..20 {
        let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(1_500).collect();
        fs::write(path(number), noise).unwrap();
    }
    for _ in 0..2 {
        sandbox.poof(SCHEDULED).run().expect_code(7).stderr_has("--allow mass-change");
        for number in 0..60 {
            let object = bucket.join(format!("data/letter {number}.txt"));
            assert_eq!(fs::read_to_string(object).unwrap(), letter(number));
        }
    }
    let alerts = fs::read_to_string(sandbox.home().join("alerts")).unwrap();
    assert_eq!(alerts, "trouble 1 7\n");
    // Nothing that is named lifts it for those who did not look.
    sandbox.poof(["backup", "--yes"]).run().expect_code(7);
    sandbox.poof(["download", "--yes"]).run().expect_code(0);
    assert_eq!(fs::read_to_string(path(0)).unwrap(), letter(0));
    sandbox.poof(SCHEDULED).run().expect_code(0);
}

#[test]
fn runs_that_are_killed_again_and_again_are_a_trouble_as_well() {
    let (sandbox, _) = sandbox();
    let alert = json!(["sh", "-c", ALERT]);
    sandbox.set("schedule", json!({"alert_command": alert, "alert_after_failures": 2}));
    sandbox.set("before", json!(["sh", "-c", "kill -9 $PPID"]));
    for _ in 0..3 {
        assert_eq!(sandbox.poof(EVERY).run().code, None);
    }
    let alerts = fs::read_to_string(sandbox.home().join("alerts")).unwrap();
    assert_eq!(alerts, "trouble 2 0\n");
    assert!(log(&sandbox).contains("failed 2 times in a row, it was killed, or the machine"));
    sandbox.set("before", Value::Null);
    sandbox.poof(EVERY).run().expect_code(0);
    assert!(log(&sandbox).contains("well again"));
}

#[test]
fn it_speaks_up_when_nothing_was_proven_for_days_though_nothing_fails() {
    let (sandbox, _) = sandbox();
    stand_in(&sandbox, "busctl", "echo u 1");
    let alert = json!(["sh", "-c", ALERT]);
    sandbox.set("schedule", json!({"alert_command": alert, "skip_metered": true}));
    assert_silent(&sandbox.poof(EVERY).run().expect_code(0));
    assert!(log(&sandbox).contains("not run: the connection is metered"));
    remember(&sandbox, "since", ago(8 * 24));
    let run = sandbox.poof(EVERY).run().expect_code(0);
    run.stderr_has("there is no proven snapshot yet; runs are skipped: the connection is metered");
    assert_silent(&sandbox.poof(EVERY).run().expect_code(0));
    let alerts = fs::read_to_string(sandbox.home().join("alerts")).unwrap();
    assert_eq!(alerts, "trouble 0 0\n");
}

#[test]
fn where_network_manager_calls_the_connection_metered_it_does_not_run_if_so_configured() {
    let (sandbox, bucket) = sandbox();
    // Without D-Bus nmcli is asked.
    stand_in(&sandbox, "busctl", "exit 1");
    stand_in(&sandbox, "nmcli", "echo GENERAL.STATE:100; echo 'GENERAL.METERED:yes (guessed)'");
    sandbox.set("schedule", json!({"skip_metered": true}));
    assert_silent(&sandbox.poof(EVERY).run().expect_code(0));
    assert!(!bucket.exists());
    assert_eq!(history(&sandbox)["skipped"][1], "the connection is metered");
    sandbox.set("schedule", json!({"skip_metered": false}));
    sandbox.poof(EVERY).run().expect_code(0);
    assert!(bucket.exists());
    assert_eq!(history(&sandbox)["skipped"], Value::Null);
}

#[test]
#[cfg(target_os = "linux")] // unshare, mount
fn on_battery_below_the_limit_it_does_not_run() {
    let (sandbox, bucket) = sandbox();
    let may = Process::new("unshare")
        .args(["-m", "mount", "-t", "tmpfs", "t", "/sys/class/power_supply"])
        .output();
    if !may.is_ok_and(|out| out.status.success()) {
        skipped(Lacks::Mount, "only root can mount, and that directory has to be there");
        return;
    }
    let at = |percent: &str| {
        let script = format!(
            "set -e; D=/sys/class/power_supply; mount -t tmpfs t $D; mkdir $D/AC $D/BAT0
             echo Mains > $D/AC/type; echo 0 > $D/AC/online; echo Battery > $D/BAT0/type
             echo Discharging > $D/BAT0/status; echo {percent} > $D/BAT0/capacity
             exec {} backup --scheduled",
            env!("CARGO_BIN_EXE_poof")
        );
        sandbox.program("unshare").args(["-m", "sh", "-c", &script]).run().expect_code(0)
    };
    sandbox.set("schedule", json!({"battery_min_percent": 20}));
    assert_silent(&at("19"));
    assert!(log(&sandbox).contains("not run: on battery, at 19 %") && !bucket.exists());
    assert_silent(&at("20"));
    assert!(bucket.exists());
}

/// A monitor on a port of its own, and what it is told: request line and body. It answers
/// with `status`.
fn monitor(status: &'static str) -> (String, Receiver<(String, String)>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/hunter2", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut length) = (String::new(), 0);
            reader.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let line = line.trim().to_lowercase();
                if let Some(bytes) = line.strip_prefix("content-length:") {
                    length = bytes.trim().parse().unwrap();
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
            let said = (first.trim().to_owned(), String::from_utf8(body).unwrap());
            if tell.send(said).is_err() {
                return;
            }
        }
    });
    (url, told)
}

#[track_caller]
fn assert_told(told: &Receiver<(String, String)>, line: &str, body: &str) {
    let (first, said) = told.recv_timeout(Duration::from_secs(10)).expect("nobody was told");
    assert_eq!((&*first, &*said), (line, body));
}

#[test]
fn a_monitor_is_told_of_each_run_and_of_nothing_else() {
    let (sandbox, _) = sandbox();
    let (url, told) = monitor("200 OK");
    sandbox.set("schedule", json!({"ping_url": url}));
    sandbox.poof(EVERY).run().expect_code(0);
    assert_told(&told, "POST /hunter2 HTTP/1.1", "exit code 0 (done)");
    sandbox.poof(EVERY).run().expect_code(0);
    fs::remove_file(sandbox.data().join("file")).unwrap();
    sandbox.poof(SCHEDULED).run().expect_code(7);
    assert_told(&told, "POST /hunter2/fail HTTP/1.1", "exit code 7 (refused)");
    assert!(told.try_recv().is_err(), "a run that was not due is none");
    sandbox.set("schedule", json!({"ping_url": url, "ping_fail_url": format!("{url}?state=bad")}));
    sandbox.poof(SCHEDULED).run().expect_code(7);
    assert_told(&told, "POST /hunter2?state=bad HTTP/1.1", "exit code 7 (refused)");
}

#[test]
fn a_monitor_that_is_gone_fails_no_backup_and_its_address_is_in_no_log() {
    let (sandbox, _) = sandbox();
    let (refusing, _told) = monitor("404 Not Found");
    let dead_end = DeadEnd::new();
    let gone = format!("{}/hunter2", dead_end.endpoint());
    for (url, words) in [(refusing, "the answer is 404 Not Found"), (gone, "refused")] {
        sandbox.set("schedule", json!({"ping_url": url}));
        let run = sandbox.poof(SCHEDULED).run().expect_code(0);
        let text = log(&sandbox);
        assert!(text.contains("the monitor was not told: ") && text.contains(words), "{text}");
        assert!(!text.contains("hunter2") && !run.stderr.contains("hunter2"), "{text}{run}");
    }
}

/// Waits until the log says so.
#[track_caller]
fn until(sandbox: &Sandbox, words: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    while !log(sandbox).contains(words) {
        assert!(Instant::now() < end, "{}", log(sandbox));
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn it_waits_for_a_remote_that_does_not_answer_yet() {
    let (sandbox, network) = (Sandbox::new(), DeadEnd::new());
    sandbox.write_config(&Config::plain(network.endpoint()));
    fs::write(sandbox.data().join("file"), "content").unwrap();
    let running = sandbox.poof(EVERY).start();
    until(&sandbox, "does not answer; waiting for up to 300 seconds");
    network.lead_to(minio().address());
    running.finish().expect_code(0);
    assert!(log(&sandbox).contains("backup ended: exit code 0"), "{}", log(&sandbox));
    assert_eq!(names_on(&sandbox, "data"), ["file"]);
}

#[test]
fn a_remote_that_never_answers_is_a_failure_and_is_tried_again_sooner() {
    let (sandbox, dead_end) = (Sandbox::new(), DeadEnd::new());
    sandbox.write_config(&Config::plain(dead_end.endpoint()));
    sandbox.set("schedule", json!({"network_wait": "500ms"}));
    let run = sandbox.poof(EVERY).run();
    if log(&sandbox).contains("not run: this machine is offline") {
        skipped(Lacks::Network, "there is no way out of this machine");
        assert_eq!(run.code, Some(0), "{run}");
        return;
    }
    assert_eq!(run.code, Some(4), "{run}");
    assert_eq!(history(&sandbox)["failures"], 1);
    // Not at once, but long before six hours are over.
    assert_silent(&sandbox.poof(EVERY).run().expect_code(0));
    remember(&sandbox, "ended", ago(1));
    sandbox.poof(EVERY).run().expect_code(4);
    assert_eq!(history(&sandbox)["failures"], 2);
    assert!(!log(&sandbox).contains(crate::harness::minio::SECRET_KEY));
}

#[test]
#[cfg(target_os = "linux")] // unshare
fn a_machine_without_a_network_is_offline_and_that_is_no_failure() {
    let (sandbox, dead_end) = (Sandbox::new(), DeadEnd::new());
    sandbox.write_config(&Config::plain(dead_end.endpoint()));
    sandbox.set("schedule", json!({"network_wait": "500ms"}));
    if !Process::new("unshare").args(["-n", "true"]).status().unwrap().success() {
        skipped(Lacks::Root, "only root can take the network away");
        return;
    }
    let poof = env!("CARGO_BIN_EXE_poof");
    let run = sandbox.program("unshare").args([&["-n", poof][..], &EVERY].concat()).run();
    assert_silent(&run.expect_code(0));
    assert!(log(&sandbox).contains("not run: this machine is offline"), "{}", log(&sandbox));
    let history = history(&sandbox);
    assert_eq!((&history["failures"], &history["begun"]), (&json!(0), &Value::Null));
}

#[test]
fn whoever_stops_it_while_it_waits_or_works_is_obeyed_and_it_is_no_failure() {
    let (sandbox, dead_end) = (Sandbox::new(), DeadEnd::new());
    sandbox.write_config(&Config::plain(dead_end.endpoint()));
    let running = sandbox.poof(EVERY).start();
    until(&sandbox, "waiting for up to");
    running.signal(libc::SIGTERM);
    running.finish().expect_code(130);

    sandbox.set("schedule", json!({"network_wait": "0s"}));
    sandbox.set("before", json!(["sleep", "600"]));
    let running = sandbox.poof(EVERY).start();
    until(&sandbox, "hook before: sleep");
    running.signal(libc::SIGTERM);
    let run = running.finish().expect_code(130);
    assert!(run.elapsed < Duration::from_secs(20), "{run}");
    let history = history(&sandbox);
    assert_eq!((&history["failures"], &history["ended"]), (&json!(0), &Value::Null));
    // It is due at once.
    sandbox.set("before", json!(["false"]));
    sandbox.poof(EVERY).run().expect_code(1);
}

#[test]
fn the_log_is_bounded_and_goes_with_the_files_that_it_names() {
    let (sandbox, _) = sandbox();
    let dir = sandbox.state().join("log");
    fs::create_dir_all(&dir).unwrap();
    let line = "2026-01-01T00:00:00+00:00 data/precious\n";
    for name in ["backup.log", "backup.log.1", "backup.log.2"] {
        fs::write(dir.join(name), line.repeat((1 << 20) / line.len())).unwrap();
    }
    sandbox.poof(SCHEDULED).run().expect_code(0);
    let size = |name: &str| fs::metadata(dir.join(name)).unwrap().len();
    assert!(size("backup.log") < 10_000);
    assert!(size("backup.log.1") <= 1 << 20 && size("backup.log.2") <= 1 << 20);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 3);
    sandbox.poof(["upload", "--yes"]).run().expect_code(0);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
}

#[test]
fn status_tells_of_the_last_run_and_of_the_next() {
    let (sandbox, _) = sandbox();
    sandbox.poof(["backup"]).run().expect_code(0);
    let status = || sandbox.poof(["status"]).run().expect_code(0);
    assert!(!status().stdout.contains("last run"), "no schedule has run");
    sandbox.poof(EVERY).run().expect_code(0);
    status()
        .stdout_has("last run: 20")
        .stdout_has("exit code 0 (done)")
        .stdout_has("next run: after");
    remember(&sandbox, "failures", json!(3));
    remember(&sandbox, "exit_code", json!(4));
    let run = status().stdout_has("trouble: the backup failed 3 times in a row, with exit code 4");
    drop(run);
    let run = sandbox.poof(["--json", "status"]).run().expect_code(0);
    let lines = run.json_lines();
    let line = lines.iter().find(|line| line["type"] == "scheduled_run").unwrap();
    assert_eq!(line["failures"], 3);
}

#[test]
fn a_wrong_configuration_is_told_as_any_failure() {
    let (sandbox, _) = sandbox();
    sandbox.set("schedule", json!({"battery_min_percent": 200}));
    let run = sandbox.poof(SCHEDULED).run().expect_code(3);
    run.stderr_has("poof.conf \"schedule\" \"battery_min_percent\": must be a whole number");
    sandbox.poof(["verify", "--offline"]).run().expect_code(3).stderr_has("battery_min_percent");
    sandbox.set("schedule", json!({"skip_metred": true}));
    let run = sandbox.poof(["verify", "--offline"]).run().expect_code(3);
    run.stderr_has("\"skip_metred\": poof has no such key").stderr_has("mean \"skip_metered\"?");
    assert_eq!(history(&sandbox)["failures"], 1);
}

//! Bad weather: a server that wants less, that fails, that hangs; a network that is
//! away. What passes costs time and nothing else; what does not pass has its verdict.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::command::Run;
use crate::harness::proxy::Request;
use crate::harness::{Kind, Proxy, Sandbox, Snapshot, Verdict, assert_same_content, grow};
use crate::story::{grown, proxied};

const BUSY: Verdict = Verdict::Status(503, "SlowDown");
const BROKEN: Verdict = Verdict::Status(500, "InternalError");

/// Whether a request is among `share` of a hundred, the same ones each time.
fn falls_on(request: &Request, share: usize) -> bool {
    fastrand::Rng::with_seed(request.number as u64 * 7919).usize(..100) < share
}

/// That share of all requests fares so.
fn some(proxy: &Proxy, share: usize, verdict: Verdict) {
    proxy.set_rule(move |r| if falls_on(r, share) { verdict.clone() } else { Verdict::Pass });
}

/// From now on every request fares so for that long, and then none.
fn at_first(proxy: &Proxy, time: Duration, verdict: Verdict) {
    let begin = Mutex::new(None);
    proxy.set_rule(move |_| {
        let begin = *begin.lock().unwrap().get_or_insert_with(Instant::now);
        if begin.elapsed() < time { verdict.clone() } else { Verdict::Pass }
    });
}

/// The same from request number `from` on.
fn away(proxy: &Proxy, from: usize, time: Duration, verdict: Verdict) {
    let begin = Mutex::new(None);
    proxy.set_rule(move |request| {
        if request.number < from {
            return Verdict::Pass;
        }
        let begin = *begin.lock().unwrap().get_or_insert_with(Instant::now);
        if begin.elapsed() < time { verdict.clone() } else { Verdict::Pass }
    });
}

#[track_caller]
fn restores(sandbox: &Sandbox, proxy: &Proxy) {
    proxy.set_rule(|_| Verdict::Pass);
    let original = Snapshot::of(&sandbox.data());
    sandbox.poof(["download", "--to", "beside", "--only", "data"]).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.home().join("beside/data")));
}

#[test]
fn what_fails_now_and_then_is_asked_for_again() {
    for (encrypted, share, verdict) in [
        (false, 30, BUSY),
        (true, 10, Verdict::Drop),
        (true, 10, BROKEN),
        (false, 10, Verdict::Half),
    ] {
        let (sandbox, proxy) = grown(encrypted, 60);
        some(&proxy, share, verdict.clone());
        let run = sandbox.poof(["backup"]).run();
        assert_eq!(run.code, Some(0), "{verdict:?}: {run}");
        let original = Snapshot::of(&sandbox.data());
        let run = sandbox.poof(["download", "--to", "beside", "--only", "data"]).run();
        assert_eq!(run.code, Some(0), "{verdict:?}: {run}");
        assert_same_content(&original, &Snapshot::of(&sandbox.home().join("beside/data")));
    }
}

#[test]
fn a_server_that_wants_less_at_first_is_waited_for() {
    let (sandbox, proxy) = grown(false, 5);
    at_first(&proxy, Duration::from_secs(5), BUSY);
    let run = sandbox.poof(["--json", "backup"]).run().expect_code(0);
    let lines = run.json_lines();
    let waiting: Vec<_> = lines.iter().filter(|line| line["type"] == "waiting").collect();
    assert!(waiting.len() == 1 && waiting[0]["for"] == "server", "{run}");
    at_first(&proxy, Duration::from_secs(2), BUSY);
    sandbox.poof(["status"]).run().expect_code(0);
    restores(&sandbox, &proxy);
}

#[test]
fn a_server_of_nothing_but_errors_has_its_verdict_within_a_minute() {
    let (sandbox, proxy) = grown(false, 60);
    proxy.set_rule(|request| if request.number < 12 { Verdict::Pass } else { BROKEN });
    let run = sandbox.poof(["backup"]).timeout(Duration::from_secs(90)).run().expect_code(4);
    assert!(run.elapsed < Duration::from_mins(1), "{run}");
    run.stderr_has("the server fails").stderr_has("waiting for the server, 0:0");
    proxy.set_rule(|_| Verdict::Pass);
    sandbox.poof(["backup"]).run().expect_code(0);
    restores(&sandbox, &proxy);
}

#[test]
fn a_file_at_which_the_server_fails_for_ever_keeps_no_other_from_being_saved() {
    let (sandbox, proxy) = grown(true, 5);
    sandbox.poof(["backup"]).run().expect_code(0);
    grow(&sandbox.data().join("more"), 5, 0..=3_000, 2);
    fs::write(sandbox.data().join("bad"), [7; 4_321]).unwrap();
    // By its size: its name is another one on an encrypted remote.
    let sizes = 4_321..4_500;
    proxy.set_rule(move |r| match r.kind {
        Kind::Put if sizes.contains(&r.length) => BROKEN,
        _ => Verdict::Pass,
    });
    let run = sandbox.poof(["backup"]).run().expect_code(5);
    assert!(run.elapsed < Duration::from_secs(40), "{run}");
    run.stderr_has("data/bad: ").stderr_has("not sent: 1 file");
    proxy.set_rule(|_| Verdict::Pass);
    fs::remove_file(sandbox.data().join("bad")).unwrap();
    let original = Snapshot::of(&sandbox.data());
    let run = sandbox.poof(["download", "--to", "beside", "--only", "data"]).run();
    run.expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.home().join("beside/data")));
}

#[test]
fn a_name_at_which_the_server_fails_for_ever_is_kept_under_another() {
    let (sandbox, proxy) = grown(false, 5);
    for name in ["n", "m"] {
        fs::write(sandbox.data().join(name.repeat(230)), name).unwrap();
    }
    proxy.set_rule(|r| match r.kind {
        Kind::Put if r.key().len() > 230 => BROKEN,
        _ => Verdict::Pass,
    });
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("kept under another");
    restores(&sandbox, &proxy);
}

#[test]
fn a_network_that_is_away_is_waited_for_and_the_run_goes_on() {
    let (sandbox, proxy) = grown(true, 60);
    grow(&sandbox.data().join("large"), 1, 30 << 20..=30 << 20, 3);
    away(&proxy, 20, Duration::from_secs(6), Verdict::Drop);
    let run = sandbox.poof(["backup"]).run().expect_code(0);
    assert!(run.elapsed > Duration::from_secs(6), "{run}");
    let said = run.stderr.matches("waiting for the network, 0:0").count();
    assert_eq!(said, 1, "{run}");
    restores(&sandbox, &proxy);
}

#[test]
fn a_network_that_stays_away_is_waited_for_as_long_as_poof_conf_says() {
    let (sandbox, proxy) = grown(false, 30);
    sandbox.set("patience", json!("4s"));
    proxy.set_rule(|r| if r.number < 20 { Verdict::Pass } else { Verdict::Drop });
    let run = sandbox.poof(["backup"]).run().expect_code(4).stderr_has("no answer");
    let time = run.elapsed;
    assert!(time > Duration::from_secs(4) && time < Duration::from_secs(20), "{run}");
    sandbox.set("patience", json!("soon"));
    sandbox.poof(["backup"]).run().expect_code(3).stderr_has("patience");
}

#[test]
fn a_request_that_hangs_is_asked_for_again() {
    let (sandbox, proxy) = grown(false, 30);
    let count = AtomicUsize::new(0);
    proxy.set_rule(move |r| {
        let is_first = r.kind == Kind::Put && count.fetch_add(1, Ordering::Relaxed) == 9;
        if is_first { Verdict::Hold } else { Verdict::Pass }
    });
    let run = sandbox.poof(["backup"]).run().expect_code(0);
    assert!(run.elapsed < Duration::from_secs(40), "{run}");
    restores(&sandbox, &proxy);
}

/// Of the size of a part, as poof has them.
const PART: u64 = 16 << 20;
/// Of one file, that are under way at once.
const STREAMS: u64 = 6;

/// A person with one file of so many MiB, which goes up in parts.
fn with_large_file(encrypted: bool, mebibytes: usize) -> (Sandbox, Proxy) {
    let (sandbox, proxy) = proxied(encrypted);
    let size = mebibytes << 20;
    fs::create_dir_all(sandbox.data()).unwrap();
    let mut content = vec![0; size];
    fastrand::Rng::with_seed(size as u64).fill(&mut content);
    fs::write(sandbox.data().join("large"), content).unwrap();
    (sandbox, proxy)
}

/// The unfinished uploads in the bucket, as stock rclone sees them.
fn unfinished(sandbox: &Sandbox) -> usize {
    let bucket = format!("poof-backup:{}", sandbox.bucket());
    let run = sandbox.rclone(["backend", "list-multipart-uploads", &bucket]).run();
    run.stdout.matches("\"UploadId\"").count()
}

fn is_part(request: &Request) -> bool {
    request.kind == Kind::Put
        && request.query.contains("partNumber")
        && !request.path.contains(OTHERS)
}

/// Where somebody else uploads to.
const OTHERS: &str = "/others/";

/// Kills a backup when it sends its part number `k`, of `total`.
fn killed_at_part(sandbox: &Sandbox, proxy: &Proxy, k: usize) -> Run {
    let (reached, is_reached) = std::sync::mpsc::channel();
    let count = AtomicUsize::new(0);
    proxy.reset();
    proxy.set_rule(move |request| {
        if !is_part(request) || count.fetch_add(1, Ordering::Relaxed) + 1 < k {
            return Verdict::Pass;
        }
        let _ = reached.send(());
        Verdict::Hold
    });
    let running = sandbox.poof(["backup"]).timeout(Duration::from_mins(5)).start();
    is_reached.recv_timeout(Duration::from_mins(2)).unwrap();
    // What was answered before has been noticed.
    sleep(Duration::from_millis(200));
    running.signal(libc::SIGKILL);
    let run = running.finish();
    proxy.set_rule(|_| Verdict::Pass);
    run
}

/// Kills the backup of a large file at these parts, one run after the other.
fn goes_on_after_kills(encrypted: bool, mebibytes: usize, points: &[usize]) {
    for &k in points {
        let (sandbox, proxy) = with_large_file(encrypted, mebibytes);
        let size = (mebibytes as u64) << 20;
        killed_at_part(&sandbox, &proxy, k);
        let before: u64 = proxy.log().iter().filter(|r| is_part(r)).map(|r| r.length).sum();
        proxy.reset();
        sandbox.poof(["backup"]).timeout(Duration::from_mins(5)).run().expect_code(0);
        let after: u64 = proxy.log().iter().filter(|r| is_part(r)).map(|r| r.length).sum();
        let again = (before + after).saturating_sub(size);
        eprintln!("{mebibytes} MiB, killed at part {k}: {before} and {after}, {again} sent again");
        assert!(again <= STREAMS * (PART + 1024) + 4096 * 64, "{again} bytes sent again, {k}");
        assert!(k < 8 || after < size, "{k}: all of it is sent again");
        assert_eq!(unfinished(&sandbox), 0, "killed at part {k}");
        restores(&sandbox, &proxy);
    }
}

#[test]
fn a_large_file_goes_on_in_the_next_run_where_a_kill_ended_it() {
    goes_on_after_kills(false, 176, &[9]);
    goes_on_after_kills(true, 176, &[10]);
}

#[test]
fn uploads_of_ones_own_that_nobody_goes_on_with_are_removed_and_no_others() {
    let (sandbox, proxy) = with_large_file(false, 96);
    let large = sandbox.data().join("large");
    sandbox.poof(["backup", "--only", "config"]).run().expect_code(0);
    // Somebody else's, who is at work on it.
    let (reached, is_reached) = std::sync::mpsc::channel();
    proxy.set_rule(move |request| {
        if !request.path.contains(OTHERS) || !request.query.contains("partNumber") {
            return Verdict::Pass;
        }
        let _ = reached.send(());
        Verdict::Hold
    });
    let place = format!("poof-backup:{}{OTHERS}large", sandbox.bucket());
    let other = sandbox.rclone(["copyto", large.to_str().unwrap(), &place]);
    let other = other.args(["--s3-upload-cutoff", "10M", "--s3-chunk-size", "10M"]).start();
    is_reached.recv_timeout(Duration::from_mins(1)).unwrap();
    proxy.set_rule(|_| Verdict::Pass);
    assert_eq!(unfinished(&sandbox), 1);
    killed_at_part(&sandbox, &proxy, 3);
    assert_eq!(unfinished(&sandbox), 2);
    // The file is another one now.
    let mut content = fs::read(&large).unwrap();
    content[7] ^= 1;
    fs::write(&large, content).unwrap();
    killed_at_part(&sandbox, &proxy, 3);
    assert_eq!(unfinished(&sandbox), 2);
    // A run of other trees has nothing to do with it.
    sandbox.poof(["backup", "--only", "config"]).run().expect_code(0);
    assert_eq!(unfinished(&sandbox), 2);
    fs::remove_file(&large).unwrap();
    fs::write(sandbox.data().join("small"), "small").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    assert_eq!(unfinished(&sandbox), 1);
    assert!(!names_uploads(&sandbox.state()), "the note of it is still there");
    drop(other);
}

/// Whether there is a note of an upload in the state.
fn names_uploads(state: &Path) -> bool {
    let entries = walkdir::WalkDir::new(state).into_iter().flatten();
    entries.into_iter().any(|entry| entry.path().components().any(|c| c.as_os_str() == "uploads"))
}

/// Three hundred files and a large one, as many as the rows below have.
fn crowd() -> (Sandbox, Proxy) {
    let (sandbox, proxy) = with_large_file(false, 200);
    grow(&sandbox.data().join("small"), 300, 1..=30_000, 5);
    (sandbox, proxy)
}

/// Backs up in some weather; how many seconds that took.
fn backs_up(what: &str, weather: impl FnOnce(&Proxy)) -> f64 {
    let (sandbox, proxy) = crowd();
    weather(&proxy);
    let run = sandbox.poof(["backup"]).timeout(Duration::from_mins(20)).run();
    eprintln!(
        "poof, {what}: exit {:?} after {:.1?}, {} requests",
        run.code,
        run.elapsed,
        proxy.total()
    );
    assert_eq!(run.code, Some(0), "{what}: {run}");
    let time = run.elapsed.as_secs_f64();
    restores(&sandbox, &proxy);
    time
}

/// The same with stock rclone.
fn rclone_backs_up(what: &str, weather: impl FnOnce(&Proxy)) -> f64 {
    let (sandbox, proxy) = crowd();
    weather(&proxy);
    let (data, place) = (sandbox.data(), format!("poof-backup:{}/data", sandbox.bucket()));
    let run = sandbox.rclone(["sync", data.to_str().unwrap(), &place]);
    let run = run.timeout(Duration::from_mins(20)).run();
    eprintln!(
        "rclone, {what}: exit {:?} after {:.1?}, {} requests",
        run.code,
        run.elapsed,
        proxy.total()
    );
    run.elapsed.as_secs_f64()
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_a_server_that_wants_less_costs_no_more_time_than_stock_rclone_takes() {
    let what = "30 % SlowDown";
    let poof = backs_up(what, |proxy| some(proxy, 30, BUSY));
    let rclone = rclone_backs_up(what, |proxy| some(proxy, 30, BUSY));
    assert!(poof <= rclone, "{poof} s, and rclone {rclone} s");
    // In this rclone does not end within twenty minutes.
    backs_up("60 % SlowDown", |proxy| some(proxy, 60, BUSY));
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_all_kinds_of_weather_that_pass() {
    let first = Duration::from_secs(5);
    backs_up("good weather", |_| ());
    rclone_backs_up("good weather", |_| ());
    backs_up("503 for the first 5 s", |proxy| at_first(proxy, first, BUSY));
    rclone_backs_up("503 for the first 5 s", |proxy| at_first(proxy, first, BUSY));
    backs_up("10 % resets", |proxy| some(proxy, 10, Verdict::Drop));
    rclone_backs_up("10 % resets", |proxy| some(proxy, 10, Verdict::Drop));
    backs_up("one hang in 50", |proxy| some(proxy, 2, Verdict::Hold));
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_a_network_away_for_long_at_three_moments() {
    for seconds in [6, 60, 300] {
        for from in [12, 150, 330] {
            let what = format!("away for {seconds} s from request {from}");
            let time = Duration::from_secs(seconds);
            backs_up(&what, |proxy| away(proxy, from, time, Verdict::Drop));
        }
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_errors_for_ever_from_any_request_on() {
    let (sandbox, proxy) = crowd();
    sandbox.poof(["backup"]).run().expect_code(0);
    // Also shortly before the end.
    for from in [proxy.total() - 4, 1, 5, 12, 100, 320] {
        let (sandbox, proxy) = crowd();
        proxy.set_rule(move |r| if r.number < from { Verdict::Pass } else { BROKEN });
        let run = sandbox.poof(["backup"]).timeout(Duration::from_mins(5)).run();
        eprintln!("500 for ever from {from}: exit {:?} after {:.1?}", run.code, run.elapsed);
        assert_eq!(run.code, Some(4), "{from}: {run}");
        assert!(run.elapsed < Duration::from_mins(1), "{from}: {run}");
        proxy.set_rule(|_| Verdict::Pass);
        sandbox.poof(["backup"]).run().expect_code(0);
        restores(&sandbox, &proxy);
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_a_machine_that_sleeps_goes_on_when_it_wakes() {
    let (sandbox, proxy) = crowd();
    let (reached, is_reached) = std::sync::mpsc::channel();
    let reached = Arc::new(Mutex::new(reached));
    proxy.set_rule(move |request| {
        if request.number == 150 {
            let _ = reached.lock().unwrap().send(());
        }
        Verdict::Pass
    });
    let running = sandbox.poof(["backup"]).timeout(Duration::from_mins(5)).start();
    is_reached.recv_timeout(Duration::from_mins(1)).unwrap();
    running.signal(libc::SIGSTOP);
    sleep(Duration::from_secs(65));
    running.signal(libc::SIGCONT);
    let run = running.finish().expect_code(0);
    eprintln!("stopped for 65 s: exit 0 after {:.1?}", run.elapsed);
    restores(&sandbox, &proxy);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_a_file_of_a_gibibyte_killed_at_five_points() {
    for encrypted in [false, true] {
        goes_on_after_kills(encrypted, 1024, &[1, 16, 32, 48, 64]);
    }
}

//! Each story runs commands on a sandbox of its own, so that together they show
//! every command in success and failure and every type of line.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Once, mpsc};
use std::time::{Duration, Instant};

use super::Told;
use crate::farewell::{kit, safe};
#[cfg(target_os = "linux")]
use crate::harness::desktop::session;
use crate::harness::provider::{self, Port, Provider};
use crate::harness::{Backdoor, Config, DeadEnd, Kind, Sandbox, Verdict, grow};
use crate::story::{encrypted, on_disk, plain, proxied};

pub const ALL: [fn(&Told); 11] =
    [bare, directory, wiped, residue, unproven, switched, gone, homecoming, stopped, login, others];

/// Nothing is configured yet.
fn bare(told: &Told) {
    let bare = Sandbox::new();
    for command in ["verify", "backup", "upload", "download", "check", "status", "kit", "econfig"] {
        told.run(&bare, &[command], 3);
    }
    told.run(&bare, &["cryptoggle"], 3);
    told.run(&bare, &["purge-plain"], 3);
    told.run(&bare, &["traces"], 3);
    told.run(&bare, &["now", "--within", "5m"], 3);
    told.run(&bare, &["return", "no-kit"], 3);
    told.run(&bare, &["neuter", "--yes"], 7);
    told.run(&bare, &["remove", "data"], 3);
    told.run(&bare, &["add", "none"], 2);
    told.run(&bare, &["init"], 2);
    told.run(&bare, &["edit"], 2);
    for args in
        [&["paths"][..], &["version"], &["--version"], &["completions", "bash"], &["--help"]]
    {
        told.run(&bare, args, 0);
    }
    told.run(&bare, &["backup", "--help"], 0);
    told.run(&bare, &["completions", "elvish"], 2);
    for args in [
        &["nonsense"][..],
        &["paths", "--nope"],
        &["version", "more"],
        &["-q", "-v"],
        &["demo", "x"],
    ] {
        told.run(&bare, args, 2);
    }
    told.take("", &bare.poof(["--json"]).run(), 0);
    fs::write(bare.home().join("file"), "").unwrap();
    for command in ["config", "cconfig"] {
        let args = ["--json", "--confdir", "file/conf", command];
        told.take(command, &bare.poof(args).run(), 1);
        told.run(&bare, &[command], 0);
    }
    fs::write(bare.confdir().join("poof.conf"), b"{\xff").unwrap();
    let lines = told.run(&bare, &["config"], 3);
    assert!(lines[0]["content_base64"] == "e/8=", "{lines:?}");
    fs::write(bare.rclone_conf(), "[poof-backup\n").unwrap();
    told.run(&bare, &["cconfig"], 3);
    let demo = ["--json", "demo"];
    // A directory of its own: whoever runs neuter meanwhile takes along what demos
    // have left in the usual one.
    told.take("demo", &bare.poof(demo).env("TMPDIR", bare.home()).run(), 0);
    told.take("demo", &bare.poof(demo).env("TMPDIR", bare.home().join("absent")).run(), 1);
}

/// The remote is a directory; names are no text; things go missing.
fn directory(told: &Told) {
    let (sandbox, bucket) = on_disk();
    let data = sandbox.data();
    grow(&data, 5, 1..=100, 1);
    fs::write(data.join(OsStr::from_bytes(b"n\xffame")), "odd").unwrap();
    let _socket = UnixListener::bind(data.join("socket")).unwrap();
    told.run(&sandbox, &["verify"], 0);
    told.run(&sandbox, &["status"], 0);
    told.run(&sandbox, &["check"], 5);
    let plan = told.run(&sandbox, &["backup", "--dry-run"], 0);
    let odd = plan.iter().find(|line| line["path_base64"] != serde_json::Value::Null);
    assert_eq!(odd.unwrap()["path_base64"], "bv9hbWU=");
    told.run(&sandbox, &["backup"], 0);
    told.run(&sandbox, &["check", "--read-data"], 0);
    told.run(&sandbox, &["rehearse"], 0);
    fs::write(sandbox.home().join(".bash_history"), "cat data/first\nls\n").unwrap();
    fs::write(data.join("first"), "x").unwrap();
    let lines = told.run(&sandbox, &["traces"], 0);
    assert!(lines.iter().any(|line| line["kind"] == "shell"), "{lines:?}");
    told.run(&sandbox, &["traces", "--remove"], 7);
    told.run(&sandbox, &["traces", "--remove", "--dry-run"], 0);
    let lines = told.run(&sandbox, &["traces", "--remove", "--yes"], 0);
    assert!(lines.iter().any(|line| line["removed"] == true), "{lines:?}");
    fs::remove_file(data.join("first")).unwrap();
    for (args, code) in [
        (&["ls"][..], 0),
        (&["ls", "-R", "data"], 0),
        (&["ls", "data/none"], 5),
        (&["find", "n*"], 0),
        (&["find", "{"], 2),
        (&["diff"], 0),
        (&["diff", "--at", "soon"], 2),
        (&["history"], 0),
        (&["history", "data/none"], 5),
        (&["get", "data"], 0),
        (&["get", "data/none"], 5),
    ] {
        told.run(&sandbox, args, code);
    }
    told.run(&sandbox, &["download"], 0);
    sandbox.poof(["--profile", "other", "config"]).run().expect_code(0);
    assert!(told.run(&sandbox, &["status"], 0).iter().any(|line| line["type"] == "profile"));
    fs::remove_dir_all(sandbox.confdir().join("profiles")).unwrap();
    fs::remove_dir_all(sandbox.state().join("profile-other")).unwrap();
    told.run(&sandbox, &["backup", "--only", "nobody"], 2);
    fs::write(data.join("new"), "made here").unwrap();
    told.run(&sandbox, &["diff"], 0);
    let first = told.run(&sandbox, &["ls", "data"], 0)[0]["path"].as_str().unwrap().to_owned();
    told.run(&sandbox, &["history", &format!("data/{first}")], 0);
    told.run(&sandbox, &["download", "--dry-run"], 0);
    told.run(&sandbox, &["download"], 7);
    // Objects that somebody else has damaged and removed.
    for (name, content) in [("victim", "precious"), ("swapped", "precise!")] {
        fs::write(data.join(name), content).unwrap();
    }
    told.run(&sandbox, &["backup"], 0);
    fs::copy(bucket.join("data/victim"), bucket.join("data/swapped")).unwrap();
    told.run(&sandbox, &["check"], 5);
    told.run(&sandbox, &["check", "--read-data"], 5);
    told.run(&sandbox, &["rehearse"], 5);
    fs::remove_file(bucket.join("data/victim")).unwrap();
    told.run(&sandbox, &["backup"], 0);
    fs::remove_file(bucket.join("data/victim")).unwrap();
    fs::remove_file(data.join("victim")).unwrap();
    told.run(&sandbox, &["download", "--yes"], 5);
    told.run(&sandbox, &["backup"], 7);
    told.run(&sandbox, &["econfig"], 0);
    fs::write(bucket.join("data/n\u{fffd}"), "of another program").unwrap();
    told.run(&sandbox, &["backup", "--allow", "mass-deletion"], 0);
    told.run(&sandbox, &["status"], 0);
    fs::create_dir(sandbox.home().join("more")).unwrap();
    let more = sandbox.home().join("more");
    told.run(&sandbox, &["add", more.to_str().unwrap()], 0);
    told.run(&sandbox, &["remove", "data"], 0);
    told.run(&sandbox, &["status"], 0);
    told.run(&sandbox, &["remove", "data", "--purge", "--dry-run"], 0);
    told.run(&sandbox, &["remove", "data", "--purge", "--yes"], 0);
}

/// A tree that is sent and wiped.
fn wiped(told: &Told) {
    let sandbox = plain(4);
    let receipt = sandbox.home().join("receipt");
    let receipt = ["--receipt", receipt.to_str().unwrap()];
    told.run(&sandbox, &[&["upload", "--dry-run", "--scrub=names"][..], &receipt].concat(), 0);
    told.run(&sandbox, &[&["upload", "--scrub=names"][..], &receipt].concat(), 0);
    told.run(&sandbox, &[&["upload"][..], &receipt].concat(), 2);
    told.run(&sandbox, &["backup"], 0);
    told.run(&sandbox, &["status"], 0);
    told.run(&sandbox, &["purge-plain"], 7);
    told.run(&sandbox, &["download"], 0);
    fs::write(sandbox.data().join("later"), "later").unwrap();
    told.run(&sandbox, &["now", "--within", "5m"], 0);
}

/// What keeps a wipe from being whole.
fn residue(told: &Told) {
    let sandbox = plain(4);
    fs::write(sandbox.home().join("twice"), "twice").unwrap();
    fs::hard_link(sandbox.home().join("twice"), sandbox.data().join("twice")).unwrap();
    fs::write(sandbox.data().join("log"), "line").unwrap();
    let log = File::options().append(true).open(sandbox.data().join("log")).unwrap();
    told.run(&sandbox, &["upload"], 9);
    told.run(&sandbox, &["status"], 0);
    drop(log);
}

/// A PUT that is acknowledged and not stored.
fn unproven(told: &Told) {
    let (sandbox, proxy) = proxied(false);
    grow(&sandbox.data(), 3, 1..=100, 1);
    proxy.set_rule(|request| match request.kind {
        Kind::Put if request.key().ends_with("data/victim") => Verdict::Swallow,
        _ => Verdict::Pass,
    });
    fs::write(sandbox.data().join("victim"), "precious").unwrap();
    told.run(&sandbox, &["upload"], 6);
    told.run(&sandbox, &["status"], 0);

    // One that was proven and is damaged before it is proven anew: when the new head
    // of the manifest is read back.
    let (sandbox, proxy) = proxied(false);
    fs::write(sandbox.data().join("victim"), "precious").unwrap();
    let head = Backdoor::new(&sandbox).key(".poof/trees/data/head/0000000001");
    let (sandbox, damaged) = (Arc::new(sandbox), Once::new());
    let inner = Arc::clone(&sandbox);
    proxy.set_rule(move |request| {
        if request.kind == Kind::Get && request.key() == head {
            damaged.call_once(|| Backdoor::past(&inner).write("data/victim", b"rubbish!"));
        }
        Verdict::Pass
    });
    told.run(&sandbox, &["upload"], 6);
}

/// From plain to encrypted, and the plain copies go.
fn switched(told: &Told) {
    let sandbox = plain(3);
    told.run(&sandbox, &["cryptoggle"], 3);
    told.run(&sandbox, &["backup"], 0);
    told.run(&sandbox, &["econfig"], 0);
    told.run(&sandbox, &["cryptoggle"], 0);
    told.run(&sandbox, &["backup"], 7);
    told.run(&sandbox, &["backup", "--allow", "other-remote"], 0);
    told.run(&sandbox, &["status"], 0);
    told.run(&sandbox, &["purge-plain", "--dry-run"], 0);
    told.run(&sandbox, &["purge-plain"], 7);
    told.run(&sandbox, &["purge-plain", "--yes"], 0);
    told.run(&sandbox, &["purge-plain"], 0);
    told.run(&sandbox, &["rekey", "--dry-run"], 0);
    told.run(&sandbox, &["rekey"], 7);
    told.run(&sandbox, &["rekey", "--abort"], 0);
    told.run(&sandbox, &["rekey", "--yes"], 7);
    told.run(&sandbox, &["rekey", "--abort", "--yes"], 7);
    told.run(&sandbox, &["rekey", "--yes", "--allow", "no-kit"], 0);
}

/// Kits, and poof that removes itself.
fn gone(told: &Told) {
    let sandbox = encrypted(3);
    let safe = safe(&sandbox);
    let (kit, phrase) = (safe.join("kit.txt"), safe.join("phrase"));
    let (kit, phrase) = (kit.to_str().unwrap(), phrase.to_str().unwrap());
    told.run(&sandbox, &["kit"], 2);
    told.run(&sandbox, &["kit", phrase, "--phrase-file", phrase], 7);
    told.run(&sandbox, &["kit", kit, "--phrase-file", phrase], 0);
    told.run(&sandbox, &["status"], 0);
    told.run(&sandbox, &["upload", "--dry-run"], 0);
    told.run(&sandbox, &["neuter", "--dry-run"], 0);
    fs::write(sandbox.home().join(".bash_history"), "poof backup\n").unwrap();
    // The program lies where it was built, and stays.
    told.run(&sandbox, &["neuter", "--yes"], 9);
}

/// On a bare machine.
fn homecoming(told: &Told) {
    let sandbox = encrypted(3);
    sandbox.poof(["backup"]).run().expect_code(0);
    let kit = kit(&sandbox);
    let phrase = kit.with_file_name("phrase");
    let (kit, phrase) = (kit.to_str().unwrap(), phrase.to_str().unwrap());
    let machine = Sandbox::new();
    told.run(&machine, &["return", kit], 2);
    told.run(&machine, &["return", kit, "--phrase-file", phrase], 0);
    told.run(&machine, &["neuter", "--dry-run"], 0);
}

/// A dead remote, a second poof, Ctrl-C.
fn stopped(told: &Told) {
    let (sandbox, dead) = (Sandbox::new(), DeadEnd::new());
    sandbox.write_config(&Config::plain(dead.endpoint()));
    for command in ["verify", "backup", "status"] {
        told.run(&sandbox, &[command], 4);
    }
    let (sandbox, proxy) = proxied(false);
    grow(&sandbox.data(), 3, 1..=100, 1);
    let (reached, is_reached) = mpsc::channel();
    proxy.set_rule(move |request| {
        if request.kind == Kind::Put && request.key().contains("data/") {
            let _ = reached.send(());
            return Verdict::Hold;
        }
        Verdict::Pass
    });
    let running = sandbox.poof(["--json", "backup"]).start();
    is_reached.recv_timeout(Duration::from_secs(30)).unwrap();
    for command in ["backup", "econfig", "cryptoggle"] {
        told.run(&sandbox, &[command], 8);
    }
    running.signal(libc::SIGINT);
    told.take("backup", &running.finish(), 130);
    let begin = Instant::now();
    proxy.set_rule(move |_| {
        let busy = begin.elapsed() < Duration::from_secs(5);
        if busy { Verdict::Status(503, "SlowDown") } else { Verdict::Pass }
    });
    told.run(&sandbox, &["backup"], 0);
}

/// A login in the browser.
fn login(told: &Told) {
    let (sandbox, provider) = (Sandbox::new(), Provider::start());
    told.run(&sandbox, &["login"], 2);
    let _port = Port::take();
    let running = sandbox.poof(["--json", "login", "dropbox"]).args(provider.settings()).start();
    let url = loop {
        if let Some(line) = running.stdout().lines().next() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            break line["url"].as_str().unwrap().to_owned();
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    provider::browse(&url);
    let lines = told.take("login", &running.finish(), 0);
    assert_eq!(lines[0]["opened"], false, "{lines:?}");
    assert!(!lines.iter().any(|line| Provider::is_secret_of(&line.to_string())), "{lines:?}");
}

/// Commands that only some builds have.
fn others(told: &Told) {
    let (sandbox, _) = on_disk();
    told.run(&sandbox, &["lconfig", "--print"], 0);
    told.run(&sandbox, &["lconfig", "--every", "never"], 2);
    told.run(&sandbox, &["lpurge"], 0);
    told.run(&sandbox, &["lpurge", "--nope"], 2);
    told.run(&sandbox, &["man"], 0);
    told.run(&sandbox, &["man", "more"], 2);
    told.run(&sandbox, &["secret", "set", "nowhere"], 2);
    #[cfg(target_os = "linux")] // D-Bus
    keychain(told);
}

#[cfg(target_os = "linux")]
fn keychain(told: &Told) {
    let sandbox = plain(1);
    let set = "poof --json secret set poof-backup.secret_access_key";
    told.take("secret", &session(&sandbox, set).run(), 0);
    let neuter = "poof --json neuter --dry-run --allow no-kit";
    let lines = told.take("neuter", &session(&sandbox, neuter).run(), 0);
    assert!(lines.iter().any(|line| line["type"] == "would_forget"), "{lines:?}");
}

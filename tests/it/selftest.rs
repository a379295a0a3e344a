//! Does the harness itself do what the other tests rely on?

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use crate::harness::endings;
use crate::harness::proxy::Request;
use crate::harness::{
    Backdoor, BlackHole, Config, DeadEnd, Guarded, Kind, Proxy, Sandbox, Snapshot, Verdict,
    assert_same_content, differences, grow, minio,
};
use crate::story::proxied;

/// rclone that meets a fault once and says so.
const ONCE: [&str; 4] =
    ["--retries=1", "--low-level-retries=1", "--s3-no-check-bucket", "--contimeout=2s"];

fn behind_proxy() -> (Sandbox, Proxy) {
    let (sandbox, proxy) = proxied(false);
    let bucket = place(&sandbox, "");
    sandbox.rclone(["mkdir", &bucket]).run().expect_code(0);
    proxy.reset();
    (sandbox, proxy)
}

/// `verdict` for requests of one kind, and for the others that they pass.
fn only(kind: Kind, verdict: Verdict) -> impl Fn(&Request) -> Verdict {
    move |request| {
        if request.kind == kind { verdict.clone() } else { Verdict::Pass }
    }
}

fn place(sandbox: &Sandbox, path: &str) -> String {
    format!("poof-backup:{}/{path}", sandbox.bucket())
}

#[test]
fn a_tree_goes_through_the_proxy_to_minio_and_comes_back() {
    let (sandbox, proxy) = behind_proxy();
    grow(&sandbox.data(), 70, 0..=40_000, 1);
    let (data, remote) = (sandbox.data(), place(&sandbox, "data"));
    let back = sandbox.home().join("back");
    sandbox
        .rclone(["sync", "--transfers=64"])
        .args([data.to_str().unwrap(), &remote])
        .run()
        .expect_code(0);
    assert_eq!(proxy.count(Kind::Put), 70);
    assert!(proxy.count(Kind::List) > 0);
    sandbox
        .rclone(["sync", "--transfers=64"])
        .args([&remote, back.to_str().unwrap()])
        .run()
        .expect_code(0);
    assert_eq!(proxy.count(Kind::Get), 70);
    assert_same_content(&Snapshot::of(&data), &Snapshot::of(&back));
    let log = proxy.log();
    assert_eq!(log.len(), proxy.total());
    assert!(log.iter().any(|r| r.method == "PUT" && r.key().ends_with("file-00069")));
    assert!(log.iter().any(|r| r.kind == Kind::List && r.query.contains("list-type=2")));
}

#[test]
fn minio_encrypts_at_rest_and_a_multipart_object_arrives_through_crypt() {
    let (sandbox, proxy) = (Sandbox::new(), Proxy::start(minio().address()));
    let sse = Config::encrypted(proxy.endpoint()).option("server_side_encryption", "AES256");
    sandbox.write_config(&sse.option("upload_cutoff", "5M").option("chunk_size", "5M"));
    grow(&sandbox.data(), 1, 12 << 20..=12 << 20, 2);
    let data = sandbox.data();
    sandbox.rclone(["copy", data.to_str().unwrap(), "poof-crypt:data"]).run().expect_code(0);
    assert_eq!(proxy.count(Kind::Post), 2, "a multipart upload begins and ends");
    sandbox
        .rclone(["check", "--download", data.to_str().unwrap(), "poof-crypt:data"])
        .run()
        .expect_code(0);
    let bucket = place(&sandbox, "");
    let listing = sandbox.rclone(["lsf", "-R", &bucket]).run().expect_code(0);
    assert!(!listing.stdout.contains("data"), "names are encrypted: {listing}");
}

#[test]
fn the_client_sees_a_drop_and_an_s3_error() {
    let (sandbox, proxy) = behind_proxy();
    let put = || {
        let object = place(&sandbox, "object");
        sandbox.rclone(["rcat", &object]).args(ONCE).stdin("content").run()
    };
    for (verdict, words) in [
        (Verdict::Status(503, "SlowDown"), "SlowDown"),
        (Verdict::Status(403, "AccessDenied"), "AccessDenied"),
        // No answer at all. What went wrong below is said in several ways: by what
        // the client was doing when the connection ended.
        (Verdict::Drop, "StatusCode: 0"),
    ] {
        proxy.set_rule(only(Kind::Put, verdict));
        let run = put().stderr_has(words);
        assert_ne!(run.code, Some(0), "{run}");
    }
    proxy.set_rule(|_| Verdict::Pass);
    put().expect_code(0);
}

#[test]
fn a_rule_can_begin_at_request_k() {
    let (sandbox, proxy) = behind_proxy();
    proxy.set_rule(|r| match r.number {
        1 => Verdict::Pass,
        _ => Verdict::Status(403, "AccessDenied"),
    });
    let bucket = place(&sandbox, "");
    sandbox.rclone(["lsf", &bucket]).args(ONCE).run().expect_code(0);
    sandbox.rclone(["lsf", &bucket]).args(ONCE).run().stderr_has("AccessDenied");
    proxy.reset();
    sandbox.rclone(["lsf", &bucket]).args(ONCE).run().expect_code(0);
}

#[test]
fn a_swallowed_put_reads_as_success_and_stores_nothing() {
    let (sandbox, proxy) = behind_proxy();
    let object = place(&sandbox, "object");
    proxy.set_rule(only(Kind::Put, Verdict::Swallow));
    fs::write(sandbox.data().join("object"), "content").unwrap();
    let local = sandbox.data().join("object");
    sandbox
        .rclone(["copyto", "--s3-no-head", local.to_str().unwrap(), &object])
        .run()
        .expect_code(0);
    sandbox.write_config(&Config::plain(minio().endpoint()));
    let listing = sandbox.rclone(["lsf", &place(&sandbox, "")]).run().expect_code(0);
    assert_eq!(listing.stdout, "");
}

#[test]
fn a_swallowed_delete_reads_as_success_and_deletes_nothing() {
    let (sandbox, proxy) = behind_proxy();
    let object = place(&sandbox, "object");
    sandbox.rclone(["rcat", &object]).stdin("content").run().expect_code(0);
    proxy.set_rule(only(Kind::Delete, Verdict::Swallow));
    sandbox.rclone(["deletefile", &object]).run().expect_code(0);
    assert_eq!(proxy.count(Kind::Delete), 1);
    sandbox.rclone(["cat", &object]).run().expect_code(0).stdout_has("content");
}

#[test]
fn latency_and_delay_add_up() {
    let (sandbox, proxy) = behind_proxy();
    proxy.set_latency(Duration::from_millis(200));
    proxy.set_rule(|_| Verdict::Delay(Duration::from_millis(300)));
    let run = sandbox.rclone(["lsf", &place(&sandbox, "")]).run().expect_code(0);
    assert!(run.elapsed >= Duration::from_millis(500), "{run}");
}

#[test]
fn a_dead_end_refuses_and_a_black_hole_is_silent() {
    let sandbox = Sandbox::new();
    let (dead_end, black_hole) = (DeadEnd::new(), BlackHole::new());
    sandbox.write_config(&Config::plain(dead_end.endpoint()));
    let bucket = place(&sandbox, "");
    sandbox.rclone(["lsf", &bucket]).args(ONCE).run().stderr_has("connection refused");
    sandbox.write_config(&Config::plain(black_hole.endpoint()));
    let run = sandbox.rclone(["lsf", &bucket, "--timeout=500ms"]).args(ONCE).run();
    assert!(run.code != Some(0) && run.stderr.contains("timeout"), "{run}");
}

#[test]
#[should_panic(expected = "still running after")]
fn a_program_that_hangs_fails_the_test() {
    let sandbox = Sandbox::new();
    let black_hole = BlackHole::new();
    sandbox.write_config(&Config::plain(black_hole.endpoint()));
    let bucket = place(&sandbox, "");
    sandbox.rclone(["lsf", &bucket]).timeout(Duration::from_millis(300)).run();
}

#[test]
#[should_panic(expected = "ended with 9, and its help names {0, 1, 2, 3, 130}")]
fn an_exit_code_that_the_help_does_not_name_fails_the_test() {
    endings::check("paths", 0);
    endings::check("paths", 9);
}

#[test]
fn a_running_program_can_be_sent_a_signal() {
    let sandbox = Sandbox::new();
    let black_hole = BlackHole::new();
    sandbox.write_config(&Config::plain(black_hole.endpoint()));
    let running = sandbox.rclone(["lsf", &place(&sandbox, "")]).start();
    running.signal(libc::SIGKILL);
    assert_eq!(running.finish().code, None);
}

#[test]
fn a_program_is_killed_at_request_k_or_ends_before() {
    let (sandbox, proxy) = behind_proxy();
    grow(&sandbox.data(), 10, 1..=10, 3);
    let copy = || {
        let (data, remote) = (sandbox.data(), place(&sandbox, "data"));
        sandbox.rclone(["copy", data.to_str().unwrap(), &remote])
    };
    assert_eq!(copy().run_killed_at(5, &proxy).code, None);
    let stored = sandbox.rclone(["lsf", "-R", "--files-only", &place(&sandbox, "")]).run();
    assert!(stored.stdout.lines().count() < 5, "{stored}");
    assert_eq!(copy().run_killed_at(1000, &proxy).code, Some(0));
}

#[test]
fn poof_runs_in_the_sandbox_and_nowhere_else() {
    let sandbox = Sandbox::new();
    sandbox.poof(["--version"]).run().expect_code(0).stdout_has("v1.");
    let cache = sandbox.home().join("elsewhere");
    let paths = sandbox.rclone(["config", "paths"]);
    let shown = paths.env("XDG_CACHE_HOME", &cache).run();
    shown.stdout_has(cache.to_str().unwrap());
}

#[test]
fn json_lines_are_values() {
    let sandbox = Sandbox::new();
    let file = sandbox.data().join("lines");
    fs::write(&file, "{\"a\":1}\n[2]\n").unwrap();
    let run = sandbox.rclone(["cat", file.to_str().unwrap()]).run();
    let lines = run.json_lines();
    assert!(lines.len() == 2 && lines[0]["a"] == 1, "{run}");
}

#[test]
fn the_configuration_is_private_and_as_python_writes_it() {
    let sandbox = Sandbox::new();
    let extra = sandbox.home().join("more");
    sandbox.write_config(&Config::plain("http://localhost:1").with_crypt().tree(&extra, "more"));
    let path = sandbox.confdir().join("poof.conf");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("{\n  \"bucket\": \"poof-it-"), "{text}");
    assert!(text.contains(&format!("\n    \"{}\": \"more\"\n", extra.display())), "{text}");
    assert!(text.ends_with("  \"remote\": \"poof-backup\"\n}"), "{text}");
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(sandbox.confdir()), mode(path), mode(sandbox.rclone_conf())),
        (0o700, 0o600, 0o600)
    );
    let reveal = |obscured: &str| sandbox.rclone(["reveal", obscured]).run().expect_code(0).stdout;
    let text = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let value = |key| text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    assert_eq!(reveal(value("password = ")), "the first pass word\n");
}

#[test]
fn a_seed_makes_one_tree_and_a_difference_is_named() {
    let sandbox = Sandbox::new();
    let (a, b) = (sandbox.home().join("a"), sandbox.home().join("b"));
    grow(&a, 20, 0..=1000, 7);
    grow(&b, 20, 0..=1000, 7);
    let before = Snapshot::of(&a);
    assert_same_content(&before, &Snapshot::of(&b));
    assert!(before.len() > 20, "there are directories");
    fs::create_dir(b.join("empty")).unwrap();
    symlink("a", b.join("link")).unwrap();
    fs::write(b.join("new"), "x").unwrap();
    let lines = differences(&before, &Snapshot::of(&b));
    assert_eq!(lines[..2], ["extra    empty (directory)", "extra    link (link to a)"]);
    assert!(lines[2].starts_with("extra    new (file, 1 bytes, "), "{lines:?}");
    let gone = differences(&before, &Snapshot::of(&sandbox.home().join("nowhere")));
    assert_eq!(gone.len(), before.len());
    assert!(gone[0].starts_with("missing  "), "{gone:?}");
}

#[test]
fn a_guarded_server_goes_when_its_owner_does() {
    let dir = tempfile::tempdir().unwrap().keep();
    let mut command = Command::new("/bin/sleep");
    command.arg("1000");
    let mut server = Guarded::start(&dir, &command).unwrap();
    assert!(server.exited().unwrap().is_none(), "{}", server.log());
    assert_eq!(server.end().unwrap().signal(), Some(libc::SIGKILL));
}

#[test]
fn the_back_door_reaches_the_raw_objects_in_both_ways_of_storing() {
    let endpoint = minio().endpoint();
    let odd = Config::encrypted(&endpoint).crypt_option("filename_encryption", "off");
    for config in [Config::plain(&endpoint), Config::encrypted(&endpoint), odd] {
        let sandbox = Sandbox::new();
        sandbox.write_config(&config);
        fs::write(sandbox.data().join("file"), "content").unwrap();
        sandbox.poof(["backup", "--only", "data"]).run().expect_code(0);
        let door = Backdoor::new(&sandbox);
        assert_eq!(door.names("data"), ["file"]);
        let (before, bytes) = (door.listing(), door.read("data/file"));
        assert!(before.contains(&door.key("data/file")), "{before}");
        assert!(bytes == b"content" || bytes.starts_with(b"RCLONE"), "{bytes:?}");
        door.write("data/other", &bytes);
        assert_eq!(door.names("data"), ["file", "other"]);
        assert_ne!(door.listing(), before);
        door.delete("data/other");
        assert_eq!(door.listing(), before);
        door.empty();
        assert_eq!(door.listing(), "");
    }
}

#[test]
fn the_proxy_counts_the_bytes_that_were_sent() {
    let (sandbox, proxy) = behind_proxy();
    sandbox.rclone(["rcat", &place(&sandbox, "object")]).stdin("content").run().expect_code(0);
    assert_eq!(proxy.sent(), 7);
}

//! docs/ransom.md, as it is written: a key that cannot destroy does all that poof needs, and
//! a thief who has it leaves everything behind.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::command::Run;
use crate::harness::minio::{ACCESS_KEY, SECRET_KEY};
use crate::harness::{
    Config, Kind, Proxy, Sandbox, Verdict, assert_exact, copy_exactly, grow, minio, tools,
};
use crate::story::names_on;

const DOC: &str = include_str!("../../docs/ransom.md");
const ASK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/minio/ask.py");
/// Of every user that is made here.
const SECRET: &str = "a-key-that-cannot-destroy";

/// How a bucket keeps versions.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bucket {
    /// It keeps them.
    Versions,
    /// It also refuses to remove them within a day.
    Locked,
}

const BOTH: [Bucket; 2] = [Bucket::Versions, Bucket::Locked];

/// The `number`th JSON of the page, for a bucket.
fn page(number: usize, bucket: &str) -> Value {
    let text = DOC.split("```json\n").nth(number + 1).unwrap().split("```").next().unwrap();
    serde_json::from_str(&text.replace("BUCKET", bucket)).unwrap()
}

/// The command lines of the page in the block that has `text`, without `$ `.
fn lines(text: &str) -> Vec<&'static str> {
    let blocks = DOC.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let block = blocks.into_iter().find(|block| block.contains(text)).unwrap();
    block.lines().map(|line| line.strip_prefix("$ ").unwrap()).collect()
}

/// What the server answers to questions that this key signs.
#[track_caller]
fn ask(key: &str, secret: &str, questions: &Value) -> Vec<Value> {
    let mut python = Command::new(tools::minio_client())
        .arg(ASK)
        .args([&minio().address().to_string(), key, secret])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(questions.to_string().as_bytes()).unwrap();
    let out = python.wait_with_output().unwrap();
    assert!(out.status.success(), "{questions}");
    serde_json::from_slice(&out.stdout).unwrap()
}

/// The same with the admin key, which is refused nothing.
#[track_caller]
pub fn admin(questions: &Value) -> Vec<Value> {
    let answers = ask(ACCESS_KEY, SECRET_KEY, questions);
    let refused = |answer: &&Value| answer["status"].as_u64().is_some_and(|status| status >= 300);
    assert_eq!(answers.iter().find(refused), None, "{questions}");
    answers
}

pub fn put(path: &str, query: &str, body: &str) -> Value {
    json!({"method": "PUT", "path": path, "query": query, "body": body})
}

pub const VERSIONING: &str =
    "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
const RETENTION: &str = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>\
    <Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>\
    </ObjectLockConfiguration>";

/// Makes the bucket and the user of the page.
fn set_up(name: &str, bucket: Bucket) {
    let path = format!("/{name}");
    let make = match bucket {
        Bucket::Versions => [put(&path, "", ""), put(&path, "versioning=", VERSIONING)],
        Bucket::Locked => {
            let mut make = put(&path, "", "");
            make["headers"] = json!({"x-amz-bucket-object-lock-enabled": "true"});
            [make, put(&path, "object-lock=", RETENTION)]
        }
    };
    let user = json!({"user": name, "secret": SECRET, "policy": page(0, name)});
    admin(&json!([make[0], make[1], user]));
}

/// Somebody who has followed the page, and what their machine has: the key, and nothing of
/// the admin's.
fn follower(config: &Config, bucket: Bucket) -> Sandbox {
    let sandbox = Sandbox::new();
    set_up(sandbox.bucket(), bucket);
    sandbox.write_config(config);
    let [configure, verify, ..] = lines("poof verify")[..] else { panic!() };
    let configure = configure.replace("=KEY", &format!("={}", sandbox.bucket()));
    line(&sandbox, &configure.replace("=SECRET", &format!("={SECRET}")));
    line(&sandbox, verify).stdout_has("has valid credentials");
    let conf = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    assert!(!conf.contains(SECRET_KEY) && conf.contains(SECRET));
    grow(&sandbox.data(), 12, 1..=3_000, 7);
    sandbox
}

/// A command line of the page, on this machine.
#[track_caller]
fn line(sandbox: &Sandbox, line: &str) -> Run {
    let line = line.replace("/home/joe", sandbox.home().to_str().unwrap());
    let (program, args) = line.split_once(' ').unwrap();
    let args = args.split(' ');
    let run =
        if program == "poof" { sandbox.poof(args) } else { sandbox.program(program).args(args) };
    run.run().expect_code(0)
}

fn remotes(endpoint: &str) -> [Config; 2] {
    [Config::plain(endpoint), Config::encrypted(endpoint)]
}

/// Everything came back as it was.
#[track_caller]
fn is_exact(original: &Path, back: &Path) {
    assert_exact(original, &back.join("data"));
    fs::remove_dir_all(back).unwrap();
}

fn original(sandbox: &Sandbox) -> PathBuf {
    let original = sandbox.home().join("original");
    copy_exactly(&sandbox.data(), &original);
    original
}

// Hazard 52.
#[test]
fn a_key_that_cannot_destroy_does_all_that_poof_needs() {
    for (bucket, config) in BOTH.into_iter().zip(remotes(&minio().endpoint())) {
        let sandbox = follower(&config, bucket);
        let run = |args: &[&str]| sandbox.poof(args).run().expect_code(0);
        sandbox.set("keep", json!("30d"));
        run(&["backup"]);
        let first = original(&sandbox);
        let entries = fs::read_dir(sandbox.data()).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<_> = entries.filter(|path| path.is_file()).collect();
        fs::write(&files[0], "changed").unwrap();
        fs::remove_file(&files[1]).unwrap();
        run(&["backup"]).stderr_has("data: 0 new, 1 changed, 1 removed");
        run(&["check", "--read-data"]).stderr_has("1 earlier snapshot comes back whole");
        run(&["download", "--only", "data", "--at", "1", "--to", "back"]);
        is_exact(&first, &sandbox.home().join("back"));
        let second = original(&sandbox);
        run(&["upload", "--yes", "--keep-poof", "--allow", "no-kit"]);
        assert!(!sandbox.data().exists());
        run(&["download", "--yes"]);
        assert_exact(&second, &sandbox.data());
        sandbox.set("keep", json!("0s"));
        run(&["backup"]);
        run(&["check"]).stderr_has("All can be restored");
    }
}

#[test]
fn that_key_aborts_what_a_kill_has_left_of_a_large_file() {
    let proxy = Proxy::start(minio().address());
    let sandbox = follower(&Config::plain(proxy.endpoint()), Bucket::Locked);
    let unfinished = || {
        let path = format!("/{}", sandbox.bucket());
        let list =
            json!([{"method": "GET", "path": path, "query": "prefix=data%2Flarge&uploads="}]);
        admin(&list)[0]["body"].as_str().unwrap().matches("<UploadId>").count()
    };
    let large = sandbox.data().join("large");
    fs::write(&large, vec![7; 70 << 20]).unwrap();
    let (reached, is_reached) = mpsc::channel();
    proxy.set_rule(move |request| {
        if request.kind != Kind::Put || !request.query.contains("partNumber=2") {
            return Verdict::Pass;
        }
        let _ = reached.send(());
        Verdict::Hold
    });
    let running = sandbox.poof(["backup"]).start();
    is_reached.recv_timeout(Duration::from_mins(1)).unwrap();
    running.signal(libc::SIGKILL);
    running.finish();
    proxy.set_rule(|_| Verdict::Pass);
    assert_eq!(unfinished(), 1);
    fs::remove_file(large).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    assert_eq!(unfinished(), 0);
}

/// What the bucket holds, by the key and the version; of what is hidden as well.
fn versions(sandbox: &Sandbox) -> Vec<(String, String)> {
    let path = format!("/{}", sandbox.bucket());
    let list = json!([{"method": "GET", "path": path, "query": "versions="}]);
    let body = admin(&list)[0]["body"].as_str().unwrap().to_owned();
    let value = |text: &str, tag: &str| {
        let (_, rest) = text.split_once(&format!("<{tag}>")).unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    let each = body.split("<Version>").skip(1);
    each.map(|text| (value(text, "Key"), value(text, "VersionId"))).collect()
}

/// Everything that the policy of the page has to refuse, and that it does.
fn is_refused(sandbox: &Sandbox) {
    let before = versions(sandbox);
    let (key, version) =
        before.iter().find(|(key, _)| key.contains("poof")).or(before.first()).unwrap();
    let bucket = format!("/{}", sandbox.bucket());
    let (object, of_version) = (format!("{bucket}/{key}"), format!("versionId={version}"));
    let off = VERSIONING.replace("Enabled", "Suspended");
    let all = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\
        \"Principal\":\"*\",\"Action\":[\"s3:*\"],\"Resource\":[\"arn:aws:s3:::*\"]}]}";
    let short = lifecycle(sandbox).replace("90", "1");
    let delete = json!({"method": "DELETE", "path": object, "query": of_version});
    let mut bypassing = delete.clone();
    bypassing["headers"] = json!({"x-amz-bypass-governance-retention": "true"});
    let mut copied = put(&object, &of_version, "");
    copied["headers"] = json!({"x-amz-copy-source": object});
    let questions = json!([
        delete,
        bypassing,
        put(&object, &of_version, "noise"),
        copied,
        {"method": "POST", "path": object, "query": format!("uploads=&{of_version}")},
        put(&bucket, "versioning=", &off),
        put(&bucket, "lifecycle=", &short),
        put(&bucket, "policy=", all),
        put(&bucket, "object-lock=", &RETENTION.replace("GOVERNANCE", "COMPLIANCE")),
        {"method": "DELETE", "path": bucket, "headers": {"x-minio-force-delete": "true"}},
    ]);
    for (question, answer) in
        questions.as_array().unwrap().iter().zip(ask(sandbox.bucket(), SECRET, &questions))
    {
        assert_eq!(answer["status"], 403, "{question}: {answer}");
    }
    // Many at once are answered one by one.
    let body = format!(
        "<Delete><Object><Key>{key}</Key><VersionId>{version}</VersionId></Object></Delete>"
    );
    let many = json!([{"method": "POST", "path": bucket, "query": "delete=", "body": body}]);
    let answer = &ask(sandbox.bucket(), SECRET, &many)[0];
    assert!(answer["body"].as_str().unwrap().contains("AccessDenied"), "{answer}");
    assert_eq!(versions(sandbox), before);
}

/// Overwrites and deletes whatever the key shows, by the hand of stock rclone.
fn steal(sandbox: &Sandbox) {
    let bucket = format!("poof-backup:{}", sandbox.bucket());
    let listed = sandbox.rclone(["lsf", "-R", "--files-only", &bucket]).run().expect_code(0);
    let noise = sandbox.home().join("noise");
    for name in listed.stdout.lines() {
        let path = noise.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "noise").unwrap();
    }
    assert!(listed.stdout.lines().count() > 15, "{listed}");
    let from = noise.to_str().unwrap();
    sandbox.rclone(["copy", "--ignore-times", from, &bucket]).run().expect_code(0);
    sandbox.rclone(["delete", &bucket]).run().expect_code(0);
    let left = sandbox.rclone(["lsf", "-R", "--files-only", &bucket]).run().expect_code(0);
    assert_eq!(left.stdout, "");
}

pub fn now() -> String {
    let out = Command::new("date").args(["--utc", "+%FT%T.%NZ"]).output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

// Hazard 52.
#[test]
fn the_admin_key_brings_back_what_a_thief_has_overwritten_and_deleted() {
    for (bucket, config) in BOTH.into_iter().zip(remotes(&minio().endpoint())) {
        let sandbox = follower(&config, bucket);
        // In parts as well, whose hash nobody but poof knows.
        grow(&sandbox.data().join("large"), 1, 70_000_000..=70_000_000, 3);
        sandbox.poof(["backup"]).run().expect_code(0);
        fs::write(sandbox.data().join("new"), "and with an earlier snapshot").unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        let (original, time) = (original(&sandbox), now());
        is_refused(&sandbox);
        steal(&sandbox);
        fs::remove_dir_all(sandbox.data()).unwrap();
        let rescue = lines("version_at=");
        let values = [
            ("ADMIN-KEY", ACCESS_KEY),
            ("ADMIN-SECRET", SECRET_KEY),
            ("2026-11-28T12:00:00Z", &time),
        ];
        for command in &rescue {
            let fill = |line: String, (name, value): &(&str, &str)| line.replace(name, value);
            line(&sandbox, &values.iter().fold((*command).to_owned(), fill));
        }
        is_exact(&original, &sandbox.home().join("back"));
        // Nothing is sent to the past.
        let dir = sandbox.home().join("rescue");
        let run = sandbox.poof(["--confdir", dir.to_str().unwrap(), "backup"]).run();
        run.expect_code(3).stderr_has("version_at");
    }
}

/// The rule of the page as S3 wants it on the wire.
fn lifecycle(sandbox: &Sandbox) -> String {
    fn xml(name: &str, value: &Value) -> String {
        match value {
            Value::Array(all) => {
                all.iter().map(|one| xml(name.trim_end_matches('s'), one)).collect()
            }
            Value::Object(all) => {
                let inner: String = all.iter().map(|(name, value)| xml(name, value)).collect();
                format!("<{name}>{inner}</{name}>")
            }
            Value::String(text) => format!("<{name}>{text}</{name}>"),
            other => format!("<{name}>{other}</{name}>"),
        }
    }
    xml("LifecycleConfiguration", &page(1, sandbox.bucket()))
}

#[test]
fn the_rule_for_old_versions_is_one_that_the_server_takes() {
    let sandbox = follower(&Config::plain(minio().endpoint()), Bucket::Versions);
    let path = format!("/{}", sandbox.bucket());
    let answers = admin(&json!([
        put(&path, "lifecycle=", &lifecycle(&sandbox)),
        {"method": "GET", "path": path, "query": "lifecycle="},
    ]));
    let rule = answers[1]["body"].as_str().unwrap();
    assert!(rule.contains("<NoncurrentDays>90</NoncurrentDays>"), "{rule}");
}

// Hazard 52.
#[test]
fn purge_plain_with_that_key_hides_the_copies_and_says_that_their_versions_stay() {
    for bucket in BOTH {
        let endpoint = minio().endpoint();
        let sandbox = follower(&Config::plain(&endpoint).with_crypt(), bucket);
        sandbox.poof(["backup"]).run().expect_code(0);
        sandbox.poof(["cryptoggle"]).run().expect_code(0);
        sandbox.poof(["backup", "--allow", "other-remote"]).run().expect_code(0);
        let before = versions(&sandbox);
        let run = sandbox.poof(["purge-plain", "--yes", "--json"]).run().expect_code(0);
        let lines = run.json_lines();
        let of_data = |line: &&Value| line["type"] == "versions" && line["tree"] == "data";
        let said = lines.iter().find(of_data).unwrap();
        assert_eq!(said["refused"], true, "{said}");
        assert_eq!(said["count"], 12, "{said}");
        assert_eq!(said["locked"], bucket == Bucket::Locked, "{said}");
        run.stderr_has("the key in use may not remove them");
        let after = versions(&sandbox);
        assert!(before.iter().all(|version| after.contains(version)), "{before:?} {after:?}");
        let plain = format!("poof-backup:{}/data", sandbox.bucket());
        assert_eq!(sandbox.rclone(["lsf", "-R", "--files-only", &plain]).run().stdout, "");
        // Not everybody is kept from reading them.
        let status = sandbox.poof(["status"]).run().expect_code(0).stdout_has("holds: 1");
        status.stdout_has("the bucket keeps versions of a plain copy of data (a rule");
        sandbox.poof(["check"]).run().expect_code(0);
    }
}

// Hazard 52.
#[test]
fn remove_purge_with_that_key_hides_the_snapshot_and_says_that_its_versions_stay() {
    for (bucket, config) in BOTH.into_iter().zip(remotes(&minio().endpoint())) {
        let sandbox = follower(&config, bucket);
        let (other, conf) = (sandbox.home().join("other"), sandbox.confdir());
        fs::create_dir(&other).unwrap();
        fs::write(other.join("file"), "content").unwrap();
        let mut paths = json!({ other.to_str().unwrap(): "other" });
        for (dir, name) in [(sandbox.data(), "data"), (conf, "config")] {
            paths[dir.to_str().unwrap()] = name.into();
        }
        sandbox.set("paths", paths);
        sandbox.poof(["backup"]).run().expect_code(0);
        let before = versions(&sandbox);
        let run = sandbox.poof(["remove", "other", "--purge", "--yes"]).run().expect_code(0);
        run.stderr_has("keeps versions of other, which the key in use may not remove");
        let after = versions(&sandbox);
        assert!(before.iter().all(|version| after.contains(version)), "{before:?} {after:?}");
        assert!(names_on(&sandbox, "other").is_empty());
        sandbox.poof(["check"]).run().expect_code(0);
    }
}

// Hazard 52.
#[test]
fn minio_takes_object_lock_to_refuse_what_its_own_extension_deletes() {
    for bucket in BOTH {
        let sandbox = follower(&Config::plain(minio().endpoint()), bucket);
        sandbox.poof(["backup"]).run().expect_code(0);
        let before = versions(&sandbox);
        let (key, version) = before.iter().find(|(key, _)| key.starts_with("data/")).unwrap();
        let path = format!("/{}/data/", sandbox.bucket());
        let force = json!({"x-minio-force-delete": "true"});
        let question = json!([{"method": "DELETE", "path": path, "headers": force}]);
        let answer = &ask(sandbox.bucket(), SECRET, &question)[0];
        let left = versions(&sandbox).iter().filter(|(key, _)| key.starts_with("data/")).count();
        if bucket == Bucket::Versions {
            // The page says so: who runs MinIO has to know.
            assert_eq!(left, 0, "{answer}");
            continue;
        }
        assert_eq!((left, &answer["status"]), (12, &json!(400)), "{answer}");
        // Within the time not even a key that may remove versions removes one.
        let path = format!("/{}/{key}", sandbox.bucket());
        let query = format!("versionId={version}");
        let delete = json!([{"method": "DELETE", "path": path, "query": query}]);
        let answer = &ask(ACCESS_KEY, SECRET_KEY, &delete)[0];
        assert!(answer["body"].as_str().unwrap().contains("WORM"), "{answer}");
        assert_eq!(versions(&sandbox), before);
    }
}

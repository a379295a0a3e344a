//! `login`: the browser, the provider and what is written. A stand-in is the provider, and
//! the test is the browser.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread::sleep;
use std::time::Duration;

use crate::farewell::kit;
use crate::harness::command::{Run, Running};
use crate::harness::provider::{Manner, Port, Provider, browse, sent_to};
use crate::harness::{Config, Sandbox, Snapshot, assert_same_content, grow, tls};

/// Starts a login to `kind`, with what comes behind it on the command line.
fn begun(sandbox: &Sandbox, provider: &Provider, kind: &str, more: &[&str]) -> Running {
    let settings = provider.settings();
    sandbox.poof(["login", kind]).args(settings).args(more).start()
}

/// The address that poof prints.
#[track_caller]
fn address(running: &mut Running) -> String {
    loop {
        if let Some(line) = running.stdout().lines().find(|line| line.starts_with("http")) {
            return line.to_owned();
        }
        assert!(running.is_at_work(), "no address: {} {}", running.stdout(), running.stderr());
        sleep(Duration::from_millis(5));
    }
}

/// Logs in, with a browser that follows every address.
#[track_caller]
fn logged_in(sandbox: &Sandbox, provider: &Provider, kind: &str, more: &[&str]) -> Run {
    let _port = Port::take();
    let mut running = begun(sandbox, provider, kind, more);
    let (_, status, page) = browse(&address(&mut running));
    assert!(status == 200 && page.contains("close this tab"), "{status} {page}");
    told_nothing(running.finish())
}

/// No code and no token is in what poof says.
#[track_caller]
fn told_nothing(run: Run) -> Run {
    assert!(!Provider::is_secret_of(&run.stdout) && !Provider::is_secret_of(&run.stderr), "{run}");
    run
}

fn conf(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.rclone_conf()).unwrap()
}

#[test]
fn drive_and_dropbox_are_logged_in_to_and_the_section_is_filled() {
    for kind in ["drive", "dropbox"] {
        let (sandbox, provider) = (Sandbox::new(), Provider::start());
        let run = logged_in(&sandbox, &provider, kind, &["client_id=MINE"]).expect_code(0);
        assert!(run.stderr.contains("next: `poof verify`"), "{run}");
        let text = conf(&sandbox);
        assert!(text.starts_with(&format!("[poof-backup]\ntype = {kind}\n")), "{text}");
        assert!(text.contains("client_id = MINE\n") && !text.contains("config_"), "{text}");
        assert!(text.contains("token = {\"access_token\":\"ACCESS-2\""), "{text}");
        assert!(text.contains("\"refresh_token\":\"REFRESH-2\"") && text.contains("expiry"));
    }
}

/// Behind the login rclone asks Microsoft which drives there are; all of the web is the stand-in.
#[test]
fn onedrive_is_logged_in_to_and_its_drive_is_found() {
    let (sandbox, provider) = (Sandbox::new(), Provider::start());
    let names = tls::Names { names: "DNS:graph.microsoft.com", expired: false };
    let microsoft = tls::before(&names, provider.address());
    let _port = Port::take();
    let login = sandbox.poof(["login", "onedrive"]).args(provider.settings());
    let proxy = format!("http://{}", microsoft.proxy());
    let login = login.env("HTTPS_PROXY", proxy).env("SSL_CERT_FILE", microsoft.certificate());
    let mut running = login.start();
    browse(&address(&mut running));
    told_nothing(running.finish()).expect_code(0);
    let text = conf(&sandbox);
    assert!(text.contains("drive_id = DRIVE-1\ndrive_type = personal\n"), "{text}");
    assert!(text.contains("ACCESS-2") && !text.contains("config_"), "{text}");
}

#[test]
fn a_placeholder_gives_way_and_comments_stay_and_another_section_too() {
    let (sandbox, provider) = (Sandbox::new(), Provider::start());
    sandbox.poof(["cconfig"]).run().expect_code(0);
    let text = conf(&sandbox);
    fs::write(sandbox.rclone_conf(), format!("# mine\n{text}[other]\ntype = s3\n# end\n")).unwrap();
    logged_in(&sandbox, &provider, "dropbox", &[]).expect_code(0);
    let text = conf(&sandbox);
    assert!(text.starts_with("# mine\n[poof-backup]\ntype = dropbox\n"), "{text}");
    assert!(text.ends_with("\n\n[other]\ntype = s3\n# end\n") && !text.contains("BOGUS"), "{text}");
    // Once more, without the type: the settings are there.
    let _port = Port::take();
    let mut running = sandbox.poof(["login"]).start();
    browse(&address(&mut running));
    running.finish().expect_code(0);
    assert_ne!(conf(&sandbox), text);
    // What is of another type, and not a placeholder, stays.
    let run = sandbox.poof(["login", "box"]).run().expect_code(3);
    assert!(run.stderr.contains("[poof-backup] exists and is of type dropbox"), "{run}");
}

#[test]
fn without_a_type_the_list_of_those_that_want_a_login_is_shown() {
    let sandbox = Sandbox::new();
    for args in [&["login"][..], &["login", "s3"], &["login", "nonsense"]] {
        let run = sandbox.poof(args).run().expect_code(2);
        assert!(run.stderr.contains("box, drive, dropbox, google cloud storage"), "{run}");
    }
    sandbox.poof(["login", "dropbox", "no_such_key=x"]).run().expect_code(3);
    assert!(!sandbox.rclone_conf().exists());
}

#[test]
fn cconfig_of_a_type_that_wants_a_login_writes_and_does_not_wait() {
    let sandbox = Sandbox::new();
    let command = sandbox.poof(["cconfig", "--remote", "drive", "scope=drive"]);
    let run = command.timeout(Duration::from_secs(20)).run().expect_code(0);
    assert!(run.stderr.contains("drive wants a login: `poof login`"), "{run}");
    assert_eq!(conf(&sandbox), "[poof-backup]\ntype = drive\nscope = drive\n");
    let command = sandbox.poof(["cconfig", "--remote", "drive", "service_account_file=/k"]);
    assert!(!command.run().expect_code(0).stderr.contains("login"));
}

#[test]
fn a_login_that_is_interrupted_ends_at_once_gives_the_port_back_and_writes_nothing() {
    let _port = Port::take();
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let (sandbox, provider) = (Sandbox::new(), Provider::start());
        let mut running = begun(&sandbox, &provider, "onedrive", &[]);
        address(&mut running);
        let start = std::time::Instant::now();
        running.signal(signal);
        running.finish().expect_code(130);
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        std::net::TcpListener::bind(crate::harness::provider::LISTENER).unwrap();
        assert!(!sandbox.rclone_conf().exists());
    }
}

#[test]
fn nobody_is_waited_for_longer_than_said() {
    let _port = Port::take();
    let (sandbox, provider) = (Sandbox::new(), Provider::start());
    let run = begun(&sandbox, &provider, "dropbox", &["--wait", "1s"]).finish().expect_code(4);
    assert!(run.stderr.contains("nobody has logged in within 0:01"), "{run}");
    assert!(run.elapsed < Duration::from_secs(20) && !sandbox.rclone_conf().exists());
}

#[test]
fn a_port_that_is_taken_is_named_and_pasting_works_all_the_same() {
    let _port = Port::take();
    let (sandbox, provider) = (Sandbox::new(), Provider::start());
    let mut first = begun(&sandbox, &provider, "dropbox", &[]);
    address(&mut first);
    let other = Sandbox::new();
    let run = begun(&other, &provider, "dropbox", &[]).finish().expect_code(8);
    assert!(run.stderr.contains("127.0.0.1:53682") && run.stderr.contains("--no-browser"), "{run}");
    let mut second = begun(&other, &provider, "dropbox", &["--no-browser", "--wait", "1s"]);
    address(&mut second);
    second.finish().expect_code(4);
    first.signal(libc::SIGTERM);
    first.finish().expect_code(130);
}

/// A login of which the answer is pasted: it needs a terminal, or a pipe that stays open.
fn pasted(sandbox: &Sandbox, provider: &Provider, lines: impl Fn(&str) -> Vec<String>) -> Run {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let _port = Port::take();
    let mut poof = Command::new(env!("CARGO_BIN_EXE_poof"));
    poof.env_clear().env("HOME", sandbox.home()).env("PATH", "/usr/bin:/bin");
    let out = sandbox.home().join("out");
    let err = sandbox.home().join("err");
    poof.args(["login", "dropbox", "--no-browser", "--wait", "20s"]).args(provider.settings());
    poof.stdin(Stdio::piped());
    poof.stdout(fs::File::create(&out).unwrap()).stderr(fs::File::create(&err).unwrap());
    let mut child = poof.spawn().unwrap();
    let start = std::time::Instant::now();
    let url = loop {
        let text = fs::read_to_string(&out).unwrap();
        if let Some(line) = text.lines().find(|line| line.starts_with("http")) {
            break line.to_owned();
        }
        assert!(start.elapsed() < Duration::from_secs(30), "no address");
        sleep(Duration::from_millis(5));
    };
    let mut stdin = child.stdin.take().unwrap();
    for line in lines(&url) {
        let _ = writeln!(stdin, "{line}");
        sleep(Duration::from_millis(500));
    }
    let status = child.wait().unwrap();
    drop(stdin);
    let text = |path| fs::read_to_string(path).unwrap();
    Run::of(status.code(), text(&out), text(&err), start.elapsed())
}

#[test]
fn the_address_of_a_browser_elsewhere_is_pasted() {
    let (sandbox, provider) = (Sandbox::new(), Provider::start());
    let run = pasted(&sandbox, &provider, |url| {
        vec!["http://localhost:53682/?state=x".to_owned(), sent_to(url)]
    });
    let run = told_nothing(run).expect_code(0);
    assert!(run.stderr.contains("there is no code in it"), "{run}");
    assert!(conf(&sandbox).contains("ACCESS-"));
}

#[test]
fn three_wrong_pastes_end_it_and_an_answer_to_another_login_is_told() {
    let (sandbox, provider) = (Sandbox::new(), Provider::start());
    let run = pasted(&sandbox, &provider, |url| {
        let foreign = sent_to(url).replace("state=", "state=x");
        vec!["CODE-9".to_owned(), foreign, "https://example.org/?code=a&state=b".to_owned()]
    });
    let run = told_nothing(run).expect_code(2);
    for what in ["no code in it", "another login", "address on the way"] {
        assert!(run.stderr.contains(what), "{what}: {run}");
    }
    assert!(!sandbox.rclone_conf().exists());
}

#[test]
fn what_the_provider_refuses_is_told_and_nothing_is_written() {
    let body = "{\"error\":\"invalid_client\",\"error_description\":\"ACCESS-0 of nobody\"}";
    let refused =
        Manner { token: Some((400, "{\"error\":\"invalid_client\"}")), ..Manner::default() };
    let broken = Manner { token: Some((500, body)), ..Manner::default() };
    let denied = Manner { denies: true, ..Manner::default() };
    for (manner, says) in
        [(refused, "invalid_client"), (broken, "status 500"), (denied, "access_denied")]
    {
        let _port = Port::take();
        let (sandbox, provider) = (Sandbox::new(), Provider::start());
        provider.set(manner);
        let mut running = begun(&sandbox, &provider, "dropbox", &[]);
        browse(&address(&mut running));
        let run = running.finish().expect_code(4);
        assert!(run.stderr.contains(says) && run.stderr.contains("`poof login dropbox`"), "{run}");
        assert!(!sandbox.rclone_conf().exists());
    }
}

#[test]
fn a_provider_that_is_away_and_an_answer_to_another_login_end_with_4() {
    let _port = Port::take();
    let (sandbox, provider) = (Sandbox::new(), Provider::start());
    let dead = crate::harness::DeadEnd::new();
    let mut running = sandbox
        .poof(["login", "dropbox", &provider.settings()[0]])
        .args([format!("token_url={}/token", dead.endpoint())])
        .start();
    browse(&address(&mut running));
    let run = told_nothing(running.finish()).expect_code(4);
    assert!(run.stderr.contains("no answer"), "{run}");
    let mut running = begun(&sandbox, &provider, "dropbox", &[]);
    address(&mut running);
    let (_, status, page) = browse("http://127.0.0.1:53682/?code=CODE-9&state=theirs");
    assert!(status == 400 && !page.contains("CODE-9"), "{status} {page}");
    let run = told_nothing(running.finish()).expect_code(4);
    assert!(run.stderr.contains("belongs to another login"), "{run}");
    assert!(!sandbox.rclone_conf().exists());
}

/// Google Cloud Storage is a remote with a login whose server can be another one.
fn store(provider: &Provider, manner: Manner) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::plain("http://unused"));
    fs::remove_file(sandbox.rclone_conf()).unwrap();
    provider.set(manner);
    let endpoint = format!("endpoint={}", provider.endpoint());
    logged_in(&sandbox, provider, "gcs", &[&endpoint, "bucket_policy_only=true"]).expect_code(0);
    grow(&sandbox.data(), 12, 1..=3_000, 1);
    sandbox
}

#[test]
fn what_is_behind_the_login_is_backed_up_checked_and_brought_back() {
    let provider = Provider::start();
    let sandbox = store(&provider, Manner::default());
    let original = Snapshot::of(&sandbox.data());
    sandbox.poof(["verify"]).run().expect_code(0);
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox.poof(["check", "--read-data"]).run().expect_code(0);
    fs::remove_dir_all(sandbox.data()).unwrap();
    sandbox.poof(["download"]).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    assert!(provider.objects() > 12);
}

/// The token has ended, as that of a machine that makes a backup each day.
fn expire(sandbox: &Sandbox) {
    let text = conf(sandbox);
    let (before, rest) = text.split_once("\"expiry\":\"").unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    let expired = format!("{before}\"expiry\":\"2026-01-01T00:00:00Z\"{after}");
    fs::write(sandbox.rclone_conf(), expired).unwrap();
}

/// Each refresh token is good for one time: what is not saved locks the user out, and so does
/// a connection that renews for itself (hazard 55).
#[test]
fn a_login_that_is_renewed_during_a_run_is_saved_and_the_next_run_has_it() {
    let provider = Provider::start();
    let sandbox = store(&provider, Manner::default());
    let with_comments = format!("# mine\n{}\n# the end\n", conf(&sandbox));
    fs::write(sandbox.rclone_conf(), &with_comments).unwrap();
    for number in 1..=3 {
        expire(&sandbox);
        told_nothing(sandbox.poof(["-v", "backup"]).run()).expect_code(0);
        assert_eq!(provider.refreshed(), number);
        let text = conf(&sandbox);
        let without = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.starts_with("token")).map(str::to_owned).collect()
        };
        assert_eq!(without(&text), without(&with_comments));
        assert_ne!(text, with_comments);
    }
    let here = fs::read_dir(sandbox.confdir()).unwrap().count();
    assert_eq!(here, 2, "something is left beside the configuration");
}

/// A token ends while a hook runs, for all connections at once (rclone takes one for ended ten
/// seconds before).
#[test]
fn a_login_that_ends_in_the_middle_of_a_run_is_renewed_there() {
    let provider = Provider::start();
    let sandbox = store(&provider, Manner { expires: 15, ..Manner::default() });
    sandbox.set("before", serde_json::json!([["sleep", "6"]]));
    expire(&sandbox);
    sandbox.poof(["backup"]).run().expect_code(0);
    assert_eq!(provider.refreshed(), 2);
}

/// Two at once, of which neither knows of the other: one of them renews.
#[test]
fn two_that_renew_a_login_at_once_do_not_lock_each_other_out() {
    let provider = Provider::start();
    let sandbox = store(&provider, Manner::default());
    sandbox.poof(["backup"]).run().expect_code(0);
    for _ in 0..3 {
        expire(&sandbox);
        let before = provider.refreshed();
        let all = ["ls", "status", "history"].map(|command| sandbox.poof([command]).start());
        for one in all {
            one.finish().expect_code(0);
        }
        assert_eq!(provider.refreshed(), before + 1);
    }
}

#[test]
fn a_login_that_was_revoked_says_so_and_logging_in_again_helps() {
    let provider = Provider::start();
    let sandbox = store(&provider, Manner::default());
    sandbox.poof(["backup"]).run().expect_code(0);
    provider.revoke();
    expire(&sandbox);
    for command in ["backup", "verify"] {
        let run = told_nothing(sandbox.poof([command]).run()).expect_code(4);
        assert!(run.stderr.contains("expired, or was revoked"), "{run}");
        assert!(
            run.stderr.contains("`poof login`") && !run.stderr.contains("rclone config"),
            "{run}"
        );
    }
    let _port = Port::take();
    let mut running = sandbox.poof(["login"]).start();
    browse(&address(&mut running));
    running.finish().expect_code(0);
    sandbox.poof(["backup"]).run().expect_code(0);
}

/// A login is renewed each hour: nobody makes a kit as often.
#[test]
fn a_kit_fits_though_a_login_was_renewed_since() {
    let provider = Provider::start();
    let sandbox = store(&provider, Manner::default());
    sandbox.poof(["backup"]).run().expect_code(0);
    kit(&sandbox);
    let fits = |sandbox: &Sandbox| {
        let run = sandbox.poof(["--json", "status"]).run().expect_code(0);
        let lines = run.json_lines();
        let status = lines.iter().find(|line| line["type"] == "status").unwrap();
        status["kit"]["fits"].clone()
    };
    assert_eq!(fits(&sandbox), true);
    expire(&sandbox);
    sandbox.poof(["backup"]).run().expect_code(0);
    assert_eq!(provider.refreshed(), 1);
    assert_eq!(fits(&sandbox), true);
    let text = conf(&sandbox).replace("bucket_policy_only = true", "bucket_policy_only = false");
    fs::write(sandbox.rclone_conf(), text).unwrap();
    assert_eq!(fits(&sandbox), false);
}

#[test]
fn the_token_stays_where_it_can_be_renewed() {
    let (sandbox, provider) = (Sandbox::new(), Provider::start());
    sandbox.write_config(&Config::plain("http://unused"));
    fs::remove_file(sandbox.rclone_conf()).unwrap();
    logged_in(&sandbox, &provider, "dropbox", &[]).expect_code(0);
    let run = sandbox.poof(["secret", "set", "poof-backup.token"]).run().expect_code(2);
    assert!(run.stderr.contains("a run renews the token"), "{run}");
    sandbox.set("secrets", serde_json::json!({"poof-backup.token": {"file": "/nowhere"}}));
    for command in ["verify", "login"] {
        let run = sandbox.poof([command]).run().expect_code(3);
        assert!(run.stderr.contains("poof-backup.token"), "{run}");
    }
}

/// What cannot be saved is told: the next run may be locked out.
#[test]
fn a_renewed_login_that_cannot_be_saved_is_told() {
    let provider = Provider::start();
    let sandbox = store(&provider, Manner::default());
    sandbox.poof(["backup"]).run().expect_code(0);
    expire(&sandbox);
    fs::set_permissions(sandbox.confdir(), fs::Permissions::from_mode(0o555)).unwrap();
    let run = told_nothing(sandbox.poof_as_ordinary_user(["ls"]).run()).expect_code(0);
    fs::set_permissions(sandbox.confdir(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(run.stderr.contains("the login was renewed"), "{run}");
    assert!(run.stderr.contains("permission denied") && run.stderr.contains("`poof login`"));
}

//! A server that answers as its owner likes: its answers end here, and its requests go nowhere
//! else. How it may lie of what it holds is told in `hostile_bucket.rs`.

use std::time::Duration;

use crate::harness::{Kind, Proxy, Verdict, minio};
use crate::story::{grown, plain};

#[test]
fn a_listing_that_goes_in_a_circle_ends_every_command() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = grown(encrypted, 3);
        sandbox.poof(["backup"]).run().expect_code(0);
        proxy.set_rule(|request| match request.kind {
            Kind::List => Verdict::Circle,
            _ => Verdict::Pass,
        });
        let commands: [&[&str]; 5] = [
            &["check"],
            &["status"],
            &["backup"],
            &["download", "--yes"],
            &["upload", "--yes", "--keep-poof", "--allow", "no-kit"],
        ];
        for args in commands {
            let run = sandbox.poof(args).timeout(Duration::from_mins(1)).run().expect_code(4);
            run.stderr_has("the server's answer does not end");
        }
        assert!(
            sandbox.data().join("f0").exists() || sandbox.data().read_dir().unwrap().count() > 0
        );
    }
}

#[test]
fn a_server_sends_no_request_of_poof_to_another_one() {
    let elsewhere = Proxy::start(minio().address());
    for encrypted in [false, true] {
        let (sandbox, proxy) = grown(encrypted, 3);
        sandbox.poof(["backup"]).run().expect_code(0);
        let data = sandbox.data();
        let mut files = walkdir::WalkDir::new(&data).into_iter().flatten();
        let file = files.find(|entry| entry.file_type().is_file()).unwrap().into_path();
        for kind in [Kind::Get, Kind::Delete, Kind::Put, Kind::List, Kind::Head] {
            let to = format!("{}/another/thing", elsewhere.endpoint());
            proxy.set_rule(move |request| {
                let is_it = request.kind == kind;
                if is_it { Verdict::Elsewhere(to.clone()) } else { Verdict::Pass }
            });
            let _ = std::fs::remove_file(&file);
            for args in [&["backup"][..], &["check", "--read-data"], &["download", "--yes"]] {
                let run = sandbox.poof(args).timeout(Duration::from_mins(1)).run();
                assert!(run.code.is_some(), "{kind:?}: {run}");
            }
        }
    }
    assert_eq!(elsewhere.total(), 0, "{:?}", elsewhere.log());
}

#[test]
fn what_a_server_says_is_cut_where_it_goes_on_and_on() {
    let (sandbox, proxy) = grown(false, 3);
    sandbox.poof(["backup"]).run().expect_code(0);
    for kind in [Kind::List, Kind::Put, Kind::Get] {
        let words = format!("quota. {} the end", "å ".repeat(60_000));
        proxy.set_rule(move |request| {
            let is_it = request.kind == kind;
            if is_it { Verdict::Says(400, "Odd", words.clone()) } else { Verdict::Pass }
        });
        std::fs::write(sandbox.data().join("new"), format!("{kind:?}")).unwrap();
        for json in [false, true] {
            let args: &[&str] = if json { &["--json", "backup"] } else { &["backup"] };
            let run = sandbox.poof(args).run();
            assert_ne!(run.code, Some(0), "{kind:?}: {}", run.stderr.len());
            let said = if json { &run.stdout } else { &run.stderr };
            assert!(said.contains("quota. å å"), "{kind:?}: {}", said.len());
            assert!(said.contains("the end"), "{kind:?}: {}", said.len());
            assert!(said.contains(" characters more]"), "{kind:?}: {}", said.len());
            for line in run.stdout.lines().chain(run.stderr.lines()) {
                assert!(line.len() < 1500, "{kind:?}: {} bytes", line.len());
            }
        }
    }
}

#[test]
fn verify_says_which_proxy_of_the_environment_is_in_use_and_not_its_password() {
    let sandbox = plain(3);
    let proxy = Proxy::start(minio().address());
    let conf = std::fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let conf = conf.replace(&minio().endpoint(), "http://store.invalid:9000");
    std::fs::write(sandbox.rclone_conf(), conf).unwrap();
    let address = proxy.endpoint().replace("http://", "");
    let with_password = format!("http://somebody:unspeakable@{address}");
    let verify = |variable: &str, value: &str| sandbox.poof(["verify"]).env(variable, value).run();
    let run = verify("HTTP_PROXY", &with_password).expect_code(0);
    let run = run.stderr_has("store.invalid:9000").stderr_has("HTTP_PROXY");
    let run = run.stderr_has(&format!("the proxy http://{address}"));
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(!said.contains("unspeakable") && !said.contains("somebody"), "{run}");
    assert!(proxy.total() > 0);
    // Without TLS it is another variable that counts.
    let asked = proxy.total();
    for (variable, value) in [("HTTPS_PROXY", &with_password), ("ALL_PROXY", &with_password)] {
        let run = verify(variable, value).expect_code(4);
        assert!(!run.stderr.contains("the proxy"), "{run}");
    }
    assert_eq!(proxy.total(), asked);
    // Nobody asks the remote, and it is said nevertheless.
    let run = sandbox.poof(["verify", "--offline"]).env("http_proxy", &with_password).run();
    run.expect_code(0).stderr_has("the proxy");
    let excepted = sandbox.poof(["verify", "--offline"]).env("http_proxy", &with_password);
    let run = excepted.env("no_proxy", "store.invalid").run().expect_code(0);
    assert!(!run.stderr.contains("the proxy"), "{run}");
    // What rclone-poof.conf says comes first.
    let conf = std::fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let own = format!("override.http_proxy = http://other:unspeakable@{address}\nendpoint =");
    std::fs::write(sandbox.rclone_conf(), conf.replacen("endpoint =", &own, 1)).unwrap();
    let run = verify("HTTP_PROXY", "http://127.0.0.1:1").expect_code(0);
    let run = run.stderr_has(&format!("the proxy http://{address}"));
    let run = run.stderr_has("override.http_proxy");
    assert!(!run.stderr.contains("unspeakable") && !run.stderr.contains("127.0.0.1:1,"), "{run}");
}

//! A server that answers as its owner likes: its answers end here, and its requests go nowhere
//! else. How it may lie of what it holds is told in `hostile_bucket.rs`.

use std::time::Duration;

use crate::harness::{Kind, Proxy, Verdict, minio};
use crate::story::grown;

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

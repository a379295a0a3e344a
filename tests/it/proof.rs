//! What counts as stored: only what the server itself shows, or gives back.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::{Config, Kind, Proxy, Sandbox, Verdict, grow, minio};
use crate::story::proxied;

#[test]
fn a_server_whose_etags_are_no_hashes_is_asked_for_the_content_once() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = (Sandbox::new(), Proxy::start(minio().address()));
        let config = if encrypted {
            Config::encrypted(proxy.endpoint())
        } else {
            Config::plain(proxy.endpoint())
        };
        sandbox.write_config(&config.option("server_side_encryption", "aws:kms"));
        grow(&sandbox.data(), 30, 1..=3_000, 3);
        grow(&sandbox.data().join("big"), 1, 9_000_000..=9_000_000, 4);
        sandbox.poof(["backup"]).run().expect_code(0);
        assert!(proxy.count(Kind::Get) >= 31, "each is read back");
        proxy.reset();
        sandbox
            .poof(["backup"])
            .run()
            .expect_code(0)
            .stderr_has("data: 0 new, 0 changed, 0 removed");
        assert_eq!(proxy.count(Kind::Get), 0, "and not again");
        sandbox.poof(["check", "--read-data"]).run().expect_code(0);
    }
}

#[test]
fn an_object_that_is_not_what_was_sent_is_never_called_stored() {
    let (sandbox, proxy) = (Sandbox::new(), Proxy::start(minio().address()));
    sandbox.write_config(&Config::plain(proxy.endpoint()));
    for name in ["fine", "lost"] {
        fs::write(sandbox.data().join(name), name).unwrap();
    }
    proxy.set_rule(|request| match request.kind {
        Kind::Put if request.path.ends_with("/lost") => Verdict::Swallow,
        _ => Verdict::Pass,
    });
    let run = sandbox.poof(["backup"]).run().expect_code(5);
    run.stderr_has("data/lost: it did not arrive");
    proxy.set_rule(|_| Verdict::Pass);
    sandbox.poof(["check"]).run().expect_code(0);
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 1 new");
}

#[test]
fn an_object_that_may_not_be_looked_at_is_not_called_lost() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = proxied(encrypted);
        fs::write(sandbox.data().join("earlier"), "content").unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        fs::write(sandbox.data().join("file"), "content").unwrap();
        // The look at what was sent; those at the records of poof come later.
        let first = AtomicBool::new(true);
        proxy.set_rule(move |request| match request.kind {
            Kind::Head if first.swap(false, Ordering::SeqCst) => {
                Verdict::Status(403, "AccessDenied")
            }
            _ => Verdict::Pass,
        });
        let run = sandbox.poof(["backup", "--only", "data"]).run().expect_code(4);
        run.stderr_has("data/file: it was sent, and whether it is there cannot be seen: ");
        proxy.set_rule(|_| Verdict::Pass);
        sandbox.poof(["backup"]).run().expect_code(0);
    }
}

//! An upload to a server that lies, forgets, damages, refuses or goes away: nothing
//! that is not proven is wiped, and the exit code says so.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use serde_json::json;

use crate::harness::command::Run;
use crate::harness::proxy::Request;
use crate::harness::{
    Backdoor, Config, Kind, Proxy, Sandbox, Snapshot, Verdict, assert_same_content, grow, minio,
};
use crate::story::{backed_up, grown, proxied};

const UPLOAD: [&str; 3] = ["upload", "--yes", "--keep-poof"];
const ENCRYPTED: [bool; 2] = [false, true];
/// More than the largest object that is sent at once (64 MiB).
const LARGE: usize = (64 << 20) + 12_345;

/// What lies in the data, by name.
fn here(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    let files = walkdir::WalkDir::new(sandbox.data()).into_iter().flatten();
    files
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(sandbox.data()).unwrap();
            (path.to_str().unwrap().to_owned(), fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn put(sandbox: &Sandbox, name: &str, content: impl AsRef<[u8]>) {
    fs::write(sandbox.data().join(name), content).unwrap();
}

/// The upload ends with code 6, and exactly `names` are still here, and named.
#[track_caller]
fn assert_kept(sandbox: &Sandbox, was: &BTreeMap<String, Vec<u8>>, names: &[&str], run: &Run) {
    assert_eq!(run.code, Some(6), "{run}");
    let now = here(sandbox);
    assert_eq!(now.keys().collect::<Vec<_>>(), names.iter().collect::<Vec<_>>(), "{run}");
    for name in names {
        assert!(now[*name] == was[*name], "{name} has changed: {run}");
        assert!(run.stderr.contains(&format!("data/{name}")), "{name} is not named: {run}");
    }
}

/// Does something once, after everything is sent and before it is proven anew: when
/// the new head of the manifest is read back.
fn once_all_is_sent(proxy: &Proxy, head: String, act: impl Fn() + Send + Sync + 'static) {
    let done = Once::new();
    proxy.set_rule(move |request| {
        if request.kind == Kind::Get && request.key() == head {
            done.call_once(&act);
        }
        Verdict::Pass
    });
}

#[test]
fn a_put_that_is_acknowledged_and_not_stored_keeps_the_file_here() {
    for encrypted in ENCRYPTED {
        let (sandbox, proxy) = backed_up(encrypted, &[("victim", "precious")]);
        put(&sandbox, "victim", "more precious");
        put(&sandbox, "newcomer", "precious too");
        let keys = ["data/victim", "data/newcomer"].map(|path| Backdoor::new(&sandbox).key(path));
        proxy.set_rule(move |request| match request.kind {
            Kind::Put if keys.iter().any(|key| key == request.key()) => Verdict::Swallow,
            _ => Verdict::Pass,
        });
        let was = here(&sandbox);
        let run = sandbox.poof(UPLOAD).run();
        assert_kept(&sandbox, &was, &["newcomer", "victim"], &run);
    }
}

/// Harm that somebody does to the objects of files once all are sent.
type Harm = fn(&Backdoor);

#[test]
fn damage_done_after_the_sending_is_seen_before_the_wipe() {
    let harms: [(&str, Harm, &[&str]); 5] = [
        ("deleted", |door| door.delete("data/a"), &["a"]),
        ("corrupted", |door| door.write("data/a", b"WRONG"), &["a"]),
        ("truncated", |door| door.write("data/a", b""), &["a"]),
        (
            "swapped",
            |door| {
                let (a, b) = (door.read("data/a"), door.read("data/b"));
                door.write("data/a", &b);
                door.write("data/b", &a);
            },
            &["a", "b"],
        ),
        (
            "an older version",
            |door| {
                let old = door.read("data/older");
                door.write("data/a", &old);
            },
            &["a"],
        ),
    ];
    for encrypted in ENCRYPTED {
        for (what, harm, kept) in harms {
            let files = [("a", "right"), ("b", "RIGHT"), ("older", "older")];
            let (sandbox, proxy) = backed_up(encrypted, &files);
            put(&sandbox, "news", "news");
            let head = Backdoor::new(&sandbox).key(".poof/trees/data/head/0000000002");
            let was = here(&sandbox);
            let sandbox = Arc::new(sandbox);
            let inner = Arc::clone(&sandbox);
            once_all_is_sent(&proxy, head, move || harm(&Backdoor::past(&inner)));
            let run = sandbox.poof(UPLOAD).run();
            eprintln!("{what}, encrypted: {encrypted}");
            assert_kept(&sandbox, &was, kept, &run);
        }
    }
}

#[test]
fn without_a_manifest_that_can_be_read_nothing_goes() {
    for encrypted in ENCRYPTED {
        for deleted in [false, true] {
            let (sandbox, proxy) = grown(encrypted, 10);
            let original = Snapshot::of(&sandbox.data());
            let path = ".poof/trees/data/head/0000000001";
            let head = Backdoor::new(&sandbox).key(path);
            let sandbox = Arc::new(sandbox);
            let inner = Arc::clone(&sandbox);
            // After it was read back and all heads were looked at, when the tree is listed
            // anew.
            let heads =
                format!("prefix={}&", head[..=head.rfind('/').unwrap()].replace('/', "%2F"));
            let (listed, read) = (Once::new(), AtomicBool::new(false));
            proxy.set_rule(move |request| {
                if request.key() == head && request.kind == Kind::Get {
                    read.store(true, Ordering::Relaxed);
                } else if read.load(Ordering::Relaxed)
                    && request.kind == Kind::List
                    && !format!("{}&", request.query).contains(&heads)
                {
                    let door = Backdoor::past(&inner);
                    listed.call_once(|| {
                        if deleted {
                            door.delete(path);
                        } else {
                            let shard = &door.names(".poof/trees/data/shard")[0];
                            door.write(&format!(".poof/trees/data/shard/{shard}"), b"damaged");
                        }
                    });
                }
                Verdict::Pass
            });
            let run = sandbox.poof(UPLOAD).run();
            assert_eq!(run.code, Some(6), "{run}");
            assert!(run.stderr.contains("manifest"), "{run}");
            assert_same_content(&original, &Snapshot::of(&sandbox.data()));
        }
    }
}

#[test]
fn damage_to_what_was_sent_in_parts_is_seen_as_well() {
    for encrypted in ENCRYPTED {
        let (sandbox, proxy) = proxied(encrypted);
        for name in ["cut", "flipped", "fine", "swapped-1", "swapped-2"] {
            put(&sandbox, name, vec![name.as_bytes()[name.len() - 1]; LARGE]);
        }
        sandbox.poof(["backup"]).run().expect_code(0);
        put(&sandbox, "news", "news");
        let head = Backdoor::new(&sandbox).key(".poof/trees/data/head/0000000002");
        let was = here(&sandbox);
        let sandbox = Arc::new(sandbox);
        let inner = Arc::clone(&sandbox);
        once_all_is_sent(&proxy, head, move || {
            let door = Backdoor::past(&inner);
            let mut bytes = door.read("data/flipped");
            bytes[LARGE / 2] ^= 1;
            door.write("data/flipped", &bytes);
            let bytes = door.read("data/cut");
            // Where a block of crypt ends: what is left decrypts without an error.
            door.write("data/cut", &bytes[..32 + 1000 * ((64 << 10) + 16)]);
            let [one, two] = ["data/swapped-1", "data/swapped-2"];
            let (first, second) = (door.read(one), door.read(two));
            door.write(one, &second);
            door.write(two, &first);
        });
        let run = sandbox.poof(UPLOAD).run();
        assert_kept(&sandbox, &was, &["cut", "flipped", "swapped-1", "swapped-2"], &run);
    }
}

#[test]
fn parts_that_are_acknowledged_and_never_put_together_keep_the_file_here() {
    for encrypted in ENCRYPTED {
        let (sandbox, proxy) = proxied(encrypted);
        put(&sandbox, "large", vec![7; LARGE]);
        put(&sandbox, "small", "small");
        proxy.set_rule(|request| match request.kind {
            Kind::Post if request.query.contains("uploadId=") => Verdict::Swallow,
            _ => Verdict::Pass,
        });
        let was = here(&sandbox);
        let run = sandbox.poof(UPLOAD).run();
        assert_kept(&sandbox, &was, &["large"], &run);
    }
}

#[test]
fn where_the_server_shows_no_hash_the_objects_are_read_back() {
    for encrypted in ENCRYPTED {
        let (sandbox, proxy) = (Sandbox::new(), Proxy::start(minio().address()));
        let config = if encrypted { Config::encrypted } else { Config::plain };
        let config = config(proxy.endpoint()).option("server_side_encryption", "aws:kms");
        sandbox.write_config(&config);
        grow(&sandbox.data(), 10, 1..=3_000, 1);
        put(&sandbox, "victim", "precious");
        sandbox.poof(["backup"]).run().expect_code(0);
        let key = Backdoor::new(&sandbox).key("data/victim");
        proxy.set_rule(move |request| match request.kind {
            Kind::Get if request.key() == key => Verdict::Corrupt,
            _ => Verdict::Pass,
        });
        let was = here(&sandbox);
        let run = sandbox.poof(UPLOAD).run();
        assert_kept(&sandbox, &was, &["victim"], &run);
        // It goes on where it ended.
        proxy.set_rule(|_| Verdict::Pass);
        sandbox.poof(UPLOAD).run().expect_code(0);
        assert!(!sandbox.data().exists());
    }
}

#[test]
fn proof_by_reading_back_notices_what_no_listing_can() {
    for encrypted in ENCRYPTED {
        let (sandbox, proxy) = backed_up(encrypted, &[("victim", "precious")]);
        // As if the disk below the server had changed it.
        let key = Backdoor::new(&sandbox).key("data/victim");
        proxy.set_rule(move |request| match request.kind {
            Kind::Get if request.key() == key => Verdict::Corrupt,
            _ => Verdict::Pass,
        });
        let was = here(&sandbox);
        let run = sandbox.poof([&UPLOAD[..], &["--proof", "readback"]].concat()).run();
        assert_kept(&sandbox, &was, &["victim"], &run);
    }
}

#[test]
fn a_listing_that_is_stale_proves_nothing() {
    for encrypted in ENCRYPTED {
        let (sandbox, proxy) = backed_up(encrypted, &[("changed", "before")]);
        put(&sandbox, "changed", "AFTER!");
        put(&sandbox, "new", "new");
        let tree = Backdoor::new(&sandbox).key("data/x");
        let prefix = format!("prefix={}%2F&", tree.split('/').next().unwrap());
        let of_the_tree = move |request: &Request| {
            request.kind == Kind::List && format!("{}&", request.query).contains(&prefix)
        };
        let first = AtomicBool::new(true);
        proxy.set_rule(move |request| match of_the_tree(request) {
            true if first.swap(false, Ordering::Relaxed) => Verdict::Remember,
            true => Verdict::Stale,
            false => Verdict::Pass,
        });
        let was = here(&sandbox);
        let run = sandbox.poof(UPLOAD).run();
        assert_kept(&sandbox, &was, &["changed", "new"], &run);
        // Once it is a listing of what is there, the next one completes it.
        proxy.set_rule(|_| Verdict::Pass);
        sandbox.poof(["backup"]).run().expect_code(7);
        sandbox.poof(UPLOAD).run().expect_code(0);
        assert!(!sandbox.data().exists());
    }
}

/// The upload fails and everything is still here; without the fault it completes.
#[track_caller]
fn assert_nothing_wiped(
    sandbox: &Sandbox,
    proxy: &Proxy,
    codes: &[i32],
    rule: impl Fn(&Request) -> Verdict + Send + Sync + 'static,
) -> Run {
    let original = Snapshot::of(&sandbox.data());
    proxy.reset();
    proxy.set_rule(rule);
    let run = sandbox.poof(UPLOAD).timeout(Duration::from_mins(4)).run();
    eprintln!("{:?}: {:?}", run.elapsed, run.code);
    assert!(run.code.is_some_and(|code| codes.contains(&code)), "{run}");
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    proxy.set_rule(|_| Verdict::Pass);
    run
}

#[test]
fn nothing_is_wiped_where_something_could_not_be_sent() {
    for encrypted in ENCRYPTED {
        let (sandbox, proxy) = grown(encrypted, 30);
        let denied = || Verdict::Status(403, "AccessDenied");
        // At once, and in the middle.
        for k in [1, 15] {
            assert_nothing_wiped(&sandbox, &proxy, &[4, 5], move |request| match request.kind {
                Kind::Put if request.number >= k => denied(),
                _ => Verdict::Pass,
            });
        }
        let run = assert_nothing_wiped(&sandbox, &proxy, &[4], move |_| denied());
        assert!(!run.stderr.contains("wiped 0"), "{run}");
        sandbox.poof(UPLOAD).run().expect_code(0);
        assert!(!sandbox.data().exists());
    }
}

#[test]
fn what_is_proven_is_wiped_although_a_removal_is_refused_or_does_not_happen() {
    let verdicts = [Verdict::Status(403, "AccessDenied"), Verdict::Swallow];
    for (encrypted, verdict) in
        ENCRYPTED.into_iter().zip(verdicts.clone()).chain(ENCRYPTED.into_iter().rev().zip(verdicts))
    {
        let (sandbox, proxy) = backed_up(encrypted, &[("gone", "gone")]);
        fs::remove_file(sandbox.data().join("gone")).unwrap();
        let original = Snapshot::of(&sandbox.data());
        proxy.set_rule(
            move |request| {
                if request.kind == Kind::Delete { verdict.clone() } else { Verdict::Pass }
            },
        );
        let run = sandbox.poof(UPLOAD).run().expect_code(5);
        run.stderr_has("data/gone: ")
            .stderr_has("not deleted: 1 file")
            .stderr_has("wiped 10 files");
        assert!(!sandbox.data().exists());
        proxy.set_rule(|_| Verdict::Pass);
        sandbox.poof(UPLOAD).run().expect_code(0);
        sandbox.poof(["download"]).run().expect_code(0);
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    }
}

/// What a server does that is gone.
fn gone(from: &'static AtomicUsize) -> impl Fn(&Request) -> Verdict {
    move |request| {
        if request.number >= from.load(Ordering::Relaxed) { Verdict::Drop } else { Verdict::Pass }
    }
}

#[test]
fn a_server_that_goes_away_in_the_middle_costs_nothing() {
    static FROM: AtomicUsize = AtomicUsize::new(0);
    for encrypted in ENCRYPTED {
        let (sandbox, proxy) = grown(encrypted, 30);
        sandbox.set("patience", json!("3s"));
        // When it is asked for proof.
        sandbox.poof(["backup"]).run().expect_code(0);
        let total = proxy.total();
        proxy.reset();
        sandbox.poof(["backup"]).run().expect_code(0);
        let look = proxy.total();
        assert!(look < total);
        FROM.store(look + 1, Ordering::Relaxed);
        assert_nothing_wiped(&sandbox, &proxy, &[4, 5], gone(&FROM));
        // Before the marker, and after it.
        let marker =
            |request: &Request| request.kind == Kind::Put && request.path.ends_with("/state");
        if !encrypted {
            assert_nothing_wiped(&sandbox, &proxy, &[4, 5], move |request| {
                if marker(request) { Verdict::Drop } else { Verdict::Pass }
            });
            let (count, original) = (AtomicUsize::new(0), Snapshot::of(&sandbox.data()));
            proxy.set_rule(move |request| {
                let again = marker(request) && count.fetch_add(1, Ordering::Relaxed) > 0;
                if again { Verdict::Drop } else { Verdict::Pass }
            });
            let run = sandbox.poof(UPLOAD).run();
            assert!(matches!(run.code, Some(4 | 5)), "{run}");
            assert!(
                !sandbox.data().exists() && run.stderr.contains("data: wiped 30 files"),
                "{run}"
            );
            proxy.set_rule(|_| Verdict::Pass);
            restores(&sandbox, &original);
        }
        sandbox.poof(UPLOAD).run().expect_code(0);
        assert!(!sandbox.data().exists());
    }
}

// poof is patient with what it sends.
#[test]
#[ignore = "takes minutes: make soak"]
fn soak_a_server_that_goes_away_while_files_are_sent_costs_nothing() {
    static FROM: AtomicUsize = AtomicUsize::new(0);
    for (encrypted, from) in ENCRYPTED.into_iter().zip([10, 25]) {
        let (sandbox, proxy) = grown(encrypted, 30);
        sandbox.set("patience", json!("3s"));
        FROM.store(from, Ordering::Relaxed);
        assert_nothing_wiped(&sandbox, &proxy, &[4, 5], gone(&FROM));
        sandbox.poof(UPLOAD).run().expect_code(0);
        assert!(!sandbox.data().exists());
    }
}

#[track_caller]
fn restores(sandbox: &Sandbox, original: &Snapshot) {
    sandbox.poof(["download", "--to", "beside", "--only", "data"]).run().expect_code(0);
    let beside: &Path = &sandbox.home().join("beside/data");
    assert_same_content(original, &Snapshot::of(beside));
}

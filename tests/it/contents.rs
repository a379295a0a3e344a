//! Looking into snapshots, and one file back: `ls`, `find`, `diff`, `history`, `get`.

use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::Value;

use crate::harness::command::Run;
use crate::harness::{Kind, Sandbox, assert_exact, copy_exactly, grow};
use crate::story::{on_disk, proxied};

/// A small tree with something of each kind, backed up to a disk.
fn saved() -> Sandbox {
    let (sandbox, _) = on_disk();
    fill(&sandbox.data());
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox
}

fn fill(data: &Path) {
    fs::create_dir_all(data.join("letters/old")).unwrap();
    for (name, text) in [("letters/tax.odt", "tax"), ("letters/old/b.txt", "two"), ("top", "top")] {
        fs::write(data.join(name), text).unwrap();
    }
    fs::set_permissions(data.join("letters/tax.odt"), Permissions::from_mode(0o640)).unwrap();
    fs::hard_link(data.join("letters/tax.odt"), data.join("letters/same")).unwrap();
    symlink("../top", data.join("letters/link")).unwrap();
    let holes = fs::File::create(data.join("letters/holes")).unwrap();
    holes.set_len(1 << 20).unwrap();
    fs::write(data.join("letters").join(std::ffi::OsStr::from_bytes(b"odd\nname\xff")), "odd")
        .unwrap();
}

/// The paths of its entries.
fn paths(run: &Run) -> Vec<String> {
    let lines = run.json_lines();
    let entries = lines.iter().filter(|line| line["type"] == "entry");
    entries.map(|line| line["path"].as_str().unwrap().to_owned()).collect()
}

fn json(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.poof([&["--json"][..], args].concat()).run().expect_code(0)
}

#[test]
fn what_a_snapshot_holds_is_listed_found_and_compared() {
    let sandbox = saved();
    let data = sandbox.data();
    assert_eq!(paths(&json(&sandbox, &["ls", "data"])), ["letters", "top"]);
    let below = ["letters/holes", "letters/link", "letters/odd\nname\u{fffd}", "letters/old"];
    let listed = paths(&json(&sandbox, &["ls", "data/letters"]));
    assert_eq!(listed[..4], below);
    assert_eq!(paths(&json(&sandbox, &["ls", "-R", "data"])).len(), 9);
    sandbox.poof(["ls"]).run().expect_code(0).stdout_has("data: ");
    let long = sandbox.poof(["ls", "-l", "data/letters"]).run().expect_code(0);
    long.stdout_has("-rw-r-----            3 20").stdout_has(" link -> ../top");
    let on_disk = data.join("letters/tax.odt");
    let run = sandbox.poof(["ls", on_disk.to_str().unwrap()]).run().expect_code(0);
    assert_eq!(run.stdout, "tax.odt\n");
    sandbox.poof(["ls", "data/none"]).run().expect_code(5).stderr_has("data/none is not in");
    sandbox.poof(["ls", "elsewhere"]).run().expect_code(2).stderr_has("poof.conf has: ");

    assert_eq!(paths(&json(&sandbox, &["find", "TAX"])), [] as [&str; 0]);
    assert_eq!(paths(&json(&sandbox, &["find", "tax"])), ["letters/tax.odt"]);
    assert_eq!(
        paths(&json(&sandbox, &["find", "*.txt", "same"])),
        ["letters/old/b.txt", "letters/same"]
    );
    sandbox.poof(["find", "{a"]).run().expect_code(2);

    sandbox.poof(["diff", "data"]).run().expect_code(0).stderr_has("Nothing differs");
    fs::write(data.join("top"), "other").unwrap();
    fs::remove_file(data.join("letters/old/b.txt")).unwrap();
    fs::write(data.join("letters/new"), "new").unwrap();
    fs::set_permissions(data.join("letters/tax.odt"), Permissions::from_mode(0o600)).unwrap();
    let run = sandbox.poof(["diff", "data"]).run().expect_code(0);
    for line in [
        "* data/top\n",
        "- data/letters/old/b.txt\n",
        "+ data/letters/new\n",
        "= data/letters/tax.odt\n",
    ] {
        assert!(run.stdout.contains(line), "{line}: {run}");
    }
    let run = sandbox.poof(["diff", "data/letters/old"]).run().expect_code(0);
    assert_eq!(run.stdout, "= data/letters/old/\n- data/letters/old/b.txt\n");

    sandbox.poof(["backup"]).run().expect_code(0);
    let run = json(&sandbox, &["history", "data"]);
    let numbers: Vec<_> =
        run.json_lines().iter().filter_map(|l| l["generation"].as_u64()).collect();
    assert_eq!(numbers, [2, 1]);
    let run = json(&sandbox, &["history", "data/top"]);
    let of = |key: &str| {
        let lines = run.json_lines();
        let lines = lines.iter().filter(|line| line["type"] == "revision");
        lines.map(|line| line[key].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("bytes"), [5, 3]);
    assert_eq!(of("restorable"), [Value::Bool(true), Value::Bool(false)]);
    sandbox.poof(["history", "data/none"]).run().expect_code(5);
    let run = sandbox.poof(["diff", "data", "--at", "1s", "--and", "now"]).run();
    assert!([0, 5].contains(&run.code.unwrap()), "{run}");
    sandbox.poof(["ls", "data", "--at", "3d"]).run().expect_code(5).stderr_has("no snapshot from");
    sandbox.poof(["ls", "data", "--at", "soon"]).run().expect_code(2);
}

// A configuration changes less often than what is in the directories.
#[test]
fn a_directory_without_such_a_snapshot_is_named_and_the_others_are_shown() {
    let sandbox = saved();
    fs::write(sandbox.data().join("top"), "other").unwrap();
    sandbox.poof(["backup", "--only", "data"]).run().expect_code(0);
    fs::write(sandbox.data().join("new"), "new").unwrap();
    sandbox.poof(["backup", "--only", "data"]).run().expect_code(0);
    let run = sandbox.poof(["diff", "--at", "1", "--and", "3"]).run().expect_code(5);
    assert_eq!(run.stdout, "= data/\n+ data/new\n* data/top\n", "{run}");
    run.stderr_has("config has no snapshot 3").stderr_has("`poof history config`");
    let run = sandbox.poof(["--json", "find", "top", "--at", "3"]).run().expect_code(5);
    assert_eq!(paths(&run), ["top"], "{run}");
    sandbox.poof(["ls", "--at", "3"]).run().expect_code(5).stdout_has("data: ");
    sandbox.poof(["diff", "config", "--at", "1", "--and", "3"]).run().expect_code(5);
}

#[test]
fn what_is_fetched_is_exactly_what_was_saved_and_nothing_else_changes() {
    for encrypted in [false, true] {
        let (sandbox, _proxy) = proxied(encrypted);
        let data = sandbox.data();
        fill(&data);
        grow(&data.join("rest"), 20, 0..=3_000, 3);
        sandbox.poof(["backup"]).run().expect_code(0);
        let before = sandbox.home().join("before");
        copy_exactly(&data, &before);
        fs::remove_dir_all(data.join("letters")).unwrap();
        fs::write(data.join("rest/mine"), "new").unwrap();
        fs::write(data.join("top"), "changed").unwrap();
        let time = fs::metadata(data.join("rest")).unwrap().modified().unwrap();

        sandbox
            .poof(["get", "data/letters", "data/top"])
            .run()
            .expect_code(7)
            .stderr_has("1 file here would be replaced");
        assert!(!data.join("letters").exists());
        sandbox
            .poof(["get", "data/letters", "--dry-run"])
            .run()
            .expect_code(0)
            .stdout_has("+ data/letters/tax.odt");
        assert!(!data.join("letters").exists());

        sandbox.poof(["get", "data/letters"]).run().expect_code(0);
        assert_exact(&before.join("letters"), &data.join("letters"));
        assert_eq!(fs::read(data.join("top")).unwrap(), b"changed");
        assert_eq!(fs::read(data.join("rest/mine")).unwrap(), b"new");
        assert_eq!(fs::metadata(data.join("rest")).unwrap().modified().unwrap(), time);
        sandbox.poof(["get", "--yes", "data/top"]).run().expect_code(0);
        assert_eq!(fs::read(data.join("top")).unwrap(), b"top");

        // Elsewhere, with the directories on the way.
        let to = sandbox.home().join("to");
        let to_ = to.to_str().unwrap();
        sandbox.poof(["get", "data/letters/old/b.txt", "--to", to_]).run().expect_code(0);
        assert_eq!(fs::read(to.join("data/letters/old/b.txt")).unwrap(), b"two");
        assert!(!to.join("data/letters/tax.odt").exists());
        let mode = |dir: &Path| fs::metadata(dir.join("letters")).unwrap().modified().unwrap();
        assert_eq!(mode(&to.join("data")), mode(&before));
    }
}

#[test]
fn what_is_in_the_way_of_a_file_stays() {
    let sandbox = saved();
    let data = sandbox.data();
    fs::remove_dir_all(data.join("letters")).unwrap();
    fs::write(data.join("letters"), "a file").unwrap();
    sandbox
        .poof(["get", "--yes", "data/letters/tax.odt"])
        .run()
        .expect_code(5)
        .stderr_has("in its way");
    assert_eq!(fs::read(data.join("letters")).unwrap(), b"a file");
    fs::remove_file(data.join("letters")).unwrap();
    let other = sandbox.home().join("other");
    fs::create_dir(&other).unwrap();
    symlink(&other, data.join("letters")).unwrap();
    sandbox.poof(["get", "--yes", "data/letters/tax.odt"]).run().expect_code(5);
    assert!(fs::read_dir(&other).unwrap().next().is_none());
    fs::remove_file(data.join("letters")).unwrap();
    fs::remove_file(data.join("top")).unwrap();
    fs::create_dir_all(data.join("top/inside")).unwrap();
    sandbox.poof(["get", "--yes", "data/top"]).run().expect_code(5).stderr_has("in its way");
    assert!(data.join("top/inside").exists());
    // One that is missing keeps no other from coming.
    sandbox
        .poof(["get", "data/none", "data/letters/tax.odt"])
        .run()
        .expect_code(5)
        .stderr_has("data/none is not in the snapshot");
    assert_eq!(fs::read(data.join("letters/tax.odt")).unwrap(), b"tax");
}

#[test]
fn a_file_costs_three_requests_and_on_a_bare_machine_the_shards_on_the_way() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = proxied(encrypted);
        grow(&sandbox.data(), 3_000, 1..=20, 1);
        sandbox.poof(["backup"]).run().expect_code(0);
        let file = paths(&json(&sandbox, &["find", "*0777*", "--only", "data"])).pop().unwrap();
        fs::remove_file(sandbox.data().join(&file)).unwrap();
        proxy.reset();
        let path = format!("data/{file}");
        let run = sandbox.poof(["get", &path]).run().expect_code(0);
        assert!(proxy.total() <= 3, "{}: {run}", proxy.total());
        let shards = sandbox
            .rclone([
                "lsf",
                "-R",
                &format!("{}.poof/trees/data/shard", crate::story::told(&sandbox)),
            ])
            .run();
        let shards = shards.stdout.lines().count();
        assert!(shards >= 4, "{shards}");

        fs::remove_dir_all(sandbox.state()).unwrap();
        let to = sandbox.home().join("to");
        proxy.reset();
        sandbox.poof(["get", &path, "--to", to.to_str().unwrap()]).run().expect_code(0);
        assert!(to.join(&path).exists());
        // The first is that of the root, whose attributes come; the others are found by halves.
        let most = 3 + 2 * shards.ilog2() as usize + 2;
        assert!(proxy.total() <= most, "{} of {most}, {shards} shards", proxy.total());
        assert_eq!(proxy.count(Kind::Put), 0);
    }
}

// The newest snapshot is in the cache, the earlier ones are read each time.
#[test]
fn what_earlier_snapshots_hold_is_found_by_their_heads_and_the_shards_that_differ() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = proxied(encrypted);
        sandbox.set("keep", "30d".into());
        grow(&sandbox.data(), 3_000, 1..=20, 1);
        for text in ["one", "two", "three", "four"] {
            fs::write(sandbox.data().join("changes"), text).unwrap();
            sandbox.poof(["backup", "--only", "data"]).run().expect_code(0);
        }
        proxy.reset();
        let run = json(&sandbox, &["find", "changes", "--only", "data"]);
        let lines = run.json_lines();
        let earlier = lines.iter().filter(|line| line["type"] == "revision");
        assert_eq!(earlier.count(), 3, "{run}");
        // Two listings, four heads, a record, and one shard of each earlier snapshot.
        assert!(proxy.total() <= 10, "{}: {:?}", proxy.total(), proxy.log());
    }
}

#[test]
fn a_part_of_what_was_wiped_comes_back_and_the_rest_stays_wiped() {
    for encrypted in [false, true] {
        let (sandbox, _proxy) = proxied(encrypted);
        let data = sandbox.data();
        fill(&data);
        let before = sandbox.home().join("before");
        copy_exactly(&data, &before);
        sandbox.poof(["upload", "--keep-poof"]).run().expect_code(0);
        let get = || {
            sandbox.poof(["get", "data/letters/tax.odt"]).run().expect_code(0);
            assert_eq!(fs::read(data.join("letters/tax.odt")).unwrap(), b"tax");
        };
        get();
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has("the rest stays wiped");
        assert_eq!(paths(&json(&sandbox, &["ls", "-R", "data"])).len(), 9);
        sandbox.poof(["upload", "--keep-poof"]).run().expect_code(0);
        assert!(!data.exists());
        get();
        fs::write(data.join("letters/tax.odt"), "TAX").unwrap();
        sandbox.poof(["backup"]).run().expect_code(7).stderr_has("was wiped, and new files");
        sandbox.poof(["upload", "--keep-poof"]).run().expect_code(7);
        assert_eq!(fs::read(data.join("letters/tax.odt")).unwrap(), b"TAX");
        sandbox.poof(["get", "--yes", "data/letters/tax.odt"]).run().expect_code(0);
        sandbox.poof(["download"]).run().expect_code(0);
        assert_exact(&before, &data);
        sandbox
            .poof(["backup"])
            .run()
            .expect_code(0)
            .stderr_has("data: 0 new, 0 changed, 0 removed");
        // No name of what was wiped is left on this machine.
        sandbox.poof(["upload", "--keep-poof"]).run().expect_code(0);
        get();
        fs::remove_dir_all(&data).unwrap();
        sandbox.poof(["find", "tax"]).run().expect_code(0);
        let found = sandbox.program("grep").args(["-r", "letters"]).args([sandbox.state()]).run();
        assert_eq!(found.stdout, "", "{found}");
    }
}

#[test]
fn a_bucket_without_a_manifest_is_looked_into_by_a_listing() {
    let (sandbox, bucket) = on_disk();
    fs::create_dir_all(bucket.join("data/letters")).unwrap();
    fs::write(bucket.join("data/letters/tax.odt"), "tax").unwrap();
    fs::write(bucket.join("data/top"), "top").unwrap();
    assert_eq!(paths(&json(&sandbox, &["find", "tax"])), ["letters/tax.odt"]);
    assert_eq!(
        paths(&json(&sandbox, &["ls", "-R", "data"])),
        ["letters", "letters/tax.odt", "top"]
    );
    let run = sandbox.poof(["get", "data/letters"]).run().expect_code(0);
    run.stderr_has("nothing is proven");
    assert_eq!(fs::read(sandbox.data().join("letters/tax.odt")).unwrap(), b"tax");
    assert!(!sandbox.data().join("top").exists());
    sandbox.poof(["ls", "config"]).run().expect_code(7).stderr_has("has no snapshot");
    assert_eq!(paths(&json(&sandbox, &["ls", "data"])), ["letters", "top"]);
    sandbox.poof(["get", "data/none"]).run().expect_code(5).stderr_has("data/none is not");
    sandbox.poof(["ls", "data", "--at", "3d"]).run().expect_code(5).stderr_has("no manifest");
}

#[test]
fn an_older_snapshot_than_this_machine_knows_is_not_fetched_from() {
    let (sandbox, bucket) = on_disk();
    fs::write(sandbox.data().join("a"), "old").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    let before = sandbox.home().join("before");
    copy_exactly(&bucket, &before);
    fs::write(sandbox.data().join("a"), "newer").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::remove_dir_all(&bucket).unwrap();
    copy_exactly(&before, &bucket);
    fs::remove_file(sandbox.data().join("a")).unwrap();
    sandbox.poof(["get", "data/a"]).run().expect_code(7).stderr_has("--allow older-snapshot");
    assert!(!sandbox.data().join("a").exists());
    sandbox.poof(["get", "data/a", "--allow", "older-snapshot"]).run().expect_code(0);
    assert_eq!(fs::read(sandbox.data().join("a")).unwrap(), b"old");
}

#[test]
fn another_store_in_the_place_of_the_known_one_is_not_looked_into() {
    let (sandbox, bucket) = on_disk();
    fs::write(sandbox.data().join("g"), "mine").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::remove_dir_all(&bucket).unwrap();
    let commands: [&[&str]; 7] = [
        &["ls"],
        &["ls", "data"],
        &["find", "g"],
        &["diff"],
        &["history", "data"],
        &["get", "data/g", "--yes"],
        // A refusal of the first is one of the other.
        &["get", "config", "data/g", "--yes"],
    ];
    for args in commands {
        sandbox.poof(args).run().expect_code(7).stderr_has("--allow other-remote");
    }
    // Somebody else's, with more snapshots than this machine knows.
    let other = sandbox.sharing();
    fs::create_dir_all(other.confdir()).unwrap();
    other.write_config(&crate::harness::Config::plain("http://unused"));
    fs::copy(sandbox.rclone_conf(), other.rclone_conf()).unwrap();
    for number in 0..4 {
        fs::write(other.data().join("g"), format!("theirs {number}")).unwrap();
        other.poof(["backup"]).run().expect_code(0);
    }
    for args in commands {
        sandbox.poof(args).run().expect_code(7).stderr_has("--allow other-remote");
    }
    assert_eq!(fs::read(sandbox.data().join("g")).unwrap(), b"mine");
}

#[test]
fn a_damaged_head_is_not_passed_over_for_an_older_one() {
    let (sandbox, bucket) = on_disk();
    for content in ["old", "newer"] {
        fs::write(sandbox.data().join("a"), content).unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
    }
    fs::write(bucket.join(".poof/trees/data/head/0000000002"), "poof head").unwrap();
    fs::remove_dir_all(sandbox.state()).unwrap();
    fs::remove_file(sandbox.data().join("a")).unwrap();
    for args in [&["ls", "data"][..], &["find", "a"], &["history", "data"], &["get", "data/a"]] {
        sandbox.poof(args).run().expect_code(7).stderr_has("--allow older-snapshot");
    }
    assert!(!sandbox.data().join("a").exists());
}

#[test]
fn a_directory_on_the_way_is_as_it_was() {
    let (sandbox, _) = on_disk();
    let dir = sandbox.data().join("dir");
    fs::create_dir(&dir).unwrap();
    for name in ["a", "b"] {
        fs::write(dir.join(name), name).unwrap();
    }
    sandbox.poof_as_ordinary_user(["backup"]).run().expect_code(0);
    fs::remove_file(dir.join("a")).unwrap();
    for place in [&dir, &sandbox.data()] {
        fs::set_permissions(place, Permissions::from_mode(0o555)).unwrap();
    }
    let of = |place: &Path| {
        let found = fs::metadata(place).unwrap();
        (found.permissions().mode(), found.modified().unwrap())
    };
    let before = (of(&dir), of(&sandbox.data()));
    sandbox.poof_as_ordinary_user(["get", "data/dir/a"]).run().expect_code(0);
    assert_eq!(fs::read(dir.join("a")).unwrap(), b"a");
    assert_eq!((of(&dir), of(&sandbox.data())), before);
}

#[test]
fn a_link_on_disk_is_the_link_and_not_what_it_leads_to() {
    let sandbox = saved();
    let other = sandbox.confdir();
    symlink(&other, sandbox.data().join("to-the-other")).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    let link = sandbox.data().join("to-the-other");
    let run = json(&sandbox, &["ls", link.to_str().unwrap()]);
    assert_eq!(paths(&run), ["to-the-other"]);
}

#[test]
fn what_a_killed_look_has_left_goes_with_the_next_run() {
    let sandbox = saved();
    let left = sandbox.state().join("scratch-left");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("index"), "letters").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    assert!(!left.exists());
}

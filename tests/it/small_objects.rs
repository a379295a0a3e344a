//! `"small_objects"`: the storage class of each object in the bucket.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use crate::harness::{Config, Sandbox, minio};

/// The class of each object of the bucket below this directory, by its size and name.
fn classes(sandbox: &Sandbox, dir: &str) -> BTreeMap<(u64, String), String> {
    // rclone shows no class of a MinIO.
    let place = format!("poof-backup,provider=AWS:{}/{dir}", sandbox.bucket());
    let list = ["lsf", "-R", "--files-only", "--format", "sTp", &place];
    let run = sandbox.rclone(list).run().expect_code(0);
    let object = |line: &str| {
        let [size, class, path] = line.splitn(3, ';').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        ((size.parse().unwrap(), path.to_owned()), class.to_owned())
    };
    run.stdout.lines().map(object).collect()
}

fn configured(encrypted: bool) -> Sandbox {
    let sandbox = Sandbox::new();
    let endpoint = minio().endpoint();
    let config = if encrypted { Config::encrypted(endpoint) } else { Config::plain(endpoint) };
    sandbox.write_config(&config.option("storage_class", "REDUCED_REDUNDANCY"));
    sandbox
}

/// Files around the limit, and one that is sent in parts.
fn grow(sandbox: &Sandbox) {
    let mut random = fastrand::Rng::with_seed(3);
    fs::create_dir_all(sandbox.data()).unwrap();
    let sizes = [0, 1, 5_000, 131_000, 131_071, 131_072, 200_000, 5 << 20, 80 << 20];
    for size in sizes {
        let mut content = vec![0; size];
        random.fill(&mut content);
        fs::write(sandbox.data().join(format!("file {size}")), content).unwrap();
    }
}

#[test]
fn small_objects_have_a_class_of_their_own_and_large_ones_that_of_the_remote() {
    for encrypted in [false, true] {
        let sandbox = configured(encrypted);
        sandbox.set("bundle", json!(false));
        grow(&sandbox);
        sandbox.set("small_objects", "STANDARD".into());
        sandbox.set("keep", "30d".into());
        sandbox.poof(["backup"]).run().expect_code(0);
        // What is replaced is copied, and what is in a record is sent once more.
        for size in [5_000, 200_000] {
            fs::write(sandbox.data().join(format!("file {size}")), vec![7; size]).unwrap();
        }
        sandbox.poof(["backup"]).run().expect_code(0);
        let all = classes(&sandbox, "");
        assert!(all.len() > 15, "{all:?}");
        let (small, large): (Vec<_>, Vec<_>) =
            all.iter().partition(|((size, _), _)| *size < 131_072);
        assert!(small.iter().all(|(_, class)| *class == "STANDARD"), "{small:?}");
        assert!(large.iter().all(|(_, class)| *class == "REDUCED_REDUNDANCY"), "{large:?}");
        // 131,071 bytes are more than the limit once they are encrypted.
        assert_eq!(large.len(), if encrypted { 6 } else { 5 }, "{large:?}");
        sandbox.poof(["check", "--read-data"]).run().expect_code(0);
    }
}

#[test]
fn a_bundle_has_the_class_of_the_remote_and_without_the_key_all_have() {
    for small in [None, Some("STANDARD")] {
        let sandbox = configured(true);
        sandbox.set("bundle", json!(true));
        for file in 0..100 {
            fs::create_dir_all(sandbox.data()).unwrap();
            let text = std::iter::repeat_with(fastrand::alphanumeric).take(5_000);
            fs::write(sandbox.data().join(format!("{file}")), text.collect::<String>()).unwrap();
        }
        if let Some(class) = small {
            sandbox.set("small_objects", class.into());
        }
        sandbox.poof(["backup"]).run().expect_code(0);
        let all = classes(&sandbox, "");
        let of = |is_large: bool| -> Vec<_> {
            let is_it = |((size, _), _): &(&(u64, _), _)| (*size >= 131_072) == is_large;
            all.iter().filter(is_it).map(|(_, class)| class.as_str()).collect()
        };
        assert_eq!(of(true), ["REDUCED_REDUNDANCY"], "{all:?}");
        let expected = small.unwrap_or("REDUCED_REDUNDANCY");
        assert!(of(false).len() > 3 && of(false).iter().all(|class| *class == expected), "{all:?}");
    }
}

#[test]
fn verify_says_where_small_objects_cost_more_and_where_the_key_does_nothing() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.data()).unwrap();
    let config = Config::plain(minio().endpoint());
    let amazon = config.clone().option("provider", "AWS").option("storage_class", "STANDARD_IA");
    sandbox.write_config(&amazon);
    let rclone = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    fs::write(sandbox.rclone_conf(), rclone.replace("provider = Minio\n", "")).unwrap();
    let verify = ["verify", "--offline"];
    let run = sandbox.poof(verify).run().expect_code(0);
    run.stderr_has("as if it had 128 KB").stderr_has("\"small_objects\": \"STANDARD\"");
    sandbox.set("small_objects", "STANDARD".into());
    let run = sandbox.poof(verify).run().expect_code(0);
    assert!(!run.stderr.contains("128 KB"), "{run}");
    sandbox.set("small_objects", "DEEP_ARCHIVE".into());
    sandbox.poof(verify).run().expect_code(3).stderr_has("read at once");
    // The server is asked whether it has the class.
    sandbox.write_config(&config);
    sandbox.set("small_objects", "COLD".into());
    sandbox.poof(["verify"]).run().expect_code(4).stderr_has("\"small_objects\" in poof.conf");
    let disk = tempfile::tempdir().unwrap();
    sandbox.write_config(&Config::plain("").on_disk(disk.path()));
    sandbox.set("small_objects", "STANDARD".into());
    sandbox.poof(["verify"]).run().expect_code(0).stderr_has("has no effect");
}

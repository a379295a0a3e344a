//! Damage done through the server's back door: `check` names it, `download`
//! does not let it in, `backup` repairs it.

use std::fs;
use std::path::PathBuf;

use crate::harness::command::Run;
use crate::harness::{Backdoor, Config, Sandbox, Snapshot, assert_same_content, grow, minio};

/// A sandbox with two generations of a snapshot of a few files.
struct Victim {
    sandbox: Sandbox,
    /// The raw object of `data/twice` before its content changed.
    older: Vec<u8>,
    original: Snapshot,
}

/// Damage to the bucket, the paths that suffer, and one of the words that
/// `check` may say of each.
struct Damage<'a> {
    do_it: &'a dyn Fn(&Backdoor, &Victim),
    paths: &'a [&'a str],
    words: &'a [&'a str],
}

/// More than two blocks of crypt, and all of one size.
const SIZE: u64 = 200_000;

impl Victim {
    fn new(encrypted: bool) -> Self {
        let sandbox = Sandbox::new();
        let config = if encrypted { Config::encrypted } else { Config::plain };
        sandbox.write_config(&config(minio().endpoint()));
        grow(&sandbox.data().join("more"), 8, 1..=5_000, 1);
        for name in ["one", "two", "twice", "small"] {
            fs::write(sandbox.data().join(name), content(name, false)).unwrap();
        }
        sandbox.poof(["backup"]).run().expect_code(0);
        let older = Backdoor::new(&sandbox).read("data/twice");
        fs::write(sandbox.data().join("twice"), content("twice", true)).unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        let original = Snapshot::of(&sandbox.data());
        Victim { sandbox, older, original }
    }

    fn local(&self, path: &str) -> PathBuf {
        self.sandbox.home().join(path)
    }

    #[track_caller]
    fn poof(&self, args: &[&str], code: i32) -> Run {
        self.sandbox.poof(args).run().expect_code(code)
    }

    /// Puts other files in the place of local ones.
    fn set_aside(&self, paths: &[&str]) {
        for path in paths {
            fs::rename(self.local(path), self.aside(path)).unwrap();
            fs::write(self.local(path), "mine").unwrap();
        }
    }

    /// Puts the local files back, the same to the inode: nothing changed here.
    fn put_back(&self, paths: &[&str]) {
        for path in paths {
            fs::rename(self.aside(path), self.local(path)).unwrap();
        }
    }

    fn aside(&self, path: &str) -> PathBuf {
        self.local(&path.replace('/', "-"))
    }

    /// The snapshot is whole again, and a restore beside the original proves it.
    #[track_caller]
    fn is_whole(&self) {
        self.poof(&["check"], 0);
        self.poof(&["check", "--read-data"], 0);
        self.poof(&["download", "--only", "data", "--to", "beside"], 0);
        assert_same_content(&self.original, &Snapshot::of(&self.local("beside/data")));
    }
}

/// What a file holds, `late` or before.
fn content(name: &str, late: bool) -> Vec<u8> {
    let size = if name == "small" { 10 } else { SIZE };
    let seed = name.bytes().map(u64::from).sum::<u64>() * 2 + u64::from(late && name == "twice");
    let mut bytes = vec![0; usize::try_from(size).unwrap()];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

/// One damage in both ways of storing, from its doing to its repair.
fn noticed_refused_and_repaired(damage: &Damage) {
    for encrypted in [false, true] {
        let victim = Victim::new(encrypted);
        (damage.do_it)(&Backdoor::new(&victim.sandbox), &victim);
        let run = victim.poof(&["check"], 5);
        for path in damage.paths {
            let says = |line: &str| damage.words.iter().any(|word| line.contains(word));
            let names = |line: &str| line.contains(path) && says(line);
            assert!(run.stdout.lines().any(names), "{path}: {:?}: {run}", damage.words);
        }

        // A local file that a download would replace keeps what it holds.
        victim.set_aside(damage.paths);
        let run = victim.poof(&["download", "--only", "data", "--yes"], 5);
        for path in damage.paths {
            assert!(run.stderr.contains(path), "{path} is not named: {run}");
            assert_eq!(fs::read(victim.local(path)).unwrap(), b"mine", "{path}: {run}");
        }

        // What else happened to the local tree must not hide in the repair.
        victim.put_back(damage.paths);
        assert_same_content(&victim.original, &Snapshot::of(&victim.sandbox.data()));
        let run = victim.poof(&["backup"], 0);
        for path in damage.paths {
            assert!(run.stderr.contains(path), "{path} is not named: {run}");
        }
        victim.is_whole();
    }
}

#[test]
fn a_deleted_object_is_noticed_and_repaired() {
    noticed_refused_and_repaired(&Damage {
        do_it: &|door, _| {
            door.delete("data/one");
            door.delete("data/small");
        },
        paths: &["data/one", "data/small"],
        words: &["missing"],
    });
}

#[test]
fn a_truncated_object_is_noticed_refused_and_repaired() {
    noticed_refused_and_repaired(&Damage {
        do_it: &|door, _| {
            let bytes = door.read("data/one");
            door.write("data/one", &bytes[..bytes.len() - 7]);
            door.write("data/small", b"");
        },
        paths: &["data/one", "data/small"],
        words: &["changed"],
    });
}

// Hazard 7: to crypt this is a whole file.
#[test]
fn an_object_cut_between_two_blocks_is_noticed_refused_and_repaired() {
    noticed_refused_and_repaired(&Damage {
        do_it: &|door, _| {
            let bytes = door.read("data/one");
            let crypt = bytes.len() as u64 != SIZE;
            let end = if crypt { 32 + 2 * (16 + (64 << 10)) } else { 2 * (64 << 10) };
            door.write("data/one", &bytes[..end]);
        },
        paths: &["data/one"],
        words: &["changed"],
    });
}

#[test]
fn a_flipped_bit_is_noticed_refused_and_repaired() {
    noticed_refused_and_repaired(&Damage {
        do_it: &|door, _| {
            let mut bytes = door.read("data/one");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            door.write("data/one", &bytes);
        },
        paths: &["data/one"],
        words: &["changed"],
    });
}

// Hazard 7: to crypt both are whole files.
#[test]
fn two_swapped_objects_are_noticed_refused_and_repaired() {
    noticed_refused_and_repaired(&Damage {
        do_it: &|door, _| {
            let (one, two) = (door.read("data/one"), door.read("data/two"));
            door.write("data/one", &two);
            door.write("data/two", &one);
        },
        paths: &["data/one", "data/two"],
        words: &["swapped", "changed"],
    });
}

#[test]
fn an_older_version_of_an_object_is_noticed_refused_and_repaired() {
    noticed_refused_and_repaired(&Damage {
        do_it: &|door, victim| door.write("data/twice", &victim.older),
        paths: &["data/twice"],
        words: &["stale"],
    });
}

#[test]
fn an_older_manifest_is_noticed_refused_and_replaced_on_request() {
    let copied: &dyn Fn(&Backdoor, &[String; 2]) =
        &|door, [newest, older]| door.write(newest, &door.read(older));
    let deleted: &dyn Fn(&Backdoor, &[String; 2]) = &|door, [newest, _]| door.delete(newest);
    for (encrypted, what, harm) in [
        (false, "copied", copied),
        (true, "copied", copied),
        (false, "deleted", deleted),
        (true, "deleted", deleted),
    ] {
        let victim = Victim::new(encrypted);
        let door = Backdoor::new(&victim.sandbox);
        let heads = door.heads("data");
        harm(&door, &heads);
        let run = victim.poof(&["check"], 5);
        let said = ["another tree or generation", "this machine has seen"];
        assert!(said.iter().any(|word| run.stderr.contains(word)), "{what}: {run}");

        victim.set_aside(&["data/twice"]);
        let before = Snapshot::of(&victim.sandbox.data());
        let raw = door.listing();
        for args in [&["download", "--only", "data", "--yes"][..], &["backup", "--yes"]] {
            victim.poof(args, 7).stderr_has("--allow older-snapshot");
            assert_same_content(&before, &Snapshot::of(&victim.sandbox.data()));
            assert_eq!(door.listing(), raw, "{what}: {args:?}");
        }

        victim.put_back(&["data/twice"]);
        victim.poof(&["backup", "--allow", "older-snapshot"], 0);
        victim.is_whole();
    }
}

#[test]
fn a_damaged_manifest_is_not_believed() {
    for encrypted in [false, true] {
        let victim = Victim::new(encrypted);
        let door = Backdoor::new(&victim.sandbox);
        let [newest, _] = door.heads("data");
        let dir = ".poof/trees/data/shard";
        let shard = format!("{dir}/{}", door.names(dir).first().unwrap());
        for path in [newest, shard] {
            let whole = door.read(&path);
            for cut in [0, whole.len() / 2, whole.len() - 1] {
                door.write(&path, &whole[..cut]);
                refuses_to_guess(&victim, &path);
            }
            let mut flipped = whole.clone();
            flipped[whole.len() / 2] ^= 1;
            door.write(&path, &flipped);
            refuses_to_guess(&victim, &path);
            door.write(&path, &whole);
        }
        victim.poof(&["check"], 0);
    }
}

/// With a bare state (no cache to fall back on) neither check nor download
/// succeeds, and nothing local changes.
fn refuses_to_guess(victim: &Victim, path: &str) {
    let _ = fs::remove_dir_all(victim.sandbox.state());
    let run = victim.sandbox.poof(["check"]).run();
    // A shard of an older generation is nobody's loss.
    if path.contains("/head/") {
        assert_eq!(run.code, Some(5), "{path}: {run}");
        let run = victim.sandbox.poof(["download", "--only", "data", "--yes"]).run();
        assert!(matches!(run.code, Some(5 | 7)), "{path}: {run}");
    }
    assert!(!run.stderr.contains("panicked"), "{path}: {run}");
    assert_same_content(&victim.original, &Snapshot::of(&victim.sandbox.data()));
}

//! docs/recipes.md, done as it stands there.

use std::fs;
use std::path::PathBuf;

use crate::farewell::{installed, poof, safe};
use crate::harness::command::{Command, Run};
use crate::harness::minio::{ACCESS_KEY, SECRET_KEY};
use crate::harness::{Config, Sandbox, Snapshot, assert_same_content, grow, minio};
#[cfg(target_os = "linux")]
use crate::schedule::with_cron;
use crate::story::{on_disk, plain};

const DOC: &str = include_str!("../../docs/recipes.md");

/// The command lines of the `number`th block below a heading.
fn block(heading: &str, number: usize) -> Vec<String> {
    let (_, rest) = DOC.split_once(&format!("\n## {heading}\n")).expect(heading);
    let section = rest.split("\n## ").next().unwrap();
    let block = section.split("```console\n").nth(number + 1).expect(heading);
    let lines = block.split("```").next().unwrap().lines();
    lines.map(|line| line.strip_prefix("$ poof ").unwrap().to_owned()).collect()
}

/// Whoever follows a recipe: a machine, the poof on it, and where the stick is.
struct Cook<'a> {
    sandbox: &'a Sandbox,
    program: PathBuf,
    stick: PathBuf,
}

impl<'a> Cook<'a> {
    fn new(sandbox: &'a Sandbox) -> Self {
        Cook { sandbox, program: installed(sandbox), stick: safe(sandbox) }
    }

    /// One line, where it asks with an answer and where it names a place with one of
    /// this machine.
    fn line(&self, line: &str) -> Command {
        let home = self.sandbox.home().display().to_string();
        let line = line
            .replace("/media/stick", &self.stick.display().to_string())
            .replace("/media/joe/disk", &format!("{home}/disk"))
            .replace("/home/joe", &home)
            .replace("/tmp/look", &format!("{home}/look"))
            .replace("Documents", "data")
            .replace("poof-config", "config")
            .replace("https://new.example.org:9000", &minio().endpoint())
            .replace("=KEY", &format!("={ACCESS_KEY}"))
            .replace("=SECRET", &format!("={SECRET_KEY}"));
        let mut words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let word = |word: &str| words.iter().any(|other| other == word);
        let asks = ["upload", "download", "purge-plain", "neuter", "--purge"].into_iter().any(word);
        let (phrase, dry) = (word("kit") || word("return"), word("--dry-run"));
        if asks && !dry {
            words.push("--yes".to_owned());
        }
        if phrase {
            words.push("--phrase-file".to_owned());
            words.push(self.stick.join("phrase").display().to_string());
        }
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        poof(self.sandbox, &self.program, &words)
    }

    fn done(&self, line: &str) -> Run {
        self.line(line).run().expect_code(0)
    }

    fn follow(&self, heading: &str, number: usize) {
        for line in block(heading, number) {
            self.done(&line);
        }
    }
}

const LEVELS: &str = "The four levels";

#[test]
fn the_levels_1_to_3_follow_each_other() {
    let sandbox = plain(8);
    let cook = Cook::new(&sandbox);
    let original = Snapshot::of(&sandbox.data());
    cook.follow(LEVELS, 0);
    cook.follow(LEVELS, 1);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    for line in block(LEVELS, 2) {
        // There were plain backups before.
        cook.line(&line).run().expect_code(if line == "backup" { 7 } else { 0 });
    }
    cook.follow(LEVELS, 3);
    cook.done("status").stdout_has("level: 3").stdout_has("holds: yes");
}

/// A level-4 upload as a recipe says, then the return on another machine as it says.
fn goes_and_comes_back(heading: &str, away: usize, back: usize) {
    let sandbox = plain(8);
    let original = Snapshot::of(&sandbox.data());
    let cook = Cook::new(&sandbox);
    cook.follow(heading, away);
    assert!(!sandbox.data().exists() && !cook.program.exists() && !sandbox.confdir().exists());
    let other = Sandbox::new();
    let there = Cook { program: installed(&other), sandbox: &other, stick: cook.stick };
    fs::remove_dir(other.data()).unwrap();
    there.follow(heading, back);
    assert_same_content(&original, &Snapshot::of(&other.data()));
}

#[test]
fn level_4_leaves_nothing_and_the_kit_brings_it_back() {
    goes_and_comes_back(LEVELS, 4, 5);
}

#[test]
fn a_kit_on_paper_brings_it_back() {
    goes_and_comes_back("A kit on paper", 0, 1);
}

#[test]
fn a_machine_for_the_repair_shop_is_empty_and_comes_back() {
    goes_and_comes_back("A machine for the repair shop", 0, 1);
}

#[test]
fn a_new_computer_gets_everything_and_the_old_one_keeps_its_data() {
    const HEADING: &str = "To a new computer";
    let old = plain(8);
    let original = Snapshot::of(&old.data());
    let here = Cook::new(&old);
    here.follow(HEADING, 0);
    let new = Sandbox::new();
    let there = Cook { program: installed(&new), sandbox: &new, stick: here.stick.clone() };
    fs::remove_dir(new.data()).unwrap();
    there.follow(HEADING, 1);
    assert_same_content(&original, &Snapshot::of(&new.data()));
    here.follow(HEADING, 2);
    assert_same_content(&original, &Snapshot::of(&old.data()));
    assert!(!here.program.exists() && !old.confdir().exists());
}

/// The trees that stock rclone sees in the bucket of the usual configuration.
#[cfg(target_os = "linux")]
fn on_the_old_remote(sandbox: &Sandbox) -> Vec<String> {
    let dir = minio().bucket_dir(sandbox.bucket());
    let all = walkdir::WalkDir::new(dir).into_iter().map(|entry| entry.unwrap());
    // Each object is a directory of MinIO's with this in it.
    let objects = all.filter(|entry| entry.file_name() == "xl.meta");
    objects.map(|entry| entry.path().display().to_string()).collect()
}

#[test]
#[cfg(target_os = "linux")] // cron
fn to_another_provider_nothing_is_lost_and_the_old_one_is_emptied() {
    const HEADING: &str = "To another provider";
    let endpoint = minio().endpoint();
    for (old, encrypts) in [
        (Config::plain(&*endpoint), false),
        (Config::plain(&*endpoint), true),
        (Config::encrypted(&*endpoint), true),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write_config(&old);
        grow(&sandbox.data(), 8, 0..=3_000, 7);
        with_cron(&sandbox);
        let cook = Cook::new(&sandbox);
        let original = Snapshot::of(&sandbox.data());
        cook.done("backup");
        let before = on_the_old_remote(&sandbox);
        assert!(before.len() > 8, "{before:?}");
        for (number, is_done) in [(0, true), (1, encrypts), (2, true)] {
            for line in block(HEADING, number).iter().filter(|_| is_done) {
                cook.done(line);
                // The old one has all of it, whenever somebody stops here.
                assert_eq!(on_the_old_remote(&sandbox), before, "{line}");
            }
        }
        cook.done("check --read-data");
        for line in block(HEADING, 3) {
            // poof stays for the profile.
            let code = if line.starts_with("neuter") { 9 } else { 0 };
            cook.line(&line).run().expect_code(code);
            assert_same_content(&original, &Snapshot::of(&sandbox.data()));
            cook.done("--profile new check");
        }
        let left = on_the_old_remote(&sandbox);
        assert!(left.len() <= 1, "only the mark of poof's is left: {left:?}");
        assert!(!sandbox.rclone_conf().exists());
        fs::remove_dir_all(sandbox.data()).unwrap();
        cook.done("--profile new download");
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
        cook.done("status").stdout_has("profile new: ");
    }
}

#[test]
fn a_part_comes_back_beside_what_is_there() {
    let sandbox = plain(8);
    let cook = Cook::new(&sandbox);
    cook.done("backup");
    cook.follow("On another system", 0);
    let look = Snapshot::of(&sandbox.home().join("look/data"));
    assert_same_content(&Snapshot::of(&sandbox.data()), &look);
}

#[test]
fn a_disk_instead_of_a_cloud() {
    // Both files are there but for the remote.
    let (sandbox, _) = on_disk();
    fs::remove_file(sandbox.rclone_conf()).unwrap();
    grow(&sandbox.data(), 8, 0..=3_000, 7);
    Cook::new(&sandbox).follow("A disk instead of a cloud", 0);
    assert!(sandbox.home().join("disk").join(sandbox.bucket()).join("data").is_dir());
}

#[test]
#[cfg(target_os = "linux")] // cron
fn a_disk_and_a_bucket() {
    const HEADING: &str = "A disk and a bucket";
    let sandbox = plain(8);
    fs::create_dir(sandbox.home().join("disk")).unwrap();
    with_cron(&sandbox);
    let cook = Cook::new(&sandbox);
    cook.done("backup");
    cook.follow(HEADING, 0);
    let buckets = fs::read_dir(sandbox.home().join("disk")).unwrap();
    let buckets: Vec<_> = buckets.map(|entry| entry.unwrap().path()).collect();
    assert!(buckets.len() == 1 && buckets[0].join("data").is_dir(), "{buckets:?}");
    let run = cook.done("status").stdout_has("profile disk: ").stdout_has("schedule: every 1d (");
    assert!(!run.stdout.contains("trouble"), "{run}");
    cook.follow(HEADING, 1);
    cook.done("--profile disk backup --allow other-remote");
}

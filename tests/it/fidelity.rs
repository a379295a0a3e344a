//! What comes back is exactly what was there: content, types, names of any
//! bytes, and every attribute that whoever runs poof may set.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::harness::command::Run;
use crate::harness::hostile::{Keeper, hostile, set_mtime, set_xattr, setfacl};
use crate::harness::{Config, Lacks, Sandbox, assert_exact, copy_exactly, minio, skipped};

/// A sandbox with the hostile tree, backed up.
struct Person {
    sandbox: Sandbox,
    keeper: Keeper,
}

impl Person {
    /// None if the tests may not do what this needs; says so.
    fn with(config: &Config, keeper: Keeper) -> Option<Self> {
        if keeper == Keeper::Root && !rustix::process::geteuid().is_root() {
            skipped(Lacks::Root, "only root can give files to others");
            return None;
        }
        let sandbox = Sandbox::new();
        sandbox.write_config(config);
        hostile(&sandbox.data(), keeper);
        let person = Person { sandbox, keeper };
        person.poof(&["backup"], 0);
        Some(person)
    }

    #[track_caller]
    fn poof(&self, args: &[&str], code: i32) -> Run {
        let command = match self.keeper {
            Keeper::Root => self.sandbox.poof(args),
            Keeper::User => self.sandbox.poof_as_ordinary_user(args),
        };
        command.run().expect_code(code)
    }

    /// Moves the tree away: to its last attribute it stays what it was.
    fn lose(&self) -> PathBuf {
        let original = self.sandbox.home().join("original");
        fs::rename(self.sandbox.data(), &original).unwrap();
        original
    }
}

fn configs() -> [Config; 2] {
    [Config::plain(minio().endpoint()), Config::encrypted(minio().endpoint())]
}

fn comes_back(config: &Config, keeper: Keeper) {
    let Some(person) = Person::with(config, keeper) else { return };
    let original = person.lose();
    person.poof(&["download"], 0);
    assert_exact(&original, &person.sandbox.data());
    person.poof(&["backup"], 0).stderr_has("data: 0 new, 0 changed, 0 removed");
}

#[test]
fn root_gets_the_hostile_tree_back_exactly_from_a_plain_remote() {
    comes_back(&configs()[0], Keeper::Root);
}

#[test]
fn root_gets_the_hostile_tree_back_exactly_from_an_encrypted_remote() {
    comes_back(&configs()[1], Keeper::Root);
}

#[test]
fn a_user_gets_the_hostile_tree_back_exactly_from_a_plain_remote() {
    comes_back(&configs()[0], Keeper::User);
}

#[test]
fn a_user_gets_the_hostile_tree_back_exactly_from_an_encrypted_remote() {
    comes_back(&configs()[1], Keeper::User);
}

#[test]
fn a_bare_machine_gets_everything_back_beside_the_original() {
    for config in configs() {
        let Some(person) = Person::with(&config, Keeper::User) else { return };
        fs::remove_dir_all(person.sandbox.state()).unwrap();
        person.poof(&["download", "--only", "data", "--to", "beside"], 0);
        assert_exact(&person.sandbox.data(), &person.sandbox.home().join("beside/data"));
        // The cache is fetched again, not taken for a first backup.
        person.poof(&["backup"], 0).stderr_has("data: 0 new, 0 changed, 0 removed");
    }
}

#[test]
fn a_tree_that_was_altered_becomes_what_it_was() {
    for config in configs() {
        let Some(person) = Person::with(&config, Keeper::User) else { return };
        let (data, original) = (person.sandbox.data(), person.sandbox.home().join("original"));
        copy_exactly(&data, &original);
        alter(&data);
        person.poof(&["download", "--yes"], 0);
        assert_exact(&original, &data);
        person.poof(&["backup"], 0).stderr_has("data: 0 new, 0 changed, 0 removed");
    }
}

/// Other attributes, other content, other types, too much and too little.
fn alter(data: &Path) {
    let mode = |path: &str, mode| {
        fs::set_permissions(data.join(path), Permissions::from_mode(mode)).unwrap();
    };
    mode("modes/file-0400", 0o777);
    mode("modes/directory-0755", 0o700);
    mode("modes/read-only", 0o777);
    mode("names", 0o711);
    set_mtime(&data.join("modes/file-0444"), 1_000_000_000, 1);
    set_mtime(&data.join("kinds/dangling"), 1_000_000_000, 1);
    set_mtime(&data.join("names/dirs/twin"), 1_000_000_000, 1);
    set_xattr(&data.join("attributes/file"), "user.three-kilobytes", b"other");
    set_xattr(&data.join("kinds/empty"), "user.more", b"more");
    rustix::fs::removexattr(data.join("attributes/directory"), "user.binary").unwrap();
    setfacl(&["-b"], &data.join("attributes/acl"));
    setfacl(&["-k"], &data.join("attributes/default"));
    setfacl(&["-m", "u:1:rwx"], &data.join("names/files/twin"));
    let kinds = data.join("kinds");
    // Content of the same size, its time put back.
    let same = data.join("attributes/default/none");
    let time = fs::metadata(&same).unwrap();
    fs::write(&same, "y").unwrap();
    set_mtime(&same, time.mtime(), time.mtime_nsec());
    fs::remove_file(kinds.join("name-2")).unwrap();
    fs::write(kinds.join("name-2"), "one inode").unwrap();
    fs::remove_file(kinds.join("x")).unwrap();
    symlink("elsewhere", kinds.join("x")).unwrap();
    fs::remove_file(kinds.join("fifo")).unwrap();
    fs::write(kinds.join("fifo"), "a file now").unwrap();
    fs::remove_dir_all(kinds.join("directory/empty")).unwrap();
    fs::write(kinds.join("directory/empty"), "a file now").unwrap();
    fs::remove_file(kinds.join("empty")).unwrap();
    fs::create_dir_all(kinds.join("empty/with/more")).unwrap();
    fs::write(kinds.join("empty/with/more/extra"), "extra").unwrap();
    fs::write(data.join("extra"), "extra").unwrap();
    fs::remove_dir_all(data.join("deep")).unwrap();
}

#[test]
fn an_attribute_that_changed_alone_is_backed_up() {
    for config in configs() {
        let Some(person) = Person::with(&config, Keeper::User) else { return };
        let data = person.sandbox.data();
        fs::set_permissions(data.join("modes/file-0600"), Permissions::from_mode(0o640)).unwrap();
        set_xattr(&data.join("attributes/file"), "user.empty", b"no more");
        set_mtime(&data.join("modes"), 1_000_000_000, 999_999_999);
        set_mtime(&data.join("kinds/dangling"), 1_000_000_000, 1);
        fs::remove_file(data.join("kinds/name-2")).unwrap();
        fs::hard_link(data.join("kinds/empty"), data.join("kinds/name-2")).unwrap();
        person.poof(&["backup"], 0);
        let original = person.lose();
        person.poof(&["download"], 0);
        assert_exact(&original, &data);
    }
}

#[test]
fn what_is_restored_by_a_user_names_the_owners_that_could_not_be_set() {
    if !rustix::process::geteuid().is_root() {
        skipped(Lacks::Root, "only root can give files to others");
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write_config(&configs()[0]);
    fs::write(sandbox.data().join("file"), "x").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    let run = sandbox.poof_as_ordinary_user(["download", "--only", "data", "--to", "beside"]).run();
    let run = run.expect_code(0);
    let told = run.stderr.lines().filter(|line| line.contains("owner")).count();
    assert_eq!(told, 1, "one line sums up what only root can set: {run}");
}

// The judge is judged: its own copy passes, and each kind of difference fails.
#[test]
fn a_copy_by_rsync_is_exact_and_no_difference_passes_for_it() {
    let sandbox = Sandbox::new();
    let (data, other) = (sandbox.data(), sandbox.home().join("copy"));
    hostile(&data, Keeper::User);
    copy_exactly(&data, &other);
    assert_exact(&data, &other);
    let (file, link) = (other.join("kinds/name-1"), other.join("kinds/dangling"));
    let harms: [&dyn Fn(); 6] = [
        &|| set_mtime(&link, 1_234_567_890, 1),
        &|| set_mtime(&other, 1_234_567_890, 1),
        &|| set_xattr(&file, "user.more", b""),
        &|| setfacl(&["-m", "u:1:r"], &file),
        &|| fs::set_permissions(&file, Permissions::from_mode(0o606)).unwrap(),
        &|| {
            fs::remove_file(other.join("kinds/name-2")).unwrap();
            fs::write(other.join("kinds/name-2"), "one inode").unwrap();
        },
    ];
    for (number, harm) in harms.iter().enumerate() {
        harm();
        let compare = || assert_exact(&data, &other);
        assert!(std::panic::catch_unwind(compare).is_err(), "harm {number} is not seen");
        copy_back(&data, &other);
        assert_exact(&data, &other);
    }
}

fn copy_back(from: &Path, to: &Path) {
    fs::remove_dir_all(to).unwrap();
    copy_exactly(from, to);
}

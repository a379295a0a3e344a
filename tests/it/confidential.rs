//! What the owner of the server learns from an encrypted backup: the disk of the
//! server is searched for everything that poof knew.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{chown, symlink};

use walkdir::WalkDir;

use crate::harness::hostile::{STRANGER, set_xattr, setfacl};
use crate::harness::{Config, Sandbox, minio};

/// Words that nothing but this tree knows.
const WORDS: [&str; 8] = [
    "quetzal-tree",
    "quetzal-directory",
    "quetzal-file",
    "quetzal-target",
    "quetzal-attribute",
    "quetzal-value",
    "quetzal-content",
    "quetzal-link",
];

/// A sandbox with a tree whose every attribute tells something, backed up twice.
fn talkative(config: Config, long: Option<&str>) -> Sandbox {
    let sandbox = Sandbox::new();
    let tree = sandbox.home().join("local-quetzal");
    sandbox.write_config(&config.tree(&tree, WORDS[0]));
    fs::write(sandbox.data().join("short"), WORDS[6]).unwrap();
    let dir = tree.join(WORDS[1]);
    fs::create_dir_all(&dir).unwrap();
    for number in 0..20 {
        let path = dir.join(format!("{}-{number}", WORDS[2]));
        fs::write(&path, WORDS[6].repeat(number * 500)).unwrap();
        set_xattr(&path, &format!("user.{}", WORDS[4]), WORDS[5].as_bytes());
        setfacl(&["-m", &format!("u:{}:r", STRANGER.0)], &path);
    }
    symlink(WORDS[3], dir.join(WORDS[7])).unwrap();
    if let Some(name) = long {
        fs::write(dir.join(name), WORDS[6]).unwrap();
    }
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::write(dir.join(format!("{}-more", WORDS[2])), WORDS[6]).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(dir.join(format!("{}-1", WORDS[2])), Some(65_534), None).unwrap();
    }
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox
}

/// Which of `words` stand in the names or the content of the server's files.
fn found(sandbox: &Sandbox, words: &[String]) -> Vec<String> {
    let root = minio().bucket_dir(sandbox.bucket());
    let mut found = Vec::new();
    let mut files = 0;
    for entry in WalkDir::new(&root).min_depth(1) {
        let entry = entry.unwrap();
        let name = entry.path().strip_prefix(&root).unwrap().as_os_str().as_bytes().to_vec();
        let mut hay = vec![(name, "name")];
        if entry.file_type().is_file() {
            files += 1;
            hay.push((fs::read(entry.path()).unwrap(), "content"));
        }
        for word in words {
            for (bytes, place) in &hay {
                let is_here = bytes.windows(word.len()).any(|part| part == word.as_bytes());
                if is_here {
                    found.push(format!("{word:?} in the {place} of {}", entry.path().display()));
                }
            }
        }
    }
    assert!(files > 20, "{files} files in {}", root.display());
    found
}

/// What an encrypted backup must not tell.
fn secrets(sandbox: &Sandbox) -> Vec<String> {
    let mut words: Vec<_> = WORDS.map(str::to_owned).to_vec();
    words.push("quetzal".to_owned());
    words.push(sandbox.home().to_str().unwrap().to_owned());
    // Of a file that the configuration tree holds.
    words.push("rclone-poof.conf".to_owned());
    words.push("nobody".to_owned());
    words.push(STRANGER.0.to_string());
    words.push("x".repeat(40));
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned();
    // A shorter name stands in random bytes by chance.
    if host.len() > 4 {
        words.push(host);
    }
    // The user's name; the path of the bucket itself is not searched.
    words.push(sandbox.bucket().to_owned());
    words
}

#[test]
fn an_encrypted_backup_tells_the_server_nothing() {
    let sandbox = talkative(Config::encrypted(minio().endpoint()), None);
    let found = found(&sandbox, &secrets(&sandbox));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

// Hazard 13: it lies elsewhere, under another name.
#[test]
fn a_name_too_long_for_an_encrypted_remote_is_not_told_either() {
    let long = format!("{}{}", WORDS[2], "x".repeat(200));
    let sandbox = talkative(Config::encrypted(minio().endpoint()), Some(&long));
    let found = found(&sandbox, &secrets(&sandbox));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

// The search finds what is there to be found.
#[test]
fn a_plain_backup_shows_names_and_content_to_the_same_search() {
    let sandbox = talkative(Config::plain(minio().endpoint()), None);
    for word in [WORDS[0], WORDS[2], WORDS[3], WORDS[6], "rclone-poof.conf"] {
        assert!(!found(&sandbox, &[word.to_owned()]).is_empty(), "{word}");
    }
}

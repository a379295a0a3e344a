//! A tree with everything that a backup gets wrong.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};
use walkdir::WalkDir;

/// Who is to bring the tree back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// May set everything.
    Root,
    /// Owns all of it: no other owners, no setuid, nothing that its own owner
    /// cannot read.
    User,
}

/// The number of a user and of a group that nobody has.
pub const STRANGER: (u32, u32) = (54_321, 54_322);

/// Seconds of 1960, of the second before the epoch, of 2100, and of a day
/// between them.
const TIMES: [i64; 4] = [-315_619_200, -1, 4_102_444_800, 1_234_567_890];

/// Makes the tree at `root`, which exists.
pub fn hostile(root: &Path, keeper: Keeper) {
    names(&made(root, "names"));
    deep(&made(root, "deep"));
    kinds(&made(root, "kinds"));
    attributes(&made(root, "attributes"));
    modes(&made(root, "modes"), keeper);
    if keeper == Keeper::Root {
        owners(&made(root, "owners"));
    }
    times(root);
}

fn made(parent: &Path, name: impl AsRef<OsStr>) -> PathBuf {
    let path = parent.join(name.as_ref());
    fs::create_dir(&path).unwrap();
    path
}

/// As names of files and of directories with a file in them.
pub fn names(dir: &Path) {
    let longest = ["n".repeat(255), "日".repeat(85), format!("{}é", "x".repeat(253))];
    let odd: [&[u8]; 40] = [
        b"new\nline",
        b"carriage\rreturn",
        b"tab\t",
        b"escape \x1b[31m",
        b"\x01\x02\x1f\x7f",
        b"trailing space ",
        b" leading space",
        b" ",
        b"#hash",
        b";semicolon",
        b"back\\slash",
        b"\\",
        b"trailing dot.",
        b"...",
        b"-rf",
        b"*",
        b"[a-z]{1,2}?",
        b"$HOME `id` 'quote' \"quote\"",
        b"%2F%00",
        b"+ %20 &amp;<>:|",
        b"bad utf8 \xff\xfe",
        b"\xc3",
        b"\xed\xa0\x80",
        b".poof",
        "\u{201b}".as_bytes(),
        "\u{201b}\u{ff0f}".as_bytes(),
        "fullwidth \u{ff0f} \u{ff3c} \u{ff02}".as_bytes(),
        "\u{ff0e}\u{ff0e}".as_bytes(),
        "\u{ff0e}".as_bytes(),
        "\u{240a}\u{2400}\u{2420}".as_bytes(),
        "\u{e9}".as_bytes(),
        "e\u{301}".as_bytes(),
        "\u{202e}right to left".as_bytes(),
        "\u{feff}mark".as_bytes(),
        b"Twin",
        b"twin",
        b"TWIN",
        longest[0].as_bytes(),
        longest[1].as_bytes(),
        longest[2].as_bytes(),
    ];
    let (files, dirs) = (made(dir, "files"), made(dir, "dirs"));
    for name in odd {
        let name = OsStr::from_bytes(name);
        fs::write(files.join(name), name.as_bytes()).unwrap();
        let inside = made(&dirs, name);
        fs::write(inside.join(name), "inside").unwrap();
        fs::write(inside.join("plain"), name.as_bytes()).unwrap();
    }
}

/// Sixty levels: more than the 1,024 bytes at which an S3 key ends.
fn deep(dir: &Path) {
    let mut path = dir.to_path_buf();
    for level in 0..60 {
        path = made(&path, format!("level-{level:02}-of-a-deep-one"));
        if level % 20 == 19 {
            fs::write(path.join("file"), format!("at level {level}")).unwrap();
        }
    }
    made(&path, "empty at the end");
}

/// Everything that is not a plain file.
fn kinds(dir: &Path) {
    for (target, name) in [
        ("nowhere", "dangling"),
        ("loop-b", "loop-a"),
        ("loop-a", "loop-b"),
        (".", "itself"),
        ("directory", "to-directory"),
        ("/etc/hostname", "absolute"),
        ("x.rclonelink", "x"),
        (" \n odd ", "odd target"),
    ] {
        symlink(target, dir.join(name)).unwrap();
    }
    symlink("t".repeat(2_000), dir.join("long target")).unwrap();
    symlink(OsStr::from_bytes(b"bad \xff"), dir.join("bad target")).unwrap();
    fs::write(dir.join("x.rclonelink"), "a regular file").unwrap();
    fs::write(dir.join("another.rclonelink"), "no such link").unwrap();
    fs::write(dir.join("empty"), "").unwrap();
    let directory = made(dir, "directory");
    made(&made(&directory, "empty"), "emptier");
    fs::write(dir.join("name-1"), "one inode").unwrap();
    fs::hard_link(dir.join("name-1"), dir.join("name-2")).unwrap();
    fs::hard_link(dir.join("name-1"), directory.join("name-3")).unwrap();
    let mode = Mode::from_raw_mode(0o640);
    for name in ["fifo", "directory/fifo"] {
        rustix::fs::mknodat(CWD, dir.join(name), FileType::Fifo, mode, 0).unwrap();
    }
    sparse(&dir.join("sparse"), b"the end");
    sparse(&dir.join("all hole"), b"");
}

/// A hole of 64 MiB, and `end`.
fn sparse(path: &Path, end: &[u8]) {
    let mut file = File::create(path).unwrap();
    file.set_len(64 << 20).unwrap();
    file.seek(SeekFrom::End(0)).unwrap();
    file.write_all(end).unwrap();
}

/// Extended attributes and access control lists.
fn attributes(dir: &Path) {
    for name in ["file", "acl"] {
        fs::write(dir.join(name), name).unwrap();
    }
    let (inner, default) = (made(dir, "directory"), made(dir, "default"));
    for path in [dir.join("file"), inner] {
        set_xattr(&path, "user.three-kilobytes", &[b'v'; 3 << 10]);
        set_xattr(&path, "user.empty", b"");
        set_xattr(&path, "user.binary", b"\0\xff\n=\"");
    }
    let (user, group) = STRANGER;
    setfacl(&["-m", &format!("u:{user}:rwx,g:{group}:r-x,m::rwx")], &dir.join("acl"));
    setfacl(&["-m", &format!("u:{user}:r-x")], &default);
    setfacl(&["-d", "-m", &format!("u:{user}:rwx,g::---,o::---")], &default);
    // Made below the default, and then other than it says.
    fs::write(default.join("inherits"), "x").unwrap();
    fs::write(default.join("none"), "x").unwrap();
    setfacl(&["-b"], &default.join("none"));
    made(&default, "inherits too");
}

pub fn set_xattr(path: &Path, name: &str, value: &[u8]) {
    rustix::fs::lsetxattr(path, name, value, XattrFlags::empty())
        .unwrap_or_else(|error| panic!("{name} of {}: {error}", path.display()));
}

pub fn setfacl(args: &[&str], path: &Path) {
    let status = Command::new("setfacl").args(args).arg(path).status();
    assert!(status.expect("setfacl is missing: run `make test-tools`").success());
}

/// Every bit of the mode, on files and on directories with a file in them.
fn modes(dir: &Path, keeper: Keeper) {
    let mut modes = vec![0o400, 0o444, 0o500, 0o600, 0o664, 0o755, 0o777, 0o1777];
    if keeper == Keeper::Root {
        modes.extend([0o0, 0o111, 0o4755, 0o2755, 0o6711, 0o7777, 0o4000]);
    }
    for mode in modes {
        let file = dir.join(format!("file-{mode:04o}"));
        fs::write(&file, format!("{mode:o}")).unwrap();
        set_mode(&file, mode);
        // What its owner cannot enter cannot be read.
        let mode = if keeper == Keeper::User { mode | 0o500 } else { mode };
        let inside = dir.join(format!("directory-{mode:04o}"));
        if !inside.exists() {
            made(&made(dir, &inside), "inner");
            fs::write(inside.join("file"), "inside").unwrap();
            set_mode(&inside, mode);
        }
    }
    let read_only = made(dir, "read-only");
    fs::write(read_only.join("file"), "inside").unwrap();
    set_mode(&read_only, 0o555);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn owners(dir: &Path) {
    let (user, group) = (Some(STRANGER.0), Some(STRANGER.1));
    fs::write(dir.join("file"), "x").unwrap();
    fs::write(made(dir, "directory").join("file"), "x").unwrap();
    symlink("file", dir.join("link")).unwrap();
    chown(dir.join("file"), user, group).unwrap();
    chown(dir.join("directory"), user, None).unwrap();
    chown(dir.join("directory/file"), None, group).unwrap();
    lchown(dir.join("link"), user, group).unwrap();
    // A change of owner clears setuid: it comes first.
    fs::write(dir.join("program"), "x").unwrap();
    chown(dir.join("program"), user, group).unwrap();
    set_mode(&dir.join("program"), 0o6755);
}

/// Gives everything below `root`, and `root`, a time of its own.
fn times(root: &Path) {
    let mut seconds = TIMES.iter().cycle();
    for entry in WalkDir::new(root).contents_first(true).sort_by_file_name() {
        let entry = entry.unwrap();
        set_mtime(entry.path(), *seconds.next().unwrap(), 123_456_789);
    }
}

/// Sets the time of `path` itself, link or not.
pub fn set_mtime(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

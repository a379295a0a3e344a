//! The independent reader (tests/format), which was written from docs/format.md alone: it
//! lists what was on the disk, writes it back, and refuses what was changed.

use std::collections::{BTreeSet, HashMap};
use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use rustix::fs::{CWD, FileType, Mode, lgetxattr, llistxattr, makedev, mknodat};
use serde_json::{Value, json};
use walkdir::WalkDir;

use crate::harness::command::Run;
use crate::harness::hostile::{Keeper, hostile, names, set_mtime};
use crate::harness::{Config, Sandbox, assert_exact, grow, minio, tools};
use crate::sealed::{head, key_before, put_head, sealed_as};

/// A person whose remote is a directory, and the Python of the reader.
struct Reader {
    sandbox: Sandbox,
    python: PathBuf,
    /// The directory of the bucket.
    bucket: PathBuf,
    encrypted: bool,
}

impl Reader {
    /// None if the reader cannot be installed; says so.
    fn new(encrypted: bool) -> Option<Self> {
        Self::with(encrypted, &[])
    }

    /// The same with options of crypt.
    fn with(encrypted: bool, options: &[(&str, &str)]) -> Option<Self> {
        let python = tools::format_reader()?;
        let sandbox = Sandbox::new();
        let disk = sandbox.home().join("disk");
        fs::create_dir(&disk).unwrap();
        let phone = sandbox.home().join("phone");
        fs::create_dir(&phone).unwrap();
        fs::write(phone.join("new\nline"), "picture").unwrap();
        // The name of a tree is used as it is.
        let config = if encrypted { Config::encrypted("") } else { Config::plain("") };
        let config = config.tree(phone, "photos/phone \u{201b}\u{2401}");
        let config = options.iter().fold(config, |all, (key, value)| all.crypt_option(key, value));
        sandbox.write_config(&config.on_disk(&disk));
        let bucket = disk.join(sandbox.bucket());
        Some(Reader { sandbox, python, bucket, encrypted })
    }

    fn read(&self, args: &[&str]) -> Run {
        self.read_from(&self.bucket, args)
    }

    fn read_from(&self, bucket: &Path, args: &[&str]) -> Run {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/format/read_snapshot.py");
        // -B: nothing is written beside the source.
        let mut program = self.sandbox.program(self.python.to_str().unwrap());
        program = program.args(["-B", script, "--bucket", bucket.to_str().unwrap()]);
        if self.encrypted {
            program = program.args(["--conf", self.sandbox.rclone_conf().to_str().unwrap()]);
        }
        program.args(args).run()
    }

    fn backup(&self) {
        self.sandbox.poof(["backup"]).run().expect_code(0);
    }

    /// An object of the bucket, whatever its name is there.
    fn object(&self, name: &str) -> PathBuf {
        if !self.encrypted {
            return self.bucket.join(name);
        }
        let shown = self.sandbox.rclone(["cryptdecode", "--reverse", "poof-crypt:", name]).run();
        let shown = shown.expect_code(0).stdout;
        self.bucket.join(shown.trim_end().rsplit_once('\t').unwrap().1.trim())
    }

    /// The names of the shards of the tree, in clear.
    fn shards(&self) -> Vec<String> {
        let remote = if self.encrypted {
            "poof-crypt:".to_owned()
        } else {
            format!("poof-backup:{}/", self.sandbox.bucket())
        };
        let dir = format!("{remote}.poof/trees/data/shard");
        let listed = self.sandbox.rclone(["lsf", &dir]).run().expect_code(0);
        listed.stdout.lines().map(str::to_owned).collect()
    }
}

/// The hostile tree, and what the reader has to be told of besides.
fn fill(data: &Path) {
    let root = rustix::process::geteuid().is_root();
    hostile(data, if root { Keeper::Root } else { Keeper::User });
    grow(&data.join("many"), 2_000, 0..=300, 7);
    // More than one block of crypt, and exactly one.
    grow(&data.join("large"), 1, 200_000..=200_000, 3);
    grow(&data.join("block"), 1, 65_536..=65_536, 4);
    // crypt leaves what reads like a version in clear.
    for name in
        ["a-v2020-02-29-235959-001.txt", "a-v2021-02-29-235959-001.txt", "-v2020-01-02-030405-678"]
    {
        fs::write(data.join(name), name).unwrap();
    }
    fs::create_dir(data.join("dir-v2020-01-02-030405-678")).unwrap();
    fs::write(data.join("dir-v2020-01-02-030405-678/x"), "x").unwrap();
    if root {
        // Not every container lets root make one.
        let mode = Mode::from_raw_mode(0o640);
        let _ = mknodat(CWD, data.join("device"), FileType::CharacterDevice, mode, makedev(1, 3));
    }
    set_mtime(data, -1, 1);
}

/// What a disk has at each path below `data`, in the words and in the order of the reader.
fn on_disk(data: &Path) -> Vec<Value> {
    let mut links = HashMap::new();
    let mut found: Vec<(Vec<u8>, PathBuf)> = WalkDir::new(data)
        .into_iter()
        .map(|entry| {
            let path = entry.unwrap().into_path();
            (path.strip_prefix(data).unwrap().as_os_str().as_bytes().to_vec(), path)
        })
        .collect();
    // A slash is less than all that a name may hold.
    found.sort_by_key(|(path, _)| {
        path.iter().map(|b| if *b == b'/' { 0 } else { *b }).collect::<Vec<_>>()
    });
    found.iter().map(|(path, full)| line(path, full, &mut links)).collect()
}

fn text(object: &mut Value, key: &str, bytes: &[u8]) {
    let lossy = String::from_utf8_lossy(bytes).into_owned();
    if lossy.as_bytes() != bytes {
        object[format!("{key}_base64")] = BASE64.encode(bytes).into();
    }
    object[key] = lossy.into();
}

fn line(path: &[u8], full: &Path, links: &mut HashMap<(u64, u64), u64>) -> Value {
    let meta = fs::symlink_metadata(full).unwrap();
    let kind = meta.file_type();
    let (user, group) = (uzers::get_user_by_uid(meta.uid()), uzers::get_group_by_gid(meta.gid()));
    let mut line = json!({
        "mode": format!("{:04o}", meta.permissions().mode() & 0o7777),
        "uid": meta.uid(),
        "gid": meta.gid(),
        "user": user.map(|user| user.name().to_str().unwrap().to_owned()).unwrap_or_default(),
        "group": group.map(|group| group.name().to_str().unwrap().to_owned()).unwrap_or_default(),
        "mtime": [meta.mtime(), meta.mtime_nsec()],
    });
    text(&mut line, "path", path);
    line["type"] = match kind {
        _ if kind.is_file() => "file",
        _ if kind.is_dir() => "directory",
        _ if kind.is_symlink() => "symlink",
        _ if kind.is_fifo() => "fifo",
        _ if kind.is_char_device() => "character device",
        _ => panic!("{}: what is it?", full.display()),
    }
    .into();
    if kind.is_file() {
        line["size"] = meta.len().into();
        line["blake3"] = blake3::hash(&fs::read(full).unwrap()).to_hex().as_str().into();
        line["sparse"] = (meta.blocks() * 512 < meta.len()).into();
    }
    if kind.is_symlink() {
        text(&mut line, "target", fs::read_link(full).unwrap().as_os_str().as_bytes());
    }
    if kind.is_char_device() {
        line["device"] = meta.rdev().into();
    }
    let xattrs = xattrs(full);
    if !xattrs.is_empty() {
        line["xattrs"] = xattrs.into();
    }
    if !kind.is_dir() && meta.nlink() > 1 {
        let own = u64::from_le_bytes(*blake3::hash(path).as_bytes().first_chunk().unwrap());
        let group = *links.entry((meta.dev(), meta.ino())).or_insert(own);
        line["hard_link"] = format!("{group:016x}").into();
    }
    line
}

fn xattrs(path: &Path) -> Vec<Value> {
    let mut names = vec![0; 64 << 10];
    let size = llistxattr(path, &mut names).unwrap_or(0);
    let of_system = [&b"security.selinux"[..], b"security.ima", b"security.evm"];
    let names = names[..size].split(|byte| *byte == 0);
    let mut names: Vec<_> =
        names.filter(|name| !name.is_empty() && !of_system.contains(name)).collect();
    names.sort_unstable();
    let pair = |name: &&[u8]| {
        let mut value = vec![0; 64 << 10];
        let size = lgetxattr(path, CString::new(*name).unwrap().as_c_str(), &mut value).unwrap();
        json!([String::from_utf8_lossy(name), BASE64.encode(&value[..size])])
    };
    names.iter().map(pair).collect()
}

/// The lines of the reader are what `data` has, path by path.
#[track_caller]
fn assert_lists(run: &Run, data: &Path) {
    let mut lines = run.json_lines();
    let first = lines.remove(0);
    let expected = on_disk(data);
    assert_eq!(first["entries"], expected.len(), "{first}");
    for (line, expected) in lines.iter_mut().zip(&expected) {
        let stored = line.as_object_mut().unwrap().remove("stored");
        let holds = ["file", "symlink"].iter().any(|kind| expected["type"] == **kind);
        assert_eq!(stored.is_some(), holds, "{line}");
        assert_eq!(line, expected);
    }
    assert_eq!(lines.len(), expected.len());
}

fn lists_and_writes(encrypted: bool, bundled: bool) {
    let Some(reader) = Reader::new(encrypted) else { return };
    reader.sandbox.set("bundle", bundled.into());
    let data = reader.sandbox.data();
    fill(&data);
    reader.backup();
    let trees = reader.read(&[]).expect_code(0).json_lines();
    let trees: Vec<_> = trees.iter().map(|tree| tree["tree"].as_str().unwrap()).collect();
    assert!(
        trees[..2] == ["config", "data"] && trees[2] == "photos/phone \u{201b}\u{2401}",
        "{trees:?}"
    );
    let phone = reader.read(&["--tree", trees[2]]).expect_code(0);
    assert_eq!(phone.json_lines()[2]["path"], "new\nline", "{phone}");
    let run = reader.read(&["--tree", "data"]).expect_code(0);
    assert!(run.stderr.is_empty(), "{run}");
    assert_lists(&run, &data);
    assert!(run.json_lines()[0]["shards"].as_u64().unwrap() > 3, "{run}");
    let odd = run.json_lines().iter().filter(|line| line["stored"]["odd"] == true).count();
    assert!(odd > 0 || bundled, "some names are none that the remote can hold");
    let members = run.json_lines().iter().filter(|l| !l["stored"]["bundle"].is_null()).count();
    assert_eq!(members > 2_000, bundled, "{members}");
    // A way back without poof.
    let out = reader.sandbox.home().join("out");
    let mut args = vec!["--tree", "data", "--extract", out.to_str().unwrap()];
    if rustix::process::geteuid().is_root() {
        args.push("--privileged");
    }
    let run = reader.read(&args).expect_code(0);
    assert!(run.stderr.is_empty(), "{run}");
    assert_exact(&data, &out);
    // It replaces nothing.
    reader.read(&args).expect_code(1).stderr_has("File exists");
}

#[test]
fn another_program_lists_and_writes_a_plain_snapshot_as_the_disk_had_it() {
    lists_and_writes(false, false);
}

#[test]
fn another_program_lists_and_writes_an_encrypted_snapshot_as_the_disk_had_it() {
    lists_and_writes(true, false);
}

#[test]
fn another_program_lists_and_writes_what_is_in_bundles() {
    lists_and_writes(false, true);
    lists_and_writes(true, true);
}

#[test]
fn another_program_reads_what_stock_rclone_has_copied_from_a_bucket() {
    for encrypted in [false, true] {
        let Some(reader) = Reader::new(encrypted) else { return };
        let endpoint = minio().endpoint();
        let config = if encrypted { Config::encrypted(endpoint) } else { Config::plain(endpoint) };
        reader.sandbox.write_config(&config);
        let data = reader.sandbox.data();
        names(&data);
        grow(&data.join("many"), 20, 0..=3_000, 7);
        if !encrypted {
            // It is sent in parts.
            fs::File::create(data.join("large")).unwrap().set_len((64 << 20) + 1).unwrap();
        }
        reader.backup();
        let copy = reader.sandbox.home().join("copy");
        let bucket = format!("poof-backup:{}", reader.sandbox.bucket());
        reader
            .sandbox
            .rclone(["copy", "--no-unicode-normalization", &bucket, copy.to_str().unwrap()])
            .run()
            .expect_code(0);
        let run = reader.read_from(&copy, &["--tree", "data"]).expect_code(0);
        assert_lists(&run, &data);
    }
}

/// As docs/format.md writes a name: what differs each time is HEX, a generation NNNNNNNNNN.
fn generic(path: &Path) -> String {
    let part = |part: &str| {
        if part.len() == 10 && part.bytes().all(|byte| byte.is_ascii_digit()) {
            return "N".repeat(10);
        }
        let (name, end) = part.split_once('.').unwrap_or((part, ""));
        let hex = name.len() >= 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hex {
            return part.to_owned();
        }
        if end.is_empty() { "HEX".to_owned() } else { format!("HEX.{end}") }
    };
    path.to_str().unwrap().split('/').map(part).collect::<Vec<_>>().join("/")
}

#[test]
fn each_file_of_the_state_and_each_record_is_in_the_document() {
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/format.md");
    let text = fs::read_to_string(text).unwrap();
    let sandbox = Sandbox::new();
    let disk = sandbox.home().join("disk");
    fs::create_dir(&disk).unwrap();
    sandbox.write_config(&Config::plain("").on_disk(&disk));
    let (state, bucket) = (sandbox.state(), disk.join(sandbox.bucket()));
    let run = |args: &[&str], code| sandbox.poof(args).run().expect_code(code);
    let mut seen = BTreeSet::new();
    let mut look = || {
        for (top, place) in [(&state, ""), (&bucket.join(".poof"), ".poof/")] {
            for entry in WalkDir::new(top).into_iter().flatten() {
                if entry.file_type().is_file() {
                    let path = generic(entry.path().strip_prefix(top).unwrap());
                    seen.insert(format!("{place}{path}"));
                }
            }
        }
    };
    fs::write(sandbox.data().join("file"), "content").unwrap();
    fs::write(sandbox.data().join("file.rclonelink"), "no link").unwrap();
    run(&["backup"], 0);
    look();
    // Another machine has saved, and this one has read it.
    let other = sandbox.sharing();
    other.write_config(&Config::plain("").on_disk(&disk));
    other.poof(["download", "--yes", "--only", "data"]).run().expect_code(0);
    fs::write(other.data().join("more"), "more").unwrap();
    other.poof(["backup", "--only", "data"]).run().expect_code(0);
    run(&["backup"], 7);
    look();
    run(&["download", "--yes", "--only", "data"], 0);
    let kit = sandbox.home().join("kit");
    let phrase = sandbox.home().join("phrase");
    fs::write(&phrase, "four rather different words").unwrap();
    run(&["kit", kit.to_str().unwrap(), "--phrase-file", phrase.to_str().unwrap()], 0);
    run(&["backup", "--scheduled", "--every", "1d"], 0);
    // One that a program is writing stays, and so does the journal.
    let held = fs::OpenOptions::new().append(true).open(sandbox.data().join("file")).unwrap();
    run(&["upload", "--yes"], 9);
    look();
    drop(held);
    run(&["upload", "--yes"], 0);
    look();
    for path in &seen {
        let name = path.strip_prefix("trees/HEX/").unwrap_or(path);
        let name = match path.strip_prefix(".poof/trees/") {
            Some(rest) => format!(".poof/trees/NAME/{}", rest.split_once('/').unwrap().1),
            None => name.to_owned(),
        };
        let name = if name.starts_with("found/") { "found/" } else { &name };
        assert!(
            text.contains(&format!("`{name}`")),
            "docs/format.md does not know {name} ({path})"
        );
    }
    for wanted in [
        "trees/HEX/found/index",
        "wiped/HEX",
        "wiped/HEX.begun",
        "farewell.json",
        "schedule.json",
        ".poof/trees/data/state",
        ".poof/trees/data/odd/HEX",
    ] {
        assert!(seen.contains(wanted), "the test does not bring about {wanted}: {seen:#?}");
    }
}

#[test]
fn another_program_reads_what_crypt_makes_with_other_options() {
    for options in [
        &[("filename_encoding", "base64")][..],
        &[("filename_encryption", "off")],
        &[("filename_encryption", "off"), ("suffix", "none")],
        &[("directory_name_encryption", "false")],
        &[("no_data_encryption", "true")],
    ] {
        let Some(reader) = Reader::with(true, options) else { return };
        let data = reader.sandbox.data();
        fs::create_dir_all(data.join("dir/deeper")).unwrap();
        fs::write(data.join("dir/deeper/new\nline"), "content").unwrap();
        fs::write(data.join("a-v2020-02-29-235959-001.txt"), "").unwrap();
        symlink("target", data.join("link")).unwrap();
        reader.backup();
        let run = reader.read(&["--tree", "data"]).expect_code(0);
        assert_eq!(reader.read(&[]).json_lines().len(), 3, "{options:?}");
        assert_lists(&run, &data);
    }
    let options = [("filename_encryption", "obfuscate")];
    let Some(reader) = Reader::with(true, &options) else { return };
    reader.read(&[]).expect_code(1).stderr_has("filename_encryption = obfuscate");
}

/// Changes one byte of a file, counted from its end if `at` is negative.
fn flip(path: &Path, at: isize) {
    let mut bytes = fs::read(path).unwrap();
    let at = if at < 0 { bytes.len() - at.unsigned_abs() } else { at.unsigned_abs() };
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn another_program_refuses_each_part_of_a_snapshot_of_which_a_byte_was_changed() {
    for encrypted in [false, true] {
        let Some(reader) = Reader::new(encrypted) else { return };
        grow(&reader.sandbox.data(), 40, 1..=3_000, 1);
        fs::write(reader.sandbox.data().join("one"), "content").unwrap();
        reader.backup();
        let shard = &reader.shards()[0];
        let head = reader.object(".poof/trees/data/head/0000000001");
        let shard = reader.object(&format!(".poof/trees/data/shard/{shard}"));
        let one = reader.object("data/one");
        // Beyond what crypt puts in front: in clear these are format, tree, seal, and so on.
        let front = if encrypted { 48 } else { 0 };
        let middle = isize::try_from(fs::metadata(&shard).unwrap().len() / 2).unwrap();
        let all = ["--tree", "data"];
        let manifest = ["--tree", "data", "--manifest-only"];
        for (path, at, args, says) in [
            (&head, front, &manifest[..], "read_snapshot: the head is not usable"),
            (&head, front + 10, &manifest[..], "read_snapshot: the head is not usable"),
            (&head, front + 12, &manifest[..], "read_snapshot: the head is not usable"),
            (&head, -40, &manifest[..], "read_snapshot: the head is not usable"),
            (&head, -1, &manifest[..], "read_snapshot: the head is not usable"),
            (&shard, front, &manifest[..], "read_snapshot: shard "),
            (&shard, middle, &manifest[..], "read_snapshot: shard "),
            (&shard, -1, &manifest[..], "read_snapshot: shard "),
            (&one, -1, &all[..], "read_snapshot: \"one\": "),
            (&one, 0, &all[..], "read_snapshot: \"one\": "),
        ] {
            reader.read(&all).expect_code(0);
            flip(path, at);
            let run = reader.read(args).expect_code(1).stderr_has(says);
            assert!(!run.stderr.contains("Traceback"), "{run}");
            flip(path, at);
        }
        // What is cut, and what is another's.
        let whole = fs::read(&head).unwrap();
        fs::write(&head, &whole[..whole.len() - 1]).unwrap();
        reader.read(&manifest).expect_code(1).stderr_has("the head is not usable");
        fs::copy(reader.object(".poof/trees/config/head/0000000001"), &head).unwrap();
        reader.read(&manifest).expect_code(1).stderr_has("it is that of 'config'");
        fs::write(&head, whole).unwrap();
        fs::remove_file(&shard).unwrap();
        reader.read(&manifest).expect_code(1).stderr_has("cannot be read");
    }
}

#[test]
fn another_program_opens_an_encrypted_snapshot_with_its_passwords_and_store_only() {
    let Some(reader) = Reader::new(true) else { return };
    fs::write(reader.sandbox.data().join("file"), "content").unwrap();
    reader.backup();
    // In clear, as a person may have written them down.
    let clear = reader.sandbox.home().join("clear");
    let given = ["--tree", "data", "--passwords", clear.to_str().unwrap()];
    for (text, code) in
        [("the first pass word\nand the salt\n", 0), ("the first pass word\n", 1), ("", 1)]
    {
        fs::write(&clear, text).unwrap();
        let run = reader.read(&given).expect_code(code);
        assert!(!run.stderr.contains("pass word") && !run.stderr.contains("Traceback"), "{run}");
    }
    // Without them there is nothing to see.
    let plain = Reader { encrypted: false, ..reader };
    plain.read(&["--tree", "data"]).expect_code(1).stderr_has("no snapshot of data");
    let reader = Reader { encrypted: true, ..plain };
    // Another store with the same passwords.
    let identity = reader.sandbox.home().join("identity");
    fs::write(&identity, r#"{"format":1,"id":"00000000000000000000000000000000"}"#).unwrap();
    let to = "poof-crypt:.poof/identity";
    let args = ["copyto", "--ignore-times", identity.to_str().unwrap(), to];
    reader.sandbox.rclone(args).run().expect_code(0);
    reader.read(&["--tree", "data"]).expect_code(1).stderr_has("another store");
}

#[test]
fn another_program_reads_the_formats_that_older_poofs_have_sealed() {
    let Some(reader) = Reader::new(true) else { return };
    let sandbox = &reader.sandbox;
    fs::write(sandbox.data().join("file"), "content").unwrap();
    reader.backup();
    let (new, key) = (head(sandbox, 1), key_before(sandbox));
    // A shard under the key of before: its name is another, and so is its id in the head.
    let [shard] = &reader.shards()[..] else { panic!() };
    let (file, dir) = (sandbox.home().join("shard"), "poof-crypt:.poof/trees/data/shard/");
    let copy = |from: &str, to: &str| {
        sandbox.rclone(["copyto", "--ignore-times", from, to]).run().expect_code(0);
    };
    copy(&format!("{dir}{shard}"), file.to_str().unwrap());
    let id = blake3::keyed_hash(&key, &fs::read(&file).unwrap());
    copy(file.to_str().unwrap(), &format!("{dir}{}", &id.to_hex()[..32]));
    let first = data_encoding::HEXLOWER.decode(shard.as_bytes()).unwrap();
    let at = new.windows(16).position(|window| window == first).unwrap();
    let mut moved = new.clone();
    moved[at..at + 32].copy_from_slice(id.as_bytes());
    for version in [1, 2] {
        for head in [&new, &moved] {
            put_head(sandbox, 1, &sealed_as(version, &key, head));
            let run = reader.read(&["--tree", "data"]).expect_code(0);
            let lines = run.json_lines();
            assert_eq!(lines[0]["format"], version, "{run}");
            assert_eq!((&lines[2]["path"], &lines[2]["size"]), (&"file".into(), &7.into()));
        }
    }
    // The key of before opens nothing that says it is new, and no head is of a newer poof.
    for (version, says) in [(3, "its seal is wrong"), (6, "newer than this reader")] {
        let mut forged = sealed_as(2, &key, &new);
        forged.truncate(forged.len() - 32);
        forged[10] = version;
        let seal = blake3::keyed_hash(&key, &forged);
        forged.extend_from_slice(seal.as_bytes());
        put_head(sandbox, 1, &forged);
        reader.read(&["--tree", "data"]).expect_code(1).stderr_has(says);
    }
}

#[test]
fn the_independent_reader_reads_a_kit_on_paper() {
    let Some(python) = tools::format_reader() else { return };
    let sandbox = Sandbox::new();
    let disk = sandbox.home().join("disk");
    fs::create_dir(&disk).unwrap();
    sandbox.write_config(&Config::encrypted("").on_disk(&disk));
    let (page, phrase) = (sandbox.home().join("kit.html"), sandbox.home().join("phrase"));
    fs::write(&phrase, "correct horse  battery staple\n").unwrap();
    let phrase = phrase.to_str().unwrap();
    let args = ["kit", "--print", page.to_str().unwrap(), "--phrase-file", phrase];
    sandbox.poof(args).run().expect_code(0);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/format/read_kit.py");
    let args = ["-B", script, page.to_str().unwrap(), "--phrase-file", phrase];
    let run = sandbox.program(python.to_str().unwrap()).args(args).run().expect_code(0);
    let kit: Value = serde_json::from_str(&run.stdout).unwrap();
    let conf = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    assert_eq!(kit["rclone_conf"], Value::from(conf), "{run}");
}

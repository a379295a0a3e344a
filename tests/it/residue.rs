//! What an upload leaves on the disk: the raw device is searched for what was in the
//! files, for their names, and for the manifest that poof had cached. The figures are
//! those of the table in docs/wiping.md.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use fastrand::Rng;

use crate::harness::command::Run;
use crate::harness::{Config, Lacks, Sandbox, minio, skipped};

/// Bytes after which a file says again which one it is.
const BLOCK: usize = 512;
/// Of the manifest's blocks, what is looked for.
const BEGIN: usize = 32;
/// How many files there are of how many bytes, so that the last block of each is long
/// enough to say it.
const SIZES: [(usize, usize); 4] = [(40, 100), (150, 3_000), (20, 60_000), (1, 2_000_000)];
const IN_PLACE: &str = "overwritten in place";

/// A file system in a file, which becomes the home directory of a sandbox.
struct Disk {
    image: PathBuf,
    options: &'static str,
    /// Begins every marker of this disk.
    magic: String,
}

/// What a search of the raw device found.
#[derive(Debug)]
struct Remains {
    /// Blocks of contents.
    content: usize,
    /// Files of which a name was found.
    names: usize,
    /// Blocks of the cached manifest.
    manifest: usize,
}

/// Why a scene cannot be played here.
fn missing(make: &str, kind: &str) -> Option<(Lacks, String)> {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if !rustix::process::geteuid().is_root() {
        return Some((Lacks::Root, "only root can mount".to_owned()));
    }
    if !known.lines().any(|line| line.split_whitespace().last() == Some(kind)) {
        return Some((Lacks::FileSystem, format!("this kernel has no {kind}")));
    }
    let loops = Process::new("losetup").arg("-f").output();
    if !loops.is_ok_and(|out| out.status.success()) {
        return Some((Lacks::Mount, "there are no loop devices".to_owned()));
    }
    let program = make.split(' ').next().unwrap();
    let is_there = Process::new("which").arg(program).output().unwrap().status.success();
    (!is_there).then(|| (Lacks::Tool, format!("{program} is missing: run `make test-tools`")))
}

impl Disk {
    /// `make` is a piece of shell that makes the file system on `$0`.
    fn make(sandbox: &Sandbox, make: &str, options: &'static str) -> Self {
        let image = sandbox.home().with_file_name("disk.img");
        // As small as xfs and btrfs get.
        let size = if make.contains("ext4") { 64 << 20 } else { 300 << 20 };
        File::create(&image).unwrap().set_len(size).unwrap();
        let run = Process::new("sh").args(["-ec", make]).arg(&image).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let magic = format!("{:016x}", Rng::new().u64(..));
        Disk { image, options, magic }
    }

    /// Runs `script` where this disk is mounted on `$1`, in a process whose mounts go
    /// with it. It sets `code`; P is where it began.
    #[track_caller]
    fn with(&self, sandbox: &Sandbox, point: &Path, script: &str) -> Run {
        let script = format!(
            "set -e; P=$PWD; cd /; mount -o loop,{} \"$0\" \"$1\"\n{script}\n\
             umount \"$1\"; exit $code",
            self.options
        );
        let args = ["-m", "sh", "-c", &script].map(PathBuf::from);
        let args = args.into_iter().chain([self.image.clone(), point.into()]);
        sandbox.program("unshare").args(args).run()
    }

    /// Files whose every block says which of them it is, and whose names are as odd.
    fn fill(&self, data: &Path) {
        let sizes = SIZES.iter().flat_map(|(count, size)| iter::repeat_n(*size, *count));
        let mut rng = Rng::new();
        for (number, size) in sizes.enumerate() {
            let dir = data.join(format!("dir-{}", number % 3));
            fs::create_dir_all(&dir).unwrap();
            let mut bytes = vec![0; size];
            rng.fill(&mut bytes);
            let mark = format!("{}c{number:06}", self.magic);
            for block in bytes.chunks_mut(BLOCK).filter(|block| block.len() >= mark.len()) {
                block[..mark.len()].copy_from_slice(mark.as_bytes());
            }
            fs::write(dir.join(format!("{}n{number:06}", self.magic)), bytes).unwrap();
        }
    }

    /// Searches the device.
    fn search(&self, manifest: &HashSet<Vec<u8>>) -> Remains {
        let pattern = format!("{}[cn][0-9]{{6}}", self.magic);
        let mut grep = Process::new("grep");
        grep.env("LC_ALL", "C").args(["-aoE", &pattern]).arg(&self.image);
        let found = String::from_utf8(grep.output().unwrap().stdout).unwrap();
        let is_name = |mark: &&str| mark.as_bytes()[self.magic.len()] == b'n';
        let content = found.lines().filter(|mark| !is_name(mark)).count();
        let names: HashSet<_> = found.lines().filter(is_name).collect();
        let mut device = File::open(&self.image).unwrap();
        let (mut chunk, zeros) = (vec![0; 1 << 20], vec![0; 1 << 20]);
        let mut blocks = 0;
        while let Ok(()) = device.read_exact(&mut chunk) {
            if chunk != zeros {
                blocks += chunk.chunks(BLOCK).filter(|b| manifest.contains(&b[..BEGIN])).count();
            }
        }
        Remains { content, names: names.len(), manifest: blocks }
    }
}

/// What the blocks of the cached manifest of the larger tree begin with: those of the
/// files that hold names.
fn manifest(copy: &Path) -> HashSet<Vec<u8>> {
    let caches = fs::read_dir(copy).unwrap().map(|cache| {
        let cache = cache.unwrap().path();
        ["index", "marks"].map(|name| fs::read(cache.join(name)).unwrap())
    });
    let larger = caches.max_by_key(|files| files.iter().map(Vec::len).sum::<usize>()).unwrap();
    let blocks = larger.iter().flat_map(|file| file.chunks(BLOCK));
    blocks.filter(|block| block.len() >= BEGIN).map(|block| block[..BEGIN].to_vec()).collect()
}

/// Uploads from a disk that holds all there is, data, state and configuration, and
/// searches it. `says` is what poof is to say of it.
fn remains(make: &str, kind: &str, options: &'static str, says: &str) -> Option<Remains> {
    if let Some((lacks, why)) = missing(make, kind) {
        skipped(lacks, why);
        return None;
    }
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::encrypted(minio().endpoint()));
    let disk = Disk::make(&sandbox, make, options);
    disk.fill(&sandbox.data());
    let (poof, home) = (env!("CARGO_BIN_EXE_poof"), sandbox.home());
    let [elsewhere, copy] = ["elsewhere", "copy"].map(|name| home.with_file_name(name));
    fs::create_dir(&elsewhere).unwrap();
    disk.with(&sandbox, &elsewhere, "cp -a \"$P\"/. \"$1\"; code=0").expect_code(0);
    let trees = format!("cp -a $HOME/.local/state/poof/trees {}", copy.display());
    // What then is new makes the upload write another manifest over the cached one.
    let news = "echo news >$HOME/data/news";
    disk.with(&sandbox, &home, &format!("{poof} backup; {trees}; {news}; code=0")).expect_code(0);
    let manifest = manifest(&copy);
    let before = disk.search(&manifest);
    let blocks: usize = SIZES.iter().map(|(count, size)| count * size.div_ceil(BLOCK)).sum();
    let files: usize = SIZES.iter().map(|(count, _)| count).sum();
    // A search that finds nothing would prove nothing.
    assert!(before.content >= blocks && before.names == files, "{before:?}");
    assert!(before.manifest >= 30, "{before:?}");
    let upload =
        format!("code=0; {poof} upload --yes --keep-poof || code=$?; test ! -e $HOME/data");
    let run = disk.with(&sandbox, &home, &upload).expect_code(0);
    assert!(run.stderr.contains(says), "it does not say {says:?}: {run}");
    let after = disk.search(&manifest);
    let known = manifest.len();
    eprintln!("{make} {options}: of {blocks}, {files} and {known}: {after:?}");
    Some(after)
}

/// Of contents and manifest not a byte.
fn nothing_of_the_content(remains: Option<&Remains>) {
    if let Some(Remains { content, manifest, .. }) = remains {
        assert_eq!((*content, *manifest), (0, 0));
    }
}

/// What poof says may be left is left.
fn something_of_the_content(remains: Option<&Remains>) {
    if let Some(Remains { content, .. }) = remains {
        assert!(*content > 0, "less is left than poof and docs/wiping.md say");
    }
}

#[test]
fn no_content_is_left_on_ext4() {
    nothing_of_the_content(remains("mkfs.ext4 -q $0", "ext4", "data=ordered", IN_PLACE).as_ref());
}

#[test]
fn not_even_names_are_left_on_ext4_without_a_journal() {
    let made = "mkfs.ext4 -q -O ^has_journal $0";
    let remains = remains(made, "ext4", "rw", IN_PLACE);
    assert!(remains.as_ref().is_none_or(|remains| remains.names == 0), "{remains:?}");
    nothing_of_the_content(remains.as_ref());
}

#[test]
fn no_content_is_left_on_xfs() {
    nothing_of_the_content(remains("mkfs.xfs -q $0", "xfs", "rw", IN_PLACE).as_ref());
}

#[test]
fn no_content_is_left_on_btrfs_that_does_not_copy() {
    nothing_of_the_content(remains("mkfs.btrfs -q $0", "btrfs", "nodatacow", IN_PLACE).as_ref());
}

// The option is in the file system itself, where the list of mounts does not show it.
#[test]
fn content_that_stays_in_a_journal_is_told() {
    let made = "mkfs.ext4 -q -J size=16 $0; tune2fs -o journal_data $0";
    let says = "the journal of the file system may hold content";
    something_of_the_content(remains(made, "ext4", "rw", says).as_ref());
}

#[test]
fn content_that_lay_in_the_inodes_is_told() {
    // Not more files: Linux 6.18 loses the last bytes of some that end a little behind a
    // page and began as inline ones, and of poof's cache with them.
    let made = "mkfs.ext4 -q -O inline_data -I 256 $0";
    let says = "content within inodes may stay in the journal";
    something_of_the_content(remains(made, "ext4", "rw", says).as_ref());
}

#[test]
fn content_that_is_copied_on_write_is_told() {
    let says = "the file system copies on write";
    something_of_the_content(remains("mkfs.btrfs -q $0", "btrfs", "rw", says).as_ref());
}

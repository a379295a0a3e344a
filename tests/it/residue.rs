//! What an upload leaves on the disk: the raw device is searched for what was in the
//! files, for their names, and for the manifest that poof had cached. The figures are
//! those of the table in docs/wiping.md.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::time::Duration;

use fastrand::Rng;

use crate::harness::command::{Run, copy_program};
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

/// What is made of a disk, and what is done there.
#[derive(Clone, Copy)]
struct Scene {
    /// A piece of shell that makes the file system on `$0`.
    make: &'static str,
    kind: &'static str,
    options: &'static str,
    /// In bytes; None: as small as these get.
    size: Option<u64>,
    /// Options of the upload.
    upload: &'static str,
    /// A piece of shell that removes the data in its place; empty: poof does.
    instead: &'static str,
    /// What poof is to say of it.
    says: &'static str,
    /// Each file was written before with other content.
    earlier: bool,
    /// Everything is somebody's who is not root.
    ordinary: bool,
}

impl Scene {
    const fn of(make: &'static str, kind: &'static str, options: &'static str) -> Self {
        let (size, upload, instead, says) = (None, "--scrub=no", "", "");
        Scene { make, kind, options, size, upload, instead, says, earlier: false, ordinary: false }
    }

    /// Nobody has said what to scrub.
    const fn usual(self) -> Self {
        Scene { upload: "", ..self }
    }

    /// What is free goes as well, earlier versions among it.
    const fn free(self) -> Self {
        Scene { upload: "--scrub=free", earlier: true, ..self }
    }

    /// The same by somebody who is not root.
    const fn ordinary(self) -> Self {
        Scene { ordinary: true, ..self }
    }
}

/// What a search of the raw device found.
#[derive(Clone, Copy, Debug)]
struct Remains {
    /// Blocks of contents.
    content: usize,
    /// Blocks of what files had before.
    earlier: usize,
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
    fn make(sandbox: &Sandbox, Scene { make, options, size, .. }: Scene) -> Self {
        let image = sandbox.home().with_file_name("disk.img");
        // As small as xfs and btrfs get.
        let size = size.unwrap_or(if make.contains("ext4") { 64 << 20 } else { 300 << 20 });
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
        sandbox.program("unshare").args(args).timeout(Duration::from_mins(4)).run()
    }

    /// Files whose every block says which of them it is, and of which time, and whose names
    /// are as odd.
    fn fill(&self, data: &Path, time: char) {
        let sizes = SIZES.iter().flat_map(|(count, size)| iter::repeat_n(*size, *count));
        let mut rng = Rng::new();
        for (number, size) in sizes.enumerate() {
            let dir = data.join(format!("dir-{}", number % 3));
            fs::create_dir_all(&dir).unwrap();
            let mut bytes = vec![0; size];
            rng.fill(&mut bytes);
            let mark = format!("{}{time}{number:06}", self.magic);
            for block in bytes.chunks_mut(BLOCK).filter(|block| block.len() >= mark.len()) {
                block[..mark.len()].copy_from_slice(mark.as_bytes());
            }
            fs::write(dir.join(format!("{}n{number:06}", self.magic)), bytes).unwrap();
        }
    }

    /// Searches the device.
    fn search(&self, manifest: &HashSet<Vec<u8>>) -> Remains {
        let pattern = format!("{}[con][0-9]{{6}}", self.magic);
        let mut grep = Process::new("grep");
        grep.env("LC_ALL", "C").args(["-aoE", &pattern]).arg(&self.image);
        let found = String::from_utf8(grep.output().unwrap().stdout).unwrap();
        let of =
            |what: u8| found.lines().filter(move |mark| mark.as_bytes()[self.magic.len()] == what);
        let (content, earlier) = (of(b'c').count(), of(b'o').count());
        let names: HashSet<_> = of(b'n').collect();
        let mut device = File::open(&self.image).unwrap();
        let (mut chunk, zeros) = (vec![0; 1 << 20], vec![0; 1 << 20]);
        let mut blocks = 0;
        while let Ok(()) = device.read_exact(&mut chunk) {
            if chunk != zeros {
                blocks += chunk.chunks(BLOCK).filter(|b| manifest.contains(&b[..BEGIN])).count();
            }
        }
        Remains { content, earlier, names: names.len(), manifest: blocks }
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
/// searches it.
fn remains(scene: Scene) -> Option<Remains> {
    let Scene { make, kind, options, upload, instead, says, earlier, ordinary, .. } = scene;
    if let Some((lacks, why)) = missing(make, kind) {
        skipped(lacks, why);
        return None;
    }
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::encrypted(minio().endpoint()));
    // Of this the tests are.
    sandbox.unset("scrub");
    let disk = Disk::make(&sandbox, scene);
    let home = sandbox.home();
    let poof = sandbox.bin().join("poof");
    copy_program(Path::new(env!("CARGO_BIN_EXE_poof")), &poof);
    let [elsewhere, copy] = ["elsewhere", "copy"].map(|name| home.with_file_name(name));
    fs::create_dir(&elsewhere).unwrap();
    let put = |time| {
        disk.fill(&sandbox.data(), time);
        if ordinary {
            let owner = Process::new("chown").args(["-R", "65534:65534"]).arg(&home).status();
            assert!(owner.unwrap().success());
        }
        disk.with(&sandbox, &elsewhere, "cp -a \"$P\"/. \"$1\"; code=0").expect_code(0);
    };
    if earlier {
        put('o');
    }
    put('c');
    let user = if ordinary { "setpriv --reuid 65534 --regid 65534 --clear-groups " } else { "" };
    let poof = format!("{user}{}", poof.display());
    let trees = format!("cp -a $HOME/.local/state/poof/trees {}", copy.display());
    // What then is new makes the upload write another manifest over the cached one.
    let news = "echo news >$HOME/data/news; chown --reference=$HOME/data $HOME/data/news";
    disk.with(&sandbox, &home, &format!("{poof} backup; {trees}; {news}; code=0")).expect_code(0);
    let manifest = manifest(&copy);
    let before = disk.search(&manifest);
    let blocks: usize = SIZES.iter().map(|(count, size)| count * size.div_ceil(BLOCK)).sum();
    let files: usize = SIZES.iter().map(|(count, _)| count).sum();
    // A search that finds nothing would prove nothing.
    assert!(before.content >= blocks && before.names == files, "{before:?}");
    assert!(before.manifest >= 30, "{before:?}");
    assert!(!earlier || before.earlier > blocks / 10, "{before:?}");
    let goes = match instead {
        "" => format!("{poof} upload --yes --keep-poof {upload}"),
        instead => format!("{user}sh -ec '{instead}'"),
    };
    let goes = format!(
        "code=0; {goes} || code=$?; test ! -e $HOME/data; test -z \"$(\
         find $HOME -name 'scratch-*')\""
    );
    let run = disk.with(&sandbox, &home, &goes).expect_code(0);
    assert!(run.stderr.contains(says), "it does not say {says:?}: {run}");
    let after = disk.search(&manifest);
    let known = manifest.len();
    eprintln!(
        "{make} {options} {upload} {instead}: of {blocks}, {files} and {known}: {before:?}, {after:?}, {:?}\n{}",
        run.elapsed, run.stderr
    );
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

const EXT4: Scene = Scene::of("mkfs.ext4 -q $0", "ext4", "data=ordered");
const WITHOUT_JOURNAL: Scene = Scene::of("mkfs.ext4 -q -O ^has_journal $0", "ext4", "rw");
// The option is in the file system itself, where the list of mounts does not show it.
const JOURNALED: Scene =
    Scene::of("mkfs.ext4 -q -J size=16 $0; tune2fs -o journal_data $0", "ext4", "rw");
// Not more files: Linux 6.18 loses the last bytes of some that end a little behind a
// page and began as inline ones, and of poof's cache with them.
const INLINE: Scene = Scene::of("mkfs.ext4 -q -O inline_data -I 256 $0", "ext4", "rw");
const FAST: Scene = Scene::of("mkfs.ext4 -q -O fast_commit $0", "ext4", "rw");
const XFS: Scene = Scene::of("mkfs.xfs -q $0", "xfs", "rw");
const BTRFS: Scene = Scene::of("mkfs.btrfs -q $0", "btrfs", "rw");
const NODATACOW: Scene = Scene::of("mkfs.btrfs -q $0", "btrfs", "nodatacow");

/// The names are left that poof says may be left.
fn names(remains: Option<&Remains>) -> usize {
    remains.map_or(0, |remains| remains.names)
}

#[test]
fn no_content_is_left_on_ext4() {
    let remains = remains(Scene { says: IN_PLACE, ..EXT4 });
    nothing_of_the_content(remains.as_ref());
    assert!(remains.is_none_or(|remains| remains.names > 0), "fewer than docs/wiping.md says");
}

#[test]
fn not_even_names_are_left_on_ext4_without_a_journal() {
    let remains = remains(Scene { says: IN_PLACE, ..WITHOUT_JOURNAL });
    assert_eq!(names(remains.as_ref()), 0);
    nothing_of_the_content(remains.as_ref());
}

#[test]
fn no_content_is_left_on_xfs() {
    let remains = remains(Scene { says: IN_PLACE, ..XFS });
    nothing_of_the_content(remains.as_ref());
    assert!(remains.is_none_or(|remains| remains.names > 0), "fewer than docs/wiping.md says");
}

#[test]
fn no_content_is_left_on_btrfs_that_does_not_copy() {
    nothing_of_the_content(remains(Scene { says: IN_PLACE, ..NODATACOW }).as_ref());
}

#[test]
fn content_that_stays_in_a_journal_is_told() {
    let says = "the journal of the file system may hold content";
    something_of_the_content(remains(Scene { says, ..JOURNALED }).as_ref());
}

#[test]
fn content_that_lay_in_the_inodes_is_told() {
    let says = "content within inodes may stay in the journal";
    something_of_the_content(remains(Scene { says, ..INLINE }).as_ref());
}

#[test]
fn content_that_is_copied_on_write_is_told() {
    let says = "the file system copies on write";
    something_of_the_content(remains(Scene { says, ..BTRFS }).as_ref());
}

/// Neither names nor content, unless somebody says otherwise.
fn nothing_is_left(scene: Scene) {
    let remains = remains(Scene { says: "the journal is overwritten", ..scene.usual() });
    assert_eq!(names(remains.as_ref()), 0);
    nothing_of_the_content(remains.as_ref());
}

// Hazard 58.
#[test]
fn no_name_is_left_in_the_journal_of_ext4() {
    nothing_is_left(EXT4);
    nothing_is_left(JOURNALED);
    nothing_is_left(INLINE);
    nothing_is_left(FAST);
    nothing_is_left(Scene { size: Some(600 << 20), ..FAST });
}

#[test]
fn no_name_is_left_in_the_log_of_xfs() {
    nothing_is_left(XFS);
}

#[test]
fn somebody_who_is_not_root_leaves_no_name_either() {
    nothing_is_left(EXT4.ordinary());
    nothing_is_left(XFS.ordinary());
}

#[test]
fn where_names_cannot_be_overwritten_that_is_told() {
    let says = "poof cannot overwrite file names in the metadata of this file system";
    remains(Scene { says, ..BTRFS.usual() });
}

/// Nor what files had before.
fn not_even_earlier_content_is_left(scene: Scene) {
    let Some(remains) = remains(scene.free()) else { return };
    let Remains { content, names, manifest, earlier } = remains;
    assert_eq!((content, manifest), (0, 0), "{remains:?}");
    // Of metadata btrfs says nothing, and poof promises nothing.
    assert!(names <= if scene.kind == "btrfs" { 60 } else { 0 }, "{remains:?}");
    // xfs keeps some blocks back, and without a journal ext4 takes the same blocks again.
    let most = match scene.kind {
        "xfs" => 64,
        "ext4" if scene.make.contains("^has_journal") => 4000,
        "ext4" => 8,
        _ => 0,
    };
    assert!(earlier <= most, "{remains:?}");
}

#[test]
fn earlier_content_is_overwritten_where_it_was_on_ext4() {
    not_even_earlier_content_is_left(EXT4);
    not_even_earlier_content_is_left(EXT4.ordinary());
    not_even_earlier_content_is_left(WITHOUT_JOURNAL);
}

#[test]
fn earlier_content_is_overwritten_where_it_was_on_xfs() {
    not_even_earlier_content_is_left(XFS.ordinary());
}

#[test]
fn earlier_content_is_overwritten_where_it_was_on_btrfs() {
    not_even_earlier_content_is_left(BTRFS.ordinary());
}

/// What others do, and what poof does, to the same files on the same disks: the rows of the
/// table in docs/wiping.md. Nothing is asserted of it, and all of it is by somebody who is
/// not root.
#[test]
#[ignore = "takes minutes: make soak"]
fn soak_what_is_left_by_rm_by_shred_and_by_poof() {
    const RM: &str = "rm -r $HOME/data; sync -f $HOME";
    // It takes no directories.
    const SHRED: &str =
        "find $HOME/data -type f -exec shred -u {} +; rm -r $HOME/data; sync -f $HOME";
    let disks = [
        ("ext4", EXT4),
        ("ext4 without a journal", WITHOUT_JOURNAL),
        ("ext4, data=journal", JOURNALED),
        ("xfs", XFS),
        ("btrfs", BTRFS),
    ];
    for (name, disk) in disks {
        let disk = disk.free().ordinary();
        let ways = [
            ("rm -r", Scene { instead: RM, ..disk }),
            ("shred -u", Scene { instead: SHRED, ..disk }),
            ("--scrub=no", Scene { upload: "--scrub=no", ..disk }),
            ("--scrub=names", Scene { upload: "--scrub=names", ..disk }),
            ("--scrub=free", disk),
        ];
        for (way, scene) in ways {
            let Some(Remains { content, earlier, names, .. }) = remains(scene) else { continue };
            eprintln!("| {name} | {way} | {content} | {earlier} | {names} |");
        }
    }
}

/// A disk of that size on which everything is, for `script`, where `$poof` is the upload.
#[track_caller]
fn on_a_disk(scene: Scene, script: &str) {
    on_a_disk_with(scene, "no", script);
}

/// The same, where poof.conf has this for "scrub".
#[track_caller]
fn on_a_disk_with(scene: Scene, scrub: &str, script: &str) {
    let Scene { make, kind, upload, .. } = scene;
    if let Some((lacks, why)) = missing(make, kind) {
        return skipped(lacks, why);
    }
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::encrypted(minio().endpoint()));
    sandbox.set("scrub", scrub.into());
    let disk = Disk::make(&sandbox, scene);
    disk.fill(&sandbox.data(), 'c');
    let elsewhere = sandbox.home().with_file_name("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    disk.with(&sandbox, &elsewhere, "cp -a \"$P\"/. \"$1\"; code=0").expect_code(0);
    let poof = format!("poof='{} upload --yes --keep-poof {upload}'", env!("CARGO_BIN_EXE_poof"));
    let run = disk.with(&sandbox, &sandbox.home(), &format!("{poof}\ncode=0\n{script}"));
    eprintln!("{make} {upload}: {:?}\n{}", run.elapsed, run.stdout);
    run.expect_code(0);
}

/// Killed once less than half of what was free is, or once inodes are in use that no name
/// leads to: `%f` and `%d` of stat(1).
const KILLED: &str = "
free() { stat -f -c %f $HOME; }
inodes() { stat -f -c '%c %d' $HOME | { read all free; echo $((all - free)); }; }
sync; before=$(free) used=$(inodes)
$poof & p=$!
until test $(free) -lt $((before / 2)) || test $(inodes) -gt $((used + 100)); do kill -0 $p; done
kill -9 $p; wait $p || true
sync
echo before $before, after $(free); echo used $used, after $(inodes)
test $(inodes) -le $used && test $(free) -ge $before
test ! -e $HOME/data && test -z \"$(find $HOME -name 'scratch-*' -o -name '.poof-*')\"
";

// Hazard 59.
#[test]
fn nothing_is_left_of_a_scrub_that_is_killed() {
    for scene in [EXT4, XFS, BTRFS] {
        on_a_disk(Scene { size: Some(600 << 20), upload: "--scrub=free", ..scene }, KILLED);
    }
    for scene in [EXT4, XFS] {
        on_a_disk(Scene { size: Some(600 << 20), upload: "--scrub=names", ..scene }, KILLED);
    }
}

/// Interrupted once less than half of what was free is.
const INTERRUPTED: &str = "
free() { stat -f -c %f $HOME; }
sync; before=$(free)
$poof --receipt $HOME/wiped.txt & p=$!
until test $(free) -lt $((before / 2)); do kill -0 $p; done
kill -INT $p; ended=0; wait $p || ended=$?
test $ended = 130 && test ! -e $HOME/data && test -s $HOME/wiped.txt.minisig
grep '^exit-code: 130 ' $HOME/wiped.txt
grep '^scrub: .*what was free is overwritten in part' $HOME/wiped.txt
";

// Hazard 62.
#[test]
fn a_wipe_whose_scrub_is_interrupted_has_its_receipt() {
    on_a_disk(Scene { size: Some(600 << 20), upload: "--scrub=free", ..EXT4 }, INTERRUPTED);
}

/// Killed while it scrubs, because poof.conf says that it is to. Then again, and once more.
const CUT: &str = "
inodes() { stat -f -c '%c %d' $HOME | { read all free; echo $((all - free)); }; }
used=$(inodes)
$poof & p=$!
until test $(inodes) -gt $((used + 100)); do kill -0 $p; done
kill -9 $p; wait $p || true
test ! -e $HOME/data
$poof --dry-run >$HOME/0 2>&1; grep 'the journal would be overwritten' $HOME/0
$poof >$HOME/1 2>&1; grep 'the journal is overwritten' $HOME/1
$poof >$HOME/2 2>&1; grep 'Nothing was wiped in this run' $HOME/2
$poof --dry-run >$HOME/3 2>&1
if grep 'overwritten (' $HOME/2 $HOME/3; then exit 1; fi
$poof --scrub=names >$HOME/4 2>&1; grep 'the journal is overwritten' $HOME/4
test -z \"$(find $HOME -name 'scrub-due')\"
";

#[test]
fn a_scrub_is_for_what_a_run_has_wiped_or_one_that_was_cut() {
    let scene = Scene { size: Some(600 << 20), upload: "", ..EXT4 };
    on_a_disk_with(scene, "names", CUT);
}

// Hazard 63.
#[test]
fn what_is_cut_out_of_a_history_is_gone_from_the_disk() {
    let Scene { make, kind, .. } = EXT4;
    if let Some((lacks, why)) = missing(make, kind) {
        return skipped(lacks, why);
    }
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::encrypted(minio().endpoint()));
    let disk = Disk::make(&sandbox, EXT4);
    disk.fill(&sandbox.data(), 'c');
    // What `search` takes for something earlier.
    let history = format!(
        "ls\nvim ~/data/dir-0/{magic}n000000 # {magic}o000000\n{}",
        "cd\n".repeat(3000),
        magic = disk.magic
    );
    fs::write(sandbox.home().join(".bash_history"), history).unwrap();
    let elsewhere = sandbox.home().with_file_name("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    disk.with(&sandbox, &elsewhere, "cp -a \"$P\"/. \"$1\"; code=0").expect_code(0);
    assert_eq!(disk.search(&HashSet::new()).earlier, 1);
    let poof = env!("CARGO_BIN_EXE_poof");
    let script = format!("{poof} traces --remove --yes; test -s $HOME/.bash_history; code=0");
    disk.with(&sandbox, &sandbox.home(), &script).expect_code(0).stderr_has("removed 1 trace");
    assert_eq!(disk.search(&HashSet::new()).earlier, 0);
}

/// Writes all the time, and more than poof has left free.
const NEIGHBOUR: &str = "
$poof & p=$!
rounds=0
while kill -0 $p 2>/dev/null; do
    for i in 1 2 3 4 5 6; do dd if=/dev/zero of=$HOME/of-another-$i bs=1M count=4 2>/dev/null; done
    sync -f $HOME
    rounds=$((rounds + 1))
    rm $HOME/of-another-*
done
wait $p || code=$?
echo $rounds rounds
test $rounds -gt 1
";

// Hazard 59.
#[test]
fn nobody_elses_write_fails_during_a_scrub() {
    // Nothing of it is kept for root.
    let ext4 = Scene { make: "mkfs.ext4 -q -m 0 $0", ..EXT4 };
    for scene in [ext4, XFS, BTRFS] {
        on_a_disk(Scene { size: Some(600 << 20), upload: "--scrub=free", ..scene }, NEIGHBOUR);
    }
}

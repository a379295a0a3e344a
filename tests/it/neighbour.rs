//! Somebody else on the machine, to whom the directory belongs in which a tree of root's
//! lies, puts links and other directories where poof is about to work. Root's files are
//! neither sent, nor written, nor wiped, nor given away for it.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;

use walkdir::WalkDir;

use crate::harness::command::Run;
use crate::harness::{Backdoor, Config, Kind, Lacks, Proxy, Sandbox, Verdict, minio, skipped};

const NOBODY: u32 = 65534;
const SECRET: &str = "what is root's alone";

/// A machine on which the user nobody owns the directory of the tree `documents`, and
/// root what is in the directory `secret`.
struct Machine {
    sandbox: Sandbox,
    secret: Vec<String>,
}

impl Machine {
    /// None for those who cannot be root.
    fn new(config: &Config) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            skipped(Lacks::Root, "only root has a neighbour to fear");
            return None;
        }
        let sandbox = Sandbox::new();
        let home = sandbox.home();
        for dir in [home.parent().unwrap(), &home] {
            fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
        }
        let config = config.clone().tree(home.join("alice/documents"), "documents");
        sandbox.write_config(&config);
        fs::write(sandbox.data().join("root's"), "").unwrap();
        fs::create_dir_all(home.join("alice/documents/sub")).unwrap();
        fs::create_dir_all(home.join("secret/sub")).unwrap();
        for number in 0..30 {
            let name = format!("alice/documents/sub/{number:02}");
            fs::write(home.join(name), format!("alice's {number}")).unwrap();
        }
        for name in ["file", "sub/00", "sub/file"] {
            fs::write(home.join("secret").join(name), SECRET).unwrap();
            let path = home.join("alice/documents").join(name);
            fs::write(path, "alice's").unwrap();
        }
        for found in WalkDir::new(home.join("secret")) {
            let found = found.unwrap();
            let mode = if found.file_type().is_dir() { 0o700 } else { 0o600 };
            fs::set_permissions(found.path(), Permissions::from_mode(mode)).unwrap();
        }
        give(&home.join("alice"), NOBODY);
        let secret = secrets(&home);
        Some(Machine { sandbox, secret })
    }

    fn home(&self) -> PathBuf {
        self.sandbox.home()
    }

    fn documents(&self) -> PathBuf {
        self.home().join("alice/documents")
    }

    fn poof(&self, args: &[&str]) -> Run {
        self.sandbox.poof(args).run()
    }

    /// What is root's is as it was.
    #[track_caller]
    fn is_intact(&self, run: &Run) {
        assert_eq!(secrets(&self.home()), self.secret, "{run}");
    }
}

fn give(dir: &Path, owner: u32) {
    for found in WalkDir::new(dir) {
        lchown(found.unwrap().path(), Some(owner), Some(owner)).unwrap();
    }
}

fn secrets(home: &Path) -> Vec<String> {
    let all = WalkDir::new(home.join("secret")).sort_by_file_name().into_iter();
    let shown = all.map(|found| {
        let found = found.unwrap();
        let meta = found.metadata().unwrap();
        let content = fs::read_to_string(found.path()).unwrap_or_default();
        let (mode, uid) = (meta.mode() & 0o7777, meta.uid());
        format!("{} {mode:o} {uid} {content}", found.path().display())
    });
    shown.collect()
}

/// Where the bytes of a secret are below a directory.
fn leaked(dir: &Path) -> Vec<PathBuf> {
    let files = WalkDir::new(dir).into_iter().flatten().filter(|f| f.file_type().is_file());
    let holds = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap_or_default();
        bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
    };
    files.map(walkdir::DirEntry::into_path).filter(holds).collect()
}

fn on_disk() -> Option<(Machine, tempfile::TempDir)> {
    let disk = tempfile::tempdir().unwrap();
    let machine = Machine::new(&Config::plain("http://unused").on_disk(disk.path()))?;
    Some((machine, disk))
}

const UPLOAD: &[&str] = &["upload", "--yes", "--keep-poof"];
const DOWNLOAD: &[&str] = &["download", "--yes", "--only", "documents"];

#[test]
fn a_tree_that_its_owner_replaced_by_a_link_is_neither_sent_nor_restored_nor_wiped() {
    let Some((machine, disk)) = on_disk() else { return };
    machine.poof(&["backup"]).expect_code(0);
    let documents = machine.documents();
    let moved = documents.with_file_name("moved");
    fs::rename(&documents, &moved).unwrap();
    symlink(machine.home().join("secret"), &documents).unwrap();
    let allowed = ["--allow", "mass-deletion"];
    for args in [&["backup"][..], UPLOAD, DOWNLOAD] {
        let args = [args, &allowed].concat();
        let run = machine.poof(&args).stderr_has("another user");
        assert!(!matches!(run.code, Some(0)), "{run}");
        machine.is_intact(&run);
        assert_eq!(leaked(disk.path()), [] as [PathBuf; 0], "{run}");
    }
    // All is as it should be again.
    fs::remove_file(&documents).unwrap();
    fs::rename(&moved, &documents).unwrap();
    machine.poof(&["backup"]).expect_code(0);
}

#[test]
fn a_link_of_ones_own_is_followed() {
    let Some((machine, _disk)) = on_disk() else { return };
    let (documents, real) = (machine.documents(), machine.home().join("real"));
    fs::rename(&documents, &real).unwrap();
    give(&machine.home().join("alice"), 0);
    symlink(&real, &documents).unwrap();
    machine.poof(&["backup"]).expect_code(0);
    machine.poof(UPLOAD).expect_code(0);
    assert!(!real.exists() && fs::symlink_metadata(&documents).unwrap().is_symlink());
    machine.poof(DOWNLOAD).expect_code(0);
    assert_eq!(fs::read_to_string(real.join("file")).unwrap(), "alice's");
}

/// Runs a command and does something once, when it asks for the content of a file.
fn at_a_get(
    machine: &Machine,
    proxy: &Proxy,
    args: &[&str],
    act: impl Fn() + Send + Sync + 'static,
) -> Run {
    let (done, key) = (Once::new(), Backdoor::new(&machine.sandbox).key("documents/"));
    proxy.set_rule(move |request| {
        if request.kind == Kind::Get && request.key().starts_with(&key) {
            done.call_once(&act);
        }
        Verdict::Pass
    });
    let run = machine.poof(args);
    proxy.set_rule(|_| Verdict::Pass);
    run
}

/// A machine with a snapshot on a server, from which the directory then differs: one file is
/// missing, and all others have other attributes.
fn differing() -> Option<(Machine, Proxy)> {
    let proxy = Proxy::start(minio().address());
    let machine = Machine::new(&Config::plain(proxy.endpoint()))?;
    let documents = machine.documents();
    for path in ["", "sub", "file", "sub/file"] {
        let mode = if path.ends_with("file") { 0o4666 } else { 0o777 };
        fs::set_permissions(documents.join(path), Permissions::from_mode(mode)).unwrap();
    }
    machine.poof(&["backup"]).expect_code(0);
    for path in ["", "sub", "file", "sub/file"] {
        fs::set_permissions(documents.join(path), Permissions::from_mode(0o700)).unwrap();
    }
    for number in 1..30 {
        fs::remove_file(documents.join(format!("sub/{number:02}"))).unwrap();
    }
    Some((machine, proxy))
}

#[test]
fn attributes_are_set_of_what_was_compared_and_of_nothing_that_a_link_leads_to() {
    let Some((machine, proxy)) = differing() else { return };
    let (documents, secret) = (machine.documents(), machine.home().join("secret"));
    let run = at_a_get(&machine, &proxy, DOWNLOAD, move || {
        fs::rename(documents.join("file"), documents.join("other")).unwrap();
        symlink(secret.join("file"), documents.join("file")).unwrap();
        fs::remove_file(documents.join("sub/file")).unwrap();
        // Where the system does not forbid it to nobody.
        fs::hard_link(secret.join("sub/file"), documents.join("sub/file")).unwrap();
    });
    machine.is_intact(&run);
    let run = run.expect_code(5).stderr_has("something else has come to its place");
    assert!(run.stderr.contains("documents/file") && run.stderr.contains("sub/file"), "{run}");
}

#[test]
fn a_file_that_a_neighbour_has_open_is_not_given_to_another_owner() {
    let Some((machine, _disk)) = on_disk() else { return };
    let path = machine.documents().join("tool");
    fs::write(&path, "root's program").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o4755)).unwrap();
    machine.poof(&["backup"]).expect_code(0);
    // The same content, and alice's.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "root's program").unwrap();
    lchown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    // The same file under another name, which is root's.
    let (other, name) = (machine.home().join("secret/sub/file"), machine.documents().join("file"));
    fs::write(&other, "alice's").unwrap();
    fs::remove_file(&name).unwrap();
    fs::hard_link(&other, &name).unwrap();
    let machine = Machine { secret: secrets(&machine.home()), ..machine };
    let before = fs::metadata(&path).unwrap();
    let run = machine.poof(DOWNLOAD).expect_code(0);
    let after = fs::metadata(&path).unwrap();
    assert_eq!((after.uid(), after.mode() & 0o7777), (0, 0o4755), "{run}");
    assert_ne!(after.ino(), before.ino(), "{run}");
    assert_eq!(fs::metadata(&name).unwrap().uid(), NOBODY, "{run}");
    machine.is_intact(&run);
}

#[test]
fn nothing_goes_into_a_directory_that_took_the_place_of_another() {
    let Some((machine, proxy)) = differing() else { return };
    let (documents, secret) = (machine.documents(), machine.home().join("secret"));
    // Of root's, and in alice's own directory: she can rename it.
    let within = documents.join("within");
    fs::create_dir(&within).unwrap();
    fs::write(within.join("01"), SECRET).unwrap();
    fs::set_permissions(&within, Permissions::from_mode(0o700)).unwrap();
    let (seen, to) = (fs::metadata(&within).unwrap(), documents.join("sub"));
    let keep = [DOWNLOAD, &["--keep-extra"]].concat();
    let run = at_a_get(&machine, &proxy, &keep, move || {
        fs::rename(documents.join("sub"), documents.join("old")).unwrap();
        fs::rename(documents.join("within"), documents.join("sub")).unwrap();
        let _ = symlink(&secret, documents.join("within"));
    });
    machine.is_intact(&run);
    let now = fs::metadata(&to).unwrap();
    assert_eq!((now.ino(), now.mode(), now.uid()), (seen.ino(), seen.mode(), 0), "{run}");
    let inside: Vec<_> = fs::read_dir(&to).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(inside, ["01"], "{run}");
    assert_eq!(fs::read_to_string(to.join("01")).unwrap(), SECRET);
    run.expect_code(5);
}

#[test]
fn files_are_collected_where_their_owner_cannot_lead_them_elsewhere() {
    let Some((machine, proxy)) = differing() else { return };
    let (documents, secret) = (machine.documents(), machine.home().join("secret"));
    for number in 0..40 {
        // What would be written over.
        fs::write(secret.join(number.to_string()), SECRET).unwrap();
    }
    let machine = Machine { secret: secrets(&machine.home()), ..machine };
    let run = at_a_get(&machine, &proxy, DOWNLOAD, move || {
        fs::rename(documents.join(".poof-restoring"), documents.join("moved")).unwrap();
        symlink(&secret, documents.join(".poof-restoring")).unwrap();
    });
    machine.is_intact(&run);
    // It was done by handle, and the link is nobody's of ours.
    for number in 0..30 {
        let path = machine.documents().join(format!("sub/{number:02}"));
        assert!(path.exists(), "{number}: {run}");
    }
}

#[test]
fn a_root_that_its_owner_replaced_during_the_work_is_not_followed() {
    let Some((machine, proxy)) = differing() else { return };
    let (documents, secret) = (machine.documents(), machine.home().join("secret"));
    let run = at_a_get(&machine, &proxy, DOWNLOAD, move || {
        fs::rename(&documents, documents.with_file_name("moved")).unwrap();
        symlink(&secret, &documents).unwrap();
    });
    machine.is_intact(&run);
    // What was opened was restored, wherever it is by now.
    let moved = machine.documents().with_file_name("moved");
    assert!((0..30).all(|n| moved.join(format!("sub/{n:02}")).exists()), "{run}");
    assert!(!moved.join(".poof-restoring").exists(), "{run}");
}

#[test]
fn a_root_that_is_replaced_before_the_wipe_is_not_wiped() {
    let proxy = Proxy::start(minio().address());
    let Some(machine) = Machine::new(&Config::plain(proxy.endpoint())) else { return };
    let (documents, secret) = (machine.documents(), machine.home().join("secret"));
    let done = Once::new();
    // What the wipe would take for the rest of a download.
    fs::create_dir(secret.join(".poof-restoring")).unwrap();
    fs::write(secret.join(".poof-restoring/0"), SECRET).unwrap();
    let machine = Machine { secret: secrets(&machine.home()), ..machine };
    proxy.set_rule(move |request| {
        if request.kind == Kind::Put && request.path.ends_with("/state") {
            done.call_once(|| {
                fs::rename(&documents, documents.with_file_name("moved")).unwrap();
                symlink(&secret, &documents).unwrap();
            });
        }
        Verdict::Pass
    });
    let run = machine.poof(UPLOAD);
    machine.is_intact(&run);
    let left = WalkDir::new(machine.documents().with_file_name("moved"));
    let left = left.into_iter().flatten().filter(|found| found.file_type().is_file()).count();
    assert_eq!(left, 0, "{run}");
}

#[test]
fn a_link_in_the_state_leads_nowhere() {
    let Some((machine, _disk)) = on_disk() else { return };
    machine.poof(&["backup"]).expect_code(0);
    symlink(machine.home().join("secret"), machine.sandbox.state().join("scratch-x")).unwrap();
    let run = machine.poof(UPLOAD).expect_code(0);
    machine.is_intact(&run);
}

#[test]
fn without_a_manifest_nothing_is_restored_where_a_neighbour_can_put_links() {
    let Some((machine, disk)) = on_disk() else { return };
    let bucket = disk.path().join(machine.sandbox.bucket());
    fs::create_dir_all(bucket.join("documents/sub")).unwrap();
    fs::write(bucket.join("documents/sub/00"), "of the Python poof").unwrap();
    symlink(machine.home().join("secret/file"), machine.documents().join("link")).unwrap();
    let run = machine.poof(&[DOWNLOAD, &["--allow", "mass-deletion"]].concat()).expect_code(7);
    run.stderr_has("another user");
    let run = machine.poof(&[DOWNLOAD, &["--to", "beside"]].concat()).expect_code(0);
    machine.is_intact(&run);
    let restored = machine.home().join("beside/documents/sub/00");
    assert_eq!(fs::read_to_string(restored).unwrap(), "of the Python poof");
}

#[test]
fn what_poof_remembers_is_never_restored() {
    let Some((machine, disk)) = on_disk() else { return };
    let (sandbox, state) = (&machine.sandbox, machine.sandbox.state());
    let around = state.parent().unwrap().parent().unwrap();
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("remembered"), "then").unwrap();
    fs::write(around.join("other"), "then").unwrap();
    let config = Config::plain("http://unused").on_disk(disk.path()).tree(around, "local");
    sandbox.write_config(&config);
    machine.poof(&["backup"]).expect_code(0);
    fs::write(state.join("remembered"), "now").unwrap();
    fs::write(state.join("new"), "now").unwrap();
    fs::write(around.join("other"), "now").unwrap();
    for only in [&[][..], &["--only", "local"]] {
        let args = [&["download", "--yes", "--allow", "mass-deletion"], only].concat();
        let run = machine.poof(&args).expect_code(0);
        assert!(!run.stderr.contains("configuration in use"), "{run}");
    }
    assert_eq!(fs::read_to_string(around.join("other")).unwrap(), "then");
    assert_eq!(fs::read_to_string(state.join("remembered")).unwrap(), "now");
    assert!(state.join("new").exists());
}

/// A neighbour at work, who exchanges two names as fast as the system does.
struct Neighbour(Child);

impl Neighbour {
    fn exchanging(dir: &Path, a: &str, b: &str) -> Self {
        let program = "import ctypes, os, sys\n\
            c = ctypes.CDLL(None)\n\
            os.chdir(sys.argv[1])\n\
            a, b = (name.encode() for name in sys.argv[2:])\n\
            print(c.renameat2(-100, a, -100, b, 2), flush=True)\n\
            while True: c.renameat2(-100, a, -100, b, 2)\n";
        let ids = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "python3", "-c"];
        let mut command = Command::new("setpriv");
        let command = command.args(ids).arg(program).arg(dir).args([a, b]);
        // One that nobody may run, too.
        let command = command.env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "0\n", "the neighbour is not able to do that");
        Neighbour(child)
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A neighbour exchanges a directory for a link, over and over, while root works.
fn race(times: usize) {
    let allowed = ["--allow", "mass-deletion", "--allow", "empty-source"];
    for time in 0..times {
        let Some((machine, disk)) = on_disk() else { return };
        machine.poof(&["backup"]).expect_code(0);
        let (alice, documents) = (machine.home().join("alice"), machine.documents());
        let (dir, a) = match time % 2 {
            0 => (&alice, "documents"),
            _ => (&documents, "sub"),
        };
        let leads = if time % 2 == 0 { "../secret" } else { "../../secret/sub" };
        symlink(leads, dir.join("link")).unwrap();
        give(dir, NOBODY);
        let neighbour = Neighbour::exchanging(dir, a, "link");
        for args in [&["backup"][..], DOWNLOAD, UPLOAD] {
            let run = machine.poof(&[args, &allowed].concat());
            machine.is_intact(&run);
            assert_eq!(leaked(disk.path()), [] as [PathBuf; 0], "{time}: {run}");
        }
        drop(neighbour);
    }
}

#[test]
fn whatever_a_neighbour_exchanges_in_whatever_moment_root_is_not_led_elsewhere() {
    race(6);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_two_hundred_races_with_a_neighbour_lead_root_nowhere() {
    race(200);
}

const NEW: &str = "what alice has saved meanwhile";

/// Kills an upload of root's once it has moved names aside, as if one of them had been that of
/// a new version of alice's.
fn killed_upload(machine: &Machine) {
    let stage = machine.documents().join(".poof-restoring");
    let kill = ["-P", stage.to_str().unwrap(), "-e", "inject=unlinkat:signal=SIGKILL:when=1"];
    let strace = ["-D", "-f", "-qq", "-o", "/dev/null"].iter().chain(&kill);
    let poof = strace.chain(&[env!("CARGO_BIN_EXE_poof")]).chain(UPLOAD);
    let run = machine.sandbox.program("strace").args(poof).run();
    assert_eq!(run.code, None, "{run}");
    let moved = fs::read_dir(&stage).unwrap().next().unwrap().unwrap().path();
    let saved = machine.home().join("alice/saved");
    fs::write(&saved, NEW).unwrap();
    lchown(&saved, Some(NOBODY), Some(NOBODY)).unwrap();
    fs::rename(saved, moved).unwrap();
}

/// A neighbour exchanges the directory, or another one, for a link while root gives back what
/// a killed wipe had moved.
fn race_for_what_goes_back(times: usize) {
    for time in 0..times {
        let Some((machine, disk)) = on_disk() else { return };
        machine.poof(&["backup"]).expect_code(0);
        killed_upload(&machine);
        let (documents, alice) = (machine.documents(), machine.home().join("alice"));
        let (dir, a, leads) = match time % 2 {
            0 => (&alice, "documents", "../secret"),
            _ => (&documents, "sub", "../../secret/sub"),
        };
        symlink(leads, dir.join("link")).unwrap();
        let neighbour = Neighbour::exchanging(dir, a, "link");
        let command = if time % 4 < 2 { UPLOAD } else { DOWNLOAD };
        let run = machine.poof(command);
        drop(neighbour);
        machine.is_intact(&run);
        assert_eq!(leaked(disk.path()), [] as [PathBuf; 0], "{time}: {run}");
        let all = WalkDir::new(&alice).into_iter().flatten();
        let mut all = all.filter(|found| found.file_type().is_file());
        let is_there = all.any(|found| fs::read(found.path()).unwrap() == NEW.as_bytes());
        assert!(is_there, "{time}: {run}");
    }
}

#[test]
fn what_a_killed_wipe_gives_back_goes_nowhere_else() {
    race_for_what_goes_back(4);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_two_hundred_races_for_what_a_killed_wipe_gives_back_lead_root_nowhere() {
    race_for_what_goes_back(200);
}

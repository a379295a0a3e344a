//! A home with one directory that is backed up to a bucket in memory.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use crate::base::error::{Error, Result};
use crate::config::trees::Directory;
use crate::config::{Files, PoofConf, RcloneConf, Ready, ready};
use crate::host::paths::{System, layout};
use crate::operations::caution::Caution;
use crate::operations::contents::get;
use crate::operations::hurry::Hurry;
use crate::operations::recovery::readiness;
use crate::operations::secret_cache::SecretCache;
use crate::operations::session::Session;
use crate::operations::{Outcome, backup, check, download, purge_plain, upload};
use crate::report::Silent;
use crate::storage::memory::{Event, Memory, What};
use crate::storage::remote::Remote;
use crate::tree::guard::Allowed;
use crate::tree::journal::Journal;
use crate::tree::wipe::{Phase, Records};

/// The name of the directory on the remote.
pub const TREE: &str = "docs";
pub const MARKER: &str = ".poof/trees/docs/state";
const CRYPT: &str = "sealed";

/// What is in a directory: files and links with what they hold, directories with a slash
/// at the end.
pub type Contents = BTreeMap<String, Vec<u8>>;

pub struct Home {
    dir: TempDir,
    pub memory: Memory,
    pub session: Session,
    pub ready: Ready,
}

/// One operation on the bucket, and what was here at that moment, before it was done.
#[derive(Clone, Debug)]
pub struct Moment {
    pub event: Event,
    /// How many of the files are here.
    pub files: usize,
    /// What the state says of a wipe.
    pub phase: Option<Phase>,
    /// The journal of a wipe is here: which entries were begun.
    pub journal: bool,
    /// The journal of a download says that it was begun.
    pub restoring: bool,
    /// What the hooks have noted.
    pub ran: String,
}

/// Where all that a test writes is: in memory, too, where that is a directory.
fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    dir.unwrap()
}

/// The only place that makes one.
fn session(home: &Path) -> Session {
    let layout = layout(System::Xdg, home, |_| None);
    let files = Files::resolve(&layout.config, None, None, None);
    let report = Arc::new(Silent);
    let (state, secret_cache) = (layout.state.clone(), SecretCache::default());
    Session { report, layout, files, state, secret_cache, bwlimit: None }
}

impl Home {
    pub fn new() -> Self {
        Self::made(false, "")
    }

    /// One whose remote is encrypted; what is beside it in clear is its counterpart.
    pub fn sealed() -> Self {
        Self::made(true, "")
    }

    /// One whose small files go into bundles.
    pub fn bundled() -> Self {
        Self::new().bundling(Some(1 << 10))
    }

    /// The same with bundles, or without, from now on.
    #[must_use]
    pub fn bundling(self, limit: Option<u64>) -> Self {
        let Home { dir, memory, session, ready } = self;
        Home { dir, memory, session, ready: ready.bundled(limit) }
    }

    /// One of whose directory poof.conf leaves out `*.tmp`, and which has one.
    pub fn with_excluded() -> Self {
        let home = Self::made(false, r#","exclude":["*.tmp"]"#);
        home.write("x.tmp", "excluded");
        home
    }

    /// One to whom `a` is most precious, and then what is in `sub`.
    pub fn with_precious(more: &str) -> Self {
        Self::made(false, &format!(r#","precious":["/a","sub/**"]{more}"#))
    }

    /// One that keeps what a backup replaces and removes for this time. A `disk` only moves.
    pub fn that_keeps(sealed: bool, disk: bool, time: &str) -> Self {
        let home = Self::made(sealed, &format!(r#","keep":"{time}""#));
        if disk {
            home.memory.move_only();
        }
        home
    }

    /// The same with another time, or none, from now on.
    #[must_use]
    pub fn keeping(self, time: Option<&str>) -> Self {
        let Home { dir, memory, session, ready } = self;
        let keep = time.map(|time| crate::base::units::span(time).unwrap());
        Home { dir, memory, session, ready: ready.keeping(keep) }
    }

    /// One with hooks that note when they run; that before it ends with this exit code.
    pub fn with_hooks(sealed: bool, code: u8) -> Self {
        let hook = |words: &str| format!(r#"["/bin/sh", "-c", "{words}"]"#);
        let before = hook(&format!("echo before $POOF_COMMAND >> ran; exit {code}"));
        let after = hook("echo after $POOF_COMMAND: $POOF_RESULT >> ran");
        Self::made(sealed, &format!(r#","before":[{before}],"after":[{after}]"#))
    }

    /// One whose bucket is a directory, as rclone keeps it.
    pub fn on_disk() -> Self {
        let home = Self::new();
        let bucket = home.bucket();
        fs::create_dir(&bucket).unwrap();
        let remote = Remote::plain(":local", bucket.to_str().unwrap(), false);
        let Home { dir, memory, session, ready } = home;
        Home { dir, memory, session, ready: ready.on(remote, None) }
    }

    /// Where that is.
    pub fn bucket(&self) -> PathBuf {
        self.dir.path().join("bucket")
    }

    fn made(sealed: bool, more: &str) -> Self {
        let memory = Memory::default();
        let dir = scratch();
        let home = dir.path().join("home");
        let tree = home.join(TREE);
        fs::create_dir_all(&tree).unwrap();
        let conf = home.join(".config/poof");
        let poof = format!(
            r#"{{"bucket":"bucket","remote":"memory","paths":{{{tree:?}:"{TREE}",{conf:?}:"conf"}}{more}}}"#
        );
        let poof = PoofConf::parse(poof.as_bytes()).unwrap();
        let rclone = "[memory]\ntype = s3\naccess_key_id = k\nsecret_access_key = s\n";
        let rclone = RcloneConf::parse(rclone.as_bytes()).unwrap();
        let ready = ready::ready(&poof, &rclone, &home).unwrap();
        let plain = Remote::in_memory(&memory);
        let ready = if sealed {
            ready.on(plain.encrypted(CRYPT), Some(plain))
        } else {
            ready.on(plain, None)
        };
        let session = session(&home);
        let home = Home { dir, memory, session, ready };
        home.fill();
        home
    }

    /// Of the two that there have to be this one is enough.
    pub fn directory(&self) -> &Directory {
        self.ready.directories().iter().find(|directory| directory.name == TREE).unwrap()
    }

    pub fn tree(&self) -> PathBuf {
        self.dir.path().join("home").join(TREE)
    }

    /// The side of the bucket on which the snapshots are.
    pub fn side(&self) -> Memory {
        if self.ready.remote().is_encrypted() {
            self.memory.through(CRYPT)
        } else {
            self.memory.clone()
        }
    }

    fn fill(&self) {
        let tree = self.tree();
        for dir in ["sub", "void"] {
            fs::create_dir_all(tree.join(dir)).unwrap();
        }
        for (name, text) in [("a", "first"), ("b", "second"), ("sub/c", "third"), ("none", "")] {
            fs::write(tree.join(name), text).unwrap();
        }
        symlink("a", tree.join("link")).unwrap();
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.tree().join(name), text).unwrap();
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.tree().join(name)).unwrap();
    }

    pub fn contents(&self) -> Contents {
        contents(&self.tree())
    }

    pub fn files(&self) -> usize {
        files(&self.tree())
    }

    pub fn back_up(&self) -> Result<Outcome> {
        self.back_up_with(Caution { yes: true, ..Caution::default() })
    }

    pub fn back_up_with(&self, caution: Caution) -> Result<Outcome> {
        let request = backup::Request { caution, ..backup::Request::default() };
        let directories = [self.directory()];
        backup::within_hooks(&self.session, &request, &self.ready, &directories)
    }

    pub fn upload(&self) -> Result<Outcome> {
        self.upload_with(Caution { yes: true, ..Caution::default() })
    }

    pub fn upload_with(&self, caution: Caution) -> Result<Outcome> {
        // What removes poof itself is no matter of these tests.
        let keep_poof = true;
        self.upload_as(&upload::Request { caution, keep_poof, ..upload::Request::default() })
    }

    /// Also wipes what is excluded.
    pub fn upload_all(&self) -> Result<Outcome> {
        let caution = Caution { yes: true, ..Caution::default() };
        let (keep_poof, wipe_excluded, read_back) = (true, true, false);
        self.upload_as(&upload::Request {
            caution,
            keep_poof,
            read_back,
            wipe_excluded,
            ..upload::Request::default()
        })
    }

    /// An upload in a hurry.
    pub fn now(&self, time: Duration, keeps: bool) -> Result<Outcome> {
        let (keep_poof, hurry) = (true, Some(Hurry::within(time, keeps)));
        self.upload_as(&upload::Request { keep_poof, hurry, ..upload::Request::default() })
    }

    /// With all that a wipe receipt says.
    pub fn upload_with_receipt(&self) -> Result<Outcome> {
        let caution = Caution { yes: true, ..Caution::default() };
        let (keep_poof, receipt) = (true, Some(PathBuf::from("receipt")));
        let request = upload::Request { caution, keep_poof, receipt, ..Default::default() };
        self.upload_as(&request)
    }

    fn upload_as(&self, request: &upload::Request) -> Result<Outcome> {
        let directories = [self.directory()];
        let stays = |_: &Session, _| panic!("poof was to stay");
        upload::guarded(&self.session, request, &self.ready, &directories, stays)
    }

    /// At level 4: `leave` is called in place of what removes poof.
    pub fn upload_and_leave(&self, leave: impl FnOnce()) -> Result<Outcome> {
        let caution = Caution { yes: true, ..Caution::default() };
        let request = upload::Request { caution, ..upload::Request::default() };
        upload::guarded(&self.session, &request, &self.ready, &[self.directory()], |_, outcome| {
            leave();
            Ok(outcome)
        })
    }

    /// Writes both files of the configuration, and notes a kit of them.
    pub fn prepare_kit(&self) {
        let Session { files, layout, .. } = &self.session;
        for file in [&files.poof, &files.rclone] {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "{}").unwrap();
        }
        let kit = layout.home.join("kit");
        fs::write(&kit, "a kit").unwrap();
        readiness::note_kit(&self.session, &kit, false).unwrap();
    }

    /// What the hooks have noted.
    pub fn ran(&self) -> String {
        fs::read_to_string(self.session.layout.home.join("ran")).unwrap_or_default()
    }

    /// What the state says of a wipe.
    pub fn phase(&self) -> Option<Phase> {
        Records::in_state(&self.session.state).get(TREE).unwrap().map(|record| record.phase)
    }

    pub fn download(&self) -> Result<Outcome> {
        self.bring(None, None)
    }

    /// Makes the directory what the snapshot of a time holds.
    pub fn download_at(&self, at: &str) -> Result<Outcome> {
        self.bring(None, Some(at.to_owned()))
    }

    /// What a download to elsewhere brings.
    pub fn elsewhere(&self) -> Contents {
        let to = TempDir::new_in(self.dir.path()).unwrap();
        self.bring(Some(to.path().to_path_buf()), None).unwrap();
        contents(&to.path().join(TREE))
    }

    /// What a download of the snapshot with a number to elsewhere brings.
    pub fn elsewhere_at(&self, number: u64) -> Result<Contents> {
        let to = TempDir::new_in(self.dir.path()).unwrap();
        let outcome = self.bring(Some(to.path().to_path_buf()), Some(number.to_string()))?;
        match outcome.kind {
            None => Ok(contents(&to.path().join(TREE))),
            Some(kind) => Err(Error::new(kind, "not all of it came")),
        }
    }

    fn bring(&self, to: Option<PathBuf>, at: Option<String>) -> Result<Outcome> {
        let caution = Caution { yes: true, ..Caution::default() };
        let (only, keep_extra) = (vec![TREE.to_owned()], false);
        let request = download::Request { only, caution, to, keep_extra, at };
        download::bring_from(&self.session, &request, &self.ready, |_, _| Vec::new())
    }

    pub fn get(&self, path: &str) -> Result<Outcome> {
        self.get_of(path, None)
    }

    /// The same from an earlier snapshot.
    pub fn get_at(&self, path: &str, at: &str) -> Result<Outcome> {
        self.get_of(path, Some(at.to_owned()))
    }

    fn get_of(&self, path: &str, at: Option<String>) -> Result<Outcome> {
        let caution = Caution { yes: true, ..Caution::default() };
        let paths = vec![format!("{TREE}/{path}").into()];
        let request = get::Request { paths, at, caution, ..get::Request::default() };
        get::bring(&self.session, &request, &self.ready)
    }

    pub fn check(&self, sample: Option<f64>) -> Result<Outcome> {
        let allowed = Allowed::default();
        let request = check::Request { only: vec![TREE.to_owned()], allowed, sample };
        check::look(&self.session, &request, &self.ready)
    }

    pub fn purge_plain(&self) -> Result<Outcome> {
        let caution = Caution { yes: true, ..Caution::default() };
        let plain = self.ready.counterpart().unwrap();
        purge_plain::remove_plain(&self.session, caution, &self.ready, plain)
    }

    /// Runs with every operation on the bucket seen.
    pub fn observe<T>(&self, run: impl FnOnce(&Self) -> T) -> (T, Vec<Moment>) {
        let moments = Arc::new(Mutex::new(Vec::new()));
        let (seen, tree, state) = (Arc::clone(&moments), self.tree(), self.session.state.clone());
        let ran = self.session.layout.home.join("ran");
        self.memory.watch(move |event| {
            let journal = fs::read_dir(state.join("wiped")).into_iter().flatten().flatten();
            let restoring = Journal::in_state(&state).unfinished().unwrap();
            let moment = Moment {
                event: event.clone(),
                files: files(&tree),
                phase: Records::in_state(&state).get(TREE).unwrap().map(|record| record.phase),
                journal: journal.into_iter().any(|file| {
                    file.path().extension().is_some_and(|extension| extension == "begun")
                }),
                restoring: restoring.contains_key(TREE),
                ran: fs::read_to_string(&ran).unwrap_or_default(),
            };
            seen.lock().unwrap().push(moment);
        });
        let outcome = run(self);
        self.memory.unwatch();
        let moments = std::mem::take(&mut *moments.lock().unwrap());
        (outcome, moments)
    }

    /// The journal of the wipe of the directory, where none can be written.
    pub fn spoil_record(&self) -> PathBuf {
        let name = &blake3::hash(TREE.as_bytes()).to_hex()[..16];
        self.session.state.join("wiped").join(name)
    }
}

/// Whether an operation is on an object of the directory itself.
pub fn is_data(event: &Event) -> bool {
    event.name.starts_with("docs/")
}

pub fn is_send_of(event: &Event, start: &str) -> bool {
    event.what == What::Send && event.name.starts_with(start)
}

pub const LOCKS: &str = ".poof/locks/";
pub const SHARDS: &str = ".poof/trees/docs/shard/";
pub const HEADS: &str = ".poof/trees/docs/head/";
pub const IDENTITY: &str = ".poof/identity";

/// Where the first moment is that `of` matches.
#[track_caller]
pub fn first(moments: &[Moment], of: impl Fn(&Event) -> bool) -> usize {
    let found = moments.iter().position(|moment| of(&moment.event));
    found.unwrap_or_else(|| panic!("none of {}", told(moments)))
}

#[track_caller]
pub fn last(moments: &[Moment], of: impl Fn(&Event) -> bool) -> usize {
    let found = moments.iter().rposition(|moment| of(&moment.event));
    found.unwrap_or_else(|| panic!("none of {}", told(moments)))
}

/// What is changed on the bucket.
pub fn changes(moments: &[Moment]) -> Vec<&Event> {
    moments.iter().map(|moment| &moment.event).filter(|event| event.what.changes()).collect()
}

pub fn told(moments: &[Moment]) -> String {
    let line = |Moment { event, files, phase, .. }: &Moment| {
        format!("{:?} {} ({files} here, {phase:?})\n", event.what, event.name)
    };
    moments.iter().map(line).collect()
}

fn files(dir: &Path) -> usize {
    contents(dir).keys().filter(|name| !name.ends_with('/')).count()
}

/// What is in a directory; nothing if there is none.
pub fn contents(dir: &Path) -> Contents {
    let mut found = Contents::new();
    let mut open = vec![String::new()];
    while let Some(below) = open.pop() {
        for entry in fs::read_dir(dir.join(&below)).into_iter().flatten().flatten() {
            let name = format!("{below}{}", entry.file_name().to_str().unwrap());
            let path = entry.path();
            // A wipe may be at work.
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                open.push(format!("{name}/"));
                found.insert(format!("{name}/"), Vec::new());
            } else if kind.is_symlink() {
                let target = fs::read_link(path).unwrap_or_default();
                found.insert(name, target.into_os_string().into_encoded_bytes());
            } else if let Ok(bytes) = fs::read(path) {
                found.insert(name, bytes);
            }
        }
    }
    found
}

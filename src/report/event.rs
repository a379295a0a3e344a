//! What happens while poof works: one enum, whose variants are the lines of `--json`.
//! docs/json.md describes them, docs/json-schema.json says it to programs.

use data_encoding::BASE64;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::note::Note;
use crate::base::error::Error;
use crate::base::json::{precise as precise_time, time};
use crate::base::waiting::Waiting;
use crate::config::Status;
use crate::host::mounts::Mount;
pub use crate::tree::model::plan::Action;
use crate::tree::model::plan::{Failed, Totals};
use crate::tree::snapshot::Told;
use crate::tree::wipe::{Achieved, Record, Tally};

/// Something that happened, or that was found. What people read of it is in
/// [`super::human`].
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    Version {
        poof: &'static str,
        rclone: String,
    },
    Help {
        text: String,
    },
    /// Where a file of poof's is.
    Path {
        name: String,
        #[serde(flatten)]
        path: Bytes,
    },
    /// A configuration file as it is now.
    File {
        #[serde(flatten)]
        path: Option<Bytes>,
        #[serde(flatten)]
        content: Bytes,
        /// Secrets are left out.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        masked: bool,
    },
    Completions {
        shell: String,
        script: String,
    },
    Man {
        page: String,
    },
    State {
        question: String,
        #[serde(serialize_with = "status_word")]
        status: Status,
    },
    Toggle {
        from: String,
        to: String,
        #[serde(serialize_with = "status_word")]
        status: Status,
    },
    Kit {
        store: Option<String>,
        #[serde(flatten)]
        path: Bytes,
    },
    /// A directory is in poof.conf now.
    Added {
        tree: String,
        #[serde(flatten)]
        path: Bytes,
    },
    /// A directory is not in poof.conf any more.
    Dropped {
        tree: String,
        /// Its snapshot is gone as well.
        purged: bool,
        #[serde(flatten)]
        path: Bytes,
    },
    /// A tree that is on the remote, and not in poof.conf.
    OtherTree {
        tree: String,
        /// It was wiped here.
        wiped: bool,
    },
    WouldPurge {
        tree: String,
        files: u64,
        bytes: u64,
    },
    /// A dry run: a path that would be touched.
    Plan {
        action: Action,
        tree: String,
        bytes: u64,
        #[serde(flatten)]
        path: Bytes,
    },
    Tree(Numbers),
    /// In a hurry: so much more of a tree is in its snapshot now.
    Wave {
        tree: String,
        files: u64,
        bytes: u64,
        /// Seconds until the end.
        left: u64,
    },
    /// What a planned backup would ask of the remote, and send.
    Cost {
        /// None: nobody counts them.
        #[serde(skip_serializing_if = "Option::is_none")]
        requests: Option<u64>,
        bytes: u64,
        /// Some of it is compressed first.
        #[serde(skip)]
        packs: bool,
    },
    Failed {
        action: &'static str,
        tree: String,
        why: String,
        #[serde(flatten)]
        path: Bytes,
    },
    LeftOut {
        tree: String,
        why: String,
        loss: bool,
        #[serde(flatten)]
        path: Bytes,
    },
    Drift {
        tree: String,
        what: &'static str,
        #[serde(flatten)]
        path: Bytes,
    },
    Foreign {
        tree: String,
        bytes: u64,
        kept: bool,
        substitute: bool,
        #[serde(flatten)]
        path: Bytes,
    },
    Spared {
        tree: String,
        #[serde(flatten)]
        path: Bytes,
    },
    Unproven {
        tree: String,
        why: String,
        /// It was to be wiped in this run.
        #[serde(skip)]
        stays: bool,
        #[serde(flatten)]
        path: Bytes,
    },
    Left {
        tree: String,
        reason: &'static str,
        why: String,
        #[serde(flatten)]
        path: Bytes,
    },
    Outside {
        tree: String,
        #[serde(flatten)]
        path: Bytes,
    },
    /// A tree was wiped just now.
    #[serde(rename = "wipe")]
    TreeWiped(WipeResult),
    /// What is excluded in a tree was; [`Event::Excluded`] tells programs.
    #[serde(skip)]
    ExcludedWiped(WipeResult),
    WouldWipe {
        tree: String,
        files: u64,
        bytes: u64,
        locked: usize,
        #[serde(serialize_with = "words")]
        achieved: Vec<Achieved>,
        #[serde(flatten)]
        mount: On,
    },
    WouldStay {
        tree: String,
        files: u64,
        bytes: u64,
        #[serde(flatten)]
        mount: On,
        #[serde(flatten)]
        path: Bytes,
    },
    /// `lifted`: it has happened; `lifts`: this user may.
    Locked {
        tree: String,
        lifted: bool,
        lifts: bool,
        #[serde(flatten)]
        path: Bytes,
    },
    Excluded {
        tree: String,
        files: u64,
        bytes: u64,
        wiped: bool,
        #[serde(serialize_with = "texts")]
        paths: Vec<Vec<u8>>,
        #[serde(skip)]
        fate: Fate,
    },
    /// What a file system still held of what was wiped was overwritten.
    Scrub {
        journal: InJournal,
        /// Went through the journal.
        journal_bytes: u64,
        free: Option<FreeSpace>,
        seconds: f64,
        /// It failed.
        why: Option<String>,
        /// There is no poof any more.
        #[serde(skip)]
        is_gone: bool,
        #[serde(flatten)]
        mount: On,
    },
    WouldScrub {
        journal: InJournal,
        journal_bytes: u64,
        free: Option<FreeSpace>,
        seconds: u64,
        #[serde(flatten)]
        mount: On,
    },
    /// An earlier run has wiped a tree, and nothing is to be done with it.
    #[serde(rename = "wiped")]
    WipedBefore {
        tree: String,
        #[serde(serialize_with = "moment")]
        since: u64,
        remote: String,
        /// The remote in use.
        #[serde(skip)]
        here: String,
    },
    /// A text was written that says what was wiped, and its signature beside it.
    Receipt {
        public_key: String,
        #[serde(flatten)]
        path: Bytes,
    },
    /// A file that would be written.
    WouldWrite {
        #[serde(flatten)]
        path: Bytes,
    },
    WouldRemove {
        #[serde(flatten)]
        path: Option<Bytes>,
        #[serde(skip_serializing_if = "Option::is_none")]
        what: Option<&'static str>,
    },
    WouldForget {
        entry: String,
    },
    Trace {
        what: String,
        command: String,
    },
    /// Something of others tells of files of the trees.
    #[serde(rename = "trace")]
    FileTrace(FileTrace),
    Reading {
        tree: String,
        files: u64,
        bytes: u64,
        /// Of so many files.
        #[serde(skip)]
        of: u64,
    },
    Finding(Finding),
    Entry(Entry),
    Generation(Generation),
    Revision(Revision),
    Difference {
        tree: String,
        what: &'static str,
        bytes: Option<u64>,
        #[serde(skip)]
        directory: bool,
        #[serde(flatten)]
        path: Bytes,
    },
    Checked {
        tree: String,
        intact: u64,
        lost: u64,
        foreign: usize,
        unhashed: u64,
    },
    /// A tree came back, for a look.
    Rehearsed {
        tree: String,
        files: u64,
        bytes: u64,
        seconds: f64,
        /// So much is not as it is to be.
        lost: u64,
        /// So much has changed here since; None: it is not here.
        changed: Option<u64>,
    },
    Directory {
        tree: String,
        presence: &'static str,
        #[serde(serialize_with = "moment_or_null")]
        since: Option<u64>,
        snapshot: Option<Snapshot>,
        /// What is kept for earlier snapshots.
        history: Option<History>,
        #[serde(skip)]
        seen: Seen,
        #[serde(flatten)]
        path: Bytes,
    },
    Doubt {
        what: String,
        exposes: bool,
        residue: bool,
    },
    Status {
        level_declared: u8,
        level_actual: u8,
        remote: String,
        encrypted: bool,
        kit: Option<KitFound>,
        schedule: String,
        schedule_every: Option<String>,
        schedule_enabled: bool,
        /// When everything came back last.
        #[serde(serialize_with = "moment_or_null")]
        rehearsed: Option<u64>,
        /// When not everything came back, if that was later.
        #[serde(serialize_with = "moment_or_null")]
        rehearsal_failed: Option<u64>,
        /// So long it would take to bring everything back.
        home_seconds: Option<u64>,
    },
    ScheduledRun {
        #[serde(serialize_with = "moment_or_null")]
        begun: Option<u64>,
        #[serde(serialize_with = "moment_or_null")]
        ended: Option<u64>,
        exit_code: Option<u8>,
        failures: u32,
        #[serde(serialize_with = "moment_or_null")]
        proven: Option<u64>,
        #[serde(serialize_with = "moment_or_null")]
        next: Option<u64>,
        skipped: Option<String>,
        trouble: Option<String>,
        #[serde(skip)]
        more: Run,
    },
    /// The figures of the last run, of all or of a directory.
    LastRun {
        tree: Option<String>,
        #[serde(serialize_with = "moment")]
        ended: u64,
        seconds: f64,
        exit_code: u8,
        #[serde(serialize_with = "moment_or_null")]
        succeeded: Option<u64>,
        sent_files: u64,
        sent_bytes: u64,
        snapshot: Option<LastSnapshot>,
    },
    /// A profile beside the usual configuration.
    Profile {
        profile: String,
        remote: Option<String>,
        #[serde(serialize_with = "moment_or_null")]
        backed_up: Option<u64>,
        schedule: String,
        schedule_every: Option<String>,
        schedule_enabled: bool,
        failures: u32,
        trouble: Option<String>,
        /// The command that sets up its schedule.
        #[serde(skip)]
        lconfig: String,
    },
    PlainCopy {
        tree: String,
        place: String,
        files: u64,
        bytes: u64,
        configured: bool,
    },
    Purged {
        tree: String,
        files: u64,
        bytes: u64,
    },
    Versions {
        tree: String,
        place: String,
        count: u64,
        bytes: u64,
        more: bool,
        locked: bool,
        /// The key may not remove them.
        refused: bool,
        /// rclone-poof.conf, for a shell.
        #[serde(skip)]
        conf: String,
    },
    Target {
        tree: String,
        path: String,
    },
    Snapshot {
        tree: String,
        files: u64,
        bytes: u64,
        #[serde(serialize_with = "moment")]
        made: u64,
        host: String,
    },
    Step {
        what: String,
    },
    Removed {
        what: String,
    },
    Secret {
        name: String,
        source: &'static str,
        entry: String,
        moved: bool,
    },
    /// A browser is awaited.
    Login {
        kind: String,
        url: String,
        /// poof has started the browser.
        opened: bool,
    },
    Hook {
        when: String,
        program: String,
        trouble: Option<String>,
    },
    Waiting {
        #[serde(rename = "for")]
        place: &'static str,
        seconds: u64,
        /// The progress shows it to people.
        #[serde(skip)]
        is_shown: bool,
    },
    Warning {
        message: String,
    },
    Error {
        message: String,
        hint: Option<String>,
        exit_code: u8,
    },
    Summary {
        exit_code: u8,
        #[serde(flatten)]
        fields: Map<String, Value>,
    },
    #[serde(skip)]
    Note(Note),
}

/// What becomes of the excluded files of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    WouldGo,
    WouldStay,
    /// They are gone; [`Event::ExcludedWiped`] tells people.
    Gone,
    Stay,
    /// They stay, though poof itself was to vanish with all.
    StayBehind,
}

/// What becomes of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceFate {
    Found,
    WouldGo,
    Gone,
}

/// What tells of files of the trees.
#[derive(Debug, Serialize)]
pub struct FileTrace {
    pub what: String,
    pub command: String,
    pub kind: &'static str,
    pub holds: &'static str,
    pub entries: usize,
    /// The files that it tells of.
    #[serde(serialize_with = "texts")]
    pub of: Vec<Vec<u8>>,
    /// Why poof does not remove it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stays: Option<&'static str>,
    pub source: &'static str,
    #[serde(rename = "removed", serialize_with = "is_gone")]
    pub fate: TraceFate,
    /// People hear of it as well.
    #[serde(skip)]
    pub aloud: bool,
    #[serde(flatten)]
    pub path: Bytes,
}

/// What becomes of the file names that the journal of a file system holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InJournal {
    /// They are overwritten, or would be.
    Written,
    /// Not all: somebody has stopped it, or its time was over.
    Part,
    Failed,
    /// That would take longer than what nobody has asked for may take.
    Long,
    /// There is no journal.
    #[serde(rename = "none")]
    Absent,
    /// Nobody knows how on this file system.
    Unknown,
}

impl InJournal {
    /// Whether what was to be done is done.
    pub fn is_settled(self) -> bool {
        !matches!(self, InJournal::Part | InJournal::Failed)
    }
}

/// How what is free on a file system is overwritten.
#[derive(Clone, Debug, Serialize)]
pub struct FreeSpace {
    /// Written, in bytes.
    pub bytes: u64,
    /// So many stay free for others meanwhile.
    pub reserve: u64,
    /// Nobody and nothing has stopped it.
    pub whole: bool,
    /// Others needed space, and got some of it.
    pub gave_back: bool,
    /// The disk does not rotate.
    #[serde(skip)]
    pub is_flash: bool,
}

/// How the numbers of a directory are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The server shows all of it now.
    Now,
    /// What the server does not show was proven when it was sent.
    WhenSent,
    /// The remote was not asked, and this machine remembers it.
    Last,
    /// The same, where the snapshot was wiped as well: so many files, so many bytes.
    AtWipe(u64, u64),
}

/// What people are told of a scheduled run beside its numbers.
#[derive(Debug)]
pub struct Run {
    /// In a word.
    pub result: String,
    pub skipped: Option<u64>,
    pub is_scheduled: bool,
}

/// The numbers of a tree.
#[derive(Debug, Serialize)]
pub struct Numbers {
    pub(super) tree: String,
    pub(super) add: usize,
    pub(super) update: usize,
    #[serde(rename = "move")]
    pub(super) moved: usize,
    pub(super) attributes: usize,
    pub(super) delete: usize,
    pub(super) unchanged: u64,
    failed: usize,
    pub(super) files: u64,
    pub(super) bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded_bytes: Option<u64>,
    /// What was done with it; None: it is a plan.
    #[serde(skip)]
    pub(super) verb: Option<&'static str>,
    /// Of those that failed: what is still to be deleted.
    #[serde(skip)]
    pub(super) undeleted: usize,
}

impl Numbers {
    /// `verb`: what was done, if it is done.
    pub fn of(tree: &str, totals: Totals, failed: &[Failed], verb: Option<&'static str>) -> Self {
        Numbers {
            verb,
            undeleted: failed.iter().filter(|failed| failed.deletion).count(),
            tree: tree.to_owned(),
            add: totals.add,
            update: totals.update,
            moved: totals.moved,
            attributes: totals.attributes,
            delete: totals.delete,
            unchanged: totals.unchanged,
            failed: failed.len(),
            files: totals.files,
            bytes: totals.bytes,
            excluded: None,
            excluded_bytes: None,
        }
    }

    /// Of those that failed: what was not sent, or not restored.
    pub(super) fn missed(&self) -> usize {
        self.failed - self.undeleted
    }
}

/// What a wipe did with a tree, or with what is excluded in it.
#[derive(Debug, Serialize)]
pub struct WipeResult {
    pub(super) tree: String,
    pub(super) files: u64,
    pub(super) bytes: u64,
    left: usize,
    outside: usize,
    lifted: usize,
    #[serde(serialize_with = "words")]
    pub(super) achieved: Vec<Achieved>,
    #[serde(flatten)]
    pub(super) mount: On,
}

impl WipeResult {
    pub fn of(tree: &str, tally: &Tally) -> Self {
        WipeResult {
            tree: tree.to_owned(),
            files: tally.gone,
            bytes: tally.bytes,
            left: tally.left.len(),
            outside: tally.outside.len(),
            lifted: tally.lifted.len(),
            achieved: tally.achieved(),
            mount: On(tally.mount.clone()),
        }
    }
}

/// What `check` has found of a path, or, without one, of the manifest.
#[derive(Debug, Serialize)]
pub struct Finding {
    pub tree: String,
    pub what: &'static str,
    #[serde(flatten)]
    pub path: Option<Bytes>,
    /// The path whose content it has.
    #[serde(flatten)]
    pub holds: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// People hear of it as well.
    #[serde(skip)]
    pub aloud: bool,
    /// The path is from the top of the bucket.
    #[serde(skip)]
    pub at_top: bool,
}

impl Finding {
    /// Of the manifest of a tree.
    pub fn manifest(tree: &str, why: String) -> Self {
        Finding {
            tree: tree.to_owned(),
            what: "manifest",
            path: None,
            holds: None,
            why: Some(why),
            aloud: true,
            at_top: false,
        }
    }
}

/// What a snapshot holds at a path.
#[derive(Debug, Serialize)]
pub struct Entry {
    pub tree: String,
    pub kind: &'static str,
    pub bytes: Option<u64>,
    /// Seconds since 1970, and nanoseconds.
    #[serde(serialize_with = "precise")]
    pub modified: (i64, u32),
    pub mode: Option<String>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    #[serde(flatten)]
    pub target: Option<Bytes>,
    #[serde(flatten)]
    pub path: Bytes,
    #[serde(skip)]
    pub shown: EntryShown,
}

/// How people are shown it.
#[derive(Clone, Copy, Debug)]
pub struct EntryShown {
    /// Where in its path what is shown begins; None: with the name of the tree.
    pub from: Option<usize>,
    /// With mode, size and time.
    pub long: bool,
}

/// A snapshot on the remote.
#[derive(Debug, Serialize)]
pub struct Generation {
    pub tree: String,
    #[serde(rename = "generation")]
    pub number: u64,
    #[serde(serialize_with = "moment")]
    pub made: u64,
    pub host: String,
    pub files: u64,
    pub bytes: u64,
    pub newest: bool,
    /// Until when all of it is kept; None if that is not said.
    #[serde(serialize_with = "moment_or_null")]
    pub until: Option<u64>,
}

impl Generation {
    pub fn of(tree: &str, told: &Told, newest: bool, until: Option<u64>) -> Self {
        let ((made, host), counts) = (told.made(), told.counts());
        Generation {
            tree: tree.to_owned(),
            number: told.generation(),
            made,
            host: host.into_owned(),
            files: counts.files,
            bytes: counts.bytes,
            newest,
            until,
        }
    }
}

/// What the remote keeps for the earlier snapshots of a tree.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct History {
    /// The snapshots before the newest.
    pub snapshots: u64,
    /// When the oldest of them was made; None if that cannot be read.
    #[serde(serialize_with = "moment_or_null")]
    pub since: Option<u64>,
    pub objects: u64,
    /// As stored.
    pub bytes: u64,
}

/// A path from one snapshot on.
#[derive(Debug, Serialize)]
pub struct Revision {
    pub tree: String,
    /// The first snapshot that has it so.
    pub generation: u64,
    #[serde(serialize_with = "moment")]
    pub made: u64,
    pub host: String,
    pub deleted: bool,
    /// The remote still has its content.
    pub restorable: bool,
    /// Until when it is kept; None if that is not said, or if it is in the newest snapshot.
    #[serde(serialize_with = "moment_or_null")]
    pub until: Option<u64>,
    pub bytes: Option<u64>,
    #[serde(serialize_with = "precise_or_null")]
    pub modified: Option<(i64, u32)>,
    #[serde(flatten)]
    pub path: Bytes,
}

/// A snapshot of a directory. `unproven` files, if the remote could be asked.
#[derive(Debug, Serialize)]
pub struct Snapshot {
    pub files: u64,
    pub bytes: u64,
    #[serde(serialize_with = "moment")]
    pub made: u64,
    pub unproven: Option<u64>,
}

/// The last snapshot that this machine has made of a directory.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LastSnapshot {
    pub generation: u64,
    #[serde(serialize_with = "moment")]
    pub made: u64,
    pub files: u64,
    pub bytes: u64,
}

/// The last recovery kit.
#[derive(Debug, Serialize)]
pub struct KitFound {
    #[serde(serialize_with = "moment")]
    pub made: u64,
    pub fits: bool,
    #[serde(flatten)]
    pub path: Bytes,
    /// Its phrase can be guessed.
    #[serde(skip)]
    pub weak: bool,
}

/// The mount that something is on.
#[derive(Debug)]
pub struct On(pub Option<Mount>);

impl Serialize for On {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("mount", &self.0.as_ref().map(|mount| &mount.point))?;
        map.serialize_entry("filesystem", &self.0.as_ref().map(|mount| &mount.kind))?;
        map.end()
    }
}

/// Bytes that are text as a rule. What is no UTF-8 has U+FFFD in its place under the key,
/// and all bytes are in Base64 under `KEY_base64`.
#[derive(Debug, PartialEq, Eq)]
pub struct Bytes {
    key: &'static str,
    bytes: Vec<u8>,
}

impl Bytes {
    pub fn path(path: impl AsRef<[u8]>) -> Self {
        Bytes { key: "path", bytes: path.as_ref().to_vec() }
    }

    pub fn holds(path: &[u8]) -> Self {
        Bytes { key: "holds", bytes: path.to_vec() }
    }

    pub fn target(path: &[u8]) -> Self {
        Bytes { key: "target", bytes: path.to_vec() }
    }

    pub fn content(text: &[u8]) -> Self {
        Bytes { key: "content", bytes: text.to_vec() }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let text = String::from_utf8_lossy(&self.bytes);
        map.serialize_entry(self.key, &text)?;
        if matches!(text, std::borrow::Cow::Owned(_)) {
            map.serialize_entry(&format!("{}_base64", self.key), &BASE64.encode(&self.bytes))?;
        }
        map.end()
    }
}

fn words<S: Serializer>(achieved: &[Achieved], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(achieved.iter().map(|achieved| achieved.word()))
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde hands a reference
fn moment<S: Serializer>(since: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time(*since))
}

#[allow(clippy::ref_option)] // serde hands a reference
fn moment_or_null<S: Serializer>(since: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    since.map(time).serialize(serializer)
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde hands a reference
fn status_word<S: Serializer>(status: &Status, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&status.word())
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde hands a reference
fn is_gone<S: Serializer>(fate: &TraceFate, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(*fate == TraceFate::Gone)
}

fn texts<S: Serializer>(paths: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| String::from_utf8_lossy(path)))
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde hands a reference
fn precise<S: Serializer>(time: &(i64, u32), serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&precise_time(*time))
}

#[allow(clippy::ref_option)] // serde hands a reference
fn precise_or_null<S: Serializer>(
    time: &Option<(i64, u32)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_some(&time.map(precise_time))
}

impl Event {
    /// The line of `--json`; None: it is for people alone.
    pub fn line(&self) -> Option<String> {
        match self {
            Event::Note(_) | Event::ExcludedWiped(_) => None,
            event => serde_json::to_string(event).ok(),
        }
    }

    pub fn error(error: &Error) -> Self {
        Event::Error {
            message: error.message().to_owned(),
            hint: error.hint_text().map(str::to_owned),
            exit_code: error.kind().exit_code(),
        }
    }

    /// A path that did not make it, and why.
    pub fn failed(tree: &str, Failed { path, why, deletion, .. }: &Failed) -> Self {
        Event::Failed {
            action: if *deletion { "delete" } else { "send" },
            tree: tree.to_owned(),
            why: why.clone(),
            path: Bytes::path(path.as_os_str().as_encoded_bytes()),
        }
    }

    pub fn waiting(waiting: Waiting, is_shown: bool) -> Self {
        let (place, seconds) = (waiting.place(), waiting.time.as_secs());
        Event::Waiting { place, seconds, is_shown }
    }

    /// A tree that is wiped, of which nothing is to be done; `here` is the remote in use.
    pub fn wiped_before(record: &Record, here: &str) -> Self {
        let Record { tree, since, remote, .. } = record;
        let (tree, since, remote) = (tree.clone(), *since, remote.clone());
        Event::WipedBefore { tree, since, remote, here: here.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::note::Tone;
    use super::*;
    use serde_json::json;

    fn value(event: &Event) -> Value {
        serde_json::from_str(&event.line().unwrap()).unwrap()
    }

    #[test]
    fn a_path_that_is_no_utf8_keeps_every_byte() {
        let at = |path: &[u8]| value(&Event::Spared { tree: "t".into(), path: Bytes::path(path) });
        assert_eq!(at(b"a/\xc3\xa9"), json!({"type": "spared", "tree": "t", "path": "a/é"}));
        let odd = at(b"a/\xff\n");
        assert_eq!(odd["path"], "a/\u{fffd}\n");
        let bytes = BASE64.decode(odd["path_base64"].as_str().unwrap().as_bytes()).unwrap();
        assert_eq!(bytes, b"a/\xff\n");
        // A replacement character in the name itself is no loss.
        assert_eq!(at("\u{fffd}".as_bytes()).get("path_base64"), None);
    }

    #[test]
    fn what_is_not_there_has_no_key_and_what_is_not_known_is_null() {
        let nothing = Event::WouldRemove { path: None, what: Some("x") };
        assert_eq!(value(&nothing), json!({"type": "would_remove", "what": "x"}));
        let unmounted = Event::WouldStay {
            tree: "t".into(),
            files: 1,
            bytes: 2,
            mount: On(None),
            path: Bytes::path(b"p"),
        };
        assert_eq!(
            value(&unmounted),
            json!({
                "type": "would_stay", "tree": "t", "files": 1, "bytes": 2, "mount": null,
                "filesystem": null, "path": "p",
            })
        );
        let fields = Outcome::of(7);
        assert_eq!(value(&fields), json!({"type": "summary", "exit_code": 7, "files": 3}));
        assert_eq!(Event::Note(Note::Fixed(Tone::Note, "x")).line(), None);
    }

    struct Outcome;

    impl Outcome {
        fn of(exit_code: u8) -> Event {
            let fields = Map::from_iter([("files".to_owned(), 3.into())]);
            Event::Summary { exit_code, fields }
        }
    }
}

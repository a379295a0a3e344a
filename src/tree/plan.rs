//! The plan: what a mirror would do, as a value. `--dry-run` prints it, the
//! guards judge it, the transfer carries it out.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::thread;

use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::{self, Watch};
use crate::storage::rclone::requests::{Filter, Mirror, Settings};
use crate::storage::remote::Spec;

/// A file in a plan. The path is relative to the tree, as rclone has it: in its
/// standard encoding (newline is U+240A …), though bytes that are not UTF-8 stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub path: PathBuf,
    /// In bytes.
    pub size: u64,
}

/// A path and why it could not be compared or sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub path: PathBuf,
    pub kind: FailureKind,
    pub why: String,
}

/// What makes the destination equal to the source.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub add: Vec<Item>,
    pub update: Vec<Item>,
    pub delete: Vec<Item>,
    pub failed: Vec<Failed>,
    /// Files that are equal already.
    pub unchanged: u64,
    /// What else went wrong while comparing: a directory that cannot be listed,
    /// say. The plan then misses what lies there.
    pub trouble: Option<Failure>,
}

impl Plan {
    /// Files in the source.
    pub fn source_files(&self) -> u64 {
        len(&self.add) + len(&self.update) + self.unchanged
    }

    /// Files in the destination before the plan is carried out.
    pub fn destination_files(&self) -> u64 {
        len(&self.update) + len(&self.delete) + self.unchanged
    }

    /// Bytes to send or fetch.
    pub fn bytes(&self) -> u64 {
        self.add.iter().chain(&self.update).map(|item| item.size).sum()
    }

    /// Files to send or fetch.
    pub fn transfers(&self) -> u64 {
        len(&self.add) + len(&self.update)
    }

    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.update.is_empty() && self.delete.is_empty()
    }

    /// Nothing was found on either side.
    fn says_nothing(&self) -> bool {
        self.is_empty() && self.failed.is_empty() && self.unchanged == 0
    }

    /// What is left of it that `planned` had, too.
    #[must_use]
    pub fn within(mut self, planned: &Plan) -> Self {
        let sent = paths(planned.add.iter().chain(&planned.update));
        let deleted = paths(&planned.delete);
        self.add.retain(|item| sent.contains(item.path.as_path()));
        self.update.retain(|item| sent.contains(item.path.as_path()));
        self.delete.retain(|item| deleted.contains(item.path.as_path()));
        self
    }

    /// Without what lies at or below `path`.
    #[must_use]
    pub fn sparing(mut self, path: &Path) -> Self {
        for items in [&mut self.add, &mut self.update, &mut self.delete] {
            items.retain(|item| !item.path.starts_with(path));
        }
        self
    }

    /// Without its deletions.
    #[must_use]
    pub fn keeping_extra(mut self) -> Self {
        self.delete.clear();
        self
    }
}

fn paths<'a>(items: impl IntoIterator<Item = &'a Item>) -> HashSet<&'a Path> {
    items.into_iter().map(|item| item.path.as_path()).collect()
}

pub(super) fn len<T>(list: &[T]) -> u64 {
    list.len() as u64
}

/// How two files are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// By size and modification time, and by hash where the times differ. On S3
    /// this is a request for each file that is on both sides.
    Content,
    /// By size alone, which a listing tells. Only good enough to see whether
    /// what was just sent has arrived.
    Size,
}

/// Compares `source` with `destination`, nothing is changed.
///
/// # Errors
/// What rclone says. [`crate::storage::failure::FailureKind::Missing`] means
/// that the source is not there.
pub fn make(
    source: &Spec,
    destination: &Spec,
    compare: Compare,
    watch: &mut dyn Watch,
) -> Result<Plan, Failure> {
    let mut settings = Settings::work(64);
    settings.dry_run = true;
    // At NOTICE a dry run says for each file that it was skipped.
    settings.log_level = "ERROR";
    settings.size_only = compare == Compare::Size;
    mirror(source, destination, &settings, &Filter::default(), watch)
}

/// One line of the report of `go/calls/mirror.go`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Record {
    what: u8,
    size: u64,
    path: PathBuf,
    kind: FailureKind,
    error: String,
}

/// Runs the mirror and returns its report, as a plan or, if it was no dry run,
/// as what was planned and what of it failed.
pub(super) fn mirror(
    source: &Spec,
    destination: &Spec,
    settings: &Settings,
    filter: &Filter,
    watch: &mut dyn Watch,
) -> Result<Plan, Failure> {
    let pipe = |error: io::Error| Failure::other(&format!("cannot make a pipe: {error}"));
    let (reader, writer) = io::pipe().map_err(pipe)?;
    let reading = thread::spawn(move || read_records(reader));
    let request = Mirror {
        src_fs: source.clone().into_string(),
        dst_fs: destination.clone().into_string(),
        report: writer.as_raw_fd(),
        create_empty_src_dirs: false,
    };
    let outcome = job::run(&request, settings, filter, watch);
    // The reader ends when the last copy of the writing end is closed.
    drop(writer);
    let mut plan = plan_of(reading.join().unwrap_or_default());
    match outcome {
        Ok(_) => {}
        // rclone goes on after an error with a single file or directory, and
        // ends with one of them.
        Err(failure) if failure.concerns_files() && !plan.says_nothing() => {
            plan.trouble = Some(failure);
        }
        Err(failure) => return Err(failure),
    }
    Ok(plan)
}

/// Reads records of five NUL-terminated fields until the end; an incomplete
/// last one is dropped.
fn read_records(input: impl Read) -> Vec<Record> {
    let mut input = BufReader::new(input);
    let mut field = || -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = input.read_until(0, &mut bytes).ok()?;
        (read > 0 && bytes.pop() == Some(0)).then_some(bytes)
    };
    let mut records = Vec::new();
    while let (Some(what), Some(size), Some(path), Some(kind), Some(error)) =
        (field(), field(), field(), field(), field())
    {
        records.push(Record {
            what: what.first().copied().unwrap_or(b'!'),
            size: String::from_utf8_lossy(&size).parse().unwrap_or(0),
            path: PathBuf::from(OsString::from_vec(path)),
            kind: String::from_utf8_lossy(&kind).parse().unwrap_or(FailureKind::Other),
            error: String::from_utf8_lossy(&error).into_owned(),
        });
    }
    records
}

/// Sorts the records into a plan; of several on one path a failure wins.
fn plan_of(records: Vec<Record>) -> Plan {
    let mut by_path: BTreeMap<PathBuf, Record> = BTreeMap::new();
    let mut plan = Plan::default();
    for record in records {
        if record.what == b'=' {
            plan.unchanged += 1;
        } else if record.what == b'!' || !by_path.contains_key(&record.path) {
            by_path.insert(record.path.clone(), record);
        }
    }
    for (path, Record { what, size, kind, error, .. }) in by_path {
        match what {
            b'+' => plan.add.push(Item { path, size }),
            b'*' => plan.update.push(Item { path, size }),
            b'-' => plan.delete.push(Item { path, size }),
            _ => plan.failed.push(Failed { path, kind, why: error }),
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_becomes_a_plan() {
        let report = b"+\x005\x00new\x00\x00\x00*\x001\x00changed\x00\x00\x00\
            -\x002\x00gone\x00\x00\x00=\x009\x00same\x00\x00\x00+\x003\x00bad\x00\x00\x00\
            !\x003\x00bad\x00full\x00no space\x00+\x001\x00cut";
        let plan = plan_of(read_records(&report[..]));
        assert_eq!(plan.add, [Item { path: "new".into(), size: 5 }]);
        assert_eq!(plan.update, [Item { path: "changed".into(), size: 1 }]);
        assert_eq!(plan.delete, [Item { path: "gone".into(), size: 2 }]);
        let why = "no space".to_owned();
        assert_eq!(plan.failed, [Failed { path: "bad".into(), kind: FailureKind::Full, why }]);
        assert_eq!((plan.unchanged, plan.bytes(), plan.source_files()), (1, 6, 3));
    }

    #[test]
    fn what_was_not_planned_is_not_left_over() {
        let item = |path: &str| Item { path: path.into(), size: 1 };
        let planned = Plan { add: vec![item("a")], delete: vec![item("d")], ..Plan::default() };
        let left = Plan {
            update: vec![item("a"), item("new")],
            delete: vec![item("mine"), item("d")],
            ..Plan::default()
        };
        let left = left.within(&planned);
        assert_eq!((left.update, left.delete), (vec![item("a")], vec![item("d")]));
    }

    #[test]
    fn a_directory_can_be_spared() {
        let item = |path: &str| Item { path: path.into(), size: 1 };
        let plan = Plan { update: vec![item("poof/x"), item("poof2/x")], ..Plan::default() };
        assert_eq!(plan.sparing(Path::new("poof")).update, [item("poof2/x")]);
    }

    #[test]
    fn no_report_is_an_empty_plan() {
        assert!(plan_of(read_records(&b""[..])).is_empty());
    }
}

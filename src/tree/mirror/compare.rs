//! Compares two sides with rclone's own comparison, and runs what it reports on.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::thread;

use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::Watch;
use crate::storage::mirror::{Mode, mirror};
use crate::storage::remote::Spec;
use crate::tree::model::path::{Below, ObjectName};
use crate::tree::model::plan::{Failed, Item, Plan};

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
/// What rclone says. [`FailureKind::Missing`] means
/// that the source is not there.
pub fn make(
    source: &Spec,
    destination: &Spec,
    compare: Compare,
    watch: &mut dyn Watch,
) -> Result<Plan<ObjectName>, Failure> {
    let size_only = compare == Compare::Size;
    report(source, destination, Mode::DryRun { size_only }, watch)
}

/// One line of the report of `go/calls/mirror.go`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Record {
    what: u8,
    size: u64,
    path: ObjectName,
    kind: FailureKind,
    error: String,
}

/// Runs the mirror and returns its report, as a plan or, if it was no dry run,
/// as what was planned and what of it failed.
pub(super) fn report(
    source: &Spec,
    destination: &Spec,
    mode: Mode,
    watch: &mut dyn Watch,
) -> Result<Plan<ObjectName>, Failure> {
    let pipe = |error: io::Error| Failure::other(&format!("cannot make a pipe: {error}"));
    let (reader, writer) = io::pipe().map_err(pipe)?;
    let reading = thread::spawn(move || read_records(reader));
    let outcome = mirror(source, destination, mode, writer.as_fd(), watch);
    // The reader ends when the last copy of the writing end is closed.
    drop(writer);
    let mut plan = plan_of(reading.join().unwrap_or_default());
    match outcome {
        Ok(()) => {}
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
            path: ObjectName::told(path),
            kind: String::from_utf8_lossy(&kind).parse().unwrap_or(FailureKind::Other),
            error: String::from_utf8_lossy(&error).into_owned(),
        });
    }
    records
}

/// Sorts the records into a plan; of several on one path a failure wins.
fn plan_of(records: Vec<Record>) -> Plan<ObjectName> {
    let mut by_path: BTreeMap<ObjectName, Record> = BTreeMap::new();
    let mut plan = Plan::default();
    for record in records {
        if record.what == b'=' {
            plan.equal.push(record.path);
        } else if record.what == b'!' || !by_path.contains_key(&record.path) {
            by_path.insert(record.path.clone(), record);
        }
    }
    for (path, Record { what, size, kind, error, .. }) in by_path {
        match what {
            b'+' => plan.add.push(&Item { path, size }),
            b'*' => plan.update.push(&Item { path, size }),
            b'-' => plan.delete.push(&Item { path, size }),
            _ => plan.failed.push(Failed::at(path.as_bytes(), kind, &error)),
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::model::plan::{Items, Planned};

    #[test]
    fn a_report_becomes_a_plan() {
        let report = b"+\x005\x00new\x00\x00\x00*\x001\x00changed\x00\x00\x00\
            -\x002\x00gone\x00\x00\x00=\x009\x00same\x00\x00\x00+\x003\x00bad\x00\x00\x00\
            !\x003\x00bad\x00full\x00no space\x00+\x001\x00cut";
        let plan = plan_of(read_records(&report[..]));
        let all = |items: &Items<ObjectName>| items.iter().collect::<Vec<_>>();
        assert_eq!(all(&plan.add), [Item { path: "new".into(), size: 5 }]);
        assert_eq!(all(&plan.update), [Item { path: "changed".into(), size: 1 }]);
        assert_eq!(all(&plan.delete), [Item { path: "gone".into(), size: 2 }]);
        let why = "no space".to_owned();
        assert_eq!(
            plan.failed,
            [Failed { path: "bad".into(), kind: FailureKind::Full, why, deletion: false }]
        );
        assert_eq!(plan.equal, [ObjectName::from("same")]);
        assert_eq!((plan.totals().bytes, plan.source_files()), (6, 3));
    }

    #[test]
    fn no_report_is_an_empty_plan() {
        assert!(plan_of(read_records(&b""[..])).is_empty());
    }
}

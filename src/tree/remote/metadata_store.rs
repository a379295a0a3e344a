//! Poof's own records on the remote: small objects, stored and looked for, and
//! read whole.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Kind};
use crate::base::files::create_private_dir;
use crate::base::shown::path_of;
use crate::base::units::now;
use crate::host::scratch::Scratch;
use crate::storage::failure::Failure;
use crate::storage::job::Watch;
use crate::storage::store::{Bytes, Fetch, Send, Sent, Shown, Store};

use super::listing::list;
use super::sent::{Verdict, judge, look};

/// Size and tag of an object, as a listing shows it.
pub type Look = (u64, String);

/// Stores records by their names from the top of the bucket. Returns how the
/// server then shows each; None if it does not, or something else.
///
/// # Errors
/// What the server says.
pub fn put(
    store: &Store,
    records: Vec<(String, Vec<u8>)>,
    watch: &mut dyn Watch,
) -> Result<Vec<Option<Look>>, Failure> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let (names, sent) = send(store, records, watch)?;
    let shown = look(store, &names, watch)?;
    prove(store, &names, sent, shown, watch)
}

/// The same for records in one directory, in which `there` are known to be. A listing of it
/// shows them all, where that takes fewer requests than to ask for each.
///
/// # Errors
/// What the server says.
pub fn put_below(
    store: &Store,
    (dir, there): (&str, usize),
    records: Vec<(String, Vec<u8>)>,
    watch: &mut dyn Watch,
) -> Result<Vec<Option<Look>>, Failure> {
    if records.len() <= (there + records.len()).div_ceil(PAGE) {
        return put(store, records, watch);
    }
    let (names, sent) = send(store, records, watch)?;
    let listed = list(store, dir, &[], watch)?;
    let shown = names.iter().map(|Bytes(name)| {
        let below = name.strip_prefix(dir.as_bytes())?.strip_prefix(b"/");
        listed.shown(below?)
    });
    let shown = shown.collect();
    prove(store, &names, sent, shown, watch)
}

/// So many objects are in one answer of a server that lists, at most (S3).
const PAGE: usize = 1000;

/// Stores one record; `fresh`: only if nothing has this name, where the server knows
/// how. What a disk shows as its time is that of now.
///
/// # Errors
/// What the server says; [`crate::storage::failure::FailureKind::Taken`] if something has this name.
pub fn write(
    store: &Store,
    (name, bytes): (String, Vec<u8>),
    fresh: bool,
    watch: &mut dyn Watch,
) -> Result<(), Failure> {
    let job = Send {
        remote: Bytes(name.into_bytes()),
        size: bytes.len() as u64,
        data: Some(Bytes(bytes)),
        fresh,
        mtime: (i64::try_from(now()).unwrap_or(i64::MAX), 0),
        ..Send::default()
    };
    let mut failed = None;
    store
        .send(None, None, [job].into_iter(), watch, |mut record| failed = record.failure.take())?;
    failed.map_or(Ok(()), Err)
}

fn send(
    store: &Store,
    records: Vec<(String, Vec<u8>)>,
    watch: &mut dyn Watch,
) -> Result<(Vec<Bytes>, Vec<Sent>), Failure> {
    let names: Vec<_> = records.iter().map(|(name, _)| Bytes(name.clone().into_bytes())).collect();
    let jobs = records.into_iter().enumerate().map(|(id, (name, bytes))| Send {
        id: id as u64,
        remote: Bytes(name.into_bytes()),
        size: bytes.len() as u64,
        data: Some(Bytes(bytes)),
        ..Send::default()
    });
    let mut sent = Vec::new();
    store.send(None, None, jobs, watch, |record| sent.push(record))?;
    if let Some(failure) = sent.iter_mut().find_map(|record| record.failure.take()) {
        return Err(failure);
    }
    sent.sort_by_key(|record| record.id);
    Ok((names, sent))
}

fn prove(
    store: &Store,
    names: &[Bytes],
    sent: Vec<Sent>,
    shown: Vec<Option<Shown>>,
    watch: &mut dyn Watch,
) -> Result<Vec<Option<Look>>, Failure> {
    let as_shown = |verdict| match verdict {
        Verdict::Proven(sent) => Ok(Some((sent.size, sent.tag))),
        Verdict::Absent | Verdict::Other => Ok(None),
        Verdict::Unseen(failure) => Err(failure),
    };
    judge(store, names, sent, shown, watch)?.into_iter().map(as_shown).collect()
}

/// More than any record has, in bytes, that names its own size nowhere.
pub const SMALL: u64 = 1 << 20;

/// Reads records by their names from the top of the bucket, through files in a
/// directory of their own in `state`, which is as private as they are. One that has more
/// than `most` bytes is none of poof's.
///
/// The inner error is of a record that the remote does not have, or has damaged. Only that
/// says something about the bucket: a server that refuses or does not answer, and a disk
/// of this machine that is full, say nothing about it.
///
/// # Errors
/// A record cannot be fetched.
pub fn read(
    store: &Store,
    names: &[String],
    most: u64,
    state: &Path,
    watch: &mut dyn Watch,
) -> Result<Vec<Result<Vec<u8>, Failure>>, Error> {
    Records::fetch(store, names, most, state, watch)?.collect()
}

/// Records that were fetched, one in memory at a time.
pub struct Records {
    scratch: Scratch,
    failures: HashMap<u64, Failure>,
    next: u64,
    count: u64,
}

impl Records {
    /// # Errors
    /// As [`read`].
    pub fn fetch(
        store: &Store,
        names: &[String],
        most: u64,
        state: &Path,
        watch: &mut dyn Watch,
    ) -> Result<Self, Error> {
        create_private_dir(state)?;
        let fail = |error| Error::io("write below", state, &error);
        let scratch = Scratch::below(state).map_err(fail)?;
        let dir = File::open(scratch.path()).map_err(fail)?;
        let jobs = names.iter().zip(0..).map(|(name, id)| Fetch {
            id,
            remote: Bytes(name.as_bytes().to_vec()),
            to: Bytes(id.to_string().into_bytes()),
            limit: Some(most),
            ..Fetch::default()
        });
        let mut failures = HashMap::new();
        store
            .fetch(Some(dir.as_fd()), jobs, watch, |record| {
                if let Some(failure) = record.failure {
                    failures.insert(record.id, failure);
                }
            })
            .map_err(|failure| failure.into_error("read poof's records", Kind::Remote))?;
        for (id, failure) in &failures {
            let name = usize::try_from(*id).ok().and_then(|id| names.get(id));
            if failure.here {
                let doing = format!("write below {}", path_of(state));
                return Err(failure.clone().into_error(&doing, Kind::Unexpected));
            }
            if !failure.is_of_the_object() {
                let doing = format!("read {}", name.map_or("a record", String::as_str));
                return Err(failure.clone().into_error(&doing, Kind::Remote));
            }
        }
        Ok(Records { scratch, failures, next: 0, count: names.len() as u64 })
    }
}

fn at(scratch: &Scratch, id: u64) -> PathBuf {
    scratch.path().join(id.to_string())
}

impl Iterator for Records {
    type Item = Result<Result<Vec<u8>, Failure>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let id = self.next;
        if id == self.count {
            return None;
        }
        self.next += 1;
        if let Some(failure) = self.failures.remove(&id) {
            return Some(Ok(Err(failure)));
        }
        let path = at(&self.scratch, id);
        Some(fs::read(&path).map(Ok).map_err(|error| Error::io("read", &path, &error)))
    }
}

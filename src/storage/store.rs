//! The bucket as a store of objects: listed, looked at, sent to, fetched from,
//! many objects a call. Names here are in clear and in rclone's standard
//! encoding; what crypt makes of them is `go/store`'s to know.

use std::io::{self, BufRead, BufReader, BufWriter, PipeReader, Write};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use data_encoding::BASE64;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::failure::Failure;
use super::job::{self, Watch};
use super::rclone::call::{Call, call};
use super::rclone::configuring::DeriveKey;
use super::rclone::requests::{
    AbandonUploads, CopyStore, CountVersions, FetchStore, Filter, ListStore, LookStore, NameOf,
    RemoveStore, SendStore, SetLease, SetPatience, Settings,
};

pub use super::rclone::requests::Versions;
use super::records::Named;
pub use super::records::{Bytes, Copy, Done, Fetch, Fetched, Have, Send, Sent, Shown};

/// A bucket or directory on a remote, and the crypt remote on top, if any.
#[derive(Clone, Debug)]
pub struct Store {
    /// Connection string of the bucket.
    pub(super) fs: String,
    /// Section of the crypt remote, or empty.
    pub(super) crypt: String,
    /// How many requests are under way at once.
    pub(super) width: u32,
    /// Different names are different objects, whatever they look like: on S3 a
    /// name is nothing but its bytes. Of others it has to be tried.
    pub distinct: bool,
    /// Names of files are names of objects there, and not encrypted.
    pub clear: bool,
}

impl Store {
    /// Calls `found` for every object below `dir`, named relative to it, in no
    /// order. Returns the number of objects whose names do not decrypt. `marks` are
    /// names of some of them, evenly spread: large listings go faster with them.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses. On a disk a `dir` that does not
    /// exist is [`super::failure::FailureKind::Missing`].
    pub fn list(
        &self,
        dir: &str,
        marks: &[Vec<u8>],
        watch: &mut dyn Watch,
        found: impl FnMut(Shown) + std::marker::Send,
    ) -> Result<u64, Failure> {
        let (fs, crypt, dir) = (self.fs.clone(), self.crypt.clone(), dir.to_owned());
        let marks = marks.iter().map(|mark| BASE64.encode(mark)).collect();
        let request = |_, report| ListStore { fs, crypt, dir, marks, report };
        exchange(self.width, request, std::iter::empty::<()>(), watch, found)
            .map(|reply| reply.strange)
    }

    /// Asks for each of `remotes`; the records come in any order, `id` is the index.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn look(&self, remotes: &[Bytes], watch: &mut dyn Watch) -> Result<Vec<Shown>, Failure> {
        let Store { fs, crypt, width, .. } = self.clone();
        let request = |jobs, report| LookStore { fs, crypt, jobs, report, width };
        each_of(width, remotes, request, watch)
    }

    /// Deletes `remotes`; one that is not there is deleted already.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn remove(&self, remotes: &[Bytes], watch: &mut dyn Watch) -> Result<Vec<Done>, Failure> {
        let Store { fs, crypt, width, .. } = self.clone();
        let request = |jobs, report| RemoveStore { fs, crypt, jobs, report, width };
        each_of(width, remotes, request, watch)
    }

    /// Copies objects on the server; fails where it cannot do that by itself.
    ///
    /// # Errors
    /// As [`Store::send`].
    pub fn copy(&self, jobs: Vec<Copy>, watch: &mut dyn Watch) -> Result<Vec<Done>, Failure> {
        let Store { fs, crypt, width, .. } = self.clone();
        let request = |jobs, report| CopyStore { fs, crypt, jobs, report, width };
        let mut records = Vec::new();
        exchange(width, request, jobs.into_iter(), watch, |record| records.push(record))?;
        Ok(records)
    }

    /// Stores files below the directory that is open at `root`; `each` hears of every one as soon as it is done. In
    /// `notes` is noted what goes up in parts, for the next run to go on with.
    ///
    /// # Errors
    /// What keeps the whole from working; what concerns one file is its record's.
    pub fn send(
        &self,
        root: Option<BorrowedFd<'_>>,
        notes: Option<&Path>,
        jobs: impl Iterator<Item = Send> + std::marker::Send,
        watch: &mut dyn Watch,
        each: impl FnMut(Sent) + std::marker::Send,
    ) -> Result<(), Failure> {
        let Store { fs, crypt, width, .. } = self.clone();
        let root = number(root);
        let notes = notes.map(|dir| dir.to_string_lossy().into_owned()).unwrap_or_default();
        let request = |jobs, report| SendStore { fs, crypt, root, notes, jobs, report, width };
        exchange(width, request, jobs, watch, each).map(|_| ())
    }

    /// Aborts what earlier runs began to upload and noted in these directories, and no
    /// send of this process has gone on with.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn abandon(&self, dirs: &[PathBuf]) -> Result<(), Failure> {
        let Store { fs, crypt, .. } = self.clone();
        let dirs = dirs.iter().map(|dir| dir.to_string_lossy().into_owned()).collect();
        let (settings, filter) = (Settings::work(self.width), Filter::default());
        job::run(&AbandonUploads { fs, crypt, dirs }, &settings, &filter, &mut job::Unwatched)
            .map(|_| ())
    }

    /// Reads objects, into new files of the directory that is open at `into` where a job
    /// has a name for one; `each` hears of every one as soon as it is done.
    ///
    /// # Errors
    /// As [`Store::send`].
    pub fn fetch(
        &self,
        into: Option<BorrowedFd<'_>>,
        jobs: impl Iterator<Item = Fetch> + std::marker::Send,
        watch: &mut dyn Watch,
        each: impl FnMut(Fetched) + std::marker::Send,
    ) -> Result<(), Failure> {
        let Store { fs, crypt, width, .. } = self.clone();
        let dir = number(into);
        let request = |jobs, report| FetchStore { fs, crypt, dir, jobs, report, width };
        exchange(width, request, jobs, watch, each).map(|_| ())
    }

    /// What the bucket keeps of what was deleted below `dir`, as far as it tells.
    ///
    /// # Errors
    /// An interrupt.
    pub fn versions(&self, dir: &str) -> Result<Versions, Failure> {
        job::probe(&CountVersions { fs: self.fs.clone(), dir: dir.to_owned() })
    }

    /// Secrets of the encryption, for the seals of poof's own records: that of today, and
    /// the one before it. None where nothing is encrypted.
    ///
    /// # Errors
    /// The passwords in the configuration are not as rclone writes them.
    pub fn secrets(&self) -> Result<Option<[Zeroizing<Vec<u8>>; 2]>, Failure> {
        if self.crypt.is_empty() {
            return Ok(None);
        }
        let reply = call(&DeriveKey { crypt: &self.crypt })?;
        let of = |text: Zeroizing<String>| {
            let bytes = BASE64.decode(text.as_bytes());
            bytes.map(Zeroizing::new).map_err(|_| Failure::reply("poof/key"))
        };
        Ok(Some([of(reply.key)?, of(reply.before)?]))
    }
}

/// How a directory is known on the other side: -1 is none.
fn number(dir: Option<BorrowedFd>) -> i32 {
    dir.map_or(-1, |dir| dir.as_raw_fd())
}

/// Sets how long a run waits for a network that is away.
pub fn set_patience(time: Duration) {
    // Nothing of it can fail.
    let _ = call(&SetPatience { seconds: time.as_secs() });
}

/// Says until when this run has the lock on the remote: what changes the remote waits
/// from then on, until that is known anew.
pub fn lease(until: SystemTime) {
    let until = until.duration_since(SystemTime::UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let _ = call(&SetLease { until, lost: false });
}

/// Says that there is no lock any more, and that none is needed.
pub fn end_lease() {
    let _ = call(&SetLease { until: 0, lost: false });
}

/// Says that another machine may have the lock: nothing is changed on the remote from
/// now on.
pub fn lose_lease() {
    let _ = call(&SetLease { until: 0, lost: true });
}

/// The name of the object of a local path, in rclone's standard encoding.
///
/// # Errors
/// Never for a path that a file system holds.
pub fn object_name(path: &[u8]) -> Result<Vec<u8>, Failure> {
    // Only control characters, their pictures, full-width characters and the
    // mark of a quotation are ever encoded (lib/encoder): most names are
    // their own.
    let plain = |byte: &u8| {
        (0x20..0x7f).contains(byte) || (0xc3..0xe2).contains(byte) || (0x80..0xc0).contains(byte)
    };
    if path.iter().all(plain) {
        return Ok(path.to_vec());
    }
    let reply = call(&NameOf { path: BASE64.encode(path) })?;
    BASE64.decode(reply.remote.as_bytes()).map_err(|_| Failure::reply("poof/name"))
}

/// Runs a call whose jobs are nothing but names, and returns its records.
fn each_of<C: Call, R: DeserializeOwned + std::marker::Send>(
    width: u32,
    remotes: &[Bytes],
    request: impl FnOnce(i32, i32) -> C,
    watch: &mut dyn Watch,
) -> Result<Vec<R>, Failure> {
    let mut records = Vec::new();
    let jobs = remotes.iter().enumerate().map(|(id, remote)| Named { id, remote });
    exchange(width, request, jobs, watch, |record| records.push(record))?;
    Ok(records)
}

/// Runs a call that reads jobs from one pipe and writes records to another, as
/// lines of JSON, so that neither is ever whole in memory.
fn exchange<C: Call, J: Serialize, R: DeserializeOwned>(
    width: u32,
    request: impl FnOnce(i32, i32) -> C,
    jobs: impl Iterator<Item = J> + std::marker::Send,
    watch: &mut dyn Watch,
    each: impl FnMut(R) + std::marker::Send,
) -> Result<C::Reply, Failure> {
    let pipe = |error: io::Error| Failure::other(&format!("cannot make a pipe: {error}"));
    let (job_reader, job_writer) = io::pipe().map_err(pipe)?;
    let (report_reader, report_writer) = io::pipe().map_err(pipe)?;
    let request = request(job_reader.as_raw_fd(), report_writer.as_raw_fd());
    thread::scope(|scope| {
        let writing = scope.spawn(move || write_jobs(job_writer, jobs));
        let reading = scope.spawn(move || read_records(report_reader, each));
        let outcome = job::run(&request, &Settings::work(width), &Filter::default(), watch);
        // The threads end when the last copies of the other ends are closed.
        drop(job_reader);
        drop(report_writer);
        let _ = writing.join();
        let read = reading.join().unwrap_or(Err(()));
        let reply = outcome?;
        read.map(|()| reply).map_err(|()| Failure::reply(C::METHOD))
    })
}

fn write_jobs<J: Serialize>(writer: io::PipeWriter, jobs: impl Iterator<Item = J>) {
    let mut writer = BufWriter::new(writer);
    for job in jobs {
        // A reader that is gone has its reasons, and tells them.
        if serde_json::to_writer(&mut writer, &job).is_err() || writer.write_all(b"\n").is_err() {
            return;
        }
    }
    let _ = writer.flush();
}

fn read_records<R: DeserializeOwned>(
    reader: PipeReader,
    mut each: impl FnMut(R),
) -> Result<(), ()> {
    let mut reader = BufReader::new(reader);
    let mut line = String::new();
    let mut outcome = Ok(());
    loop {
        line.clear();
        match reader.read_line(&mut line) {
            Ok(0) => return outcome,
            Ok(_) => match serde_json::from_str(&line) {
                Ok(record) => each(record),
                Err(_) => outcome = Err(()),
            },
            Err(_) => return Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::job::Unwatched;
    use std::fs::{self, File};
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;

    fn job(id: u64, path: &Path, name: &str) -> Send {
        let meta = fs::metadata(path.join(name)).unwrap();
        Send {
            id,
            path: Bytes(name.into()),
            remote: Bytes(format!("t/{name}").into()),
            dev: meta.dev(),
            ino: meta.ino(),
            size: meta.size(),
            mtime: (meta.mtime(), meta.mtime_nsec()),
            ctime: (meta.ctime(), meta.ctime_nsec()),
            ..Send::default()
        }
    }

    #[test]
    fn what_is_sent_is_listed_fetched_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (here, there) = (dir.path().join("here"), dir.path().join("there"));
        for dir in [&here, &there] {
            fs::create_dir(dir).unwrap();
        }
        fs::write(here.join("small"), "content").unwrap();
        let big = vec![7; 5 << 20];
        fs::write(here.join("big"), &big).unwrap();
        fs::write(here.join("moving"), "before").unwrap();
        let mut moving = job(2, &here, "moving");
        moving.size += 1;
        let jobs = [job(0, &here, "small"), job(1, &here, "big"), moving];
        let fs = there.to_string_lossy().into_owned();
        let store = Store { fs, crypt: String::new(), width: 8, distinct: false, clear: true };
        let mut sent = Vec::new();
        let watch = &mut Unwatched;
        let root = File::open(&here).unwrap();
        store
            .send(Some(root.as_fd()), None, jobs.into_iter(), watch, |record| sent.push(record))
            .unwrap();
        sent.sort_by_key(|record| record.id);
        assert_eq!(sent[0].content, blake3::hash(b"content").to_hex().as_str());
        assert_eq!(sent[1].content, blake3::hash(&big).to_hex().as_str());
        assert!(sent[0].proven && sent[1].proven, "{sent:?}");
        assert!(sent[2].changed && sent[2].failure.is_some(), "{sent:?}");

        let mut listed = Vec::new();
        store.list("t", &[], watch, |shown| listed.push((shown.remote.0, shown.size))).unwrap();
        listed.sort();
        assert_eq!(listed, [(b"big".to_vec(), 5 << 20), (b"small".to_vec(), 7)]);

        let to = Bytes(b"back".to_vec());
        let remote = Bytes(b"t/big".to_vec());
        let fetch = Fetch { remote, to, sparse: true, size: 5 << 20, ..Fetch::default() };
        let mut got = Vec::new();
        let into = File::open(dir.path()).unwrap();
        store
            .fetch(Some(into.as_fd()), [fetch].into_iter(), watch, |record| got.push(record))
            .unwrap();
        assert!(got[0].failure.is_none(), "{got:?}");
        assert!(fs::read(dir.path().join("back")).unwrap() == big);

        let gone = store.remove(&[Bytes(b"t/big".to_vec()), Bytes(b"t/no".to_vec())], watch);
        assert!(gone.unwrap().iter().all(|record| record.failure.is_none()));
        let look = store.look(&[Bytes(b"t/big".to_vec())], watch).unwrap();
        assert!(look[0].failure.is_some());
    }

    #[test]
    fn names_of_objects_are_those_of_rclones_standard_encoding() {
        for (path, name) in [
            ("a/b c.txt", "a/b c.txt"),
            ("ünï 日本", "ünï 日本"),
            ("new\nline", "new␊line"),
            ("␊", "‛␊"),
        ] {
            assert_eq!(object_name(path.as_bytes()).unwrap(), name.as_bytes(), "{path}");
        }
    }
}

//! The bucket as a store of objects: listed, looked at, sent to, fetched from,
//! many objects a call. Names here are in clear and in rclone's standard
//! encoding; what crypt makes of them is `go/store`'s to know.

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::failure::{Failure, FailureKind};
use super::job::Watch;
pub use super::messages::{
    Abilities, Bytes, Copy, Done, Fetch, Fetched, Have, Listed, Packed, Part, Send, Sent, Shown,
    Versions,
};
use super::objects::Objects;
use super::rclone::call::call;
use super::rclone::requests::{NameOf, SetLease, SetPatience, SetSmallClass};

/// A bucket or directory on a remote, and the crypt remote on top, if any.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) objects: Arc<dyn Objects>,
    /// Different names are different objects, whatever they look like: on S3 a
    /// name is nothing but its bytes. Of others it has to be tried.
    pub distinct: bool,
    /// Names of files are names of objects there, and not encrypted.
    pub clear: bool,
}

impl Store {
    /// Calls `found` for every object below `dir`, named relative to it, in no
    /// order. What is in the directory `without`, which is one in `dir` with its name from the
    /// top, is passed over. `marks` are
    /// names of some of them, evenly spread: large listings go faster with them.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses. On a disk a `dir` that does not
    /// exist is [`super::failure::FailureKind::Missing`].
    pub fn list(
        &self,
        dir: &str,
        without: Option<&str>,
        marks: &[Vec<u8>],
        watch: &mut dyn Watch,
        mut found: impl FnMut(Shown) + std::marker::Send,
    ) -> Result<Listed, Failure> {
        self.objects.list(dir, without, marks, watch, &mut found)
    }

    /// Asks for each of `remotes`; the records come in any order, `id` is the index.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn look(&self, remotes: &[Bytes], watch: &mut dyn Watch) -> Result<Vec<Shown>, Failure> {
        self.objects.look(remotes, watch)
    }

    /// Deletes `remotes`; one that is not there is deleted already.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn remove(&self, remotes: &[Bytes], watch: &mut dyn Watch) -> Result<Vec<Done>, Failure> {
        self.objects.remove(remotes, watch)
    }

    /// Copies objects on the server; fails where it cannot do that by itself.
    ///
    /// # Errors
    /// As [`Store::send`].
    pub fn copy(&self, jobs: Vec<Copy>, watch: &mut dyn Watch) -> Result<Vec<Done>, Failure> {
        self.objects.copy(jobs, watch)
    }

    /// Gives objects other names on the server; fails where it cannot do that by itself.
    ///
    /// # Errors
    /// As [`Store::send`].
    pub fn rename(&self, jobs: Vec<Copy>, watch: &mut dyn Watch) -> Result<Vec<Done>, Failure> {
        self.objects.rename(jobs, watch)
    }

    /// The names of the directories in `dir`; none if it does not exist.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn directories(&self, dir: &str) -> Result<Vec<String>, Failure> {
        match self.objects.directories(dir) {
            Err(failure) if failure.kind == FailureKind::Missing => Ok(Vec::new()),
            found => Ok(found?.names),
        }
    }

    /// What the remote can do with objects by itself. It is not asked.
    ///
    /// # Errors
    /// The configuration does not make sense.
    pub fn abilities(&self) -> Result<Abilities, Failure> {
        self.objects.abilities()
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
        mut jobs: impl Iterator<Item = Send> + std::marker::Send,
        watch: &mut dyn Watch,
        mut each: impl FnMut(Sent) + std::marker::Send,
    ) -> Result<(), Failure> {
        self.objects.send(root, notes, &mut jobs, watch, &mut each)
    }

    /// Aborts what earlier runs began to upload and noted in these directories, and no
    /// send of this process has gone on with.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn abandon(&self, dirs: &[PathBuf]) -> Result<(), Failure> {
        self.objects.abandon(dirs)
    }

    /// Reads objects, into new files of the directory that is open at `into` where a job
    /// has a name for one; `each` hears of every one as soon as it is done.
    ///
    /// # Errors
    /// As [`Store::send`].
    pub fn fetch(
        &self,
        into: Option<BorrowedFd<'_>>,
        mut jobs: impl Iterator<Item = Fetch> + std::marker::Send,
        watch: &mut dyn Watch,
        mut each: impl FnMut(Fetched) + std::marker::Send,
    ) -> Result<(), Failure> {
        self.objects.fetch(into, &mut jobs, watch, &mut each)
    }

    /// What the bucket keeps of what was deleted below `dir`, as far as it tells.
    ///
    /// # Errors
    /// An interrupt.
    pub fn versions(&self, dir: &str) -> Result<Versions, Failure> {
        self.objects.versions(dir)
    }

    /// Secrets of the encryption, for the seals of poof's own records: that of today, and
    /// the one before it. None where nothing is encrypted.
    ///
    /// # Errors
    /// The passwords in the configuration are not as rclone writes them.
    pub fn secrets(&self) -> Result<Option<[Zeroizing<Vec<u8>>; 2]>, Failure> {
        self.objects.secrets()
    }

    /// Removes the directories at and below `dir` that are empty, where there are any.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn remove_empty_directories(&self, dir: &str) -> Result<(), Failure> {
        self.objects.remove_empty_directories(dir)
    }
}

/// Sets how long a run waits for a network that is away.
pub fn set_patience(time: Duration) {
    // Nothing of it can fail.
    let _ = call(&SetPatience { seconds: time.as_secs() });
}

/// Sets the storage class on S3 of objects below 128 KiB, as stored; None: that of all others.
pub fn set_small_objects(class: Option<&str>) {
    let _ = call(&SetSmallClass { small: class.unwrap_or_default().to_owned() });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::job::Unwatched;
    use crate::storage::remote::Remote;
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
        let store = Remote::plain(":local", &there.to_string_lossy(), false).store();
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
        store
            .list("t", None, &[], watch, |shown| listed.push((shown.remote.0, shown.size)))
            .unwrap();
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

//! A bucket as rclone's backends have it.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::call::call;
use super::configuring::DeriveKey;
use super::exchange::{each_of, exchange};
use super::job;
use super::requests::{
    AbandonUploads, AskAbilities, CopyStore, CountVersions, DeleteFile, FetchStore, Filter,
    GetObject, ListDirectories, ListStore, LookStore, MakeDirectory, MoveStore, Purge, PutObject,
    RemoveEmptyDirectories, RemoveStore, SendStore, Settings,
};
use crate::storage::failure::Failure;
use crate::storage::job::{Unwatched, Watch};
use crate::storage::messages::{
    Abilities, Bytes, Copy, DirectoryNames, Done, Fetch, Fetched, Listed, Send, Sent, Shown,
    Versions,
};
use crate::storage::objects::{Each, Jobs, Objects};
use crate::storage::spec::Spec;

/// Never `no_head_object`: it deletes large uploads.
const STORE_ON_S3: &str = ",no_check_bucket=true,no_head=true,use_server_modtime=true,\
    disable_checksum=true,upload_cutoff=64Mi,chunk_size=16Mi,upload_concurrency=6";

/// How many requests are under way at once, where rclone has 4: small files cost a
/// round trip each. S3 takes thousands a second; a disk, or a server with one, does not.
const WIDE_ON_S3: u32 = 128;
const WIDE: u32 = 64;

/// How the place is opened. rclone keeps what it opened under its connection
/// string, with the timeouts of the call that opened it; so the two differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Probe,
    Work,
}

/// A bucket or directory on a remote, and the crypt remote on top, if any.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Section of the storage remote in rclone-poof.conf.
    pub section: String,
    /// Path on it: the bucket, or a directory.
    pub path: String,
    /// Whether the section is of type s3.
    pub s3: bool,
    /// Section of the crypt remote on top.
    pub crypt: Option<String>,
}

impl Bucket {
    /// The bucket as a store of objects. On S3 one request a file, and large
    /// parts: what the checksum of rclone's would say of a large file is in the
    /// manifest.
    fn fs(&self) -> String {
        let flags = if self.s3 { STORE_ON_S3 } else { "" };
        format!("{}{flags}:{}/", self.section, self.path)
    }

    fn crypt(&self) -> String {
        self.crypt.clone().unwrap_or_default()
    }

    /// How many requests are under way at once.
    fn width(&self) -> u32 {
        if self.s3 { WIDE_ON_S3 } else { WIDE }
    }

    fn root(&self) -> String {
        self.spec(Use::Probe, "").into_string()
    }

    fn decrypted(&self) -> Self {
        Bucket { crypt: None, ..self.clone() }
    }

    /// The slash at the end saves the request that asks whether the path is a
    /// file, and keeps a dead endpoint from reading "is a file not a
    /// directory". `no_head` and `no_check_bucket` make it one request a file;
    /// what they no longer check, the listing afterwards does.
    fn spec(&self, usage: Use, below: &str) -> Spec {
        let flags = match usage {
            Use::Probe => ",description=probe",
            Use::Work if self.s3 => ",no_check_bucket=true,no_head=true",
            Use::Work => "",
        };
        let base = format!("{}{flags}:{}", self.section, self.path);
        Spec(match &self.crypt {
            None => format!("{base}/{below}"),
            Some(crypt) => format!("{crypt},remote={}:{below}", quoted(&format!("{base}/"))),
        })
    }
}

impl Objects for Bucket {
    fn seen_through(&self, crypt: Option<&str>) -> Arc<dyn Objects> {
        Arc::new(Bucket { crypt: crypt.map(str::to_owned), ..self.clone() })
    }

    fn list(
        &self,
        dir: &str,
        without: Option<&str>,
        marks: &[Vec<u8>],
        watch: &mut dyn Watch,
        found: Each<Shown>,
    ) -> Result<Listed, Failure> {
        let (fs, crypt, dir) = (self.fs(), self.crypt(), dir.to_owned());
        let marks = marks.iter().map(|mark| BASE64.encode(mark)).collect();
        let without = without.unwrap_or_default().to_owned();
        let request = |_, report| ListStore { fs, crypt, dir, without, marks, report };
        exchange(self.width(), request, std::iter::empty::<()>(), watch, found)
    }

    fn look(&self, remotes: &[Bytes], watch: &mut dyn Watch) -> Result<Vec<Shown>, Failure> {
        let (fs, crypt, width) = (self.fs(), self.crypt(), self.width());
        let request = |jobs, report| LookStore { fs, crypt, jobs, report, width };
        each_of(width, remotes, request, watch)
    }

    fn remove(&self, remotes: &[Bytes], watch: &mut dyn Watch) -> Result<Vec<Done>, Failure> {
        let (fs, crypt, width) = (self.fs(), self.crypt(), self.width());
        let request = |jobs, report| RemoveStore { fs, crypt, jobs, report, width };
        each_of(width, remotes, request, watch)
    }

    fn copy(&self, jobs: Vec<Copy>, watch: &mut dyn Watch) -> Result<Vec<Done>, Failure> {
        let (fs, crypt, width) = (self.fs(), self.crypt(), self.width());
        let request = |jobs, report| CopyStore { fs, crypt, jobs, report, width };
        let mut records = Vec::new();
        exchange(width, request, jobs.into_iter(), watch, |record| records.push(record))?;
        Ok(records)
    }

    fn rename(&self, jobs: Vec<Copy>, watch: &mut dyn Watch) -> Result<Vec<Done>, Failure> {
        let (fs, crypt, width) = (self.fs(), self.crypt(), self.width());
        let request = |jobs, report| MoveStore { fs, crypt, jobs, report, width };
        let mut records = Vec::new();
        exchange(width, request, jobs.into_iter(), watch, |record| records.push(record))?;
        Ok(records)
    }

    fn abilities(&self) -> Result<Abilities, Failure> {
        job::probe(&AskAbilities { fs: self.fs(), crypt: self.crypt() })
    }

    fn send(
        &self,
        root: Option<BorrowedFd<'_>>,
        notes: Option<&Path>,
        jobs: Jobs<Send>,
        watch: &mut dyn Watch,
        each: Each<Sent>,
    ) -> Result<(), Failure> {
        let (fs, crypt, width) = (self.fs(), self.crypt(), self.width());
        let root = number(root);
        let notes = notes.map(|dir| dir.to_string_lossy().into_owned()).unwrap_or_default();
        let request = |jobs, report| SendStore { fs, crypt, root, notes, jobs, report, width };
        exchange(width, request, jobs, watch, each).map(|_| ())
    }

    fn abandon(&self, dirs: &[PathBuf]) -> Result<(), Failure> {
        let (fs, crypt) = (self.fs(), self.crypt());
        let dirs = dirs.iter().map(|dir| dir.to_string_lossy().into_owned()).collect();
        let (settings, filter) = (Settings::work(self.width()), Filter::default());
        job::run(&AbandonUploads { fs, crypt, dirs }, &settings, &filter, &mut Unwatched)
            .map(|_| ())
    }

    fn fetch(
        &self,
        into: Option<BorrowedFd<'_>>,
        jobs: Jobs<Fetch>,
        watch: &mut dyn Watch,
        each: Each<Fetched>,
    ) -> Result<(), Failure> {
        let (fs, crypt, width) = (self.fs(), self.crypt(), self.width());
        let dir = number(into);
        let request = |jobs, report| FetchStore { fs, crypt, dir, jobs, report, width };
        exchange(width, request, jobs, watch, each).map(|_| ())
    }

    fn versions(&self, dir: &str) -> Result<Versions, Failure> {
        job::probe(&CountVersions { fs: self.fs(), dir: dir.to_owned() })
    }

    fn secrets(&self) -> Result<Option<[Zeroizing<Vec<u8>>; 2]>, Failure> {
        let Some(crypt) = &self.crypt else { return Ok(None) };
        let reply = call(&DeriveKey { crypt })?;
        let of = |text: Zeroizing<String>| {
            let bytes = BASE64.decode(text.as_bytes());
            bytes.map(Zeroizing::new).map_err(|_| Failure::reply("poof/key"))
        };
        Ok(Some([of(reply.key)?, of(reply.before)?]))
    }

    fn top(&self) -> Result<DirectoryNames, Failure> {
        let (fs, crypt, dir) = (self.decrypted().root(), self.crypt(), String::new());
        job::probe(&ListDirectories { fs, crypt, dir })
    }

    fn directories(&self, dir: &str) -> Result<DirectoryNames, Failure> {
        let (fs, crypt, dir) = (self.fs(), self.crypt(), dir.to_owned());
        let (settings, filter) = (Settings::work(self.width()), Filter::default());
        job::run(&ListDirectories { fs, crypt, dir }, &settings, &filter, &mut Unwatched)
    }

    fn make_bucket(&self) -> Result<(), Failure> {
        let fs = self.decrypted().root();
        job::probe(&MakeDirectory { fs, remote: String::new() }).map(|_| ())
    }

    fn put(&self, remote: &str, data: &[u8]) -> Result<(), Failure> {
        let data = BASE64.encode(data);
        job::probe(&PutObject { fs: self.root(), remote: remote.to_owned(), data }).map(|_| ())
    }

    fn get(&self, remote: &str, limit: u64) -> Result<Vec<u8>, Failure> {
        let request = GetObject { fs: self.root(), remote: remote.to_owned(), limit };
        let data = job::probe(&request)?.data;
        BASE64.decode(data.as_bytes()).map_err(|_| Failure::reply("poof/get"))
    }

    fn purge(&self, dir: &str) -> Result<(), Failure> {
        let request = Purge { fs: self.root(), remote: dir.to_owned() };
        job::run(&request, &Settings::work(16), &Filter::default(), &mut Unwatched).map(|_| ())
    }

    fn delete(&self, remote: &str) -> Result<(), Failure> {
        job::probe(&DeleteFile { fs: self.root(), remote: remote.to_owned() }).map(|_| ())
    }

    fn remove_empty_directories(&self, dir: &str) -> Result<(), Failure> {
        let fs = self.spec(Use::Work, "").into_string();
        let request = RemoveEmptyDirectories { fs, remote: dir.to_owned(), leave_root: false };
        job::probe(&request).map(|_| ())
    }

    fn tree(&self, name: &str) -> Spec {
        self.spec(Use::Work, &format!("{name}/"))
    }
}

/// How a directory is known on the other side: -1 is none.
fn number(dir: Option<BorrowedFd>) -> i32 {
    dir.map_or(-1, |dir| dir.as_raw_fd())
}

/// A value of a connection string, quoted as rclone's fspath reads it.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_a_path_are_doubled() {
        assert_eq!(quoted("a'b"), "'a''b'");
    }
}

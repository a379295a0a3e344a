//! Where things lie on the remote, in the layout of the Python poof:
//! `REMOTE:BUCKET/NAME/…`, encrypted `CRYPT:NAME/…`; and the small calls that
//! look there.

use std::path::{Path, PathBuf};

use data_encoding::BASE64;

use super::failure::{Failure, FailureKind};
use super::job::{self, Unwatched};
use super::rclone::requests::{
    DeleteFile, Filter, GetObject, ListTop, MakeDirectory, Purge, PutObject, Settings, TopNames,
};
use super::store::Store;

/// Never `no_head_object`: it deletes large uploads.
const STORE_ON_S3: &str = ",no_check_bucket=true,no_head=true,use_server_modtime=true,\
    disable_checksum=true,upload_cutoff=64Mi,chunk_size=16Mi,upload_concurrency=6";

/// How many requests are under way at once, where rclone has 4: small files cost a
/// round trip each. S3 takes thousands a second; a disk, or a server with one, does not.
const WIDE_ON_S3: u32 = 128;
const WIDE: u32 = 64;

/// A place that rclone can open: its connection string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec(String);

impl Spec {
    /// A local directory. Symbolic links inside travel as `.rclonelink` objects.
    /// Names are taken as they are (`encoding=Raw`), as [`super::store`] does;
    /// rclone's own encoding doubles U+201B.
    pub fn local(dir: &str) -> Self {
        Spec(format!(":local,links=true,encoding=Raw:{dir}"))
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

/// How the place is opened. rclone keeps what it opened under its connection
/// string, with the timeouts of the call that opened it; so the two differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Probe,
    Work,
}

/// A remote and a bucket on it, plain or through a crypt remote on top.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Section of the storage remote in rclone-poof.conf.
    section: String,
    /// Path on it: the bucket, or a directory.
    path: String,
    /// Whether the section is of type s3.
    s3: bool,
    /// Section of the crypt remote on top.
    crypt: Option<String>,
    /// Names of files are names of objects there: not encrypted, at least in part.
    clear: bool,
    /// The local directory it all lies in, if it is a disk.
    disk: Option<PathBuf>,
}

/// What the top of a bucket shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Top {
    /// The bucket or directory exists.
    pub exists: bool,
    pub names: Vec<String>,
}

impl Top {
    pub fn holds(&self, name: &str) -> bool {
        self.names.iter().any(|held| held == name)
    }
}

impl Remote {
    pub fn plain(section: &str, path: &str, s3: bool) -> Self {
        let path = path.trim_end_matches('/').to_owned();
        Remote { section: section.to_owned(), path, s3, crypt: None, clear: true, disk: None }
    }

    /// The same place, which is on the disk at `dir`.
    #[must_use]
    pub fn on_disk(self, dir: PathBuf) -> Self {
        Remote { disk: Some(dir), ..self }
    }

    /// The disk, if it is one and is not there. rclone would make it up.
    pub fn absent_disk(&self) -> Option<&Path> {
        self.disk.as_deref().filter(|dir| !dir.is_dir())
    }

    /// Whether its section is of type s3.
    pub fn is_s3(&self) -> bool {
        self.s3
    }

    /// Whether it is elsewhere, as far as its configuration says.
    pub fn needs_network(&self) -> bool {
        self.disk.is_none()
    }

    /// The same place seen through the crypt remote `section`.
    #[must_use]
    pub fn encrypted(&self, section: &str) -> Self {
        Remote { crypt: Some(section.to_owned()), clear: false, ..self.clone() }
    }

    /// The same place, whose encryption leaves names as they are, or parts of them.
    #[must_use]
    pub fn with_clear_names(self, clear: bool) -> Self {
        Remote { clear, ..self }
    }

    /// The storage below the encryption.
    #[must_use]
    pub fn decrypted(&self) -> Self {
        Remote { crypt: None, clear: true, ..self.clone() }
    }

    pub fn is_encrypted(&self) -> bool {
        self.crypt.is_some()
    }

    /// For people: `poof-crypt` or `poof-backup:bucket`.
    pub fn name(&self) -> String {
        match &self.crypt {
            Some(crypt) => crypt.clone(),
            None => format!("{}:{}", self.section, self.path),
        }
    }

    /// For people: where a tree lies.
    pub fn place(&self, tree: &str) -> String {
        let slash = if self.is_encrypted() { ':' } else { '/' };
        format!("{}{slash}{tree}", self.name())
    }

    /// The directory of a tree, for the transfer.
    pub fn tree(&self, name: &str) -> Spec {
        self.spec(Use::Work, &format!("{name}/"))
    }

    /// The bucket as a store of objects. On S3 one request a file, and large
    /// parts: what the checksum of rclone's would say of a large file is in the
    /// manifest.
    pub fn store(&self) -> Store {
        let flags = if self.s3 { STORE_ON_S3 } else { "" };
        Store {
            fs: format!("{}{flags}:{}/", self.section, self.path),
            crypt: self.crypt.clone().unwrap_or_default(),
            width: if self.s3 { WIDE_ON_S3 } else { WIDE },
            distinct: self.s3,
            clear: self.clear,
        }
    }

    fn root(&self) -> String {
        self.spec(Use::Probe, "").into_string()
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

    /// Looks at the top of the bucket.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn top(&self) -> Result<Top, Failure> {
        let request =
            ListTop { fs: self.decrypted().root(), crypt: self.crypt.clone().unwrap_or_default() };
        match job::probe(&request) {
            Ok(TopNames { names }) => Ok(Top { exists: true, names }),
            Err(failure) if failure.kind == FailureKind::Missing => Ok(Top::default()),
            Err(failure) => Err(failure),
        }
    }

    /// Makes the bucket.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn make_bucket(&self) -> Result<(), Failure> {
        let fs = self.decrypted().root();
        job::probe(&MakeDirectory { fs, remote: String::new() }).map(|_| ())
    }

    /// Stores a small object.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn put(&self, remote: &str, data: &[u8]) -> Result<(), Failure> {
        let data = BASE64.encode(data);
        job::probe(&PutObject { fs: self.root(), remote: remote.to_owned(), data }).map(|_| ())
    }

    /// Reads an object of at most `limit` bytes.
    ///
    /// # Errors
    /// It does not exist, is larger, or the remote cannot be reached or refuses.
    pub fn get(&self, remote: &str, limit: u64) -> Result<Vec<u8>, Failure> {
        let request = GetObject { fs: self.root(), remote: remote.to_owned(), limit };
        let data = job::probe(&request)?.data;
        BASE64.decode(data.as_bytes()).map_err(|_| Failure::reply("poof/get"))
    }

    /// Removes a directory with everything in it.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn purge(&self, dir: &str) -> Result<(), Failure> {
        let request = Purge { fs: self.root(), remote: dir.to_owned() };
        job::run(&request, &Settings::work(16), &Filter::default(), &mut Unwatched).map(|_| ())
    }

    /// Removes one object.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn delete(&self, remote: &str) -> Result<(), Failure> {
        job::probe(&DeleteFile { fs: self.root(), remote: remote.to_owned() }).map(|_| ())
    }
}

/// A value of a connection string, quoted as rclone's fspath reads it.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_that_of_the_python_poof() {
        let plain = Remote::plain("disk", "bucket", false);
        assert_eq!(plain.tree("docs").into_string(), "disk:bucket/docs/");
        let crypt = plain.encrypted("poof-crypt");
        assert_eq!(crypt.tree("docs").into_string(), "poof-crypt,remote='disk:bucket/':docs/");
        assert_eq!(crypt.place("docs"), "poof-crypt:docs");
        assert_eq!(plain.place("docs"), "disk:bucket/docs");
        assert_eq!(crypt.decrypted().name(), "disk:bucket");
    }

    #[test]
    fn an_s3_remote_is_opened_for_one_request_a_file() {
        let s3 = Remote::plain("m", "b", true);
        let work = s3.tree("n").into_string();
        assert_eq!(work, "m,no_check_bucket=true,no_head=true:b/n/");
        assert!(!work.contains("no_head_object"), "it deletes large uploads");
    }

    #[test]
    fn quotes_in_a_path_are_doubled() {
        assert_eq!(quoted("a'b"), "'a''b'");
    }
}

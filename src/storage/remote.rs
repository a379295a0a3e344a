//! Where things lie on the remote, in the layout of the Python poof:
//! `REMOTE:BUCKET/NAME/…`, encrypted `CRYPT:NAME/…`; and the small calls that
//! look there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::failure::{Failure, FailureKind};
use super::messages::DirectoryNames;
use super::objects::Objects;
use super::rclone::bucket::Bucket;
pub use super::spec::Spec;
use super::store::Store;

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
    /// What is there.
    objects: Arc<dyn Objects>,
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
        let (section, path) = (section.to_owned(), path.trim_end_matches('/').to_owned());
        let bucket = Bucket { section: section.clone(), path: path.clone(), s3, crypt: None };
        Remote {
            section,
            path,
            s3,
            crypt: None,
            clear: true,
            disk: None,
            objects: Arc::new(bucket),
        }
    }

    /// A bucket in memory, which is as one on S3.
    #[cfg(test)]
    pub fn in_memory(memory: &super::memory::Memory) -> Self {
        let objects = Arc::new(memory.clone());
        Remote { objects, ..Remote::plain("memory", "bucket", true) }
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

    /// The directory of the bucket, if it is on a disk.
    pub fn bucket_on_disk(&self) -> Option<PathBuf> {
        self.disk.as_deref().map(|dir| dir.join(&self.path))
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
        let objects = self.objects.seen_through(Some(section));
        Remote { crypt: Some(section.to_owned()), clear: false, objects, ..self.clone() }
    }

    /// The same place, whose encryption leaves names as they are, or parts of them.
    #[must_use]
    pub fn with_clear_names(self, clear: bool) -> Self {
        Remote { clear, ..self }
    }

    /// The storage below the encryption.
    #[must_use]
    pub fn decrypted(&self) -> Self {
        let objects = self.objects.seen_through(None);
        Remote { crypt: None, clear: true, objects, ..self.clone() }
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

    /// The directory of a tree, for rclone's own mirror.
    pub fn tree(&self, name: &str) -> Spec {
        self.objects.tree(name)
    }

    /// The bucket as a store of objects.
    pub fn store(&self) -> Store {
        let objects = Arc::clone(&self.objects);
        Store { objects, distinct: self.s3, clear: self.clear }
    }

    /// Looks at the top of the bucket.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn top(&self) -> Result<Top, Failure> {
        match self.objects.top() {
            Ok(DirectoryNames { names }) => Ok(Top { exists: true, names }),
            Err(failure) if failure.kind == FailureKind::Missing => Ok(Top::default()),
            Err(failure) => Err(failure),
        }
    }

    /// Makes the bucket.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn make_bucket(&self) -> Result<(), Failure> {
        self.objects.make_bucket()
    }

    /// Removes the bucket with the empty directories in it. One that holds anything stays.
    ///
    /// # Errors
    /// It is not empty, or the remote cannot be reached or refuses.
    pub fn remove_empty_bucket(&self) -> Result<(), Failure> {
        self.objects.seen_through(None).remove_empty_directories("")
    }

    /// Stores a small object.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn put(&self, remote: &str, data: &[u8]) -> Result<(), Failure> {
        self.objects.put(remote, data)
    }

    /// Reads an object of at most `limit` bytes.
    ///
    /// # Errors
    /// It does not exist, is larger, or the remote cannot be reached or refuses.
    pub fn get(&self, remote: &str, limit: u64) -> Result<Vec<u8>, Failure> {
        self.objects.get(remote, limit)
    }

    /// Removes a directory with everything in it.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn purge(&self, dir: &str) -> Result<(), Failure> {
        self.objects.purge(dir)
    }

    /// Removes one object.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn delete(&self, remote: &str) -> Result<(), Failure> {
        self.objects.delete(remote)
    }
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
}

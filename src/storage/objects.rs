//! What a bucket can do, whoever keeps it: rclone, or the memory of a test.

use std::fmt::Debug;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::failure::Failure;
use super::job::Watch;
use super::messages::{
    Abilities, Bytes, Copy, DirectoryNames, Done, Fetch, Fetched, Listed, Send, Sent, Shown,
    Versions,
};
use super::spec::Spec;

/// A callback that hears of each record as soon as it is there.
pub type Each<'a, R> = &'a mut (dyn FnMut(R) + std::marker::Send);
/// Jobs, which are never all in memory.
pub type Jobs<'a, J> = &'a mut (dyn Iterator<Item = J> + std::marker::Send);

/// A bucket or directory on a remote, seen through its encryption if it has one. What each
/// call does is described at [`super::store::Store`] and [`super::remote::Remote`].
pub trait Objects: Debug + std::marker::Send + Sync {
    /// The same place through the crypt remote `crypt`, or below all encryption.
    fn seen_through(&self, crypt: Option<&str>) -> Arc<dyn Objects>;

    fn list(
        &self,
        dir: &str,
        without: Option<&str>,
        marks: &[Vec<u8>],
        watch: &mut dyn Watch,
        found: Each<Shown>,
    ) -> Result<Listed, Failure>;

    fn look(&self, remotes: &[Bytes], watch: &mut dyn Watch) -> Result<Vec<Shown>, Failure>;

    fn remove(&self, remotes: &[Bytes], watch: &mut dyn Watch) -> Result<Vec<Done>, Failure>;

    fn copy(&self, jobs: Vec<Copy>, watch: &mut dyn Watch) -> Result<Vec<Done>, Failure>;

    fn rename(&self, jobs: Vec<Copy>, watch: &mut dyn Watch) -> Result<Vec<Done>, Failure>;

    fn abilities(&self) -> Result<Abilities, Failure>;

    fn send(
        &self,
        root: Option<BorrowedFd<'_>>,
        notes: Option<&Path>,
        jobs: Jobs<Send>,
        watch: &mut dyn Watch,
        each: Each<Sent>,
    ) -> Result<(), Failure>;

    fn abandon(&self, dirs: &[PathBuf]) -> Result<(), Failure>;

    fn fetch(
        &self,
        into: Option<BorrowedFd<'_>>,
        jobs: Jobs<Fetch>,
        watch: &mut dyn Watch,
        each: Each<Fetched>,
    ) -> Result<(), Failure>;

    fn versions(&self, dir: &str) -> Result<Versions, Failure>;

    fn secrets(&self) -> Result<Option<[Zeroizing<Vec<u8>>; 2]>, Failure>;

    fn top(&self) -> Result<DirectoryNames, Failure>;

    fn directories(&self, dir: &str) -> Result<DirectoryNames, Failure>;

    fn make_bucket(&self) -> Result<(), Failure>;

    fn put(&self, remote: &str, data: &[u8]) -> Result<(), Failure>;

    fn get(&self, remote: &str, limit: u64) -> Result<Vec<u8>, Failure>;

    fn purge(&self, dir: &str) -> Result<(), Failure>;

    fn delete(&self, remote: &str) -> Result<(), Failure>;

    fn remove_empty_directories(&self, dir: &str) -> Result<(), Failure>;

    /// The directory of a tree, for rclone's own mirror.
    fn tree(&self, name: &str) -> Spec;
}

//! How a wipe went.

use super::assurance::{Achieved, achieved};
use super::stays::Reason;
use crate::host::mounts::Mount;
use crate::tree::scan::excluded::Extent;

/// Something of the tree that is still there.
#[derive(Debug, PartialEq, Eq)]
pub struct Left {
    pub path: Vec<u8>,
    pub reason: Reason,
    pub why: String,
}

/// How a wipe went.
#[derive(Debug, Default)]
pub struct Tally {
    /// Files, links and so on that are gone, no directories.
    pub gone: u64,
    /// Their content, in bytes.
    pub bytes: u64,
    pub left: Vec<Left>,
    /// What is excluded and stays, and where it begins.
    pub excluded: Extent,
    pub excluded_tops: Vec<Vec<u8>>,
    /// Paths whose files have other names that stay, and so their content.
    pub outside: Vec<Vec<u8>>,
    /// What was locked, and had to be unlocked.
    pub lifted: Vec<Vec<u8>>,
    pub mount: Option<Mount>,
    /// Some of it was among the metadata of the file system.
    pub inline: bool,
    /// The user asked to stop.
    pub interrupted: bool,
    /// Files and so on that were not begun then.
    pub rest: u64,
}

impl Tally {
    /// What the wipe has achieved.
    pub fn achieved(&self) -> Vec<Achieved> {
        let mut said = achieved(self.mount.as_ref());
        if self.inline && said.first() == Some(&Achieved::InPlace) {
            said.insert(1, Achieved::Inline);
        }
        said
    }
}

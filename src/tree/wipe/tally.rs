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

/// A set of the numbers that entries of a snapshot have: a bit for each.
#[derive(Debug, Default)]
pub struct Numbers(Vec<u64>);

impl Numbers {
    pub fn add(&mut self, number: u64) {
        let Some((at, bit)) = Self::place(number) else { return };
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        self.0[at] |= bit;
    }

    pub fn has(&self, number: u64) -> bool {
        let place = Self::place(number);
        place.is_some_and(|(at, bit)| self.0.get(at).is_some_and(|bits| bits & bit != 0))
    }

    fn place(number: u64) -> Option<(usize, u64)> {
        Some((usize::try_from(number / 64).ok()?, 1 << (number % 64)))
    }
}

/// How a wipe went.
#[derive(Debug, Default)]
pub struct Tally {
    /// Files, links and so on that are gone, no directories.
    pub gone: u64,
    /// Their content, in bytes.
    pub bytes: u64,
    /// Of what was to go: what was not here any more.
    pub absent: u64,
    /// All that was to go and is not here now, but for what was not proven.
    pub not_here: Numbers,
    pub left: Vec<Left>,
    /// Of the snapshot: what no wipe has begun to take, as it is now.
    pub untaken: Vec<Vec<u8>>,
    /// What is excluded and stays, and where it begins.
    pub excluded: Extent,
    pub excluded_tops: Vec<Vec<u8>>,
    /// Paths whose files have other names that stay, and so their content.
    pub outside: Vec<Vec<u8>>,
    /// What was locked, and had to be unlocked.
    pub lifted: Vec<Vec<u8>>,
    pub mount: Option<Mount>,
    /// Tells its file system from others.
    pub device: Option<String>,
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

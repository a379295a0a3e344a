//! What is left of a tree when its files are wiped.

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind};

use rustix::fs::AtFlags;

use super::Work;
use super::dirs::remove;
use super::path::{Reason, Stays};
use crate::host::erase;
use crate::tree::entry::{is_below, is_within};
use crate::tree::walk::{Found, LeftOut, STAGE, Walk};

impl Work<'_> {
    /// Looks for what is there nevertheless. `known` is what may be.
    pub(super) fn look_again(
        &mut self,
        root: &std::path::Path,
        known: &HashSet<&[u8]>,
        spared: &[Vec<u8>],
    ) {
        let Ok(walk) = Walk::new(root) else { return };
        let left: HashSet<Vec<u8>> = self.tally.left.iter().map(|left| left.path.clone()).collect();
        let expected = |path: &[u8]| {
            path.is_empty()
                || known.contains(path)
                || left.contains(path)
                || left.iter().any(|dir| is_below(path, dir))
                || spared.iter().any(|spared| is_within(path, spared) || is_below(spared, path))
        };
        for found in walk {
            match found {
                Found::Entry(entry) if !expected(&entry.path) => {
                    let why = "it came up meanwhile and is not in the snapshot";
                    self.stays(entry.path, Stays::unproven(why));
                }
                // A socket holds nothing.
                Found::LeftOut(LeftOut { path, loss: false, .. }) if !expected(&path) => {
                    let gone = match self.dirs.parent(&path) {
                        Ok((dir, name)) => remove(&dir, &name, AtFlags::empty()),
                        Err((_, error)) => Err(error),
                    };
                    if let Err(error) = gone {
                        self.stays(path, error.into());
                    }
                }
                Found::LeftOut(LeftOut { path, why, loss: true }) if !expected(&path) => {
                    self.stays(path, Stays::unproven(&why));
                }
                _ => {}
            }
        }
    }

    /// Removes the directories, what lies in them first, and then the root.
    /// `stay` are paths that are to stay, and with them the directories they are in.
    pub(super) fn remove_directories(
        &mut self,
        directories: &[Vec<u8>],
        root: &std::path::Path,
        stay: &[&[u8]],
    ) {
        for path in directories.iter().rev() {
            let removed = match self.dirs.parent(path) {
                Ok((dir, name)) => remove(&dir, &name, AtFlags::REMOVEDIR),
                // That has been told.
                Err(_) => continue,
            };
            if let Err(error) = removed {
                self.not_removed(path, &error, stay);
            }
        }
        // What a download that did not come to its end has collected.
        let stage = root.join(STAGE);
        if fs::symlink_metadata(&stage).is_ok_and(|meta| meta.is_dir())
            && let Err(error) = erase::directory(&stage, &self.noise)
        {
            self.stays(STAGE.into(), error.into());
        }
        if let Err(error) = fs::remove_dir(root) {
            self.not_removed(&[], &error, stay);
        }
    }

    fn not_removed(&mut self, path: &[u8], error: &io::Error, stay: &[&[u8]]) {
        match error.kind() {
            ErrorKind::NotFound => {}
            ErrorKind::DirectoryNotEmpty => {
                let left = self.tally.left.iter().map(|left| left.path.as_slice());
                if !left.chain(stay.iter().copied()).any(|left| is_within(left, path)) {
                    let why = "something came up in it meanwhile";
                    self.stays(path.to_vec(), Stays::unproven(why));
                }
            }
            ErrorKind::ResourceBusy => {
                let why = "it is empty, but a file system is mounted there".to_owned();
                self.stays(path.to_vec(), Stays { reason: Reason::Emptied, why });
            }
            _ => {
                let why = format!("it is empty, but it cannot be removed: {error}");
                self.stays(path.to_vec(), Stays { reason: Reason::Emptied, why });
            }
        }
    }
}

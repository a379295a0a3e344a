//! What is left of a tree when its files are wiped.

use std::collections::HashSet;
use std::ffi::CString;
use std::io::{self, ErrorKind};

use rustix::fs::{AtFlags, FileType, statat};

use super::Work;
use super::dirs::remove;
use super::stays::{REPLACED, Stays};
use crate::base::interrupt;
use crate::base::shown::{name_of, path_of};
use crate::host::disk::unlock;
use crate::storage::filter::Filter;
use crate::tree::model::entry::Entry;
use crate::tree::model::path_set::Kept;
use crate::tree::scan::root::Root;
use crate::tree::scan::staging::clear;
use crate::tree::scan::walk::{Found, LeftOut, STAGE, Walk};

/// What may be there when a tree is looked at again.
pub(super) struct Look<'a> {
    pub root: &'a Root,
    pub filter: &'a Filter,
    /// What the wipe knows of.
    pub known: HashSet<&'a [u8]>,
    pub spared: &'a Kept,
    /// Only excluded files were to go.
    pub only_excluded: bool,
}

/// What is excluded at this moment, where it begins.
pub(super) fn excluded_now(root: &Root, filter: &Filter) -> io::Result<Vec<Vec<u8>>> {
    if filter.is_empty() {
        return Ok(Vec::new());
    }
    let walk = Walk::new(root, filter)?.take_while(|_| !interrupt::requested());
    let excluded = walk.filter_map(|found| match found {
        Found::Excluded(excluded) => Some(excluded.path().to_vec()),
        _ => None,
    });
    Ok(excluded.collect())
}

impl Work<'_> {
    /// Looks for what is there nevertheless. Returns what is to stay.
    pub(super) fn look_again(&mut self, look: &Look) -> Kept {
        let Look { root, filter, known, spared, only_excluded } = look;
        let mut stay = (*spared).clone();
        let Ok(walk) = Walk::new(root, filter) else { return stay };
        let left: Kept = self.tally.left.iter().map(|left| left.path.as_slice()).collect();
        let expected = |path: &[u8]| {
            path.is_empty()
                || known.contains(path)
                || left.holds(path)
                || spared.holds(path)
                || spared.is_below(path)
        };
        for found in walk.deep() {
            match found {
                Found::Entry(Entry { path, .. }) | Found::LeftOut(LeftOut { path, .. })
                    if *only_excluded && !expected(&path) =>
                {
                    stay.add(&path);
                }
                Found::Entry(entry) if !expected(&entry.path) => {
                    let why = "it came up meanwhile and is not in the snapshot";
                    self.stays(entry.path, Stays::unproven(why));
                }
                Found::Excluded(found)
                    if spared.holds(found.path()) || spared.is_below(found.path()) => {}
                Found::Excluded(found) if !only_excluded => {
                    self.tally.excluded.add(&found);
                    if found.top {
                        stay.add(found.path());
                        self.tally.excluded_tops.push(found.path().to_vec());
                    }
                }
                Found::Excluded(found) if !expected(found.path()) => {
                    let why = "it came up meanwhile";
                    self.stays(found.path().to_vec(), Stays::excluded(why));
                }
                // A socket holds nothing.
                Found::LeftOut(LeftOut { path, loss: false, .. }) if !expected(&path) => {
                    self.remove_socket(path);
                }
                Found::LeftOut(LeftOut { path, why, loss: true, .. }) if !expected(&path) => {
                    self.stays(path, Stays::unproven(&why));
                }
                _ => {}
            }
        }
        stay
    }

    pub(super) fn remove_socket(&mut self, path: Vec<u8>) {
        let gone = match self.dirs.parent(&path) {
            Ok((dir, name)) => remove(&dir, &name, AtFlags::empty()),
            Err((_, error)) => Err(error),
        };
        if let Err(error) = gone {
            self.stays(path, error.into());
        }
    }

    /// Removes the directories, what is in them first, and then the root. What is to
    /// `stay` keeps those that it is in.
    pub(super) fn remove_directories(
        &mut self,
        directories: &[Vec<u8>],
        root: &Root,
        stay: &mut Kept,
    ) {
        for left in &self.tally.left {
            stay.add(&left.path);
        }
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
        let stage = CString::new(STAGE).map_err(io::Error::from);
        let erased = stage.and_then(|stage| {
            let found = statat(root.handle(), &stage, AtFlags::SYMLINK_NOFOLLOW);
            let kind = found.map(|found| FileType::from_raw_mode(found.st_mode));
            // What was not proven, and could not go back, is in it.
            let keeps = stay.holds(STAGE.as_bytes()) || stay.is_below(STAGE.as_bytes());
            if kind.is_ok_and(FileType::is_dir) && !keeps {
                clear(root.handle(), Some(&self.noise))
            } else {
                Ok(())
            }
        });
        if let Err(error) = erased {
            stay.add(STAGE.as_bytes());
            self.stays(STAGE.into(), error.into());
        }
        if matches!(root.is_in_place(), Ok(false)) {
            self.stays(Vec::new(), Stays::covered(&path_of(root.path())));
            return;
        }
        let mut removed = root.remove();
        if removed.as_ref().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
            && unlock(self.dirs.root()).is_ok()
        {
            removed = root.remove();
        }
        if let Err(error) = removed {
            self.not_removed(&[], &error, stay);
        }
    }

    fn not_removed(&mut self, path: &[u8], error: &io::Error, stay: &mut Kept) {
        let stays = match error.kind() {
            ErrorKind::NotFound => return,
            ErrorKind::NotADirectory => {
                if !self.dirs.has_entered(path) && self.was_left(path, None) {
                    self.tally.untaken.push(path.to_vec());
                }
                Stays::unproven(REPLACED)
            }
            ErrorKind::DirectoryNotEmpty if stay.holds(path) || stay.is_below(path) => return,
            ErrorKind::DirectoryNotEmpty => Stays::unproven("something came up in it meanwhile"),
            // That is told, of the place or of what is in it.
            ErrorKind::ResourceBusy if stay.holds(path) => return,
            ErrorKind::ResourceBusy if self.dirs.has_entered(path) => {
                Stays::covered(&name_of(path))
            }
            ErrorKind::ResourceBusy => {
                Stays::emptied("a file system is mounted there, and what it covers is not seen")
            }
            _ => Stays::emptied(&format!("it is empty, but it cannot be removed: {error}")),
        };
        stay.add(path);
        self.stays(path.to_vec(), stays);
    }
}

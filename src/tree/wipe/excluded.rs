//! Wipes what is excluded and the user has given up.

use super::Work;
use super::batch::Goes;
use super::consented::{Asked, GivenUp};
use super::stays::Stays;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::storage::filter::Filter;
use crate::tree::model::entry::{Entry, EntryKind};
use crate::tree::model::path_set::Kept;
use crate::tree::scan::root::Root;
use crate::tree::scan::walk::{Found, LeftOut, Walk};

impl Work<'_> {
    /// Wipes what is excluded, was `asked` for and is not `spared`. Returns all
    /// directories, in the order of entries: those that are empty may go, also if a
    /// run that was killed has emptied them.
    pub(super) fn wipe_excluded(
        &mut self,
        root: &Root,
        filter: &Filter,
        asked: &Asked,
        spared: &Kept,
    ) -> Result<Vec<Vec<u8>>> {
        let (mut directories, mut markers) = (Vec::new(), Vec::new());
        for found in Walk::new(root, filter).into_iter().flat_map(Walk::deep) {
            let excluded = match found {
                Found::Excluded(excluded) => excluded,
                Found::Entry(Entry { path, kind: EntryKind::Directory, .. })
                    if !path.is_empty() && !spared.holds(&path) =>
                {
                    directories.push(path);
                    continue;
                }
                _ => continue,
            };
            let path = excluded.path().to_vec();
            if spared.holds(&path) || self.is_blocked(&path) {
                continue;
            }
            if interrupt::requested() {
                self.tally.rest += u64::from(!excluded.is_directory());
                continue;
            }
            if let Ok(entry) = &excluded.what {
                self.expect(entry);
            }
            match excluded.what {
                Ok(entry) if entry.is_directory() => directories.push(path),
                Ok(entry) => {
                    let inode = entry.local.map(|local| (local.dev, local.ino));
                    let linked = inode.and_then(|inode| self.linked.get(&inode));
                    let ours = linked.map(|(_, since)| *since);
                    if let Some(given_up) = asked.give_up(entry, ours) {
                        if filter.is_marker(&path) {
                            markers.push(given_up);
                        } else {
                            self.add(Goes::GivenUp(given_up))?;
                        }
                    } else {
                        self.stays(path, Stays::excluded("it has changed, or came up meanwhile"));
                    }
                }
                Err(LeftOut { loss: false, .. }) => self.remove_socket(path),
                Err(LeftOut { why, .. }) => self.stays(path, Stays::excluded(&why)),
            }
        }
        self.flush()?;
        self.wipe_markers(markers)?;
        Ok(directories)
    }

    /// What has a directory left out goes last, and not from one in which something
    /// stays: without it, nobody could tell after a crash that the rest is excluded.
    fn wipe_markers(&mut self, markers: Vec<GivenUp>) -> Result<()> {
        let left: Kept = self.tally.left.iter().map(|left| left.path.as_slice()).collect();
        for marker in markers {
            let path = &marker.entry().path;
            let dir = &path[..path.iter().rposition(|byte| *byte == b'/').unwrap_or(0)];
            if interrupt::requested() {
                self.tally.rest += 1;
            } else if left.is_below(dir) {
                let why = "it has the directory left out, in which something stays";
                self.stays(path.clone(), Stays::excluded(why));
            } else {
                self.add(Goes::GivenUp(marker))?;
            }
        }
        self.flush()
    }
}

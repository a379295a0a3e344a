//! A backup in waves, for somebody in a hurry: what is most precious goes first, and after each
//! wave the remote has a snapshot that holds what has gone so far.
//!
//! A wave takes only what nothing has to make room for. Nothing is removed before the last step,
//! which is an ordinary backup of what is left.

use std::collections::{HashMap, HashSet};
use std::os::unix::ffi::OsStrExt;

use super::Backup;
use super::uploader::NO_TIME;
use crate::base::error::{Kind, Result};
use crate::storage::failure::FailureKind;
use crate::storage::job::Watch;
use crate::tree::model::change::{Change, Why};
use crate::tree::model::entry::Entry;
use crate::tree::model::layout::Names;
use crate::tree::model::path::ObjectName;
use crate::tree::model::plan::Failed;
use crate::tree::remote::listing::list;
use crate::tree::remote::lock::Lock;
use crate::tree::unsent;

/// So many files are in a wave at most: after it the snapshot is packed anew.
const MOST: usize = 4096;

/// So many waves in a row may fail: a server that is in trouble for a moment is no reason to end.
const ATTEMPTS: usize = 3;

/// Why something that was sent does not count.
const UNSAVED: &str = "it was sent, and no snapshot could be saved that holds it";

/// What waits for its wave.
pub struct Waves {
    /// At their numbers; None: it has gone, or is on its way.
    changes: Vec<Option<Change>>,
    /// Class, bytes and number of what is sent; the first to go is the last here.
    order: Vec<(usize, u64, usize)>,
    /// Numbers of what has nothing more to send: it goes with the next wave.
    unsent: Vec<usize>,
    /// Numbers of what has arrived, with a wave that did not end.
    arrived: HashSet<usize>,
    /// What cannot be in a snapshot.
    failed: Vec<Failed>,
    /// So many waves in a row did not end.
    broken: usize,
}

/// What a wave has brought into the snapshot.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wave {
    pub files: u64,
    pub bytes: u64,
}

impl Waves {
    /// The class of what goes next, and its bytes; None: nothing is left for a wave, or none comes
    /// to its end.
    pub fn next(&self) -> Option<(usize, u64)> {
        let (class, size, _) = self.order.last().filter(|_| self.broken < ATTEMPTS)?;
        Some((*class, *size))
    }

    /// The numbers of what goes next, of one class, with up to `most` bytes, but one at least.
    fn take(&mut self, most: u64) -> Vec<(usize, u64, usize)> {
        let (class, mut room) = (self.next().map(|(class, _)| class), most);
        let mut numbers = Vec::new();
        while let Some(&(of, size, _)) = self.order.last()
            && Some(of) == class
            && (numbers.is_empty() || size <= room && numbers.len() < MOST)
        {
            room = room.saturating_sub(size);
            numbers.extend(self.order.pop());
        }
        numbers
    }
}

impl Backup<'_> {
    /// Makes waves of it. `class` says of a path and its bytes when it goes: those of class 0
    /// first, and of one class small ones before large ones.
    ///
    /// # Errors
    /// The names of what is about to be made cannot be noted.
    pub fn in_waves(&mut self, class: impl Fn(&[u8], u64) -> usize) -> Result<Waves> {
        self.note_ours()?;
        self.give_way();
        let blocked = self.blocked()?;
        let goes = self.leaving.iter().filter(|leaving| leaving.goes);
        let goes: HashSet<&[u8]> = goes.map(|leaving| leaving.path.as_slice()).collect();
        let (mut order, mut unsent) = (Vec::new(), Vec::new());
        for (number, change) in self.changes.iter().enumerate() {
            if goes.contains(change.path()) {
                continue;
            }
            let Some(entry) = change.entry() else {
                // Nothing has to be kept of what is gone.
                unsent.push(number);
                continue;
            };
            if blocked.concerns(&entry)? {
                continue;
            }
            match change.send {
                Some(Why::Repacked) => {}
                Some(_) => {
                    let size = entry.content_size();
                    order.push((class(&entry.path, size), size, number));
                }
                None => unsent.push(number),
            }
        }
        order.sort_unstable_by(|a, b| b.cmp(a));
        let changes = std::mem::take(&mut self.changes).into_iter().map(Some).collect();
        let (arrived, failed) = (HashSet::new(), Vec::new());
        Ok(Waves { changes, order, unsent, arrived, failed, broken: 0 })
    }

    /// Sends the next wave, proves it, and saves a snapshot with it. What could not be sent is
    /// left for [`Backup::after_waves`].
    ///
    /// # Errors
    /// As [`Backup::carry_out`]. What was on its way is then in no snapshot.
    pub fn carry_out_wave(
        &mut self,
        waves: &mut Waves,
        most: u64,
        lock: &Lock,
        watch: &mut dyn Watch,
    ) -> Result<Wave> {
        let sent = waves.take(most);
        let numbers = sent.iter().map(|(.., number)| *number);
        let mut numbers: Vec<usize> = numbers.chain(waves.unsent.drain(..)).collect();
        numbers.sort_unstable();
        let taken = numbers.iter().filter_map(|number| waves.changes[*number].take());
        self.changes = taken.collect();
        let paths = self.changes.iter().map(|change| change.path().to_vec());
        let mut numbers: HashMap<Vec<u8>, usize> = paths.zip(numbers).collect();
        let is_in = |path: &Vec<u8>| numbers.contains_key(path);
        let leaving = std::mem::take(&mut self.leaving);
        let (leaving, later): (Vec<_>, _) =
            leaving.into_iter().partition(|leaving| is_in(&leaving.path));
        let replaces = !leaving.is_empty();
        self.leaving = leaving;
        let unkept = waves.failed.len();
        let saved = self.send_wave(waves, lock, watch);
        self.leaving = later;
        let mut sent: HashMap<usize, (usize, u64)> =
            sent.into_iter().map(|(class, size, number)| (number, (class, size))).collect();
        let is_saved = saved.is_ok();
        for change in std::mem::take(&mut self.changes) {
            let Some(number) = numbers.remove(change.path()) else { continue };
            let waits = sent.remove(&number);
            match (change.send, waits) {
                (None, waits) => {
                    waves.unsent.push(number);
                    waves.arrived.extend(waits.map(|_| number));
                }
                // What was tried and could not be sent is for the last step.
                (Some(_), Some((class, size))) if !is_saved => {
                    waves.order.push((class, size, number));
                }
                (Some(_), _) => {}
            }
            waves.changes[number] = Some(change);
        }
        if let Err(error) = saved {
            waves.order.sort_unstable_by(|a, b| b.cmp(a));
            // What was moved aside for it cannot be told from what was not, and a bundle that
            // it has sent has a number that no snapshot knows.
            let is_last = replaces || self.bundling.is_some();
            waves.broken = if is_last { ATTEMPTS } else { waves.broken + 1 };
            return Err(error);
        }
        waves.broken = 0;
        for unkept in &waves.failed[unkept..] {
            let number = numbers.get(unkept.path.as_os_str().as_bytes());
            number.and_then(|number| sent.remove(number));
        }
        Ok(sent.into_values().fold(Wave::default(), |Wave { files, bytes }, (_, size)| Wave {
            files: files + 1,
            bytes: bytes.saturating_add(size),
        }))
    }

    /// Leaves in `changes` what is in no snapshot.
    fn send_wave(&mut self, waves: &mut Waves, lock: &Lock, watch: &mut dyn Watch) -> Result<()> {
        lock.hold()?;
        self.look_at_records(watch)?;
        self.snapshots.note_keeping(self.last.as_ref(), self.keep, watch)?;
        let mut kept = self.keep(watch)?;
        waves.failed.append(&mut kept.failed);
        let carried = self.send(&mut kept, watch)?;
        self.give_back(&kept.moved, watch);
        let changes = std::mem::take(&mut self.changes).into_iter();
        let (gone, rest): (Vec<_>, Vec<_>) = changes.partition(|change| change.send.is_none());
        let saved = self.save(&gone, carried, lock, watch);
        self.changes = rest;
        if saved.is_err() {
            self.changes.extend(gone);
            return saved;
        }
        self.last = self.snapshots.cached();
        self.renew = false;
        Ok(())
    }

    /// Looks which records there are: the wave before has added some.
    fn look_at_records(&mut self, watch: &mut dyn Watch) -> Result<()> {
        let records = list(self.snapshots.store, &self.snapshots.names.records(), &[], watch);
        let doing = format!("list the records of {}", self.name());
        self.snapshots.records = records.map_err(|f| f.into_error(&doing, Kind::Remote))?;
        Ok(())
    }

    /// Ends the waves. With `lock` there is time for what is left, and for what is to be removed
    /// on the remote; without it, that stays as it is. Returns what could not be done.
    ///
    /// # Errors
    /// As [`Backup::carry_out`].
    pub fn after_waves(
        &mut self,
        waves: Waves,
        lock: Option<&Lock>,
        watch: &mut dyn Watch,
    ) -> Result<Vec<Failed>> {
        let Waves { changes, arrived, mut failed, broken, .. } = waves;
        if let (Some(lock), true) = (lock, broken < ATTEMPTS) {
            self.look_at_records(watch)?;
            self.changes = changes.into_iter().flatten().collect();
            failed.extend(self.carry_out(lock, watch)?);
            return Ok(failed);
        }
        for (number, change) in changes.iter().enumerate() {
            let Some(change) = change else { continue };
            let why = match change.send {
                Some(Why::Repacked) => continue,
                Some(_) => NO_TIME,
                None if arrived.contains(&number) => UNSAVED,
                None => continue,
            };
            if change.entry().is_some_and(|entry| entry.is_object()) {
                failed.push(Failed::at(change.path(), FailureKind::Stopped, why));
            }
        }
        unsent::note(&self.snapshots.cache, &failed, &self.left_out)?;
        self.plan.delete.retain(|_| false);
        self.plan.dropped.retain(|_| false);
        Ok(failed)
    }

    /// What has to wait until something else is removed.
    fn blocked(&self) -> Result<Blocked> {
        let (blocking, _) = self.plan.in_the_way(&self.arriving()?);
        let mut blocked = Blocked::default();
        for item in blocking {
            blocked.above.extend(item.path.above());
            blocked.places.extend([item.path.place(), item.path]);
        }
        Ok(blocked)
    }
}

/// Names of what is to be removed before something comes.
#[derive(Default)]
struct Blocked {
    places: HashSet<ObjectName>,
    /// The directories that these are in.
    above: HashSet<ObjectName>,
}

impl Blocked {
    /// Whether an entry comes to such a place, or above or below one.
    fn concerns(&self, entry: &Entry) -> Result<bool> {
        if self.places.is_empty() {
            return Ok(false);
        }
        let name = Names::object(entry)?;
        let is_in = |name: &ObjectName| self.places.contains(name);
        Ok(is_in(&name)
            || is_in(&name.place())
            || name.above().any(|dir| is_in(&dir))
            || self.above.contains(&name)
            || self.above.contains(&name.place()))
    }
}

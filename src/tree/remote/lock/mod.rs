//! The lock on the remote: of the machines that share a bucket one at a time changes a
//! tree.
//!
//! A run that is about to change something stores a record of its own below
//! `.poof/locks/` and then lists all of them. Of two runs that do so at the same moment
//! at least one sees the other, and who sees another withdraws. The record is stored
//! again every minute; one that was not for [`STALE`] belongs to a run that was killed,
//! and goes. The times are those of one listing, so that the clocks of the machines do
//! not matter (on a disk they do).
//!
//! What this does not exclude: a program that knows no lock (the Python poof, rclone), a
//! server whose listings do not show what was just stored, and a machine that slept for
//! longer than [`STALE`] in the middle of one request. The head of a snapshot is
//! therefore also stored conditionally where the server knows how ([`Lock::fresh`]).

mod heads;
mod held;
mod record;
mod servers;

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::listing::list_records;
use super::metadata_store::{self, SMALL};
use crate::base::error::{Error, Kind, Result};
use crate::base::files::write_private;
use crate::base::interrupt;
use crate::base::units::now;
use crate::host::machine::Machine;
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::{Unwatched, Watch};
use crate::storage::store::{Bytes, Store};
use crate::tree::model::inventory::Inventory;
use crate::tree::model::layout::RECORDS;
use data_encoding::HEXLOWER;
use heads::{Heads, heads, tree_of};
use held::Held;
use record::{Record, Rival};
use servers::Servers;

/// Where the records of locks are, below [`RECORDS`].
const DIR: &str = "locks";
/// A lock that was not stored for so long belongs to a run that was killed.
const STALE: Duration = Duration::from_mins(20);
/// Who could not store its lock for so long changes nothing on the remote until it has
/// looked whether it still has it.
const DOUBTFUL: Duration = Duration::from_mins(10);
/// A lock of less than this age may be that of a run which began together with this
/// one, and withdraws like it.
const YOUNG: Duration = Duration::from_secs(10);
/// How often one of two that began together tries.
const ATTEMPTS: u32 = 6;
/// Where in the state the names of the last locks of this machine are, and how many.
const OWN: &str = "locks";
const NOTED: usize = 32;

/// The lock of one run over the trees that it may change; taken when it is first
/// needed, and given back at the end.
pub struct Lock<'a> {
    store: &'a Store,
    state: &'a Path,
    /// The remote, as poof.conf has it.
    remote: &'a str,
    machine: &'a Machine,
    trees: Vec<String>,
    /// What this run has seen before it takes the lock.
    heads: Heads,
    new_store: bool,
    held: Mutex<Option<Held>>,
}

impl<'a> Lock<'a> {
    /// The lock over `trees`, not taken yet. `records` lists poof's own records as this
    /// run has seen them.
    pub fn new(
        store: &'a Store,
        state: &'a Path,
        remote: &'a str,
        machine: &'a Machine,
        trees: Vec<String>,
        records: &Inventory,
    ) -> Self {
        let heads = heads(records, &trees);
        let new_store = records.look(super::identity::NAME.as_bytes()).is_none();
        let held = Mutex::new(None);
        Lock { store, state, remote, machine, trees, heads, new_store, held }
    }

    /// The machine that holds it.
    pub fn machine(&self) -> &Machine {
        self.machine
    }

    /// Takes the lock, or makes sure that this run still has it. Nothing on the remote
    /// may be changed before.
    ///
    /// # Errors
    /// [`Kind::Busy`] if another machine is at work on one of the trees, or has saved one
    /// since this run looked; or the remote fails.
    pub fn hold(&self) -> Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = &*held {
            return self.confirm(held);
        }
        *held = Some(self.take()?);
        Ok(())
    }

    /// Whether it is taken.
    pub fn is_held(&self) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn fail(&self, failure: Failure) -> Error {
        failure.into_error(&format!("take the lock on {}", self.remote), Kind::Remote)
    }

    fn take(&self) -> Result<Held> {
        let mut own = self.own();
        for attempt in 1..=ATTEMPTS {
            let mut id = [0; 16];
            getrandom::fill(&mut id).map_err(|error| Error::unexpected(error.to_string()))?;
            let name = HEXLOWER.encode(&id);
            // Before it is stored: the run may be killed at any moment.
            own.push(name.clone());
            let noted = own[own.len().saturating_sub(NOTED)..].join("\n");
            write_private(&self.state.join(OWN), noted.as_bytes())?;
            let text = serde_json::to_vec(&self.record())
                .map_err(|error| Error::unexpected(error.to_string()))?;
            let held = Held::store(self.store, &name, text).map_err(|f| self.fail(f))?;
            let records = self.list(&name)?;
            let Some(other) = self.rival(&records, &name, &own)? else {
                self.is_as_seen(&records)?;
                return Ok(held);
            };
            // Withdraws, in either case.
            drop(held);
            if attempt == ATTEMPTS || !other.young {
                return Err(other.error());
            }
            let chance = u64::from(id[0]) * 8;
            interrupt::pause(Duration::from_millis(100 + chance * u64::from(attempt)))?;
        }
        Err(Error::unexpected("no attempt was made at the lock"))
    }

    fn record(&self) -> Record {
        Record {
            format: 1,
            machine: HEXLOWER.encode(&self.machine.id),
            host: self.machine.host.clone(),
            pid: std::process::id(),
            since: now(),
            trees: self.trees.clone(),
        }
    }

    /// Lists poof's records, the lock `own` among them.
    fn list(&self, own: &str) -> Result<Inventory> {
        let own = format!("{DIR}/{own}");
        for pause in [0, 200, 1_000, 3_000] {
            interrupt::pause(Duration::from_millis(pause))?;
            let records = list_records(self.store, &mut Unwatched).map_err(|f| self.fail(f))?.0;
            if records.look(own.as_bytes()).is_some() {
                return Ok(records);
            }
        }
        let what = format!("{} does not show the lock that was just stored there", self.remote);
        Err(Error::new(Kind::Incomplete, what).hint(
            "Without it nobody could tell whether another machine is at work. Nothing was \
             changed; run it again.",
        ))
    }

    /// Another run that is at work on one of the trees. Locks of runs that were killed
    /// are removed.
    fn rival(&self, records: &Inventory, own: &str, noted: &[String]) -> Result<Option<Rival>> {
        // This machine has one run at a time: another one that it has noted was killed.
        let is_ours = |name: &str| noted.iter().any(|own| name.ends_with(own.as_str()));
        let time = |name: &str| records.shown(name.as_bytes()).map_or(0, |shown| shown.time.0);
        let own = format!("{DIR}/{own}");
        let mut others: Vec<String> = records
            .names()
            .filter_map(|name| String::from_utf8(name).ok())
            .filter(|name| name.starts_with(DIR) && *name != own)
            .filter(|name| name[DIR.len()..].starts_with('/'))
            .collect();
        if others.is_empty() {
            return Ok(None);
        }
        let mut rival = None;
        let mut gone = Vec::new();
        let full: Vec<_> = others.iter().map(|name| format!("{RECORDS}/{name}")).collect();
        let read = metadata_store::read(self.store, &full, SMALL, self.state, &mut Unwatched)?;
        for (name, read) in others.drain(..).zip(read) {
            let age = u64::try_from(time(&own) - time(&name)).unwrap_or(0);
            let age = Duration::from_secs(age);
            let record = match read {
                Ok(bytes) => serde_json::from_slice::<Record>(&bytes).ok(),
                Err(failure) if failure.kind == FailureKind::Missing => continue,
                Err(_) => None,
            };
            if age >= STALE || is_ours(&name) {
                gone.push(Bytes(format!("{RECORDS}/{name}").into_bytes()));
            } else if record.as_ref().is_none_or(|record| self.concerns(record)) {
                rival = Some(Rival { record, young: age < YOUNG });
            }
        }
        if !gone.is_empty() {
            // What stays is removed by the next run.
            let _ = self.store.remove(&gone, &mut Unwatched);
        }
        Ok(rival)
    }

    /// The locks that this machine has stored last. Its number would not tell them from
    /// those of a machine that was copied from it, with its state.
    fn own(&self) -> Vec<String> {
        let noted = fs::read_to_string(self.state.join(OWN)).unwrap_or_default();
        noted.lines().filter(|name| name.len() == 32).map(str::to_owned).collect()
    }

    fn concerns(&self, record: &Record) -> bool {
        record.trees.iter().any(|tree| self.trees.contains(tree))
    }

    /// # Errors
    /// Somebody has saved since this run looked.
    fn is_as_seen(&self, records: &Inventory) -> Result<()> {
        let hint = "Nothing was changed. Run it again.";
        let busy = |what: String| Err(Error::new(Kind::Busy, what).hint(hint));
        if self.new_store && records.look(super::identity::NAME.as_bytes()).is_some() {
            return busy(format!("another machine has just begun to use {}", self.remote));
        }
        let heads = heads(records, &self.trees);
        let changed = heads.iter().find(|(name, look)| self.heads.get(*name) != Some(*look));
        let gone = self.heads.keys().find(|name| !heads.contains_key(*name));
        match changed.map(|(name, _)| name).or(gone) {
            None => Ok(()),
            Some(name) => {
                let tree = tree_of(name).unwrap_or_default();
                busy(format!("another machine has saved {tree} since this run looked at it"))
            }
        }
    }

    /// A machine that slept, or was offline, may have been taken for one that is gone.
    fn confirm(&self, held: &Held) -> Result<()> {
        let (record, watch) = (&held.record, &mut Unwatched);
        let is_ours = if record.beat.since_stored() >= DOUBTFUL {
            record.renew(watch)
        } else if self.store.distinct {
            return Ok(());
        } else {
            // Where nothing else keeps two heads apart, it looks each time.
            record.is_there(watch)
        };
        if is_ours.map_err(|f| self.fail(f))? {
            return Ok(());
        }
        let what =
            format!("this run was away for so long that it lost the lock on {}", self.remote);
        Err(Error::new(Kind::Busy, what)
            .hint("What was sent is there, nothing was removed. Run it again."))
    }

    /// Whether the server stores an object only where none is if it is asked to. That is
    /// tried with the lock, which is there: nobody's word is taken for it.
    ///
    /// # Errors
    /// The remote fails, or the state cannot be written.
    pub fn fresh(&self, watch: &mut dyn Watch) -> Result<bool> {
        if !self.store.distinct {
            return Ok(false);
        }
        let servers = Servers { path: self.state.join("servers.json") };
        if let Some(known) = servers.get(self.remote) {
            return Ok(known);
        }
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Held { record, .. }) = &*held else { return Ok(false) };
        let record = (record.place.clone(), record.text.clone());
        let knows = match metadata_store::write(self.store, record, true, watch) {
            Ok(()) => false,
            Err(failure) if failure.kind == FailureKind::Taken => true,
            Err(failure) if failure.code == "NotImplemented" => false,
            Err(failure) => return Err(self.fail(failure)),
        };
        servers.put(self.remote, knows)?;
        Ok(knows)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::storage::remote::Remote;

    fn bucket() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Remote::plain(":local", &dir.path().to_string_lossy(), false).store();
        (dir, store)
    }

    fn seen(store: &Store) -> Inventory {
        list_records(store, &mut Unwatched).unwrap().0
    }

    fn lock<'a>(store: &'a Store, state: &'a Path, tree: &str, seen: &Inventory) -> Lock<'a> {
        // As long as the test lives.
        let machine = Box::leak(Box::new(Machine::of_state(state).unwrap()));
        Lock::new(store, state, "r:b", machine, vec![tree.to_owned()], seen)
    }

    #[test]
    fn of_two_machines_one_holds_a_tree_and_the_other_is_told_who() {
        let (dir, store) = bucket();
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = lock(&store, one.path(), "docs", &seen(&store));
        first.hold().unwrap();
        first.hold().unwrap();
        let other = lock(&store, two.path(), "photos", &seen(&store));
        other.hold().expect("another tree is free");
        // Old enough that nobody waits for it.
        let second = lock(&store, two.path(), "docs", &seen(&store));
        for file in fs::read_dir(dir.path().join(".poof/locks")).unwrap() {
            let file = fs::File::options().write(true).open(file.unwrap().path()).unwrap();
            file.set_modified(SystemTime::now() - 2 * YOUNG).unwrap();
        }
        let error = second.hold().unwrap_err();
        assert_eq!(error.kind(), Kind::Busy);
        assert!(error.to_string().contains("is at work on docs"), "{error}");
        drop(first);
        second.hold().unwrap();
        drop((second, other));
        assert_eq!(fs::read_dir(dir.path().join(".poof/locks")).unwrap().count(), 0);
    }

    #[test]
    fn a_killed_run_blocks_its_own_machine_never_and_others_for_a_while() {
        let (dir, store) = bucket();
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let killed = lock(&store, one.path(), "docs", &seen(&store));
        killed.hold().unwrap();
        let left = fs::read_dir(dir.path().join(".poof/locks")).unwrap().next().unwrap();
        let left = left.unwrap().path();
        let text = fs::read(&left).unwrap();
        drop(killed);
        let age = |age: Duration| {
            fs::write(&left, &text).unwrap();
            let file = fs::File::options().write(true).open(&left).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        };
        age(Duration::ZERO);
        lock(&store, one.path(), "docs", &seen(&store)).hold().unwrap();
        assert!(!left.exists());
        age(STALE.saturating_sub(Duration::from_mins(1)));
        assert!(lock(&store, two.path(), "docs", &seen(&store)).hold().is_err());
        age(STALE + Duration::from_mins(1));
        lock(&store, two.path(), "docs", &seen(&store)).hold().unwrap();
        assert!(!left.exists());
    }

    #[test]
    fn a_machine_that_was_copied_with_its_state_is_another_one_to_the_lock() {
        let (dir, store) = bucket();
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        Machine::of_state(one.path()).unwrap();
        fs::copy(one.path().join("machine"), two.path().join("machine")).unwrap();
        let first = lock(&store, one.path(), "docs", &seen(&store));
        first.hold().unwrap();
        let second = lock(&store, two.path(), "docs", &seen(&store));
        assert_eq!(second.machine().id, first.machine().id);
        // Old enough that nobody waits for it.
        for file in fs::read_dir(dir.path().join(".poof/locks")).unwrap() {
            let file = fs::File::options().write(true).open(file.unwrap().path()).unwrap();
            file.set_modified(SystemTime::now() - 2 * YOUNG).unwrap();
        }
        assert_eq!(second.hold().unwrap_err().kind(), Kind::Busy);
        first.hold().unwrap();
    }

    #[test]
    fn who_looked_before_another_saved_does_not_get_the_lock() {
        let (dir, store) = bucket();
        let state = tempfile::tempdir().unwrap();
        let before = seen(&store);
        let head = dir.path().join(".poof/trees/docs/head");
        fs::create_dir_all(&head).unwrap();
        fs::write(head.join("0000000001"), "by another").unwrap();
        let error = lock(&store, state.path(), "docs", &before).hold().unwrap_err();
        assert!(error.to_string().contains("has saved docs"), "{error}");
        lock(&store, state.path(), "docs", &seen(&store)).hold().unwrap();
        fs::write(dir.path().join(".poof/identity"), "{}").unwrap();
        let error = lock(&store, state.path(), "docs", &before).hold().unwrap_err();
        assert!(error.to_string().contains("has just begun to use"), "{error}");
    }

    #[test]
    fn a_machine_that_was_away_for_long_looks_whether_it_still_has_the_lock() {
        let (dir, store) = bucket();
        let state = tempfile::tempdir().unwrap();
        let lock = lock(&store, state.path(), "docs", &seen(&store));
        lock.hold().unwrap();
        let sleep = |lock: &Lock| {
            let held = lock.held.lock().unwrap();
            let long_ago = SystemTime::now() - 2 * DOUBTFUL;
            held.as_ref().unwrap().record.beat.last.lock().unwrap().1 = long_ago;
        };
        sleep(&lock);
        lock.hold().unwrap();
        sleep(&lock);
        fs::remove_dir_all(dir.path().join(".poof/locks")).unwrap();
        assert_eq!(lock.hold().unwrap_err().kind(), Kind::Busy);
    }
}

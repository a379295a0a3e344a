//! How a tree that was sent is proven and wiped, and how that is told.

pub mod excluded;
mod locks;
pub mod preview;

use super::monitor::Monitor;
use super::outcome::{Outcome, TreeWipe};
use super::own_files;
use super::repository::Repository;
use super::runner;
use super::session::Session;
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::random;
use crate::base::shown::name_of;
use crate::base::units::{files, now};
use crate::config::trees::Directory;
use crate::host::scratch;
use crate::report::event::{Fate, WipeResult};
use crate::report::progress::Progress;
use crate::report::{Bytes, Event, Note, TreeNote};
use crate::storage::job::Watch;
use crate::tree::guard;
use crate::tree::journal::Journal;
use crate::tree::proof::{Evidence, Proof};
use crate::tree::remote::damaged;
use crate::tree::remote::lock::Lock;
use crate::tree::scan::excluded::Extent;
use crate::tree::snapshot::{Newest, Seen, Snapshot, Snapshots};
use crate::tree::unsent;
use crate::tree::wipe::{Counted, Left, Phase, Reason, Record, Records, Salt, Tally, Wipe, Wipes};
use excluded::Excluding;

/// What the wipe of every tree needs to know.
#[allow(clippy::struct_excessive_bools)] // each is a wish of its own
pub struct Wiping<'a> {
    pub session: &'a Session,
    pub repository: &'a Repository<'a>,
    /// Keeps other machines from changing what is proven.
    pub lock: &'a Lock<'a>,
    /// Read every object back.
    pub read_back: bool,
    /// poof then removes itself.
    pub leaves: bool,
    /// A wipe receipt is wanted.
    pub counts: bool,
    pub excluding: &'a Excluding<'a>,
    /// What could not be sent has been told.
    pub told_unsent: bool,
}

impl Wiping<'_> {
    /// Proves and wipes one tree after the other; then, if it is to go, what is excluded
    /// in them and in those that are `wiped` already.
    ///
    /// # Errors
    /// An interrupt.
    pub fn all(
        &self,
        directories: &[&Directory],
        wiped: &[&Directory],
        mut outcome: Outcome,
    ) -> Result<Outcome> {
        let report = &*self.session.report;
        // That of the configuration goes last, and only if all others are gone.
        let (own, others): (Vec<&Directory>, Vec<&Directory>) =
            directories.iter().partition(|directory| self.is_own(directory));
        let mut stages: Vec<(Stage, &Directory)> = Vec::new();
        stages.extend(others.iter().map(|directory| (Stage::Proven, *directory)));
        let left = if self.excluding.goes { &others[..] } else { &[] };
        stages.extend(left.iter().chain(wiped).map(|directory| (Stage::Excluded, *directory)));
        for directory in own {
            stages.extend([(Stage::Proven, directory), (Stage::Excluded, directory)]);
        }
        let (mut gone, mut size) = (0, 0);
        for (index, (stage, directory)) in stages.iter().enumerate() {
            interrupt::check().map_err(|_| interrupted(gone, 0, &stages[index..]))?;
            let tally = match stage {
                Stage::Proven => self.tree(directory, &mut outcome),
                Stage::Excluded => self.excluded(directory, &mut outcome),
            };
            match tally {
                Ok(Tally { interrupted: true, gone: last, rest, .. }) => {
                    return Err(interrupted(gone + last, rest, &stages[index + 1..]));
                }
                Ok(tally) => {
                    gone += tally.gone;
                    size += tally.bytes;
                }
                Err(error) => runner::note_failure(report, &mut outcome, error)?,
            }
        }
        if let Err(error) = scratch::sweep(&self.session.state) {
            let error = Error::io("wipe below", &self.session.state, &error);
            runner::note_failure(report, &mut outcome, error.with_kind(Kind::Residue))?;
        }
        let is_whole = outcome.kind.is_none();
        report.say(Note::AllWiped { files: gone, bytes: size, is_whole });
        Ok(outcome.with("wiped_files", gone).with("wiped_bytes", size))
    }

    fn tree(&self, directory: &Directory, outcome: &mut Outcome) -> Result<Tally> {
        let name = &directory.name;
        let report = &*self.session.report;
        let mut monitor = Monitor::comparison(report, name);
        self.lock.hold()?;
        let (snapshots, listing) = self.repository.look_again(name)?;
        let snapshot = self.proven_manifest(&snapshots, &mut monitor)?;
        let (store, names) = (snapshots.store, &snapshots.names);
        let evidence = Evidence { store, names, listing, read_back: self.read_back };
        let proof = Proof::of(snapshot, evidence, &mut monitor)?;
        drop(monitor);
        damaged::note(&snapshots.cache, proof.damaged.iter().map(Vec::as_slice))?;
        for (path, why) in proof.unproven() {
            report.tell(&Event::Unproven {
                tree: name.clone(),
                why: why.to_owned(),
                stays: true,
                path: Bytes::path(path),
            });
            outcome.worsen(Kind::Unproven);
        }
        let own = self.is_own(directory);
        if own
            && self.leaves
            && !self.excluding.goes
            && let Some(asked) = self.excluding.of(name)
        {
            // With poof its configuration stays whole.
            self.excluded_stays(name, asked.extent, &[], outcome);
        }
        if own && !(self.leaves && outcome.kind.is_none()) {
            report.say_of(name, TreeNote::OwnStays);
            return Ok(Tally::default());
        }
        self.wipe(directory, &snapshots, &proof, outcome)
    }

    /// Whether a directory is that of poof's own configuration.
    pub(super) fn is_own(&self, directory: &Directory) -> bool {
        own_files::in_use(self.session, directory).iter().any(Vec::is_empty)
    }

    /// Wipes what is proven, between two notes on both sides.
    fn wipe(
        &self,
        directory: &Directory,
        snapshots: &Snapshots,
        proof: &Proof,
        outcome: &mut Outcome,
    ) -> Result<Tally> {
        let Directory { local, name } = directory;
        let report = &*self.session.report;
        let proven_at = now();
        let wipes = self.repository.wipes(snapshots);
        let before = wipes.records.get(name)?;
        let mut record = self.record(&wipes, proof.snapshot())?;
        let was_settled = wipes.records.is_settled(name)?;
        let is_same = before.is_some_and(|before| before.seen() == record.seen());
        let left_before = unsent::left(&snapshots.cache)?.filter(|_| is_same);
        unsent::forget_left(&snapshots.cache)?;
        // What a wipe takes is not missing because of a download.
        Journal::in_state(&self.session.state).end(name)?;
        let begun = wipes.records.begun(name)?;
        self.lock.hold()?;
        wipes.note(&record, &mut Monitor::comparison(report, name))?;

        let mut progress = Progress::new(report.shows_progress(), record.bytes);
        progress.begin(name, record.bytes);
        let mut done = 0;
        let mut told = |path: &[u8], size: u64| {
            done += size;
            progress.update(done, &format!("wiping {}", name_of(path)));
        };
        let root = self.repository.roots.get(local)?;
        let spared = self.excluding.spared(directory);
        let filter = self.excluding.filter;
        let tally = Wipe { root: root.as_ref(), spared: &spared, filter, begun, left_before }
            .run(proof, &mut told)?;
        drop(progress);
        let run = TreeWipe::of(&tally, proven_at, proof.unproven().count() as u64);
        outcome.wipe.trees.push(TreeWipe { wiped_at: now(), ..run });
        self.tell(name, &tally, Stage::Proven, outcome);
        self.count(proof, &tally, outcome)?;
        if tally.excluded.found && !self.excluding.goes {
            self.excluded_stays(name, tally.excluded, &tally.excluded_tops, outcome);
        }
        let has = |reason: Reason| tally.left.iter().any(|left| left.reason == reason);
        let is_cut = has(Reason::Residue) || has(Reason::Covered);
        // What is not proven may be at the next look, and what is in no snapshot may be sent.
        let open = is_cut || has(Reason::Unproven) || proof.unproven().next().is_some();
        // Of what a run before has begun, this one has to have seen all.
        let has_seen_all = was_settled || proof.unproven().next().is_none();
        if open && !tally.interrupted && has_seen_all {
            let left = tally.untaken.iter().map(Vec::as_slice);
            let left = left.chain(proof.unproven().map(|(path, _)| path));
            unsent::note_left(&snapshots.cache, left)?;
            if !is_cut {
                // What stays is whole: it may be sent, and go then.
                wipes.records.forget_begun(name)?;
            }
        }
        if !tally.interrupted && !open {
            record.phase = Phase::Wiped;
            wipes.note(&record, &mut Monitor::comparison(report, name))?;
            wipes.erase_names()?;
        }
        Ok(tally)
    }

    /// Counts what is gone for a wipe receipt, as long as the names are here. Nothing that was
    /// done depends on it.
    fn count(&self, proof: &Proof, tally: &Tally, outcome: &mut Outcome) -> Result<()> {
        if !self.counts || tally.interrupted {
            return Ok(());
        }
        let mut salt = Salt::default();
        let counted = random::fill(&mut salt)
            .map_err(|error| Error::unexpected(format!("no random numbers: {error}")))
            .and_then(|()| Counted::of(proof, tally, salt));
        match (counted, outcome.wipe.trees.last_mut()) {
            (Ok(counted), Some(run)) => run.counted = Some(counted),
            (Err(error), _) => runner::note_failure(&*self.session.report, outcome, error)?,
            (Ok(_), None) => {}
        }
        Ok(())
    }

    /// The snapshot of this machine, whose manifest was just read back.
    fn proven_manifest(&self, snapshots: &Snapshots, watch: &mut dyn Watch) -> Result<Snapshot> {
        let tree = snapshots.names.tree();
        let Some(own) = snapshots.cached() else {
            return Err(guard::lost_record(tree));
        };
        let why = match self.repository.remote_only(snapshots, watch)? {
            Newest::Found(found) if found.id() == own.id() => return Ok(own),
            Newest::Found(_) => "it is not the one that was written here".to_owned(),
            Newest::Unusable(why) => why,
            Newest::None => "it is not there".to_owned(),
        };
        let what = format!("{tree}: nothing was wiped, since its manifest is not proven: {why}");
        // A backup would refuse: a part of it is wiped already.
        let is_begun = self.repository.wipes(snapshots).records.get(tree)?.is_some();
        Err(Error::new(Kind::Unproven, what).hint(if is_begun {
            "`poof download` brings back what is wiped; then upload again."
        } else {
            "Run `poof backup`, then `poof check`."
        }))
    }

    /// What is noted of the wipe; one that goes on keeps its time.
    fn record(&self, wipes: &Wipes, snapshot: &Snapshot) -> Result<Record> {
        let tree = wipes.snapshots.names.tree().to_owned();
        let Seen { generation, head, names_store } = snapshot.seen();
        let counts = snapshot.counts();
        let remote = self.repository.remote.name();
        let begun = wipes.records.get(&tree)?;
        if let Some(begun) = &begun
            && (&begun.remote, begun.generation, begun.head) != (&remote, generation, head)
        {
            // What the journal says is of the entries of another snapshot.
            let is_later = begun.remote == remote && begun.generation < generation;
            if !is_later || !wipes.records.is_settled(&tree)? {
                return Err(guard::other_wipe(&tree, &begun.remote));
            }
        }
        let filter = match &begun {
            // That of the backup, which was another run.
            Some(record) if record.generation == generation => record.filter.clone(),
            _ => Some(self.excluding.filter.id().to_owned()),
        };
        let since = begun.map_or_else(now, |record| record.since);
        Ok(Record {
            remote,
            phase: Phase::Wiping,
            files: counts.files,
            bytes: counts.bytes,
            tree,
            generation,
            head,
            names_store,
            since,
            filter,
        })
    }

    pub(super) fn tell(&self, name: &str, tally: &Tally, stage: Stage, outcome: &mut Outcome) {
        let report = &*self.session.report;
        let unsent = self.told_unsent.then(|| unsent::read(&self.repository.snapshots(name).cache));
        let unsent = unsent.and_then(Result::ok).unwrap_or_default();
        let is_told = |left: &Left| left.reason == Reason::Unproven && unsent.holds(&left.path);
        for left in &tally.left {
            if is_told(left) {
                outcome.worsen(Kind::Unproven);
                continue;
            }
            let (reason, kind) = match left.reason {
                Reason::Unproven => ("stays", Kind::Unproven),
                Reason::Covered => ("stays", Kind::Incomplete),
                Reason::Residue | Reason::Emptied | Reason::Excluded => ("residue", Kind::Residue),
            };
            report.tell(&Event::Left {
                tree: name.to_owned(),
                reason,
                why: left.why.clone(),
                path: Bytes::path(&left.path),
            });
            outcome.worsen(kind);
        }
        for path in &tally.outside {
            report.tell(&Event::Outside { tree: name.to_owned(), path: Bytes::path(path) });
            outcome.worsen(Kind::Residue);
        }
        locks::told(self.session, name, &tally.lifted);
        let result = WipeResult::of(name, tally);
        match stage {
            Stage::Proven => report.tell(&Event::TreeWiped(result)),
            Stage::Excluded => {
                report.tell(&Event::ExcludedWiped(result));
                outcome.wipe.excluded.add(tally.gone, tally.bytes);
                outcome.wipe.excluded_left += tally.left.len() as u64;
                let extent = Extent { files: tally.gone, bytes: tally.bytes, found: true };
                self.excluding.tell(name, extent, &[], Fate::Gone);
            }
        }
    }
}

/// What is wiped of a directory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Proven,
    Excluded,
}

/// A command that only looked has fetched a manifest again that was wiped with its
/// tree. For one that holds the lock: a download needs it.
///
/// # Errors
/// It cannot be wiped.
pub fn forget_names(session: &Session, repository: &Repository, tree: &str) -> Result<()> {
    let records = Records::in_state(&session.state);
    if records.get(tree)?.is_some_and(|record| record.phase == Phase::Wiped) {
        repository.wipes(&repository.snapshots(tree)).erase_names()?;
    }
    Ok(())
}

/// Says what is gone and what is not: `rest` files of this directory, and all `after` it.
fn interrupted(gone: u64, rest: u64, after: &[(Stage, &Directory)]) -> Error {
    let mut here = vec![files(rest)];
    let after = after.iter().filter(|(stage, _)| *stage == Stage::Proven);
    here.extend(after.map(|(_, directory)| format!("all of {}", directory.name)));
    let what =
        format!("interrupted: {} are wiped; here are still {}", files(gone), here.join(", "));
    Error::new(Kind::Interrupted, what)
        .hint("`poof upload` goes on, `poof download` brings them back.")
}

//! What backup and upload share: every directory is surveyed and judged, and then
//! sent.

use std::io;

use super::caution::Caution;
use super::keeping;
use super::monitor::Monitor;
use super::outcome::Outcome;
use super::own_files;
use super::repository::{Repository, held};
use super::runner::{self, Saving};
use super::session::Session;
use super::shared::Elsewhere;
use crate::base::error::{Error, Kind, Result};
use crate::base::shown::one_line;
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::report::{Bytes, Event, Note, TreeNote, lists};
use crate::storage::filter::Filter;
use crate::tree::backup::{Backup, Bundling, Preparation};
use crate::tree::guard::{self, Allowed};
use crate::tree::journal::Journal;
use crate::tree::model::change::Why;
use crate::tree::model::entry::is_within;
use crate::tree::model::path_set::Kept;
use crate::tree::model::plan::Planned;
use crate::tree::remote::damaged;
use crate::tree::remote::lock::Lock;
use crate::tree::restore::apart::Apart;
use crate::tree::restore::differences::{By, Difference, Look, from_here};
use crate::tree::scan::walk::{self, LeftOut, Walk};
use crate::tree::snapshot::{Keep, Newest, Snapshot, Snapshots, Standing};
use crate::tree::unsent;
use crate::tree::wipe::{Presence, Record, Records};

/// What the survey of every directory needs to know.
pub struct Preflight<'a> {
    pub session: &'a Session,
    pub repository: &'a Repository<'a>,
    pub filter: &'a Filter,
    pub rehash: bool,
    pub allowed: Allowed,
    pub dry_run: bool,
    pub keep: Keep,
    pub bundling: Option<Bundling>,
    /// What a wipe has left that no snapshot holds is sent, and what it has taken stays in the
    /// snapshot.
    pub sends_rest: bool,
}

/// A directory, as it was found.
#[allow(clippy::large_enum_variant)] // one a tree
pub enum Found<'a> {
    Here(Backup<'a>),
    /// It was being wiped when an upload ended.
    Wiping,
    /// It is wiped, and nothing has come up since.
    Wiped(Record),
    /// It is wiped, and a part of its snapshot was brought back, and nothing else.
    Part {
        record: Record,
        snapshot: Snapshot,
    },
}

/// What a survey comes to under one name.
#[allow(clippy::large_enum_variant)] // one a tree
enum Surveyed<'a> {
    Found(Found<'a>),
    /// Another machine has saved under that name what is not here.
    Newer(Error),
}

/// Whether a wipe has taken a directory.
#[allow(clippy::large_enum_variant)] // one a tree
enum Gone<'a> {
    Yes(Found<'a>),
    /// It is here. `made_here`: generation and head of the snapshot that this machine has
    /// made and wiped.
    No {
        made_here: Option<(u64, [u8; 32])>,
        /// A part of it is, and this is what was left then.
        left: Option<Kept>,
    },
}

impl<'a> Preflight<'a> {
    /// `rehash`: all content is read, whatever the times say.
    ///
    /// # Errors
    /// The remote cannot keep what is to be kept.
    pub fn new(
        session: &'a Session,
        repository: &'a Repository<'a>,
        ready: &'a Ready,
        Caution { allowed, dry_run, .. }: Caution,
        rehash: bool,
    ) -> Result<Self> {
        let (filter, keep) = (ready.filter(), keeping::keep(repository, ready)?);
        let bundling = ready.bundling().map(|limit| Bundling { limit });
        let sends_rest = false;
        Ok(Preflight {
            session,
            repository,
            filter,
            rehash,
            allowed,
            dry_run,
            keep,
            bundling,
            sends_rest,
        })
    }

    /// Surveys a directory and asks the guards.
    ///
    /// # Errors
    /// It cannot be read, or the remote fails, or a guard refuses.
    pub fn survey(&self, directory: &Directory) -> Result<Found<'a>> {
        let elsewhere = Elsewhere::of(self.session, directory)?;
        let found = self.survey_here(directory);
        let found = found.map_err(|error| elsewhere.explain(error, directory))?;
        if let Found::Here(backup) = &found {
            elsewhere.keeps(backup, self.allowed)?;
        }
        Ok(found)
    }

    /// The same without a look at other configurations of this machine.
    fn survey_here(&self, directory: &Directory) -> Result<Found<'a>> {
        match self.survey_as(directory)? {
            Surveyed::Found(found) => Ok(found),
            Surveyed::Newer(refusal) => {
                let Preflight { session, repository, .. } = self;
                let Some(own) = repository.place_of_its_own(session, directory) else {
                    return Err(refusal);
                };
                session.report.say_of(&directory.name, TreeNote::KeptAs(own.name.clone()));
                match self.survey_as(&own)? {
                    Surveyed::Found(found) => Ok(found),
                    Surveyed::Newer(refusal) => Err(refusal),
                }
            }
        }
    }

    /// The refusal of a directory that is not here; `is_new`: it has no snapshot.
    fn missing(&self, Directory { local, name }: &Directory, is_new: bool) -> Error {
        let has_snapshot = !is_new || self.repository.has_objects(name);
        let refusal = guard::local_source((name, local), None, has_snapshot, self.allowed);
        let missing = || Error::io("open", local, &io::ErrorKind::NotFound.into());
        refusal.err().unwrap_or_else(missing)
    }

    /// What the user has allowed for a directory.
    fn allowed_for(&self, directory: &Directory) -> Allowed {
        let mut allowed = self.allowed;
        if self.repository.place_of_its_own(self.session, directory).is_some() {
            // The word is meant for the files of the user, not for the configuration of
            // another machine.
            allowed.newer_snapshot = false;
        }
        allowed
    }

    /// Of what a bucket that others have filled is still to be used with.
    fn warn_of_bundles(&self, name: &str) {
        if self.bundling.is_some() {
            self.session.report.warn(&format!(
                "{}: the Python poof reads no bundles; what it restores from this bucket would lack \
                 small files. \"bundle\": false keeps them as objects.",
                one_line(name)
            ));
        }
    }

    fn survey_as(&self, directory: &Directory) -> Result<Surveyed<'a>> {
        let Preflight { session, repository, .. } = self;
        let allowed = &self.allowed_for(directory);
        let Directory { local, name } = directory;
        let mut monitor = Monitor::comparison(&*session.report, name);
        let snapshots = repository.snapshots(name);
        let presence = self.presence(directory, &snapshots, *allowed, &mut monitor)?;
        let (made_here, left) = match presence {
            Gone::No { made_here, left } => (made_here, left),
            Gone::Yes(found) => return Ok(Surveyed::Found(found)),
        };
        let journal = Journal::in_state(&session.state);
        guard::unfinished_download(name, journal.unfinished()?.get(name), *allowed)?;
        let Some(root) = repository.roots.get(local)? else {
            let last = snapshots.last(&mut monitor);
            return Err(self.missing(directory, matches!(last, Ok(Standing::None))));
        };
        let place = repository.remote.place(name);
        let mut strange = None;
        let (last, renew) = match snapshots.last(&mut monitor)? {
            Standing::None if left.is_some() => return Err(guard::lost_record(name)),
            Standing::None => (None, false),
            Standing::Current(last) => (Some(last), false),
            // What this machine has wiped it has made.
            Standing::Newer { found, .. } if made_here == Some(found.id()) => (Some(found), false),
            Standing::Newer { known, found } => {
                let (made, host) = found.made();
                strange = Some((made, host.into_owned(), known.is_none()));
                (Some(found), false)
            }
            Standing::Behind { why, known, found } => {
                guard::older_snapshot(&place, &why, *allowed)?;
                (known.or(found), true)
            }
        };
        let is_new = last.is_none() && !repository.has_objects(name);
        let (listing, rehash) = (repository.listing(name)?, self.rehash);
        if last.is_none() && !listing.own.is_empty() {
            self.warn_of_bundles(name);
        }
        let (filter, count, keep) = (self.filter.clone(), self.dry_run, self.keep);
        let preparation = Preparation {
            snapshots,
            root,
            last,
            listing,
            renew,
            rehash,
            keep,
            bundling: self.bundling,
            filter,
            count,
            journal,
            left,
        };
        let mut backup = preparation.survey()?;
        drop(monitor);
        if let Some((made, host, lost)) = strange {
            let made = (made, host.as_str());
            let judged = guard::newer_snapshot(name, made, backup.distance, lost, *allowed);
            if let Err(refusal) = judged {
                return Ok(Surveyed::Newer(refusal));
            }
        }
        if backup.entries == 0 && backup.excluded.found {
            guard::all_excluded(local, *allowed)?;
        }
        guard::local_source((name, local), Some(backup.entries), !is_new, *allowed)?;
        guard::deletions(&place, backup.plan.totals(), *allowed)?;
        self.losses_are_few(&backup, *allowed)?;
        if let Some(path) = &backup.in_its_place {
            guard::in_the_place_of_wiped(name, path, *allowed)?;
        }
        if allowed.foreign {
            backup.remove_foreign();
        }
        Ok(Surveyed::Found(Found::Here(backup)))
    }

    /// # Errors
    /// So much has other content that it was perhaps encrypted by somebody else.
    fn losses_are_few(&self, backup: &Backup, allowed: Allowed) -> Result<()> {
        if allowed.mass_change {
            return Ok(());
        }
        let mut monitor = Monitor::comparison(&*self.session.report, backup.name());
        let losses = backup.losses(&mut monitor)?;
        drop(monitor);
        guard::mass_change(backup.name(), &losses, allowed)
    }

    /// The snapshot that was wiped, if all that is in its directory by now is what it holds.
    fn part(
        &self,
        directory: &Directory,
        snapshots: &Snapshots,
        record: &Record,
        watch: &mut Monitor,
    ) -> Result<Option<Snapshot>> {
        let unfinished = Journal::in_state(&self.session.state).unfinished()?;
        // A download of all that did not end is another matter.
        let whole = unfinished.contains_key(&directory.name);
        if whole || !record.is_on(&self.repository.remote.name()) {
            return Ok(None);
        }
        let Newest::Found(found) = snapshots.newest(watch)? else { return Ok(None) };
        if found.id() != (record.generation, record.head) {
            return Ok(None);
        }
        let root = self.repository.roots.get(&directory.local)?;
        let apart = Apart::by_content(root.as_ref(), self.filter, &found)?;
        Ok((!apart.is_unsaved()).then_some(found))
    }

    /// Notes what of a snapshot is in its directory again, and looks once more that this, as it
    /// was noted, is what the snapshot holds.
    ///
    /// # Errors
    /// It cannot be read, or it has changed.
    pub fn meet(&self, directory: &Directory, snapshot: &Snapshot) -> Result<()> {
        let Directory { local, name } = directory;
        let snapshots = self.repository.snapshots(name);
        let Some(root) = self.repository.roots.get(local)? else { return Ok(()) };
        let walk = Walk::new(&root, self.filter).map_err(|e| walk::closed(root.path(), &e))?;
        snapshots.meet(snapshot, walk, |_| false)?;
        let met = snapshots.cached().ok_or_else(|| guard::lost_record(name))?;
        let mut touched = None;
        let look = Look { root: Some(&root), filter: self.filter, only: None, by: By::Content };
        from_here(look, &met, &mut |difference, entry, _| match difference {
            Difference::New | Difference::Content if !entry.is_directory() => {
                touched = Some((entry.path.clone(), false));
            }
            Difference::Attributes if !entry.is_directory() => {
                touched.get_or_insert((entry.path.clone(), true));
            }
            _ => {}
        })?;
        match touched {
            None => Ok(()),
            Some((_, false)) => guard::wiped(local, Allowed::default()),
            Some((path, true)) => Err(guard::touched(name, &path)),
        }
    }

    /// What a wipe has left of a directory, and whether it still is as the wipe left it.
    fn presence(
        &self,
        directory: &Directory,
        snapshots: &Snapshots,
        allowed: Allowed,
        watch: &mut Monitor,
    ) -> Result<Gone<'a>> {
        let repository = self.repository;
        let wipes = repository.wipes(snapshots);
        let Directory { local, name } = directory;
        let is_held = |record: &Record, watch: &mut Monitor| match held::lost(
            repository, &wipes, record, watch,
        )? {
            Some(why) => guard::older_snapshot(&repository.remote.place(name), &why, allowed),
            None => Ok(()),
        };
        let (mut made_here, mut left) = (None, None);
        match wipes.presence(watch)? {
            Presence::Here if self.dry_run => {}
            Presence::Here => wipes.tidy(watch)?,
            Presence::Elsewhere(record) if self.is_empty(directory) => {
                return Ok(Gone::Yes(Found::Wiped(record)));
            }
            // What is here has to hold what the snapshot holds.
            Presence::Elsewhere(_) => {}
            Presence::Wiping(record) if !record.is_on(&repository.remote.name()) => {
                return Err(guard::other_wipe(name, &record.remote));
            }
            // A download has brought back what the remote still has.
            Presence::Wiping(record) if let Some(lacks) = self.lacks(name)? => {
                guard::unfinished_download(name, Some(&lacks), allowed)?;
                made_here = Some((record.generation, record.head));
                if !self.dry_run {
                    wipes.forget(watch)?;
                }
            }
            Presence::Wiping(record)
                if let Some(rest) = self.rest(directory, snapshots, &record)? =>
            {
                is_held(&record, watch)?;
                self.something_is_left(directory, snapshots, allowed)?;
                left = Some(rest);
            }
            Presence::Wiping(_) => {
                self.something_is_left(directory, snapshots, allowed)?;
                return Ok(Gone::Yes(Found::Wiping));
            }
            Presence::Wiped(record) if self.is_empty(directory) => {
                is_held(&record, watch)?;
                if !self.dry_run {
                    // The run that wiped it may have ended before its last step.
                    wipes.erase_names()?;
                }
                return Ok(Gone::Yes(Found::Wiped(record)));
            }
            Presence::Wiped(record)
                if let Some(snapshot) = self.part(directory, snapshots, &record, watch)? =>
            {
                return Ok(Gone::Yes(Found::Part { record, snapshot }));
            }
            Presence::Wiped(record) => {
                guard::wiped(local, allowed)?;
                is_held(&record, watch)?;
                made_here = Some((record.generation, record.head));
                if !self.dry_run {
                    wipes.forget(watch)?;
                }
            }
        }
        Ok(Gone::No { made_here, left })
    }

    /// # Errors
    /// A wipe has left something in a directory, and none of it is there.
    fn something_is_left(
        &self,
        directory: &Directory,
        snapshots: &Snapshots,
        allowed: Allowed,
    ) -> Result<()> {
        let left = unsent::left(&snapshots.cache)?;
        // A wipe that did not come to its end has noted nothing: what is here may be its own.
        if left.is_none() && !self.is_empty(directory) {
            return Ok(());
        }
        let mut expected = left.unwrap_or_default();
        unsent::read(&snapshots.cache)?.paths().for_each(|path| expected.add(path));
        let root = self.repository.roots.get(&directory.local)?;
        let is_here = |path: &[u8]| root.as_ref().is_some_and(|root| root.stat(path).is_ok());
        let count = expected.paths().count() as u64;
        if count == 0 || expected.paths().any(is_here) {
            return Ok(());
        }
        guard::leftovers_are_missing(&directory.local, count, allowed)
    }

    /// What the last download of a tree could not bring back, if it has come to its end since the
    /// wipe was begun.
    fn lacks(&self, name: &str) -> Result<Option<Vec<String>>> {
        let mut unfinished = Journal::in_state(&self.session.state).unfinished()?;
        Ok(unfinished.remove(name).filter(|lacks| !lacks.is_empty()))
    }

    /// What a wipe that has come to its end has left, if no snapshot holds something that is
    /// here.
    fn rest(
        &self,
        Directory { local, name }: &Directory,
        snapshots: &Snapshots,
        record: &Record,
    ) -> Result<Option<Kept>> {
        let here = self.repository.remote.name();
        let records = Records::in_state(&self.session.state);
        if !self.sends_rest || record.remote != here || !records.is_settled(name)? {
            return Ok(None);
        }
        let left = unsent::left(&snapshots.cache)?;
        let (Some(left), Some(last), Some(root)) =
            (left, snapshots.cached(), self.repository.roots.get(local)?)
        else {
            return Ok(None);
        };
        // An object that is damaged is made anew of the file that is here.
        let damaged = damaged::read(&snapshots.cache)?;
        if damaged.paths().any(|path| root.stat(path).is_ok()) {
            return Ok(Some(left));
        }
        let mut is_unsent = false;
        let look = Look { root: Some(&root), filter: self.filter, only: None, by: By::Content };
        from_here(look, &last, &mut |difference, _, found| {
            // Directories are others by what was wiped in them.
            is_unsent |= match difference {
                Difference::New | Difference::Content => true,
                Difference::Attributes => found.is_some_and(|found| !found.is_directory()),
                Difference::Gone => false,
            };
        })?;
        Ok(is_unsent.then_some(left))
    }

    /// Whether a directory that was wiped still is: it may hold directories that
    /// a desktop has made again, and what stays in any case.
    fn is_empty(&self, directory: &Directory) -> bool {
        let spared = own_files::configurations(self.session, directory);
        let is_spared = |path: &[u8]| spared.iter().any(|spared| is_within(path, spared));
        let root = self.repository.roots.get(&directory.local);
        let Ok(root) = root else { return false };
        let Some(root) = root else { return true };
        let Ok(mut walk) = Walk::new(&root, self.filter) else { return false };
        walk.all(|found| match found {
            walk::Found::Entry(entry) => entry.is_directory() || is_spared(&entry.path),
            walk::Found::LeftOut(LeftOut { loss, .. }) => !loss,
            // It stays in any case, too.
            walk::Found::Excluded(_) => true,
        })
    }

    /// Sends all that was surveyed, under `lock`.
    ///
    /// # Errors
    /// An interrupt, or what keeps the whole from working.
    pub fn carry_out(
        &self,
        ready: &Ready,
        backups: Vec<Saving>,
        lock: &Lock,
        outcome: Outcome,
    ) -> Result<Outcome> {
        let Preflight { session, repository, .. } = self;
        if !backups.is_empty() {
            self.begin(ready, lock)?;
        }
        let trees: Vec<_> = backups.iter().map(|saving| saving.backup.name().to_owned()).collect();
        let outcome = runner::all(&*session.report, backups, outcome, "sent")?;
        if let Err(failure) = repository.abandon_uploads(ready, &trees) {
            session.report.say(Note::PartsStay { why: failure.text });
        }
        Ok(outcome)
    }

    /// Makes the bucket, where it is not there, and marks it, before anything is sent.
    ///
    /// # Errors
    /// The remote fails, or another machine is at work there.
    pub fn begin(&self, ready: &Ready, lock: &Lock) -> Result<()> {
        let repository = self.repository;
        if !repository.sight.here.exists {
            let doing = format!("make {}", ready.remote().name());
            ready.remote().make_bucket().map_err(|f| f.into_error(&doing, Kind::Remote))?;
        }
        if !repository.is_marked() {
            lock.hold()?;
            // First: what a run that does not end leaves is told from what others did.
            repository.mark()?;
        }
        Ok(())
    }
}

/// What a person should hear before the work begins.
pub fn tell(session: &Session, backup: &Backup, outcome: &mut Outcome) {
    let tree = backup.name();
    lists::foreign(&*session.report, tree, &backup.foreign, backup.removes_foreign);
    for out in &backup.left_out {
        session.report.tell(&Event::LeftOut {
            tree: tree.to_owned(),
            why: out.why.clone(),
            loss: out.loss,
            path: Bytes::path(&out.path),
        });
        if out.loss {
            outcome.worsen(Kind::Incomplete);
        }
    }
    for (path, why) in &backup.drift {
        let word = match why {
            Why::ObjectMissing => "missing",
            _ => "changed",
        };
        let (tree, path) = (tree.to_owned(), Bytes::path(path));
        session.report.tell(&Event::Drift { tree, what: word, path });
    }
}

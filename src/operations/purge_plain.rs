//! `poof purge-plain`: removes the plain copies that a switch to encryption left in
//! the bucket, once the encrypted snapshots are proven.

use super::caution::Caution;
use super::monitor::Monitor;
use super::outcome::Outcome;
use super::plain_side::{PlainSide, Sorted, plain_side};
use super::removal::{Gone, remove_directory, still_there, tell_versions};
use super::repository::Repository;
use super::session::Session;
use super::superseded::{Unproven, proven};
use super::{loading, runner, wipe};
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::units::files;
use crate::config::Ready;
use crate::report::{Event, TreeNote, lists};
use crate::storage::failure::Failure;
use crate::storage::job::Unwatched;
use crate::storage::remote::Remote;
use crate::storage::store::Bytes;
use crate::tree::model::layout::{MARKER, Names, RECORDS};
use crate::tree::proof::Proof;
use crate::tree::remote::listing::list;
use crate::tree::remote::own_objects::Foreign;

/// A plain copy.
struct Copy {
    tree: String,
    files: u64,
    bytes: u64,
    /// It is one of poof.conf.
    configured: bool,
}

/// Removes the plain copies.
///
/// # Errors
/// What keeps the whole from working, or an interrupt.
pub fn run(session: &Session, caution: Caution) -> Result<Outcome> {
    let _lock = session.lock_unless(caution.dry_run)?;
    let ready = loading::load_to_change(session)?;
    let plain = plain_side(session, &ready)?;
    remove_plain(session, caution, &ready, plain)
}

/// The same with a configuration that is ready, and the plain side of its bucket.
///
/// # Errors
/// As [`run`].
pub(super) fn remove_plain(
    session: &Session,
    caution: Caution,
    ready: &Ready,
    plain: &Remote,
) -> Result<Outcome> {
    let report = &*session.report;
    let directories = loading::select(ready, &[])?;
    let repository = Repository::open(session, ready, &directories, caution.allowed)?;
    let clear = PlainSide::of(&repository, plain)?;
    let copies = copies(&repository, ready, &clear)?;
    list_copies(session, &clear, &copies)?;
    if copies.is_empty() {
        report.done("There is no plain copy in the bucket.");
        return Ok(Outcome::default().with("trees", 0));
    }
    let purging = Purging { session, repository: &repository, clear: &clear, caution };
    let dry_run = caution.dry_run;
    let mut outcome = Outcome::default();
    let mut going = Vec::new();
    for copy in copies {
        interrupt::check()?;
        let proven = purging.judge(&copy);
        if !dry_run {
            wipe::forget_names(session, &repository, &copy.tree)?;
        }
        match proven {
            Ok(sorted) => {
                let goes = caution.allowed.foreign;
                let foreign = sorted.foreign.iter().map(|(name, size)| Foreign {
                    name: name.clone(),
                    size: *size,
                    odd: false,
                });
                lists::foreign(report, &copy.tree, &foreign.collect::<Vec<_>>(), goes);
                going.push((copy, sorted));
            }
            Err(error) => runner::note_failure(report, &mut outcome, error)?,
        }
    }
    if dry_run {
        report.done("Dry run: nothing was changed.");
        return Ok(outcome.with("dry_run", true).with("trees", going.len()));
    }
    let question = format!("{} plain copies will be removed from the bucket. Go on?", going.len());
    if !going.is_empty() && !report.confirm(&question, caution.yes)? {
        return Err(Error::guard("nothing was removed").hint("`--yes` goes ahead."));
    }
    let trees = going.iter().map(|(copy, _)| copy.tree.clone()).collect();
    let lock = clear.lock(session, &repository, trees);
    if !going.is_empty() {
        // A machine on the plain side may be saving at this moment.
        lock.hold()?;
    }
    let whole = outcome.kind.is_none();
    for (Copy { tree, files, bytes, .. }, sorted) in &going {
        interrupt::check()?;
        let mut refused = false;
        match purging.purge(tree, sorted) {
            Ok(gone) => {
                refused = gone == Gone::ButForVersions;
                report.tell(&Event::Purged { tree: tree.clone(), files: *files, bytes: *bytes });
            }
            Err(error) => runner::note_failure(report, &mut outcome, error)?,
        }
        tell_versions(session, plain, tree, refused)?;
    }
    drop(lock);
    if clear.is_done()? {
        // Of no tree any more.
        remove_directory(plain, RECORDS)?;
    }
    if whole && outcome.kind.is_none() {
        report.done("The plain copies are gone.");
        if !plain.is_s3() && plain.needs_network() {
            report.note("A remote that keeps versions of its objects may hold them still.");
        }
    }
    Ok(outcome.with("trees", going.len()))
}

/// Says which copies there are.
fn list_copies(session: &Session, clear: &PlainSide, copies: &[Copy]) -> Result<()> {
    for Copy { tree, files: count, bytes: size, configured } in copies {
        session.report.tell(&Event::PlainCopy {
            tree: tree.clone(),
            place: clear.plain.place(tree),
            files: *count,
            bytes: *size,
            configured: *configured,
        });
        let earlier = clear.earlier(tree)?;
        if earlier > 0 {
            session.report.say_of(tree, TreeNote::EarlierGo(earlier));
        }
    }
    Ok(())
}

/// What the removal of every copy needs.
struct Purging<'a> {
    session: &'a Session,
    repository: &'a Repository<'a>,
    clear: &'a PlainSide<'a>,
    caution: Caution,
}

impl Purging<'_> {
    /// Whether a copy may go, and what of it.
    fn judge(&self, Copy { tree, configured, .. }: &Copy) -> Result<Sorted> {
        let Purging { session, repository, clear, .. } = self;
        // Where a command that changes a tree has to be run.
        let there = if *configured { "" } else { " on the machine that has it in its poof.conf" };
        if let Some(other) = clear.entangled(tree) {
            let what = format!(
                "the plain copy of {tree} stays: one of it and {other} is inside the other"
            );
            return Err(Error::guard(what).hint("Another machine may use it."));
        }
        is_no_last_copy(clear.plain, tree, there)?;
        let proof = prove(session, repository, tree, there)?;
        let mut monitor = Monitor::comparison(&*session.report, tree);
        clear.sorted(session, tree, proof.snapshot(), &mut monitor)
    }

    /// Removes a copy and poof's records of it.
    fn purge(&self, tree: &str, sorted: &Sorted) -> Result<Gone> {
        let plain = self.clear.plain;
        let mut gone = Gone::Wholly;
        if sorted.foreign.is_empty() || self.caution.allowed.foreign {
            gone = gone.min(remove_directory(plain, tree)?);
        } else {
            let doing = format!("remove {}", plain.place(tree));
            let fail = |failure: Failure| failure.into_error(&doing, Kind::Incomplete);
            let names = Names::new(tree);
            let full: Vec<_> = sorted.known.iter().map(|name| Bytes(names.full(name))).collect();
            let removed = self.clear.store.remove(&full, &mut Unwatched).map_err(fail)?;
            if let Some(failure) = removed.into_iter().find_map(|record| record.failure) {
                return Err(fail(failure));
            }
            let left = list(&self.clear.store, tree, &[], &mut Unwatched).map_err(fail)?;
            let left = sorted.known.iter().filter(|name| left.has(name)).count() as u64;
            if left > 0 {
                return Err(still_there(plain, tree, left));
            }
        }
        let names = Names::new(tree);
        if self.clear.past {
            gone = gone.min(remove_directory(plain, &names.kept())?);
        }
        if !self.clear.bundles(tree).is_empty() {
            gone = gone.min(remove_directory(plain, &names.bundles())?);
        }
        Ok(gone.min(remove_directory(plain, &names.records())?))
    }
}

fn copies(repository: &Repository, ready: &Ready, clear: &PlainSide) -> Result<Vec<Copy>> {
    let mut copies = Vec::new();
    let own = ready.directories().iter().map(|directory| (directory.name.clone(), true));
    let others = clear.others(repository, ready).into_iter().map(|tree| (tree, false));
    for (tree, configured) in own.chain(others) {
        if !clear.may_hold(repository, &tree) {
            continue;
        }
        let place = clear.plain.place(&tree);
        let fail = |f: Failure| f.into_error(&format!("list {place}"), Kind::Remote);
        let listed = list(&clear.store, &tree, &[], &mut Unwatched).map_err(fail)?;
        let bundles = clear.bundles(&tree);
        let bytes = listed.foreign().chain(bundles.foreign()).map(|(_, size)| size).sum();
        let files = listed.count();
        if files > 0 || clear.knows(&tree) {
            copies.push(Copy { tree, files, bytes, configured });
        }
    }
    Ok(copies)
}

/// A tree that was wiped while the plain side was in use lives there: what an older
/// encrypted snapshot holds is not what was wiped.
fn is_no_last_copy(plain: &Remote, tree: &str, there: &str) -> Result<()> {
    let records = Names::new(tree).records();
    let listed = list(&plain.store(), &records, &[], &mut Unwatched);
    let fail = |f: Failure| f.into_error(&format!("list {}", plain.place(&records)), Kind::Remote);
    if listed.map_err(fail)?.look(MARKER.as_bytes()).is_none() {
        return Ok(());
    }
    let what = format!("the plain copy of {tree} stays: the directory was wiped with it");
    Err(Error::new(Kind::Unproven, what).hint(format!(
        "`poof cryptoggle` and `poof download`{there} bring it back; then back it up on the \
         encrypted side."
    )))
}

/// Whether the encrypted snapshot of a tree is whole.
fn prove(session: &Session, repository: &Repository, tree: &str, there: &str) -> Result<Proof> {
    proven(session, repository, tree)?.map_err(|why| {
        let why = match why {
            Unproven::Unread => "it has no encrypted snapshot that can be read".to_owned(),
            Unproven::Files(count) => {
                format!("of its encrypted snapshot {} are not proven", files(count))
            }
        };
        Error::new(Kind::Unproven, format!("the plain copy of {tree} stays: {why}"))
            .hint(format!("`poof backup`{there} makes the encrypted snapshot."))
    })
}

//! Removes the snapshot of a tree from the remote, with what is kept of earlier ones.

use super::caution::Caution;
use super::monitor::Monitor;
use super::repository::Repository;
use super::{Outcome, Session, loading};
use crate::base::error::{Error, Kind, Result};
use crate::base::shown::quoted;
use crate::base::units::{bytes, date, files};
use crate::report::{Event, TreeNote};
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::Unwatched;
use crate::storage::remote::Remote;
use crate::storage::store::{Bytes, Store, Versions};
use crate::tree::guard::{self, Allowed};
use crate::tree::model::layout::Names;
use crate::tree::remote::listing::list;
use crate::tree::snapshot::{Newest, Snapshot, Snapshots};

/// Removes all that the remote holds of a tree, after a question. `configured`: it is in
/// poof.conf.
///
/// # Errors
/// It is not there, or another machine has saved it last, or the remote fails.
pub fn purge(session: &Session, tree: &str, configured: bool, caution: Caution) -> Result<Outcome> {
    let (report, Caution { dry_run, yes, allowed }) = (&*session.report, caution);
    let ready = loading::load_to_purge(session)?;
    let repository = Repository::open(session, &ready, &[], allowed)?;
    let snapshots = repository.snapshots(tree);
    if !repository.trees().contains(tree) {
        let what = format!("{} holds no snapshot of {tree}", repository.remote.name());
        if configured {
            report.note("There is no snapshot of it on the remote.");
            return Ok(Outcome::default().with("purged", false));
        }
        return Err(Error::new(Kind::Usage, what).hint("`poof status` lists what is there."));
    }
    let mut monitor = Monitor::comparison(report, tree);
    let newest = snapshots.newest(&mut monitor)?;
    drop(monitor);
    let (what, count, size) = match &newest {
        Newest::Found(last) => {
            let ((made, host), counts) = (last.made(), last.counts());
            is_ours(tree, &snapshots, last, allowed)?;
            let (count, size) = (files(counts.files), bytes(counts.bytes));
            let what = format!("{tree}: {count}, {size}, saved on {} by {host}", date(made));
            (what, counts.files, counts.bytes)
        }
        Newest::None | Newest::Unusable(_) => (format!("{tree}: no manifest can be read"), 0, 0),
    };
    let (earlier, _) = if repository.past { snapshots.extent(&mut Unwatched)? } else { (0, None) };
    if earlier > 1 {
        report.say_of(tree, TreeNote::EarlierGo(earlier - 1));
    }
    if dry_run {
        report.tell(&Event::WouldPurge { tree: tree.to_owned(), files: count, bytes: size });
        return Ok(Outcome::default().with("dry_run", true));
    }
    let question = format!("{what}. The remote will hold nothing of it any more. Go on?");
    if !report.confirm(&question, yes)? {
        return Err(Error::guard("nothing was removed").hint("`--yes` goes ahead."));
    }
    let lock = repository.lock(vec![tree.to_owned()]);
    lock.hold()?;
    let gone = remove_all(&repository, &snapshots)?;
    repository.wipes(&snapshots).erase_names()?;
    drop(lock);
    report.tell(&Event::Purged { tree: tree.to_owned(), files: count, bytes: size });
    report.done("Its snapshot is gone from the remote.");
    if gone == Gone::ButForVersions {
        report.warn(&format!(
            "{} keeps versions of {tree}, which the key in use may not remove (docs/ransom.md).",
            repository.remote.name()
        ));
    }
    Ok(Outcome::default().with("purged", true))
}

/// Refuses what another machine has saved last.
fn is_ours(tree: &str, snapshots: &Snapshots, last: &Snapshot, allowed: Allowed) -> Result<()> {
    if snapshots.is_taken(last) || allowed.newer_snapshot {
        return Ok(());
    }
    let (_, host) = last.made();
    let what = format!("{tree}: {host} has saved it last, and may use it still");
    Err(guard::refuse(what, "Run it there.", "newer-snapshot"))
}

/// Removes all that the remote holds of a tree. What tells of the tree goes last: a run that
/// ends in the middle can be made again.
///
/// # Errors
/// The remote fails, or something is still there.
pub fn remove_all(repository: &Repository, snapshots: &Snapshots) -> Result<Gone> {
    let mut gone = Gone::Wholly;
    let names = &snapshots.names;
    let kept = repository.past.then(|| names.kept());
    let bundles = (!snapshots.bundles.is_empty()).then(|| names.bundles());
    let own = [names.tree().to_owned()].into_iter();
    for dir in own.chain(kept).chain(bundles).chain([names.records()]) {
        gone = gone.min(remove_directory(repository.remote, &dir)?);
    }
    Ok(gone)
}

/// How far a directory of the remote is gone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gone {
    /// The key may not remove the versions that the bucket keeps of it.
    ButForVersions,
    Wholly,
}

/// Removes a directory of the remote, and looks whether it is gone.
///
/// # Errors
/// The remote fails, or something is still there.
pub fn remove_directory(remote: &Remote, dir: &str) -> Result<Gone> {
    let doing = format!("remove {}", remote.place(dir));
    let fail = |failure: Failure| failure.into_error(&doing, Kind::Incomplete);
    let mut gone = Gone::Wholly;
    match remote.purge(dir) {
        // In a bucket with versions rclone removes each version by its id. A key that cannot
        // destroy may only hide the last one, and an object that is locked refuses as well.
        Err(failure) if remote.is_s3() && is_refusal(&failure) => {
            hide(&remote.store(), dir, failure).map_err(fail)?;
            gone = Gone::ButForVersions;
        }
        Err(failure) if failure.kind != FailureKind::Missing => return Err(fail(failure)),
        _ => {}
    }
    let left = list(&remote.store(), dir, &[], &mut Unwatched).map_err(fail)?;
    let left = left.count();
    if left == 0 {
        return Ok(gone);
    }
    Err(still_there(remote, dir, left))
}

/// Whether the server may have refused to remove versions. rclone counts those that it could
/// not remove, and does not say why.
fn is_refusal(failure: &Failure) -> bool {
    [FailureKind::Denied, FailureKind::Other].contains(&failure.kind)
}

/// Removes what a listing of a directory shows, without its versions.
///
/// # Errors
/// `refused`, which is why it is tried, if this is refused as well.
fn hide(store: &Store, dir: &str, refused: Failure) -> std::result::Result<(), Failure> {
    let listed = list(store, dir, &[], &mut Unwatched)?;
    let names = Names::new(dir);
    let full: Vec<_> = listed.names().map(|name| Bytes(names.full(&name))).collect();
    let removed = store.remove(&full, &mut Unwatched)?;
    if removed.into_iter().any(|record| record.failure.is_some()) { Err(refused) } else { Ok(()) }
}

/// What the bucket keeps below `dir` of what was deleted there.
///
/// # Errors
/// An interrupt.
pub fn versions(remote: &Remote, dir: &str) -> Result<Versions> {
    let doing = format!("ask for versions of {}", remote.place(dir));
    remote.store().versions(dir).map_err(|failure| failure.into_error(&doing, Kind::Incomplete))
}

/// Says what the bucket keeps of a tree that is gone. `refused`: the key may not remove it.
///
/// # Errors
/// The remote fails, or an interrupt.
pub fn tell_versions(session: &Session, remote: &Remote, tree: &str, refused: bool) -> Result<()> {
    let names = Names::new(tree);
    for dir in [tree.to_owned(), names.bundles(), names.records()] {
        let place = remote.place(&dir);
        let Versions { kept, locked, count, bytes, more } = versions(remote, &dir)?;
        if !kept || count == 0 && !more {
            continue;
        }
        let conf = quoted(&session.files.rclone);
        let tree = tree.to_owned();
        session.report.tell(&Event::Versions {
            tree,
            place,
            count,
            bytes,
            more,
            locked,
            refused,
            conf,
        });
    }
    Ok(())
}

/// Why a directory is not gone.
pub fn still_there(remote: &Remote, dir: &str, left: u64) -> Error {
    let what = format!("{}: {} are still there", remote.place(dir), files(left));
    Error::new(Kind::Incomplete, what).hint("Run it again.")
}

//! Removes what is under the old passwords, once the new ones are in use and all of it is
//! proven under them.

use super::comparison::{Comparison, Superseded};
use super::passwords::Change;
use super::{Request, Sides};
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::host::erase::{self, FillPattern};
use crate::operations::recovery::readiness;
use crate::operations::removal::{Gone, remove_all, remove_directory, tell_versions};
use crate::operations::session::Session;
use crate::operations::{Outcome, runner};
use crate::report::{Event, lists};
use crate::storage::failure::Failure;
use crate::storage::job::Unwatched;
use crate::storage::remote::Remote;
use crate::tree::guard::{Allowed, refuse};
use crate::tree::model::layout::RECORDS;
use crate::tree::remote::listing::list;

/// Removes it. `used` is the identity of the store that both files lead to.
///
/// # Errors
/// A reason why it has to stay, or what keeps the whole from working, or an interrupt.
pub fn remove(
    session: &Session,
    request: Request,
    sides: &Sides,
    change: &mut Change,
    used: &str,
) -> Result<Outcome> {
    let (remote, allowed) = (sides.old.remote(), request.caution.allowed);
    let mut outcome = Outcome::default();
    if !change.is_emptied() {
        has_a_kit(session, allowed)?;
        let comparison = Comparison::open(session, sides, allowed)?;
        if comparison.new.id() != used {
            let what = "both configuration files lead to something else than what was sent under \
                        the new passwords";
            return Err(Error::guard(what).hint(
                "What is under the old passwords stays. Put the files back as they were; then \
                 `poof rekey` goes on.",
            ));
        }
        may_forget(&comparison, request.purge_history)?;
        let going = judged(session, sides, &comparison, allowed, &mut outcome)?;
        remove_trees(session, &comparison, &going)?;
        if outcome.kind.is_some() {
            return Ok(outcome);
        }
        remove_rest(remote, allowed)?;
        // From now on there is nothing that says which store it is.
        change.note_emptied()?;
    }
    remove_directory(remote, RECORDS)?;
    Ok(outcome)
}

/// The trees that may go. What stays is told.
fn judged(
    session: &Session,
    sides: &Sides,
    comparison: &Comparison,
    allowed: Allowed,
    outcome: &mut Outcome,
) -> Result<Vec<(String, Superseded)>> {
    let report = &*session.report;
    let pairs = comparison.pairs(session, sides)?;
    let elsewhere = comparison.new.trees();
    let mut going = Vec::new();
    for tree in comparison.old.trees() {
        interrupt::check()?;
        let pair = pairs.iter().find(|(old, _)| *old == tree).map(|(_, new)| new);
        let judged = match pair.or_else(|| elsewhere.get(&tree)) {
            Some(new) => comparison.judge(session, &tree, new),
            None if allowed.foreign => Ok(Superseded::default()),
            None => Err(refuse(
                format!("{tree} stays under the old passwords: it is not under the new ones"),
                "poof.conf does not have it any more.",
                "foreign",
            )),
        };
        match judged {
            Ok(superseded) if superseded.foreign.is_empty() || allowed.foreign => {
                lists::foreign(report, &tree, &superseded.foreign, true);
                going.push((tree, superseded));
            }
            Ok(Superseded { foreign, .. }) => {
                lists::foreign(report, &tree, &foreign, false);
                let error = made_by_others(&format!("{tree} under the old passwords"));
                runner::note_failure(report, outcome, error)?;
            }
            Err(error) => runner::note_failure(report, outcome, error.of_tree(&tree))?,
        }
    }
    Ok(going)
}

fn remove_trees(
    session: &Session,
    comparison: &Comparison,
    going: &[(String, Superseded)],
) -> Result<()> {
    let old = &comparison.old;
    let lock = old.lock(going.iter().map(|(tree, _)| tree.clone()).collect());
    if !going.is_empty() {
        lock.hold()?;
    }
    for (tree, Superseded { counts, .. }) in going {
        interrupt::check()?;
        let snapshots = old.snapshots(tree);
        let gone = remove_all(old, &snapshots)?;
        // It names the files that were there.
        if snapshots.cache.exists() {
            FillPattern::new()
                .and_then(|noise| erase::directory(&snapshots.cache, &noise))
                .map_err(|error| Error::io("wipe", &snapshots.cache, &error))?;
        }
        session.report.tell(&Event::Purged {
            tree: tree.clone(),
            files: counts.files,
            bytes: counts.bytes,
        });
        tell_versions(session, old.remote, tree, gone == Gone::ButForVersions)?;
    }
    Ok(())
}

/// Whoever loses this machine must not need the old passwords any more.
fn has_a_kit(session: &Session, allowed: Allowed) -> Result<()> {
    if allowed.no_kit || readiness::is_prepared(session, &[]) {
        return Ok(());
    }
    let what = "the new passwords are in use, and no recovery kit has them; what is under the old \
                ones stays until then";
    Err(Error::guard(what).hint(
        "`poof kit FILE` writes one; then `poof rekey` removes the rest. `--allow no-kit` goes \
         ahead: who loses this machine then loses the data.",
    ))
}

/// What is kept for earlier snapshots is nowhere else.
fn may_forget(comparison: &Comparison, purge_history: bool) -> Result<()> {
    let old = &comparison.old;
    if !old.past || purge_history {
        return Ok(());
    }
    let mut earlier = 0;
    for tree in old.trees() {
        let (count, _) = old.snapshots(&tree).extent(&mut Unwatched)?;
        earlier += count.saturating_sub(1);
    }
    let what = format!(
        "the new passwords are in use; what is under the old ones stays, for {earlier} earlier \
         snapshots are there and nowhere else"
    );
    Err(Error::guard(what).hint("`poof rekey --purge-history` removes them as well."))
}

/// Removes what is of no tree and no record of poof's: what others have put there, with the word.
fn remove_rest(remote: &Remote, allowed: Allowed) -> Result<()> {
    let doing = format!("list {}", remote.name());
    let fail = |failure: Failure| failure.into_error(&doing, Kind::Incomplete);
    let top = remote.top().map_err(fail)?;
    let mut others = Vec::new();
    for name in top.names.iter().filter(|name| *name != RECORDS) {
        let store = remote.store();
        let listed = list(&store, name, &[], &mut Unwatched).map_err(fail)?;
        if listed.is_empty() {
            // What is in it does not decrypt, or it is empty. It fails for one that is not.
            let _ = store.remove_empty_directories(name);
        } else if allowed.foreign {
            remove_directory(remote, name)?;
        } else {
            others.push(name.as_str());
        }
    }
    if !others.is_empty() {
        return Err(made_by_others(&others.join(", ")));
    }
    Ok(())
}

fn made_by_others(what: &str) -> Error {
    let what = format!("{what}: poof did not make all that is there");
    refuse(what, "The old passwords stay until it is gone.", "foreign")
}

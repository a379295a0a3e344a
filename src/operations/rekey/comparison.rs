//! What the bucket holds under the old passwords beside what it holds under the new.

use super::Sides;
use crate::base::error::{Error, Kind, Result};
use crate::base::units::{date, files};
use crate::operations::loading;
use crate::operations::monitor::Monitor;
use crate::operations::repository::Repository;
use crate::operations::session::Session;
use crate::operations::superseded::{Unproven, lacking, proven};
use crate::tree::guard::{self, Allowed, refuse};
use crate::tree::manifest::Counts;
use crate::tree::model::plan::Totals;
use crate::tree::proof::{Evidence, Proof};
use crate::tree::remote::own_objects::{Foreign, Ours};
use crate::tree::snapshot::{Newest, Snapshot};

pub struct Comparison<'a> {
    pub old: Repository<'a>,
    pub new: Repository<'a>,
    allowed: Allowed,
}

/// What is there of a tree under the old passwords, all of which is proven under the new.
#[derive(Default)]
pub struct Superseded {
    pub counts: Counts,
    pub foreign: Vec<Foreign>,
}

impl<'a> Comparison<'a> {
    /// # Errors
    /// The remote cannot be reached, or refuses, or is not the one that this machine knows.
    pub fn open(session: &'a Session, sides: &'a Sides, allowed: Allowed) -> Result<Self> {
        let open = |ready| {
            let directories = loading::select(ready, &[])?;
            Repository::open(session, ready, &directories, allowed)
        };
        Ok(Comparison { old: open(&sides.old)?, new: open(&sides.new)?, allowed })
    }

    /// What each directory is called under the old passwords, and under the new.
    ///
    /// # Errors
    /// None but those of the configuration.
    pub fn pairs(&self, session: &Session, sides: &Sides) -> Result<Vec<(String, String)>> {
        let directories = loading::select(&sides.new, &[])?;
        let old = self.old.places(session, &directories).into_iter();
        let new = self.new.places(session, &directories);
        Ok(old.zip(new).map(|(old, new)| (old.name, new.name)).collect())
    }

    /// Whether all that is there of `old` is proven to be in `new` as well.
    ///
    /// # Errors
    /// It is not, or the remote fails.
    pub fn judge(&self, session: &Session, old: &str, new: &str) -> Result<Superseded> {
        let proof = proven(session, &self.new, new)?.map_err(|why| {
            let why = match why {
                Unproven::Unread => "it has no snapshot under the new ones".to_owned(),
                Unproven::Files(count) => {
                    format!("under the new ones {} are not proven", files(count))
                }
            };
            stays(old, &why).hint("`poof rekey` sends it again.")
        })?;
        let mut monitor = Monitor::comparison(&*session.report, old);
        let (snapshots, listing) = self.old.look_again(old)?;
        let (store, names) = (snapshots.store, &snapshots.names);
        let mut evidence = Evidence { store, names, listing, read_back: false };
        let mut counts = Counts::default();
        match snapshots.newest(&mut monitor)? {
            Newest::Found(last) => {
                self.is_superseded(old, &last, proof.snapshot())?;
                counts = last.counts();
                // Claims its objects.
                Proof::by_listing(last, &mut evidence)?;
            }
            // A run that ended has removed its objects and its head.
            Newest::None => {}
            Newest::Unusable(_) => {
                return Err(stays(old, "its snapshot cannot be read").hint(
                    "Somebody has changed the bucket. Remove it there by hand, if it is to go.",
                ));
            }
        }
        let unclaimed = evidence.listing.settle(names, &Ours::read(&snapshots.cache));
        Ok(Superseded { counts, foreign: unclaimed.foreign })
    }

    /// What was saved under the old passwords is in the new snapshot, but for what has changed
    /// here since.
    fn is_superseded(&self, tree: &str, old: &Snapshot, new: &Snapshot) -> Result<()> {
        if !self.allowed.newer_snapshot && !self.old.snapshots(tree).is_taken(old) {
            let (made, host) = old.made();
            let what = format!(
                "{tree} stays under the old passwords: {host} saved it there on {}",
                date(made)
            );
            let hint = "Save it from there under the new passwords first.";
            return Err(refuse(what, hint, "newer-snapshot"));
        }
        let lacking = lacking(new, old)?;
        if lacking == 0 {
            return Ok(());
        }
        let totals = Totals {
            delete: usize::try_from(lacking).unwrap_or(usize::MAX),
            unchanged: old.counts().files.saturating_sub(lacking),
            ..Totals::default()
        };
        guard::deletions(&self.old.remote.place(tree), totals, self.allowed)
    }
}

fn stays(tree: &str, why: &str) -> Error {
    Error::new(Kind::Unproven, format!("{tree} stays under the old passwords: {why}"))
}

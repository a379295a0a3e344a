//! What came back, beside its snapshot and beside what is here.

use std::collections::HashMap;

use crate::base::error::Result;
use crate::base::interrupt;
use crate::report::{Bytes, Event, Report, event};
use crate::storage::filter::Filter;
use crate::tree::model::entry::{Entry, Local};
use crate::tree::model::path_set::Kept;
use crate::tree::restore::differences::{By, Difference, Look, from_here};
use crate::tree::scan::root::Root;
use crate::tree::snapshot::Snapshot;

pub struct Comparison<'a> {
    pub report: &'a dyn Report,
    pub tree: &'a str,
    pub snapshot: &'a Snapshot,
    /// What of it came; None: all.
    pub part: Option<&'a Kept>,
}

/// How what is here differs from what came.
#[derive(Default)]
pub struct Compared {
    /// It has changed here since.
    pub changed: u64,
    /// It has not.
    pub faults: u64,
}

impl Comparison<'_> {
    /// Compares what came, by the hash of its content and its attributes. `is_told`: why
    /// something has not come was said. Returns how much differs.
    ///
    /// # Errors
    /// One of them cannot be read, or an interrupt.
    pub fn with_snapshot(&self, came: Option<&Root>, is_told: bool) -> Result<u64> {
        let look =
            Look { root: came, filter: &Filter::default(), only: self.part, by: By::Content };
        let mut faults = 0;
        from_here(look, self.snapshot, &mut |difference, entry, _| {
            faults += 1;
            if difference != Difference::Gone || !is_told {
                self.tell(entry, difference, "what came back is not what the snapshot has");
            }
        })?;
        Ok(faults)
    }

    /// Compares what is here. What has not changed since the last snapshot that is `known` here
    /// has to be as it came.
    ///
    /// # Errors
    /// As [`Comparison::with_snapshot`].
    pub fn with_here(
        &self,
        here: &Root,
        filter: &Filter,
        known: Option<&Snapshot>,
    ) -> Result<Compared> {
        let look = Look { root: Some(here), filter, only: self.part, by: By::Content };
        let mut compared = Compared::default();
        let mut open: HashMap<Vec<u8>, (Local, Difference)> = HashMap::new();
        from_here(look, self.snapshot, &mut |difference, entry, found| {
            compared.changed += 1;
            if let Some(local) = found.and_then(|found| found.local) {
                open.insert(entry.path.clone(), (local, difference));
            }
        })?;
        let Some(known) = known.filter(|_| !open.is_empty()) else { return Ok(compared) };
        for entry in known.entries()? {
            interrupt::check()?;
            let entry = entry?;
            let Some((local, difference)) = open.get(&entry.path) else { continue };
            if entry.local == Some(*local) {
                compared.changed -= 1;
                compared.faults += 1;
                let why = "it has not changed here since the last backup, and came back otherwise";
                self.tell(&entry, *difference, why);
            }
        }
        Ok(compared)
    }

    fn tell(&self, entry: &Entry, difference: Difference, why: &str) {
        let what = match difference {
            Difference::Gone => "missing",
            Difference::New => "foreign",
            Difference::Content => "wrong",
            Difference::Attributes => "attributes",
        };
        self.report.tell(&Event::Finding(event::Finding {
            tree: self.tree.to_owned(),
            what,
            path: Some(Bytes::path(&entry.path)),
            holds: None,
            why: Some(why.to_owned()),
            aloud: true,
            at_top: false,
        }));
    }
}

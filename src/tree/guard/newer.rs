//! The guard of what another machine has saved.

use std::path::Path;

use super::Allowed;
use crate::base::error::Error;
use crate::base::shown::typed;
use crate::base::units::date;
use crate::tree::model::change::{Change, News, Why};

/// How a directory differs from a snapshot that this machine has not taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distance {
    /// Entries that are not here.
    pub absent: u64,
    /// Entries that are something else here.
    pub other: u64,
    /// Files whose attributes alone are others here, times among them.
    pub attributes: u64,
    /// Files and directories with another mode or other extended attributes.
    pub altered: u64,
}

impl Distance {
    /// Of a survey of the directory beside that snapshot: its changes, how many entries are
    /// altered, and in how many places there are directories instead.
    pub fn of(changes: &[Change], altered: u64, turned: u64) -> Self {
        let mut distance = Distance { altered, other: turned, ..Distance::default() };
        for change in changes {
            match change.news {
                News::Gone => distance.absent += 1,
                // What happens in a directory changes its times.
                News::Differs if change.entry().is_some_and(|entry| entry.is_directory()) => {}
                News::Differs if matches!(change.send, Some(Why::New | Why::Changed)) => {
                    distance.other += 1;
                }
                News::Differs => distance.attributes += 1,
                News::New | News::Sighting => {}
            }
        }
        distance
    }
}

/// A snapshot that another machine made must not be replaced by a machine that has not
/// taken it: what it holds may be nowhere else. A directory that holds all of it may be
/// saved on top. `made` says when it was made, in seconds since 1970, and on which host;
/// `lost`: this machine remembers nothing of the tree.
///
/// # Errors
/// The refusal.
pub fn newer_snapshot(
    tree: &str,
    (made, host): (u64, &str),
    distance: Distance,
    lost: bool,
    allowed: Allowed,
) -> Result<(), Error> {
    let Distance { absent, other, attributes, altered } = distance;
    // Who lost the state may have other times on the same content; nothing is lost by it.
    let attributes = if lost { altered } else { attributes.max(altered) };
    if allowed.newer_snapshot || absent + other + attributes == 0 {
        return Ok(());
    }
    let differs = match (absent, other + attributes) {
        (absent, 0) => format!("{absent} of its entries are missing here"),
        (0, other) => format!("{other} of its entries are different here"),
        (absent, other) => format!("{absent} of its entries are missing here, {other} differ"),
    };
    let made = date(made);
    let what = format!(
        "{tree}: {host} saved a snapshot on {made} that this machine has not seen; {differs}"
    );
    let tree = typed(Path::new(tree));
    let hint = format!(
        "`poof download --only {tree}` brings it here (`--dry-run` shows what changes; files of \
         your own that it does not hold: move them elsewhere first)."
    );
    let hint = format!(
        "{hint} Nothing was changed. To put what is here in its place: `--allow newer-snapshot`."
    );
    Err(Error::guard(what).hint(hint))
}

/// Two machines have saved a tree at the same moment, and the other was first.
pub fn saved_at_once(tree: &str) -> Error {
    Error::guard(format!("another machine has saved {tree} at the same moment"))
        .hint("Nothing was removed. Run it again: it then compares with what that one saved.")
}

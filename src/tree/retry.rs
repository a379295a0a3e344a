//! Tries again what may go well the next time.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::model::plan::Failed;
use crate::base::error::{Kind, Result};
use crate::base::interrupt;
use crate::storage::failure::Failure;

/// Of what is no matter of the network: `go/weather` sees to that, request by request.
const ATTEMPTS: u32 = 3;

/// What failed, by the number of its job.
pub type Failures = BTreeMap<usize, Failed>;

/// An attempt at some jobs; the outer failure is that of all of them.
pub type Attempt<T> = std::result::Result<T, Failure>;

/// Attempts what `pending` says is still to be done until nothing is left that is
/// worth it. Returns what failed in the end.
///
/// # Errors
/// What keeps the whole of `doing` from working, or an interrupt.
pub fn retrying<W>(
    work: &mut W,
    doing: &str,
    pending: impl Fn(&W) -> Vec<usize>,
    mut attempt: impl FnMut(&mut W, &[usize]) -> Attempt<Failures>,
) -> Result<Failures> {
    let mut failed = Failures::new();
    for number in 1..=ATTEMPTS {
        let mut pending = pending(work);
        pending.retain(|i| failed.get(i).is_none_or(|f| f.kind.is_worth_retrying()));
        if pending.is_empty() {
            break;
        }
        if number > 1 {
            interrupt::pause(Duration::from_secs(u64::from(number - 1)))?;
        }
        match attempt(work, &pending) {
            Ok(failures) => {
                let pending: HashSet<usize> = pending.into_iter().collect();
                failed.retain(|i, _| !pending.contains(i));
                failed.extend(failures);
            }
            Err(failure) if number == ATTEMPTS || !failure.is_worth_retrying() => {
                return Err(failure.into_error(doing, Kind::Incomplete));
            }
            Err(_) => {}
        }
        interrupt::check()?;
    }
    Ok(failed)
}

//! The model test: whatever some machines do with one bucket, in whatever order and
//! however it ends, nothing that was saved is lost.

mod books;
mod history;

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Instant, SystemTime};

pub use books::{Attempt, Books, Verb};

use crate::harness::Place;
use history::{Ends, History, Kind};

/// A seed: that history alone is lived through, again and again if it is given a number of
/// times.
const SEED: &str = "POOF_MODEL_SEED";
/// How many histories a long test lives through.
const COUNT: &str = "POOF_MODEL_HISTORIES";

const QUICK: Kind = Kind { place: Place::Disk, encrypted: false, steps: 10 };
const LONG: Kind = Kind { steps: 30, ..QUICK };

/// A number that the environment gives.
pub fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// Lives through histories from the seed `first` on, two at a time.
fn histories(kind: Kind, first: u64, count: u64) {
    let (first, count) = number(SEED).map_or((first, count), |seed| (seed, 1));
    let (next, ends, faults) = (AtomicUsize::new(0), Mutex::new(Ends::new()), Mutex::new(vec![]));
    let started = Instant::now();
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed) as u64;
            if index >= count {
                break;
            }
            let seed = first + index;
            let lived = catch_unwind(AssertUnwindSafe(|| History::live(kind, seed)));
            let fault = match lived {
                Ok((history, outcome)) => {
                    let mut ends = ends.lock().unwrap();
                    for (end, times) in &history.ends {
                        *ends.entry(end.clone()).or_default() += times;
                    }
                    outcome.err().map(|why| format!("{}\n{why}", history.log))
                }
                Err(_) => Some("it panicked, see above".to_owned()),
            };
            if let Some(fault) = fault {
                eprintln!("{kind:?}, {SEED}={seed}:\n{fault}");
                faults.lock().unwrap().push(seed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let (ends, faults) = (ends.into_inner().unwrap(), faults.into_inner().unwrap());
    eprintln!("{count} histories, {kind:?}, {:?}: {ends:?}", started.elapsed());
    assert!(faults.is_empty(), "{} of {count} histories, {SEED}: {faults:?}", faults.len());
}

/// Another beginning each time.
fn any_seed() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() * 10_000
}

#[test]
fn nothing_saved_is_lost_in_any_history_of_some_machines() {
    histories(QUICK, 1, 20);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_nothing_saved_is_lost_in_any_history_of_some_machines() {
    let count = number(COUNT).unwrap_or(400);
    histories(LONG, any_seed(), count);
    histories(Kind { encrypted: true, ..LONG }, any_seed(), count / 4);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_nothing_saved_is_lost_in_any_history_with_a_server() {
    let count = number(COUNT).unwrap_or(400) / 8;
    for encrypted in [false, true] {
        histories(Kind { place: Place::Minio, encrypted, ..LONG }, any_seed(), count);
    }
}

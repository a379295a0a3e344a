//! A lock while it is held.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use super::{DIR, DOUBTFUL};
use crate::base::interrupt;
use crate::storage::failure::Failure;
use crate::storage::job::{Tidying, Unwatched, Watch};
use crate::storage::store::{Bytes, Store, end_lease, lease, lose_lease};
use crate::tree::model::layout::RECORDS;
use crate::tree::remote::metadata_store;

/// How often a lock is stored again.
const REFRESH: Duration = Duration::from_mins(1);
/// How often it is looked whether that time has come.
const TICK: Duration = Duration::from_secs(5);
/// How long a lock that was found again counts until it is stored again.
const GRACE: Duration = Duration::from_secs(30);
/// How long it may take to give a lock back: the user may wait for the end.
const GIVEN_BACK: Duration = Duration::from_secs(5);
/// The same where the time that there was is over.
const IN_A_HURRY: Duration = Duration::from_secs(2);

/// A lock that is on the remote, and stored again every minute while it lives.
pub(super) struct Held {
    pub(super) record: Arc<Stored>,
    thread: Option<JoinHandle<()>>,
}

/// The record of a lock.
pub(super) struct Stored {
    store: Store,
    /// From the top of the bucket.
    pub(super) place: String,
    pub(super) text: Vec<u8>,
    pub(super) beat: Beat,
}

impl Held {
    pub(super) fn store(
        store: &Store,
        name: &str,
        text: Vec<u8>,
    ) -> std::result::Result<Self, Failure> {
        let place = format!("{RECORDS}/{DIR}/{name}");
        let record = Arc::new(Stored { store: store.clone(), place, text, beat: Beat::default() });
        record.write(&mut Unwatched)?;
        let again = Arc::clone(&record);
        let thread = thread::Builder::new().name("lock".to_owned()).spawn(move || {
            while again.beat.wait() {
                // What fails is tried again; until then nothing is changed on the remote.
                if let Ok(false) = again.renew(&mut Needed(&again.beat)) {
                    lose_lease();
                    break;
                }
            }
        });
        let mut held = Held { record, thread: None };
        match thread {
            Ok(thread) => held.thread = Some(thread),
            Err(error) => return Err(Failure::other(&error.to_string())),
        }
        Ok(held)
    }
}

impl Stored {
    fn write(&self, watch: &mut dyn Watch) -> std::result::Result<(), Failure> {
        let record = (self.place.clone(), self.text.clone());
        metadata_store::write(&self.store, record, false, watch)?;
        self.beat.stored();
        lease(SystemTime::now() + DOUBTFUL);
        Ok(())
    }

    /// Whether it is on the remote.
    pub(super) fn is_there(&self, watch: &mut dyn Watch) -> std::result::Result<bool, Failure> {
        let look = self.store.look(&[Bytes(self.place.clone().into_bytes())], watch)?;
        Ok(!look.is_empty() && look.iter().all(|shown| shown.failure.is_none()))
    }

    /// Stores it again. False if it may be another machine's turn: this one slept, or was
    /// offline, for so long that it was taken for one that is gone.
    pub(super) fn renew(&self, watch: &mut dyn Watch) -> std::result::Result<bool, Failure> {
        if self.beat.since_stored() >= DOUBTFUL {
            if !self.is_there(watch)? {
                return Ok(false);
            }
            // For the record itself.
            lease(SystemTime::now() + GRACE);
        }
        self.write(watch).map(|()| true)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.record.beat.end();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        end_lease();
        let time = if interrupt::time_is_up() { IN_A_HURRY } else { GIVEN_BACK };
        // What stays goes stale, and this machine's next run removes it.
        let _ = self.record.store.remove(
            &[Bytes(self.record.place.clone().into_bytes())],
            &mut Tidying::for_at_most(time),
        );
    }
}

/// Calls a refresh off that nobody needs any more.
struct Needed<'a>(&'a Beat);

impl Watch for Needed<'_> {
    fn is_over(&self) -> bool {
        *self.0.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a lock was stored last, and whether it is still needed.
pub(super) struct Beat {
    ended: Mutex<bool>,
    wake: Condvar,
    /// One stops while the machine sleeps, the other may be set.
    pub(super) last: Mutex<(Instant, SystemTime)>,
}

impl Default for Beat {
    fn default() -> Self {
        let last = Mutex::new((Instant::now(), SystemTime::now()));
        Beat { ended: Mutex::new(false), wake: Condvar::new(), last }
    }
}

impl Beat {
    /// Waits until it is to be stored again; false if it is not needed any more.
    fn wait(&self) -> bool {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // Short: the time of a wait stands still while the machine sleeps.
            (ended, _) = self
                .wake
                .wait_timeout_while(ended, TICK, |ended| !*ended)
                .unwrap_or_else(PoisonError::into_inner);
            if *ended || self.since_stored() >= REFRESH {
                return !*ended;
            }
        }
    }

    fn end(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_all();
    }

    pub(super) fn stored(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) =
            (Instant::now(), SystemTime::now());
    }

    pub(super) fn since_stored(&self) -> Duration {
        let (instant, time) = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back says nothing.
        instant.elapsed().max(time.elapsed().unwrap_or_default())
    }
}

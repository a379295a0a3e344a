//! A lock while it is held.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use super::DIR;
use crate::storage::failure::Failure;
use crate::storage::job::{Tidying, Unwatched, Watch};
use crate::storage::store::{Bytes, Store};
use crate::tree::objects::RECORDS;
use crate::tree::records;

/// How often a lock is stored again.
const REFRESH: Duration = Duration::from_mins(1);
/// How long it may take to give a lock back: the user may wait for the end.
const GIVEN_BACK: Duration = Duration::from_secs(5);

/// A lock that is on the remote, and stored again every minute while it lives.
pub(super) struct Held {
    store: Store,
    /// From the top of the bucket.
    pub(super) place: String,
    pub(super) text: Vec<u8>,
    pub(super) beat: Arc<Beat>,
    thread: Option<JoinHandle<()>>,
}

impl Held {
    pub(super) fn store(
        store: &Store,
        name: &str,
        text: Vec<u8>,
    ) -> std::result::Result<Self, Failure> {
        let place = format!("{RECORDS}/{DIR}/{name}");
        records::write(store, (place.clone(), text.clone()), false, &mut Unwatched)?;
        let beat = Arc::new(Beat::default());
        let (again, to, at) = (Arc::clone(&beat), store.clone(), place.clone());
        let again_text = text.clone();
        let thread = thread::Builder::new().name("lock".to_owned()).spawn(move || {
            while again.wait() {
                let record = (at.clone(), again_text.clone());
                if records::write(&to, record, false, &mut Needed(&again)).is_ok() {
                    again.stored();
                }
            }
        });
        let mut held = Held { store: store.clone(), place, text, beat, thread: None };
        match thread {
            Ok(thread) => held.thread = Some(thread),
            Err(error) => return Err(Failure::other(&error.to_string())),
        }
        Ok(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.beat.end();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        // What stays goes stale, and this machine's next run removes it.
        let _ = self.store.remove(
            &[Bytes(self.place.clone().into_bytes())],
            &mut Tidying::for_at_most(GIVEN_BACK),
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
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let (ended, _) = self
            .wake
            .wait_timeout_while(ended, REFRESH, |ended| !*ended)
            .unwrap_or_else(PoisonError::into_inner);
        !*ended
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

//! Reading ahead: the entries of a snapshot are unpacked by one thread while another looks at
//! those that came before. Of a million, unpacking takes most of a second.

use std::iter;
use std::sync::mpsc;
use std::thread;

use crate::tree::manifest::Damaged;

/// So many come together.
const TOGETHER: usize = 1024;

/// Or fewer, if they take so many bytes: an entry may have attributes of megabytes.
const LARGEST: usize = 1 << 20;

/// The same, in blocks from another thread; `size` is how many bytes one takes.
pub(super) fn ahead<T: Send + 'static>(
    mut all: impl Iterator<Item = Result<T, Damaged>> + Send + 'static,
    size: impl Fn(&T) -> usize + Send + 'static,
) -> impl Iterator<Item = Result<T, Damaged>> {
    let (sender, blocks) = mpsc::sync_channel(0);
    let reading = move || {
        let mut is_last = false;
        loop {
            let (mut block, mut bytes) = (Vec::new(), 0);
            while !is_last && block.len() < TOGETHER && bytes < LARGEST {
                match all.next() {
                    Some(next) => {
                        bytes += next.as_ref().map_or(0, &size);
                        block.push(next);
                    }
                    None => is_last = true,
                }
            }
            // Nobody wants the rest.
            if sender.send((block, is_last)).is_err() || is_last {
                return;
            }
        }
    };
    let mut is_over = false;
    let mut block = Vec::new().into_iter();
    // Without a thread nothing comes, and that is an error below.
    let _ = thread::Builder::new().spawn(reading);
    iter::from_fn(move || {
        loop {
            if let Some(entry) = block.next() {
                return Some(entry);
            }
            if is_over {
                return None;
            }
            let ended = |_| (vec![Err(Damaged::Unreadable("a thread ended".to_owned()))], true);
            let (next, is_last) = blocks.recv().unwrap_or_else(ended);
            (block, is_over) = (next.into_iter(), is_last);
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn all_comes_in_order_whatever_its_number() {
        for count in [0, 1, TOGETHER - 1, TOGETHER, TOGETHER + 1, 5 * TOGETHER] {
            let read: Result<Vec<usize>, _> = ahead((0..count).map(Ok), |_| 1).collect();
            assert_eq!(read.unwrap(), (0..count).collect::<Vec<_>>());
        }
        let mut some = ahead((0..).map(Ok), |_| 1);
        assert!(matches!(some.next(), Some(Ok(0))));
    }

    #[test]
    fn what_is_large_comes_alone() {
        let read = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&read);
        let all = (0..100).map(move |number| Ok(seen.fetch_max(number, Ordering::Relaxed)));
        let mut some = ahead(all, |_| LARGEST);
        some.next();
        thread::sleep(Duration::from_millis(50));
        // One is in hand, and one waits to be taken.
        assert!(read.load(Ordering::Relaxed) <= 2);
        assert_eq!(some.count(), 99);
    }

    #[test]
    fn an_end_that_is_none_is_an_error() {
        let all = (0..3 * TOGETHER).map(|number| match number {
            number if number < 2 * TOGETHER => Ok(number),
            _ => panic!("it was to be seen"),
        });
        let read: Result<Vec<usize>, _> = ahead(all, |_| 1).collect();
        assert!(matches!(read, Err(Damaged::Unreadable(_))));
    }
}

//! Finds the processes that hold a text, and has them let go of it.

use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::HOLD;

/// Asks the processes that hold a text for a poof of this home directory to let go of
/// it, and waits until they have, for a second at most.
pub fn let_go(home: &Path) {
    let is_one = |pid: &i32| arguments(*pid).is_some_and(|words| is_holder(&words, home));
    let holders: Vec<_> = processes().into_iter().filter(is_one).collect();
    for pid in holders.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        // One of another user's is not for this one to end.
        let _ = kill_process(pid, Signal::TERM);
    }
    for _ in 0..50 {
        if !holders.iter().any(is_one) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process that was called with these words holds a text for a poof of this home
/// directory.
fn is_holder(words: &[Vec<u8>], home: &Path) -> bool {
    matches!(words, [_, hold, of] if hold == HOLD.as_bytes() && of == home.as_os_str().as_encoded_bytes())
}

#[cfg(target_os = "macos")]
use crate::host::macos::processes::{all as processes, arguments};

#[cfg(not(target_os = "macos"))]
fn processes() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// What a process was called with. None: it is gone.
#[cfg(not(target_os = "macos"))]
fn arguments(pid: i32) -> Option<Vec<Vec<u8>>> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words = line.strip_suffix(b"\0")?.split(|byte| *byte == 0);
    Some(words.map(<[u8]>::to_vec).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_known_by_what_it_was_called_with() {
        let is = |words: &[&str], home: &str| {
            let words: Vec<_> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
            is_holder(&words, Path::new(home))
        };
        assert!(is(&["/usr/bin/poof", HOLD, "/home/joe"], "/home/joe"));
        assert!(is(&["poof", HOLD, "/Users/a b"], "/Users/a b"));
        for other in [
            &["poof", HOLD, "/home/jane"][..],
            &["poof", HOLD],
            &["poof", HOLD, "/home/joe", "more"],
            &["poof", "backup", HOLD, "/home/joe"],
            &["grep", "-r", HOLD],
            &[],
        ] {
            assert!(!is(other, "/home/joe"), "{other:?}");
        }
    }

    #[test]
    fn this_process_is_found_with_its_arguments() {
        let me = i32::try_from(std::process::id()).unwrap();
        assert!(processes().contains(&me));
        let program = std::env::args_os().next().unwrap();
        assert_eq!(arguments(me).unwrap()[0], program.as_encoded_bytes());
    }
}

//! What the allocator keeps of memory that poof has no more use for. GNU's keeps nearly all:
//! for how long, nobody can say.

/// From so many bytes on, what is allocated comes from the system and goes back to it. GNU's
/// allocator begins there with more, and with ever more each time that such a piece is freed
/// (mallopt(3), `M_MMAP_THRESHOLD`). A value of an extended attribute may have 64 KiB.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: i32 = 32 << 10;

/// Lets what is large go back to the system as soon as it is freed.
pub fn give_back_what_is_large() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it sets a number of the allocator, and refuses one that cannot be.
    let _ = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE) };
}

/// Gives back to the system what was freed until now, however small its pieces were.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it gives back whole pages of which nothing is in use.
    let _ = unsafe { libc::malloc_trim(0) };
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    /// What is free and yet kept, in MiB.
    fn kept() -> usize {
        // SAFETY: it counts, and gives numbers back.
        unsafe { libc::mallinfo2() }.fordblks >> 20
    }

    // Of a first backup of a million files each eighth left 18 MiB in another thread's share.
    #[test]
    fn what_threads_had_in_large_pieces_goes_back_to_the_system() {
        const THREADS: usize = 8;
        give_back_what_is_large();
        // What is freed here would raise the limit that is not set.
        drop(vec![1_u8; 30 << 20]);
        let (used, seen) = (Barrier::new(THREADS + 1), Barrier::new(THREADS + 1));
        let kept = thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    drop(vec![1_u8; 20 << 20]);
                    used.wait();
                    seen.wait();
                });
            }
            used.wait();
            let kept = kept();
            seen.wait();
            kept
        });
        assert!(kept < 80, "{kept} MiB");
    }
}

//! The processes of the system and what they were called with; Linux has /proc for that.

#[cfg(target_os = "macos")]
use std::ptr;

/// The ids of all processes.
#[cfg(target_os = "macos")]
pub fn all() -> Vec<i32> {
    // SAFETY: without a buffer it only says how many there are.
    let many = unsafe { libc::proc_listallpids(ptr::null_mut(), 0) };
    // More may have been started since.
    let mut pids = vec![0_i32; usize::try_from(many).unwrap_or(0) * 2 + 64];
    let size = libc::c_int::try_from(size_of_val(&*pids)).unwrap_or(0);
    // SAFETY: the buffer is of that size and outlives the call, which keeps nothing.
    let found = unsafe { libc::proc_listallpids(pids.as_mut_ptr().cast(), size) };
    pids.truncate(usize::try_from(found).unwrap_or(0));
    pids
}

/// What a process was called with. None: it is gone, or another user's.
#[cfg(target_os = "macos")]
pub fn arguments(pid: i32) -> Option<Vec<Vec<u8>>> {
    let mut name = [libc::CTL_KERN, libc::KERN_PROCARGS2, pid];
    let mut ask = |buffer: *mut libc::c_void, size: &mut usize| {
        // SAFETY: the name has three parts; the buffer is of that size, or null, for which
        // the size alone is told; all outlive the call, which keeps nothing.
        unsafe { libc::sysctl(name.as_mut_ptr(), 3, buffer, size, ptr::null_mut(), 0) == 0 }
    };
    let mut size = 0;
    ask(ptr::null_mut(), &mut size).then_some(())?;
    let mut block = vec![0; size];
    ask(block.as_mut_ptr().cast(), &mut size).then_some(())?;
    block.truncate(size);
    arguments_in(&block)
}

/// The arguments in what sysctl(3) has for `KERN_PROCARGS2`: how many there are (an int of
/// this processor), the path of the program, NULs up to the next word of the processor, the
/// arguments, the environment (`sysctl_procargsx` in `bsd/kern/kern_sysctl.c` of xnu; ps(1)
/// reads it so).
fn arguments_in(block: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (many, rest) = block.split_first_chunk()?;
    let many = usize::try_from(i32::from_ne_bytes(*many)).ok()?;
    let path = rest.iter().position(|byte| *byte == 0)?;
    let padding = rest[path..].iter().position(|byte| *byte != 0)?;
    let words: Vec<_> = rest[path + padding..].split(|byte| *byte == 0).collect();
    // What is cut is not known.
    (words.len() > many).then(|| words[..many].iter().map(|word| word.to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(many: i32, rest: &str) -> Vec<u8> {
        [&many.to_ne_bytes()[..], rest.as_bytes()].concat()
    }

    #[test]
    fn arguments_are_told_from_the_program_and_from_the_environment() {
        let of = |many, rest: &str| {
            let words = arguments_in(&block(many, rest))?;
            Some(words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect())
        };
        let words =
            |words: &[&str]| Some(words.iter().map(ToString::to_string).collect::<Vec<_>>());
        let path = "/usr/local/bin/poof\0\0\0\0\0";
        assert_eq!(
            of(2, &format!("{path}poof\0backup\0HOME=/Users/joe\0")),
            words(&["poof", "backup"])
        );
        assert_eq!(of(3, &format!("{path}poof\0\0a b\0PATH=/bin\0")), words(&["poof", "", "a b"]));
        assert_eq!(of(1, "/bin/sh\0sh\0"), words(&["sh"]));
        assert_eq!(of(0, "/bin/sh\0\0A=1\0"), words(&[]));
    }

    #[test]
    fn whatever_else_there_is_has_no_arguments() {
        for odd in [
            Vec::new(),
            vec![1, 0, 0],
            block(1, ""),
            block(1, "/bin/sh"),
            block(1, "/bin/sh\0\0\0"),
            block(-1, "/bin/sh\0sh\0"),
            block(2, "/bin/sh\0sh\0"),
            block(i32::MAX, "/bin/sh\0sh\0"),
        ] {
            assert_eq!(arguments_in(&odd), None, "{odd:?}");
        }
    }
}

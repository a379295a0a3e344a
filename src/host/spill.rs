//! What would take too much memory is put on the disk for as long as a run lasts. It is
//! encrypted with a key that is in memory alone, in a file without a name: however the run
//! ends, nobody can read it afterwards.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use zeroize::Zeroizing;

use crate::base::random;

/// Bytes on the disk that this process alone can read.
pub struct Spill {
    file: File,
    cipher: ChaCha20Poly1305,
    end: AtomicU64,
}

/// Where some of them are.
#[derive(Clone, Copy, Debug)]
pub struct Spilt {
    at: u64,
    len: u32,
}

impl Spill {
    /// # Errors
    /// The file cannot be made, or the system has no random numbers.
    pub fn below(dir: &Path) -> io::Result<Self> {
        let mut key = Zeroizing::new([0; 32]);
        random::fill(&mut *key)?;
        let cipher = ChaCha20Poly1305::new((&*key).into());
        Ok(Spill { file: tempfile::tempfile_in(dir)?, cipher, end: AtomicU64::new(0) })
    }

    /// # Errors
    /// There is no space, or the disk fails.
    pub fn put(&self, bytes: &[u8]) -> io::Result<Spilt> {
        // No two are at one place: each has a nonce of its own.
        let len = u32::try_from(bytes.len()).map_err(io::Error::other)? + TAG;
        let at = self.end.fetch_add(len.into(), Ordering::Relaxed);
        let sealed = self.cipher.encrypt(&nonce(at), bytes).map_err(|_| broken())?;
        self.file.write_all_at(&sealed, at)?;
        Ok(Spilt { at, len })
    }

    /// # Errors
    /// The disk fails, or does not give back what was put there.
    pub fn get(&self, Spilt { at, len }: Spilt) -> io::Result<Vec<u8>> {
        let mut sealed = vec![0; len as usize];
        self.file.read_exact_at(&mut sealed, at)?;
        self.cipher.decrypt(&nonce(at), &sealed[..]).map_err(|_| broken())
    }
}

/// What encrypting adds, in bytes.
const TAG: u32 = 16;

fn nonce(at: u64) -> Nonce {
    let mut nonce = Nonce::default();
    nonce[..8].copy_from_slice(&at.to_le_bytes());
    nonce
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the disk does not give back what was written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_there_comes_back_and_is_in_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let spill = Spill::below(dir.path()).unwrap();
        let texts: Vec<Vec<u8>> = (0..100).map(|n| format!("name {n}").into_bytes()).collect();
        let places: Vec<Spilt> = texts.iter().map(|text| spill.put(text).unwrap()).collect();
        for (text, place) in texts.iter().zip(&places) {
            assert_eq!(spill.get(*place).unwrap(), *text);
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let mut raw = vec![0; usize::try_from(spill.file.metadata().unwrap().len()).unwrap()];
        spill.file.read_exact_at(&mut raw, 0).unwrap();
        assert!(!raw.windows(4).any(|window| window == b"name"));
    }

    #[test]
    fn what_the_disk_has_changed_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let spill = Spill::below(dir.path()).unwrap();
        let (one, other) = (spill.put(b"one").unwrap(), spill.put(b"two").unwrap());
        spill.file.write_all_at(b"x", one.at).unwrap();
        assert!(spill.get(one).is_err());
        assert_eq!(spill.get(other).unwrap(), b"two");
        spill.file.set_len(other.at).unwrap();
        assert!(spill.get(other).is_err());
    }
}

//! Random bytes, never the same.

use std::io;

use blake3::{Hasher, OutputReader};

use crate::base::random;

pub struct Noise {
    from: OutputReader,
    bytes: Vec<u8>,
}

impl Noise {
    /// # Errors
    /// The system has no random numbers.
    pub fn new() -> io::Result<Self> {
        let mut key = [0; 32];
        random::fill(&mut key)?;
        Ok(Noise { from: Hasher::new_keyed(&key).finalize_xof(), bytes: Vec::new() })
    }

    /// The next `len` of them.
    pub fn next(&mut self, len: usize) -> &[u8] {
        self.bytes.resize(len, 0);
        self.from.fill(&mut self.bytes);
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_pieces_are_the_same() {
        let mut noise = Noise::new().unwrap();
        let first = noise.next(100).to_vec();
        assert_ne!(first, noise.next(100));
        assert_eq!(noise.next(7).len(), 7);
    }
}

//! How much of a file system stays free while the rest is filled, so that nobody else's write
//! fails.

/// What is free, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub size: u64,
    /// For everybody.
    pub available: u64,
    /// With what is kept for root alone.
    pub free: u64,
}

/// At least and at most so much stays free, in bytes; else a hundredth.
const LEAST: u64 = 16 << 20;
const MOST: u64 = 2 << 30;

/// So much is to stay free.
pub fn reserve(room: Room) -> u64 {
    (room.size / 100).clamp(LEAST, MOST).min(room.available / 2)
}

/// So many files hold what was free.
const PIECES: u64 = 300;
const SMALLEST: u64 = 1 << 20;

/// Bytes of each of these files: one is given back at once.
pub fn piece(room: Room) -> u64 {
    (room.available / PIECES).max(SMALLEST)
}

/// Bytes to give back, since others have taken from the reserve.
pub fn to_give_back(reserve: u64, available: u64) -> u64 {
    if available >= reserve / 4 * 3 { 0 } else { reserve - available }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(size: u64, available: u64) -> Room {
        Room { size, available, free: available }
    }

    #[test]
    fn a_hundredth_stays_free_and_never_less_than_others_need_at_once() {
        assert_eq!(reserve(room(100 << 30, 50 << 30)), 1 << 30);
        assert_eq!(reserve(room(64 << 20, 50 << 20)), 16 << 20);
        assert_eq!(reserve(room(64 << 20, 10 << 20)), 5 << 20);
        assert_eq!(reserve(room(16 << 40, 8 << 40)), 2 << 30);
        assert_eq!(reserve(room(0, 0)), 0);
    }

    #[test]
    fn what_others_take_is_given_back() {
        assert_eq!(to_give_back(16, 16), 0);
        assert_eq!(to_give_back(16, 12), 0);
        assert_eq!(to_give_back(16, 11), 5);
        assert_eq!(to_give_back(16, 0), 16);
        assert_eq!(to_give_back(0, 0), 0);
    }

    #[test]
    fn a_piece_is_small_enough_to_give_and_large_enough_to_have_few() {
        assert_eq!(piece(room(1 << 40, 300 << 30)), 1 << 30);
        assert_eq!(piece(room(64 << 20, 50 << 20)), 1 << 20);
    }
}

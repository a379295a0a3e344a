//! Paths of a tree that stay as they are, with all below them: found in the time that
//! a path takes, however many they are.

use std::collections::HashSet;

/// Some paths that stay.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    paths: HashSet<Vec<u8>>,
    /// The directories that they are in.
    above: HashSet<Vec<u8>>,
}

impl Kept {
    pub fn add(&mut self, path: &[u8]) {
        if self.paths.insert(path.to_vec()) {
            for dir in above(path) {
                if !self.above.insert(dir.to_vec()) {
                    // And so are those above it.
                    break;
                }
            }
        }
    }

    /// Whether a path stays.
    pub fn holds(&self, path: &[u8]) -> bool {
        !self.paths.is_empty()
            && (self.paths.contains(path) || above(path).any(|dir| self.paths.contains(dir)))
    }

    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The paths themselves.
    pub fn paths(&self) -> impl Iterator<Item = &[u8]> {
        self.paths.iter().map(Vec::as_slice)
    }

    /// Whether something that stays is below a directory.
    pub fn is_below(&self, dir: &[u8]) -> bool {
        self.above.contains(dir)
    }
}

impl<'a> FromIterator<&'a [u8]> for Kept {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(paths: I) -> Self {
        let mut kept = Kept::default();
        for path in paths {
            kept.add(path);
        }
        kept
    }
}

/// The directories above a path, the innermost first; the root is the empty one.
pub fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = (!path.is_empty()).then_some(path);
    std::iter::from_fn(move || {
        let path = rest?;
        let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        rest = (end > 0).then(|| &path[..end]);
        Some(&path[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_is_found_from_above_and_below() {
        let kept: Kept = [&b"a/b/c"[..], b"a/x", b"d"].into_iter().collect();
        for (path, holds, is_below) in [
            ("", false, true),
            ("a", false, true),
            ("a/b", false, true),
            ("a/b/c", true, false),
            ("a/b/c/d/e", true, false),
            ("a/b/cc", false, false),
            ("a/x/y", true, false),
            ("d", true, false),
            ("dd", false, false),
            ("e/d", false, false),
        ] {
            let found = (kept.holds(path.as_bytes()), kept.is_below(path.as_bytes()));
            assert_eq!(found, (holds, is_below), "{path}");
        }
        // The root itself.
        let all: Kept = [&b""[..]].into_iter().collect();
        assert!(all.holds(b"") && all.holds(b"a/b") && !all.is_below(b"a"));
        assert!(!Kept::default().holds(b"a") && !Kept::default().is_below(b""));
    }
}

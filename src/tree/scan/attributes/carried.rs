//! What a snapshot keeps of an entry although it is not on this disk.

use super::read::{flags_of, is_foreign, with_flags, with_unread};
use crate::host::flags;
use crate::tree::model::entry::{Attributes, Entry};

/// Gives `seen`, which is what the snapshot has as `old`, those attributes of it that
/// nobody can have taken away here: what only another system can have, and the locks
/// that this process could not set, as long as nothing has been done to the file since.
pub fn carry_over(seen: &mut Entry, old: &Entry) {
    if old.attributes.xattrs.is_empty() {
        return;
    }
    let untouched = old.local.is_some() && old.local == seen.local;
    let lacks = if untouched {
        flags_of(&old.attributes) & !flags_of(&seen.attributes) & !flags::settable()
    } else {
        0
    };
    carry(&mut seen.attributes, &old.attributes, lacks);
}

/// `lacks` are flags of this system.
fn carry(seen: &mut Attributes, old: &Attributes, lacks: u32) {
    let flags = flags_of(seen) | lacks;
    let mut foreign = old.clone();
    foreign.xattrs.retain(|(name, _)| is_foreign(name));
    let mut xattrs = std::mem::take(&mut seen.xattrs);
    xattrs.retain(|(name, _)| name != flags::HERE.attribute);
    seen.xattrs = with_flags(with_unread(xattrs, &foreign), flags);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(names: &[(&[u8], &str)]) -> Attributes {
        let xattrs = names.iter().map(|(name, value)| (name.to_vec(), (*value).into())).collect();
        Attributes { xattrs, ..Attributes::default() }
    }

    #[test]
    fn what_only_another_system_has_stays_in_the_snapshot_and_nothing_else() {
        let (here, lock, other) = if flags::ON_MACOS {
            ("poof.flags", "uchg", ("poof.linux-flags", "immutable"))
        } else {
            ("poof.linux-flags", "immutable", ("poof.flags", "uchg,hidden"))
        };
        let old = attributes(&[
            (here.as_bytes(), lock),
            (other.0.as_bytes(), other.1),
            (b"user.taken-away", "x"),
        ]);
        let mut seen = attributes(&[(b"user.kept", "y")]);
        carry(&mut seen, &old, 0);
        let mut expected = attributes(&[(other.0.as_bytes(), other.1), (b"user.kept", "y")]);
        assert_eq!(seen, expected);
        // A lock that could not be set.
        carry(&mut seen, &old, flags::HERE.read(lock.as_bytes()));
        expected.xattrs.push((here.into(), lock.into()));
        expected.xattrs.sort();
        assert_eq!(seen, expected);
        carry(&mut seen, &old, 0);
        assert_eq!(seen, expected, "once more is nothing more");
    }
}

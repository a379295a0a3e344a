//! Names of objects, evenly spread over a tree.

use crate::base::error::Result;
use crate::tree::model::entry::Entry;
use crate::tree::model::layout::Names;
use crate::tree::model::path::{Below, ObjectName};

/// At most twice as many are kept.
const ENOUGH: usize = 32;

/// Every n-th object of those that were seen.
#[derive(Default)]
pub struct Marks {
    names: Vec<ObjectName>,
    seen: usize,
    /// One in so many is kept.
    step: usize,
}

impl Marks {
    /// # Errors
    /// As [`Names::object`].
    pub fn see(&mut self, entry: &Entry) -> Result<()> {
        if !entry.is_object() || entry.is_odd() {
            return Ok(());
        }
        self.step = self.step.max(64);
        self.seen += 1;
        if self.seen.is_multiple_of(self.step) {
            self.names.push(Names::object(entry)?);
        }
        if self.names.len() == 2 * ENOUGH {
            // Each second one, and from now on half as many.
            let mut keep = false;
            self.names.retain(|_| {
                keep = !keep;
                !keep
            });
            self.step *= 2;
        }
        Ok(())
    }

    /// Names end with a NUL, which none holds.
    pub fn into_bytes(self) -> Vec<u8> {
        self.names.iter().flat_map(|name| name.as_bytes().iter().copied().chain([0])).collect()
    }

    pub fn read(bytes: &[u8]) -> Vec<Vec<u8>> {
        let names = bytes.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        names.take(2 * ENOUGH).map(<[u8]>::to_vec).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::model::entry::{Attributes, EntryKind, FileData};

    #[test]
    fn marks_are_few_and_evenly_spread() {
        let mut marks = Marks::default();
        for number in 0..100_000 {
            let data = FileData { size: 0, content: None, sparse: false };
            let entry = Entry {
                path: format!("{number:06}").into_bytes(),
                kind: EntryKind::File(data),
                attributes: Attributes::default(),
                hard_link: None,
                stored: None,
                local: None,
            };
            marks.see(&entry).unwrap();
        }
        let names = Marks::read(&marks.into_bytes());
        assert!((ENOUGH..=2 * ENOUGH).contains(&names.len()), "{}", names.len());
        let number = |name: &Vec<u8>| std::str::from_utf8(name).unwrap().parse::<u32>().unwrap();
        let gaps = names.windows(2).map(|pair| number(&pair[1]) - number(&pair[0]));
        assert_eq!(gaps.collect::<std::collections::BTreeSet<_>>().len(), 1);
    }
}

//! Who owns what on this machine: numbers are those of the machine that made the
//! snapshot; names are what people mean.

use std::collections::{BTreeMap, HashMap};

use crate::host::owners;
use crate::tree::manifest::Owners;
use crate::tree::model::entry::Entry;

/// The numbers that are others here.
#[derive(Debug, Default)]
pub struct Mapping {
    users: HashMap<u32, u32>,
    groups: HashMap<u32, u32>,
}

impl Mapping {
    /// By the names that this system knows.
    pub fn new(names: &Owners) -> Self {
        Mapping {
            users: others(&names.users, owners::user_named),
            groups: others(&names.groups, owners::group_named),
        }
    }

    pub fn apply(&self, mut entry: Entry) -> Entry {
        let Entry { attributes, .. } = &mut entry;
        attributes.uid = *self.users.get(&attributes.uid).unwrap_or(&attributes.uid);
        attributes.gid = *self.groups.get(&attributes.gid).unwrap_or(&attributes.gid);
        entry
    }
}

/// A name that is unknown here stays the number that it was.
fn others(
    names: &BTreeMap<u32, String>,
    number: impl Fn(&str) -> Option<u32>,
) -> HashMap<u32, u32> {
    let known = names.iter().filter(|(_, name)| !name.is_empty());
    known.filter_map(|(id, name)| Some((*id, number(name)?))).filter(|(a, b)| a != b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_more_than_its_number() {
        let names = BTreeMap::from([(7, "here"), (8, "away"), (9, "same"), (10, "")]);
        let names = names.into_iter().map(|(id, name)| (id, name.to_owned())).collect();
        let here =
            |name: &str| [("here", 1007), ("same", 9)].iter().find(|p| p.0 == name).map(|p| p.1);
        assert_eq!(others(&names, here), HashMap::from([(7, 1007)]));
    }
}

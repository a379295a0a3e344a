//! Many names in little memory: each without the beginning that it shares with the one before
//! (front coding, as the tables of `LevelDB` have it). In the order of a walk that is most of a name.

/// Each name after so many is whole, so that it can be found without those before it.
const WHOLE: usize = 16;

/// Names in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub struct NameList {
    /// Of each how much it shares with the one before, and the rest.
    packed: Vec<u8>,
    /// Where those begin that are whole.
    whole: Vec<usize>,
    len: usize,
    last: Vec<u8>,
}

impl NameList {
    pub fn push(&mut self, name: &[u8]) {
        let is_whole = self.len.is_multiple_of(WHOLE);
        let shared = if is_whole { 0 } else { shared(&self.last, name) };
        if is_whole {
            self.whole.push(self.packed.len());
        }
        // Writing to memory cannot fail.
        let packed = std::mem::take(&mut self.packed);
        self.packed = postcard::to_extend(&(shared, &name[shared..]), packed).unwrap_or_default();
        self.last.truncate(shared);
        self.last.extend_from_slice(&name[shared..]);
        self.len += 1;
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn shrink_to_fit(&mut self) {
        self.packed.shrink_to_fit();
        self.whole.shrink_to_fit();
    }

    /// All names.
    pub fn iter(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        let mut names = Reader { rest: &self.packed, name: Vec::new() };
        std::iter::from_fn(move || names.next().map(<[u8]>::to_vec))
    }

    /// Tells each name with its number.
    pub fn each(&self, mut tell: impl FnMut(usize, &[u8])) {
        let (mut names, mut number) = (Reader { rest: &self.packed, name: Vec::new() }, 0..);
        while let (Some(name), Some(number)) = (names.next(), number.next()) {
            tell(number, name);
        }
    }

    /// Where names equal to this are, if all are in the order of their bytes.
    pub fn find(&self, name: &[u8]) -> std::ops::Range<usize> {
        let first = |at: &usize| Reader { rest: &self.packed[*at..], name: Vec::new() };
        let is_before = |at: &usize| first(at).next().is_some_and(|first| first < name);
        // Equal ones may begin in the block before the first that is not less.
        let block = self.whole.partition_point(is_before).saturating_sub(1);
        let Some(at) = self.whole.get(block) else { return 0..0 };
        let (mut names, mut from) = (first(at), block * WHOLE);
        let mut to = loop {
            match names.next() {
                Some(next) if next < name => from += 1,
                Some(next) if next == name => break from + 1,
                _ => return from..from,
            }
        };
        while names.next().is_some_and(|next| next == name) {
            to += 1;
        }
        from..to
    }
}

/// Reads names one after the other, of which the first is whole.
struct Reader<'a> {
    rest: &'a [u8],
    name: Vec<u8>,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<&[u8]> {
        let ((shared, suffix), rest): ((usize, &[u8]), _) =
            postcard::take_from_bytes(self.rest).ok()?;
        self.rest = rest;
        self.name.truncate(shared);
        self.name.extend_from_slice(suffix);
        Some(&self.name)
    }
}

/// How many bytes two names begin with in common.
fn shared(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list<'a>(names: impl IntoIterator<Item = &'a [u8]>) -> NameList {
        let mut list = NameList::default();
        names.into_iter().for_each(|name| list.push(name));
        list
    }

    #[test]
    fn names_come_out_as_they_went_in_whatever_their_order() {
        let long = vec![b'n'; 70_000];
        let odd: [&[u8]; 6] = [b"b/x", b"", b"a", b"a/\xff\n", b"a", &long];
        let names: Vec<&[u8]> = odd.iter().copied().cycle().take(100).collect();
        let list = list(names.iter().copied());
        assert!(list.iter().eq(names.iter().map(|name| name.to_vec())));
        let mut told = Vec::new();
        list.each(|number, name| told.push((number, name.to_vec())));
        assert!(
            told.iter().enumerate().all(|(at, (number, name))| *number == at && name == names[at])
        );
    }

    #[test]
    fn each_is_found_also_those_that_are_there_more_than_once() {
        let names: Vec<String> =
            (0..500).map(|number| format!("{:03}/name", number / 3 * 2)).collect();
        let list = list(names.iter().map(String::as_bytes));
        for number in 0..340 {
            let name = format!("{number:03}/name");
            let first = names.partition_point(|other| *other < name);
            let same = names[first..].iter().take_while(|other| **other == name).count();
            let found = list.find(name.as_bytes());
            assert_eq!(
                (found.len(), found.is_empty() || found.start == first),
                (same, true),
                "{name}"
            );
        }
        assert!(list.find(b"").is_empty() && list.find(b"zzz").is_empty());
        assert!(NameList::default().find(b"a").is_empty());
    }

    #[test]
    fn names_of_a_walk_take_less_than_half_of_their_bytes() {
        let names: Vec<String> = (0..5000)
            .map(|number| format!("directory-{:03}/document-{number:06}.txt", number / 100))
            .collect();
        let list = list(names.iter().map(String::as_bytes));
        let bytes: usize = names.iter().map(String::len).sum();
        assert!(list.packed.len() + 8 * list.whole.len() < bytes / 2, "{}", list.packed.len());
    }
}

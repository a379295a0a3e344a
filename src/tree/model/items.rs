//! The files of a plan, kept small: a first backup has as many as the tree.

use std::marker::PhantomData;

use super::name_list::NameList;
use super::path::Below;

/// A file in a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<N> {
    pub path: N,
    /// In bytes.
    pub size: u64,
}

/// Files, in the order in which they were added.
#[derive(Clone, Debug)]
pub struct Items<N> {
    names: NameList,
    sizes: Vec<u64>,
    of: PhantomData<N>,
}

impl<N> Default for Items<N> {
    fn default() -> Self {
        Items { names: NameList::default(), sizes: Vec::new(), of: PhantomData }
    }
}

impl<N: Below> Items<N> {
    pub fn push(&mut self, item: &Item<N>) {
        self.add(item.path.as_bytes(), item.size);
    }

    /// The same, of the bytes of its path.
    pub fn add(&mut self, path: &[u8], size: u64) {
        self.names.push(path);
        self.sizes.push(size);
    }

    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// In bytes, of all.
    pub fn bytes(&self) -> u64 {
        self.sizes.iter().copied().fold(0, u64::saturating_add)
    }

    pub fn iter(&self) -> impl Iterator<Item = Item<N>> + '_ {
        let sizes = self.sizes.iter();
        self.names.iter().zip(sizes).map(|(name, size)| Item { path: N::of(&name), size: *size })
    }

    /// Tells the path and the size of each.
    pub fn each(&self, mut tell: impl FnMut(&[u8], u64)) {
        self.names.each(|number, name| tell(name, self.sizes[number]));
    }

    pub fn retain(&mut self, mut stays: impl FnMut(&Item<N>) -> bool) {
        *self = self.iter().filter(|item| stays(item)).collect();
    }

    pub fn shrink_to_fit(&mut self) {
        self.names.shrink_to_fit();
        self.sizes.shrink_to_fit();
    }
}

impl<N: Below> FromIterator<Item<N>> for Items<N> {
    fn from_iter<I: IntoIterator<Item = Item<N>>>(items: I) -> Self {
        let mut all = Items::default();
        items.into_iter().for_each(|item| all.push(&item));
        all
    }
}

#[cfg(test)]
impl<N: Below> PartialEq for Items<N> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

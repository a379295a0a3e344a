//! A list of paths of a tree, in its cache: like that it has names of files, and is wiped with
//! them.

use std::fs;
use std::path::{Path, PathBuf};

use super::model::path_set::Kept;
use crate::base::error::{Error, Result};
use crate::base::files::is_absent;
use crate::host::erase;

pub struct PathNote {
    path: PathBuf,
}

impl PathNote {
    pub fn of(cache: &Path, name: &str) -> Self {
        PathNote { path: cache.join(name) }
    }

    /// The paths; None: there is no list.
    ///
    /// # Errors
    /// The list is there and cannot be read.
    pub fn read(&self) -> Result<Option<Kept>> {
        match fs::read(&self.path) {
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Error::io("read", &self.path, &error)),
            Ok(bytes) => {
                let paths = bytes.split(|byte| *byte == 0).filter(|path| !path.is_empty());
                Ok(Some(paths.collect()))
            }
        }
    }

    /// The same; without a list there are none.
    ///
    /// # Errors
    /// As [`PathNote::read`].
    pub fn all(&self) -> Result<Kept> {
        Ok(self.read()?.unwrap_or_default())
    }

    /// Puts these paths in the place of what is noted. Without any, there is no list.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn replace<'a>(&self, paths: impl Iterator<Item = &'a [u8]>) -> Result<()> {
        let mut paths = paths.peekable();
        if paths.peek().is_none() { self.forget() } else { self.write(paths) }
    }

    /// Puts these paths in the place of what is noted, also if there are none.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn write<'a>(&self, paths: impl Iterator<Item = &'a [u8]>) -> Result<()> {
        erase::rewrite(&self.path, &paths.collect::<Vec<_>>().join(&0))
    }

    /// Wipes the list, if there is one.
    ///
    /// # Errors
    /// It cannot be wiped.
    pub fn forget(&self) -> Result<()> {
        erase::if_there(&self.path).map_err(|error| Error::io("wipe", &self.path, &error))
    }
}

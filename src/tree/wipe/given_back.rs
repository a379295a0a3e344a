//! What a wipe that was killed has moved to the stage, and had not looked at: a new version
//! of a file goes back to its place before anything else is done there.

use std::collections::{HashMap, HashSet};

use super::aside::{PutBack, put_back};
use crate::base::error::{Error, Kind, Result};
use crate::tree::model::entry::Entry;
use crate::tree::scan::moved::{self, Foreign, Numbered, is_home};
use crate::tree::scan::root::Root;
use crate::tree::scan::staging;
use crate::tree::scan::walk::STAGE;
use crate::tree::snapshot::Snapshot;

/// Something that is back.
pub struct GivenBack {
    /// Where it is now.
    pub path: Vec<u8>,
    pub why: String,
}

/// Puts back what is in the stage of a tree and was not to be removed; `snapshot` knows the
/// names. What cannot go back stays there.
///
/// # Errors
/// The stage or the snapshot cannot be read.
pub fn given_back(root: &Root, snapshot: Option<&Snapshot>) -> Result<Vec<GivenBack>> {
    let fail = |error| Error::io("look into the stage of", root.path(), &error);
    let fail = |error| fail(error).with_kind(Kind::Incomplete);
    let Some(stage) = staging::left(root.handle()).map_err(fail)? else { return Ok(Vec::new()) };
    let foreign = moved::foreign(&stage).map_err(fail)?;
    let mut names = HashMap::new();
    if let Some(snapshot) = snapshot {
        let head = head_of(snapshot);
        let own = foreign.iter().filter_map(|foreign| foreign.moved?.entry);
        let own: HashSet<u64> =
            own.filter(|entry| entry.head == head).map(|entry| entry.number).collect();
        if !own.is_empty() {
            for (number, entry) in (0..).zip(snapshot.entries()?) {
                let Entry { path, .. } = entry?;
                if own.contains(&number) {
                    names.insert(number, path);
                }
            }
        }
    }
    let head = snapshot.map(head_of);
    let back = foreign.into_iter().map(|Foreign { name, moved }| {
        let entry = moved.and_then(|moved| moved.entry);
        let entry = entry.filter(|Numbered { head: of, .. }| head == Some(*of));
        let own = entry.and_then(|entry| names.get(&entry.number));
        // Who has put another directory there does not get anything into that.
        let home = own.and_then(|path| root.parent(path).ok());
        let home = home.filter(|(dir, _)| moved.is_some_and(|m| is_home(&m, dir).unwrap_or(false)));
        let reopened = home.as_ref().map(|(dir, name)| (dir, name.as_c_str()));
        let place = put_back(&stage, &name, reopened, root.handle());
        told(&name.to_string_lossy(), own.map(Vec::as_slice), place)
    });
    Ok(back.collect())
}

/// What tells a snapshot from others, in the names in the stage.
pub fn head_of(snapshot: &Snapshot) -> u64 {
    let (_, head) = snapshot.id();
    head.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

fn told(staged: &str, own: Option<&[u8]>, place: Option<PutBack>) -> GivenBack {
    const SINCE: &str = "a wipe that was killed had moved it, and it is not what was proven";
    let beside = |name: String| match own.and_then(|own| own.iter().rposition(|b| *b == b'/')) {
        Some(at) => [&own.unwrap_or_default()[..=at], name.as_bytes()].concat(),
        None => name.into_bytes(),
    };
    match (place, own) {
        (Some(PutBack::Own), Some(own)) => {
            GivenBack { path: own.to_vec(), why: format!("{SINCE}: it is back") }
        }
        (Some(PutBack::Beside(name)), Some(own)) => {
            let of = String::from_utf8_lossy(own).into_owned();
            let why = format!("{SINCE}; it was {of}, where something else is now");
            GivenBack { path: beside(name), why }
        }
        (Some(PutBack::Own), None) => GivenBack { path: STAGE.into(), why: SINCE.to_owned() },
        (Some(PutBack::Beside(name) | PutBack::Top(name)), _) => {
            GivenBack { path: name.into_bytes(), why: format!("{SINCE}; it came from {STAGE}") }
        }
        (None, _) => GivenBack {
            path: format!("{STAGE}/{staged}").into_bytes(),
            why: format!("{SINCE}, and it cannot go back; move it from there"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::aside::Aside;
    use super::*;
    use crate::host::erase::FillPattern;
    use crate::tree::scan::staging::{Stage, clear};
    use rustix::fs::{AtFlags, Stat, statat};
    use std::ffi::CStr;
    use std::fs::{self, File};
    use std::mem;
    use std::os::fd::OwnedFd;

    fn stat(dir: &OwnedFd, name: &CStr) -> Stat {
        statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).unwrap()
    }

    /// Kills a wipe once it has moved `name`, which is an entry of the first snapshot, and
    /// before it looks at it.
    fn killed(handle: &OwnedFd, name: &CStr, file: &Stat, entry: Option<Numbered>) {
        let aside = Aside::make(handle, &FillPattern::new().unwrap()).unwrap();
        assert!(aside.take(handle, name, file, entry).unwrap().is_some());
        mem::forget(aside);
    }

    #[test]
    fn what_was_moved_and_not_looked_at_is_there_after_a_kill() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let handle = OwnedFd::from(File::open(root.path()).unwrap());
        let noise = FillPattern::new().unwrap();
        for name in ["proven", "new"] {
            fs::write(at(name), name).unwrap();
        }
        let proven = stat(&handle, c"proven");
        // An editor saves.
        fs::rename(at("new"), at("proven")).unwrap();
        killed(&handle, c"proven", &proven, None);
        // No run removes it by itself, in whatever way it begins.
        assert!(Aside::make(&handle, &noise).is_err() && Stage::make(&handle).is_err());
        assert!(clear(&handle, Some(&noise)).is_err());
        let back = given_back(&Root::open(root.path()).unwrap(), None).unwrap();
        assert_eq!((back.len(), back[0].path.as_slice()), (1, &b"poof-kept-1"[..]));
        assert_eq!(fs::read(at("poof-kept-1")).unwrap(), b"new");
        assert!(given_back(&Root::open(root.path()).unwrap(), None).unwrap().is_empty());
        // And what is proven goes.
        let proven = stat(&handle, c"poof-kept-1");
        killed(&handle, c"poof-kept-1", &proven, None);
        assert!(given_back(&Root::open(root.path()).unwrap(), None).unwrap().is_empty());
        assert!(!Aside::make(&handle, &noise).unwrap().finish() && !at(STAGE).exists());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
}

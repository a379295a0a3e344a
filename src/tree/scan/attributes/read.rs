//! Reads extended attributes.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::Stat;
use rustix::io::Errno;

use crate::base::shown::name_of;
use crate::base::units::bytes;
use crate::host::created::{self, Created};
use crate::host::itself::Itself;
use crate::host::macos::xattrs;
use crate::host::{disk, flags, handle};
use crate::tree::model::entry::{Attributes, MOST_ATTRIBUTE_BYTES as MOST, MOST_ATTRIBUTES};

pub use crate::tree::model::entry::Xattrs;

/// Extended attributes that the system makes by itself, and those that say
/// something of this machine alone.
const NOT_OURS: [&[u8]; 3] = [b"security.selinux", b"security.ima", b"security.evm"];

/// Extended attributes as they were read.
pub struct Found {
    pub xattrs: Xattrs,
    /// Why these are not all.
    pub lacks: Option<String>,
}

/// The extended attributes of an open file or directory.
///
/// # Errors
/// They cannot be read.
pub fn of_handle(handle: &OwnedFd) -> io::Result<Found> {
    read(&Of::Handle(handle))
}

/// Those of what was opened for itself.
///
/// # Errors
/// They cannot be read.
pub fn of_itself(here: &Itself) -> io::Result<Found> {
    read(&Of::Itself(here))
}

/// Those of a name in a directory, of which `stat` is known; a link is not followed.
///
/// # Errors
/// They cannot be read.
pub fn of_name(dir: &OwnedFd, name: &CStr, stat: &Stat) -> io::Result<Found> {
    if let Some(handle) = disk::for_attributes(dir, name, stat)? {
        return of_handle(&handle);
    }
    read(&Of::Name(&beside(dir, name)?))
}

/// A path to `name` through the handle of its directory.
fn beside(dir: &OwnedFd, name: &CStr) -> io::Result<CString> {
    let mut path = handle::path_of(dir)?.into_bytes();
    path.push(b'/');
    path.extend_from_slice(name.to_bytes());
    Ok(CString::new(path)?)
}

/// `xattrs` with the flags of a file, as a manifest has them.
pub fn with_flags(mut xattrs: Xattrs, flags: u32) -> Xattrs {
    if let Some(text) = flags::HERE.written(flags) {
        insert(&mut xattrs, (flags::HERE.attribute.to_vec(), text.into_bytes()));
    }
    xattrs
}

/// `xattrs` with when a file was made, as a manifest has it.
pub fn with_created(mut xattrs: Xattrs, created: Option<Created>) -> Xattrs {
    if let Some(created) = created {
        insert(&mut xattrs, (created::ATTRIBUTE.to_vec(), created::written(created).into_bytes()));
    }
    xattrs
}

/// When it was made, among some attributes, if this system can set it.
pub fn created_of(attributes: &Attributes) -> Option<Created> {
    let found = attributes.xattrs.iter().find(|(name, _)| name == created::ATTRIBUTE);
    found.and_then(|(_, text)| created::settable(text))
}

/// Whether two have the same but for when something was made.
pub fn same_but_for_created(a: &Xattrs, b: &Xattrs) -> bool {
    let rest = |(name, _): &&(Vec<u8>, Vec<u8>)| name != created::ATTRIBUTE;
    a.iter().filter(rest).eq(b.iter().filter(rest))
}

/// `seen` as a snapshot has it that knows of nothing when it was made, if `old` does not: a
/// backup that saves that for the first time reports no change.
pub fn as_known(mut seen: Attributes, old: &Attributes) -> Attributes {
    let is_it = |(name, _): &(Vec<u8>, Vec<u8>)| name == created::ATTRIBUTE;
    if !old.xattrs.iter().any(is_it) {
        seen.xattrs.retain(|pair| !is_it(pair));
    }
    seen
}

/// Whether an attribute of this name is in manifests only.
pub fn is_in_no_disk(name: &[u8]) -> bool {
    name == created::ATTRIBUTE || flags::is_flags(name)
}

/// `xattrs` that were read here, with what `known` has besides and this system has among
/// no attributes of a disk: the flags, when it was made, and what only another system can have.
pub fn with_unread(mut xattrs: Xattrs, known: &Attributes) -> Xattrs {
    let is_unread = |name: &[u8]| is_in_no_disk(name) || is_foreign(name);
    for pair in known.xattrs.iter().filter(|(name, _)| is_unread(name)) {
        insert(&mut xattrs, pair.clone());
    }
    xattrs
}

fn insert(xattrs: &mut Xattrs, pair: (Vec<u8>, Vec<u8>)) {
    let at = xattrs.partition_point(|(name, _)| *name < pair.0);
    if xattrs.get(at).is_none_or(|(name, _)| *name != pair.0) {
        xattrs.insert(at, pair);
    }
}

/// The flags of this system among some attributes.
pub fn flags_of(attributes: &Attributes) -> u32 {
    let found = attributes.xattrs.iter().find(|(name, _)| name == flags::HERE.attribute);
    found.map_or(0, |(_, text)| flags::HERE.read(text))
}

/// Whether only another system can have an attribute of this name.
pub fn is_foreign(name: &[u8]) -> bool {
    name != flags::HERE.attribute
        && (flags::is_flags(name) || !xattrs::can_be(flags::ON_MACOS, name))
}

fn is_kept(name: &[u8]) -> bool {
    !name.is_empty()
        && !NOT_OURS.contains(&name)
        && !xattrs::is_systems(name)
        && !is_in_no_disk(name)
}

/// Whose attributes are read.
enum Of<'a> {
    Handle(&'a OwnedFd),
    Itself(&'a Itself),
    /// A path. A link at its end is not followed.
    Name(&'a CStr),
}

impl Of<'_> {
    fn list(&self, names: &mut [u8]) -> Result<usize, Errno> {
        match self {
            Of::Handle(handle) => rustix::fs::flistxattr(handle, names),
            Of::Itself(here) => here.list_xattrs(names),
            Of::Name(path) => rustix::fs::llistxattr(*path, names),
        }
    }

    fn size(&self, name: &CStr) -> Result<usize, Errno> {
        match self {
            Of::Handle(handle) => rustix::fs::fgetxattr_query(handle, name),
            Of::Itself(here) => here.xattr_size(name),
            Of::Name(path) => rustix::fs::lgetxattr_query(*path, name),
        }
    }

    fn get(&self, name: &CStr, value: &mut [u8]) -> Result<usize, Errno> {
        match self {
            Of::Handle(handle) => rustix::fs::fgetxattr(handle, name, value),
            Of::Itself(here) => here.xattr(name, value),
            Of::Name(path) => rustix::fs::lgetxattr(*path, name, value),
        }
    }
}

fn read(of: &Of) -> io::Result<Found> {
    let mut names = vec![0; 1024];
    let size = loop {
        match of.list(&mut names) {
            Ok(size) => break size,
            Err(Errno::RANGE) => names.resize(names.len() * 4, 0),
            Err(Errno::NOTSUP | Errno::ACCESS | Errno::PERM) => break 0,
            Err(error) => return Err(error.into()),
        }
    };
    let (mut xattrs, mut lacks, mut room) = (Vec::new(), None, MOST);
    for name in names[..size].split(|byte| *byte == 0).filter(|name| is_kept(name)) {
        match value(of, &CString::new(name)?, room.saturating_sub(name.len()))? {
            Value::Here(_) if xattrs.len() + 1 >= MOST_ATTRIBUTES => {
                lacks = Some(format!("it has more than {MOST_ATTRIBUTES} attributes"));
                break;
            }
            Value::Here(value) => {
                room = room.saturating_sub(name.len() + value.len());
                xattrs.push((name.to_vec(), value));
            }
            Value::TooLarge => {
                let (name, most) = (name_of(name), bytes(MOST as u64));
                lacks = Some(format!("its attribute {name} is too large: all are {most} at most"));
            }
            Value::None => {}
        }
    }
    xattrs.sort_unstable();
    Ok(Found { xattrs, lacks })
}

enum Value {
    Here(Vec<u8>),
    TooLarge,
    /// It is gone since, or not for this user to see.
    None,
}

/// The value of an attribute, of `most` bytes.
fn value(of: &Of, name: &CStr, most: usize) -> io::Result<Value> {
    match whole(|| of.size(name), |value| of.get(name, value), most) {
        Ok(value) => Ok(value),
        Err(xattrs::ABSENT | Errno::NOTSUP | Errno::ACCESS | Errno::PERM) => Ok(Value::None),
        Err(error) => Err(error.into()),
    }
}

/// All of a value. It is asked for its size first: of a resource fork that has less room
/// than it takes, macOS gives the beginning and says nothing.
fn whole(
    mut size: impl FnMut() -> Result<usize, Errno>,
    mut get: impl FnMut(&mut [u8]) -> Result<usize, Errno>,
    most: usize,
) -> Result<Value, Errno> {
    /// So often it may grow meanwhile; a file system can also say what is not so.
    const ATTEMPTS: usize = 16;
    for _ in 0..ATTEMPTS {
        let size = size()?;
        if size > most {
            return Ok(Value::TooLarge);
        }
        let mut value = vec![0; size + 1];
        match get(&mut value) {
            Ok(found) if found <= size => {
                value.truncate(found);
                return Ok(Value::Here(value));
            }
            Ok(_) | Err(Errno::RANGE) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Errno::RANGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::XattrFlags;
    use std::cell::Cell;
    use std::os::unix::ffi::OsStrExt;

    fn xattr(name: &str, value: &[u8]) -> (Vec<u8>, Vec<u8>) {
        (name.as_bytes().to_vec(), value.to_vec())
    }

    // As macOS reads a resource fork: as much as there is room for, without a word.
    #[test]
    fn an_attribute_is_read_to_its_end_and_not_beyond_what_is_wanted() {
        let of = |sizes: [usize; 2], grown: usize, most: usize| {
            let said = Cell::new(0);
            let size = || {
                said.set(said.get() + 1);
                Ok(if said.get() == 1 { sizes[0] } else { grown })
            };
            let get = |value: &mut [u8]| {
                let size = if said.get() == 1 { sizes[1] } else { grown };
                value.iter_mut().take(size).for_each(|byte| *byte = 7);
                Ok(size.min(value.len()))
            };
            match whole(size, get, most) {
                Ok(Value::Here(value)) => Some(value),
                _ => None,
            }
        };
        for size in [0, 1, 4096, 4097, 5000, 1 << 20] {
            assert_eq!(of([size, size], 0, 1 << 20), Some(vec![7; size]), "{size}");
            assert_eq!(of([size + 1, size + 1], 0, size), None, "{size}");
        }
        assert_eq!(of([5000, 3000], 0, 1 << 20), Some(vec![7; 3000]), "it shrinks meanwhile");
        assert_eq!(of([3000, 5000], 5000, 1 << 20), Some(vec![7; 5000]), "it grows");
        assert_eq!(of([3000, 5000], 5000, 4000), None, "it grows too much");
        let liar = whole(|| Ok(0), |value| Ok(value.len()), 100);
        assert!(matches!(liar, Err(Errno::RANGE)), "it never ends");
    }

    #[test]
    fn flags_stand_among_the_attributes_and_are_found_again() {
        let xattrs = vec![xattr("com.apple.FinderInfo", b"x"), xattr("user.a", b"y")];
        assert_eq!(with_flags(xattrs.clone(), 0), xattrs);
        // On both systems two flags that are kept.
        let with = with_flags(xattrs.clone(), flags::HERE.kept());
        let text = flags::HERE.written(flags::HERE.kept()).unwrap();
        assert_eq!(with[1].1, text.into_bytes());
        assert!(with.is_sorted());
        let with = Attributes { xattrs: with, ..Attributes::default() };
        assert_eq!(flags_of(&with), flags::HERE.kept());
        assert_eq!(flags_of(&Attributes::default()), 0);
        for system in [&flags::LINUX, &flags::MACOS] {
            assert!(!is_kept(system.attribute), "no disk has it");
        }
        assert!(!is_kept(created::ATTRIBUTE), "no disk has it");
    }

    #[test]
    fn when_it_was_made_stands_among_the_attributes() {
        let xattrs = vec![xattr("com.apple.FinderInfo", b"x"), xattr("user.a", b"y")];
        assert_eq!(with_created(xattrs.clone(), None), xattrs);
        let with = with_created(xattrs, Some((5, 7)));
        assert_eq!(with[1], xattr("poof.created", b"5.000000007"));
        let of = |xattrs| created_of(&Attributes { xattrs, ..Attributes::default() });
        // Elsewhere nobody can set it: it is an attribute of another system.
        assert_eq!(of(with), flags::ON_MACOS.then_some((5, 7)));
        assert_eq!(is_foreign(created::ATTRIBUTE), !flags::ON_MACOS);
        assert_eq!(of(vec![xattr("poof.created", b"of the future")]), None);
    }

    #[test]
    fn what_a_snapshot_does_not_know_of_the_making_is_no_news() {
        let of = |xattrs: &[&str]| Attributes {
            xattrs: xattrs.iter().map(|name| xattr(name, b"x")).collect(),
            ..Attributes::default()
        };
        let (bare, with) = (of(&["user.a"]), of(&["poof.created", "user.a"]));
        assert_eq!(as_known(with.clone(), &bare), bare);
        assert_eq!(as_known(with.clone(), &with), with);
        assert_eq!(as_known(bare.clone(), &with), bare);
        let other = of(&["user.b"]);
        assert_ne!(as_known(with.clone(), &other), other);
        assert!(same_but_for_created(&with.xattrs, &bare.xattrs));
        assert!(!same_but_for_created(&with.xattrs, &other.xattrs));
    }

    #[test]
    fn what_is_not_read_of_a_disk_is_what_was_known() {
        let of = |names: &[&str]| Attributes {
            xattrs: names.iter().map(|name| xattr(name, b"known")).collect(),
            ..Attributes::default()
        };
        let known =
            of(&["other.system", "poof.created", "poof.flags", "poof.linux-flags", "user.gone"]);
        let read = with_unread(vec![xattr("user.a", b"read")], &known);
        let names: Vec<_> = read.iter().map(|(name, _)| String::from_utf8_lossy(name)).collect();
        if flags::ON_MACOS {
            assert_eq!(names, ["poof.created", "poof.flags", "poof.linux-flags", "user.a"]);
        } else {
            let known = ["other.system", "poof.created", "poof.flags", "poof.linux-flags"];
            assert_eq!(names[..4], known);
            assert_eq!(names[4..], ["user.a"]);
        }
        // What is known twice is there once.
        assert_eq!(with_unread(read.clone(), &known), read);
    }

    #[test]
    fn flags_of_another_system_are_none_here() {
        let other = if flags::ON_MACOS { &flags::LINUX } else { &flags::MACOS };
        let text = other.written(other.kept()).unwrap().into_bytes();
        let xattrs = vec![(other.attribute.to_vec(), text)];
        assert_eq!(flags_of(&Attributes { xattrs, ..Attributes::default() }), 0);
        assert!(is_foreign(other.attribute) && !is_foreign(flags::HERE.attribute));
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = CString::new(dir.path().as_os_str().as_bytes()).unwrap();
        let name = CString::new("user.large").unwrap();
        if rustix::fs::lsetxattr(&path, &name, &[7; 3000], XattrFlags::empty()).is_err() {
            return;
        }
        for (most, fits) in [(2999, false), (0, false), (3000, true), (1 << 20, true)] {
            match value(&Of::Name(&path), &name, most).unwrap() {
                Value::Here(value) => assert!(fits && value == [7; 3000], "{most}"),
                Value::TooLarge => assert!(!fits, "{most}"),
                Value::None => panic!("{most}: it is there"),
            }
        }
    }
}

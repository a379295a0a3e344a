//! Whether nobody but root and this user can change what a path leads to: the file, the
//! directories above it, and the links on the way.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::fstat;

use super::access_list::{self, Named};
use super::owners::{self, Group, User};
use super::stat::kind_and_permissions;
use crate::base::files::is_absent;
use crate::base::shown::quoted;

/// As many links as the kernel follows.
const LINKS: usize = 40;

/// Something on the way that somebody else can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weak {
    pub path: PathBuf,
    fault: Fault,
    is_dir: bool,
    /// Whether this user may mend it.
    is_ours: bool,
}

/// Why that is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It belongs to somebody else.
    Owner(u32),
    Everybody,
    Group(u32),
    /// Its access control list lets somebody write.
    List,
}

/// Who may change things.
struct Us {
    uid: u32,
    /// Who owns `/` can replace everything, this program included. That is root, or whom
    /// root is called in a user namespace.
    top: u32,
}

/// What is found at one place of the way.
struct Seen {
    uid: u32,
    gid: u32,
    mode: u32,
    /// User or group, number and bits of each who is named in the access control list.
    list: Vec<(Named, u32)>,
}

const WRITE: u32 = 0o2;
const LINK: u32 = 0o120_000;
const DIRECTORY: u32 = 0o040_000;
const KIND: u32 = 0o170_000;
const STICKY: u32 = 0o1000;

impl Us {
    fn here() -> io::Result<Self> {
        let top = fs::symlink_metadata("/")?.uid();
        Ok(Us { uid: rustix::process::geteuid().as_raw(), top })
    }

    fn are(&self, uid: u32) -> bool {
        uid == 0 || uid == self.uid || uid == self.top
    }
}

/// What lets somebody else change it. `is_private` says whether a group is one of us alone.
fn fault(seen: &Seen, us: &Us, is_private: &dyn Fn(u32) -> bool) -> Option<Fault> {
    let kind = seen.mode & KIND;
    if !us.are(seen.uid) {
        return Some(Fault::Owner(seen.uid));
    }
    // Nobody writes to a link; in a sticky directory an entry is its owner's, and each
    // entry of the way is looked at.
    if kind == LINK || kind == DIRECTORY && seen.mode & STICKY != 0 {
        return None;
    }
    if seen.mode & WRITE != 0 {
        return Some(Fault::Everybody);
    }
    // With a list these are the most that it grants.
    if seen.mode >> 3 & WRITE == 0 {
        return None;
    }
    let is_foreign = |named: &Named| match *named {
        Named::User(uid) => !us.are(uid),
        Named::Group(gid) => !is_private(gid),
    };
    if seen.list.is_empty() {
        return (!is_private(seen.gid)).then_some(Fault::Group(seen.gid));
    }
    let writes = |(named, bits): &(Named, u32)| bits & WRITE != 0 && is_foreign(named);
    seen.list.iter().any(writes).then_some(Fault::List)
}

/// Whether a group is that of one user alone, as Debian and Red Hat give each their own
/// (and a umask of 002, which counts on it). `sharing`: somebody else has it as well.
fn is_private(group: &Group, user: &User, sharing: bool) -> bool {
    let named_alike = group.name == user.name || user.uid == 0 && group.gid == 0;
    let nobody_else = group.members.iter().all(|member| *member == user.name);
    user.gid == group.gid && named_alike && nobody_else && !sharing
}

/// Whether nobody is in a group of the system's: as Debian's `staff`, whose /usr/local is.
fn is_empty(group: &Group, sharing: bool) -> bool {
    const OF_USERS: u32 = 1000;
    group.gid < OF_USERS && group.members.is_empty() && !sharing
}

fn is_ours_alone(gid: u32, us: &Us) -> bool {
    if owners::group_of(gid).is_some_and(|group| is_empty(&group, owners::is_shared(gid, ""))) {
        return true;
    }
    [us.uid, 0].into_iter().any(|uid| {
        let known = owners::group_of(gid).zip(owners::user_of(uid));
        known.is_some_and(|(group, user)| {
            is_private(&group, &user, owners::is_shared(gid, &user.name))
        })
    })
}

/// The first thing on the way to `path` that somebody else can change, or the file
/// itself. What does not exist is looked at as far as it does.
///
/// # Errors
/// Something on the way cannot be looked at.
pub fn weak(path: &Path) -> io::Result<Option<Weak>> {
    let us = Us::here()?;
    let absolute = std::path::absolute(path)?;
    let mut open: VecDeque<OsString> = parts(&absolute);
    let mut at = PathBuf::from("/");
    let mut links = 0;
    if let Some(weak) = judge(&at, &fs::symlink_metadata(&at)?, &us) {
        return Ok(Some(weak));
    }
    while let Some(part) = open.pop_front() {
        if part == ".." {
            at.pop();
            continue;
        }
        let next = at.join(&part);
        let found = match fs::symlink_metadata(&next) {
            Err(error) if is_absent(&error) => return Ok(None),
            other => other?,
        };
        if let Some(weak) = judge(&next, &found, &us) {
            return Ok(Some(weak));
        }
        if !found.is_symlink() {
            at = next;
            continue;
        }
        links += 1;
        if links > LINKS {
            return Err(io::Error::from_raw_os_error(rustix::io::Errno::LOOP.raw_os_error()));
        }
        let target = fs::read_link(&next)?;
        if target.is_absolute() {
            at = PathBuf::from("/");
        }
        for part in parts(&target).into_iter().rev() {
            open.push_front(part);
        }
    }
    Ok(None)
}

/// What somebody may do in a directory of which it is asked whether it is closed to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Put something in the place of what root or this user has there: a sticky bit
    /// keeps others from that.
    Replace,
    /// Put something new there.
    Add,
}

/// Whether nobody but root and this user has that reach in an open directory.
///
/// # Errors
/// The system does not tell.
pub fn is_closed(dir: impl AsFd, reach: Reach) -> io::Result<bool> {
    let stat = fstat(&dir)?;
    let by_handle = format!("/proc/self/fd/{}", dir.as_fd().as_raw_fd());
    let list = access_list::of(Path::new(&by_handle));
    let seen = Seen { uid: stat.st_uid, gid: stat.st_gid, mode: kind_and_permissions(&stat), list };
    closed(seen, reach)
}

/// The same of a directory by its path.
///
/// # Errors
/// As [`is_closed`].
pub fn is_closed_at(path: &Path, reach: Reach) -> io::Result<bool> {
    let found = fs::symlink_metadata(path)?;
    let list = access_list::of(path);
    let seen = Seen { uid: found.uid(), gid: found.gid(), mode: found.mode(), list };
    closed(seen, reach)
}

fn closed(seen: Seen, reach: Reach) -> io::Result<bool> {
    let us = Us::here()?;
    Ok(lets_in(seen, reach, &us, &|gid| is_ours_alone(gid, &us)).is_none())
}

fn lets_in(
    mut seen: Seen,
    reach: Reach,
    us: &Us,
    is_private: &dyn Fn(u32) -> bool,
) -> Option<Fault> {
    if reach == Reach::Add {
        seen.mode &= !STICKY;
    }
    fault(&seen, us, is_private)
}

/// Whether a user is root or this one.
///
/// # Errors
/// The system does not tell.
pub fn is_one_of_us(uid: u32) -> io::Result<bool> {
    Ok(Us::here()?.are(uid))
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}

fn judge(path: &Path, found: &Metadata, us: &Us) -> Option<Weak> {
    let list = if found.is_symlink() { Vec::new() } else { access_list::of(path) };
    let seen = Seen { uid: found.uid(), gid: found.gid(), mode: found.mode(), list };
    let fault = fault(&seen, us, &|gid| is_ours_alone(gid, us))?;
    let is_ours = us.uid == 0 || us.uid == found.uid();
    Some(Weak { path: path.to_path_buf(), fault, is_dir: found.is_dir(), is_ours })
}

impl Weak {
    /// For people: who can change it.
    pub fn told(&self) -> String {
        match self.fault {
            Fault::Owner(uid) => format!("belongs to {}", owners::told(uid)),
            Fault::Everybody => "can be written by others".to_owned(),
            Fault::Group(gid) => {
                format!("can be written by others, the group {}", owners::group_told(gid))
            }
            Fault::List => "can be written by others, whom its access list names".to_owned(),
        }
    }

    /// The command that mends it.
    pub fn remedy(&self) -> String {
        let path = quoted(&self.path);
        let sudo = if self.is_ours { "" } else { "sudo " };
        match self.fault {
            Fault::Owner(_) => {
                let me = rustix::process::geteuid().as_raw();
                let sudo = if me == 0 { "" } else { "sudo " };
                format!("{sudo}chown -h {} {path}", owners::told(me))
            }
            Fault::List => format!("{sudo}setfacl -b {path}"),
            Fault::Everybody | Fault::Group(_) if self.is_dir => {
                format!("{sudo}chmod go-w {path}")
            }
            Fault::Everybody | Fault::Group(_) => format!("{sudo}chmod 600 {path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const ME: Us = Us { uid: 1000, top: 0 };
    const OTHER: u32 = 1001;

    #[test]
    fn a_table_of_what_others_can_change() {
        let dir = DIRECTORY;
        let file = 0o100_000;
        for (what, uid, gid, mode, wanted) in [
            ("a private file", 1000, 1000, file | 0o600, None),
            ("one of root's", 0, 0, file | 0o644, None),
            ("one of somebody else's", OTHER, OTHER, file | 0o600, Some(Fault::Owner(OTHER))),
            ("one for everybody", 1000, 1000, file | 0o666, Some(Fault::Everybody)),
            ("one of the own group, umask 002", 1000, 1000, file | 0o664, None),
            ("one of a group of several", 1000, 100, file | 0o660, Some(Fault::Group(100))),
            ("one that such a group reads", 1000, 100, file | 0o640, None),
            ("a home directory, umask 002", 1000, 1000, dir | 0o775, None),
            ("one of a group of several", 1000, 100, dir | 0o770, Some(Fault::Group(100))),
            ("/home", 0, 0, dir | 0o755, None),
            ("/usr/local of Debian", 0, 50, dir | 0o2775, Some(Fault::Group(50))),
            ("/tmp", 0, 0, dir | 0o1777, None),
            ("a /tmp that is not sticky", 0, 0, dir | 0o777, Some(Fault::Everybody)),
            ("a sticky one of somebody else's", OTHER, 0, dir | 0o1777, Some(Fault::Owner(OTHER))),
            ("the bit on a file means nothing", 1000, 0, file | 0o1666, Some(Fault::Everybody)),
            ("a link", 1000, 100, LINK | 0o777, None),
            ("a link of somebody else's", OTHER, 100, LINK | 0o777, Some(Fault::Owner(OTHER))),
        ] {
            let seen = Seen { uid, gid, mode, list: Vec::new() };
            assert_eq!(fault(&seen, &ME, &|gid| gid == 1000), wanted, "{what}");
        }
    }

    #[test]
    fn a_table_of_directories_in_which_others_replace_or_add() {
        for (what, uid, gid, mode, replace, add) in [
            ("a private one", 1000, 1000, 0o755, false, false),
            ("of the own group", 1000, 1000, 0o775, false, false),
            ("of a group of several", 1000, 50, 0o775, true, true),
            ("one of root's", 0, 0, 0o755, false, false),
            ("/tmp", 0, 0, 0o1777, false, true),
            ("a /tmp that is not sticky", 0, 0, 0o777, true, true),
            ("a neighbour's", OTHER, OTHER, 0o755, true, true),
            ("a neighbour's that is sticky", OTHER, OTHER, 0o1777, true, true),
        ] {
            let mode = DIRECTORY | mode;
            let is = |reach| {
                let seen = Seen { uid, gid, mode, list: Vec::new() };
                lets_in(seen, reach, &ME, &|gid| gid == 1000).is_some()
            };
            assert_eq!((is(Reach::Replace), is(Reach::Add)), (replace, add), "{what}");
        }
        // To root a user's directory is a neighbour's.
        let root = Us { uid: 0, top: 0 };
        let seen = Seen { uid: 1000, gid: 1000, mode: DIRECTORY | 0o700, list: Vec::new() };
        assert!(lets_in(seen, Reach::Replace, &root, &|_| true).is_some());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_access_control_list_opens_a_directory_of_the_own_group() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
        let open = fs::File::open(dir.path()).unwrap();
        assert!(is_closed(&open, Reach::Replace).unwrap());
        // user::rwx, user:1001:rwx, group::r-x, mask::rwx, other::---
        let none = u32::MAX;
        let mut list = 2_u32.to_le_bytes().to_vec();
        for (tag, bits, id) in
            [(1_u16, 7_u16, none), (2, 7, OTHER), (4, 5, none), (16, 7, none), (32, 0, none)]
        {
            list.extend([tag.to_le_bytes(), bits.to_le_bytes()].concat());
            list.extend(id.to_le_bytes());
        }
        let name = "system.posix_acl_access";
        let flags = rustix::fs::XattrFlags::empty();
        match rustix::fs::setxattr(dir.path(), name, &list, flags) {
            Err(rustix::io::Errno::OPNOTSUPP) => return,
            done => done.unwrap(),
        }
        assert!(!is_closed(&open, Reach::Replace).unwrap());
        assert!(!is_closed_at(dir.path(), Reach::Add).unwrap());
    }

    #[test]
    fn a_table_of_access_control_lists() {
        let own = |bits| (Named::Group(1000), bits);
        for (what, mode, list, wanted) in [
            ("somebody reads", 0o670, vec![own(4), (Named::User(OTHER), 4)], None),
            ("somebody writes", 0o670, vec![own(4), (Named::User(OTHER), 6)], Some(Fault::List)),
            ("the mask forbids it", 0o650, vec![own(4), (Named::User(OTHER), 6)], None),
            ("it is this user", 0o670, vec![own(4), (Named::User(1000), 6)], None),
            ("a group writes", 0o670, vec![own(4), (Named::Group(100), 6)], Some(Fault::List)),
        ] {
            let seen = Seen { uid: 1000, gid: 1000, mode: DIRECTORY | mode, list };
            assert_eq!(fault(&seen, &ME, &|gid| gid == 1000), wanted, "{what}");
        }
    }

    #[test]
    fn a_table_of_private_groups() {
        let user = |uid, name: &str, gid| User { uid, name: name.to_owned(), gid };
        let group = |gid, name: &str, members: &[&str]| Group {
            gid,
            name: name.to_owned(),
            members: members.iter().map(ToString::to_string).collect(),
        };
        let joe = user(1000, "joe", 1000);
        for (what, group, user, sharing, wanted) in [
            ("as Debian makes it", group(1000, "joe", &[]), &joe, false, true),
            ("joe is named in it", group(1000, "joe", &["joe"]), &joe, false, true),
            ("ann as well", group(1000, "joe", &["joe", "ann"]), &joe, false, false),
            ("ann alone", group(1000, "joe", &["ann"]), &joe, false, false),
            ("it is the first group of ann as well", group(1000, "joe", &[]), &joe, true, false),
            ("another name", group(1000, "users", &[]), &joe, false, false),
            ("not the first group of joe", group(100, "joe", &[]), &joe, false, false),
            ("that of root", group(0, "root", &[]), &user(0, "root", 0), false, true),
            ("wheel of a Mac", group(0, "wheel", &["root"]), &user(0, "root", 0), false, true),
            ("with somebody in it", group(0, "wheel", &["joe"]), &user(0, "root", 0), false, false),
        ] {
            assert_eq!(is_private(&group, user, sharing), wanted, "{what}");
        }
    }

    #[test]
    fn a_table_of_groups_with_nobody_in_them() {
        let group = |gid, members: &[&str]| Group {
            gid,
            name: "staff".to_owned(),
            members: members.iter().map(ToString::to_string).collect(),
        };
        for (what, group, sharing, wanted) in [
            ("staff of Debian", group(50, &[]), false, true),
            ("with somebody in it", group(50, &["joe"]), false, false),
            ("the first group of somebody", group(50, &[]), true, false),
            ("one of a user, who may come from elsewhere", group(1001, &[]), false, false),
        ] {
            assert_eq!(is_empty(&group, sharing), wanted, "{what}");
        }
    }

    #[test]
    fn all_directories_and_the_targets_of_links_are_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let [above, within, file] = ["above", "above/within", "above/within/file"];
        let at = |name: &str| root.join(name);
        fs::create_dir_all(at(within)).unwrap();
        fs::write(at(file), "").unwrap();
        let set = |name: &str, mode| {
            fs::set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
        };
        let found = |name: &str| weak(&at(name)).unwrap().map(|weak| weak.path);
        set(file, 0o600);
        set(within, 0o700);
        set(above, 0o755);
        for link in [("above/within", "relative"), ("relative/file", "twice")] {
            symlink(link.0, at(link.1)).unwrap();
        }
        symlink(at("twice"), at("absolute")).unwrap();
        symlink("loop", at("loop")).unwrap();
        for name in [file, "twice", "absolute", "above/within/../within/file", "none/x"] {
            assert_eq!(found(name), None, "{name}");
        }
        assert!(weak(&at("loop")).is_err());
        for (weakened, mode, good) in
            [(file, 0o606, 0o600), (within, 0o707, 0o700), (above, 0o777, 0o755)]
        {
            set(weakened, mode);
            for name in [file, "twice", "absolute", "above/within/none"] {
                let wanted =
                    (name != "above/within/none" || weakened != file).then(|| at(weakened));
                assert_eq!(found(name), wanted, "{name}");
            }
            set(weakened, good);
        }
        set(above, 0o1777);
        assert_eq!(found("absolute"), None);
        let weak = Weak { path: at(file), fault: Fault::Everybody, is_dir: false, is_ours: true };
        assert_eq!(weak.remedy(), format!("chmod 600 '{}'", at(file).display()));
    }
}

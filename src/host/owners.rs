//! The names of users and groups.

use std::fs;

use uzers::os::unix::GroupExt;
use uzers::{get_group_by_gid, get_group_by_name, get_user_by_name, get_user_by_uid};

/// The name of a user; empty if there is none of that number.
pub fn user(uid: u32) -> String {
    get_user_by_uid(uid).map(|user| user.name().to_string_lossy().into_owned()).unwrap_or_default()
}

/// The name of a group; empty if there is none of that number.
pub fn group(gid: u32) -> String {
    let name = get_group_by_gid(gid);
    name.map(|group| group.name().to_string_lossy().into_owned()).unwrap_or_default()
}

/// The number of the user of a name.
pub fn user_named(name: &str) -> Option<u32> {
    get_user_by_name(name).map(|user| user.uid())
}

/// The number of the group of a name.
pub fn group_named(name: &str) -> Option<u32> {
    get_group_by_name(name).map(|group| group.gid())
}

/// A user as the system knows one.
pub struct User {
    pub uid: u32,
    pub name: String,
    /// The group that is theirs first.
    pub gid: u32,
}

/// A group as the system knows one.
pub struct Group {
    pub gid: u32,
    pub name: String,
    /// Those who are named in it; whose first group it is need not be.
    pub members: Vec<String>,
}

pub fn user_of(uid: u32) -> Option<User> {
    let user = get_user_by_uid(uid)?;
    let name = user.name().to_string_lossy().into_owned();
    Some(User { uid, name, gid: user.primary_group_id() })
}

pub fn group_of(gid: u32) -> Option<Group> {
    let group = get_group_by_gid(gid)?;
    let members = group.members().iter().map(|name| name.to_string_lossy().into_owned());
    let name = group.name().to_string_lossy().into_owned();
    Some(Group { gid, name, members: members.collect() })
}

/// Whether a group is the first of somebody else as well, as far as /etc/passwd knows.
pub fn is_shared(gid: u32, user: &str) -> bool {
    let text = fs::read_to_string("/etc/passwd").unwrap_or_default();
    text.lines().any(|line| {
        let mut fields = line.split(':');
        let name = fields.next().unwrap_or_default();
        name != user && fields.nth(2).is_some_and(|field| field.parse() == Ok(gid))
    })
}

/// A user for people, and for `chown`: the name, else the number.
pub fn told(uid: u32) -> String {
    Some(user(uid)).filter(|name| !name.is_empty()).unwrap_or_else(|| uid.to_string())
}

/// A group for people: the name, else the number.
pub fn group_told(gid: u32) -> String {
    Some(group(gid)).filter(|name| !name.is_empty()).unwrap_or_else(|| gid.to_string())
}

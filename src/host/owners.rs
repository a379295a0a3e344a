//! The names of users and groups.

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

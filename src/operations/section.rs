//! Lets rclone make a section in an empty file of its own, from which the values
//! are taken over. So rclone decides what is a password and obscures it, and the
//! user's file keeps its comments and its order (rclone rewrites what it saves).

use std::collections::BTreeMap;

use super::session::Session;
use crate::base::error::{Error, Result};
use crate::base::files::{create_private_dir, write_private};
use crate::config::{Problem, RcloneConf};
use crate::host::scratch::Scratch;
use crate::storage::configuration::{self, UseConfig};
use crate::storage::failure::Failure;
use crate::storage::login;

/// The values of a new section of `kind` with `parameters`.
///
/// # Errors
/// rclone refuses them.
pub fn create(
    session: &Session,
    section: &str,
    kind: &str,
    parameters: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>> {
    let io = |error: std::io::Error| Error::io("stage a file in", &session.state, &error);
    create_private_dir(&session.state)?;
    let dir = Scratch::below(&session.state).map_err(io)?;
    let staged = dir.path().join("rclone.conf");
    // What rclone says may quote a value; only its kind is told.
    let refused = |_: Failure| {
        Error::config(format!("rclone does not accept these settings for a remote of type {kind}"))
            .hint("https://rclone.org/overview lists the types and their settings.")
    };
    if let Some((key, _)) = parameters.iter().find(|(_, value)| value.starts_with(['`', '"'])) {
        return Err(unreadable(key));
    }
    if login::is_wanted(kind) {
        // rclone would go to the browser, say nothing, and wait for it.
        let values = configuration::values_of(kind, &parameters).map_err(refused)?;
        let mut conf = RcloneConf::default();
        conf.fill(section, &values, &["type"]);
        write_private(&staged, conf.text().as_bytes())?;
    } else {
        configuration::put_in_force(&UseConfig::of(&staged)).map_err(refused)?;
        configuration::create(section, kind, parameters).map_err(refused)?;
    }
    // rclone writes a value as it is given and reads some differently: %(x)s
    // inserts another one.
    configuration::put_in_force(&UseConfig::of(&staged)).map_err(refused)?;
    let read = configuration::section(section).map_err(refused)?;
    let written = RcloneConf::load(&staged).map_err(Problem::into_error)?.values(section);
    match written.iter().find(|(key, value)| read.get(*key).map(|read| &**read) != Some(value)) {
        None => Ok(written),
        Some((key, _)) => Err(unreadable(key)),
    }
}

/// Makes way for a section of `kind`: a placeholder goes. One of another type stays, and
/// `hint` says what to do, given that type.
///
/// # Errors
/// It is of another type.
pub fn make_way(
    conf: &mut RcloneConf,
    section: &str,
    kind: &str,
    hint: impl FnOnce(&str) -> String,
) -> Result<()> {
    let Some(current) = conf.kind(section).filter(|current| *current != kind) else {
        return Ok(());
    };
    if !conf.is_placeholder(section) {
        let what = format!("[{section}] exists and is of type {current}");
        return Err(Error::config(what).hint(hint(current)));
    }
    conf.clear(section);
    Ok(())
}

/// The location constraint of a region: Amazon makes no bucket where they differ, and wants
/// none in the first region.
pub fn location_constraint(region: &str) -> String {
    if region == "us-east-1" { String::new() } else { region.to_owned() }
}

fn unreadable(key: &str) -> Error {
    Error::config(format!("rclone would read {key} differently"))
        .hint("Its configuration cannot hold %(…)s nor a value that begins with ` or \".")
}

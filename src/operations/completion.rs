//! What a shell may complete: names that are on this machine. Nothing here asks the network, a
//! keychain or a person, and whatever fails says nothing.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::repository::cache;
use super::session::Session;
use crate::base::shown::name_of;
use crate::config::rclone_conf::STORAGE;
use crate::config::ready::storage_section;
use crate::config::secrets::FILE_PASSWORD;
use crate::config::{PoofConf, Profile, RcloneConf, masking};
use crate::storage::configuration;
use crate::storage::login;
use crate::tree::remote::identity;
use crate::tree::snapshot::names;

/// How long a look into a snapshot may take.
const LIMIT: Duration = Duration::from_millis(300);

fn poof_conf(session: &Session) -> Option<PoofConf> {
    PoofConf::load(&session.files.poof).ok()
}

/// The names of the directories in poof.conf.
pub fn trees(session: &Session) -> Vec<Vec<u8>> {
    let conf = poof_conf(session);
    let paths = conf.iter().flat_map(PoofConf::paths);
    paths.map(|(_, name)| name.as_bytes().to_vec()).collect()
}

/// The profiles of this user.
pub fn profiles(session: &Session) -> Vec<Vec<u8>> {
    let all = Profile::all(&session.layout);
    all.iter().map(|profile| profile.name().as_bytes().to_vec()).collect()
}

/// The types of remotes; only those with a login in the browser, if they alone are meant.
pub fn types(with_login: bool) -> Vec<Vec<u8>> {
    let types = configuration::types().unwrap_or_default();
    let mut names: Vec<_> = types.into_iter().map(|kind| kind.name.into_bytes()).collect();
    if with_login {
        names.retain(|name| std::str::from_utf8(name).is_ok_and(login::is_wanted));
    }
    names
}

/// What `cconfig` can set of the storage remote, each with `=`.
pub fn settings(session: &Session) -> Vec<Vec<u8>> {
    let conf = RcloneConf::load(&session.files.rclone).unwrap_or_else(|_| RcloneConf::scaffold());
    let poof = poof_conf(session);
    let section = poof.as_ref().map_or(STORAGE, |poof| storage_section(poof, &conf));
    let kind = conf.kind(section).unwrap_or("s3");
    let known = configuration::keys_of(kind).map(|known| known.keys).unwrap_or_default();
    let keys = known.into_iter().filter(|key| key != "type");
    keys.map(|key| format!("{key}=").into_bytes()).collect()
}

/// The secrets in rclone-poof.conf.
pub fn secrets(session: &Session) -> Vec<Vec<u8>> {
    let Ok(conf) = RcloneConf::load(&session.files.rclone) else { return Vec::new() };
    let of = |section: &str| {
        let keys = conf.keys(section).filter(|key| masking::is_secret(key, None));
        keys.map(|key| format!("{section}.{key}").into_bytes()).collect::<Vec<_>>()
    };
    let password = [FILE_PASSWORD.as_bytes().to_vec()];
    conf.sections().flat_map(of).chain(password).collect()
}

/// `NAME/PATH`, where the last snapshot that this machine has seen holds it. A directory has a
/// `/` at its end.
pub fn paths(session: &Session, typed: &[u8]) -> Vec<Vec<u8>> {
    let until = Instant::now() + LIMIT;
    let mut all = Vec::new();
    for tree in trees(session) {
        let top = [&tree[..], b"/"].concat();
        let Some(rest) = typed.strip_prefix(&top[..]) else {
            if top.starts_with(typed) {
                all.push(top);
            }
            continue;
        };
        let split = rest.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
        let (above, beginning) = rest.split_at(split);
        let Some(cache) = newest_cache(session, &tree) else { continue };
        for found in names(&cache, above, beginning, || Instant::now() >= until) {
            let end: &[u8] = if found.is_directory { b"/" } else { b"" };
            all.push([&top[..], above, &found.name, end].concat());
        }
    }
    all
}

/// The snapshot of a tree that this machine has seen last, of whichever store.
fn newest_cache(session: &Session, tree: &[u8]) -> Option<PathBuf> {
    let tree = std::str::from_utf8(tree).ok()?;
    let ids = identity::remembered_ids(&session.state);
    let caches = ids.iter().map(|id| cache(&session.state, id, tree));
    caches.max_by_key(|cache| fs::metadata(cache).and_then(|found| found.modified()).ok())
}

/// Whether a shell may show a name and put it on a command line: not if a terminal would obey
/// it, or if it would be two.
pub fn is_harmless(name: &std::ffi::OsStr) -> bool {
    let bytes = name.as_bytes();
    let text = String::from_utf8_lossy(bytes);
    !bytes.iter().any(u8::is_ascii_control) && name_of(text.as_bytes()) == text
}

//! The configuration as commands need it: loaded, checked, and in force in
//! rclone.

use super::bandwidth;
use super::permissions::warn_if_open;
use super::programs;
use super::secrets::{Fetch, check, give, in_time, rclone_file, resolve};
use super::session::Session;
use crate::base::error::{Error, Kind, Result};
use crate::config::programs::{of_rclone, settings};
use crate::config::ready::ready_with;
use crate::config::trees::{Directory, LEAST};
use crate::config::{PoofConf, Problem, RcloneConf, Ready, mistakes};
use crate::storage::store::{set_patience, set_small_objects};

/// Loads and checks both files and gives rclone its own.
///
/// # Errors
/// The configuration is missing or invalid.
pub fn load(session: &Session) -> Result<Ready> {
    warn_if_open(session);
    put_in_force(session, check, LEAST, None)?.strict().map_err(Problem::into_error)
}

/// The same for what brings data back, which a misspelt key does not stop: whoever comes
/// back may have nothing to correct it with.
///
/// # Errors
/// As [`load`], without that.
pub fn load_to_restore(session: &Session) -> Result<Ready> {
    warn_if_open(session);
    let ready = put_in_force(session, check, LEAST, None)?;
    if let Some(problem) = ready.misspelt() {
        session.report.warn(problem.clone().into_error().message());
    }
    Ok(ready)
}

/// The same for what sends to the remote, or removes there.
///
/// # Errors
/// As [`load`], or a section shows the past.
pub fn load_to_change(session: &Session) -> Result<Ready> {
    let ready = load(session)?;
    ready.is_the_present().map_err(Problem::into_error)?;
    Ok(ready)
}

/// The same with `sections` that are in no file, and with `remote`, which is one of them, in
/// use. What it is beside is not looked at.
///
/// # Errors
/// As [`load_to_change`].
pub fn load_beside(session: &Session, sections: &RcloneConf, remote: &str) -> Result<Ready> {
    let ready = put_in_force(session, resolve, LEAST, Some((sections, remote)))?;
    ready.is_the_present().map_err(Problem::into_error)?;
    Ok(ready.strict().map_err(Problem::into_error)?.alone())
}

/// The same for what deletes a snapshot: the last one as well, whatever poof.conf has left.
///
/// # Errors
/// As [`load_to_change`].
pub fn load_to_purge(session: &Session) -> Result<Ready> {
    warn_if_open(session);
    let ready = put_in_force(session, check, 0, None)?.strict().map_err(Problem::into_error)?;
    ready.is_the_present().map_err(Problem::into_error)?;
    Ok(ready)
}

/// The same without a word.
///
/// # Errors
/// As [`load`].
pub fn in_force(session: &Session) -> Result<Ready> {
    put_in_force(session, resolve, LEAST, None)
}

/// `fetch` is [`check`] or [`resolve`]; `beside` has sections that are in no file, and the one
/// of them that is in use; poof.conf has at least so many directories.
fn put_in_force(
    session: &Session,
    fetch: Fetch,
    least: usize,
    beside: Option<(&RcloneConf, &str)>,
) -> Result<Ready> {
    let Session { files, layout, .. } = session;
    let poof = mistakes::poof_conf(files, &layout.home);
    let mut poof = poof.map_err(Problem::into_error)?;
    let rclone = rclone_file(session, Some(&poof))
        .map_err(|problem| mistakes::beside_rclone(problem, &poof, &layout.home));
    let rclone = in_time(rclone)?;
    let mut conf = rclone.conf.clone();
    let sections = beside.map(|(sections, _)| sections.clone()).unwrap_or_default();
    for section in sections.sections() {
        conf.fill(section, &sections.values(section), &[]);
    }
    if let Some((_, remote)) = beside {
        poof = poof.with_remote(remote);
    }
    let ready = ready_with(least, &poof, &conf, &layout.home).map_err(Problem::into_error)?;
    let mut its_own = of_rclone(&conf, &poof.secrets());
    its_own.extend(settings(&poof, &conf));
    programs::may_run(session, &its_own).map_err(Problem::into_error)?;
    let secrets = in_time(fetch(session, &poof, &conf))?;
    give(&files.rclone, &rclone, &secrets, &sections)?;
    set_patience(ready.patience());
    set_small_objects(ready.small_objects());
    bandwidth::obey(session, &ready);
    Ok(ready)
}

/// Has texts show on one line what poof.conf calls the directories.
pub fn shown_as_named(session: &Session) {
    if let Ok(poof) = PoofConf::load(&session.files.poof) {
        let names = poof.paths().flat_map(|(local, name)| [local, name.trim_matches('/')]);
        session.report.shows(&names.collect::<Vec<_>>());
    }
}

/// The directories of the names in `only`, or all.
///
/// # Errors
/// A name that is not configured.
pub fn select<'a>(ready: &'a Ready, only: &[String]) -> Result<Vec<&'a Directory>> {
    let all = ready.directories();
    for name in only {
        if !all.iter().any(|d| d.name == *name) {
            let known: Vec<_> = all.iter().map(|d| d.name.as_str()).collect();
            return Err(Error::new(Kind::Usage, format!("no directory has the name {name:?}"))
                .hint(format!("poof.conf has: {}.", known.join(", "))));
        }
    }
    Ok(all.iter().filter(|d| only.is_empty() || only.contains(&d.name)).collect())
}

//! `poof verify`: are both files there, do they make sense, and does the remote
//! accept them?

use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::cli::Verify;
use crate::config::programs::{of_poof, of_rclone, settings};
use crate::config::proxy::{Way, ways};
use crate::config::ready::{absent, ready, storage_section};
use crate::config::{Problem, RcloneConf, Ready, Status, mistakes, small_objects};
use crate::host::paths::System;
use crate::host::program;
use crate::host::signature;
use crate::operations::permissions;
use crate::operations::secrets::{check, give, rclone_file};
use crate::operations::{
    Outcome, Session, bandwidth, guessable, keeping, keychain, probe, schedule,
};
use crate::report::{Event, Note, Tone};
use crate::storage::configuration;
use crate::storage::store::set_small_objects;

pub fn run(session: &Session, args: &Verify) -> Result<Outcome> {
    permissions::warn_if_open(session);
    line(session, "installed rclone", Status::Ok);
    let home = &session.layout.home;
    let poof = mistakes::poof_conf(&session.files, home).map_err(|p| tell(session, p))?;
    line(session, "exists poof.conf", Status::Ok);
    let rclone = rclone_file(session, Some(&poof))
        .map_err(|problem| tell(session, mistakes::beside_rclone(problem, &poof, home)))?;
    line(session, "exists rclone-poof.conf", Status::Ok);
    let ready = ready(&poof, &rclone.conf, home).and_then(Ready::strict);
    let ready = ready.map_err(|p| tell(session, p))?;
    if let Some(problem) = absent(ready.directories()) {
        return Err(tell(session, problem));
    }
    let mut programs = of_poof(&poof);
    programs.extend(of_rclone(&rclone.conf, &poof.secrets()));
    programs.extend(settings(&poof, &rclone.conf));
    crate::operations::programs::may_run(session, &programs).map_err(|p| tell(session, p))?;
    let secrets = check(session, &poof, &rclone.conf).map_err(|p| tell(session, p))?;
    guessable::warn(session, &rclone.conf, &secrets);
    keeping::warn(session, &poof);
    if let Some(word) =
        small_objects::word(&poof, &rclone.conf, storage_section(&poof, &rclone.conf))
    {
        session.report.warn(&word);
    }
    let encryption = if ready.remote().is_encrypted() {
        Status::EncryptionEnabled
    } else {
        Status::EncryptionDisabled
    };
    line(session, "encryption enabled", encryption);
    let scheduler = if System::current() == System::MacOs { "launchd" } else { "schedule" };
    let schedule = match schedule::found(session) {
        Some(found) if found.enabled => Status::LaunchdEnabled,
        _ => Status::LaunchdDisabled,
    };
    line(session, &format!("{scheduler} enabled"), schedule);
    if (schedule == Status::LaunchdEnabled || !keychain::entries(session).is_empty())
        && let Some(warning) = program::current().ok().as_deref().and_then(signature::warning)
    {
        session.report.warn(warning);
    }
    tell_proxies(session, &rclone.conf, poof.remote());
    bandwidth::obey(session, &ready);
    bandwidth::tell(&*session.report, Tone::Note);
    if args.offline {
        session.report.result("configuration appears to be valid; the remote was not asked");
    } else {
        give(&session.files.rclone, &rclone, &secrets, &RcloneConf::default())?;
        set_small_objects(ready.small_objects());
        // What needs no answer of the remote is said first.
        keeping::is_possible(&ready)?;
        probe::remote(session, &ready)?;
        keeping::works(&ready)?;
        session.report.result("configuration appears to be valid and has valid credentials");
    }
    Ok(Outcome::default().with("valid", true).with("remote_asked", !args.offline))
}

fn line(session: &Session, question: &str, status: Status) {
    session.report.tell(&Event::State { question: question.to_owned(), status });
}

/// Whoever runs a proxy sees where requests go, and all that is not encrypted on the way.
fn tell_proxies(session: &Session, conf: &RcloneConf, active: &str) {
    for way in ways(conf, active) {
        let (to, proxy, says) = match way {
            Way::Through { place, proxy } => ("the server".to_owned(), proxy, place),
            Way::Open(address) => match configuration::proxy_of(&address) {
                Ok(found) if !found.proxy.is_empty() => (address, found.proxy, found.variable),
                _ => continue,
            },
        };
        session.report.say(Note::Proxy { to, proxy, place: says });
    }
}

/// The lines of a problem, in the place where `verify` stops.
fn tell(session: &Session, problem: Problem) -> Error {
    if let Err(interrupted) = interrupt::check() {
        return interrupted;
    }
    for Problem { status, place, .. } in problem.each() {
        let question = match (status, place.as_str()) {
            (Status::MissingConfigFile, file) => format!("exists {file}"),
            (_, place) => format!("configuration {place}"),
        };
        line(session, &question, *status);
    }
    problem.into_error()
}

//! Where backups go: a disk, S3, a login in the browser, a server, or anything else that
//! rclone knows.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::directories::expanded;
use super::settings;
use crate::base::error::Result;
use crate::base::prompts::{one, something, text, yes};
use crate::base::shown::path_of;
use crate::base::units::bytes;
use crate::operations::Session;
use crate::operations::set_up::questions::{self, PROVIDER, Questions};
use crate::operations::set_up::{Answers, Known, Place, for_s3, found};
use crate::storage::configuration::RemoteType;

/// The ways that most people take.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    AsItIs,
    Disk,
    S3,
    Login,
    Sftp,
    WebDav,
    Other,
}

/// Logins that most people have, first in the list.
const LOGINS: [&str; 5] = ["drive", "dropbox", "onedrive", "box", "pcloud"];

pub fn ask(session: &Session, known: &Known, answers: &mut Answers) -> Result<Option<()>> {
    let types = questions::types()?;
    loop {
        let Some(way) = way(known, &types)? else { return Ok(None) };
        let place = match way {
            Way::AsItIs => {
                answers.place = None;
                return Ok(Some(()));
            }
            Way::Disk => disk(session, known)?,
            Way::S3 => s3(&types, known)?,
            Way::Login => login(&types, known)?,
            Way::Sftp => server(session, &types, "sftp", known)?,
            Way::WebDav => server(session, &types, "webdav", known)?,
            Way::Other => other(session, &types, known)?,
        };
        // Esc leads back to the list.
        if let Some(place) = place {
            answers.place = Some(place);
            return Ok(Some(()));
        }
    }
}

fn way(known: &Known, types: &[RemoteType]) -> Result<Option<Way>> {
    let has = |kind: &str| types.iter().any(|known| known.name == kind);
    let mut ways = Vec::new();
    if let Some(place) = &known.place {
        ways.push((Way::AsItIs, format!("Where they go now: {place}")));
    }
    ways.push((Way::Disk, "A disk, or another directory of this machine".to_owned()));
    ways.push((Way::S3, "Amazon S3, or another provider or server of S3".to_owned()));
    if types.iter().any(questions::needs_login) {
        let names = "Google Drive, Dropbox, OneDrive, … (login in the browser)";
        ways.push((Way::Login, names.to_owned()));
    }
    if has("sftp") {
        ways.push((Way::Sftp, "A server or NAS over SSH (SFTP)".to_owned()));
    }
    if has("webdav") {
        ways.push((Way::WebDav, "Nextcloud, or another WebDAV server".to_owned()));
    }
    ways.push((Way::Other, format!("Something else ({} types of remotes)", types.len())));
    let options: Vec<_> = ways.iter().map(|(_, text)| text.clone()).collect();
    let chosen = one("Where should backups go?", &options, 0)?;
    Ok(chosen.map(|chosen| ways[chosen].0))
}

fn disk(session: &Session, known: &Known) -> Result<Option<Place>> {
    let disks = found::disks();
    let shown =
        |disk: &found::Disk| format!("{}   {} free", path_of(&disk.point), bytes(disk.free));
    let mut options: Vec<_> = disks.iter().map(shown).collect();
    options.push("Another directory …".to_owned());
    let chosen = if disks.is_empty() { Some(0) } else { one("Which disk?", &options, 0)? };
    let Some(chosen) = chosen else { return Ok(None) };
    let dir = match disks.get(chosen).map(|disk| disk.point.clone()) {
        Some(point) => Some(point),
        None => directory()?,
    };
    let Some(dir) = dir else { return Ok(None) };
    if is_same_disk(&dir, &session.layout.home) {
        session.report.note(
            "This directory is on the same disk as your home. A backup there does not survive the \
             disk.",
        );
        if yes("Use it all the same?", false)? != Some(true) {
            return Ok(None);
        }
    }
    let remote = dir.to_string_lossy().into_owned();
    let settings = BTreeMap::from([("remote".to_owned(), remote)]);
    Ok(Some(Place { kind: "alias".to_owned(), settings, bucket: Some(known.bucket.clone()) }))
}

fn directory() -> Result<Option<PathBuf>> {
    let help = "A full path of a directory that is there, on another disk.";
    let typed = text("Directory:", "", help, |path| {
        let path = expanded(path);
        let is_place = path.is_absolute() && path.is_dir();
        if is_place { Ok(()) } else { Err("There is no such directory.".to_owned()) }
    })?;
    Ok(typed.map(|path| expanded(&path)))
}

fn is_same_disk(a: &Path, b: &Path) -> bool {
    let device = |path: &Path| path.metadata().map(|meta| meta.dev()).ok();
    device(a).is_some() && device(a) == device(b)
}

fn s3(types: &[RemoteType], known: &Known) -> Result<Option<Place>> {
    let Some(kind) = types.iter().find(|kind| kind.name == "s3") else { return Ok(None) };
    let providers = questions::providers(kind);
    let Some(provider) = provider_of(&providers)? else { return Ok(None) };
    let mut settings = BTreeMap::from([(PROVIDER.to_owned(), provider.clone())]);
    if settings::ask(&questions::of_s3(kind, &provider), &mut settings)?.is_none() {
        return Ok(None);
    }
    let settings = for_s3(settings);
    bucket("Bucket:", "poof makes it if it is not there", known, "s3", settings)
}

fn provider_of(providers: &[(String, String)]) -> Result<Option<String>> {
    let options: Vec<_> =
        providers.iter().map(|(value, help)| format!("{help}  ({value})")).collect();
    Ok(one("Which provider?", &options, 0)?.map(|chosen| providers[chosen].0.clone()))
}

fn login(types: &[RemoteType], known: &Known) -> Result<Option<Place>> {
    let mut kinds: Vec<_> = types.iter().filter(|kind| questions::needs_login(kind)).collect();
    let rank = |kind: &&RemoteType| LOGINS.iter().position(|name| *name == kind.name);
    kinds.sort_by_key(|kind| (rank(kind).unwrap_or(LOGINS.len()), kind.name.clone()));
    let Some(kind) = chosen(&kinds)? else { return Ok(None) };
    let mut settings = BTreeMap::new();
    if settings::ask(&questions::of(kind, ""), &mut settings)?.is_none() {
        return Ok(None);
    }
    bucket("Directory:", "poof makes it if it is not there", known, &kind.name, settings)
}

/// A server that people know by its name.
fn server(
    session: &Session,
    types: &[RemoteType],
    name: &str,
    known: &Known,
) -> Result<Option<Place>> {
    let Some(kind) = types.iter().find(|kind| kind.name == name) else { return Ok(None) };
    typed(session, kind, known)
}

fn other(session: &Session, types: &[RemoteType], known: &Known) -> Result<Option<Place>> {
    // These are on top of others, or are above.
    const NOT: [&str; 10] = [
        "alias", "cache", "chunker", "combine", "compress", "crypt", "hasher", "local", "s3",
        "union",
    ];
    let kinds: Vec<_> = types.iter().filter(|kind| !NOT.contains(&kind.name.as_str())).collect();
    let Some(kind) = chosen(&kinds)? else { return Ok(None) };
    typed(session, kind, known)
}

fn chosen<'a>(kinds: &[&'a RemoteType]) -> Result<Option<&'a RemoteType>> {
    let options: Vec<_> =
        kinds.iter().map(|kind| format!("{}  ({})", kind.description, kind.name)).collect();
    Ok(one("Which one?", &options, 0)?.map(|chosen| kinds[chosen]))
}

fn typed(session: &Session, kind: &RemoteType, known: &Known) -> Result<Option<Place>> {
    let mut settings = BTreeMap::new();
    let providers = questions::providers(kind);
    let mut provider = String::new();
    if !providers.is_empty() {
        let Some(chosen) = provider_of(&providers)? else { return Ok(None) };
        provider = chosen;
        settings.insert(PROVIDER.to_owned(), provider.clone());
    }
    let questions: Questions = questions::of(kind, &provider);
    if settings::ask(&questions, &mut settings)?.is_none() {
        return Ok(None);
    }
    if kind.name == "sftp" && !check_server(session, &mut settings)? {
        return Ok(None);
    }
    bucket("Directory or bucket:", "poof makes it if it is not there", known, &kind.name, settings)
}

/// Who answers in place of the server must not get the data.
fn check_server(session: &Session, settings: &mut BTreeMap<String, String>) -> Result<bool> {
    let hosts = session.layout.home.join(".ssh/known_hosts");
    if !hosts.is_file() {
        session.report.note(
            "There is no ~/.ssh/known_hosts, so nothing tells whether it is your server that \
             answers. Encrypt, or leave with Ctrl-C, log in once with `ssh`, and come back.",
        );
        return Ok(true);
    }
    let question = "Check that it is your server, against ~/.ssh/known_hosts?";
    let answer = yes(question, true)?;
    if answer == Some(true) {
        let hosts = hosts.to_string_lossy().into_owned();
        settings.insert("known_hosts_file".to_owned(), hosts);
    }
    Ok(answer.is_some())
}

fn bucket(
    question: &str,
    help: &str,
    known: &Known,
    kind: &str,
    settings: BTreeMap<String, String>,
) -> Result<Option<Place>> {
    let Some(bucket) = text(question, &known.bucket, help, something)? else { return Ok(None) };
    Ok(Some(Place { kind: kind.to_owned(), settings, bucket: Some(bucket) }))
}

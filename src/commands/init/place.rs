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
        let before = answers.place.as_ref();
        let Some(way) = way(known, &types, before)? else { return Ok(None) };
        let place = match way {
            Way::AsItIs => {
                answers.place = None;
                return Ok(Some(()));
            }
            Way::Disk => disk(session, known, before)?,
            Way::S3 => s3(&types, known, before)?,
            Way::Login => login(&types, known, before)?,
            Way::Sftp => server(session, &types, "sftp", known, before)?,
            Way::WebDav => server(session, &types, "webdav", known, before)?,
            Way::Other => other(session, &types, known, before)?,
        };
        // Esc leads back to the list.
        if let Some(place) = place {
            answers.place = Some(place);
            return Ok(Some(()));
        }
    }
}

/// The settings that were given before for a remote of `kind`, and of `provider` if it has
/// several. What follows from the others is not among them.
fn given(before: Option<&Place>, kind: &str, provider: &str) -> BTreeMap<String, String> {
    const FOLLOWS: [&str; 3] = ["location_constraint", "token", "known_hosts_file"];
    let of = |place: &Place| place.settings.get(PROVIDER).cloned().unwrap_or_default();
    let same = before.filter(|place| place.kind == kind && of(place) == provider);
    let mut settings = same.map(|place| place.settings.clone()).unwrap_or_default();
    settings.retain(|key, _| !FOLLOWS.contains(&key.as_str()));
    settings
}

/// The way that leads to a place.
fn way_to(place: &Place, types: &[RemoteType]) -> Way {
    match place.kind.as_str() {
        "alias" => Way::Disk,
        "s3" => Way::S3,
        "sftp" => Way::Sftp,
        "webdav" => Way::WebDav,
        kind if types.iter().any(|known| known.name == kind && questions::needs_login(known)) => {
            Way::Login
        }
        _ => Way::Other,
    }
}

fn way(known: &Known, types: &[RemoteType], before: Option<&Place>) -> Result<Option<Way>> {
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
    let start = before.map(|place| way_to(place, types));
    let start = ways.iter().position(|(way, _)| Some(*way) == start).unwrap_or(0);
    let chosen = one("Where should backups go?", &options, start)?;
    Ok(chosen.map(|chosen| ways[chosen].0))
}

fn disk(session: &Session, known: &Known, before: Option<&Place>) -> Result<Option<Place>> {
    let disks = found::disks();
    let shown =
        |disk: &found::Disk| format!("{}   {} free", path_of(&disk.point), bytes(disk.free));
    let mut options: Vec<_> = disks.iter().map(shown).collect();
    options.push("Another directory …".to_owned());
    let chosen = if disks.is_empty() { Some(0) } else { one("Which disk?", &options, 0)? };
    let Some(chosen) = chosen else { return Ok(None) };
    let dir = match disks.get(chosen).map(|disk| disk.point.clone()) {
        Some(point) => Some(point),
        None => directory(&given(before, "alias", ""))?,
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

fn directory(before: &BTreeMap<String, String>) -> Result<Option<PathBuf>> {
    let help = "A full path of a directory that is there, on another disk.";
    let known = before.get("remote").map_or("", String::as_str);
    let typed = text("Directory:", known, help, |path| {
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

fn s3(types: &[RemoteType], known: &Known, before: Option<&Place>) -> Result<Option<Place>> {
    let Some(kind) = types.iter().find(|kind| kind.name == "s3") else { return Ok(None) };
    let providers = questions::providers(kind);
    let Some(provider) = provider_of(&providers, before)? else { return Ok(None) };
    let mut settings = given(before, "s3", &provider);
    settings.insert(PROVIDER.to_owned(), provider.clone());
    if settings::ask(&questions::of_s3(kind, &provider), &mut settings)?.is_none() {
        return Ok(None);
    }
    let settings = for_s3(settings);
    bucket("Bucket:", known, before, "s3", settings)
}

fn provider_of(providers: &[(String, String)], before: Option<&Place>) -> Result<Option<String>> {
    let start = before.and_then(|place| place.settings.get(PROVIDER));
    let start = providers.iter().position(|(value, _)| Some(value) == start).unwrap_or(0);
    let options: Vec<_> =
        providers.iter().map(|(value, help)| format!("{help}  ({value})")).collect();
    Ok(one("Which provider?", &options, start)?.map(|chosen| providers[chosen].0.clone()))
}

fn login(types: &[RemoteType], known: &Known, before: Option<&Place>) -> Result<Option<Place>> {
    let mut kinds: Vec<_> = types.iter().filter(|kind| questions::needs_login(kind)).collect();
    let rank = |kind: &&RemoteType| LOGINS.iter().position(|name| *name == kind.name);
    kinds.sort_by_key(|kind| (rank(kind).unwrap_or(LOGINS.len()), kind.name.clone()));
    let Some(kind) = chosen(&kinds, before)? else { return Ok(None) };
    let mut settings = given(before, &kind.name, "");
    if settings::ask(&questions::of(kind, ""), &mut settings)?.is_none() {
        return Ok(None);
    }
    bucket("Directory:", known, before, &kind.name, settings)
}

/// A server that people know by its name.
fn server(
    session: &Session,
    types: &[RemoteType],
    name: &str,
    known: &Known,
    before: Option<&Place>,
) -> Result<Option<Place>> {
    let Some(kind) = types.iter().find(|kind| kind.name == name) else { return Ok(None) };
    typed(session, kind, known, before)
}

fn other(
    session: &Session,
    types: &[RemoteType],
    known: &Known,
    before: Option<&Place>,
) -> Result<Option<Place>> {
    // These are on top of others, or are above.
    const NOT: [&str; 10] = [
        "alias", "cache", "chunker", "combine", "compress", "crypt", "hasher", "local", "s3",
        "union",
    ];
    let kinds: Vec<_> = types.iter().filter(|kind| !NOT.contains(&kind.name.as_str())).collect();
    let Some(kind) = chosen(&kinds, before)? else { return Ok(None) };
    typed(session, kind, known, before)
}

fn chosen<'a>(kinds: &[&'a RemoteType], before: Option<&Place>) -> Result<Option<&'a RemoteType>> {
    let start = before.and_then(|place| kinds.iter().position(|kind| kind.name == place.kind));
    let options: Vec<_> =
        kinds.iter().map(|kind| format!("{}  ({})", kind.description, kind.name)).collect();
    Ok(one("Which one?", &options, start.unwrap_or(0))?.map(|chosen| kinds[chosen]))
}

fn typed(
    session: &Session,
    kind: &RemoteType,
    known: &Known,
    before: Option<&Place>,
) -> Result<Option<Place>> {
    let providers = questions::providers(kind);
    let mut provider = String::new();
    if !providers.is_empty() {
        let Some(chosen) = provider_of(&providers, before)? else { return Ok(None) };
        provider = chosen;
    }
    let mut settings = given(before, &kind.name, &provider);
    if !provider.is_empty() {
        settings.insert(PROVIDER.to_owned(), provider.clone());
    }
    let questions: Questions = questions::of(kind, &provider);
    if settings::ask(&questions, &mut settings)?.is_none() {
        return Ok(None);
    }
    if kind.name == "sftp" && !check_server(session, &mut settings)? {
        return Ok(None);
    }
    bucket("Directory or bucket:", known, before, &kind.name, settings)
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
    known: &Known,
    before: Option<&Place>,
    kind: &str,
    settings: BTreeMap<String, String>,
) -> Result<Option<Place>> {
    let help = "poof makes it if it is not there";
    let before = before.filter(|place| place.kind == kind).and_then(|place| place.bucket.as_ref());
    let usual = before.unwrap_or(&known.bucket);
    let Some(bucket) = text(question, usual, help, something)? else { return Ok(None) };
    Ok(Some(Place { kind: kind.to_owned(), settings, bucket: Some(bucket) }))
}

//! `poof status`: what the configuration says, and what really holds.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::{Value, json};

use super::farewell::{self, KitNote, KitStanding};
use super::level::{Doubt, Findings, Place, name_of};
use super::vault::Vault;
use super::watch::Monitor;
use super::wiping::forget_names;
use super::{Context, Outcome, carry, held, last_known, scheduled, scheduling, setup, show};
use crate::base::error::{Kind, Result};
use crate::base::interrupt;
use crate::base::json;
use crate::base::shown::path_of;
use crate::base::units::{bytes, date, files};
use crate::cli;
use crate::config::trees::Directory;
use crate::storage::filter::Filter;
use crate::tree::apart::Apart;
use crate::tree::guard::Allowed;
use crate::tree::ours::Ours;
use crate::tree::proof::{Evidence, Proof};
use crate::tree::root::Root;
use crate::tree::snapshot::{Snapshot, Snapshots, Standing};
use crate::tree::wipe::{Asked, Presence};

pub fn run(context: &Context, _: &cli::Status) -> Result<Outcome> {
    let terminal = &context.terminal;
    let ready = setup::load(context)?;
    let directories = setup::select(&ready, &[])?;
    let vault = match Vault::open(context, &ready, &directories, Allowed::default()) {
        Ok(vault) => vault,
        Err(error) if error.kind() == Kind::Interrupted => return Err(error),
        // Status is asked for most when nothing else can be.
        Err(error) => {
            last_known::show(context, &ready, error)?;
            return Ok(Outcome::default());
        }
    };
    show::nested(context, vault.nested(&ready, &directories).as_ref());
    let mut outcome = Outcome::default();
    let mut findings = Findings::default();
    for directory in &vault.places(context, &directories) {
        interrupt::check()?;
        match tree(context, &vault, directory, ready.filter(), &mut findings) {
            Ok(place) => findings.count(&place),
            Err(error) => {
                carry::note_failure(terminal, &mut outcome, error)?;
                let name = &directory.name;
                findings.unsaved(format!("{name}: not known what is backed up (see above)"));
                findings.directories += 1;
            }
        }
        if let Ok(_lock) = context.lock() {
            forget_names(context, &vault, &directory.name)?;
        }
    }
    findings.in_clear(context, &vault, &ready)?;
    let encrypted = ready.remote().is_encrypted();
    let (declared, actual) = (findings.declared(encrypted), findings.actual(encrypted));
    terminal.result(&format!("level: {declared} {}", name_of(declared)));
    if findings.nothing_is_saved() {
        terminal.result("holds: 0 (nothing)");
        terminal.result("Nothing is backed up yet. Next: `poof backup`");
    } else if actual == declared {
        let lacking = if findings.lacking { ", but not all of it is here" } else { "" };
        terminal.result(&format!("holds: yes{lacking}"));
    } else {
        terminal.result(&format!("holds: {actual} {}", name_of(actual)));
    }
    for doubt in &findings.doubts {
        terminal.result(&format!("  {}", doubt.what));
        terminal.event(&doubt.event());
    }
    terminal.result(&format!("remote: {}", ready.remote().name()));
    let schedule = scheduling::found(context);
    terminal.result(&format!("schedule: {}", scheduling::shown(schedule.as_ref())));
    scheduled::tell(context);
    let known = |kit: &KitNote, fits| {
        let event = json!({"made": json::time(kit.made), "fits": fits});
        json::at(kit.path.as_os_str().as_bytes(), event)
    };
    let (text, kit) = match farewell::kit(context) {
        KitStanding::None => ("none".to_owned(), Value::Null),
        KitStanding::Outdated(kit) => {
            let text = format!("of {}, the configuration has changed since", date(kit.made));
            (text, known(&kit, false))
        }
        KitStanding::Fits(kit) => {
            let weak = if kit.weak { ", its phrase is weak" } else { "" };
            let text = format!("of {}, fits ({}){weak}", date(kit.made), path_of(&kit.path));
            (text, known(&kit, true))
        }
    };
    terminal.result(&format!("kit: {text}"));
    let mut event = json!({
        "type": "status", "level_declared": declared, "level_actual": actual,
        "remote": ready.remote().name(), "encrypted": encrypted, "kit": kit,
    });
    scheduling::add_to(&mut event, schedule.as_ref());
    terminal.event(&event);
    Ok(outcome.with("level", actual))
}

fn tree(
    context: &Context,
    vault: &Vault,
    directory: &Directory,
    filter: &Filter,
    findings: &mut Findings,
) -> Result<Place> {
    let name = &directory.name;
    let terminal = &context.terminal;
    let mut monitor = Monitor::comparison(terminal, name);
    let (snapshots, listing) = vault.look_again(name)?;
    let presence = vault.wipes(&snapshots).presence(&mut monitor)?;
    let last = newest(name, &snapshots, findings, &mut monitor)?;
    if let Some(why) = held::missed(vault, &presence, last.as_ref()) {
        findings.unsaved(format!("{name}: what was wiped here is not on the remote: {why}"));
    }
    let (store, names) = (snapshots.store, &snapshots.names);
    let own = setup::in_use(context, directory).iter().any(Vec::is_empty);
    let apart = match &last {
        // Its changes are poof's own, most of them.
        Some(last) if !own => Apart::of(vault.roots.get(&directory.local)?.as_ref(), filter, last)?,
        _ => Apart::default(),
    };
    let mut evidence = Evidence { store, names, listing, read_back: false };
    let (text, numbers) = match last {
        None => {
            findings.never_saved(name);
            ("no snapshot".to_owned(), Value::Null)
        }
        Some(last) => {
            let ((made, _), counts) = (last.made(), last.counts());
            // Reading back is what check is for.
            let proof = Proof::by_listing(last, &mut evidence)?;
            let unproven = proof.unproven().count() as u64;
            let proven = match (unproven, proof.read.0) {
                (0, 0) => "proven now".to_owned(),
                (0, _) => "as it was proven".to_owned(),
                (count, _) => {
                    let count = files(count);
                    findings.unsaved(format!("{name}: not proven: {count} (`poof check` lists)"));
                    format!("{count} not proven")
                }
            };
            let text = format!(
                "{}, {}, snapshot of {}, {proven}",
                files(counts.files),
                bytes(counts.bytes),
                date(made)
            );
            let numbers = json!({
                "files": counts.files, "bytes": counts.bytes, "made": json::time(made),
                "unproven": unproven,
            });
            (text, numbers)
        }
    };
    drop(monitor);
    if !numbers.is_null() {
        let unclaimed = evidence.listing.settle(names, &Ours::read(&snapshots.cache));
        show::foreign(terminal, name, &unclaimed.foreign, false);
    }
    let mut since = None;
    let (where_, word, place) = match presence {
        Presence::Elsewhere(_) if !is_empty(&directory.local) => {
            findings.differs(name, apart);
            (String::new(), "here", if own { Place::Own } else { Place::Here })
        }
        Presence::Here => {
            findings.differs(name, apart);
            (String::new(), "here", if own { Place::Own } else { Place::Here })
        }
        Presence::Wiped(record) | Presence::Elsewhere(record) => {
            findings.came_after(name, apart);
            let spared = setup::spared(context, directory);
            let spared = spared.iter().map(Vec::as_slice).collect();
            let excluded =
                Asked::of(Root::open(&directory.local).ok().as_ref(), filter, &spared)?.extent;
            if excluded.found {
                let extent = show::extent(excluded);
                let what = format!(
                    "{name}: excluded, and still here: {extent} (`poof upload --wipe-excluded`)"
                );
                findings.doubts.push(Doubt::residue(what));
            }
            since = Some(json::time(record.since));
            (format!("; wiped on {}", date(record.since)), "wiped", Place::Wiped)
        }
        Presence::Wiping(_) => {
            let what = format!("{name}: its wipe is not completed (`poof upload` completes it)");
            findings.doubts.push(Doubt::residue(what));
            ("; being wiped".to_owned(), "wiping", Place::Wiped)
        }
    };
    terminal.result(&format!("{name}: {text}{where_}"));
    let event = json!({
        "type": "directory", "tree": name, "presence": word, "since": since, "snapshot": numbers,
    });
    terminal.event(&json::at(directory.local.as_os_str().as_bytes(), event));
    Ok(place)
}

/// The newest snapshot of a tree that can be read.
fn newest(
    name: &str,
    snapshots: &Snapshots,
    findings: &mut Findings,
    monitor: &mut Monitor,
) -> Result<Option<Snapshot>> {
    Ok(match snapshots.last(monitor)? {
        Standing::Current(last) => Some(last),
        Standing::Newer { known, found } => {
            let (made, host) = found.made();
            if known.is_some() {
                let what = format!(
                    "{name}: {host} saved a snapshot on {} that this machine has not taken \
                     (`poof download --only {name}`)",
                    date(made)
                );
                findings.doubts.push(Doubt::unsaved(what));
            }
            Some(found)
        }
        Standing::Behind { why, known, found } => {
            findings.unsaved(format!("{name}: its last snapshot is not there: {why}"));
            found.or(known)
        }
        Standing::None => None,
    })
}

/// Whether there is nothing in a directory, or none.
fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none()) || !dir.exists()
}

//! What `status` says while the remote cannot be asked: what this machine saw last.

use std::os::unix::ffi::OsStrExt;

use super::level;
use crate::base::error::{Error, Result};
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::host::machine::Machine;
use crate::operations::figures;
use crate::operations::own_files;
use crate::operations::repository::cache;
use crate::operations::session::Session;
use crate::operations::unattended;
use crate::report::event::{self, Seen};
use crate::report::{Bytes, Event, Note};
use crate::storage::filter::Filter;
use crate::storage::job::Unwatched;
use crate::storage::store::Store;
use crate::tree::manifest::{Counts, Key};
use crate::tree::model::inventory::Inventory;
use crate::tree::model::layout::Names;
use crate::tree::remote::identity;
use crate::tree::restore::apart::Apart;
use crate::tree::scan::root::Roots;
use crate::tree::snapshot::Snapshots;
use crate::tree::wipe::{Presence, Records, Wipes};

/// Shows every directory as this machine knows it, and how the schedule gets on. `error`
/// says why the remote was not asked.
///
/// # Errors
/// That error, in any case.
pub fn show(session: &Session, ready: &Ready, error: Error) -> Result<()> {
    let report = &*session.report;
    let store = ready.remote().store();
    let id = identity::remembered_id(&session.state, &ready.remote().name()).unwrap_or_default();
    let key = identity::key(&store).ok().map(|key| key.of_store(&id, false));
    for directory in ready.directories() {
        let known =
            key.as_ref().map(|key| known(session, ready.filter(), (&store, key, &id), directory));
        match known {
            Some(Ok((apart, event))) => {
                report.tell(&event);
                for what in level::differences(&directory.name, apart) {
                    report.tell(&level::Doubt::unsaved(what).event());
                }
            }
            Some(Err(error)) => report.error(&error),
            None => {}
        }
    }
    report.result("holds: not known, the remote could not be asked");
    report.say(Note::Remote(ready.remote().name()));
    unattended::tell(session);
    figures::tell(session);
    Err(error)
}

fn known(
    session: &Session,
    filter: &Filter,
    (store, key, id): (&Store, &Key, &str),
    directory: &Directory,
) -> Result<(Apart, Event)> {
    let Directory { local, name } = directory;
    let (names, cache) = (Names::new(name), cache(&session.state, id, name));
    let mut records = Inventory::default();
    records.sort();
    let snapshots = Snapshots { store, names, key, records, bundles: Inventory::default(), cache };
    let records = Records::in_state(&session.state);
    let machine = &Machine::of_state(&session.state)?;
    let presence = Wipes { snapshots: &snapshots, records, machine }.presence(&mut Unwatched)?;
    let own = own_files::in_use(session, directory).iter().any(Vec::is_empty);
    let cached = snapshots.cached();
    let mut apart = match &cached {
        Some(last) if !own => Apart::of(Roots::default().get(local)?.as_ref(), filter, last)?,
        _ => Apart::default(),
    };
    let snapshot = cached.map(|last| {
        let Counts { files, bytes, .. } = last.counts();
        event::Snapshot { files, bytes, made: last.made().0, unproven: None }
    });
    let mut seen = Seen::Last;
    let (presence, since) = match presence {
        Presence::Here | Presence::Elsewhere(_) => ("here", None),
        Presence::Wiping(_) => {
            apart.missing = 0;
            ("wiping", None)
        }
        Presence::Wiped(record) => {
            apart.missing = 0;
            // Its snapshot is not known here any more: the names were wiped as well.
            seen = Seen::AtWipe(record.files, record.bytes);
            ("wiped", Some(record.since))
        }
    };
    let event = Event::Directory {
        tree: name.clone(),
        presence,
        since,
        snapshot,
        history: None,
        seen,
        path: Bytes::path(local.as_os_str().as_bytes()),
    };
    Ok((apart, event))
}

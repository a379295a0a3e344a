//! `poof rehearse --kit`: a rehearsal with the configuration of a kit. Nothing of this machine
//! is asked, and nothing is put there.

use std::path::{Path, PathBuf};

use super::returning;
use super::secrets::unpack;
use super::source::Source;
use crate::base::error::{Error, Kind, Result};
use crate::base::files::{create_private_dir, write_private};
use crate::config::{Files, PoofConf};
use crate::kit::Kit;
use crate::operations::outcome::Outcome;
use crate::operations::rehearse::{self, Request};
use crate::operations::session::Session;
use crate::report::Note;

/// Which kit, and how it opens.
pub struct KitRequest {
    pub kit: Source,
    /// The phrase is the first line of this file; None: a person types it.
    pub phrase_file: Option<PathBuf>,
}

/// Rehearses with a kit.
///
/// # Errors
/// The kit cannot be used, or as [`rehearse::run`].
pub fn run(session: &Session, request: &Request, wanted: &KitRequest) -> Result<Outcome> {
    let (kit, _) = returning::open(session, &wanted.kit, wanted.phrase_file.as_deref())?;
    session.report.say(Note::KitMade { made: kit.made });
    rehearse::with_kit(session, request, &kit, unpacked)
}

/// Writes the configuration of a kit to `dir`, for the session `bare`.
///
/// # Errors
/// It is damaged, or of something else than the configuration that is here.
fn unpacked(session: &Session, bare: &Session, kit: &Kit, dir: &Path) -> Result<Files> {
    let files = Files::resolve(dir, None, None, None);
    create_private_dir(dir)?;
    let poof = returning::placed(session, kit, &[], &files.poof)?;
    fits(session, &poof)?;
    let unpacked = unpack(bare, kit, poof, None)?;
    returning::may_run(session, kit, &unpacked.poof, false)?;
    write_private(&files.rclone, &unpacked.rclone)?;
    write_private(&files.poof, &unpacked.poof.to_vec())?;
    Ok(files)
}

/// Whether a kit brings back what is backed up here.
fn fits(session: &Session, kit: &PoofConf) -> Result<()> {
    let Ok(here) = PoofConf::load(&session.files.poof) else { return Ok(()) };
    let anew = "Write a new one: `poof kit FILE`.";
    if (kit.bucket(), kit.remote()) != (here.bucket(), here.remote()) {
        let (a, b) = ((kit.remote(), kit.bucket()), (here.remote(), here.bucket()));
        let what = format!(
            "the kit is of {}:{}, and the configuration here is of {}:{}",
            a.0, a.1, b.0, b.1
        );
        return Err(Error::guard(what).hint(anew));
    }
    let lacks = |name: &&str| !kit.paths().any(|(_, known)| known == *name);
    let lacking = here.paths().map(|(_, name)| name).find(lacks);
    match lacking {
        Some(name) => {
            let what = format!("the kit does not know the directory {name}");
            Err(Error::new(Kind::Incomplete, what).hint(anew))
        }
        None => Ok(()),
    }
}

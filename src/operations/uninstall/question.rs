//! The question before poof removes itself, with all that goes and what stays.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::inventory::Inventory;
use crate::base::error::Result;
use crate::base::shown::path_of;
use crate::config::trees::Directory;
use crate::operations::recovery::readiness::{self, KitStanding};
use crate::operations::session::Session;

/// What a person types to agree.
const WORD: &str = "poof";

/// What goes, each kind for itself, and what becomes of the kit.
#[derive(Default)]
struct Leaving {
    data: Vec<String>,
    keys: Vec<String>,
    poof: Vec<String>,
    kit: String,
}

/// Asks whether poof may remove itself after the directories in `going`. `wiped` says how much
/// goes with these.
///
/// # Errors
/// The program does not know where it is, or the user interrupts instead of answering.
pub fn ask(session: &Session, going: &[&Directory], wiped: &str) -> Result<bool> {
    let question = text(&leaving(session, going)?, wiped);
    let typed = session.report.ask(&question)?;
    Ok(typed.is_some_and(|line| line.trim() == WORD))
}

fn text(leaving: &Leaving, wiped: &str) -> String {
    let Leaving { data, keys, poof, kit } = leaving;
    let mut text = format!("{wiped} Then poof removes itself. From this machine go:\n");
    for (what, lines) in [("data", data), ("keys", keys), ("poof", poof)] {
        for line in lines {
            let _ = writeln!(text, "  {what}  {line}");
        }
    }
    let _ = write!(text, "{kit}\nType {WORD} to go on: ");
    text
}

fn leaving(session: &Session, going: &[&Directory]) -> Result<Leaving> {
    let inventory = Inventory::of(session)?;
    let named = |paths: &[PathBuf]| -> Vec<_> {
        paths.iter().map(|path| path_of(path).into_owned()).collect()
    };
    let mut keys = named(&inventory.files);
    keys.extend(inventory.keychain.iter().map(|entry| format!("{entry:?} in the keychain")));
    let mut poof: Vec<_> = named(inventory.program.as_slice());
    poof.extend(named(std::slice::from_ref(&inventory.state)));
    poof.extend(named(&inventory.schedule));
    poof.extend(inventory.crontab.then(|| "the lines of poof in the crontab".to_owned()));
    poof.extend(named(&inventory.scratch));
    poof.extend(named(&inventory.installed));
    let data = going.iter().map(|directory| path_of(&directory.local).into_owned()).collect();
    Ok(Leaving { data, keys, poof, kit: kit(session, going) })
}

/// What a person has afterwards to come back with.
fn kit(session: &Session, going: &[&Directory]) -> String {
    let KitStanding::Fits(kit) = readiness::kit(session) else {
        return "warning: no recovery kit of this configuration stays. Without its keys nobody can \
                ever read what is on the remote."
            .to_owned();
    };
    if kit.path.as_os_str().is_empty() {
        return "The recovery kit on paper stays.".to_owned();
    }
    let path = path_of(&kit.path);
    let disk = |path: &Path| fs::metadata(path).ok().map(|found| found.dev());
    let Some(of_kit) = disk(&kit.path) else {
        return format!("The recovery kit is not at {path} now. Be sure that you have it.");
    };
    if kit.goes(session, going) {
        return format!("warning: the recovery kit {path} goes as well: move it elsewhere first.");
    }
    let mut here = going.iter().map(|directory| directory.local.as_path());
    if disk(&session.files.dir) == Some(of_kit) || here.any(|local| disk(local) == Some(of_kit)) {
        return format!(
            "warning: the recovery kit {path} stays, but it is on the same disk. If this disk is \
             lost, so is the kit: copy it elsewhere first."
        );
    }
    format!("The recovery kit {path} stays.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_names_all_that_goes_and_what_stays() {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        let leaving = Leaving {
            data: lines(&["/home/joe/a", "/home/joe/b"]),
            keys: lines(&["/c/poof.conf"]),
            poof: lines(&["/bin/poof"]),
            kit: "The recovery kit /k stays.".to_owned(),
        };
        assert_eq!(
            text(&leaving, "2 files go."),
            "2 files go. Then poof removes itself. From this machine go:\n  data  /home/joe/a\n  \
             data  /home/joe/b\n  keys  /c/poof.conf\n  poof  /bin/poof\nThe recovery kit /k \
             stays.\nType poof to go on: "
        );
    }
}

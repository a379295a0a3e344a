//! Guards: reasons to refuse a plan before anything changes. Each says which
//! `--allow` word lifts it for one run.

mod mass_change;
mod newer;

use std::path::Path;

use super::model::layout::RECORDS;
use super::model::plan::Totals;
use crate::base::error::{Error, UNCHANGED};
use crate::base::shown::{name_of, path_of, typed};
use crate::base::units::files;
use crate::storage::remote::Top;
pub use mass_change::{Losses, are_many, mass_change};
pub use newer::{Distance, newer_snapshot, saved_at_once};

/// What the user allows in this run, against the guards.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // each is a guard of its own
pub struct Allowed {
    pub empty_source: bool,
    pub mass_deletion: bool,
    pub mass_change: bool,
    pub other_remote: bool,
    pub older_snapshot: bool,
    pub newer_snapshot: bool,
    pub no_kit: bool,
    pub foreign: bool,
    pub no_manifest: bool,
    pub privileged: bool,
}

/// Up to this number deletions are no mass deletion, and changes no mass change.
const FEW: u64 = 100;

/// A refusal, and the `--allow` word that lifts it.
pub fn refuse(what: impl Into<String>, hint: &str, word: &str) -> Error {
    let effect = effect(word);
    Error::guard(what).hint(format!("{hint} {UNCHANGED} `--allow {word}` {effect}."))
}

/// What a word does. Whoever reads it may have but this one copy.
fn effect(word: &str) -> &'static str {
    match word {
        "empty-source" => "goes ahead, and what the other side has is gone",
        "mass-deletion" => "goes ahead, and what it would delete is gone",
        "mass-change" => "goes ahead, and replaces the snapshot by what is here",
        "other-remote" => "goes ahead and treats it as a new one",
        "older-snapshot" => "goes ahead with what can still be read",
        _ => "goes ahead",
    }
}

/// A local directory that is missing or empty must not become the snapshot: it
/// would erase the remote copy. `entries` is None where there is no directory; `has_snapshot`
/// tells whether the remote holds anything of it.
///
/// # Errors
/// The refusal.
pub fn local_source(
    (name, dir): (&str, &Path),
    entries: Option<u64>,
    has_snapshot: bool,
    allowed: Allowed,
) -> Result<(), Error> {
    let shown = path_of(dir);
    let hint = if has_snapshot {
        "Is its disk mounted? `poof download` brings it back.".to_owned()
    } else {
        format!(
            "Is its disk mounted? If you do not want it any more: `poof remove {}`.",
            typed(Path::new(name))
        )
    };
    match entries {
        Some(0) if !allowed.empty_source => {
            let why = if has_snapshot {
                "backing it up would erase its snapshot"
            } else {
                "there is nothing to back up"
            };
            Err(refuse(format!("{shown} is empty: {why}"), &hint, "empty-source"))
        }
        Some(_) => Ok(()),
        // What is missing cannot be backed up, whatever is allowed.
        None => {
            let stays = if has_snapshot { "its snapshot stays" } else { "it has no snapshot" };
            let what = if dir.exists() { "is no directory" } else { "is missing" };
            Err(Error::guard(format!("{shown} {what}; {stays}")).hint(hint))
        }
    }
}

/// A directory of which the filters leave out everything must not become the snapshot
/// either.
///
/// # Errors
/// The refusal.
pub fn all_excluded(dir: &Path, allowed: Allowed) -> Result<(), Error> {
    if allowed.empty_source {
        return Ok(());
    }
    let what = format!(
        "poof.conf excludes all that is in {}: backing it up would erase its snapshot",
        path_of(dir)
    );
    Err(refuse(what, "Correct \"exclude\" or \"exclude_if_present\".", "empty-source"))
}

/// A directory whose download was not completed must not become the snapshot:
/// it would erase what has not come back yet. `lacks` is what is missing in it, as
/// the journal says; None if nothing is.
///
/// # Errors
/// The refusal.
pub fn unfinished_download(
    name: &str,
    lacks: Option<&Vec<String>>,
    allowed: Allowed,
) -> Result<(), Error> {
    let lacks = match lacks {
        Some(lacks) if !allowed.mass_deletion => lacks,
        _ => return Ok(()),
    };
    let (what, hint) = match lacks.as_slice() {
        [] => (
            format!("the download of {name} was not completed: a backup would erase the rest"),
            "`poof download` completes it.",
        ),
        [first, rest @ ..] => {
            let more = match rest.len() {
                0 => String::new(),
                count => format!(" and {count} more"),
            };
            let what = format!(
                "the last download of {name} could not bring back {first}{more}: a backup would \
                 erase that from the snapshot"
            );
            let hint = "`poof download` completes it, as soon as the remote gives back what is \
                        missing (`poof check` names what it has lost); the word takes the \
                        directory as it is.";
            (what, hint)
        }
    };
    Err(refuse(what, hint, "mass-deletion"))
}

/// A directory that was wiped and in which something has come up must not become
/// the snapshot: it would erase all that was wiped here.
///
/// # Errors
/// The refusal.
pub fn wiped(dir: &Path, allowed: Allowed) -> Result<(), Error> {
    if allowed.mass_deletion {
        return Ok(());
    }
    let what = format!("{} was wiped, and new files have come up in it", path_of(dir));
    let hint =
        "Move them elsewhere, bring the rest back with `poof download`, and put them in again.";
    Err(refuse(what, hint, "mass-deletion"))
}

/// A wipe has left files in a directory, and none of them is there: perhaps its disk is not.
///
/// # Errors
/// The refusal.
pub fn leftovers_are_missing(dir: &Path, left: u64, allowed: Allowed) -> Result<(), Error> {
    if allowed.empty_source {
        return Ok(());
    }
    let what = format!("{} has none of what a wipe has left in it: {}", path_of(dir), files(left));
    Err(Error::guard(what).hint(format!(
        "Is its disk mounted? {UNCHANGED} If you have moved or deleted all of that: `--allow \
         empty-source` goes ahead."
    )))
}

/// Something else has come to the place of what a wipe has taken, in a directory that is half
/// wiped: sent, it would replace that.
///
/// # Errors
/// The refusal.
pub fn in_the_place_of_wiped(tree: &str, path: &[u8], allowed: Allowed) -> Result<(), Error> {
    if allowed.mass_deletion {
        return Ok(());
    }
    let what = format!(
        "{tree}/{} was wiped, or begun to be, or left out by a download, and something else is in \
         its place",
        name_of(path)
    );
    let hint = "Move that elsewhere; the rest is sent then. What was there is in the snapshot.";
    Err(refuse(what, hint, "mass-deletion"))
}

/// A file that was brought back into a wiped tree has other attributes than the snapshot: it
/// is not what was proven.
pub fn touched(tree: &str, path: &[u8]) -> Error {
    let path = name_of(path);
    Error::guard(format!("{tree}/{path} has other attributes than in the snapshot: it stays")).hint(
        format!(
            "Nothing was wiped. `poof get {}` sets them again; then upload again.",
            typed(Path::new(tree))
        ),
    )
}

/// A tree that was wiped here is not on the remote any more: whatever is allowed, poof
/// keeps its keys.
pub fn wiped_and_lost(tree: &str, why: &str) -> Error {
    Error::guard(format!("{tree} was wiped here, and its snapshot is not on the remote: {why}"))
        .hint("poof stays, with its keys. Is it the right bucket, and is it whole?")
}

/// A directory of which a part is gone, and another perhaps overwritten, must never
/// become the snapshot.
pub fn half_wiped(dir: &Path) -> Error {
    Error::guard(format!("the wipe of {} is not completed; its snapshot stays", path_of(dir)))
        .hint("`poof upload` completes it, `poof download` brings everything back.")
}

/// What this machine knew of a directory that was being wiped is gone: nobody can
/// tell its files from others any more.
pub fn lost_record(tree: &str) -> Error {
    Error::guard(format!("{tree} was being wiped, and what was known of it here is lost"))
        .hint("Nothing was changed. `poof download` brings it back; then upload it again.")
}

/// The wipe of a directory was begun because another snapshot, on `remote`, holds it.
pub fn other_wipe(tree: &str, remote: &str) -> Error {
    Error::guard(format!("the wipe of {tree} was begun with its snapshot on {remote}")).hint(
        "Nothing was changed. Switch back to that remote (`poof cryptoggle`) and go on there.",
    )
}

/// A snapshot that is missing or empty must not become the local directory: it
/// would delete everything in it. `reason` says more where it
/// is known. `files` is None where nothing of that name exists.
///
/// # Errors
/// The refusal.
pub fn remote_source(
    place: &str,
    files: Option<u64>,
    reason: Option<&Suspicion>,
    allowed: Allowed,
) -> Result<(), Error> {
    let hint = match reason {
        Some(Suspicion { what, hint }) => format!("It seems that {what}. {hint}"),
        None => "Is it the right bucket, and was it ever backed up?".to_owned(),
    };
    match files {
        Some(0) if !allowed.empty_source => Err(refuse(
            format!("{place} is empty: downloading it would delete the local files"),
            &hint,
            "empty-source",
        )),
        Some(_) => Ok(()),
        // What is missing cannot be downloaded, whatever is allowed.
        None => {
            Err(Error::guard(format!("{place} does not exist; the local files stay")).hint(hint))
        }
    }
}

/// A remote whose snapshot is older than the last that this machine has seen, or
/// damaged, must be neither built upon nor downloaded without a word.
///
/// # Errors
/// The refusal.
pub fn older_snapshot(place: &str, why: &str, allowed: Allowed) -> Result<(), Error> {
    if allowed.older_snapshot {
        return Ok(());
    }
    let hint = "Somebody has changed the bucket, or another machine writes to it.";
    Err(refuse(format!("the last snapshot of {place} is not there: {why}"), hint, "older-snapshot"))
}

/// A plan that deletes more than half is more often a mistake than a wish.
///
/// # Errors
/// The refusal.
pub fn deletions(place: &str, plan: Totals, allowed: Allowed) -> Result<(), Error> {
    // A renamed file is gone in name only.
    let gone = plan.delete.saturating_sub(plan.moved) as u64;
    let of = (plan.update + plan.delete) as u64 + plan.unchanged;
    if allowed.mass_deletion || gone <= FEW || gone * 2 <= of {
        return Ok(());
    }
    let what = format!("{gone} of {of} files in {place} would be deleted");
    Err(refuse(what, "`poof diff` lists them.", "mass-deletion"))
}

/// What the top of the bucket says about the remote being the right one.
#[derive(Debug, Default)]
pub struct Sight {
    /// Seen through the remote in use.
    pub here: Top,
    /// Seen with encryption the other way round, if that is configured.
    pub there: Option<Top>,
    /// The remote in use is encrypted, so that `there` sees every name.
    pub encrypted: bool,
    /// Poof's records of a tree are seen through the remote in use; of a tree in bundles the
    /// top shows nothing else.
    pub saved_here: bool,
    /// The same, with encryption the other way round.
    pub saved_there: bool,
}

/// A reason to doubt that the remote is the right one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    pub what: String,
    pub hint: &'static str,
}

impl Sight {
    /// Why none of `trees` is here, as far as the bucket tells: they are on the
    /// other side of the encryption, or nothing here can be decrypted.
    pub fn suspicion(&self, trees: &[&str]) -> Option<Suspicion> {
        let has = |top: &Top| trees.iter().any(|tree| top.holds(first(tree)));
        if has(&self.here) || self.saved_here {
            return None;
        }
        let there = self.there.as_ref()?;
        // Seen plainly, an encrypted bucket shows every name; those that do not
        // show here did not decrypt, unless they are plain copies.
        let plain = |name: &String| trees.iter().any(|tree| first(tree) == name);
        let known = |name: &&String| plain(name) || *name == RECORDS;
        let foreign = there.names.iter().filter(|name| !known(name)).count();
        // poof's own records alone say nothing: `verify` leaves their directory on a disk.
        let records = self.here.names.iter().filter(|name| *name == RECORDS).count();
        let hidden = foreign.saturating_sub(records);
        let read = self.here.names.iter().filter(|name| *name != RECORDS && !is_noise(name));
        if self.encrypted && !self.saved_there && read.count() == 0 && hidden > 0 {
            return Some(Suspicion {
                what: format!("{hidden} names in the bucket cannot be decrypted"),
                hint: "Are the passwords in rclone-poof.conf those of the snapshots?",
            });
        }
        let (here, other) = if self.encrypted {
            ("an encrypted remote", "not encrypted")
        } else {
            ("a plain remote", "encrypted")
        };
        (has(there) || self.saved_there).then(|| Suspicion {
            what: format!("poof.conf says {here}, but the snapshots in the bucket are {other}"),
            hint: "`poof cryptoggle` switches the encryption.",
        })
    }
}

/// Whether a name is what a wrong password makes of one: of 256 names one decrypts by chance,
/// to bytes that are no text.
fn is_noise(name: &str) -> bool {
    name.contains(|c: char| c == char::REPLACEMENT_CHARACTER || c.is_control())
}

/// The top directory of a tree on the remote.
pub fn first(tree: &str) -> &str {
    tree.split('/').next().unwrap_or(tree)
}

/// A backup must not go to a remote that was toggled by mistake, or under
/// passwords that are not those of the snapshots in it.
///
/// # Errors
/// The refusal.
pub fn right_remote(sight: &Sight, trees: &[&str], allowed: Allowed) -> Result<(), Error> {
    match sight.suspicion(trees) {
        Some(Suspicion { what, hint }) if !allowed.other_remote => {
            Err(refuse(what, hint, "other-remote"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top(names: &[&str]) -> Top {
        Top { exists: true, names: names.iter().map(ToString::to_string).collect() }
    }

    fn plan(delete: usize, unchanged: u64) -> Totals {
        Totals { delete, unchanged, ..Totals::default() }
    }

    #[test]
    fn an_empty_or_missing_source_is_refused_on_either_side() {
        let (no, yes) = (Allowed::default(), Allowed { empty_source: true, ..Allowed::default() });
        let source = |entries, allowed| local_source(("d", "/d".as_ref()), entries, true, allowed);
        assert!(source(Some(1), no).is_ok());
        assert!(source(Some(0), no).is_err() && source(None, no).is_err());
        assert!(source(Some(0), yes).is_ok() && source(None, yes).is_err());
        let new = local_source(("d", "/d".as_ref()), None, false, no).unwrap_err();
        assert!(new.hint_text().is_some_and(|hint| hint.contains("`poof remove d`")), "{new}");
        assert!(remote_source("r", Some(1), None, no).is_ok());
        assert!(remote_source("r", Some(0), None, no).is_err());
        assert!(remote_source("r", Some(0), None, yes).is_ok());
        assert!(remote_source("r", None, None, yes).is_err());
    }

    #[test]
    fn more_than_half_and_more_than_a_hundred_is_a_mass_deletion() {
        let no = Allowed::default();
        assert!(deletions("r", plan(100, 0), no).is_ok(), "few");
        assert!(deletions("r", plan(101, 101), no).is_ok(), "half");
        assert!(deletions("r", plan(101, 100), no).is_err());
        let yes = Allowed { mass_deletion: true, ..no };
        assert!(deletions("r", plan(101, 100), yes).is_ok());
    }

    #[test]
    fn a_new_bucket_raises_no_suspicion() {
        let sight = Sight { there: Some(Top::default()), encrypted: true, ..Sight::default() };
        assert_eq!(sight.suspicion(&["docs"]), None);
        assert_eq!(Sight::default().suspicion(&["docs"]), None);
    }

    // Of a tree in bundles the top shows poof's records alone.
    #[test]
    fn a_toggled_remote_is_recognised_by_its_records() {
        let wrong = |encrypted, there: &[&str]| Sight {
            here: top(&["x8s7"]),
            there: Some(top(there)),
            encrypted,
            saved_there: true,
            saved_here: false,
        };
        assert!(wrong(false, &[".poof"]).suspicion(&["docs"]).is_some());
        assert!(wrong(true, &[".poof", "x8s7"]).suspicion(&["docs"]).is_some());
        // A directory of somebody else's beside the records that decrypt.
        let right = Sight {
            here: top(&[".poof"]),
            there: Some(top(&["x8s7", "stray"])),
            encrypted: true,
            saved_here: true,
            saved_there: false,
        };
        assert_eq!(right.suspicion(&["docs"]), None);
    }

    #[test]
    fn a_toggled_remote_is_recognised_both_ways() {
        let sight = Sight {
            here: top(&[]),
            there: Some(top(&["docs"])),
            encrypted: true,
            ..Sight::default()
        };
        assert!(sight.suspicion(&["docs"]).unwrap().what.contains("not encrypted"));
        let sight = Sight {
            here: top(&["x8s7"]),
            there: Some(top(&["docs"])),
            encrypted: false,
            ..Sight::default()
        };
        assert!(sight.suspicion(&["docs"]).unwrap().what.contains("are encrypted"));
    }

    #[test]
    fn a_wrong_password_is_recognised_and_old_plain_copies_are_not_mistaken_for_it() {
        let wrong = Sight {
            here: top(&[]),
            there: Some(top(&["x8s7", "k2"])),
            encrypted: true,
            ..Sight::default()
        };
        assert!(wrong.suspicion(&["docs"]).unwrap().what.contains("2 names"));
        let by_chance = Sight { here: top(&["\u{fffd}x\u{1}"]), ..wrong };
        assert!(by_chance.suspicion(&["docs"]).unwrap().what.contains("2 names"));
        let wrong = Sight { here: top(&[]), ..by_chance };
        let verified = Sight {
            here: top(&[".poof"]),
            there: Some(top(&["x8s7", "k2"])),
            encrypted: true,
            ..Sight::default()
        };
        assert!(verified.suspicion(&["docs"]).unwrap().what.contains("1 name"));
        let fresh = Sight {
            here: top(&[".poof"]),
            there: Some(top(&["k2"])),
            encrypted: true,
            ..Sight::default()
        };
        assert_eq!(fresh.suspicion(&["docs"]), None);
        let old_plain_copies = Sight { there: Some(top(&["x8s7", "docs", ".poof"])), ..wrong };
        assert!(old_plain_copies.suspicion(&["docs"]).unwrap().what.contains("1 name"));
        let both = Sight {
            here: top(&["docs"]),
            there: Some(top(&["x8s7", "docs"])),
            encrypted: true,
            ..Sight::default()
        };
        assert_eq!(both.suspicion(&["docs"]), None);
    }
}

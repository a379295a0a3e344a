//! `poof find`: paths in the snapshots, by a piece of a name or rclone's filter patterns.

use std::collections::{HashMap, HashSet};

use regex::bytes::{Regex, RegexBuilder};

use super::history::{Lookup, is_in_place, is_same, revision};
use super::{Contents, Held, Which, entry_event, or_named, unlisted};
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::config::Ready;
use crate::operations::{Outcome, Session, loading, runner};
use crate::report::event::EntryShown;
use crate::report::{Event, TreeNote};
use crate::storage::filter::{Filter, Refused};
use crate::tree::guard::Allowed;
use crate::tree::model::entry::{Entry, order};
use crate::tree::snapshot::Told;

/// What is looked for.
#[derive(Default)]
pub struct Request {
    pub patterns: Vec<String>,
    /// Names of directories; none: all.
    pub only: Vec<String>,
    pub long: bool,
    pub at: Option<String>,
    pub allowed: Allowed,
}

/// Finds.
///
/// # Errors
/// A pattern is none, or what keeps the whole from working.
pub fn run(session: &Session, request: &Request) -> Result<Outcome> {
    let ready = loading::load_to_restore(session)?;
    find(session, request, &ready)
}

pub(in crate::operations) fn find(
    session: &Session,
    request: &Request,
    ready: &Ready,
) -> Result<Outcome> {
    let which = Which::of(request.at.as_deref())?;
    let patterns = Patterns::new(&request.patterns)?;
    let directories = loading::select(ready, &request.only)?;
    let contents = Contents::open(session, ready, request.allowed)?;
    let (mut count, mut outcome) = (0, Outcome::default());
    // With "keep", what is deleted or replaced is found as well.
    let earlier = matches!(which, Which::Newest) && ready.keeps().is_some();
    for directory in directories {
        let held = contents.tree(directory)?;
        let tree = &held.directory.name;
        let mut found = HashMap::new();
        let mut see = |entry: &Entry| {
            if !entry.path.is_empty() && patterns.fit(entry) {
                count += 1;
                let shown = EntryShown { from: None, long: request.long };
                session.report.tell(&entry_event(tree, entry, shown));
                if earlier {
                    found.insert(entry.path.clone(), entry.clone());
                }
            }
        };
        if held.snapshots.exist() {
            let whole = contents.whole(&held, which);
            let Some(whole) = or_named(session, &mut outcome, whole)? else { continue };
            for entry in whole.entries()? {
                interrupt::check()?;
                see(&entry?);
            }
            if earlier {
                count += before(&contents, &held, &patterns, &found, &mut outcome)?;
            }
        } else {
            let entries = unlisted::entries(session, ready, &held, (which, request.allowed));
            let Some(entries) = or_named(session, &mut outcome, entries)? else { continue };
            if entries.is_empty() {
                session.report.say_of(tree, TreeNote::NothingBackedUp);
            }
            entries.iter().for_each(see);
        }
    }
    Ok(outcome.with("entries", count))
}

/// Tells what earlier snapshots hold, and the newest, of which this was `found`, does not or
/// not so. Returns how many there are.
fn before(
    contents: &Contents,
    held: &Held,
    patterns: &Patterns,
    found: &HashMap<Vec<u8>, Entry>,
    outcome: &mut Outcome,
) -> Result<u64> {
    let all = contents.all(held)?;
    let mut monitor = contents.monitor(held);
    let mut read: HashSet<_> = all.first().into_iter().flat_map(Told::shards).collect();
    let mut told = Vec::new();
    let mut known: HashMap<Vec<u8>, Vec<Entry>> =
        found.iter().map(|(path, entry)| (path.clone(), vec![entry.clone()])).collect();
    for (index, snapshot) in all.iter().enumerate().skip(1) {
        let looked = held.snapshots.unread(snapshot, &mut read, &mut monitor, |entry| {
            if entry.is_directory() || !patterns.fit(&entry) {
                return;
            }
            let versions = known.entry(entry.path.clone()).or_default();
            if versions.iter().all(|version| !is_same(Some(version), Some(&entry))) {
                versions.push(entry.clone());
                told.push((index, entry));
            }
        });
        match looked {
            // The others may be whole.
            Err(error) if error.kind() == Kind::Guard => {
                let error = error.of_tree(&held.directory.name);
                runner::note_failure(&*contents.session.report, outcome, error)?;
            }
            looked => looked?,
        }
    }
    drop(monitor);
    told.sort_by(|(_, a), (_, b)| order(&a.path, &b.path));
    let (mut lookup, since) = (Lookup::new(contents, held), contents.kept_since(held)?);
    for (index, entry) in &told {
        interrupt::check()?;
        let restorable = is_in_place(found.get(&entry.path), entry) || lookup.holds(entry)?;
        let until = contents.kept_until(&all, *index, since).filter(|_| restorable);
        let revision = revision(held, (&all[*index], until), Some(entry), &entry.path, restorable);
        contents.session.report.tell(&Event::Revision(revision));
    }
    Ok(told.len() as u64)
}

/// What names may look like.
struct Patterns {
    /// Pieces of names.
    pieces: Vec<Piece>,
    /// In rclone's syntax.
    globs: Filter,
}

impl Patterns {
    fn new(typed: &[String]) -> Result<Self> {
        let is_glob = |text: &&String| text.contains(['*', '?', '[', '{']) || text.starts_with('/');
        let (globs, pieces): (Vec<&String>, Vec<&String>) = typed.iter().partition(is_glob);
        let globs: Vec<String> = globs.into_iter().cloned().collect();
        let globs = Filter::new(&globs, &[]).map_err(|refused| match refused {
            Refused::Pattern(text, why) => {
                Error::new(Kind::Usage, format!("{text:?} is no pattern: {why}"))
                    .hint("A pattern is written as rclone's filters are, or is a piece of a name.")
            }
            Refused::Rclone(failure) => failure.into_error("read the patterns", Kind::Usage),
        })?;
        let pieces = pieces.into_iter().map(|text| Piece::new(text)).collect::<Result<_>>()?;
        Ok(Patterns { pieces, globs })
    }

    fn fit(&self, entry: &Entry) -> bool {
        let path = &entry.path;
        self.pieces.iter().any(|piece| piece.is_in(path))
            || self.globs.excludes_file(path)
            || entry.is_directory() && self.globs.excludes_directory(path)
    }
}

/// A piece of a name, or of a path if there is a slash in it. One without capitals fits them as
/// well.
struct Piece {
    text: Regex,
    of_path: bool,
}

impl Piece {
    fn new(text: &str) -> Result<Self> {
        let capitals = text.chars().any(char::is_uppercase);
        let regex = RegexBuilder::new(&regex::escape(text)).case_insensitive(!capitals).build();
        let regex = regex.map_err(|error| {
            Error::new(Kind::Usage, format!("{text:?} cannot be looked for: {error}"))
                .hint("Give a shorter piece of the name.")
        })?;
        Ok(Piece { text: regex, of_path: text.contains('/') })
    }

    fn is_in(&self, path: &[u8]) -> bool {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        self.text.is_match(if self.of_path { path } else { name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::model::entry::{Attributes, EntryKind};

    fn entry(path: &str, directory: bool) -> Entry {
        let kind = if directory { EntryKind::Directory } else { EntryKind::Fifo };
        Entry {
            path: path.into(),
            kind,
            attributes: Attributes::default(),
            hard_link: None,
            stored: None,
            local: None,
        }
    }

    #[test]
    fn a_pattern_is_a_piece_of_a_name_or_rclones() {
        for (pattern, path, directory, fits) in [
            ("invoice", "2024/Invoice-7.pdf", false, true),
            ("\u{e9}t\u{e9}", "\u{c9}T\u{c9} (1).jpg", false, true),
            ("a(b", "x/A(b.txt", false, true),
            ("a.b", "aXb", false, false),
            ("Invoice", "2024/invoice-7.pdf", false, false),
            ("2024", "2024/invoice-7.pdf", false, false),
            ("2024/inv", "2024/invoice-7.pdf", false, true),
            ("*.pdf", "2024/invoice-7.pdf", false, true),
            ("*.pdf", "2024/invoice-7.pdf.txt", false, false),
            ("/*.pdf", "2024/invoice-7.pdf", false, false),
            ("/2024/**", "2024/a/b", false, true),
            ("20??/", "2024", true, true),
            ("{a,b}.txt", "x/b.txt", false, true),
        ] {
            let patterns = Patterns::new(&[pattern.to_owned()]).unwrap();
            assert_eq!(patterns.fit(&entry(path, directory)), fits, "{pattern} {path}");
        }
        assert!(Patterns::new(&["{a".to_owned()]).is_err());
    }
}

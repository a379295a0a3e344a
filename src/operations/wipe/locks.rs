//! What is told of files and directories that are locked (`chattr +i`, `+a`; macOS:
//! `chflags uchg`) and wiped all the same.

use crate::base::shown::name_of;
use crate::host::flags;
use crate::operations::session::Session;
use crate::report::{Bytes, Event};

/// So many paths are shown.
const SHOWN: usize = 5;

/// Says which locks of a tree a wipe would lift, or why it could not.
pub fn preview(session: &Session, tree: &str, paths: &[Vec<u8>]) {
    if paths.is_empty() {
        return;
    }
    let lifts = lifts();
    let what = if lifts {
        "that would be lifted, and come back with a download"
    } else {
        "only root can lift that, and they would stay"
    };
    let shown = listed(paths);
    session.report.result(&format!("! {tree}: {}: {what}: {shown}", are_locked(paths.len())));
    each(session, tree, paths, (false, lifts));
}

/// Says which locks of a tree a wipe has lifted.
pub fn told(session: &Session, tree: &str, paths: &[Vec<u8>]) {
    if paths.is_empty() {
        return;
    }
    let shown = listed(paths);
    session.report.note(&format!(
        "{tree}: {}: that was lifted, and comes back with a download: {shown}",
        were_locked(paths.len())
    ));
    each(session, tree, paths, (true, true));
}

fn each(session: &Session, tree: &str, paths: &[Vec<u8>], (lifted, lifts): (bool, bool)) {
    for path in paths {
        let (tree, path) = (tree.to_owned(), Bytes::path(path));
        session.report.tell(&Event::Locked { tree, lifted, lifts, path });
    }
}

/// Whether this process may lift them.
pub fn lifts() -> bool {
    flags::HERE.lock(flags::settable())
}

fn are_locked(count: usize) -> String {
    match count {
        1 => "1 path is immutable or append-only".to_owned(),
        _ => format!("{count} paths are immutable or append-only"),
    }
}

fn were_locked(count: usize) -> String {
    match count {
        1 => "1 path was immutable or append-only".to_owned(),
        _ => format!("{count} paths were immutable or append-only"),
    }
}

/// The first of some paths; the root of a tree is the empty one.
fn listed(paths: &[Vec<u8>]) -> String {
    let shown = paths.iter().take(SHOWN).map(|path| match path.as_slice() {
        b"" => ".".into(),
        path => name_of(path),
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    match paths.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_paths_are_listed_and_the_rest_is_counted() {
        let of = |paths: &[&str]| paths.iter().map(|p| p.as_bytes().to_vec()).collect::<Vec<_>>();
        assert_eq!(listed(&of(&["", "a/b"])), "., a/b");
        assert_eq!(listed(&of(&["1", "2", "3", "4", "5"])), "1, 2, 3, 4, 5");
        assert_eq!(listed(&of(&["1", "2", "3", "4", "5", "6", "7"])), "1, 2, 3, 4, 5 and 2 more");
        assert_eq!(listed(&[b"\xff".to_vec()]), "\u{fffd}");
        assert_eq!(are_locked(1), "1 path is immutable or append-only");
        assert_eq!(were_locked(12), "12 paths were immutable or append-only");
    }
}

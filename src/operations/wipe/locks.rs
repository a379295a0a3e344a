//! What is told of files and directories that are locked (`chattr +i`, `+a`; macOS:
//! `chflags uchg`) and wiped all the same.

use crate::host::flags;
use crate::operations::session::Session;
use crate::report::{Bytes, Event, TreeNote};

/// Says which locks of a tree a wipe would lift, or why it could not.
pub fn preview(session: &Session, tree: &str, paths: &[Vec<u8>]) {
    let lifts = lifts();
    tell(
        session,
        tree,
        TreeNote::WouldLift { paths: paths.to_vec(), lifts },
        paths,
        (false, lifts),
    );
}

/// Says which locks of a tree a wipe has lifted.
pub fn told(session: &Session, tree: &str, paths: &[Vec<u8>]) {
    tell(session, tree, TreeNote::Lifted { paths: paths.to_vec() }, paths, (true, true));
}

fn tell(
    session: &Session,
    tree: &str,
    note: TreeNote,
    paths: &[Vec<u8>],
    (lifted, lifts): (bool, bool),
) {
    if paths.is_empty() {
        return;
    }
    session.report.say_of(tree, note);
    for path in paths {
        let (tree, path) = (tree.to_owned(), Bytes::path(path));
        session.report.tell(&Event::Locked { tree, lifted, lifts, path });
    }
}

/// Whether this process may lift them.
pub fn lifts() -> bool {
    flags::HERE.lock(flags::settable())
}

//! What is known of the files of the trees: from the trees that are here, and of those that are
//! wiped from their snapshots on the remote, as `find` reads them.

use std::io;

use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::host::traces::copies::{self, Says, Sizes};
use crate::host::traces::known::{Gathering, Known};
use crate::host::traces::search::{Find, Scope};
use crate::operations::contents::Contents;
use crate::operations::own_files::real;
use crate::operations::session::Session;
use crate::operations::which::Which;
use crate::report::TreeNote;
use crate::storage::filter::Filter;
use crate::tree::guard::Allowed;
use crate::tree::model::entry::as_path;
use crate::tree::scan::root::{Root, Roots};
use crate::tree::scan::walk::{Found, Walk};
use crate::tree::wipe::Records;

/// Paths, and what copies are known by.
pub struct Knowledge {
    gathering: Option<Gathering>,
    /// Of files that are here, whose content nobody has hashed yet.
    sizes: Sizes,
    /// Of files that are wiped.
    contents: copies::Contents,
    here: Vec<(Root, Filter)>,
}

impl Knowledge {
    /// # Errors
    /// A tree is wiped, and the remote fails; or an interrupt.
    pub fn of(session: &Session, ready: &Ready, directories: &[&Directory]) -> Result<Self> {
        let mut knowledge = Self::new(session);
        let roots = Roots::default();
        let mut contents = None;
        for directory in directories {
            let root = roots.get(&directory.local)?;
            let wiped = Records::in_state(&session.state).get(&directory.name)?.is_some();
            if let Some(root) = &root {
                knowledge.here(directory, root, ready.filter())?;
            }
            if wiped || root.is_none() {
                if contents.is_none() {
                    contents = Some(Contents::open(session, ready, Allowed::default())?);
                }
                if let Some(contents) = &contents {
                    knowledge.there(session, directory, contents)?;
                }
            }
        }
        Ok(knowledge)
    }

    /// That of the trees that are here, in a few words: no content.
    ///
    /// # Errors
    /// An interrupt.
    pub fn of_here(
        session: &Session,
        roots: &Roots,
        directories: &[&Directory],
        filter: &Filter,
    ) -> Result<Known> {
        let mut knowledge = Self::new(session);
        for directory in directories {
            let Ok(root) = roots.open(&directory.local) else { continue };
            match knowledge.here(directory, &root, filter) {
                Err(error) if error.kind() == Kind::Interrupted => return Err(error),
                // What cannot be read is said by the backup.
                _ => {}
            }
        }
        Ok(knowledge.known())
    }

    fn new(session: &Session) -> Self {
        let gathering = Some(Gathering::new(&session.layout.home));
        let (sizes, contents, here) = (Sizes::default(), copies::Contents::default(), Vec::new());
        Knowledge { gathering, sizes, contents, here }
    }

    /// The paths, of which nothing more is gathered.
    pub fn known(&mut self) -> Known {
        let none = || Gathering::new(as_path(b"/"));
        self.gathering.take().unwrap_or_else(none).known()
    }

    fn here(&mut self, directory: &Directory, root: &Root, filter: &Filter) -> Result<()> {
        let Some(gathering) = &mut self.gathering else { return Ok(()) };
        let tree = gathering.tree(&[directory.local.as_path(), root.path()]);
        let walk = Walk::new(root, filter).map_err(|error| unreadable(root, &error))?;
        for found in walk {
            interrupt::check()?;
            match found {
                Found::Entry(entry) => {
                    gathering.path(tree, &entry.path);
                    entry.file().into_iter().for_each(|data| self.sizes.add(data.size));
                }
                Found::LeftOut(out) => gathering.path(tree, &out.path),
                Found::Excluded(_) => {}
            }
        }
        self.here.push((root.clone(), filter.clone()));
        Ok(())
    }

    fn there(
        &mut self,
        session: &Session,
        directory: &Directory,
        contents: &Contents,
    ) -> Result<()> {
        let held = contents.tree(directory)?;
        if !held.snapshots.exist() {
            session.report.say_of(&directory.name, TreeNote::NothingBackedUp);
            return Ok(());
        }
        let Some(gathering) = &mut self.gathering else { return Ok(()) };
        let tree = gathering.tree(&[directory.local.as_path(), &real(&directory.local)]);
        let snapshot = contents.whole(&held, Which::Newest)?;
        let says =
            if contents.is_certain(&held, snapshot.id())? { Says::One } else { Says::Anybody };
        for entry in snapshot.entries()? {
            interrupt::check()?;
            let entry = entry?;
            gathering.path(tree, &entry.path);
            if let Some(data) = entry.file()
                && let Some(content) = data.content
            {
                self.contents.add(data.size, &content.0, says);
            }
        }
        Ok(())
    }

    /// Files elsewhere with the content of a known one. Of the trees that are here, only what
    /// has the size of something elsewhere is read.
    ///
    /// # Errors
    /// An interrupt, or a tree is gone.
    pub fn copies(self, scope: &Scope) -> Result<Vec<Find>> {
        let Knowledge { sizes, mut contents, here, .. } = self;
        let sizes = sizes.elsewhere(scope)?;
        for (root, filter) in here.iter().filter(|_| !sizes.is_empty()) {
            let walk = Walk::new(root, filter).map_err(|error| unreadable(root, &error))?;
            for found in walk {
                interrupt::check()?;
                let Found::Entry(entry) = found else { continue };
                let Some(data) = entry.file().filter(|data| sizes.has(data.size)) else { continue };
                // What cannot be read is said by the backup.
                if let Ok(hash) = root.file(&entry.path).and_then(copies::hash) {
                    contents.add(data.size, &hash, Says::One);
                }
            }
        }
        contents.elsewhere(scope)
    }
}

fn unreadable(root: &Root, error: &io::Error) -> Error {
    Error::io("read", root.path(), error).with_kind(Kind::Incomplete)
}

//! A download where there is no manifest: a mirror of what the remote holds, as rclone
//! makes it.

use std::path::{Path, PathBuf};

use super::Incoming;
use crate::base::error::{Error, Kind, Result};
use crate::base::shown::path_of;
use crate::config::trees::Directory;
use crate::host::resolve::open_to_others;
use crate::operations::monitor::Monitor;
use crate::operations::own_files;
use crate::report::TreeNote;
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::remote::Spec;
use crate::tree::guard;
use crate::tree::mirror::compare::{self, Compare};
use crate::tree::mirror::{ExcludedHere, Transfer};
use crate::tree::model::layout::Names;
use crate::tree::model::path::{Below, LocalPath, ObjectName};
use crate::tree::model::plan::{Plan, Planned};
use crate::tree::remote::known;
use crate::tree::scan::root::Root;
use crate::tree::wipe::Records;

impl Incoming<'_> {
    /// Refuses where poof has written: nothing tells what a snapshot would hold.
    fn may_be_mirrored(&self, directory: &Directory) -> Result<()> {
        let Incoming { session, repository, .. } = self;
        let name = &directory.name;
        let wiped = Records::in_state(&session.state).get(name)?;
        if wiped.is_none() && !repository.is_poofs(name) {
            return Ok(());
        }
        let place = repository.remote.place(name);
        known::no_manifest(
            &place,
            wiped.map(|w| w.since),
            repository.has_objects(name),
            self.allowed,
        )
    }

    /// rclone knows its files by their paths alone: who can put a link where it is about
    /// to write leads root elsewhere.
    fn is_roots_alone(target: &Path) -> Result<()> {
        if !rustix::process::geteuid().is_root() {
            return Ok(());
        }
        let other = open_to_others(target).map_err(|e| Error::io("read", target, &e))?;
        let Some(dir) = other else { return Ok(()) };
        let what = format!(
            "{}: a snapshot without a manifest is not restored by root where another user can put \
             something: {}",
            path_of(target),
            path_of(&dir)
        );
        let hint = "Nothing was changed. Run it as that user, or restore with `--to` into a \
                    directory of root's.";
        Err(Error::guard(what).hint(hint))
    }

    /// Plans it.
    ///
    /// # Errors
    /// The remote fails, or a guard refuses.
    pub(super) fn mirror(
        &self,
        directory: &Directory,
        target: PathBuf,
        root: Option<&Root>,
    ) -> Result<Transfer> {
        let target = root.map_or(target, |root| root.path().to_path_buf());
        self.may_be_mirrored(directory)?;
        Self::is_roots_alone(&target)?;
        let name = &directory.name;
        let source = self.ready.remote().tree(name);
        let destination = Spec::local(&target.to_string_lossy());
        let plan = self.compare(directory, &target, &source, &destination)?;
        let plan = self.trimmed(directory, root, plan)?;
        guard::deletions(&path_of(&target), plan.totals(), self.allowed)?;
        self.session.report.say_of(name, TreeNote::WithoutManifest);
        let (journal, local_root) = (self.journal(), target);
        Ok(Transfer { name: name.clone(), source, destination, plan, local_root, journal })
    }

    /// The plan of a mirror, if there is a snapshot at all.
    fn compare(
        &self,
        directory: &Directory,
        target: &Path,
        source: &Spec,
        destination: &Spec,
    ) -> Result<Plan<ObjectName>> {
        let name = &directory.name;
        let place = self.ready.remote().place(name);
        let doing = format!("compare {place} with {}", path_of(target));
        let fail = |failure: Failure| failure.into_error(&doing, Kind::Incomplete);
        let mut monitor = Monitor::comparison(&*self.session.report, name);
        let plan = match compare::make(source, destination, Compare::Content, &mut monitor) {
            Err(failure) if failure.kind == FailureKind::Missing => Plan::default(),
            other => other.map_err(fail)?,
        };
        match plan.trouble {
            // A snapshot that does not exist lists as empty, with this trouble.
            Some(Failure { kind: FailureKind::Missing, .. }) if plan.source_files() == 0 => {}
            Some(trouble) => return Err(fail(trouble)),
            None => {}
        }
        // S3 has no empty directories: there, what is empty does not exist.
        let exists =
            plan.source_files() > 0 || self.repository.sight.here.holds(guard::first(name));
        let files = exists.then(|| plan.source_files());
        guard::remote_source(&place, files, self.repository.suspicion.as_ref(), self.allowed)?;
        Ok(plan)
    }

    /// The plan without what is to stay: extra files if so asked, what the filters
    /// exclude of what is here, and the configuration in use.
    fn trimmed(
        &self,
        directory: &Directory,
        root: Option<&Root>,
        plan: Plan<ObjectName>,
    ) -> Result<Plan<ObjectName>> {
        let here = ExcludedHere::of(root, self.ready.filter())?;
        self.note_excluded(&directory.name, here.count);
        let plan = plan.leaving(&here);
        let plan = if self.request.keep_extra { plan.keeping_extra() } else { plan };
        let state = encoded(self.state(directory))?;
        let plan = state.iter().fold(plan, Plan::sparing);
        let in_use = encoded(self.in_use(directory))?;
        let mut spared = in_use.iter().fold(plan.clone(), Plan::sparing);
        if let Some(root) = root.filter(|_| self.reaches_configuration()) {
            let own = encoded(own_files::configuration(self.session, root.path()))?;
            let removes =
                |name: &&ObjectName| plan.delete.iter().any(|item| name.is_within(&item.path));
            spared = own.iter().filter(removes).fold(spared, Plan::sparing);
        }
        let count = |plan: &Plan<ObjectName>| plan.transfers() + plan.delete.len() as u64;
        self.note_spared(&directory.name, count(&plan) - count(&spared));
        Ok(spared)
    }
}

/// The names on the remote of paths of this machine: rclone plans with them.
fn encoded(paths: Vec<Vec<u8>>) -> Result<Vec<ObjectName>> {
    paths.into_iter().map(|path| Names::encoded(&LocalPath::new(path))).collect()
}

//! `poof check`: proves that what is on the remote can be restored.

use std::time::{Duration, Instant};

use super::monitor::Monitor;
use super::outcome::Outcome;
use super::repository::Repository;
use super::session::Session;
use super::wipe::forget_names;
use super::{loading, runner};
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::units::date;
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::report::{Bytes, Event, Note, TreeNote, event, lists};
use crate::tree::guard::Allowed;
use crate::tree::history::audit::{Lost, audit};
use crate::tree::model::layout::Names;
use crate::tree::proof::check::{
    Chosen, Examined, Finding, ReadFinding, Sample, What, examine, may_be_stale, merge, name_stale,
    read_back,
};
use crate::tree::remote::damaged;
use crate::tree::remote::listing::Listing;
use crate::tree::remote::own_objects::Ours;
use crate::tree::snapshot::{Newest, Snapshot, Snapshots, Standing};
use crate::tree::wipe::{GONE, Record, Records};

/// What is wanted of a check.
pub struct Request {
    /// Names of directories; none: all.
    pub only: Vec<String>,
    pub allowed: Allowed,
    /// The share of the files that are read back, from 0 to 1; None: the listing is compared.
    pub sample: Option<f64>,
}

/// Checks what is on the remote.
///
/// # Errors
/// What keeps the whole from working, or an interrupt.
pub fn run(session: &Session, request: &Request) -> Result<Outcome> {
    let _lock = session.lock()?;
    let ready = loading::load(session)?;
    look(session, request, &ready)
}

/// The check itself, with a configuration that is ready.
///
/// # Errors
/// As [`run`].
pub(super) fn look(session: &Session, request: &Request, ready: &Ready) -> Result<Outcome> {
    let directories = loading::select(ready, &request.only)?;
    let repository = Repository::open(session, ready, &directories, request.allowed)?;
    repository.warn_of_nested(session, ready, &directories);
    let sample = request.sample.map(Sample::new).transpose()?;
    let keep = ready.keeps();
    let checking = Checking { session, repository: &repository, sample, keep };
    let mut outcome = Outcome::default();
    let (mut proven, mut lost) = (0, 0);
    for directory in &repository.places(session, &directories) {
        interrupt::check()?;
        match checking.tree(directory) {
            Ok(result) => {
                proven += result.intact;
                lost += result.lost;
                if result.lost > 0 || !result.whole {
                    outcome.worsen(Kind::Incomplete);
                }
            }
            Err(error) => runner::note_failure(&*session.report, &mut outcome, error)?,
        }
        forget_names(session, checking.repository, &directory.name)?;
    }
    if outcome.kind.is_none() {
        session.report.say(Note::AllIntact { files: proven });
    } else {
        session.report.warn("Not all can be restored, see above.");
        session.report.note("A backup sends again what is still here.");
    }
    Ok(outcome.with("objects", proven).with("lost", lost))
}

struct Checking<'a> {
    session: &'a Session,
    repository: &'a Repository<'a>,
    sample: Option<Sample>,
    keep: Option<Duration>,
}

struct Checked {
    intact: u64,
    lost: u64,
    /// The manifest is there and the last that this machine knows.
    whole: bool,
}

impl Checking<'_> {
    fn tree(&self, directory: &Directory) -> Result<Checked> {
        let name = &directory.name;
        let report = &*self.session.report;
        let Some((snapshot, whole)) = self.snapshot(name)? else {
            if let Some(record) = self.wiped(name)? {
                let when = date(record.since);
                let what = format!("{name} was wiped here on {when}, and {GONE}");
                return Err(Error::new(Kind::Incomplete, what).hint("Is it the right bucket?"));
            }
            let what = format!("{name} has no manifest on the remote");
            let hint = "`poof backup` writes it, and sends nothing again that is there.";
            return Err(Error::new(Kind::Incomplete, what).hint(hint));
        };
        let monitor = Monitor::comparison(report, name);
        let mut listing = self.repository.listing(name)?;
        let names = Names::new(name);
        let left = Ours::read(&self.repository.snapshots(name).cache);
        let mut examined = examine(&snapshot, &mut listing, self.sample.as_ref(), &names, &left)?;
        drop(monitor);
        if let Some(chosen) = examined.chosen {
            let (readable, present) = (examined.readable, examined.present);
            let of = (&snapshot, &listing);
            let read = self.read(name, of, &chosen, (readable, present))?;
            let paths = read.iter().map(ReadFinding::path);
            damaged::note(&self.repository.snapshots(name).cache, paths)?;
            examined.add(read);
        }
        let Examined { mut findings, intact, unhashed, ours, .. } = examined;
        self.look_back(name, &snapshot, &listing, &mut findings)?;
        merge(&mut findings);
        let foreign = findings.iter().filter(|finding| !finding.what.is_loss()).count();
        let (shown, mut seen) = (lists::bounded(report, foreign), 0);
        for finding in &findings {
            seen += usize::from(!finding.what.is_loss());
            self.tell(name, finding, finding.what.is_loss() || seen <= shown);
        }
        if shown < foreign {
            report.say_of(name, TreeNote::MoreForeign(foreign - shown));
        }
        let lost = findings.iter().filter(|finding| finding.what.is_loss()).count() as u64;
        report.tell(&Event::Checked { tree: name.clone(), intact, lost, foreign, unhashed });
        let lost = lost + self.earlier(name, &snapshot, &listing)?;
        if ours > 0 {
            report.say_of(name, TreeNote::Leftovers(ours));
        }
        if unhashed > 0 && !self.sample.is_some_and(|sample| sample.is_all()) {
            report.say_of(name, TreeNote::Unhashed(unhashed));
        }
        Ok(Checked { intact, lost, whole })
    }

    /// Whether the earlier snapshots that are within the time of "keep" come back. Returns how
    /// many of their files do not.
    fn earlier(&self, name: &str, newest: &Snapshot, listing: &Listing) -> Result<u64> {
        let Checking { session, repository, keep, .. } = self;
        let Some(keep) = *keep else { return Ok(0) };
        let report = &*session.report;
        let mut monitor = Monitor::comparison(report, name);
        let mut found = audit(&repository.snapshots(name), newest, listing, keep, &mut monitor)?;
        drop(monitor);
        if let Some(sample) = &self.sample {
            let (count, total) = found.readable(sample);
            if count > 0 {
                self.reading(name, (count, total), count, |monitor, told| {
                    found.read_back(&repository.store, &Names::new(name), monitor, told)
                })?;
            }
        }
        let strangers = found.strangers();
        let shown = lists::bounded(report, strangers.len());
        for (number, path) in strangers.iter().enumerate() {
            let what = What::Foreign { odd: true };
            self.tell(name, &Finding { path: path.clone(), what }, number < shown);
        }
        if shown < strangers.len() {
            report.say_of(name, TreeNote::MoreForeign(strangers.len() - shown));
        }
        for Lost { generation, path, why } in &found.lost {
            let why = match why {
                Some(why) => format!("in snapshot {generation}: {why}"),
                None => format!("in snapshot {generation}"),
            };
            report.tell(&Event::Finding(event::Finding {
                tree: name.to_owned(),
                what: if path.is_some() { "missing" } else { "manifest" },
                path: path.as_deref().map(Bytes::path),
                holds: None,
                why: Some(why),
                aloud: true,
                at_top: false,
            }));
        }
        let lost = found.lost.len() as u64;
        if found.snapshots > 0 && lost == 0 {
            report.say_of(name, TreeNote::EarlierIntact(found.snapshots));
        }
        Ok(lost)
    }

    /// Asks the earlier generations, as long as there is something that they may
    /// explain.
    fn look_back(
        &self,
        name: &str,
        snapshot: &Snapshot,
        listing: &Listing,
        findings: &mut [Finding],
    ) -> Result<()> {
        if !may_be_stale(findings) {
            return Ok(());
        }
        let state = &self.session.state;
        let fail = |error| Error::io("write below", state, &error);
        let scratch = tempfile::tempdir_in(state).map_err(fail)?;
        let cache = scratch.path().to_path_buf();
        let snapshots = Snapshots { cache, ..self.repository.snapshots(name) };
        for number in snapshots.before(snapshot) {
            if !may_be_stale(findings) {
                break;
            }
            let mut monitor = Monitor::comparison(&*self.session.report, name);
            if let Some(earlier) = snapshots.generation(number, &mut monitor)? {
                name_stale(findings, listing, &earlier)?;
            }
        }
        Ok(())
    }

    /// The last snapshot, and whether the remote itself has it: its manifest is
    /// read anew, past the cache.
    fn snapshot(&self, name: &str) -> Result<Option<(Snapshot, bool)>> {
        let report = &*self.session.report;
        let mut monitor = Monitor::comparison(report, name);
        let snapshots = self.repository.snapshots(name);
        let (usable, why) = match snapshots.last(&mut monitor)? {
            Standing::None => return Ok(None),
            Standing::Current(last) | Standing::Newer { found: last, .. } => {
                match self.repository.remote_only(&snapshots, &mut monitor)? {
                    Newest::Unusable(why) => (Some(last), Some(why)),
                    Newest::Found(_) | Newest::None => (Some(last), None),
                }
            }
            Standing::Behind { why, known, found } => (known.or(found), Some(why)),
        };
        // The cache that knew the last snapshot was wiped with the tree.
        let remote = self.repository.remote.name();
        let why = match (why, self.wiped(name)?, &usable) {
            (None, Some(wiped), Some(usable)) => wiped.outdates(&remote, usable.seen()),
            (why, _, _) => why,
        };
        drop(monitor);
        if let Some(why) = &why {
            let place = self.repository.remote.place(name);
            report.warn(&format!("the last snapshot of {place} is not there: {why}"));
            report.tell(&Event::Finding(event::Finding::manifest(name, why.clone())));
        }
        match usable {
            Some(snapshot) => Ok(Some((snapshot, why.is_none()))),
            None => Err(Error::new(
                Kind::Incomplete,
                format!("{name} cannot be checked: no manifest can be read"),
            )),
        }
    }

    /// What was noted of the wipe of a tree, if its snapshot is to be on this remote.
    fn wiped(&self, name: &str) -> Result<Option<Record>> {
        let record = Records::in_state(&self.session.state).get(name)?;
        Ok(record.filter(|record| record.is_on(&self.repository.remote.name())))
    }

    /// Says what it will cost, and reads.
    fn read(
        &self,
        name: &str,
        snapshot: (&Snapshot, &Listing),
        chosen: &Chosen,
        ((count, total), of): ((u64, u64), u64),
    ) -> Result<Vec<ReadFinding>> {
        let names = Names::new(name);
        self.reading(name, (count, total), of, |monitor, told| {
            read_back(&self.repository.store, &names, snapshot, chosen, monitor, told)
        })
    }

    /// Says what reading so many files costs, and how long it takes yet.
    fn reading<T>(
        &self,
        name: &str,
        (count, total): (u64, u64),
        of: u64,
        read: impl FnOnce(&mut Monitor, &mut dyn FnMut(u64)) -> Result<T>,
    ) -> Result<T> {
        let report = &*self.session.report;
        report.tell(&Event::Reading { tree: name.to_owned(), files: count, bytes: total, of });
        let mut monitor = Monitor::transfer(report, total);
        monitor.begin(name, total);
        let (started, mut done, mut told) = (Instant::now(), 0, false);
        read(&mut monitor, &mut |size| {
            done += size;
            if !told && done < total {
                told = true;
                let left = started.elapsed().as_millis() * u128::from(total - done);
                let left = u64::try_from(left / u128::from(done.max(1))).unwrap_or(u64::MAX);
                report.say_of(name, TreeNote::TimeLeft(Duration::from_millis(left)));
            }
        })
    }

    /// `aloud`: not only for programs.
    fn tell(&self, tree: &str, Finding { path, what }: &Finding, aloud: bool) {
        let at_top = matches!(what, What::Foreign { odd: true });
        let (what, holds, why) = match what {
            What::Missing => ("missing", None, None),
            What::Changed => ("changed", None, None),
            What::Stale => ("stale", None, None),
            What::Swapped(of) => ("swapped", Some(Bytes::holds(of)), None),
            What::Foreign { .. } => ("foreign", None, None),
            What::Wrong(_) => ("wrong", None, None),
            What::Unreadable(why) => ("unreadable", None, Some(why.clone())),
        };
        let path = Some(Bytes::path(path));
        let tree = tree.to_owned();
        let finding = event::Finding { tree, what, path, holds, why, aloud, at_top };
        self.session.report.tell(&Event::Finding(finding));
    }
}

//! Names that the server may show otherwise than they are sent. A restore goes by what
//! a listing shows, and so does the next run: what is not shown as it was sent goes
//! under another name. Whether a server shows names of a kind is known from those that
//! it shows already; where there are none, it is tried, with names that no file has.

use super::Outgoing;
use crate::base::error::{Error, Result};
use crate::storage::failure::FailureKind;
use crate::storage::job::Watch;
use crate::storage::store::{Bytes, Send, Shown, object_name};
use crate::tree::model::change::{Change, Why};
use crate::tree::model::inventory::State;
use crate::tree::model::layout::Names;
use crate::tree::remote::listing::list;
use crate::tree::remote::sent::look;
use crate::tree::remote::unusual_names::{Kinds, PROBES, kinds};
use crate::tree::retry::Attempt;

impl Outgoing<'_> {
    /// Makes odd what the server would not show as it is sent.
    ///
    /// # Errors
    /// An interrupt.
    pub(super) fn doubt(&mut self, watch: &mut dyn Watch) -> Result<()> {
        if !self.store.distinct || !self.store.clear {
            return Ok(());
        }
        let mut wanted = Kinds::default();
        let own = |c: &&mut Change| c.send.is_some() && !c.odd && !c.bundled;
        for change in self.changes.iter_mut().filter(own) {
            let kinds = kinds(change.path());
            // It was there, as the server said of it alone, and no listing shows it.
            change.odd = change.send == Some(Why::ObjectMissing) && !kinds.is_empty();
            wanted = wanted | kinds;
        }
        let unknown = wanted & !self.shown(wanted);
        if unknown.is_empty() {
            return Ok(());
        }
        let bad = match self.probe(unknown, watch) {
            Ok(bad) => bad,
            Err(failure) if failure.kind == FailureKind::Stopped => {
                return Err(Error::interrupted());
            }
            // What keeps the whole from working will be said of the whole.
            Err(_) => return Ok(()),
        };
        for change in self.changes.iter_mut().filter(|change| change.send.is_some()) {
            change.odd |= kinds(change.path()).has(bad);
        }
        Ok(())
    }

    /// The kinds among `wanted` of which the server shows a name.
    fn shown(&self, wanted: Kinds) -> Kinds {
        let mut shown = Kinds::default();
        let Some(last) = self.coming.and_then(|coming| coming.last) else { return shown };
        for entry in last.entries().into_iter().flatten().flatten() {
            let kinds = kinds(&entry.path);
            if kinds.has(wanted & !shown)
                && entry.is_object()
                && !entry.is_odd()
                && self.listing.state(&entry).is_ok_and(|state| state == State::Intact)
            {
                shown = shown | kinds;
            }
        }
        shown
    }

    /// Whether the server takes names for one that differ in case or in normal form. On
    /// S3 they are nothing but their bytes, and yet some keep objects as files.
    ///
    /// # Errors
    /// An interrupt.
    pub(super) fn folds(&self, watch: &mut dyn Watch) -> Result<bool> {
        if !self.store.clear {
            return Ok(false);
        }
        match self.probe_folding(watch) {
            Err(failure) if failure.kind == FailureKind::Stopped => Err(Error::interrupted()),
            // Then each is looked at.
            other => Ok(other.unwrap_or(true)),
        }
    }

    pub(super) fn probe_folding(&self, watch: &mut dyn Watch) -> Attempt<bool> {
        let dir = self.names.odd_dir();
        let place = |name: &str| Bytes(format!("{dir}/{}{name}", Names::PROBES).into_bytes());
        let stored = [place("Fold \u{c9}")];
        self.store_probes(&stored, watch)?;
        let twins = [place("fold \u{e9}"), place("Fold E\u{301}")];
        let shown = look(self.store, &twins, watch);
        self.store.remove(&stored, watch)?;
        let is_there = |shown: Option<Shown>| shown.is_some_and(|shown| shown.failure.is_none());
        Ok(shown?.into_iter().any(is_there))
    }

    /// Stores a name of each of `unknown`, and returns the kinds that are refused, or
    /// shown otherwise.
    fn probe(&self, unknown: Kinds, watch: &mut dyn Watch) -> Attempt<Kinds> {
        let dir = format!("{}/{}", self.names.odd_dir(), Names::PROBES);
        let dir = dir.trim_end_matches('/');
        let probes: Vec<_> = PROBES.into_iter().filter(|(kind, _)| unknown.has(*kind)).collect();
        let names = probes.iter().map(|(_, name)| object_name(name.as_bytes()));
        let names = names.collect::<Attempt<Vec<_>>>()?;
        let places = names.iter().map(|name| Bytes([dir.as_bytes(), b"/", name].concat()));
        let places: Vec<_> = places.collect();
        self.store_probes(&places, watch)?;
        let listed = list(self.store, dir, &[], watch);
        self.store.remove(&places, watch)?;
        let listed = listed?;
        let unseen = probes.iter().zip(&names).filter(|(_, name)| listed.look(name).is_none());
        let bad = unseen.fold(Kinds::default(), |bad, ((kind, _), _)| bad | *kind);
        // White space is of the control characters. A server with a cache of what it was
        // sent may show it as it came now, and otherwise later.
        Ok(if bad.has(Kinds::CONTROL) { bad | Kinds::WHITE } else { bad })
    }

    /// Stores what it can of `places`.
    fn store_probes(&self, places: &[Bytes], watch: &mut dyn Watch) -> Attempt<()> {
        let job = |(id, place): (usize, &Bytes)| Send {
            id: id as u64,
            remote: place.clone(),
            data: Some(Bytes(b"poof\n".to_vec())),
            ..Send::default()
        };
        let mut stopped = None;
        self.store.send(None, None, places.iter().enumerate().map(job), watch, |record| {
            let kind = record.failure.as_ref().map(|failure| failure.kind);
            if matches!(kind, Some(FailureKind::Unreachable | FailureKind::Stopped)) {
                stopped = record.failure;
            }
        })?;
        stopped.map_or(Ok(()), Err)
    }
}

//! What is remembered of the last run, for monitors: a small file in the state directory, a
//! text for Prometheus where poof.conf wants one, and lines of `status --json`.

mod exposition;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::outcome::{Outcome, SnapshotFigures, TreeRun};
use super::session::Session;
use crate::base::error::{Error, Kind, Result};
use crate::base::files::{is_absent, write_private, write_public};
use crate::base::shown::path_of;
use crate::base::units::now;
use crate::config::PoofConf;
use crate::config::metrics::metrics;
use crate::host::plain::read_file;
use crate::report::{Event, event};

/// Of the last run, and of each directory in the last run that it was in. Times are in seconds
/// since 1970.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Figures {
    run: RunFigures,
    /// By the name on the remote.
    trees: BTreeMap<String, TreeFigures>,
    /// Where poof.conf has wanted the text when it could be read last.
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct RunFigures {
    ended: u64,
    seconds: f64,
    exit_code: u8,
    sent_files: u64,
    sent_bytes: u64,
    /// When all was last safe on the remote.
    succeeded: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct TreeFigures {
    run: RunFigures,
    /// The last snapshot.
    snapshot: Option<SnapshotFigures>,
}

/// No text of poof's is larger: some two thousand bytes for each directory.
const LARGEST: u64 = 16 << 20;

fn path(state: &Path) -> PathBuf {
    state.join("figures.json")
}

/// Those of the last run; nothing, if there was none.
fn load(state: &Path) -> Figures {
    let text = fs::read(path(state)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Does the work, and notes how it went, however it ended. `only` are the names of the
/// directories that were asked for; none: all.
///
/// # Errors
/// Those of the work.
pub fn noted(
    session: &Session,
    only: &[String],
    dry_run: bool,
    work: impl FnOnce() -> Result<Outcome>,
) -> Result<Outcome> {
    let begun = Instant::now();
    let result = work();
    // Where poof has removed itself it leaves nothing.
    if !dry_run && session.files.poof.exists() {
        let conf = PoofConf::load(&session.files.poof).ok();
        let seconds = begun.elapsed().as_secs_f64();
        keep(session, &after(load(&session.state), conf.as_ref(), only, seconds, &result));
    }
    result
}

/// The figures after a run that took so many seconds.
fn after(
    mut figures: Figures,
    conf: Option<&PoofConf>,
    only: &[String],
    seconds: f64,
    result: &Result<Outcome>,
) -> Figures {
    let ended = now();
    let (kind, runs) = match result {
        Ok(outcome) => (outcome.kind, outcome.trees.as_slice()),
        Err(error) => (Some(error.kind()), &[][..]),
    };
    let code = |kind: Option<Kind>| kind.map_or(0, Kind::exit_code);
    let is_whole = kind.is_none() && only.is_empty();
    figures.run = RunFigures {
        ended,
        seconds,
        exit_code: code(kind),
        sent_files: runs.iter().map(|tree| tree.files).sum(),
        sent_bytes: runs.iter().map(|tree| tree.bytes).sum(),
        succeeded: if is_whole { Some(ended) } else { figures.run.succeeded },
    };
    let names: Vec<_> = conf.iter().flat_map(|conf| conf.paths()).map(|(_, name)| name).collect();
    if let Some(conf) = conf {
        figures.file = metrics(conf).ok().flatten();
        figures.trees.retain(|name, _| names.contains(&name.as_str()));
    }
    let wanted = |name: &str| only.is_empty() || only.iter().any(|one| one == name);
    for name in names.into_iter().filter(|name| wanted(name)) {
        let run = runs.iter().find(|run| run.name == name);
        let known = figures.trees.entry(name.to_owned()).or_default();
        // What did not come to a directory ended for it as the whole did.
        let kind = run.map_or(kind, |run| run.kind);
        known.run = RunFigures {
            ended,
            seconds: run.map_or(0.0, |run| run.seconds),
            exit_code: code(kind),
            sent_files: run.map_or(0, |run| run.files),
            sent_bytes: run.map_or(0, |run| run.bytes),
            succeeded: if kind.is_none() { Some(ended) } else { known.run.succeeded },
        };
        known.snapshot = run.and_then(|run: &TreeRun| run.snapshot).or(known.snapshot);
    }
    figures
}

/// Writes both files. One that cannot be written is told: nothing else depends on it.
fn keep(session: &Session, figures: &Figures) {
    let report = &*session.report;
    let text = serde_json::to_vec(figures).map_err(|error| Error::unexpected(error.to_string()));
    let noted = text.and_then(|text| write_private(&path(&session.state), &text));
    let written = figures.file.as_deref().map_or(Ok(()), |path| {
        if !is_free(path) {
            let what = format!("{} is not of poof, and stays as it is", path_of(path));
            return Err(Error::config(what));
        }
        write_public(path, exposition::text(figures, label(session)).as_bytes())
    });
    for error in [noted, written].into_iter().filter_map(Result::err) {
        report.warn(error.message());
    }
}

/// What tells this configuration from others in a metric.
fn label(session: &Session) -> &str {
    session.id().map_or("", |id| id.strip_prefix("profile-").unwrap_or(id))
}

/// Whether there is no file at `path`, or one that poof has written.
fn is_free(path: &Path) -> bool {
    match read_file(path, LARGEST) {
        Ok(text) => text.is_empty() || text.starts_with(exposition::BEGINNING.as_bytes()),
        Err(error) => is_absent(&error),
    }
}

/// The file for Prometheus, if poof has written one: it goes with poof.
pub fn written(session: &Session) -> Option<PathBuf> {
    let conf = PoofConf::load(&session.files.poof).ok()?;
    let path = metrics(&conf).ok().flatten()?;
    let text = read_file(&path, LARGEST).ok()?;
    text.starts_with(exposition::BEGINNING.as_bytes()).then_some(path)
}

/// What `status` tells programs.
pub fn tell(session: &Session) {
    let Figures { run, trees, .. } = load(&session.state);
    if run.ended == 0 {
        return;
    }
    let told = |tree: Option<String>, run: RunFigures, snapshot: Option<SnapshotFigures>| {
        let snapshot = snapshot.map(|SnapshotFigures { files, bytes, generation, made }| {
            event::LastSnapshot { generation, made, files, bytes }
        });
        session.report.tell(&Event::LastRun {
            tree,
            ended: run.ended,
            seconds: run.seconds,
            exit_code: run.exit_code,
            succeeded: run.succeeded,
            sent_files: run.sent_files,
            sent_bytes: run.sent_bytes,
            snapshot,
        });
    };
    told(None, run, None);
    for (name, TreeFigures { run, snapshot }) in trees {
        told(Some(name), run, snapshot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(names: &[&str]) -> PoofConf {
        let paths: Vec<_> = names.iter().map(|name| format!("\"/{name}\": \"{name}\"")).collect();
        let text = format!(r#"{{"bucket":"b","remote":"r","paths":{{{}}}}}"#, paths.join(","));
        PoofConf::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_run_that_fails_keeps_what_is_known_of_the_last_success() {
        let mut good = Outcome::default();
        let snapshot = SnapshotFigures { files: 2, bytes: 5, generation: 1, made: 9 };
        let sent = TreeRun { files: 2, bytes: 5, ..TreeRun::new("a", None, 0.5) };
        good.trees.push(TreeRun { snapshot: Some(snapshot), ..sent });
        let both = conf(&["a", "b"]);
        let first = after(Figures::default(), Some(&both), &[], 1.0, &Ok(good));
        let (a, b) = (first.trees["a"], first.trees["b"]);
        assert!(first.run.succeeded.is_some() && b.run.succeeded.is_some() && b.snapshot.is_none());
        assert_eq!((first.run.sent_bytes, a.run.sent_files, a.run.exit_code), (5, 2, 0));

        let gone = Err(Error::new(Kind::Remote, "x"));
        let second = after(first.clone(), Some(&both), &["a".to_owned()], 1.0, &gone);
        let a = second.trees["a"];
        assert_eq!((second.run.exit_code, a.run.exit_code, a.run.sent_bytes), (4, 4, 0));
        assert_eq!(second.run.succeeded, first.run.succeeded);
        assert_eq!(a.run.succeeded, first.trees["a"].run.succeeded);
        assert_eq!(a.snapshot.unwrap().generation, 1);
        assert_eq!(second.trees["b"].run.exit_code, 0, "it was not asked for");

        // One part only is not all, and what is not in poof.conf any more is forgotten.
        let part = after(
            Figures::default(),
            Some(&conf(&["b"])),
            &["b".to_owned()],
            1.0,
            &Ok(Outcome::default()),
        );
        assert!(part.run.succeeded.is_none() && part.trees["b"].run.succeeded.is_some());
        let last = after(second, Some(&conf(&["b"])), &[], 1.0, &Ok(Outcome::default()));
        assert_eq!(last.trees.keys().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn what_is_remembered_is_read_again() {
        let mut figures =
            after(Figures::default(), Some(&conf(&["a"])), &[], 0.25, &Ok(Outcome::default()));
        figures.file = Some("/m/x.prom".into());
        let text = serde_json::to_string(&figures).unwrap();
        let back: Figures = serde_json::from_str(&text).unwrap();
        assert_eq!(exposition::text(&back, "x"), exposition::text(&figures, "x"));
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
    }

    #[test]
    fn a_file_of_somebody_else_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.prom");
        assert!(is_free(&path));
        fs::write(&path, "# HELP node_up x\n").unwrap();
        assert!(!is_free(&path));
        fs::write(&path, exposition::text(&Figures::default(), "")).unwrap();
        assert!(is_free(&path));
        // Nobody waits for one who writes to it.
        fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert!(!is_free(&path));
    }
}

//! Work on the remote as an rclone job: watched while it runs, stopped once
//! when the user asks for it.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::call::{self, Call, call};
use super::requests::{AwaitJob, DeleteStats, DrainLog, Filter, GetStats, JobStop, Settings};
use crate::base::interrupt;
use crate::base::waiting::{self, Waiting};
use crate::storage::failure::Failure;
use crate::storage::job::{Stats, Unwatched, Watch};

/// How long an interrupt may go unnoticed, in milliseconds.
const ATTENTION: u32 = 50;
/// How often a watcher hears of the progress.
const TICK: Duration = Duration::from_millis(200);

/// Runs `request` as a job and waits for its end.
///
/// # Errors
/// What rclone says, classified; a job that was stopped is
/// [`crate::storage::failure::FailureKind::Stopped`].
pub fn run<C: Call>(
    request: &C,
    settings: &Settings,
    filter: &Filter,
    watch: &mut dyn Watch,
) -> Result<C::Reply, Failure> {
    let id = call(&Async { request, background: true, settings, filter })?.jobid;
    let group = format!("job/{id}");
    let mut stopped = false;
    let mut last_tick = Instant::now();
    let outcome = loop {
        let status = call(&AwaitJob { jobid: id, millis: ATTENTION })?;
        waiting::note(status.waiting.map(|seconds| Waiting {
            time: Duration::from_secs(seconds),
            answers: status.answered,
        }));
        if status.finished {
            break status;
        }
        if (watch.stops() && interrupt::requested() || watch.is_over()) && !stopped {
            stopped = true;
            call(&JobStop { jobid: id })?;
        }
        if last_tick.elapsed() >= TICK {
            last_tick = Instant::now();
            tell(id, &group, watch);
        }
    };
    tell(id, &group, watch);
    let _ = call(&DeleteStats { group });
    if !outcome.error.is_empty() {
        return Err(Failure::other("rclone stopped in the middle of the work"));
    }
    call::open(outcome.output.unwrap_or_default(), C::METHOD)
}

/// Runs `request` as a job that nobody watches, with the patience of a probe.
///
/// # Errors
/// As [`run`].
pub fn probe<C: Call>(request: &C) -> Result<C::Reply, Failure> {
    run(request, &Settings::probe(), &Filter::default(), &mut Unwatched)
}

fn tell(id: u64, group: &str, watch: &mut dyn Watch) {
    if let Ok(stats) = call(&GetStats { group: group.to_owned() }) {
        watch.progress(&Stats { job: id, ..stats });
    }
    if let Ok(log) = call(&DrainLog {}) {
        for line in log.lines.iter().flatten() {
            watch.log(line);
        }
    }
}

/// A request that starts as a job.
#[derive(Serialize)]
struct Async<'a, C> {
    #[serde(flatten)]
    request: &'a C,
    #[serde(rename = "_async")]
    background: bool,
    #[serde(rename = "_config")]
    settings: &'a Settings,
    #[serde(rename = "_filter")]
    filter: &'a Filter,
}

impl<C: Call> Call for Async<'_, C> {
    const METHOD: &'static str = C::METHOD;
    type Reply = Started;
}

#[derive(Deserialize)]
struct Started {
    jobid: u64,
}

//! An upload in a hurry: what is most precious goes first, in waves, and it ends in time.
//!
//! Sending stops so early that there is time to prove and to wipe what has arrived. At the end
//! of the time everything stops, as an interrupt would stop it: what is not wiped by then stays.

use std::time::{Duration, Instant};

use super::monitor::Monitor;
use super::outcome::{Outcome, SnapshotFigures};
use super::preflight::Preflight;
use super::runner::{self, Saving, Task};
use super::session::Session;
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::config::Ready;
use crate::config::precious::Precious;
use crate::host::lock::{self, Lock as LocalLock};
use crate::report::{Event, Report};
use crate::storage::job::{LogLine, Stats, Watch};
use crate::tree::backup::{Wave, Waves};
use crate::tree::model::plan::{Failed, Planned, Totals};
use crate::tree::remote::lock::Lock;
use crate::tree::scan::excluded::Extent;

/// Waves have between so many bytes. The first has the least: nobody knows the line yet, and what
/// is on its way at the end has been sent in vain.
const LEAST: u64 = 1 << 20;
const LARGEST: u64 = 1 << 30;

/// So much is wiped in a second, with some room: files, and bytes of them.
const FILES_A_SECOND: f64 = 1_000.0;
const BYTES_A_SECOND: f64 = 100e6;

/// The time for what is not measured: a twentieth of all, and at least so much.
const ROOM: Duration = Duration::from_secs(1);

/// Among what is not precious, files of up to so many bytes go before larger ones, of whichever
/// directory.
const SIZES: [u64; 3] = [1 << 20, 16 << 20, 256 << 20];

/// Other runs of this configuration that stop for one in a hurry: each of them can be run again.
const GIVE_WAY: [&str; 5] = ["backup", "check", "rehearse", "upload", "now"];

/// The time that there is.
pub struct Hurry {
    begun: Instant,
    time: Duration,
    /// Nothing is wiped.
    pub keeps: bool,
}

impl Hurry {
    /// From now on.
    pub fn within(time: Duration, keeps: bool) -> Self {
        Hurry { begun: Instant::now(), time, keeps }
    }

    /// Has this process interrupted at the end.
    pub fn stop_in_time(&self) {
        interrupt::at(self.end());
    }

    fn end(&self) -> Instant {
        self.begun + self.time
    }

    /// Takes the lock of this configuration. Another run that can be run again is asked to stop.
    ///
    /// # Errors
    /// Another poof is at work that cannot stop, or does not stop in a quarter of the time.
    pub fn lock(&self, session: &Session) -> Result<LocalLock> {
        let until = self.begun + self.time / 4;
        let mut asked = false;
        loop {
            let busy = match session.lock() {
                Err(error) if error.kind() == Kind::Busy => error,
                other => return other,
            };
            // Once: who is asked twice ends at once.
            asked = asked || lock::ask_to_stop(&session.state, &GIVE_WAY);
            if Instant::now() > until || !asked {
                return Err(busy);
            }
            interrupt::pause(Duration::from_millis(100))?;
        }
    }

    /// Sends what was surveyed, in waves, as far as there is time. What goes first, `ready` says.
    ///
    /// # Errors
    /// An interrupt, or what keeps the whole from working.
    pub fn carry_out(
        &self,
        sending: &Preflight,
        ready: &Ready,
        backups: Vec<Saving>,
        lock: &Lock,
        mut outcome: Outcome,
    ) -> Result<Outcome> {
        let begun = Instant::now();
        // As long as it took to look what is there, it takes to look again.
        let looking = self.begun.elapsed();
        let report = &*sending.session.report;
        if !backups.is_empty() {
            sending.begin(ready, lock)?;
        }
        let total = backups.iter().map(|saving| saving.backup.plan.totals().bytes).sum();
        let class = |path: &[u8], size| class(ready.precious(), path, size);
        let waiting = backups.into_iter().map(|mut saving| {
            let waves = saving.backup.in_waves(class)?;
            Ok(Waiting { saving, waves })
        });
        let mut waiting = waiting.collect::<Result<Vec<_>>>()?;
        let (mut safe, mut most) = (Wave::default(), LEAST);
        let mut monitor = Monitor::transfer(report, total);
        while let Some(Waiting { saving, waves }) = next(&mut waiting) {
            let (started, until) = (Instant::now(), self.until(looking, safe));
            if started >= until {
                break;
            }
            let name = saving.backup.name().to_owned();
            monitor.begin(&name, most);
            let watch = &mut UntilThen { watch: &mut monitor, until };
            let wave = saving.backup.carry_out_wave(waves, most, lock, watch);
            monitor.progress.end();
            match wave {
                Ok(wave) => {
                    safe.files += wave.files;
                    safe.bytes = safe.bytes.saturating_add(wave.bytes);
                    if wave.files > 0 {
                        tell(report, name, wave, self.end());
                    }
                    most = self.next_size(most, started.elapsed());
                }
                Err(error) => runner::note_failure(report, &mut outcome, error.of_tree(&name))?,
            }
        }
        drop(monitor);
        let until = self.until(looking, safe);
        let last = waiting.into_iter().map(|Waiting { saving, waves }| {
            let waves = Some(waves);
            Last { saving, waves, until }
        });
        runner::since(begun, report, last.collect(), outcome, "sent")
    }

    /// Until when something may be sent, so that there is time to look, to prove, and to wipe
    /// what is `safe`. Half of the time is for sending in any case.
    fn until(&self, looking: Duration, safe: Wave) -> Instant {
        let wipe = if self.keeps { 0.0 } else { seconds(safe) };
        // The last wave is proven and saved, all is looked at again, and the wipe is noted twice.
        let after = 3 * looking + ROOM.max(self.time / 20);
        let after = after + Duration::try_from_secs_f64(wipe).unwrap_or(self.time);
        self.begun + self.time.saturating_sub(after.min(self.time / 2))
    }

    /// How large the next wave is after one that took so long: an eighth of the time is about
    /// right.
    fn next_size(&self, last: u64, took: Duration) -> u64 {
        let right = self.time / 8;
        let next = if took * 2 < right {
            last.saturating_mul(2)
        } else if took > right * 2 {
            last / 2
        } else {
            last
        };
        next.clamp(LEAST, LARGEST)
    }
}

#[allow(clippy::cast_precision_loss)] // an estimate
fn seconds(Wave { files, bytes }: Wave) -> f64 {
    files as f64 / FILES_A_SECOND + bytes as f64 / BYTES_A_SECOND
}

/// When a file goes: what is precious in the order of poof.conf, then small before large.
fn class(precious: &Precious, path: &[u8], size: u64) -> usize {
    let rank = precious.rank(path);
    if rank + 1 < precious.ranks() {
        return rank;
    }
    rank + SIZES.iter().take_while(|limit| size > **limit).count()
}

/// Of all directories that whose next file goes first.
fn next<'w, 'a, 'l>(waiting: &'w mut [Waiting<'a, 'l>]) -> Option<&'w mut Waiting<'a, 'l>> {
    let waiting = waiting.iter_mut().filter_map(|one| Some((one.waves.next()?, one)));
    waiting.min_by_key(|(place, _)| *place).map(|(_, one)| one)
}

fn tell(report: &dyn Report, tree: String, Wave { files, bytes }: Wave, end: Instant) {
    let left = end.saturating_duration_since(Instant::now()).as_secs();
    report.tell(&Event::Wave { tree, files, bytes, left });
}

/// The backup of a directory, and what of it waits.
struct Waiting<'a, 'l> {
    saving: Saving<'a, 'l>,
    waves: Waves,
}

/// The last step of a directory: what no wave could take, and what goes on the remote.
struct Last<'a, 'l> {
    saving: Saving<'a, 'l>,
    /// None: it is done.
    waves: Option<Waves>,
    /// Until when there is time for it.
    until: Instant,
}

impl Task for Last<'_, '_> {
    fn name(&self) -> &str {
        self.saving.name()
    }

    fn plan(&self) -> &dyn Planned {
        self.saving.plan()
    }

    fn carry_out(&mut self, watch: &mut dyn Watch) -> Result<Vec<Failed>> {
        let Some(waves) = self.waves.take() else { return Ok(Vec::new()) };
        let Saving { backup, lock } = &mut self.saving;
        let lock = (Instant::now() < self.until).then_some(*lock);
        backup.after_waves(waves, lock, &mut UntilThen { watch, until: self.until })
    }

    fn done(&self, failed: &[Failed]) -> Totals {
        self.saving.done(failed)
    }

    fn excluded(&self) -> Option<Extent> {
        self.saving.excluded()
    }

    fn notes(&self) -> &[String] {
        self.saving.notes()
    }

    fn leaves_out(&self) -> bool {
        self.saving.leaves_out()
    }

    fn snapshot(&self) -> Option<SnapshotFigures> {
        self.saving.snapshot()
    }
}

/// Watches as another does, until there is no time to send more.
struct UntilThen<'a> {
    watch: &'a mut dyn Watch,
    until: Instant,
}

impl Watch for UntilThen<'_> {
    fn progress(&mut self, stats: &Stats) {
        self.watch.progress(stats);
    }

    fn log(&mut self, line: &LogLine) {
        self.watch.log(line);
    }

    fn is_over(&self) -> bool {
        self.watch.is_over()
    }

    fn stops(&self) -> bool {
        self.watch.stops()
    }

    fn sends_no_more(&self) -> bool {
        Instant::now() >= self.until
    }
}

/// What is said where the time was up: that is no interrupt by the user.
pub fn in_time(result: Result<Outcome>) -> Result<Outcome> {
    result.map_err(|error| match error.kind() {
        Kind::Interrupted if interrupt::time_is_up() => {
            let what = error.to_string();
            let what = what.strip_prefix("interrupted: ").unwrap_or("nothing more was done");
            Error::new(Kind::Unproven, format!("the time is up: {what}"))
                .hint("What is here is as it was. `poof upload` goes on.")
        }
        _ => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PoofConf;
    use crate::config::precious::precious;

    #[test]
    fn what_is_precious_goes_first_and_then_small_before_large() {
        let text =
            br#"{"bucket": "b", "remote": "r", "paths": {}, "precious": ["*.kdbx", "m/**"]}"#;
        let precious = precious(&PoofConf::parse(text).unwrap()).unwrap();
        let of = |path: &str, size| class(&precious, path.as_bytes(), size);
        assert_eq!((of("a.kdbx", 1 << 40), of("m/x", 0)), (0, 1));
        assert_eq!((of("a", 0), of("a", 1 << 20), of("a", (1 << 20) + 1)), (2, 2, 3));
        assert_eq!((of("a", 17 << 20), of("a", 1 << 40)), (4, 5));
    }

    #[test]
    fn there_is_time_to_wipe_what_is_safe_and_to_send_at_least_half_of_it() {
        let begun = Instant::now();
        let of = |keeps| Hurry { begun, time: Duration::from_secs(90), keeps };
        let look = Duration::from_secs(2);
        let left =
            |hurry: &Hurry, files, bytes| hurry.end() - hurry.until(look, Wave { files, bytes });
        assert_eq!(left(&of(false), 0, 0), Duration::from_millis(10_500));
        assert_eq!(left(&of(false), 2_000, 1_000_000_000), Duration::from_millis(22_500));
        assert_eq!(left(&of(true), 2_000, 1_000_000_000), Duration::from_millis(10_500));
        assert_eq!(left(&of(false), u64::MAX, u64::MAX), Duration::from_secs(45));
    }

    #[test]
    fn a_wave_takes_about_an_eighth_of_the_time() {
        let begun = Instant::now();
        let hurry = Hurry { begun, time: Duration::from_secs(80), keeps: false };
        let next = |seconds| hurry.next_size(4 * LEAST, Duration::from_secs(seconds));
        assert_eq!((next(1), next(8), next(30)), (8 * LEAST, 4 * LEAST, 2 * LEAST));
        assert_eq!(hurry.next_size(LEAST, Duration::from_secs(80)), LEAST);
        assert_eq!(hurry.next_size(LARGEST, Duration::ZERO), LARGEST);
    }
}

//! Shows a job of rclone as progress and, with `-vv`, its log.

use crate::report::progress::Progress;
use crate::report::{Note, Report};
use crate::storage::job::{Busy, LogLine, Stats, Watch};

pub struct Monitor<'a> {
    report: &'a dyn Report,
    pub progress: Progress,
    /// Bytes of earlier jobs of the same tree.
    before: u64,
    /// The job that is watched, and its bytes.
    last: (u64, u64),
    /// Goes before the file that is on the way.
    doing: String,
}

impl<'a> Monitor<'a> {
    /// For a comparison, of which no end is known.
    pub fn comparison(report: &'a dyn Report, name: &str) -> Self {
        let progress = Progress::unmeasured(report.shows_progress());
        progress.update(0, &format!("comparing {name}"));
        Monitor { report, progress, before: 0, last: (0, 0), doing: format!("comparing {name}: ") }
    }

    /// For a transfer of `total` bytes, over all trees.
    pub fn transfer(report: &'a dyn Report, total: u64) -> Self {
        let progress = Progress::new(report.shows_progress(), total);
        Monitor { report, progress, before: 0, last: (0, 0), doing: String::new() }
    }

    pub fn begin(&mut self, name: &str, bytes: u64) {
        (self.before, self.last) = (0, (0, 0));
        self.progress.begin(name, bytes);
    }
}

impl Watch for Monitor<'_> {
    fn progress(&mut self, stats: &Stats) {
        let (job, bytes) = self.last;
        if stats.job != job {
            self.before += bytes;
        }
        self.last = (stats.job, stats.bytes);
        let busy = stats.transferring.iter().chain(&stats.checking).flatten();
        let file = busy.map(Busy::name).next().unwrap_or_default();
        self.progress.update(self.before + stats.bytes, &format!("{}{file}", self.doing));
        if let Some(standing) = self.progress.line() {
            self.report.say(Note::Going { standing, file: file.to_owned() });
        }
    }

    fn log(&mut self, line: &LogLine) {
        let LogLine { level, object, text } = line;
        let about = if object.is_empty() { String::new() } else { format!("{object}: ") };
        let said = format!("rclone {level}: {about}{text}");
        self.progress.aside(|| self.report.say(Note::Rclone(said)));
    }
}

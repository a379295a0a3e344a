//! Shows a job of rclone as progress and, with `--verbose`, its log.

use crate::base::progress::Progress;
use crate::base::terminal::Terminal;
use crate::storage::job::Watch;
use crate::storage::rclone::requests::{Busy, LogLine, Stats};

pub struct Monitor<'a> {
    terminal: &'a Terminal,
    pub progress: Progress,
    /// Bytes of earlier jobs of the same tree.
    before: u64,
    last: u64,
    /// Goes before the file that is on the way.
    doing: String,
}

impl<'a> Monitor<'a> {
    /// For a comparison, of which no end is known.
    pub fn comparison(terminal: &'a Terminal, name: &str) -> Self {
        let progress = Progress::unmeasured(terminal.shows_progress());
        progress.update(0, &format!("comparing {name}"));
        Monitor { terminal, progress, before: 0, last: 0, doing: format!("comparing {name}: ") }
    }

    /// For a transfer of `total` bytes, over all trees.
    pub fn transfer(terminal: &'a Terminal, total: u64) -> Self {
        let progress = Progress::new(terminal.shows_progress(), total);
        Monitor { terminal, progress, before: 0, last: 0, doing: String::new() }
    }

    pub fn begin(&mut self, name: &str, bytes: u64) {
        (self.before, self.last) = (0, 0);
        self.progress.begin(name, bytes);
    }
}

impl Watch for Monitor<'_> {
    fn progress(&mut self, stats: &Stats) {
        if stats.bytes < self.last {
            // A new job counts from zero.
            self.before += self.last;
        }
        self.last = stats.bytes;
        let busy = stats.transferring.iter().chain(&stats.checking).flatten();
        let file = busy.map(Busy::name).next().unwrap_or_default();
        self.progress.update(self.before + stats.bytes, &format!("{}{file}", self.doing));
    }

    fn log(&mut self, line: &LogLine) {
        let LogLine { level, object, text } = line;
        let about = if object.is_empty() { String::new() } else { format!("{object}: ") };
        let said = format!("rclone {level}: {about}{text}");
        self.progress.aside(|| self.terminal.detail(&said));
    }
}

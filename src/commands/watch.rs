//! Shows a job of rclone as progress and, with `--verbose`, its log.

use crate::base::progress::Progress;
use crate::base::terminal::Terminal;
use crate::storage::job::Watch;
use crate::storage::rclone::requests::{LogLine, Stats};

pub struct Monitor<'a> {
    terminal: &'a Terminal,
    pub progress: Progress,
    /// Bytes of earlier jobs of the same tree.
    before: u64,
    last: u64,
}

impl<'a> Monitor<'a> {
    /// `total` is in bytes, over all trees.
    pub fn new(terminal: &'a Terminal, total: u64) -> Self {
        let visible = terminal.shows_progress();
        Monitor { terminal, progress: Progress::new(visible, total), before: 0, last: 0 }
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
        let file = stats.transferring.iter().flatten().next().map_or("", |t| t.name.as_str());
        self.progress.update(self.before + stats.bytes, file);
    }

    fn log(&mut self, line: &LogLine) {
        let LogLine { level, object, text } = line;
        let about = if object.is_empty() { String::new() } else { format!("{object}: ") };
        let said = format!("rclone {level}: {about}{text}");
        self.progress.aside(|| self.terminal.detail(&said));
    }
}

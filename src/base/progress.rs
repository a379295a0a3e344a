//! Progress on a terminal: the tree at work, all of them, and the current file.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Three lines at the bottom of the terminal, or nothing.
pub struct Progress {
    lines: MultiProgress,
    tree: ProgressBar,
    all: ProgressBar,
    file: ProgressBar,
    /// Bytes of the trees that are done.
    before: u64,
}

impl Progress {
    /// `total` is in bytes, over all trees.
    pub fn new(visible: bool, total: u64) -> Self {
        let numbers = "{binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} eta {eta}";
        let bar = format!("{{prefix:16!}} {{bar:20}} {numbers}");
        let progress = Progress::with(visible, &bar, total);
        progress.all.set_prefix("all");
        progress
    }

    /// For work whose size is not known: the current file alone.
    pub fn unmeasured(visible: bool) -> Self {
        Progress::with(visible, "", 0)
    }

    fn with(visible: bool, bar: &str, total: u64) -> Self {
        let target =
            if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let lines = MultiProgress::with_draw_target(target);
        let line = |template: &str, length: u64| {
            let style = ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            let line = ProgressBar::new(length).with_style(style);
            if template.is_empty() {
                return line;
            }
            let line = lines.add(line);
            line.enable_steady_tick(Duration::from_millis(200));
            line
        };
        Progress {
            tree: line(bar, 0),
            all: line(bar, total),
            file: line("{wide_msg}", 0),
            before: 0,
            lines,
        }
    }

    /// The next tree, of `bytes` to move.
    pub fn begin(&mut self, name: &str, bytes: u64) {
        self.tree.reset();
        self.tree.set_prefix(name.to_owned());
        self.tree.set_length(bytes);
    }

    /// `done` bytes of this tree are moved, and `file` is on the way.
    pub fn update(&self, done: u64, file: &str) {
        let done = done.min(self.tree.length().unwrap_or(done));
        self.tree.set_position(done);
        self.all.set_position(self.before + done);
        self.file.set_message(file.to_owned());
    }

    /// The tree is done.
    pub fn end(&mut self) {
        self.before += self.tree.length().unwrap_or(0);
        self.all.set_position(self.before);
    }

    /// Runs `speak` with the lines out of the way.
    pub fn aside(&self, speak: impl FnOnce()) {
        self.lines.suspend(speak);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        for bar in [&self.tree, &self.all, &self.file] {
            bar.finish_and_clear();
        }
    }
}

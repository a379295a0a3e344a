//! Progress on a terminal: the tree at work, all of them, and the current file.

use std::fmt::Write;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::pace::{Beat, Pace};
use super::screen::{self, Screen};
use crate::base::shown::one_line;
use crate::base::waiting;

/// Times a second.
const REFRESH: u8 = 10;

/// Where there is no terminal, a line says how far it is, this often.
const LINE: Duration = Duration::from_mins(3);

/// What a line of numbers holds at a width: as much as fits there in any
/// case, most useful first.
fn template(width: u16) -> &'static str {
    match width {
        117.. => "{prefix:24!} {bar:40} {binary_bytes}/{binary_total_bytes} {rate} eta {left}",
        80.. => "{prefix:14!} {wide_bar} {binary_bytes}/{binary_total_bytes} {rate} eta {left}",
        // A terminal of 80 columns, without the margin.
        76.. => "{prefix:10!} {wide_bar} {binary_bytes}/{binary_total_bytes} {rate} eta {left}",
        52.. => "{prefix:12!} {wide_bar} {percent:>3}% {rate} eta {left}",
        34.. => "{prefix:8!} {wide_bar} {percent:>3}% eta {left}",
        14.. => "{prefix:8!} {percent:>3}%",
        _ => "{percent:>3}%",
    }
}

/// The pace, which the lines of numbers and the work share.
type Shared = Arc<Mutex<Pace>>;

fn with<T>(pace: &Shared, of: impl FnOnce(&mut Pace) -> T) -> T {
    of(&mut pace.lock().unwrap_or_else(PoisonError::into_inner))
}

fn style(template: &str, pace: &Shared) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let (rate, left) = (Arc::clone(pace), Arc::clone(pace));
    style
        .with_key("rate", move |_: &ProgressState, out: &mut dyn Write| {
            let _ = out.write_str(&with(&rate, |pace| pace.rate_text()));
        })
        .with_key("left", move |state: &ProgressState, out: &mut dyn Write| {
            let more = state.len().unwrap_or(0).saturating_sub(state.pos());
            let _ = out.write_str(&with(&left, |pace| pace.left_text(more)));
        })
}

/// How far the work is, in words.
#[derive(Debug, Clone)]
pub struct Standing {
    pub tree: String,
    pub done: u64,
    pub total: u64,
    /// A second.
    pub rate: String,
    pub left: String,
}

/// Three lines at the bottom of the terminal, or nothing.
pub struct Progress {
    lines: MultiProgress,
    tree: ProgressBar,
    all: ProgressBar,
    file: ProgressBar,
    /// Bytes of the trees that are done.
    before: u64,
    pace: Shared,
    begun: Instant,
    /// Of all that is to be moved; None: nobody knows.
    total: Option<u64>,
    done: AtomicU64,
    beat: Mutex<Beat>,
    is_visible: bool,
    /// Of the terminal, when the lines of numbers were laid out. None: there are none.
    width: Option<AtomicU16>,
}

impl Progress {
    /// `total` is in bytes, over all trees.
    pub fn new(visible: bool, total: u64) -> Self {
        let width = screen::width();
        let mut progress = Progress::with(visible, template(width), total);
        progress.width = Some(AtomicU16::new(width));
        progress.all.set_prefix("all");
        progress.total = Some(total);
        with(&progress.pace, |pace| pace.note(Duration::ZERO, 0));
        progress
    }

    /// For work whose size is not known: the current file alone.
    pub fn unmeasured(visible: bool) -> Self {
        Progress::with(visible, "", 0)
    }

    fn with(visible: bool, bar: &str, total: u64) -> Self {
        waiting::shown(visible);
        let target = if visible {
            ProgressDrawTarget::term_like_with_hz(Box::new(Screen::default()), REFRESH)
        } else {
            ProgressDrawTarget::hidden()
        };
        let lines = MultiProgress::with_draw_target(target);
        let pace = Shared::default();
        let line = |template: &str, length: u64| {
            let line = ProgressBar::new(length).with_style(style(template, &pace));
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
            width: None,
            lines,
            pace,
            begun: Instant::now(),
            total: None,
            done: AtomicU64::new(0),
            beat: Mutex::new(Beat::every(LINE)),
            is_visible: visible,
        }
    }

    /// The next tree, of `bytes` to move.
    pub fn begin(&mut self, name: &str, bytes: u64) {
        self.tree.reset();
        self.tree.set_prefix(one_line(name).into_owned());
        self.tree.set_length(bytes);
    }

    /// `done` bytes of this tree are moved, and `file` is on the way.
    pub fn update(&self, done: u64, file: &str) {
        self.fit();
        let done = done.min(self.tree.length().unwrap_or(done));
        self.tree.set_position(done);
        self.all.set_position(self.before + done);
        self.done.store(self.before + done, Ordering::Relaxed);
        with(&self.pace, |pace| pace.note(self.begun.elapsed(), self.before + done));
        let message = waiting::text().unwrap_or_else(|| one_line(file).into_owned());
        self.file.set_message(message);
    }

    /// How far it is, every few minutes, where no terminal shows it.
    pub fn line(&self) -> Option<Standing> {
        let total = self.total.filter(|_| !self.is_visible)?;
        let mut beat = self.beat.lock().unwrap_or_else(PoisonError::into_inner);
        if !beat.is_due(self.begun.elapsed()) {
            return None;
        }
        let done = self.done.load(Ordering::Relaxed);
        let more = total.saturating_sub(done);
        let (rate, left) = with(&self.pace, |pace| (pace.rate_text(), pace.left_text(more)));
        Some(Standing { tree: self.tree.prefix(), done, total, rate, left })
    }

    /// Lays the lines out anew if the terminal has another width than before.
    fn fit(&self) {
        let (Some(laid_out), now) = (&self.width, screen::width()) else { return };
        if template(laid_out.swap(now, Ordering::Relaxed)) != template(now) {
            for bar in [&self.tree, &self.all] {
                bar.set_style(style(template(now), &self.pace));
            }
        }
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
        waiting::shown(false);
        for bar in [&self.tree, &self.all, &self.file] {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // At its widest a line shows `1023.99 MiB/1023.99 GiB 1023.99 MiB/s eta 9:59:59`.
    #[test]
    fn a_line_of_numbers_has_its_place_at_every_width() {
        const WIDEST: [(&str, usize); 7] = [
            ("{binary_bytes}", 11),
            ("{binary_total_bytes}", 11),
            ("{rate}", 13),
            ("{left}", 7),
            ("{percent:>3}", 4),
            ("{wide_bar}", 1),
            ("{bar:40}", 40),
        ];
        for width in 5..300_u16 {
            let mut text = template(width).to_owned();
            for (key, wide) in WIDEST {
                text = text.replace(key, &"x".repeat(wide));
            }
            for prefix in [8, 10, 12, 14, 24] {
                text = text.replace(&format!("{{prefix:{prefix}!}}"), &"p".repeat(prefix));
            }
            assert!(!text.contains('{') && text.len() <= width.into(), "{width}: {text}");
            assert!(ProgressStyle::with_template(template(width)).is_ok());
        }
    }
}

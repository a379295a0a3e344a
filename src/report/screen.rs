//! The last lines of a terminal, drawn over again and again, whatever its width
//! becomes meanwhile. Between two lines is a line feed, so that a terminal that
//! breaks long lines anew when it is resized joins none of them.

use std::env;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::TermLike;
use rustix::termios::tcgetwinsize;
use unicode_width::UnicodeWidthStr;

/// Kept free at the right: the `^C` that the terminal itself shows.
const MARGIN: u16 = 3;

#[derive(Debug, Default)]
pub struct Screen {
    lines: Mutex<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    /// Widths of those on the screen. The cursor is at the end of the last.
    drawn: Vec<usize>,
    next: Vec<String>,
    /// indicatif fills each line with blanks, in a call of its own.
    filler: bool,
}

/// Columns and rows of the terminal at standard error.
pub fn size() -> (u16, u16) {
    match tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        _ => (80, 24),
    }
}

/// Columns that a line may have.
pub fn width() -> u16 {
    size().0.saturating_sub(MARGIN).max(1)
}

/// How many rows up the first of some lines began, in a terminal that is now so
/// many columns wide. One that does not break lines anew has cut them instead.
fn rows_above(drawn: &[usize], columns: usize, breaks: bool) -> usize {
    let rows = |width: &usize| if breaks { width.div_ceil(columns.max(1)).max(1) } else { 1 };
    drawn.iter().map(rows).sum::<usize>().saturating_sub(1)
}

/// Whether this terminal breaks long lines anew when it is resized. Those that do
/// not say who they are.
fn breaks_lines() -> bool {
    let tmux = env::var_os("TMUX").is_some();
    tmux || ["XTERM_VERSION", "STY"].iter().all(|name| env::var_os(name).is_none())
}

/// What takes the lines off the screen that are there, and shows others.
fn frame(lines: &mut Lines, columns: usize, breaks: bool) -> String {
    let clear = match rows_above(&lines.drawn, columns, breaks) {
        _ if lines.drawn.is_empty() => String::new(),
        0 => "\r\x1b[J".to_owned(),
        up => format!("\r\x1b[{up}A\x1b[J"),
    };
    let next = std::mem::take(&mut lines.next);
    let text = clear + &next.join("\r\n");
    lines.drawn = next.iter().map(|line| line.width()).collect();
    lines.filler = false;
    text
}

impl Screen {
    fn with<T>(&self, act: impl FnOnce(&mut Lines) -> T) -> T {
        act(&mut self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// indicatif clears what it has drawn and writes all lines anew, row by row; that is
/// one frame here.
impl TermLike for Screen {
    fn width(&self) -> u16 {
        width()
    }

    fn height(&self) -> u16 {
        size().1
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.with(|lines| lines.next.push(line.to_owned()));
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.with(|lines| {
            if !lines.filler {
                lines.next.push(text.trim_end().to_owned());
            }
            lines.filler = !lines.filler;
        });
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let columns = usize::from(size().0);
        let frame = self.with(|lines| frame(lines, columns, breaks_lines()));
        let mut err = io::stderr().lock();
        err.write_all(frame.as_bytes())?;
        err.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(lines: &mut Lines, next: &[&str], columns: usize, breaks: bool) -> String {
        lines.next = next.iter().map(|line| (*line).to_owned()).collect();
        frame(lines, columns, breaks)
    }

    #[test]
    fn what_is_drawn_is_taken_away_whatever_the_width_is_now() {
        let mut lines = Lines::default();
        assert_eq!(drawn(&mut lines, &["tree", "file"], 80, true), "tree\r\nfile");
        assert_eq!(
            drawn(&mut lines, &["0123456789", "file"], 80, true),
            "\r\x1b[1A\x1b[Jtree\r\nfile".replace("tree", "0123456789")
        );
        // Ten columns are three rows of four.
        assert_eq!(drawn(&mut lines, &["a"], 4, true), "\r\x1b[3A\x1b[Ja");
        assert_eq!(drawn(&mut lines, &["0123456789", "b"], 4, true), "\r\x1b[J0123456789\r\nb");
        assert_eq!(drawn(&mut lines, &[], 4, false), "\r\x1b[1A\x1b[J");
        assert_eq!(drawn(&mut lines, &["c"], 4, true), "c");
    }

    #[test]
    fn letters_that_are_two_columns_wide_count_as_two() {
        let mut lines = Lines::default();
        drawn(&mut lines, &["日本日本"], 80, true);
        assert_eq!(drawn(&mut lines, &[], 4, true), "\r\x1b[1A\x1b[J");
    }
}

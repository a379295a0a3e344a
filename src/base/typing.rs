//! What a person types, or what is on standard input, line by line, while other work goes
//! on: nobody has to wait for it, and an interrupt ends it at once.

use std::io::{self, BufRead, IsTerminal, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::error::{Error, Kind, Result};
use super::interrupt;
use super::secret::Secret;

/// More than a line ever has, in bytes.
const LONGEST: usize = 64 << 10;

/// Standard input while somebody listens to it. When this is dropped the terminal is as it was.
pub struct Typing {
    lines: Receiver<Secret>,
    /// The terminal as it was, if it is one.
    before: Option<Termios>,
    /// Nobody listens any more: the next key is for somebody else.
    over: Arc<AtomicBool>,
}

/// Standard input, of which no more is taken than is asked for, and nothing once it is over.
struct Unbuffered {
    over: Arc<AtomicBool>,
}

impl Read for Unbuffered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        let input = io::stdin();
        while !self.over.load(Ordering::Relaxed) {
            let mut ready = [PollFd::new(&input, PollFlags::IN)];
            match poll(&mut ready, Some(&LOOK)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(rustix::io::read(&input, buffer)?),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(0)
    }
}

/// A terminal that does not show what is typed. When this is dropped it is as it was.
pub struct Unseen(Option<Termios>);

impl Unseen {
    pub fn begin() -> Self {
        let before = io::stdin().is_terminal().then(|| tcgetattr(io::stdin()).ok()).flatten();
        if let Some(before) = &before {
            let mut modes = before.clone();
            modes.local_modes.remove(LocalModes::ECHO);
            modes.local_modes.insert(LocalModes::ECHONL);
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
        }
        Unseen(before)
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

/// The next line of standard input, with its end; None: there is no more.
///
/// # Errors
/// It cannot be read, or an interrupt ends the wait.
pub fn line() -> Result<Option<Secret>> {
    let (tell, line) = mpsc::channel();
    // Reading goes on after a signal (SA_RESTART), so somebody else reads.
    thread::spawn(move || {
        let mut line = Zeroizing::new(String::new());
        let read = io::stdin().lock().take(LONGEST as u64).read_line(&mut line);
        let _ = tell.send(read.map(|size| (size > 0).then(|| Secret::from(line))));
    });
    loop {
        match line.recv_timeout(Duration::from_millis(50)) {
            Ok(read) => {
                let failed = |error| Error::io("read", Path::new("standard input"), &error);
                return read.map_err(|error| failed(error).with_kind(Kind::Usage));
            }
            Err(_) => interrupt::check()?,
        }
    }
}

/// What has been typed.
pub enum Typed {
    Line(Secret),
    Nothing,
    /// There is no more.
    End,
}

impl Typing {
    pub fn begin() -> Self {
        let (tell, lines) = mpsc::channel();
        let over = Arc::new(AtomicBool::new(false));
        let mut input = Unbuffered { over: Arc::clone(&over) };
        thread::spawn(move || listen(&mut input, &tell));
        let before = io::stdin().is_terminal().then(|| tcgetattr(io::stdin()).ok()).flatten();
        Typing { lines, before, over }
    }

    /// Whether what is typed is shown. What is not shown may be longer than a line of a
    /// terminal (macOS: 1,024 bytes): an address with a code in it is.
    pub fn show(&self, shown: bool) {
        if let Some(before) = &self.before {
            let mut modes = before.clone();
            if !shown {
                modes.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
            }
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
        }
    }

    pub fn line(&self) -> Typed {
        match self.lines.try_recv() {
            Ok(line) => Typed::Line(line),
            Err(TryRecvError::Empty) => Typed::Nothing,
            Err(TryRecvError::Disconnected) => Typed::End,
        }
    }
}

impl Drop for Typing {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.show(true);
    }
}

/// Passes lines on until the end, or until nobody listens. Where the terminal does not do
/// it, the keys that take back what was typed are obeyed here.
fn listen(input: &mut impl Read, tell: &Sender<Secret>) {
    const END: u8 = 4;
    const BACKSPACE: [u8; 2] = [8, 127];
    const KILL: u8 = 21;
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        let is_last = !matches!(input.read(&mut byte), Ok(1)) || byte[0] == END;
        match byte[0] {
            _ if is_last && line.is_empty() => return,
            b'\n' | b'\r' if !is_last => {}
            _ if is_last => {}
            KILL => {
                line.clear();
                continue;
            }
            key if BACKSPACE.contains(&key) => {
                let text = String::from_utf8_lossy(&line);
                let mut chars = text.chars();
                chars.next_back();
                line = chars.as_str().as_bytes().to_vec();
                continue;
            }
            other => {
                if line.len() < LONGEST {
                    line.push(other);
                }
                continue;
            }
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        line.clear();
        if tell.send(Secret::new(text)).is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(typed: &[u8]) -> Vec<String> {
        let (tell, lines) = mpsc::channel();
        listen(&mut &*typed, &tell);
        drop(tell);
        lines.iter().map(|line| line.expose().to_owned()).collect()
    }

    #[test]
    fn lines_end_with_any_end_and_keys_that_take_back_are_obeyed() {
        assert_eq!(heard(b"one\ntwo\rthree"), ["one", "two", "three"]);
        assert_eq!(heard("wrong\u{15}rig\u{e4}\u{7f}ht\n".as_bytes()), ["right"]);
        assert_eq!(heard(b"\n"), [""]);
        assert_eq!(heard(b"a\x04b\n"), ["a"]);
        assert_eq!(heard(b""), [""; 0]);
        assert_eq!(heard(&vec![b'x'; LONGEST + 9])[0].len(), LONGEST);
    }
}

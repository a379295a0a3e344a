//! What a test leaves out because this machine cannot do it. It is shown, and it is
//! counted by `scripts/count-skipped.sh`, which fails for it in CI unless that machine is
//! known to lack the same.

use std::env;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write};
use std::thread;

/// What a machine lacks, in the words of `POOF_MAY_SKIP`.
#[derive(Clone, Copy)]
pub enum Lacks {
    /// The rights of root.
    Root,
    /// The right to mount, or loop devices, or FUSE.
    Mount,
    /// A file system that the kernel knows and that can be made here.
    FileSystem,
    /// A way out to a network, or the right to take it away.
    Network,
    /// A program of others that could not be installed.
    Tool,
}

impl Lacks {
    fn word(self) -> &'static str {
        match self {
            Lacks::Root => "root",
            Lacks::Mount => "mount",
            Lacks::FileSystem => "file-system",
            Lacks::Network => "network",
            Lacks::Tool => "tool",
        }
    }
}

/// Says that the test that calls this leaves something out, and why.
pub fn skipped(lacks: Lacks, why: impl Display) {
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    let line = format!("{}\t{test}\t{}\n", lacks.word(), why.to_string().replace('\n', " "));
    // Unlike what is printed, this is shown of a test that passes, too.
    let _ = io::stderr().write_all(format!("skipped: {line}").as_bytes());
    if let Some(list) = env::var_os("POOF_SKIPPED") {
        // Lines that are appended at once do not mix.
        File::options().append(true).open(list).unwrap().write_all(line.as_bytes()).unwrap();
    }
}

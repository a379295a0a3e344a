//! The program poof; lib.rs is the map of it.

use std::process::ExitCode;

fn main() -> ExitCode {
    poof::run()
}

//! poof beside rclone's own command line at its default settings, in pairs in one
//! run: `make bench`. Times on a shared machine are noisy; the ratios are what
//! counts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stdout, missing_docs)]
#![allow(dead_code, unused_imports)] // the harness is that of the tests

#[path = "../tests/it/harness/mod.rs"]
mod harness;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use harness::{Config, Proxy, Sandbox, Snapshot, assert_same_content, grow, minio, stock_rclone};

/// What one run of a program cost.
struct Cost {
    time: Duration,
    /// Largest resident set, in bytes.
    memory: u64,
}

/// Pairs of runs, poof and rclone in turn.
struct Pairs {
    what: &'static str,
    poof: Vec<Cost>,
    rclone: Vec<Cost>,
}

fn main() {
    println!("{:<40} {:>10} {:>10} {:>6} {:>21}", "", "poof", "rclone", "ratio", "memory");
    sizes();
    start_up();
    small_files(1);
    large_file(3);
}

fn sizes() {
    let kib = |path: &Path| fs::metadata(path).unwrap().len() >> 10;
    let (poof, rclone) = (kib(Path::new(env!("CARGO_BIN_EXE_poof"))), kib(&stock_rclone()));
    println!("{:<40} {poof:>6} KiB {rclone:>6} KiB", "size of the program");
}

fn start_up() {
    let sandbox = Sandbox::new();
    let mut pairs = Pairs::new("start: `poof paths`, `rclone version`");
    for _ in 0..20 {
        pairs.poof.push(cost(&sandbox, Path::new(env!("CARGO_BIN_EXE_poof")), &["paths"]));
        pairs.rclone.push(cost(&sandbox, &stock_rclone(), &["version"]));
    }
    pairs.print();
}

/// One file of 2 GiB, up and down on loopback.
fn large_file(runs: usize) {
    let (mut up, mut down) = (Pairs::new("one 2 GiB file up"), Pairs::new("one 2 GiB file down"));
    let source = tempfile::tempdir().unwrap();
    grow(source.path(), 1, 2 << 30..=2 << 30, 1);
    let original = Snapshot::of(source.path());
    for _ in 0..runs {
        let (ours, theirs) = (Peer::new(source.path(), None), Peer::new(source.path(), None));
        up.poof.push(ours.poof(&["backup", "--only", "tree"]));
        up.rclone.push(theirs.rclone_up());
        down.poof.push(ours.poof(&["download", "--only", "tree", "--to", "back"]));
        down.rclone.push(theirs.rclone_down());
        for back in [ours.home("back/tree"), theirs.home("back")] {
            assert_same_content(&original, &Snapshot::of(&back));
        }
        ours.forget();
        theirs.forget();
    }
    up.print();
    down.print();
}

/// A first backup of 5,000 files of 1 to 64 KiB, 30 ms away, and one more.
fn small_files(runs: usize) {
    let mut first = Pairs::new("first backup, 5,000 files at +30 ms");
    let mut again = Pairs::new("the same without changes");
    let source = tempfile::tempdir().unwrap();
    grow(source.path(), 5_000, 1 << 10..=64 << 10, 1);
    for _ in 0..runs {
        let latency = Some(Duration::from_millis(30));
        let (ours, theirs) = (Peer::new(source.path(), latency), Peer::new(source.path(), latency));
        first.poof.push(ours.poof(&["backup", "--only", "tree"]));
        first.rclone.push(theirs.rclone_up());
        again.poof.push(ours.poof(&["backup", "--only", "tree"]));
        again.rclone.push(theirs.rclone_up());
        ours.forget();
        theirs.forget();
    }
    first.print();
    again.print();
}

/// A person with a tree to back up, and a server near or far.
struct Peer {
    sandbox: Sandbox,
    /// Holds the way to the far server open.
    proxy: Option<Proxy>,
    source: String,
}

impl Peer {
    fn new(source: &Path, latency: Option<Duration>) -> Self {
        let sandbox = Sandbox::new();
        let proxy = latency.map(|latency| {
            let proxy = Proxy::start(minio().address());
            proxy.set_latency(latency);
            proxy
        });
        let endpoint = proxy.as_ref().map_or_else(|| minio().endpoint(), Proxy::endpoint);
        sandbox.write_config(&Config::plain(endpoint).tree(source, "tree"));
        Peer { sandbox, proxy, source: source.to_str().unwrap().to_owned() }
    }

    fn poof(&self, args: &[&str]) -> Cost {
        cost(&self.sandbox, Path::new(env!("CARGO_BIN_EXE_poof")), args)
    }

    fn rclone(&self, from: &str, to: &str) -> Cost {
        let config = self.sandbox.rclone_conf();
        let args = ["--config", config.to_str().unwrap(), "sync", from, to];
        cost(&self.sandbox, &stock_rclone(), &args)
    }

    fn rclone_up(&self) -> Cost {
        self.rclone(&self.source, &self.place())
    }

    fn rclone_down(&self) -> Cost {
        self.rclone(&self.place(), self.home("back").to_str().unwrap())
    }

    fn place(&self) -> String {
        format!("poof-backup:{}/tree", self.sandbox.bucket())
    }

    fn home(&self, path: &str) -> PathBuf {
        self.sandbox.home().join(path)
    }

    /// Gives the disk back before the next run.
    fn forget(&self) {
        let bucket = format!("poof-backup:{}", self.sandbox.bucket());
        let args = ["--checkers=64", "purge", &bucket];
        self.sandbox.rclone(args).timeout(Duration::from_mins(5)).run();
    }
}

/// Runs `program` and takes its cost from the operating system.
fn cost(sandbox: &Sandbox, program: &Path, args: &[&str]) -> Cost {
    let start = Instant::now();
    #[allow(clippy::zombie_processes)] // wait4 below waits for it
    let child = Command::new(program)
        .args(args)
        .env_clear()
        .env("HOME", sandbox.home())
        .env("USER", "joe")
        .current_dir(sandbox.home())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = libc::pid_t::try_from(child.id()).unwrap();
    let mut status = 0;
    // SAFETY: rusage is plain numbers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the child is ours and waited for by nobody else; both pointers are
    // valid for the call.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    let time = start.elapsed();
    let shown = program.display();
    assert_eq!((waited, status), (pid, 0), "{shown} {args:?}: {}", io::Error::last_os_error());
    // Linux counts in KiB, macOS in bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    Cost { time, memory: u64::try_from(usage.ru_maxrss).unwrap() * unit }
}

impl Pairs {
    fn new(what: &'static str) -> Self {
        Pairs { what, poof: Vec::new(), rclone: Vec::new() }
    }

    /// Medians of the times, the median of their ratios pair by pair, and the
    /// largest memory.
    fn print(&self) {
        let seconds = |costs: &[Cost]| median(costs.iter().map(|c| c.time.as_secs_f64()));
        let mib = |costs: &[Cost]| costs.iter().map(|c| c.memory).max().unwrap_or(0) >> 20;
        let pairs = self.poof.iter().zip(&self.rclone);
        let ratio = median(pairs.map(|(a, b)| a.time.as_secs_f64() / b.time.as_secs_f64()));
        println!(
            "{:<40} {:>8.3} s {:>8.3} s {ratio:>6.2} {:>6} MiB {:>6} MiB",
            self.what,
            seconds(&self.poof),
            seconds(&self.rclone),
            mib(&self.poof),
            mib(&self.rclone),
        );
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

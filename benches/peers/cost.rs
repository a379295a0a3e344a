//! What a run of a program costs, as the operating system counts it.

use std::fmt;
use std::ops::Add;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::Sandbox;

/// What one run of a program cost.
#[derive(Clone, Debug)]
pub struct Cost {
    pub time: Duration,
    /// Of all processors, user and system, with the children.
    pub cpu: Duration,
    /// Largest resident set, in bytes.
    pub memory: u64,
    /// At the server.
    pub requests: Option<usize>,
    /// Bytes to the server and back, without headers.
    pub bytes: Option<(u64, u64)>,
}

impl Cost {
    pub const HEADER: &str = "     wall      CPU   memory  requests    MB up  MB down";
}

/// One after the other.
impl Add for Cost {
    type Output = Cost;

    fn add(self, then: Cost) -> Cost {
        Cost {
            time: self.time + then.time,
            cpu: self.cpu + then.cpu,
            memory: self.memory.max(then.memory),
            requests: None,
            bytes: None,
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { time, cpu, memory, requests, bytes } = self;
        #[allow(clippy::cast_precision_loss)] // for people
        let mb = |bytes: u64| format!("{:.2}", bytes as f64 / 1e6);
        let (up, down) = bytes.map_or(("-".to_owned(), "-".to_owned()), |(a, b)| (mb(a), mb(b)));
        let requests = requests.map_or("-".to_owned(), |count| count.to_string());
        let (time, cpu) = (time.as_secs_f64(), cpu.as_secs_f64());
        write!(
            f,
            "{time:>7.2} s {cpu:>6.2} s {:>4} MiB {requests:>9} {up:>8} {down:>8}",
            memory >> 20
        )
    }
}

/// A run that takes longer is ended, and called failed.
const PATIENCE: Duration = Duration::from_mins(8);

/// Runs `program`; None if it fails.
pub fn measure(
    sandbox: &Sandbox,
    program: &Path,
    args: &[&str],
    environment: &[(&str, &str)],
) -> Option<Cost> {
    let start = Instant::now();
    #[allow(clippy::zombie_processes)] // wait4 below waits for it
    let child = Command::new("timeout")
        .arg(PATIENCE.as_secs().to_string())
        .arg(program)
        .args(args)
        .env_clear()
        .env("HOME", sandbox.home())
        .env("USER", "joe")
        .env("PATH", "/usr/bin:/bin")
        .envs(environment.iter().copied())
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
    assert_eq!(waited, pid);
    // Linux counts in KiB, macOS in bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    let memory = u64::try_from(usage.ru_maxrss).unwrap() * unit;
    let cpu = duration(usage.ru_utime) + duration(usage.ru_stime);
    (status == 0).then_some(Cost { time, cpu, memory, requests: None, bytes: None })
}

fn duration(time: libc::timeval) -> Duration {
    let micros = u32::try_from(time.tv_usec).unwrap();
    Duration::new(u64::try_from(time.tv_sec).unwrap(), micros * 1000)
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

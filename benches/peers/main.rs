//! poof beside those that people use for the same: rclone at its default and at its
//! best honest flags, the Python poof, restic, shred. One table in one run: `make bench`.
//! Times on a shared machine are noisy; the ratios are what counts. A restore is
//! timed until it is on the disk.
//!
//! Smaller or larger: `POOF_BENCH_FILES`, `POOF_BENCH_KIB` (of a small file at most),
//! `POOF_BENCH_LARGE_MIB` (0: only small files), `POOF_BENCH_DELAYS` (milliseconds, `0,50`),
//! `POOF_BENCH_WITHOUT` (programs, `rclone,restic`), `POOF_BENCH_TREE` (a directory, or
//! `documents`, instead of small files). `POOF_BENCH_PLOT=FILE` draws the table as SVG. benches/line.sh has the
//! server at the far end of a line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs)]
#![allow(dead_code, unused_imports)] // the harness is that of the tests

#[path = "../../tests/it/harness/mod.rs"]
mod harness;

mod cost;
mod plot;
mod program;

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cost::Cost;
use harness::{Sandbox, stock_rclone};
use program::{BY_HAND, Job, PROGRAMS, Peer, Program, WIPERS, World};

/// One job of one program in one world; None if it cannot do that.
struct Cell {
    world: World,
    job: Job,
    program: Program,
    cost: Option<Cost>,
}

fn main() {
    let number = |name: &str, default: u64| {
        env::var(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let (files, large) = (number("POOF_BENCH_FILES", 5_000), number("POOF_BENCH_LARGE_MIB", 2_048));
    let delays = env::var("POOF_BENCH_DELAYS").unwrap_or_else(|_| "0,50".to_owned());
    let delays = delays.split(',').map(|ms| Duration::from_millis(ms.parse().expect("numbers")));
    sizes();
    let kib = number("POOF_BENCH_KIB", 16);
    println!("{files} files of 1 to {kib} KiB; a large file of {large} MiB");
    let mut cells = Vec::new();
    for delay in delays {
        for encrypted in [false, true] {
            let world = World { delay, encrypted };
            println!("\n{world}");
            println!("{:<14} {:<16} {}", "", "", Cost::HEADER);
            small(world, usize::try_from(files).unwrap(), kib << 10, &mut cells);
            if large > 0 {
                self::large(world, large << 20, &mut cells);
            }
        }
    }
    if large == 0 {
        ratios(&cells);
        return;
    }
    for encrypted in [false, true] {
        let world = World { delay: Duration::from_millis(20), encrypted };
        println!("\n{world}");
        println!("{:<14} {:<16} {}", "", "", Cost::HEADER);
        upload(world, usize::try_from(files).unwrap(), &mut cells);
    }
    println!("\n2,000 files of 64 KiB and 4 of 256 MiB, wiped");
    wipe(&mut cells);
    ratios(&cells);
    if let Some(path) = env::var_os("POOF_BENCH_PLOT") {
        fs::write(&path, plot::svg(&cells)).unwrap();
    }
}

/// Those of `all` that are to run.
fn among<const N: usize>(all: [Program; N]) -> impl Iterator<Item = Program> {
    let without = env::var("POOF_BENCH_WITHOUT").unwrap_or_default();
    let is_out =
        move |program: &Program| without.split(',').any(|name| name == program.to_string());
    all.into_iter().filter(move |program| !is_out(program))
}

/// Many small files, from the first backup to the restore.
fn small(world: World, files: usize, size: u64, cells: &mut Vec<Cell>) {
    // The first to come would find the server cold.
    if let Some(mut nobody) = Peer::new(Program::RcloneBest, world) {
        harness::grow(&nobody.data(), files, 1 << 10..=size, 1);
        nobody.run(Job::First);
        nobody.forget();
    }
    let mut peers: Vec<Peer> =
        among(PROGRAMS).filter_map(|program| Peer::new(program, world)).collect();
    for peer in &peers {
        match env::var("POOF_BENCH_TREE").as_deref() {
            Ok("documents") => documents(&peer.data()),
            Ok(tree) => {
                let mut copy = Command::new("cp");
                copy.arg("-Rp").arg(format!("{tree}/.")).arg(peer.data());
                assert!(copy.status().unwrap().success());
            }
            Err(_) => harness::grow(&peer.data(), files, 1 << 10..=size, 1),
        }
    }
    for job in [Job::First, Job::NoChange, Job::TenChanged, Job::OneBack, Job::Download] {
        for peer in &mut peers {
            if job == Job::TenChanged {
                peer.change_ten();
            }
            row(peer, world, job, cells);
        }
    }
    peers.into_iter().for_each(Peer::forget);
}

/// As office programs and cameras write them: compressed already, so that nothing shrinks.
fn documents(data: &Path) {
    harness::grow(&data.join("documents"), 400, 20 << 10..=400 << 10, 5);
    harness::grow(&data.join("photos"), 60, 2 << 20..=5 << 20, 6);
}

/// One large file, up and down; each program alone, for the disk's sake.
fn large(world: World, size: u64, cells: &mut Vec<Cell>) {
    for program in among(PROGRAMS) {
        let Some(mut peer) = Peer::new(program, world) else { continue };
        harness::grow(&peer.data(), 1, size..=size, 2);
        for job in [Job::LargeUp, Job::LargeDown] {
            row(&mut peer, world, job, cells);
        }
        peer.forget();
    }
}

/// Many small files, until they are safe there and gone here.
fn upload(world: World, files: usize, cells: &mut Vec<Cell>) {
    for program in among(BY_HAND) {
        let Some(mut peer) = Peer::new(program, world) else { continue };
        harness::grow(&peer.data(), files, 1 << 10..=16 << 10, 3);
        row(&mut peer, world, Job::Upload, cells);
        peer.forget();
    }
}

fn wipe(cells: &mut Vec<Cell>) {
    let world = World { delay: Duration::ZERO, encrypted: false };
    for (job, files, size) in [(Job::WipeMany, 2_000, 64 << 10), (Job::WipeLarge, 4, 256 << 20)] {
        for program in among(WIPERS) {
            let Some(mut peer) = Peer::new(program, world) else { continue };
            harness::grow(&peer.data(), files, size..=size, 4);
            row(&mut peer, world, job, cells);
            peer.forget();
        }
    }
}

fn row(peer: &mut Peer, world: World, job: Job, cells: &mut Vec<Cell>) {
    let cost = peer.run(job);
    let shown = cost.as_ref().map_or("failed, or took too long".to_owned(), Cost::to_string);
    println!("{:<14} {:<16} {shown}", job.to_string(), peer.program.to_string());
    cells.push(Cell { world, job, program: peer.program, cost });
}

/// How many times faster poof is than each of the others.
fn ratios(cells: &[Cell]) {
    println!("\ntimes as fast as");
    for ours in cells.iter().filter(|cell| cell.program == Program::Poof) {
        let Some(cost) = &ours.cost else { continue };
        let same = |cell: &&Cell| cell.world == ours.world && cell.job == ours.job;
        let others = cells.iter().filter(same).filter(|cell| cell.program != Program::Poof);
        let text: Vec<_> = others
            .filter_map(|cell| {
                let ratio = cell.cost.as_ref()?.time.as_secs_f64() / cost.time.as_secs_f64();
                Some(format!("{} {ratio:.1}", cell.program))
            })
            .collect();
        println!("{:<22} {:<14} {}", ours.world.to_string(), ours.job.to_string(), text.join("  "));
    }
}

fn sizes() {
    let kib = |path: &Path| fs::metadata(path).unwrap().len() >> 10;
    let (poof, rclone) = (kib(Path::new(env!("CARGO_BIN_EXE_poof"))), kib(&stock_rclone()));
    println!("size of the program: poof {poof} KiB, rclone {rclone} KiB");
    let sandbox = Sandbox::new();
    let start = |program: &Path, args: &[&str]| {
        let times = (0..20).filter_map(|_| cost::measure(&sandbox, program, args, &[]));
        cost::median(times.map(|cost| cost.time.as_secs_f64() * 1e3))
    };
    let poof = start(Path::new(env!("CARGO_BIN_EXE_poof")), &["paths"]);
    let rclone = start(&stock_rclone(), &["version"]);
    println!("start: `poof paths` {poof:.0} ms, `rclone version` {rclone:.0} ms");
}

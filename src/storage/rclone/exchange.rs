//! Calls for many objects: jobs go out through one pipe, records come back through another.

use std::io::{self, BufRead, BufReader, BufWriter, PipeReader, Write};
use std::os::fd::AsRawFd;
use std::thread;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::call::Call;
use super::job;
use super::requests::{Filter, Settings};
use crate::storage::failure::Failure;
use crate::storage::job::Watch;
use crate::storage::messages::{Bytes, Named};

/// Runs a call whose jobs are nothing but names, and returns its records.
pub(super) fn each_of<C: Call, R: DeserializeOwned + std::marker::Send>(
    width: u32,
    remotes: &[Bytes],
    request: impl FnOnce(i32, i32) -> C,
    watch: &mut dyn Watch,
) -> Result<Vec<R>, Failure> {
    let mut records = Vec::new();
    let jobs = remotes.iter().enumerate().map(|(id, remote)| Named { id, remote });
    exchange(width, request, jobs, watch, |record| records.push(record))?;
    Ok(records)
}

/// Runs a call that reads jobs from one pipe and writes records to another, as
/// lines of JSON, so that neither is ever whole in memory.
pub(super) fn exchange<C: Call, J: Serialize, R: DeserializeOwned>(
    width: u32,
    request: impl FnOnce(i32, i32) -> C,
    jobs: impl Iterator<Item = J> + std::marker::Send,
    watch: &mut dyn Watch,
    each: impl FnMut(R) + std::marker::Send,
) -> Result<C::Reply, Failure> {
    let pipe = |error: io::Error| Failure::other(&format!("cannot make a pipe: {error}"));
    let (job_reader, job_writer) = io::pipe().map_err(pipe)?;
    let (report_reader, report_writer) = io::pipe().map_err(pipe)?;
    let request = request(job_reader.as_raw_fd(), report_writer.as_raw_fd());
    thread::scope(|scope| {
        let writing = scope.spawn(move || write_jobs(job_writer, jobs));
        let reading = scope.spawn(move || read_records(report_reader, each));
        let outcome = job::run(&request, &Settings::work(width), &Filter::default(), watch);
        // The threads end when the last copies of the other ends are closed.
        drop(job_reader);
        drop(report_writer);
        let _ = writing.join();
        let read = reading.join().unwrap_or(Err(()));
        let reply = outcome?;
        read.map(|()| reply).map_err(|()| Failure::reply(C::METHOD))
    })
}

fn write_jobs<J: Serialize>(writer: io::PipeWriter, jobs: impl Iterator<Item = J>) {
    let mut writer = BufWriter::new(writer);
    for job in jobs {
        // A reader that is gone has its reasons, and tells them.
        if serde_json::to_writer(&mut writer, &job).is_err() || writer.write_all(b"\n").is_err() {
            return;
        }
    }
    let _ = writer.flush();
}

fn read_records<R: DeserializeOwned>(
    reader: PipeReader,
    mut each: impl FnMut(R),
) -> Result<(), ()> {
    let mut reader = BufReader::new(reader);
    let mut line = String::new();
    let mut outcome = Ok(());
    loop {
        line.clear();
        match reader.read_line(&mut line) {
            Ok(0) => return outcome,
            Ok(_) => match serde_json::from_str(&line) {
                Ok(record) => each(record),
                Err(_) => outcome = Err(()),
            },
            Err(_) => return Err(()),
        }
    }
}

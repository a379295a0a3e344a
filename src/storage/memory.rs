//! A bucket in memory, for tests: it keeps what it is sent, notes each operation in its
//! order, and fails where a test says so.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use data_encoding::HEXLOWER;
use md5::{Digest, Md5};
use rustix::fs::{Mode, OFlags, openat, unlinkat};
use zeroize::Zeroizing;

use super::failure::{Failure, FailureKind};
use super::job::Watch;
use super::messages::{
    Abilities, Bytes, Copy, DirectoryNames, Done, Fetch, Fetched, Listed, Packed, Send, Sent,
    Shown, Versions,
};
use super::objects::{Each, Jobs, Objects};
use super::spec::Spec;

/// What is done with an object or with a directory of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    List,
    Look,
    Remove,
    Copy,
    Move,
    Send,
    Fetch,
    Top,
    MakeBucket,
    Purge,
    /// All that is asked seldom: versions, uploads in parts, empty directories.
    Other,
}

impl What {
    /// Whether it changes the bucket.
    pub fn changes(self) -> bool {
        matches!(
            self,
            What::Remove | What::Copy | What::Move | What::Send | What::MakeBucket | What::Purge
        )
    }
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub what: What,
    /// Of the object or directory, from the top of the bucket, in clear.
    pub name: String,
    /// It is done through the encryption.
    pub sealed: bool,
}

impl Event {
    pub fn is(&self, what: What, name: &str) -> bool {
        self.what == what && self.name == name
    }
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This one object fails, and nothing is done.
    Refuse(FailureKind),
    /// The call ends here: its other jobs are not begun.
    Break,
    /// This operation fails and so does every one after it.
    Crash,
    /// It is done, and the answer is lost.
    Unheard,
    /// It is acknowledged and not done.
    Forget,
    /// Other bytes are stored, or read, than were sent.
    Spoil,
}

/// Which operation fails, and how.
struct Plan {
    of: Box<dyn Fn(&Event) -> bool + std::marker::Send>,
    /// So many that match go well before.
    after: usize,
    fault: Fault,
    /// Each that matches from then on fails, and not only one.
    always: bool,
}

/// Hears of each operation before it is done.
pub type Hook = Arc<dyn Fn(&Event) + std::marker::Send + Sync>;

#[derive(Clone)]
struct Object {
    data: Vec<u8>,
    /// When it was stored, in seconds.
    time: i64,
    nonce: Vec<u8>,
}

#[derive(Default)]
struct Inside {
    exists: bool,
    /// By the crypt remote, if it was sent through one, and by the name in clear.
    objects: BTreeMap<(Option<String>, Vec<u8>), Object>,
    log: Vec<Event>,
    plan: Option<Plan>,
    crashed: bool,
    hook: Option<Hook>,
    /// For nonces.
    stored: u64,
    /// It cannot copy by itself, as a disk.
    moves_only: bool,
}

/// The bucket, or the side of it that a crypt remote shows. A clone is the same bucket.
#[derive(Clone, Default)]
pub struct Memory {
    inside: Arc<Mutex<Inside>>,
    crypt: Option<String>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("crypt", &self.crypt).finish_non_exhaustive()
    }
}

/// What tests do with it.
impl Memory {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The operation after `after` others that `of` matches fails; no other does.
    pub fn fail(
        &self,
        after: usize,
        fault: Fault,
        of: impl Fn(&Event) -> bool + std::marker::Send + 'static,
    ) {
        let plan = Plan { of: Box::new(of), after, fault, always: false };
        self.inside().plan = Some(plan);
    }

    /// Each operation that `of` matches fails.
    pub fn fail_always(
        &self,
        fault: Fault,
        of: impl Fn(&Event) -> bool + std::marker::Send + 'static,
    ) {
        let plan = Plan { of: Box::new(of), after: 0, fault, always: true };
        self.inside().plan = Some(plan);
    }

    /// All goes well from now on. Says whether something had failed.
    pub fn heal(&self) -> bool {
        let mut inside = self.inside();
        let crashed = std::mem::take(&mut inside.crashed);
        let plan = inside.plan.take();
        crashed || plan.is_none()
    }

    /// It copies nothing by itself from now on, as a disk.
    pub fn move_only(&self) {
        self.inside().moves_only = true;
    }

    pub fn watch(&self, hook: impl Fn(&Event) + std::marker::Send + Sync + 'static) {
        self.inside().hook = Some(Arc::new(hook));
    }

    pub fn unwatch(&self) {
        self.inside().hook = None;
    }

    /// The operations since the last call, in their order.
    pub fn take_log(&self) -> Vec<Event> {
        std::mem::take(&mut self.inside().log)
    }

    /// What an object of this side holds.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        let key = self.key(name.as_bytes());
        self.inside().objects.get(&key).map(|object| object.data.clone())
    }

    /// Names of all objects of this side.
    pub fn names(&self) -> Vec<String> {
        let inside = self.inside();
        let own = inside.objects.keys().filter(|(crypt, _)| *crypt == self.crypt);
        own.map(|(_, name)| String::from_utf8_lossy(name).into_owned()).collect()
    }

    /// Changes an object behind poof's back.
    pub fn tamper(&self, name: &str, data: &[u8]) {
        let key = self.key(name.as_bytes());
        if let Some(object) = self.inside().objects.get_mut(&key) {
            object.data = data.to_vec();
        }
    }

    /// Puts one there behind poof's back.
    pub fn plant(&self, name: &str, data: &[u8]) {
        self.store(name.as_bytes(), data.to_vec());
    }

    /// Removes one behind poof's back.
    pub fn lose(&self, name: &str) {
        let key = self.key(name.as_bytes());
        self.inside().objects.remove(&key);
    }

    /// The side that the crypt remote `crypt` shows.
    #[must_use]
    pub fn through(&self, crypt: &str) -> Self {
        Memory { inside: Arc::clone(&self.inside), crypt: Some(crypt.to_owned()) }
    }
}

/// What an operation comes to.
enum Way {
    Go,
    Unheard,
    Forget,
    Spoil,
}

/// Why one is not done.
enum Stop {
    Object(Failure),
    Call(Failure),
}

fn unable() -> Failure {
    failure(FailureKind::Unable, "the bucket cannot do that by itself")
}

fn failure(kind: FailureKind, text: &str) -> Failure {
    Failure { kind, ..Failure::other(text) }
}

impl Memory {
    fn key(&self, name: &[u8]) -> (Option<String>, Vec<u8>) {
        (self.crypt.clone(), name.to_vec())
    }

    /// Notes an operation and says whether it is to fail.
    fn step(&self, what: What, name: &[u8]) -> Result<Way, Stop> {
        let name = String::from_utf8_lossy(name).into_owned();
        let event = Event { what, name, sealed: self.crypt.is_some() };
        let hook = self.inside().hook.clone();
        if let Some(hook) = hook {
            hook(&event);
        }
        let mut inside = self.inside();
        let gone = || failure(FailureKind::Unreachable, "the bucket does not answer");
        inside.log.push(event.clone());
        if inside.crashed {
            return Err(Stop::Call(gone()));
        }
        let Some(plan) = &mut inside.plan else { return Ok(Way::Go) };
        if !(plan.of)(&event) {
            return Ok(Way::Go);
        }
        if plan.after > 0 {
            plan.after -= 1;
            return Ok(Way::Go);
        }
        let fault = plan.fault;
        if !plan.always {
            inside.plan = None;
        }
        match fault {
            Fault::Refuse(kind) => Err(Stop::Object(failure(kind, "the bucket refuses"))),
            Fault::Break => Err(Stop::Call(gone())),
            Fault::Crash => {
                inside.crashed = true;
                Err(Stop::Call(gone()))
            }
            Fault::Unheard => Ok(Way::Unheard),
            Fault::Forget => Ok(Way::Forget),
            Fault::Spoil => Ok(Way::Spoil),
        }
    }

    /// The same for what is about no single object: what is to go wrong with it does so
    /// aloud.
    fn whole(&self, what: What, name: &str) -> Result<(), Failure> {
        match self.step(what, name.as_bytes()) {
            Ok(Way::Go) => Ok(()),
            Err(Stop::Object(failure) | Stop::Call(failure)) => Err(failure),
            Ok(_) => Err(failure(FailureKind::Unreachable, "the answer was cut short")),
        }
    }

    /// Does one job. The outer failure is that of the whole call.
    fn each<T>(
        &self,
        what: What,
        name: &[u8],
        run: impl FnOnce(&Way) -> Result<T, Failure>,
    ) -> Result<Result<T, Failure>, Failure> {
        match self.step(what, name) {
            Err(Stop::Call(failure)) => Err(failure),
            Err(Stop::Object(failure)) => Ok(Err(failure)),
            Ok(way) => {
                let outcome = run(&way);
                let lost = || failure(FailureKind::Unreachable, "the answer was lost");
                Ok(if matches!(way, Way::Unheard) { outcome.and(Err(lost())) } else { outcome })
            }
        }
    }

    fn shown(&self, remote: &[u8], object: &Object) -> Shown {
        Shown {
            id: 0,
            remote: Bytes(remote.to_vec()),
            size: self.stored_size(&object.data),
            tag: md5_of(&object.data),
            time: (object.time, 0),
            failure: None,
        }
    }

    /// As rclone's crypt: a header, and a tag for each block.
    fn stored_size(&self, data: &[u8]) -> u64 {
        let blocks = (data.len() as u64).div_ceil(1 << 16);
        let more = if self.crypt.is_some() { 32 + 16 * blocks } else { 0 };
        data.len() as u64 + more
    }

    fn get_object(&self, name: &[u8]) -> Result<Object, Failure> {
        let found = self.inside().objects.get(&self.key(name)).cloned();
        found.ok_or_else(|| failure(FailureKind::Missing, "there is no such object"))
    }

    fn moves_only(&self) -> bool {
        self.inside().moves_only
    }

    fn give_name(&self, from: &[u8], to: &[u8]) -> Result<(), Failure> {
        let object = self.get_object(from)?;
        let mut inside = self.inside();
        inside.objects.remove(&self.key(from));
        inside.objects.insert(self.key(to), object);
        Ok(())
    }

    fn store(&self, name: &[u8], data: Vec<u8>) -> Object {
        let mut inside = self.inside();
        inside.stored += 1;
        let seed = blake3::hash(&inside.stored.to_le_bytes());
        let nonce = if self.crypt.is_some() { seed.as_bytes()[..24].to_vec() } else { Vec::new() };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let time = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let object = Object { data, time, nonce };
        inside.objects.insert(self.key(name), object.clone());
        object
    }

    /// What becomes of a bundle: see go/store/bundle.go. Here it is nothing but its members, one
    /// behind the other.
    fn take_all(&self, root: Option<BorrowedFd<'_>>, job: &Send, way: &Way) -> Sent {
        let (mut data, mut members) = (Vec::new(), Vec::new());
        for member in &job.members {
            let read = match &member.data {
                Some(Bytes(data)) => Ok(data.clone()),
                None => read_file(root, member),
            };
            let mut packed = Packed { id: member.id, ..Packed::default() };
            match read {
                Ok(_) if member.if_smaller => packed.declined = true,
                Ok(content) => {
                    packed.content = blake3::hash(&content).to_hex().to_string();
                    (packed.offset, packed.size) = (data.len() as u64, content.len() as u64);
                    data.extend(content);
                }
                Err((changed, failure)) => {
                    (packed.changed, packed.failure) = (changed, Some(failure));
                }
            }
            members.push(packed);
        }
        if members.iter().all(|member| member.declined || member.failure.is_some()) {
            return Sent { members, ..Sent::default() };
        }
        let remote = job.remote.clone();
        let job = Send { data: Some(Bytes(data)), remote, ..Send::default() };
        let sent = self.take(root, &job, way).unwrap_or_else(|failed| *failed);
        Sent { members, ..sent }
    }

    /// What becomes of a file, or of data: see go/store/send.go.
    fn take(&self, root: Option<BorrowedFd<'_>>, job: &Send, way: &Way) -> Result<Sent, Box<Sent>> {
        let fail = |changed, failure| {
            Box::new(Sent { changed, failure: Some(failure), ..Sent::default() })
        };
        let data = match &job.data {
            Some(Bytes(data)) => data.clone(),
            None => read_file(root, job).map_err(|(changed, failure)| fail(changed, failure))?,
        };
        let (content, md5) = (blake3::hash(&data).to_hex().to_string(), md5_of(&data));
        let size = self.stored_size(&data);
        let there = self.get_object(&job.remote.0).ok();
        if job.fresh && there.is_some() {
            return Err(fail(false, failure(FailureKind::Taken, "something is there")));
        }
        let sent = Sent {
            id: job.id,
            content,
            size,
            tag: md5.clone(),
            md5: md5.clone(),
            ..Sent::default()
        };
        if let (Some(have), Some(there)) = (&job.have, there)
            && have.tag == md5
            && there.data == data
        {
            return Ok(Sent { kept: true, nonce: Bytes(there.nonce), ..sent });
        }
        if let (Some(Bytes(aside)), false) = (&job.aside, matches!(way, Way::Forget)) {
            let _ = self.give_name(&job.remote.0, aside);
        }
        let nonce = match way {
            Way::Forget => Vec::new(),
            Way::Spoil => {
                let spoilt = data.iter().map(|byte| byte ^ 1).chain(data.is_empty().then_some(0));
                self.store(&job.remote.0, spoilt.collect()).nonce
            }
            Way::Go | Way::Unheard => self.store(&job.remote.0, data).nonce,
        };
        Ok(Sent { nonce: Bytes(nonce), ..sent })
    }
}

fn md5_of(data: &[u8]) -> String {
    HEXLOWER.encode(&Md5::digest(data))
}

/// A failure of this machine's own disk.
fn here(error: impl fmt::Display) -> Failure {
    Failure { here: true, ..Failure::other(&error.to_string()) }
}

/// Reads a file below `root` that still is what the job says; see go/store/source.go.
fn read_file(root: Option<BorrowedFd<'_>>, job: &Send) -> Result<Vec<u8>, (bool, Failure)> {
    let lost = |error: &dyn fmt::Display| (true, here(error));
    let Some(root) = root else { return Err((false, Failure::other("there is no root"))) };
    let is_same = |file: &File| {
        file.metadata().is_ok_and(|meta| {
            (meta.dev(), meta.ino(), meta.size()) == (job.dev, job.ino, job.size)
                && (meta.mtime(), meta.mtime_nsec()) == job.mtime
                && (meta.ctime(), meta.ctime_nsec()) == job.ctime
        })
    };
    let mut open: OwnedFd = root.try_clone_to_owned().map_err(|error| lost(&error))?;
    let names: Vec<&[u8]> = job.path.0.split(|byte| *byte == b'/').collect();
    for (index, name) in names.iter().enumerate() {
        let mut flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        flags.set(OFlags::DIRECTORY, index + 1 < names.len());
        open = openat(&open, *name, flags, Mode::empty()).map_err(|error| lost(&error))?;
    }
    let mut file = File::from(open);
    let mut data = Vec::new();
    let before = is_same(&file);
    file.read_to_end(&mut data).map_err(|error| lost(&error))?;
    if before && is_same(&file) && data.len() as u64 == job.size {
        return Ok(data);
    }
    Err((true, Failure::other("it changed while it was read")))
}

/// Writes a new file into `dir`; see go/store/fetch.go.
fn write_file(dir: Option<BorrowedFd<'_>>, name: &[u8], data: &[u8]) -> Result<(), Failure> {
    let Some(dir) = dir else { return Err(here("there is no directory")) };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let _ = unlinkat(dir, name, rustix::fs::AtFlags::empty());
    let file = openat(dir, name, flags, Mode::RUSR | Mode::WUSR).map_err(here)?;
    File::from(file).write_all(data).map_err(here)
}

fn done(id: u64, outcome: Result<(), Failure>) -> Done {
    Done { id, failure: outcome.err() }
}

impl Objects for Memory {
    fn seen_through(&self, crypt: Option<&str>) -> Arc<dyn Objects> {
        let inside = Arc::clone(&self.inside);
        Arc::new(Memory { inside, crypt: crypt.map(str::to_owned) })
    }

    fn list(
        &self,
        dir: &str,
        without: Option<&str>,
        _marks: &[Vec<u8>],
        _watch: &mut dyn Watch,
        found: Each<Shown>,
    ) -> Result<Listed, Failure> {
        match self.step(What::List, dir.as_bytes()) {
            Ok(Way::Go) => {}
            Ok(Way::Forget) => return Ok(Listed::default()),
            Ok(_) => return Err(failure(FailureKind::Unreachable, "the listing was cut short")),
            Err(Stop::Object(failure) | Stop::Call(failure)) => return Err(failure),
        }
        let prefix = format!("{dir}/").into_bytes();
        let without = without.map(|dir| format!("{dir}/").into_bytes());
        let objects = self.inside().objects.clone();
        let mut listed = Listed::default();
        for ((crypt, name), object) in &objects {
            if let (true, Some(below)) = (*crypt == self.crypt, name.strip_prefix(&prefix[..])) {
                if without.as_ref().is_some_and(|without| name.starts_with(without)) {
                    listed.passed = true;
                } else {
                    found(self.shown(below, object));
                }
            }
        }
        Ok(listed)
    }

    fn look(&self, remotes: &[Bytes], _watch: &mut dyn Watch) -> Result<Vec<Shown>, Failure> {
        let mut all = Vec::new();
        for (remote, id) in remotes.iter().zip(0..) {
            let look = self.each(What::Look, &remote.0, |way| match way {
                Way::Forget => Err(failure(FailureKind::Missing, "it is not shown")),
                _ => self.get_object(&remote.0).map(|object| self.shown(&remote.0, &object)),
            })?;
            all.push(match look {
                Ok(shown) => Shown { id, ..shown },
                Err(failure) => Shown { id, failure: Some(failure), ..Shown::default() },
            });
        }
        Ok(all)
    }

    fn remove(&self, remotes: &[Bytes], _watch: &mut dyn Watch) -> Result<Vec<Done>, Failure> {
        let mut all = Vec::new();
        for (remote, id) in remotes.iter().zip(0..) {
            let removed = self.each(What::Remove, &remote.0, |way| {
                if !matches!(way, Way::Forget | Way::Spoil) {
                    self.inside().objects.remove(&self.key(&remote.0));
                }
                Ok(())
            })?;
            all.push(done(id, removed));
        }
        Ok(all)
    }

    fn copy(&self, jobs: Vec<Copy>, _watch: &mut dyn Watch) -> Result<Vec<Done>, Failure> {
        let mut all = Vec::new();
        for job in jobs {
            let copied = self.each(What::Copy, &job.remote.0, |way| {
                if self.moves_only() {
                    return Err(unable());
                }
                let from = self.get_object(&job.from.0)?;
                if !matches!(way, Way::Forget | Way::Spoil) {
                    self.inside().objects.insert(self.key(&job.remote.0), from);
                }
                Ok(())
            })?;
            all.push(done(job.id, copied));
        }
        Ok(all)
    }

    fn rename(&self, jobs: Vec<Copy>, _watch: &mut dyn Watch) -> Result<Vec<Done>, Failure> {
        let mut all = Vec::new();
        for job in jobs {
            let moved = self.each(What::Move, &job.remote.0, |way| {
                if !matches!(way, Way::Forget | Way::Spoil) {
                    self.give_name(&job.from.0, &job.remote.0)?;
                }
                Ok(())
            })?;
            all.push(done(job.id, moved));
        }
        Ok(all)
    }

    fn abilities(&self) -> Result<Abilities, Failure> {
        Ok(Abilities { copies: !self.moves_only(), moves: true })
    }

    fn send(
        &self,
        root: Option<BorrowedFd<'_>>,
        _notes: Option<&Path>,
        jobs: Jobs<Send>,
        _watch: &mut dyn Watch,
        each: Each<Sent>,
    ) -> Result<(), Failure> {
        for job in jobs {
            let sent = self.each(What::Send, &job.remote.0, |way| {
                if !job.members.is_empty() {
                    return Ok(self.take_all(root, &job, way));
                }
                Ok(self.take(root, &job, way).unwrap_or_else(|failed| *failed))
            })?;
            let failed = |failure| Sent { failure: Some(failure), ..Sent::default() };
            each(Sent { id: job.id, ..sent.unwrap_or_else(failed) });
        }
        Ok(())
    }

    fn abandon(&self, _dirs: &[PathBuf]) -> Result<(), Failure> {
        self.whole(What::Other, "abandon")
    }

    fn fetch(
        &self,
        into: Option<BorrowedFd<'_>>,
        jobs: Jobs<Fetch>,
        _watch: &mut dyn Watch,
        each: Each<Fetched>,
    ) -> Result<(), Failure> {
        for job in jobs {
            let fetched = self.each(What::Fetch, &job.remote.0, |way| {
                let mut data = self.get_object(&job.remote.0)?.data;
                match way {
                    Way::Spoil => data.iter_mut().for_each(|byte| *byte ^= 1),
                    Way::Forget => data.clear(),
                    Way::Go | Way::Unheard => {}
                }
                if let Some(part) = job.part {
                    let range = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
                    let range = range(part.offset)..range(part.offset + part.size);
                    let cut = || failure(FailureKind::Lost, "it is cut");
                    data = data.get(range).ok_or_else(cut)?.to_vec();
                }
                if let Some(first) = job.first {
                    data.truncate(usize::try_from(first).unwrap_or(usize::MAX).min(1 << 16));
                    return Ok((String::new(), data.len() as u64, data));
                }
                if job.limit.is_some_and(|limit| data.len() as u64 > limit) {
                    return Err(failure(FailureKind::Lost, "it is longer than what was stored"));
                }
                if !job.to.0.is_empty() {
                    write_file(into, &job.to.0, &data)?;
                }
                Ok((blake3::hash(&data).to_hex().to_string(), data.len() as u64, Vec::new()))
            })?;
            let (content, size, data, failure) = match fetched {
                Ok((content, size, data)) => (content, size, data, None),
                Err(failure) => (String::new(), 0, Vec::new(), Some(failure)),
            };
            each(Fetched { id: job.id, failure, content, size, data: Bytes(data) });
        }
        Ok(())
    }

    fn versions(&self, dir: &str) -> Result<Versions, Failure> {
        self.whole(What::Other, dir)?;
        Ok(Versions::default())
    }

    fn secrets(&self) -> Result<Option<[Zeroizing<Vec<u8>>; 2]>, Failure> {
        let secret =
            |crypt: &String| Zeroizing::new(blake3::hash(crypt.as_bytes()).as_bytes().to_vec());
        Ok(self.crypt.as_ref().map(|crypt| [secret(crypt), secret(&format!("{crypt} before"))]))
    }

    fn top(&self) -> Result<DirectoryNames, Failure> {
        self.whole(What::Top, "")?;
        let inside = self.inside();
        if !inside.exists {
            return Err(failure(FailureKind::Missing, "there is no such bucket"));
        }
        let mut names: Vec<String> = Vec::new();
        for (crypt, name) in inside.objects.keys() {
            let first = name.split(|byte| *byte == b'/').next().unwrap_or_default();
            let first = String::from_utf8_lossy(first).into_owned();
            names.push(match (crypt, &self.crypt) {
                (of, through) if of == through => first,
                // Seen from below the encryption.
                (Some(crypt), None) => {
                    blake3::hash(format!("{crypt} {first}").as_bytes()).to_hex()[..26].to_owned()
                }
                // What is not of this encryption has no name in it.
                _ => continue,
            });
        }
        names.dedup();
        names.sort();
        names.dedup();
        Ok(DirectoryNames { names })
    }

    fn directories(&self, dir: &str) -> Result<DirectoryNames, Failure> {
        self.whole(What::List, dir)?;
        let prefix = format!("{dir}/").into_bytes();
        let inside = self.inside();
        let below = inside.objects.keys().filter(|(crypt, _)| *crypt == self.crypt);
        let below = below.filter_map(|(_, name)| name.strip_prefix(&prefix[..]));
        let names = below.filter_map(|name| {
            let end = name.iter().position(|byte| *byte == b'/')?;
            Some(String::from_utf8_lossy(&name[..end]).into_owned())
        });
        let mut names: Vec<_> = names.collect();
        names.dedup();
        Ok(DirectoryNames { names })
    }

    fn make_bucket(&self) -> Result<(), Failure> {
        self.whole(What::MakeBucket, "")?;
        self.inside().exists = true;
        Ok(())
    }

    fn put(&self, remote: &str, data: &[u8]) -> Result<(), Failure> {
        self.whole(What::Send, remote)?;
        self.store(remote.as_bytes(), data.to_vec());
        Ok(())
    }

    fn get(&self, remote: &str, limit: u64) -> Result<Vec<u8>, Failure> {
        self.whole(What::Fetch, remote)?;
        let data = self.get_object(remote.as_bytes())?.data;
        let fits = data.len() as u64 <= limit;
        fits.then_some(data).ok_or_else(|| Failure::other("it is too large"))
    }

    fn purge(&self, dir: &str) -> Result<(), Failure> {
        self.whole(What::Purge, dir)?;
        let prefix = format!("{dir}/").into_bytes();
        let own = |crypt: &Option<String>| *crypt == self.crypt;
        self.inside().objects.retain(|(crypt, name), _| !own(crypt) || !name.starts_with(&prefix));
        Ok(())
    }

    fn delete(&self, remote: &str) -> Result<(), Failure> {
        self.whole(What::Remove, remote)?;
        self.inside().objects.remove(&self.key(remote.as_bytes()));
        Ok(())
    }

    fn remove_empty_directories(&self, dir: &str) -> Result<(), Failure> {
        self.whole(What::Other, dir)
    }

    fn tree(&self, name: &str) -> Spec {
        // Nothing that rclone could open: its own mirror has no memory.
        Spec(format!("memory:{name}"))
    }
}

//! Several machines that share one bucket, and what is in their directories and, as a
//! bare machine would get it, on the remote.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use walkdir::WalkDir;

use super::backdoor::Backdoor;
use super::command::Run;
use super::config::Config;
use super::minio::minio;
use super::proxy::Proxy;
use super::sandbox::Sandbox;

/// The files of a tree: path below its root, and content.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Where the bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory that all machines see.
    Disk,
    /// `MinIO`, behind a proxy of the test's own.
    Minio,
    /// An S3 server that looks at no signature, behind a proxy that takes out what it is
    /// asked on a condition: as many servers do, it then stores whatever it is sent.
    Unconditional(SocketAddr),
}

/// Some machines with the same bucket, each with a home directory and a state of its own.
/// All give the directory of their configuration the same name.
pub struct Machines {
    pub all: Vec<Sandbox>,
    pub proxy: Option<Proxy>,
    bare: Sandbox,
    place: Place,
    disk: TempDir,
}

impl Machines {
    pub fn new(count: usize, place: Place, encrypted: bool) -> Self {
        let disk = tempfile::tempdir().unwrap();
        let proxy = match place {
            Place::Disk => None,
            Place::Minio => Some(Proxy::start(minio().address())),
            Place::Unconditional(address) => {
                let proxy = Proxy::start(address);
                proxy.take_out_conditions();
                Some(proxy)
            }
        };
        let endpoint = proxy.as_ref().map_or_else(String::new, Proxy::endpoint);
        let config = if encrypted { Config::encrypted } else { Config::plain }(endpoint);
        let config = if proxy.is_none() { config.on_disk(disk.path()) } else { config };
        let first = Sandbox::new();
        let others = (1..=count).map(|_| first.sharing()).collect::<Vec<_>>();
        let mut all: Vec<_> = [first].into_iter().chain(others).collect();
        for machine in &all {
            machine.write_config(&config);
        }
        let bare = all.pop().unwrap();
        Machines { all, proxy, bare, place, disk }
    }

    /// Host names for the machines, where that is possible.
    pub fn named(mut self) -> Self {
        let names = ["alpha", "beta", "gamma"];
        let all = self.all.into_iter().zip(names);
        self.all = all.map(|(machine, name)| machine.named(name)).collect();
        self
    }

    /// What is in the data directory of a machine.
    pub fn files(&self, machine: usize) -> Files {
        files(&self.all[machine].data())
    }

    /// What a machine gets that has nothing but the configuration.
    pub fn restored(&self) -> (Run, Files) {
        let to = self.bare.home().join("restored");
        for dir in [&to, &self.bare.state()] {
            let _ = fs::remove_dir_all(dir);
        }
        let args = ["download", "--yes", "--only", "data", "--to", to.to_str().unwrap()];
        let run = self.bare.poof(args).run();
        (run, files(&to.join("data")))
    }

    /// The raw objects of the bucket.
    pub fn door(&self) -> Backdoor<'_> {
        Backdoor::new(&self.bare)
    }

    /// So much time goes by that the locks of runs that were killed are stale. On a disk
    /// the locks become older; a server's clock is its own, there they are removed, as the
    /// next run would do.
    pub fn time_passes(&self) {
        const LONG: Duration = Duration::from_mins(25);
        let door = self.door();
        let locks = door.key(".poof/locks");
        if self.place != Place::Disk {
            let place = door.raw(&locks);
            self.bare.rclone(["delete", &place]).run();
            return;
        }
        let dir = self.disk.path().join(self.bare.bucket()).join(locks);
        for file in WalkDir::new(dir).into_iter().flatten().filter(|e| e.file_type().is_file()) {
            let file = File::options().write(true).open(file.path()).unwrap();
            file.set_modified(SystemTime::now() - LONG).unwrap();
        }
    }
}

/// The files below `root`; none if it does not exist.
pub fn files(root: &Path) -> Files {
    let entries = WalkDir::new(root).into_iter().flatten();
    let files = entries.filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| {
            let path = entry.path().strip_prefix(root).unwrap().to_owned();
            (path, fs::read(entry.path()).unwrap())
        })
        .collect()
}

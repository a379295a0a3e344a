//! The programs, and how each does a job.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::cost::{Cost, measure};
use crate::harness::minio::{ACCESS_KEY, SECRET_KEY};
use crate::harness::tools::{cache, python_poof};
use crate::harness::{Config, Proxy, Sandbox, Snapshot, assert_same_content, minio, stock_rclone};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Poof,
    /// With `"bundle"`.
    PoofBundled,
    Rclone,
    /// With the flags that make it fastest and leave it honest.
    RcloneBest,
    PythonPoof,
    Restic,
    Shred,
}

pub const PROGRAMS: [Program; 6] = [
    Program::Poof,
    Program::PoofBundled,
    Program::Rclone,
    Program::RcloneBest,
    Program::PythonPoof,
    Program::Restic,
];

/// For an upload: rclone with what it takes to do that by hand.
pub const BY_HAND: [Program; 3] = [Program::Poof, Program::Rclone, Program::RcloneBest];

pub const WIPERS: [Program; 2] = [Program::Poof, Program::Shred];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    First,
    NoChange,
    TenChanged,
    Download,
    /// One file, to another place.
    OneBack,
    LargeUp,
    LargeDown,
    /// Sent, proven and wiped.
    Upload,
    WipeMany,
    WipeLarge,
}

/// How far away the server is, and what it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct World {
    /// Of every request.
    pub delay: Duration,
    pub encrypted: bool,
}

/// Somebody with a program, a tree and a bucket.
pub struct Peer {
    pub program: Program,
    sandbox: Sandbox,
    proxy: Proxy,
    remote: String,
    encrypted: bool,
}

/// Wide; a listing instead of a HEAD a file; no HEAD after a PUT; large parts
/// without a second reading for a checksum that nobody but rclone reads.
const BEST: [&str; 9] = [
    "--transfers=128",
    "--checkers=128",
    "--fast-list",
    "--s3-no-head",
    "--s3-no-check-bucket",
    "--s3-disable-checksum",
    "--s3-chunk-size=64M",
    "--s3-upload-concurrency=4",
    "--multi-thread-streams=4",
];
/// What makes a sync of unchanged files cheap: their own time against that of the
/// upload. rclone's documentation recommends it for S3.
const BEST_UP: [&str; 2] = ["--use-server-modtime", "--update"];

impl Peer {
    /// None where the program has no such mode: restic always encrypts.
    pub fn new(program: Program, world: World) -> Option<Self> {
        if program == Program::Restic && !world.encrypted {
            return None;
        }
        let (sandbox, proxy) = (Sandbox::new(), Proxy::start(minio().address()));
        let endpoint = proxy.endpoint();
        sandbox.write_config(&if world.encrypted {
            Config::encrypted(endpoint)
        } else {
            Config::plain(endpoint)
        });
        if program == Program::PoofBundled {
            sandbox.set("bundle", true.into());
        }
        let bucket = format!("poof-backup:{}", sandbox.bucket());
        sandbox.rclone(["mkdir", &bucket]).run().expect_code(0);
        let remote = if world.encrypted { "poof-crypt:".to_owned() } else { format!("{bucket}/") };
        let peer = Peer { program, sandbox, proxy, remote, encrypted: world.encrypted };
        if program == Program::Restic {
            peer.restic(&["init"]).expect("restic init");
        }
        peer.proxy.set_latency(world.delay);
        Some(peer)
    }

    pub fn data(&self) -> PathBuf {
        self.sandbox.data()
    }

    /// Writes other content into ten files, spread over the tree.
    pub fn change_ten(&self) {
        let entries = walkdir::WalkDir::new(self.data()).sort_by_file_name().into_iter().flatten();
        let files: Vec<_> = entries.filter(|entry| entry.file_type().is_file()).collect();
        for file in files.iter().step_by((files.len() / 10).max(1)).take(10) {
            fs::write(file.path(), "changed").unwrap();
        }
    }

    /// Does a job; None if it fails. What was restored is compared.
    pub fn run(&mut self, job: Job) -> Option<Cost> {
        self.proxy.reset();
        let down = matches!(job, Job::Download | Job::LargeDown);
        let original = down.then(|| {
            let original = Snapshot::of(&self.data());
            fs::remove_dir_all(self.data()).unwrap();
            original
        });
        if matches!(job, Job::WipeMany | Job::WipeLarge) && self.program == Program::Poof {
            // It wipes nothing that is not on the remote; looks there, and wipes.
            self.backup()?;
            self.proxy.reset();
        }
        // What others have written is no matter of this job.
        rustix::fs::sync();
        let cost = match job {
            Job::Download | Job::LargeDown => self.download(),
            Job::OneBack => self.one_back(),
            Job::Upload | Job::WipeMany | Job::WipeLarge => self.upload(),
            _ => self.backup(),
        };
        // A restore is one when it is on the disk; poof itself waits for that.
        let start = Instant::now();
        if down {
            rustix::fs::sync();
        }
        let flushed = start.elapsed();
        if let (Some(original), Some(_)) = (original, &cost) {
            assert_same_content(&original, &Snapshot::of(&self.data()));
        }
        cost.map(|cost| Cost {
            time: cost.time + flushed,
            requests: Some(self.proxy.total()),
            bytes: Some((self.proxy.sent(), self.proxy.received())),
            ..cost
        })
    }

    fn backup(&self) -> Option<Cost> {
        let data = self.data();
        let (from, to) = (data.to_str().unwrap(), format!("{}data", self.remote));
        match self.program {
            Program::Poof | Program::PoofBundled => self.poof(&["backup", "--only", "data"]),
            Program::Rclone => self.rclone(&["sync", from, &to]),
            Program::RcloneBest => {
                self.rclone(&[&["sync", from, &to][..], &BEST, &BEST_UP].concat())
            }
            Program::PythonPoof => self.python(&["backup"]),
            Program::Restic => self.restic(&["backup", from]),
            Program::Shred => None,
        }
    }

    /// So that nothing is left here, and nothing goes that is not safe.
    fn upload(&self) -> Option<Cost> {
        let cost = match self.program {
            Program::Poof | Program::PoofBundled => {
                self.poof(&["upload", "--yes", "--keep-poof"])?
            }
            Program::Rclone => self.by_hand(&[])?,
            Program::RcloneBest => self.by_hand(&BEST)?,
            Program::Shred => self.shred()?,
            Program::PythonPoof | Program::Restic => return None,
        };
        let entries = walkdir::WalkDir::new(self.data()).into_iter().flatten();
        assert_eq!(entries.filter(|entry| entry.file_type().is_file()).count(), 0);
        Some(cost)
    }

    /// rclone's check compares every byte.
    fn by_hand(&self, flags: &[&str]) -> Option<Cost> {
        let data = self.data();
        let (from, to) = (data.to_str().unwrap(), format!("{}data", self.remote));
        let sync = self.rclone(&[&["sync", from, &to], flags].concat())?;
        let check = self.rclone(&[&["check", "--download", from, &to], flags].concat())?;
        Some(sync + check + self.shred()?)
    }

    fn shred(&self) -> Option<Cost> {
        let data = self.data();
        let args = [data.to_str().unwrap(), "-type", "f", "-exec", "shred", "-u", "-n1", "{}", "+"];
        measure(&self.sandbox, Path::new("/usr/bin/find"), &args, &[])
    }

    fn download(&self) -> Option<Cost> {
        let data = self.data();
        let (to, from) = (data.to_str().unwrap(), format!("{}data", self.remote));
        match self.program {
            Program::Poof | Program::PoofBundled => {
                self.poof(&["download", "--only", "data", "--yes"])
            }
            Program::Rclone => self.rclone(&["sync", &from, to]),
            Program::RcloneBest => self.rclone(&[&["sync", &from, to][..], &BEST].concat()),
            Program::PythonPoof => self.python(&["download"]),
            Program::Restic => self.restic(&["restore", "latest", "--target", "/"]),
            Program::Shred => None,
        }
    }

    /// The file in the middle of the tree.
    fn one_back(&self) -> Option<Cost> {
        let data = self.data();
        let entries = walkdir::WalkDir::new(&data).sort_by_file_name().into_iter().flatten();
        let files: Vec<_> = entries.filter(|entry| entry.file_type().is_file()).collect();
        let file = files.get(files.len() / 2)?.path();
        let below = file.strip_prefix(&data).unwrap().to_str().unwrap();
        let to = self.sandbox.home().join("one");
        let _ = fs::remove_dir_all(&to);
        let to = to.to_str().unwrap();
        let from = format!("{}data/{below}", self.remote);
        match self.program {
            Program::Poof | Program::PoofBundled => {
                self.poof(&["get", "--to", to, &format!("data/{below}")])
            }
            Program::Rclone => self.rclone(&["copy", &from, to]),
            Program::RcloneBest => self.rclone(&[&["copy", &from, to][..], &BEST].concat()),
            Program::Restic => {
                let wanted = file.to_str().unwrap();
                self.restic(&["restore", "latest", "--include", wanted, "--target", to])
            }
            Program::PythonPoof | Program::Shred => None,
        }
    }

    fn poof(&self, args: &[&str]) -> Option<Cost> {
        measure(&self.sandbox, Path::new(env!("CARGO_BIN_EXE_poof")), args, &[])
    }

    fn python(&self, args: &[&str]) -> Option<Cost> {
        measure(&self.sandbox, &python_poof(), args, &[])
    }

    fn rclone(&self, args: &[&str]) -> Option<Cost> {
        let config = self.sandbox.rclone_conf();
        let config = ["--config", config.to_str().unwrap()];
        measure(&self.sandbox, &stock_rclone(), &[&config, args].concat(), &[])
    }

    fn restic(&self, args: &[&str]) -> Option<Cost> {
        let repository = format!("s3:{}/{}", self.proxy.endpoint(), self.sandbox.bucket());
        let environment = [
            ("RESTIC_REPOSITORY", repository.as_str()),
            ("RESTIC_PASSWORD", "password"),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ];
        // `make bench` installs it.
        let restic = cache().join("poof-tools/bin/restic");
        measure(&self.sandbox, &restic, args, &environment)
    }

    /// Gives the disk back before the next one.
    pub fn forget(self) {
        self.proxy.set_latency(Duration::ZERO);
        let bucket = format!("poof-backup:{}", self.sandbox.bucket());
        let args = ["--checkers=64", "purge", &bucket];
        self.sandbox.rclone(args).timeout(Duration::from_mins(5)).run();
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Program::Poof => "poof",
            Program::PoofBundled => "poof bundled",
            Program::Rclone => "rclone",
            Program::RcloneBest => "rclone at best",
            Program::PythonPoof => "Python poof",
            Program::Restic => "restic",
            Program::Shred => "shred",
        })
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Job::First => "first backup",
            Job::NoChange => "no change",
            Job::TenChanged => "ten changed",
            Job::Download => "download",
            Job::OneBack => "one file back",
            Job::LargeUp => "large file up",
            Job::LargeDown => "large file down",
            Job::Upload => "upload",
            Job::WipeMany => "wipe of many",
            Job::WipeLarge => "wipe of large",
        })
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.encrypted { "encrypted" } else { "plain" };
        write!(f, "{kind}, +{} ms", self.delay.as_millis())
    }
}

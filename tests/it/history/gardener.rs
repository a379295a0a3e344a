//! A tree that changes at random: the same seed makes the same changes.

use std::ffi::OsStr;
use std::fs::{self, FileType, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use fastrand::Rng;
use rustix::fs::{CWD, Mode, XattrFlags};
use walkdir::WalkDir;

/// What people, and other programs, call their files. One is called as the object of a link
/// that another may be.
const NAMES: [&[u8]; 21] = [
    b"plain",
    b"letter.odt",
    b"new\nline",
    b"bad \xff\xfe",
    b"x",
    b"y",
    b"y.rclonelink",
    b"a:b",
    b"trailing space ",
    b" ",
    b"trailing dot.",
    b"back\\slash",
    b"-rf",
    b"%2F",
    b"Twin",
    b"twin",
    "\u{e9}".as_bytes(),
    "e\u{301}".as_bytes(),
    "\u{201b}\u{ff0f}".as_bytes(),
    "fullwidth \u{ff1a}".as_bytes(),
    b".poof",
];

/// So many directories one in another.
const DEPTH: usize = 4;

/// More than what is sent in one piece with its hash.
const LARGE: usize = 5_500_000;

pub struct Gardener {
    root: PathBuf,
    rng: Rng,
    round: usize,
}

impl Gardener {
    /// Begins with a small tree in `root`, which is empty.
    pub fn new(root: &Path, seed: u64) -> Self {
        let mut new = Gardener { root: root.to_path_buf(), rng: Rng::with_seed(seed), round: 0 };
        for _ in 0..4 {
            new.plant_directory();
        }
        for _ in 0..20 {
            let place = new.free();
            new.plant(&place);
        }
        new.mark();
        new
    }

    /// A few changes, of which each makes a new snapshot.
    pub fn stir(&mut self) {
        self.round += 1;
        for _ in 0..self.rng.usize(4..=9) {
            self.change();
        }
        self.mark();
    }

    /// A file that is another one each time, and a large one that is now and then.
    fn mark(&self) {
        let place = |name| {
            let place = self.root.join(name);
            // It may have become something else.
            if fs::symlink_metadata(&place).is_ok_and(|found| !found.is_file()) {
                remove(&place);
            }
            place
        };
        fs::write(place("round"), format!("round {}", self.round)).unwrap();
        if self.round.is_multiple_of(4) {
            // No zeros: a copy of them would be a hole.
            let byte = u8::try_from(1 + self.round % 251).unwrap();
            fs::write(place("large"), vec![byte; LARGE]).unwrap();
        }
    }

    fn change(&mut self) {
        match self.rng.u8(0..14) {
            0 | 1 => {
                let place = self.free();
                self.plant(&place);
            }
            2 | 3 => {
                if let Some(file) = self.some(FileType::is_file) {
                    self.write(&file);
                }
            }
            4 | 5 => self.rename(),
            6 => {
                if let Some(gone) = self.some(|kind| !kind.is_dir()) {
                    fs::remove_file(gone).unwrap();
                }
            }
            7 => {
                if let Some(gone) = self.some(FileType::is_dir).filter(|_| self.rng.bool()) {
                    fs::remove_dir_all(gone).unwrap();
                }
            }
            8 | 9 => {
                if let Some(place) = self.some(|_| true) {
                    remove(&place);
                    self.plant(&place);
                }
            }
            10 => {
                if let Some(file) = self.some(FileType::is_file) {
                    fs::hard_link(file, self.free()).unwrap();
                }
            }
            11 => self.attributes(),
            12 => self.exchange(),
            _ => self.plant_directory(),
        }
    }

    /// Something that is there, of a kind that is wanted.
    fn some(&mut self, is_wanted: impl Fn(&FileType) -> bool) -> Option<PathBuf> {
        let all = WalkDir::new(&self.root).min_depth(1).sort_by_file_name().into_iter();
        let all = all.map(Result::unwrap).filter(|entry| is_wanted(&entry.file_type()));
        let mut all: Vec<_> = all.map(walkdir::DirEntry::into_path).collect();
        if all.is_empty() { None } else { Some(all.swap_remove(self.rng.usize(..all.len()))) }
    }

    /// A place where nothing is.
    fn free(&mut self) -> PathBuf {
        let dirs = WalkDir::new(&self.root).max_depth(DEPTH - 1).sort_by_file_name().into_iter();
        let dirs = dirs.map(Result::unwrap).filter(|entry| entry.file_type().is_dir());
        let dirs: Vec<_> = dirs.map(walkdir::DirEntry::into_path).collect();
        let (dir, name) = (self.rng.choice(dirs).unwrap(), self.rng.choice(NAMES).unwrap());
        let names = (0..).map(|number| match number {
            0 => name.to_vec(),
            _ => [format!("{number} ").as_bytes(), name].concat(),
        });
        let mut places = names.map(|name| dir.join(OsStr::from_bytes(&name)));
        places.find(|place| fs::symlink_metadata(place).is_err()).unwrap()
    }

    fn plant(&mut self, place: &Path) {
        match self.rng.u8(0..8) {
            0 => {
                fs::create_dir(place).unwrap();
                self.write(&place.join("inside"));
            }
            1 => symlink(OsStr::from_bytes(self.rng.choice(NAMES).unwrap()), place).unwrap(),
            2 => rustix::fs::mkfifoat(CWD, place, Mode::from_raw_mode(0o640)).unwrap(),
            _ => self.write(place),
        }
    }

    fn plant_directory(&mut self) {
        let dir = self.free();
        fs::create_dir(&dir).unwrap();
        for name in NAMES.iter().take(self.rng.usize(0..4)) {
            self.write(&dir.join(OsStr::from_bytes(name)));
        }
    }

    fn write(&mut self, place: &Path) {
        let content = match self.rng.u8(0..8) {
            0 => Vec::new(),
            // Many files have the same content.
            1 | 2 => b"the same in many files".to_vec(),
            3 => self.noise(1..=200_000),
            _ => self.noise(1..=3_000),
        };
        fs::write(place, content).unwrap();
    }

    fn noise(&mut self, sizes: std::ops::RangeInclusive<usize>) -> Vec<u8> {
        let mut noise = vec![0; self.rng.usize(sizes)];
        self.rng.fill(&mut noise);
        noise
    }

    fn rename(&mut self) {
        let Some(from) = self.some(|_| true) else { return };
        let to = self.free();
        if !to.starts_with(&from) {
            fs::rename(from, to).unwrap();
        }
    }

    /// Two files change places.
    fn exchange(&mut self) {
        let is_file = |kind: &FileType| kind.is_file() || kind.is_fifo();
        let (Some(one), Some(other)) = (self.some(is_file), self.some(is_file)) else { return };
        let between = self.root.join("between");
        if one != other {
            fs::rename(&one, &between).unwrap();
            fs::rename(&other, &one).unwrap();
            fs::rename(&between, &other).unwrap();
        }
    }

    fn attributes(&mut self) {
        let Some(path) = self.some(|kind| kind.is_file() || kind.is_dir()) else { return };
        let mode = self.rng.choice([0o700, 0o750, 0o755]).unwrap();
        let value = self.noise(1..=20);
        rustix::fs::lsetxattr(&path, "user.poof", &value, XattrFlags::empty()).unwrap();
        if path.is_file() {
            let time =
                UNIX_EPOCH + Duration::from_nanos(self.rng.u64(1..1_700_000_000_000_000_000));
            fs::File::open(&path).unwrap().set_modified(time).unwrap();
        }
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }
}

fn remove(place: &Path) {
    if fs::symlink_metadata(place).unwrap().is_dir() {
        fs::remove_dir_all(place).unwrap();
    } else {
        fs::remove_file(place).unwrap();
    }
}

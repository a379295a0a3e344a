//! Looks into the places where programs tell of files.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::known::Known;
use super::places::{Base, Entries, Form, Holds, Kind, Place, places};
use super::text::{self, Cut};
use super::whole;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::shown::quoted;
use crate::host::paths::{System, given};
use crate::host::{mounts, plain, trust};

/// No text is larger, in bytes.
pub const LARGEST: u64 = 64 << 20;

/// Something that tells of files of the trees.
#[derive(Debug)]
pub struct Find {
    pub kind: Kind,
    pub what: &'static str,
    pub holds: Holds,
    /// The file that tells, or what goes with it.
    pub path: PathBuf,
    /// The files that it tells of, as far as that is known.
    pub of: Vec<Vec<u8>>,
    /// How many entries that are.
    pub count: usize,
    pub way: Way,
    /// What removes exactly that.
    pub command: String,
    /// Why poof does not remove it.
    pub stays: Option<&'static str>,
    /// Who says that programs tell there.
    pub source: &'static str,
}

/// How it can be removed.
#[derive(Clone)]
pub enum Way {
    /// These go whole, in this order.
    Whole(Vec<PathBuf>),
    /// The same of something in a trash, whose sizes are noted beside.
    Trash { all: [PathBuf; 2], sizes: PathBuf },
    /// Entries of a text.
    Entries(Entries),
    /// A copy, as long as it is what was compared.
    Copy(PathBuf, Seen),
    /// By its command.
    Command,
}

/// By what a file is recognised: device, inode, size, and the time of its last change.
pub type Seen = (u64, u64, u64, i64, i64);

pub fn seen(meta: &fs::Metadata) -> Seen {
    (meta.dev(), meta.ino(), meta.size(), meta.ctime(), meta.ctime_nsec())
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Way::Whole(_) => "Whole",
            Way::Trash { .. } => "Trash",
            Way::Entries(_) => "Entries",
            Way::Copy(..) => "Copy",
            Way::Command => "Command",
        })
    }
}

impl Find {
    /// Whether poof can remove it.
    pub fn goes(&self) -> bool {
        self.stays.is_none()
    }
}

/// A path that could not be looked into, and why.
pub type Unseen = (PathBuf, String);

/// Where to look, and where not.
pub struct Scope<'a> {
    pub known: &'a Known,
    pub home: &'a Path,
    /// The trees, and what is poof's own.
    pub spared: &'a [PathBuf],
    pub system: System,
}

impl Scope<'_> {
    /// What the places tell, and those that could not be looked into, with the reason.
    ///
    /// # Errors
    /// An interrupt.
    pub fn places(&self) -> Result<(Vec<Find>, Vec<Unseen>)> {
        let (mut finds, mut closed, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        for place in places(self.system) {
            for path in self.paths(place) {
                interrupt::check()?;
                if !self.is_spared(&path) && seen.insert((path.clone(), place.holds.word())) {
                    match look(self.known, place, &path) {
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                            return Err(Error::interrupted());
                        }
                        // It is gone, or no file.
                        Err(error) if no_matter(&error) => {}
                        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                            closed.push((path, "you may not read it".to_owned()));
                        }
                        Err(error) => closed.push((path, error.to_string())),
                        Ok(found) => finds.extend(found),
                    }
                }
            }
        }
        Ok((finds, closed))
    }

    /// Whether it is in a tree, or poof's own.
    pub fn is_spared(&self, path: &Path) -> bool {
        self.spared.iter().any(|spared| path.starts_with(spared))
    }

    fn paths(&self, place: &Place) -> Vec<PathBuf> {
        let uid = rustix::process::geteuid().as_raw();
        let pattern = place.pattern.replace("{uid}", &uid.to_string());
        let mut paths = Vec::new();
        for base in bases(place.base, self.home) {
            expand(&base, &pattern, &mut paths);
        }
        paths.extend(given("HISTFILE").filter(|path| {
            let name = path.file_name().map(OsStrExt::as_bytes).unwrap_or_default();
            let is_zsh = name.windows(2).any(|two| two == b"zs" || two == b"zh");
            place.pattern == if is_zsh { ".zsh_history" } else { ".bash_history" }
        }));
        paths.sort();
        paths.dedup();
        paths
    }
}

fn no_matter(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput)
}

/// The directories in which a pattern begins.
fn bases(base: Base, home: &Path) -> Vec<PathBuf> {
    let xdg = |variable: &str, below: &str, flatpak: &str| {
        let mut all = vec![home.join(below)];
        all.extend(given(variable));
        expand(home, &format!(".var/app/*/{flatpak}"), &mut all);
        all.sort();
        all.dedup();
        all
    };
    match base {
        Base::Home => vec![home.to_path_buf()],
        Base::Config => xdg("XDG_CONFIG_HOME", ".config", "config"),
        Base::Data => xdg("XDG_DATA_HOME", ".local/share", "data"),
        Base::Cache => xdg("XDG_CACHE_HOME", ".cache", "cache"),
        Base::State => xdg("XDG_STATE_HOME", ".local/state", ".local/state"),
        Base::Root => vec![PathBuf::from("/")],
        Base::Mounts => {
            let root = Path::new("/");
            let mounted = mounts::below(root).into_iter();
            // To look at one would mount it.
            let mounted = mounted.filter(|(_, mount)| mount.kind != "autofs");
            let mut all: Vec<_> = mounted.map(|(path, _)| root.join(path)).collect();
            all.push(root.to_path_buf());
            all
        }
    }
}

/// What is there that fits a pattern. A `*` follows no link.
fn expand(base: &Path, pattern: &str, paths: &mut Vec<PathBuf>) {
    let (name, rest) = pattern.split_once('/').unwrap_or((pattern, ""));
    let mut here = Vec::new();
    if name.contains('*') {
        let wanted =
            |kind: fs::FileType| if rest.is_empty() { kind.is_file() } else { kind.is_dir() };
        let named = |entry: &fs::DirEntry| {
            fits(entry.file_name().as_bytes(), name.as_bytes())
                && entry.file_type().is_ok_and(wanted)
        };
        let entries = fs::read_dir(base).into_iter().flatten().flatten();
        here.extend(entries.filter(named).map(|entry| entry.path()));
    } else {
        here.extend(Some(base.join(name)).filter(|path| path.symlink_metadata().is_ok()));
    }
    for path in here {
        if rest.is_empty() {
            paths.push(path);
        } else {
            expand(&path, rest, paths);
        }
    }
}

/// Whether a name fits a pattern, in which each `*` is anything. A dot at the beginning is one
/// of the pattern.
fn fits(name: &[u8], pattern: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() == Some(&b'*') && pattern.len() > 1 {
        return false;
    }
    let mut parts = pattern.split(|byte| *byte == b'*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts.filter(|part| !part.is_empty()) {
        match rest.windows(part.len()).position(|window| window == part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What a file tells, if it does.
fn look(known: &Known, place: &'static Place, path: &Path) -> io::Result<Option<Find>> {
    let meta = path.symlink_metadata()?;
    let Place { kind, what, holds, source, .. } = *place;
    let base = Find {
        kind,
        what,
        holds,
        path: path.to_path_buf(),
        of: Vec::new(),
        count: 1,
        way: Way::Command,
        command: String::new(),
        stays: stays(&meta).or_else(|| exposed(path)),
        source,
    };
    if meta.is_symlink() {
        // Where it leads is looked at, and nothing there is changed.
        let target = fs::metadata(path)?;
        if !target.is_file() || !matches!(place.form, Form::Entries(..) | Form::Listed(_)) {
            return Ok(None);
        }
    } else if !meta.is_file() && !matches!(place.form, Form::Closed(_)) {
        return Ok(None);
    }
    let one = |of: Vec<u8>| if of.is_empty() { Vec::new() } else { vec![of] };
    Ok(match place.form {
        Form::Entries(entries, lock) => {
            let at_work = !lock.is_empty() && path.with_file_name(lock).symlink_metadata().is_ok();
            let at_work = at_work.then_some("a program is at work with it");
            let find = Find { stays: base.stays.or(at_work), ..base };
            in_text(known, find, entries)?
        }
        Form::Listed(entries) => {
            let stays = base.stays.or(Some("the program has to know of it"));
            in_text(known, Find { stays, ..base }, entries)?
        }
        Form::Whole(about) => about(known, path).map(|of| {
            let way = Way::Whole(vec![path.to_path_buf()]);
            Find { of: one(of), way, command: format!("rm {}", quoted(path)), ..base }
        }),
        Form::Directory(about) => about(known, path).and_then(|of| {
            let dir = path.parent()?.to_path_buf();
            let command = format!("rm -r {}", quoted(&dir));
            let count = fs::read_dir(&dir).ok()?.count().saturating_sub(1).max(1);
            Some(Find {
                of: one(of),
                count,
                way: Way::Whole(vec![dir.clone()]),
                path: dir,
                command,
                ..base
            })
        }),
        Form::Trash => in_trash(known, path, base.stays).map(|(data, of, way, command, stays)| {
            Find { path: data, of: vec![of], way, command, stays, ..base }
        }),
        Form::Store(search, command) => {
            let found = search(known, path)?;
            (!found.is_empty()).then(|| {
                let stays = base.stays.or(Some("it only goes as a whole"));
                let (count, of) = (found.len(), found.into_iter().collect());
                Find { of, count, command: filled(command, path), stays, ..base }
            })
        }
        Form::Closed(command) => (!known.is_empty()).then(|| {
            let stays = Some("nobody can look into it; it may tell, and only goes as a whole");
            Find { command: filled(command, path), stays, ..base }
        }),
    })
}

/// Why a file is not for poof to change.
pub fn stays(meta: &fs::Metadata) -> Option<&'static str> {
    if meta.is_symlink() {
        Some("it is a link")
    } else if meta.uid() != rustix::process::geteuid().as_raw() {
        Some("it belongs to somebody else")
    } else if meta.is_file() && meta.nlink() > 1 {
        Some("the file has another name")
    } else {
        None
    }
}

/// The same because of the directories on the way: whoever can change one could have something
/// else of this user's be at the path when it is removed.
pub fn exposed(path: &Path) -> Option<&'static str> {
    let weak = trust::weak(path.parent()?);
    (!matches!(weak, Ok(None))).then_some("somebody else could change what is at this path")
}

fn filled(command: &str, path: &Path) -> String {
    let dir = path.parent().unwrap_or(path);
    command.replace("{dir}", &quoted(dir)).replace("{}", &quoted(path))
}

fn in_text(known: &Known, base: Find, entries: Entries) -> io::Result<Option<Find>> {
    let text = plain::read_file(&base.path, LARGEST)?;
    let cuts = entries(known, &text);
    if cuts.is_empty() {
        return Ok(None);
    }
    let command = command_for(&text, &cuts, &base.path);
    let count = cuts.len();
    let of: BTreeSet<_> = cuts.into_iter().map(|cut| cut.of).collect();
    let of = of.into_iter().collect();
    Ok(Some(Find { of, count, way: Way::Entries(entries), command, ..base }))
}

/// What takes these entries out of a text. All of them go at once: the numbers of the lines
/// are others then.
fn command_for(text: &[u8], cuts: &[Cut], path: &Path) -> String {
    let path = quoted(path);
    let Some(lines) = text::lines_of(text, cuts) else {
        return format!("${{EDITOR:-vi}} {path}");
    };
    // Those that follow each other are one part.
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for (first, last) in lines {
        match parts.last_mut() {
            Some((_, end)) if *end + 1 == first => *end = last,
            _ => parts.push((first, last)),
        }
    }
    let parts: Vec<_> = parts
        .into_iter()
        .map(
            |(first, last)| {
                if first == last { format!("{first}d") } else { format!("{first},{last}d") }
            },
        )
        .collect();
    // Without GNU a suffix has to be given, be it none.
    let in_place = if cfg!(target_os = "linux") { "-i" } else { "-i ''" };
    format!("env LC_ALL=C sed {in_place} '{}' {path}", parts.join(";"))
}

/// What is in a trash, by its info file: where it is, what it was, and how it goes. The trash
/// is two directories above that.
fn in_trash(known: &Known, info: &Path, closed: Stays) -> Option<Trashed> {
    let trash = info.parent()?.parent()?;
    let of = whole::trashed(known, info, top(trash))?;
    let data = trash.join("files").join(info.file_stem()?);
    let meta = data.symlink_metadata().ok().filter(|meta| !meta.is_symlink());
    let stays = closed.or(meta.as_ref().and_then(stays));
    let command = format!("rm -r {} {}", quoted(&data), quoted(info));
    let sizes = trash.join("directorysizes");
    let way = Way::Trash { all: [data.clone(), info.to_path_buf()], sizes };
    Some((data, of, way, command, stays))
}

/// Why something stays.
type Stays = Option<&'static str>;

type Trashed = (PathBuf, Vec<u8>, Way, String, Stays);

/// The top of the file system that a trash is on: `TOP/.Trash-1000`, `TOP/.Trash/1000`.
fn top(trash: &Path) -> &Path {
    let is_shared = |dir: &Path| dir.file_name().is_some_and(|name| name == ".Trash");
    match trash.parent() {
        Some(dir) if is_shared(dir) => dir.parent().unwrap_or(dir),
        Some(dir) => dir,
        None => trash,
    }
}

#[cfg(test)]
mod tests {
    use super::super::known::Gathering;
    use super::*;

    #[test]
    fn names_fit_patterns_as_they_do_for_a_shell() {
        for (name, pattern) in [
            ("a.png", "*.png"),
            (".a.swp", ".*.sw*"),
            ("undo", "*undo*"),
            ("myundo.d", "*undo*"),
            (".saves-1", ".saves-*"),
            (".hidden", "*"),
            ("x", "*"),
        ] {
            assert!(fits(name.as_bytes(), pattern.as_bytes()), "{name} {pattern}");
        }
        for (name, pattern) in
            [("a.jpg", "*.png"), (".a.png", "*.png"), ("und", "*undo*"), ("ab", "a*bc")]
        {
            assert!(!fits(name.as_bytes(), pattern.as_bytes()), "{name} {pattern}");
        }
    }

    #[test]
    fn the_command_for_a_text_takes_out_exactly_its_entries() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("it's a history");
        let known = super::super::known::tests::knows(&["a.txt"]);
        let text = b"one\nvim ~/data/a.txt\nless ~/data/a.txt\ntwo\nrm ~/data/a.txt\n\xff\n";
        fs::write(&path, text).unwrap();
        let cuts = text::shell(&known, text);
        let command = command_for(text, &cuts, &path);
        let done = std::process::Command::new("sh").args(["-c", &command]).status().unwrap();
        assert!(done.success(), "{command}");
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n\xff\n");
    }

    #[test]
    fn links_are_not_followed_and_trees_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path();
        let tree = home.join("data");
        fs::create_dir_all(&tree).unwrap();
        let mut gathering = Gathering::new(home);
        let number = gathering.tree(&[&tree]);
        gathering.path(number, b"a.txt");
        let known = gathering.known();
        fs::write(home.join("real"), "vim ~/data/a.txt\n").unwrap();
        std::os::unix::fs::symlink("real", home.join(".bash_history")).unwrap();
        fs::write(home.join(".zsh_history"), "vim ~/data/a.txt\n").unwrap();
        let places = |spared: &[PathBuf]| {
            let scope = Scope { known: &known, home, spared, system: System::Xdg };
            scope.places().unwrap().0
        };
        let finds = places(&[]);
        let of = |finds: &[Find]| {
            let own = finds.iter().filter(|find| find.path.starts_with(home));
            own.map(|find| find.stays).collect::<BTreeSet<_>>()
        };
        assert_eq!(of(&finds), BTreeSet::from([Some("it is a link"), None]));
        assert_eq!(of(&places(&[home.to_path_buf()])), BTreeSet::new());
    }
}

//! How this program came here, and so how it goes.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::package::{self, Package};
use super::paths::given;
use super::plain;
use super::receipt::{self, Named};
use super::trust::{self, Weak};
use super::wheel::{self, Wheel};

/// How a program was installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Installed {
    /// By `make install`, whose receipt names every file and directory that it made; of
    /// these `files` are what an installation makes, and `others` are not.
    Receipt { receipt: PathBuf, files: Vec<PathBuf>, others: Vec<PathBuf> },
    /// There is a receipt, and somebody else could have written it.
    Doubtful { receipt: PathBuf, weak: Weak },
    /// By pip, pipx or uv, from a wheel.
    Wheel(Wheel),
    /// By `cargo install`, into this root.
    Cargo(PathBuf),
    /// By Homebrew, which keeps it in its cellar.
    Homebrew,
    /// By the package manager of the system, as this package.
    Package(Package),
    /// It runs where it was built, in this target directory.
    Build(PathBuf),
    /// Somebody put it there.
    Copy,
}

/// The program at work.
///
/// # Errors
/// The system does not say.
pub fn current() -> std::io::Result<PathBuf> {
    env::current_exe().and_then(fs::canonicalize)
}

/// Where `exe` will be after the next update as well: on PATH there may be a link to it
/// (Homebrew's, of which each version has a directory of its own).
pub fn lasting(exe: &Path, path: Option<&OsStr>) -> PathBuf {
    let name = exe.file_name().unwrap_or_default();
    let dirs = path.map(env::split_paths).into_iter().flatten();
    let mut found = dirs.filter(|dir| dir.is_absolute()).map(|dir| dir.join(name));
    let is_it = |path: &PathBuf| fs::canonicalize(path).is_ok_and(|real| real == exe);
    found.find(is_it).unwrap_or_else(|| exe.to_path_buf())
}

/// How `program` was installed.
pub fn installed(program: &Path) -> Installed {
    of(program, package::of)
}

fn of(program: &Path, package: impl Fn(&Path) -> Option<Package>) -> Installed {
    let dir = program.parent().unwrap_or(Path::new("/"));
    let prefix = dir.parent().unwrap_or(Path::new("/"));
    // CELLAR/poof/VERSION/bin/poof
    if prefix.ancestors().nth(2).is_some_and(|cellar| cellar.ends_with("Cellar")) {
        return Installed::Homebrew;
    }
    let receipt = prefix.join(receipt::PLACE);
    if let Ok(text) = plain::read_file(&receipt, receipt::MOST) {
        let named = Named::of(&String::from_utf8_lossy(&text), prefix);
        if named.has(program) {
            if let Some(weak) = trust::weak(&receipt).ok().flatten() {
                return Installed::Doubtful { receipt, weak };
            }
            let Named { files, others } = named;
            return Installed::Receipt { receipt, files, others };
        }
    }
    if let Some(wheel) = wheel::of(program) {
        return Installed::Wheel(wheel);
    }
    let crates = fs::read_to_string(prefix.join(".crates.toml")).unwrap_or_default();
    if crates.lines().any(|line| line.starts_with("\"poof ")) {
        return Installed::Cargo(prefix.to_path_buf());
    }
    if dir.join(".fingerprint").is_dir() && dir.join("deps").is_dir() {
        return Installed::Build(prefix.to_path_buf());
    }
    package(program).map_or(Installed::Copy, Installed::Package)
}

/// Where a user puts what goes with a program, below `home`: completions and the manual.
pub fn companions(home: &Path) -> Vec<PathBuf> {
    let xdg = |name, default: &str| given(name).unwrap_or_else(|| home.join(default));
    let data = xdg("XDG_DATA_HOME", ".local/share");
    let config = xdg("XDG_CONFIG_HOME", ".config");
    let below_data = [
        "bash-completion/completions/poof",
        "zsh/site-functions/_poof",
        "fish/vendor_completions.d/poof.fish",
        "man/man1/poof.1",
        "man/man5/poof.conf.5",
    ];
    let mut all: Vec<_> = below_data.iter().map(|path| data.join(path)).collect();
    all.extend([config.join("fish/completions/poof.fish"), home.join(".zfunc/_poof")]);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::package::Manager;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_link_on_the_path_lasts_longer_than_the_version_it_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let (exe, bin) = (root.join("Cellar/0.1.0/poof"), root.join("bin"));
        for dir in [exe.parent().unwrap(), &bin, &root.join("else")] {
            fs::create_dir_all(dir).unwrap();
        }
        fs::write(&exe, "").unwrap();
        fs::write(root.join("else/poof"), "another").unwrap();
        let path = env::join_paths([root.join("else"), bin.clone()]).unwrap();
        assert_eq!(lasting(&exe, Some(&path)), exe);
        std::os::unix::fs::symlink(&exe, bin.join("poof")).unwrap();
        assert_eq!(lasting(&exe, Some(&path)), bin.join("poof"));
        assert_eq!(lasting(&exe, None), exe);
    }

    #[test]
    fn a_program_knows_how_it_came() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let program = root.join("bin/poof");
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("bin/poof", "");
        let deb = Package { manager: Manager::Dpkg, name: "poof:amd64".to_owned() };
        let owned = of(&program, |path| (path == program).then(|| deb.clone()));
        assert_eq!(owned, Installed::Package(deb));
        let brewed = Path::new("/opt/homebrew/Cellar/poof/0.1.0/bin/poof");
        assert_eq!(of(brewed, |_| None), Installed::Homebrew);
        let how = || of(&program, |_| None);
        assert_eq!(how(), Installed::Copy);
        write("bin/deps/x", "");
        write("bin/.fingerprint/x", "");
        assert_eq!(how(), Installed::Build(root.clone()));
        write(".crates.toml", "[v1]\n\"poof 0.1.0 (path+file:///x)\" = [\"poof\"]\n");
        assert_eq!(how(), Installed::Cargo(root.clone()));
        write("share/poof/receipt", "# other\n/else/poof\n");
        assert_eq!(how(), Installed::Cargo(root.clone()), "a receipt of another program");
        let receipt = root.join("share/poof/receipt");
        fs::write(&receipt, format!("{}\n", program.display())).unwrap();
        let (files, others) = (vec![program.clone()], Vec::new());
        assert_eq!(how(), Installed::Receipt { receipt: receipt.clone(), files, others });
        fs::set_permissions(&receipt, fs::Permissions::from_mode(0o646)).unwrap();
        assert!(matches!(how(), Installed::Doubtful { .. }));
    }
}

//! How this program came here, and so how it goes.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a program was installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Installed {
    /// By `make install`, whose receipt names every file and directory that it made.
    Receipt { receipt: PathBuf, files: Vec<PathBuf> },
    /// By `cargo install`, into this root.
    Cargo(PathBuf),
    /// By the package manager of the system, as this package.
    Package(String),
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

/// How `program` was installed.
pub fn installed(program: &Path) -> Installed {
    of(program, Path::new("/var/lib/dpkg/info"))
}

fn of(program: &Path, packages: &Path) -> Installed {
    let dir = program.parent().unwrap_or(Path::new("/"));
    let prefix = dir.parent().unwrap_or(Path::new("/"));
    let receipt = prefix.join("share/poof/receipt");
    if let Ok(text) = fs::read_to_string(&receipt) {
        let files: Vec<_> =
            text.lines().filter(|l| l.starts_with('/')).map(PathBuf::from).collect();
        if files.iter().any(|file| file == program) {
            return Installed::Receipt { receipt, files };
        }
    }
    let crates = fs::read_to_string(prefix.join(".crates.toml")).unwrap_or_default();
    if crates.lines().any(|line| line.starts_with("\"poof ")) {
        return Installed::Cargo(prefix.to_path_buf());
    }
    if dir.join(".fingerprint").is_dir() && dir.join("deps").is_dir() {
        return Installed::Build(prefix.to_path_buf());
    }
    let list = fs::read_to_string(packages.join("poof.list")).unwrap_or_default();
    if list.lines().any(|line| Path::new(line) == program) {
        return Installed::Package("poof".to_owned());
    }
    Installed::Copy
}

/// Lets cargo remove what it installed. Returns whether it did.
pub fn cargo_uninstall(root: &Path) -> bool {
    let mut cargo = Command::new("cargo");
    cargo.args(["uninstall", "--quiet", "--root"]).arg(root).arg("poof");
    cargo.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    cargo.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let packages = root.join("packages");
        let how = || of(&program, &packages);
        assert_eq!(how(), Installed::Copy);
        write("packages/poof.list", &format!("/.\n{}\n", program.display()));
        assert_eq!(how(), Installed::Package("poof".to_owned()));
        write("bin/deps/x", "");
        write("bin/.fingerprint/x", "");
        assert_eq!(how(), Installed::Build(root.clone()));
        write(".crates.toml", "[v1]\n\"poof 0.1.0 (path+file:///x)\" = [\"poof\"]\n");
        assert_eq!(how(), Installed::Cargo(root.clone()));
        write("share/poof/receipt", "# other\n/else/poof\n");
        assert_eq!(how(), Installed::Cargo(root.clone()), "a receipt of another program");
        let receipt = root.join("share/poof/receipt");
        fs::write(&receipt, format!("{}\n", program.display())).unwrap();
        assert_eq!(how(), Installed::Receipt { receipt, files: vec![program.clone()] });
    }
}

//! The package of the system that a program belongs to.

use std::path::Path;
use std::process::{Command, Stdio};

use super::tool;

/// A package manager of Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    Dpkg,
    Rpm,
    Pacman,
}

/// A package, as its manager names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    pub manager: Manager,
    pub name: String,
}

impl Package {
    /// For people: what removes it when typed.
    pub fn removal(&self) -> String {
        let words = match self.manager {
            Manager::Dpkg => "dpkg --purge",
            Manager::Rpm => "rpm -e",
            Manager::Pacman => "pacman -R",
        };
        format!("sudo {words} {}", self.name)
    }
}

/// The package that `program` belongs to.
pub fn of(program: &Path) -> Option<Package> {
    [Manager::Dpkg, Manager::Rpm, Manager::Pacman]
        .into_iter()
        .find_map(|manager| owner(manager, &manager.asked(program)?, program))
}

impl Manager {
    /// What it prints when it is asked for the package of `program`, if it knows of one.
    fn asked(self, program: &Path) -> Option<String> {
        // rpm and pacman make a database where there is none, rpm of Debian in the home directory.
        let (command, words): (_, &[&str]) = match self {
            Manager::Dpkg => ("dpkg-query", &["--search"]),
            Manager::Rpm => {
                let format = "%{NAME}\\n";
                (
                    "rpm",
                    &["--query", "--dbpath", rpm_database()?, "--queryformat", format, "--file"],
                )
            }
            Manager::Pacman if !Path::new("/var/lib/pacman/local/ALPM_DB_VERSION").exists() => {
                return None;
            }
            Manager::Pacman => ("pacman", &["--query", "--quiet", "--owns"]),
        };
        let mut command = Command::new(tool::found(command, None).ok()?);
        command.args(words).arg(program).env("LC_ALL", "C");
        let out = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        out.status.success().then(|| String::from_utf8_lossy(&out.stdout).into_owned())
    }
}

/// Where rpm has its records, if it has any: of Fedora and openSUSE, of others and of old.
fn rpm_database() -> Option<&'static str> {
    let is_one = |dir: &&str| {
        let files = ["rpmdb.sqlite", "Packages.db", "Packages"];
        files.iter().any(|file| Path::new(dir).join(file).exists())
    };
    ["/usr/lib/sysimage/rpm", "/var/lib/rpm"].into_iter().find(is_one)
}

/// `poof: /usr/bin/poof`, `poof:amd64: /usr/bin/poof` by dpkg, where a diversion is no package;
/// the name alone by others.
fn owner(manager: Manager, said: &str, program: &Path) -> Option<Package> {
    let is_name = |name: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+@:".contains(c);
        !name.is_empty() && !name.starts_with('-') && name.chars().all(plain)
    };
    let mut names = said.lines().filter_map(|line| match manager {
        Manager::Dpkg => {
            let (names, path) = line.rsplit_once(": ")?;
            let is_ours = Path::new(path) == program && !names.starts_with("diversion ");
            is_ours.then(|| names.split(", ").next().unwrap_or(names))
        }
        Manager::Rpm | Manager::Pacman => Some(line),
    });
    let name = names.find(|name| is_name(name))?.to_owned();
    Some(Package { manager, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_known_by_what_its_manager_prints() {
        let program = Path::new("/usr/bin/poof");
        for (manager, said, removal) in [
            (Manager::Dpkg, "poof: /usr/bin/poof\n", Some("sudo dpkg --purge poof")),
            (Manager::Dpkg, "poof:amd64: /usr/bin/poof\n", Some("sudo dpkg --purge poof:amd64")),
            (Manager::Dpkg, "poof-doc: /else/bin/poof\ndiversion by x from: /usr/bin/poof\n", None),
            (Manager::Rpm, "poof\n", Some("sudo rpm -e poof")),
            (Manager::Rpm, "file /usr/bin/poof is not owned by any package\n", None),
            (Manager::Pacman, "poof-bin\n", Some("sudo pacman -R poof-bin")),
            (Manager::Pacman, "", None),
            // A name that would be an option, or more than a word.
            (Manager::Rpm, "--all\n", None),
            (Manager::Pacman, "poof; reboot\n", None),
        ] {
            let found = owner(manager, said, program).map(|package| package.removal());
            assert_eq!(found.as_deref(), removal, "{said}");
        }
    }
}

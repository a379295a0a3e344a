//! The name of a profile: a configuration beside the usual one, with a directory, a state
//! and a schedule of its own.

use std::fmt;
use std::path::PathBuf;

use super::Files;
use crate::host::paths::Layout;

/// Below the configuration directory: a directory for each profile.
const PROFILES: &str = "profiles";
/// What the names of its state and of its schedule begin with.
const BEGINNING: &str = "profile-";
/// The most letters that a name has: it is a part of names of files.
const LONGEST: usize = 64;

/// A name that is a directory, a unit of systemd, and a word on a command line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Profile(String);

impl Profile {
    /// None: it is no name of a profile.
    pub fn named(name: &str) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        let fits = begins && name.len() <= LONGEST && name.chars().all(is_plain);
        fits.then(|| Profile(name.to_owned()))
    }

    /// The profile that has these files.
    pub fn of(files: &Files, layout: &Layout) -> Option<Self> {
        let profile = Profile::named(files.dir.file_name()?.to_str()?)?;
        (profile.files(layout) == *files).then_some(profile)
    }

    /// The profile that `id` tells from other configurations.
    pub fn of_id(id: &str) -> Option<Self> {
        Profile::named(id.strip_prefix(BEGINNING)?)
    }

    /// Those of this user that have at least one file, by their names.
    pub fn all(layout: &Layout) -> Vec<Self> {
        let entries = std::fs::read_dir(layout.config.join(PROFILES)).into_iter().flatten();
        let names = entries.flatten().map(|entry| entry.file_name());
        let mut all: Vec<_> = names
            .filter_map(|name| Profile::named(name.to_str()?))
            .filter(|profile| profile.files(layout).are_there())
            .collect();
        all.sort();
        all
    }

    pub fn files(&self, layout: &Layout) -> Files {
        Files::resolve(&layout.config.join(PROFILES).join(&self.0), None, None, None)
    }

    pub fn state(&self, layout: &Layout) -> PathBuf {
        layout.state.join(format!("{BEGINNING}{}", self.0))
    }

    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::host::paths::{System, layout};

    #[test]
    fn a_name_is_a_plain_word() {
        for name in ["disk", "Disk-2", "a.b_c", "7"] {
            assert_eq!(Profile::named(name).unwrap().name(), name);
        }
        let long = "x".repeat(LONGEST + 1);
        for name in ["", ".", "..", ".x", "-x", "_x", "a/b", "a b", "ä", "a\n", "a%", &long] {
            assert_eq!(Profile::named(name), None, "{name:?}");
        }
    }

    #[test]
    fn its_files_are_known_whatever_names_them() {
        let layout = layout(System::Xdg, Path::new("/home/joe"), |_| None);
        let profile = Profile::named("disk").unwrap();
        let dir = Path::new("/home/joe/.config/poof/profiles/disk");
        let of = |dir: &Path, poof: Option<&str>| {
            Profile::of(
                &Files::resolve(&layout.config, Some(dir), poof.map(Path::new), None),
                &layout,
            )
        };
        assert_eq!(of(dir, None), Some(profile.clone()));
        assert_eq!(of(dir, Some("mine.conf")), None);
        assert_eq!(of(Path::new("/home/joe/.config/poof"), None), None);
        assert_eq!(of(Path::new("/else/profiles/disk"), None), None);
        let state = profile.state(&layout);
        assert_eq!(state, Path::new("/home/joe/.local/state/poof/profile-disk"));
        assert_eq!(Profile::of_id("profile-disk"), Some(profile));
        assert_eq!(Profile::of_id("0123456789abcdef"), None);
    }
}

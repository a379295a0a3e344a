//! The receipt of `make install`: a text that names every file and directory that it made
//! below its prefix. Whoever can write there can write another.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// Where a receipt is below the prefix of an installation.
pub const PLACE: &str = "share/poof/receipt";

/// What scripts/install.sh puts below its prefix.
pub const MADE: [&str; 9] = [
    "bin/poof",
    "share/bash-completion/completions/poof",
    "share/zsh/site-functions/_poof",
    "share/fish/vendor_completions.d/poof.fish",
    "share/man/man1/poof.1",
    "share/man/man5/poof.conf.5",
    "share/doc/poof/LICENSE",
    "share/doc/poof/NOTICES",
    "share/poof/receipt",
];

/// The most that one can have, in bytes: ten names need a thousand.
pub const MOST: u64 = 64 << 10;

/// What a receipt names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// What an installation makes, in the order of the receipt.
    pub files: Vec<PathBuf>,
    /// What none makes: somebody else wrote it.
    pub others: Vec<PathBuf>,
}

impl Named {
    /// What is named by `text`, the receipt of an installation below `prefix`; a line that
    /// does not begin with / names nothing.
    pub fn of(text: &str, prefix: &Path) -> Self {
        let named = text.lines().filter(|line| line.starts_with('/')).map(PathBuf::from);
        let (files, others) = named.partition(|path| is_made(path, prefix));
        Named { files, others }
    }

    pub fn has(&self, path: &Path) -> bool {
        self.files.iter().chain(&self.others).any(|named| named == path)
    }
}

/// Whether an installation below `prefix` makes this: one of its files, or (with a / at
/// the end) a directory for them.
fn is_made(path: &Path, prefix: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    if path.components().any(|part| part == Component::ParentDir) {
        return false;
    }
    let mut made = MADE.iter().map(|file| prefix.join(file));
    if bytes.ends_with(b"/") {
        // A directory that was made by a name with a link in it.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        made.any(|file| file != path && file.starts_with(&real))
    } else {
        made.any(|file| file == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_what_an_installation_makes_and_what_somebody_added() {
        let prefix = Path::new("/nowhere/p");
        let text = "# poof\n/nowhere/p/bin/poof\n/nowhere/p/share/poof/\n/etc/passwd\nbin/poof\n\
                    /nowhere/p/../../etc/\n/nowhere/p/bin/sh\n";
        let named = Named::of(text, prefix);
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(named.files, paths(&["/nowhere/p/bin/poof", "/nowhere/p/share/poof/"]));
        let others = ["/etc/passwd", "/nowhere/p/../../etc/", "/nowhere/p/bin/sh"];
        assert_eq!(named.others, paths(&others));
        assert!(named.has(Path::new("/etc/passwd")) && !named.has(Path::new("/etc")));
    }

    #[test]
    fn a_table_of_what_an_installation_makes() {
        for (path, made) in [
            ("/opt/bin/poof", true),
            ("/opt/share/man/man1/poof.1", true),
            ("/opt/share/man/", true),
            ("/opt/share/doc/poof/", true),
            ("/opt/", true),
            // Empty directories above the prefix, which the installation has made as well.
            ("/", true),
            ("/opt/bin/poof/", false),
            ("/opt/bin/other", false),
            ("/opt/share/man/man1/other.1", false),
            ("/opt/share/doc/other/", false),
            ("/opt/share/../../etc/passwd", false),
            ("/opt/../opt/bin/poof", false),
            ("/etc/passwd", false),
            ("/etc/", false),
            ("/home/joe/.ssh/id_ed25519", false),
        ] {
            assert_eq!(is_made(Path::new(path), Path::new("/opt")), made, "{path}");
        }
    }
}

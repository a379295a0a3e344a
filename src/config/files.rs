//! Which two files make up the configuration.

use std::path::{Path, PathBuf};

/// The configuration files in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    pub dir: PathBuf,
    pub poof: PathBuf,
    pub rclone: PathBuf,
}

impl Files {
    /// `dir` moves both files. A relative name is taken below the directory,
    /// an absolute one stands as it is.
    pub fn resolve(
        default_dir: &Path,
        dir: Option<&Path>,
        poof: Option<&Path>,
        rclone: Option<&Path>,
    ) -> Self {
        let given = dir.unwrap_or(default_dir);
        let dir = std::path::absolute(given).unwrap_or_else(|_| given.to_path_buf());
        Files {
            poof: dir.join(poof.unwrap_or(Path::new("poof.conf"))),
            rclone: dir.join(rclone.unwrap_or(Path::new("rclone-poof.conf"))),
            dir,
        }
    }

    /// Whether one of them is there, be it a link that leads nowhere.
    pub fn are_there(&self) -> bool {
        [&self.poof, &self.rclone].iter().any(|path| path.symlink_metadata().is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_file_lies_below_the_directory_and_an_absolute_one_stands() {
        let files = Files::resolve(
            Path::new("/home/joe/.config/poof"),
            Some(Path::new("/c")),
            Some(Path::new("a.conf")),
            Some(Path::new("/else/b.conf")),
        );
        assert_eq!(files.poof, Path::new("/c/a.conf"));
        assert_eq!(files.rclone, Path::new("/else/b.conf"));
    }
}

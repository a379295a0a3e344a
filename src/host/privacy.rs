//! Places that macOS keeps from programs, whoever owns them: a program that was not
//! let in gets EPERM, and permissions of files have nothing to do with it.

use std::env;
use std::io;
use std::path::Path;

use crate::host::flags::ON_MACOS;

/// The pages of System Settings, Privacy & Security, on which such a place is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    FilesAndFolders,
    FullDiskAccess,
}

/// Below the home directory. Of two that fit the longer counts.
const PLACES: [(&str, Setting); 27] = [
    ("Desktop", Setting::FilesAndFolders),
    ("Documents", Setting::FilesAndFolders),
    ("Downloads", Setting::FilesAndFolders),
    ("Library/Mobile Documents", Setting::FilesAndFolders),
    ("Library/CloudStorage", Setting::FilesAndFolders),
    (".Trash", Setting::FullDiskAccess),
    ("Library/Accounts", Setting::FullDiskAccess),
    ("Library/Application Support/AddressBook", Setting::FullDiskAccess),
    ("Library/Application Support/CallHistoryDB", Setting::FullDiskAccess),
    ("Library/Application Support/CallHistoryTransactions", Setting::FullDiskAccess),
    ("Library/Application Support/com.apple.TCC", Setting::FullDiskAccess),
    ("Library/Application Support/FaceTime", Setting::FullDiskAccess),
    ("Library/Application Support/Knowledge", Setting::FullDiskAccess),
    ("Library/Application Support/MobileSync", Setting::FullDiskAccess),
    ("Library/Autosave Information", Setting::FullDiskAccess),
    ("Library/Calendars", Setting::FullDiskAccess),
    ("Library/Containers", Setting::FullDiskAccess),
    ("Library/Cookies", Setting::FullDiskAccess),
    ("Library/Group Containers", Setting::FullDiskAccess),
    ("Library/HomeKit", Setting::FullDiskAccess),
    ("Library/IdentityServices", Setting::FullDiskAccess),
    ("Library/Mail", Setting::FullDiskAccess),
    ("Library/Messages", Setting::FullDiskAccess),
    ("Library/Metadata/CoreSpotlight", Setting::FullDiskAccess),
    ("Library/Safari", Setting::FullDiskAccess),
    ("Library/Suggestions", Setting::FullDiskAccess),
    ("Pictures/Photos Library.photoslibrary", Setting::FullDiskAccess),
];

/// Which setting opens `path`.
fn setting(path: &Path, home: &Path) -> Option<Setting> {
    if let Ok(rest) = path.strip_prefix("/Volumes") {
        // Other disks and servers.
        return (rest.components().next().is_some()).then_some(Setting::FilesAndFolders);
    }
    let below = path.strip_prefix(home).ok()?;
    PLACES.iter().find(|(place, _)| below.starts_with(place)).map(|(_, setting)| *setting)
}

/// What to do about an error at `path`, if it is one of this kind.
fn remedy(errno: Option<i32>, path: &Path, home: &Path) -> Option<String> {
    if errno != Some(libc::EPERM) {
        return None;
    }
    let page = match setting(path, home)? {
        Setting::FilesAndFolders => "Files and Folders (or Full Disk Access)",
        Setting::FullDiskAccess => "Full Disk Access",
    };
    Some(format!(
        "macOS keeps it private: System Settings, Privacy & Security, {page}, for the terminal that \
         starts poof, and for poof itself where a schedule does (again after an update, if poof is \
         not signed with a certificate: `poof verify` says so)"
    ))
}

/// What to do about `error` at `path`, a full one, if macOS keeps that private.
pub fn hint(error: &io::Error, path: &Path) -> Option<String> {
    if !ON_MACOS {
        return None;
    }
    remedy(error.raw_os_error(), path, Path::new(&env::var_os("HOME")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(errno: i32, path: &str) -> String {
        remedy(Some(errno), Path::new(path), Path::new("/Users/joe")).unwrap_or_default()
    }

    #[test]
    fn the_page_of_the_settings_is_that_of_the_place() {
        for path in ["/Users/joe/Desktop", "/Users/joe/Documents/a/b", "/Volumes/Stick/x"] {
            assert!(told(libc::EPERM, path).contains("Files and Folders"), "{path}");
        }
        for path in
            ["/Users/joe/Library/Mail/V10", "/Users/joe/.Trash", "/Users/joe/Library/Safari"]
        {
            let told = told(libc::EPERM, path);
            assert!(told.contains("Full Disk Access") && !told.contains("Files and"), "{path}");
        }
    }

    #[test]
    fn elsewhere_and_for_other_errors_it_is_a_matter_of_permissions() {
        for (errno, path) in [
            (libc::EACCES, "/Users/joe/Desktop"),
            (libc::EIO, "/Users/joe/Library/Mail"),
            (libc::EPERM, "/Users/joe/Desktops"),
            (libc::EPERM, "/Users/joe/src/Desktop"),
            (libc::EPERM, "/Users/jane/Desktop"),
            (libc::EPERM, "/Volumes"),
        ] {
            assert_eq!(told(errno, path), "", "{errno} {path}");
        }
        assert_eq!(remedy(None, Path::new("/Users/joe/Desktop"), Path::new("/Users/joe")), None);
    }
}

//! Where programs tell of files, each with the document that says so. A new place is a new line.

use std::path::Path;

use super::emacs;
use super::known::Known;
use super::stores::{self, Search};
use super::text::{self, Cut};
use super::whole;
use crate::host::paths::System;

/// What tells of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Copy,
    Trash,
    Version,
    Thumbnail,
    Recent,
    Editor,
    Position,
    Shell,
    Index,
}

impl Kind {
    /// For programs.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Copy => "copy",
            Kind::Trash => "trash",
            Kind::Version => "version",
            Kind::Thumbnail => "thumbnail",
            Kind::Recent => "recent",
            Kind::Editor => "editor",
            Kind::Position => "position",
            Kind::Shell => "shell",
            Kind::Index => "index",
        }
    }
}

/// What it holds of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    Content,
    Picture,
    Name,
}

impl Holds {
    pub fn word(self) -> &'static str {
        match self {
            Holds::Content => "content",
            Holds::Picture => "picture",
            Holds::Name => "name",
        }
    }
}

/// Where a pattern begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    Home,
    /// Those of the XDG Base Directory Specification, and of flatpaks.
    Config,
    Data,
    Cache,
    State,
    /// The top of the file system, and of each that is mounted.
    Mounts,
    Root,
}

/// The entries of a text that tell of known paths.
pub type Entries = fn(&Known, &[u8]) -> Vec<Cut>;

/// The path that a file is about.
pub type About = fn(&Known, &Path) -> Option<Vec<u8>>;

/// How a place tells.
#[derive(Clone, Copy)]
pub enum Form {
    /// Entries of a text, each of which can go by itself. While this file is there, some program
    /// is at work that has the text in memory; the path is from the directory of the text.
    Entries(Entries, &'static str),
    /// The same, of which the program itself has to know.
    Listed(Entries),
    /// A file about one file.
    Whole(About),
    /// A file in a directory that is about one file.
    Directory(About),
    /// The info file of something in a trash.
    Trash,
    /// What only goes as a whole, with this command; `{}` is the file, `{dir}` its directory.
    Store(Search, &'static str),
    /// What may tell, and cannot be searched.
    Closed(&'static str),
}

/// A place.
pub struct Place {
    pub kind: Kind,
    /// What it is, in words.
    pub what: &'static str,
    pub holds: Holds,
    pub base: Base,
    /// A path with `*` in its names.
    pub pattern: &'static str,
    pub form: Form,
    /// The document, or the source of the program.
    pub source: &'static str,
}

/// Those of a system.
pub fn places(system: System) -> Vec<&'static Place> {
    let own = if system == System::MacOs { MACOS } else { LINUX };
    EVERYWHERE.iter().chain(own).collect()
}

macro_rules! places {
    ($($kind:ident, $what:literal, $holds:ident, $form:expr, $source:literal: $($base:ident $pattern:literal),+;)+) => {
        &[$($(Place {
            kind: Kind::$kind,
            what: $what,
            holds: Holds::$holds,
            base: Base::$base,
            pattern: $pattern,
            form: $form,
            source: $source,
        },)+)+]
    };
}

const SHELL: Form = Form::Entries(text::shell, "");
const ZSH: Form = Form::Entries(text::zsh, "");
const VIMINFO: Form = Form::Entries(text::viminfo, ".viminfo.tmp");
const OFFICE: Form = Form::Entries(text::libreoffice, "../.lock");
const VERSIONS: Form = Form::Directory(whole::versions);
const PERCENT: Form = Form::Whole(whole::percent);
const BANG: Form = Form::Whole(whole::bang);
const SWAP: Form = Form::Whole(whole::swap);
const EMACS: Form = Form::Entries(emacs::noted, "");
const REMOVE: Form = Form::Store(stores::bytes, "rm {}");

const EVERYWHERE: &[Place] = places! {
    Version, "versions that VS Code keeps", Content, VERSIONS,
    "code.visualstudio.com/docs/sourcecontrol/overview, Timeline view":
        Config "Code/User/History/*/entries.json", Config "Code - OSS/User/History/*/entries.json",
        Config "VSCodium/User/History/*/entries.json", Config "Cursor/User/History/*/entries.json",
        Home ".vscode-server/data/User/History/*/entries.json",
        Home "Library/Application Support/Code/User/History/*/entries.json",
        Home "Library/Application Support/VSCodium/User/History/*/entries.json";
    Recent, "state of VS Code", Name, REMOVE, "microsoft/vscode, src/vs/platform/storage":
        Config "Code/User/globalStorage/state.vscdb*", Config "VSCodium/User/globalStorage/state.vscdb*",
        Config "Code/User/globalStorage/storage.json", Config "VSCodium/User/globalStorage/storage.json";
    Recent, "workspace of VS Code", Name, Form::Store(stores::bytes, "rm -r {dir}"),
    "microsoft/vscode, src/vs/platform/workspaces":
        Config "Code/User/workspaceStorage/*/workspace.json",
        Config "VSCodium/User/workspaceStorage/*/workspace.json";
    Version, "local history of a JetBrains IDE", Content, Form::Store(stores::bytes, "rm -r {dir}"),
    "jetbrains.com/help/idea/local-history.html":
        Cache "JetBrains/*/LocalHistory/*", Home "Library/Caches/JetBrains/*/LocalHistory/*";
    Recent, "recent projects of a JetBrains IDE", Name, Form::Listed(text::jetbrains),
    "jetbrains.com/help/idea/directories-used-by-the-ide-to-store-settings-caches-plugins-and-logs.html":
        Config "JetBrains/*/options/recent*.xml",
        Home "Library/Application Support/JetBrains/*/options/recent*.xml";
    Recent, "documents of LibreOffice", Name, OFFICE, "wiki.documentfoundation.org/UserProfile":
        Config "libreoffice/*/user/registrymodifications.xcu",
        Home "Library/Application Support/LibreOffice/*/user/registrymodifications.xcu";
    Recent, "session of Sublime Text", Name, REMOVE, "sublimetext.com/docs/revert.html":
        Config "sublime-text*/Local/*.sublime_session";
    Recent, "history of a browser", Name, REMOVE, "support.mozilla.org/kb/profiles-where-firefox-stores-user-data":
        Home ".mozilla/firefox/*/places.sqlite*", Home "snap/firefox/common/.mozilla/firefox/*/places.sqlite*",
        Home "Library/Application Support/Firefox/Profiles/*/places.sqlite*";
    Recent, "history of a browser", Name, REMOVE, "chromium.googlesource.com, docs/user_data_dir.md":
        Config "google-chrome/*/History", Config "chromium/*/History",
        Config "BraveSoftware/Brave-Browser/*/History", Config "microsoft-edge/*/History";
    Editor, "undo file of vim", Content, PERCENT, "vim, :help undodir":
        Home ".vim/*undo*/*", State "vim/undo/*", Cache "vim/undo/*", State "nvim/undo/*", Data "nvim/undo/*";
    Editor, "backup of vim", Content, PERCENT, "vim, :help backupdir":
        Home ".vim/*backup*/*", State "vim/backup/*", Cache "vim/backup/*", State "nvim/backup/*", Data "nvim/backup/*";
    Editor, "swap file of vim", Content, SWAP, "vim, :help directory":
        Home ".vim/*sw*/*", Home ".vim/tmp/*", Home "tmp/*.sw*", Home "tmp/.*.sw*", State "vim/swap/*",
        Cache "vim/swap/*", Root "tmp/*.sw*", Root "var/tmp/*.sw*";
    Editor, "swap file of Neovim", Content, PERCENT, "neovim, :help directory":
        State "nvim/swap/*", Data "nvim/swap*/*";
    Editor, "backup of Emacs", Content, BANG, "GNU Emacs manual, Backup Names":
        Home ".emacs.d/*backup*/*", Config "emacs/*backup*/*", Home ".saves/*",
        Home ".emacs.d/auto-save*/*", Home ".emacs.d/*autosave*/*", Config "emacs/auto-save*/*";
    Editor, "backup of nano", Content, BANG, "nanorc(5), set backupdir":
        Home ".nano*/*", Home ".nano/*backup*/*", Data "nano/*backup*/*", Cache "nano/*backup*/*";
    Position, "files that Emacs saves by itself", Name, Form::Entries(text::emacs_lines, ""),
    "GNU Emacs manual, Recover":
        Home ".emacs.d/auto-save-list/.saves-*", Config "emacs/auto-save-list/.saves-*";
    Recent, "recent files of Emacs", Name, EMACS, "GNU Emacs manual, File Conveniences":
        Home ".emacs.d/recentf", Home ".recentf", Config "emacs/recentf";
    Recent, "projects of Emacs", Name, EMACS, "GNU Emacs manual, Working with Projects":
        Home ".emacs.d/projects", Config "emacs/projects";
    Recent, "session of Emacs", Name, Form::Entries(emacs::noted, ".emacs.desktop.lock"),
    "GNU Emacs manual, Saving Emacs Sessions":
        Home ".emacs.d/.emacs.desktop", Home ".emacs.desktop", Config "emacs/.emacs.desktop";
    Position, "positions of Emacs", Name, EMACS, "GNU Emacs manual, Saveplace":
        Home ".emacs.d/places", Home ".emacs-places", Config "emacs/places";
    Position, "bookmarks of Emacs", Name, EMACS, "GNU Emacs manual, Bookmarks":
        Home ".emacs.d/bookmarks", Home ".emacs.bmk", Config "emacs/bookmarks";
    Position, "history of Emacs", Name, EMACS, "GNU Emacs manual, Saving Emacs Sessions":
        Home ".emacs.d/history", Config "emacs/history";
    Position, "notes of vim", Name, VIMINFO, "vim, :help viminfo":
        Home ".viminfo", Home ".vim/viminfo", Home ".vim/.viminfo", Cache "vim/viminfo", State "vim/viminfo";
    Position, "notes of Neovim", Name, REMOVE, "neovim, :help shada":
        State "nvim/shada/*.shada", Data "nvim/shada/*.shada";
    Position, "positions of nano", Name, Form::Entries(text::nano, ""), "nanorc(5), set positionlog":
        Data "nano/filepos_history", State "nano/filepos_history", Home ".nano/filepos_history";
    Position, "history of less", Name, Form::Entries(text::less, ""), "less(1), LESSHISTFILE":
        Home ".lesshst", State "lesshst", Data "lesshst";
    Shell, "history of a shell", Name, ZSH, "zshparam(1), HISTFILE; zshoptions(1), EXTENDED_HISTORY":
        Home ".zsh_history", Home ".zhistory", Home ".histfile", Home ".zsh_sessions/*.history";
    Shell, "history of a shell", Name, SHELL, "bash(1), ksh(1): HISTFILE":
        Home ".bash_history", Home ".ash_history", Home ".ksh_history", Home ".sh_history", Home ".history",
        Home ".bash_sessions/*.history", Data "powershell/PSReadLine/ConsoleHost_history.txt";
    Shell, "history of fish", Name, Form::Entries(text::fish, ""), "fishshell.com/docs/current/cmds/history.html":
        Data "fish/fish_history", Data "fish/*_history";
    Shell, "history of an interpreter", Name, SHELL, "readline(3); docs.python.org/3/library/site.html":
        Home ".python_history", State "python_history", Home ".node_repl_history", Home ".sqlite_history",
        Home ".psql_history", Home ".mysql_history";
};

const LINUX: &[Place] = places! {
    Trash, "in the trash", Content, Form::Trash, "specifications.freedesktop.org/trash-spec":
        Data "Trash/info/*.trashinfo", Mounts ".Trash-{uid}/info/*.trashinfo",
        Mounts ".Trash/{uid}/info/*.trashinfo";
    Thumbnail, "thumbnail", Picture, Form::Whole(whole::thumbnail), "specifications.freedesktop.org/thumbnail-spec":
        Cache "thumbnails/*/*.png", Home ".thumbnails/*/*.png";
    Thumbnail, "note that no thumbnail can be made", Name, Form::Whole(whole::thumbnail),
    "specifications.freedesktop.org/thumbnail-spec":
        Cache "thumbnails/fail/*/*.png", Home ".thumbnails/fail/*/*.png";
    Recent, "recently used files", Name, Form::Entries(text::xbel, ""),
    "specifications.freedesktop.org/recent-file-spec":
        Data "recently-used.xbel", Home ".recently-used.xbel";
    Recent, "recent documents of KDE", Name, Form::Whole(whole::desktop),
    "KDE/kio, src/core/krecentdocument.cpp":
        Data "RecentDocuments/*.desktop";
    Recent, "activities of KDE", Name, REMOVE, "KDE/kactivitymanagerd, src/service/plugins/sqlite":
        Data "kactivitymanagerd/resources/database*";
    Recent, "document of Okular", Name, Form::Whole(whole::okular), "KDE/okular, core/document.cpp":
        Data "okular/docdata/*.xml";
    Recent, "recent media of VLC", Name, REMOVE, "wiki.videolan.org/VSG:ResetPrefs":
        Config "vlc/vlc-qt-interface.conf";
    Index, "metadata of GVfs", Name, Form::Store(stores::gvfs, "rm {}"),
    "GNOME/gvfs, metadata/metatree.c":
        Data "gvfs-metadata/*";
    Index, "index of GNOME", Content, Form::Store(stores::bytes, "tracker3 reset --filesystem"),
    "gnome.pages.gitlab.gnome.org/tracker/docs/commandline":
        Cache "tracker3/files/*", Cache "tracker3/files/errors/*", Cache "tracker/*";
    Index, "index of GNOME", Content, Form::Store(stores::bytes, "localsearch reset --filesystem"),
    "gnome.pages.gitlab.gnome.org/tinysparql":
        Cache "localsearch/files/*", Cache "localsearch/files/errors/*", Cache "localsearch3/files/*",
        Cache "localsearch3/files/errors/*";
    Index, "index of KDE", Content, Form::Store(stores::baloo, "balooctl6 purge || balooctl purge"),
    "KDE/baloo, src/engine/idfilenamedb.cpp":
        Data "baloo/index";
    Index, "activities of Zeitgeist", Name, REMOVE, "zeitgeist-daemon(1)":
        Data "zeitgeist/*.sqlite*";
};

const MACOS: &[Place] = places! {
    Index, "index of Spotlight", Content, Form::Closed("sudo mdutil -E {dir}"), "mdutil(1)":
        Mounts ".Spotlight-V100";
    Thumbnail, "cache of Quick Look", Picture, Form::Closed("qlmanage -r cache"), "qlmanage(1)":
        Home "Library/Containers/com.apple.quicklook.ThumbnailsAgent";
    Recent, "recent documents of macOS", Name, Form::Closed("rm {}"), "sharedfilelistd(8)":
        Home "Library/Application Support/com.apple.sharedfilelist/*/*.sfl*";
    Recent, "files from the network", Name, Form::Closed("rm {}"), "xattr(1), com.apple.quarantine":
        Home "Library/Preferences/com.apple.LaunchServices.QuarantineEventsV2";
    Recent, "notes of the Finder", Name, Form::Closed("rm {}"), "DSStoreFormat":
        Home ".DS_Store", Home "*/.DS_Store";
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_a_source_and_a_pattern_that_can_be_followed() {
        for place in [System::Xdg, System::MacOs].into_iter().flat_map(places) {
            assert!(place.source.len() > 5, "{}", place.pattern);
            assert!(!place.pattern.starts_with('/') && !place.what.ends_with('.'));
            let names = place.pattern.split('/');
            assert!(names.clone().all(|name| !name.is_empty()), "{}", place.pattern);
            assert!(names.filter(|name| *name == "*").count() < 3, "{}", place.pattern);
        }
    }
}

//! What others have noted of poof: lines in the histories of shells.

use std::fs;
use std::path::Path;

/// Something that is left, and what removes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    pub what: String,
    pub command: String,
}

/// Histories of shells, below the home directory.
const HISTORIES: [&str; 6] = [
    ".bash_history",
    ".zsh_history",
    ".histfile",
    ".local/share/fish/fish_history",
    ".ash_history",
    ".ksh_history",
];

/// What the histories below `home` say of poof.
pub fn traces(home: &Path) -> Vec<Trace> {
    HISTORIES.iter().filter_map(|name| in_history(&home.join(name))).collect()
}

fn in_history(path: &Path) -> Option<Trace> {
    let text = fs::read(path).ok()?;
    let mentions = |line: &[u8]| {
        let word = |w: &[u8]| w == b"poof" || w.ends_with(b"/poof") || w.ends_with(b";poof");
        line.split(u8::is_ascii_whitespace).any(word)
    };
    let count = text.split(|byte| *byte == b'\n').filter(|line| mentions(line)).count();
    (count > 0).then(|| {
        let (path, lines) = (path.display(), if count == 1 { "line" } else { "lines" });
        Trace {
            what: format!("{count} {lines} in {path}"),
            command: format!("sed -i '/poof/d' '{path}'"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_ours_if_it_calls_poof() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(traces(home.path()), []);
        let path = home.path().join(".bash_history");
        fs::write(&path, "ls\npoof upload\ncd spoof\n./target/release/poof kit\n").unwrap();
        fs::write(home.path().join(".zsh_history"), ": 1700000000:0;poof backup\n").unwrap();
        let found = traces(home.path());
        assert_eq!(found.len(), 2);
        assert!(found[0].what.starts_with("2 lines in ") && found[0].command.contains("sed -i"));
    }
}

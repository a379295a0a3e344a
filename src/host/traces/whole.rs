//! Files that are about one file alone: from what such a file is called, or holds, to the path
//! that it is about.

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::Value;

use super::known::{Known, decoded};

/// No more of a file is read, in bytes.
const HEAD: u64 = 64 << 10;

fn head(path: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    Some(head)
}

fn name(path: &Path) -> Option<&[u8]> {
    path.file_name().map(OsStrExt::as_bytes)
}

/// A thumbnail: its name is the MD5 of the URI, which it also has in it (Thumbnail Managing
/// Standard). The path is empty if only the name says it.
pub fn thumbnail(known: &Known, path: &Path) -> Option<Vec<u8>> {
    let digits = name(path)?.strip_suffix(b".png").filter(|name| name.len() == 32)?;
    let digest = u64::from_str_radix(std::str::from_utf8(digits.get(..16)?).ok()?, 16).ok()?;
    let head = head(path).unwrap_or_default();
    let named = || known.has_digest(digest).then(Vec::new);
    text_of_png(&head, b"Thumb::URI").and_then(|uri| known.of_uri(uri)).or_else(named)
}

/// The text under a key in the head of a PNG (chapter 11.3.3: a `tEXt` chunk).
fn text_of_png<'a>(bytes: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let mut rest = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (kind, after) = after.split_first_chunk::<4>()?;
        let data = after.get(..length)?;
        if kind == b"tEXt"
            && let Some(text) = data.strip_prefix(key).and_then(|rest| rest.strip_prefix(b"\0"))
        {
            return Some(text);
        }
        rest = after.get(length.checked_add(4)?..)?;
    }
    None
}

/// An entry of KDE's recent documents: `URL[$e]=file:$HOME/file`.
pub fn desktop(known: &Known, path: &Path) -> Option<Vec<u8>> {
    let text = head(path)?;
    text.split(|byte| *byte == b'\n').find_map(|line| {
        let (key, value) = line.split_at(line.iter().position(|byte| *byte == b'=')?);
        let value = value[1..].trim_ascii();
        let is_url = key == b"URL" || key.starts_with(b"URL[");
        let short = value.strip_prefix(b"file:").filter(|rest| !rest.starts_with(b"//"));
        let path = known.of_text(value).or_else(|| known.of_text(&decoded(short?)));
        path.filter(|_| is_url)
    })
}

/// What Okular notes of a document: `<documentInfo url="/home/joe/file">`.
pub fn okular(known: &Known, path: &Path) -> Option<Vec<u8>> {
    let text = head(path)?;
    let start = text.windows(6).position(|part| part == b" url=\"")? + 6;
    known.of_text(text[start..].split(|byte| *byte == b'"').next()?)
}

/// The versions of a file that VS Code keeps: entries.json beside them names it.
pub fn versions(known: &Known, path: &Path) -> Option<Vec<u8>> {
    let entries: Value = serde_json::from_slice(&head(path)?).ok()?;
    known.of_uri(entries.get("resource")?.as_str()?.as_bytes())
}

/// What has the path as its name, with a character in the place of each slash, and perhaps
/// something before and behind it.
fn named(known: &Known, name: &[u8], slash: u8) -> Option<Vec<u8>> {
    let start = name.iter().position(|byte| *byte == slash)?;
    let path = &name[start..];
    let mut ends = (1..=path.len()).rev().filter(|end| is_end(&path[*end..]));
    ends.find_map(|end| known.of_flat(&path[..end], slash))
}

/// What editors put behind the name of a file: nothing, `~`, `.~3~`, `~.3`, `#`, `.swp`.
fn is_end(rest: &[u8]) -> bool {
    let is_number = |rest: &[u8]| {
        let of_emacs = rest.strip_prefix(b".~").and_then(|rest| rest.strip_suffix(b"~"));
        let number = of_emacs.or_else(|| rest.strip_prefix(b"~."));
        number.is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
    };
    matches!(rest, b"" | b"~" | b"#" | b".un~" | [b'.', b's', b'w', _]) || is_number(rest)
}

/// Undo files and backups of vim (`:help undodir`): `%home%joe%file`.
pub fn percent(known: &Known, path: &Path) -> Option<Vec<u8>> {
    named(known, name(path)?, b'%')
}

/// Backups and autosaves of Emacs (`backup-directory-alist`), and backups of nano:
/// `!home!joe!file~`.
pub fn bang(known: &Known, path: &Path) -> Option<Vec<u8>> {
    named(known, name(path)?, b'!')
}

/// A swap file of vim, which has the path in it (block 0 in memline.c).
pub fn swap(known: &Known, path: &Path) -> Option<Vec<u8>> {
    const AT: usize = 108;
    const LONGEST: usize = 900;
    let head = head(path)?;
    head.strip_prefix(b"b0VIM ")?;
    let path = head.get(AT..AT + LONGEST)?.split(|byte| *byte == 0).next()?;
    // Behind the tilde is the name of the user.
    let below = path.strip_prefix(b"~").and_then(|rest| {
        let slash = rest.iter().position(|byte| *byte == b'/')?;
        Some([known.home(), &rest[slash..]].concat())
    });
    known.of_path(&below.unwrap_or_else(|| path.to_vec()))
}

/// Where something in a trash was: the `Path` of its info file. In that of another disk it is
/// relative to `top`.
pub fn trashed(known: &Known, path: &Path, top: &Path) -> Option<Vec<u8>> {
    let text = head(path)?;
    let mut lines = text.split(|byte| *byte == b'\n');
    let path = decoded(lines.find_map(|line| line.strip_prefix(b"Path="))?.trim_ascii_end());
    if path.starts_with(b"/") {
        return known.of_path(&path);
    }
    known.of_path(&[top.as_os_str().as_bytes(), b"/", &path].concat())
}

#[cfg(test)]
mod tests {
    use super::super::known::tests::knows;
    use super::*;
    use md5::{Digest, Md5};
    use std::fs;

    const A: &[u8] = b"/home/joe/data/a.txt";

    /// What a file of this name and content is about.
    fn of(
        about: fn(&Known, &Path) -> Option<Vec<u8>>,
        name: &str,
        content: &[u8],
    ) -> Option<Vec<u8>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        fs::write(&path, content).unwrap();
        about(&knows(&["a.txt", "b c"]), &path)
    }

    /// A PNG with this text.
    fn png(uri: &str) -> Vec<u8> {
        let text = [b"Thumb::URI\0", uri.as_bytes()].concat();
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        let first = b"\x89PNG\r\n\x1a\n\0\0\0\x02IHDRxxcccc";
        [&first[..], &length, b"tEXt", &text, b"cccc"].concat()
    }

    #[test]
    fn a_thumbnail_is_known_by_its_name_or_by_its_text() {
        let digest = Md5::digest(b"file:///home/joe/data/a.txt");
        let name = format!("{}.png", data_encoding::HEXLOWER.encode(&digest));
        assert_eq!(of(thumbnail, &name, b"torn"), Some(Vec::new()));
        let other = "00112233445566778899aabbccddeeff.png";
        assert_eq!(of(thumbnail, other, &png("file:///home/joe/data/a.txt")), Some(A.to_vec()));
        assert_eq!(of(thumbnail, other, &png("file:///home/joe/data/a.txt2")), None);
        assert_eq!(of(thumbnail, "short.png", &png("file:///home/joe/data/a.txt")), None);
    }

    #[test]
    fn a_document_of_kde_is_known_by_its_address() {
        for line in ["URL[$e]=file:$HOME/data/a.txt", "URL=file:///home/joe/data/a.txt"] {
            let text = format!("[Desktop Entry]\nType=Link\n{line}\nName=a\n");
            assert_eq!(of(desktop, "a.desktop", text.as_bytes()), Some(A.to_vec()), "{line}");
        }
        let text =
            b"[Desktop Entry]\nName=file:///home/joe/data/a.txt\nURL=file:///home/joe/data/a\n";
        assert_eq!(of(desktop, "a.desktop", text), None);
        let text = b"<?xml?>\n<documentInfo url=\"/home/joe/data/a.txt\">";
        assert_eq!(of(okular, "1.a.xml", text), Some(A.to_vec()));
    }

    #[test]
    fn versions_are_of_the_file_that_their_list_names() {
        let text = br#"{"version":1,"resource":"file:///home/joe/data/b%20c","entries":[]}"#;
        assert_eq!(of(versions, "entries.json", text), Some(b"/home/joe/data/b c".to_vec()));
        let text = br#"{"version":1,"resource":"file:///home/joe/data/b","entries":[]}"#;
        assert_eq!(of(versions, "entries.json", text), None);
    }

    #[test]
    fn what_has_a_path_for_its_name_is_about_it() {
        for name in ["%home%joe%data%a.txt", "%home%joe%data%a.txt~", "%home%joe%data%a.txt.swp"] {
            assert_eq!(of(percent, name, b""), Some(A.to_vec()), "{name}");
        }
        for name in [
            "!home!joe!data!a.txt~",
            "!home!joe!data!a.txt.~12~",
            "#!home!joe!data!a.txt#",
            "!home!joe!data!a.txt~.1",
        ] {
            assert_eq!(of(bang, name, b""), Some(A.to_vec()), "{name}");
        }
        for name in ["%home%joe%data%a.txt2", "%home%joe%data%a.txt.bak", "a.txt", "%home%joe%data"]
        {
            assert_eq!(of(percent, name, b""), None, "{name}");
        }
    }

    #[test]
    fn a_swap_file_says_of_which_file_it_is() {
        let with = |path: &str| {
            let mut bytes = vec![0; 4096];
            bytes[..6].copy_from_slice(b"b0VIM ");
            bytes[108..108 + path.len()].copy_from_slice(path.as_bytes());
            bytes
        };
        assert_eq!(of(swap, "a.txt.swp", &with("~joe/data/a.txt")), Some(A.to_vec()));
        assert_eq!(of(swap, "x", &with("/home/joe/data/a.txt")), Some(A.to_vec()));
        assert_eq!(of(swap, "a.txt.swp", &with("/home/joe/a.txt")), None);
        assert_eq!(of(swap, "a.txt.swp", b"/home/joe/data/a.txt"), None);
    }

    #[test]
    fn what_is_in_the_trash_says_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.trashinfo");
        let known = knows(&["a.txt", "b c"]);
        let of = |place: &str, top: &str| {
            fs::write(&path, format!("[Trash Info]\nPath={place}\nDeletionDate=x\n")).unwrap();
            trashed(&known, &path, Path::new(top))
        };
        assert_eq!(of("/home/joe/data/b%20c", "/"), Some(b"/home/joe/data/b c".to_vec()));
        assert_eq!(of("joe/data/a.txt", "/home"), Some(A.to_vec()));
        assert_eq!(of("joe/data/a.txt", "/mnt"), None);
    }
}

//! The installation of a wheel: pip, pipx and uv put the program into the `bin` of an
//! environment of Python, and note in its `site-packages` what they have brought
//! (packaging.python.org, "Recording installed projects").

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::plain;
use super::receipt;
use super::trust::{self, Weak};
use super::uninstall::Uninstall;

/// The most that a note can have, in bytes: a wheel of poof has a dozen files.
const MOST: u64 = 1 << 20;
/// Directories of pipx, where it looks by itself: pipx.pypa.io, "Configuring paths".
const PIPX: [&str; 4] =
    [".local/share/pipx", ".local/pipx", "Library/Application Support/pipx", "/opt/pipx"];

/// A wheel that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wheel {
    /// What removes it.
    pub uninstall: Uninstall,
    /// What somebody else can change of what that would believe or run.
    pub weak: Option<Weak>,
}

/// The wheel that has brought `program`, a path without links.
pub fn of(program: &Path) -> Option<Wheel> {
    let prefix = program.parent()?.parent()?;
    let site = sites(prefix).into_iter().find_map(|site| {
        let note = notes(&site).find(|note| named(note, &site).iter().any(|path| path == program));
        note.map(|note| (site, note))
    });
    let (mut uninstall, note) = match site {
        Some((site, note)) => (uninstall(prefix, &site, &note), note),
        None => by_target(prefix, program)?,
    };
    let own = rustix::process::geteuid().as_raw();
    uninstall.of_root = own != 0 && fs::metadata(&note).is_ok_and(|found| found.uid() != own);
    let run = uninstall.program().filter(|program| program.is_absolute());
    let weak = [note.join("RECORD")]
        .iter()
        .map(PathBuf::as_path)
        .chain(run)
        .find_map(|path| trust::weak(path).ok().flatten());
    Some(Wheel { uninstall, weak })
}

/// What is noted of poof in `site`.
fn notes(site: &Path) -> impl Iterator<Item = PathBuf> {
    entries(site).into_iter().filter(|path| is_note(path))
}

/// By `pip install --target`, which pip cannot undo: its note names the places from which it
/// has moved the files.
fn by_target(prefix: &Path, program: &Path) -> Option<(Uninstall, PathBuf)> {
    let note =
        notes(prefix).find(|note| named(note, prefix).iter().any(|p| p.ends_with("bin/poof")))?;
    let made = receipt::MADE.iter().map(|file| prefix.join(file));
    let made = made.filter(|path| path.is_file() && path != program);
    let mut words = vec!["rm".into(), "-rf".into(), program.into(), note.clone().into_os_string()];
    words.extend(made.map(PathBuf::into_os_string));
    Some((Uninstall::new("pip", words), note))
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Where packages are below `prefix`: of a virtual environment, of a user (`--user`), of
/// Debian, of Fedora (lib64).
fn sites(prefix: &Path) -> Vec<PathBuf> {
    let pythons = ["lib", "lib64"].into_iter().flat_map(|lib| entries(&prefix.join(lib)));
    let pythons = pythons.filter(|path| name(path).starts_with("python"));
    let both = ["site-packages", "dist-packages"];
    pythons.flat_map(|python| both.map(|name| python.join(name))).collect()
}

/// `poof-2.0.0.dist-info`
fn is_note(path: &Path) -> bool {
    let version = name(path).strip_prefix("poof-").and_then(|rest| rest.strip_suffix(".dist-info"));
    version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
}

fn read(path: &Path) -> String {
    let bytes = plain::read_file(path, MOST).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What the note names as brought, without `..`.
fn named(note: &Path, site: &Path) -> Vec<PathBuf> {
    // PATH,HASH,SIZE; relative to `site`, and in quotes where a comma is in it.
    let path = |line: &str| {
        let field = line.rsplitn(3, ',').nth(2).unwrap_or_default();
        without_dots(&site.join(field.trim_matches('"').replace("\"\"", "\"")))
    };
    read(&note.join("RECORD")).lines().map(path).collect()
}

fn without_dots(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, part| {
        if part == Component::ParentDir {
            path.pop();
        } else {
            path.push(part);
        }
        path
    })
}

/// What removes a wheel that `note` is of.
fn uninstall(prefix: &Path, site: &Path, note: &Path) -> Uninstall {
    let own = name(prefix);
    let above = prefix.parent().unwrap_or(Path::new("/"));
    if let Ok(text) = plain::read_file(&prefix.join("pipx_metadata.json"), MOST) {
        return by_pipx(above.parent().unwrap_or(above), own, &text);
    }
    // The tool of this directory is another where poof came `--with` it.
    if own == "poof" && prefix.join("uv-receipt.toml").is_file() {
        let uninstall = Uninstall::new("uv", ["uv", "tool", "uninstall", own]).forgetting("uv");
        let known = above.ends_with("uv/tools");
        return if known { uninstall } else { uninstall.with("UV_TOOL_DIR", above) };
    }
    let is_venv = prefix.join("pyvenv.cfg").is_file();
    let python = python(prefix, site);
    if read(&note.join("INSTALLER")).trim() == "uv" {
        let mut words = ["uv", "pip", "uninstall", "--python"].map(Into::into).to_vec();
        words.push(python.into_os_string());
        words.extend((!is_venv).then(|| "--break-system-packages".into()));
        words.push("poof".into());
        return Uninstall::new("uv", words).forgetting("uv");
    }
    let words = ["-m", "pip", "uninstall", "--yes", "poof"].map(Into::into);
    let pip = Uninstall::new("pip", [python.into_os_string()].into_iter().chain(words));
    if is_venv {
        return pip.leaving(directories(prefix, site, note));
    }
    // One of a system's says that its own packages are not pip's to change, which this is not.
    let pip = pip.with("PIP_BREAK_SYSTEM_PACKAGES", "1");
    // Only so it looks into what was given with --prefix.
    pip.with("PYTHONPATH", site)
}

/// An environment of pipx, whose home and name these are; `text` is what it notes of it.
fn by_pipx(home: &Path, own: &str, text: &[u8]) -> Uninstall {
    let noted: Value = serde_json::from_slice(text).unwrap_or_default();
    let main = noted["main_package"]["package"].as_str().unwrap_or("poof");
    let mut words = vec!["pipx"];
    // Put into the environment of another program, which stays.
    if main == "poof" {
        words.push("uninstall");
    } else {
        words.push("uninject");
    }
    words.extend((home == Path::new("/opt/pipx")).then_some("--global"));
    words.push(own);
    words.extend((main != "poof").then_some("poof"));
    let pipx = Uninstall::new("pipx", words).forgetting(uv_of_pipx());
    let pipx = pipx.leaving([home.join("venvs").join(format!(".{own}.lock"))]);
    let known = PIPX.iter().any(|place| home.ends_with(place));
    if known { pipx } else { pipx.with("PIPX_HOME", home) }
}

/// pipx may have been installed with an uv for itself, beside it.
fn uv_of_pipx() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let pipx = env::split_paths(&path).map(|dir| dir.join("pipx")).find(|pipx| pipx.is_file());
    let uv = pipx.and_then(|pipx| Some(fs::canonicalize(pipx).ok()?.parent()?.join("uv")));
    let own = uv.filter(|uv| uv.is_file() && matches!(trust::weak(uv), Ok(None)));
    own.unwrap_or_else(|| "uv".into())
}

/// Directories of a virtual environment that pip leaves empty; elsewhere they may have been
/// there before. `note` names what lies in them.
fn directories(prefix: &Path, site: &Path, note: &Path) -> Vec<PathBuf> {
    let share = prefix.join("share");
    let files = named(note, site);
    let above = files.iter().flat_map(|file| file.ancestors().skip(1));
    let mut found: Vec<_> =
        above.filter(|dir| dir.starts_with(&share)).map(Path::to_path_buf).collect();
    found.sort();
    found.dedup();
    found.reverse();
    found
}

/// The Python whose packages are in `site`.
fn python(prefix: &Path, site: &Path) -> PathBuf {
    // lib/python3.11/site-packages; Library/Python/3.9/lib/python/site-packages
    let named = match site.parent().map(name).unwrap_or_default() {
        "python" => format!("python{}", name(prefix)),
        name => name.to_owned(),
    };
    let own = [named.as_str(), "python3", "python"].map(|name| prefix.join("bin").join(name));
    own.into_iter().find(|python| python.is_file()).unwrap_or_else(|| PathBuf::from(named))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An installation below a directory, as the command that removes it.
    fn command(prefix: &str, files: &[(&str, &str)]) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let prefix = root.join(prefix);
        let files = files.iter().chain(&[("bin/poof", "")]);
        for (path, text) in files {
            let path = prefix.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let wheel = of(&prefix.join("bin/poof"))?;
        Some(wheel.uninstall.command().replace(root.to_str().unwrap(), "~"))
    }

    const RECORD: &str = "lib/python3.11/site-packages/poof-2.0.0.dist-info/RECORD";
    const INSTALLER: &str = "lib/python3.11/site-packages/poof-2.0.0.dist-info/INSTALLER";
    const NOTED: (&str, &str) =
        (RECORD, "../../../bin/poof,sha256=es7z,249\npoof-2.0.0.dist-info/RECORD,,\n");
    const VENV: (&str, &str) = ("pyvenv.cfg", "home = /usr/bin\n");
    const PYTHON: (&str, &str) = ("bin/python3", "");

    #[test]
    fn a_table_of_who_has_installed_a_wheel() {
        let pip = "pip uninstall --yes poof";
        let user = "PIP_BREAK_SYSTEM_PACKAGES=1 PYTHONPATH=";
        let uv = (INSTALLER, "uv\n");
        let receipt = ("uv-receipt.toml", "[tool]\n");
        let pipx = ("pipx_metadata.json", r#"{"main_package": {"package": "poof"}}"#);
        let other = ("pipx_metadata.json", r#"{"main_package": {"package": "other"}}"#);
        for (prefix, files, wanted) in [
            ("v", vec![NOTED, VENV, PYTHON], format!("'~/v/bin/python3' -m {pip}")),
            // Of a system, or of a user.
            (
                ".local",
                vec![NOTED, (INSTALLER, "pip\n")],
                format!("env {user}'~/.local/lib/python3.11/site-packages' python3.11 -m {pip}"),
            ),
            // Debian, Fedora, a Mac.
            (
                "local",
                vec![("lib/python3/dist-packages/poof-2.dist-info/RECORD", NOTED.1)],
                format!("env {user}'~/local/lib/python3/dist-packages' python3 -m {pip}"),
            ),
            (
                "fedora",
                vec![("lib64/python3.14/site-packages/poof-2.dist-info/RECORD", NOTED.1), VENV],
                format!("python3.14 -m {pip}"),
            ),
            (
                "Python/3.9",
                vec![("lib/python/site-packages/poof-2.dist-info/RECORD", NOTED.1)],
                format!("env {user}'~/Python/3.9/lib/python/site-packages' python3.9 -m {pip}"),
            ),
            // --target
            (
                "t",
                vec![
                    ("poof-2.0.0.dist-info/RECORD", "../../bin/poof,,\n"),
                    ("share/man/man1/poof.1", ""),
                ],
                "rm -rf '~/t/bin/poof' '~/t/poof-2.0.0.dist-info' '~/t/share/man/man1/poof.1'"
                    .to_owned(),
            ),
            (
                "v",
                vec![NOTED, VENV, PYTHON, uv],
                "uv pip uninstall --python '~/v/bin/python3' poof".to_owned(),
            ),
            ("uv/tools/poof", vec![NOTED, VENV, uv, receipt], "uv tool uninstall poof".to_owned()),
            (
                "mine/poof",
                vec![NOTED, VENV, uv, receipt],
                "env UV_TOOL_DIR='~/mine' uv tool uninstall poof".to_owned(),
            ),
            // uv tool install other --with poof
            (
                "uv/tools/other",
                vec![NOTED, VENV, PYTHON, uv, receipt],
                "uv pip uninstall --python '~/uv/tools/other/bin/python3' poof".to_owned(),
            ),
            (
                ".local/share/pipx/venvs/poof",
                vec![NOTED, VENV, pipx],
                "pipx uninstall poof".to_owned(),
            ),
            (
                "mine/venvs/poof-2",
                vec![NOTED, VENV, pipx],
                "env PIPX_HOME='~/mine' pipx uninstall poof-2".to_owned(),
            ),
            (
                ".local/pipx/venvs/other",
                vec![NOTED, VENV, other],
                "pipx uninject other poof".to_owned(),
            ),
            (
                ".local/pipx/venvs/poof",
                vec![NOTED, VENV, ("pipx_metadata.json", "{")],
                "pipx uninstall poof".to_owned(),
            ),
        ] {
            assert_eq!(command(prefix, &files).as_deref(), Some(wanted.as_str()), "{files:?}");
        }
    }

    #[test]
    fn what_no_note_names_came_otherwise() {
        for files in [
            vec![],
            vec![VENV, PYTHON],
            vec![(RECORD, "../../../bin/other,sha256=x,1\n../../bin/poof,,\nbin/poof\n,,\n\n")],
            vec![("lib/python3.11/site-packages/poof-doc-2.0.0.dist-info/RECORD", NOTED.1)],
            vec![("lib/python3.11/site-packages/spoof-2.0.0.dist-info/RECORD", NOTED.1)],
            vec![("lib/python3.11/site-packages/poof-2.0.0.dist-info/RECORD/x", "")],
        ] {
            assert_eq!(command("v", &files), None, "{files:?}");
        }
    }

    #[test]
    fn a_note_that_somebody_else_could_have_written_is_told() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let record = root.join(RECORD);
        fs::create_dir_all(record.parent().unwrap()).unwrap();
        fs::write(&record, NOTED.1).unwrap();
        let weak = || of(&root.join("bin/poof")).unwrap().weak.map(|weak| weak.path);
        assert_eq!(weak(), None);
        fs::set_permissions(&record, fs::Permissions::from_mode(0o646)).unwrap();
        assert_eq!(weak(), Some(record));
    }
}

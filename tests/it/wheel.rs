//! The wheel for PyPI: what is in it, that it takes the place of the Python poof with all
//! that somebody has of it, and that pip, pipx and uv remove what they have brought.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::LazyLock;
use std::time::Duration;

use tempfile::TempDir;

use crate::farewell::poof;
use crate::harness::command::{Command, Run, copy_program};
use crate::harness::{Config, Sandbox, Snapshot, assert_same_content, grow, minio, tools};
use crate::neuter::paths;
use crate::schedule::{crontab, stand_in, with_cron};
use crate::story::plain;

const POOF: &str = env!("CARGO_BIN_EXE_poof");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const NEUTER: [&str; 4] = ["neuter", "--yes", "--allow", "no-kit"];

/// What pip leaves of a wheel in a virtual environment of Python whose pip does `script`.
fn by_pip(sandbox: &Sandbox, script: &str) -> (PathBuf, PathBuf) {
    let venv = sandbox.home().join("venv");
    let note = venv.join("lib/python3.11/site-packages/poof-2.0.0.dist-info");
    fs::create_dir_all(&note).unwrap();
    fs::create_dir_all(venv.join("bin")).unwrap();
    fs::write(venv.join("pyvenv.cfg"), "home = /usr/bin\n").unwrap();
    fs::write(note.join("RECORD"), "../../../bin/poof,sha256=x,1\n").unwrap();
    fs::write(note.join("INSTALLER"), "pip\n").unwrap();
    copy_program(Path::new(POOF), &venv.join("bin/poof"));
    stand_in(sandbox, "a-python", &format!("cd '{}' || exit 1\n{script}", venv.display()));
    symlink(sandbox.bin().join("a-python"), venv.join("bin/python3")).unwrap();
    (venv, note)
}

const REMOVES: &str = "rm -r bin/poof lib/python3.11/site-packages/poof-2.0.0.dist-info";

#[test]
fn pip_removes_what_it_has_installed() {
    let sandbox = plain(1);
    let (venv, note) = by_pip(&sandbox, REMOVES);
    let program = venv.join("bin/poof");
    let dry = poof(&sandbox, &program, &["neuter", "--dry-run"]).run().expect_code(0);
    dry.stdout_has(&format!("x {}", program.display()));
    let run = poof(&sandbox, &program, &NEUTER).run().expect_code(0).stderr_has("poof is gone.");
    assert!(!program.exists() && !note.exists() && !sandbox.confdir().exists(), "{run}");
    let calls = fs::read_to_string(sandbox.bin().join("calls")).unwrap();
    assert_eq!(calls, "a-python -m pip uninstall --yes poof\n");
}

#[test]
fn what_pip_does_not_remove_is_named_with_the_command() {
    // The second as pip does it that knows of no poof.
    for script in ["echo 'No module named pip' >&2; exit 1", "exit 0"] {
        let sandbox = plain(1);
        let (venv, note) = by_pip(&sandbox, script);
        let run = poof(&sandbox, &venv.join("bin/poof"), &NEUTER).run().expect_code(9);
        assert!(venv.join("bin/poof").exists() && note.exists(), "{run}");
        let python = venv.join("bin/python3");
        run.stderr_has("which pip has installed")
            .stderr_has(&format!("'{}' -m pip uninstall --yes poof", python.display()));
    }
}

#[test]
fn a_note_of_pip_that_somebody_else_could_have_written_has_nothing_run() {
    let sandbox = plain(1);
    let (venv, note) = by_pip(&sandbox, REMOVES);
    let record = note.join("RECORD");
    fs::set_permissions(&record, fs::Permissions::from_mode(0o646)).unwrap();
    let run = poof(&sandbox, &venv.join("bin/poof"), &NEUTER).run().expect_code(9);
    assert!(record.exists() && !sandbox.bin().join("calls").exists(), "{run}");
    run.stderr_has("RECORD can be written by others").stderr_has("-m pip uninstall --yes poof");
}

/// A directory with the wheel, packed once of the program that the tests have built.
static WHEELS: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let out = format!("WHEELS={}", dir.path().display());
    let program = format!("PROGRAM={POOF}");
    let make = Process::new("make").args(["-s", "-C", ROOT, "wheel", &program, &out]).output();
    let made = make.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let said = String::from_utf8(made.stdout).unwrap();
    assert!(Path::new(said.trim()).starts_with(dir.path()), "{said}");
    dir
});

/// A program with the wheel as its only source: nothing is asked of PyPI.
fn offline(command: Command) -> Command {
    let wheels = WHEELS.path();
    command
        .env("PIP_NO_INDEX", "1")
        .env("PIP_FIND_LINKS", wheels)
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .env("UV_OFFLINE", "1")
        .env("UV_NO_INDEX", "1")
        .env("UV_FIND_LINKS", wheels)
        .env("UV_PYTHON_DOWNLOADS", "never")
        .timeout(Duration::from_mins(3))
}

/// The Python poof 1.6.0 in a virtual environment below the home directory.
fn with_python_poof(sandbox: &Sandbox) -> PathBuf {
    let venv = sandbox.home().join("venv");
    let tool = tools::python_poof();
    let from = tool.parent().unwrap().parent().unwrap();
    // Its scripts name where it was.
    let script = "cp -a \"$1\" \"$2\" && cd \"$2/bin\" && \
                  sed -i \"1s|^#!.*|#!$2/bin/python3|\" pip* poof";
    let copy = sandbox.program("sh").args(["-euc", script, "sh"]).args([from, &venv]);
    copy.run().expect_code(0);
    venv
}

fn pip(sandbox: &Sandbox, venv: &Path, args: &[&str]) -> Run {
    let pip = sandbox.program(venv.join("bin/python3").to_str().unwrap());
    offline(pip.args(["-m", "pip"]).args(args)).run().expect_code(0)
}

fn named_poof(dir: &Path) -> Vec<PathBuf> {
    let is_named = |path: &PathBuf| {
        path.file_name().unwrap().to_string_lossy().to_lowercase().contains("poof")
    };
    paths(dir).into_iter().filter(is_named).collect()
}

#[test]
#[ignore = "packs a wheel, with what make soak brings"]
fn soak_pip_puts_it_in_the_place_of_the_python_poof_and_neuter_leaves_nothing_of_it() {
    for config in [Config::plain, Config::encrypted] {
        let sandbox = Sandbox::new();
        sandbox.write_config(&config(minio().endpoint()));
        grow(&sandbox.data(), 30, 0..=20_000, 3);
        with_cron(&sandbox);
        let venv = with_python_poof(&sandbox);
        let program = venv.join("bin/poof");
        // As its manual has it: "manually".
        let line = format!("0 */6 * * * {} backup\n", program.display());
        fs::write(crontab(&sandbox), &line).unwrap();
        let run = poof(&sandbox, &program, &["backup"]).run().expect_code(0);
        assert!(!run.stdout.contains("failed"), "{run}");
        let kept = |path: &str| fs::read(sandbox.confdir().join(path)).unwrap();
        let both = ["poof.conf", "rclone-poof.conf"].map(kept);
        let original = Snapshot::of(&sandbox.data());

        pip(&sandbox, &venv, &["install", "--quiet", "--upgrade", "poof"]);
        let version = poof(&sandbox, &program, &["--version"]).run().expect_code(0);
        version.stdout_has(concat!("poof ", env!("CARGO_PKG_VERSION"), " (rclone "));
        pip(&sandbox, &venv, &["check"]);
        assert_eq!(["poof.conf", "rclone-poof.conf"].map(kept), both);
        assert_eq!(fs::read_to_string(crontab(&sandbox)).unwrap(), line);
        assert!(!venv.join("lib/python3.11/site-packages/poof").exists());
        assert!(venv.join("share/man/man1/poof.1").exists());
        poof(&sandbox, &program, &["verify"]).run().expect_code(0);
        // What cron runs.
        let command = line.split_once("* * * ").unwrap().1;
        let run = sandbox.program("sh").args(["-c", command]).run().expect_code(0);
        run.stderr_has("data: 0 new, 0 changed, 0 removed");
        fs::write(sandbox.data().join("later"), "later").unwrap();
        poof(&sandbox, &program, &["backup"]).run().expect_code(0).stderr_has("data: 1 new");
        fs::remove_file(sandbox.data().join("later")).unwrap();
        fs::remove_dir_all(sandbox.data()).unwrap();
        poof(&sandbox, &program, &["download"]).run().expect_code(0);
        fs::remove_file(sandbox.data().join("later")).unwrap();
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
        poof(&sandbox, &program, &["lconfig"]).run().expect_code(0);

        let run = poof(&sandbox, &program, &NEUTER).run();
        assert_eq!(named_poof(&sandbox.home()), [] as [PathBuf; 0], "{run}");
        assert_eq!(empty(&venv.join("share")), [] as [PathBuf; 0], "{run}");
        assert!(!pip(&sandbox, &venv, &["list"]).stdout.contains("poof"), "{run}");
        // The line is of the user, who is told of it.
        assert_eq!(fs::read_to_string(crontab(&sandbox)).unwrap(), line, "{run}");
        run.expect_code(9).stderr_has("1 line in the crontab");
    }
}

#[test]
#[ignore = "packs a wheel, with what make soak brings"]
fn soak_what_pip_cannot_remove_goes_as_well() {
    let sandbox = plain(1);
    let before = paths(&sandbox.home());
    let (target, python) = (sandbox.home().join("opt"), tools::python_poof());
    let pip = sandbox.program(python.with_file_name("python3").to_str().unwrap());
    let args = ["-m", "pip", "install", "--quiet", "poof", "--target", target.to_str().unwrap()];
    offline(pip.args(args)).run().expect_code(0);
    let run = poof(&sandbox, &target.join("bin/poof"), &NEUTER).run().expect_code(0);
    let left: Vec<_> = paths(&sandbox.home()).difference(&before).cloned().collect();
    let is_empty = |path: &PathBuf| path.is_dir() && named_poof(path).is_empty();
    assert!(left.iter().all(is_empty), "{left:?}: {run}");
}

/// Has pip install what an index of its own offers, which says that it may be kept.
const FROM_AN_INDEX: &str = r#"
import functools, http.server, json, os, subprocess, sys, threading
wheels, pip = sys.argv[1], sys.argv[2:]

class Index(http.server.SimpleHTTPRequestHandler):
    def end_headers(self):
        self.send_header("Cache-Control", "max-age=600")
        super().end_headers()

    def do_GET(self):
        if not self.path.startswith("/simple/"):
            return super().do_GET()
        files = [{"filename": n, "hashes": {}, "url": "/" + n} for n in os.listdir(wheels)]
        page = {"files": files, "meta": {"api-version": "1.0"}, "name": "poof"}
        body = json.dumps(page, sort_keys=True).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

server = http.server.HTTPServer(("127.0.0.1", 0), functools.partial(Index, directory=wheels))
threading.Thread(target=server.serve_forever, daemon=True).start()
index = "http://127.0.0.1:%d/simple/" % server.server_port
# Of http it keeps what comes from a host that is trusted by name.
sys.exit(subprocess.call(pip + ["--index-url", index, "--trusted-host", "127.0.0.1"]))
"#;

#[test]
#[ignore = "packs a wheel, with what make soak brings"]
fn soak_what_pip_keeps_of_it_for_the_next_time_goes_as_well() {
    let sandbox = plain(1);
    let venv = with_python_poof(&sandbox);
    let python = venv.join("bin/python3");
    let install = ["-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "poof"];
    let run = sandbox.program("python3").args(["-c", FROM_AN_INDEX]).args([WHEELS.path(), &python]);
    let run = run.args(install).env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
    run.timeout(Duration::from_mins(3)).run().expect_code(0);
    let cached = || {
        let all = paths(&sandbox.home().join(".cache/pip"));
        let large = |path: &PathBuf| fs::metadata(path).unwrap().len();
        all.into_iter().filter(|path| path.is_file()).map(|path| large(&path)).sum::<u64>()
    };
    assert!(cached() > 1 << 20, "pip keeps nothing, and the test shows nothing");
    poof(&sandbox, &venv.join("bin/poof"), &NEUTER).run().expect_code(0);
    let said = sandbox.program("grep").args(["-rlaw", "poof", ".cache"]).run().stdout;
    assert_eq!((said.as_str(), cached()), ("", 0));
}

/// Directories with nothing in them.
fn empty(dir: &Path) -> Vec<PathBuf> {
    if !dir.exists() {
        return Vec::new();
    }
    let is_empty = |path: &PathBuf| path.is_dir() && fs::read_dir(path).unwrap().next().is_none();
    paths(dir).into_iter().filter(is_empty).collect()
}

#[test]
#[ignore = "packs a wheel, with what make soak brings"]
fn soak_uv_and_pipx_install_it_as_a_tool_and_neuter_has_them_remove_it() {
    for (installer, args) in
        [("uv", &["tool", "install", "poof"][..]), ("pipx", &["install", "poof"])]
    {
        let sandbox = plain(3);
        let tool = tools::of_python(installer);
        symlink(&tool, sandbox.bin().join(installer)).unwrap();
        let run = || offline(sandbox.program(installer));
        let before = named_poof(&sandbox.home());
        run().args(args).run().expect_code(0);
        let program = sandbox.home().join(".local/bin/poof");
        assert!(program.is_symlink() && named_poof(&sandbox.home()).len() > before.len());
        poof(&sandbox, &program, &["backup"]).run().expect_code(0);
        poof(&sandbox, &program, &["neuter", "--dry-run"]).run().expect_code(0);
        let neuter = offline(poof(&sandbox, &program, &NEUTER)).run();
        assert_eq!(named_poof(&sandbox.home()), [] as [PathBuf; 0], "{installer}: {neuter}");
        // uv remembers where the Pythons were that it has asked.
        let said = sandbox.program("grep").args(["-rlaw", "poof", "."]).run().stdout;
        let is_known =
            |line: &str| ["/pipx/log/", "/uv/interpreter-"].iter().any(|p| line.contains(p));
        assert!(said.lines().all(is_known), "{installer}: {said}");
        if installer == "uv" {
            neuter.expect_code(0);
            continue;
        }
        let neuter = neuter.expect_code(9);
        let (_, command) =
            neuter.stderr.trim().split_once("of the logs of pipx; to remove it: ").unwrap();
        sandbox.program("sh").args(["-c", command]).run().expect_code(0);
        let logs = sandbox.program("grep").args(["-rlaw", "poof", ".local"]).run().stdout;
        assert_eq!(logs, "", "{neuter}");
    }
}

#[test]
#[ignore = "packs a wheel, with what make soak brings"]
fn soak_the_wheel_has_all_that_goes_with_the_program_and_is_the_same_each_time() {
    let wheel = fs::read_dir(WHEELS.path()).unwrap().next().unwrap().unwrap().path();
    let sandbox = Sandbox::new();
    let python = |args: &[&str]| {
        let run = sandbox.program("python3").args(args).args([&wheel]);
        run.timeout(Duration::from_mins(3)).run().expect_code(0).stdout
    };
    let list = python(&["-m", "zipfile", "-l"]);
    let names: BTreeSet<_> =
        list.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    let version = env!("CARGO_PKG_VERSION");
    let [data, info] = ["data", "dist-info"].map(|kind| format!("poof-{version}.{kind}"));
    let all = [
        format!("{data}/data/share/bash-completion/completions/poof"),
        format!("{data}/data/share/fish/vendor_completions.d/poof.fish"),
        format!("{data}/data/share/man/man1/poof.1"),
        format!("{data}/data/share/man/man5/poof.conf.5"),
        format!("{data}/data/share/zsh/site-functions/_poof"),
        format!("{data}/scripts/poof"),
        format!("{info}/METADATA"),
        format!("{info}/RECORD"),
        format!("{info}/WHEEL"),
        format!("{info}/licenses/LICENSE"),
        format!("{info}/licenses/vendor/NOTICES"),
    ];
    assert_eq!(names, all.iter().map(String::as_str).collect());
    let script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\n\
                  print(z.read([n for n in z.namelist() if n.endswith('METADATA')][0]).decode())";
    let metadata = python(&["-c", script]);
    for line in [format!("\nVersion: {version}\n"), "\nLicense-Expression: MIT\n".to_owned()] {
        assert!(metadata.contains(&line), "{line:?} is missing");
    }
    let again = tempfile::tempdir().unwrap();
    let script = Path::new(ROOT).join("scripts/wheel.sh");
    assert!(Process::new(script).args([Path::new(POOF), again.path()]).status().unwrap().success());
    let other = again.path().join(wheel.file_name().unwrap());
    assert!(fs::read(&wheel).unwrap() == fs::read(other).unwrap(), "the wheels differ");
}

// None is published, but whoever makes one can build it: RELEASING.md.
#[test]
#[ignore = "packs with what make soak brings, and builds"]
fn soak_a_source_distribution_holds_all_that_its_build_needs() {
    let scratch = tempfile::tempdir().unwrap();
    let run = |program: &Path, args: &[&str], dir: &Path| {
        let mut command = Process::new(program);
        let status = command.args(args).current_dir(dir).status().unwrap();
        assert!(status.success(), "{} {args:?}", program.display());
    };
    let script = Path::new(ROOT).join("scripts/wheel.sh");
    run(&script, &["--prepare"], Path::new(ROOT));
    let text = fs::read_to_string(script).unwrap();
    let version = text.lines().find_map(|line| line.strip_prefix("version=")).unwrap();
    let maturin = tools::cache().join(format!("poof-tools/maturin-{version}/bin/maturin"));
    run(&maturin, &["sdist", "--out", scratch.path().to_str().unwrap()], Path::new(ROOT));
    let name = format!("poof-{}", env!("CARGO_PKG_VERSION"));
    run(Path::new("tar"), &["-xzf", &format!("{name}.tar.gz")], scratch.path());
    let source = scratch.path().join(name);
    assert!(!source.join(".git").exists() && source.join("PKG-INFO").exists());
    let wheels = scratch.path().join("wheels");
    // Crates that it has compiled stay for the next time.
    let target = Path::new(POOF).ancestors().nth(2).unwrap().join("sdist");
    let mut build = Process::new(&maturin);
    build.args(["build", "--profile", "dev", "--offline", "--auditwheel", "skip", "--out"]);
    build.arg(&wheels).current_dir(&source).env("CARGO_TARGET_DIR", target);
    assert!(build.status().unwrap().success());
    assert_eq!(fs::read_dir(wheels).unwrap().count(), 1);
}

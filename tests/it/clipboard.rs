//! The clipboard as a user of X11 meets it after `poof cconfig`: each test has an
//! X server of its own and pastes with xclip.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::Sandbox;
use crate::harness::command::Run;

/// An X server on a free display, gone at the end of the test.
struct Display {
    server: Child,
    name: String,
}

impl Display {
    fn start() -> Display {
        let mut command = Command::new("Xvfb");
        command
            .args(["-displayfd", "1", "-screen", "0", "64x64x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut server = spawn(&mut command);
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        let display = Display { server, name: format!(":{}", number.trim()) };
        assert_ne!(display.name, ":", "Xvfb did not start");
        display
    }

    fn paste(&self, target: &str) -> String {
        let mut xclip = self.xclip();
        let output = spawn(xclip.args(["-o", "-t", target]).stdout(Stdio::piped()))
            .wait_with_output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn copy_something_else(&self) {
        let mut xclip = spawn(self.xclip().stdin(Stdio::piped()).stdout(Stdio::null()));
        xclip.stdin.take().unwrap().write_all(b"something else").unwrap();
        assert!(xclip.wait().unwrap().success());
    }

    fn xclip(&self) -> Command {
        let mut command = Command::new("xclip");
        command.args(["-selection", "clipboard"]).env("DISPLAY", &self.name).stderr(Stdio::null());
        command
    }

    fn signal(&self, name: &str) {
        let server = self.server.id().to_string();
        assert!(Command::new("kill").args([name, &server]).status().unwrap().success());
    }

    /// Environment for poof on this display, marked so that a process it leaves
    /// behind is known from those of earlier servers with the same number.
    fn environment(&self) -> [(&str, String); 2] {
        [("DISPLAY", self.name.clone()), ("XVFB", self.server.id().to_string())]
    }

    /// What poof left behind on this display, as /proc/PID.
    fn holders(&self) -> Vec<PathBuf> {
        let mark = format!("XVFB={}", self.server.id());
        let is_ours = |process: &PathBuf| {
            has_field(&process.join("cmdline"), "__hold-clipboard")
                && has_field(&process.join("environ"), &mark)
        };
        let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        processes.filter(is_ours).collect()
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn spawn(command: &mut Command) -> Child {
    command.spawn().unwrap_or_else(|error| {
        panic!(
            "cannot run {} ({error}): this test needs an X server without a screen and a way \
             to paste from it: run `make test-tools`",
            command.get_program().display()
        )
    })
}

/// Whether one of the NUL-terminated strings in `file` is `wanted`. A process
/// that ended meanwhile has none.
fn has_field(file: &Path, wanted: &str) -> bool {
    let content = fs::read(file).unwrap_or_default();
    content.split(|byte| *byte == 0).any(|field| field == wanted.as_bytes())
}

/// A person whose rclone-poof.conf is `text`.
fn person(text: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.confdir()).unwrap();
    fs::write(sandbox.rclone_conf(), text).unwrap();
    sandbox
}

/// `poof cconfig` on `display`.
fn copy(sandbox: &Sandbox, display: &Display) -> Run {
    let [(display, name), (mark, number)] = display.environment();
    sandbox.poof(["cconfig"]).env(display, name).env(mark, number).run().expect_code(0)
}

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < end, "still not so: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_copied_configuration_pastes_unchanged_after_poof_has_ended() {
    let display = Display::start();
    let text = "# secret_access_key = Grüße, 世界, 🔑\n".repeat(2500);
    assert!(text.len() > 100_000);
    let run = copy(&person(&text), &display);
    run.stderr_has("on the clipboard, marked as secret; it leaves after 10 minutes\n");
    assert!(display.paste("UTF8_STRING") == text, "another text was pasted");
    assert!(display.paste("UTF8_STRING") == text, "the second paste failed");
}

#[test]
fn a_new_poof_conf_pastes_after_poof_has_ended() {
    let (display, sandbox) = (Display::start(), Sandbox::new());
    let [(name, value), (mark, number)] = display.environment();
    let run = sandbox.poof(["config"]).env(name, value).env(mark, number).run().expect_code(0);
    let text = fs::read_to_string(sandbox.confdir().join("poof.conf")).unwrap();
    assert_eq!(run.stdout.trim_end(), text.trim_end());
    assert_eq!(display.paste("UTF8_STRING"), text);
}

#[test]
fn clipboard_histories_are_told_that_it_is_a_secret() {
    let display = Display::start();
    copy(&person("# key\n"), &display);
    let targets = display.paste("TARGETS");
    assert!(targets.lines().any(|target| target == "x-kde-passwordManagerHint"), "{targets}");
    assert_eq!(display.paste("x-kde-passwordManagerHint"), "secret");
}

#[test]
fn the_next_copy_ends_the_process_that_held_the_secret() {
    let display = Display::start();
    copy(&person("# key\n"), &display);
    assert_eq!(display.holders().len(), 1);
    display.copy_something_else();
    eventually("the holder is gone", || display.holders().is_empty());
    assert_eq!(display.paste("UTF8_STRING"), "something else");
}

#[test]
fn poof_takes_along_what_it_has_copied_when_it_goes_and_nothing_else() {
    let display = Display::start();
    let (other, goes) = (person("# key of another\n"), person("# key\n"));
    copy(&other, &display);
    goes.poof(["neuter", "--yes", "--allow", "no-kit"]).run().expect_code(9);
    assert_eq!(display.paste("UTF8_STRING"), "# key of another\n");
    fs::create_dir_all(goes.confdir()).unwrap();
    fs::write(goes.rclone_conf(), "# key\n").unwrap();
    copy(&goes, &display);
    assert_eq!(display.paste("UTF8_STRING"), "# key\n");
    goes.poof(["neuter", "--yes", "--allow", "no-kit"]).run().expect_code(9);
    eventually("the holders are gone", || display.holders().is_empty());
    assert_eq!(display.paste("UTF8_STRING"), "");
}

#[test]
fn the_end_of_the_desktop_ends_the_process_that_held_the_secret() {
    let mut display = Display::start();
    copy(&person("# key\n"), &display);
    assert_eq!(display.holders().len(), 1);
    display.server.kill().unwrap();
    eventually("the holder is gone", || display.holders().is_empty());
}

#[test]
fn the_same_configuration_can_be_copied_again() {
    let display = Display::start();
    let sandbox = person("# key\n");
    copy(&sandbox, &display);
    copy(&sandbox, &display);
    eventually("one holder is left", || display.holders().len() == 1);
    assert_eq!(display.paste("UTF8_STRING"), "# key\n");
}

#[test]
fn what_stays_behind_keeps_nothing_of_the_shell_that_called_poof() {
    let display = Display::start();
    let (sandbox, lock) = (person("# key\n"), tempfile::NamedTempFile::new().unwrap());
    let line = "exec 9>\"$1\"; \"$2\" cconfig";
    let [(name, value), (mark, number)] = display.environment();
    let shell = sandbox.program("sh").args(["-c", line, "sh"]);
    let shell = shell.args([lock.path(), Path::new(env!("CARGO_BIN_EXE_poof"))]);
    shell.env(name, value).env(mark, number).run().expect_code(0);

    let holders = display.holders();
    let [holder] = holders.as_slice() else { panic!("not one holder: {holders:?}") };
    let open = fs::read_dir(holder.join("fd")).unwrap().flatten();
    let open: Vec<_> = open.flat_map(|entry| fs::read_link(entry.path())).collect();
    assert!(!open.iter().any(|file| file == lock.path()), "{open:?}");
    assert_eq!(fs::read_link(holder.join("cwd")).unwrap(), Path::new("/"));
    assert!(!has_field(&holder.join("environ"), "key"));
    // The sixth field is the session; the second, in brackets, is the name.
    let stat = fs::read_to_string(holder.join("stat")).unwrap();
    let session = stat.rsplit_once(") ").unwrap().1.split(' ').nth(3).unwrap();
    assert_eq!(Some(session), holder.file_name().unwrap().to_str(), "not its own session");
}

#[test]
fn without_a_desktop_there_is_a_remark_and_no_failure() {
    let run = person("# key\n").poof(["cconfig"]).run().expect_code(0);
    let said = "not on the clipboard: there is no desktop here, neither WAYLAND_DISPLAY nor";
    assert_eq!(run.stderr_has(said).stdout, "# key\n");
}

#[test]
fn a_display_at_which_nobody_listens_is_a_quick_remark() {
    let name = Display::start().name.clone();
    let run = person("# key\n").poof(["cconfig"]).env("DISPLAY", &name).run().expect_code(0);
    assert!(run.elapsed < Duration::from_secs(2), "took {:?}", run.elapsed);
    run.stderr_has(&format!("not on the clipboard: DISPLAY={name}"));
}

#[test]
fn a_desktop_that_hangs_does_not_hang_poof() {
    let display = Display::start();
    display.signal("-STOP");
    copy(&person("# key\n"), &display).stderr_has("no answer");
    assert!(display.holders().is_empty());
}

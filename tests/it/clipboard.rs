//! `config` and `cconfig` on a desktop: an X server without a screen.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::Sandbox;
use crate::story::plain;

/// An X server on a display of its own.
struct Desktop {
    server: Child,
    display: String,
}

impl Desktop {
    fn start() -> Self {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is missing: run `make test-tools`");
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Desktop { server, display: format!(":{}", line.trim()) }
    }

    fn xclip(&self, args: &[&str]) -> Command {
        let mut xclip = Command::new("xclip");
        xclip.args(["-selection", "clipboard"]).args(args).env("DISPLAY", &self.display);
        xclip
    }

    fn paste(&self, args: &[&str]) -> String {
        let out = self.xclip(args).output().expect("xclip is missing: run `make test-tools`");
        String::from_utf8(out.stdout).unwrap()
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Processes that hold a clipboard for `sandbox`.
fn holders(sandbox: &Sandbox) -> usize {
    let of_sandbox = |pid: &str| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let home = format!("HOME={}", sandbox.home().display());
        environment.split(|byte| *byte == 0).any(|entry| entry == home.as_bytes())
    };
    let listed = Command::new("pgrep").args(["-f", "__hold-clipboard"]).output().unwrap();
    String::from_utf8(listed.stdout).unwrap().lines().filter(|pid| of_sandbox(pid)).count()
}

#[test]
fn the_text_still_pastes_after_poof_has_exited_and_is_marked_as_secret() {
    let (sandbox, desktop) = (plain(1), Desktop::start());
    let mut text = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    text += "# ünï 日本 ";
    text += &"x".repeat(100_000);
    text += "\n";
    fs::write(sandbox.rclone_conf(), &text).unwrap();
    let run = sandbox.poof(["cconfig"]).env("DISPLAY", &desktop.display).run().expect_code(0);
    run.stderr_has("on the clipboard");
    assert!(desktop.paste(&["-o"]) == text, "100 KB of it, so not shown");
    assert_eq!(desktop.paste(&["-o", "-t", "x-kde-passwordManagerHint"]), "secret");

    // Something else is copied: the holder has nothing left to do.
    let other = sandbox.home().join("other");
    fs::write(&other, "other").unwrap();
    assert!(desktop.xclip(&["-i", other.to_str().unwrap()]).status().unwrap().success());
    let patience = Instant::now() + Duration::from_secs(10);
    while holders(&sandbox) > 0 {
        assert!(Instant::now() < patience, "the holder is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(desktop.paste(&["-o"]), "other");
}

#[test]
fn without_a_desktop_it_is_a_remark() {
    let sandbox = Sandbox::new();
    let run = sandbox.poof(["config"]).run().expect_code(0);
    run.stderr_has("not on the clipboard: there is no desktop here");
    let dead = sandbox.poof(["config"]).env("DISPLAY", ":47").run().expect_code(0);
    assert!(dead.elapsed < Duration::from_secs(5));
    dead.stderr_has("not on the clipboard: ");
    assert_eq!(holders(&sandbox), 0);
}

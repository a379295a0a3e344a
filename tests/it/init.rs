//! The guided set-up, as a person goes through it: tmux is the terminal.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::Value;

use crate::harness::minio::{ACCESS_KEY, SECRET_KEY};
use crate::harness::provider::{Port, Provider, browse};
use crate::harness::servers::{PASSWORD, Server, USER};
use crate::harness::{Sandbox, Snapshot, Terminal, assert_same_content, grow, minio};
use crate::schedule::with_cron;

/// A home with documents and pictures, a disk, and nothing else.
fn newcomer() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::remove_dir_all(sandbox.home()).unwrap();
    fs::create_dir_all(sandbox.home()).unwrap();
    for name in ["Documents", "Pictures"] {
        grow(&sandbox.home().join(name), 5, 10..=5_000, 7);
    }
    fs::create_dir_all(disk(&sandbox)).unwrap();
    // A schedule is one of the sandbox, never of this machine.
    with_cron(&sandbox);
    sandbox
}

fn disk(sandbox: &Sandbox) -> std::path::PathBuf {
    sandbox.home().with_file_name("disk")
}

/// Somebody in front of `poof init`, who counts keys.
struct Person<'a> {
    terminal: Terminal,
    sandbox: &'a Sandbox,
    keys: usize,
}

impl<'a> Person<'a> {
    fn before(sandbox: &'a Sandbox, args: &str) -> Self {
        Self::types(sandbox, &format!("init {args}"))
    }

    fn before_profile(sandbox: &'a Sandbox, profile: &str) -> Self {
        Self::types(sandbox, &format!("--profile {profile} init"))
    }

    fn types(sandbox: &'a Sandbox, args: &str) -> Self {
        let terminal = Terminal::open(sandbox, 100);
        terminal.tmux(&["resize-window", "-x", "100", "-y", "60"]);
        terminal.enter(&format!("clear; {} {args}; echo code $?", env!("CARGO_BIN_EXE_poof")));
        Person { terminal, sandbox, keys: 0 }
    }

    /// Waits for a question that is open.
    #[track_caller]
    fn asked(&self, question: &str) -> &Self {
        let is_open = |row: &String| row.starts_with("? ") && row.contains(question);
        self.terminal.until(question, |rows| rows.iter().any(is_open));
        self
    }

    fn key(&mut self, key: &str) -> &mut Self {
        self.keys += 1;
        self.terminal.tmux(&["send-keys", key]);
        self
    }

    /// Answers an open question: types `text`, and Enter.
    #[track_caller]
    fn answer(&mut self, question: &str, text: &str) -> &mut Self {
        self.asked(question);
        self.keys += text.chars().count();
        if !text.is_empty() {
            self.terminal.tmux(&["send-keys", "-l", text]);
        }
        self.key("Enter");
        // Until it is closed: the next one may be the same.
        let is_closed = |row: &String| row.starts_with("> ") && row.contains(question);
        self.terminal.until(&format!("{question} is answered"), |rows| {
            let ends = ["code ", "? Have you written it down"];
            rows.iter().any(is_closed) || rows.iter().any(|r| ends.iter().any(|e| r.starts_with(e)))
        });
        self
    }

    /// The same of a line that holds something already.
    #[track_caller]
    fn replace(&mut self, question: &str, text: &str) -> &mut Self {
        self.asked(question);
        self.terminal.tmux(&["send-keys", "-N", "80", "BSpace"]);
        self.answer(question, text)
    }

    /// Reads the phrase, and types the words that are asked for.
    #[track_caller]
    fn write_down(&mut self) -> String {
        let rows = self.terminal.until("the phrase is shown", |rows| {
            rows.iter().any(|row| row.contains("written it down"))
        });
        let is_phrase = |row: &&String| row.starts_with("    ");
        let phrase = rows.iter().find(is_phrase).expect("no phrase").trim().to_owned();
        self.key("Enter");
        for _ in 0..2 {
            let open = |row: &String| row.starts_with("? Word ");
            let rows = self.terminal.until("a word is asked for", |rows| rows.iter().any(open));
            let asked = rows.iter().find(|row| open(row)).unwrap().clone();
            let number: usize = asked.split(' ').nth(2).unwrap().parse().unwrap();
            let word = phrase.split(' ').nth(number - 1).unwrap().to_owned();
            self.answer(&format!("Word {number} "), &word);
        }
        phrase
    }

    /// Waits for the end. Returns what is on the screen.
    #[track_caller]
    fn ends(&self, code: u8) -> String {
        let line = format!("code {code}");
        let rows = self.terminal.until(&line, |rows| rows.contains(&line));
        rows.join("\n")
    }

    fn poof_conf(&self) -> Value {
        let text = fs::read(self.sandbox.confdir().join("poof.conf")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }
}

/// All that is in the home directory, and on the disk.
fn everything(sandbox: &Sandbox) -> Vec<String> {
    let list = |dir: &Path| {
        let entries = walkdir::WalkDir::new(dir).sort_by_file_name();
        entries.into_iter().map(|entry| entry.unwrap().path().display().to_string())
    };
    list(&sandbox.home()).chain(list(&disk(sandbox)).collect::<Vec<_>>()).collect()
}

fn to_the_disk(person: &mut Person) {
    let disk = disk(person.sandbox).display().to_string();
    person.answer("What should be backed up", "");
    person.answer("Where should backups go", "A disk");
    person.answer("Directory:", &disk);
    person.answer("Use it all the same", "y");
}

#[test]
fn somebody_with_a_disk_comes_from_nothing_to_a_backup() {
    let sandbox = newcomer();
    let odd = sandbox.home().join(OsStr::from_bytes(b"gr\xfcn"));
    fs::create_dir(odd).unwrap();
    let mut person = Person::before(&sandbox, "");
    to_the_disk(&mut person);
    person.answer("Encrypt before", "");
    person.answer("How long should", "");
    person.answer("It works. Write", "");
    person.answer("How often", "Not by itself");
    person.answer("Where should the recovery kit go", "Not now");
    person.answer("Make the first backup", "");
    let screen = person.ends(0);
    // The bytes are not UTF-8.
    assert!(screen.contains("not in this list") && screen.contains("gr\u{fffd}n"), "{screen}");
    assert!(screen.contains("Documents:") && screen.contains("Pictures:"), "{screen}");
    let typed = person.keys - disk(&sandbox).display().to_string().len();
    assert!(typed < 60, "{typed} keys beside the path of the disk");
    let conf = person.poof_conf();
    assert_eq!((&conf["keep"], &conf["remote"]), (&"30d".into(), &"poof-backup".into()));
    assert_eq!(conf["paths"].as_object().unwrap().len(), 3);
    // It is a configuration like any other, and the backup is whole.
    sandbox.poof(["verify"]).run().expect_code(0);
    sandbox.poof(["check", "--read-data"]).run().expect_code(0);
    let before = Snapshot::of(&sandbox.home().join("Pictures"));
    fs::remove_dir_all(sandbox.home().join("Pictures")).unwrap();
    sandbox.poof(["download", "--only", "Pictures"]).run().expect_code(0);
    assert_same_content(&before, &Snapshot::of(&sandbox.home().join("Pictures")));
    // Once more, to change one thing: Enter leaves the rest as it is.
    let mut person = Person::before(&sandbox, "");
    person.answer("What should be backed up", "");
    person.answer("Where should backups go", "");
    person.answer("Encrypt before", "");
    // Esc goes back to what was asked: not encrypted, nothing is said of bundles.
    person.asked("How long should");
    person.key("Escape");
    person.asked("Encrypt before");
    person.key("Enter");
    person.terminal.until("the question comes again", |rows| {
        rows.iter().filter(|row| row.contains("How long should")).count() > 1
    });
    person.answer("How long should", "7 days");
    person.answer("It works. Write", "");
    for question in ["How often", "Where should the recovery kit go", "Make the first backup"] {
        person.asked(question);
        person.key("Escape");
    }
    person.ends(0);
    let mut expected = conf.clone();
    expected["keep"] = "7d".into();
    assert_eq!(person.poof_conf(), expected);
}

#[test]
fn somebody_with_a_server_of_s3_encrypts_and_writes_the_phrase_down() {
    let sandbox = newcomer();
    let mut person = Person::before(&sandbox, "");
    person.answer("What should be backed up", "");
    person.answer("Where should backups go", "Amazon S3");
    person.answer("Which provider", "(Minio)");
    person.answer("AWS Access Key ID", ACCESS_KEY);
    person.answer("AWS Secret Access Key", "wrong");
    person.answer("Endpoint for S3", &minio().endpoint());
    person.answer("Look at the other settings", "");
    person.answer("Bucket:", "");
    person.answer("Encrypt before", "");
    person.answer("Put small files together", "");
    person.answer("How long should", "");
    // The remote is asked before anything is written.
    person.asked("It does not work yet");
    let shown = person.terminal.rows(&[]).join("\n");
    assert!(
        shown.contains("SignatureDoesNotMatch") && shown.contains("Nothing is written"),
        "{shown}"
    );
    assert!(!shown.contains("poof cconfig"), "a command for files that are not there: {shown}");
    person.answer("It does not work yet", "Change");
    assert!(!sandbox.confdir().exists());
    // What was right is still there: Enter takes it.
    person.answer("Where should backups go", "");
    person.answer("Which provider", "");
    person.answer("AWS Access Key ID", "");
    person.answer("AWS Secret Access Key", SECRET_KEY);
    person.answer("Endpoint for S3", "");
    person.answer("Look at the other settings", "");
    person.replace("Bucket:", sandbox.bucket());
    person.answer("Encrypt before", "");
    person.answer("Put small files together", "");
    person.answer("How long should", "");
    person.asked("It works. Write");
    let shown = person.terminal.rows(&[]).join("\n");
    assert!(shown.contains("secret_access_key = ****") && !shown.contains(SECRET_KEY), "{shown}");
    assert!(shown.contains("\"bundle\": true"), "{shown}");
    person.answer("It works. Write", "");
    person.answer("How often", "Not by itself");
    person.answer("Where should the recovery kit go", "Another file");
    person.replace("File:", &disk(&sandbox).join("kit.txt").display().to_string());
    let phrase = person.write_down();
    person.answer("Make the first backup", "");
    let screen = person.ends(0);
    assert!(!screen.contains(&phrase), "the phrase stays on the screen: {screen}");
    assert!(screen.contains("now knows the backup"), "{screen}");
    let rclone = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    assert!(rclone.contains("type = crypt") && rclone.contains(SECRET_KEY), "{rclone}");
    // Nothing was sent in clear.
    let sent = walkdir::WalkDir::new(minio().bucket_dir(sandbox.bucket()));
    let names: Vec<_> = sent.into_iter().map(|entry| entry.unwrap().path().to_owned()).collect();
    assert!(names.len() > 5);
    assert!(names.iter().all(|name| !name.ends_with("Documents") && !name.ends_with("Pictures")));
    // The kit opens with what was written down.
    let file = sandbox.home().join("phrase");
    fs::write(&file, phrase).unwrap();
    let kit = disk(&sandbox).join("kit.txt");
    let before = Snapshot::of(&sandbox.home().join("Documents"));
    for dir in ["Documents", "Pictures", ".config", ".local"] {
        fs::remove_dir_all(sandbox.home().join(dir)).unwrap();
    }
    let args = ["return".as_ref(), kit.as_os_str(), "--phrase-file".as_ref(), file.as_os_str()];
    sandbox.poof(args).run().expect_code(0);
    assert_same_content(&before, &Snapshot::of(&sandbox.home().join("Documents")));
}

#[test]
fn somebody_with_a_server_over_ssh_is_asked_for_what_they_know() {
    let sandbox = newcomer();
    let server = Server::rclone("sftp");
    let mut person = Person::before(&sandbox, "--level 3");
    person.answer("What should be backed up", "");
    person.answer("Where should backups go", "SFTP");
    person.answer("SSH host to connect to", "127.0.0.1");
    person.replace("SSH username", USER);
    person.replace("SSH port number", &server.port());
    person.answer("Path to PEM-encoded private key", "");
    person.answer("SSH password", PASSWORD);
    person.answer("Look at the other settings", "");
    person.replace("Directory or bucket:", "backups");
    // Level 3 encrypts and does not ask.
    person.answer("Put small files together", "n");
    person.answer("How long should", "Not at all");
    person.answer("It works. Write", "");
    person.answer("How often", "Not by itself");
    person.answer("Where should the recovery kit go", "Not now");
    person.answer("Make the first backup", "");
    person.ends(0);
    let rclone = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    assert!(rclone.contains("type = sftp") && !rclone.contains(PASSWORD), "{rclone}");
    let conf = person.poof_conf();
    assert!(conf.get("keep").is_none() && conf.get("bundle").is_none(), "{conf}");
    sandbox.poof(["check"]).run().expect_code(0);
}

#[test]
fn whoever_leaves_leaves_nothing() {
    let sandbox = newcomer();
    let before = everything(&sandbox);
    // At the first question, by Esc and by Ctrl-C.
    for (key, code) in [("Escape", 0), ("C-c", 130)] {
        let mut person = Person::before(&sandbox, "");
        person.asked("What should be backed up");
        person.key(key);
        person.ends(code);
        assert_eq!(everything(&sandbox), before, "{key}");
    }
    // In the middle, by a signal: the terminal is as before.
    let mut person = Person::before(&sandbox, "");
    to_the_disk(&mut person);
    person.asked("Encrypt before");
    let home = format!("HOME={}", sandbox.home().display());
    let pids = process_of(&home);
    assert!(!pids.is_empty());
    for pid in pids {
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }
    person.ends(130);
    person.terminal.enter("stty -a | grep -o ' echo ' ; echo checked");
    person.terminal.until("the terminal echoes", |rows| {
        rows.iter().any(|row| row.trim() == "echo") && rows.iter().any(|row| row == "checked")
    });
    assert_eq!(everything(&sandbox), before);
    // At the last question: what the trial made is gone as well.
    for (answer, code) in [("n", 0), ("", 130)] {
        let mut person = Person::before(&sandbox, "");
        to_the_disk(&mut person);
        person.answer("Encrypt before", "y");
        person.answer("Put small files together", "");
        person.answer("How long should", "");
        person.asked("It works. Write");
        assert_ne!(everything(&sandbox), before, "the trial makes a directory there");
        if answer.is_empty() {
            person.key("C-c");
        } else {
            person.answer("It works. Write", answer);
        }
        person.ends(code);
        assert_eq!(everything(&sandbox), before, "{answer}");
    }
}

/// The processes of poof with this variable.
fn process_of(variable: &str) -> Vec<rustix::process::Pid> {
    let numbers = fs::read_dir("/proc").unwrap().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_it = |number: &i32| {
        let read = |name: &str| fs::read(format!("/proc/{number}/{name}")).unwrap_or_default();
        let has = |bytes: &[u8], text: &str| {
            bytes.split(|byte| *byte == 0).any(|word| word == text.as_bytes())
        };
        has(&read("environ"), variable) && has(&read("cmdline"), "init")
    };
    numbers.filter(is_it).filter_map(rustix::process::Pid::from_raw).collect()
}

#[test]
fn a_second_run_leaves_alone_what_nobody_changes() {
    let sandbox = newcomer();
    let mut person = Person::before(&sandbox, "");
    to_the_disk(&mut person);
    person.answer("Encrypt before", "y");
    person.answer("Put small files together", "n");
    person.answer("How long should", "Not at all");
    person.answer("It works. Write", "");
    person.answer("How often", "Every hour");
    person.answer("Where should the recovery kit go", "Another file");
    person.replace("File:", &disk(&sandbox).join("kit.txt").display().to_string());
    person.write_down();
    person.answer("Make the first backup", "n");
    let screen = person.ends(0).replace('\n', "");
    assert!(screen.contains("is on the disk of the backups"), "{screen}");
    let schedule = || sandbox.poof(["status"]).run().expect_code(0).stdout;
    assert!(schedule().contains("every 1h"), "{}", schedule());
    // The section of the encrypted remote may have any name, and be below the bucket.
    for path in [sandbox.confdir().join("poof.conf"), sandbox.rclone_conf()] {
        let text = fs::read_to_string(&path).unwrap().replace("poof-crypt", "mine");
        fs::write(&path, text).unwrap();
    }
    let conf = person.poof_conf();
    let rclone = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let mut person = Person::before(&sandbox, "");
    let questions = ["What should be", "Where should backups", "Encrypt before", "Put small files"];
    for question in questions {
        person.answer(question, "");
    }
    person.answer("How long should", "");
    person.answer("It works. Write", "");
    person.answer("How often", "");
    for question in ["Where should the recovery kit go", "Make the first backup"] {
        person.asked(question);
        person.key("Escape");
    }
    person.ends(0);
    assert_eq!(person.poof_conf(), conf);
    assert_eq!(fs::read_to_string(sandbox.rclone_conf()).unwrap(), rclone);
    assert!(schedule().contains("every 1h"), "{}", schedule());
    // Another place takes the encrypted remote with it, and no schedule is none.
    let path = sandbox.confdir().join("poof.conf");
    let size = fs::read_to_string(&path).unwrap().replacen('{', r#"{"bundle": "1M","#, 1);
    fs::write(&path, size).unwrap();
    let mut person = Person::before(&sandbox, "");
    person.answer("What should be backed up", "");
    person.answer("Where should backups go", "Amazon S3");
    person.answer("Which provider", "Minio");
    person.answer("AWS Access Key ID", ACCESS_KEY);
    person.answer("AWS Secret Access Key", SECRET_KEY);
    person.answer("Endpoint for S3", &minio().endpoint());
    person.answer("Look at the other settings", "");
    let other = format!("{}-moved", sandbox.bucket());
    person.replace("Bucket:", &other);
    person.answer("Encrypt before", "");
    person.answer("Put small files together", "");
    person.answer("How long should", "");
    person.answer("It works. Write", "");
    person.answer("How often", "Not by itself");
    for question in ["Where should the recovery kit go", "Make the first backup"] {
        person.asked(question);
        person.key("Escape");
    }
    person.ends(0);
    assert_eq!(person.poof_conf()["bundle"], "1M");
    let moved = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    assert!(moved.contains(&format!("remote = poof-backup:{other}\n")), "{moved}");
    let secrets = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with("password")).map(str::to_owned).collect()
    };
    assert_eq!(secrets(&moved), secrets(&rclone));
    assert!(schedule().contains("schedule: none"), "{}", schedule());
}

#[test]
fn a_paste_of_several_lines_is_no_answer() {
    let sandbox = newcomer();
    let mut person = Person::before(&sandbox, "");
    person.answer("What should be backed up", "");
    person.answer("Where should backups go", "Amazon S3");
    person.answer("Which provider", "Minio");
    for (question, again) in
        [("AWS Access Key ID", ACCESS_KEY), ("AWS Secret Access Key", SECRET_KEY)]
    {
        person.asked(question);
        person.terminal.tmux(&["set-buffer", "one\ntwo\n"]);
        person.terminal.tmux(&["paste-buffer", "-p"]);
        person.key("Enter");
        person.terminal.until("the paste is refused", |rows| {
            rows.iter().any(|row| row.contains("These are several lines"))
        });
        person.replace(question, again);
    }
    person.asked("Endpoint for S3");
    person.key("C-c");
    person.ends(130);
}

#[test]
fn what_the_trial_made_goes_if_the_files_cannot_be_written() {
    let sandbox = newcomer();
    let mut person = Person::before(&sandbox, "");
    to_the_disk(&mut person);
    person.answer("Encrypt before", "");
    person.answer("How long should", "");
    person.asked("It works. Write");
    assert!(fs::read_dir(disk(&sandbox)).unwrap().next().is_some());
    fs::create_dir_all(sandbox.confdir()).unwrap();
    fs::write(sandbox.confdir().join("poof.conf"), "{}").unwrap();
    person.key("Enter");
    let screen = person.ends(3);
    assert!(screen.contains("was changed in the meantime"), "{screen}");
    assert!(fs::read_dir(disk(&sandbox)).unwrap().next().is_none());
    assert_eq!(fs::read(sandbox.confdir().join("poof.conf")).unwrap(), b"{}");
}

#[test]
fn without_a_terminal_it_names_the_commands_that_do_the_same() {
    let sandbox = newcomer();
    let run = sandbox.poof(["init"]).run().expect_code(2);
    run.stderr_has("poof cconfig").stderr_has("poof add").stderr_has("poof econfig");
    assert!(!sandbox.confdir().exists() && !sandbox.state().exists());
}

#[test]
fn poof_alone_says_what_to_do_next() {
    let sandbox = newcomer();
    let next = |command: &str| {
        let run = sandbox.poof([""; 0]).run().expect_code(0);
        run.stdout_has(&format!("Next: `{command}`"));
    };
    next("poof init");
    let mut person = Person::before(&sandbox, "--level 3");
    to_the_disk(&mut person);
    person.answer("Put small files together", "n");
    person.answer("How long should", "");
    person.answer("It works. Write", "");
    for question in ["How often", "Where should the recovery kit go", "Make the first backup"] {
        person.asked(question);
        person.key("Escape");
    }
    person.ends(0);
    next("poof backup");
    sandbox.poof(["backup"]).run().expect_code(0);
    next("poof kit FILE");
    let phrase = sandbox.home().join("phrase");
    fs::write(&phrase, "correct horse battery staple").unwrap();
    let kit = disk(&sandbox).join("kit.txt");
    let args = ["kit".as_ref(), kit.as_os_str(), "--phrase-file".as_ref(), phrase.as_os_str()];
    sandbox.poof(args).run().expect_code(0);
    next("poof lconfig --every 6h");
    sandbox.poof(["upload", "--yes", "--keep-poof"]).run();
    next("poof download");
    // What is wrong is said, with its remedy.
    sandbox.poof(["download"]).run().expect_code(0);
    fs::write(sandbox.rclone_conf(), "torn").unwrap();
    sandbox.poof([""; 0]).run().expect_code(3).stderr_has("rclone-poof.conf");
}

#[test]
fn the_word_of_another_tool_gets_a_tip() {
    let sandbox = newcomer();
    let run = sandbox.poof(["restore"]).run().expect_code(2);
    run.stderr_has("poof download").stderr_has("poof get PATH");
}

#[test]
fn somebody_with_a_cloud_logs_in_in_the_browser() {
    let (sandbox, provider) = (newcomer(), Provider::start());
    let _port = Port::take();
    let mut person = Person::before(&sandbox, "");
    person.answer("What should be backed up", "");
    person.answer("Where should backups go", "Google Drive");
    person.answer("Which one", "Google Cloud Storage");
    person.answer("Look at the other settings", "y");
    person.asked("Which ones");
    // The provider is a stand-in.
    let [auth, token] = provider.settings().map(|setting| {
        let (key, value) = setting.split_once('=').unwrap();
        (key.to_owned(), value.to_owned())
    });
    let endpoint = ("endpoint".to_owned(), provider.endpoint());
    let settings = [("bucket_policy_only".to_owned(), "y".to_owned()), auth, token, endpoint];
    for (key, _) in &settings {
        person.terminal.tmux(&["send-keys", "-l", key]);
        let found = |row: &String| row.starts_with("> [ ]") && row.contains(key.as_str());
        person.terminal.until(key, |rows| rows.iter().any(found));
        person.key("Space");
        person.terminal.tmux(&["send-keys", "-N", "30", "BSpace"]);
    }
    person.key("Enter");
    for (what, value) in [
        ("Access checks should use bucket-level", "y"),
        ("Auth server URL", &settings[1].1),
        ("Token server url", &settings[2].1),
    ] {
        person.answer(what, value);
    }
    person.asked("Custom endpoint");
    person.terminal.tmux(&["send-keys", "-l", "Another"]);
    person.key("Enter");
    person
        .terminal
        .until("a value may be typed", |rows| rows.iter().any(|row| row.contains("[endpoint")));
    person.answer("Custom endpoint", &settings[3].1);
    person.answer("Directory:", "");
    person.answer("Encrypt before", "");
    person.answer("Put small files together", "n");
    person.answer("How long should", "Not at all");
    // The address is printed, and opened by whoever sits in front of it.
    let is_address = |row: &String| row.starts_with("http");
    let rows = person.terminal.until("an address", |rows| rows.iter().any(is_address));
    let first = rows.iter().position(is_address).unwrap();
    let address: String = rows[first..].iter().take_while(|row| !row.is_empty()).cloned().collect();
    let (_, status, _) = browse(&address);
    assert_eq!(status, 200);
    person.answer("It works. Write", "");
    for question in ["How often", "Where should the recovery kit go"] {
        person.asked(question);
        person.key("Escape");
    }
    person.answer("Make the first backup", "");
    let screen = person.ends(0);
    assert!(!Provider::is_secret_of(&screen), "{screen}");
    assert!(provider.objects() > 10, "{screen}");
    sandbox.poof(["check", "--read-data"]).run().expect_code(0);
}

#[test]
fn a_terminal_that_is_closed_ends_it_even_if_no_signal_says_so() {
    let sandbox = newcomer();
    let before = everything(&sandbox);
    let person = Person::before(&sandbox, "");
    person.asked("What should be backed up");
    let home = format!("HOME={}", sandbox.home().display());
    let [pid] = process_of(&home)[..] else { panic!("not one process") };
    drop(person);
    let gone = || rustix::process::test_kill_process(pid).is_err();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !gone() && std::time::Instant::now() < end {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(gone(), "it still waits for keys");
    assert_eq!(everything(&sandbox), before);
}

/// A disk at home, and a bucket elsewhere.
#[test]
fn somebody_with_a_disk_and_a_bucket_has_a_checked_snapshot_on_both() {
    let sandbox = newcomer();
    let mut person = Person::before(&sandbox, "");
    to_the_disk(&mut person);
    person.answer("Encrypt before", "");
    person.answer("How long should", "");
    person.answer("It works. Write", "");
    person.answer("How often", "Not by itself");
    person.answer("Where should the recovery kit go", "Not now");
    person.answer("Make the first backup", "");
    let screen = person.ends(0);
    // The line is longer than the screen is wide.
    let whole = screen.replace('\n', " ");
    assert!(whole.contains("`poof --profile NAME init`"), "{screen}");
    let first = person.keys;
    // The command that it has named, with a name.
    let mut person = Person::before_profile(&sandbox, "cloud");
    person.answer("What should be backed up", "");
    person.answer("Where should backups go", "Amazon S3");
    person.answer("Which provider", "(Minio)");
    person.answer("AWS Access Key ID", ACCESS_KEY);
    person.answer("AWS Secret Access Key", SECRET_KEY);
    person.answer("Endpoint for S3", &minio().endpoint());
    person.answer("Look at the other settings", "");
    person.replace("Bucket:", sandbox.bucket());
    person.answer("Encrypt before", "");
    person.answer("Put small files together", "");
    person.answer("How long should", "");
    person.answer("It works. Write", "");
    person.answer("How often", "Not by itself");
    person.answer("Where should the recovery kit go", "Not now");
    person.answer("Make the first backup", "");
    person.ends(0);
    eprintln!("keys for a disk: {first}, and for a bucket beside it: {}", person.keys);
    for profile in [&[][..], &["--profile", "cloud"]] {
        sandbox.poof([profile, &["check", "--read-data"]].concat()).run().expect_code(0);
        let run = sandbox.poof([profile, &["ls"]].concat()).run().expect_code(0);
        run.stdout_has("Documents").stdout_has("Pictures");
    }
    let run =
        sandbox.poof(["status"]).run().expect_code(0).stdout_has("profile cloud: poof-crypt:");
    assert!(!run.stdout.contains("trouble"), "{run}");
    // What goes elsewhere is encrypted, and what stays at home is not.
    assert!(
        disk(&sandbox)
            .read_dir()
            .unwrap()
            .flatten()
            .any(|bucket| { bucket.path().join("Documents").is_dir() })
    );
    assert!(!minio().bucket_dir(sandbox.bucket()).join("Documents").exists());
}

//! What a person sees at a terminal.

use std::fs;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use crate::harness::{Kind, Proxy, Sandbox, Terminal, Verdict, grow};
use crate::story::{on_disk, proxied};

/// A backup of which some files arrive and one never does.
fn held() -> (Sandbox, Proxy, Receiver<()>) {
    let (sandbox, proxy) = proxied(false);
    grow(&sandbox.data(), 20, 100_000..=200_000, 1);
    fs::write(sandbox.data().join("a file with a long name that is held ".repeat(3)), "x").unwrap();
    let (reached, is_reached) = mpsc::channel();
    proxy.set_rule(move |request| {
        if request.kind == Kind::Put && request.key().contains("data/a") {
            let _ = reached.send(());
            return Verdict::Hold;
        }
        Verdict::Pass
    });
    (sandbox, proxy, is_reached)
}

const BAR: [char; 2] = ['█', '░'];

fn poof(args: &str) -> String {
    format!("{} {args}", env!("CARGO_BIN_EXE_poof"))
}

/// The rows of numbers; each begins with the name of a tree, or `all`.
fn numbers(rows: &[String]) -> Vec<&String> {
    rows.iter().filter(|row| row.contains(BAR) || row.contains('%')).collect()
}

/// One row for the tree, one for all, one for the file, and none of an earlier look.
fn is_tidy(rows: &[String], columns: usize) -> bool {
    let [.., tree, all, file] = rows else { return false };
    let starts = [(tree, "data "), (all, "all "), (file, "data/a file")];
    starts.iter().all(|(row, start)| row.starts_with(start))
        && numbers(rows) == [tree, all]
        && rows.iter().filter(|row| row.contains("eta")).count() <= 2
        && rows.iter().filter(|row| row.starts_with("data/a file")).count() == 1
        && [tree, all, file].iter().all(|row| row.chars().count() <= columns - 3)
}

#[test]
fn progress_fits_the_terminal_follows_its_size_and_leaves_no_trace() {
    let (sandbox, _proxy, is_reached) = held();
    let terminal = Terminal::open(&sandbox, 80);
    terminal.enter(&poof("backup"));
    is_reached.recv_timeout(Duration::from_secs(30)).unwrap();
    terminal.until("a file waits", |rows| is_tidy(rows, 80));
    for (columns, shows, not) in
        [(40, "% eta", "/s"), (80, "/s eta", "%"), (60, "/s eta", "KiB/"), (25, "%", "eta")]
    {
        terminal.resize(columns);
        terminal.until(&format!("it fits {columns} columns"), |rows| {
            // The rate is in bytes as well, of which there are more at first.
            let fits =
                |row: &&String| row.contains(shows) && !row.replace("KiB/s", "").contains(not);
            is_tidy(rows, columns.into()) && numbers(rows).iter().all(fits)
        });
    }
    terminal.resize(80);
    terminal.tmux(&["send-keys", "C-c"]);
    let rows =
        terminal.until("the prompt is back", |rows| rows.last().is_some_and(|row| row == "$"));
    let shown = rows.join("\n");
    assert!(!shown.contains(BAR) && !shown.contains("eta") && !shown.contains("a file"), "{shown}");
    assert!(rows.iter().any(|row| row.starts_with("poof: interrupted")), "{shown}");
    terminal.enter("echo code $?, still here");
    terminal.until("the prompt works", |rows| rows.iter().any(|row| row == "code 130, still here"));
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let (sandbox, _) = on_disk();
    fs::write(sandbox.data().join("file"), "x").unwrap();
    let terminal = Terminal::open(&sandbox, 80);
    let mut runs = 0;
    for (line, colored) in
        [("backup", true), ("--color never backup", false), ("backup 2>&1 | cat", false)]
    {
        for (variable, silences) in
            [("", false), ("NO_COLOR=1 ", true), ("NO_COLOR= ", false), ("TERM=dumb ", true)]
        {
            runs += 1;
            terminal.tmux(&["clear-history"]);
            terminal.enter(&format!("clear; {variable}{}; echo run {runs}", poof(line)));
            let done = format!("run {runs}");
            terminal.until(&done, |rows| rows.contains(&done));
            let rows = terminal.rows(&["-e"]).join("\n");
            assert!(rows.contains("data: "), "{rows}");
            let expected = colored && !silences;
            assert_eq!(rows.contains("\u{1b}[32m"), expected, "{variable}{line}: {rows:?}");
        }
    }
}

/// An editor that does what a script says, and then what the next one says.
fn editor(sandbox: &Sandbox, script: &str) -> String {
    let path = sandbox.home().join("my-editor");
    fs::write(&path, format!("{script}\n")).unwrap();
    format!("EDITOR='sh {}'", path.display())
}

const POOF: &str = env!("CARGO_BIN_EXE_poof");

/// Types a line, and each of the answers to a question. Returns the screen at the end of this
/// run.
fn edited(terminal: &Terminal, run: usize, line: &str, answers: &[&str]) -> String {
    let end = format!(" in run {run}");
    // The end of the run before is on the screen until it is cleared.
    terminal.enter(&format!("clear; {line}; echo code $?{end}"));
    for answer in answers {
        let asked = |row: &String| row.ends_with("[y/N]");
        terminal.until("a question", |rows| rows.last().is_some_and(asked));
        terminal.enter(answer);
    }
    let is_end = |row: &String| row.starts_with("code ") && row.ends_with(&end);
    terminal.until("the end", |rows| rows.iter().any(is_end)).join("\n")
}

#[test]
fn what_was_edited_is_put_in_place_only_if_poof_takes_it() {
    let (sandbox, _) = on_disk();
    let conf = sandbox.confdir().join("poof.conf");
    let before = fs::read_to_string(&conf).unwrap();
    let terminal = Terminal::open(&sandbox, 100);
    let runs = std::cell::Cell::new(0);
    let edit = |script: &str, answers: &[&str]| {
        runs.set(runs.get() + 1);
        let line = format!("{} {POOF} edit", editor(&sandbox, script));
        edited(&terminal, runs.get(), &line, answers)
    };
    // It is a copy: nothing is in place while the editor is open.
    let keep = r#"sed -i 's/"paths"/"keep": "3d", "paths"/' "$1""#;
    let there = format!("{keep}; grep -c keep {}; true", conf.display());
    let said = edit(&there, &[]);
    assert!(said.lines().any(|line| line == "0") && said.contains("code 0"), "{said}");
    assert!(fs::read_to_string(&conf).unwrap().contains("3d"));
    fs::write(&conf, &before).unwrap();
    // What is wrong is said, and asked for once more.
    let wrong = r#"sed -i 's/"paths"/"keep": "soon", "paths"/' "$1""#;
    let said = edit(wrong, &["n"]);
    assert!(said.contains("keep") && said.contains("code 3"), "{said}");
    assert_eq!(fs::read_to_string(&conf).unwrap(), before);
    let twice = r#"if grep -q soon "$1"; then sed -i s/soon/5d/ "$1"; else
        sed -i 's/"paths"/"keep": "soon", "paths"/' "$1"; fi"#;
    let said = edit(twice, &["y"]);
    assert!(said.contains("code 0"), "{said}");
    assert!(fs::read_to_string(&conf).unwrap().contains("5d"));
    fs::write(&conf, &before).unwrap();
    // Somebody else was faster.
    let said = edit(&format!("{keep}; echo >> {}", conf.display()), &[]);
    assert!(said.contains("changed in the meantime") && said.contains("code 3"), "{said}");
    fs::write(&conf, &before).unwrap();
    // An editor that fails, and Ctrl-C in one, change nothing and leave nothing.
    let said = edit(&format!("{keep}; exit 1"), &[]);
    assert!(said.contains("EDITOR names another one") && said.contains("code 3"), "{said}");
    let said = edit("trap : INT; kill -INT 0; sleep 0.2; kill -INT $PPID; sleep 0.2", &[]);
    assert!(said.contains("Nothing was changed") && said.contains("code 0"), "{said}");
    assert_eq!(fs::read_to_string(&conf).unwrap(), before);
    let left = fs::read_dir(sandbox.state()).unwrap().flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("scratch-")), "{left:?}");
}

#[test]
fn mistakes_of_the_other_file_are_listed_and_not_asked_for() {
    let (sandbox, _) = on_disk();
    let [conf, rclone] = ["poof.conf", "rclone-poof.conf"].map(|name| sandbox.confdir().join(name));
    let terminal = Terminal::open(&sandbox, 220);
    let edit = |run: usize, file: &str, script: &str, answers: &[&str]| {
        edited(
            &terminal,
            run,
            &format!("{} {} edit {file}", editor(&sandbox, script), POOF),
            answers,
        )
    };
    let right = fs::read_to_string(&rclone).unwrap();
    fs::write(&rclone, right.replacen("[poof-backup]\n", "[poof-backup]\nnonsense = 1\n", 1))
        .unwrap();
    let keep = r#"sed -i 's/"paths"/"keep": "3d", "paths"/' "$1""#;
    let said = edit(1, "poof.conf", keep, &[]);
    assert!(said.contains("nonsense") && said.contains("code 0"), "{said}");
    assert!(said.contains("`poof edit rclone-poof.conf`"), "{said}");
    assert!(fs::read_to_string(&conf).unwrap().contains("3d"));
    // Those of the file itself bring the question, and those of the other wait for its end.
    let both =
        r#"if grep -q soon "$1"; then sed -i s/soon/5d/ "$1"; else sed -i s/3d/soon/ "$1"; fi"#;
    let said = edit(2, "poof.conf", both, &["y"]);
    assert!(said.contains("code 0") && said.matches("].nonsense").count() == 1, "{said}");
    // What it has caused in the other can be mended here.
    fs::write(&rclone, &right).unwrap();
    let said = edit(3, "rclone-poof.conf", r#"sed -i 's/^\[poof-backup/[moved/' "$1""#, &["n"]);
    assert!(said.contains("has no section") && said.contains("code 3"), "{said}");
    assert_eq!(fs::read_to_string(&rclone).unwrap(), right);
    // A file that cannot be read at all is no reason to keep the other as it is.
    fs::write(&rclone, "no section").unwrap();
    let said = edit(4, "poof.conf", "sed -i s/5d/7d/ \"$1\"", &[]);
    assert!(said.contains("rclone-poof.conf") && said.contains("code 0"), "{said}");
    assert!(fs::read_to_string(&conf).unwrap().contains("7d"));
}

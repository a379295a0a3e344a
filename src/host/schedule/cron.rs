//! A block of lines in the user's crontab, where there is no systemd: crontab(5).

use std::path::Path;

use super::environment::home_of_user;
use super::tools::{Call, call, line as as_typed};
use super::{Found, Interval, Kind, Schedule, Scheduler, Written, every_in, is_id};
use crate::base::error::{Error, Result};
use crate::base::shown::{self, path_of};
use crate::host::traces::mentions;

/// The most that lies between two calls, in minutes: cron forgets those that it misses.
const DISTANCE: u32 = 15;
/// In every line of ours.
const OURS: &[u8] = b" backup --scheduled --every ";

/// The line of a schedule.
pub fn line(schedule: &Schedule) -> String {
    let step = 60 / schedule.every.calls(DISTANCE).len();
    let mut command = vec!["nice".to_owned(), "-n".to_owned(), "10".to_owned()];
    if !schedule.environment.is_empty() {
        command.push("env".to_owned());
    }
    let setting = |(name, value): &(String, String)| format!("{name}={value}");
    command.extend(schedule.environment.iter().map(setting));
    command.extend(schedule.words());
    let command: Vec<_> = command.iter().map(|word| quoted(word)).collect();
    // What it says is in its log; cron would mail it.
    format!("*/{step} * * * * {} >/dev/null 2>&1", command.join(" "))
}

/// A word for the shell of cron, which first cuts the line at each `%` that has no
/// backslash before it. A backslash before that one would take it away, so there is
/// always a quote.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:@+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''").replace('%', r"''\%"))
}

/// The lines around ours. A crontab may be read with another home directory (`sudo`).
fn marks(home: &str) -> [String; 2] {
    ["BEGIN", "END"]
        .map(|word| format!("# {word} poof (lconfig made it, lpurge removes it) {home}"))
}

/// The lines of a crontab, each with whether it is ours.
fn sorted<'a>(crontab: &'a [u8], home: &str) -> Vec<(&'a [u8], bool)> {
    let [begin, end] = marks(home);
    let mut inside = false;
    let mut is_ours = |line: &&'a [u8]| {
        let text = line.trim_ascii_end();
        let is_mark = text == begin.as_bytes() || text == end.as_bytes();
        if is_mark {
            inside = text == begin.as_bytes();
        }
        let is_command = inside && text.windows(OURS.len()).any(|part| part == OURS);
        if is_command {
            // There is only one: whose end was cut off has no claim to what follows.
            inside = false;
        }
        is_mark || is_command
    };
    let lines: Vec<_> = crontab.split_inclusive(|byte| *byte == b'\n').collect();
    let ours: Vec<_> = lines.iter().map(&mut is_ours).collect();
    lines.into_iter().zip(ours).collect()
}

/// Whether a crontab has the block of another configuration of the same home directory.
/// `own` is what the marks of this one end with.
pub fn has_other(crontab: &[u8], home: &str, own: &str) -> bool {
    let [begin, _] = marks(home);
    let [ours, _] = marks(own);
    let is_id = |rest: &[u8]| {
        let id = rest.strip_prefix(b" ").and_then(|id| str::from_utf8(id).ok());
        rest.is_empty() || id.is_some_and(is_id)
    };
    let mut lines = crontab.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    lines.any(|line| {
        line != ours.as_bytes() && line.strip_prefix(begin.as_bytes()).is_some_and(is_id)
    })
}

/// How many lines of a crontab name poof that no `lconfig` has made: the Python poof had
/// none, and its users wrote their own.
pub fn by_hand(crontab: &[u8], own: &str) -> usize {
    let is_made = |line: &[u8]| line.windows(OURS.len()).any(|part| part == OURS);
    let lines = sorted(crontab, own).into_iter().filter(|(_, ours)| !ours);
    let commands = lines.filter(|(line, _)| !line.trim_ascii_start().starts_with(b"#"));
    commands.filter(|(line, _)| !is_made(line) && mentions(line)).count()
}

/// A crontab without what is ours; everything else as it was.
pub fn removed(crontab: &[u8], home: &str) -> Vec<u8> {
    let lines = sorted(crontab, home).into_iter();
    lines.filter(|(_, ours)| !ours).flat_map(|(line, _)| line.iter().copied()).collect()
}

/// A crontab with `line` where ours was, or at the end; everything else as it was.
pub fn added(crontab: &[u8], home: &str, line: &str) -> Vec<u8> {
    let block = block(home, line);
    let mut text = Vec::new();
    let mut is_in = false;
    for (line, ours) in sorted(crontab, home) {
        if !ours {
            text.extend(line);
        } else if !is_in {
            text.extend(block.as_bytes());
            is_in = true;
        }
    }
    if !is_in {
        // cron ignores a last line that does not end.
        if text.last().is_some_and(|byte| *byte != b'\n') {
            text.push(b'\n');
        }
        text.extend(block.as_bytes());
    }
    text
}

fn block(home: &str, line: &str) -> String {
    let [begin, end] = marks(home);
    format!("{begin}\n{line}\n{end}\n")
}

/// The interval of the block in a crontab, if it calls poof.
fn every(crontab: &[u8], home: &str) -> Option<Interval> {
    let mut ours = sorted(crontab, home).into_iter().filter(|(_, ours)| *ours);
    ours.find_map(|(line, _)| every_in(&String::from_utf8_lossy(line)))
}

/// What to know where HOME is not the `known` home directory of the user: who tries poof with
/// another HOME may not expect a change outside of that.
fn other_home(home: &Path, known: Option<&Path>, user: &str, options: &[String]) -> Option<String> {
    known.filter(|known| *known != home)?;
    let poof: Vec<_> = ["poof".to_owned()].iter().chain(options).cloned().collect();
    Some(format!(
        "The schedule is in the crontab of {user}, and runs with HOME={}, which is not the home \
         directory of {user}. `HOME={} {} lpurge` removes it.",
        path_of(home),
        shown::quoted(home),
        as_typed(&poof)
    ))
}

fn list() -> Call {
    call(&["crontab", "-l"])
}

impl Scheduler {
    /// What the marks end with: the home directory, and of which configuration the block is.
    pub(super) fn crontab_home(&self) -> String {
        let home = self.home.to_string_lossy();
        self.id.as_ref().map_or_else(|| home.to_string(), |id| format!("{home} {id}"))
    }

    /// `None` if there is no such program.
    ///
    /// # Errors
    /// It cannot be read. Nobody then knows what is in it, and it must not be replaced.
    pub(super) fn crontab(&self) -> Result<Option<Vec<u8>>> {
        let Some(reply) = self.tools.ask(&list())? else { return Ok(None) };
        // Vixie's and Cronie's; BusyBox's has no file then.
        let is_none = ["no crontab for", "No such file or directory"];
        if reply.is_ok() {
            Ok(Some(reply.stdout))
        } else if is_none.iter().any(|words| reply.stderr.contains(words)) {
            Ok(Some(Vec::new()))
        } else {
            Err(reply.error(&list()).hint("The crontab was left as it is."))
        }
    }

    fn replace_crontab(&self, text: &[u8]) -> Result<()> {
        let call = if text.is_empty() { call(&["crontab", "-r"]) } else { call(&["crontab", "-"]) };
        match self.tools.tell(&call, text)? {
            Some(reply) if reply.is_ok() => Ok(()),
            Some(reply) => {
                Err(reply.error(&call).hint("`crontab -l` shows the crontab as it is now."))
            }
            None => Err(Error::unexpected("there is no crontab")),
        }
    }

    pub(super) fn install_block(&self, schedule: &Schedule) -> Result<Written> {
        let crontab = self.crontab()?.unwrap_or_default();
        let (home, line) = (self.crontab_home(), line(schedule));
        let text = added(&crontab, &home, &line);
        if text != crontab {
            self.replace_crontab(&text)?;
        }
        let note = other_home(&self.home, home_of_user().as_deref(), &self.user, &schedule.options);
        Ok(Written { files: vec![(None, self.block_text(schedule))], notes: Vec::from_iter(note) })
    }

    pub(super) fn block_text(&self, schedule: &Schedule) -> String {
        block(&self.crontab_home(), &line(schedule))
    }

    /// Returns whether there was something of ours.
    pub(super) fn remove_block(&self) -> Result<bool> {
        let Some(crontab) = self.crontab()? else { return Ok(false) };
        let text = removed(&crontab, &self.crontab_home());
        if text == crontab {
            return Ok(false);
        }
        self.replace_crontab(&text).map(|()| true)
    }

    /// What of ours is in the crontab. One that cannot be read has nothing.
    pub(super) fn block(&self) -> Option<Found> {
        let crontab = self.crontab().ok()??;
        let home = self.crontab_home();
        let is_there = sorted(&crontab, &home).iter().any(|(_, ours)| *ours);
        let every = every(&crontab, &home);
        is_there.then_some(Found { kind: Kind::Cron, every, enabled: every.is_some() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    use crate::host::schedule::tests::schedule;

    const HOME: &str = "/home/joe";

    /// What cron hands to the shell of a command: it cuts at a `%` without a backslash
    /// before it, and takes that backslash away (`do_command.c` of Vixie's cron).
    fn as_cron_reads(command: &str) -> String {
        let (mut text, mut escaped) = (String::new(), false);
        for c in command.chars() {
            match c {
                '%' if escaped => {
                    text.pop();
                    text.push('%');
                    escaped = false;
                }
                '%' => return text,
                _ => {
                    escaped = c == '\\' && !escaped;
                    text.push(c);
                }
            }
        }
        text
    }

    #[test]
    fn a_shell_behind_cron_reads_each_word_as_it_was() {
        for word in ["/usr/bin/poof", "a b", "100%", r"\%", "it's", "%'%", "$HOME `x`", "", "ä*?~"]
        {
            let command = as_cron_reads(
                &format!("printf %s {}", quoted(word)).replace("printf %s", "printf '\\%s'"),
            );
            let out = Command::new("sh").args(["-c", &command]).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&out.stdout), word, "{command}");
        }
    }

    #[test]
    fn who_has_another_home_is_told_whose_crontab_it_is() {
        let home = Path::new(HOME);
        assert_eq!(other_home(home, Some(home), "joe", &[]), None);
        assert_eq!(other_home(home, None, "joe", &[]), None);
        let of = |options: &[&str]| {
            let options: Vec<_> = options.iter().map(|&option| option.to_owned()).collect();
            other_home(Path::new("/tmp/a b"), Some(home), "joe", &options).unwrap()
        };
        let note = of(&[]);
        assert!(note.contains("in the crontab of joe"), "{note}");
        assert!(note.contains("`HOME='/tmp/a b' poof lpurge`"), "{note}");
        let note = of(&["--profile", "disk"]);
        assert!(note.contains("`HOME='/tmp/a b' poof --profile disk lpurge`"), "{note}");
    }

    #[test]
    fn a_line_calls_often_and_lets_poof_decide() {
        assert_eq!(
            line(&schedule("6h")),
            "*/15 * * * * nice -n 10 /home/joe/.local/bin/poof backup --scheduled --every 6h \
             >/dev/null 2>&1"
        );
        assert!(line(&schedule("25m")).starts_with("*/5 * * * * "));
    }

    fn without_and_with(crontab: &str) -> (String, String) {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let command = line(&schedule("6h"));
        let bytes = crontab.as_bytes();
        (text(removed(bytes, HOME)), text(added(bytes, HOME, &command)))
    }

    #[test]
    fn each_configuration_has_a_block_of_its_own() {
        const ID: &str = "/home/joe 0123456789abcdef";
        let (one, other) = (line(&schedule("6h")), line(&schedule("1d")));
        let both = added(&added(b"@daily x\n", HOME, &one), ID, &other);
        assert_eq!(every(&both, HOME).unwrap().to_string(), "6h");
        assert_eq!(every(&both, ID).unwrap().to_string(), "1d");
        assert!(has_other(&both, HOME, HOME) && has_other(&both, HOME, ID));
        let left = removed(&both, HOME);
        assert!(every(&left, HOME).is_none() && every(&left, ID).is_some());
        assert!(has_other(&left, HOME, HOME) && !has_other(&left, HOME, ID));
        assert_eq!(removed(&left, ID), b"@daily x\n");
        assert!(!has_other(&added(b"", "/home/joe2", &one), HOME, HOME));
        let profile = added(b"", "/home/joe profile-disk", &one);
        assert!(has_other(&profile, HOME, HOME) && removed(&profile, HOME) == profile);
    }

    #[test]
    fn lines_that_somebody_wrote_for_poof_are_counted() {
        for (line, count) in [
            ("0 */6 * * * /home/joe/venv/bin/poof backup", 1),
            ("@daily cd /tmp && poof backup && poof check", 1),
            ("  # 0 0 * * * poof backup", 0),
            ("@daily spoof", 0),
            ("*/15 * * * * nice /usr/bin/poof backup --scheduled --every 6h >/dev/null 2>&1", 0),
        ] {
            let crontab =
                added(format!("{line}\n").as_bytes(), HOME, &super::line(&schedule("6h")));
            assert_eq!(by_hand(&crontab, HOME), count, "{line}");
        }
    }

    #[test]
    fn what_others_have_in_a_crontab_stays_byte_by_byte() {
        let block = block(HOME, &line(&schedule("6h")));
        let older = self::block(HOME, &line(&schedule("1d")));
        let [begin, end] = marks(HOME);
        let of_root = self::block("/root", &line(&schedule("1d")));
        let own = "0 1 * * * /home/joe/.local/bin/poof backup --scheduled --every 1d\n";
        let (a, b) = ("SHELL=/bin/sh\n# mine\n", "@daily x\n");
        for (crontab, without, with) in [
            (String::new(), String::new(), block.clone()),
            (a.to_owned(), a.to_owned(), format!("{a}{block}")),
            // No end of the last line, which cron would not read.
            ("@daily x".to_owned(), "@daily x".to_owned(), format!("@daily x\n{block}")),
            // Of another system.
            ("a\r\nb\r\n".to_owned(), "a\r\nb\r\n".to_owned(), format!("a\r\nb\r\n{block}")),
            (older.replace('\n', "\r\n") + a, a.to_owned(), format!("{block}{a}")),
            // In the middle, where it stays.
            (format!("{a}{older}{b}"), format!("{a}{b}"), format!("{a}{block}{b}")),
            (format!("{a}{older}{b}{older}"), format!("{a}{b}"), format!("{a}{block}{b}")),
            (format!("{older}{a}{block}"), a.to_owned(), format!("{block}{a}")),
            // Cut short.
            (format!("{a}{begin}\n{b}"), format!("{a}{b}"), format!("{a}{block}{b}")),
            (format!("{a}{begin}"), a.to_owned(), format!("{a}{block}")),
            (format!("{begin}\n{own}{own}{b}"), format!("{own}{b}"), format!("{block}{own}{b}")),
            (format!("{a}{end}\n{b}"), format!("{a}{b}"), format!("{a}{block}{b}")),
            // Something was put into it.
            (older.replace(&end, &format!("{b}{end}")), b.to_owned(), format!("{block}{b}")),
            // Not ours.
            (own.to_owned(), own.to_owned(), format!("{own}{block}")),
            (of_root.clone(), of_root.clone(), format!("{of_root}{block}")),
        ] {
            assert_eq!(without_and_with(&crontab), (without.clone(), with.clone()), "{crontab:?}");
            // A second time changes nothing, and what is added can be taken away.
            assert_eq!(without_and_with(&with).1, with, "{crontab:?}");
            let end = if without.is_empty() || without.ends_with('\n') { "" } else { "\n" };
            assert_eq!(without_and_with(&with).0, without + end, "{crontab:?}");
        }
        let odd = b"# \xff\n\x00\n";
        assert_eq!(removed(&added(odd, HOME, "x backup --scheduled --every 6h"), HOME), odd);
    }
}

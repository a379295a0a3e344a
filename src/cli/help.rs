//! What the help of each command says below its options: examples, and how it can
//! end. Attached by the command's name, so that the types of the command line stay
//! what they are.

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches};

use super::{Cli, configuration, foreign};
use crate::base::error::{DONE, Kind};

/// Columns of the help, as of a terminal without a say.
const WIDTH: usize = 80;

/// The words for one command.
pub struct Help {
    pub name: &'static str,
    /// A command line, and what it is for.
    pub examples: &'static [(&'static str, &'static str)],
    /// How it can end, beside the ways of every command.
    ends: &'static [Kind],
}

/// The ways in which every command can end. A user without a home directory has no
/// place for a configuration.
const ALWAYS: [Kind; 4] = [Kind::Unexpected, Kind::Usage, Kind::Config, Kind::Interrupted];

/// Of poof itself.
pub const EXAMPLES: &[(&str, &str)] = &[
    ("poof demo", "see the whole cycle, with made-up files"),
    ("poof init", "set everything up, guided"),
    ("poof backup", "make the remote equal to this machine"),
    ("poof help backup", "more on one command"),
    ("poof help poof.conf", "every key of poof.conf"),
];

pub const HELP: &[Help] = &[
    Help {
        name: "backup",
        examples: &[
            ("poof backup", "every configured directory"),
            ("poof backup --dry-run", "what poof would send, replace, and delete"),
            ("poof backup --only Documents", "only this directory"),
        ],
        ends: &[Kind::Remote, Kind::Incomplete, Kind::Guard, Kind::Busy],
    },
    Help {
        name: "upload",
        examples: &[
            ("poof upload --dry-run", "what poof would send, wipe, and leave"),
            ("poof upload", "back up, prove, and wipe"),
            ("poof upload --proof readback", "prove by reading every object back"),
            ("poof upload --scrub=free", "then overwrite what is free on the disk as well"),
            ("poof upload --receipt FILE", "then write a signed text about the wipe"),
        ],
        ends: &[
            Kind::Remote,
            Kind::Incomplete,
            Kind::Unproven,
            Kind::Guard,
            Kind::Busy,
            Kind::Residue,
        ],
    },
    Help {
        name: "now",
        examples: &[
            ("poof now --within 90s", "make safe what can be in this time, and wipe that"),
            ("poof now --within 5m --keep", "the same, and nothing goes here"),
        ],
        ends: &[
            Kind::Remote,
            Kind::Incomplete,
            Kind::Unproven,
            Kind::Guard,
            Kind::Busy,
            Kind::Residue,
        ],
    },
    Help {
        name: "download",
        examples: &[
            ("poof download --dry-run", "what poof would fetch, replace, and delete"),
            ("poof download", "make this machine equal to the remote"),
            ("poof download --only Documents --to /tmp/look", "one directory, to another place"),
        ],
        ends: &[Kind::Remote, Kind::Incomplete, Kind::Guard, Kind::Busy],
    },
    Help {
        name: "ls",
        examples: &[
            ("poof ls", "every directory, and its newest snapshot"),
            ("poof ls -l Documents/letters", "what is in a directory, in long form"),
            ("poof ls -R Documents --at yesterday", "all that was there yesterday"),
        ],
        ends: &[Kind::Remote, Kind::Incomplete, Kind::Guard],
    },
    Help {
        name: "find",
        examples: &[
            ("poof find invoice", "every name with this piece"),
            ("poof find *.pdf --only Documents", "a pattern, in one directory"),
        ],
        ends: &[Kind::Remote, Kind::Incomplete, Kind::Guard],
    },
    Help {
        name: "get",
        examples: &[
            ("poof get Documents/letters/tax.odt", "to its place; asks before it replaces"),
            ("poof get ~/Documents/letters", "a path on disk does as well"),
            ("poof get Documents/letters --to /tmp/look", "to /tmp/look/Documents/letters"),
            ("poof get Documents/tax.odt --at 2026-11-24", "as it was on that day"),
        ],
        ends: &[Kind::Remote, Kind::Incomplete, Kind::Guard, Kind::Busy],
    },
    Help {
        name: "diff",
        examples: &[
            ("poof diff", "what the next backup would save"),
            ("poof diff Documents/letters --at 3d", "since three days ago"),
            ("poof diff Documents --at 3d --and yesterday", "between two snapshots"),
        ],
        ends: &[Kind::Remote, Kind::Incomplete, Kind::Guard],
    },
    Help {
        name: "history",
        examples: &[
            ("poof history", "the snapshots of every directory"),
            ("poof history Documents/tax.odt", "the versions of a file"),
        ],
        ends: &[Kind::Remote, Kind::Incomplete, Kind::Guard],
    },
    Help {
        name: "init",
        examples: &[
            ("poof init", "from nothing to the first backup"),
            ("poof init --level 4", "encrypted, and ready for `poof upload`"),
        ],
        ends: &[Kind::Remote, Kind::Incomplete, Kind::Guard, Kind::Busy],
    },
    Help {
        name: "verify",
        examples: &[
            ("poof verify", "both files, and the credentials against the remote"),
            ("poof verify --offline", "only the files"),
        ],
        ends: &[Kind::Remote],
    },
    Help {
        name: "check",
        examples: &[
            ("poof check", "by a listing, and by the server's hash of each object"),
            ("poof check --sample 5%", "also read this share of the files back"),
            ("poof check --read-data", "also read every byte back"),
        ],
        ends: &[Kind::Remote, Kind::Incomplete, Kind::Guard, Kind::Busy],
    },
    Help {
        name: "rehearse",
        examples: &[
            ("poof rehearse", "everything, with the configuration that is here"),
            ("poof rehearse --sample 5%", "this share of the files"),
            ("poof rehearse --kit KIT", "with kit and phrase alone, as on a bare machine"),
        ],
        ends: &[Kind::Remote, Kind::Incomplete, Kind::Guard, Kind::Busy],
    },
    Help {
        name: "config",
        examples: &[
            ("poof config", "the file with the list of your directories"),
            (
                "poof config --show",
                "also what may be secret in it, such as the password of an address",
            ),
        ],
        ends: &[Kind::Busy],
    },
    Help {
        name: "add",
        examples: &[
            ("poof add ~/Documents", "under the name Documents"),
            ("poof add /srv/photos family-photos", "under another name"),
        ],
        ends: &[Kind::Busy],
    },
    Help {
        name: "remove",
        examples: &[
            ("poof remove Documents", "its files and its snapshot stay"),
            ("poof remove Documents --purge", "its snapshot goes, after a question"),
        ],
        ends: &[Kind::Remote, Kind::Incomplete, Kind::Guard, Kind::Busy],
    },
    Help {
        name: "edit",
        examples: &[
            ("poof edit", "poof.conf, in the editor that EDITOR names"),
            ("poof edit rclone-poof.conf", "the other file"),
        ],
        ends: &[Kind::Busy],
    },
    Help {
        name: "cconfig",
        examples: &[
            (
                "poof cconfig access_key_id=KEY region=eu-west-1 secret_access_key",
                "S3; asks for the secret, so that the history of the shell does not have it",
            ),
            ("poof cconfig secret_access_key=-", "the secret is a line of standard input"),
            ("poof cconfig --remote local PATH=/mnt/disk", "a disk instead of a cloud"),
            (
                "poof cconfig --remote sftp host=nas.local user=joe",
                "any other type that rclone has",
            ),
            ("poof cconfig --show", "the file with its secrets, which are masked on a terminal"),
        ],
        ends: &[Kind::Busy],
    },
    Help {
        name: "login",
        examples: &[
            ("poof login drive", "Google Drive; the browser opens"),
            ("poof login", "once more, when the login has expired"),
            ("poof login dropbox --no-browser", "the browser is on another machine"),
        ],
        ends: &[Kind::Remote, Kind::Busy],
    },
    Help {
        name: "econfig",
        examples: &[("poof econfig", "then `poof cryptoggle` switches to it")],
        ends: &[Kind::Busy],
    },
    Help {
        name: "cryptoggle",
        examples: &[("poof cryptoggle", "switch to the other remote; run it again to switch back")],
        ends: &[Kind::Busy],
    },
    Help {
        name: "status",
        examples: &[("poof status", "one screen"), ("poof status --json", "the same for a script")],
        ends: &[Kind::Remote, Kind::Incomplete, Kind::Guard],
    },
    Help {
        name: "traces",
        examples: &[
            ("poof traces", "what tells of the files, and the command that removes each"),
            ("poof traces --remove", "remove what is yours and can go alone, after a question"),
            ("poof traces --remove --copies", "also other files with the same content"),
        ],
        ends: &[Kind::Remote, Kind::Incomplete, Kind::Guard, Kind::Busy, Kind::Residue],
    },
    Help {
        name: "purge-plain",
        examples: &[
            ("poof purge-plain --dry-run", "which copies are there in clear"),
            ("poof purge-plain", "remove them"),
        ],
        ends: &[Kind::Remote, Kind::Incomplete, Kind::Unproven, Kind::Guard, Kind::Busy],
    },
    Help {
        name: "rekey",
        examples: &[
            ("poof rekey --dry-run", "how much poof would send again"),
            ("poof rekey", "new passwords; run it again to go on after an interruption"),
            ("poof rekey --abort", "give the change up before the new passwords are in use"),
        ],
        ends: &[Kind::Remote, Kind::Incomplete, Kind::Unproven, Kind::Guard, Kind::Busy],
    },
    Help {
        name: "lconfig",
        examples: &[
            ("poof lconfig --every 6h", "four times a day"),
            ("poof lconfig --print", "show it, and write nothing"),
        ],
        ends: &[Kind::Busy],
    },
    Help {
        name: "lpurge",
        examples: &[("poof lpurge", "the schedule, its files and its logs")],
        ends: &[Kind::Busy],
    },
    Help {
        name: "secret",
        examples: &[(
            "poof secret set poof-backup.secret_access_key",
            "out of the file, into the keychain",
        )],
        ends: &[Kind::Busy],
    },
    Help {
        name: "kit",
        examples: &[
            ("poof kit /media/stick/poof-kit.txt", "with a new phrase, shown once"),
            ("poof kit --print poof-kit.html", "a page to print: codes, and lines to type"),
            ("poof kit --type-phrase --qr", "with your own phrase, also as codes on the terminal"),
        ],
        ends: &[Kind::Incomplete, Kind::Guard, Kind::Busy],
    },
    Help {
        name: "return",
        examples: &[
            ("poof return /media/stick/poof-kit.txt", "asks for the phrase"),
            ("poof return --type", "type the lines of a kit on paper"),
            ("poof return kit.txt --map /Volumes/Data=/srv/data", "one path is different here"),
        ],
        ends: &[Kind::Remote, Kind::Incomplete, Kind::Guard, Kind::Busy],
    },
    Help {
        name: "neuter",
        examples: &[
            ("poof neuter --dry-run", "what poof would remove, and what would stay"),
            ("poof neuter", "remove poof; your data stays"),
        ],
        ends: &[Kind::Guard, Kind::Busy, Kind::Residue],
    },
    Help {
        name: "paths",
        examples: &[("poof paths", "where the files are, one per line")],
        ends: &[],
    },
    Help {
        name: "version",
        examples: &[("poof version", "of poof, and of the rclone inside")],
        ends: &[],
    },
    Help {
        name: "demo",
        examples: &[("poof demo", "takes seconds, and leaves nothing")],
        ends: &[],
    },
    Help {
        name: "completions",
        examples: &[
            ("poof completions bash >~/.local/share/bash-completion/completions/poof", "bash"),
            ("poof completions zsh >~/.zfunc/_poof", "zsh, with ~/.zfunc in fpath"),
            ("poof completions fish >~/.config/fish/completions/poof.fish", "fish"),
        ],
        ends: &[],
    },
    Help {
        name: "man",
        examples: &[
            ("poof man", "poof(1), for `man -l -`"),
            ("poof man poof.conf", "poof.conf(5)"),
        ],
        ends: &[],
    },
];

/// The words for the command `name`.
pub fn of(name: &str) -> Option<&'static Help> {
    HELP.iter().find(|help| help.name == name)
}

impl Help {
    /// How it can end other than with success, in the order of the exit codes.
    pub fn ends(&self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(|kind| self.ends.contains(kind) || ALWAYS.contains(kind))
    }
}

/// The command line with the words for each command.
pub fn command() -> clap::Command {
    let command = Cli::command().after_help(after(EXAMPLES, Kind::ALL));
    command.mut_subcommands(|sub| match of(sub.get_name()) {
        Some(help) => {
            let words = after(help.examples, help.ends());
            // A command of commands: they end alike.
            sub.after_help(words.clone()).mut_subcommands(|inner| inner.after_help(words.clone()))
        }
        None => sub,
    })
}

/// The same with what `help` knows beside commands.
pub fn with_topics() -> clap::Command {
    command().subcommand(configuration::topic())
}

/// Reads the command line of this process.
///
/// # Errors
/// It is wrong, or asks for help.
pub fn parse() -> Result<Cli, clap::Error> {
    let mut matches = with_topics().try_get_matches().map_err(with_tip)?;
    let called = matches.subcommand_name().unwrap_or_default().to_owned();
    let cli = Cli::from_arg_matches_mut(&mut matches);
    let cli = cli.map_err(|error| error.format(&mut command()))?;
    Ok(Cli { called, ..cli })
}

/// Adds what the word of another tool is called here.
fn with_tip(mut error: clap::Error) -> clap::Error {
    let word = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) => word.clone(),
        _ => return error,
    };
    if let Some(tip) = foreign::tip(&word) {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        // A word that only looks like it would be in the way.
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::None);
    }
    error
}

fn after(examples: &[(&str, &str)], ends: impl IntoIterator<Item = Kind>) -> String {
    let examples = examples.iter().map(|(line, what)| format!("  {line}\n      {what}\n"));
    let ends = ends.into_iter().map(|kind| row(kind.exit_code(), kind.meaning()));
    let (examples, ends): (String, String) = (examples.collect(), ends.collect());
    format!("Examples:\n{examples}\nExit codes:\n{}{}", row(0, DONE), ends.trim_end())
}

/// A line of the table, or as many as it takes.
fn row(code: u8, meaning: &str) -> String {
    const INDENT: usize = 7;
    let mut lines = vec![String::new()];
    for word in meaning.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if INDENT + line.len() + 1 + word.len() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    format!("  {code:<5}{}\n", lines.join(&format!("\n{:INDENT$}", "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        Cli::command().get_subcommands().map(|sub| sub.get_name().to_owned()).collect()
    }

    #[test]
    fn every_command_has_an_example_and_its_exit_codes() {
        for sub in command().get_subcommands() {
            let name = sub.get_name();
            let text = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(text.contains(&format!("Examples:\n  poof {name}")), "{name}: {text}");
            for code in ["\n  0    done", "\n  2    wrong usage", "\n  130  interrupted"] {
                assert!(text.contains(code), "{name}: {text}");
            }
            assert!(text.lines().filter(|line| line.contains("  ")).all(|l| l.len() < 100));
        }
        let surplus: Vec<_> =
            HELP.iter().filter(|help| !names().iter().any(|name| name == help.name)).collect();
        assert!(surplus.is_empty(), "words for no command: {}", surplus[0].name);
    }

    #[test]
    fn every_example_is_a_command_line_that_is_understood() {
        let all = HELP.iter().flat_map(|help| help.examples).chain(EXAMPLES);
        for (line, what) in all {
            assert!(!what.is_empty() && line.len() < WIDTH, "{line}");
            // What a shell would take away.
            let words = line.split(' ').filter(|word| !word.starts_with('>'));
            let result = with_topics().try_get_matches_from(words);
            let error = result.err().filter(|e| e.kind() != clap::error::ErrorKind::DisplayHelp);
            assert!(
                error.is_none(),
                "{line}: {}",
                error.map(|e| e.to_string()).unwrap_or_default()
            );
        }
    }

    #[test]
    fn a_long_meaning_goes_on_below_itself() {
        let text = row(5, Kind::Incomplete.meaning());
        let lines: Vec<_> = text.lines().collect();
        assert!(lines.len() == 2 && lines[1].starts_with("       ") && lines[0].len() < WIDTH);
    }
}

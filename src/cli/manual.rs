//! The manual page, made of the same definitions as `--help`.
//!
//! One page, not one for each command: `man poof` is what people type, and a search in
//! it finds everything; and there is one file to bring and to remove.

use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use super::help::{self, Help};
use crate::base::error::{DONE, Kind};

const ENVIRONMENT: [(&str, &str); 6] = [
    ("POOF_PROFILE", "as --profile"),
    ("POOF_CONFDIR", "as --confdir"),
    ("POOF_POOFCONF", "as --poofconf"),
    ("POOF_RCLONECONF", "as --rcloneconf"),
    ("NO_COLOR", "if it is set, poof uses no colours"),
    ("XDG_CONFIG_HOME, XDG_STATE_HOME", "where the files are, on Linux"),
];

const FILES: [(&str, &str); 5] = [
    ("~/.config/poof/poof.conf", "the bucket, the directories and their names: poof.conf(5)"),
    ("~/.config/poof/rclone-poof.conf", "the remotes, in rclone's form; holds secrets"),
    ("~/.config/poof/profiles/NAME", "both files of the profile NAME"),
    ("~/.local/state/poof", "lock, journal and cached manifests"),
    ("~/Library/Application Support", "on macOS, in poof and poof-state"),
];

/// The page poof(1), as roff.
///
/// # Errors
/// None that could be met: it is written to memory.
pub fn page() -> io::Result<String> {
    let mut root = help::command()
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_value_name("COMMAND")
        .disable_help_subcommand(true);
    root.build();
    let man = Man::new(root.clone()).manual("poof manual");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    text(
        "poof keeps a mirror of your directories on any storage that rclone knows, plain or \
         encrypted. The remote holds the last snapshot of each directory, and no older one. Each \
         file is one object there, so stock rclone can read it.",
    )
    .to_writer(&mut page)?;
    man.render_options_section(&mut page)?;
    section("COMMANDS").to_writer(&mut page)?;
    for sub in root.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        command(sub.clone(), "poof", &mut page)?;
    }
    let mut end = section("EXAMPLES");
    examples(&mut end, help::EXAMPLES);
    end.control("SH", ["EXIT STATUS"]);
    item(&mut end, "0", DONE);
    for kind in Kind::ALL {
        item(&mut end, &kind.exit_code().to_string(), kind.meaning());
    }
    for (heading, items) in [("ENVIRONMENT", &ENVIRONMENT[..]), ("FILES", &FILES)] {
        end.control("SH", [heading]);
        for (name, what) in items {
            item(&mut end, name, what);
        }
    }
    end.control("SH", ["SEE ALSO"]);
    end.text([
        bold("poof.conf"),
        roman("(5), "),
        bold("rclone"),
        roman("(1), whose storage and encryption poof uses"),
    ]);
    end.to_writer(&mut page)?;
    String::from_utf8(page).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// One command, or those that it consists of: their own options only, those of every
/// command stand above.
fn command(sub: Command, above: &str, page: &mut dyn Write) -> io::Result<()> {
    let name = format!("{above} {}", sub.get_name());
    if sub.has_subcommands() {
        let inner = sub.get_subcommands().filter(|inner| inner.get_name() != "help");
        return inner.cloned().try_for_each(|inner| command(inner, &name, page));
    }
    let sub = sub.mut_args(|arg| {
        let everywhere = arg.is_global_set() || arg.get_id() == "help";
        arg.hide(everywhere)
    });
    let has_own = sub.get_arguments().any(|arg| !arg.is_hide_set());
    let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(sub);
    Roff::new().control("SS", [name.as_str()]).to_writer(page)?;
    page.write_all(&body(|out| man.render_synopsis_section(out))?)?;
    Roff::new().control("PP", []).text([roman(format!("{about}."))]).to_writer(page)?;
    if has_own {
        page.write_all(&body(|out| man.render_options_section(out))?)?;
    }
    if let Some(help) = name.split(' ').nth(1).and_then(help::of) {
        let mut roff = text("Examples:");
        examples(&mut roff, help.examples);
        roff.control("PP", []).text([roman(format!("Exit status: {}.", codes(help)))]);
        roff.to_writer(page)?;
    }
    Ok(())
}

/// What a section of clap_mangen holds below its heading.
fn body(render: impl Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    render(&mut whole)?;
    let mut lines = whole.split_inclusive(|byte| *byte == b'\n');
    lines.find(|line| line.starts_with(b".SH "));
    Ok(lines.flatten().copied().collect())
}

fn codes(help: &Help) -> String {
    let mut all = vec!["0".to_owned()];
    all.extend(help.ends().map(|kind| kind.exit_code().to_string()));
    all.join(", ")
}

fn section(heading: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [heading]);
    roff
}

fn text(words: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("PP", []).text([roman(words)]);
    roff
}

fn item(roff: &mut Roff, name: &str, what: &str) {
    roff.control("TP", []).text([bold(name)]).text([roman(what)]);
}

fn examples(roff: &mut Roff, examples: &[(&str, &str)]) {
    for (line, what) in examples {
        roff.control("TP", []).text([italic(*line)]).text([roman(*what)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands that can be run, by all of their name.
    fn leaves(of: &Command) -> Vec<(String, Command)> {
        let shown = of.get_subcommands().filter(|sub| !sub.is_hide_set());
        let leaf = |sub: &Command| {
            let name = sub.get_name();
            match leaves(sub) {
                inner if inner.is_empty() => vec![(name.to_owned(), sub.clone())],
                inner => {
                    inner.into_iter().map(|(rest, sub)| (format!("{name} {rest}"), sub)).collect()
                }
            }
        };
        shown.flat_map(leaf).collect()
    }

    #[test]
    fn the_page_has_every_command_option_example_and_exit_code() {
        let page = page().unwrap().replace("\\-", "-");
        for (name, sub) in leaves(&help::command()) {
            assert!(page.contains(&format!(".SS \"poof {name}\"\n")), "{name} is missing");
            let shown = sub.get_arguments().filter(|arg| !arg.is_hide_set());
            for long in shown.filter_map(|arg| arg.get_long()) {
                assert!(page.contains(&format!("--{long}")), "{name} --{long} is missing");
            }
        }
        for (line, _) in help::HELP.iter().flat_map(|help| help.examples) {
            assert!(line.starts_with("poof man") || page.contains(line), "{line}");
        }
        for kind in Kind::ALL {
            assert!(page.contains(kind.meaning()), "{}", kind.meaning());
        }
        assert_eq!(page.matches("--rcloneconf").count(), 3, "in synopsis, options, environment");
    }
}

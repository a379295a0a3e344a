//! Words that other tools have for what poof does under another name.

/// What a word of another tool is here, with the command in full.
const WORDS: [(&[&str], &str); 14] = [
    (
        &["restore", "pull", "recover"],
        "`poof download` brings everything back, `poof get PATH` one file",
    ),
    (
        &["sync", "push", "copy", "save", "run"],
        "`poof backup` makes the remote equal to this machine",
    ),
    (&["list", "lsd", "lsl", "dir", "tree"], "`poof ls` lists what a snapshot holds"),
    (&["snapshots", "log", "versions"], "`poof history` lists the snapshots that are kept"),
    (&["cat", "dump", "extract"], "`poof get PATH --to DIR` brings one file to another place"),
    (&["setup", "configure", "create", "new"], "`poof init` sets everything up"),
    (&["delete", "rm", "purge", "forget"], "`poof remove NAME --purge` deletes a snapshot"),
    (
        &["prune", "cleanup", "expire"],
        "`\"keep\": \"30d\"` in poof.conf says for how long earlier states stay",
    ),
    (
        &["uninstall", "remove-all", "self-destruct"],
        "`poof neuter` removes poof and its configuration",
    ),
    (&["wipe", "shred", "vanish", "move"], "`poof upload` backs up, proves, and then wipes"),
    (&["encrypt", "password", "key"], "`poof econfig` adds an encrypted remote"),
    (
        &["schedule", "cron", "timer", "daemon"],
        "`poof lconfig --every 6h` runs backups automatically",
    ),
    (
        &["doctor", "test", "ping"],
        "`poof verify` tries the configuration, `poof check` what is on the remote",
    ),
    (&["info", "stats", "stat", "show"], "`poof status` says what holds"),
];

/// What to type instead of `word`.
pub fn tip(word: &str) -> Option<&'static str> {
    let (_, tip) = WORDS.iter().find(|(words, _)| words.contains(&word))?;
    Some(tip)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn no_word_of_another_tool_is_one_of_poofs_and_each_tip_names_one_that_is() {
        let command = Cli::command();
        let is_own = |word: &str| command.find_subcommand(word).is_some();
        for (words, tip) in WORDS {
            assert!(words.iter().all(|word| !is_own(word)), "{words:?}");
            let named: Vec<_> = tip.split("`poof ").skip(1).collect();
            let first = |text: &&str| text.split([' ', '`']).next().is_some_and(is_own);
            assert!(named.iter().all(first), "{tip}");
        }
        assert!(tip("restore").is_some_and(|tip| tip.contains("poof download")));
        assert_eq!(tip("backup"), None);
    }
}

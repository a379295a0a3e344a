//! The figures in the text format of Prometheus, as its textfile collector reads it:
//! <https://prometheus.io/docs/instrumenting/exposition_formats>

use std::fmt::{Display, Write};

use super::{Figures, TreeFigures};

/// How the text of poof begins, so that no other's file is taken for it.
pub const BEGINNING: &str = "# HELP poof_";

/// A value, if there is one, in the form of the format.
type Value = Option<String>;

/// A metric of a tree: its name, what it is, and where its value is.
type OfTree = (&'static str, &'static str, fn(&TreeFigures) -> Value);

const OF_TREES: [OfTree; 10] = [
    ("last_run_timestamp_seconds", "When the last run of the directory ended.", |tree| {
        shown(tree.run.ended)
    }),
    ("last_run_exit_code", "Exit code for the directory in the last run.", |tree| {
        shown(tree.run.exit_code)
    }),
    ("last_run_duration_seconds", "How long the directory took in the last run.", |tree| {
        shown(tree.run.seconds)
    }),
    ("last_run_sent_files", "Files of the directory that the last run sent.", |tree| {
        shown(tree.run.sent_files)
    }),
    ("last_run_sent_bytes", "Bytes of these files.", |tree| shown(tree.run.sent_bytes)),
    ("last_success_timestamp_seconds", "When the directory was last safe as a whole.", |tree| {
        tree.run.succeeded.and_then(shown)
    }),
    ("snapshot_timestamp_seconds", "When the last snapshot was made.", |tree| {
        tree.snapshot.and_then(|snapshot| shown(snapshot.made))
    }),
    ("snapshot_generation", "Number of the last snapshot.", |tree| {
        tree.snapshot.and_then(|snapshot| shown(snapshot.generation))
    }),
    ("snapshot_files", "Files in the last snapshot.", |tree| {
        tree.snapshot.and_then(|snapshot| shown(snapshot.files))
    }),
    ("snapshot_bytes", "Bytes in the last snapshot.", |tree| {
        tree.snapshot.and_then(|snapshot| shown(snapshot.bytes))
    }),
];

#[allow(clippy::unnecessary_wraps)] // as those that may have none
fn shown(value: impl Display) -> Value {
    Some(value.to_string())
}

/// The text. `profile` is empty for the usual configuration.
pub fn text(figures: &Figures, profile: &str) -> String {
    let mut text = String::new();
    let profile = format!("profile=\"{}\"", escaped(profile));
    let run = &figures.run;
    for (name, what, value) in [
        ("last_run_timestamp_seconds", "When the last run ended.", shown(run.ended)),
        ("last_run_exit_code", "Exit code of the last run.", shown(run.exit_code)),
        ("last_run_duration_seconds", "How long the last run took.", shown(run.seconds)),
        ("last_run_sent_files", "Files that the last run sent.", shown(run.sent_files)),
        ("last_run_sent_bytes", "Bytes of these files.", shown(run.sent_bytes)),
        (
            "last_success_timestamp_seconds",
            "When all directories were last safe as a whole.",
            run.succeeded.and_then(shown),
        ),
    ] {
        metric(&mut text, &format!("poof_{name}"), what, value.map(|it| (profile.clone(), it)));
    }
    for (name, what, value) in OF_TREES {
        let of = |(tree, figures): (&String, &TreeFigures)| {
            Some((format!("{profile},tree=\"{}\"", escaped(tree)), value(figures)?))
        };
        metric(&mut text, &format!("poof_tree_{name}"), what, figures.trees.iter().filter_map(of));
    }
    text
}

/// Nothing, where no value is known.
fn metric(
    text: &mut String,
    name: &str,
    what: &str,
    values: impl IntoIterator<Item = (String, String)>,
) {
    let mut values = values.into_iter().peekable();
    if values.peek().is_some() {
        // Writing to memory cannot fail.
        let _ = write!(text, "# HELP {name} {what}\n# TYPE {name} gauge\n");
    }
    for (labels, value) in values {
        let _ = writeln!(text, "{name}{{{labels}}} {value}");
    }
}

/// The value of a label between its quotation marks.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::super::RunFigures;
    use super::*;
    use crate::operations::outcome::SnapshotFigures;

    #[test]
    fn each_value_has_its_labels_and_what_is_not_known_is_left_out() {
        let run = RunFigures { exit_code: 4, ended: 7, seconds: 0.25, ..RunFigures::default() };
        let snapshot = SnapshotFigures { files: 1, bytes: 2, generation: 3, made: 4 };
        let tree = TreeFigures { run, snapshot: Some(snapshot) };
        let trees = [("a\"\\\nb".to_owned(), tree)].into();
        let text = text(&Figures { run, trees, file: None }, "disk");
        assert!(text.starts_with(BEGINNING));
        let line = "poof_last_run_duration_seconds{profile=\"disk\"} 0.25\n";
        assert!(text.contains(line), "{text}");
        let line = r#"poof_tree_snapshot_generation{profile="disk",tree="a\"\\\nb"} 3"#;
        assert!(text.contains(&format!("{line}\n")), "{text}");
        assert!(!text.contains("last_success"), "{text}");
    }
}

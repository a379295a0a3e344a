//! What the commands take that lead away from a machine and back to one.

#![allow(clippy::doc_markdown)] // these comments are the help that users see

use std::path::PathBuf;

use clap::Args;

use super::{Caution, Guard};

#[derive(Args)]
pub struct Kit {
    /// Where to write it [default: poof-kit.txt, without --print]
    pub file: Option<PathBuf>,
    /// Write a page to print to this file
    #[arg(long, value_name = "FILE.html")]
    pub print: Option<PathBuf>,
    /// Take the phrase from the first line of this file; -: standard input
    #[arg(long, value_name = "FILE")]
    pub phrase_file: Option<PathBuf>,
    /// Type your own phrase
    #[arg(long, conflicts_with = "phrase_file")]
    pub type_phrase: bool,
    /// Also show it as QR codes that fit the terminal
    #[arg(long)]
    pub qr: bool,
    /// Replace a kit even if it may be of another configuration
    #[arg(short, long)]
    pub yes: bool,
}

#[derive(Args)]
pub struct Return {
    /// A kit, a page of `kit --print`, or the texts of its lines or codes; -: standard input
    #[arg(required_unless_present = "typed")]
    pub kit: Option<PathBuf>,
    /// Type the lines of a kit on paper
    #[arg(long = "type", conflicts_with = "kit")]
    pub typed: bool,
    /// Take the phrase from the first line of this file; -: standard input
    #[arg(long, value_name = "FILE")]
    pub phrase_file: Option<PathBuf>,
    /// Restore to NEW what was below OLD; poof finds another home directory by itself
    #[arg(long, value_name = "OLD=NEW", value_parser = mapping)]
    pub map: Vec<(String, String)>,
    /// Answer every question with yes
    #[arg(short, long)]
    pub yes: bool,
    /// Do what this guard refuses, for this run only
    #[arg(long, value_name = "GUARD")]
    pub allow: Vec<Guard>,
}

#[derive(Args)]
#[command(mut_arg("dry_run", |arg| arg.help("Print what poof would remove, and change nothing")))]
pub struct Neuter {
    #[command(flatten)]
    pub caution: Caution,
}

fn mapping(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((old, new)) if old.starts_with('/') && new.starts_with('/') => {
            Ok((old.to_owned(), new.to_owned()))
        }
        _ => Err("expected /OLD=/NEW, full paths".to_owned()),
    }
}

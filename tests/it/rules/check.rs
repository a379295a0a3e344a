//! One file against the rules.

use std::path::Path;

use super::tokens::{Is, Token, read};
use super::{BY_HANDLE, LAYERS, LONGEST, UNSAFE};

/// A file of src.
pub struct Source {
    /// From the root of the project, e.g. `src/tree/model/plan.rs`.
    path: String,
    room: String,
    tokens: Vec<Token>,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let module = Path::new(path).strip_prefix("src").unwrap().with_extension("");
        let mut names: Vec<_> = module.iter().map(|name| name.to_str().unwrap()).collect();
        names.pop_if(|last| *last == "mod");
        let depth = if names == ["main"] || names == ["lib"] { 0 } else { names.len() };
        Source { path: path.to_owned(), room: names[0].to_owned(), tokens: read(text, depth) }
    }
}

/// What is wrong with the file, each as `FILE:LINE: what`.
pub fn violations(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let mut report =
        |line: usize, what: &str| found.push(format!("{}:{line}: {what}", source.path));
    let may_be_unsafe = UNSAFE.iter().any(|(path, _)| *path == source.path);
    if layer(&source.room).is_none() {
        report(1, &format!("{} is in no layer: draw it in LAYERS", source.room));
    }
    for token in &source.tokens {
        match &token.is {
            Is::Room(room) if !may_use(&source.room, room) => {
                report(token.line, &format!("{} uses {room}", source.room));
            }
            Is::Unsafe if !may_be_unsafe => {
                report(token.line, "unsafe in a file that is not on the list UNSAFE");
            }
            Is::Function { name, end }
                if end - token.line >= LONGEST && !is_test(source, token.line) =>
            {
                let lines = end - token.line + 1;
                report(token.line, &format!("fn {name}: {lines} lines, more than {LONGEST}"));
            }
            Is::Macro(name) if is_print(name) => {
                report(token.line, &format!("{name}! (base/terminal.rs is the way out)"));
            }
            Is::Platform if !source.path.starts_with("src/host/") => {
                report(token.line, "cfg of a platform outside of src/host");
            }
            Is::Display if !is_test(source, token.line) => {
                let what = "display() shows a path as it is (base/shown.rs is the way out)";
                report(token.line, what);
            }
            Is::Path(name) if is_by_handle(source) && !is_test(source, token.line) => {
                report(
                    token.line,
                    &format!("{name} in the tree (tree/scan/root.rs is the way in)"),
                );
            }
            _ => {}
        }
    }
    if may_be_unsafe && source.tokens.iter().all(|token| token.is != Is::Unsafe) {
        report(1, "nothing here is unsafe: take it off the list UNSAFE");
    }
    found
}

fn layer(room: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&room))
}

/// Within a room, and down. What main.rs and lib.rs themselves hold has no room.
fn may_use(from: &str, to: &str) -> bool {
    let down = || layer(from).zip(layer(to)).is_some_and(|(from, to)| from < to);
    from == to || ["main", "lib"].contains(&from) || down()
}

fn is_print(name: &str) -> bool {
    matches!(name, "println" | "eprintln" | "print" | "eprint" | "dbg")
}

fn is_test(source: &Source, line: usize) -> bool {
    source.tokens.iter().any(|token| match token.is {
        Is::Tests { end } => (token.line..=end).contains(&line),
        _ => false,
    })
}

fn is_by_handle(source: &Source) -> bool {
    BY_HANDLE.iter().any(|place| source.path.starts_with(place))
}

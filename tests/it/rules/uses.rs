//! Which modules a file uses, by its paths. Tests are left out: they may use anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use super::circles::{Module, Uses};
use super::tokens::{is_cfg_test, is_ident, is_punct};

/// The module of a file of src, e.g. `tree`, `plan`; the root of the crate has no names.
pub fn module_of(path: &Path) -> Module {
    let names = path.with_extension("");
    let mut names: Vec<_> = names.iter().map(|name| name.to_str().unwrap().to_owned()).collect();
    names.pop_if(|last| ["mod", "main", "lib"].contains(&last.as_str()));
    names
}

/// What each module uses of the others, from their texts.
pub fn uses(texts: &BTreeMap<Module, String>) -> Uses {
    let of = |(module, text): (&Module, &String)| {
        let mut paths = Vec::new();
        collect(text.parse().expect("not Rust"), &mut paths);
        let used = paths.iter().filter_map(|path| resolve(module, path, texts));
        (module.clone(), used.filter(|used| !module.starts_with(used)).collect::<BTreeSet<_>>())
    };
    texts.iter().map(of).collect()
}

/// The module that a path leads to: the longest part of it that is one.
fn resolve(from: &Module, path: &[String], all: &BTreeMap<Module, String>) -> Option<Module> {
    let supers = path.iter().take_while(|name| *name == "super").count();
    let (base, rest) = match path.first().map(String::as_str) {
        Some("crate") => (&[][..], &path[1..]),
        Some("self") => (&from[..], &path[1..]),
        Some("super") => (&from[..from.len().checked_sub(supers)?], &path[supers..]),
        _ => (&from[..], path),
    };
    let ends = (0..=rest.len()).rev().map(|end| [base, &rest[..end]].concat());
    ends.into_iter().find(|module| all.contains_key(module))
}

fn collect(stream: TokenStream, paths: &mut Vec<Vec<String>>) {
    let trees: Vec<_> = stream.into_iter().collect();
    let mut at = 0;
    while let Some(tree) = trees.get(at) {
        match tree {
            TokenTree::Group(group)
                if is_punct(trees.get(at.wrapping_sub(1)), '#') && is_cfg_test(group) =>
            {
                at = end_of_item(&trees, at);
            }
            TokenTree::Group(group) => collect(group.stream(), paths),
            TokenTree::Ident(_) if !is_punct(trees.get(at.wrapping_sub(1)), '.') => {
                at = path(&trees, at, &[], paths);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

/// Where the item ends that an attribute at `at` is of.
fn end_of_item(trees: &[TokenTree], at: usize) -> usize {
    let is_end = |tree: &TokenTree| {
        is_punct(Some(tree), ';')
            || matches!(tree, TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::Brace)
    };
    (at + 1..trees.len()).find(|next| is_end(&trees[*next])).unwrap_or(trees.len())
}

/// Adds the paths that begin at `at` with these names before them: `a::b`, `a::{b, c::d}`.
/// Returns what comes after.
fn path(
    trees: &[TokenTree],
    mut at: usize,
    before: &[String],
    paths: &mut Vec<Vec<String>>,
) -> usize {
    let mut names = before.to_vec();
    loop {
        match trees.get(at) {
            Some(TokenTree::Ident(name)) => names.push(name.to_string()),
            Some(TokenTree::Group(group)) => {
                let inner: Vec<_> = group.stream().into_iter().collect();
                for part in inner.split(|tree| is_punct(Some(tree), ',')) {
                    if !part.is_empty() {
                        path(part, 0, &names, paths);
                    }
                }
                return at + 1;
            }
            _ => {}
        }
        at += 1;
        let goes_on = is_punct(trees.get(at), ':') && is_punct(trees.get(at + 1), ':');
        if !goes_on {
            break;
        }
        at += 2;
    }
    // `as name` renames what comes before.
    paths.push(names);
    if is_ident(trees.get(at), "as") { at + 2 } else { at }
}

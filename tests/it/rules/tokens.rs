//! Rust source as the compiler's lexer sees it: comments and strings are no code.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A place in the source that some rule may want to hear of.
#[derive(Debug, PartialEq, Eq)]
pub struct Token {
    pub line: usize,
    pub is: Is,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Is {
    /// A path from the root of the crate: the name of the room, or `*`.
    Room(String),
    Unsafe,
    /// `name!`
    Macro(String),
    /// What looks a path up anew: `fs::name` of the standard library, `File::open`.
    Path(String),
    /// `.display()`: a path as it is, whatever a terminal makes of it.
    Display,
    /// A `cfg`, `cfg_attr` or `cfg!` that asks for a platform.
    Platform,
    /// A function with a body, which ends at this line.
    Function {
        name: String,
        end: usize,
    },
    /// `#[cfg(test)]` on an item that ends at this line.
    Tests {
        end: usize,
    },
}

impl Is {
    fn at(self, line: usize) -> Token {
        Token { line, is: self }
    }
}

/// Reads `text`, a module at `depth` below the root of the crate.
pub fn read(text: &str, depth: usize) -> Vec<Token> {
    let mut found = Vec::new();
    walk(text.parse().expect("not Rust"), depth, &mut found);
    found
}

fn walk(stream: TokenStream, depth: usize, found: &mut Vec<Token>) {
    let trees: Vec<_> = stream.into_iter().collect();
    for (i, tree) in trees.iter().enumerate() {
        let line = line(tree);
        match tree {
            TokenTree::Group(group) => {
                if is_punct(trees.get(i.wrapping_sub(1)), '#') && is_cfg_test(group) {
                    let end = item_end(&trees[i..]);
                    found.push(Is::Tests { end }.at(line));
                }
                let inside_module = i >= 2 && is_ident(trees.get(i - 2), "mod");
                walk(group.stream(), depth + usize::from(inside_module), found);
            }
            TokenTree::Ident(ident) => match ident.to_string().as_str() {
                "unsafe" => found.push(Is::Unsafe.at(line)),
                "fn" => found.extend(function(&trees[i..])),
                "display" if is_punct(trees.get(i.wrapping_sub(1)), '.') => {
                    found.push(Is::Display.at(line));
                }
                "crate" => rooms(&trees[i + 1..], found),
                "super" if !is_ident(trees.get(i.wrapping_sub(3)), "super") => {
                    let supers = supers(&trees[i..]);
                    if supers == depth {
                        rooms(&trees[i + 3 * supers - 2..], found);
                    }
                }
                "fs" | "File" | "OpenOptions" | "DirBuilder"
                    if is_punct(trees.get(i + 1), ':')
                        && !is_rustix(&trees[..i])
                        && let Some(TokenTree::Ident(what)) = trees.get(i + 3) =>
                {
                    let what = what.to_string();
                    // Of `File` what takes a path.
                    if ident == "fs" && what != "File" || what != "from" && ident != "fs" {
                        found.push(Is::Path(format!("{ident}::{what}")).at(line));
                    }
                }
                name => {
                    let bang = is_punct(trees.get(i + 1), '!');
                    if bang {
                        found.push(Is::Macro(name.to_owned()).at(line));
                    }
                    let arguments = trees.get(i + 1 + usize::from(bang));
                    if matches!(name, "cfg" | "cfg_attr") && arguments.is_some_and(asks_platform) {
                        found.push(Is::Platform.at(line));
                    }
                }
            },
            _ => {}
        }
    }
}

/// The function that begins here; None: it has no body, or is the type of one.
fn function(trees: &[TokenTree]) -> Option<Token> {
    let Some(TokenTree::Ident(name)) = trees.get(1) else { return None };
    let end = trees.iter().find(|tree| match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        tree => is_punct(Some(tree), ';'),
    })?;
    let TokenTree::Group(body) = end else { return None };
    let end = body.span_close().end().line;
    Some(Is::Function { name: name.to_string(), end }.at(line(&trees[0])))
}

/// Whether what comes next is of rustix, whose calls take a handle.
fn is_rustix(before: &[TokenTree]) -> bool {
    before.len() >= 3 && is_ident(before.get(before.len() - 3), "rustix")
}

/// Adds the first names of the path or paths after `crate` or the last `super`.
fn rooms(after: &[TokenTree], found: &mut Vec<Token>) {
    if !(is_punct(after.first(), ':') && is_punct(after.get(1), ':')) {
        return;
    }
    let mut add = |first: &TokenTree| {
        found.push(Is::Room(first.to_string()).at(line(first)));
    };
    match after.get(2) {
        Some(TokenTree::Group(group)) => {
            let trees: Vec<_> = group.stream().into_iter().collect();
            let paths = trees.split(|tree| is_punct(Some(tree), ','));
            paths.filter_map(|path| path.first()).for_each(add);
        }
        Some(first) => add(first),
        None => {}
    }
}

/// How often `super` stands in `super::super::…`.
fn supers(trees: &[TokenTree]) -> usize {
    trees.chunks(3).take_while(|chunk| is_ident(chunk.first(), "super")).count()
}

fn asks_platform(arguments: &TokenTree) -> bool {
    let TokenTree::Group(group) = arguments else {
        return false;
    };
    group.stream().into_iter().any(|tree| match &tree {
        TokenTree::Ident(ident) => {
            let name = ident.to_string();
            name.starts_with("target_") || matches!(name.as_str(), "unix" | "windows")
        }
        nested => asks_platform(nested),
    })
}

pub fn is_cfg_test(attribute: &Group) -> bool {
    attribute.stream().to_string().replace(' ', "") == "cfg(test)"
}

/// The line where the item ends whose attribute is first in `trees`.
fn item_end(trees: &[TokenTree]) -> usize {
    let end = trees.iter().skip(1).find(|tree| match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        tree => is_punct(Some(tree), ';'),
    });
    end.or(trees.last()).map_or(0, |tree| tree.span().end().line)
}

fn line(tree: &TokenTree) -> usize {
    tree.span().start().line
}

pub fn is_ident(tree: Option<&TokenTree>, name: &str) -> bool {
    matches!(tree, Some(TokenTree::Ident(ident)) if ident == name)
}

pub fn is_punct(tree: Option<&TokenTree>, char: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}

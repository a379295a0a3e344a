//! Circles among the files and folders of a folder: two that use each other cannot be
//! understood one after the other.

use std::collections::{BTreeMap, BTreeSet};

/// A module by its names from the root of the crate; the root itself has none.
pub type Module = Vec<String>;

/// What each module uses.
pub type Uses = BTreeMap<Module, BTreeSet<Module>>;

/// Each circle as `FOLDER: a -> b -> a`. What a folder's own mod.rs holds is common to all
/// in it and counts for none.
pub fn circles(uses: &Uses) -> Vec<String> {
    let folders: BTreeSet<&[String]> =
        uses.keys().filter_map(|module| module.split_last()).map(|(_, folder)| folder).collect();
    folders.into_iter().filter_map(|folder| circle_in(folder, uses)).collect()
}

/// The first circle among the children of a folder.
fn circle_in(folder: &[String], uses: &Uses) -> Option<String> {
    let child = |module: &Module| match module.strip_prefix(folder) {
        Some([first, ..]) => Some(first.clone()),
        _ => None,
    };
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, used) in uses {
        let Some(from) = child(module) else { continue };
        let to = used.iter().filter_map(child).filter(|to| *to != from);
        graph.entry(from.clone()).or_default().extend(to);
    }
    let way = graph.keys().find_map(|start| way_back(start, &graph))?;
    let folder = if folder.is_empty() { "src".to_owned() } else { folder.join("/") };
    Some(format!("{folder}: {}", way.join(" -> ")))
}

/// The shortest way from a node back to itself.
fn way_back(start: &str, graph: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut ways = vec![vec![start.to_owned()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in way.last().and_then(|last| graph.get(last)).into_iter().flatten() {
                let way = [&way[..], std::slice::from_ref(next)].concat();
                if next == start {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    longer.push(way);
                }
            }
        }
        ways = longer;
    }
    None
}

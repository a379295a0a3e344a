//! Which names rclone's filters exclude: its own code makes regular expressions of
//! the patterns, once, and what is walked is compared with these.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use regex::RegexSet;
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::rclone::call::{Call, call};

/// Asks what rclone makes of patterns. See go/calls/exclude.go.
#[derive(Serialize)]
struct ExcludeRules<'a> {
    patterns: &'a [String],
}

impl Call for ExcludeRules<'_> {
    const METHOD: &'static str = "poof/exclude";
    type Reply = Reply;
}

#[derive(Deserialize)]
struct Reply {
    /// One for each pattern.
    rules: Vec<Rule>,
}

/// Regular expressions; empty where a pattern concerns none.
#[derive(Deserialize)]
struct Rule {
    file: String,
    /// For names with a slash at the end.
    dir: String,
    /// It is no pattern.
    why: Option<String>,
}

/// Patterns, and names of files whose directories are left out. None by default;
/// cheap to copy.
#[derive(Clone, Debug, Default)]
pub struct Filter(Option<Arc<Rules>>);

#[derive(Debug)]
struct Rules {
    files: RegexSet,
    directories: RegexSet,
    markers: Vec<Vec<u8>>,
    id: String,
}

/// Why there is no filter of some patterns.
#[derive(Debug)]
pub enum Refused {
    /// That one is none, and why.
    Pattern(String, String),
    Rclone(Failure),
}

impl Filter {
    /// What rclone's `--exclude` and `--exclude-if-present` mean with these values.
    ///
    /// # Errors
    /// One of the patterns is none, or rclone does not answer.
    pub fn new(exclude: &[String], if_present: &[String]) -> Result<Self, Refused> {
        if exclude.is_empty() && if_present.is_empty() {
            return Ok(Filter::default());
        }
        let reply = call(&ExcludeRules { patterns: exclude }).map_err(Refused::Rclone)?;
        let (mut files, mut directories) = (Vec::new(), Vec::new());
        for (rule, pattern) in reply.rules.into_iter().zip(exclude) {
            let refuse = |why: String| Refused::Pattern(pattern.clone(), why);
            if let Some(why) = rule.why {
                return Err(refuse(why));
            }
            for (text, all) in [(rule.file, &mut files), (rule.dir, &mut directories)] {
                if !text.is_empty() {
                    // Alone, so that one that is too large has a name.
                    set(std::slice::from_ref(&text)).map_err(|error| refuse(error.to_string()))?;
                    all.push(text);
                }
            }
        }
        let refuse = |error: regex::Error| Refused::Pattern(exclude.join(", "), error.to_string());
        let mut hasher = blake3::Hasher::new();
        for text in exclude.iter().map(String::as_str).chain([""]).chain(
            // An empty text is neither a pattern nor a name.
            if_present.iter().map(String::as_str),
        ) {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        Ok(Filter(Some(Arc::new(Rules {
            files: set(&files).map_err(refuse)?,
            directories: set(&directories).map_err(refuse)?,
            markers: if_present.iter().map(|name| name.clone().into_bytes()).collect(),
            id: HEXLOWER.encode(&hasher.finalize().as_bytes()[..16]),
        }))))
    }

    /// Whether it excludes nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The same for the same patterns and names, and for no others; empty for none.
    pub fn id(&self) -> &str {
        self.0.as_ref().map_or("", |rules| &rules.id)
    }

    /// Whether an object is excluded: `name` is as rclone has it, below the tree.
    pub fn excludes_file(&self, name: &[u8]) -> bool {
        self.0.as_ref().is_some_and(|rules| rules.files.is_match(&decoded(name)))
    }

    /// Whether a directory is, with all in it.
    pub fn excludes_directory(&self, name: &[u8]) -> bool {
        let name = || format!("{}/", decoded(name));
        self.0.as_ref().is_some_and(|rules| rules.directories.is_match(&name()))
    }

    /// Names of files; a directory that holds one of them is excluded.
    pub fn markers(&self) -> &[Vec<u8>] {
        self.0.as_ref().map_or(&[], |rules| &rules.markers)
    }

    /// Whether a path is that of a marker.
    pub fn is_marker(&self, path: &[u8]) -> bool {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        self.markers().iter().any(|marker| marker == name)
    }
}

fn set(texts: &[String]) -> Result<RegexSet, regex::Error> {
    RegexSet::new(texts)
}

/// A name as Go's regular expressions read it: each byte that is no UTF-8 is one
/// U+FFFD.
fn decoded(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// What rclone's own listing of a place has with its own `_filter`: names, and whether
/// they are of directories.
#[cfg(test)]
pub fn listed_by_rclone(
    fs: String,
    filter: serde_json::Value,
) -> Result<Vec<(String, bool)>, Failure> {
    #[derive(Serialize)]
    struct List {
        fs: String,
        remote: &'static str,
        opt: serde_json::Value,
        #[serde(rename = "_filter")]
        filter: serde_json::Value,
    }

    #[derive(Deserialize)]
    struct Listing {
        list: Vec<Listed>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Listed {
        path: String,
        is_dir: bool,
    }

    impl Call for List {
        const METHOD: &'static str = "operations/list";
        type Reply = Listing;
    }

    let opt = serde_json::json!({"recurse": true, "noModTime": true, "noMimeType": true});
    let reply = call(&List { fs, remote: "", opt, filter })?;
    Ok(reply.list.into_iter().map(|Listed { path, is_dir }| (path, is_dir)).collect())
}

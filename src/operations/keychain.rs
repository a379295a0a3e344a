//! The entries of the keychain that `poof secret set` makes.

use super::session::Session;
use crate::base::shown::{path_of, quoted};
use crate::config::PoofConf;
use crate::config::secrets::{Declared, Source};
use crate::host::keychain;
use crate::host::traces::Trace;

/// The entry of the keychain that poof makes for a secret.
pub fn entry(session: &Session, name: &str) -> String {
    match session.state.strip_prefix(&session.layout.state) {
        // Another configuration has entries of its own, as it has a state.
        Ok(other) if !other.as_os_str().is_empty() => format!("{name} {}", other.to_string_lossy()),
        _ => name.to_owned(),
    }
}

/// The entries of the keychain that poof made and that are in poof.conf.
pub fn entries(session: &Session) -> Vec<String> {
    let named = secrets_of(session).into_iter().filter_map(|Declared { name, source, .. }| {
        let own = entry(session, &name);
        (source == Source::Keychain(own.clone())).then_some(own)
    });
    named.collect()
}

/// The other places where poof.conf says that a secret is: they are somebody else's.
pub fn others(session: &Session) -> Vec<Trace> {
    let own = entries(session);
    let left = secrets_of(session).into_iter().filter_map(|Declared { name, source, .. }| {
        match source {
            Source::Keychain(entry) if !own.contains(&entry) => Some(Trace {
                what: format!("{name} in the keychain, as {entry:?}, which poof has not made"),
                command: keychain::removal(&entry),
            }),
            Source::File(path) if path.exists() => Some(Trace {
                what: format!("{name} in {}", path_of(&path)),
                command: format!("rm {}", quoted(&path)),
            }),
            // What a program keeps is its own.
            _ => None,
        }
    });
    left.collect()
}

fn secrets_of(session: &Session) -> Vec<Declared> {
    PoofConf::load(&session.files.poof).map(|conf| conf.secrets()).unwrap_or_default()
}

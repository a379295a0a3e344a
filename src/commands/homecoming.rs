//! `poof return KIT`: on a bare machine, from the kit and its phrase to everything
//! that was there.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::vault::Vault;
use super::watch::Monitor;
use super::{Context, Outcome, download, phrase, setup};
use crate::base::error::{Error, Kind, Result};
use crate::base::files::write_private;
use crate::base::units::{bytes, date, files};
use crate::cli::{self, Download, Mirror};
use crate::config::{PoofConf, Problem};
use crate::kit::Kit;
use crate::tree::guard::refuse;
use crate::tree::snapshot::Standing;

pub fn run(context: &Context, args: &cli::Return) -> Result<Outcome> {
    let terminal = &context.terminal;
    let lock = context.lock()?;
    let text = fs::read(&args.kit)
        .map_err(|error| Error::io("read", &args.kit, &error).with_kind(Kind::Config))?;
    let phrase = match &args.phrase_file {
        Some(file) => phrase::from_file(file)?,
        None => phrase::ask(context, "Phrase of the kit")?,
    };
    let kit = Kit::open(&text, &phrase)?;
    terminal.note(&format!("the kit is of {}", date(kit.made)));
    let moved = moved(context, &kit, &args.map)?;
    let written = put_in_place(context, &kit, &moved)?;
    let there = look(context, &kit, args);
    match there.and_then(|()| consent(context, args.yes)) {
        Ok(()) => {}
        Err(error) => {
            // A machine that was bare is bare again.
            for path in written {
                let _ = fs::remove_file(path);
            }
            return Err(error);
        }
    }
    drop(lock);
    let mirror = Mirror { yes: args.yes, ..Mirror::default() };
    let outcome = download::run(context, &Download { mirror, to: None, keep_extra: false })?;
    if kit.scheduled {
        terminal.note("Backups ran by themselves on the machine of the kit; here they do not yet.");
    }
    Ok(outcome)
}

/// poof.conf of the kit with the paths of this machine.
fn moved(context: &Context, kit: &Kit, given: &[(String, String)]) -> Result<PoofConf> {
    let shown = |path: &Path| path.to_string_lossy().into_owned();
    let mut map = vec![
        (kit.config_dir.clone(), shown(&context.files.dir)),
        (kit.home.clone(), shown(&context.layout.home)),
    ];
    map.splice(0..0, given.iter().cloned());
    let conf = PoofConf::parse(kit.poof_conf.as_bytes()).map_err(Problem::into_error)?;
    let conf = conf.moved(|path| replaced(path, &map), &shown(&context.files.poof));
    for (local, name) in conf.paths() {
        context.terminal.note(&format!("{name} goes to {local}"));
    }
    Ok(conf)
}

/// `path` with the first of `map` that it lies in replaced.
fn replaced(path: &str, map: &[(String, String)]) -> String {
    let of = |(old, new): &(String, String)| {
        let rest = Path::new(path).strip_prefix(old).ok()?;
        let new = if rest.as_os_str().is_empty() {
            PathBuf::from(new)
        } else {
            Path::new(new).join(rest)
        };
        Some(new.to_string_lossy().into_owned())
    };
    map.iter().find_map(of).unwrap_or_else(|| path.to_owned())
}

/// Writes both files, unless there are others. Returns what was written.
fn put_in_place(context: &Context, kit: &Kit, conf: &PoofConf) -> Result<Vec<PathBuf>> {
    let pairs = [
        (&context.files.rclone, kit.rclone_conf.clone().into_bytes()),
        (&context.files.poof, conf.to_vec()),
    ];
    for (path, text) in &pairs {
        match fs::read(path) {
            Ok(there) if there != *text => {
                let what = format!("{} exists and is another one", path.display());
                return Err(Error::guard(what).hint(
                    "`poof return` is for a machine without a configuration. Nothing was changed; \
                     move it aside, or give `--confdir`.",
                ));
            }
            _ => {}
        }
    }
    let mut written = Vec::new();
    for (path, text) in pairs {
        if !path.exists() {
            write_private(path, &text)?;
            written.push(path.clone());
        }
    }
    Ok(written)
}

/// Says what is there, how much, and from when.
fn look(context: &Context, kit: &Kit, args: &cli::Return) -> Result<()> {
    let terminal = &context.terminal;
    let ready = setup::load(context)?;
    let allowed = setup::allowed(&args.allow);
    let directories = setup::select(&ready, &[])?;
    let vault = Vault::open(context, &ready, &directories, allowed)?;
    if let Some(store) = &kit.store
        && *store != vault.id()
        && !allowed.other_remote
    {
        let what = format!("{} is not the store of this kit", ready.remote().name());
        return Err(refuse(
            what,
            "Is it the right kit, and was the bucket emptied?",
            "other-remote",
        ));
    }
    for directory in directories {
        let mut monitor = Monitor::comparison(terminal, &directory.name);
        let standing = vault.snapshots(&directory.name).last(&mut monitor)?;
        drop(monitor);
        let name = &directory.name;
        match standing {
            Standing::Current(last) => {
                let (count, size) = (files(last.counts().files), bytes(last.counts().bytes));
                let (made, host) = last.made();
                let when = date(made);
                terminal.note(&format!("{name}: {count}, {size}, of {when} from {host}"));
                terminal.event(&json!({
                    "type": "snapshot", "tree": name, "files": last.counts().files,
                    "bytes": last.counts().bytes, "made": made, "host": host,
                }));
            }
            Standing::None => terminal.note(&format!("{name}: no manifest on the remote")),
            Standing::Behind { why, .. } => terminal.warn(&format!("{name}: {why}")),
        }
    }
    Ok(())
}

fn consent(context: &Context, yes: bool) -> Result<()> {
    let terminal = &context.terminal;
    if terminal.confirm("Bring it all back?", yes || !terminal.interactive())? {
        return Ok(());
    }
    Err(Error::guard("nothing was brought back").hint("The machine is as it was."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_that_moved_is_replaced_and_what_is_given_goes_first() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let map = [pair("/Users/a/work", "/srv"), pair("/Users/a", "/home/b")];
        assert_eq!(replaced("/Users/a/work/x", &map), "/srv/x");
        assert_eq!(replaced("/Users/a/work", &map), "/srv");
        assert_eq!(replaced("/Users/a/Docs", &map), "/home/b/Docs");
        assert_eq!(replaced("/Users/ab/Docs", &map), "/Users/ab/Docs");
    }
}

//! `poof purge-plain`: removes the plain copies that a switch to encryption left in
//! the bucket, once the encrypted snapshots are proven.

use serde_json::json;

use super::clear::{Clear, Sorted, plain_side};
use super::vault::Vault;
use super::watch::Monitor;
use super::{Context, Outcome, carry, setup, show, wiping};
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::shown::quoted;
use crate::base::units::{bytes, files};
use crate::cli::PurgePlain;
use crate::config::Ready;
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::Unwatched;
use crate::storage::remote::Remote;
use crate::storage::store::{Bytes, Versions};
use crate::tree::listing::list;
use crate::tree::objects::{Names, RECORDS};
use crate::tree::ours::Foreign;
use crate::tree::proof::{Evidence, Proof};
use crate::tree::snapshot::Standing;
use crate::tree::wipe::MARKER;

/// A plain copy.
struct Copy {
    tree: String,
    files: u64,
    bytes: u64,
    /// It is one of poof.conf.
    configured: bool,
}

pub fn run(context: &Context, args: &PurgePlain) -> Result<Outcome> {
    let terminal = &context.terminal;
    let _lock = context.lock_unless(args.caution.dry_run)?;
    let ready = setup::load_to_change(context)?;
    let plain = plain_side(context, &ready)?;
    let directories = setup::select(&ready, &[])?;
    let vault = Vault::open(context, &ready, &directories, setup::allowed(&args.caution.allow))?;
    let clear = Clear::of(&vault, plain)?;
    let copies = copies(&vault, &ready, &clear)?;
    for Copy { tree, files: count, bytes: size, configured } in &copies {
        let place = plain.place(tree);
        let (many, much) = (files(*count), bytes(*size));
        let whose = if *configured { "" } else { ", of no directory in poof.conf" };
        terminal.result(&format!("- {place}: {many}, {much}, in clear{whose}"));
        terminal.event(&json!({
            "type": "plain_copy", "tree": tree, "place": place, "files": count, "bytes": size,
            "configured": configured,
        }));
    }
    if copies.is_empty() {
        terminal.done("There is no plain copy in the bucket.");
        return Ok(Outcome::default().with("trees", 0));
    }
    let purging = Purging { context, vault: &vault, clear: &clear, args };
    let dry_run = args.caution.dry_run;
    let mut outcome = Outcome::default();
    let mut going = Vec::new();
    for copy in copies {
        interrupt::check()?;
        let proven = purging.judge(&copy);
        if !dry_run {
            wiping::forget_names(context, &vault, &copy.tree)?;
        }
        match proven {
            Ok(sorted) => {
                let goes = setup::allowed(&args.caution.allow).foreign;
                let foreign = sorted.foreign.iter().map(|(name, size)| Foreign {
                    name: name.clone(),
                    size: *size,
                    odd: false,
                });
                show::foreign(terminal, &copy.tree, &foreign.collect::<Vec<_>>(), goes);
                going.push((copy, sorted));
            }
            Err(error) => carry::note_failure(terminal, &mut outcome, error)?,
        }
    }
    if dry_run {
        terminal.done("Dry run: nothing was changed.");
        return Ok(outcome.with("dry_run", true).with("trees", going.len()));
    }
    let question = format!("{} plain copies will be removed from the bucket. Go on?", going.len());
    if !going.is_empty() && !terminal.confirm(&question, args.caution.yes)? {
        return Err(Error::guard("nothing was removed").hint("`--yes` goes ahead."));
    }
    let trees = going.iter().map(|(copy, _)| copy.tree.clone()).collect();
    let lock = clear.lock(context, &vault, trees);
    if !going.is_empty() {
        // A machine on the plain side may be saving at this moment.
        lock.hold()?;
    }
    let whole = outcome.kind.is_none();
    for (Copy { tree, files, bytes, .. }, sorted) in &going {
        interrupt::check()?;
        match purging.purge(tree, sorted) {
            Ok(()) => terminal.event(&json!({
                "type": "purged", "tree": tree, "files": files, "bytes": bytes,
            })),
            Err(error) => carry::note_failure(terminal, &mut outcome, error)?,
        }
        purging.tell_versions(tree)?;
    }
    drop(lock);
    if clear.is_done()? {
        // Of no tree any more.
        purge(plain, RECORDS)?;
    }
    if whole && outcome.kind.is_none() {
        terminal.done("The plain copies are gone.");
        if !plain.is_s3() && plain.needs_network() {
            terminal.note("A remote that keeps versions of its objects may hold them still.");
        }
    }
    Ok(outcome.with("trees", going.len()))
}

/// What the removal of every copy needs.
struct Purging<'a> {
    context: &'a Context,
    vault: &'a Vault<'a>,
    clear: &'a Clear<'a>,
    args: &'a PurgePlain,
}

impl Purging<'_> {
    /// Whether a copy may go, and what of it.
    fn judge(&self, Copy { tree, configured, .. }: &Copy) -> Result<Sorted> {
        let Purging { context, vault, clear, .. } = self;
        // Where a command that changes a tree has to be run.
        let there = if *configured { "" } else { " on the machine that has it in its poof.conf" };
        if let Some(other) = clear.entangled(tree) {
            let what = format!("the plain copy of {tree} stays: it and {other} lie in one another");
            return Err(Error::guard(what).hint("Another machine may use it."));
        }
        is_no_last_copy(clear.plain, tree, there)?;
        let proof = prove(context, vault, tree, there)?;
        let mut monitor = Monitor::comparison(&context.terminal, tree);
        clear.sorted(context, tree, proof.snapshot(), &mut monitor)
    }

    /// Removes a copy and poof's records of it.
    fn purge(&self, tree: &str, sorted: &Sorted) -> Result<()> {
        let plain = self.clear.plain;
        if sorted.foreign.is_empty() || setup::allowed(&self.args.caution.allow).foreign {
            purge(plain, tree)?;
        } else {
            let doing = format!("remove {}", plain.place(tree));
            let fail = |failure: Failure| failure.into_error(&doing, Kind::Incomplete);
            let names = Names::new(tree);
            let full: Vec<_> = sorted.known.iter().map(|name| Bytes(names.full(name))).collect();
            let removed = self.clear.store.remove(&full, &mut Unwatched).map_err(fail)?;
            if let Some(failure) = removed.into_iter().find_map(|record| record.failure) {
                return Err(fail(failure));
            }
            let left = list(&self.clear.store, tree, &[], &mut Unwatched).map_err(fail)?;
            let left = sorted.known.iter().filter(|name| left.has(name)).count() as u64;
            if left > 0 {
                return Err(still_there(plain, tree, left));
            }
        }
        purge(plain, &Names::new(tree).records())
    }

    /// Says what the bucket keeps of a copy that is gone.
    fn tell_versions(&self, tree: &str) -> Result<()> {
        let (plain, terminal) = (self.clear.plain, &self.context.terminal);
        for dir in [tree.to_owned(), Names::new(tree).records()] {
            let place = plain.place(&dir);
            let doing = format!("ask for versions of {place}");
            let found = self.clear.store.versions(&dir);
            let found = found.map_err(|failure| failure.into_error(&doing, Kind::Incomplete))?;
            let Versions { kept, locked, count, bytes: size, more } = found;
            if !kept || count == 0 && !more {
                continue;
            }
            let at_least = if more { "at least " } else { "" };
            let lock =
                if locked { " It locks objects: some stay until their time is over." } else { "" };
            let conf = quoted(&self.context.files.rclone);
            terminal.warn(&format!(
                "the bucket keeps versions: of {place} it still holds {at_least}{}, {}, in clear \
                 (`rclone --config {conf} backend cleanup-hidden '{place}'` removes \
                 them).{lock}",
                versions(count),
                bytes(size)
            ));
            terminal.event(&json!({
                "type": "versions", "tree": tree, "place": place, "count": count, "bytes": size,
                "more": more, "locked": locked,
            }));
        }
        Ok(())
    }
}

fn versions(count: u64) -> String {
    if count == 1 { "1 version".to_owned() } else { format!("{count} versions") }
}

fn copies(vault: &Vault, ready: &Ready, clear: &Clear) -> Result<Vec<Copy>> {
    let mut copies = Vec::new();
    let own = ready.directories().iter().map(|directory| (directory.name.clone(), true));
    let others = clear.others(vault, ready).into_iter().map(|tree| (tree, false));
    for (tree, configured) in own.chain(others) {
        if !clear.may_hold(vault, &tree) {
            continue;
        }
        let place = clear.plain.place(&tree);
        let fail = |f: Failure| f.into_error(&format!("list {place}"), Kind::Remote);
        let listed = list(&clear.store, &tree, &[], &mut Unwatched).map_err(fail)?;
        let bytes = listed.foreign().map(|(_, size)| size).sum();
        let files = listed.names().count() as u64;
        if files > 0 || clear.knows(&tree) {
            copies.push(Copy { tree, files, bytes, configured });
        }
    }
    Ok(copies)
}

/// A tree that was wiped while the plain side was in use lives there: what an older
/// encrypted snapshot holds is not what was wiped.
fn is_no_last_copy(plain: &Remote, tree: &str, there: &str) -> Result<()> {
    let records = Names::new(tree).records();
    let listed = list(&plain.store(), &records, &[], &mut Unwatched);
    let fail = |f: Failure| f.into_error(&format!("list {}", plain.place(&records)), Kind::Remote);
    if listed.map_err(fail)?.look(MARKER.as_bytes()).is_none() {
        return Ok(());
    }
    let what = format!("the plain copy of {tree} stays: the directory was wiped with it");
    Err(Error::new(Kind::Unproven, what).hint(format!(
        "`poof cryptoggle` and `poof download`{there} bring it back; then back it up on the \
         encrypted side."
    )))
}

/// Whether the encrypted snapshot of a tree is whole.
fn prove(context: &Context, vault: &Vault, tree: &str, there: &str) -> Result<Proof> {
    let mut monitor = Monitor::comparison(&context.terminal, tree);
    let (snapshots, listing) = vault.look_again(tree)?;
    let unproven = |why: &str| {
        let what = format!("the plain copy of {tree} stays: {why}");
        let hint = format!("`poof backup`{there} makes the encrypted snapshot.");
        Err(Error::new(Kind::Unproven, what).hint(hint))
    };
    let (Standing::Current(last) | Standing::Newer { found: last, .. }) =
        snapshots.last(&mut monitor)?
    else {
        return unproven("it has no encrypted snapshot that can be read");
    };
    let (store, names) = (snapshots.store, &snapshots.names);
    let evidence = Evidence { store, names, listing, read_back: false };
    let proof = Proof::of(last, evidence, &mut monitor)?;
    match proof.unproven().count() {
        0 => Ok(proof),
        count => {
            unproven(&format!("of its encrypted snapshot {} are not proven", files(count as u64)))
        }
    }
}

/// Removes a directory of the remote, and looks whether it is gone.
fn purge(plain: &Remote, dir: &str) -> Result<()> {
    let doing = format!("remove {}", plain.place(dir));
    let fail = |failure: Failure| failure.into_error(&doing, Kind::Incomplete);
    match plain.purge(dir) {
        Err(failure) if failure.kind != FailureKind::Missing => return Err(fail(failure)),
        _ => {}
    }
    let left = list(&plain.store(), dir, &[], &mut Unwatched).map_err(fail)?;
    let left = left.names().count() as u64;
    if left == 0 {
        return Ok(());
    }
    Err(still_there(plain, dir, left))
}

fn still_there(plain: &Remote, dir: &str, left: u64) -> Error {
    let what = format!("{}: {} are still there", plain.place(dir), files(left));
    Error::new(Kind::Incomplete, what).hint("Run it again.")
}

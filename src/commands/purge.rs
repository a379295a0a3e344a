//! `poof purge-plain`: removes the plain copies that a switch to encryption left in
//! the bucket, once the encrypted snapshots are proven.

use serde_json::json;

use super::secrets::{in_time, rclone_file};
use super::vault::Vault;
use super::watch::Monitor;
use super::{Context, Outcome, carry, setup, wiping};
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::units::{bytes, files};
use crate::cli::PurgePlain;
use crate::config::{PoofConf, Problem, Ready};
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::Unwatched;
use crate::storage::remote::Remote;
use crate::tree::guard::first;
use crate::tree::listing::list;
use crate::tree::objects::{Names, RECORDS};
use crate::tree::proof::{Evidence, Proof};
use crate::tree::snapshot::Standing;
use crate::tree::wipe::MARKER;

/// A plain copy.
struct Copy {
    tree: String,
    files: u64,
    bytes: u64,
}

pub fn run(context: &Context, args: &PurgePlain) -> Result<Outcome> {
    let terminal = &context.terminal;
    let _lock = context.lock_unless(args.caution.dry_run)?;
    let ready = setup::load(context)?;
    let plain = plain_side(context, &ready)?;
    let directories = setup::select(&ready, &[])?;
    let vault = Vault::open(context, &ready, &directories, setup::allowed(&args.caution.allow))?;
    let copies = copies(&vault, &ready, plain)?;
    for Copy { tree, files: count, bytes: size } in &copies {
        let place = plain.place(tree);
        let (many, much) = (files(*count), bytes(*size));
        terminal.result(&format!("- {place}: {many}, {much}, in clear"));
        terminal.event(&json!({
            "type": "plain_copy", "tree": tree, "place": place, "files": count, "bytes": size,
        }));
    }
    if copies.is_empty() {
        terminal.done("There is no plain copy in the bucket.");
        return Ok(Outcome::default().with("trees", 0));
    }
    if args.caution.dry_run {
        terminal.done("Dry run: nothing was changed.");
        return Ok(Outcome::default().with("dry_run", true).with("trees", copies.len()));
    }
    let mut outcome = Outcome::default();
    let mut going = Vec::new();
    for copy in copies {
        interrupt::check()?;
        let proven =
            is_no_last_copy(plain, &copy.tree).and_then(|()| prove(context, &vault, &copy.tree));
        wiping::forget_names(context, &vault, &copy.tree)?;
        match proven {
            Ok(()) => going.push(copy),
            Err(error) => carry::note_failure(terminal, &mut outcome, error)?,
        }
    }
    let question = format!("{} plain copies will be removed from the bucket. Go on?", going.len());
    if !going.is_empty() && !terminal.confirm(&question, args.caution.yes)? {
        return Err(Error::guard("nothing was removed").hint("`--yes` goes ahead."));
    }
    let whole = outcome.kind.is_none();
    for Copy { tree, files, bytes } in &going {
        interrupt::check()?;
        match purge(plain, tree).and_then(|()| purge(plain, &format!("{RECORDS}/trees/{tree}"))) {
            Ok(()) => terminal.event(&json!({
                "type": "purged", "tree": tree, "files": files, "bytes": bytes,
            })),
            Err(error) => carry::note_failure(terminal, &mut outcome, error)?,
        }
    }
    if whole && outcome.kind.is_none() {
        // All that poof has noted in clear.
        purge(plain, RECORDS)?;
        terminal.done("The plain copies are gone.");
        terminal.note("A bucket that keeps versions of its objects may hold them still.");
    }
    Ok(outcome.with("trees", going.len()))
}

/// The plain side of the bucket, if it can be told from the encrypted one.
pub fn plain_side<'a>(context: &Context, ready: &'a Ready) -> Result<&'a Remote> {
    let remote = ready.remote();
    let plain = ready.counterpart().filter(|_| remote.is_encrypted()).ok_or_else(|| {
        Error::guard(format!("{} is not encrypted: what is there are the snapshots", remote.name()))
            .hint("`poof cryptoggle` switches to the encrypted remote.")
    })?;
    let poof = PoofConf::load(&context.files.poof).map_err(Problem::into_error)?;
    let conf = in_time(rclone_file(context, Some(&poof)))?.conf;
    let clear =
        conf.sections().filter(|section| conf.kind(section) == Some("crypt")).any(|crypt| {
            conf.get(crypt, "filename_encryption") == Some("off")
                || conf.get(crypt, "directory_name_encryption") == Some("false")
        });
    if clear {
        return Err(Error::guard(
            "names are not encrypted: plain and encrypted copies share places",
        )
        .hint("Nothing was changed; remove the plain copies by hand."));
    }
    Ok(plain)
}

fn copies(vault: &Vault, ready: &Ready, plain: &Remote) -> Result<Vec<Copy>> {
    let mut copies = Vec::new();
    for directory in ready.directories() {
        let tree = directory.name.clone();
        if !vault.sight.there.as_ref().is_some_and(|top| top.holds(first(&tree))) {
            continue;
        }
        let listed = list(&plain.store(), &tree, &[], &mut Unwatched);
        let inventory = listed
            .map_err(|f| f.into_error(&format!("list {}", plain.place(&tree)), Kind::Remote))?;
        let bytes = inventory.foreign().map(|(_, size)| size).sum();
        let files = inventory.names().count() as u64;
        if files > 0 {
            copies.push(Copy { tree, files, bytes });
        }
    }
    Ok(copies)
}

/// A tree that was wiped while the plain side was in use lives there: what an older
/// encrypted snapshot holds is not what was wiped.
fn is_no_last_copy(plain: &Remote, tree: &str) -> Result<()> {
    let records = Names::new(tree).records();
    let listed = list(&plain.store(), &records, &[], &mut Unwatched);
    let fail = |f: Failure| f.into_error(&format!("list {}", plain.place(&records)), Kind::Remote);
    if listed.map_err(fail)?.look(MARKER.as_bytes()).is_none() {
        return Ok(());
    }
    let what = format!("the plain copy of {tree} stays: the directory was wiped with it");
    Err(Error::new(Kind::Unproven, what).hint(
        "`poof cryptoggle` and `poof download` bring it back; then back it up on the encrypted \
         side.",
    ))
}

/// Whether the encrypted snapshot of a tree is whole.
fn prove(context: &Context, vault: &Vault, tree: &str) -> Result<()> {
    let mut monitor = Monitor::comparison(&context.terminal, tree);
    let (snapshots, listing) = vault.look_again(tree)?;
    let unproven = |why: &str| {
        let what = format!("the plain copy of {tree} stays: {why}");
        Err(Error::new(Kind::Unproven, what).hint("`poof backup` makes the encrypted snapshot."))
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
        0 => Ok(()),
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
    let what = format!("{}: {} are still there", plain.place(dir), files(left));
    Err(Error::new(Kind::Incomplete, what).hint("Run it again."))
}

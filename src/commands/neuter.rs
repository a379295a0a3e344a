//! `poof neuter`: removes poof, its configuration and everything that it noted.

use super::{Context, Outcome, departure, farewell, setup};
use crate::base::error::{Error, Result};
use crate::cli::{Caution, Neuter};

pub fn run(context: &Context, args: &Neuter) -> Result<Outcome> {
    let terminal = &context.terminal;
    let Caution { dry_run, yes, allow } = &args.caution;
    if *dry_run {
        departure::preview(context, &[])?;
        terminal.done("Dry run: nothing was changed.");
        return Ok(Outcome::default().with("dry_run", true));
    }
    let _lock = context.lock()?;
    let prepared = farewell::is_prepared(context, &[]);
    if !prepared && !terminal.interactive() {
        // --yes answers questions; this is a guard.
        farewell::guard(context, setup::allowed(allow), &[])?;
    }
    let question = if prepared {
        "poof, its configuration and all that it noted will be removed. Go on?"
    } else {
        "There is no recovery kit of this configuration, and its keys will be removed. Go on?"
    };
    let yes = *yes && (prepared || setup::allowed(allow).no_kit);
    if !terminal.confirm(question, yes)? {
        return Err(Error::guard("poof was not removed")
            .hint("Nothing was changed. `--dry-run` shows what would go, `--yes` goes ahead."));
    }
    departure::depart(context, Outcome::default())
}

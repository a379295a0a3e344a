//! The options with which a user says how careful a command has to be.

use crate::cli::{self, Guard};
use crate::operations::caution::Caution;
use crate::tree::guard::Allowed;

pub fn of(args: &cli::Caution) -> Caution {
    Caution { dry_run: args.dry_run, yes: args.yes, allowed: allowed(&args.allow) }
}

/// The guards that may pass in this run.
pub fn allowed(allow: &[Guard]) -> Allowed {
    let has = |guard| allow.contains(&guard);
    Allowed {
        empty_source: has(Guard::EmptySource),
        mass_deletion: has(Guard::MassDeletion),
        mass_change: has(Guard::MassChange),
        other_remote: has(Guard::OtherRemote),
        older_snapshot: has(Guard::OlderSnapshot),
        newer_snapshot: has(Guard::NewerSnapshot),
        no_kit: has(Guard::NoKit),
        foreign: has(Guard::Foreign),
        no_manifest: has(Guard::NoManifest),
        privileged: has(Guard::Privileged),
    }
}

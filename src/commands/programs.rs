//! Whether what the configuration sets to work may be set to work: in whose hands its
//! files are.

use super::Context;
use crate::config::programs::Program;
use crate::config::{Problem, Status};
use crate::host::trust;

type Checked<T> = std::result::Result<T, Problem>;

/// Refuses to run `programs` where somebody else could have chosen them.
///
/// # Errors
/// A [`Problem`] with the command that mends it.
pub fn may_run(context: &Context, programs: &[Program]) -> Checked<()> {
    if programs.is_empty() { Ok(()) } else { trusted(context) }
}

/// Whether nobody but root and this user can change one of both files: themselves, the
/// directories above them, links on the way and what they lead to.
///
/// # Errors
/// A [`Problem`] with the command that mends it.
pub fn trusted(context: &Context) -> Checked<()> {
    let files = [
        ("poof.conf", &context.files.poof, Status::InvalidPoofConfig),
        ("rclone-poof.conf", &context.files.rclone, Status::InvalidCloningConfig),
    ];
    for (name, path, status) in files {
        let weak = trust::weak(path).map_err(|error| {
            let what = format!("cannot look at the way to {}: {error}", path.display());
            Problem::new(status, name, what, "Check owner and permissions of that path.")
        })?;
        let Some(weak) = weak else { continue };
        let (at, who) = (weak.path.display(), weak.told());
        let what = format!("{at} {who}: so somebody else can choose what poof runs and sends");
        let hint =
            format!("`{}`, or keep the configuration elsewhere: `--confdir`.", weak.remedy());
        return Err(Problem::new(status, name, what, hint));
    }
    Ok(())
}

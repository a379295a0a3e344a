//! How careful an operation is that changes something.

use crate::tree::guard::Allowed;

#[derive(Clone, Copy, Default)]
pub struct Caution {
    /// Plans, and changes nothing.
    pub dry_run: bool,
    /// Every question is answered with yes.
    pub yes: bool,
    /// Guards that may pass.
    pub allowed: Allowed,
}

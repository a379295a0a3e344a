//! A place as rclone opens it.

/// A place that rclone can open: its connection string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec(pub(super) String);

impl Spec {
    /// A local directory. Symbolic links inside travel as `.rclonelink` objects.
    /// Names are taken as they are (`encoding=Raw`), as [`super::store`] does;
    /// rclone's own encoding doubles U+201B.
    pub fn local(dir: &str) -> Self {
        Spec(format!(":local,links=true,encoding=Raw:{dir}"))
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

//! What macOS does differently with files, as decisions that are tested on every
//! system. Only the thin edges that ask or change something are macOS's alone;
//! elsewhere they find nothing.

pub mod cloud;
#[cfg(target_os = "macos")]
pub mod created;
#[cfg(target_os = "macos")]
pub mod disk;
pub mod flags;
#[cfg(target_os = "macos")]
pub mod pasteboard;
pub mod privacy;
#[cfg(any(target_os = "macos", test))]
pub mod processes;
pub mod signature;
pub mod xattrs;

//! What macOS does differently with files, as decisions that are tested on every
//! system. Only the thin edges that ask or change something are macOS's alone;
//! elsewhere they find nothing.

#[cfg(target_os = "macos")]
pub mod created;
#[cfg(target_os = "macos")]
pub mod disk;
pub mod flags;
#[cfg(all(target_os = "macos", feature = "clipboard"))]
pub mod pasteboard;
#[cfg(any(target_os = "macos", test))]
pub mod processes;
pub mod xattrs;

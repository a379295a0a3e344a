//! poof.conf and rclone-poof.conf: read, checked, edited.
//!
//! [`PoofConf`] and [`ini::Document`] are the files as they are; [`ready`]
//! makes of both a [`Ready`] that commands may rely on, or says what is wrong.

mod bucket;
pub mod bundle;
pub mod bwlimit;
pub mod differences;
pub mod disk;
#[cfg(test)]
mod documents;
pub mod files;
mod filters;
pub mod hooks;
pub mod ini;
pub mod insecure;
pub mod keep;
pub mod keys;
pub mod locked;
pub mod masking;
pub mod metrics;
pub mod mistakes;
mod patience;
pub mod poof_conf;
pub mod precious;
pub mod profile;
pub mod programs;
pub mod proxy;
pub mod python_json;
pub mod rclone_conf;
pub mod ready;
pub mod rehearse;
pub mod schedule;
pub mod scrub;
pub mod secrets;
pub mod sections;
pub mod small_objects;
pub mod sources;
pub mod status;
pub mod trees;
mod versions;

pub use files::Files;
pub use hooks::Hooks;
pub use locked::RcloneFile;
pub use poof_conf::PoofConf;
pub use profile::Profile;
pub use rclone_conf::RcloneConf;
pub use ready::Ready;
pub use schedule::Schedule;
pub use scrub::Scrub;
pub use status::{Problem, Status};

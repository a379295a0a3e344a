//! What a lock says, and the one that is in the way.

use serde::{Deserialize, Serialize};

use super::STALE;
use crate::base::error::{Error, Kind};
use crate::base::shown::one_line;
use crate::base::units::date;

/// Who holds a lock on what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub format: u32,
    /// In hexadecimal.
    pub machine: String,
    pub host: String,
    pub pid: u32,
    /// Seconds since 1970.
    pub since: u64,
    pub trees: Vec<String>,
}

/// Another run at work.
pub(super) struct Rival {
    /// None if its lock cannot be read.
    pub record: Option<Record>,
    pub young: bool,
}

impl Rival {
    pub fn error(self) -> Error {
        let what = match self.record {
            Some(Record { host, pid, since, trees, .. }) => {
                let (trees, since) = (trees.join(", "), date(since));
                let (host, trees) = (one_line(&host), one_line(&trees));
                format!("{host} is at work on {trees} since {since} (process {pid})")
            }
            None => "another machine is at work on this bucket".to_owned(),
        };
        let minutes = STALE.as_secs() / 60;
        Error::new(Kind::Busy, what).hint(format!(
            "Nothing was changed. Wait for it to finish; a run that was killed blocks others for \
             {minutes} minutes at most."
        ))
    }
}

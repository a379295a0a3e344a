//! The identity of this machine, as snapshots and locks name it: a random number in
//! the state directory. A host name would not do: many machines share one.

use std::fs;
use std::path::Path;

use data_encoding::HEXLOWER;

use crate::base::error::{Error, Result};
use crate::base::files::write_private;

const FILE: &str = "machine";

/// Who runs this: one state directory on one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    pub id: [u8; 16],
    /// The host name, for people.
    pub host: String,
}

impl Machine {
    /// The machine whose state is in `state`. It gets its number when it is first asked
    /// for.
    ///
    /// # Errors
    /// The number cannot be read or written.
    pub fn of_state(state: &Path) -> Result<Self> {
        let path = state.join(FILE);
        let known = match fs::read(&path) {
            Ok(text) => parsed(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io("read", &path, &error)),
        };
        let id = if let Some(id) = known {
            id
        } else {
            let mut id = [0; 16];
            getrandom::fill(&mut id).map_err(|error| Error::unexpected(error.to_string()))?;
            write_private(&path, HEXLOWER.encode(&id).as_bytes())?;
            id
        };
        Ok(Machine { id, host: host() })
    }
}

/// The host name.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// What is damaged is no number: the machine gets another.
fn parsed(text: &[u8]) -> Option<[u8; 16]> {
    HEXLOWER.decode(text.trim_ascii()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_keeps_its_number_and_each_state_has_its_own() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = Machine::of_state(one.path()).unwrap();
        assert_eq!(Machine::of_state(one.path()).unwrap(), first);
        assert_ne!(Machine::of_state(two.path()).unwrap().id, first.id);
        fs::write(one.path().join(FILE), "damaged").unwrap();
        let other = Machine::of_state(one.path()).unwrap();
        assert_ne!(other.id, first.id);
        assert_eq!(Machine::of_state(one.path()).unwrap(), other);
    }
}

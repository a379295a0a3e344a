//! Reads files that anybody may have put there.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Reads a file of `most` bytes at most. What is none, like a FIFO or a device, is refused at
/// once: whoever has put it there would have the reader wait for ever.
///
/// # Errors
/// It is no file ([`io::ErrorKind::InvalidInput`]), too large, or cannot be read.
pub fn read_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_into(path, most, &mut bytes)?;
    Ok(bytes)
}

/// [`read_file`] into memory of the caller's, which is not moved if it has room for one byte
/// more than `most`: so a secret leaves no copy behind.
///
/// # Errors
/// As [`read_file`].
pub fn read_into(path: &Path, most: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    let not_regular = || io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
    // To open some devices is to set them to work.
    if !fs::metadata(path)?.is_file() {
        return Err(not_regular());
    }
    let nonblock = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = File::options().read(true).custom_flags(nonblock).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(not_regular());
    }
    file.take(most.saturating_add(1)).read_to_end(bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too large"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_fifo_is_not_waited_for_and_nothing_is_read_without_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kit");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read_file(&path, 5).unwrap(), b"12345");
        assert_eq!(read_file(&path, 4).unwrap_err().kind(), io::ErrorKind::InvalidData);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read_file(&path, 5).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        for odd in [path.as_path(), Path::new("/dev/zero"), dir.path()] {
            assert_eq!(read_file(odd, 5).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }
}
